package callback

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callbackflow"
	"github.com/callbox911/callbox/internal/rules/elinpool"
	"github.com/callbox911/callbox/internal/seal"
)

// others are the other nodes, as one node knows them.
type others struct {
	ask   func(n e911.Number) bool
	ways  map[string]netip.AddrPort
	asked int
}

func (o *others) Ask(_ context.Context, n e911.Number) bool {
	o.asked++
	return o.ask != nil && o.ask(n)
}

func (o *others) Way(node string) (netip.AddrPort, string, bool) {
	a, ok := o.ways[node]
	return a, "tcp", ok
}

// newNode is a kit of a node among others.
func newNode(t *testing.T, key byte, share elinpool.Node, change ...func(*Config)) (*kit, *others) {
	t.Helper()
	k, o := newKit(t), &others{ways: map[string]netip.AddrPort{}}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: bytes.Repeat([]byte{key}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Snapshot: k.holder, Journal: k, Dial: k.dial, Phones: k.phones, Domain: "callbox.example", Now: k.clock, Nodes: o, Ring: ring, Node: share,
		Policy: callbackflow.Policy{Next: time.Hour, Silent: time.Hour, GiveUp: time.Hour},
	}
	for _, f := range change {
		f(&cfg)
	}
	if k.s, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return k, o
}

// tells gives all that a node's journal has to another one.
func (k *kit) tells(name string, to *kit) {
	k.t.Helper()
	k.mu.Lock()
	facts := slices.Clone(k.facts)
	k.mu.Unlock()
	for _, f := range facts {
		if err := to.s.Hear(name, f); err != nil {
			k.t.Fatal(err)
		}
	}
}

// The PBX calls 911 at A; the PSAP calls back at B, which was told, and rings the
// PBX itself. What is told twice, or in another order, changes nothing.
//
// Proves: F-07, F-08, F-12
func TestACallBackAtAnotherNodeRingsTheCaller(t *testing.T) {
	a, _ := newNode(t, 1, elinpool.Node{Of: 2})
	b, _ := newNode(t, 1, elinpool.Node{Index: 1, Of: 2})
	call := a.emergency(given{elin: true})
	a.tells("a", b)
	if n := len(b.s.table.held(elinA, b.clock())); n != 1 {
		t.Fatalf("b knows %d calls by the number", n)
	}
	a.over(call)
	b.pass(time.Minute)
	for range 2 {
		a.tells("a", b)
	}
	held := b.s.table.held(elinA, b.clock())
	if len(held) != 1 || !held[0].ended.Equal(noon) || held[0].node != "a" {
		t.Fatalf("b knows %+v", held)
	}
	psap := b.back(elinA, pstn)
	b.await("dial sip:+16175550111@127.0.0.11:5082")
	b.leg(1).happens(sipedge.Answered, 200)
	b.await("psap answered by 1 with true")
	psap.happens(sipedge.ByeReceived, 0)
	b.await("served")
	b.pass(4 * time.Hour)
	if len(b.s.table.held(elinA, b.clock())) != 0 {
		t.Error("the window does not end")
	}
}

// B does not know the number: it asks, learns, and rings.
//
// Proves: F-08
func TestANumberThatNobodyHereKnowsIsAskedOfTheOtherNodes(t *testing.T) {
	a, _ := newNode(t, 1, elinpool.Node{Of: 2})
	b, others := newNode(t, 1, elinpool.Node{Index: 1, Of: 2})
	a.emergency(given{elin: true})
	others.ask = func(n e911.Number) bool {
		for _, f := range a.s.Held(n) {
			if err := b.s.Hear("a", f); err != nil {
				t.Error(err)
			}
		}
		return len(a.s.Held(n)) > 0
	}
	psap := b.back(elinA, pstn)
	b.await("dial sip:+16175550111@127.0.0.11:5082")
	psap.happens(sipedge.Cancelled, 0)
	b.await("served")
	if others.asked != 1 {
		t.Errorf("the others were asked %d times", others.asked)
	}
	// What is known here is asked of nobody.
	psap = b.back(elinA, pstn)
	b.await("dial sip:+16175550111@127.0.0.11:5082")
	psap.happens(sipedge.Cancelled, 0)
	b.run.Wait()
	if others.asked != 1 {
		t.Errorf("the others were asked %d times", others.asked)
	}
	// Nobody knows another one: it goes its usual way, the security desk's.
	b.back(elinB, pstn)
	b.await("dial sip:+16175550100@127.0.0.11:5060;transport=tcp")
	b.leg(3).happens(sipedge.Failed, 486)
	b.run.Wait()
	if others.asked != 2 {
		t.Errorf("the others were asked %d times", others.asked)
	}
}

// telephone is one that is registered at a node.
func telephone(t *testing.T) *registrar.Binding {
	t.Helper()
	return &registrar.Binding{
		Org: id[e911.OrgID](1), Device: id[e911.DeviceID](5), User: "1001", Contact: "sip:1001@127.0.44.11:5060", Instance: "<urn:uuid:1>",
		Source: netip.MustParseAddrPort("127.0.44.11:5060"), Flow: aFlow(t),
	}
}

// The telephone is registered at A alone: B lets A ring it, and does the rest
// itself. A rings nobody else, tells nobody, and asks nobody.
//
// Proves: F-07, F-08, W-54
func TestTheTelephoneIsRungByTheNodeWhereItIsRegistered(t *testing.T) {
	a, _ := newNode(t, 1, elinpool.Node{Of: 2})
	phone := telephone(t)
	a.phones.list = []registrar.Binding{*phone}
	b, others := newNode(t, 1, elinpool.Node{Index: 1, Of: 2})
	others.ways["a"] = netip.MustParseAddrPort("127.0.44.1:5060")
	a.emergency(given{elin: true, phone: phone, own: mobile})
	a.tells("a", b)

	psap := b.back(elinA, pstn)
	b.await("dial sip:" + string(elinA) + "@127.0.44.1:5060;transport=tcp")
	sent := b.leg(1).invite
	if v := headerOf(sent, "Priority"); v != "psap-callback" {
		t.Errorf("Priority %q", v)
	}
	if strings.Contains(headerOf(sent, headerForward), "Front desk") || len(headerOf(sent, headerForward)) < 50 {
		t.Errorf("%s: %q", headerForward, headerOf(sent, headerForward))
	}

	came := a.forwardedBy(sent, elinA)
	a.await("dial " + phone.Contact)
	if n := a.kinds(journal.NotifyDue); n != 0 {
		t.Errorf("%d notices at a", n)
	}
	a.leg(1).happens(sipedge.Answered, 200)
	a.await("node answered by 1 with true")
	b.leg(1).happens(sipedge.Answered, 200)
	b.await("psap answered by 1 with true")
	came.happens(sipedge.ByeReceived, 0)
	psap.happens(sipedge.ByeReceived, 0)
	a.await("served")
	b.await("served")
	if n := b.kinds(journal.NotifyDue); n != 1 {
		t.Errorf("%d notices at b, want 1", n)
	}
}

func headerOf(in sipedge.Invite, name string) string { return in.Headers.Get(name) }

// forwardedBy is the INVITE of another node.
func (k *kit) forwardedBy(in sipedge.Invite, to e911.Number) *leg {
	l := &leg{k: k, name: "node", events: make(chan sipedge.Event, 16), req: &sipedge.Request{
		Method: "INVITE", URI: "sip:" + string(to) + "@127.0.44.1", Source: netip.MustParseAddrPort("127.0.44.2:5060"), Transport: "tcp",
		CallID: "forward-1", Body: in.Body, ContentType: in.ContentType, Headers: slices.Concat(in.Headers, sipedge.Headers{{Name: "From", Value: in.From}}),
	}}
	k.run.Go(func() {
		k.s.Serve(k.t.Context(), l)
		k.note("served")
	})
	return l
}

// What a node is told to ring is sealed: without the master key, for another
// number, or later, it is an INVITE of a stranger. A node that cannot reach the
// telephone says so, and asks no further one.
//
// Proves: F-08, F-10
func TestAForgedForwardRingsNobody(t *testing.T) {
	a, _ := newNode(t, 1, elinpool.Node{Of: 2})
	phone := telephone(t)
	b, others := newNode(t, 1, elinpool.Node{Index: 1, Of: 2})
	others.ways["a"] = netip.MustParseAddrPort("127.0.44.1:5060")
	a.emergency(given{elin: true, phone: phone})
	a.tells("a", b)
	psap := b.back(elinA, pstn)
	b.await("dial sip:" + string(elinA) + "@127.0.44.1:5060;transport=tcp")
	sent := b.leg(1).invite
	psap.happens(sipedge.Cancelled, 0)
	b.await("served")

	for name, c := range map[string]struct {
		key   byte
		to    e911.Number
		later time.Duration
		want  string
	}{
		"another key":                      {2, elinA, 0, "node refused 404"},
		"another number":                   {1, elinB, 0, "node refused 404"},
		"an old one":                       {1, elinA, time.Hour, "node refused 404"},
		"a telephone that is not here now": {1, elinA, 0, "node refused 503"},
	} {
		t.Run(name, func(t *testing.T) {
			x, at := newNode(t, c.key, elinpool.Node{Of: 2})
			at.ways["c"] = netip.MustParseAddrPort("127.0.44.3:5060")
			x.pass(c.later)
			x.forwardedBy(sent, c.to)
			x.await(c.want)
			x.run.Wait()
			if at.asked != 0 || len(x.legs) != 0 {
				t.Errorf("%d others were asked, %d legs dialled", at.asked, len(x.legs))
			}
		})
	}
}

// A is gone. The telephone registered again, at B or at C, or is reached where it
// was by UDP.
//
// Proves: F-07, E6
func TestTheTelephoneIsFoundWhenItsNodeIsGone(t *testing.T) {
	phone := telephone(t)
	for name, c := range map[string]struct {
		here      bool
		elsewhere []string
		want      string
	}{
		"it registered here":                  {true, nil, "dial " + phone.Contact},
		"it registered at a third node":       {false, []string{"a", "c"}, "dial sip:" + string(elinA) + "@127.0.44.3:5060;transport=tcp"},
		"it has not yet: where it called was": {false, nil, "dial " + phone.Contact},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := newNode(t, 1, elinpool.Node{Of: 3})
			a.phones.list = []registrar.Binding{*phone}
			b, others := newNode(t, 1, elinpool.Node{Index: 1, Of: 3}, func(cfg *Config) {
				cfg.Elsewhere = func(e911.OrgID, string) []string { return c.elsewhere }
			})
			others.ways["c"] = netip.MustParseAddrPort("127.0.44.3:5060")
			a.emergency(given{elin: true, phone: phone})
			a.tells("a", b)
			if c.here {
				b.phones.list = []registrar.Binding{*phone}
			}
			psap := b.back(elinA, pstn)
			b.await(c.want)
			in := b.leg(1).invite
			if !c.here && c.elsewhere == nil && (in.Dest != phone.Source || in.Transport != "udp" || in.Flow.Valid()) {
				t.Errorf("dialled %s by %s", in.Dest, in.Transport)
			}
			psap.happens(sipedge.Cancelled, 0)
			b.run.Wait()
		})
	}
}

// Two nodes lent one ELIN at once, for they did not agree on who they are: both
// calls are marked on both nodes, people are told, and a call back rings both. It
// ends with that: the nodes do not tell each other for ever.
//
// Proves: F-08
func TestAnELINThatTwoNodesLentIsShared(t *testing.T) {
	a, _ := newNode(t, 1, elinpool.Node{})
	b, _ := newNode(t, 1, elinpool.Node{})
	a.emergency(given{elin: true})
	b.n = 100
	b.emergency(given{elin: true, line: "+16175550112"})
	for range 3 {
		a.tells("a", b)
		b.tells("b", a)
	}
	for _, k := range []*kit{a, b} {
		held := k.s.table.held(elinA, k.clock())
		if len(held) != 2 || !held[0].given.Crowded || !held[1].given.Crowded {
			t.Errorf("known: %+v", held)
		}
		if n := k.kinds(journal.AlarmRaised); n != 1 {
			t.Errorf("%d alarms", n)
		}
		if n := k.kinds(journal.CallbackBound); n > 3 {
			t.Errorf("%d facts of one number", n)
		}
	}
	psap := a.back(elinA, pstn)
	a.await("dial sip:+16175550111@127.0.0.11:5082")
	a.await("dial sip:+16175550112@127.0.0.11:5082")
	psap.happens(sipedge.Cancelled, 0)
	a.run.Wait()
}

// What other nodes lent is not lent here, and when all is, the shared one is
// marked at the node that has its call.
//
// Proves: F-08
func TestALentELINIsNotLentByAnotherNode(t *testing.T) {
	a, _ := newNode(t, 1, elinpool.Node{})
	b, _ := newNode(t, 1, elinpool.Node{})
	a.emergency(given{elin: true})
	a.tells("a", b)
	b.n = 100
	b.emergency(given{elin: true, line: "+16175550112"})
	if len(b.s.table.held(elinB, b.clock())) != 1 {
		t.Fatal("the ELIN that is free is not lent")
	}
	b.emergency(given{elin: true, line: "+16175550113"})
	if held := b.s.table.held(elinB, b.clock()); len(held) != 2 {
		t.Errorf("%d calls share the node's own number", len(held))
	}
	// Its own is used up too, and the oldest call's is another node's.
	b.s.End(id[e911.CallID](1101), b.clock())
	c, _ := newNode(t, 1, elinpool.Node{})
	a.tells("a", c)
	c.n = 200
	got := c.s.Lend(emergency.ELINLoan{Org: id[e911.OrgID](1), Call: id[e911.CallID](1300), Location: id[e911.LocationID](7), Pool: []e911.Number{elinA}, Now: c.clock()})
	if got.Number != elinA || !got.Shared {
		t.Fatalf("lent %+v", got)
	}
	c.tells("c", a)
	if held := a.s.table.held(elinA, a.clock()); len(held) != 1 || !held[0].given.Crowded || held[0].node != "" {
		t.Errorf("a knows %+v", held)
	}
}

// A node cannot end another one's calls, nor make it remember more than its share;
// a call of a node that is gone for good counts for a day.
//
// Proves: F-08, issue 6 (bounded tables)
func TestWhatOtherNodesTellIsBounded(t *testing.T) {
	k, _ := newNode(t, 1, elinpool.Node{}, func(c *Config) { c.Bound = 64 })
	own := k.emergency(given{elin: true})
	org := id[e911.OrgID](1)
	if err := k.s.Hear("b", journal.New(journal.CallEnded, noon, org, own, journal.Ended{})); err != nil {
		t.Fatal(err)
	}
	if b, _ := k.s.table.of(own, elinA); !b.ended.IsZero() {
		t.Error("another node ended the call")
	}
	for i := range 5000 {
		f := journal.New(journal.CallbackBound, noon, org, id[e911.CallID](10_000+i), journal.Given{Number: elinB, Kind: journal.NumberShared, Minutes: 1 << 30})
		if err := k.s.Hear("b", f); err != nil {
			t.Fatal(err)
		}
		if n := k.s.table.size(); n > 64 {
			t.Fatalf("%d numbers are remembered", n)
		}
	}
	if len(k.s.table.held(elinA, k.clock())) != 1 {
		t.Error("a flood cost a call of this node its number")
	}
	k.pass(longestLive)
	if n := len(k.s.table.held(elinB, k.clock())); n != 0 {
		t.Errorf("%d calls of a node that is gone count as up", n)
	}
	if len(k.s.table.held(elinA, k.clock())) != 1 {
		t.Error("a live call of this node expired")
	}
	if err := k.s.Hear("b", journal.New(journal.CallbackBound, noon, org, "", journal.Given{})); err == nil {
		t.Error("a number of no call is taken")
	}
}

// The PBX has a connection to A alone, perhaps: A is asked before B tries by
// itself. Nobody but the telephone is rung by A.
//
// Proves: F-08, W-54
func TestAPlatformIsReachedByTheNodeThatHadItsCall(t *testing.T) {
	a, _ := newNode(t, 1, elinpool.Node{Of: 2})
	b, others := newNode(t, 1, elinpool.Node{Index: 1, Of: 2})
	others.ways["a"] = netip.MustParseAddrPort("127.0.44.1:5060")
	a.emergency(given{number: deskN, own: mobile})
	a.tells("a", b)
	psap := b.back(deskN, esinet, priority)
	b.await("dial sip:" + string(deskN) + "@127.0.44.1:5060;transport=tcp")
	b.leg(1).happens(sipedge.Failed, 503)
	b.await("dial sip:+16175550111@127.0.0.11:5082")
	b.leg(2).happens(sipedge.Failed, 486)
	b.await("dial sip:+16175550177@127.0.0.31:5060")
	psap.happens(sipedge.Cancelled, 0)
	b.run.Wait()
	for i, l := range b.legs {
		if has := headerOf(l.invite, headerForward) != ""; has != (i == 0) {
			t.Errorf("leg %d to %s is forwarded: %t", i+1, l.invite.URI, has)
		}
	}
}
