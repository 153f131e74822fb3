package lis

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// locate answers one request of an organisation's own: the bytes of the answer
// behind dst. It answers at once, whatever time the client has (responseTime):
// waiting would not tell more (E3).
func (s *Server) locate(dst []byte, snap *snapshot.Snapshot, a *asker, req *held.Request, now time.Time) ([]byte, error) {
	t, err := s.target(a, req)
	if err != nil {
		return dst, err
	}
	var m locate.Measurement
	measure(&m, a, req, &t, now)
	q := question{snap: snap, org: a.org, shape: shapeOf(req), proved: a.proved(), now: now}
	if !t.other {
		if out, ok, err := s.again(dst, &q, a, req, &t, &m); ok {
			return out, err
		}
		if t.known && !q.proved && s.devices.hasProved(key{a.org.ID(), t.name}) {
			t = claimed(a, &t)
		}
	}
	var c conclusion
	if t.other && !measured(&m) {
		c = s.stored(snap, a.org, &t, &m, now)
	} else {
		if !a.proved() {
			believe(a, &t, &m)
		}
		c = s.sight(&q, a, req, &t, &m)
	}
	if c.By == e911.ByNothing {
		return dst, &held.Error{Code: held.LocationUnknown, Message: "Nothing that was measured is on the map.", Measure: wanted(req)}
	}
	return s.respond(dst, &q, &t, &c)
}

// believe leaves of what an unproved device says of its network only what its
// source address bears out: it could else ask where any access point is, by
// saying that it sees it. What is left is the source address, and the device is
// then nobody's in particular.
func believe(a *asker, t *target, m *locate.Measurement) {
	found, _ := locate.Measured(a.org, *m)
	for _, e := range found {
		if e.Who == "" {
			e.Who = locate.ByDevice
		}
		if e.By == e911.ByPrivateIP || e.By == e911.ByPublicIP {
			if at, ok := locate.AtSource(m.Source, a.org); ok && at.Place.Location == e.Place.Location {
				continue
			}
		}
		if ok, _ := locate.Plausible(*m, e, a.org); !ok {
			*m = locate.Measurement{At: m.SourceAt, Source: m.Source, SourceAt: m.SourceAt, Tunnel: m.Tunnel}
			*t = target{name: stableName(a.org.ID(), "claim", a.addr.String()), shared: true, doubted: true}
			return
		}
	}
}

// wanted asks a device that told of no network for what it sees (RFC 7105,
// section 4.3).
func wanted(req *held.Request) *held.MeasurementRequest {
	if len(req.Measurements) > 0 {
		return nil
	}
	return &held.MeasurementRequest{Wanted: []held.Wanted{
		{Type: held.Name{Space: held.SpaceLLDP, Local: "lldp"}}, {Type: held.Name{Space: held.SpaceWiFi, Local: "wifi"}},
	}}
}

// question is what an answer depends on beside the device.
type question struct {
	snap   *snapshot.Snapshot
	org    *snapshot.Org
	shape  shape
	proved bool
	now    time.Time
}

// conclusion is what was decided, with the evidence as it was found: what is
// told may be less than that, because old radio evidence is told as its
// building, but what is kept must be able to grow old by itself (F-01).
type conclusion struct {
	locate.Result
	found      locate.Evidence
	generation uint64
}

// stored answers for a device that is not asking itself: by all that is known
// of it, else by its number's address under the conditions of F-04.
func (s *Server) stored(snap *snapshot.Snapshot, o *snapshot.Org, t *target, m *locate.Measurement, now time.Time) conclusion {
	var cs []locate.Candidate
	found, _ := locate.Measured(o, *m) // an address by which it was named
	for _, ev := range found {
		cs = append(cs, locate.Candidate{Evidence: ev, Rank: locate.RankNetwork, Via: "held"})
	}
	situation := s.situation(snap, o, t)
	var c conclusion
	if e, ok := s.devices.get(key{o.ID(), t.name}); ok {
		c.generation = e.generation
		situation.HELD, situation.SeenOffSite = true, !e.elsewhere.IsZero()
		cs = append(cs, e.settled().Recall(o, s.phoneAt(o)).Candidates...)
	}
	cs = append(cs, locate.FromPerson(o, t.user, t.line, s.registered(o.ID(), t.user))...)
	c.Result = locate.Decide(cs, situation, now)
	c.found, _ = chosen(cs, c.Result)
	return c
}

// situation is what the decision depends on beside the evidence (F-04).
func (s *Server) situation(snap *snapshot.Snapshot, o *snapshot.Org, t *target) locate.Situation {
	situation := locate.Situation{DIDFallback: o.Config().DIDFallback}
	if model, ok := snap.Model(t.device.Model); ok && model.HELD {
		situation.HELD = true
	}
	return situation
}

// sight enters what a device said into the table, decides by all that is known
// of it, and writes a fact when the deciding element or the location changed
// (D-11).
func (s *Server) sight(q *question, a *asker, req *held.Request, t *target, m *locate.Measurement) conclusion {
	m.PhoneAt = nil // it would keep a whole snapshot alive
	g := sighting{
		known: t.known, proved: a.proved(), now: q.now, via: "held", source: a.addr, says: saidOfItself(req),
		measured: *m, org: a.org, phoneAt: s.phoneAt(a.org), situation: locate.Situation{HELD: true},
	}
	g.alone = t.shared
	if t.other {
		g.via = "platform"
	}
	k := key{a.org.ID(), t.name}
	c := s.devices.put(k, g)
	s.tell(k, &g, &c)
	if !t.other {
		s.settle(q, t, &g, &c)
	}
	return conclusion{Result: c.result, found: c.chosen, generation: c.generation}
}

// tell writes the facts that are due after a sighting.
func (s *Server) tell(k key, g *sighting, c *change) {
	at := c.result.At
	if c.result.By == e911.ByNothing || at.IsZero() {
		at = g.now
	}
	source := ""
	if g.source.IsValid() {
		source = g.source.String()
	}
	switch {
	case c.write:
		s.cfg.Journal.Record(journal.New(journal.DeviceLocated, g.now, k.org, "", journal.DeviceSeen{
			Device: k.device, Known: g.known, By: c.result.By, Place: c.result.Place, EvidenceAt: at, Source: source,
			Generation: c.generation, Evidence: join(c.result.Findings, c.found.Findings), Proved: g.proved, Via: g.via, Says: g.says,
			Memory: memoryText(c.memory),
		}))
		if s.cfg.Moved != nil {
			s.cfg.Moved(k.org, k.device)
		}
	case c.present:
		s.cfg.Journal.Record(journal.New(journal.DevicePresent, g.now, k.org, "", journal.Presence{
			Device: k.device, Known: g.known, Proved: g.proved, Via: g.via, By: c.result.By, EvidenceAt: at, Location: reference(c.chosen.Place), Source: source, Says: g.says,
		}))
	}
	all, unknown := unknownIn(g.org, &g.measured, g.org.InPublicRange(g.source))
	if len(unknown) == 0 {
		return
	}
	for _, f := range s.unknown.add(k.org, shown{
		device: k.device, source: g.source, now: g.now, located: c.result.Place.Location, unknown: unknown, all: all,
	}) {
		s.cfg.Journal.Record(journal.New(journal.NetworkUnknown, g.now, k.org, "", f))
	}
}

// said is the key that decided.
func said(fs []e911.Finding) string {
	for _, f := range fs {
		if f.Chosen {
			return f.Said
		}
	}
	return ""
}

// join puts the findings of the decision before those of the keys, leaving out
// keys that the decision speaks of already.
func join(decision, keys []e911.Finding) []e911.Finding {
	out := slices.Clip(decision)
	for _, k := range keys {
		again := false
		for _, d := range decision {
			again = again || (d.Said == k.Said && d.Rule == k.Rule)
		}
		if !again {
			out = append(out, k)
		}
	}
	return out
}

// measured reports whether a network was told of.
func measured(m *locate.Measurement) bool {
	return len(m.LLDP) > 0 || m.Serving != "" || len(m.Neighbours) > 0 || len(m.Interfaces) > 0 ||
		m.AP != "" || m.DECTBase != "" || m.ATA.Port != "" || m.Gateway != ""
}

// Bounds of what a device says of itself that is kept.
const (
	maxSays = 12
	maxSaid = 64
)

// saidOfItself keeps what vendors' elements tell of a device: its model, its
// firmware, its user. What proves anything is left out.
func saidOfItself(req *held.Request) []journal.Named {
	var out []journal.Named
	for i := range req.Extras {
		x := &req.Extras[i]
		name := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(x.Name))
		if x.Value == "" || len(out) == maxSays || strings.Contains(name, "secret") || strings.Contains(name, "password") ||
			strings.Contains(name, "token") || strings.Contains(name, "company") {
			continue
		}
		out = append(out, journal.Named{Name: x.Name[:min(len(x.Name), maxSaid)], Value: x.Value[:min(len(x.Value), maxSaid)]})
	}
	return out
}

// set reports whether t can come from a clock that was set: phones measure
// before they know the time, and then say 1970 or the day they were made.
func set(t time.Time) bool { return t.Year() >= 2024 }

// measure puts together what a request tells of the network around the device.
func measure(m *locate.Measurement, a *asker, req *held.Request, t *target, now time.Time) {
	m.At, m.Source, m.SourceAt, m.MAC = now, a.addr, now, t.mac
	if len(req.Identity) > 0 {
		m.Addrs = addresses(req)
	}
	if t.other {
		// The connection is the call server's, not the device's.
		m.Who = locate.ByNetwork
		m.Source = netip.Addr{}
		if req.Flow != (held.Flow{}) {
			m.Source = req.Flow.Target().Addr()
		} else if len(m.Addrs) > 0 {
			m.Source = m.Addrs[0]
		}
	}
	if len(req.Extras) > 0 {
		tunnel := strings.ToLower(req.Extra("vpn") + req.Extra("tunnel"))
		m.Tunnel = tunnel != "" && tunnel != "0" && tunnel != "false" && tunnel != "no"
	}
	for i := range req.Measurements {
		add(m, &req.Measurements[i], now)
	}
}

// maxHeard bounds the access points of one request that are looked at.
const maxHeard = 64

// add takes one measurements element. One that the client says is over is left
// out; its time counts when its clock can be right and is not ahead of ours.
func add(m *locate.Measurement, in *held.Measurement, now time.Time) {
	if set(in.Expires) && set(in.Time) && in.Expires.Before(now) {
		return
	}
	used := false
	for i := range in.LLDP {
		l := &in.LLDP[i]
		n := locate.Neighbour{ChassisSubtype: max(l.Chassis.Type, 0), Chassis: l.Chassis.Text(true), Port: l.Port.Text(false)}
		if n.Chassis != "" || n.Port != "" {
			m.LLDP = append(m.LLDP, n)
			used = true
		}
	}
	for i := range in.DHCP {
		relayed(m, &in.DHCP[i])
		used = true
	}
	for i := range in.WiFi {
		ap := &in.WiFi[i]
		bssid, err := e911.ParseMAC(ap.BSSID)
		switch {
		case err != nil || bssid.Group():
			continue
		case ap.Serving && m.Serving == "":
			m.Serving, m.SSID = bssid, ap.SSID
		case len(m.Neighbours) < maxHeard:
			m.Neighbours = append(m.Neighbours, bssid)
		}
		used = true
	}
	if used && set(in.Time) && in.Time.Before(m.At) {
		m.At = in.Time.Truncate(time.Millisecond)
	}
}

// relayed takes what a DHCP relay told the device (RFC 7105, section 5.2). The
// relay's address is one of the network that the device is in. Access switches
// write their own hardware address as remote id, with or without type and
// length, and the port as circuit id (RFC 3046); where both are so, they name a
// port as LLDP does.
func relayed(m *locate.Measurement, d *held.DHCPRelay) {
	if d.GIAddr.IsValid() && !d.GIAddr.IsUnspecified() && len(m.Addrs) < 8 {
		m.Addrs = append(m.Addrs, d.GIAddr)
	}
	remote := d.Remote
	if len(remote) == 8 && remote[0] == 0 && remote[1] == 6 {
		remote = remote[2:]
	}
	if len(remote) != 6 {
		return
	}
	port := d.Circuit
	if len(port) > 2 && port[0] <= 1 && int(port[1]) == len(port)-2 {
		port = port[2:]
	}
	for _, c := range port {
		if c < ' ' || c > '~' {
			port = nil // a packed number that each vendor packs in its own way
			break
		}
	}
	const subtypeMAC = 4
	m.LLDP = append(m.LLDP, locate.Neighbour{
		Chassis: string(e911.MACFrom([6]byte(remote))), ChassisSubtype: subtypeMAC, Port: strings.TrimSpace(string(port)),
	})
}
