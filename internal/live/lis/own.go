package lis

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// ofUser is what the user of a device said of where it is.
func (s *Server) ofUser(k key, now time.Time) []locate.Candidate {
	if s.cfg.Own == nil {
		return nil
	}
	return s.cfg.Own(k.org, k.device, now)
}

// registered is the place of the organisation that a user said is his. An address of
// his own is told with his calls alone: no reference stands for it.
func (s *Server) registered(org e911.OrgID, user e911.UserID) locate.Registered {
	if s.cfg.Registered == nil || user == "" {
		return locate.Registered{}
	}
	r := s.cfg.Registered(org, user)
	if r.Place.Location == "" {
		return locate.Registered{}
	}
	return r
}

// evidence is the decision by all that the network and the user told, as
// evidence for another one.
func (s *Server) evidence(o *snapshot.Org, k key, e *entry, now time.Time) (locate.Evidence, bool) {
	cs := append(e.settled().Recall(o, s.phoneAt(o)).Candidates, s.ofUser(k, now)...)
	return chosen(cs, locate.Decide(cs, locate.Situation{HELD: true}, now))
}

// Revoked reports whether what was given out for a device at a time was revoked
// since.
func (s *Server) Revoked(org e911.OrgID, device string, issued time.Time) bool {
	return s.revoked.covers(org, device, issued)
}

// Source is the address of who asks, as HELD sees it: behind a trusted proxy
// that of its client.
func (s *Server) Source(r *http.Request) netip.Addr { return s.source(r) }

// UserByMail finds the user of an organisation with a mail address.
func (s *Server) UserByMail(o *snapshot.Org, mail string) (e911.User, bool) {
	id, ok := s.names(o).users[strings.ToLower(mail)]
	if !ok {
		return e911.User{}, false
	}
	return o.User(id)
}

// OrgNamed finds the organisation of a company id, in any of the spellings that
// clients are configured with.
func OrgNamed(snap *snapshot.Snapshot, company string) (*snapshot.Org, bool) {
	o := orgNamed(snap, company)
	return o, o != nil
}

// SecretOf reports whether a secret is one of an organisation's, in a time that
// tells nothing of them. The zero organisation has none.
func SecretOf(o e911.Org, shown string) bool { return anySecret(o.HELD.Secrets, shown) }
