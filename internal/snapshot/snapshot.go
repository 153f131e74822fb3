// Package snapshot holds the frozen world that a call reads: everything
// configured, in memory, with the indexes that decisions need (E3, design 4).
// A Snapshot never changes; Apply makes the next one copy-on-write, so readers
// never lock and one call sees one world from INVITE to BYE.
package snapshot

import (
	"iter"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/seal"
)

// Snapshot is the world at one moment. Immutable, safe for concurrent use; the
// zero Snapshot is the empty world.
type Snapshot struct {
	// Version counts the Applies since Build, which makes version 1.
	Version uint64
	// At is when the change set was published.
	At time.Time
}

// Change is one object that came, changed or went. Object is the value type of
// Kind in e911 (e911.Site for KindSite), nil to delete. Org is none for world
// objects: models, PSAPs, token keys and trunks that belong to nobody.
type Change struct {
	Kind   e911.ObjectKind
	Org    e911.OrgID
	ID     string
	Object any
}

// Object names a configured object.
type Object struct {
	Kind e911.ObjectKind
	Org  e911.OrgID
	ID   string
}

// Rejected is in the chain of every error of Build and Apply that comes from
// the content of a change: it names the objects whose changes are at fault.
type Rejected struct{ Objects []Object }

func (r *Rejected) Error() string { return "" }

// Build makes a Snapshot from nothing. The error is an *e911.Error with every
// fault, and a *Rejected in its chain.
func Build(changes []Change, at time.Time) (*Snapshot, error) {
	return new(Snapshot).Apply(changes, at)
}

// Apply returns the world after changes, whole or not at all (E15). All changes
// are applied before anything is checked, so their order means nothing; of two
// changes to one object the later counts. s is untouched. Errors are those of
// Build.
func (s *Snapshot) Apply(changes []Change, at time.Time) (*Snapshot, error) { return s, nil }

// ApplyGood applies as many of changes as it can: a bad object keeps its last
// good form, and so does what depends on it (F-31). The error tells all faults
// of what was left out, and is nil when nothing was; the Snapshot is never nil.
func (s *Snapshot) ApplyGood(changes []Change, at time.Time) (next *Snapshot, left []Change, err error) {
	return s, nil, nil
}

// Org returns an organisation, nil when there is none.
func (s *Snapshot) Org(id e911.OrgID) *Org { return nil }

// OrgByCompanyID returns the organisation with that HELD company id, or nil.
func (s *Snapshot) OrgByCompanyID(companyID string) *Org { return nil }

// OrgsByAddress returns the organisations that have a within their public
// ranges or a mapped range, in order of id.
func (s *Snapshot) OrgsByAddress(a netip.Addr) []*Org { return nil }

// Orgs lists the organisations in no order.
func (s *Snapshot) Orgs() iter.Seq[*Org] { return func(func(*Org) bool) {} }

// TrunkBySource returns the trunk that a belongs to, by its own ranges, then by
// its disaster-recovery ranges; the longest prefix counts.
func (s *Snapshot) TrunkBySource(a netip.Addr) (e911.Trunk, bool) { return e911.Trunk{}, false }

// Trunk returns a trunk of either side.
func (s *Snapshot) Trunk(id e911.TrunkID) (e911.Trunk, bool) { return e911.Trunk{}, false }

// Trunks lists all trunks in no order.
func (s *Snapshot) Trunks() iter.Seq[e911.Trunk] { return func(func(e911.Trunk) bool) {} }

// PSAP returns a PSAP or the relay centre.
func (s *Snapshot) PSAP(id e911.PSAPID) (e911.PSAP, bool) { return e911.PSAP{}, false }

// AllPSAPs lists PSAPs and the relay centre in no order.
func (s *Snapshot) AllPSAPs() iter.Seq[e911.PSAP] { return func(func(e911.PSAP) bool) {} }

// Relay returns the relay centre.
func (s *Snapshot) Relay() (e911.PSAP, bool) { return e911.PSAP{}, false }

// PSAPs answers which PSAP serves a place.
func (s *Snapshot) PSAPs() *ecrf.Index { return nil }

// Model returns a device model.
func (s *Snapshot) Model(id e911.ModelID) (e911.Model, bool) { return e911.Model{}, false }

// TokenRing seals and opens location tokens; it opens nothing without keys.
func (s *Snapshot) TokenRing() *seal.Ring { return nil }

// All lists the whole world as the changes that would build it, sorted by kind,
// organisation and id, so that two equal worlds list the same.
func (s *Snapshot) All() iter.Seq[Change] { return func(func(Change) bool) {} }

// Digest is a hash over All: equal for equal worlds, whatever way they were
// built (the nightly comparison with SQL). It reads everything.
func (s *Snapshot) Digest() [32]byte { return [32]byte{} }
