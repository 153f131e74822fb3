package pidflo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// ErrNotPresence means that the document is XML, but no presence document.
var ErrNotPresence = errors.New("the document element is not presence")

// Parse reads a PIDF-LO. It fails when the document is not well-formed, is
// larger than 64 KiB, has a document type declaration, or is no presence
// document; whatever is wrong further in is left out or named in Chunk.Err, so
// that one bad part does not cost the others.
func Parse(b []byte) (*Document, error) {
	root, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read PIDF-LO: %w", err)
	}
	if root.Local() != "presence" {
		return nil, fmt.Errorf("read PIDF-LO: %w", ErrNotPresence)
	}
	return FromNode(root), nil
}

// FromNode reads a presence element inside another document. It is for the
// packages beside this one: nobody else can name the type.
func FromNode(root xmltok.Node) *Document {
	d := &Document{Entity: strings.TrimSpace(root.Attr("entity"))}
	for c := range root.Children() {
		var kind Kind
		switch c.Local() {
		case "device":
			kind = Device
		case "tuple":
			kind = Tuple
		case "person":
			kind = Person
		default:
			continue
		}
		d.Elements = append(d.Elements, readElement(kind, c))
	}
	return d
}

// CivicFromNode reads a civicAddress element inside another document.
func CivicFromNode(n xmltok.Node) (*Civic, error) {
	if n.Local() != "civicAddress" {
		return nil, n.Errorf("not a civicAddress")
	}
	return readCivic(n), nil
}

// ShapeFromNode reads a shape of GML or of its PIDF-LO profile.
func ShapeFromNode(n xmltok.Node) (Shape, error) { return readShape(n) }

// GeoprivFromNode reads a geopriv element.
func GeoprivFromNode(n xmltok.Node) (Geopriv, error) {
	if n.Local() != "geopriv" {
		return Geopriv{}, n.Errorf("not a geopriv element")
	}
	return readGeopriv(n), nil
}

// ElementFromNode reads a device, tuple or person.
func ElementFromNode(n xmltok.Node) (Element, error) {
	switch n.Local() {
	case "device":
		return readElement(Device, n), nil
	case "tuple":
		return readElement(Tuple, n), nil
	case "person":
		return readElement(Person, n), nil
	}
	return Element{}, n.Errorf("not a device, tuple or person")
}

// ParseCivic reads a document that is one civicAddress element.
func ParseCivic(b []byte) (*Civic, error) { return fragment(b, CivicFromNode) }

// ParseShape reads a document that is one shape.
func ParseShape(b []byte) (Shape, error) { return fragment(b, ShapeFromNode) }

// ParseGeopriv reads a document that is one geopriv element.
func ParseGeopriv(b []byte) (Geopriv, error) { return fragment(b, GeoprivFromNode) }

// ParseElement reads a document that is one device, tuple or person.
func ParseElement(b []byte) (Element, error) { return fragment(b, ElementFromNode) }

func fragment[T any](b []byte, read func(xmltok.Node) (T, error)) (T, error) {
	n, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		var zero T
		return zero, fmt.Errorf("read part of PIDF-LO: %w", err)
	}
	return read(n)
}

func readElement(kind Kind, n xmltok.Node) Element {
	e := Element{Kind: kind, ID: n.Attr("id")}
	for c := range n.Children() {
		switch c.Local() {
		case "geopriv":
			e.Geopriv = append(e.Geopriv, readGeopriv(c))
		case "status":
			for s := range c.Children() {
				if s.Local() == "geopriv" {
					e.Geopriv = append(e.Geopriv, readGeopriv(s))
				}
			}
		case "deviceID":
			e.DeviceID = c.Token()
		case "timestamp":
			e.Timestamp, _ = ParseTime(c.Text())
		}
	}
	return e
}

func readGeopriv(n xmltok.Node) Geopriv {
	var g Geopriv
	for c := range n.Children() {
		switch c.Local() {
		case "location-info":
			readInfo(&g, c)
		case "usage-rules":
			readRules(&g, c)
		case "method":
			g.Method = c.Token()
		case "provided-by":
			g.ProvidedBy = calldata.FromNode(c)
		case "source":
			g.Source = strings.Fields(c.Text())
		}
	}
	return g
}

func readRules(g *Geopriv, n xmltok.Node) {
	for c := range n.Children() {
		switch c.Local() {
		case "retransmission-allowed":
			// RFC 4119's own prose writes "yes" and "no".
			v := strings.ToLower(c.Token())
			g.Retransmission = v == "true" || v == "1" || v == "yes"
		case "retention-expiry", "retention-expires":
			g.Retention, _ = ParseTime(c.Text())
		case "external-ruleset", "ruleset-reference":
			g.Ruleset = c.Token()
		case "note-well":
			g.NoteWell = c.Token()
		}
	}
}

func readInfo(g *Geopriv, n xmltok.Node) {
	for c := range n.Children() {
		switch c.Local() {
		case "civicAddress":
			g.Info = append(g.Info, Chunk{Civic: readCivic(c)})
		case "confidence":
			if v, err := strconv.ParseFloat(c.Token(), 64); err == nil && v > 0 && v < 100 {
				g.Confidence = v
			}
			if pdf := c.Attr("pdf"); distribution(pdf) {
				g.Distribution = pdf
			}
		case "Dynamic": // how the target moves (RFC 5962), not where it is
		default:
			s, err := readShape(c)
			g.Info = append(g.Info, Chunk{Shape: s, Err: err})
		}
	}
}

func distribution(s string) bool { return s == "normal" || s == "rectangular" || s == "unknown" }

func readCivic(n xmltok.Node) *Civic {
	c := &Civic{Lang: n.Lang()}
	for f := range n.Children() {
		value := f.DeepToken()
		if value == "" {
			continue
		}
		space, name := f.Space(), f.Local()
		if known, ok := CivicSpace(name); ok && (space == n.Space() || isCivicSpace(space)) {
			// A field of a known name in a neighbouring namespace is met in the
			// field; it is put where it belongs.
			space = known
		} else if space == n.Space() {
			space = SpaceCivic
		}
		c.Fields = append(c.Fields, Field{Space: space, Name: name, Value: value, Lang: f.Lang()})
	}
	return c
}

func isCivicSpace(s string) bool {
	return s == SpaceCivic || s == SpaceCivicExt || s == SpaceNENA1 || s == SpaceNENA2
}

// readShape reads a shape by its local name: the namespaces of GML and of its
// profile are written in several wrong ways (see Parse).
func readShape(n xmltok.Node) (Shape, error) {
	if !knownShape(n.Local()) {
		return nil, fmt.Errorf("no civic address and no shape that is known: %s", clip(n.Local()))
	}
	r := shapeReader{n: n}
	r.reference(n)
	s := r.shape()
	if r.err != nil {
		return nil, fmt.Errorf("%s: %w", n.Local(), r.err)
	}
	return s, nil
}

func knownShape(name string) bool {
	switch name {
	case "Point", "Circle", "Polygon", "Ellipse", "ArcBand", "Sphere", "Ellipsoid", "Prism":
		return true
	}
	return false
}

// shapeReader reads one shape and keeps the first thing that was wrong.
type shapeReader struct {
	n   xmltok.Node
	err error
}

func (r *shapeReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// reference accepts WGS 84 in all the ways in which it is written, and no
// reference at all, which no other system would be likelier than.
func (r *shapeReader) reference(n xmltok.Node) {
	srs := strings.TrimSpace(n.Attr("srsName"))
	if srs != "" && !strings.HasSuffix(srs, ":4326") && !strings.HasSuffix(srs, ":4979") &&
		!strings.HasSuffix(srs, "#4326") && !strings.HasSuffix(srs, "CRS84") {
		r.fail("the reference system %s is not WGS 84", clip(srs))
	}
	if strings.HasSuffix(srs, "CRS84") {
		r.fail("the reference system CRS84 has longitude first; RFC 5491 asks for EPSG 4326")
	}
}

func (r *shapeReader) shape() Shape {
	switch r.n.Local() {
	case "Point":
		return Point{r.center()}
	case "Circle":
		return Circle{Center: r.center(), Radius: r.metres("radius")}
	case "Sphere":
		return Sphere{Center: r.center(), Radius: r.metres("radius")}
	case "Ellipse":
		return Ellipse{r.center(), r.metres("semiMajorAxis"), r.metres("semiMinorAxis"), r.degrees("orientation")}
	case "Ellipsoid":
		return Ellipsoid{r.center(), r.metres("semiMajorAxis"), r.metres("semiMinorAxis"), r.metres("verticalAxis"), r.degrees("orientation")}
	case "ArcBand":
		return ArcBand{r.center(), r.metres("innerRadius"), r.metres("outerRadius"), r.degrees("startAngle"), r.degrees("openingAngle")}
	case "Polygon":
		return Polygon{Exterior: r.ring(r.n)}
	}
	return Prism{Base: r.ring(find(r.n, "Polygon", 4)), Height: r.metres("height")}
}

// find returns the first element of that name at most depth levels below n.
func find(n xmltok.Node, local string, depth int) xmltok.Node {
	for c := range n.Children() {
		if c.Local() == local {
			return c
		}
		if depth > 1 {
			if f := find(c, local, depth-1); f.OK() {
				return f
			}
		}
	}
	return xmltok.Node{}
}

func (r *shapeReader) center() Pos {
	n := find(r.n, "pos", 3) // also inside pointProperty/Point
	if !n.OK() {
		r.fail("no pos")
		return Pos{}
	}
	v := r.numbers(n)
	if r.err == nil && len(v) != 2 && len(v) != 3 {
		r.fail("pos has %d numbers", len(v))
	}
	if r.err != nil {
		return Pos{}
	}
	return r.position(v)
}

// numbers reads a list of numbers, also with the commas that some write.
func (r *shapeReader) numbers(n xmltok.Node) []float64 {
	words := strings.FieldsFunc(n.Text(), func(c rune) bool { return strings.ContainsRune(" \t\r\n,", c) })
	out := make([]float64, 0, len(words))
	for _, w := range words {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil || !(v <= 1e9 && v >= -1e9) { // NaN too
			r.fail("%q is not a coordinate", clip(w))
			return nil
		}
		out = append(out, v)
	}
	return out
}

func (r *shapeReader) position(v []float64) Pos {
	p := Pos{Lat: v[0], Lon: v[1]}
	if len(v) == 3 {
		p.Alt, p.HasAlt = v[2], true
	}
	if p.Lat < -90 || p.Lat > 90 || p.Lon < -180 || p.Lon > 180 {
		r.fail("a position outside the earth: latitude stands first")
	}
	return p
}

func (r *shapeReader) ring(n xmltok.Node) []Pos {
	ring := find(n, "LinearRing", 3)
	if !ring.OK() {
		r.fail("no LinearRing")
		return nil
	}
	var out []Pos
	for c := range ring.Children() {
		switch c.Local() {
		case "posList":
			out = append(out, r.list(c)...)
		case "pos":
			if v := r.numbers(c); len(v) == 2 || len(v) == 3 {
				out = append(out, r.position(v))
			} else {
				r.fail("pos has %d numbers", len(v))
			}
		case "pointProperty":
			if v := r.numbers(find(c, "pos", 2)); len(v) == 2 || len(v) == 3 {
				out = append(out, r.position(v))
			}
		}
	}
	if len(out) > 1 && out[0] == out[len(out)-1] {
		out = out[:len(out)-1]
	}
	if len(out) < 3 {
		r.fail("a ring of fewer than three corners")
	}
	return out
}

func (r *shapeReader) list(n xmltok.Node) []Pos {
	v := r.numbers(n)
	dim := 2
	if strings.HasSuffix(r.n.Attr("srsName"), "4979") || n.Attr("srsDimension") == "3" || r.n.Local() == "Prism" {
		dim = 3
	}
	if len(v) == 0 || len(v)%dim != 0 {
		r.fail("posList has %d numbers", len(v))
		return nil
	}
	out := make([]Pos, 0, len(v)/dim)
	for i := 0; i < len(v); i += dim {
		out = append(out, r.position(v[i:i+dim]))
	}
	return out
}

func (r *shapeReader) metres(name string) float64 {
	n := find(r.n, name, 1)
	uom := n.Attr("uom")
	if uom != "" && !strings.HasSuffix(uom, "9001") && uom != "m" {
		r.fail("%s in %s, not in metres", name, clip(uom))
		return 0
	}
	v := r.numbers(n)
	if len(v) != 1 || v[0] < 0 {
		r.fail("%s is not a length", name)
		return 0
	}
	return v[0]
}

func (r *shapeReader) degrees(name string) float64 {
	n := find(r.n, name, 1)
	v := r.numbers(n)
	if len(v) != 1 {
		r.fail("%s is not an angle", name)
		return 0
	}
	const perRadian = 57.29577951308232
	switch uom := n.Attr("uom"); {
	case strings.HasSuffix(uom, "9101"):
		return v[0] * perRadian
	case uom == "" || strings.HasSuffix(uom, "9102"):
		return v[0]
	default:
		r.fail("%s in %s, neither degrees nor radians", name, clip(uom))
	}
	return 0
}

// ParseTime reads an xs:dateTime. One without zone is taken as UTC.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if len(s) > 40 {
		return time.Time{}, errors.New("not a date and time")
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", s)
	}
	if err != nil {
		return time.Time{}, errors.New("not a date and time")
	}
	return t.UTC(), nil
}

func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
