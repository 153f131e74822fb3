package callflow

import (
	"container/heap"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// behaviour is what one attempt does: it says 100 or nothing, rings or not, and
// then a final response, or nothing for ever.
type behaviour struct {
	silent   bool // not even 100
	notSent  bool
	ring     bool
	rings    time.Duration // until the final response; 0: for ever
	think    time.Duration // until it rings, or is final where it does not
	code     int           // final; 200 answers
	follow   bool          // a redirect to an allowed target
	crossing bool          // its 200 crosses a CANCEL
}

// network is a world of PSAPs with its own time, around one machine.
type network struct {
	t        rapid.TB
	m        *Machine
	routes   []Route
	behave   func(route int) behaviour
	now      time.Duration
	queue    happenings
	order    int
	timers   map[Timer]int // the happening that fires it
	attempts map[int]*leg

	steps   []walked // first attempts by a rung, as the ladder handed them out
	hungUp  string   // who hung up
	ended   bool
	done    bool
	reached func(route int) // called at each dial
}

type leg struct {
	route                               int
	slim, rang, answered, over, dropped bool
	b                                   behaviour
}

type walked struct {
	route int
	at    time.Duration
}

type happening struct {
	at    time.Duration
	order int
	ev    Event
}

type happenings []happening

func (h happenings) Len() int { return len(h) }
func (h happenings) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}
func (h happenings) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *happenings) Push(x any)   { *h = append(*h, x.(happening)) }
func (h *happenings) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

func newNetwork(t rapid.TB, routes []Route, behave func(int) behaviour) *network {
	return &network{
		t: t, routes: routes, behave: behave, m: New(Config{Routes: routes, Policy: DefaultPolicy()}),
		timers: map[Timer]int{}, attempts: map[int]*leg{}, reached: func(int) {},
	}
}

func (n *network) at(d time.Duration, ev Event) int {
	n.order++
	heap.Push(&n.queue, happening{at: n.now + d, order: n.order, ev: ev})
	return n.order
}

// run plays until the machine is done or the time is over.
func (n *network) run(until time.Duration) {
	for n.queue.Len() > 0 && !n.done && n.queue[0].at <= until {
		h := heap.Pop(&n.queue).(happening)
		n.now = h.at
		if h.ev.Kind == Fired {
			if n.timers[h.ev.Timer] != h.order {
				continue // stopped, or set anew
			}
			delete(n.timers, h.ev.Timer)
		}
		n.happen(h.ev)
	}
}

func (n *network) happen(ev Event) {
	a := n.attempts[ev.N]
	if a != nil {
		if a.over {
			return
		}
		switch {
		case ev.Kind == Progress && ev.Code >= 180:
			a.rang = true
		case ev.Kind == Answered:
			a.answered = true
		case ev.Kind == Failed || ev.Kind == SendFailed || ev.Kind == Bye:
			a.over = true
		}
	}
	if ev.N == 0 && (ev.Kind == Bye || ev.Kind == Cancelled) && n.hungUp == "" {
		n.hungUp = ByCaller
	}
	if ev.Kind == Bye && ev.N > 0 && n.m.Winner() == ev.N && n.hungUp == "" && n.m.state == talking {
		n.hungUp = ByPSAP
	}
	for _, act := range n.m.Step(ev) {
		n.do(ev, a, act)
	}
	kept := 0
	for _, l := range n.attempts {
		if l.answered && !l.over && !l.dropped {
			kept++
		}
	}
	if kept > 1 {
		n.t.Fatalf("%v: two answered legs", n.now)
	}
}

func (n *network) do(ev Event, of *leg, act Action) {
	switch act.Do {
	case SetTimer:
		n.timers[act.Timer] = n.at(act.After, Event{Kind: Fired, Timer: act.Timer})
	case StopTimer:
		delete(n.timers, act.Timer)
	case Dial:
		n.dial(ev, of, act)
	case Cancel:
		l := n.attempts[act.N]
		if l.rang && n.m.Winner() == 0 && n.hungUp == "" {
			n.t.Fatalf("%v: attempt %d rings and is cancelled, on %+v", n.now, act.N, ev)
		}
		if l.b.crossing && !l.answered && !l.over {
			n.at(0, Event{Kind: Answered, N: act.N, Code: 200})
		} else if !l.b.silent {
			n.at(50*time.Millisecond, Event{Kind: Failed, N: act.N, Code: 487})
		}
	case ByeLeg:
		if act.N > 0 {
			n.attempts[act.N].dropped = true
		}
	case Reject:
		n.t.Fatalf("%v: the caller is refused", n.now)
	case EndCall:
		if n.hungUp == "" {
			n.t.Fatalf("%v: the call ended and nobody had hung up, on %+v: %+v", n.now, ev, act)
		}
		if act.By != n.hungUp {
			n.t.Fatalf("%v: %s hung up and %s is said to have", n.now, n.hungUp, act.By)
		}
		n.ended = true
	case Finish:
		n.done = true
	}
}

// dial notes the attempt and lets it behave. The same route once more, slim or
// after a redirect, is no step of the ladder (F-16).
func (n *network) dial(ev Event, of *leg, act Action) {
	for _, l := range n.attempts {
		if l.route == act.Route && l.rang && !l.over && !l.answered {
			n.t.Fatalf("%v: route %d rings and is dialled again", n.now, act.Route)
		}
	}
	again := act.Follow || ev.Kind == Failed && of != nil && of.route == act.Route && of.slim != act.Slim
	if !again {
		n.steps = append(n.steps, walked{act.Route, n.now})
	}
	n.reached(act.Route)
	b := n.behave(act.Route)
	n.attempts[act.N] = &leg{route: act.Route, slim: act.Slim, b: b}
	if b.notSent {
		n.at(0, Event{Kind: SendFailed, N: act.N})
		return
	}
	n.at(0, Event{Kind: Sent, N: act.N})
	if b.silent {
		return
	}
	n.at(0, Event{Kind: Progress, N: act.N, Code: 100})
	final := b.think
	if b.ring {
		n.at(b.think, Event{Kind: Progress, N: act.N, Code: 180})
		final += b.rings
		if b.rings == 0 {
			return
		}
	}
	switch {
	case b.code == 200:
		n.at(final, Event{Kind: Answered, N: act.N, Code: 200})
	case b.code > 0:
		n.at(final, Event{Kind: Failed, N: act.N, Code: b.code, Follow: b.follow && b.code/100 == 3})
	}
}

func behaviours(rt *rapid.T, answers bool) func(int) behaviour {
	codes := []int{302, 400, 408, 415, 480, 486, 488, 500, 503, 600, 603, 606, 0}
	if answers {
		codes = append(codes, 200, 200)
	}
	millis := func(most int, name string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(rt, name)) * time.Millisecond
	}
	return func(route int) behaviour {
		return behaviour{
			silent: rapid.IntRange(0, 4).Draw(rt, "silent") == 0, notSent: rapid.IntRange(0, 6).Draw(rt, "not sent") == 0,
			ring: rapid.Bool().Draw(rt, "ring"), rings: millis(200_000, "rings"), think: millis(12_000, "think"),
			code: rapid.SampledFrom(codes).Draw(rt, "code"), follow: rapid.Bool().Draw(rt, "follow"),
			crossing: answers && rapid.Bool().Draw(rt, "crossing"),
		}
	}
}

func someRoutes(rt *rapid.T) []Route {
	routes := make([]Route, rapid.IntRange(1, 5).Draw(rt, "routes"))
	for i := range routes {
		routes[i] = Route{
			Slow: rapid.Bool().Draw(rt, "slow"), Slim: rapid.IntRange(0, 3).Draw(rt, "slim") == 0, Down: rapid.IntRange(0, 3).Draw(rt, "down") == 0,
		}
	}
	return routes
}

// Whatever the PSAPs do, for as long as the caller waits: the call never ends
// without a hang-up by one side, two answered legs are never kept, what rings is
// never cancelled and never dialled a second time, and no rung is tried twice in a
// pass: a rung comes again only behind the back-off.
//
// Proves: E1, F-02, F-03, F-16
func TestACallEndsByAHangUpAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := newNetwork(rt, someRoutes(rt), behaviours(rt, true))
		n.at(0, Event{Kind: Arrived})
		n.at(time.Duration(rapid.IntRange(0, 300).Draw(rt, "on disk"))*time.Millisecond, Event{Kind: Recorded})
		patience := time.Duration(rapid.IntRange(1, 900).Draw(rt, "patience")) * time.Second
		gone := Cancelled
		if rapid.Bool().Draw(rt, "answered by then") {
			gone = Bye
		}
		n.at(patience, Event{Kind: gone})
		if rapid.Bool().Draw(rt, "the PSAP hangs up") {
			n.at(patience/2, Event{Kind: Arrived}) // no meaning, and none is taken
			n.run(patience / 2)
			if w := n.m.Winner(); w > 0 && n.m.state == talking {
				n.at(0, Event{Kind: Bye, N: w})
			}
		}
		n.run(patience + 10*time.Minute)
		if !n.ended || !n.done {
			rt.Fatalf("hung up by %q and not over: %+v", n.hungUp, n.m)
		}
		last := map[int]time.Duration{}
		for _, s := range n.steps {
			if at, tried := last[s.route]; tried && s.at-at < ladder.BackOffFirst {
				rt.Fatalf("route %d was tried at %v and again at %v", s.route, at, s.at)
			}
			last[s.route] = s.at
		}
	})
}

// attemptsOfARung is how many attempts one rung may cost: full and slim, each
// with the redirects that are followed.
const attemptsOfARung = 2 * (1 + maxFollow)

// longestTo is the time after which the rung at i has been tried, whatever the
// rungs before it do; nothing rings there, or one of them for ever.
func longestTo(i int, routes []Route, p Policy) (quiet, ringing time.Duration) {
	for _, r := range routes[:i] {
		np := p.NoProgress
		if r.Slow {
			np = p.NoProgressSlow
		}
		quiet += attemptsOfARung * np
		ringing += attemptsOfARung * (np + p.SecondLeg)
	}
	return quiet, ringing
}

// However badly the rungs before it behave, the relay centre is tried in time.
//
// Proves: E1, F-02, F-03, F-16
func TestTheRelayCentreIsTriedInTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		routes := append(someRoutes(rt), Route{}) // the last is the relay centre
		relay := len(routes) - 1
		mayRing := rapid.Bool().Draw(rt, "one may ring")
		anyway := behaviours(rt, false)
		forEver := 0
		n := newNetwork(rt, routes, nil)
		n.behave = func(route int) behaviour {
			b := anyway(route)
			switch {
			case !mayRing:
				b.ring = false
			case b.ring && b.rings == 0:
				forEver++
				b.ring = forEver == 1 // two that ring are enough for a caller (F-02)
			case b.ring:
				b.rings = min(b.rings, n.m.cfg.Policy.SecondLeg)
				b.code = max(b.code, 302)
			}
			return b
		}
		reached := time.Duration(-1)
		n.reached = func(route int) {
			if route == relay && reached < 0 {
				reached = n.now
			}
		}
		n.at(0, Event{Kind: Arrived})
		n.at(0, Event{Kind: Recorded})
		quiet, ringing := longestTo(relay, routes, n.m.cfg.Policy)
		bound := quiet
		if mayRing {
			bound = ringing
		}
		n.run(bound)
		if reached < 0 {
			rt.Fatalf("the relay centre was not tried after %v by %+v", bound, routes)
		}
	})
}

// The same for each ladder as it is made, in a table for a person: silent rungs,
// and the worst that rungs can do.
//
// Proves: E1, F-02, F-03, F-22, F-24
func TestTheTimeToTheRelayCentreOfEachLadder(t *testing.T) {
	var out strings.Builder
	out.WriteString("Until the relay centre is tried, at most: when every rung before it is silent; when each refuses at the last\n" +
		"moment, full, slim and redirected. Nothing rings. Then the ladder begins again after 1 to 5 s.\n\n")
	for _, c := range ladders() {
		plan := ladder.Build(c.in)
		relay := slices.IndexFunc(plan.Rungs, func(r ladder.Rung) bool { return r.Kind == ladder.KindRelay })
		if relay < 0 {
			t.Fatalf("%s: no relay centre", c.name)
		}
		routes := make([]Route, len(plan.Rungs))
		kinds := make([]string, relay)
		for i, r := range plan.Rungs {
			routes[i].Slow = r.Slow()
			if i < relay {
				kinds[i] = string(r.Kind)
			}
		}
		got := map[string]time.Duration{}
		for name, b := range map[string]behaviour{
			"silent": {silent: true},
			"last":   {code: 302, follow: true},
			"round":  {code: 302, follow: true}, // in circles
		} {
			n := newNetwork(t, routes, nil)
			tries := map[int]int{}
			n.behave = func(route int) behaviour {
				v, np := b, n.m.cfg.Policy.NoProgress
				if routes[route].Slow {
					np = n.m.cfg.Policy.NoProgressSlow
				}
				v.think = np - time.Millisecond
				if tries[route]++; name == "last" && tries[route] == 1+maxFollow { // redirects are at their end: refused, so slim
					v.code, v.follow = 415, false
				}
				return v
			}
			reached := time.Duration(-1)
			n.reached = func(route int) {
				if route == relay && reached < 0 {
					reached = n.now
				}
			}
			n.at(0, Event{Kind: Arrived})
			n.at(0, Event{Kind: Recorded})
			bound, _ := longestTo(relay, routes, n.m.cfg.Policy)
			n.run(bound)
			if reached < 0 {
				t.Fatalf("%s: the relay centre was not tried in %v", c.name, bound)
			}
			got[name] = reached
		}
		fmt.Fprintf(&out, "%-52s %6s %8s  after %s\n", c.name, got["silent"].Round(time.Second), got["last"].Round(time.Second),
			strings.Join(append(kinds, "nobody")[:max(len(kinds), 1)], ", "))
	}
	const file = "testdata/bounds/relay.txt"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (-file +now):\n%s", file, diff)
	}
}

type aLadder struct {
	name string
	in   ladder.Input
}

// ladders are those of design 2.3, each with two routes of the PSAP, a carrier and
// a site's own trunk.
func ladders() (list []aLadder) {
	trunk := func(id e911.TrunkID) (e911.Trunk, bool) {
		t := e911.Trunk{ID: id, Key: string(id), Side: e911.SideCarrier, Kind: e911.RouteProvider, To: "sip:psap@127.0.0.21:5071"}
		if strings.HasPrefix(string(id), "pstn") {
			t.Side, t.Kind = e911.SideLocal, e911.RouteLocal
		}
		return t, true
	}
	site := func(country string, stage e911.Stage, mode e911.SiteMode) *ladder.Site {
		return &ladder.Site{ID: e911.SiteID(country), Name: country, Local: []e911.TrunkID{"pstn"}, Mode: mode, Stage: stage, Country: country}
	}
	add := func(name, country string, located bool, who ladder.Caller) {
		list = append(list, aLadder{name, ladder.Input{
			PSAP: &e911.PSAP{ID: "p", Name: "PSAP", Routes: []e911.TrunkID{"a", "b"}}, Carriers: []e911.TrunkID{"c"},
			Relays:  []e911.PSAP{{ID: "r", Relay: true, Name: "Relay", Routes: []e911.TrunkID{"r"}}},
			Located: located, Country: country, Caller: who, Trunk: trunk,
		}})
	}
	us, ca, de := site("US", e911.Stage911, e911.ModeDynamic), site("CA", e911.Stage911, e911.ModeDynamic), site("DE", e911.Stage911, e911.ModeDynamic)
	tn, early := site("US", e911.Stage911, e911.ModeTN), site("US", e911.Stage933, e911.ModeDynamic)
	add("United States, on site", "US", true, ladder.Caller{Here: us, Home: us})
	add("United States, at home", "US", true, ladder.Caller{Home: us})
	add("nobody knows where", "US", false, ladder.Caller{Home: us})
	add("United States, site in TN mode", "US", true, ladder.Caller{Here: tn, Home: tn})
	add("United States, site not enabled yet", "US", true, ladder.Caller{Here: early, Home: early})
	add("organisation opted out", "US", true, ladder.Caller{Here: us, Home: us, State: e911.OrgOptedOut})
	add("Canada, a telephone that stays", "CA", true, ladder.Caller{Here: ca, Home: ca})
	add("Canada, a device that moves", "CA", true, ladder.Caller{Here: ca, Home: ca, Nomadic: true})
	add("abroad, at our site there", "DE", true, ladder.Caller{Here: de, Home: us})
	return list
}
