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
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Index validates addresses against layers. Immutable, safe for concurrent use.
// A nil Index has no layer.
type Index struct {
	layers []gis.Layer // the better one first
}

// New makes an Index. Authoritative layers come before reference ones and those
// before demonstration ones; of one grade the newer AsOf comes first, then the
// key. A better layer that covers a place has the last word on it.
func New(layers []gis.Layer) *Index {
	return &Index{layers: layers}
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
	// Layer and Feature (NGUID) are what decided; nil and empty: structure alone.
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
	civic.Candidate // the address, and which fields differ from the one asked
	Layer           *e911.Layer
	Feature         string
	// Contested: a lesser layer has this address, a better one that covers the
	// place has not. All other candidates of a layer are valid.
	Contested bool
}

// Validate tells what is known about c.
func (x *Index) Validate(c e911.Civic, _ Options) Result {
	r := civic.Check(c)
	out := Result{Verdict: e911.VerdictUnverified, Fields: r.Fields, Address: r.Address, Dispatchable: r.Dispatchable, Missing: r.Missing, Faults: r.Faults}
	if r.Verdict == civic.Invalid {
		out.Verdict = e911.VerdictInvalid
		for _, n := range civic.Candidates(c) {
			out.Candidates = append(out.Candidates, Candidate{Candidate: n})
		}
	}
	return out
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

// Near is the address or the street that is nearest to a point.
type Near struct {
	// Address of the address point, without its unit; for a street the number is
	// the nearest one of its range, or absent where that side has none.
	Address   e911.Civic
	Point     e911.Area // of the feature, with its own radius at 95 %
	DistanceM float64   // from the point asked
	Method    e911.GeocodeMethod
	Layer     *e911.Layer
	Feature   string
	MSAG      gis.MSAG
}

// Nearest tells which known address is nearest to a point, within
// Options.WithinM metres: an address point, or where there is none so near, the
// place on the nearest centre line. The best layer that has anything there
// answers. It is a guess for people to confirm, never a validated address.
func (x *Index) Nearest(_ e911.Point, _ Options) (Near, bool) {
	return Near{}, false
}
