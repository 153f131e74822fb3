package sheet

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// field is a column with how it is written from a value and read into one.
type field[T any] struct {
	Column
	get func(s *state, v *T) string
	// set puts in the mended text of a cell; empty clears. Nil: the column is read
	// only, or is read by the kind itself.
	set func(r *row, v *T, s string)
}

// kindTable is all that is known of a kind.
type kindTable[T any] struct {
	kind   Kind
	fields []field[T]
	// fresh begins a new object; it may look at the row's cells.
	fresh func(r *row, key string) T
	// find names what the row is about: the key that its object has or will have. Nil:
	// the first column is the key.
	find func(r *row) (key string, ok bool)
	// after has the last word on a row: before is the stored object, nil for a new one.
	after func(r *row, before, v *T)
}

// anyTable is a kindTable of whatever type.
type anyTable interface {
	columns() []Column
	read(r *row)
	write(s *state, o admin.Object, columns []Column) []string
}

func tableOf(k Kind) anyTable {
	switch k {
	case Users:
		return users()
	case Devices:
		return devices()
	case Buildings:
		return buildings()
	case Locations:
		return locations()
	case Elements:
		return elements()
	case Numbers:
		return numbers()
	case Alerts:
		return alerts()
	case Sites:
		return sites()
	}
	return nil
}

func columnsOf(k Kind) []Column {
	t := tableOf(k)
	if t == nil {
		return nil
	}
	return t.columns()
}

func (t kindTable[T]) columns() []Column {
	out := make([]Column, len(t.fields))
	for i, f := range t.fields {
		out[i] = f.Column
		out[i].Aliases, out[i].Values = slices.Clone(f.Aliases), slices.Clone(f.Values)
	}
	return out
}

func (t kindTable[T]) write(s *state, o admin.Object, columns []Column) []string {
	v := o.Value.(T)
	cells := make([]string, len(columns))
	for i, c := range columns {
		for _, f := range t.fields {
			switch {
			case f.Name == c.Name && f.get != nil:
				cells[i] = f.get(s, &v)
			case f.Name == alertColumn && strings.HasPrefix(c.Name, alertColumn):
				cells[i] = told(s, strings.TrimPrefix(c.Name, alertColumn), o.Value)
			}
		}
	}
	return cells
}

// keyOf is the key of a stored object by its id, for references.
func keyOf[I ~string](s *state, kind e911.ObjectKind, id I) string {
	if id == "" {
		return ""
	}
	o, ok := s.byID(kind, string(id))
	if !ok {
		return ""
	}
	return admin.KeyOf(o.Value)
}

// The makers of fields.

func text[T any](c Column, at func(*T) *string) field[T] {
	return field[T]{
		c, func(_ *state, v *T) string { return *at(v) },
		func(_ *row, v *T, s string) { *at(v) = s },
	}
}

func words[T any, S ~string](c Column, at func(*T) *S) field[T] {
	return field[T]{
		c, func(_ *state, v *T) string { return string(*at(v)) },
		func(_ *row, v *T, s string) { *at(v) = S(s) },
	}
}

func refers[T any, I ~string](c Column, kind e911.ObjectKind, at func(*T) *I) field[T] {
	c.Form = Key
	return field[T]{
		c, func(s *state, v *T) string { return keyOf(s, kind, *at(v)) },
		func(r *row, v *T, s string) {
			if s == "" {
				*at(v) = ""
			} else if id, ok := r.refer(c.Name, kind, s); ok {
				*at(v) = I(id)
			}
		},
	}
}

func shown[T any](name, help string, get func(s *state, v *T) string) field[T] {
	return field[T]{Column{Name: name, Form: Text, ReadOnly: true, Help: help}, get, nil}
}

// input is a column that is understood and not written.
func input[T any](c Column) field[T] {
	c.Input = true
	return field[T]{Column: c}
}

func keyColumn[T any](what, example string, aliases ...string) field[T] {
	return field[T]{Column: Column{
		Name: "key", Aliases: aliases, Form: Key, Required: true, Example: example,
		Help: "what you name the " + what + " by: letters, digits and . _ : / -",
	}, get: func(_ *state, v *T) string { return admin.KeyOf(*v) }}
}

func siteColumn[T any](at func(*T) *e911.SiteID, aliases ...string) field[T] {
	return refers(Column{Name: "site", Aliases: append([]string{"site key"}, aliases...), Required: true, Example: "hq", Help: "key of its site"}, e911.KindSite, at)
}

func ecbnColumns[T any](at func(*T) *e911.ECBN) []field[T] {
	return []field[T]{
		words(Column{
			Name: "ecbn.choice", Aliases: []string{"ecbn choice", "emergency callback"}, Form: Choice,
			Values: []string{string(e911.ECBNDirect), string(e911.ECBNLocation), string(e911.ECBNMember)},
			Help:   "who is called back; empty: the number of the area or the site",
		}, func(v *T) *e911.ECBNChoice { return &at(v).Choice }),
		words(Column{
			Name: "ecbn.member", Aliases: []string{"ecbn member"}, Form: Phone,
			Help: "with LOCATION_MEMBER_NUMBER: the number of somebody of the same site",
		}, func(v *T) *e911.Number { return &at(v).Member }),
	}
}

func languageColumn[T any](at func(*T) *string) field[T] {
	return text(Column{
		Name: "language", Aliases: []string{"preferred language"}, Form: Text, Example: "en", Help: "spoken with a relay centre: en or fr",
	}, at)
}

// civicColumns are the fields of an address by their PIDF-LO names (RFC 5139).
func civicColumns[T any](without []string, at func(*T) *e911.Civic) []field[T] {
	var out []field[T]
	for _, name := range e911.CivicFieldNames() {
		if slices.Contains(without, name) {
			continue
		}
		h := civicHelp[name]
		form := Text
		switch name {
		case "PC":
			form = Postal
		case "HNO", "FLR", "ROOM", "UNIT", "SEAT", "ADDCODE", "MP":
			form = Key // 1-2 and 1/2 are dates to a spreadsheet
		}
		out = append(out, field[T]{
			Column{Name: name, Aliases: append([]string{"address." + name}, h.aliases...), Form: form, Example: h.example, Help: h.help},
			func(_ *state, v *T) string { return at(v).Get(name) },
			func(_ *row, v *T, s string) { at(v).Set(name, s) },
		})
	}
	return out
}

type civicWords struct {
	help, example string
	aliases       []string
}

var civicHelp = map[string]civicWords{
	"country": {"two letters", "US", nil},
	"A1":      {"state or province, two letters", "MA", []string{"state", "province"}},
	"A2":      {"county", "Middlesex County", []string{"county"}},
	"A3":      {"city", "Cambridge", []string{"city"}},
	"A4":      {"neighbourhood or borough", "", []string{"neighborhood", "neighbourhood"}},
	"A5":      {"part of that", "", nil},
	"PRM":     {"street name: modifier before", "", nil},
	"PRD":     {"street name: direction before", "", []string{"street direction"}},
	"STP":     {"street name: type before", "", nil},
	"STPS":    {"between that and the name", "", nil},
	"RD":      {"street name", "Massachusetts", []string{"street", "street name"}},
	"STS":     {"street type behind", "Avenue", []string{"street type", "street suffix"}},
	"POD":     {"direction behind", "", nil},
	"POM":     {"modifier behind", "", nil},
	"HNP":     {"house number: prefix", "", nil},
	"HNO":     {"house number", "795", []string{"house number", "street number"}},
	"HNS":     {"house number: suffix", "", nil},
	"LMK":     {"landmark", "", []string{"landmark"}},
	"LOC":     {"other words that find the place", "beside the east lift", []string{"additional location"}},
	"FLR":     {"floor", "2", []string{"floor"}},
	"NAM":     {"name of the place", "", nil},
	"PC":      {"postal code", "02139", []string{"postal code", "zip", "zip code", "postcode"}},
	"UNIT":    {"unit or suite", "", []string{"unit", "suite"}},
	"ROOM":    {"room", "210", []string{"room"}},
	"SEAT":    {"seat or desk", "", []string{"seat", "desk"}},
	"PLC":     {"type of place", "", nil},
	"PCN":     {"postal community", "", []string{"postal community"}},
	"ADDCODE": {"additional code", "", nil},
	"MP":      {"milepost", "", []string{"milepost"}},
	"PN":      {"post or pole number", "", nil},
	"SITE":    {"name of the site in the address", "", nil},
	"SUBSITE": {"part of it", "", nil},
	"WING":    {"wing", "", []string{"wing"}},
	"PCE":     {"postal code extension", "", nil},
	"POBOX":   {"post office box", "", nil},
	"BLD":     {"building", "", nil},
}
