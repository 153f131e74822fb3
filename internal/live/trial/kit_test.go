package trial

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/resolve"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/trunk"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	ours      = "127.31.7.10"
	answerSDP = "v=0\r\no=c 1 1 IN IP4 127.31.7.21\r\ns=-\r\nc=IN IP4 127.31.7.21\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)

// noNames is a name server that is dead.
type noNames struct{}

var errDead = errors.New("name server does not answer")

func (noNames) NAPTR(context.Context, string) ([]resolve.NAPTR, time.Duration, error) {
	return nil, 0, errDead
}

func (noNames) SRV(context.Context, string) ([]resolve.SRV, time.Duration, error) {
	return nil, 0, errDead
}

func (noNames) Addresses(context.Context, string) ([]netip.Addr, time.Duration, error) {
	return nil, 0, errDead
}

// memory is a journal.
type memory struct {
	mu    sync.Mutex
	facts []journal.Fact
}

func (m *memory) Record(f journal.Fact) journal.Receipt {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = append(m.facts, f)
	return journal.Receipt{}
}

func (m *memory) all() []journal.Fact {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]journal.Fact(nil), m.facts...)
}

// rig is a Service with trunks, sockets and sound of its own.
type rig struct {
	*Service
	t      *testing.T
	keeper *trunk.Keeper
	facts  *memory
	later  atomic.Int64 // how far the clock is ahead

	mu     sync.Mutex
	alarms []journal.Alarm
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.later.Load())) }

func (r *rig) told() []journal.Alarm {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]journal.Alarm(nil), r.alarms...)
}

// runEdge runs an edge until the test ends.
func runEdge(t *testing.T, addr string, networks []string, handle func(context.Context, *sipedge.Leg)) (*sipedge.Edge, netip.AddrPort) {
	t.Helper()
	at := netip.MustParseAddrPort(addr)
	var edge *sipedge.Edge
	for try := range 20 { // a free port of one may be taken for the other
		cfg := sipedge.Config{
			Known: func(sipedge.Source) bool { return true }, Emergency: func(string) bool { return false },
			Handle: handle, Alarm: func(sipedge.Alarm) {}, Timers: sipedge.Timers{T1: 100 * time.Millisecond},
		}
		for i, n := range networks {
			l := sipedge.Listener{Network: n, Addr: at}
			if i > 0 && at.Port() == 0 {
				first, err := sipedge.New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				l.Addr = first.Listeners()[0].Addr
				cfg.Listen[0].Addr = l.Addr
				if err := first.Close(); err != nil {
					t.Fatal(err)
				}
			}
			cfg.Listen = append(cfg.Listen, l)
		}
		var err error
		if edge, err = sipedge.New(cfg); err == nil {
			break
		}
		if try == 19 {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- edge.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run the edge at %s: %v", addr, err)
		}
	})
	return edge, edge.Listeners()[0].Addr
}

// carrier is the far end of a trunk; what it does with calls is handle.
func carrier(t *testing.T, handle func(n int, l *sipedge.Leg)) netip.AddrPort {
	t.Helper()
	var calls atomic.Int32
	_, at := runEdge(t, "127.31.7.21:0", []string{"udp", "tcp"}, func(_ context.Context, l *sipedge.Leg) {
		handle(int(calls.Add(1)), l)
		for range l.Events() { // until it is over
		}
	})
	return at
}

func takes(l *sipedge.Leg) {
	_ = l.Provisional(1, 180, "Ringing", sipedge.Message{})
	_ = l.Answer(1, sipedge.Message{Body: []byte(answerSDP), ContentType: "application/sdp"})
}

// newRig is a rig with trunks; change may set limits.
func newRig(t *testing.T, trunks []e911.Trunk, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, facts: &memory{}}
	holder := &snapshot.Holder{}
	holder.Store(worldOf(t, trunks...))
	edge, _ := runEdge(t, ours+":0", []string{"udp"}, func(_ context.Context, l *sipedge.Leg) { _ = l.Reject(404, "Not Found", nil) })
	names, err := resolve.New(resolve.Config{DNS: noNames{}, Now: r.now})
	if err != nil {
		t.Fatal(err)
	}
	alarm := func(_ e911.OrgID, a journal.Alarm) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.alarms = append(r.alarms, a)
	}
	if r.keeper, err = trunk.New(trunk.Config{Snapshot: holder, Names: names, Ask: edge, Domain: "callbox.example", Alarm: alarm, Now: r.now}); err != nil {
		t.Fatal(err)
	}
	ports, err := media.New(media.Config{Addr: netip.MustParseAddr(ours)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Snapshot: holder, Trunks: r.keeper, Ask: edge, Media: ports, Journal: r.facts, Alarm: alarm, Domain: "callbox.example", Now: r.now,
		Dial: func(ctx context.Context, in sipedge.Invite) Leg { return edge.Dial(ctx, in) }, NoProgress: 400 * time.Millisecond, Ring: time.Second,
	}
	for _, f := range change {
		f(&cfg)
	}
	if r.Service, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

// place carries out a test of the trunk and fails the test on a refusal.
func (r *rig) place(o Order) calltrace.Report {
	r.t.Helper()
	if o.Trunk == "" {
		o.Trunk = id[e911.TrunkID](1)
	}
	o.Seconds, o.By, o.Caller = 1, "ann", frontDesk()
	report, err := r.Place(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// frontDesk is whose call the tests are like.
func frontDesk() Caller {
	return Caller{Org: id[e911.OrgID](testOrg), OrgName: "Works", Name: "Front desk", Line: "+16175550111", Callback: "+16175550111", Where: locate.Result{
		By: e911.ByConfirmed, Method: "Manual", Rank: locate.RankConfirmed, At: began, Place: e911.Place{
			Display: "795 Massachusetts Avenue, Cambridge, MA",
			Civic:   e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: "Massachusetts", STS: "Avenue", HNO: "795", ROOM: "210"},
		},
	}}
}

// at is the carrier's trunk, at an address.
func at(addr, more string, change ...func(*e911.Trunk)) []e911.Trunk {
	v := trunkOf(1, "carrier-a", e911.SideCarrier, "sip:psap@"+addr+more)
	for _, f := range change {
		f(&v)
	}
	return []e911.Trunk{v}
}

// shape is a ladder without times, addresses and what messages carried.
func shape(r calltrace.Report) string {
	var b strings.Builder
	for _, s := range r.Steps {
		if s.Kind != calltrace.Message || s.Again {
			continue
		}
		what, _, _ := strings.Cut(s.What, " sip:")
		if s.Out {
			b.WriteString("> " + what + "\n")
		} else {
			b.WriteString("< " + what + "\n")
		}
	}
	return b.String()
}

func kindsOf(facts []journal.Fact) string {
	var out []string
	for _, f := range facts {
		out = append(out, string(f.Kind))
	}
	return strings.Join(out, " ")
}
