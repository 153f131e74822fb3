package ecrf

import (
	"slices"
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

// Names reports whether the answer means this PSAP: by a service boundary of
// its, by its name, or by its 24x7 line as a tel URI.
func (a *Answer) Names(p *e911.PSAP) bool {
	if a.SourceID != "" && (slices.Contains(p.Features, a.SourceID) || p.ID == "" && p.Key == a.SourceID) {
		return true
	}
	if a.Name != "" && spoken(a.Name) == spoken(p.Name) {
		return true
	}
	for _, u := range a.URIs {
		if p.Line != "" && strings.EqualFold(u, "tel:"+string(p.Line)) {
			return true
		}
	}
	return false
}

// spoken makes two ways to write a name the same.
func spoken(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// named finds PSAPs by what an authority may call them.
type named struct {
	byFeature map[string]*e911.PSAP
	byName    map[string][]*e911.PSAP
	byLine    map[string][]*e911.PSAP // by tel URI
}

func newNamed(psaps []e911.PSAP) named {
	n := named{map[string]*e911.PSAP{}, make(map[string][]*e911.PSAP, len(psaps)), map[string][]*e911.PSAP{}}
	for i := range psaps {
		p := &psaps[i]
		bare := len(p.Routes) == 0 && len(p.Area) == 0 && len(p.Features) == 0 && p.Agency == ""
		if k := p.Listing.Kind; p.Relay || bare && (k == e911.ListedOrphaned || k == e911.ListedGone) {
			continue
		}
		for _, f := range p.Features {
			n.byFeature[f] = p
		}
		name := spoken(p.Name)
		n.byName[name] = append(n.byName[name], p)
		if p.Line != "" {
			line := "tel:" + string(p.Line)
			n.byLine[line] = append(n.byLine[line], p)
		}
	}
	return n
}

// Named returns the PSAP that an answer of an authority means, when exactly one
// of ours is meant: it has the routes that the authority does not tell. A
// directory has many of one name; one that something was configured for is meant
// before those that are only listed.
func (x *Index) Named(a *Answer) (e911.PSAP, bool) {
	if x == nil {
		return e911.PSAP{}, false
	}
	if p := x.named.byFeature[a.SourceID]; p != nil {
		return *p, true
	}
	var found []*e911.PSAP
	add := func(list []*e911.PSAP) {
		for _, p := range list {
			if !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	if a.Name != "" {
		add(x.named.byName[spoken(a.Name)])
	}
	for _, u := range a.URIs {
		add(x.named.byLine[strings.ToLower(u)])
	}
	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(p *e911.PSAP) bool {
			return len(p.Routes) == 0 && len(p.Area) == 0 && len(p.Features) == 0 && p.Agency == ""
		})
	}
	if len(found) != 1 {
		return e911.PSAP{}, false
	}
	return *found[0], true
}

// Disagree reports that the authority names another PSAP for a place than our
// own layer, which raises an alarm; the authority wins (F-23). A demonstration
// layer is nobody's opinion.
func Disagree(a *Answer, own *e911.PSAP) bool {
	return a != nil && own != nil && !own.Boundary.Demonstration() && !a.Names(own)
}
