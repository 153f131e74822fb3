package lvf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// judgement is what one layer says of an address.
type judgement struct {
	layer    *layer
	verdict  e911.Verdict
	question question
	found    found
	choice   choice // where a feature has street and number
	chosen   bool
	places   []int32 // that the address may lie in, when nothing was chosen
	wrong    string  // first invalid field
	fault    civic.Fault
}

// Sentences that a fault says; none holds a part of the address.
const (
	sayArea     = "The layer has the rest of this place under another name of this area."
	sayStreet   = "The place has no street of this name."
	sayParts    = "The place has this street only with another directional, type or modifier."
	sayNumber   = "The street has no such house number in this place."
	saySuffix   = "The layer has this house number, but not with this prefix or suffix."
	sayInside   = "The building is known with other units; this one is not among them."
	sayCode     = "The address has another postal code."
	sayMany     = "Several places have this address; the postal code or the community tells them apart."
	sayUntested = "The layer says that numbers on this side of the street are not to be validated."
	sayPartial  = "The layer does not have this address, and does not claim to be complete."
)

// judge looks an address up in one layer; false: the layer does not cover it.
func (l *layer) judge(q *question) (judgement, bool) {
	j := judgement{layer: l, question: *q, found: l.find(q), verdict: e911.VerdictUnverified}
	j.choice, j.chosen = l.choose(&j.found)
	switch {
	case j.chosen && !j.choice.code:
		j.deny("PC", sayCode)
		return j, true
	case j.chosen:
		j.verdict = e911.VerdictValid
		return j, true
	case len(j.choice.ambiguous) > 0:
		j.fault = civic.Fault{Field: "A3", Kind: civic.FaultDisagrees, Reason: sayMany, Doubt: true}
		for _, h := range j.choice.ambiguous {
			j.places = append(j.places, int32(h.place)) //nolint:gosec // places are fewer than 2^31
		}
		return j, true
	}
	if j.places = l.covered(q); len(j.places) == 0 {
		if j.wrong, j.places = l.denied(q); j.wrong == "" {
			return j, false
		}
		j.deny(j.wrong, sayArea)
		return j, true
	}
	j.street()
	return j, true
}

// deny makes a field the first invalid one. A layer that may be incomplete does
// not deny.
func (j *judgement) deny(field, reason string) {
	if !j.layer.denies {
		j.doubt(field, sayPartial)
		return
	}
	j.verdict, j.wrong = e911.VerdictInvalid, field
	j.fault = civic.Fault{Field: field, Kind: civic.FaultUnknown, Reason: reason}
}

func (j *judgement) doubt(field, reason string) {
	j.wrong = ""
	j.fault = civic.Fault{Field: field, Kind: civic.FaultUnknown, Reason: reason, Doubt: true}
}

// street finds the first wrong field of an address whose place is right.
func (j *judgement) street() {
	q, f := &j.question, &j.found
	c := q.c
	switch {
	case c.RD == "":
		return // a landmark; the layer cannot tell
	case !j.layer.hasStreet(q, j.places):
		field, reason := j.layer.wrongPart(q, j.places)
		j.deny(field, reason)
	case q.number < 0 && c.HNO == "":
		return // structure tells what is missing
	case f.unchecked:
		j.doubt("HNO", sayUntested)
	case f.otherInside != "":
		j.deny(f.otherInside, sayInside)
	case f.otherBefore && c.HNP != "":
		j.deny("HNP", saySuffix)
	case f.otherBehind && c.HNS != "":
		j.deny("HNS", saySuffix)
	case f.otherBefore, f.otherBehind:
		j.deny("HNO", saySuffix)
	default:
		j.deny("HNO", sayNumber)
	}
}

// hasStreet reports that one of the places has the street.
func (l *layer) hasStreet(q *question, places []int32) bool {
	if q.street < 0 {
		return false
	}
	names := l.groups.of(int(q.street))
	for _, p := range places {
		for _, n := range names {
			if _, ok := slices.BinarySearch(l.streets.of(int(p)), n); ok {
				return true
			}
		}
	}
	return false
}

// streetParts are the fields of a street in the order in which they are checked.
var streetParts = [...]struct {
	name string
	of   func(*e911.Civic) *string
}{
	{"PRM", func(c *e911.Civic) *string { return &c.PRM }},
	{"PRD", func(c *e911.Civic) *string { return &c.PRD }},
	{"STP", func(c *e911.Civic) *string { return &c.STP }},
	{"STPS", func(c *e911.Civic) *string { return &c.STPS }},
	{"RD", func(c *e911.Civic) *string { return &c.RD }},
	{"STS", func(c *e911.Civic) *string { return &c.STS }},
	{"POD", func(c *e911.Civic) *string { return &c.POD }},
	{"POM", func(c *e911.Civic) *string { return &c.POM }},
}

// wrongPart names the first field of a street that no street of the places has
// together with the fields before it. Where all fields exist together, another
// one lacks: then it is the name.
func (l *layer) wrongPart(q *question, places []int32) (field, reason string) {
	left := l.namesIn(places)
	asked := l.partsOf(q.c)
	for i, part := range streetParts {
		if asked[i] == absent {
			continue
		}
		var kept []int32
		for _, n := range left {
			if l.parts[n][i] == asked[i] {
				kept = append(kept, n)
			}
		}
		if len(kept) > 0 {
			left = kept
			continue
		}
		if part.name == "RD" {
			return part.name, sayStreet
		}
		return part.name, sayParts
	}
	return "RD", sayParts
}

// partsOf translates the parts of a street.
func (l *layer) partsOf(c *e911.Civic) (out [8]uint32) {
	for i, part := range streetParts {
		out[i] = l.words.find(*part.of(c))
	}
	return out
}

// mostStreets bounds how many streets an invalid address is compared with: a
// large city has 20,000.
const mostStreets = 40_000

// namesIn lists the distinct streets of some places.
func (l *layer) namesIn(places []int32) []int32 {
	var out []int32
	for _, p := range places {
		if out = append(out, l.streets.of(int(p))...); len(out) > 2*mostStreets {
			break
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), mostStreets)]
}

// order is in which order fields are checked (NENA i3 LVFs: areas, street,
// number, inside); the postal code decides last, since the number without it
// says more of what is wrong.
func order(field string) int {
	switch field {
	case "country", "A1":
		return 0
	case "A2":
		return 1
	case "A3":
		return 2
	case "A4":
		return 3
	case "A5":
		return 4
	case "PCN":
		return 5
	case "PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM":
		for i, p := range streetParts {
			if p.name == field {
				return 10 + i
			}
		}
	case "HNP":
		return 20
	case "HNO", "MP", "PN":
		return 21
	case "HNS":
		return 22
	case "PC", "PCE":
		return 99
	}
	for i, p := range insideFields {
		if p.name == field {
			return 30 + i
		}
	}
	return 50
}

// fields gives every field that is set its verdict.
func (j *judgement) fields(c *e911.Civic) []civic.FieldVerdict {
	out := make([]civic.FieldVerdict, 0, 12)
	limit := 1000
	if j.wrong != "" {
		limit = order(j.wrong)
	} else if j.verdict != e911.VerdictValid {
		limit = order(j.fault.Field)
	}
	for name := range c.All() {
		v := civic.Unchecked
		switch {
		case name == j.wrong:
			v = civic.Invalid
		case j.verdict == e911.VerdictValid || order(name) < limit:
			v = j.field(name)
		}
		out = append(out, civic.FieldVerdict{Field: name, Verdict: v})
	}
	return out
}

// field is the verdict on a field that is not wrong: valid, unless the layer
// has nothing to compare it with.
func (j *judgement) field(name string) civic.Verdict {
	valid := func(ok bool) civic.Verdict {
		if ok {
			return civic.Valid
		}
		return civic.Unchecked
	}
	a, q := j.area(), &j.question
	switch name {
	case "country", "A1":
		return civic.Valid // structure knows countries and states
	case "A2":
		return valid(q.county != absent && a.county == q.county)
	case "A3":
		return valid(q.town[0] != absent && a.named(q.town[0]))
	case "A4":
		return valid(q.town[1] != absent && a.named(q.town[1]))
	case "A5":
		return valid(q.town[2] != absent && a.named(q.town[2]))
	case "PCN":
		return valid(q.town[3] != absent && a.named(q.town[3]))
	case "PC":
		return valid(q.sameCode(a))
	case "PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM", "HNP", "HNO":
		return civic.Valid
	case "HNS", "MP", "PN":
		return valid(j.choice.address >= 0)
	}
	for i, f := range insideFields {
		if f.name == name {
			return valid(j.chosen && j.choice.address >= 0 && j.choice.inside.equal&(1<<i) != 0)
		}
	}
	return civic.Unchecked // LMK, LOC, NAM, PLC, POBOX, ADDCODE, PCE
}

// area is the place that the verdicts on areas are about.
func (j *judgement) area() *area {
	if j.chosen {
		return &j.layer.areas[j.choice.place]
	}
	return &j.layer.areas[j.places[0]]
}

// canonical is the address as the layer writes it where it knows better, with
// what the layer does not have as it was asked.
func (j *judgement) canonical(c e911.Civic) (e911.Civic, gis.MSAG) {
	l, h := j.layer, j.choice.hit
	has, msag := l.Place(h.place)
	a := &l.areas[h.place]
	if has.Country != "" {
		c.Country = has.Country
	}
	if code := stateKey(has.A1); code != "" {
		c.A1 = code
	}
	if has.A2 != "" {
		c.A2 = has.A2
	}
	if a.town != [4]uint32{} {
		towns := j.question.town
		replace := func(to *string, with string, asked uint32) {
			if with != "" || a.named(asked) {
				*to = with
			}
		}
		c.A3 = has.A3 // a town of the post is none of its own
		replace(&c.A4, has.A4, towns[1])
		replace(&c.A5, has.A5, towns[2])
		replace(&c.PCN, has.PCN, towns[3])
	}
	if has.PC != "" && a.code != j.question.sorting || c.PC == "" {
		c.PC = has.PC
	}
	l.PutName(&c, h.name)
	if strings.HasPrefix(c.HNO, "0") {
		c.HNO = strconv.Itoa(h.number)
	}
	if h.address >= 0 {
		j.inside(&c)
	} else if h.side.Prefix != "" {
		c.HNP = h.side.Prefix
	}
	return c, msag
}

// inside takes over what the address point says of number and unit, as far as
// it was asked for.
func (j *judgement) inside(c *e911.Civic) {
	l, h := j.layer, j.choice.hit
	if l.Plain(h.address) {
		return
	}
	var p e911.Civic
	l.PutDetail(&p, h.address)
	c.HNP, c.HNS = p.HNP, p.HNS
	if p.HNO != "" {
		c.HNO = p.HNO
	}
	if p.PCE != "" {
		c.PCE = p.PCE
	}
	for i, f := range insideFields {
		if h.inside.equal&(1<<i) != 0 {
			*f.of(c) = *f.of(&p)
		}
	}
	if h.number < 0 {
		c.MP, c.PN = p.MP, p.PN
	}
}
