package lvf

import (
	"math"
	"math/bits"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// hit is a feature that has street and number of an address in a place that
// agrees.
type hit struct {
	place   int
	name    int
	number  int // as asked; -1: none
	tie     tie
	code    bool // its postal code is not another one
	address int  // -1: a segment
	segment int
	right   bool // the side of the segment
	side    gis.Range
	inside  insideMatch
}

// insideMatch is how an address point fits what the address says of the inside
// of the building.
type insideMatch struct {
	equal uint16 // fields that are equal, as bits (insideFields)
	more  int    // fields that only the point has
	wrong string // first field that differs, empty for none
}

// insideFields are compared on address points, in this order (NENA-STA-006.3);
// on centre lines they are unchecked.
var insideFields = [...]struct {
	name string
	of   func(*e911.Civic) *string
}{
	{"SITE", func(c *e911.Civic) *string { return &c.SITE }},
	{"SUBSITE", func(c *e911.Civic) *string { return &c.SUBSITE }},
	{"BLD", func(c *e911.Civic) *string { return &c.BLD }},
	{"WING", func(c *e911.Civic) *string { return &c.WING }},
	{"FLR", func(c *e911.Civic) *string { return &c.FLR }},
	{"UNIT", func(c *e911.Civic) *string { return &c.UNIT }},
	{"ROOM", func(c *e911.Civic) *string { return &c.ROOM }},
	{"SEAT", func(c *e911.Civic) *string { return &c.SEAT }},
}

// found is what a layer has at street and number of an address.
type found struct {
	points []hit // address points that do not differ
	lines  []hit // sides of segments whose range holds the number
	// The layer has the number on that street, but not so.
	otherInside string // field of the inside that differs at every point
	otherBefore bool   // HNP
	otherBehind bool   // HNS
	unchecked   bool   // only on sides that are not to be validated
	multiple    bool   // units, floors or rooms are known at this number
}

// find looks for street and number in the places that agree.
func (l *layer) find(q *question) (f found) {
	if q.street < 0 {
		return f
	}
	for _, name := range l.groups.of(int(q.street)) {
		l.findPoints(q, int(name), &f)
		if q.number >= 0 {
			l.findLines(q, int(name), &f)
		}
	}
	return f
}

func (l *layer) findPoints(q *question, name int, f *found) {
	number := q.number
	if number < 0 {
		if q.c.MP == "" && q.c.PN == "" {
			return
		}
		number = gis.NoNumber
	}
	for w := l.wayAt[name]; w < l.wayAt[name+1]; w++ {
		way := l.Way(int(w))
		t := q.agrees(&l.areas[way.Place])
		if t == noTie {
			continue
		}
		first, end := l.Find(way, number)
		for a := first; a < end; a++ {
			if l.active(a, q.now) {
				l.point(q, f, hit{place: way.Place, name: name, number: q.number, tie: t, code: !q.otherCode(&l.areas[way.Place]), address: a, segment: -1})
			}
		}
	}
}

// point keeps an address point that does not contradict the address.
func (l *layer) point(q *question, f *found, h hit) {
	if l.Plain(h.address) {
		switch {
		case q.before != "":
			f.otherBefore = true
		case q.behind != "":
			f.otherBehind = true
		case q.number >= 0:
			f.points = append(f.points, h)
		}
		return
	}
	var p e911.Civic
	l.PutDetail(&p, h.address)
	if q.number < 0 && (civic.NameKey(p.MP) != civic.NameKey(q.c.MP) || civic.NameKey(p.PN) != civic.NameKey(q.c.PN)) {
		return
	}
	if p.HNP != "" || q.before != "" {
		if civic.HouseKey(p.HNP) != q.before {
			f.otherBefore = true
			return
		}
	}
	if p.HNS != "" || q.behind != "" {
		if civic.HouseKey(p.HNS) != q.behind {
			f.otherBehind = true
			return
		}
	}
	f.multiple = f.multiple || p.UNIT != "" || p.FLR != "" || p.ROOM != ""
	h.inside = compareInside(q.c, &p)
	if h.inside.wrong != "" {
		if f.otherInside == "" {
			f.otherInside = h.inside.wrong
		}
		return
	}
	f.points = append(f.points, h)
}

func compareInside(asked, has *e911.Civic) (m insideMatch) {
	for i, f := range insideFields {
		a, b := *f.of(asked), *f.of(has)
		switch {
		case b == "":
		case a == "":
			m.more++
		case a == b || civic.InsideKey(a) == civic.InsideKey(b):
			m.equal |= 1 << i
		case m.wrong == "":
			m.wrong = f.name
		}
	}
	return m
}

func (l *layer) findLines(q *question, name int, f *found) {
	for s := int(l.segAt[name]); s < int(l.segAt[name+1]); s++ {
		left, right := l.Sides(s)
		for i, side := range [...]gis.Range{left, right} {
			if !holds(side, q.number) {
				continue
			}
			a := &l.areas[side.Place]
			t := q.agrees(a)
			if t == noTie || !l.lineActive(s, q.now) {
				continue
			}
			switch {
			case (side.Prefix != "" || q.before != "") && civic.HouseKey(side.Prefix) != q.before:
				f.otherBefore = true
			case !side.Validate:
				f.unchecked = true
			default:
				f.lines = append(f.lines, hit{place: side.Place, name: name, number: q.number, tie: t, code: !q.otherCode(a), address: -1, segment: s, right: i == 1, side: side})
			}
		}
	}
}

// holds reports that a number lies in a range and has its parity. Number 0 is
// the placeholder of a side without addresses.
func holds(r gis.Range, n int) bool {
	low, high := min(r.From, r.To), max(r.From, r.To)
	if n < low || n > high || n == 0 {
		return false
	}
	switch r.Parity {
	case gis.ParityOdd:
		return n%2 == 1
	case gis.ParityEven:
		return n%2 == 0
	case gis.ParityBoth:
		return true
	}
	return false
}

// choice is the one feature that stands for an address, or the reason why there
// is none.
type choice struct {
	hit
	area      e911.Area
	method    e911.GeocodeMethod
	ambiguous []hit // several places have it: one of each
}

// best keeps the hits of the postal code asked for, if there are any, and of
// those the ones of the strongest tie: people write the postal city, so that the
// code tells more than the name of the town.
func best(hits []hit) []hit {
	strongest, code := noTie, false
	for _, h := range hits {
		code = code || h.code
	}
	for _, h := range hits {
		if h.code == code {
			strongest = max(strongest, h.tie)
		}
	}
	out := hits[:0]
	for _, h := range hits {
		if h.tie == strongest && h.code == code {
			out = append(out, h)
		}
	}
	return out
}

// sameSpotM is how far apart two features of one address may be and still be
// taken for one place, although their areas have other names.
const sameSpotM = 100

// choose picks the feature that an address stands for: an address point, or
// where there is none, or none of that postal code, the centre line.
func (l *layer) choose(f *found) (choice, bool) {
	points, lines := best(f.points), best(f.lines)
	var c choice
	switch {
	case len(points) > 0 && (points[0].code || len(lines) == 0 || !lines[0].code):
		c = l.choosePoint(points)
	case len(lines) > 0:
		c = l.chooseLine(lines)
	default:
		return c, false
	}
	return c, len(c.ambiguous) == 0
}

// choosePoint prefers the point that says most of what the address says and
// least besides. Of several that are as good, the one in their midst stands for
// all with a circle around them.
func (l *layer) choosePoint(hits []hit) choice {
	least, most := math.MaxInt, -1
	for _, h := range hits {
		if equal := bits.OnesCount16(h.inside.equal); equal > most || equal == most && h.inside.more < least {
			most, least = equal, h.inside.more
		}
	}
	kept := hits[:0]
	for _, h := range hits {
		if bits.OnesCount16(h.inside.equal) == most && h.inside.more == least {
			kept = append(kept, h)
		}
	}
	return l.amid(kept, func(h hit) e911.Area {
		return e911.Area{Point: l.AddressAt(h.address), RadiusM: radiusOf(l.Placement(h.address))}
	}, e911.GeocodeAddressPoint)
}

func (l *layer) chooseLine(hits []hit) choice {
	return l.amid(hits, func(h hit) e911.Area { return l.interpolate(h.segment, h.right, h.side, h.number) }, e911.GeocodeRange)
}

// amid picks the hit that is nearest to the middle of all, with a circle that
// holds them; hits of several places that lie apart are ambiguous.
func (l *layer) amid(hits []hit, where func(hit) e911.Area, method e911.GeocodeMethod) choice {
	if len(hits) == 1 {
		return choice{hit: hits[0], area: where(hits[0]), method: method}
	}
	at := make([]e911.Area, len(hits))
	var middle e911.Point
	for i, h := range hits {
		at[i] = where(h)
		middle.Lat += at[i].Lat / float64(len(hits))
		middle.Lon += at[i].Lon / float64(len(hits))
	}
	pick, nearest := 0, geo.Metres(middle, at[0].Point)
	for i := range hits {
		if d := geo.Metres(middle, at[i].Point); d < nearest {
			pick, nearest = i, d
		}
	}
	c := choice{hit: hits[pick], area: at[pick], method: method}
	for i, h := range hits {
		d := geo.Metres(at[pick].Point, at[i].Point)
		if d > sameSpotM && !l.samePlace(h, hits[pick]) {
			c.ambiguous = l.oneOfEach(hits)
			return c
		}
		c.area.RadiusM = max(c.area.RadiusM, d+at[i].RadiusM)
	}
	return c
}

// samePlace reports that two hits have one street in one place, whatever the
// legacy MSAG calls it.
func (l *layer) samePlace(a, b hit) bool {
	x, y := &l.areas[a.place], &l.areas[b.place]
	return x.state == y.state && x.county == y.county && x.town == y.town && x.code == y.code
}

func (l *layer) oneOfEach(hits []hit) []hit {
	var out []hit
	for _, h := range hits {
		known := false
		for _, o := range out {
			known = known || l.samePlace(o, h)
		}
		if !known {
			out = append(out, h)
		}
	}
	return out
}
