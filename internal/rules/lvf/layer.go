package lvf

import (
	"math"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Numbers of texts in the vocabulary of a layer.
const (
	absent  uint32 = 0              // the field is not set: null in the layer
	foreign uint32 = math.MaxUint32 // set, but the layer has no such text
)

// layer is one reference layer with what finds its features fast: dictionaries
// of its streets and places by key. Address points and lines stay where they are
// in the content.
type layer struct {
	info *e911.Layer
	*gis.Content
	// denies: what this layer does not have, does not exist. Address points alone
	// may be incomplete (NENA-STA-006.3); they deny only with the word of the
	// authority.
	denies bool

	exact  map[string]int32 // street by its fields as the layer spells them
	byKey  map[string]int32 // group by civic.StreetKey
	group  []int32          // of each street
	groups lists            // streets of each group
	stem   []int32          // of each street: position in stems
	stems  []stem           // distinct RD
	wayAt  []int32          // first way of each street, and the end
	segAt  []int32          // first segment of each street, and the end

	words vocabulary  // texts of the parts of streets
	parts [][8]uint32 // of each street, in the order of streetParts

	states, counties, towns, codes vocabulary
	areas                          []area
	streets                        lists // streets of each place
	byTown, byCode, byCounty       lists // places of each town, postal code, county

	points, lines tree
}

// area is the key of a place: what its texts are in the vocabularies.
type area struct {
	state, county uint32
	town          [4]uint32 // A3, A4, A5, PCN
	code          uint32
	box           box // of its features; empty when it has none
}

// vocabulary numbers texts by key from 1. A text in the spelling of the layer is
// found without making its key.
type vocabulary struct {
	raw, key map[string]uint32
	fold     func(string) string
}

func newVocabulary(fold func(string) string) vocabulary {
	return vocabulary{raw: map[string]uint32{}, key: map[string]uint32{}, fold: fold}
}

// add numbers a text of the layer.
func (v *vocabulary) add(s string) uint32 {
	if s == "" {
		return absent
	}
	if id, ok := v.raw[s]; ok {
		return id
	}
	k := v.fold(s)
	if k == "" {
		return absent
	}
	id, ok := v.key[k]
	if !ok {
		id = uint32(len(v.key)) + 1 //nolint:gosec // fewer than texts of a layer
		v.key[k] = id
	}
	v.raw[s] = id
	return id
}

// find returns the number of a text, absent for none and foreign for one that
// the layer does not have.
func (v *vocabulary) find(s string) uint32 {
	if s == "" {
		return absent
	}
	if id, ok := v.raw[s]; ok {
		return id
	}
	k := v.fold(s)
	if k == "" {
		return absent
	}
	if id, ok := v.key[k]; ok {
		return id
	}
	return foreign
}

func (v *vocabulary) size() int { return len(v.key) + 1 }

// lists is a list of numbers for each of n keys, in one piece of memory.
type lists struct{ at, items []int32 }

func (l *lists) of(key int) []int32 { return l.items[l.at[key]:l.at[key+1]] }

// entry puts an item into the list of a key.
type entry struct{ key, item int32 }

func newLists(n int, entries []entry) lists {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.key != b.key {
			return int(a.key) - int(b.key)
		}
		return int(a.item) - int(b.item)
	})
	entries = slices.Compact(entries)
	l := lists{at: make([]int32, n+1), items: make([]int32, len(entries))}
	for i, e := range entries {
		l.items[i] = e.item
		l.at[e.key+1]++
	}
	for i := range n {
		l.at[i+1] += l.at[i]
	}
	return l
}

func newLayer(in gis.Layer) *layer {
	info := in.Layer
	l := &layer{info: &info, Content: in.Content, denies: denies(in)}
	reach := make([]box, l.Streets())
	var line []e911.Point
	for i := range reach {
		reach[i] = emptyBox
		line = l.Line(line[:0], i)
		for _, p := range line {
			reach[i].add(around(p))
		}
	}
	l.indexNames()
	l.indexAreas()
	l.indexStreets(reach)
	l.points = newTree(l.Addresses(), func(i int) box { return around(l.AddressAt(i)) })
	l.lines = newTree(len(reach), func(i int) box { return reach[i] })
	return l
}

func denies(in gis.Layer) bool {
	return in.Content.Streets() > 0 || in.Grade == e911.GradeAuthoritative
}

// around is the box that holds a point alone.
func around(p e911.Point) box {
	lat, lon := int32(math.Round(p.Lat*degree)), int32(math.Round(p.Lon*degree))
	return box{lat, lon, lat, lon}
}

// degree is the units of a box in one degree.
const degree = 1e7

func (l *layer) indexNames() {
	n := l.Names()
	l.exact, l.byKey = make(map[string]int32, n), make(map[string]int32, n)
	l.group, l.stem = make([]int32, n), make([]int32, n)
	l.words, l.parts = newVocabulary(civic.NameKey), make([][8]uint32, n)
	stems := map[string]int32{}
	var members []entry
	var spelled []byte
	for i := range n {
		c := l.Name(i)
		spelled = appendSpelling(spelled[:0], &c)
		l.exact[string(spelled)] = int32(i) //nolint:gosec // names are fewer than 2^31
		key := civic.StreetKey(c)
		g, ok := l.byKey[key]
		if !ok {
			g = int32(len(l.byKey)) //nolint:gosec // as above
			l.byKey[key] = g
		}
		l.group[i] = g
		members = append(members, entry{g, int32(i)}) //nolint:gosec // as above
		for k, part := range streetParts {
			l.parts[i][k] = l.words.add(*part.of(&c))
		}
		s, ok := stems[c.RD]
		if !ok {
			s = int32(len(l.stems)) //nolint:gosec // as above
			stems[c.RD] = s
			l.stems = append(l.stems, newStem(c.RD))
		}
		l.stem[i] = s
	}
	delete(l.byKey, "") // a road without a name is nobody's address
	l.groups = newLists(n, members)
}

// appendSpelling writes the street's own fields so that two streets differ where
// any field does.
func appendSpelling(b []byte, c *e911.Civic) []byte {
	for _, s := range [...]string{c.PRM, c.PRD, c.STP, c.STPS, c.RD, c.STS, c.POD, c.POM} {
		b = append(append(b, s...), 0)
	}
	return b
}

func (l *layer) indexAreas() {
	l.states, l.counties = newVocabulary(stateKey), newVocabulary(civic.CountyKey)
	l.towns, l.codes = newVocabulary(civic.PlaceKey), newVocabulary(codeKey)
	l.areas = make([]area, l.Places())
	var towns, codes, counties []entry
	for i := range l.areas {
		c, _ := l.Place(i)
		a := area{
			state: l.states.add(c.A1), county: l.counties.add(c.A2), code: l.codes.add(c.PC), box: emptyBox,
			town: [4]uint32{l.towns.add(c.A3), l.towns.add(c.A4), l.towns.add(c.A5), l.towns.add(c.PCN)},
		}
		l.areas[i] = a
		at := int32(i) //nolint:gosec // places are fewer than 2^31
		for _, t := range a.town {
			if t != absent {
				towns = append(towns, entry{int32(t), at}) //nolint:gosec // as above
			}
		}
		codes = append(codes, entry{int32(a.code), at})         //nolint:gosec // as above
		counties = append(counties, entry{int32(a.county), at}) //nolint:gosec // as above
	}
	l.byTown, l.byCode = newLists(l.towns.size(), towns), newLists(l.codes.size(), codes)
	l.byCounty = newLists(l.counties.size(), counties)
}

// indexStreets finds ways and segments by street, the streets of each place, and
// how far each place reaches.
func (l *layer) indexStreets(reach []box) {
	n := l.Names()
	l.wayAt, l.segAt = make([]int32, n+1), make([]int32, n+1)
	var in []entry
	for i := range l.Ways() {
		w := l.Way(i)
		l.wayAt[w.Name+1]++
		in = append(in, entry{int32(w.Place), int32(w.Name)}) //nolint:gosec // fewer than 2^31
		b := &l.areas[w.Place].box
		for a := w.First; a < w.End; a++ {
			b.add(around(l.AddressAt(a)))
		}
	}
	for i := range l.Streets() {
		name := l.StreetName(i)
		l.segAt[name+1]++
		left, right := l.Sides(i)
		for _, side := range [...]gis.Range{left, right} {
			in = append(in, entry{int32(side.Place), int32(name)}) //nolint:gosec // fewer than 2^31
			l.areas[side.Place].box.add(reach[i])
		}
	}
	for i := range n {
		l.wayAt[i+1] += l.wayAt[i]
		l.segAt[i+1] += l.segAt[i]
	}
	l.streets = newLists(len(l.areas), in)
}

func stateKey(s string) string {
	if st, ok := civic.StateOf(s); ok {
		return st.Code
	}
	return strings.ToUpper(strings.TrimSpace(s))
}

// codeKey compares Canadian codes without their space.
func codeKey(s string) string {
	return strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
}
