package pidflo

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Marshal returns the document with its XML declaration. See Append.
func Marshal(d *Document) ([]byte, error) { return xmltok.Marshal(d, Append) }

// Append appends the document with its XML declaration. What it appends is
// valid by the schemas of the RFCs; what cannot be written so is a *ParseError
// with the path of the element, never with what stands in it, and dst comes
// back as it was.
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
	w := writer{dst: dst}
	if err := w.presence(d); err != nil {
		return dst, xmltok.Within("presence", err)
	}
	return w.dst, nil
}

// frameSpaces declares what the frame around a location needs.
const frameSpaces = ` xmlns="` + SpacePIDF + `" xmlns:dm="` + SpaceDataModel + `" xmlns:gp="` + SpaceGeopriv +
	`" xmlns:gbp="` + SpacePolicy + `"`

// AppendElement appends a device, tuple or person alone.
func AppendElement(dst []byte, e *Element) ([]byte, error) {
	w := writer{dst: dst, spaces: frameSpaces}
	if err := w.element(e, ""); err != nil {
		return dst, err
	}
	return w.dst, nil
}

// AppendGeopriv appends a geopriv element alone.
func AppendGeopriv(dst []byte, g *Geopriv) ([]byte, error) {
	w := writer{dst: dst, spaces: ` xmlns:gp="` + SpaceGeopriv + `" xmlns:gbp="` + SpacePolicy + `"`}
	if err := w.geopriv(g); err != nil {
		return dst, xmltok.Within("geopriv", err)
	}
	return w.dst, nil
}

type writer struct {
	dst    []byte
	spaces string // namespaces that the first element declares
}

func (w *writer) str(s string) { w.dst = append(w.dst, s...) }

func (w *writer) elem(name, s string) { w.dst = xmltok.AppendElement(w.dst, name, s) }

func (w *writer) attr(name, s string) { w.dst = xmltok.AppendAttr(w.dst, name, s) }

// open writes a start tag up to its attributes.
func (w *writer) open(tag string) {
	w.str(tag)
	if w.spaces != "" {
		w.str(w.spaces)
		w.spaces = ""
	}
}

func refuse(element, reason string) error {
	return &ParseError{Path: "/" + element, Reason: reason}
}

func (w *writer) presence(d *Document) error {
	entity := cleanURI(d.Entity)
	if entity == "" {
		return &ParseError{Path: "/@entity", Reason: "a URI is needed"}
	}
	w.str("<presence" + frameSpaces)
	w.attr("entity", entity)
	w.str(">")
	ids := ids{elements: d.Elements}
	// The schema of RFC 3863 wants tuples before everything else.
	for _, tuples := range [...]bool{true, false} {
		for i := range d.Elements {
			if e := &d.Elements[i]; (e.Kind == Tuple) == tuples {
				if err := w.element(e, ids.of(e)); err != nil {
					return err
				}
			}
		}
		if tuples {
			if err := w.notes("note", d.Notes); err != nil {
				return err
			}
		}
	}
	if err := w.foreign(d.Extensions, SpacePIDF); err != nil {
		return err
	}
	w.str("</presence>")
	return nil
}

// ids gives every element an xs:ID that no other has. An id that the value has
// is kept for the first that has it.
type ids struct {
	elements []Element
	given    map[string]bool // by the value
	used     map[string]bool
	made     int
}

func (s *ids) of(e *Element) string {
	id := e.ID
	if len(s.elements) == 1 && xmltok.IsNCName(id) {
		return id
	}
	if s.used == nil {
		s.given, s.used = make(map[string]bool, len(s.elements)), make(map[string]bool, len(s.elements))
		for i := range s.elements {
			s.given[s.elements[i].ID] = true
		}
	}
	if !xmltok.IsNCName(id) || s.used[id] {
		for id = ""; id == "" || s.given[id]; {
			s.made++
			id = "loc" + strconv.Itoa(s.made)
		}
	}
	s.used[id] = true
	return id
}

// element writes a device, tuple or person with the id, or with its own.
func (w *writer) element(e *Element, id string) error {
	if id == "" {
		if id = e.ID; !xmltok.IsNCName(id) {
			id = "loc1"
		}
	}
	var err error
	name := ""
	switch e.Kind {
	case Device:
		name, err = "device", w.device(e, id)
	case Tuple:
		name, err = "tuple", w.tuple(e, id)
	case Person:
		name, err = "person", w.person(e, id)
	default:
		return &ParseError{Reason: "an element that is neither device, tuple nor person"}
	}
	if err != nil {
		return xmltok.Within(name+"[@id='"+id+"']", err)
	}
	return nil
}

func (w *writer) tuple(e *Element, id string) error {
	w.open("<tuple")
	w.attr("id", id)
	w.str("><status>")
	if e.Basic != "" && !isBasic(e.Basic) {
		return refuse("status/basic", "neither open nor closed")
	}
	w.elem("basic", e.Basic)
	err := w.geoprivs(e)
	if err == nil {
		err = w.foreign(e.Status, SpacePIDF)
	}
	if err != nil {
		return xmltok.Within("status", err)
	}
	w.str("</status>")
	if e.DeviceID != "" {
		if err := w.uri("dm:deviceID", "deviceID", e.DeviceID); err != nil {
			return err
		}
	}
	if err := w.foreign(e.Extensions, SpacePIDF); err != nil {
		return err
	}
	if err := w.contact(e); err != nil {
		return err
	}
	if err := w.notes("note", e.Notes); err != nil {
		return err
	}
	if err := w.time("timestamp", "timestamp", e.Timestamp); err != nil {
		return err
	}
	w.str("</tuple>")
	return nil
}

func (w *writer) contact(e *Element) error {
	if e.Contact == "" {
		if e.Priority != "" {
			return refuse("contact", "a priority without a contact")
		}
		return nil
	}
	uri := cleanURI(e.Contact)
	if uri == "" {
		return refuse("contact", "not a URI")
	}
	w.str("<contact")
	if e.Priority != "" {
		if !isPriority(e.Priority) {
			return refuse("contact/@priority", "not a decimal from 0 to 1 with at most three digits")
		}
		w.attr("priority", e.Priority)
	}
	w.str(">")
	w.dst = xmltok.AppendText(w.dst, uri)
	w.str("</contact>")
	return nil
}

// bare refuses what a device or person cannot have.
func (e *Element) bare() error {
	switch {
	case e.Basic != "" || len(e.Status) > 0:
		return refuse("status", "only a tuple has a status")
	case e.Contact != "" || e.Priority != "":
		return refuse("contact", "only a tuple has a contact")
	case e.Kind == Person && e.DeviceID != "":
		return refuse("deviceID", "a person has none")
	}
	return nil
}

func (w *writer) device(e *Element, id string) error {
	w.open("<dm:device")
	w.attr("id", id)
	w.str(">")
	if err := w.inside(e); err != nil {
		return err
	}
	device := e.DeviceID
	if device == "" {
		device = nilUUID // the schema wants one
	}
	if err := w.uri("dm:deviceID", "deviceID", device); err != nil {
		return err
	}
	if err := w.after(e); err != nil {
		return err
	}
	w.str("</dm:device>")
	return nil
}

func (w *writer) person(e *Element, id string) error {
	w.open("<dm:person")
	w.attr("id", id)
	w.str(">")
	if err := w.inside(e); err != nil {
		return err
	}
	if err := w.after(e); err != nil {
		return err
	}
	w.str("</dm:person>")
	return nil
}

func (w *writer) inside(e *Element) error {
	if err := e.bare(); err != nil {
		return err
	}
	if err := w.geoprivs(e); err != nil {
		return err
	}
	return w.foreign(e.Extensions, SpaceDataModel)
}

func (w *writer) after(e *Element) error {
	if err := w.notes("dm:note", e.Notes); err != nil {
		return err
	}
	return w.time("dm:timestamp", "timestamp", e.Timestamp)
}

func (w *writer) notes(tag string, list []Note) error {
	for i, n := range list {
		w.str("<" + tag)
		if n.Lang != "" {
			if !xmltok.IsLanguage(n.Lang) {
				return refuse(xmltok.Nth("note", i)+"/@lang", "not a language tag")
			}
			w.attr("xml:lang", n.Lang)
		}
		w.str(">")
		w.dst = xmltok.AppendText(w.dst, n.Text)
		w.str("</" + tag + ">")
	}
	return nil
}

// uri writes an element that holds a URI; nothing when s is empty.
func (w *writer) uri(tag, name, s string) error {
	if s == "" {
		return nil
	}
	u := cleanURI(s)
	if u == "" {
		return refuse(name, "not an absolute URI")
	}
	w.elem(tag, u)
	return nil
}

func (w *writer) time(tag, name string, t time.Time) error {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return refuse(name, "a year that xs:dateTime cannot write here")
	}
	b := append(append(append(w.dst, '<'), tag...), '>')
	b = append(appendTime(b, t), "</"...)
	w.dst = append(append(b, tag...), '>')
	return nil
}

// foreign writes elements of others where the schema takes any but those of
// the namespace around.
func (w *writer) foreign(list []foreign.Element, around string) error {
	for _, f := range list {
		if f.Space == around || f.Space == "" {
			return refuse(clip(f.Local), "an element of another namespace is needed here")
		}
		out, err := xmltok.AppendForeign(w.dst, f)
		if err != nil {
			return xmltok.Within(clip(f.Local), err)
		}
		w.dst = out
	}
	return nil
}

func (w *writer) geoprivs(e *Element) error {
	for i := range e.Geopriv {
		if err := w.geopriv(&e.Geopriv[i]); err != nil {
			name := "geopriv"
			if len(e.Geopriv) > 1 {
				name = xmltok.Nth(name, i)
			}
			return xmltok.Within(name, err)
		}
	}
	return nil
}

func (w *writer) geopriv(g *Geopriv) error {
	w.open("<gp:geopriv")
	w.str("><gp:location-info>")
	for i := range g.Info {
		if err := w.chunk(&g.Info[i]); err != nil {
			return xmltok.Within("location-info", err)
		}
	}
	if err := w.confidence(g); err != nil {
		return xmltok.Within("location-info", err)
	}
	w.str("</gp:location-info><gp:usage-rules>")
	if err := w.rules(g); err != nil {
		return xmltok.Within("usage-rules", err)
	}
	w.str("</gp:usage-rules>")
	w.elem("gp:method", xmltok.Collapse(g.Method))
	if !g.ProvidedBy.Empty() {
		w.str("<gp:provided-by>")
		var err error
		if w.dst, err = calldata.AppendProvidedBy(w.dst, g.ProvidedBy); err != nil {
			return xmltok.Within("provided-by", err)
		}
		w.str("</gp:provided-by>")
	}
	for i, s := range g.Source {
		if !isSource(s) {
			return refuse("source", "neither lis, device nor other")
		}
		if i == 0 {
			w.str(`<lmsrc:source xmlns:lmsrc="` + SpaceSource + `">`)
		} else {
			w.str(" ")
		}
		w.str(s)
	}
	if len(g.Source) > 0 {
		w.str("</lmsrc:source>")
	}
	if err := w.foreign(g.Extensions, SpaceGeopriv); err != nil {
		return err
	}
	w.str("</gp:geopriv>")
	return nil
}

func (w *writer) rules(g *Geopriv) error {
	// RFC 4119, section 2.2.2: it stands there also when it is no.
	if g.Retransmission {
		w.str("<gbp:retransmission-allowed>true</gbp:retransmission-allowed>")
	} else {
		w.str("<gbp:retransmission-allowed>false</gbp:retransmission-allowed>")
	}
	if err := w.time("gbp:retention-expiry", "retention-expiry", g.Retention); err != nil {
		return err
	}
	if err := w.uri("gbp:external-ruleset", "external-ruleset", g.Ruleset); err != nil {
		return err
	}
	if g.NoteWell != "" || g.NoteWellLang != "" {
		w.str("<gbp:note-well")
		if g.NoteWellLang != "" {
			if !xmltok.IsLanguage(g.NoteWellLang) {
				return refuse("note-well/@lang", "not a language tag")
			}
			w.attr("xml:lang", g.NoteWellLang)
		}
		w.str(">")
		w.dst = xmltok.AppendText(w.dst, g.NoteWell)
		w.str("</gbp:note-well>")
	}
	return w.foreign(g.Rules, SpacePolicy)
}

func (w *writer) chunk(c *Chunk) error {
	set := 0
	for _, is := range [...]bool{c.Civic != nil, c.Shape != nil, !c.Foreign.IsZero()} {
		if is {
			set++
		}
	}
	switch {
	case c.Err != nil:
		return &ParseError{Reason: "a part that could not be read cannot be written"}
	case set > 1:
		return &ParseError{Reason: "a chunk is one civic address, one shape or one foreign element"}
	case c.Civic != nil:
		return w.civicAddress(c.Civic)
	case c.Shape != nil:
		return w.shape(c.Shape)
	case set == 1:
		return w.foreign([]foreign.Element{c.Foreign}, SpaceGeopriv)
	}
	return &ParseError{Reason: "a chunk with nothing in it"}
}

func (w *writer) confidence(g *Geopriv) error {
	switch c := g.Confidence; {
	case c == 0 && g.Distribution == "":
		return nil
	case c == 0:
		return refuse("confidence", "a distribution without a confidence")
	case !g.uncertain():
		return refuse("confidence", "only a point is given, which has none (RFC 7459, section 4.1)")
	case c != UnknownConfidence && !(c > 0 && c < 100):
		return refuse("confidence", "neither between 0 and 100 nor unknown")
	case g.Distribution != "" && !isDistribution(g.Distribution):
		return refuse("confidence/@pdf", "neither normal, rectangular nor unknown")
	}
	w.str(`<con:confidence xmlns:con="` + SpaceConf + `"`)
	if g.Distribution != "" {
		w.attr("pdf", g.Distribution)
	}
	w.str(">")
	if g.Confidence == UnknownConfidence {
		w.str("unknown")
	} else {
		w.dst = number(w.dst, g.Confidence)
	}
	w.str("</con:confidence>")
	return nil
}

func number(dst []byte, v float64) []byte {
	if i := int64(v); float64(i) == v && (i != 0 || !math.Signbit(v)) {
		return strconv.AppendInt(dst, i, 10)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// cleanURI is xmltok.CleanURI, with a short way for what is surely a URI: a
// scheme, and after it nothing that has to be escaped and no authority.
func cleanURI(s string) string {
	colon := strings.IndexByte(s, ':')
	if colon < 1 || colon+1 == len(s) || s[colon+1] == '/' || s[0] < 'a' || s[0] > 'z' {
		return xmltok.CleanURI(s)
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z' || i < colon) && (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' &&
			(i < colon || (c != ':' && c != '@' && c != '_')) {
			return xmltok.CleanURI(s)
		}
	}
	return s
}

// appendTime appends a UTC time of a year with four digits; to the millisecond
// when it is not a whole second.
func appendTime(dst []byte, t time.Time) []byte {
	dst = xmltok.AppendSeconds(dst, t)
	if ms := t.Nanosecond() / int(time.Millisecond); ms > 0 {
		dst = xmltok.AppendDigits(append(dst, '.'), ms, 3)
	}
	return append(dst, 'Z')
}

// FormatTime writes an xs:dateTime in UTC to the millisecond, with the "Z" that
// HELD asks for (RFC 5985, section 6.5.2); empty for the zero time and for a
// year of more than four digits.
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return string(appendTime(nil, t))
}
