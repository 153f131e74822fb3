package lis

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/loctoken"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// steady is what a device was told last, when the same request would be told
// the same again: most phones stand where they stood, and ask each hour. It
// holds while the request, the map and the role of who asks are the same; then
// only times move. A decision by evidence of the very request is the same
// whenever it is made, because all else that is known only gets older.
type steady struct {
	org      *snapshot.Org      // the map it was decided by
	snap     *snapshot.Snapshot // set where the answer depends on more than the map
	measured locate.Measurement // what the request showed; times do not count
	shape    shape
	proved   bool
	since    time.Time // when it was decided
	at       time.Time // when it was asked last
	says     int       // how many things the device says of itself
	claims   loctoken.Claims
	template *template
}

// settle keeps what a device was told, where the same request will be told the
// same again.
func (s *Server) settle(q *question, t *target, g *sighting, c *change) {
	r := &c.result
	if r.By == e911.ByNothing || r.Class != locate.Fresh || !r.At.Equal(q.now) || !g.measured.At.Equal(q.now) ||
		c.chosen.Place.Location == "" || r.Place.Location != c.chosen.Place.Location || t.shared || len(g.measured.Interfaces) > 0 {
		return
	}
	for _, l := range g.measured.LLDP {
		if hw, err := e911.ParseMAC(l.Chassis); err == nil {
			if _, phone := q.org.DeviceByMAC(hw); phone {
				return // it is where another device is
			}
		}
	}
	st := &steady{
		org: q.org, measured: g.measured, shape: q.shape, proved: q.proved, since: q.now, at: q.now, says: len(g.says),
		claims: loctoken.Claims{Org: q.org.ID(), Device: t.name, Location: c.chosen.Place.Location, By: c.chosen.By, Generation: c.generation},
	}
	if q.shape.routing != "" {
		st.snap = q.snap
	}
	st.template = s.templates.get(s, q, &conclusion{Result: c.result, found: c.chosen, generation: c.generation})
	if st.template == nil {
		return
	}
	k := key{q.org.ID(), t.name}
	sh := s.devices.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e := sh.entries[k]; e != nil && e.seen.Equal(g.now) && e.generation == c.generation {
		e.steady = st
	}
}

// again answers a request like the one before it; ok is false when it is not.
func (s *Server) again(dst []byte, q *question, a *asker, req *held.Request, t *target, m *locate.Measurement) (out []byte, ok bool, err error) {
	k := key{a.org.ID(), t.name}
	sh := s.devices.shard(k)
	sh.mu.Lock()
	e := sh.entries[k]
	if e == nil || e.steady == nil || !e.steady.is(q, m) || q.now.Sub(e.presentAt) >= presentEvery ||
		(len(req.Extras) == 0) != (e.steady.says == 0) {
		sh.mu.Unlock()
		return dst, false, nil
	}
	st := e.steady
	st.at, e.seen = q.now, q.now
	claims, tmpl := st.claims, st.template
	sh.mu.Unlock()
	// The map is asked for the deciding key again: a place that cannot be found
	// is never told.
	if _, there := q.org.Location(claims.Location); !there || !st.finds(q.org) {
		return dst, false, nil
	}
	claims.EvidenceAt, claims.Issued, claims.Expires = q.now, q.now, q.now.Add(s.cfg.URITTL)
	out, err = s.fill(dst, tmpl, q.snap, &claims)
	if err != nil {
		return dst, false, nil //nolint:nilerr // without keys there is the slow way, which tells what it can
	}
	return out, true, nil
}

// is reports whether a request is the one before it over again.
func (st *steady) is(q *question, m *locate.Measurement) bool {
	o := &st.measured
	return st.org == q.org && (st.snap == nil || st.snap == q.snap) && st.shape == q.shape && st.proved == q.proved &&
		m.At.Equal(q.now) && !q.now.Before(st.at) &&
		m.MAC == o.MAC && m.Serving == o.Serving && m.Source == o.Source && m.Tunnel == o.Tunnel && m.Who == o.Who && m.SSID == o.SSID &&
		slices.Equal(m.LLDP, o.LLDP) && slices.Equal(m.Neighbours, o.Neighbours) && slices.Equal(m.Addrs, o.Addrs)
}

// finds reports whether the deciding key still leads to the place.
func (st *steady) finds(o *snapshot.Org) bool {
	var at e911.LocationID
	switch st.claims.By {
	case e911.ByLLDPPort:
		for _, l := range st.measured.LLDP {
			if id, ok := o.ByLLDPPort(e911.LLDPPort{Chassis: l.Chassis, Port: l.Port}); ok && (at == "" || id == st.claims.Location) {
				at = id
			}
		}
	case e911.ByBSSID:
		at, _ = o.ByBSSID(st.measured.Serving)
	case e911.ByPrivateIP, e911.ByPublicIP:
		if at, _ = o.ByIP(st.measured.Source); at != st.claims.Location {
			return len(st.measured.Addrs) > 0 // its own address decided
		}
	default:
		return true
	}
	return at == st.claims.Location
}
