package ecrf

import (
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Origin says where an Answer comes from.
type Origin string

// Origins, in the order of F-23.
const (
	OriginCached  Origin = "authoritative_cached" // an unexpired mapping of the authority
	OriginQueried Origin = "authoritative_fresh"  // the authority, asked now
	OriginOwn     Origin = "own_layer"
)

// Answer says who answers for a service at a place.
type Answer struct {
	Origin   Origin
	Source   string // application unique string of the server that made it
	SourceID string
	Name     string // for people
	Service  string // URN
	URIs     []string
	Number   string    // what is dialled
	Expires  time.Time // zero: until told otherwise
}

// Names reports whether the answer means this PSAP: by its name, or by its
// 24x7 line as a tel URI.
func (a *Answer) Names(p *e911.PSAP) bool {
	if a.Name != "" && strings.EqualFold(strings.Join(strings.Fields(a.Name), " "), strings.Join(strings.Fields(p.Name), " ")) {
		return true
	}
	for _, u := range a.URIs {
		if p.Line != "" && strings.EqualFold(u, "tel:"+string(p.Line)) {
			return true
		}
	}
	return false
}

// Named returns the PSAP that an answer of an authority means, when exactly one
// of ours is meant: it has the routes that the authority does not tell.
func (x *Index) Named(a *Answer) (e911.PSAP, bool) {
	var found *e911.PSAP
	for i := range x.All() {
		p := &x.psaps[i]
		if !a.Names(p) {
			continue
		}
		if found != nil {
			return e911.PSAP{}, false
		}
		found = p
	}
	if found == nil {
		return e911.PSAP{}, false
	}
	return *found, true
}

// Disagree reports that the authority names another PSAP for a place than our
// own layer, which raises an alarm; the authority wins (F-23). A demonstration
// layer is nobody's opinion.
func Disagree(a *Answer, own *e911.PSAP) bool {
	return a != nil && own != nil && !own.Boundary.Demonstration() && !a.Names(own)
}
