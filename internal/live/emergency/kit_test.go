package emergency

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/testcall"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// fakeLeg is a leg of either direction. What is done to it is written down in
// its trace; what happens to it is sent by the test, or by the script of a
// fakePSAP.
type fakeLeg struct {
	t      *testing.T
	trace  *trace
	name   string
	req    *sipedge.Request
	invite sipedge.Invite
	ctx    context.Context
	events chan sipedge.Event

	mu     sync.Mutex
	over   bool
	dead   chan struct{}     // cancelled, hung up or let go
	bodies map[string][]byte // last body by what it was sent with
}

func newLeg(t *testing.T, tr *trace, name string) *fakeLeg {
	return &fakeLeg{t: t, trace: tr, name: name, events: make(chan sipedge.Event, 64), dead: make(chan struct{}), bodies: map[string][]byte{}}
}

func (l *fakeLeg) emit(ev sipedge.Event) {
	ev.At = time.Now()
	l.events <- ev
}

func (l *fakeLeg) Events() <-chan sipedge.Event { return l.events }
func (l *fakeLeg) Request() *sipedge.Request    { return l.req }
func (l *fakeLeg) CallID() string               { return "call-of-" + l.name }

func (l *fakeLeg) note(what string, body []byte) {
	l.mu.Lock()
	l.bodies[strings.Fields(what)[0]] = body
	l.mu.Unlock()
	if len(body) > 0 {
		what += " sdp"
	}
	l.trace.add(l.name + " " + what)
}

func (l *fakeLeg) body(what string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.bodies[what])
}

func (l *fakeLeg) end() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.over = true
	close(l.dead)
	return true
}

func (l *fakeLeg) Provisional(attempt, code int, _ string, m sipedge.Message) error {
	l.note(fmt.Sprintf("gets %d of %d", code, attempt), m.Body)
	return nil
}

func (l *fakeLeg) Answer(attempt int, m sipedge.Message) error {
	l.note(fmt.Sprintf("answered by %d", attempt), m.Body)
	return nil
}

func (l *fakeLeg) Reject(code int, _ string, _ sipedge.Headers) error {
	l.note(fmt.Sprintf("refused %d", code), nil)
	return nil
}

func (l *fakeLeg) Cancel(reason string) {
	if l.end() {
		l.note("cancelled: "+reason, nil)
	}
}

func (l *fakeLeg) Bye(reason string) {
	if l.end() {
		l.note("hung up on: "+reason, nil)
	}
}

func (l *fakeLeg) ReInvite(m sipedge.Message) { l.note("re-invited", m.Body) }

func (l *fakeLeg) AnswerReInvite(code int, _ string, m sipedge.Message) error {
	l.note(fmt.Sprintf("re-invite-answered %d", code), m.Body)
	return nil
}

func (l *fakeLeg) Ack(m sipedge.Message) error {
	l.note("acked", m.Body)
	return nil
}

// trace is what happened, in order, each line with its time.
type trace struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func (tr *trace) add(line string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.lines = append(tr.lines, fmt.Sprintf("%8.3f %s", time.Since(tr.start).Seconds(), line))
}

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return strings.Join(tr.lines, "\n")
}

// psap is the behaviour of one address: it is run for each INVITE and reports
// what happens by events.
type psap func(l *fakeLeg)

// wait lets time pass unless the leg is ended; it reports whether it goes on.
func (l *fakeLeg) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-l.dead:
		return false
	case <-l.ctx.Done():
		return false
	}
}

func (l *fakeLeg) gone() { // the end of a cancelled INVITE
	l.emit(sipedge.Event{Kind: sipedge.Failed, Code: 487, Reason: "Request Terminated"})
	close(l.events)
}

func sends(l *fakeLeg) {
	l.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "tcp"})
	l.emit(sipedge.Event{Kind: sipedge.Provisional, Code: 100})
}

const psapSDP = "v=0\r\no=- 9 9 IN IP4 127.0.0.21\r\ns=-\r\nc=IN IP4 127.0.0.21\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=sendrecv\r\n"

func answers(after time.Duration) psap {
	return func(l *fakeLeg) {
		sends(l)
		l.emit(sipedge.Event{Kind: sipedge.Provisional, Code: 180, Reason: "Ringing"})
		if !l.wait(after) {
			l.gone()
			return
		}
		l.emit(sipedge.Event{Kind: sipedge.Answered, Code: 200, Body: []byte(psapSDP), ContentType: typeSDP})
	}
}

func refuses(code int) psap {
	return func(l *fakeLeg) {
		sends(l)
		l.emit(sipedge.Event{Kind: sipedge.Failed, Code: code, Reason: "Refused"})
		close(l.events)
	}
}

func silent(l *fakeLeg) { l.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "udp"}) }

func unreachable(l *fakeLeg) {
	l.emit(sipedge.Event{Kind: sipedge.SendFailed, Err: fmt.Errorf("connection refused")})
	close(l.events)
}

func ringsForEver(l *fakeLeg) {
	sends(l)
	l.emit(sipedge.Event{Kind: sipedge.Provisional, Code: 180, Reason: "Ringing"})
	l.wait(24 * time.Hour)
	l.gone()
}

// memoryJournal keeps facts and says of each when it was written.
type memoryJournal struct {
	tr *trace

	mu     sync.Mutex
	facts  []journal.Fact
	hangs  bool // nothing is ever written
	slow   time.Duration
	broken error
	panics bool
}

func (j *memoryJournal) Record(f journal.Fact) journal.Receipt {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.panics {
		panic("journal")
	}
	j.facts = append(j.facts, f)
	if f.Kind != journal.CallInvite { // after every first leg; TestTheInviteIsKept is about it
		j.tr.add("fact " + string(f.Kind) + factDetail(f))
	}
	written, synced := make(chan struct{}), make(chan struct{})
	switch {
	case j.hangs:
	case j.slow > 0:
		close(written)
		time.AfterFunc(j.slow, func() { close(synced) })
	default:
		close(written)
		close(synced)
	}
	err := j.broken
	return journal.Receipt{Written: written, Synced: synced, Err: func() error { return err }}
}

func factDetail(f journal.Fact) string {
	var b struct {
		Reason string
		Code   json.RawMessage
		N      int
	}
	_ = json.Unmarshal(f.Body, &b)
	s := ""
	if b.N > 0 {
		s += fmt.Sprintf(" %d", b.N)
	}
	if f.Kind == journal.NotifyDue || f.Kind == journal.CallFailed || f.Kind == journal.CallEnded {
		s += " " + b.Reason
	}
	if f.Kind == journal.AlarmRaised {
		s += " " + strings.Trim(string(b.Code), `"`)
	}
	return s
}

func (j *memoryJournal) all(kind journal.Kind) []journal.Fact {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []journal.Fact
	for _, f := range j.facts {
		if kind == "" || f.Kind == kind {
			out = append(out, f)
		}
	}
	return out
}

func one[T any](t *testing.T, j *memoryJournal, kind journal.Kind) T {
	t.Helper()
	all := j.all(kind)
	if len(all) != 1 {
		t.Fatalf("%d facts %s, want 1", len(all), kind)
	}
	body, err := journal.Decode[T](all[0])
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func reasons(t *testing.T, j *memoryJournal) []string {
	t.Helper()
	var out []string
	for _, f := range j.all(journal.NotifyDue) {
		d, err := journal.Decode[journal.Due](f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d.Reason)
	}
	return out
}

func alarms(t *testing.T, j *memoryJournal) []string {
	t.Helper()
	var out []string
	for _, f := range j.all(journal.AlarmRaised) {
		a, err := journal.Decode[journal.Alarm](f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a.Code)
	}
	return out
}

// lisKnows is a location server that knows what the test says.
type lisKnows struct {
	refs   map[string]lis.Resolved
	errs   map[string]error
	latest map[e911.DeviceID]locate.Evidence
	breaks bool
	hangs  chan struct{}
	over   string // why what latest has is over
}

func (l *lisKnows) Resolve(ref string, _ e911.OrgID, _ time.Time) (lis.Resolved, error) {
	if l.breaks {
		panic("locator")
	}
	if l.hangs != nil {
		<-l.hangs
	}
	r, ok := l.refs[ref]
	if err := l.errs[ref]; err != nil {
		return r, err
	}
	if !ok {
		return r, lis.ErrUnknown
	}
	return r, nil
}

func (l *lisKnows) Known(_ e911.OrgID, d e911.DeviceID) (r locate.Recollection) {
	if l.breaks {
		panic("locator")
	}
	if e, ok := l.latest[d]; ok {
		r.Candidates = []locate.Candidate{{Evidence: e, Rank: locate.RankNetwork, Via: "held", Over: l.over}}
	}
	return r
}

func (l *lisKnows) Elsewhere(e911.OrgID, e911.DeviceID) bool { return false }

func (l *lisKnows) AskedHELD(e911.OrgID, e911.DeviceID) bool { return false }

// readsOut is a test service.
type readsOut struct {
	tr   *trace
	got  []testcall.Readback
	err  error
	text string
}

func (r *readsOut) Answer(_ context.Context, leg testcall.Leg, rb testcall.Readback) (journal.Spoken, error) {
	r.got = append(r.got, rb)
	r.tr.add("test service answers")
	if r.text == "panic" {
		panic("test service")
	}
	_ = leg.Answer(1, sipedge.Message{Body: []byte(psapSDP), ContentType: typeSDP})
	return journal.Spoken{Text: r.text, Seconds: 1}, r.err
}

// kit is a Handler in a world, with fake legs around it.
type kit struct {
	t       *testing.T
	tr      *trace
	journal *memoryJournal
	locator *lisKnows
	tests   *readsOut
	psaps   map[string]psap // by the address of the trunk
	h       *Handler
	legs    []*fakeLeg
	run     sync.WaitGroup
	dialMu  sync.Mutex
	dials   func(n int) // called before each dial
}

const (
	carrierA = "127.0.0.21:5071"
	carrierB = "127.0.0.22:5071"
	ecrcA    = "127.0.0.23:5071"
)

func newKit(t *testing.T, change ...func(*world)) *kit {
	t.Helper()
	w := theWorld()
	for _, f := range change {
		f(&w)
	}
	snap, err := snapshot.Build(w.changes(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	holder := &snapshot.Holder{}
	holder.Store(snap)
	tr := &trace{start: time.Now()}
	k := &kit{
		t: t, tr: tr, journal: &memoryJournal{tr: tr}, tests: &readsOut{tr: tr, text: "This is a test."},
		locator: &lisKnows{refs: map[string]lis.Resolved{}, errs: map[string]error{}, latest: map[e911.DeviceID]locate.Evidence{}},
		psaps:   map[string]psap{carrierA: answers(time.Second), carrierB: answers(time.Second), ecrcA: answers(time.Second)},
	}
	k.h, err = New(Config{
		Snapshot: holder, Journal: k.journal, Dial: k.dial, Locator: k.locator, TestCall: k.tests, Domain: "callbox.example",
		Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kit) dial(ctx context.Context, in sipedge.Invite) Callee {
	k.dialMu.Lock()
	defer k.dialMu.Unlock()
	if k.dials != nil {
		k.dials(len(k.legs) + 1)
	}
	l := newLeg(k.t, k.tr, fmt.Sprintf("leg%d", len(k.legs)+1))
	l.invite, l.ctx = in, ctx
	k.legs = append(k.legs, l)
	k.tr.add(fmt.Sprintf("%s dialled to %s", l.name, in.Dest))
	behave := k.psaps[in.Dest.String()]
	if behave == nil {
		behave = unreachable
	}
	k.run.Go(func() { behave(l) })
	return l
}

// leg is the nth leg that was dialled, counted from 1.
func (k *kit) leg(n int) *fakeLeg {
	k.t.Helper()
	k.dialMu.Lock()
	defer k.dialMu.Unlock()
	if n > len(k.legs) {
		k.t.Fatalf("%d legs were dialled, want %d\n%s", len(k.legs), n, k.tr)
	}
	return k.legs[n-1]
}

func (k *kit) dialled() int {
	k.dialMu.Lock()
	defer k.dialMu.Unlock()
	return len(k.legs)
}

// invite is what the demo's PBX sends.
func invite(change ...func(*sipedge.Request)) *sipedge.Request {
	r := &sipedge.Request{
		Method: "INVITE", URI: "sip:911@callbox.example", Source: netip.MustParseAddrPort("127.0.0.11:5060"),
		Local: netip.MustParseAddrPort("127.0.0.10:5060"), Transport: "udp", CallID: "in-1", Body: []byte(phoneSDP), ContentType: typeSDP,
		Headers: sipedge.Headers{
			{Name: "Max-Forwards", Value: "70"},
			{Name: "From", Value: "<sip:+16175550111@pbx.example>;tag=1"},
			{Name: "P-Asserted-Identity", Value: "<sip:+16175550111@pbx.example>"},
			{Name: "E911-User-ID", Value: "agent4711"},
		},
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func header(name, value string) func(*sipedge.Request) {
	return func(r *sipedge.Request) {
		r.Headers = append(slices.Clone(r.Headers), sipedge.Header{Name: name, Value: value})
	}
}

func without(name string) func(*sipedge.Request) {
	return func(r *sipedge.Request) {
		r.Headers = slices.DeleteFunc(slices.Clone(r.Headers), func(h sipedge.Header) bool { return strings.EqualFold(h.Name, name) })
	}
}

// call serves an INVITE on a goroutine of its own; the call must be over when
// the test ends.
func (k *kit) call(ctx context.Context, r *sipedge.Request) *fakeLeg {
	l := newLeg(k.t, k.tr, "caller")
	l.req = r
	if r.At.IsZero() {
		r.At = time.Now()
	}
	k.run.Go(func() {
		k.h.Serve(ctx, l)
		k.tr.add("served")
	})
	return l
}

// after lets time pass in the bubble.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// world is the demonstration world of the issue, with one county as a square.
type world struct {
	org       e911.Org
	site      e911.Site
	user      e911.User
	device    e911.Device
	number    e911.NumberRec
	pbx       e911.Trunk
	carrierA  e911.Trunk
	carrierB  e911.Trunk
	ecrc      e911.Trunk
	psap      e911.PSAP
	relay     e911.PSAP
	noRelay   bool
	noPSAP    bool
	noNumber  bool
	building  e911.Building
	location  e911.Location
	model     e911.Model
	secondLoc e911.Location
	elements  []e911.Element
}

func id[T ~string](n int) T { return T(fmt.Sprintf("019f0000-0000-7000-8000-%012d", n)) }

func theWorld() world {
	prefix := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	carrier := func(n int, key, to, from string) e911.Trunk {
		return e911.Trunk{
			ID: id[e911.TrunkID](n), Key: key, Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier,
			To: "sip:psap@" + to + ";transport=tcp", From: prefix(from), DRFrom: []netip.Prefix{},
		}
	}
	w := world{
		org:       e911.Org{ID: id[e911.OrgID](1), Key: "harbor", Name: "Harbor Foods", Demonstration: true},
		site:      e911.Site{ID: id[e911.SiteID](2), Org: id[e911.OrgID](1), Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911, ECBN: "+16175550100"},
		user:      e911.User{ID: id[e911.UserID](3), Org: id[e911.OrgID](1), Site: id[e911.SiteID](2), Key: "agent-4711", Name: "Front desk", DeviceUserID: "agent4711", Callback: "+16175550111"},
		model:     e911.Model{ID: id[e911.ModelID](4), Key: "demo-phone", HELD: true},
		device:    e911.Device{ID: id[e911.DeviceID](5), Org: id[e911.OrgID](1), Site: id[e911.SiteID](2), Key: "sep001122aabbcc", MAC: "00:11:22:aa:bb:cc", User: id[e911.UserID](3), Model: id[e911.ModelID](4)},
		building:  e911.Building{ID: id[e911.BuildingID](6), Org: id[e911.OrgID](1), Site: id[e911.SiteID](2), Key: "mill-1", Name: "Mill 1", Address: e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"}, Point: &e911.Point{Lat: 42.36684, Lon: -71.10565}},
		location:  e911.Location{ID: id[e911.LocationID](7), Org: id[e911.OrgID](1), Building: id[e911.BuildingID](6), Key: "mill-1-f2-210", Detail: e911.Civic{FLR: "2", ROOM: "210"}},
		secondLoc: e911.Location{ID: id[e911.LocationID](17), Org: id[e911.OrgID](1), Building: id[e911.BuildingID](6), Key: "mill-1-f3", Detail: e911.Civic{FLR: "3"}},
		number:    e911.NumberRec{ID: id[e911.NumberID](8), Org: id[e911.OrgID](1), Site: id[e911.SiteID](2), Number: "+16175550111", User: id[e911.UserID](3), Location: id[e911.LocationID](7)},
		pbx:       e911.Trunk{ID: id[e911.TrunkID](9), Org: id[e911.OrgID](1), Key: "pbx", Side: e911.SidePlatform, From: prefix("127.0.0.11/32"), DRFrom: []netip.Prefix{}, IdentityHeader: "E911-User-ID"},
		carrierA:  carrier(10, "carrier-a", carrierA, "127.0.0.21/32"),
		carrierB:  carrier(11, "carrier-b", carrierB, "127.0.0.22/32"),
		ecrc:      carrier(12, "ecrc-a", ecrcA, "127.0.0.23/32"),
		psap: e911.PSAP{
			ID: id[e911.PSAPID](13), Key: "psap-middlesex", Name: "Middlesex (demonstration)", Boundary: e911.Boundary{USCounty: "25017"},
			Area:   e911.MultiPolygon{{{{Lat: 42, Lon: -72}, {Lat: 42, Lon: -71}, {Lat: 43, Lon: -71}, {Lat: 43, Lon: -72}}}},
			Routes: []e911.TrunkID{id[e911.TrunkID](10), id[e911.TrunkID](11)}, Line: "+16175550199",
		},
		relay: e911.PSAP{ID: id[e911.PSAPID](14), Key: "ecrc", Name: "Relay centre (demonstration)", Relay: true, Routes: []e911.TrunkID{id[e911.TrunkID](12)}, Line: "+16175550198"},
	}
	w.ecrc.Side = e911.SideRelay
	return w
}

func (w *world) changes() []snapshot.Change {
	org := w.org.ID
	c := []snapshot.Change{
		{Kind: e911.KindModel, ID: string(w.model.ID), Object: w.model},
		{Kind: e911.KindTrunk, ID: string(w.carrierA.ID), Object: w.carrierA},
		{Kind: e911.KindTrunk, ID: string(w.carrierB.ID), Object: w.carrierB},
		{Kind: e911.KindTrunk, ID: string(w.ecrc.ID), Object: w.ecrc},
		{Kind: e911.KindOrg, Org: org, ID: string(org), Object: w.org},
		{Kind: e911.KindTrunk, Org: org, ID: string(w.pbx.ID), Object: w.pbx},
		{Kind: e911.KindSite, Org: org, ID: string(w.site.ID), Object: w.site},
		{Kind: e911.KindBuilding, Org: org, ID: string(w.building.ID), Object: w.building},
		{Kind: e911.KindLocation, Org: org, ID: string(w.location.ID), Object: w.location},
		{Kind: e911.KindLocation, Org: org, ID: string(w.secondLoc.ID), Object: w.secondLoc},
		{Kind: e911.KindUser, Org: org, ID: string(w.user.ID), Object: w.user},
		{Kind: e911.KindDevice, Org: org, ID: string(w.device.ID), Object: w.device},
	}
	for _, e := range w.elements {
		c = append(c, snapshot.Change{Kind: e911.KindElement, Org: org, ID: string(e.ID), Object: e})
	}
	if !w.noPSAP {
		c = append(c, snapshot.Change{Kind: e911.KindPSAP, ID: string(w.psap.ID), Object: w.psap})
	}
	if !w.noRelay {
		c = append(c, snapshot.Change{Kind: e911.KindPSAP, ID: string(w.relay.ID), Object: w.relay})
	}
	if !w.noNumber {
		c = append(c, snapshot.Change{Kind: e911.KindNumber, Org: org, ID: string(w.number.ID), Object: w.number})
	}
	return c
}

// token makes the location server know a token of the demo phone.
func (k *kit) token(ref string) {
	snap := k.h.cfg.Snapshot.Load()
	org := snap.Org(id[e911.OrgID](1))
	e, ok := locate.FromLocation(org, id[e911.LocationID](7), e911.ByLLDPPort, time.Now())
	if !ok {
		k.t.Fatal("the world has no such location")
	}
	k.locator.refs[ref] = lis.Resolved{Org: id[e911.OrgID](1), Device: string(id[e911.DeviceID](5)), Known: true, Located: true, Evidence: e}
}

// fixedKit is a kit whose phone cannot ask HELD, so that its number's address
// locates it.
func fixedKit(t *testing.T, change ...func(*world)) *kit {
	t.Helper()
	return newKit(t, append([]func(*world){func(w *world) { w.model.HELD = false }}, change...)...)
}
