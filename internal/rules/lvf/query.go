package lvf

import (
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// question is an address as one layer understands it.
type question struct {
	c   *e911.Civic
	now time.Time // zero: spans do not matter

	state, county uint32
	town          [4]uint32 // A3, A4, A5, PCN
	code          uint32
	sorting       uint32 // the first half of a Canadian code, as some layers have it alone
	street        int32  // group; -1: the layer has no such street

	anywhere bool // every place of the state agrees

	number int // -1: none
	before string
	behind string // keys of what stands before and behind the number
}

// ask translates an address. When exact, the street must be spelled as the layer
// spells it, which costs no folding.
func (l *layer) ask(c *e911.Civic, now time.Time, exact bool) question {
	q := question{
		c: c, now: now, street: -1, number: -1,
		state: l.states.find(c.A1), county: l.counties.find(c.A2), code: l.codes.find(c.PC),
		town: [4]uint32{l.towns.find(c.A3), l.towns.find(c.A4), l.towns.find(c.A5), l.towns.find(c.PCN)},
	}
	q.sorting = q.code
	if half, _, ok := strings.Cut(c.PC, " "); ok {
		q.sorting = l.codes.find(half)
	}
	var room [256]byte
	if i, ok := l.exact[string(appendSpelling(room[:0], c))]; ok {
		q.street = l.group[i]
	} else if !exact {
		if g, ok := l.byKey[civic.StreetKey(*c)]; ok {
			q.street = g
		}
	}
	if c.HNO != "" {
		if n, err := strconv.Atoi(c.HNO); err == nil && n >= 0 {
			q.number = n
		}
		if c.HNP != "" || c.HNS != "" {
			q.before, q.behind = civic.HouseKey(c.HNP), civic.HouseKey(c.HNS)
		}
	}
	return q
}

// tie says what ties an address to a place of the layer, from nothing to all.
type tie uint8

const (
	noTie     tie = iota
	codeTie       // the postal code alone; the layer names no town there
	countyTie     // the county alone; the address names no town
	postTie       // another name of the town: of the post, of the community
	townTie       // the municipality
)

// agrees tells whether a place may be the one of the address, the postal code
// left aside: what is absent on one side is no contradiction, but something must
// tie the two.
func (q *question) agrees(a *area) tie {
	if a.state != q.state && a.state != absent {
		return noTie
	}
	if q.anywhere {
		return countyTie
	}
	if q.county != absent && a.county != absent && a.county != q.county {
		return noTie
	}
	nameless := a.town == [4]uint32{}
	best := noTie
	for i, t := range q.town {
		switch {
		case t == absent:
		case i == 0 && t == a.town[0]:
			best = townTie
		case a.named(t):
			best = max(best, postTie)
		case nameless || i > 0 && a.town[i] == absent:
			// Null in the layer: unchecked.
		default:
			return noTie
		}
	}
	if best != noTie {
		return best
	}
	if q.sameCode(a) {
		return codeTie
	}
	if q.town == [4]uint32{} && q.code == absent && q.county != absent && q.county == a.county {
		return countyTie
	}
	return noTie
}

// named reports that one of the names of the place's town is t.
func (a *area) named(t uint32) bool {
	return a.town[0] == t || a.town[1] == t || a.town[2] == t || a.town[3] == t
}

// sameCode reports that both have the postal code.
func (q *question) sameCode(a *area) bool {
	return q.code != absent && a.code != absent && (a.code == q.code || a.code == q.sorting)
}

// otherCode reports that the place has another postal code than the address.
func (q *question) otherCode(a *area) bool {
	return q.code != absent && a.code != absent && a.code != q.code && a.code != q.sorting
}

// covered lists the places of the layer that the address may lie in as far as
// its state, county and town or postal code tell. None: the layer does not cover
// it and has no say.
func (l *layer) covered(q *question) []int32 {
	var out []int32
	take := func(places []int32) {
		for _, p := range places {
			if q.agrees(&l.areas[p]) != noTie {
				out = append(out, p)
			}
		}
	}
	for i, t := range q.town {
		if t == absent || t == foreign || i > 0 && (t == q.town[0] || i > 1 && t == q.town[1] || i > 2 && t == q.town[2]) {
			continue
		}
		take(l.byTown.of(int(t)))
	}
	if len(out) > 0 {
		return out
	}
	if q.code != absent && q.code != foreign {
		take(l.byCode.of(int(q.code)))
	}
	if len(out) == 0 && q.sorting != q.code && q.sorting != foreign {
		take(l.byCode.of(int(q.sorting)))
	}
	if len(out) == 0 && q.county != absent && q.county != foreign {
		take(l.byCounty.of(int(q.county)))
	}
	return out
}

// active reports whether features of a span count: a zero time asks for all.
func (l *layer) active(address int, now time.Time) bool {
	return now.IsZero() || l.AddressActive(address, now)
}

func (l *layer) lineActive(segment int, now time.Time) bool {
	return now.IsZero() || l.StreetActive(segment, now)
}

// denied names the one field that keeps the address out of a place that
// everything else ties it to; empty when there is none. Only then may a layer
// call a town or a county invalid: otherwise it may lie outside its area.
func (l *layer) denied(q *question) (field string, places []int32) {
	for i, name := range [...]string{"A4", "A5", "PCN"} { // next to a town that is right
		if q.town[i+1] == absent || q.town[0] == absent {
			continue
		}
		less := *q
		less.town[i+1] = absent
		if places = l.covered(&less); len(places) > 0 && less.agrees(&l.areas[places[0]]) >= postTie {
			return name, places
		}
	}
	if q.code == absent || q.code == foreign {
		return "", nil
	}
	if q.county != absent { // town and postal code are right
		less := *q
		less.county = absent
		for _, p := range l.covered(&less) {
			if a := &l.areas[p]; less.agrees(a) >= postTie && less.sameCode(a) {
				places = append(places, p)
			}
		}
		if len(places) > 0 {
			return "A2", places
		}
	}
	return l.misspelled(q)
}

// misspelled finds a town of the same postal code that is written nearly like
// the one of the address, which the layer does not have.
func (l *layer) misspelled(q *question) (field string, places []int32) {
	name, field := q.c.A3, "A3"
	if name == "" {
		name, field = q.c.PCN, "PCN"
	}
	if name == "" || q.town[0] != absent && q.town[0] != foreign || q.town[0] == absent && q.town[3] != foreign {
		return "", nil
	}
	key := civic.PlaceKey(name)
	less := *q
	less.town = [4]uint32{}
	for _, p := range l.covered(&less) {
		c, _ := l.Place(int(p))
		for _, t := range [...]string{c.A3, c.A4, c.A5, c.PCN} {
			if t != "" && near(key, civic.PlaceKey(t)) {
				places = append(places, p)
				break
			}
		}
	}
	if len(places) == 0 {
		return "", nil
	}
	return field, places
}
