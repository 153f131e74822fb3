package trunk_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/resolve"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/trunk"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/trunkstate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// neighbours answer requests by what is said of their address.
type neighbours struct {
	mu    sync.Mutex
	says  map[string]func(sipedge.Outgoing) (sipedge.Response, error) // by "tcp:127.0.0.1:5060"
	asked []sipedge.Outgoing
}

func (n *neighbours) Request(_ context.Context, o sipedge.Outgoing) (sipedge.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, o)
	if f := n.says[o.Transport+":"+o.Dest.String()]; f != nil {
		return f(o)
	}
	return sipedge.Response{}, errors.New("connection refused")
}

func (n *neighbours) set(at string, f func(sipedge.Outgoing) (sipedge.Response, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.says[at] = f
}

func (n *neighbours) count(method string) (c int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range n.asked {
		if o.Method == method {
			c++
		}
	}
	return c
}

func says(code int, h ...sipedge.Header) func(sipedge.Outgoing) (sipedge.Response, error) {
	return func(sipedge.Outgoing) (sipedge.Response, error) {
		return sipedge.Response{Code: code, Message: sipedge.Message{Headers: h}}, nil
	}
}

// zone is a name server that can be switched off.
type zone struct {
	dead bool
	srv  []resolve.SRV
}

var errDead = errors.New("name server does not answer")

func (z *zone) NAPTR(context.Context, string) ([]resolve.NAPTR, time.Duration, error) {
	if z.dead {
		return nil, 0, errDead
	}
	return nil, 0, resolve.ErrNoName
}

func (z *zone) SRV(_ context.Context, name string) ([]resolve.SRV, time.Duration, error) {
	switch {
	case z.dead:
		return nil, 0, errDead
	case name == "_sip._tcp.carrier.example":
		return z.srv, time.Minute, nil
	}
	return nil, 0, resolve.ErrNoName
}

func (z *zone) Addresses(_ context.Context, name string) ([]netip.Addr, time.Duration, error) {
	at := map[string]string{"a.carrier.example": "127.0.0.31", "b.carrier.example": "127.0.0.32"}[name]
	switch {
	case z.dead:
		return nil, 0, errDead
	case at == "":
		return nil, 0, resolve.ErrNoName
	}
	return []netip.Addr{netip.MustParseAddr(at)}, time.Minute, nil
}

type bench struct {
	*trunk.Keeper
	t      *testing.T
	now    time.Time
	holder *snapshot.Holder
	names  *resolve.Resolver
	peers  *neighbours
	alarms []string
	told   []string // "down" or "up", of the only trunk
}

func newBench(t *testing.T, z *zone, trunks ...e911.Trunk) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), holder: &snapshot.Holder{}, peers: &neighbours{says: map[string]func(sipedge.Outgoing) (sipedge.Response, error){}}}
	clock := func() time.Time { return b.now }
	var changes []snapshot.Change
	for _, v := range trunks {
		changes = append(changes, snapshot.Change{Kind: e911.KindTrunk, ID: string(v.ID), Object: v})
	}
	world, err := snapshot.Build(changes, b.now)
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	b.holder.Store(world)
	if b.names, err = resolve.New(resolve.Config{DNS: z, Now: clock}); err != nil {
		t.Fatal(err)
	}
	b.Keeper, err = trunk.New(trunk.Config{
		Snapshot: b.holder, Names: b.names, Ask: b.peers, Domain: "callbox.example", Now: clock, Rand: func(int) int { return 0 },
		Alarm: func(_ e911.OrgID, a journal.Alarm) { b.alarms = append(b.alarms, a.Code) },
		Told: func(_ e911.TrunkID, down bool, at time.Time) {
			if !at.Equal(b.now) {
				t.Errorf("told of %s at %s", at, b.now)
			}
			b.told = append(b.told, map[bool]string{true: "down", false: "up"}[down])
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pass lets time pass, second by second, with all that is due then.
func (b *bench) pass(d time.Duration) {
	for range int(d / time.Second) {
		b.Tick(b.t.Context())
		b.Wait()
		b.now = b.now.Add(time.Second)
	}
}

func (b *bench) order(v e911.Trunk) (out []string) {
	for _, to := range b.Targets(v) {
		s := to.Transport + ":" + to.Addr.String()
		if to.Down {
			s += " down"
		}
		out = append(out, s)
	}
	return out
}

func carrier(to string) e911.Trunk {
	return e911.Trunk{ID: "t1", Key: "carrier", Side: e911.SideCarrier, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: to}
}

// A trunk by a name fails over to the second server of its SRV records, comes
// back after three good answers, and keeps its addresses when DNS is dead.
// Proves: F-03, F-16, W-43, RFC 3263 section 4.3
func TestFailOverBySRVAndBack(t *testing.T) {
	z := &zone{srv: []resolve.SRV{{Priority: 1, Weight: 1, Port: 5071, Target: "a.carrier.example"}, {Priority: 2, Weight: 1, Port: 5071, Target: "b.carrier.example"}}}
	v := carrier("sip:psap@carrier.example")
	b := newBench(t, z, v)
	if got := b.order(v); len(got) != 0 {
		t.Errorf("before the name servers answered: %v", got)
	}
	b.names.Refresh(t.Context())
	const first, second = "tcp:127.0.0.31:5071", "tcp:127.0.0.32:5071"
	b.peers.set(first, says(200, sipedge.Header{Name: "Accept", Value: "application/sdp, application/pidf+xml;q=1"}))
	b.peers.set(second, says(405)) // any answer shows life
	b.pass(2 * time.Second)
	if got := b.order(v); !slices.Equal(got, []string{first, second}) {
		t.Fatalf("order = %v", got)
	}
	if s := b.List()[0]; s.State != trunkstate.Up || !slices.Equal(s.Targets[0].Probe.Accept, []string{"application/sdp", "application/pidf+xml"}) {
		t.Errorf("status = %+v", s)
	}
	b.peers.set(first, nil)
	b.pass(31 * time.Second) // one miss
	if got := b.order(v); !slices.Equal(got, []string{first, second}) {
		t.Errorf("one miss changed the order: %v", got)
	}
	b.pass(11 * time.Second) // the second, ten seconds later
	if got := b.order(v); !slices.Equal(got, []string{second, first + " down"}) {
		t.Errorf("order = %v", got)
	}
	z.dead = true
	b.now = b.now.Add(time.Hour)
	b.names.Refresh(t.Context())
	if got := b.order(v); !slices.Equal(got, []string{second, first + " down"}) {
		t.Errorf("with dead name servers the order is %v", got)
	}
	b.peers.set(first, says(200))
	b.pass(22 * time.Second) // three answers: at once, and after 10 and 20 s
	if got := b.order(v); !slices.Equal(got, []string{first, second}) {
		t.Errorf("after it came back the order is %v", got)
	}
	if want := []string{trunk.AlarmDegraded, trunk.AlarmUp}; !slices.Equal(b.alarms, want) {
		t.Errorf("alarms = %v, want %v", b.alarms, want)
	}
	if !slices.Equal(b.told, []string{"up"}) {
		t.Errorf("a trunk that goes on without one target is told as %v", b.told)
	}
}

// Outages are counted from what is told: a trunk is down when nothing on it answers, and
// it is told once, at that time, and when something answers again.
//
// Proves: F-39
func TestATrunkIsToldAsDownOnce(t *testing.T) {
	z := &zone{srv: []resolve.SRV{{Target: "a.carrier.example", Port: 5071, Priority: 1}}}
	v := carrier("sip:psap@carrier.example")
	b := newBench(t, z, v)
	b.Targets(v) // so that its name is asked for
	b.names.Refresh(t.Context())
	const at = "tcp:127.0.0.31:5071"
	b.peers.set(at, says(200))
	b.pass(2 * time.Second)
	b.peers.set(at, nil)
	b.pass(3 * time.Minute)
	b.peers.set(at, says(200))
	b.pass(3 * time.Minute)
	if !slices.Equal(b.told, []string{"up", "down", "up"}) {
		t.Errorf("told %v; alarms %v", b.told, b.alarms)
	}
}

// Proves: F-03, F-16
func TestACallsOwnExperienceCounts(t *testing.T) {
	v := carrier("sip:psap@127.0.0.31:5071")
	v.Probe.Off = true
	b := newBench(t, &zone{}, v)
	to := b.Targets(v)[0]
	b.Silent(v.ID, to)
	if got := b.Targets(v); !got[0].Down {
		t.Error("a silent target is not skipped")
	}
	b.Heard(v.ID, to)
	if got := b.Targets(v); got[0].Down {
		t.Error("a target that answered a call is skipped")
	}
	b.pass(time.Minute)
	if n := b.peers.count("OPTIONS"); n != 0 {
		t.Errorf("%d probes of a trunk that is not probed", n)
	}
}

// Where TCP is refused and UDP answers, calls go by UDP at once.
// Proves: F-16
func TestATargetWithoutTCP(t *testing.T) {
	v := carrier("sip:psap@127.0.0.31:5071")
	b := newBench(t, &zone{}, v)
	b.peers.set("udp:127.0.0.31:5071", says(200))
	b.pass(2 * time.Second)
	if got := b.order(v); !slices.Equal(got, []string{"udp:127.0.0.31:5071"}) {
		t.Errorf("order = %v", got)
	}
}

// Proves: E1, E9
func TestRoomForEmergencyCalls(t *testing.T) {
	v := carrier("sip:psap@127.0.0.31:5071")
	v.Capacity, v.Reserved = 3, 2
	b := newBench(t, &zone{}, v)
	done, ok := b.Take(v.ID)
	if !ok {
		t.Fatal("the one call that is not reserved for emergency is refused")
	}
	if _, ok := b.Take(v.ID); ok {
		t.Error("an ordinary call took reserved room")
	}
	var ends []func()
	for range 4 { // more than there is: they are tried all the same
		ends = append(ends, b.Occupy(v.ID))
	}
	if got := b.Targets(v); len(got) != 1 || !got[0].Down {
		t.Error("a full trunk is not tried last")
	}
	for _, end := range append(ends, done) {
		end()
		end() // once is enough
	}
	if s := b.List()[0]; s.Emergency != 0 || s.Other != 0 {
		t.Errorf("after the calls: %+v", s)
	}
}

// Proves: C-71, RFC 3261 sections 10 and 22
func TestRegistration(t *testing.T) {
	v := carrier("sip:psap@127.0.0.31:5071")
	v.Probe.Off = true
	v.Digest = e911.TrunkDigest{User: "callbox", Secrets: []e911.Secret{"of the carrier"}}
	v.Register = e911.TrunkRegistration{Registrar: "sip:127.0.0.31:5071", AOR: "sip:callbox@carrier.example", Expires: 100 * time.Second}
	b := newBench(t, &zone{}, v)
	challenge := sipedge.Header{Name: "WWW-Authenticate", Value: `Digest realm="carrier", nonce="abc", algorithm=SHA-256, qop="auth"`}
	registrar := func(o sipedge.Outgoing) (sipedge.Response, error) {
		p := digest.Params(strings.TrimPrefix(o.Message.Headers.Get("Authorization"), "Digest "))
		if p["username"] != "callbox" || p["nonce"] != "abc" {
			return says(401, challenge)(o)
		}
		return says(200, sipedge.Header{Name: "Contact", Value: "<sip:callbox@127.0.0.1>;expires=60"})(o)
	}
	b.peers.set("udp:127.0.0.31:5071", registrar)
	b.pass(2 * time.Second)
	s := b.List()[0].Registered
	if s == nil || s.Until.IsZero() || s.Fault != "" || b.peers.count("REGISTER") != 2 {
		t.Fatalf("registration = %+v after %d requests", s, b.peers.count("REGISTER"))
	}
	b.pass(31 * time.Second) // half of what was granted
	if n := b.peers.count("REGISTER"); n != 4 {
		t.Errorf("%d requests, want the second registration after 30 s", n)
	}
	b.peers.set("udp:127.0.0.31:5071", says(403))
	b.pass(60 * time.Second)
	if s := b.List()[0].Registered; !strings.Contains(s.Fault, "403") || !slices.Equal(b.alarms, []string{trunk.AlarmRefused}) {
		t.Errorf("registration = %+v, alarms %v; want one alarm", s, b.alarms)
	}
	if n := b.peers.count("REGISTER"); n > 9 {
		t.Errorf("%d requests: a registrar that refuses is left alone for longer each time", n)
	}
	auth := b.Authorize(v.ID)
	h := auth(sipedge.Challenge{Method: "INVITE", URI: v.To, Code: 407, Headers: sipedge.Headers{{Name: "Proxy-Authenticate", Value: challenge.Value}}})
	if len(h) != 1 || h[0].Name != "Proxy-Authorization" || !strings.Contains(h[0].Value, `username="callbox"`) {
		t.Errorf("answer to a challenge of an INVITE = %v", h)
	}
}

// Proves: F-03
func TestTargetsBesideTheFirst(t *testing.T) {
	v := carrier("sip:psap@127.0.0.31:5071;transport=udp")
	v.Targets = []e911.TrunkTarget{{URI: "sips:127.0.0.33", Priority: 2}, {URI: "sip:127.0.0.32;transport=tcp", Priority: 1}}
	b := newBench(t, &zone{}, v)
	want := []ladder.Target{
		{URI: v.To, Addr: netip.MustParseAddrPort("127.0.0.31:5071"), Transport: "udp"},
		{URI: "sip:psap@127.0.0.32;transport=tcp", Addr: netip.MustParseAddrPort("127.0.0.32:5060"), Transport: "tcp"},
		{URI: "sips:psap@127.0.0.33", Addr: netip.MustParseAddrPort("127.0.0.33:5061"), Transport: "tls", ServerName: "127.0.0.33"},
	}
	if got := b.Targets(v); !slices.Equal(got, want) {
		t.Errorf("targets = %+v", got)
	}
}

// Proves: F-16, E10 (what OPTIONS says, and what calls saw, decides which INVITE goes first)
func TestATrunkRemembersWhatItTook(t *testing.T) {
	v := carrier("sip:psap@127.0.0.31:5071;transport=tcp")
	b := newBench(t, &zone{}, v)
	b.names.Refresh(t.Context())
	const at = "tcp:127.0.0.31:5071"
	b.peers.set(at, says(200, sipedge.Header{Name: "Accept", Value: "application/sdp"}))
	b.pass(time.Second)
	to := b.Targets(v)[0]
	first := func(when string, want bool) {
		t.Helper()
		if why, slim := b.Slim(v.ID, to); slim != want || slim == (why == "") {
			t.Errorf("%s: slim first %v, why %q, want %v", when, slim, why, want)
		}
	}
	first("after one answer without the bodies", false)
	b.pass(40 * time.Second)
	first("after two", true)
	b.Took(v.ID, to, false)
	first("a call took the full one all the same", false)
	b.Took(v.ID, to, true)
	first("a call was refused it", true)
	if s := b.List()[0].Targets[0]; !strings.Contains(s.Slim, "refused") || s.SlimUntil.IsZero() {
		t.Errorf("people are not told: %+v", s)
	}
	b.pass(time.Hour)
	first("an hour later", false)
}

// Proves: E1, E9, W-43 (beyond the capacity emergency calls go on, with one alarm)
func TestBeyondTheCapacityAnAlarmAndNoRefusal(t *testing.T) {
	v := carrier("sip:psap@127.0.0.31:5071;transport=tcp")
	v.Capacity, v.Reserved = 2, 1
	b := newBench(t, &zone{}, v)
	var ends []func()
	for range 5 {
		ends = append(ends, b.Occupy(v.ID))
	}
	if !slices.Equal(b.alarms, []string{trunk.AlarmFull}) {
		t.Errorf("alarms %v, want one", b.alarms)
	}
	if _, ok := b.Take(v.ID); ok {
		t.Error("an ordinary call was taken beyond the capacity")
	}
	for _, end := range ends {
		end()
	}
	for range 3 {
		b.Occupy(v.ID)
	}
	if len(b.alarms) != 2 {
		t.Errorf("alarms %v, want a second one after there was room", b.alarms)
	}
}
