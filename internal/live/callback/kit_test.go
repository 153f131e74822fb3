package callback

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callbackflow"
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	sdp      = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	elinA    = e911.Number("+16175550121")
	elinB    = e911.Number("+16175550122")
	lineA    = e911.Number("+16175550111")
	deskN    = e911.Number("+16175550100")
	mobile   = e911.Number("+16175550177")
	psapLine = e911.Number("+16175550199")
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func id[T ~string](n int) T { return T(fmt.Sprintf("019f0000-0000-7000-8000-%012d", n)) }

// leg is a leg of either direction; what is done to it goes into the trace.
type leg struct {
	k      *kit
	name   string
	req    *sipedge.Request
	invite sipedge.Invite
	events chan sipedge.Event
}

func (l *leg) note(format string, args ...any) { l.k.note(l.name + " " + fmt.Sprintf(format, args...)) }

func (l *leg) Events() <-chan sipedge.Event { return l.events }
func (l *leg) Request() *sipedge.Request    { return l.req }
func (l *leg) CallID() string               { return "call-of-" + l.name }
func (l *leg) Cancel(string)                { l.note("cancelled") }
func (l *leg) Bye(string)                   { l.note("hung up on") }
func (l *leg) ReInvite(m sipedge.Message)   { l.note("re-invited %d", len(m.Body)) }
func (l *leg) Provisional(n, code int, _ string, m sipedge.Message) error {
	l.note("hears %d", code)
	return nil
}

func (l *leg) Answer(n int, m sipedge.Message) error {
	l.note("answered by %d with %t", n, len(m.Body) > 0)
	return nil
}

func (l *leg) Reject(code int, _ string, h sipedge.Headers) error {
	l.note("refused %d", code)
	return nil
}

func (l *leg) AnswerReInvite(code int, _ string, m sipedge.Message) error {
	l.note("re-invite answered %d", code)
	return nil
}

func (l *leg) Ack(m sipedge.Message) error {
	l.note("acked %d", len(m.Body))
	return nil
}

func (l *leg) happens(kind sipedge.EventKind, code int) {
	ev := sipedge.Event{Kind: kind, Code: code}
	if kind == sipedge.Answered {
		ev.Body, ev.ContentType = []byte(sdp), "application/sdp"
	}
	l.events <- ev
}

// phones are registered telephones.
type phones struct{ list []registrar.Binding }

func (p *phones) Caller(q *sipedge.Request) (registrar.Binding, bool) {
	for _, b := range p.list {
		if b.Source == q.Source {
			return b, true
		}
	}
	return registrar.Binding{}, false
}

func (p *phones) Bindings(org e911.OrgID, user string) (out []registrar.Binding) {
	for _, b := range p.list {
		if b.Org == org && b.User == user {
			out = append(out, b)
		}
	}
	return out
}

func (p *phones) Prove(q *sipedge.Request) (registrar.Phone, sipedge.Headers, bool) {
	if !strings.Contains(q.Headers.Get("From"), "@harbor.example") {
		return registrar.Phone{}, nil, false
	}
	if q.Headers.Get("Proxy-Authorization") == "good" {
		return registrar.Phone{Org: id[e911.OrgID](1)}, nil, true
	}
	return registrar.Phone{}, sipedge.Headers{{Name: "Proxy-Authenticate", Value: "Digest"}}, false
}

// kit is a service in a world with a test clock.
type kit struct {
	t      *testing.T
	s      *Service
	phones *phones
	holder *snapshot.Holder

	mu    sync.Mutex
	now   time.Time
	facts []journal.Fact
	lines []string
	news  chan struct{}
	legs  []*leg
	run   sync.WaitGroup
	n     int
}

func (k *kit) clock() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *kit) pass(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(d)
}

func (k *kit) note(line string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, line)
	close(k.news)
	k.news = make(chan struct{})
}

// await waits for a line of the trace.
func (k *kit) await(line string) {
	k.t.Helper()
	limit := time.After(5 * time.Second)
	for {
		k.mu.Lock()
		have, news := slices.Contains(k.lines, line), k.news
		all := strings.Join(k.lines, "\n")
		k.mu.Unlock()
		if have {
			return
		}
		select {
		case <-news:
		case <-limit:
			k.t.Fatalf("%q did not happen:\n%s", line, all)
		}
	}
}

func (k *kit) Record(f journal.Fact) journal.Receipt {
	k.mu.Lock()
	k.facts = append(k.facts, f)
	k.mu.Unlock()
	line := "fact " + string(f.Kind)
	switch f.Kind {
	case journal.AlarmRaised:
		a, _ := journal.Decode[journal.Alarm](f)
		line += " " + a.Code
	case journal.NotifyDue:
		d, _ := journal.Decode[journal.Due](f)
		line += " " + d.Reason
	}
	k.note(line)
	return journal.Receipt{}
}

func (k *kit) kinds(kind journal.Kind) (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.facts {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

func (k *kit) dial(_ context.Context, in sipedge.Invite) emergency.Callee {
	k.mu.Lock()
	l := &leg{k: k, name: fmt.Sprintf("leg%d", len(k.legs)+1), invite: in, events: make(chan sipedge.Event, 16)}
	k.legs = append(k.legs, l)
	k.mu.Unlock()
	k.note("dial " + in.URI)
	return l
}

// leg returns the nth leg that was dialled.
func (k *kit) leg(n int) *leg {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n > len(k.legs) {
		k.t.Fatalf("%d legs were dialled, want %d:\n%s", len(k.legs), n, strings.Join(k.lines, "\n"))
	}
	return k.legs[n-1]
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{t: t, now: noon, news: make(chan struct{}), phones: &phones{}, holder: &snapshot.Holder{}}
	snap, err := snapshot.Build(theWorld(), noon)
	if err != nil {
		t.Fatal(err)
	}
	k.holder.Store(snap)
	k.s = k.service(t)
	t.Cleanup(k.run.Wait)
	return k
}

func (k *kit) service(t *testing.T) *Service {
	t.Helper()
	s, err := New(Config{
		Snapshot: k.holder, Journal: k, Dial: k.dial, Phones: k.phones, Domain: "callbox.example", Now: k.clock,
		Policy: callbackflow.Policy{Next: time.Hour, Silent: time.Hour, GiveUp: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func theWorld() []snapshot.Change {
	org := id[e911.OrgID](1)
	at := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	trunks := []e911.Trunk{
		{ID: id[e911.TrunkID](9), Org: org, Key: "pbx", Side: e911.SidePlatform, From: at("127.0.0.11/32"), DRFrom: []netip.Prefix{}},
		{ID: id[e911.TrunkID](10), Key: "pstn", Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileELIN, To: "sip:psap@127.0.0.21:5071", From: at("127.0.0.21/32"), DRFrom: []netip.Prefix{}},
		{ID: id[e911.TrunkID](11), Key: "esinet", Side: e911.SideESInet, Kind: e911.RouteESInet, Profile: e911.ProfileI3, To: "sip:psap@127.0.0.22:5071", From: at("127.0.0.22/32"), DRFrom: []netip.Prefix{}, Marks: []e911.TrunkMark{e911.MarkPSAPCallbacks}},
		{ID: id[e911.TrunkID](12), Org: org, Key: "gateway", Side: e911.SideLocal, Kind: e911.RouteLocal, Profile: e911.ProfilePlain, To: "sip:gw@127.0.0.31:5060", From: at("127.0.0.31/32"), DRFrom: []netip.Prefix{}},
		{ID: id[e911.TrunkID](13), Org: id[e911.OrgID](2), Key: "others", Side: e911.SidePlatform, From: at("127.0.0.41/32"), DRFrom: []netip.Prefix{}},
	}
	site := id[e911.SiteID](2)
	c := []snapshot.Change{
		{Kind: e911.KindOrg, Org: org, ID: string(org), Object: e911.Org{ID: org, Key: "harbor", Name: "Harbor Foods", SIPDomain: "harbor.example"}},
		{Kind: e911.KindOrg, Org: id[e911.OrgID](2), ID: string(id[e911.OrgID](2)), Object: e911.Org{ID: id[e911.OrgID](2), Key: "others", Name: "Others"}},
		{Kind: e911.KindSite, Org: org, ID: string(site), Object: e911.Site{ID: site, Org: org, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911, ECBN: deskN}},
		{Kind: e911.KindBuilding, Org: org, ID: string(id[e911.BuildingID](6)), Object: e911.Building{ID: id[e911.BuildingID](6), Org: org, Site: site, Key: "mill", Name: "Mill", Address: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue"}}},
		{Kind: e911.KindLocation, Org: org, ID: string(id[e911.LocationID](7)), Object: e911.Location{ID: id[e911.LocationID](7), Org: org, Building: id[e911.BuildingID](6), Key: "mill-1", Detail: e911.Civic{FLR: "1"}}},
		{Kind: e911.KindDevice, Org: org, ID: string(id[e911.DeviceID](5)), Object: e911.Device{ID: id[e911.DeviceID](5), Org: org, Site: site, Key: "phone", SIP: &e911.SIPAccount{User: "1001", Secret: "a secret that is long", Line: lineA}}},
	}
	for _, t := range trunks {
		c = append(c, snapshot.Change{Kind: e911.KindTrunk, Org: t.Org, ID: string(t.ID), Object: t})
	}
	for i, n := range []e911.Number{elinA, elinB} {
		r := e911.NumberRec{ID: id[e911.NumberID](20 + i), Org: org, Site: site, Number: n, Location: id[e911.LocationID](7), ELIN: true}
		c = append(c, snapshot.Change{Kind: e911.KindNumber, Org: org, ID: string(r.ID), Object: r})
	}
	return c
}

// call is an emergency call by the PBX that was given a number; it is up.
type given struct {
	number e911.Number
	own    e911.Number
	line   e911.Number
	elin   bool
	phone  *registrar.Binding // else by the PBX
}

func (k *kit) emergency(g given) e911.CallID {
	k.t.Helper()
	k.n++
	call := id[e911.CallID](1000 + k.n)
	now := k.clock()
	if g.elin {
		g.number = k.s.Lend(emergency.ELINLoan{
			Org: id[e911.OrgID](1), Call: call, Location: id[e911.LocationID](7), Pool: []e911.Number{elinA, elinB}, Line: g.line, Now: now,
		}).Number
	}
	if g.line == "" {
		g.line = lineA
	}
	req := &sipedge.Request{
		Method: "INVITE", URI: "sip:911@callbox.example", Transport: "udp", Local: netip.MustParseAddrPort("127.0.0.10:5060"),
		Headers: sipedge.Headers{{Name: "From", Value: "<sip:" + string(g.line) + "@pbx>;tag=1"}},
	}
	b := emergency.GivenNumber{
		Org: id[e911.OrgID](1), Call: call, Number: g.number, Request: req, Line: g.line, Own: g.own, Site: id[e911.SiteID](2), Desk: deskN,
		At: now, People: journal.Due{Reason: journal.DueLegOut, Class: e911.ClassEmergency, Who: "Front desk", PSAPLine: psapLine},
	}
	if g.phone != nil {
		req.Source, b.Device = g.phone.Source, g.phone.Device
		req.Headers = append(req.Headers, sipedge.Header{Name: "Contact", Value: "<" + g.phone.Contact + ">"})
	} else {
		b.Trunk, _ = k.holder.Load().Trunk(id[e911.TrunkID](9))
		req.Source = netip.MustParseAddrPort("127.0.0.11:5080")
		req.Headers = append(req.Headers, sipedge.Header{Name: "Contact", Value: "<sip:pbx@127.0.0.11:5082>"})
	}
	k.s.Bind(b)
	return call
}

// over ends an emergency call, as its own facts say it.
func (k *kit) over(call e911.CallID) {
	k.s.End(call, k.clock())
	k.Record(journal.New(journal.CallEnded, k.clock(), id[e911.OrgID](1), call, journal.Ended{By: "psap"}))
}

const (
	pstn   = "127.0.0.21:5060"
	esinet = "127.0.0.22:5060"
)

// back is a call to a number, from an address.
func (k *kit) back(to e911.Number, from string, more ...sipedge.Header) *leg {
	l := &leg{k: k, name: "psap", events: make(chan sipedge.Event, 16), req: &sipedge.Request{
		Method: "INVITE", URI: "sip:" + string(to) + "@callbox.example", Source: netip.MustParseAddrPort(from), Transport: "udp",
		CallID: "back-1", Body: []byte(sdp), ContentType: "application/sdp",
		Headers: slices.Concat(more, sipedge.Headers{{Name: "From", Value: "<sip:6175550000@psap.example>;tag=2"}, {Name: "Max-Forwards", Value: "68"}}),
	}}
	k.run.Go(func() {
		k.s.Serve(k.t.Context(), l)
		k.note("served")
	})
	return l
}

var priority = sipedge.Header{Name: "Priority", Value: "psap-callback"}

// aFlow is a way that is valid; nothing is sent by it.
func aFlow(t *testing.T) sipedge.Flow {
	t.Helper()
	e, err := sipedge.New(sipedge.Config{
		Listen: []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.44.10:0")}},
		Known:  func(sipedge.Source) bool { return false }, Emergency: func(string) bool { return false },
		Handle: func(context.Context, *sipedge.Leg) {}, Alarm: func(sipedge.Alarm) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	f, ok := e.FlowTo(e.Listeners()[0].Addr, netip.MustParseAddrPort("127.0.44.11:5060"))
	if !ok {
		t.Fatal("there is no flow")
	}
	return f
}
