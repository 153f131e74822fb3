// Package ladder orders the ways by which one emergency call can reach an
// answering point (design 2.3), and walks them for as long as the caller
// waits. It decides only the order; rules/callflow decides when to move on.
//
// Promises: the order is that of the country and the class of the device (F-22,
// F-35); a site's own trunk counts where the device is, elsewhere after the relay
// centre (F-03); a gate puts that trunk first and leaves out nobody (F-24); a
// Canadian caller never goes to a relay centre of another country; a route known
// to be down is skipped on the first pass and on no other; calls of a
// demonstration never leave this machine (F-23); a ladder with one rung or more
// never ends (E1).
package ladder

import (
	"cmp"
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
	// KindAlternate is a route of a PSAP that takes another's calls by agreement.
	KindAlternate Kind = "alternate"
	KindLocal     Kind = "local" // a PSTN trunk or gateway of a site's own
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

	Site  e911.SiteID // whose trunk it is; KindLocal only
	Carry Carry       // which number goes out
	// Number is the one for CarryECBN, and for CarryELIN where there is no ELIN;
	// none: the callback.
	Number e911.Number
	ELIN   bool   // a trunk of profile elin gets the ELIN of the place all the same
	Bare   bool   // no location goes with it (W-01)
	Dial   string // what is dialled instead of the user of the trunk's address; none: that
	Flags  []string
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
	PSAP *e911.PSAP // of the caller's place; nil when none follows from it
	// Relays are the relay centres, that of any country first.
	Relays []e911.PSAP
	// Alternates take the PSAP's calls by an agreement that holds (F-23).
	Alternates []e911.PSAP
	// Other is what our own layer says against the authority; nil: nothing.
	Other *e911.PSAP
	// Carriers take the organisation's calls for any place. Without a place they
	// have nothing to choose a PSAP by, and the relay centre comes first.
	Carriers []e911.TrunkID
	Located  bool
	Country  string // two letters, of the place; none: not known
	Caller   Caller
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

// Plan is the ladder of a call.
type Plan struct {
	Rungs []Rung
	Relay *e911.PSAP // that takes the call when no PSAP does; nil: none may
	// Gate is what keeps the call from the E911 path, also where the path is taken
	// all the same (F-24); Gated says that the site's own trunk comes first.
	Gate  Gate
	Gated bool
	Left  []e911.Finding // what was left out, and why (E11)
}

// Build orders the rungs by the country and the class of the device (F-22, F-35),
// behind what gates the call (F-24). A trunk stands in the ladder once, at its
// best place: the second rung would be the same call to the same address.
func Build(in Input) Plan {
	b := builder{in: in, seen: map[e911.TrunkID]bool{}, country: countryOf(&in)}
	b.expected = in.PSAP
	if b.expected == nil {
		b.expected = &e911.PSAP{Name: "the PSAP that the carrier chooses"}
	}
	b.relays = relaysFor(in.Relays, b.country, in.Caller.Language)
	if len(b.relays) > 0 {
		b.Relay = &b.relays[0]
	}
	b.Gate = gateOf(&in, b.country)
	b.Gated = b.Gate != GateNone && holds(&in, b.Gate)
	if b.Gate != GateNone {
		why := "the device is known to be elsewhere, and takes the way of the place where it is (F-20)"
		if b.Gated {
			why = "the site's own trunk comes first; no call is refused (F-24)"
		}
		b.Left = append(b.Left, e911.Finding{Rule: "gate", Said: string(b.Gate), Chosen: b.Gated, Why: why})
	}
	if b.Gated {
		b.group(groupLocal)
	}
	for _, g := range orderOf(b.country, in.Caller.Nomadic, in.Located) {
		b.group(g)
	}
	if len(b.Rungs) == 0 {
		b.group(groupAny)
	}
	return b.Plan
}

// builder is one Build on its way.
type builder struct {
	Plan
	in       Input
	seen     map[e911.TrunkID]bool
	expected *e911.PSAP
	relays   []e911.PSAP
	country  string
}

// group adds the rungs of one part of the ladder.
func (b *builder) group(g group) {
	in := &b.in
	switch g {
	case groupPSAP:
		b.add(Rung{Kind: KindPSAP}, b.expected, b.expected.Routes)
	case groupCarriers:
		b.add(Rung{Kind: KindCarrier}, b.expected, in.Carriers)
	case groupAlternates:
		for i := range in.Alternates {
			b.add(Rung{Kind: KindAlternate}, &in.Alternates[i], in.Alternates[i].Routes)
		}
	case groupRelay:
		for i := range b.relays {
			b.add(Rung{Kind: KindRelay}, &b.relays[i], b.relays[i].Routes)
		}
	case groupOther:
		if in.Other != nil {
			b.add(Rung{Kind: KindOther}, in.Other, in.Other.Routes)
		}
	case groupLocal:
		b.local()
	case groupHome:
		for _, s := range []*Site{in.Caller.Home, in.Caller.Here} {
			if s != nil {
				b.site(*s, Rung{Flags: []string{FlagMayBeWrong}})
			}
		}
	case groupAny:
		if in.Caller.Sites != nil {
			for s := range in.Caller.Sites {
				b.site(s, Rung{Flags: []string{FlagMayBeWrong}})
			}
		}
	}
}

// local adds the trunks of the site where the device is (F-03), abroad of our
// site in that country (F-35).
func (b *builder) local() {
	who := &b.in.Caller
	switch {
	case b.in.Located && who.Here != nil && !who.Away:
		b.site(*who.Here, Rung{Carry: CarryELIN})
	case !b.in.Located && b.Gated && who.Home != nil:
		b.site(*who.Home, Rung{})
	}
	if Served(b.country) || who.Sites == nil || !b.in.Located || who.Away {
		return
	}
	for s := range who.Sites {
		if s.Country == b.country && (who.Here == nil || s.ID != who.Here.ID) {
			b.site(s, Rung{Flags: []string{FlagMayBeWrong}})
		}
	}
}

// site adds the trunks of a site's own.
func (b *builder) site(s Site, r Rung) {
	r.Kind, r.Site, r.Bare = KindLocal, s.ID, b.Gated
	home := b.in.Caller.Home
	if home != nil && home.ID != s.ID && s.ECBN != "" {
		r.Carry, r.Number = max(r.Carry, CarryECBN), s.ECBN
	}
	if b.Gated { // W-01; a trunk for ELINs gets one all the same
		r.ELIN, r.Carry = r.Carry == CarryELIN, CarryCallback
		if r.Number != "" {
			r.Carry = CarryECBN
		}
	}
	at := cmp.Or(country(s.Country), b.country) // what is dialled follows the trunk
	r.Dial = emergencyNumber(at)
	if !Served(at) {
		r.Carry, r.Number = CarryLine, ""
	}
	p := &e911.PSAP{Name: "the PSAP that the telephone network reaches from " + s.Name}
	if len(r.Flags) == 0 && b.in.PSAP != nil {
		p = b.in.PSAP
	}
	b.add(r, p, s.Local)
}

// add puts the routes to one answering point at the end of the ladder.
func (b *builder) add(r Rung, p *e911.PSAP, routes []e911.TrunkID) {
	in := &b.in
	leave := func(trunk, why string) { b.Left = append(b.Left, out(p, trunk, why)) }
	r.Flags = append(r.Flags, b.flags(r.Kind)...)
	for _, id := range routes {
		t, ok := in.Trunk(id)
		switch {
		case !ok:
			leave(string(id), "the route names a trunk that does not exist")
		case t.To == "" && len(t.Targets) == 0:
			leave(t.Key, "the trunk has no address to call")
		case in.Demonstration && !StaysHere(t):
			leave(t.Key, "the trunk leaves this machine, and calls of a demonstration must not (F-23)")
		case b.seen[id]:
			leave(t.Key, "the trunk stands higher in the ladder already")
		default:
			b.seen[id] = true
			targets := in.targets(t)
			if len(targets) == 0 {
				leave(t.Key, "no name server has said yet where the trunk's name leads")
			}
			for _, to := range targets {
				v := r
				v.PSAP, v.PSAPKey, v.PSAPName, v.Trunk, v.Target = p.ID, p.Key, p.Name, t, to
				v.Down = to.Down || in.Down != nil && in.Down(id)
				b.Rungs = append(b.Rungs, v)
			}
		}
	}
}

// flags are those of every rung of a kind.
func (b *builder) flags(k Kind) (flags []string) {
	switch k {
	case KindPSAP, KindCarrier, KindAlternate, KindOther:
		if b.Gate.notSetUp() {
			flags = append(flags, FlagNotSetUp)
		}
	case KindRelay:
		if b.country != "" && !Served(b.country) {
			flags = append(flags, FlagAbroad)
		}
	}
	return flags
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
