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
	if root.Local() != "presence" || !of(root).frame() {
		return nil, fmt.Errorf("read PIDF-LO: %w", root.Errorf("%w", ErrNotPresence))
	}
	return FromNode(root), nil
}

// ParseElement reads a document that is one device, tuple or person.
func ParseElement(b []byte) (Element, error) { return fragment(b, ElementFromNode) }

// ParseGeopriv reads a document that is one geopriv element.
func ParseGeopriv(b []byte) (Geopriv, error) { return fragment(b, GeoprivFromNode) }

// ParseCivic reads a document that is one civicAddress element.
func ParseCivic(b []byte) (*Civic, error) { return fragment(b, CivicFromNode) }

// ParseShape reads a document that is one shape.
func ParseShape(b []byte) (Shape, error) { return fragment(b, ShapeFromNode) }

func fragment[T any](b []byte, read func(xmltok.Node) (T, error)) (T, error) {
	var none T
	n, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		return none, fmt.Errorf("read part of PIDF-LO: %w", err)
	}
	v, err := read(n)
	if err != nil {
		return none, fmt.Errorf("read part of PIDF-LO: %w", err)
	}
	return v, nil
}

// FromNode reads a presence element inside another document. It is for the
// packages beside this one, as the other functions of xmltok.Node are: nobody
// else can name the type.
func FromNode(root xmltok.Node) *Document {
	d := &Document{Entity: strings.TrimSpace(root.Attr("entity"))}
	for c := range root.Children() {
		v := of(c)
		if kind, ok := kindOf(c, v); ok {
			if d.Elements == nil {
				d.Elements = make([]Element, 0, 1)
			}
			d.Elements = append(d.Elements, readElement(kind, c))
			continue
		}
		if v.frame() && c.Local() == "note" {
			d.Notes = append(d.Notes, readNote(c))
			continue
		}
		d.Extensions = keep(d.Extensions, c, SpacePIDF)
	}
	return d
}

// ElementFromNode reads a device, tuple or person.
func ElementFromNode(n xmltok.Node) (Element, error) {
	kind, ok := kindOf(n, of(n))
	if !ok {
		return Element{}, n.Errorf("not a device, tuple or person")
	}
	return readElement(kind, n), nil
}

// GeoprivFromNode reads a geopriv element.
func GeoprivFromNode(n xmltok.Node) (Geopriv, error) {
	if n.Local() != "geopriv" || !of(n).frame() {
		return Geopriv{}, n.Errorf("not a geopriv element")
	}
	return readGeopriv(n), nil
}

func kindOf(n xmltok.Node, v vocab) (Kind, bool) {
	if !v.frame() {
		return 0, false
	}
	switch n.Local() {
	case "device":
		return Device, true
	case "tuple":
		return Tuple, true
	case "person":
		return Person, true
	}
	return 0, false
}

func readElement(kind Kind, n xmltok.Node) Element {
	e := Element{Kind: kind, ID: strings.TrimSpace(n.Attr("id"))}
	around := SpaceDataModel
	if kind == Tuple {
		around = SpacePIDF
	}
	for c := range n.Children() {
		if !of(c).frame() || !e.member(c) {
			e.Extensions = keep(e.Extensions, c, around)
		}
	}
	return e
}

// nilUUID names nothing. It stands for the deviceID that a device must have and
// that nobody knows.
const nilUUID = "urn:uuid:00000000-0000-0000-0000-000000000000"

// member reads a child that RFC 3863 or RFC 4479 defines.
func (e *Element) member(c xmltok.Node) bool {
	switch c.Local() {
	case "geopriv":
		e.Geopriv = append(e.Geopriv, readGeopriv(c))
	case "status":
		e.status(c)
	case "deviceID":
		id := c.Token()
		switch {
		case e.Kind == Person || id == "" || id == nilUUID:
		case e.DeviceID != "":
			return false
		default:
			e.DeviceID = id
		}
	case "note":
		e.Notes = append(e.Notes, readNote(c))
	case "timestamp":
		e.Timestamp, _ = ParseTime(c.Text())
	case "contact":
		if e.Kind == Tuple {
			e.Contact = c.Token()
			if p := strings.TrimSpace(c.Attr("priority")); isPriority(p) && e.Contact != "" {
				e.Priority = p // one out of range counts as none (RFC 3863, section 4.1.5)
			}
		}
	default:
		return false
	}
	return true
}

func (e *Element) status(n xmltok.Node) {
	for c := range n.Children() {
		switch v := of(c); {
		case v.frame() && c.Local() == "geopriv":
			e.Geopriv = append(e.Geopriv, readGeopriv(c))
		case v.frame() && c.Local() == "basic":
			if b := c.Token(); e.Kind == Tuple && isBasic(b) {
				e.Basic = b
			}
		case e.Kind == Tuple:
			e.Status = keep(e.Status, c, SpacePIDF)
		}
	}
}

func isBasic(s string) bool { return s == "open" || s == "closed" }

// isPriority is the qvalue of RFC 3863.
func isPriority(s string) bool {
	if s == "" || len(s) > len("0.123") || (s[0] != '0' && s[0] != '1') || (len(s) > 1 && s[1] != '.') {
		return false
	}
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' || (s[0] == '1' && s[i] != '0') {
			return false
		}
	}
	return true
}

func readNote(n xmltok.Node) Note {
	return Note{Text: trim(n.Text()), Lang: language(n.Lang())}
}

func trim(s string) string { return strings.Trim(s, " \t\r\n") }

func language(s string) string {
	if xmltok.IsLanguage(s) {
		return s
	}
	return ""
}

func readGeopriv(n xmltok.Node) Geopriv {
	var g Geopriv
	for c := range n.Children() {
		v := of(c)
		switch name := c.Local(); {
		case v.frame() && name == "location-info":
			g.info(c)
		case v.frame() && name == "usage-rules":
			g.rules(c)
		case v.frame() && name == "method":
			g.Method = c.Token()
		case v.frame() && name == "provided-by":
			g.ProvidedBy = calldata.FromNode(c)
		case (v == vSource || v == vLoose) && name == "source":
			g.Source = sources(c.Text())
		default:
			g.Extensions = keep(g.Extensions, c, SpaceGeopriv)
		}
	}
	return g
}

func sources(text string) []string {
	var out []string
	for s := range strings.FieldsSeq(text) {
		if isSource(s) {
			out = append(out, s)
		}
	}
	return out
}

func isSource(s string) bool { return s == "lis" || s == "device" || s == "other" }

func (g *Geopriv) rules(n xmltok.Node) {
	for c := range n.Children() {
		if !of(c).frame() || !g.rule(c) {
			g.Rules = keep(g.Rules, c, SpacePolicy)
		}
	}
}

func (g *Geopriv) rule(c xmltok.Node) bool {
	switch c.Local() {
	case "retransmission-allowed":
		switch v := c.Token(); v {
		case "true", "1":
			g.Retransmission = true
		default: // RFC 4119's own prose writes "yes" and "no"
			g.Retransmission = strings.EqualFold(v, "yes") || strings.EqualFold(v, "true")
		}
	case "retention-expiry", "retention-expires":
		g.Retention, _ = ParseTime(c.Text())
	case "external-ruleset", "ruleset-reference":
		g.Ruleset = c.Token()
	case "note-well":
		if g.NoteWell = trim(c.Text()); g.NoteWell != "" {
			g.NoteWellLang = language(c.Lang())
		}
	default:
		return false
	}
	return true
}

// mostNamed bounds the broken shapes of one place whose faults are told.
const mostNamed = 32

func (g *Geopriv) info(n xmltok.Node) {
	if g.Info == nil {
		g.Info = make([]Chunk, 0, 2)
	}
	broken := 0
	for c := range n.Children() {
		v := of(c)
		switch name := c.Local(); {
		case v.civic() && name == "civicAddress":
			g.Info = append(g.Info, Chunk{Civic: readCivic(c)})
		case v.confidence() && name == "confidence":
			g.confidence(c)
		case v.geometry() && knownShape(name):
			s, err := readShape(c, broken >= mostNamed)
			if err != nil {
				broken++
			}
			g.Info = append(g.Info, Chunk{Shape: s, Err: err})
		default:
			if s := c.Space(); s != SpaceGeopriv && s != "" {
				g.Info = append(g.Info, Chunk{Foreign: xmltok.Foreign(c)})
			}
		}
	}
	if len(g.Info) == 0 {
		g.Info = nil
	}
	if !g.uncertain() {
		g.Confidence, g.Distribution = 0, "" // means nothing for a point (RFC 7459, section 4.1)
	}
}

func (g *Geopriv) confidence(n xmltok.Node) {
	text := n.Token()
	if strings.EqualFold(text, "unknown") {
		g.Confidence = UnknownConfidence
	} else if v, err := strconv.ParseFloat(text, 64); err == nil && v > 0 && v < 100 {
		g.Confidence = v
	} else {
		return
	}
	if pdf := strings.TrimSpace(n.Attr("pdf")); isDistribution(pdf) {
		g.Distribution = pdf
	}
}

// uncertain reports whether there is anything but points.
func (g *Geopriv) uncertain() bool {
	for _, c := range g.Info {
		if _, point := c.Shape.(Point); !point {
			return true
		}
	}
	return false
}

func isDistribution(s string) bool {
	return s == PDFNormal || s == PDFRectangular || s == PDFUnknown
}

// ParseTime reads an xs:dateTime to the millisecond. One without zone is taken
// as UTC.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if len(s) > 40 {
		return time.Time{}, errors.New("not a date and time")
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		s = strings.ToUpper(s) // "t" and "z" are met
		if t, err = time.Parse(time.RFC3339, s); err != nil {
			t, err = time.Parse("2006-01-02T15:04:05", s)
		}
	}
	t = t.UTC()
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errors.New("not a date and time")
	}
	return t.Truncate(time.Millisecond), nil
}

func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
