package calldata

import (
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
)

// VCard says who somebody is and how to reach him (RFC 6351). Its properties
// are those of RFC 6350 in lower case; the functions NewText, NewURI, NewName
// and NewAddress make the usual ones:
//
//	calldata.VCard{Properties: []calldata.Property{
//		calldata.NewText("fn", "Harbor Foods"),
//		calldata.NewURI("tel", "tel:+16175550100", "main-number", "work"),
//	}}
type VCard struct {
	Properties []Property
	Groups     []Group
	Extensions []foreign.Element
}

// Group is properties that belong together, an address and its label.
type Group struct {
	Name       string
	Properties []Property
}

// Property is one line of a card. A simple one has a value of kind "text",
// "uri", "date" ...; the parts of a structured one ("n", "adr", "gender",
// "clientpidmap") have the names of their elements for kinds. An org has its
// units as several texts.
type Property struct {
	Name   string // "fn", "tel"
	Params []Param
	Values []Value
}

// Param qualifies a property: "type" with the texts "work" and "voice".
type Param struct {
	Name   string
	Values []Value
}

// Value is a text with the name of its element.
type Value struct{ Kind, Text string }

// NewText makes a property with one text and perhaps types ("work").
func NewText(name, text string, types ...string) Property {
	return Property{Name: name, Params: typed(types), Values: []Value{{"text", text}}}
}

// NewURI makes a property with a URI and perhaps types ("main-number").
func NewURI(name, uri string, types ...string) Property {
	return Property{Name: name, Params: typed(types), Values: []Value{{"uri", uri}}}
}

// NewName makes the property "n".
func NewName(surname, given string) Property {
	return Property{Name: "n", Values: []Value{{"surname", surname}, {"given", given}}}
}

// Address is a postal address in the parts of vCard.
type Address struct {
	Box, Extended, Street, Locality, Region, Code, Country string
}

// NewAddress makes the property "adr"; parts that are empty are left out.
func NewAddress(a Address, types ...string) Property {
	p := Property{Name: "adr", Params: typed(types)}
	for _, v := range []Value{
		{"pobox", a.Box},
		{"ext", a.Extended},
		{"street", a.Street},
		{"locality", a.Locality},
		{"region", a.Region},
		{"code", a.Code},
		{"country", a.Country},
	} {
		if v.Text != "" {
			p.Values = append(p.Values, v)
		}
	}
	return p
}

func typed(types []string) []Param {
	if len(types) == 0 {
		return nil
	}
	p := Param{Name: "type"}
	for _, t := range types {
		p.Values = append(p.Values, Value{"text", t})
	}
	return []Param{p}
}

// Address returns the parts of an "adr"; a part that stands several times is
// joined with ", ".
func (p Property) Address() Address {
	part := func(kind string) string { return strings.Join(p.All(kind), ", ") }
	return Address{
		Box: part("pobox"), Extended: part("ext"), Street: part("street"), Locality: part("locality"),
		Region: part("region"), Code: part("code"), Country: part("country"),
	}
}

// All returns the texts of the values of one kind.
func (p Property) All(kind string) []string {
	var texts []string
	for _, v := range p.Values {
		if v.Kind == kind {
			texts = append(texts, v.Text)
		}
	}
	return texts
}

// Text is the first value, whatever its kind.
func (p Property) Text() string {
	if len(p.Values) == 0 {
		return ""
	}
	return p.Values[0].Text
}

// Typed reports whether the property has that type ("main-number"), case aside.
func (p Property) Typed(as string) bool {
	for _, param := range p.Params {
		if param.Name != "type" {
			continue
		}
		for _, v := range param.Values {
			if strings.EqualFold(v.Text, as) {
				return true
			}
		}
	}
	return false
}

// Find returns the properties of one name, those in groups last.
func (c VCard) Find(name string) []Property {
	var found []Property
	for _, p := range c.Properties {
		if p.Name == name {
			found = append(found, p)
		}
	}
	for _, g := range c.Groups {
		for _, p := range g.Properties {
			if p.Name == name {
				found = append(found, p)
			}
		}
	}
	return found
}

// Text is the text of the first property of one name, empty when there is none.
func (c VCard) Text(name string) string {
	if found := c.Find(name); len(found) > 0 {
		return found[0].Text()
	}
	return ""
}
