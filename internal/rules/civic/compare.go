package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Sameness tells how far two addresses name one place.
type Sameness uint8

// From the least to the most.
const (
	Different    Sameness = iota // another street, or nothing to tell by
	SameStreet                   // the street, not the house
	SameBuilding                 // the house, not the place inside it
	Same                         // the same place
)

var samenessWords = [...]string{"different", "same street", "same building", "same"}

// String returns the words.
func (s Sameness) String() string {
	if int(s) < len(samenessWords) {
		return samenessWords[s]
	}
	return samenessWords[0]
}

// Comparison is what Compare finds. Differ lists, in schema order, the PIDF-LO
// names of the fields whose meaning differs, fields that only one side has
// included; it is empty only for Same.
type Comparison struct {
	Sameness Sameness
	Differ   []string
}

// Compare tells whether two addresses name the same place whatever their
// spelling: letter case, accents, abbreviations, "5th" and "Fifth", "St" and
// "Saint", apostrophes, "&" and "and", French and English directionals, and how
// the street is cut into fields make no difference. A city, county or postal
// code that only one side has makes none either, one that differs does: the
// city may be named by the municipality (A3), the community (A4) or the post
// (PCN), and any of them may agree.
//
// It compares text only. Two names of one street are different to it.
func Compare(a, b e911.Civic) Comparison {
	a, _ = Normalize(a)
	b, _ = Normalize(b)
	d := difference{a: a, b: b}
	where := d.where()
	street := d.street()
	house := d.house()
	inside := d.inside()
	named := (folded(a.RD) != "" || folded(a.LMK) != "") && (folded(b.RD) != "" || folded(b.LMK) != "")
	if !named {
		d.mark("RD") // nothing to tell by
	}
	out := Comparison{Differ: d.names()}
	switch {
	case !where || !street || !named:
	case !house:
		out.Sameness = SameStreet
	case !inside:
		out.Sameness = SameBuilding
	default:
		out.Sameness = Same
	}
	return out
}

// Key is a text that two addresses of the same street and house share, for maps
// and sorting: the canonical form folded, from the largest part to the
// smallest. It holds no unit, floor or room, and neither city nor county, which
// have several names each; the postal code stands for them.
func Key(c e911.Civic) string {
	c, _ = Normalize(c)
	return strings.Join([]string{c.Country, c.A1, c.PC, StreetKey(c), folded(c.LMK), houseKey(c)}, "|")
}

type difference struct {
	a, b   e911.Civic
	differ map[string]bool
}

func (d *difference) mark(names ...string) {
	if d.differ == nil {
		d.differ = map[string]bool{}
	}
	for _, n := range names {
		if folded(d.a.Get(n)) != folded(d.b.Get(n)) || len(names) == 1 {
			d.differ[n] = true
		}
	}
}

func (d *difference) names() []string {
	var out []string
	for _, n := range e911.CivicFieldNames() {
		if d.differ[n] {
			out = append(out, n)
		}
	}
	return out
}

// agree compares two texts; an absent one agrees with any.
func agree(a, b string) bool { return a == "" || b == "" || a == b }

// where compares country, state, postal code and city.
func (d *difference) where() bool {
	ok := true
	for _, n := range []string{"country", "A1"} {
		if x, y := folded(d.a.Get(n)), folded(d.b.Get(n)); !agree(x, y) {
			d.mark(n)
			ok = false
		}
	}
	city := cityAgrees(d.a, d.b)
	if !city {
		d.mark("A3", "A4", "PCN")
		ok = false
	}
	if !agree(folded(d.a.PC), folded(d.b.PC)) {
		d.mark("PC")
		ok = false // Boston has several Washington Streets; only the code tells them apart
	}
	if x, y := county2(d.a.A2), county2(d.b.A2); !agree(x, y) {
		d.mark("A2")
		ok = false
	}
	return ok
}

func county2(s string) string {
	s = folded(s)
	for _, end := range []string{" county", " parish", " borough"} {
		s = strings.TrimSuffix(s, end)
	}
	return s
}

// cityAgrees reports that a name of the city on one side is one on the other,
// or that a side has none.
func cityAgrees(a, b e911.Civic) bool {
	none := true
	for _, x := range []string{a.A3, a.A4, a.PCN} {
		for _, y := range []string{b.A3, b.A4, b.PCN} {
			if x == "" || y == "" {
				continue
			}
			none = false
			if cityKey(x) == cityKey(y) {
				return true
			}
		}
	}
	return none
}

// cityKey drops what a city is called besides its name ("City of Boston").
func cityKey(s string) string {
	s = folded(s)
	for _, start := range []string{"city of ", "town of ", "village of ", "township of ", "borough of ", "ville de ", "the "} {
		s = strings.TrimPrefix(s, start)
	}
	return strings.TrimSuffix(s, " township")
}

// street compares the whole street: where the cut between its fields differs
// the street may be the same.
func (d *difference) street() bool {
	if StreetKey(d.a) == StreetKey(d.b) && folded(d.a.LMK) == folded(d.b.LMK) {
		return true
	}
	if StreetKey(d.a) != StreetKey(d.b) {
		d.mark("PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM")
		if !d.anyOf("PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM") {
			d.differ["RD"] = true
		}
		return false
	}
	if agree(folded(d.a.LMK), folded(d.b.LMK)) {
		return true
	}
	d.mark("LMK")
	return false
}

func (d *difference) anyOf(names ...string) bool {
	for _, n := range names {
		if d.differ[n] {
			return true
		}
	}
	return false
}

// streetKey is the street as one text: modifier, directionals and type stand
// where they are said, so that a different cut makes no difference.
func streetKey(c e911.Civic) string {
	return folded(words(c.PRM, c.PRD, c.STP, c.STPS, c.RD, c.STS, c.POD, c.POM))
}

func houseKey(c e911.Civic) string {
	number := strings.TrimLeft(c.HNO, "0")
	if number == "" {
		number = c.HNO
	}
	return strings.ReplaceAll(fold(c.HNP+number+c.HNS), " ", "") + "|" + folded(c.MP) + "|" + folded(c.PN) + "|" + folded(c.POBOX)
}

func (d *difference) house() bool {
	ok := true
	if houseKey(d.a) != houseKey(d.b) {
		d.mark("HNP", "HNO", "HNS", "MP", "PN", "POBOX")
		ok = false
	}
	// Two buildings with one house number are two buildings.
	for _, n := range []string{"SITE", "SUBSITE", "BLD"} {
		x, y := insideKey(d.a.Get(n)), insideKey(d.b.Get(n))
		if x == y {
			continue
		}
		d.mark(n)
		if x != "" && y != "" {
			ok = false
		}
	}
	return ok
}

func (d *difference) inside() bool {
	for _, n := range []string{"SITE", "SUBSITE", "BLD"} {
		if d.differ[n] {
			return false
		}
	}
	ok := true
	for _, n := range []string{"WING", "FLR", "UNIT", "ROOM", "SEAT", "LOC"} {
		if insideKey(d.a.Get(n)) != insideKey(d.b.Get(n)) {
			d.mark(n)
			ok = false
		}
	}
	return ok
}

// insideKey compares units by number: what kind of unit it is is a matter of
// habit ("Suite 5", "Ste 5", "Unit 5", "#5").
func insideKey(s string) string {
	t := tokens(s)
	if len(t) > 1 && t[0].text == "#" {
		t = t[1:]
	}
	if len(t) > 1 && t[0].hasUnitType() {
		t = t[1:]
	}
	return strings.ReplaceAll(folded(join(t)), " ", "")
}

// folded is fold with the words that have several forms in one of them:
// ordinals and numbers as digits, Saint, types and directionals spelled out in
// English.
func folded(s string) string {
	if s == "" {
		return ""
	}
	s = fold(s)
	n := 0
	for range strings.FieldsSeq(s) {
		n++
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	i := 0
	for w := range strings.FieldsSeq(s) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(oneForm(w, i, n))
		i++
	}
	if s = b.String(); strings.Contains(s, "north ") || strings.Contains(s, "south ") {
		return compass.Replace(s)
	}
	return s
}

// oneForm writes word i of n in the form that stands for all its forms.
func oneForm(w string, i, n int) string {
	f, ok := forms[w]
	switch {
	case ok && f.always != "":
		return f.always
	case w[0] >= '0' && w[0] <= '9':
		if (token{text: w}).frenchOrdinal() {
			return ordinalForm(w[:len(w)-len(strings.TrimLeft(w, "0123456789"))])
		}
	case ok && n > 1 && f.kind != "":
		return f.kind
	case ok && n > 1 && i == 0 && f.first != "":
		return f.first
	}
	return w
}

// form is what stands for all forms of a word: wherever it stands, as a type in a
// name of several words, as a French type at its front.
type form struct{ always, kind, first string }

// forms is by the folded word.
var forms = func() map[string]form {
	all := map[string]form{}
	put := func(k string, change func(*form)) {
		k = strings.ToLower(k)
		f := all[k]
		change(&f)
		all[k] = f
	}
	for k, full := range frenchTypes {
		put(k, func(f *form) { f.first = strings.ToLower(unaccent(full)) })
	}
	for k, full := range streetTypes {
		if k != "ST" && len(full) > 3 {
			put(k, func(f *form) { f.kind = strings.ToLower(unaccent(full)) })
		}
	}
	for k, full := range englishDirections {
		put(k, func(f *form) { f.always = full })
	}
	for k, full := range map[string]string{"SAINT": "st", "SAINTE": "st", "STE": "st", "STREET": "st", "MOUNT": "mt", "FORT": "ft"} {
		put(k, func(f *form) { f.always = full })
	}
	for k, n := range numberWords {
		put(k, func(f *form) { f.always = itoa(n) })
	}
	for k, n := range ordinalWords {
		put(k, func(f *form) { f.always = ordinalForm(itoa(n)) })
	}
	return all
}()

// compass joins directionals of two words.
var compass = strings.NewReplacer("north east", "northeast", "north west", "northwest", "south east", "southeast", "south west", "southwest")

// ordinalForm marks an ordinal so that "5th" is not "5".
func ordinalForm(digits string) string { return strings.TrimLeft(digits, "0") + "th" }

// englishDirections is every directional, in English or French, spelled out or
// as letters, in one form. "O" (Ouest) is left out: it is a street in Washington.
var englishDirections = map[string]string{
	"N": "north", "NORTH": "north", "NORD": "north", "S": "south", "SOUTH": "south", "SUD": "south",
	"E": "east", "EAST": "east", "EST": "east", "W": "west", "WEST": "west", "OUEST": "west",
	"NE": "northeast", "NORTHEAST": "northeast", "NW": "northwest", "NORTHWEST": "northwest",
	"SE": "southeast", "SOUTHEAST": "southeast", "SW": "southwest", "SOUTHWEST": "southwest",
}
