package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// Invalid is the code of an address that a reference layer does not have, and
// Unverified the one of an address that no layer speaks for.
const (
	Invalid    = "invalid"
	Unverified = "unverified"
)

// Addresses validates addresses; *lvf.Index is one.
type Addresses interface {
	Validate(c e911.Civic, o lvf.Options) lvf.Result
}

// Layers gives the reference layers that a view has, and what validates addresses
// by them.
type Layers interface {
	Layers(ctx context.Context, view admin.View) ([]gis.Layer, error)
	Addresses(ctx context.Context, view admin.View) (Addresses, error)
}

// Entry is how an address came in.
type Entry struct {
	By            string // as e911.Validation
	Now           time.Time
	Demonstration bool // the organisation is marked so
}

// farOff is how far an operator's point may lie from the geocode without a
// word: across a large building and its yard.
const farOff = 250

// Settle validates the address of a building. A valid one gets its canonical
// form, and a point where the operator gave none; the others stay as typed.
// before is the stored form, nil for a new one: what was typed already keeps
// its first entry, and its validation where the layers say the same, so that
// an import of what was exported changes nothing. A new address that a layer
// calls invalid has faults; one that is stored already has notes instead, so
// that a new layer stops nobody's other changes.
func Settle(x Addresses, v e911.Building, before *e911.Building, e Entry) (out e911.Building, faults, notes []e911.Fault) {
	typed, known := v.Address, false
	if before != nil {
		first := before.Validation.Entered
		if first.Empty() {
			first = before.Address
		}
		if known = typed == first || typed == before.Address; known {
			typed = first
		}
	}
	res := x.Validate(typed, lvf.Options{Now: e.Now, Demonstration: e.Demonstration})
	v.Address = typed
	if res.Verdict == e911.VerdictValid {
		v.Address = res.Address
	}
	v.Validation = res.Validation(typed, e.By, e.Now.UTC().Truncate(time.Millisecond))
	if v.Validation.Entered = typed; typed == v.Address {
		v.Validation.Entered = e911.Civic{}
	}
	if known && outlives(before, res) && (v.Point == nil || *v.Point == *before.Point) {
		v.Validation.Point, v.Validation.Method = before.Validation.Point, before.Validation.Method
	}
	v.Point = point(v, before, known, res)
	if known && before.Validation.Verdict != "" {
		v.Validation.By = before.Validation.By
		same := v.Validation
		same.At = before.Validation.At
		if admin.Same(same, before.Validation) {
			v.Validation = before.Validation
		}
	}
	switch res.Verdict {
	case e911.VerdictInvalid:
		if f := invalid(res); known {
			notes = f
		} else {
			faults = f
		}
	case e911.VerdictUnverified:
		notes = append(notes, e911.Fault{
			Path: "address", Code: Unverified, Msg: "no reference layer speaks for this address: only its form was checked",
			Fix: "import a layer of the 911 authority: callbox import layer",
		})
		notes = append(notes, doubts(res)...)
	}
	if p := v.Validation.Point; v.Point != nil && p != nil && exact(res.Method) {
		if d := geo.Metres(*v.Point, p.Point); d > farOff {
			notes = append(notes, e911.Fault{
				Path: "point", Code: Range, Msg: fmt.Sprintf("the point lies %.0f m from where the layer %s has the address", d, v.Validation.Layer),
				Fix: "compare the two, or leave the point out",
			})
		}
	}
	return v, faults, notes
}

// outlives reports that the geocode of a building stays although the layer that
// gave it says now that there is no such address: a street that was taken out by
// mistake, or ended overnight, moves no house, and without a point its calls
// would fall to the relay centre. It goes with the layer, or with the address.
func outlives(before *e911.Building, res lvf.Result) bool {
	return before != nil && Geocoded(*before) && exact(before.Validation.Method) &&
		res.Verdict == e911.VerdictInvalid && res.Layer != nil && res.Layer.Key == before.Validation.Layer
}

// exact methods find the house; the middle of a street or of a town may lie in
// another PSAP's area.
func exact(m e911.GeocodeMethod) bool {
	return m == e911.GeocodeAddressPoint || m == e911.GeocodeRange
}

// point keeps an operator's point, and fills in the geocode where he gave none.
func point(v e911.Building, before *e911.Building, known bool, res lvf.Result) *e911.Point {
	given := v.Point
	if known && given != nil && Geocoded(*before) && *given == *before.Point {
		given = nil
	}
	if given == nil && known && outlives(before, res) {
		p := *before.Point
		return &p
	}
	if given != nil || res.Verdict != e911.VerdictValid || res.Point == nil || !exact(res.Method) {
		return given
	}
	p := res.Point.Point
	return &p
}

// Geocoded reports whether the point of a stored building is the geocode of its
// address, and no operator's.
func Geocoded(v e911.Building) bool {
	return v.Point != nil && v.Validation.Point != nil && *v.Point == v.Validation.Point.Point
}

// doubts are what the structure and the table of postal codes make of an address
// that no layer speaks for.
func doubts(res lvf.Result) []e911.Fault {
	fix := "compare it with what the post and the city say"
	if mean := Meant(res); mean != "" {
		fix = "did you mean " + mean + "?"
	}
	var out []e911.Fault
	for _, f := range res.Faults {
		out = append(out, e911.Fault{Path: "address." + f.Field, Code: Unverified, Msg: f.Reason, Fix: fix})
	}
	return out
}

// invalid tells which field is wrong, why, and what may have been meant.
func invalid(res lvf.Result) []e911.Fault {
	f := e911.Fault{Path: "address", Code: Invalid, Msg: "the address does not exist", Fix: "compare it with what the city calls it"}
	for _, v := range res.Fields {
		if v.Verdict == civic.Invalid {
			f.Path, f.Msg = "address."+v.Field, "the layer does not have this "+v.Field
			break
		}
	}
	for _, why := range res.Faults {
		if !why.Doubt {
			f.Path, f.Msg = "address."+why.Field, why.Reason
			break
		}
	}
	if res.Layer != nil {
		f.Msg += fmt.Sprintf(" (layer %s, version %d)", res.Layer.Key, res.Layer.Version)
	}
	if mean := Meant(res); mean != "" {
		f.Fix = "did you mean " + mean + "?"
	}
	return []e911.Fault{f}
}

// Meant lists up to three addresses that may have been meant; empty: none.
func Meant(res lvf.Result) string {
	var out []string
	for _, c := range res.Candidates[:min(len(res.Candidates), 3)] {
		out = append(out, civic.Display(c.Address))
	}
	return strings.Join(out, ", or ")
}

func (c *checker) layer(v e911.Layer) {
	c.key(v.Key)
	c.text("name", v.Name, true)
	c.text("source", v.Source, true)
	switch v.Grade {
	case e911.GradeAuthoritative, e911.GradeReference, e911.GradeDemonstration:
	case "":
		c.add("grade", Required, "a layer has a grade", "write authoritative, reference or demonstration")
	default:
		c.add("grade", Syntax, fmt.Sprintf("%q is no grade of a layer", v.Grade), "write authoritative, reference or demonstration")
	}
}
