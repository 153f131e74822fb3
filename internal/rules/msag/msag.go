// Package msag writes civic addresses in the form of a Master Street Address
// Guide and of ALI records: capital letters of ASCII, the abbreviations of USPS
// Publication 28, fields of a fixed width; and reads that form back. What the
// form cannot hold, or would only seem to, is said.
//
// Sources: reference of NENA 02-010 version 2.1 from secondary sources; USPS
// Publication 28, appendices B and C1. See docs/psali.md.
package msag

import (
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Widths of the fields in characters (NENA 02-010, version 2.1).
const (
	WidthHouse     = 10
	WidthHouseSuf  = 4
	WidthDir       = 2
	WidthStreet    = 60
	WidthSuffix    = 4
	WidthCommunity = 32
	WidthState     = 2
	WidthLocation  = 60
	WidthZIP       = 5
	WidthZIP4      = 4
	WidthESN       = 5
)

// Form is an address in the fields of an ALI record: capital letters of ASCII,
// none cut off. A field may be wider than its place in the record; a Note of
// kind TooLong says so, and no record can be made of it.
type Form struct {
	House, HouseSuffix string
	PreDir             string
	Street, Suffix     string
	PostDir            string
	Community, State   string
	Location           string // what finds the caller inside, up to 60 characters
	ZIP, ZIP4          string
	ESN                string // empty where no layer knows it
}

// NoteKind says what became of a part of an address.
type NoteKind string

// The kinds. With Lost or TooLong the form does not say what the address says.
const (
	Lost    NoteKind = "lost"     // the form has no place for it, or it does not read back
	TooLong NoteKind = "too_long" // wider than its field
	Moved   NoteKind = "moved"    // stands in another field than one would look in
	Assumed NoteKind = "assumed"  // taken from the post or the city, because no layer has the MSAG's own word
	Spelled NoteKind = "spelled"  // letters that ASCII has not
)

// Note is one remark on a form. Field is a PIDF-LO name.
type Note struct {
	Field string   `json:"field"`
	Kind  NoteKind `json:"kind"`
	Msg   string   `json:"msg"`
}

// Of writes the address c of a location in MSAG form. m is what a layer says of
// the place; without it the community is the city, with a Note. The notes are
// in the order of the record's fields.
func Of(c e911.Civic, m gis.MSAG) (Form, []Note) {
	c, _ = civic.Normalize(c)
	w := writer{c: c}
	f := Form{
		House: w.house(), HouseSuffix: w.text("HNS", c.HNS),
		PreDir: w.direction("PRD", c.PRD), PostDir: w.direction("POD", c.POD),
	}
	f.Street, f.Suffix = w.street()
	f.Community = w.community(m)
	f.State = w.text("A1", c.A1)
	f.Location = w.location()
	f.ZIP, f.ZIP4 = w.postal()
	f.ESN = w.text("", m.ESN)
	w.widths(f)
	w.back(f)
	return f, w.notes
}

// Whole reports whether the notes say that the form holds the whole address.
func Whole(notes []Note) bool {
	for _, n := range notes {
		if n.Kind == Lost || n.Kind == TooLong {
			return false
		}
	}
	return true
}

// StreetLine is the street address as a screen shows it, "795 MASSACHUSETTS AVE".
func (f Form) StreetLine() string {
	return join(f.House, f.HouseSuffix, f.PreDir, f.Street, f.Suffix, f.PostDir)
}

// StreetKey is equal for two forms exactly when their street addresses are the
// same: house number to state, without what is inside and without the post's code.
func (f Form) StreetKey() string {
	return strings.Join([]string{f.House, f.HouseSuffix, f.PreDir, f.Street, f.Suffix, f.PostDir, f.Community, f.State}, "|")
}

type writer struct {
	c     e911.Civic
	notes []Note
}

func (w *writer) note(field string, kind NoteKind, format string, args ...any) {
	w.notes = append(w.notes, Note{Field: field, Kind: kind, Msg: fmt.Sprintf(format, args...)})
}

// text folds one field to ASCII.
func (w *writer) text(field, s string) string {
	out, exact, ok := Fold(s)
	switch {
	case !ok:
		w.note(field, Lost, "%q has signs that ASCII has no letter for", s)
	case !exact:
		w.note(field, Spelled, "%q is written %q", s, out)
	}
	return out
}

func (w *writer) house() string {
	c := w.c
	number := w.text("HNO", c.HNP+c.HNO)
	if number == "" && (c.MP != "" || c.PN != "") {
		w.note("MP", Lost, "a milepost has no field of its own: ask the authority how its MSAG has it")
	}
	return number
}

func (w *writer) direction(field, s string) string {
	if s == "" {
		return ""
	}
	if d, ok := directions[Key(s)]; ok {
		return d
	}
	w.note(field, Lost, "%q is no directional of two letters", s)
	return w.text("", s)
}

// street writes modifiers and types that stand before the name into the name,
// and a type that has no abbreviation behind it.
func (w *writer) street() (name, suffix string) {
	c := w.c
	if c.PRM != "" || c.STP != "" {
		w.note("STP", Moved, "the type before the name stands in the street's name")
	}
	tail := ""
	if c.STS != "" {
		if abbr, ok := suffixes[Key(c.STS)]; ok {
			suffix = abbr
		} else {
			tail = c.STS
			w.note("STS", Moved, "%q has no abbreviation in Publication 28, and stands in the street's name", c.STS)
		}
	}
	if c.POM != "" {
		w.note("POM", Moved, "the modifier behind the street stands in its name")
	}
	name = w.text("RD", join(c.PRM, c.STP, c.STPS, c.RD, tail, c.POM))
	if name == "" {
		w.note("RD", Lost, "the address has no street")
	}
	return name, suffix
}

func (w *writer) community(m gis.MSAG) string {
	if m.Community != "" {
		return w.text("A3", m.Community)
	}
	for _, f := range []string{"A3", "PCN", "A4"} {
		if v := w.c.Get(f); v != "" {
			w.note(f, Assumed, "the MSAG's name of the community is not known, %q is taken", v)
			return w.text(f, v)
		}
	}
	w.note("A3", Lost, "the address has no community")
	return ""
}

func (w *writer) postal() (zip, zip4 string) {
	zip, zip4 = w.text("PC", w.c.PC), w.text("PCE", w.c.PCE)
	if first, second, ok := strings.Cut(zip, " "); ok && len(zip) == 7 && zip4 == "" {
		return first + second[:2], second[2:] // a Canadian code fills both fields, without its space
	}
	return zip, zip4
}

// widths says which fields do not fit.
func (w *writer) widths(f Form) {
	for _, x := range []struct {
		field, text string
		width       int
	}{
		{"HNO", f.House, WidthHouse},
		{"HNS", f.HouseSuffix, WidthHouseSuf},
		{"PRD", f.PreDir, WidthDir},
		{"RD", f.Street, WidthStreet},
		{"STS", f.Suffix, WidthSuffix},
		{"POD", f.PostDir, WidthDir},
		{"A3", f.Community, WidthCommunity},
		{"A1", f.State, WidthState},
		{"LOC", f.Location, WidthLocation},
		{"PC", f.ZIP, WidthZIP},
		{"PCE", f.ZIP4, WidthZIP4},
		{"", f.ESN, WidthESN},
	} {
		if len(x.text) > x.width {
			w.note(x.field, TooLong, "%q has %d characters, and the record has room for %d", x.text, len(x.text), x.width)
		}
	}
}

// back reads the form again and says what came out otherwise.
func (w *writer) back(f Form) {
	read, was := f.Civic(), w.c
	for _, x := range []struct{ field, got, want string }{
		{"HNO", read.HNP + read.HNO + read.HNS, was.HNP + was.HNO + was.HNS},
		{"RD", civic.Street(bare(read)), civic.Street(bare(was))},
		{"PC", read.PC + read.PCE, was.PC + was.PCE},
	} {
		if !same(x.got, x.want) {
			w.note(x.field, Lost, "%q would be read as %q", x.want, x.got)
		}
	}
	for _, field := range insideFields {
		if got, want := read.Get(field), was.Get(field); !same(got, want) {
			w.note(field, Lost, "%q would be read as %q", want, got)
		}
	}
	for _, field := range []string{"LMK", "NAM", "PLC", "POBOX", "SITE", "SUBSITE", "ADDCODE"} {
		if v := was.Get(field); v != "" {
			w.note(field, Lost, "%q has no field of its own: write it into LOC, if it helps to find the caller", v)
		}
	}
}

// bare is the street alone.
func bare(c e911.Civic) e911.Civic {
	return e911.Civic{PRM: c.PRM, PRD: c.PRD, STP: c.STP, STPS: c.STPS, RD: c.RD, STS: c.STS, POD: c.POD, POM: c.POM}
}

// same compares what came back with what was written, as people read it.
func same(a, b string) bool {
	x, _, _ := Fold(a)
	y, _, _ := Fold(b)
	return x == y
}

func join(parts ...string) string { return strings.Join(strings.Fields(strings.Join(parts, " ")), " ") }
