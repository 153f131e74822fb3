package lis

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/loctoken"
	"github.com/callbox911/callbox/internal/snapshot"
)

// How long the location reference of a call is good (F-27).
const (
	// afterCall is from the end of the call.
	afterCall = 24 * time.Hour
	// longestCall is from its start, where the end is not known: on another node,
	// or when it never came. No emergency call lasts as long.
	longestCall = 24 * time.Hour
)

// CallPlace is where a caller was when the call was decided.
type CallPlace struct {
	Org    e911.OrgID
	Device string // id or stable name; none when it is not known
	// Evidence is what decided; its place need not be one of the map.
	Evidence locate.Evidence
}

// callRef is what is known of one call that has a reference.
type callRef struct {
	CallPlace
	made  time.Time
	ended time.Time       // zero while it lasts
	last  locate.Evidence // what it answered at the end
	newer bool            // last is newer than the call's own
	told  time.Time       // last fact of a use
	fold  int             // uses since that have none
}

// calls keeps the calls that have a reference, at most maxCalls: the one made
// first is turned out, and then is what its token says.
type calls struct {
	mu    sync.Mutex
	byID  map[e911.CallID]*callRef
	order []e911.CallID
}

const maxCalls = 100_000

func newCalls() *calls { return &calls{byID: map[e911.CallID]*callRef{}} }

func (c *calls) put(id e911.CallID, ref callRef) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID[id] == nil {
		c.order = append(c.order, id)
	}
	c.byID[id] = &ref
	for len(c.order) > 0 {
		oldest := c.byID[c.order[0]]
		if len(c.order) <= maxCalls && oldest != nil && ref.made.Sub(oldest.made) <= longestCall+afterCall {
			break
		}
		delete(c.byID, c.order[0])
		c.order = c.order[1:]
	}
}

func (c *calls) get(id e911.CallID) (callRef, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ref := c.byID[id]; ref != nil {
		return *ref, true
	}
	return callRef{}, false
}

func (c *calls) end(id e911.CallID, at time.Time, last locate.Evidence, newer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ref := c.byID[id]; ref != nil && ref.ended.IsZero() {
		ref.ended, ref.last, ref.newer = at, last, newer
	}
}

// useEvery is the shortest time between two facts of uses of one reference: who
// holds it must not fill the journal.
const useEvery = 100 * time.Millisecond

// used reports whether a use is to have a fact, and how many before it had none.
func (c *calls) used(id e911.CallID, now time.Time) (write bool, folded int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ref := c.byID[id]
	if ref == nil {
		return true, 0
	}
	if !ref.told.IsZero() && now.Sub(ref.told) < useEvery {
		ref.fold++
		return false, 0
	}
	folded, ref.told, ref.fold = ref.fold, now, 0
	return true, folded
}

// MintForCall gives a call its own location reference (F-27): it answers where
// the caller was at the call, and by newer evidence while the call lasts; it is
// good until 24 h after EndCall, whoever signs out and whatever is revoked. Each
// use is a fact of the call. It never waits.
func (s *Server) MintForCall(call e911.CallID, p CallPlace) (uri string, err error) {
	if call == "" || p.Org == "" {
		return "", errors.New("mint a call's location reference: it needs a call and an organisation")
	}
	now := s.now()
	snap := s.cfg.Snapshot.Load()
	if snap.Org(p.Org) == nil {
		return "", fmt.Errorf("mint a call's location reference: no organisation %s", p.Org)
	}
	c := loctoken.Claims{
		Org: p.Org, Device: p.Device, Location: reference(p.Evidence.Place), By: p.Evidence.By, EvidenceAt: p.Evidence.At,
		Issued: now, Expires: now.Add(longestCall + afterCall), Call: call,
	}
	uri, err = s.seal(snap, c)
	if err != nil {
		return "", err
	}
	s.calls.put(call, callRef{CallPlace: p, made: now})
	s.cfg.Journal.Record(journal.New(journal.CallReferenced, now, p.Org, call, journal.Referenced{
		Device: p.Device, By: p.Evidence.By, Place: p.Evidence.Place, EvidenceAt: p.Evidence.At,
	}))
	return uri, nil
}

// EndCall says that a call is over: its reference answers what it answered then,
// for 24 h.
func (s *Server) EndCall(call e911.CallID, at time.Time) {
	ref, ok := s.calls.get(call)
	if !ok || !ref.ended.IsZero() {
		return
	}
	ev, newer, _ := s.newest(s.cfg.Snapshot.Load(), &ref.CallPlace, at)
	s.calls.end(call, at, ev, newer)
}

// newest is where the device of a call is: by newer evidence than that of the
// call when there is any, else as at the call.
func (s *Server) newest(snap *snapshot.Snapshot, p *CallPlace, now time.Time) (ev locate.Evidence, newer, located bool) {
	ev, located = p.Evidence, p.Evidence.By != "" && p.Evidence.By != e911.ByNothing
	org := snap.Org(p.Org)
	if org == nil || p.Device == "" {
		return ev, false, located
	}
	e, seen := s.devices.get(key{p.Org, p.Device})
	if !seen {
		return ev, false, located
	}
	if later, ok := s.evidence(org, key{p.Org, p.Device}, &e, now); ok && later.At.After(p.Evidence.At) {
		return later, true, true
	}
	return ev, false, located
}

// atCall is what the reference of a call answers. Ok is false when it is over,
// or there is nothing to answer.
func (s *Server) atCall(snap *snapshot.Snapshot, c loctoken.Claims, now time.Time) (ev locate.Evidence, newer, ok bool) {
	ref, known := s.calls.get(c.Call)
	switch {
	case known && !ref.ended.IsZero():
		return ref.last, ref.newer, now.Sub(ref.ended) <= afterCall && ref.last.By != "" && ref.last.By != e911.ByNothing
	case now.After(c.Expires):
		return ev, false, false
	}
	p := CallPlace{Org: c.Org, Device: c.Device, Evidence: ref.Evidence}
	if org := snap.Org(c.Org); org != nil && c.Location != "" {
		p.Evidence, _ = evidenceAt(org, c.Location, c.By, c.EvidenceAt)
	}
	return s.newest(snap, &p, now)
}

// tellUse writes the fact of a use of a call's reference (F-27).
func (s *Server) tellUse(r *http.Request, c loctoken.Claims, ev locate.Evidence, newer bool, now time.Time) {
	write, folded := s.calls.used(c.Call, now)
	if !write {
		return
	}
	d := journal.Dereferenced{Source: s.source(r).String(), By: ev.By, Place: ev.Place.Display, EvidenceAt: ev.At, Newer: newer, Folded: folded}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		d.Client = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	s.cfg.Journal.Record(journal.New(journal.CallDereferenced, now, c.Org, c.Call, d))
}
