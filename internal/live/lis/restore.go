package lis

import (
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Restore puts back what a fact told, when a server starts from its journal or
// hears of it from another node; older facts than what is known and kinds that
// are not the location server's change nothing. Facts hold all that is kept of
// a device, so the last one of each is enough, and no checkpoint beside the
// journal is needed.
func (s *Server) Restore(f journal.Fact) error {
	k := key{org: f.Org}
	switch f.Kind {
	case journal.DeviceLocated:
		b, err := journal.Decode[journal.DeviceSeen](f)
		if err != nil {
			return err
		}
		k.device = b.Device
		return s.devices.restore(k, f.At, b)
	case journal.DevicePresent:
		b, err := journal.Decode[journal.Presence](f)
		if err != nil {
			return err
		}
		k.device = b.Device
		s.devices.present(k, f.At, b)
	case journal.DeviceSignedIn:
		b, err := journal.Decode[journal.SignedIn](f)
		if err != nil {
			return err
		}
		k.device = b.Device
		s.devices.sign(k, b.User, f.At)
	case journal.DeviceRevoked:
		b, err := journal.Decode[journal.Revoked](f)
		if err != nil {
			return err
		}
		k.device = b.Device
		s.revoked.add(k, f.At, s.now())
	case journal.NetworkUnknown:
		b, err := journal.Decode[journal.UnknownElement](f)
		if err != nil {
			return err
		}
		s.unknown.restore(f.Org, b)
	default:
		return s.restoreCall(f)
	}
	return nil
}

// restoreCall puts back what a fact told of a call that has a reference.
func (s *Server) restoreCall(f journal.Fact) error {
	switch f.Kind {
	case journal.CallReferenced:
		b, err := journal.Decode[journal.Referenced](f)
		if err != nil {
			return err
		}
		if s.now().Sub(f.At) > longestCall+afterCall {
			return nil
		}
		s.calls.put(f.Call, callRef{
			CallPlace: CallPlace{Org: f.Org, Device: b.Device, Evidence: locate.Evidence{By: b.By, At: b.EvidenceAt, Place: b.Place}}, made: f.At,
		})
	case journal.CallEnded:
		s.EndCall(f.Call, f.At)
	}
	return nil
}

// restore puts back what a fact told, unless something newer is known.
func (t *table) restore(k key, at time.Time, f journal.DeviceSeen) error {
	var m locate.Memory
	if len(f.Memory) > 0 {
		if err := json.Unmarshal(f.Memory, &m); err != nil {
			return err
		}
	}
	sh := t.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.entries[k]
	if e == nil {
		e = sh.add(k, f.Known)
	}
	if at.Before(e.writtenAt) || f.Generation < e.generation {
		return nil
	}
	e.keep(m)
	e.steady = nil
	e.verdict = verdict{by: e911.ByNothing}
	if f.By != e911.ByNothing {
		e.verdict = verdict{f.By, said(f.Evidence), reference(f.Place)}
		e.elsewhere = time.Time{}
	} else {
		e.elsewhere = f.EvidenceAt
	}
	e.proved = e.proved || f.Proved
	e.via, e.says = f.Via, f.Says
	e.source, _ = netip.ParseAddr(f.Source)
	e.generation = f.Generation
	if at.After(e.seen) {
		e.seen = at
	}
	e.written, e.writtenAt, e.presentAt = e.verdict, at, at
	return nil
}

// present puts back that a device was there.
func (t *table) present(k key, at time.Time, f journal.Presence) {
	sh := t.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.entries[k]
	if e == nil {
		e = sh.add(k, f.Known)
	}
	if at.Before(e.presentAt) {
		return
	}
	if f.By != "" && f.By == e.verdict.by && f.Location != "" && f.Location == e.verdict.location && e.steady == nil && !f.EvidenceAt.After(at) {
		e.keep(again(e.settled(), f.By, f.EvidenceAt))
	}
	e.proved = e.proved || f.Proved
	e.via, e.presentAt = f.Via, at
	if len(f.Says) > 0 {
		e.says = f.Says
	}
	if at.After(e.seen) {
		e.seen = at
	}
	e.source, _ = netip.ParseAddr(f.Source)
}

// layers are those whose one key decides; addresses may decide from two.
var layers = map[e911.LocatedBy]struct {
	layer locate.Layer
	keys  int
}{
	e911.ByLLDPPort: {locate.LayerLLDP, 3}, e911.ByBSSID: {locate.LayerServing, 1}, e911.ByGateway: {locate.LayerGateway, 1},
	e911.ByDECTBase: {locate.LayerDECT, 1}, e911.ByAP: {locate.LayerWLC, 1},
}

// again is a memory whose deciding key was seen once more. Only where one key
// alone can have decided, so that none becomes fresher than it was proved (E13).
func again(m locate.Memory, by e911.LocatedBy, at time.Time) locate.Memory {
	l, ok := layers[by]
	if !ok {
		return m
	}
	found := -1
	for i, s := range m.Sightings {
		switch {
		case s.Layer == locate.LayerNearby && by == e911.ByBSSID:
			return m
		case s.Layer != l.layer:
		case found >= 0 || s.Lapsed || len(s.Keys) != l.keys:
			return m
		default:
			found = i
		}
	}
	if found < 0 || !m.Sightings[found].At.Before(at) || m.Left.After(m.Sightings[found].At) {
		return m
	}
	m.Sightings = slices.Clone(m.Sightings)
	m.Sightings[found].At = at
	return m
}
