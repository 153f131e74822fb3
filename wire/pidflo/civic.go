package pidflo

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Namespaces of civic fields.
const (
	SpaceCivic    = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"     // RFC 5139
	SpaceCivicExt = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr:ext" // RFC 6848: PN MP STP HNP
	SpaceNENA1    = "urn:nena:xml:ns:pidf:nenaCivicAddr"                  // CLDXF: STPS
	SpaceNENA2    = "urn:nena:xml:ns:pidf:nenaCivicAddr2"                 // CLDXF: SITE SUBSITE WING PCE ...
)

// fieldName is a known field. Start and end are its tags as they are written.
type fieldName struct {
	space, name string
	bare        bool // its type has no xml:lang
	start, end  string
}

// known has the fields in the order in which they are written: that of the
// schema of RFC 5139, section 4, then RFC 6848, then CLDXF-US (NENA-STA-004.2).
var known = func() []fieldName {
	var list []fieldName
	add := func(space, prefix, names string) {
		for name := range strings.FieldsSeq(names) {
			bare := name == "country" || name == "PLC" || name == "STPS"
			list = append(list, fieldName{space, name, bare, "<" + prefix + name + ">", "</" + prefix + name + ">"})
		}
	}
	add(SpaceCivic, "ca:", "country A1 A2 A3 A4 A5 A6 PRM PRD RD STS POD POM RDSEC RDBR RDSUBBR HNO HNS LMK LOC FLR "+
		"NAM PC BLD UNIT ROOM SEAT PLC PCN POBOX ADDCODE")
	add(SpaceCivicExt, "cae:", "PN MP STP HNP")
	add(SpaceNENA1, "cdx1:", "STPS")
	add(SpaceNENA2, "cdx2:", "SITE SUBSITE WING UNIT_PRETYPE UNIT_VALUE SECTION ROW PCE DT HNC")
	return list
}()

// unknownField is the rank of a field that is not in known.
const unknownField = 255

var rankOf = func() map[string]uint8 {
	m := make(map[string]uint8, len(known))
	for i, k := range known {
		m[k.name] = uint8(i)
	}
	return m
}()

// Field is one civic field: an element with a text and perhaps xml:lang. An
// unknown one is kept as it came, because who forwards an address must not lose
// what he does not know (RFC 6848, section 2.1).
type Field struct {
	Space string // namespace
	Name  string // local name, "HNO"
	Value string // white space collapsed; an empty field is not written
	Lang  string // xml:lang of the field, mostly empty; country, PLC and STPS have none
}

// rank is the field's place in known, or unknownField.
func (f *Field) rank() uint8 {
	if i, ok := rankOf[f.Name]; ok && known[i].space == f.Space {
		return i
	}
	return unknownField
}

// Civic is a civic address. Decoders give its fields in the order of the
// schema, whatever order the document had. A field of RFC 5139 stands once;
// one of another namespace may stand several times.
type Civic struct {
	Lang       string // xml:lang of the address, mostly empty
	Fields     []Field
	Extensions []foreign.Element // of other vocabularies, with markup or attributes inside
}

// CivicSpace returns the namespace in which the field stands: "HNO" in RFC
// 5139's, "STP" in RFC 6848's, "WING" in NENA's; ok is false for a name that
// none of them has.
func CivicSpace(name string) (space string, ok bool) {
	i, ok := rankOf[name]
	if !ok {
		return "", false
	}
	return known[i].space, true
}

// Get returns the value of a known field by its local name, empty when absent.
// A6, the street name of RFC 4119, answers for an absent RD, which replaced it
// (RFC 5139, section 3.2).
func (c *Civic) Get(name string) string {
	space, ok := CivicSpace(name)
	if !ok {
		return ""
	}
	for _, f := range c.Fields {
		if f.Name == name && f.Space == space {
			return f.Value
		}
	}
	if name == "RD" {
		return c.Get("A6")
	}
	return ""
}

// Set writes a known field, takes it away when value is empty, and reports
// whether the name is known.
func (c *Civic) Set(name, value string) bool {
	space, ok := CivicSpace(name)
	if !ok {
		return false
	}
	value = xmltok.Collapse(value)
	for i, f := range c.Fields {
		if f.Name != name || f.Space != space {
			continue
		}
		if value == "" {
			c.Fields = append(c.Fields[:i], c.Fields[i+1:]...)
		} else {
			c.Fields[i].Value = value
		}
		return true
	}
	if value != "" {
		c.Fields = append(c.Fields, Field{Space: space, Name: name, Value: value})
	}
	return true
}

// CivicFromNode reads a civicAddress element inside another document.
func CivicFromNode(n xmltok.Node) (*Civic, error) {
	if n.Local() != "civicAddress" || !of(n).civic() {
		return nil, n.Errorf("not a civicAddress")
	}
	return readCivic(n), nil
}

func readCivic(n xmltok.Node) *Civic {
	c := &Civic{Lang: language(n.Lang())}
	count := 0
	for range n.Children() {
		count++
	}
	if count > 0 {
		c.Fields = make([]Field, 0, count)
	}
	sorted, last := true, uint8(0)
	for child := range n.Children() {
		space := fieldSpace(child, n.Space())
		if space != SpaceCivic && !simple(child) {
			c.Extensions = keep(c.Extensions, child, SpaceCivic)
			continue
		}
		f := Field{Space: space, Name: child.Local(), Value: child.DeepToken()}
		if f.Value == "" {
			continue
		}
		r := f.rank()
		if r == 0 && len(f.Value) == 2 {
			f.Value = strings.ToUpper(f.Value)
		}
		if r == unknownField || !known[r].bare {
			f.Lang = language(child.Lang())
		}
		sorted = sorted && r >= last
		last = r
		c.Fields = append(c.Fields, f)
	}
	if len(c.Fields) == 0 {
		c.Fields = nil
	}
	if !sorted {
		slices.SortStableFunc(c.Fields, func(a, b Field) int { return int(a.rank()) - int(b.rank()) })
	}
	return c
}

// fieldSpace returns the namespace that a field is taken to be of. Names that
// only an extension has are met in the namespace of RFC 5139, and names of
// nenaCivicAddr2 in its predecessor; they are put where they belong. A name of
// RFC 5139 in any other namespace is somebody else's.
func fieldSpace(n xmltok.Node, around string) string {
	space := n.Space()
	switch {
	case space == around || of(n).civic():
		if s, ok := CivicSpace(n.Local()); ok {
			return s
		}
		return SpaceCivic
	case space == SpaceNENA1:
		if s, ok := CivicSpace(n.Local()); ok && s == SpaceNENA2 {
			return s
		}
	}
	return space
}

// simple reports whether the element is a text with at most xml:lang.
func simple(n xmltok.Node) bool {
	for range n.Children() {
		return false
	}
	for _, a := range n.Attrs() {
		if a.Space != xmltok.SpaceXML || a.Local != "lang" || !xmltok.IsLanguage(a.Value) {
			return false
		}
	}
	return n.Token() != ""
}
