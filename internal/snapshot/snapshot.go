// Package snapshot holds the frozen world that a call reads: everything
// configured, in memory, with the indexes that decisions need (E3, design 4).
// A Snapshot never changes; Apply makes the next one copy-on-write, so readers
// never lock and one call sees one world from INVITE to BYE.
package snapshot

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gaissmai/bart"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/internal/seal"
)

// Snapshot is the world at one moment. Immutable, safe for concurrent use; the
// zero Snapshot is the empty world. Slices that it returns must not be changed.
type Snapshot struct {
	// Version counts the Applies since Build, which makes version 1.
	Version uint64
	// At is when the change set was published.
	At time.Time

	models table[e911.ModelID, *e911.Model]
	trunks table[e911.TrunkID, *e911.Trunk]
	psaps  table[e911.PSAPID, *e911.PSAP]
	keys   table[string, *e911.TokenKey]
	orgs   table[e911.OrgID, *Org]

	companies table[string, e911.OrgID]
	domains   table[string, e911.OrgID]   // SIP
	sources   *bart.Table[e911.TrunkID]   // own ranges: no two trunks overlap
	recovery  *bart.Table[[]e911.TrunkID] // disaster-recovery ranges, by key of the trunk
	proofs    table[string, e911.TrunkID] // trunks by certificate and by digest user
	shares    shares                      // public and mapped ranges
	refs      table[target, int]          // who is pointed at how often
	relays    []e911.PSAP                 // those of no country first
	layers    table[e911.LayerID, *gis.Layer]
	index     *ecrf.Index
	lvf       *lvf.Index
	ring      *seal.Ring
}

// Change is one object that came, changed or went. Object is the value type of
// Kind in e911 (e911.Site for KindSite; gis.Layer for KindLayer), nil to delete. Org is none for world
// objects: models, PSAPs, token keys and trunks that belong to nobody; for an
// organisation itself it is its own id.
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

func (r *Rejected) Error() string {
	return fmt.Sprintf("%d objects do not pass the checks", len(r.Objects))
}

// Build makes a Snapshot from nothing. The error is an *e911.Error with every
// fault, whose Path names the object as "site[id].field", and a *Rejected in
// its chain.
func Build(changes []Change, at time.Time) (*Snapshot, error) {
	return new(Snapshot).Apply(changes, at)
}

// Apply returns the world after changes, whole or not at all (E15). All changes
// are applied before anything is checked, so their order means nothing; of two
// changes to one object the later counts. s is untouched. Errors are those of
// Build.
func (s *Snapshot) Apply(changes []Change, at time.Time) (*Snapshot, error) {
	return s.apply(lastOfEach(changes), at)
}

// ApplyGood applies as many of changes as it can: a bad object keeps its last
// good form, and so does what depends on it (F-31). The error tells all faults
// of what was left out, and is nil when nothing was; the Snapshot is never nil.
func (s *Snapshot) ApplyGood(changes []Change, at time.Time) (next *Snapshot, left []Change, err error) {
	changes = lastOfEach(changes)
	var faults []e911.Fault
	var bad Rejected
	for {
		next, err := s.apply(changes, at)
		if err == nil {
			if len(left) == 0 {
				return next, nil, nil
			}
			return next, left, rejection(faults, bad.Objects)
		}
		rejected, ok := rejectedBy(err)
		if !ok {
			return s, changes, err
		}
		faults, bad.Objects = append(faults, e911.FaultsOf(err)...), append(bad.Objects, rejected...)
		named := make(map[Object]bool, len(rejected))
		for _, o := range rejected {
			named[o] = true
		}
		good := make([]Change, 0, len(changes))
		for _, c := range changes {
			if named[c.object()] {
				left = append(left, c)
			} else {
				good = append(good, c)
			}
		}
		if len(good) == len(changes) {
			return s, changes, err // cannot be: every rejection names a change
		}
		changes = good
	}
}

// Org returns an organisation, nil when there is none.
func (s *Snapshot) Org(id e911.OrgID) *Org {
	o, _ := s.orgs.get(id)
	return o
}

// OrgByCompanyID returns the organisation with that HELD company id, or nil.
func (s *Snapshot) OrgByCompanyID(companyID string) *Org {
	id, ok := s.companies.get(companyID)
	if !ok {
		return nil
	}
	return s.Org(id)
}

// OrgBySIPDomain returns the organisation whose telephones register with that
// name, in lower case, or nil.
func (s *Snapshot) OrgBySIPDomain(domain string) *Org {
	id, ok := s.domains.get(domain)
	if !ok {
		return nil
	}
	return s.Org(id)
}

// OrgsByAddress returns the organisations that have a within their public
// ranges or a mapped range, in order of id.
func (s *Snapshot) OrgsByAddress(a netip.Addr) []*Org {
	a = plain(a)
	if !a.IsValid() {
		return nil
	}
	var out []*Org
	for id := range s.shares.of(a) {
		o := s.Org(id)
		if o != nil && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *Org) int { return cmp.Compare(a.ID(), b.ID()) })
	return out
}

// Orgs lists the organisations in no order.
func (s *Snapshot) Orgs() iter.Seq[*Org] { return s.orgs.values() }

// TrunkBySource returns the trunk that a belongs to: the one with a in its own
// ranges, else the one with the longest disaster-recovery range that holds a.
func (s *Snapshot) TrunkBySource(a netip.Addr) (e911.Trunk, bool) {
	a = plain(a)
	if !a.IsValid() {
		return e911.Trunk{}, false
	}
	if s.sources != nil {
		if id, ok := s.sources.Lookup(a); ok {
			return s.Trunk(id)
		}
	}
	if s.recovery != nil {
		if ids, ok := s.recovery.Lookup(a); ok && len(ids) > 0 {
			return s.Trunk(ids[0])
		}
	}
	return e911.Trunk{}, false
}

// TrunkByCertificate returns the trunk whose neighbour shows a client certificate
// of one of the names: "sha256:" and its hash, or its DNS names.
func (s *Snapshot) TrunkByCertificate(names []string) (e911.Trunk, bool) {
	for _, n := range names {
		if id, ok := s.proofs.get(certificateProof(n)); ok {
			return s.Trunk(id)
		}
	}
	return e911.Trunk{}, false
}

// TrunkByUser returns the trunk whose neighbour proves itself by a user of
// digest authentication.
func (s *Snapshot) TrunkByUser(user string) (e911.Trunk, bool) {
	id, ok := s.proofs.get(userProof(user))
	if !ok || user == "" {
		return e911.Trunk{}, false
	}
	return s.Trunk(id)
}

// Trunk returns a trunk of either side.
func (s *Snapshot) Trunk(id e911.TrunkID) (e911.Trunk, bool) { return value(s.trunks.get(id)) }

// Trunks lists all trunks in no order.
func (s *Snapshot) Trunks() iter.Seq[e911.Trunk] { return deref(s.trunks.values()) }

// TrunkTo returns the trunk of nobody alone that leads to a host with port, as
// "192.0.2.10:5060"; the first by key. It looks through all of them.
func (s *Snapshot) TrunkTo(host string) (e911.Trunk, bool) { return route.TrunkTo(s.Trunks(), host) }

// PSAP returns a PSAP or the relay centre.
func (s *Snapshot) PSAP(id e911.PSAPID) (e911.PSAP, bool) { return value(s.psaps.get(id)) }

// AllPSAPs lists PSAPs and the relay centre in no order.
func (s *Snapshot) AllPSAPs() iter.Seq[e911.PSAP] { return deref(s.psaps.values()) }

// Relay returns the relay centre that takes callers of whom nothing is known: that
// of any country, else the first by its key.
func (s *Snapshot) Relay() (p e911.PSAP, ok bool) {
	if len(s.relays) == 0 {
		return p, false
	}
	return s.relays[0], true
}

// Relays lists the relay centres in that order. It is not to be changed.
func (s *Snapshot) Relays() []e911.PSAP { return s.relays }

func byCountries(a, b e911.PSAP) int {
	return cmp.Or(cmp.Compare(min(len(a.Countries), 1), min(len(b.Countries), 1)), cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
}

// PSAPs answers which PSAP serves a place.
func (s *Snapshot) PSAPs() *ecrf.Index { return s.index }

// Model returns a device model.
func (s *Snapshot) Model(id e911.ModelID) (e911.Model, bool) { return value(s.models.get(id)) }

// TokenRing seals and opens location tokens; it opens nothing without keys.
func (s *Snapshot) TokenRing() *seal.Ring { return s.ring }

// All lists the whole world as the changes that would build it, sorted by kind,
// organisation and id, so that two equal worlds list the same.
func (s *Snapshot) All() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for _, c := range s.sorted() {
			if !yield(c) {
				return
			}
		}
	}
}

// Digest is a hash over All: equal for equal worlds, whatever way they were
// built (the nightly comparison with SQL). It reads everything.
func (s *Snapshot) Digest() [32]byte {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for c := range s.All() {
		// A hash never fails to be written to, and the e911 values encode.
		object := c.Object
		if l, ok := object.(gis.Layer); ok {
			object = l.Layer // its own digest speaks for the content
		}
		_ = enc.Encode([]any{c.Kind, c.Org, c.ID, object})
	}
	return [32]byte(h.Sum(nil))
}

func (s *Snapshot) sorted() []Change {
	out := s.list()
	for _, o := range s.orgs.all() {
		out = slices.Grow(out, o.net.n)
		for e := range o.Elements() {
			out = append(out, Change{e911.KindElement, e.Org, string(e.ID), e})
		}
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(string(a.Org), string(b.Org)), strings.Compare(a.ID, b.ID))
	})
	return out
}

// list is the world in no order, but for its network elements.
func (s *Snapshot) list() []Change {
	var out []Change
	for _, m := range s.models.all() {
		out = append(out, Change{e911.KindModel, "", string(m.ID), *m})
	}
	for _, t := range s.trunks.all() {
		out = append(out, Change{e911.KindTrunk, t.Org, string(t.ID), *t})
	}
	for _, p := range s.psaps.all() {
		out = append(out, Change{e911.KindPSAP, "", string(p.ID), *p})
	}
	for _, l := range s.layers.all() {
		out = append(out, Change{e911.KindLayer, "", string(l.Layer.ID), *l})
	}
	for _, k := range s.keys.all() {
		out = append(out, Change{e911.KindTokenKey, "", k.ID, *k})
	}
	for _, o := range s.orgs.all() {
		out = o.appendChanges(out)
	}
	return out
}

func (c Change) object() Object { return Object{c.Kind, c.Org, c.ID} }

// lastOfEach leaves the last change of each object, in order.
func lastOfEach(changes []Change) []Change {
	last := make(map[Object]int, len(changes))
	for i, c := range changes {
		last[c.object()] = i
	}
	if len(last) == len(changes) {
		return changes
	}
	out := make([]Change, 0, len(last))
	for i, c := range changes {
		if last[c.object()] == i {
			out = append(out, c)
		}
	}
	return out
}

// plain takes off what does not belong to an address: the IPv6 wrapping of an
// IPv4 address, a zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func value[T any](p *T, ok bool) (T, bool) {
	if !ok || p == nil {
		var none T
		return none, false
	}
	return *p, true
}

func deref[T any](all iter.Seq[*T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for p := range all {
			if !yield(*p) {
				return
			}
		}
	}
}
