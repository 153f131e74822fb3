package lis

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/loctoken"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Why a location reference is not, or not wholly, good. Resolve wraps them.
var (
	// ErrUnknown means that the reference is none of ours, or was changed.
	ErrUnknown = errors.New("not a location reference of ours")
	// ErrOtherOrg means that it was given to a device of another organisation.
	ErrOtherOrg = errors.New("a location reference of another organisation")
	// ErrExpired means that the reference may no longer be dereferenced. On the
	// call path it still names its device: the Resolved beside it is filled
	// (F-01, D-08).
	ErrExpired = errors.New("an expired location reference")
)

// Resolved is what a location reference says, brought up to date.
type Resolved struct {
	Org    e911.OrgID
	Device string // id of a configured device, else the stable name of an unknown one
	Known  bool   // Device is the id of a configured device
	// Located: Evidence tells where the device is. Without it the device was
	// last seen where the map knows nothing, or its location is gone from the
	// configuration.
	Located  bool
	Evidence locate.Evidence
	// Local: Evidence is not the token's but what is known here since.
	Local bool
	// Call is set when the reference is a call's own (F-27).
	Call e911.CallID
	// Elsewhere: after the token was given out, the device was seen in a network
	// that is not on the map (F-04: its site's default is not for it).
	Elsewhere  bool
	Generation uint64
	Expires    time.Time
}

// Resolve opens a location URI or a bare token for a call of an organisation.
// Fresher local knowledge of the device wins over what the token says. Errors
// are ErrUnknown and ErrOtherOrg with a zero Resolved, and ErrExpired and
// ErrRevoked with a filled one. It never waits.
func (s *Server) Resolve(ref string, org e911.OrgID, now time.Time) (Resolved, error) {
	snap := s.cfg.Snapshot.Load()
	c, err := s.open(snap, ref)
	if err != nil {
		return Resolved{}, err
	}
	if c.Org != org {
		return Resolved{}, ErrOtherOrg
	}
	r := s.update(snap, c)
	switch {
	case now.After(c.Expires):
		return r, ErrExpired
	case c.Call == "" && s.revoked.covers(c.Org, c.Device, c.Issued):
		return r, ErrRevoked
	}
	return r, nil
}

// open returns what a reference of ours was sealed with.
func (s *Server) open(snap *snapshot.Snapshot, ref string) (loctoken.Claims, error) {
	token, ok := s.token(ref)
	if !ok {
		return loctoken.Claims{}, ErrUnknown
	}
	plain, err := snap.TokenRing().Open(loctoken.Purpose, token)
	if err != nil {
		return loctoken.Claims{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	c, err := loctoken.Decode(plain)
	if err != nil {
		return loctoken.Claims{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return c, nil
}

// maxRef bounds what is looked at of a reference; ours are below 400 octets.
const maxRef = 2048

// token takes the token out of a location URI. The host does not count: nodes
// of one system share their keys, and a token opens or it does not.
func (s *Server) token(ref string) (string, bool) {
	ref = strings.TrimSpace(ref)
	if len(ref) > maxRef {
		return "", false
	}
	if token, ok := strings.CutPrefix(ref, s.prefix); ok {
		return token, token != ""
	}
	if !strings.Contains(ref, "/") {
		return ref, ref != ""
	}
	u, err := url.Parse(ref)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return "", false
	}
	i := strings.LastIndex(u.Path, "/loc/")
	if i < 0 {
		return "", false
	}
	token := u.Path[i+len("/loc/"):]
	return token, token != "" && !strings.Contains(token, "/")
}

// update lays what is known here over what a token says.
func (s *Server) update(snap *snapshot.Snapshot, c loctoken.Claims) Resolved {
	r := Resolved{Org: c.Org, Device: c.Device, Generation: c.Generation, Expires: c.Expires, Call: c.Call}
	org := snap.Org(c.Org)
	if org == nil {
		return r
	}
	_, r.Known = org.Device(e911.DeviceID(c.Device))
	r.Evidence, r.Located = evidenceAt(org, c.Location, c.By, c.EvidenceAt)
	e, ok := s.devices.get(key{c.Org, c.Device})
	if !ok {
		return r
	}
	ev, located := s.evidence(org, key{c.Org, c.Device}, &e, s.now())
	moved := ev.At.Equal(c.EvidenceAt) && reference(ev.Place) != c.Location // on the map, since
	// An address of the user's own is not in the token: it is known here or not.
	if own := c.PlaceDigest != ""; located && (own || ev.At.After(c.EvidenceAt) || moved) {
		r.Evidence, r.Located, r.Local, r.Generation = ev, true, true, e.generation
	} else if e.elsewhere.After(c.EvidenceAt) && (!located || e.elsewhere.After(ev.At)) {
		r.Evidence, r.Located, r.Local, r.Elsewhere, r.Generation = locate.Evidence{}, false, true, true, e.generation
	}
	return r
}

// Latest returns where a device is by all that its network showed, with the
// places of the current snapshot; false when nothing did, or it was last seen in
// a network that is not on the map.
func (s *Server) Latest(org e911.OrgID, device e911.DeviceID) (locate.Evidence, bool) {
	o := s.cfg.Snapshot.Load().Org(org)
	e, ok := s.devices.get(key{org, string(device)})
	if !ok || o == nil {
		return locate.Evidence{}, false
	}
	return s.evidence(o, key{org, string(device)}, &e, s.now())
}

// phoneAt tells where a known phone is: a PC behind it sees the phone as its
// LLDP neighbour (F-19). What the phone itself sees is not followed further.
func (s *Server) phoneAt(o *snapshot.Org) func(e911.MAC) (locate.Evidence, bool) {
	return func(m e911.MAC) (locate.Evidence, bool) {
		d, ok := o.DeviceByMAC(m)
		if !ok {
			return locate.Evidence{}, false
		}
		e, ok := s.devices.get(key{o.ID(), string(d.ID)})
		if !ok {
			return locate.Evidence{}, false
		}
		return e.evidence(o, nil, s.now())
	}
}

// AskedHELD reports whether the device ever asked this server where it is.
func (s *Server) AskedHELD(org e911.OrgID, device e911.DeviceID) bool {
	_, ok := s.devices.get(key{org, string(device)})
	return ok
}

// Elsewhere reports whether the device was last seen in a network that is not
// on the organisation's map (F-04).
func (s *Server) Elsewhere(org e911.OrgID, device e911.DeviceID) bool {
	e, ok := s.devices.get(key{org, string(device)})
	return ok && !e.elsewhere.IsZero()
}
