package pidflo

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Declaration starts a document of its own.
const Declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// unlinked stands for whom a document without entity is about.
const unlinked = "pres:anonymous@anonymous.invalid"

// Marshal returns the document with its XML declaration. See Append.
func Marshal(d *Document) ([]byte, error) { return Append(make([]byte, 0, 2048), d) }

// Append appends the document with its XML declaration. What it appends is
// valid by the schemas of the RFCs; what cannot be written so is a *ParseError
// with the path of the element, and dst comes back as it was.
func Append(dst []byte, d *Document) ([]byte, error) {
	out, err := AppendPresence(append(dst, Declaration...), d)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// AppendPresence appends the presence element alone, with all the namespaces
// that it needs, for use inside another document.
func AppendPresence(dst []byte, d *Document) ([]byte, error) {
	w := writer{dst: dst, used: make(map[string]bool, len(d.Elements))}
	w.presence(d)
	return w.dst, nil
}

// AppendElement appends a device, tuple or person alone.
func AppendElement(dst []byte, e *Element) ([]byte, error) {
	w := writer{dst: dst, used: map[string]bool{}}
	switch e.Kind {
	case Tuple:
		w.tuple(e)
	case Device:
		w.device(e)
	case Person:
		w.person(e)
	}
	return w.dst, nil
}

// AppendGeopriv appends a geopriv element alone.
func AppendGeopriv(dst []byte, g *Geopriv) ([]byte, error) {
	w := writer{dst: dst}
	w.geopriv(g)
	return w.dst, nil
}

// AppendCivic appends a civicAddress element alone, for HELD and LoST too.
func AppendCivic(dst []byte, c *Civic) ([]byte, error) {
	w := writer{dst: dst}
	w.civic(c)
	return w.dst, nil
}

// AppendShape appends one shape alone, for LoST too.
func AppendShape(dst []byte, s Shape) ([]byte, error) {
	w := writer{dst: dst}
	if !w.shape(s) {
		return dst, &ParseError{Reason: "no shape that can be written"}
	}
	return w.dst, nil
}

type writer struct {
	dst  []byte
	used map[string]bool // ids
}

func (w *writer) str(s string) { w.dst = append(w.dst, s...) }

func (w *writer) elem(name, s string) { w.dst = xmltok.AppendElement(w.dst, name, s) }

func (w *writer) attr(name, s string) { w.dst = xmltok.AppendAttr(w.dst, name, s) }

func (w *writer) presence(d *Document) {
	w.str(`<presence xmlns="` + SpacePIDF + `" xmlns:dm="` + SpaceDataModel + `" xmlns:gp="` + SpaceGeopriv +
		`" xmlns:gbp="` + SpacePolicy + `"`)
	entity := xmltok.CleanURI(d.Entity)
	if entity == "" {
		entity = unlinked
	}
	w.attr("entity", entity)
	w.str(">")
	// The schema of RFC 3863 wants tuples before everything else.
	for i := range d.Elements {
		if d.Elements[i].Kind == Tuple {
			w.tuple(&d.Elements[i])
		}
	}
	for i := range d.Elements {
		switch e := &d.Elements[i]; e.Kind {
		case Device:
			w.device(e)
		case Person:
			w.person(e)
		}
	}
	w.str("</presence>")
}

// id writes an xs:ID that is unique in the document.
func (w *writer) id(e *Element) {
	id := e.ID
	for n := len(w.used) + 1; !xmltok.IsNCName(id) || w.used[id]; n++ {
		id = "loc" + strconv.Itoa(n)
	}
	w.used[id] = true
	w.attr("id", id)
}

func (w *writer) tuple(e *Element) {
	w.str("<tuple")
	w.id(e)
	w.str("><status>")
	w.geoprivs(e)
	w.str("</status>")
	w.elem("timestamp", FormatTime(e.Timestamp))
	w.str("</tuple>")
}

func (w *writer) device(e *Element) {
	w.str("<dm:device")
	w.id(e)
	w.str(">")
	w.geoprivs(e)
	id := xmltok.CleanURI(e.DeviceID)
	if id == "" {
		id = "urn:uuid:00000000-0000-0000-0000-000000000000" // mandatory; the nil UUID names nothing
	}
	w.elem("dm:deviceID", id)
	w.elem("dm:timestamp", FormatTime(e.Timestamp))
	w.str("</dm:device>")
}

func (w *writer) person(e *Element) {
	w.str("<dm:person")
	w.id(e)
	w.str(">")
	w.geoprivs(e)
	w.elem("dm:timestamp", FormatTime(e.Timestamp))
	w.str("</dm:person>")
}

func (w *writer) geoprivs(e *Element) {
	for i := range e.Geopriv {
		w.geopriv(&e.Geopriv[i])
	}
}

func (w *writer) geopriv(g *Geopriv) {
	w.str("<gp:geopriv><gp:location-info>")
	shape := false
	for _, c := range g.Info {
		if c.Civic != nil {
			w.civic(c.Civic)
		}
		if c.Shape != nil {
			shape = w.shape(c.Shape) || shape
		}
	}
	if shape && g.Confidence > 0 && g.Confidence < 100 {
		w.str(`<con:confidence xmlns:con="` + SpaceConf + `"`)
		if distribution(g.Distribution) {
			w.attr("pdf", g.Distribution)
		}
		w.str(">" + number(g.Confidence) + "</con:confidence>")
	}
	w.str("</gp:location-info><gp:usage-rules><gbp:retransmission-allowed>" +
		strconv.FormatBool(g.Retransmission) + "</gbp:retransmission-allowed>")
	w.elem("gbp:retention-expiry", FormatTime(g.Retention))
	w.elem("gbp:external-ruleset", xmltok.CleanURI(g.Ruleset))
	w.elem("gbp:note-well", g.NoteWell)
	w.str("</gp:usage-rules>")
	w.elem("gp:method", xmltok.Collapse(g.Method))
	if !g.ProvidedBy.Empty() {
		w.str("<gp:provided-by>")
		w.dst = calldata.Append(w.dst, g.ProvidedBy)
		w.str("</gp:provided-by>")
	}
	if src := sources(g.Source); src != "" {
		w.str(`<lmsrc:source xmlns:lmsrc="` + SpaceSource + `">` + src + "</lmsrc:source>")
	}
	w.str("</gp:geopriv>")
}

func sources(list []string) string {
	var out []string
	for _, s := range list {
		if (s == "lis" || s == "device" || s == "other") && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

func (w *writer) civic(c *Civic) {
	w.str(`<ca:civicAddress xmlns:ca="` + SpaceCivic + `"`)
	for _, e := range [...]struct{ space, prefix string }{{SpaceCivicExt, "cae"}, {SpaceNENA1, "cdx1"}, {SpaceNENA2, "cdx2"}} {
		if slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Space == e.space }) {
			w.attr("xmlns:"+e.prefix, e.space)
		}
	}
	w.lang(c.Lang)
	w.str(">")
	for _, name := range civicOrder {
		if f := c.field(SpaceCivic, name); f != nil {
			w.civicField("ca:"+name, "", f)
		}
	}
	for _, e := range extensions {
		if f := c.field(e.space, e.name); f != nil {
			w.civicField(prefixOf(e.space)+":"+e.name, "", f)
		}
	}
	for i := range c.Fields {
		f := &c.Fields[i]
		if _, known := CivicSpace(f.Name); f.Space == SpaceCivic || f.Space == "" || !xmltok.IsNCName(f.Name) ||
			(known && isCivicSpace(f.Space)) || f.Space == xmltok.SpaceXML || xmltok.CleanURI(f.Space) != f.Space {
			continue
		}
		if p := prefixOf(f.Space); p != "" {
			w.civicField(p+":"+f.Name, "", f)
		} else {
			w.civicField("x:"+f.Name, f.Space, f)
		}
	}
	w.str("</ca:civicAddress>")
}

func prefixOf(space string) string {
	switch space {
	case SpaceCivicExt:
		return "cae"
	case SpaceNENA1:
		return "cdx1"
	case SpaceNENA2:
		return "cdx2"
	}
	return ""
}

func (c *Civic) field(space, name string) *Field {
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Name == name && f.Space == space && f.Value != "" {
			return f
		}
	}
	return nil
}

func (w *writer) civicField(name, space string, f *Field) {
	value := xmltok.Collapse(f.Value)
	if name == "ca:country" {
		value = strings.ToUpper(value)
		if len(value) != 2 || value[0] < 'A' || value[0] > 'Z' || value[1] < 'A' || value[1] > 'Z' {
			return
		}
	}
	if value == "" {
		return
	}
	w.str("<" + name)
	if space != "" {
		w.attr("xmlns:x", space)
	}
	if name != "ca:country" && name != "ca:PLC" && name != "cdx1:STPS" { // their types have no attribute
		w.lang(f.Lang)
	}
	w.str(">")
	w.dst = xmltok.AppendText(w.dst, value)
	w.str("</" + name + ">")
}

func (w *writer) lang(s string) {
	if isLanguage(s) {
		w.attr("xml:lang", s)
	}
}

// isLanguage is xs:language.
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 {
			return false
		}
		for _, c := range []byte(part) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || (i > 0 && c >= '0' && c <= '9')) {
				return false
			}
		}
	}
	return true
}

// shape writes s and reports whether it could: a shape with numbers that are
// none has no place in a document.
func (w *writer) shape(s Shape) bool {
	s = sendable(s)
	switch s := s.(type) {
	case Point:
		w.open("gml:Point", s.Pos)
		w.pos(s.Pos)
		w.str("</gml:Point>")
	case Circle:
		s.Center.HasAlt = false // RFC 5491, section 5.2.3: two dimensions
		w.open("gs:Circle", s.Center)
		w.pos(s.Center)
		w.length("gs:radius", s.Radius)
		w.str("</gs:Circle>")
	case Ellipse:
		s.Center.HasAlt = false
		w.open("gs:Ellipse", s.Center)
		w.pos(s.Center)
		w.length("gs:semiMajorAxis", s.SemiMajor)
		w.length("gs:semiMinorAxis", s.SemiMinor)
		w.angle("gs:orientation", s.Orientation)
		w.str("</gs:Ellipse>")
	case ArcBand:
		s.Center.HasAlt = false
		w.open("gs:ArcBand", s.Center)
		w.pos(s.Center)
		w.length("gs:innerRadius", s.Inner)
		w.length("gs:outerRadius", s.Outer)
		w.angle("gs:startAngle", s.Start)
		w.angle("gs:openingAngle", s.Opens)
		w.str("</gs:ArcBand>")
	case Sphere:
		w.open("gs:Sphere", s.Center)
		w.pos(s.Center)
		w.length("gs:radius", s.Radius)
		w.str("</gs:Sphere>")
	case Ellipsoid:
		w.open("gs:Ellipsoid", s.Center)
		w.pos(s.Center)
		w.length("gs:semiMajorAxis", s.SemiMajor)
		w.length("gs:semiMinorAxis", s.SemiMinor)
		w.length("gs:verticalAxis", s.Vertical)
		w.angle("gs:orientation", s.Orientation)
		w.str("</gs:Ellipsoid>")
	case Polygon:
		w.polygon(s.Exterior, true)
	case Prism:
		w.open("gs:Prism", s.Base[0])
		w.str("<gs:base>")
		w.polygon(s.Base, false)
		w.str("</gs:base>")
		w.length("gs:height", s.Height)
		w.str("</gs:Prism>")
	default:
		return false
	}
	return true
}

// sendable returns s, what is left of it, or nil: volumes without altitude are
// sent as their ground, polygons of fewer than three corners as what they are.
func sendable(s Shape) Shape {
	switch t := s.(type) {
	case Sphere:
		if !t.Center.HasAlt {
			s = Circle(t)
		}
	case Ellipsoid:
		if !t.Center.HasAlt {
			s = Ellipse{t.Center, t.SemiMajor, t.SemiMinor, t.Orientation}
		}
	case Prism:
		if slices.ContainsFunc(t.Base, func(p Pos) bool { return !p.HasAlt }) || t.Height <= 0 {
			s = Polygon{Exterior: t.Base}
		}
	}
	switch t := s.(type) {
	case nil:
		return nil
	case Polygon:
		switch len(t.Exterior) {
		case 0:
			return nil
		case 1:
			s = Point{t.Exterior[0]}
		case 2:
			s = t.Enclose()
		}
	case Prism:
		if len(t.Base) < 3 {
			return sendable(Polygon{Exterior: t.Base})
		}
	}
	if !finite(s) {
		return nil
	}
	return s
}

func finite(s Shape) bool {
	var ps []Pos
	var nums []float64
	switch s := s.(type) {
	case Point:
		ps = []Pos{s.Pos}
	case Circle:
		ps, nums = []Pos{s.Center}, []float64{s.Radius}
	case Sphere:
		ps, nums = []Pos{s.Center}, []float64{s.Radius}
	case Ellipse:
		ps, nums = []Pos{s.Center}, []float64{s.SemiMajor, s.SemiMinor}
	case Ellipsoid:
		ps, nums = []Pos{s.Center}, []float64{s.SemiMajor, s.SemiMinor, s.Vertical}
	case ArcBand:
		ps, nums = []Pos{s.Center}, []float64{s.Inner, s.Outer}
	case Polygon:
		ps = s.Exterior
	case Prism:
		ps, nums = s.Base, []float64{s.Height}
	}
	for _, p := range ps {
		if !(p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180) || !(p.Alt >= -1e9 && p.Alt <= 1e9) {
			return false
		}
	}
	for _, v := range nums {
		if !(v >= 0 && v <= 1e9) {
			return false
		}
	}
	return len(ps) > 0
}

func (w *writer) open(name string, p Pos) {
	w.str("<" + name + ` xmlns:gml="` + SpaceGML + `"`)
	if strings.HasPrefix(name, "gs:") {
		w.str(` xmlns:gs="` + SpaceShape + `"`)
	}
	w.str(` srsName="` + srsName(p.HasAlt) + `">`)
}

func srsName(threeD bool) string {
	if threeD {
		return "urn:ogc:def:crs:EPSG::4979"
	}
	return "urn:ogc:def:crs:EPSG::4326"
}

func (w *writer) pos(p Pos) {
	w.str("<gml:pos>" + number(p.Lat) + " " + number(p.Lon))
	if p.HasAlt {
		w.str(" " + number(p.Alt))
	}
	w.str("</gml:pos>")
}

// polygon writes the ring counter-clockwise and closed (RFC 5491, section
// 5.2.2), in three dimensions only when every corner has its altitude.
func (w *writer) polygon(ring []Pos, outermost bool) {
	threeD := !slices.ContainsFunc(ring, func(p Pos) bool { return !p.HasAlt })
	if outermost {
		w.open("gml:Polygon", Pos{HasAlt: threeD})
	} else {
		w.str("<gml:Polygon>")
	}
	w.str("<gml:exterior><gml:LinearRing>")
	n := len(ring)
	back := clockwise(ring)
	for i := range n + 1 {
		at := i % n
		if back {
			at = (n - i) % n
		}
		p := ring[at]
		p.HasAlt = threeD
		w.pos(p)
	}
	w.str("</gml:LinearRing></gml:exterior></gml:Polygon>")
}

func clockwise(ring []Pos) bool {
	var twice float64
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		twice += (q.Lon - p.Lon) * (q.Lat + p.Lat)
	}
	return twice > 0
}

func (w *writer) length(name string, v float64) {
	w.str("<" + name + ` uom="urn:ogc:def:uom:EPSG::9001">` + number(v) + "</" + name + ">")
}

func (w *writer) angle(name string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	w.str("<" + name + ` uom="urn:ogc:def:uom:EPSG::9102">` + number(v) + "</" + name + ">")
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// FormatTime writes an xs:dateTime in UTC to the millisecond, with the "Z" that
// HELD asks for (RFC 5985, section 6.1); empty for the zero time.
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	if t.Nanosecond() < int(time.Millisecond) {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}
