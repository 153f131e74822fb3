package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/trial"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// CallRequest is a test call from the command line.
type CallRequest struct {
	Trunk   string             `json:"trunk"`         // key
	Org     string             `json:"org,omitempty"` // key, where several have such a trunk or place
	Number  string             `json:"number,omitempty"`
	URI     string             `json:"uri,omitempty"`
	From    string             `json:"from,omitempty"` // device, user, number, location or site
	Profile e911.HeaderProfile `json:"profile,omitempty"`
	Options bool               `json:"options,omitempty"`
	Seconds int                `json:"seconds,omitempty"`
	By      string             `json:"by,omitempty"`
}

// ArrangeRequest is an arranged 911 from the command line.
type ArrangeRequest struct {
	Org string `json:"org,omitempty"`
	journal.Arranged
}

// wireTrials makes what tests trunks.
func (s *Server) wireTrials() error {
	var err error
	s.trials, err = trial.New(trial.Config{
		Snapshot: s.holder, Trunks: s.trunks, Ask: s.edge, Media: s.ports, Journal: s.journal, Alarm: s.alarm, Domain: s.cfg.Domain,
		Dial:     func(ctx context.Context, in sipedge.Invite) trial.Leg { return s.edge.Dial(ctx, in) },
		Provider: convey.Provider{Name: s.cfg.Provider.Name, CompanyID: s.cfg.Provider.CompanyID, Contact: s.cfg.Provider.Contact},
		Now:      s.cfg.Now, Log: s.cfg.Log,
	})
	return err
}

// TestCall places a test call, or says what calls from a trunk would be taken for
// that none goes to.
func (s *Server) TestCall(ctx context.Context, q CallRequest) (calltrace.Report, error) {
	w := s.holder.Load()
	t, err := trunkNamed(w, q.Trunk, q.Org)
	if err != nil {
		return calltrace.Report{}, err
	}
	if t.Side == e911.SidePlatform && !q.Options {
		return s.inbound(w, t), nil
	}
	o := trial.Order{Trunk: t.ID, Number: q.Number, URI: q.URI, Options: q.Options, Seconds: q.Seconds, Profile: q.Profile, By: q.By}
	if q.From != "" {
		if o.Caller, err = s.callerNamed(w, t, q); err != nil {
			return calltrace.Report{}, err
		}
	}
	return s.trials.Place(ctx, o)
}

func trunkNamed(w *snapshot.Snapshot, key, org string) (e911.Trunk, error) {
	var found []e911.Trunk
	for t := range w.Trunks() {
		o := w.Org(t.Org)
		if (t.Key == key || string(t.ID) == key) && (org == "" || o == nil || o.Config().Key == org) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return e911.Trunk{}, e911.Errorf(e911.NotFound, "there is no trunk %q: callbox trunks lists them", key)
	case 1:
		return found[0], nil
	}
	return e911.Trunk{}, e911.Errorf(e911.Invalid, "%d organisations have a trunk %q: name one with --org", len(found), key)
}

// callerNamed finds whose call the test pretends to be. Over a trunk of nobody
// alone an organisation's people and places are used only where it was named, or
// is a demonstration (E14).
func (s *Server) callerNamed(w *snapshot.Snapshot, t e911.Trunk, q CallRequest) (trial.Caller, error) {
	var found []trial.Caller
	for o := range w.Orgs() {
		c := o.Config()
		switch {
		case q.Org != "" && c.Key != q.Org, t.Org != "" && c.ID != t.Org:
			continue
		case t.Org == "" && q.Org == "" && !c.Demonstration:
			continue
		}
		if caller, ok := s.callerIn(o, q.From); ok {
			caller.Org, caller.OrgName = c.ID, c.Name
			found = append(found, caller)
		}
	}
	switch len(found) {
	case 0:
		if t.Org == "" && q.Org == "" {
			return trial.Caller{}, e911.Errorf(e911.NotFound, "%q is in no demonstration: the trunk %s is nobody's alone, so say with --org whose people and places are meant", q.From, t.Key)
		}
		return trial.Caller{}, e911.Errorf(e911.NotFound, "nobody and no place is called %q: give the key of a device, user, location or site, a hardware address or a number", q.From)
	case 1:
		return found[0], nil
	}
	return trial.Caller{}, e911.Errorf(e911.Invalid, "%d organisations know %q: name one with --org", len(found), q.From)
}

func (s *Server) callerIn(o *snapshot.Org, name string) (trial.Caller, bool) {
	now := s.cfg.Now()
	for l := range o.Locations() {
		if l.Key == name || string(l.ID) == name {
			place, _ := o.Place(l.ID)
			c := trial.Caller{Where: placeAlone(place, e911.ByConfirmed, now)}
			return withNumber(o, c), true
		}
	}
	for site := range o.Sites() {
		if site.Key == name {
			c := trial.Caller{Callback: site.ECBN}
			if k, ok := locate.FromSite(o, site.ID); ok {
				c.Where = locate.Decide([]locate.Candidate{k}, locate.Situation{}, now)
			}
			return withNumber(o, c), true
		}
	}
	for d := range o.Devices() {
		if d.Key == name || strings.EqualFold(string(d.MAC), name) {
			return s.personAt(o, d.User, "", d.ID, now), true
		}
	}
	for u := range o.Users() {
		if u.Key == name || u.Email != "" && strings.EqualFold(u.Email, name) {
			return s.personAt(o, u.ID, "", "", now), true
		}
	}
	if rec, ok := o.Number(e911.Number(name)); ok {
		return s.personAt(o, rec.User, rec.Number, "", now), true
	}
	return trial.Caller{}, false
}

// personAt is a user, line or device, where it is known to be now.
func (s *Server) personAt(o *snapshot.Org, user e911.UserID, line e911.Number, device e911.DeviceID, now time.Time) trial.Caller {
	c := trial.Caller{Line: line}
	var known []locate.Candidate
	devices := []e911.DeviceID{}
	if device != "" {
		devices = append(devices, device)
	} else if user != "" {
		for _, d := range o.DevicesOf(user) {
			devices = append(devices, d.ID)
		}
	}
	for _, d := range devices {
		known = append(known, s.lis.Known(o.ID(), d).Candidates...)
	}
	if u, ok := o.User(user); ok {
		c.Name, c.Callback = u.Name, u.Callback
	}
	if numbers := o.NumbersOf(user); c.Line == "" && user != "" && len(numbers) > 0 {
		c.Line = numbers[0].Number
	}
	if c.Callback == "" {
		c.Callback = c.Line
	}
	known = append(known, locate.FromPerson(o, user, c.Line, s.plus.Registered(o.ID(), user))...)
	c.Where = locate.Decide(known, locate.Situation{HELD: len(devices) > 0}, now)
	return withNumber(o, c)
}

func placeAlone(p e911.Place, by e911.LocatedBy, at time.Time) locate.Result {
	return locate.Result{By: by, Place: p, At: at, Method: locate.MethodOf(by)}
}

// withNumber gives a place without a caller its site's number, and the ELIN that
// stands for it.
func withNumber(o *snapshot.Org, c trial.Caller) trial.Caller {
	p := c.Where.Place
	if site, ok := o.Site(p.Site); ok && c.Callback == "" {
		c.Callback = site.ECBN
	}
	if p.Location == "" {
		return c
	}
	for _, n := range o.ELINs(p.Location) {
		if alirecord.Usable(n, p.Civic).OK && (c.ELIN == "" || n.Number == c.Line) {
			c.ELIN = n.Number
		}
	}
	return c
}

// inbound says what a call from a platform's trunk would be taken for (W-43).
func (s *Server) inbound(w *snapshot.Snapshot, t e911.Trunk) calltrace.Report {
	r := calltrace.Report{Trunk: t.Key, Side: string(t.Side), Profile: string(t.Profile), Kind: calltrace.Inbound, At: s.cfg.Now(), Steps: []calltrace.Step{}}
	if o := w.Org(t.Org); o != nil {
		r.Org = o.Config().Key
	}
	say := func(format string, args ...any) {
		r.Steps = append(r.Steps, calltrace.Step{Kind: calltrace.Decided, What: fmt.Sprintf(format, args...)})
	}
	say("calls come from this trunk and none goes to it: nothing was sent")
	r.Verdict = calltrace.Verdict{OK: true, Text: t.Key + " is a platform's trunk: there is nothing to call", Do: []string{
		"callbox call --trunk " + t.Key + " --options asks whether it is there",
		"dial 933 on a telephone behind it: the call comes in as 911 would, and reads back who and where",
		"callbox explain --number NUMBER --trunk " + t.Key + " says what a call of one line would do",
	}}
	if len(t.From) == 0 {
		r.Verdict.OK, r.Verdict.Text = false, t.Key+" is a platform's trunk and no source address is configured: only its certificate makes it known"
		return r
	}
	source := t.From[0].Addr()
	f, ok := s.calls.Foresee(emergency.Supposed{World: w, Request: &sipedge.Request{
		Method: "INVITE", URI: "sip:911@" + s.cfg.Domain, Source: netip.AddrPortFrom(source, 5060), Transport: "udp", At: s.cfg.Now(),
	}})
	if !ok {
		return r
	}
	taken := "nobody's"
	if o := w.Org(f.Org); o != nil {
		taken = "one of " + o.Config().Name
	}
	say("a 911 call from %s without number and location would be taken for %s, by the trunk %s", source, taken, f.Trunk.Key)
	if f.Trunk.Key != t.Key {
		r.Verdict.OK, r.Verdict.Text = false, fmt.Sprintf("calls from %s would be taken for calls of the trunk %q, not of %s", source, f.Trunk.Key, t.Key)
	}
	for _, g := range f.Routed.Rungs {
		say("it would go to %s by the trunk %s", g.PSAP.Name, g.Trunk.Key)
	}
	for _, flag := range append(f.Identified.Flags, f.Routed.Flags...) {
		say("flag %s", strings.ReplaceAll(flag, "_", " "))
	}
	return r
}

// Tests tells what is remembered of tests.
func (s *Server) Tests() TestList {
	l := TestList{List: s.trials.List(), Orgs: map[e911.OrgID]string{}}
	for o := range s.holder.Load().Orgs() {
		l.Orgs[o.ID()] = o.Config().Key
	}
	return l
}

// TestList is trial.List with the keys of organisations.
type TestList struct {
	trial.List
	Orgs map[e911.OrgID]string `json:"orgs,omitempty"`
}

// arrange finds the organisation of an arranged test and records it.
func (s *Server) arrange(q ArrangeRequest) (string, error) {
	var org e911.OrgID
	n := 0
	for o := range s.holder.Load().Orgs() {
		if c := o.Config(); q.Org == "" || c.Key == q.Org {
			org = c.ID
			n++
		}
	}
	if n == 0 {
		return "", e911.Errorf(e911.NotFound, "there is no organisation %q", q.Org)
	}
	if n > 1 {
		return "", e911.Errorf(e911.Invalid, "there are %d organisations: name one with --org", n)
	}
	return s.trials.Arrange(org, q.Arranged)
}

func (s *Server) trialRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /call", func(w http.ResponseWriter, r *http.Request) {
		q, err := readControl[CallRequest](w, r)
		if err != nil {
			writeControl(w, nil, err)
			return
		}
		report, err := s.TestCall(r.Context(), q)
		writeControl(w, report, err)
	})
	mux.HandleFunc("POST /tests", func(w http.ResponseWriter, _ *http.Request) { writeControl(w, s.Tests(), nil) })
	mux.HandleFunc("POST /tests/arrange", func(w http.ResponseWriter, r *http.Request) {
		q, err := readControl[ArrangeRequest](w, r)
		if err != nil {
			writeControl(w, nil, err)
			return
		}
		id, err := s.arrange(q)
		writeControl(w, map[string]string{"id": id}, err)
	})
	mux.HandleFunc("POST /tests/result", func(w http.ResponseWriter, r *http.Request) {
		q, err := readControl[journal.ArrangedResult](w, r)
		if err == nil {
			err = s.trials.Result(q)
		}
		writeControl(w, map[string]string{"id": q.ID}, err)
	})
}

// readControl reads a question in JSON.
func readControl[T any](w http.ResponseWriter, r *http.Request) (q T, err error) {
	const most = 1 << 20
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, most)).Decode(&q); err != nil {
		return q, e911.Errorf(e911.Invalid, "the question cannot be read: %v", err)
	}
	return q, nil
}
