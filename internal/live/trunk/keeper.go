package trunk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/resolve"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/trunkstate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Asker sends a request to a neighbour; *sipedge.Edge does.
type Asker interface {
	Request(ctx context.Context, o sipedge.Outgoing) (sipedge.Response, error)
}

// Names tells where URIs lead, without waiting; *resolve.Resolver does.
type Names interface {
	Targets(uri string) (resolve.Answer, bool)
	Keep(uris []string)
}

// Alarm codes of this package.
const (
	AlarmDown     = "trunk_down"         // none of a trunk's targets answers
	AlarmDegraded = "trunk_degraded"     // some do not
	AlarmUp       = "trunk_up"           // all do again
	AlarmRefused  = "trunk_registration" // the registrar refuses us, or is silent
	AlarmFull     = "trunk_full"         // more emergency calls than the neighbour is said to take; they go on
)

// Config is what a Keeper needs; all but Log and Rand are required.
type Config struct {
	Snapshot *snapshot.Holder
	Names    Names
	Ask      Asker
	Domain   string                                // our name in From
	Alarm    func(org e911.OrgID, a journal.Alarm) // must not wait
	// Told hears of each trunk whether nothing on it answers, when that is found out for
	// the first time and whenever it is another. It must not wait; none: nobody hears.
	Told func(t e911.TrunkID, down bool, at time.Time)
	Now  func() time.Time
	Log  *slog.Logger    // none: discarded
	Rand func(n int) int // 0 up to, not including, n; none: math/rand
}

// Keeper keeps the state. Safe for concurrent use.
type Keeper struct {
	cfg Config

	mu     sync.Mutex
	seen   *snapshot.Snapshot // that trunks were taken from
	trunks map[e911.TrunkID]*state
	asking sync.WaitGroup
	room   chan struct{} // bounds the requests under way
}

// state is what is known of one trunk.
type state struct {
	trunk   e911.Trunk
	targets map[key]*target
	calls   int // emergency calls
	others  int // all others
	told    trunkstate.State
	full    bool           // AlarmFull was raised
	client  *digest.Client // none: no credentials
	reg     registration
}

// key is what a target is known by.
type key struct {
	addr       netip.AddrPort
	transport  string
	serverName string
}

type target struct {
	trunkstate.Target
	probe  Probe
	due    time.Time
	busy   bool
	noTCP  bool // TCP was refused and UDP answered
	bodies trunkstate.Bodies
	cseq   uint32
	callID string
}

// Probe is the last question to a target.
type Probe struct {
	At        time.Time     `json:"at,omitzero"`
	Code      int           `json:"code,omitempty"` // 0: no answer
	Took      time.Duration `json:"took_ns,omitempty"`
	Transport string        `json:"transport,omitempty"`
	Accept    []string      `json:"accept,omitempty"` // which bodies it says that it takes
}

// requests bounds how many probes and registrations are under way.
const requests = 32

// New checks cfg, reporting all its faults.
func New(cfg Config) (*Keeper, error) {
	var errs []error
	for what, missing := range map[string]bool{
		"snapshot": cfg.Snapshot == nil, "names": cfg.Names == nil, "asker": cfg.Ask == nil, "domain": cfg.Domain == "",
		"alarm": cfg.Alarm == nil, "clock": cfg.Now == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", what))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("configure trunks: %w", errors.Join(errs...))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.IntN
	}
	return &Keeper{cfg: cfg, trunks: map[e911.TrunkID]*state{}, room: make(chan struct{}, requests)}, nil
}

// sync follows the snapshot. The caller has the lock.
func (k *Keeper) sync() {
	w := k.cfg.Snapshot.Load()
	if w == k.seen {
		return
	}
	k.seen = w
	there := map[e911.TrunkID]bool{}
	var uris []string
	for t := range w.Trunks() {
		there[t.ID] = true
		k.follow(t)
		for _, u := range urisOf(t) {
			uris = append(uris, u.uri)
		}
		if t.Register.Registrar != "" {
			uris = append(uris, t.Register.Registrar)
		}
	}
	for id := range k.trunks {
		if !there[id] {
			delete(k.trunks, id)
		}
	}
	k.cfg.Names.Keep(uris)
}

func (k *Keeper) follow(t e911.Trunk) *state {
	s := k.trunks[t.ID]
	if s == nil {
		s = &state{targets: map[key]*target{}, told: trunkstate.Unknown}
		k.trunks[t.ID] = s
	}
	if d := t.Digest; s.client == nil || !sameDigest(d, s.trunk.Digest) {
		s.client = nil
		if d.User != "" && len(d.Secrets) > 0 {
			s.client = digest.NewClient(d.User, d.Realm, d.Secrets[0])
		}
	}
	if t.Register != s.trunk.Register || !sameDigest(t.Digest, s.trunk.Digest) {
		s.reg = registration{}
	}
	s.trunk = t
	return s
}

func sameDigest(a, b e911.TrunkDigest) bool {
	return a.User == b.User && a.Realm == b.Realm && slices.Equal(a.Secrets, b.Secrets)
}

// stateOf returns the state of a trunk, also of one that was published a moment
// ago. The caller has the lock.
func (k *Keeper) stateOf(id e911.TrunkID) *state {
	k.sync()
	return k.trunks[id]
}

// leading is a URI of a trunk with its place among them.
type leading struct {
	uri              string // to look up
	request          string // Request-URI
	priority, weight int
}

// urisOf lists where a trunk leads.
func urisOf(t e911.Trunk) []leading {
	var out []leading
	if t.To != "" {
		out = append(out, leading{t.To, t.To, 0, 1})
	}
	for _, to := range t.Targets {
		out = append(out, leading{to.URI, withUser(to.URI, t.To), to.Priority, max(to.Weight, 1)})
	}
	return out
}

// withUser gives a URI the user part of another when it has none.
func withUser(uri, other string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	_, user, _ := strings.Cut(other, ":")
	user, _, has := strings.Cut(user, "@")
	if !has || strings.Contains(rest, "@") {
		return uri
	}
	return scheme + ":" + user + "@" + rest
}

// found is an address of a trunk with the URI that led to it.
type found struct {
	key
	request string
	open    bool // the URI does not say by which transport
}

// find lists a trunk's addresses, in the order for one call when rnd is given.
func (k *Keeper) find(t e911.Trunk, rnd func(int) int) []found {
	leads := urisOf(t)
	if rnd != nil {
		leads = ordered(leads, rnd)
	}
	var out []found
	for _, l := range leads {
		a, ok := k.cfg.Names.Targets(l.uri)
		if !ok {
			continue
		}
		targets := a.Targets
		if rnd != nil {
			targets = resolve.Order(targets, rnd)
		}
		for _, r := range targets {
			f := found{key{r.Addr, r.Transport, r.ServerName}, l.request, !strings.Contains(strings.ToLower(l.uri), "transport=")}
			if f.open && f.transport == "udp" {
				f.transport = "tcp" // an emergency INVITE exceeds a datagram; the edge goes back to UDP (F-16)
			}
			if !slices.ContainsFunc(out, func(o found) bool { return o.key == f.key }) {
				out = append(out, f)
			}
		}
	}
	return out
}

// ordered puts URIs in the order of one call, by lot among equals.
func ordered(leads []leading, rnd func(int) int) []leading {
	list := make([]resolve.Target, len(leads))
	for i, l := range leads {
		// The port holds the index: Order keeps what it does not know.
		list[i] = resolve.Target{Priority: l.priority, Weight: l.weight, Addr: netip.AddrPortFrom(netip.Addr{}, uint16(i))}
	}
	out := make([]leading, 0, len(leads))
	for _, t := range resolve.Order(list, rnd) {
		out = append(out, leads[t.Addr.Port()])
	}
	return out
}

// Targets lists where a trunk's calls go, in the order for one call: by priority
// and lot, those known to be down last. None: no address is known.
func (k *Keeper) Targets(t e911.Trunk) []ladder.Target {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stateOf(t.ID)
	now := k.cfg.Now()
	full := s != nil && t.Capacity > 0 && s.calls+s.others >= t.Capacity
	var out []ladder.Target
	for _, f := range k.find(t, k.cfg.Rand) {
		to := ladder.Target{URI: f.request, Addr: f.addr, Transport: f.transport, ServerName: f.serverName, Down: full}
		if s != nil {
			if x := s.targets[f.key]; x != nil {
				to.Down = to.Down || x.Skip(now)
				if x.noTCP {
					to.Transport = "udp"
				}
			}
		}
		out = append(out, to)
	}
	slices.SortStableFunc(out, func(a, b ladder.Target) int { return cmp.Compare(rank(a.Down), rank(b.Down)) })
	return out
}

func rank(down bool) int {
	if down {
		return 1
	}
	return 0
}

// Heard notes a response to a call.
func (k *Keeper) Heard(id e911.TrunkID, to ladder.Target) { k.note(id, to, trunkstate.Heard) }

// Silent notes an attempt that heard nothing.
func (k *Keeper) Silent(id e911.TrunkID, to ladder.Target) { k.note(id, to, trunkstate.Silent) }

func (k *Keeper) note(id e911.TrunkID, to ladder.Target, kind trunkstate.Kind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stateOf(id)
	if s == nil || !to.Addr.IsValid() {
		return
	}
	for _, f := range k.find(s.trunk, nil) {
		if f.addr == to.Addr && f.serverName == to.ServerName {
			x := s.target(f.key)
			x.Target = x.Step(trunkstate.Event{Kind: kind, At: k.cfg.Now(), Why: "a call heard nothing"}, !s.trunk.Probe.Off)
		}
	}
	k.tell(s)
}

func (s *state) target(at key) *target {
	x := s.targets[at]
	if x == nil {
		x = &target{}
		x.State = trunkstate.Unknown
		s.targets[at] = x
	}
	return x
}

// Authorize answers a trunk's challenges with our credentials there; nil without
// any.
func (k *Keeper) Authorize(id e911.TrunkID) func(sipedge.Challenge) sipedge.Headers {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stateOf(id)
	if s == nil || s.client == nil {
		return nil
	}
	client := s.client
	return func(c sipedge.Challenge) sipedge.Headers { return answer(client, c) }
}

// answer is nil when the challenge cannot be answered.
func answer(client *digest.Client, c sipedge.Challenge) sipedge.Headers {
	asked, field := "WWW-Authenticate", "Authorization"
	if c.Code == 407 {
		asked, field = "Proxy-Authenticate", "Proxy-Authorization"
	}
	value, err := client.Answer(digest.Question{Challenges: c.Headers.All(asked), Method: c.Method, URI: c.URI, Body: c.Body})
	if err != nil {
		return nil
	}
	return sipedge.Headers{{Name: field, Value: value}}
}

// Occupy counts an emergency call until done is called. It is never refused.
func (k *Keeper) Occupy(id e911.TrunkID) (done func()) {
	done, _ = k.occupy(id, true)
	return done
}

// Take counts any other call until done is called; it reports false when what
// is left of the trunk's capacity is reserved for emergency calls (E9).
func (k *Keeper) Take(id e911.TrunkID) (done func(), ok bool) { return k.occupy(id, false) }

func (k *Keeper) occupy(id e911.TrunkID, emergency bool) (done func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stateOf(id)
	if s == nil {
		return func() {}, emergency
	}
	count := &s.calls
	if !emergency {
		if t := s.trunk; t.Capacity > 0 && s.calls+s.others >= t.Capacity-t.Reserved {
			return func() {}, false
		}
		count = &s.others
	}
	*count++
	if t := s.trunk; t.Capacity > 0 && s.calls+s.others > t.Capacity && !s.full {
		s.full = true
		k.cfg.Alarm(t.Org, journal.Alarm{Code: AlarmFull, Detail: fmt.Sprintf("the trunk %s has more calls than its capacity of %d; emergency calls go on by it", t.Key, t.Capacity)})
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			*count--
			// It is told again only after there was room: not for each call at the brim.
			s.full = s.full && (s.calls+s.others)*10 > s.trunk.Capacity*8
		})
	}, true
}

// tell raises an alarm when the state of a trunk is another than was told. The
// caller has the lock.
func (k *Keeper) tell(s *state) {
	all, down := k.sum(s)
	if all == s.told || all == trunkstate.Unknown {
		return
	}
	before := s.told
	s.told = all
	t := &s.trunk
	if down := all == trunkstate.Down; k.cfg.Told != nil && (before == trunkstate.Unknown || down != (before == trunkstate.Down)) {
		k.cfg.Told(t.ID, down, k.cfg.Now())
	}
	var a journal.Alarm
	switch all {
	case trunkstate.Up:
		if before == trunkstate.Unknown {
			return
		}
		a = journal.Alarm{Code: AlarmUp, Detail: fmt.Sprintf("all targets of the trunk %s answer again", t.Key)}
	case trunkstate.Degraded:
		a = journal.Alarm{Code: AlarmDegraded, Detail: fmt.Sprintf("the trunk %s goes on without %s", t.Key, strings.Join(down, ", "))}
	default:
		a = journal.Alarm{Code: AlarmDown, Detail: fmt.Sprintf("nothing answers on the trunk %s (%s); calls try it last", t.Key, strings.Join(down, ", "))}
	}
	k.cfg.Alarm(t.Org, a)
}

// sum is the state of a trunk, with which of its targets are down and why.
func (k *Keeper) sum(s *state) (all trunkstate.State, down []string) {
	var list []trunkstate.Target
	for _, f := range k.find(s.trunk, nil) {
		x := s.target(f.key)
		list = append(list, x.Target)
		if x.State == trunkstate.Down {
			down = append(down, f.transport+":"+f.addr.String()+": "+x.Why)
		}
	}
	return trunkstate.Of(list), down
}
