package explain

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/logevent"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// I3 asks for a call's facts as LogEvents of the i3 logging service.
type I3 struct {
	// Element and Agency are what the events name as theirs, fully qualified domain
	// names; none: our own name.
	Element, Agency string
}

// logEvents writes the facts of one call, in the order of the journal. Domain is
// our own name; where it is empty, it is read from the names that we gave. The
// error, e911.Invalid, says what is missing for events that others can take.
func logEvents(facts []journal.Fact, ask I3, domain string) ([]logevent.Event, error) {
	r := reporter{rungs: map[int]journal.Rung{}, legs: map[int]journal.Attempt{}, failed: map[int]string{}}
	for _, first := range []bool{true, false} { // the INVITE is written after the first leg
		for _, f := range facts {
			if (f.Kind == journal.CallInvite) == first {
				r.learn(f)
			}
		}
	}
	call, incident := sipgeo.EmergencyIDs(r.headers("Call-Info"))
	given := cmp.Or(domain, r.domain(call), ask.Element)
	var id e911.CallID
	if len(facts) > 0 {
		id = facts[0].Call
	}
	var err error
	r.log, err = logevent.New(logevent.Config{
		Element: cmp.Or(ask.Element, given), Agency: ask.Agency, Call: cmp.Or(call, r.arrived.EmergencyCallID),
		Incident:  cmp.Or(incident, r.incident, sipgeo.IncidentID(string(id), given)),
		CallIDSIP: r.arrived.SIPCallID, Unique: string(id), Zone: r.zone,
	})
	if err != nil {
		return nil, e911.Errorf(e911.Invalid, "the call cannot be written as LogEvents: %s; name what logs with --element and whose it is with --agency",
			strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for _, f := range facts {
		r.tell(f)
	}
	return r.log.Events(), nil
}

// reporter is one call while it is written.
type reporter struct {
	log      *logevent.Log
	zone     *time.Location
	arrived  journal.Arrived
	invite   *journal.Invite
	routed   journal.Routed
	incident string
	rungs    map[int]journal.Rung
	legs     map[int]journal.Attempt // by N
	failed   map[int]string          // why
	// reference is our own location URI that the call carried.
	reference string
}

// learn takes in what events of other facts need.
func (r *reporter) learn(f journal.Fact) {
	switch f.Kind {
	case journal.CallArrived:
		take(f, &r.arrived)
	case journal.CallInvite:
		r.invite = new(journal.Invite)
		take(f, r.invite)
	case journal.CallDialog:
		var d journal.Dialogs
		take(f, &d)
		r.incident, r.reference = cmp.Or(r.incident, d.Incident), cmp.Or(r.reference, d.Reference)
	case journal.CallRouted:
		take(f, &r.routed)
		for i, rung := range r.routed.Rungs {
			r.rungs[i] = rung
		}
	case journal.CallAttempt:
		var a journal.Attempt
		take(f, &a)
		r.legs[a.N] = a
		r.carried(a.Geo)
	case journal.CallFailed:
		var b journal.Failed
		take(f, &b)
		r.failed[b.N] = b.Reason
	case journal.NotifyDue:
		var d journal.Due
		take(f, &d)
		if l, err := time.LoadLocation(d.Zone); err == nil && d.Zone != "" && r.zone == nil {
			r.zone = l
		}
	}
}

// headers are the values of a field of the INVITE.
func (r *reporter) headers(name string) (out []string) {
	if r.invite == nil {
		return nil
	}
	for _, h := range r.invite.Headers {
		if strings.EqualFold(h.Name, name) {
			out = append(out, h.Value)
		}
	}
	return out
}

// domain is our name, from the name that we gave the call: it brought none.
func (r *reporter) domain(brought string) string {
	if brought != "" || r.invite == nil {
		return ""
	}
	return r.arrived.EmergencyCallID[strings.LastIndexByte(r.arrived.EmergencyCallID, ':')+1:]
}

// tell writes the events of a fact. Facts that i3 has no event for, and those
// whose message is not in the journal, have none.
func (r *reporter) tell(f journal.Fact) {
	m := logevent.Mark{At: f.At, Client: fmt.Sprintf("%s-%d", f.Node, f.Seq)}
	switch f.Kind {
	case journal.CallArrived:
		m.AddressPort = r.arrived.Source
		r.log.Start(m, r.ends(nil))
	case journal.CallInvite:
		r.message(m)
	case journal.CallAttempt:
		r.attempt(f, m)
	case journal.CallProgress:
		var p journal.Progress
		take(f, &p)
		r.state(m, logevent.Alerting, p.N, fmt.Sprint(p.Code))
	case journal.CallAnswered:
		var a journal.Answered
		take(f, &a)
		r.state(m, logevent.Answered, a.N, "")
	case journal.CallAsked:
		r.asked(f, m)
	case journal.CallDereferenced:
		r.dereferenced(f, m)
	case journal.CallEnded:
		r.ended(f, m)
	}
}

// ends says who called whom.
func (r *reporter) ends(local map[string]any) logevent.Ends {
	e := logevent.Ends{
		Type: logevent.Emergency, From: cmp.Or(r.arrived.AssertedID, r.arrived.From), To: r.arrived.Dialled, Local: map[string]any{},
	}
	if r.arrived.Class != e911.ClassEmergency {
		e.Type, e.LocalType = logevent.NonEmergency, string(r.arrived.Class)
	}
	for k, v := range local {
		e.Local[k] = v
	}
	if k := r.arrived.Trunk.Key; k != "" {
		e.Local["trunk"] = k
	}
	if r.arrived.Demonstration {
		e.Local["demonstration"] = true
	}
	return e
}

// message writes the INVITE.
func (r *reporter) message(m logevent.Mark) {
	m.AddressPort, m.Extension = r.invite.Source.String(), map[string]any{"credentialsLeftOut": true}
	if len(r.invite.Repaired) > 0 {
		m.Extension["repaired"] = r.invite.Repaired
	}
	fields := make([]logevent.Field, len(r.invite.Headers))
	for i, h := range r.invite.Headers {
		fields[i] = logevent.Field{Name: h.Name, Value: h.Value}
	}
	r.log.Message(m, logevent.Incoming, logevent.Invite(r.invite.URI, fields, r.invite.Body))
}

// attempt writes by which of our routes the call was sent.
func (r *reporter) attempt(f journal.Fact, m logevent.Mark) {
	var a journal.Attempt
	take(f, &a)
	m.Extension = filled(map[string]any{
		"attempt": a.N, "trunk": a.Trunk.Key, "psap": cmp.Or(a.PSAP.Name, a.PSAP.Key), "legCallIdSip": a.SIPCallID,
		"before": r.failed[a.N-1], "error": a.Error, "withoutLocation": a.Slim,
	})
	if b := r.routed.By; b != nil && a.PSAP == r.routed.PSAP {
		m.Extension["psapChosenBy"] = filled(map[string]any{"source": b.Source, "name": b.Name, "version": b.Version, "feature": b.Feature})
	}
	step := fmt.Sprintf("route-%d", a.Rung+1)
	if k := r.rungs[a.Rung].Kind; k != "" {
		step += "-" + k
	}
	r.log.Route(m, a.To, step)
}

// carried finds our own location reference in what a leg carried: the one that
// did not come with the call.
func (r *reporter) carried(geolocation string) {
	came := sipgeo.ParseGeolocation(r.headers("Geolocation"))
	for _, l := range sipgeo.ParseGeolocation([]string{geolocation}) {
		s := l.Scheme()
		theirs := slices.ContainsFunc(came, func(c sipgeo.Location) bool { return c.URI == l.URI })
		if r.reference == "" && !theirs && (s == "https" || s == "http") {
			r.reference = l.URI
		}
	}
}

func (r *reporter) state(m logevent.Mark, s logevent.State, n int, reason string) {
	a := r.legs[n]
	r.log.State(m, logevent.Change{State: s, CallID: a.SIPCallID, Target: a.To, Reason: reason})
}

// asked writes a question to another location server. The reference that was
// asked is that of the INVITE with the server's name; where two have it, it is not
// known which.
func (r *reporter) asked(f journal.Fact, m logevent.Mark) {
	var a journal.Asked
	take(f, &a)
	if a.Host == "" {
		return // nobody was
	}
	var uris []string
	for _, l := range sipgeo.ParseGeolocation(r.headers("Geolocation")) {
		if u, err := url.Parse(l.URI); err == nil && (strings.EqualFold(u.Host, a.Host) || strings.EqualFold(u.Hostname(), a.Host)) && !slices.Contains(uris, l.URI) {
			uris = append(uris, l.URI)
		}
	}
	q := logevent.Lookup{
		Direction: logevent.Outgoing, Asked: a.At, Answered: a.At.Add(time.Duration(a.TookMS) * time.Millisecond), Client: m.Client, AddressPort: a.Host,
		Failed: a.Error != "", Question: map[string]any{"method": a.Method, "beforeTheCall": a.Ahead},
		Answer: map[string]any{"place": a.Place, "says": a.Finding, "error": a.Error, "late": a.Late},
	}
	if len(uris) == 1 {
		q.URI = uris[0]
	}
	r.log.Location(q)
}

// dereferenced writes that somebody asked us for the call's place.
func (r *reporter) dereferenced(f journal.Fact, m logevent.Mark) {
	var d journal.Dereferenced
	take(f, &d)
	q := logevent.Lookup{
		Direction: logevent.Incoming, URI: r.reference, Asked: m.At, Answered: m.At, Client: m.Client, AddressPort: d.Source,
		Question: map[string]any{"client": d.Client},
		Answer:   map[string]any{"place": d.Place, "locatedBy": string(d.By), "newerThanTheCall": d.Newer},
	}
	if d.Folded > 0 {
		q.Question["usesSinceTheLast"] = d.Folded
	}
	r.log.Location(q)
}

func (r *reporter) ended(f journal.Fact, m logevent.Mark) {
	var e journal.Ended
	take(f, &e)
	if e.Abandoned {
		r.log.State(logevent.Mark{At: m.At, Client: m.Client + "-state"}, logevent.Change{State: logevent.Cancelled, Reason: e.Reason})
	}
	r.log.End(m, r.ends(filled(map[string]any{
		"endedBy": e.By, "reason": e.Reason, "abandoned": e.Abandoned, "durationMs": e.DurationMS, "talkMs": e.TalkMS,
	})))
}

// filled leaves out what says nothing.
func filled(m map[string]any) map[string]any {
	for k, v := range m {
		if v == "" || v == false || v == 0 || v == int64(0) {
			delete(m, k)
		}
	}
	return m
}
