package lis

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// source returns the address of who asks: that of the connection, or, when a
// trusted proxy stands there, the last address in X-Forwarded-For that is not
// such a proxy (D-11). Invalid when there is none.
func (s *Server) source(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := ap.Addr().Unmap().WithZone("")
	if !s.proxy(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hop), "[]"))
		if err != nil {
			return addr // what stands before a broken hop was not written by our proxy
		}
		if addr = a.Unmap().WithZone(""); !s.proxy(addr) {
			return addr
		}
	}
	return addr
}

func (s *Server) proxy(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// trustIndex finds the organisations that trust an address to ask for others,
// for one snapshot.
type trustIndex struct {
	snap *snapshot.Snapshot
	by   bart.Table[[]e911.OrgID]
}

// trusting returns the organisations that have a among their held.trusted, each
// once. The index is made anew when the snapshot changed.
func (s *Server) trusting(snap *snapshot.Snapshot, a netip.Addr) []e911.OrgID {
	ix := s.trusted.Load()
	if ix == nil || ix.snap != snap {
		ix = &trustIndex{snap: snap}
		for o := range snap.Orgs() {
			for _, p := range o.Config().HELD.Trusted {
				p = p.Masked()
				orgs, _ := ix.by.Get(p)
				ix.by.Insert(p, append(slices.Clip(orgs), o.ID()))
			}
		}
		s.trusted.Store(ix)
	}
	var out []e911.OrgID
	if !a.IsValid() {
		return nil
	}
	for _, orgs := range ix.by.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		for _, id := range orgs {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}
