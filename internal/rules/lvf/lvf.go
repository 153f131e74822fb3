// Package lvf is the Location Validation Function: it tells field by field
// whether an address exists in the reference layers, what it is called there,
// where it lies and what else may have been meant (RFC 5222, section 8.4.2;
// NENA-STA-010.3, section 4.5; NENA-STA-006.3).
//
// An address point that agrees in every field decides; where there is not
// exactly one, the centre line whose range, parity and side hold the number.
// Without a layer that covers the place the verdict is "unverified": only
// structure was looked at, and that never makes an address valid.
package lvf

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Index validates addresses against layers. Immutable, safe for concurrent use.
// A nil Index has no layer.
type Index struct {
	layers []*layer // the better one first
}

// New makes an Index. Authoritative layers come before reference ones and those
// before demonstration ones; of one grade the newer AsOf comes first, then the
// key. A better layer that covers a place has the last word on it.
//
// A layer covers a place when it has the state together with the town, by any of
// its names, or with the postal code. A layer without centre lines says what is
// valid, but what is invalid only when it is authoritative: its address points
// may be incomplete.
func New(layers []gis.Layer) *Index { return (*Index)(nil).Replace(layers) }

// Replace makes an Index over other layers. What it knows of a content that
// stays (the same *gis.Content) is taken over, so that a snapshot with one new
// layer does not index the others again.
func (x *Index) Replace(layers []gis.Layer) *Index {
	next := &Index{}
	for _, in := range layers {
		if in.Content == nil {
			continue
		}
		next.layers = append(next.layers, x.layer(in))
	}
	slices.SortStableFunc(next.layers, func(a, b *layer) int {
		return cmp.Or(cmp.Compare(rank(a.info.Grade), rank(b.info.Grade)), b.info.AsOf.Compare(a.info.AsOf), strings.Compare(a.info.Key, b.info.Key))
	})
	return next
}

func (x *Index) layer(in gis.Layer) *layer {
	if x != nil {
		for _, l := range x.layers {
			if l.Content == in.Content {
				same, info := *l, in.Layer
				same.info = &info
				same.denies = denies(in)
				return &same
			}
		}
	}
	return newLayer(in)
}

func rank(g e911.LayerGrade) int {
	switch g {
	case e911.GradeAuthoritative:
		return 0
	case e911.GradeReference:
		return 1
	}
	return 2
}

// allowed yields the layers that may answer, the better one first.
func (x *Index) allowed(o Options) iter.Seq[*layer] {
	return func(yield func(*layer) bool) {
		if x == nil {
			return
		}
		for _, l := range x.layers {
			if (rank(l.info.Grade) < 2 || o.Demonstration) && !yield(l) {
				return
			}
		}
	}
}

// Options of one question.
type Options struct {
	// Now is when the answer is to hold: a feature counts while its span holds
	// that moment. A planned change is asked for with a time to come. Zero means
	// that spans do not matter.
	Now time.Time
	// Demonstration lets demonstration layers answer: true only for an
	// organisation so marked (F-23). Result.Layer says when one did.
	Demonstration bool
	// Postal is a table of postal codes for what no layer covers; nil: none. What
	// a layer says of a postal code outranks it.
	Postal civic.Postal
	// NoCandidates leaves out what may have been meant, which takes most of the time
	// of an answer that is not "valid".
	NoCandidates bool
	// WithinM bounds Nearest, metres; 0 means DefaultWithinM.
	WithinM float64
}

// DefaultWithinM is how far Nearest looks when nobody says: across a large
// campus, not into the next town.
const DefaultWithinM = 500

// Result is the word on one address.
type Result struct {
	Verdict e911.Verdict
	// Fields has every field of the address that is set, in the order of the
	// schema: valid, invalid or unchecked (RFC 5222, section 8.4.2). The first
	// invalid one ends the search; what comes after it is unchecked.
	Fields []civic.FieldVerdict
	// Address is the canonical form: where it is valid, as the layer spells it
	// and with what the layer adds (county, municipality, postal community);
	// otherwise civic.Normalize of what was asked. Floor, unit and room stay.
	Address e911.Civic
	// Dispatchable: a street address that is not invalid, and nothing missing.
	Dispatchable bool
	// Missing is what a dispatcher would lack, as PIDF-LO names; "FLR" stands for
	// any detail (N-38). A building that the layer knows to have several units
	// needs UNIT, FLR or ROOM: a wing or a description is not enough there.
	Missing []string

	Point  *e911.Area // geocode with its radius at 95 %; nil: none
	Method e911.GeocodeMethod
	// Layer is what decided, or for an address without sound structure, where the
	// geocode comes from; nil: structure alone. Feature is the NGUID that matched.
	Layer   *e911.Layer
	Feature string
	MSAG    gis.MSAG
	// Multiple says that the layer has several units at this address.
	Multiple bool

	Candidates []Candidate // what may have been meant, the likeliest first
	Faults     []civic.Fault
}

// Candidate is an address that may have been meant.
type Candidate struct {
	civic.Candidate // the address, and which fields differ from Result.Address
	Layer           *e911.Layer
	Feature         string
	// Contested: a lesser layer has this address, a better one that covers the
	// place has not. All other candidates of a layer are valid.
	Contested bool
}

// Validation is the result in the form that is kept: what was entered, by whom,
// what was found and in which version of which layer.
func (r Result) Validation(entered e911.Civic, by string, at time.Time) e911.Validation {
	v := e911.Validation{
		Verdict: r.Verdict, By: by, At: at, Missing: r.Missing,
		Point: r.Point, Method: r.Method, Feature: r.Feature,
	}
	if entered != r.Address {
		v.Entered = entered
	}
	for _, f := range r.Fields {
		switch f.Verdict {
		case civic.Invalid:
			v.Invalid = append(v.Invalid, f.Field)
		case civic.Unchecked:
			v.Unchecked = append(v.Unchecked, f.Field)
		}
	}
	if r.Layer != nil {
		v.Layer, v.Version, v.AsOf = r.Layer.Key, r.Layer.Version, r.Layer.AsOf
	}
	return v
}
