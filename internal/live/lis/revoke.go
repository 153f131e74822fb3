package lis

import (
	"errors"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// ErrRevoked means that the reference was taken back: somebody signed out, or
// the organisation called all of them in. On the call path it still names its
// device, as an expired one does: the Resolved beside it is filled.
var ErrRevoked = errors.New("a location reference that was revoked")

// revocations knows until when references given out are void. Each is kept for
// as long as such a reference could live. Safe for concurrent use.
type revocations struct {
	mu      sync.RWMutex
	until   map[key]time.Time // a key without a device is the whole organisation
	dropped time.Time         // when old ones were last thrown away
}

func newRevocations() *revocations { return &revocations{until: map[key]time.Time{}} }

// add voids what was given out until at.
func (r *revocations) add(k key, at, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.After(r.until[k]) && now.Sub(at) <= MaxURITTL {
		r.until[k] = at
	}
	if now.Sub(r.dropped) < time.Hour {
		return
	}
	r.dropped = now
	for k, at := range r.until {
		if now.Sub(at) > MaxURITTL {
			delete(r.until, k)
		}
	}
}

// covers reports whether a reference given out at a time is void. The moment of
// the revocation itself is covered.
func (r *revocations) covers(org e911.OrgID, device string, issued time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.until) == 0 {
		return false
	}
	return !issued.After(r.until[key{org, device}]) || !issued.After(r.until[key{org: org}])
}

// Revoke voids every location reference that was given out for a device so far,
// here at once, after a restart and on other nodes by the fact (D-08). An empty
// device voids those of the whole organisation. References of calls stay good
// (F-27). By is who asks for it, why a reason for people.
func (s *Server) Revoke(org e911.OrgID, device, by, why string) {
	now := s.now()
	s.revoked.add(key{org, device}, now, now)
	s.cfg.Journal.Record(journal.New(journal.DeviceRevoked, now, org, "", journal.Revoked{Device: device, By: by, Why: why}))
}

// SignIn says who uses a device from now on. When it was somebody else, what
// was given out for the device before is revoked: it was for another person.
func (s *Server) SignIn(org e911.OrgID, device string, user e911.UserID) {
	now := s.now()
	before := s.devices.sign(key{org, device}, user, now)
	if before == user {
		return
	}
	s.cfg.Journal.Record(journal.New(journal.DeviceSignedIn, now, org, "", journal.SignedIn{Device: device, User: user}))
	if before != "" {
		s.Revoke(org, device, string(before), "another user signed in, or the user signed out")
	}
}

// SignOut says that nobody uses the device any more and revokes what was given
// out for it.
func (s *Server) SignOut(org e911.OrgID, device string) { s.SignIn(org, device, "") }

// RevokeUser voids the references of every device that the user owns or is
// signed in on.
func (s *Server) RevokeUser(org e911.OrgID, user e911.UserID, by, why string) {
	devices := map[string]bool{}
	if o := s.cfg.Snapshot.Load().Org(org); o != nil {
		for _, d := range o.DevicesOf(user) {
			devices[string(d.ID)] = true
		}
	}
	for seen := range s.Devices(org) {
		if seen.User == user {
			devices[seen.Device] = true
		}
	}
	for device := range devices {
		s.Revoke(org, device, by, why)
	}
}
