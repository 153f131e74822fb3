package e911

import (
	"iter"
	"log/slog"
)

// Civic is a civic address in the fields of CLDXF-US (NENA-STA-004.2) under
// their PIDF-LO names (RFC 5139, RFC 6848). Fields that are absent are empty.
// It is comparable: two addresses that are == are the same text.
type Civic struct {
	Country string `json:"country,omitempty" yaml:"country,omitempty"`
	A1      string `json:"A1,omitempty" yaml:"A1,omitempty"`
	A2      string `json:"A2,omitempty" yaml:"A2,omitempty"`
	A3      string `json:"A3,omitempty" yaml:"A3,omitempty"`
	A4      string `json:"A4,omitempty" yaml:"A4,omitempty"`
	A5      string `json:"A5,omitempty" yaml:"A5,omitempty"`
	PRM     string `json:"PRM,omitempty" yaml:"PRM,omitempty"`
	PRD     string `json:"PRD,omitempty" yaml:"PRD,omitempty"`
	STP     string `json:"STP,omitempty" yaml:"STP,omitempty"`
	STPS    string `json:"STPS,omitempty" yaml:"STPS,omitempty"`
	RD      string `json:"RD,omitempty" yaml:"RD,omitempty"`
	STS     string `json:"STS,omitempty" yaml:"STS,omitempty"`
	POD     string `json:"POD,omitempty" yaml:"POD,omitempty"`
	POM     string `json:"POM,omitempty" yaml:"POM,omitempty"`
	HNP     string `json:"HNP,omitempty" yaml:"HNP,omitempty"`
	HNO     string `json:"HNO,omitempty" yaml:"HNO,omitempty"`
	HNS     string `json:"HNS,omitempty" yaml:"HNS,omitempty"`
	LMK     string `json:"LMK,omitempty" yaml:"LMK,omitempty"`
	LOC     string `json:"LOC,omitempty" yaml:"LOC,omitempty"`
	FLR     string `json:"FLR,omitempty" yaml:"FLR,omitempty"`
	NAM     string `json:"NAM,omitempty" yaml:"NAM,omitempty"`
	PC      string `json:"PC,omitempty" yaml:"PC,omitempty"`
	BLD     string `json:"BLD,omitempty" yaml:"BLD,omitempty"`
	UNIT    string `json:"UNIT,omitempty" yaml:"UNIT,omitempty"`
	ROOM    string `json:"ROOM,omitempty" yaml:"ROOM,omitempty"`
	SEAT    string `json:"SEAT,omitempty" yaml:"SEAT,omitempty"`
	PLC     string `json:"PLC,omitempty" yaml:"PLC,omitempty"`
	PCN     string `json:"PCN,omitempty" yaml:"PCN,omitempty"`
	POBOX   string `json:"POBOX,omitempty" yaml:"POBOX,omitempty"`
	ADDCODE string `json:"ADDCODE,omitempty" yaml:"ADDCODE,omitempty"`
	MP      string `json:"MP,omitempty" yaml:"MP,omitempty"`
	PN      string `json:"PN,omitempty" yaml:"PN,omitempty"`
	SITE    string `json:"SITE,omitempty" yaml:"SITE,omitempty"`
	SUBSITE string `json:"SUBSITE,omitempty" yaml:"SUBSITE,omitempty"`
	WING    string `json:"WING,omitempty" yaml:"WING,omitempty"`
	PCE     string `json:"PCE,omitempty" yaml:"PCE,omitempty"`
}

// civicFields lists the fields once, in the order of the schema.
var civicFields = []struct {
	name string
	ref  func(*Civic) *string
}{
	{"country", func(c *Civic) *string { return &c.Country }},
	{"A1", func(c *Civic) *string { return &c.A1 }},
	{"A2", func(c *Civic) *string { return &c.A2 }},
	{"A3", func(c *Civic) *string { return &c.A3 }},
	{"A4", func(c *Civic) *string { return &c.A4 }},
	{"A5", func(c *Civic) *string { return &c.A5 }},
	{"PRM", func(c *Civic) *string { return &c.PRM }},
	{"PRD", func(c *Civic) *string { return &c.PRD }},
	{"RD", func(c *Civic) *string { return &c.RD }},
	{"STS", func(c *Civic) *string { return &c.STS }},
	{"POD", func(c *Civic) *string { return &c.POD }},
	{"POM", func(c *Civic) *string { return &c.POM }},
	{"HNO", func(c *Civic) *string { return &c.HNO }},
	{"HNS", func(c *Civic) *string { return &c.HNS }},
	{"LMK", func(c *Civic) *string { return &c.LMK }},
	{"LOC", func(c *Civic) *string { return &c.LOC }},
	{"FLR", func(c *Civic) *string { return &c.FLR }},
	{"NAM", func(c *Civic) *string { return &c.NAM }},
	{"PC", func(c *Civic) *string { return &c.PC }},
	{"BLD", func(c *Civic) *string { return &c.BLD }},
	{"UNIT", func(c *Civic) *string { return &c.UNIT }},
	{"ROOM", func(c *Civic) *string { return &c.ROOM }},
	{"SEAT", func(c *Civic) *string { return &c.SEAT }},
	{"PLC", func(c *Civic) *string { return &c.PLC }},
	{"PCN", func(c *Civic) *string { return &c.PCN }},
	{"POBOX", func(c *Civic) *string { return &c.POBOX }},
	{"ADDCODE", func(c *Civic) *string { return &c.ADDCODE }},
	{"STP", func(c *Civic) *string { return &c.STP }},
	{"STPS", func(c *Civic) *string { return &c.STPS }},
	{"HNP", func(c *Civic) *string { return &c.HNP }},
	{"MP", func(c *Civic) *string { return &c.MP }},
	{"PN", func(c *Civic) *string { return &c.PN }},
	{"SITE", func(c *Civic) *string { return &c.SITE }},
	{"SUBSITE", func(c *Civic) *string { return &c.SUBSITE }},
	{"WING", func(c *Civic) *string { return &c.WING }},
	{"PCE", func(c *Civic) *string { return &c.PCE }},
}

// CivicFieldNames lists the PIDF-LO names that Civic knows, in schema order.
func CivicFieldNames() []string {
	names := make([]string, len(civicFields))
	for i, f := range civicFields {
		names[i] = f.name
	}
	return names
}

// All yields the fields that are set, by PIDF-LO name, in schema order.
func (c *Civic) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := range civicFields {
			if v := *civicFields[i].ref(c); v != "" && !yield(civicFields[i].name, v) {
				return
			}
		}
	}
}

// Get returns the field with the PIDF-LO name, empty when absent or unknown.
func (c *Civic) Get(name string) string {
	for _, f := range civicFields {
		if f.name == name {
			return *f.ref(c)
		}
	}
	return ""
}

// Set stores value under the PIDF-LO name and reports whether Civic has it.
func (c *Civic) Set(name, value string) bool {
	for _, f := range civicFields {
		if f.name == name {
			*f.ref(c) = value
			return true
		}
	}
	return false
}

// Merge returns c with every field that over has laid on top: a location's
// floor and room over its building's street address.
func (c Civic) Merge(over Civic) Civic {
	for _, f := range civicFields {
		if v := *f.ref(&over); v != "" {
			*f.ref(&c) = v
		}
	}
	return c
}

// Empty reports whether no field is set.
func (c Civic) Empty() bool { return c == Civic{} }

// LogValue tells country and state only.
func (c Civic) LogValue() slog.Value {
	return slog.StringValue("[address " + c.Country + " " + c.A1 + "]")
}
