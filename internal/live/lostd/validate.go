package lostd

import (
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/lvf"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// mostSimilar bounds the addresses that are proposed for an invalid one.
const mostSimilar = 5

// validation tells what is known of the fields of an address, as the query
// names them (RFC 5222, section 8.4.2), and until when it holds. Where an answer
// of the similar-location draft was asked for, it has the whole address or
// others that may have been meant.
func (s *Server) validation(q *question, m *lost.FindService, asked *pidflo.Civic, r *lvf.Result) *lost.Validation {
	out := verdicts(asked, r)
	if r.Layer != nil && !q.ahead() {
		out.Extensions = append(out.Extensions, s.agendaOf(q.snap).revalidateAfter(r.Address, q.now, q.demo))
	}
	wants := strings.ToLower(m.AdditionalLocation) // as wantsSimilar
	either := wants == "any"
	if (either || wants == "complete") && r.Verdict == e911.VerdictValid {
		out.Extensions = appendAddress(out.Extensions, "completeLocation", r.Address)
	}
	if (either || wants == "similar") && r.Verdict == e911.VerdictInvalid {
		for i := range r.Candidates[:min(len(r.Candidates), mostSimilar)] {
			if c := &r.Candidates[i]; c.Layer != nil && !c.Contested {
				out.Extensions = appendAddress(out.Extensions, "similarLocation", c.Address)
			}
		}
	}
	return out
}

// streetParts are the fields that a street's name in one field may hold, and
// numberParts those of a house number.
var (
	streetParts = []string{"PRM", "PRD", "STP", "STPS", "STS", "POD", "POM"}
	numberParts = []string{"HNP", "HNS"}
)

// verdicts sorts the fields of the query. The LVF speaks of the canonical form,
// in which a street in one field stands in several: the worst word on its parts
// is the word on all of it.
func verdicts(asked *pidflo.Civic, r *lvf.Result) *lost.Validation {
	word := make(map[string]civic.Verdict, len(r.Fields))
	for _, f := range r.Fields {
		word[f.Field] = f.Verdict
	}
	has := func(name string) bool { return asked.Get(name) != "" }
	fold := func(into string, parts []string) {
		for _, p := range parts {
			if !has(p) && word[p] == civic.Invalid {
				word[into] = civic.Invalid
			}
		}
	}
	fold("RD", streetParts)
	fold("HNO", numberParts)
	out := &lost.Validation{}
	seen := make(map[lost.Name]bool, len(asked.Fields))
	for i := range asked.Fields {
		f := &asked.Fields[i]
		name := lost.Name{Space: f.Space, Local: f.Name}
		if strings.TrimSpace(f.Value) == "" || seen[name] {
			continue
		}
		seen[name] = true
		key := f.Name
		if key == "A6" { // the street of RFC 4119
			key = "RD"
		}
		switch word[key] {
		case civic.Invalid:
			out.Invalid = append(out.Invalid, name)
		case civic.Valid:
			out.Valid = append(out.Valid, name)
		default:
			out.Unchecked = append(out.Unchecked, name)
		}
	}
	return out
}

// appendAddress adds an element of the similar-location draft.
func appendAddress(list []foreign.Element, element string, a e911.Civic) []foreign.Element {
	c := civic.ToPIDF(a)
	if c == nil {
		return list
	}
	b, err := pidflo.AppendCivic([]byte(`<r:`+element+` xmlns:r="`+lost.SpaceRLI+`">`), c)
	if err != nil {
		return list // a layer may hold what XML does not
	}
	return append(list, foreign.Element{Space: lost.SpaceRLI, Local: element, XML: string(b) + `</r:` + element + `>`})
}

// wantsSimilar reports that addresses are asked for that may have been meant.
func wantsSimilar(m *lost.FindService) bool {
	return m.ValidateLocation && (strings.EqualFold(m.AdditionalLocation, "any") || strings.EqualFold(m.AdditionalLocation, "similar"))
}

// fields are those of the address of the request, read once.
func (q *question) fields(c *pidflo.Civic) *e911.Civic {
	if q.entered == nil {
		f := civic.FromPIDF(c)
		q.entered = &f
	}
	return q.entered
}

// address is what the LVF says of an address, asked once for a request.
func (q *question) address(c *pidflo.Civic) *lvf.Result {
	if q.judged == nil {
		r := q.snap.LVF().Validate(*q.fields(c), lvf.Options{Now: q.at, Demonstration: q.demo, Postal: q.postal, NoCandidates: !q.similar})
		q.judged = &r
	}
	return q.judged
}

// ahead reports that the question is about a time to come.
func (q *question) ahead() bool { return q.at.After(q.now) }

// streetAddress is the address of a building without what is inside it: all of
// it is where the address is, so it is a boundary for who asked by address.
func streetAddress(a e911.Civic) (*pidflo.Civic, bool) {
	if a.HNO == "" || a.RD == "" || a.A1 == "" || a.Country == "" || a.A3 == "" && a.PC == "" {
		return nil, false
	}
	out := e911.Civic{}
	for _, f := range slices.Concat([]string{"country", "A1", "A2", "A3", "A4", "A5", "RD", "HNO", "PC"}, streetParts, numberParts) {
		out.Set(f, a.Get(f))
	}
	return civic.ToPIDF(out), true
}

// soonest is the earlier of two times, of which zero means never.
func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
