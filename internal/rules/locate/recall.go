package locate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Recollection is what a Memory says by the map of now.
type Recollection struct {
	// Candidates are for Decide, of rank RankNetwork. Those with Over are hints.
	Candidates []Candidate
	// Findings are of keys that find no place, and why.
	Findings []e911.Finding
	// Elsewhere is when the device was last seen in a network that is not on the
	// map, with nothing that is since; zero when it was not.
	Elsewhere time.Time
	// Memory is what to keep instead of the one that was asked: it also knows
	// that the device was elsewhere, so that what was seen before that stays
	// over when it comes back.
	Memory Memory
}

// Candidates is Recall for who needs no more; now drops nothing, Decide judges
// age.
func (m Memory) Candidates(n Map) []Candidate { return m.Recall(n, nil).Candidates }

// Recall looks up all that a device showed. PhoneAt is as in Measurement and may
// be nil.
//
// A network that shows itself and is not on the map ends the trust in what was
// seen before it (E13), unless it was there already when that was seen. Own
// hardware addresses show no network, so they neither end trust nor restore it.
// A VPN into which a device was not dialled when it was seen is such a network:
// who dials in has left. A proxy or a secure access service edge stands before
// devices wherever they are, and an address of the organisation's that is not on
// the map may be next door: they weaken what was seen before.
func (m Memory) Recall(n Map, phoneAt func(e911.MAC) (Evidence, bool)) Recollection {
	r := recaller{n: n, phoneAt: phoneAt}
	r.out.Candidates = make([]Candidate, 0, len(m.Sightings)+1)
	r.from = make([]*Sighting, 0, len(m.Sightings)+1)
	for i := range m.Sightings {
		r.look(&m.Sightings[i])
	}
	r.left = m.Left
	for _, s := range r.strange {
		if s.Since.After(r.latest) && s.At.After(r.out.Elsewhere) {
			r.out.Elsewhere = s.At
		}
	}
	r.out.Memory = m
	if r.out.Elsewhere.After(m.Left) {
		r.out.Memory.Left, r.left = r.out.Elsewhere, r.out.Elsewhere
	}
	for i := range r.out.Candidates {
		r.judge(&r.out.Candidates[i], r.from[i])
	}
	for i := range m.Sightings {
		r.before(&m.Sightings[i])
	}
	return r.out
}

type recaller struct {
	n       Map
	phoneAt func(e911.MAC) (Evidence, bool)
	k       lookup
	out     Recollection
	from    []*Sighting // of each candidate
	latest  time.Time   // of network evidence on the map
	strange []*Sighting // that show a network that is not
	left    time.Time   // when it was elsewhere last
	// unclear are addresses that say neither that the device stayed nor that it
	// left.
	unclear []*Sighting
	foreign bool // the source is a VPN's, or a public address of nobody we know
}

// look turns one sighting into candidates.
func (r *recaller) look(s *Sighting) {
	if len(s.Keys) == 0 {
		return
	}
	found, findings := r.measured(s, s.Keys, s.At)
	for i := range found {
		e := &found[i]
		e.Since, e.Who = s.Since, s.Who
		if s.Layer != LayerMAC && e.At.After(r.latest) {
			r.latest = e.At
		}
		r.out.Candidates = append(r.out.Candidates, Candidate{Evidence: *e, Rank: RankNetwork, Via: "held"})
		r.from = append(r.from, s)
	}
	r.out.Findings = append(r.out.Findings, findings...)
	if len(found) > 0 {
		return
	}
	if s.Layer == LayerSource {
		r.source(s)
	}
	if r.shows(s) {
		r.strange = append(r.strange, s)
	}
}

// measured looks up what a sighting was made from. What it returns is good until
// the next look.
func (r *recaller) measured(s *Sighting, keys []string, at time.Time) ([]Evidence, []e911.Finding) {
	k := &r.k
	k.n, k.quiet, k.tunnel, k.found, k.findings = r.n, true, "", k.found[:0], nil
	k.m = s.measurement(keys, at)
	k.m.PhoneAt = r.phoneAt
	switch s.Layer {
	case LayerSource:
		k.tunnel = k.throughTunnel()
		k.source()
		return k.found, k.findings
	case LayerGateway, LayerOwn:
		k.tunnel = k.throughTunnel()
	}
	// The source of its request gates own addresses and gateways; it is looked
	// up by its own sighting only.
	k.withoutSource()
	return k.found, k.findings
}

// source finds what a source address without a place means for the rest.
func (r *recaller) source(s *Sighting) {
	a, err := netip.ParseAddr(s.Keys[0])
	if err != nil || r.n.IgnoredAddr(a) {
		return
	}
	kind, pool := r.n.Tunnel(a)
	inside := pool || kindOf(a) == e911.ByPrivateIP || r.n.InPublicRange(a)
	if len(s.Keys) > 1 || kind == e911.ElementVPN || !inside {
		r.foreign = true
	} else {
		r.unclear = append(r.unclear, s)
	}
}

// shows reports a sighting by which a network shows itself.
func (r *recaller) shows(s *Sighting) bool {
	switch s.Layer {
	case LayerLLDP, LayerServing, LayerNearby, LayerDECT, LayerWLC, LayerATA:
		return true
	case LayerSource:
		return r.foreign
	}
	return false
}

// judge says what later sightings mean for a candidate.
func (r *recaller) judge(c *Candidate, s *Sighting) {
	switch {
	case s.Layer == LayerMAC:
		if r.foreign && !r.out.Elsewhere.IsZero() {
			c.Weak = "the device comes from a network that is not the organisation's"
		}
	case c.At.Before(r.left):
		c.Over = "over: at " + clockTime(r.left) + " the device was seen in a network that is not on the map"
	case slices.ContainsFunc(r.strange, func(u *Sighting) bool { return u.Since.After(c.At) }):
		c.Over = "over: the device was seen since in a network that is not on the map"
	case slices.ContainsFunc(r.unclear, func(u *Sighting) bool { return u.Since.After(c.At) && !r.near(u, s) }):
		c.Weak = "the device has since come through a proxy, or from another address that is not on the map"
	}
}

// near reports that an address without a place is in the same small network as
// that of an earlier sighting: only the lease changed.
func (r *recaller) near(now, then *Sighting) bool {
	if !then.Source.IsValid() || now.Source.BitLen() != then.Source.BitLen() {
		return false
	}
	if _, pool := r.n.Tunnel(now.Source); pool {
		return now.Source == then.Source
	}
	bits := now.Source.BitLen()
	switch {
	case now.Source.Is6():
		bits = 64
	case kindOf(now.Source) == e911.ByPrivateIP:
		bits = 24
	}
	p, err := now.Source.Prefix(bits)
	return err == nil && p.Contains(then.Source)
}

// before adds what was seen before a sighting that finds no place, as a hint for
// who has to ask the caller (design 2.2, rank 9).
func (r *recaller) before(s *Sighting) {
	if len(s.Before) == 0 || s.Layer == LayerMAC || slices.Contains(r.from, s) {
		return
	}
	why := "over: at " + clockTime(s.At) + " the device was seen elsewhere than this, where the map knows nothing"
	if len(s.Keys) == 0 {
		why = "over: at " + clockTime(s.At) + " the interface had no link (F-19)"
	}
	found, _ := r.measured(s, s.Before, s.Was)
	for _, e := range found {
		e.Since, e.Who = s.Was, s.Who
		r.out.Candidates = append(r.out.Candidates, Candidate{Evidence: e, Rank: RankNetwork, Via: "held", Over: why})
	}
}
