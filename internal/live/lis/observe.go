package lis

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/loctoken"
)

// Observation is what somebody saw of a device's network: a desktop agent, a
// switch, a wireless controller, a DECT system, a registrar.
type Observation struct {
	Org    e911.OrgID
	Device string // id of a configured device, or the Name of an unknown one
	// Via says who saw it, for people and facts: "heldplus", "controller",
	// "switch", "dect", "registrar".
	Via string
	// Proved: who tells it has shown who it is.
	Proved   bool
	Measured locate.Measurement // At: zero for now; Who: whose word it is
	Says     []journal.Named    // what is known of the device itself
	// Also is further evidence for this one decision: an address that the user
	// confirmed, a location set by hand. It is not kept here.
	Also []locate.Candidate
	// Situation of the decision; HELD is set for every device that is observed.
	Situation locate.Situation
}

// Observed is what came of an Observation.
type Observed struct {
	Result     locate.Result
	Found      locate.Evidence // what decided, as it was found
	Recalled   locate.Recollection
	Generation uint64
}

// DeviceName names a device in tables and tokens: its id when it is configured
// with that hardware address, else a stable name made from the address.
func (s *Server) DeviceName(org e911.OrgID, mac e911.MAC) (name string, known bool) {
	if o := s.cfg.Snapshot.Load().Org(org); o != nil {
		if d, ok := o.DeviceByMAC(mac); ok {
			return string(d.ID), true
		}
	}
	return stableName(org, "mac", string(mac)), false
}

// StableName names a device that nobody configured by something that stays the
// same: the id of an agent's installation, an extension. Kind keeps kinds apart.
func StableName(org e911.OrgID, kind, value string) string { return stableName(org, kind, value) }

// Observe takes in what somebody saw of a device, decides where it is by all
// that is known, and writes a fact when that changed (D-11). It never waits. The
// error says that the observation names no organisation or no device.
func (s *Server) Observe(ob Observation) (Observed, error) {
	o := s.cfg.Snapshot.Load().Org(ob.Org)
	if o == nil || ob.Device == "" {
		return Observed{}, fmt.Errorf("take in an observation of %q: no such organisation, or no device", ob.Org)
	}
	now := s.now()
	m := ob.Measured
	if m.At.IsZero() || m.At.After(now) || !set(m.At) {
		m.At = now
	}
	m.At = m.At.UTC().Truncate(time.Millisecond)
	m.Source = m.Source.Unmap().WithZone("")
	m.Addrs = plainAddrs(m.Addrs)
	_, known := o.Device(e911.DeviceID(ob.Device))
	ob.Situation.HELD = true
	k := key{ob.Org, ob.Device}
	g := sighting{
		known: known, proved: ob.Proved, now: now, via: ob.Via, source: m.Source, says: ob.Says[:min(len(ob.Says), maxSays)],
		measured: m, org: o, phoneAt: s.phoneAt(o), situation: ob.Situation, also: ob.Also,
	}
	c := s.devices.put(k, g)
	s.tell(k, &g, &c)
	return Observed{Result: c.result, Found: c.chosen, Recalled: c.found, Generation: c.generation}, nil
}

func plainAddrs(in []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range in {
		if a = a.Unmap().WithZone(""); a.IsValid() && !a.IsMulticast() && !a.IsUnspecified() && len(out) < 16 {
			out = append(out, a)
		}
	}
	return out
}

// Mint gives out a location URI for a device that was observed, as HELD does in
// its answers. An address of the user's own is not in the token but its digest:
// where it was said, the URI answers it. The error says that there is no place,
// or that no key is held.
func (s *Server) Mint(org e911.OrgID, device string, found locate.Evidence, generation uint64) (uri string, expires time.Time, err error) {
	c := loctoken.Claims{
		Org: org, Device: device, Location: reference(found.Place), By: found.By, EvidenceAt: found.At, Generation: generation, Issued: s.now(),
	}
	c.Expires = c.Issued.Add(s.cfg.URITTL)
	if c.Location == "" {
		if !locate.Routable(found.Place) {
			return "", time.Time{}, errors.New("mint a location URI: there is no place")
		}
		text, err := json.Marshal(found.Place)
		if err != nil {
			return "", time.Time{}, fmt.Errorf("mint a location URI: %w", err)
		}
		digest := sha256.Sum256(text)
		c.PlaceDigest = string(digest[:16])
	}
	uri, err = s.seal(s.cfg.Snapshot.Load(), c)
	return uri, c.Expires, err
}
