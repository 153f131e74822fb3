package lis

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/loctoken"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// target is whose location is asked for.
type target struct {
	name   string // id of a configured device, else a stable name
	known  bool
	device e911.Device // when known
	user   e911.UserID // whose, when known
	line   e911.Number // by which it was named, else none
	// other: somebody else asks for it, and the source address is not its own.
	other bool
}

// locate answers one request of an organisation's own.
func (s *Server) locate(snap *snapshot.Snapshot, a asker, req *held.Request, now time.Time) (*held.Response, error) {
	t, err := s.target(a, req)
	if err != nil {
		return nil, err
	}
	m := measure(a, req, t, now)
	m.PhoneAt = s.phoneAt(a.org)
	found, findings := locate.Measured(a.org, m)
	var c conclusion
	if t.other && !measured(m) {
		c = s.stored(snap, a.org, t, found, now)
	} else {
		c = conclude(candidates(found), locate.Situation{HELD: true}, now)
		c.generation = s.sight(a, t, m, c, findings, now)
	}
	if c.By == e911.ByNothing {
		return nil, &held.Error{Code: held.LocationUnknown, Message: "Nothing that was measured is on the map."}
	}
	return s.respond(snap, a.org, t, c, req, now)
}

// conclusion is what was decided, with the evidence as it was found: what is
// told may be less than that, because old radio evidence is told as its
// building, but what is kept must be able to grow old by itself (F-01).
type conclusion struct {
	locate.Result
	found      locate.Evidence
	generation uint64
}

func conclude(cs []locate.Candidate, situation locate.Situation, now time.Time) conclusion {
	c := conclusion{Result: locate.Decide(cs, situation, now)}
	c.found = locate.Evidence{By: c.By, At: c.At, Place: c.Place, Said: said(c.Findings)}
	for _, candidate := range cs {
		if candidate.By == c.By && candidate.Said == c.found.Said {
			c.found = candidate.Evidence
			break
		}
	}
	return c
}

// candidates are network evidence as the rule of location takes them.
func candidates(found []locate.Evidence) []locate.Candidate {
	out := make([]locate.Candidate, 0, len(found))
	for _, ev := range found {
		out = append(out, locate.Candidate{Evidence: ev, Rank: locate.RankNetwork, Via: "held"})
	}
	return out
}

// decide puts one piece of evidence through the rule of location: what is too
// old becomes its building, or nothing (F-01, F-18).
func decide(ev locate.Evidence, now time.Time) locate.Result {
	c := locate.Candidate{Evidence: ev, Rank: locate.RankNetwork, Via: "token"}
	switch ev.By {
	case e911.ByNumber: // the reference was given out under the conditions of F-04
		c.Rank = locate.RankNumber
	case e911.BySiteDefault:
		c.Rank = locate.RankSite
	}
	return locate.Decide([]locate.Candidate{c}, locate.Situation{HELD: c.Rank == locate.RankNetwork}, now)
}

// building starts the reference of a place that is a whole building.
const building = "building/"

// reference names a place of ours in tokens and in the table; empty for a place
// that is not on the map.
func reference(p e911.Place) e911.LocationID {
	if p.Location == "" && p.Building != "" {
		return building + e911.LocationID(p.Building)
	}
	return p.Location
}

// evidenceAt makes evidence of a reference.
func evidenceAt(o *snapshot.Org, ref e911.LocationID, by e911.LocatedBy, at time.Time) (locate.Evidence, bool) {
	id, whole := strings.CutPrefix(string(ref), building)
	if !whole {
		return locate.FromLocation(o, ref, by, at)
	}
	b, ok := o.Building(e911.BuildingID(id))
	if !ok {
		return locate.Evidence{}, false
	}
	for _, p := range o.BuildingPlaces(b.Site) {
		if p.Building == b.ID {
			return locate.Evidence{By: by, At: at, Place: p, Said: "building " + b.Key}, true
		}
	}
	return locate.Evidence{}, false
}

// stored answers for a device that is not asking itself: by what it last said,
// else by its number's address under the conditions of F-04.
func (s *Server) stored(snap *snapshot.Snapshot, o *snapshot.Org, t target, byAddress []locate.Evidence, now time.Time) conclusion {
	cs := candidates(byAddress)
	var generation uint64
	situation := locate.Situation{DIDFallback: o.Config().DIDFallback}
	if e, ok := s.devices.get(key{o.ID(), t.name}); ok {
		generation = e.generation
		situation.HELD, situation.SeenOffSite = true, !e.elsewhere.IsZero()
		if ev, ok := e.evidence(o, s.phoneAt(o)); ok {
			cs = append(cs, candidates([]locate.Evidence{ev})...)
		}
	}
	if model, ok := snap.Model(t.device.Model); ok && model.HELD {
		situation.HELD = true
	}
	cs = append(cs, locate.FromNumbers(o, t.user, t.line)...)
	c := conclude(cs, situation, now)
	c.generation = generation
	return c
}

// sight enters what a device said into the table and writes a fact when the
// deciding element or the location changed (D-11).
func (s *Server) sight(a asker, t target, m locate.Measurement, r conclusion, findings []e911.Finding, now time.Time) uint64 {
	sg := sighting{known: t.known, now: now, measured: m, found: r.found, located: r.By != e911.ByNothing}
	if !sg.located {
		// A network that shows itself and is not on the map. A request without
		// any measurement, from the organisation's public addresses or from a
		// private one, shows nothing.
		sg.elsewhere = measured(m) || (!t.other && !a.addr.IsPrivate() && !a.org.InPublicRange(a.addr))
	}
	k := key{a.org.ID(), t.name}
	c := s.devices.put(k, sg)
	if !c.write {
		return c.generation
	}
	at := r.At
	if !sg.located {
		at = now
	}
	s.cfg.Journal.Record(journal.New(journal.DeviceLocated, now, k.org, "", journal.DeviceSeen{
		Device: t.name, Known: t.known, By: r.By, Place: r.Place, EvidenceAt: at, Source: a.addr.String(),
		Generation: c.generation, Evidence: join(r.Findings, findings),
	}))
	return c.generation
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

// measured reports whether the device told of any network that it sees.
func measured(m locate.Measurement) bool {
	return len(m.LLDP) > 0 || m.Serving != "" || len(m.Neighbours) > 0
}

// respond makes the answer: the location as asked for, and a location URI.
func (s *Server) respond(snap *snapshot.Snapshot, o *snapshot.Org, t target, r conclusion, req *held.Request, now time.Time) (*held.Response, error) {
	resp := &held.Response{}
	if req.Wants(held.LocationURI) {
		uri, expires, err := s.mint(snap, loctoken.Claims{
			Org: o.ID(), Device: t.name, Location: reference(r.found.Place), By: r.found.By, EvidenceAt: r.found.At, Generation: r.generation,
		}, now)
		switch {
		case err == nil:
			resp.URIs, resp.Expires = []string{uri}, expires
		case req.Exact:
			return nil, &held.Error{Code: held.CannotProvideLIType, Message: "No location URI can be given now.", Err: err}
		default:
			s.cfg.Log.Error("mint a location URI", obs.KeyOrg, string(o.ID()), obs.Err(err))
		}
	}
	onlyURI := len(req.Types) == 1 && req.Types[0] == held.LocationURI && len(resp.URIs) > 0
	if onlyURI {
		return resp, nil
	}
	doc, err := s.document(r.Result, req, now)
	if err != nil {
		return nil, err
	}
	resp.Presence = doc
	return resp, nil
}

// mint seals a location URI.
func (s *Server) mint(snap *snapshot.Snapshot, c loctoken.Claims, now time.Time) (string, time.Time, error) {
	if c.Location == "" {
		return "", time.Time{}, errors.New("the place is not a location of the map")
	}
	c.Expires = now.Add(s.cfg.URITTL)
	plain, err := loctoken.Encode(c)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("encode a token: %w", err)
	}
	sealed, err := snap.TokenRing().Seal(loctoken.Purpose, plain)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("seal a token: %w", err)
	}
	return s.prefix + sealed, c.Expires, nil
}

// document makes the PIDF-LO. Asked for exactly, it holds what was asked for or
// there is none; otherwise all that is known, because a room finds a caller
// where a point does not. The point comes first: it is the coarser (RFC 5491,
// rule 7).
func (s *Server) document(r locate.Result, req *held.Request, now time.Time) (*pidflo.Document, error) {
	var chunks []pidflo.Chunk
	address := civic.ToPIDF(r.Place.Civic)
	wantCivic := req.Wants(held.Civic) || !req.Exact
	wantPoint := req.Wants(held.Geodetic) || !req.Exact
	if req.Exact && (wantCivic && address == nil || wantPoint && r.Place.Area == nil) {
		return nil, &held.Error{Code: held.CannotProvideLIType, Message: "The location is not known in that form."}
	}
	if area := r.Place.Area; wantPoint && area != nil {
		pos := pidflo.Pos{Lat: area.Lat, Lon: area.Lon}
		var shape pidflo.Shape = pidflo.Point{Pos: pos}
		if area.RadiusM > 0 {
			shape = pidflo.Circle{Center: pos, Radius: area.RadiusM}
		}
		chunks = append(chunks, pidflo.Chunk{Shape: shape})
	}
	if wantCivic && address != nil {
		chunks = append(chunks, pidflo.Chunk{Civic: address})
	}
	if len(chunks) == 0 {
		return nil, &held.Error{Code: held.LocationUnknown, Message: "The place has neither an address nor a point."}
	}
	// The pseudonym is new for each answer: nobody links two of them (RFC
	// 5985, section 6.6). RFC 5491 puts the place of a device into a device.
	alias := pseudonym()
	g := pidflo.Geopriv{
		Info: chunks, Retransmission: true, Retention: now.Add(24 * time.Hour), // F-26
		Method: r.Method, Source: measuredBy(r.By),
	}
	if s.cfg.Provider.ContactURI != "" {
		g.ProvidedBy.Providers = []calldata.ProviderInfo{s.cfg.Provider}
	}
	return &pidflo.Document{
		Entity: "pres:" + alias + "@" + s.host,
		Elements: []pidflo.Element{{
			Kind: pidflo.Device, ID: "target", DeviceID: "urn:uuid:" + alias,
			Timestamp: r.At, Geopriv: []pidflo.Geopriv{g},
		}},
	}, nil
}

// measuredBy says who measured (RFC 7105, section 4.6): what a device tells of
// its network is its word.
func measuredBy(by e911.LocatedBy) []string {
	switch by {
	case e911.ByPublicIP:
		return []string{"lis"}
	case e911.ByNumber, e911.BySiteDefault:
		return nil
	}
	return []string{"lis", "device"}
}

// pseudonym is a random UUID (RFC 9562, section 5.4).
func pseudonym() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// stableName names a device that nobody configured, the same for every request
// of the same device of the same organisation.
func stableName(org e911.OrgID, kind, value string) string {
	sum := sha256.Sum256([]byte(string(org) + "|" + kind + "|" + value))
	return "unknown-" + kind + "-" + hex.EncodeToString(sum[:10])
}

// target finds out whose location is asked for. Only an address that the
// organisation trusts may name somebody else (RFC 6155, section 1.1).
func (s *Server) target(a asker, req *held.Request) (target, error) {
	bad := func(msg string) (target, error) {
		return target{}, &held.Error{Code: held.BadIdentifier, Message: msg, Required: []string{held.IDMAC, held.IDIP}}
	}
	if req.Flow != (held.Flow{}) {
		return bad("This kind of identifier is not used here.")
	}
	mac := ownMAC(req)
	self := mac != "" || len(req.Identifiers(held.IDIP)) > 0
	for _, id := range req.Identity {
		switch id.Kind {
		case held.IDURI:
			if !a.trusted {
				return bad("You may not ask for others.")
			}
			return s.named(a.org, held.URI(id.Value))
		case held.IDMAC, held.IDIP, held.IDDUID, "udpport", "tcpport", "sctpport", "dccpport":
		default:
			// A phone may add its user's NAI to its own hardware address.
			if id.Kind != held.IDNAI || !self {
				return bad("This kind of identifier is not used here.")
			}
		}
	}
	other := a.trusted && self
	if mac != "" {
		if d, ok := a.org.DeviceByMAC(mac); ok {
			return target{name: string(d.ID), known: true, device: d, user: d.User, other: other}, nil
		}
		return target{name: stableName(a.org.ID(), "mac", string(mac)), other: other}, nil
	}
	addr := a.addr
	if ips := addresses(req); a.trusted && len(ips) > 0 {
		addr = ips[0]
	}
	return target{name: stableName(a.org.ID(), "ip", addr.String()), other: other}, nil
}

// ownMAC is the hardware address that a device gives as its own.
func ownMAC(req *held.Request) e911.MAC {
	for _, v := range append(req.Identifiers(held.IDMAC), req.Extra("mac"), req.Extra("macAddress")) {
		if m, err := e911.ParseMAC(v); err == nil && !m.Group() {
			return m
		}
	}
	return ""
}

func addresses(req *held.Request) []netip.Addr {
	var out []netip.Addr
	for _, v := range req.Identifiers(held.IDIP) {
		if a, err := netip.ParseAddr(v); err == nil {
			out = append(out, a.Unmap().WithZone(""))
		}
	}
	return out
}

// named finds the device that a call server names by URI: a number, the user
// name that platforms send, or a hardware address, also inside a device name
// (SEP001122AABBCC).
func (s *Server) named(o *snapshot.Org, uri string) (target, error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	user, _, _ := strings.Cut(rest, "@")
	user, _, _ = strings.Cut(user, ";")
	switch strings.ToLower(scheme) {
	case "mac":
		if m, err := e911.ParseMAC(user); err == nil {
			if d, ok := o.DeviceByMAC(m); ok {
				return ownerOf(d), nil
			}
			return target{name: stableName(o.ID(), "mac", string(m)), other: true}, nil
		}
	case "sip", "sips", "tel", "pres", "im":
		if n, err := e911.ParseNumber(user); err == nil {
			if rec, ok := o.Number(n); ok {
				return s.deviceOf(o, rec.User, n), nil
			}
		}
		if u, ok := o.UserByDeviceUserID(user); ok {
			return s.deviceOf(o, u.ID, ""), nil
		}
		const digits = 12
		if m, err := e911.ParseMAC(user[max(0, len(user)-digits):]); err == nil {
			if d, ok := o.DeviceByMAC(m); ok {
				return ownerOf(d), nil
			}
		}
	}
	return target{}, &held.Error{Code: held.BadIdentifier, Message: "Nobody here is named so.", Required: []string{held.IDURI, held.IDMAC}}
}

func ownerOf(d e911.Device) target {
	return target{name: string(d.ID), known: true, device: d, user: d.User, other: true}
}

// deviceOf is the device of a user that last told where it is, else his first.
func (s *Server) deviceOf(o *snapshot.Org, user e911.UserID, line e911.Number) target {
	t := target{user: user, line: line, other: true}
	var seen time.Time
	for _, d := range o.DevicesOf(user) {
		e, asked := s.devices.get(key{o.ID(), string(d.ID)})
		if t.known && (!asked || !e.seen.After(seen)) {
			continue
		}
		t.name, t.known, t.device, seen = string(d.ID), true, d, e.seen
	}
	if !t.known {
		t.name = stableName(o.ID(), "line", string(user)+string(line))
	}
	return t
}

// set reports whether t can come from a clock that was set: phones measure
// before they know the time, and then say 1970 or the day they were made.
func set(t time.Time) bool { return t.Year() >= 2024 }

// measure puts together what a request tells of the network around the device.
func measure(a asker, req *held.Request, t target, now time.Time) locate.Measurement {
	m := locate.Measurement{At: now, Source: a.addr, SourceAt: now, MAC: ownMAC(req), Addrs: addresses(req)}
	if t.other {
		// The connection is the call server's, not the device's.
		m.Source = netip.Addr{}
		if len(m.Addrs) > 0 {
			m.Source = m.Addrs[0]
		}
	}
	if t.known && m.MAC == "" {
		m.MAC = t.device.MAC
	}
	tunnel := strings.ToLower(req.Extra("vpn") + req.Extra("tunnel"))
	m.Tunnel = tunnel != "" && tunnel != "0" && tunnel != "false" && tunnel != "no"
	for i := range req.Measurements {
		add(&m, &req.Measurements[i], now)
	}
	return m
}

// add takes one measurements element. One that the client says is over is left
// out; its time counts when its clock can be right and is not ahead of ours.
func add(m *locate.Measurement, in *held.Measurement, now time.Time) {
	if set(in.Expires) && set(in.Time) && in.Expires.Before(now) {
		return
	}
	used := false
	for _, l := range in.LLDP {
		n := locate.Neighbour{ChassisSubtype: max(l.Chassis.Type, 0), Chassis: l.Chassis.Text(true), Port: l.Port.Text(false)}
		if n.Chassis != "" || n.Port != "" {
			m.LLDP = append(m.LLDP, n)
			used = true
		}
	}
	for _, ap := range in.WiFi {
		bssid, err := e911.ParseMAC(ap.BSSID)
		switch {
		case err != nil:
			continue
		case ap.Serving && m.Serving == "":
			m.Serving = bssid
		default:
			m.Neighbours = append(m.Neighbours, bssid)
		}
		used = true
	}
	if used && set(in.Time) && in.Time.Before(m.At) {
		m.At = in.Time.Truncate(time.Millisecond)
	}
}
