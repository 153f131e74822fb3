package lvf

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// Validate tells what is known about c.
func (x *Index) Validate(c e911.Civic, o Options) Result {
	if r, ok := x.direct(&c, o); ok {
		return r
	}
	r := x.judged(c, o)
	if o.NoCandidates {
		r.Candidates = nil
	} else if r.Verdict != e911.VerdictValid && legible(r.Faults) {
		r.Candidates = x.candidates(c, &r, o)
	}
	return r
}

// legible reports that no text is too long or holds what nobody can read; such
// text is compared with nothing.
func legible(faults []civic.Fault) bool {
	return !slices.ContainsFunc(faults, func(f civic.Fault) bool {
		return f.Kind == civic.FaultCharacters || f.Kind == civic.FaultLength
	})
}

// judged is Validate without candidates, but for those of lesser layers.
func (x *Index) judged(c e911.Civic, o Options) Result {
	report := civic.Checker{Postal: o.Postal}.Check(c)
	out := Result{
		Verdict: e911.VerdictUnverified, Fields: report.Fields, Address: report.Address,
		Dispatchable: report.Dispatchable, Missing: report.Missing, Faults: report.Faults,
	}
	if report.Verdict == civic.Invalid {
		out.Verdict = e911.VerdictInvalid
	}
	if !legible(report.Faults) {
		return out
	}
	sound := !slices.ContainsFunc(report.Faults, func(f civic.Fault) bool { return !f.Doubt && !tabular(f) })
	var first *judgement
	for l := range x.allowed(o) {
		q := l.ask(&report.Address, o.Now, false)
		j, covers := l.judge(&q)
		if !covers {
			continue
		}
		if j.verdict == e911.VerdictValid && first != nil && first.verdict == e911.VerdictInvalid {
			address, _ := j.canonical(report.Address)
			out.Candidates = append(out.Candidates, j.candidate(report.Address, address, true))
			continue
		}
		if first == nil || first.verdict == e911.VerdictUnverified && j.verdict != e911.VerdictUnverified {
			first = &j
		}
		if first.verdict == e911.VerdictValid {
			break
		}
	}
	if first != nil {
		first.settle(&out, sound)
	}
	return out
}

// tabular is a fault that comes from a table of postal codes and states, which a
// layer that has the code outranks.
func tabular(f civic.Fault) bool {
	return f.Field == "PC" && (f.Kind == civic.FaultUnknown || f.Kind == civic.FaultDisagrees)
}

// settle writes what a layer says into the result. An address whose structure is
// not sound stays invalid; the layer tells where it may be.
func (j *judgement) settle(out *Result, sound bool) {
	out.Layer = j.layer.info
	asked := out.Address
	coded := j.chosen && j.question.sameCode(j.area())
	if coded && sound && j.verdict == e911.VerdictValid {
		out.Faults = slices.DeleteFunc(slices.Clone(out.Faults), func(f civic.Fault) bool { return f.Field == "PC" })
	}
	sound = sound && !slices.ContainsFunc(out.Faults, func(f civic.Fault) bool { return !f.Doubt })
	if j.fault.Field != "" {
		out.Faults = append(slices.Clone(out.Faults), j.fault)
	}
	if sound {
		out.Verdict = j.verdict
		out.Fields = j.fields(&asked)
	}
	if out.Verdict == e911.VerdictValid {
		j.accept(out)
		return
	}
	out.Dispatchable = out.Dispatchable && out.Verdict != e911.VerdictInvalid
	if j.chosen {
		area := j.choice.area
		out.Point, out.Method = &area, j.choice.method
		return
	}
	if area, method, ok := j.layer.roughly(&j.question, j.places); ok {
		out.Point, out.Method = &area, method
	}
}

// accept completes the result of a valid address.
func (j *judgement) accept(out *Result) {
	l, h := j.layer, j.choice.hit
	out.Address, out.MSAG = j.canonical(out.Address)
	area := j.choice.area
	out.Point, out.Method = &area, j.choice.method
	if h.address >= 0 {
		out.Feature = l.AddressID(h.address)
	} else {
		out.Feature = l.StreetID(h.segment)
	}
	out.Multiple = j.found.multiple
	out.Missing = civic.Missing(out.Address)
	c := &out.Address
	if out.Multiple && c.UNIT == "" && c.FLR == "" && c.ROOM == "" && !slices.Contains(out.Missing, "FLR") {
		out.Missing = append(out.Missing, "FLR")
	}
	out.Dispatchable = len(out.Missing) == 0
}

// direct answers for an address that is written exactly as a layer writes it,
// by far the most after the first validation, without normalising it. It has
// the same answer as judged or none.
func (x *Index) direct(c *e911.Civic, o Options) (Result, bool) {
	if x == nil || !plain(c) {
		return Result{}, false
	}
	for l := range x.allowed(o) {
		q := l.ask(c, o.Now, true)
		if q.street >= 0 {
			j := judgement{layer: l, question: q, found: l.find(&q), verdict: e911.VerdictValid}
			if j.choice, j.chosen = l.choose(&j.found); j.chosen && j.choice.code && (c.PC == "" || q.sameCode(j.area())) {
				out := Result{Verdict: e911.VerdictValid, Address: *c, Layer: l.info, Fields: j.fields(c)}
				j.accept(&out)
				return out, true
			}
		}
		if len(l.covered(&q)) > 0 {
			return Result{}, false
		}
		if field, _ := l.denied(&q); field != "" {
			return Result{}, false
		}
	}
	return Result{}, false
}

// plain reports an address that civic.Normalize would not change and in which
// civic.Check finds no fault of structure beside its street and what a table of
// postal codes says: printable ASCII of modest length, state and country in two
// letters that agree, a house number of one to six digits, unit, floor and room
// in the simplest form.
func plain(c *e911.Civic) bool {
	for name, v := range c.All() {
		switch name {
		case "HNP", "HNS", "LMK", "PLC", "POBOX", "ADDCODE", "MP", "PN", "WING", "SEAT", "PCE":
			return false
		}
		if !tidy(v) {
			return false
		}
	}
	s, ok := civic.StateOf(c.A1)
	if !ok || s.Code != c.A1 || s.Country() != c.Country || len(c.HNO) == 0 || len(c.HNO) > 6 || c.HNO[0] == '0' || !digits(c.HNO) || c.RD == "" {
		return false
	}
	if c.PC != "" && (len(c.PC) != 5 || !digits(c.PC) || c.Country != "US") || c.PC == "" && c.A3 == "" && c.PCN == "" && c.A2 == "" {
		return false
	}
	return bare(c.FLR, 3) && bare(c.ROOM, 6) && bare(unitValue(c.UNIT), 6) && !typed(c.BLD)
}

// unitValue is what follows the commonest designators.
func unitValue(unit string) string {
	for _, d := range [...]string{"Suite ", "Apartment "} {
		if len(unit) > len(d) && unit[:len(d)] == d {
			return unit[len(d):]
		}
	}
	return unit
}

// typed reports a building's name of two words that may be a type and a number.
func typed(building string) bool {
	return strings.Count(building, " ") == 1 && strings.ContainsRune("BbTtEe", rune(building[0]))
}

// bare reports digits without leading zeros, or nothing.
func bare(s string, longest int) bool {
	return s == "" || len(s) <= longest && s[0] != '0' && digits(s)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// tidy reports printable ASCII, single spaces, nothing to trim.
func tidy(s string) bool {
	if len(s) > 30 || s[0] == ' ' || s[0] == ',' || s[0] == ';' {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && s[i-1] == ' ' {
			return false
		}
	}
	last := s[len(s)-1]
	return last != ' ' && last != ',' && last != ';'
}
