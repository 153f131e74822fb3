package lis

import (
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/gaissmai/bart"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/source"
	"github.com/callbox911/callbox/internal/snapshot"
)

type prefix = netip.Prefix

// source returns the address of who asks; invalid when there is none.
func (s *Server) source(r *http.Request) netip.Addr {
	return source.Of(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), s.cfg.TrustedProxies)
}

// index finds organisations by what one snapshot says of who may ask.
type index struct {
	snap    *snapshot.Snapshot
	trusted bart.Table[[]e911.OrgID] // held.trusted
	byName  map[string]e911.OrgID    // platforms whose name only one has
	byCert  map[string][]owner
	// sources remembers what addresses mean; a slot is overwritten by the next
	// address that falls into it.
	sources [4096]atomic.Pointer[sourceOf]
}

// sourceOf is what an address means.
type sourceOf struct {
	addr netip.Addr
	// org is the one organisation that the address can be of: by its public
	// ranges, mapped ranges, or addresses trusted to ask for others. None when
	// there are two.
	org     *snapshot.Org
	trusted []e911.OrgID // those that let it ask for others
}

func (s *sourceOf) trusts(org e911.OrgID) bool { return slices.Contains(s.trusted, org) }

// index returns the index of a snapshot, made anew when the snapshot changed.
func (s *Server) index(snap *snapshot.Snapshot) *index {
	ix := s.known.Load()
	if ix != nil && ix.snap == snap {
		return ix
	}
	ix = &index{snap: snap, byName: map[string]e911.OrgID{}, byCert: map[string][]owner{}}
	twice := map[string]bool{}
	for o := range snap.Orgs() {
		conf := o.Config().HELD
		for _, p := range conf.Trusted {
			p = p.Masked()
			orgs, _ := ix.trusted.Get(p)
			ix.trusted.Insert(p, append(slices.Clip(orgs), o.ID()))
		}
		for _, f := range conf.Platforms {
			if other, ok := ix.byName[f.Name]; ok && other != o.ID() {
				twice[f.Name] = true
			}
			ix.byName[f.Name] = o.ID()
			for _, c := range f.Certificates {
				k := certificateKey(c)
				ix.byCert[k] = append(ix.byCert[k], owner{o.ID(), f.From})
			}
		}
	}
	for name := range twice {
		delete(ix.byName, name)
	}
	s.known.Store(ix)
	return ix
}

// at tells what an address means.
func (ix *index) at(snap *snapshot.Snapshot, a netip.Addr) *sourceOf {
	if !a.IsValid() {
		return &sourceOf{}
	}
	b := a.As16()
	slot := &ix.sources[(uint32(b[15])|uint32(b[14])<<8|uint32(b[13])<<16|uint32(b[7])<<4)*2654435761>>20]
	if known := slot.Load(); known != nil && known.addr == a {
		return known
	}
	out := &sourceOf{addr: a}
	for _, orgs := range ix.trusted.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		for _, id := range orgs {
			if !out.trusts(id) {
				out.trusted = append(out.trusted, id)
			}
		}
	}
	ids := slices.Clone(out.trusted)
	for _, o := range snap.OrgsByAddress(a) {
		if !slices.Contains(ids, o.ID()) {
			ids = append(ids, o.ID())
		}
	}
	if len(ids) == 1 {
		out.org = snap.Org(ids[0])
	}
	slot.Store(out)
	return out
}
