package ecrf

import (
	"cmp"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// field is one field of an address with its value in a form to compare.
type field struct{ name, value string }

// fieldsOf lists what an address must have to lie in a boundary that names it.
func fieldsOf(c e911.Civic) (list []field) {
	if c == (e911.Civic{}) {
		return nil
	}
	for _, name := range e911.CivicFieldNames() {
		if v := comparable(name, c.Get(name)); v != "" {
			list = append(list, field{name, v})
		}
	}
	return list
}

// comparable is a value of a field so that two spellings of it are equal.
func comparable(name, value string) string {
	value = plain(value)
	switch name {
	case "A1":
		if state, ok := civic.StateOf(value); ok {
			return strings.ToLower(state.Code)
		}
	case "A2":
		return bareCounty(value)
	}
	return value
}

// plain is text in lower case with single spaces.
func plain(s string) string {
	before := byte(' ')
	for _, c := range []byte(s) {
		if c >= 0x80 || c < ' ' || c == ' ' && before == ' ' {
			before = ' '
			break
		}
		before = c
	}
	if before == ' ' && s != "" {
		s = strings.Join(strings.Fields(s), " ")
	}
	return strings.ToLower(s)
}

// question is an address that many boundaries are compared with; each field is
// brought into its form once.
type question struct {
	c     *e911.Civic
	known []field
}

// value is a field in the form to compare. An address that names no country has
// that of its state.
func (q *question) value(name string) string {
	for i := range q.known {
		if q.known[i].name == name {
			return q.known[i].value
		}
	}
	v := comparable(name, q.c.Get(name))
	if v == "" && name == "country" {
		if state, ok := civic.StateOf(q.c.A1); ok {
			v = strings.ToLower(state.Country())
		}
	}
	q.known = append(q.known, field{name, v})
	return v
}

// agrees reports that the address has every field.
func (q *question) agrees(fields []field) bool {
	for _, f := range fields {
		if q.value(f.name) != f.value {
			return false
		}
	}
	return true
}

func stateIn(fields []field) string {
	for _, f := range fields {
		if f.name == "A1" {
			return f.value
		}
	}
	return ""
}

// named lists the rows whose boundary names a part of the address, those with
// the most fields first, a demonstration layer last.
func (s *service) named(c *e911.Civic) []*row {
	var list []*row
	var room [8]field
	q := question{c: c, known: room[:0]}
	take := func(a1 string) {
		for _, i := range s.byA1[a1] {
			if q.agrees(s.rows[i].civic) {
				list = append(list, s.rows[i])
			}
		}
	}
	take("")
	if a1 := q.value("A1"); a1 != "" {
		take(a1)
	}
	slices.SortFunc(list, func(a, b *row) int { return cmp.Or(compareNamed(a, b), a.compare(b)) })
	return list
}

// compareNamed is 0 for two rows between which an address alone cannot choose.
func compareNamed(a, b *row) int {
	if demo := cmp.Compare(max(a.grade, demonstration-1), max(b.grade, demonstration-1)); demo != 0 {
		return demo
	}
	return cmp.Or(cmp.Compare(len(b.civic), len(a.civic)), cmp.Compare(a.grade, b.grade))
}

// byAddress finds the boundary that names most of the address; onlyNamed leaves
// out those that have an area, which a point has disproved. Where two that are
// as good mean different PSAPs, none is chosen.
func byAddress(chain []*service, place e911.Place, o Options, onlyNamed bool) (Hit, bool, []e911.Finding) {
	var all []e911.Finding
	for _, s := range chain {
		var list []*row
		for _, r := range s.named(&place.Civic) {
			if !onlyNamed || len(r.area()) == 0 {
				list = append(list, r)
			}
		}
		hit, ok, findings := chooseNamed(list, place, o)
		all = append(all, findings...)
		if ok {
			return hit, true, all
		}
	}
	if len(all) == 0 {
		f := e911.Finding{Rule: RuleCounty, Place: place.Display, Why: "the place has no point, and no boundary names its address"}
		if place.Civic.A1 != "" {
			f.Said = strings.TrimPrefix(place.Civic.A2+", "+place.Civic.A1, ", ")
		}
		all = append(all, f)
	}
	return Hit{}, false, all
}

func chooseNamed(list []*row, place e911.Place, o Options) (Hit, bool, []e911.Finding) {
	var open []*row
	for _, r := range list {
		if r.active(o) && r.allowed(o) {
			open = append(open, r)
		}
	}
	unclear := len(open) > 1 && compareNamed(open[0], open[1]) == 0 && !samePSAP(&open[0].hit, &open[1].hit)
	var chosen *row
	var findings []e911.Finding
	for _, r := range list {
		f := e911.Finding{Rule: RuleAddress, Said: r.hit.Name(), Place: place.Display}
		if r.hit.Boundary == nil {
			f.Rule = RuleCounty
		}
		switch {
		case !r.active(o):
			f.Why = "the boundary does not hold at this time"
		case !r.allowed(o):
			f.Why = demonstrationOnly
		case unclear && compareNamed(open[0], r) == 0:
			f.Why = "several PSAPs have this part of the address; without a point none can be chosen"
		case chosen == nil && !unclear:
			chosen = r
			f.Chosen, f.Why = true, "the address lies in what this boundary names"
		default:
			f.Why = "another boundary names more of the address, or is of a better grade"
		}
		findings = append(findings, f)
	}
	if chosen == nil {
		return Hit{}, false, findings
	}
	return chosen.hit, true, findings
}

// samePSAP reports that two hits send a call to the same.
func samePSAP(a, b *Hit) bool {
	if a.PSAP.ID != "" || b.PSAP.ID != "" {
		return a.PSAP.ID == b.PSAP.ID
	}
	return a.PSAP.Key == b.PSAP.Key
}

// ByCivic returns the boundary that names most of an address.
func (x *Index) ByCivic(c e911.Civic, o Options) Served {
	hit, ok, findings := x.Resolve(e911.Place{Civic: c}, o)
	if !ok {
		return Served{Withheld: slices.ContainsFunc(findings, func(f e911.Finding) bool { return f.Why == demonstrationOnly })}
	}
	return served([]Hit{hit}, o)
}

// bareCounty makes "Middlesex County" and "middlesex" the same.
func bareCounty(name string) string {
	name = plain(name)
	for _, suffix := range []string{" county", " parish", " city and borough", " borough", " census area", " municipality", " municipio", " municipio."} {
		if bare, ok := strings.CutSuffix(name, suffix); ok && bare != "" {
			return bare
		}
	}
	return name
}
