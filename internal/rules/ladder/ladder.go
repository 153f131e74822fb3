// Package ladder orders the ways by which one emergency call can reach an
// answering point (design 2.3), and walks them for as long as the caller
// waits. It decides only the order; rules/callflow decides when to move on.
//
// Promises: the routes of the place's PSAP come first, in their order, then the
// organisation's own carriers, then the relay centre (ECRC), before the carriers
// when nobody knows where the caller is; a route known to be down is skipped on
// the first pass and on no other (F-03); calls of a demonstration never leave
// this machine (F-23); a ladder with one rung or more never ends (E1).
package ladder

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Kind says whose route a rung is.
type Kind string

// The kinds of rung, as journal.Rung has them.
const (
	KindPSAP    Kind = "psap"    // a route of the PSAP's own
	KindCarrier Kind = "carrier" // a carrier of the organisation's, for any place
	KindRelay   Kind = "relay"
	// KindOther is a route of the PSAP that our own layer has and the authority
	// contradicts: better than nobody, when all others failed.
	KindOther Kind = "other"
)

// Rung is one route to one answering point.
type Rung struct {
	Kind     Kind
	PSAP     e911.PSAPID
	PSAPKey  string
	PSAPName string
	Trunk    e911.Trunk
	Target   Target // of the trunk's, where this rung goes
	Down     bool   // known to be down when the call came in
}

// Target is one address of a trunk that a call can go to. Without an Addr the
// address is the one that stands in URI.
type Target struct {
	URI        string // Request-URI
	Addr       netip.AddrPort
	Transport  string // "tcp", "udp", "tls"
	ServerName string // what its certificate must name, for "tls"
	Down       bool   // known to be down
}

// Expected reports a rung whose carrier chooses the PSAP: ours is the one that
// is expected to answer (F-23).
func (r Rung) Expected() bool {
	return r.Kind != KindRelay && r.Trunk.Kind == e911.RouteProvider
}

// Slow reports a route that leads to a site's own trunk or gateway. TDM behind
// it takes seconds before it says anything (F-02).
func (r Rung) Slow() bool {
	return r.Trunk.Kind == e911.RouteLocal || r.Trunk.Side == e911.SideLocal
}

// Input is what a ladder is made from.
type Input struct {
	PSAP  *e911.PSAP // of the caller's place; nil when none follows from it
	Relay *e911.PSAP // the relay centre; nil when none is configured
	// Other is what our own layer says against the authority; nil: nothing.
	Other *e911.PSAP
	// Carriers take the organisation's calls for any place. Without a place they
	// have nothing to choose a PSAP by, and the relay centre comes first.
	Carriers []e911.TrunkID
	Located  bool
	// Demonstration leaves out every trunk that leads off this machine.
	Demonstration bool
	// Trunk finds a trunk by its id.
	Trunk func(e911.TrunkID) (e911.Trunk, bool)
	// Down reports a trunk that is known to be down; nil when nothing is known.
	Down func(e911.TrunkID) bool
	// Targets lists where a trunk's calls go, in the order for this call; none:
	// nobody knows an address of it. Nil: each trunk goes to its To alone.
	Targets func(e911.Trunk) []Target
}

// Build returns the rungs in order, and what was left out with the reason
// (E11). A trunk that serves both the PSAP and the relay centre stands in the
// ladder once, at its better place: the second rung would be the same call to
// the same address.
func Build(in Input) ([]Rung, []e911.Finding) {
	var rungs []Rung
	var left []e911.Finding
	seen := map[e911.TrunkID]bool{}
	add := func(kind Kind, p *e911.PSAP, routes []e911.TrunkID) {
		for _, id := range routes {
			t, ok := in.Trunk(id)
			switch {
			case !ok:
				left = append(left, out(p, string(id), "the route names a trunk that does not exist"))
			case t.To == "" && len(t.Targets) == 0:
				left = append(left, out(p, t.Key, "the trunk has no address to call"))
			case in.Demonstration && !StaysHere(t):
				left = append(left, out(p, t.Key, "the trunk leaves this machine, and calls of a demonstration must not (F-23)"))
			case seen[id]:
				left = append(left, out(p, t.Key, "the trunk stands higher in the ladder already"))
			default:
				seen[id] = true
				targets := in.targets(t)
				if len(targets) == 0 {
					left = append(left, out(p, t.Key, "no name server has said yet where the trunk's name leads"))
				}
				for _, to := range targets {
					rungs = append(rungs, Rung{
						Kind: kind, PSAP: p.ID, PSAPKey: p.Key, PSAPName: p.Name, Trunk: t, Target: to,
						Down: to.Down || in.Down != nil && in.Down(id),
					})
				}
			}
		}
	}
	expected := in.PSAP
	if expected == nil {
		expected = &e911.PSAP{Name: "the PSAP that the carrier chooses"}
	}
	add(KindPSAP, expected, expected.Routes)
	if in.Located {
		add(KindCarrier, expected, in.Carriers)
	}
	if in.Relay != nil {
		add(KindRelay, in.Relay, in.Relay.Routes)
	}
	if !in.Located {
		add(KindCarrier, expected, in.Carriers)
	}
	if in.Other != nil {
		add(KindOther, in.Other, in.Other.Routes)
	}
	return rungs, left
}

func (in *Input) targets(t e911.Trunk) []Target {
	if in.Targets == nil {
		return []Target{{URI: t.To}}
	}
	return in.Targets(t)
}

// StaysHere reports a trunk of which every target is on this machine. A name
// may lead anywhere.
func StaysHere(t e911.Trunk) bool {
	if t.To != "" && !onThisMachine(t.To) {
		return false
	}
	for _, to := range t.Targets {
		if !onThisMachine(to.URI) {
			return false
		}
	}
	return t.To != "" || len(t.Targets) > 0
}

func onThisMachine(uri string) bool {
	_, host, _ := strings.Cut(uri, ":")
	host, _, _ = strings.Cut(host, "?")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	host, _, _ = strings.Cut(host, ";")
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if p, perr := netip.ParseAddrPort(host); err != nil && perr == nil {
		a, err = p.Addr(), nil
	}
	return err == nil && a.IsLoopback()
}

func out(p *e911.PSAP, trunk, why string) e911.Finding {
	return e911.Finding{Rule: "route", Said: fmt.Sprintf("%s by %s", p.Name, trunk), Why: why}
}

// Back-off before each pass after the first (F-03: 1 s to 5 s).
const (
	BackOffFirst = 1 * time.Second
	BackOffMost  = 5 * time.Second
)

// Step is one rung to try.
type Step struct {
	Rung int           // index into the ladder
	Pass int           // 1 is the first
	Wait time.Duration // before trying it; only a pass's first rung waits
}

// Walk hands out the rungs of one call, over and over. Not safe for concurrent
// use: it belongs to the machine of its call.
type Walk struct {
	down    []bool
	next    int
	pass    int
	tried   bool // something was handed out in an earlier pass
	backOff time.Duration
}

// NewWalk starts before the first rung; down has one entry a rung.
func NewWalk(down []bool) *Walk {
	return &Walk{down: down, pass: 1}
}

// Next returns the rung to try now. It reports false only for a ladder without
// rungs.
func (w *Walk) Next() (Step, bool) {
	if len(w.down) == 0 {
		return Step{}, false
	}
	for {
		if w.next == len(w.down) {
			w.next = 0
			w.pass++
		}
		i := w.next
		w.next++
		if w.pass == 1 && w.down[i] {
			continue
		}
		s := Step{Rung: i, Pass: w.pass}
		if i == 0 && w.tried {
			w.backOff = min(max(2*w.backOff, BackOffFirst), BackOffMost)
			s.Wait = w.backOff
		}
		w.tried = true
		return s, true
	}
}
