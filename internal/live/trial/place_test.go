package trial

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/sim/psap"
)

// Proves: F-28, E12
func TestATestThatIsAnsweredCarriesWhatA911CallWouldAndNoPriority(t *testing.T) {
	far, err := psap.New(psap.Config{Listen: netip.MustParseAddrPort("127.31.7.22:0")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- far.Run(ctx) }()
	defer func() { stop(); <-done }()
	r := newRig(t, at(far.Addr().String(), ";transport=tcp", func(v *e911.Trunk) { v.Profile = e911.ProfileI3 }))
	report := r.place(Order{})
	if !report.Verdict.OK || report.Kind != calltrace.Through933 || report.Talk < time.Second {
		t.Fatalf("it is not well:\n%s", report.Text())
	}
	got := <-far.Calls()
	if got.From != "+16175550111" || !strings.HasPrefix(got.Invite.URI(), "sip:933@") || !strings.Contains(string(got.PIDFLO), "Massachusetts") {
		t.Errorf("INVITE %s from %s with location %s", got.Invite.URI(), got.From, got.PIDFLO)
	}
	for _, name := range []string{"Resource-Priority", "Priority", "Route"} {
		if v := got.Invite.Get(name); v != "" {
			t.Errorf("a test carries %s: %s", name, v)
		}
	}
	if all := string(got.Invite.Bytes()); strings.Contains(all, "service:sos") {
		t.Errorf("a test names the emergency service:\n%s", all)
	}
	want := "> INVITE\n< 100 Trying\n< 200 OK\n> ACK\n> BYE\n< 200 OK\n"
	if s := strings.ReplaceAll(shape(report), "< 180 Ringing\n", ""); s != want {
		t.Errorf("the ladder:\n%s\nwant:\n%s", s, want)
	}
	if alarms := r.told(); len(alarms) > 0 {
		t.Errorf("a test raised alarms: %v", alarms)
	}
	facts := r.facts.all()
	if len(facts) != 1 || facts[0].Kind != journal.TestPlaced || facts[0].Call != "" {
		t.Fatalf("facts: %s", kindsOf(facts))
	}
	body, err := journal.Decode[journal.PlacedTest](facts[0])
	if err != nil || !body.Answered || body.Code != 200 || body.Kind != string(calltrace.Through933) || body.By != "ann" || body.Trunk.Key != "carrier-a" || body.DurationMS < 1000 {
		t.Errorf("the fact: %+v, %v", body, err)
	}
	if strings.Contains(string(facts[0].Body), "6175550111") {
		t.Errorf("the fact holds the caller's number: %s", facts[0].Body)
	}
}

// Proves: F-28, F-16
func TestATrunkThatTakesNoBodiesIsTriedWithoutThem(t *testing.T) {
	at415 := carrier(t, func(n int, l *sipedge.Leg) {
		if strings.HasPrefix(l.Request().ContentType, "multipart/") {
			_ = l.Reject(415, "Unsupported Media Type", sipedge.Headers{{Name: "Accept", Value: "application/sdp"}})
			return
		}
		takes(l)
	})
	r := newRig(t, at(at415.String(), ";transport=tcp"))
	report := r.place(Order{})
	want := "> INVITE\n< 415 Unsupported Media Type\n> ACK\n> INVITE\n< 180 Ringing\n< 200 OK\n> ACK\n> BYE\n< 200 OK\n"
	if s := strings.ReplaceAll(shape(report), "< 100 Trying\n", ""); s != want {
		t.Errorf("the ladder:\n%s\nwant:\n%s", s, want)
	}
	if v := report.Verdict; !v.OK || !strings.Contains(v.Text, "only without the location body") || !strings.Contains(v.Do[0], "application/sdp") {
		t.Errorf("verdict: %+v", v)
	}
	body, err := journal.Decode[journal.PlacedTest](r.facts.all()[0])
	if err != nil || !body.Slim || !body.Answered {
		t.Errorf("the fact: %+v, %v", body, err)
	}
}

// Proves: F-28, W-32
func TestAChallengeIsAnsweredAndNoSecretIsShown(t *testing.T) {
	asked := make(chan string, 4)
	asking := carrier(t, func(_ int, l *sipedge.Leg) {
		proof := l.Request().Headers.Get("Proxy-Authorization")
		if proof == "" {
			_ = l.Reject(407, "Proxy Authentication Required", sipedge.Headers{{Name: "Proxy-Authenticate", Value: `Digest realm="carrier.example", nonce="abcdef", algorithm=MD5, qop="auth"`}})
			return
		}
		asked <- proof
		takes(l)
	})
	r := newRig(t, at(asking.String(), "", func(v *e911.Trunk) {
		v.Digest = e911.TrunkDigest{User: "callbox-user", Realm: "carrier.example", Secrets: []e911.Secret{"not-to-be-seen"}}
	}))
	report := r.place(Order{})
	if !report.Verdict.OK || !strings.Contains(report.Verdict.Text, "took ours") {
		t.Errorf("verdict: %+v", report.Verdict)
	}
	if proof := <-asked; !strings.Contains(proof, `username="callbox-user"`) {
		t.Errorf("credentials: %s", proof)
	}
	for _, secret := range []string{"callbox-user", "abcdef", "not-to-be-seen"} {
		if strings.Contains(report.Text(), secret) {
			t.Errorf("%s is shown:\n%s", secret, report.Text())
		}
	}
}

// freePort is an address at which nothing listens, by UDP and TCP.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.31.7.23:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Proves: F-28, W-32
func TestWhatIsSaidOfATrunkThatDoesNotAnswer(t *testing.T) {
	silent, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.31.7.24:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	shut, err := net.Listen("tcp", "127.31.7.25:0") // takes connections and ends them
	if err != nil {
		t.Fatal(err)
	}
	defer shut.Close()
	go func() {
		for {
			c, err := shut.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	busy := carrier(t, func(_ int, l *sipedge.Leg) { _ = l.Reject(486, "Busy Here", nil) })
	ringing := carrier(t, func(_ int, l *sipedge.Leg) { _ = l.Provisional(1, 180, "Ringing", sipedge.Message{}) })
	for _, c := range []struct {
		name, at, more string
		fault          calltrace.Fault
		says           string
	}{
		{"nothing listens by TCP nor by UDP", freePort(t), ";transport=tcp", calltrace.NoConnection, "no connection"},
		{"nothing listens by UDP", freePort(t), ";transport=udp", calltrace.NoConnection, "no connection"},
		{"it is silent", silent.LocalAddr().String(), ";transport=udp", calltrace.Silent, "nothing was heard"},
		{"it shakes no hands", shut.Addr().String(), ";transport=tls", calltrace.NoHandshake, "no TLS"},
		{"it is busy", busy.String(), "", "", "486 Busy Here"},
		{"it rings", ringing.String(), "", calltrace.Rings, "it rang and nobody answered"},
		{"no name server answers", "carrier.example", "", "", "no address of it is known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, at(c.at, c.more), func(c *Config) { c.Settle = 200 * time.Millisecond })
			report := r.place(Order{})
			v := report.Verdict
			if v.OK || !strings.Contains(v.Text, c.says) || len(v.Do) == 0 {
				t.Errorf("verdict %+v, want %q", v, c.says)
			}
			var got calltrace.Fault
			if n := len(report.Tries); n > 0 {
				got = report.Tries[n-1].Fault
			}
			if got != c.fault {
				t.Errorf("fault %q, want %q:\n%s", got, c.fault, report.Text())
			}
			facts := r.facts.all()
			if len(facts) != 1 {
				t.Fatalf("facts: %s", kindsOf(facts))
			}
			if body, err := journal.Decode[journal.PlacedTest](facts[0]); err != nil || body.Answered || body.Verdict != v.Text {
				t.Errorf("the fact: %+v, %v", body, err)
			}
		})
	}
}

// Proves: F-28
func TestTheNextTargetIsTried(t *testing.T) {
	good := carrier(t, func(_ int, l *sipedge.Leg) { takes(l) })
	r := newRig(t, at(freePort(t), ";transport=udp", func(v *e911.Trunk) {
		v.Targets = []e911.TrunkTarget{{URI: "sip:psap@" + good.String(), Priority: 5}}
	}))
	report := r.place(Order{})
	if !report.Verdict.OK || len(report.Tries) != 2 || !strings.Contains(report.Text(), "so the next target was tried") {
		t.Errorf("%s", report.Text())
	}
}

// Proves: F-28, RFC 6881 section 15
func TestATestURNLeavesAsOne(t *testing.T) {
	got := make(chan *sipedge.Request, 1)
	far := carrier(t, func(_ int, l *sipedge.Leg) {
		got <- l.Request()
		takes(l)
	})
	r := newRig(t, at(far.String(), "", func(v *e911.Trunk) { v.Marks = []e911.TrunkMark{e911.MarkTestURN} }))
	if report := r.place(Order{URI: "urn:service:test.sos"}); !report.Verdict.OK || report.Kind != calltrace.TestURN {
		t.Errorf("%s", report.Text())
	}
	if req := <-got; req.URI != "urn:service:test.sos" || req.Headers.Get("Resource-Priority") != "" {
		t.Errorf("INVITE %s", req.URI)
	}
	l := r.List()
	if len(l.TestURNs) != 1 || len(l.Others) != 0 || l.Through[0].Last != nil {
		t.Errorf("kinds are mixed: %+v", l)
	}
}

// Proves: E12, E9, F-28
func TestATestTakesNoReservedRoomAndNoEmergencyCallIsTouched(t *testing.T) {
	called := make(chan struct{}, 8)
	far := carrier(t, func(_ int, l *sipedge.Leg) {
		called <- struct{}{}
		takes(l)
	})
	r := newRig(t, at(far.String(), "", func(v *e911.Trunk) { v.Capacity, v.Reserved = 2, 1 }))
	trunk := id[e911.TrunkID](1)
	hungUp := r.keeper.Occupy(trunk) // an emergency call
	_, err := r.Place(t.Context(), Order{Trunk: trunk, Seconds: 1})
	if e911.KindOf(err) != e911.Unavailable || !strings.Contains(err.Error(), "reserved for emergency calls") {
		t.Errorf("a full trunk: %v", err)
	}
	if len(called) > 0 || len(r.facts.all()) > 0 {
		t.Error("something was sent, or recorded as a test")
	}
	hungUp()
	if report := r.place(Order{}); !report.Verdict.OK {
		t.Errorf("%s", report.Text())
	}
	if done, ok := r.keeper.Take(trunk); !ok {
		t.Error("the test that is over still takes room")
	} else {
		done()
	}

	// While a test is up: emergency calls are taken as ever, other tests wait.
	ended := make(chan calltrace.Report, 1)
	<-called
	go func() {
		report, _ := r.Place(context.WithoutCancel(t.Context()), Order{Trunk: trunk, Seconds: 1})
		ended <- report
	}()
	<-called
	one, two, three := r.keeper.Occupy(trunk), r.keeper.Occupy(trunk), r.keeper.Occupy(trunk)
	if _, err := r.Place(t.Context(), Order{Trunk: trunk}); e911.KindOf(err) != e911.Conflict {
		t.Errorf("two tests of a trunk at a time: %v", err)
	}
	if report := <-ended; !report.Verdict.OK {
		t.Errorf("%s", report.Text())
	}
	one()
	two()
	three()
}

// Proves: E12, F-28
func TestTestsAreLimited(t *testing.T) {
	far := carrier(t, func(_ int, l *sipedge.Leg) { _ = l.Reject(404, "Not Found", nil) })
	r := newRig(t, at(far.String(), ""), func(c *Config) { c.PerTrunk, c.Window = 2, time.Minute })
	for range 2 {
		r.place(Order{})
	}
	_, err := r.Place(t.Context(), Order{Trunk: id[e911.TrunkID](1)})
	if e911.KindOf(err) != e911.Unavailable || !strings.Contains(err.Error(), "2 times in 1m0s") {
		t.Errorf("the third in a minute: %v", err)
	}
	r.later.Add(int64(time.Minute))
	r.place(Order{})
	for name, o := range map[string]Order{
		"a trunk that there is not": {Trunk: id[e911.TrunkID](9)},
		"a talk without end":        {Trunk: id[e911.TrunkID](1), Seconds: 61},
		"911":                       {Trunk: id[e911.TrunkID](1), Number: "911"},
	} {
		if _, err := r.Place(t.Context(), o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if n := len(r.facts.all()); n != 3 {
		t.Errorf("%d facts, want one of each test that was made", n)
	}
}

// Proves: F-28
func TestATestThatIsStoppedHangsUp(t *testing.T) {
	up, over := make(chan struct{}), make(chan struct{})
	far := carrier(t, func(_ int, l *sipedge.Leg) {
		takes(l)
		close(up)
		for ev := range l.Events() {
			if ev.Kind == sipedge.ByeReceived || ev.Kind == sipedge.Cancelled {
				close(over)
			}
		}
	})
	r := newRig(t, at(far.String(), ""))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.Place(ctx, Order{Trunk: id[e911.TrunkID](1), Seconds: 60})
		ended <- err
	}()
	limit := time.After(10 * time.Second)
	<-up
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-limit:
		t.Fatal("the test goes on after its end")
	}
	select {
	case <-over:
	case <-limit:
		t.Fatal("the carrier was left on the line")
	}
	if facts := r.facts.all(); len(facts) != 1 {
		t.Errorf("a test that was stopped left %d facts", len(facts))
	}
}

// Proves: F-28
func TestATestWithoutAPlaceSaysSo(t *testing.T) {
	far := carrier(t, func(_ int, l *sipedge.Leg) { _ = l.Reject(486, "Busy Here", nil) })
	r := newRig(t, at(far.String(), ""))
	report, err := r.Place(t.Context(), Order{Trunk: id[e911.TrunkID](1)})
	if err != nil || !strings.Contains(report.Text(), "no location goes with it") || strings.Contains(report.Text(), "pidf") {
		t.Errorf("%v\n%s", err, report.Text())
	}
}

// Proves: F-28
func TestOptionsAskWhetherATrunkIsThere(t *testing.T) {
	far := carrier(t, func(_ int, l *sipedge.Leg) { takes(l) })
	r := newRig(t, at(far.String(), ""))
	report := r.place(Order{Options: true})
	if !report.Verdict.OK || report.Kind != calltrace.Options || !strings.Contains(report.Text(), "OPTIONS") {
		t.Errorf("%s", report.Text())
	}
	dead := newRig(t, at(freePort(t), ";transport=tcp"))
	if report := dead.place(Order{Options: true}); report.Verdict.OK || !strings.Contains(report.Verdict.Text, "no connection") {
		t.Errorf("%s", report.Text())
	}
	if n := len(r.facts.all()) + len(dead.facts.all()); n > 0 {
		t.Errorf("%d facts of OPTIONS", n)
	}
}

// chatty goes on tracing after it has answered.
type chatty struct{ over chan struct{} }

func (c chatty) Request(_ context.Context, o sipedge.Outgoing) (sipedge.Response, error) {
	begun := make(chan struct{})
	go func() {
		defer close(c.over)
		tick := time.NewTicker(100 * time.Microsecond)
		defer tick.Stop()
		for i := range 200 {
			o.Trace(sipedge.Traced{At: time.Now(), What: sipedge.TraceMessage, Code: 200})
			if i == 10 {
				close(begun)
			}
			<-tick.C
		}
	}()
	<-begun
	return sipedge.Response{Code: 200}, nil
}

// A repetition that is traced when the test is over is no part of its report; only
// the race detector sees whether it is.
//
// Proves: F-28
func TestWhatIsTracedLateIsNoPartOfTheReport(t *testing.T) {
	c := chatty{make(chan struct{})}
	r := newRig(t, at("127.31.7.21:5060", ""), func(cfg *Config) { cfg.Ask = c })
	report := r.place(Order{Options: true})
	text := report.Text()
	<-c.over
	if again := report.Text(); again != text {
		t.Errorf("the report changed:\n%s\n%s", text, again)
	}
}
