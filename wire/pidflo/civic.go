package pidflo

import (
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
)

// Namespaces of civic fields.
const (
	SpaceCivic    = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"     // RFC 5139
	SpaceCivicExt = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr:ext" // RFC 6848: PN MP STP HNP
	SpaceNENA1    = "urn:nena:xml:ns:pidf:nenaCivicAddr"                  // CLDXF: STPS
	SpaceNENA2    = "urn:nena:xml:ns:pidf:nenaCivicAddr2"                 // CLDXF: SITE SUBSITE WING PCE ...
)

// civicOrder is the order of the schema of RFC 5139, section 4. A writer that
// breaks it makes an invalid document.
var civicOrder = [...]string{
	"country", "A1", "A2", "A3", "A4", "A5", "A6", "PRM", "PRD", "RD", "STS", "POD", "POM", "RDSEC", "RDBR",
	"RDSUBBR", "HNO", "HNS", "LMK", "LOC", "FLR", "NAM", "PC", "BLD", "UNIT", "ROOM", "SEAT", "PLC", "PCN",
	"POBOX", "ADDCODE",
}

// extensions says in which namespace the fields of RFC 6848 and of CLDXF-US
// (NENA-STA-004.2) stand, in the order in which they are written.
var extensions = [...]struct{ space, name string }{
	{SpaceCivicExt, "PN"},
	{SpaceCivicExt, "MP"},
	{SpaceCivicExt, "STP"},
	{SpaceCivicExt, "HNP"},
	{SpaceNENA1, "STPS"},
	{SpaceNENA2, "SITE"},
	{SpaceNENA2, "SUBSITE"},
	{SpaceNENA2, "WING"},
	{SpaceNENA2, "UNIT_PRETYPE"},
	{SpaceNENA2, "UNIT_VALUE"},
	{SpaceNENA2, "SECTION"},
	{SpaceNENA2, "ROW"},
	{SpaceNENA2, "PCE"},
	{SpaceNENA2, "DT"},
	{SpaceNENA2, "HNC"},
}

// Field is one civic field. An unknown one is kept as it came, because who
// forwards an address must not lose what he does not know (RFC 6848, section
// 2.1); markup inside it is reduced to its text.
type Field struct {
	Space string // namespace
	Name  string // local name, "HNO"
	Value string // white space collapsed
	Lang  string // xml:lang of the field, mostly empty
}

// Civic is a civic address. Decoders give its fields in the order of the
// schema, whatever order the document had.
type Civic struct {
	Lang       string // xml:lang of the address, mostly empty
	Fields     []Field
	Extensions []foreign.Element // of other vocabularies, with markup or attributes inside
}

// CivicSpace returns the namespace in which the field stands: "HNO" in RFC
// 5139's, "STP" in RFC 6848's, "WING" in NENA's; ok is false for a name that
// none of them has.
func CivicSpace(name string) (space string, ok bool) {
	for _, n := range civicOrder {
		if n == name {
			return SpaceCivic, true
		}
	}
	for _, e := range extensions {
		if e.name == name {
			return e.space, true
		}
	}
	return "", false
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
	value = strings.Join(strings.Fields(value), " ")
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
