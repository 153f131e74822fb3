package lis

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

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
// whenever it is made, because all else that is known only gets older. There is
// one for each device, so it is small.
type steady struct {
	org      *snapshot.Org      // the map it was decided by
	snap     *snapshot.Snapshot // set where the answer depends on more than the map
	template *template
	location e911.LocationID
	by       e911.LocatedBy
	shown    [16]byte // what the request showed, and how it was asked (shown)
	since    int64    // when it was decided, in nanoseconds of Unix time
	at       int64    // when it was asked last
	says     bool     // the device says something of itself
}

// shown is a digest of what a request shows and how it asks; times do not
// count. A random key goes into it, so that nobody finds two requests of one
// digest.
func (s *Server) shown(q *question, m *locate.Measurement) (out [16]byte) {
	var room [512]byte
	b := append(room[:0], s.shownKey[:]...)
	text := func(t string) { b = append(binary.AppendUvarint(b, uint64(len(t))), t...) }
	addr := func(a netip.Addr) {
		o := a.As16()
		b = append(append(b, byte(a.BitLen())), o[:]...)
		text(a.Zone())
	}
	for i, flag := range [...]bool{q.shape.civic, q.shape.geodetic, q.shape.uri, q.shape.exact, q.shape.onlyURI, q.proved, m.Tunnel} {
		b = append(b, byte(i)<<1)
		if flag {
			b[len(b)-1]++
		}
	}
	text(q.shape.routing)
	for _, t := range [...]string{string(m.MAC), string(m.Serving), string(m.Who), m.SSID} {
		text(t)
	}
	addr(m.Source)
	b = binary.AppendUvarint(b, uint64(len(m.LLDP)))
	for i := range m.LLDP {
		text(m.LLDP[i].Chassis)
		text(m.LLDP[i].Port)
		b = binary.AppendVarint(b, int64(m.LLDP[i].ChassisSubtype))
	}
	b = binary.AppendUvarint(b, uint64(len(m.Neighbours)))
	for _, n := range m.Neighbours {
		text(string(n))
	}
	b = binary.AppendUvarint(b, uint64(len(m.Addrs)))
	for _, a := range m.Addrs {
		addr(a)
	}
	sum := sha256.Sum256(b)
	return [16]byte(sum[:])
}

// settle keeps what a device was told, where the same request will be told the
// same again.
func (s *Server) settle(q *question, t *target, g *sighting, c *change) {
	r := &c.result
	if r.By == e911.ByNothing || r.Class != locate.Fresh || !r.At.Equal(q.now) || !g.measured.At.Equal(q.now) ||
		c.chosen.Place.Location == "" || r.Place.Location != c.chosen.Place.Location || t.shared || !c.memory.Repeats(g.measured) {
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
		org: q.org, location: c.chosen.Place.Location, by: c.chosen.By, shown: s.shown(q, &g.measured),
		since: q.now.UnixNano(), at: q.now.UnixNano(), says: len(g.says) > 0,
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
	if !m.At.Equal(q.now) {
		return dst, false, nil
	}
	k := key{a.org.ID(), t.name}
	shown := s.shown(q, m)
	sh := s.devices.shard(k)
	sh.mu.Lock()
	e := sh.entries[k]
	if e == nil || e.steady == nil || (e.proved && !q.proved) || !e.steady.is(q, shown) || q.now.Sub(e.presentAt) >= presentEvery ||
		(len(req.Extras) > 0) != e.steady.says {
		sh.mu.Unlock()
		return dst, false, nil
	}
	st := e.steady
	st.at, e.seen = q.now.UnixNano(), q.now
	claims := loctoken.Claims{
		Org: k.org, Device: k.device, Location: st.location, By: st.by, Generation: e.generation,
		EvidenceAt: q.now, Issued: q.now, Expires: q.now.Add(s.cfg.URITTL),
	}
	tmpl := st.template
	sh.mu.Unlock()
	// The map is asked for the deciding key again: a place that cannot be found
	// is never told.
	if !q.org.HasLocation(claims.Location) || !finds(q.org, m, claims.By, claims.Location) {
		return dst, false, nil
	}
	out, err = s.fill(dst, tmpl, q.snap, &claims)
	if err != nil {
		return dst, false, nil //nolint:nilerr // without keys there is the slow way, which tells what it can
	}
	return out, true, nil
}

// is reports whether a request is the one before it over again.
func (st *steady) is(q *question, shown [16]byte) bool {
	return st.shown == shown && st.org == q.org && (st.snap == nil || st.snap == q.snap) && q.now.UnixNano() >= st.at
}

// finds reports whether the key that decided still leads to the place.
func finds(o *snapshot.Org, m *locate.Measurement, by e911.LocatedBy, location e911.LocationID) bool {
	var at e911.LocationID
	switch by {
	case e911.ByLLDPPort:
		for _, l := range m.LLDP {
			if id, ok := o.ByLLDPPort(e911.LLDPPort{Chassis: l.Chassis, Port: l.Port}); ok && (at == "" || id == location) {
				at = id
			}
		}
	case e911.ByBSSID:
		at, _ = o.ByBSSID(m.Serving)
	case e911.ByPrivateIP, e911.ByPublicIP:
		if at, _ = o.ByIP(m.Source); at != location {
			return len(m.Addrs) > 0 // its own address decided
		}
	default:
		return true
	}
	return at == location
}
