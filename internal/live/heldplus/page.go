package heldplus

import (
	"encoding/json"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Say keeps where a user says on a page of ours that he is, for each device on which
// he is signed in by a client, as if he had said it there: it counts for the next call
// (ranks 5 and 6). The location is one of the organisation's, or an address on one
// line; that an address is not taken, and why, is in the answers. No answer: he is
// signed in nowhere, or is nobody of the organisation's.
func (s *Server) Say(org e911.OrgID, user e911.UserID, location e911.LocationID, text string) ([]SetAnswer, error) {
	in := SetRequest{Text: text}
	if location != "" {
		in = SetRequest{Corporate: &CorporateChoice{LocationID: string(location)}}
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	snap := s.cfg.Snapshot.Load()
	o := snap.Org(org)
	if o == nil {
		return nil, nil
	}
	var out []SetAnswer
	for _, device := range s.book.devicesOf(org, user) {
		c := &caller{claims: claims{Org: org, Device: string(device), User: user}, snap: snap, org: o, key: key{org, string(device)}}
		c.Client, c.ID = s.book.bound(c.key)
		a, fail := s.set(&request{caller: c, now: s.now()}, body)
		if fail != nil {
			e := e911.Errorf(e911.Invalid, "%s %s", fail.title, fail.detail)
			for _, f := range fail.faults {
				e.Faults = append(e.Faults, e911.Fault{Path: f.Field, Code: f.Rule, Msg: f.Msg, Fix: f.Fix})
			}
			return out, e
		}
		out = append(out, *a.(*SetAnswer))
	}
	return out, nil
}

// SayCallback keeps the number by which a PSAP calls a user back; none takes it away.
// Invalid: it cannot be called back.
func (s *Server) SayCallback(org e911.OrgID, user e911.UserID, n e911.Number) error {
	if n != "" {
		if why := identify.CallbackFault(n); why != "" {
			return &e911.Error{Kind: e911.Invalid, Msg: "a PSAP could not call this number back", Faults: []e911.Fault{
				{Path: "callback", Code: "not_callable", Msg: "a PSAP could not call it back: " + why, Fix: "a geographic number of the United States or Canada"},
			}}
		}
	}
	s.book.setCallback(userKey{org, user}, n, "", s.now(), s.cfg.Journal)
	return nil
}

// bound is the client that a device is bound to, and the session.
func (b *book) bound(k key) (client, session string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.devices[k]; d != nil {
		return d.client, d.session
	}
	return "", ""
}

// PlaceOf is what a user said last of where he is, on a device on which he is signed
// in; none: nothing.
func (s *Server) PlaceOf(org e911.OrgID, user e911.UserID) string {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	var last *own
	for name := range s.book.users[userKey{org, user}] {
		d := s.book.devices[key{org, name}]
		if d == nil {
			continue
		}
		for _, o := range s.book.of[client{org, d.client}] {
			if o.user == user && (last == nil || o.at.After(last.at)) {
				last = o
			}
		}
	}
	if last == nil {
		return ""
	}
	return last.place.Display
}
