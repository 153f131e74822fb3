package lvf

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Bounds of the search for what was meant, so that an invalid address costs
// milliseconds however it is written.
const (
	mostCandidates = 10
	mostTries      = 60
)

// proposal is an address that may have been meant.
type proposal struct {
	address e911.Civic
	j       judgement
	cost    int
}

// candidates lists what may have been meant, valid addresses first. What was
// found contested already comes last.
func (x *Index) candidates(c e911.Civic, r *Result, o Options) []Candidate {
	var tries []proposal
	for l := range x.allowed(o) {
		s := search{layer: l, question: l.ask(&r.Address, o.Now, false)}
		tries = append(tries, s.all()...)
	}
	slices.SortStableFunc(tries, func(a, b proposal) int {
		if a.cost != b.cost {
			return cmp.Compare(a.cost, b.cost)
		}
		return compareAddresses(&a.address, &b.address)
	})
	var out []Candidate
	known := func(a e911.Civic) bool {
		return slices.ContainsFunc(out, func(k Candidate) bool { return k.Address == a })
	}
	for i, p := range tries {
		if i >= mostTries || len(out) >= mostCandidates {
			break
		}
		if known(p.address) {
			continue
		}
		if again := x.judged(p.address, o); again.Verdict == e911.VerdictValid && !known(again.Address) {
			out = append(out, Candidate{Candidate: civic.Candidate{Address: again.Address, Changed: civic.Changed(r.Address, again.Address)}, Layer: again.Layer, Feature: again.Feature})
		}
	}
	for _, n := range (civic.Checker{Postal: o.Postal}).Candidates(c) {
		again := x.judged(n.Address, o)
		if again.Verdict == e911.VerdictInvalid || known(again.Address) {
			continue
		}
		out = append(out, Candidate{Candidate: civic.Candidate{Address: again.Address, Changed: civic.Changed(r.Address, again.Address)}, Layer: again.Layer, Feature: again.Feature})
	}
	for _, contested := range r.Candidates {
		if !known(contested.Address) {
			out = append(out, contested)
		}
	}
	return out
}

// compareAddresses gives equal candidates an order that does not depend on how
// they were found.
func compareAddresses(a, b *e911.Civic) int {
	for _, f := range [...]func(*e911.Civic) string{
		func(c *e911.Civic) string { return c.RD },
		func(c *e911.Civic) string { return c.PRD + "|" + c.STP + "|" + c.STS + "|" + c.POD },
		func(c *e911.Civic) string { return c.A3 + "|" + c.PCN + "|" + c.PC },
		func(c *e911.Civic) string { return c.HNP + "|" + c.HNO + "|" + c.HNS },
	} {
		if n := strings.Compare(f(a), f(b)); n != 0 {
			return n
		}
	}
	return 0
}

// candidate makes the address of a judgement a candidate.
func (j *judgement) candidate(asked, address e911.Civic, contested bool) Candidate {
	var r Result
	r.Address = asked
	j.accept(&r)
	return Candidate{Candidate: civic.Candidate{Address: address, Changed: civic.Changed(asked, address)}, Layer: j.layer.info, Feature: r.Feature, Contested: contested}
}

// search looks for what was meant in one layer.
type search struct {
	layer    *layer
	question question
	places   []int32
	covered  bool
	out      []proposal
}

func (s *search) all() []proposal {
	q := &s.question
	if q.number < 0 || q.c.RD == "" {
		return nil // a street alone is no address; structure says what is missing
	}
	s.places = s.layer.covered(q)
	s.covered = len(s.places) > 0
	loose := *q
	if !s.covered {
		var field string
		if field, s.places = s.layer.denied(q); field != "" {
			loose = s.without(field)
			s.covered = true
		}
	}
	s.sameStreet(&loose)
	if len(s.out) == 0 { // else the number is not what is wrong
		s.otherNumbers(&loose)
	}
	s.otherStreets(&loose)
	s.otherTowns()
	return s.out
}

// without is the question less the field that is wrong.
func (s *search) without(field string) question {
	q := s.question
	switch field {
	case "A2":
		q.county = absent
	case "A3":
		q.town[0] = absent
	case "A4":
		q.town[1] = absent
	case "A5":
		q.town[2] = absent
	case "PCN":
		q.town[3] = absent
	}
	return q
}

// propose adds what a question finds: one address, or each of several.
func (s *search) propose(q *question, cost int) {
	j := judgement{layer: s.layer, question: *q, found: s.layer.find(q)}
	j.choice, j.chosen = s.layer.choose(&j.found)
	hits := j.choice.ambiguous
	if j.chosen {
		hits = []hit{j.choice.hit}
	}
	for i, h := range hits {
		j.choice.hit, j.chosen = h, true
		address, _ := j.canonical(*q.c)
		address.HNO = strconv.Itoa(q.number)
		more := 0
		if !h.code {
			more = costCode
		}
		s.out = append(s.out, proposal{address: address, j: j, cost: cost + more + i})
	}
}

// sameStreet proposes the very street and number, where a postal code, an area
// or a name of the town was wrong.
func (s *search) sameStreet(q *question) {
	if q.street >= 0 && s.covered {
		s.propose(q, 0)
	}
}

// otherStreets proposes streets of the place that are written nearly so.
func (s *search) otherStreets(q *question) {
	if len(s.places) == 0 {
		return
	}
	l, asked := s.layer, newStem(q.c.RD)
	parts := l.partsOf(q.c)
	whole := ""
	if q.c.STS == "" && q.c.STP == "" { // the type may be what is misspelled
		whole = strings.ToLower(civic.Street(street(*q.c)))
	}
	type option struct {
		name int32
		cost int
	}
	var options []option
	for _, n := range l.namesIn(s.places) {
		if l.group[n] == q.street {
			continue
		}
		cost, ok := stemCost(asked, l.stems[l.stem[n]])
		if ok {
			cost += partsCost(&parts, &l.parts[n])
		}
		if whole != "" && len(whole) <= longest {
			has := strings.ToLower(civic.Street(l.Name(int(n))))
			if d, close := slipCost(whole, has); close && (!ok || d < cost) {
				cost, ok = d, true
			}
		}
		if ok {
			options = append(options, option{n, cost})
		}
	}
	slices.SortFunc(options, func(a, b option) int { return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.name, b.name)) })
	for i, op := range options {
		if i >= mostTries {
			return
		}
		other := *q
		other.street = l.group[op.name]
		s.propose(&other, op.cost)
	}
}

// street is an address without anything but the street's own fields.
func street(c e911.Civic) e911.Civic {
	return e911.Civic{PRM: c.PRM, PRD: c.PRD, STP: c.STP, STPS: c.STPS, RD: c.RD, STS: c.STS, POD: c.POD, POM: c.POM}
}

// partsCost tells how far types, directionals and modifiers are apart.
func partsCost(asked, has *[8]uint32) int {
	cost := 0
	for i, part := range streetParts {
		switch {
		case part.name == "RD" || asked[i] == has[i]:
		case asked[i] == absent:
			cost += costLacking
		default:
			cost += costOther
		}
	}
	return cost
}

// otherNumbers proposes the numbers of the street that are nearest to the one
// asked, and the same number with another prefix or suffix.
func (s *search) otherNumbers(q *question) {
	if q.street < 0 {
		return
	}
	l := s.layer
	type option struct {
		number         int
		before, behind string
	}
	seen := map[option]bool{}
	var options []option
	add := func(o option) {
		if o.number > 0 && !seen[o] && (o.number != q.number || o.before != q.before || o.behind != q.behind) {
			seen[o] = true
			options = append(options, o)
		}
	}
	for _, name := range l.groups.of(int(q.street)) {
		for w := l.wayAt[name]; w < l.wayAt[name+1]; w++ {
			way := l.Way(int(w))
			if q.agrees(&l.areas[way.Place]) == noTie {
				continue
			}
			first, end := l.Find(way, q.number)
			for a := max(way.First, first-2); a < min(way.End, end+2); a++ {
				if n, ok := l.Number(a); ok && l.active(a, q.now) {
					var p e911.Civic
					l.PutDetail(&p, a)
					add(option{n, civic.HouseKey(p.HNP), civic.HouseKey(p.HNS)})
				}
			}
		}
		for g := int(l.segAt[name]); g < int(l.segAt[name+1]); g++ {
			left, right := l.Sides(g)
			for _, side := range [...]gis.Range{left, right} {
				if n, ok := closest(side, q.number); ok && q.agrees(&l.areas[side.Place]) != noTie && l.lineActive(g, q.now) {
					add(option{n, civic.HouseKey(side.Prefix), ""})
				}
			}
		}
	}
	apart := func(o option) int {
		d := o.number - q.number
		if d < 0 {
			d = -d
		}
		return 2*d + d%2*3 // the same side of the street first
	}
	slices.SortFunc(options, func(a, b option) int {
		return cmp.Or(cmp.Compare(apart(a), apart(b)), cmp.Compare(a.number, b.number), strings.Compare(a.before, b.before), strings.Compare(a.behind, b.behind))
	})
	for i, o := range options {
		if i >= mostCandidates {
			return
		}
		other := *q
		other.number, other.before, other.behind = o.number, o.before, o.behind
		s.propose(&other, costNumber+min(apart(o)/2, 40)+i)
	}
}

// closest is the number of a range that is nearest to another one.
func closest(r gis.Range, n int) (int, bool) {
	low, high := min(r.From, r.To), max(r.From, r.To)
	if !r.Validate || high == 0 {
		return 0, false
	}
	at := min(max(n, low), high)
	for _, try := range [...]int{at, at - 1, at + 1} {
		if holds(r, try) {
			return try, true
		}
	}
	return 0, false
}

// otherTowns proposes the same street and number in other towns of the state:
// those of the same postal code first, then those that are written nearly so.
// Where the layer does not cover the town asked, it proposes no others.
func (s *search) otherTowns() {
	q := s.question
	if q.street < 0 {
		return
	}
	l := s.layer
	q.anywhere = true
	f := l.find(&q)
	asked := civic.PlaceKey(cmp.Or(q.c.A3, q.c.PCN, q.c.A4))
	type option struct {
		hit  hit
		cost int
	}
	var options []option
	for _, h := range append(f.points, f.lines...) {
		a := &l.areas[h.place]
		if s.question.agrees(a) != noTie || slices.ContainsFunc(options, func(o option) bool { return l.samePlace(o.hit, h) }) {
			continue
		}
		cost := costTown
		if has, _ := l.Place(h.place); near(asked, civic.PlaceKey(has.A3)) || near(asked, civic.PlaceKey(has.PCN)) {
			cost = costTownCode
		}
		if s.question.sameCode(a) {
			cost = min(cost, costTownCode) - 1
		}
		if s.covered || cost < costTown {
			options = append(options, option{h, cost})
		}
	}
	slices.SortStableFunc(options, func(a, b option) int { return cmp.Compare(a.cost, b.cost) })
	for i, o := range options {
		if i >= mostCandidates {
			return
		}
		j := judgement{layer: l, question: q, found: f, choice: choice{hit: o.hit}, chosen: true}
		c := *q.c
		c.A2, c.A3, c.A4, c.A5, c.PCN, c.PC, c.PCE = "", "", "", "", "", "", ""
		address, _ := j.canonical(c)
		s.out = append(s.out, proposal{address: address, j: j, cost: o.cost + i})
	}
}
