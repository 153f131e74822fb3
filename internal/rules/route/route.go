// Package route decides who answers for a place, and by which trunks a call of
// an organisation gets there (design 2.3, F-23). A call asks it, and so does a
// person at a desk who needs the number for somebody elsewhere (F-39): both get
// the same answer, with what lost and why (E11).
//
// Promises, in this order: an organisation's own choice with a recorded
// agreement, while it holds; an unexpired mapping of the authority; our own
// layers. A demonstration layer decides only for an organisation marked so. Where
// the authority and our layer disagree, the authority wins and that is told. It
// asks nobody and waits for nothing (E3): what the authority said is handed in.
package route

import (
	"iter"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// Source is what chose the PSAP.
type Source string

// The sources, in the order in which they count.
const (
	SourceOverride      Source = "override"      // the organisation's own choice
	SourceAuthority     Source = "authority"     // a mapping of the authority's server
	SourceLayer         Source = "own_layer"     // a reference layer, or a PSAP's own boundary
	SourceDemonstration Source = "demonstration" // a demonstration layer: it proves nothing
	SourceNone          Source = "none"          // nobody; the relay centre takes the call
)

// Basis is what a Source went by.
type Basis struct {
	Source Source `json:"source"`
	// Name is the override's key, the authority's server, or the layer's key.
	Name    string          `json:"name,omitempty"`
	Version int             `json:"version,omitempty"` // of the layer
	Grade   e911.LayerGrade `json:"grade,omitempty"`   // of the layer
	Feature string          `json:"feature,omitempty"` // the boundary's NGUID, or the mapping's id
	// AsOf is the date of the layer; Expires that of the mapping or override.
	AsOf      time.Time `json:"as_of,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	Agreement string    `json:"agreement,omitempty"`
}

// World is what is configured for all; *snapshot.Snapshot is one.
type World interface {
	PSAP(id e911.PSAPID) (e911.PSAP, bool)
	// Relays lists the relay centres, that of any country first.
	Relays() []e911.PSAP
	PSAPs() *ecrf.Index
	Trunk(id e911.TrunkID) (e911.Trunk, bool)
	// TrunkTo finds a carrier's trunk by the host and port that it leads to.
	TrunkTo(host string) (e911.Trunk, bool)
}

// TrunkTo finds, among all trunks, that of nobody alone that leads to a carrier at
// a host and port; of several the one whose key comes first. It is what a World
// answers with.
func TrunkTo(trunks iter.Seq[e911.Trunk], host string) (found e911.Trunk, ok bool) {
	if host == "" {
		return found, false
	}
	for t := range trunks {
		if t.Org == "" && t.Side == e911.SideCarrier && strings.EqualFold(hostOf(t.To), host) && (!ok || t.Key < found.Key) {
			found, ok = t, true
		}
	}
	return found, ok
}

// Org is whose call it is; *snapshot.Org is one.
type Org interface {
	Config() e911.Org
	// Overrides lists its own choices for a place, the closest first.
	Overrides(p e911.Place) []e911.PSAPOverride
}

// Question is one place at one time.
type Question struct {
	Place   e911.Place
	Located bool   // false: nobody knows where, and Place says nothing
	Service string // URN; none: urn:service:sos
	// Mapping is what the authority said of the place; nil: nothing is known.
	Mapping *ecrf.Answer
	// Caller is who calls; zero where nobody does.
	Caller ladder.Caller
	Down   func(e911.TrunkID) bool // nil: nothing is known
	// Targets is that of ladder.Input.
	Targets func(e911.Trunk) []ladder.Target
	Now     time.Time
}

// Decision is who answers.
type Decision struct {
	// PSAP serves the place. Without an ID it is not one of the directory, and has
	// the name, line and addresses that the authority or the boundary gives it. Nil:
	// none follows, and the call is the relay centre's.
	PSAP  *e911.PSAP
	URIs  []string // of the service, as the authority or the layer has them
	Basis Basis
	// Service is the URN that our own layer answered for: a parent of the one asked
	// for where that has no boundary at the place.
	Service string
	// Share is how much of where the caller may be lies in the boundary of our own
	// layer that decided, 0 to 1; 0 when none did.
	Share float64
	Relay *e911.PSAP // that takes the call when no PSAP does; nil: none may
	Rungs []ladder.Rung
	// Gate and Gated are those of ladder.Plan.
	Gate  ladder.Gate
	Gated bool
	// Disagree says how the authority and our own layer differ; empty: they do not.
	Disagree string
	Findings []e911.Finding
}

// Expected reports that a carrier chooses the PSAP of the first rung that will
// be tried: ours is the one that is expected to answer.
func (d *Decision) Expected() bool {
	for _, r := range d.Rungs {
		if !r.Down {
			return r.Expected()
		}
	}
	return len(d.Rungs) > 0 && d.Rungs[0].Expected()
}
