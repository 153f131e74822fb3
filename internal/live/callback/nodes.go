package callback

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/elinpool"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// Nodes knows the other nodes; *peer.Mesh does.
type Nodes interface {
	// Ask asks them whom a number leads back to, for 200 ms at most; what they know
	// was given to Hear when it returns true (F-08).
	Ask(ctx context.Context, n e911.Number) bool
	// Way is where a node takes calls, when it is there now.
	Way(node string) (addr netip.AddrPort, transport string, ok bool)
}

const (
	// longestLive is how long a call of another node counts as up when nobody says
	// that it ended: that node may be gone for good.
	longestLive = 24 * time.Hour
	// oldest is how old a number of another node is that is still taken up.
	oldest = longestLive + elinpool.MaxWindow + rest
)

// Hear takes up a fact of another node: in which calls numbers were given to
// PSAPs there, and when these ended. What comes twice, or of a call of this
// node, changes nothing, but that an ELIN is shared (F-08).
func (s *Service) Hear(node string, f journal.Fact) error {
	now := s.cfg.Now()
	if now.Sub(f.At) > oldest {
		return nil
	}
	switch f.Kind {
	case journal.CallbackBound:
		g, err := journal.Decode[journal.Given](f)
		if err != nil {
			return err
		}
		if g.Number == "" || f.Call == "" {
			return fmt.Errorf("fact %s %d %s: no number, or no call", f.Node, f.Seq, f.Kind)
		}
		g.Minutes = int(elinpool.Window(time.Duration(g.Minutes)*time.Minute) / time.Minute)
		b := bound{org: f.Org, call: f.Call, given: g, sent: true, at: f.At, node: cmp.Or(g.Node, node)}
		b.lines = s.linesOf(s.cfg.Snapshot.Load().Org(f.Org), g)
		for _, c := range s.table.hear(b, now) {
			s.record(c) // so that both are marked
			s.alarm(c.org, c.call, journal.Alarm{Code: AlarmShared, Count: 2, Detail: "another node lent the ELIN of this call too, because the nodes did not hear each other or did not agree on who they are; " +
				"a call back rings both callers"})
		}
	case journal.CallEnded:
		s.table.endElsewhere(f.Call, f.At)
	}
	return nil
}

// Held lists the facts by which a number leads back now, for another node that
// does not know it.
func (s *Service) Held(n e911.Number) (out []journal.Fact) {
	now := s.cfg.Now()
	all := s.table.held(n, now)
	for _, b := range s.table.heldLine(n, now) {
		if !slices.ContainsFunc(all, func(o bound) bool { return o.call == b.call && o.given.Number == b.given.Number }) {
			all = append(all, b)
		}
	}
	for _, b := range all {
		g := b.given
		g.Node = b.node
		out = append(out, journal.New(journal.CallbackBound, b.at, b.org, b.call, g))
		if !b.ended.IsZero() {
			out = append(out, journal.New(journal.CallEnded, b.ended, b.org, b.call, journal.Ended{}))
		}
	}
	return out
}

// hear puts in what another node gave. Returned are calls of this node that turn
// out to have the same ELIN at the same time.
func (t *table) hear(b bound, now time.Time) (crowded []bound) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, old := range t.call[b.call] {
		if old.given.Number != b.given.Number {
			continue
		}
		if old.node == "" {
			old.given.Crowded = old.given.Crowded || b.given.Crowded
			return nil
		}
		b.at = old.at
	}
	if b.given.Kind == journal.NumberELIN {
		for _, own := range t.number[b.given.Number] {
			// The shortest window says that the two were lent at once, whenever the other
			// call ended: of old calls that is heard later.
			if own.node != "" || own.org != b.org || own.call == b.call || own.given.Kind != journal.NumberELIN || !own.holds(now) ||
				b.at.Before(own.at.Add(-elinpool.MinWindow)) {
				continue
			}
			b.given.Crowded = true
			if !own.given.Crowded {
				own.given.Crowded = true
				if own.sent {
					crowded = append(crowded, *own)
				}
			}
		}
	}
	t.putLocked(b, now)
	return crowded
}

// endElsewhere says that a call of another node is over.
func (t *table) endElsewhere(call e911.CallID, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.call[call] {
		if b.node != "" && b.ended.IsZero() {
			b.ended = at
		}
	}
}

// sweepElsewhere bounds what other nodes can make this one remember, at half of
// the limit: the oldest go first, many at a time.
func (t *table) sweepElsewhere() {
	var theirs []*bound
	for b := range t.all {
		if b.node != "" {
			theirs = append(theirs, b)
		}
	}
	over := len(theirs) - t.limit/2
	if over < 0 {
		return
	}
	slices.SortFunc(theirs, func(a, b *bound) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.call, b.call)) })
	for _, b := range theirs[:min(len(theirs), over+max(t.limit/16, 1))] {
		t.drop(b)
	}
}

// headerForward carries what the node that a PSAP called tells the one that is to
// ring the telephone, sealed by the key that only nodes have.
const (
	headerForward  = "X-Callbox-Forward"
	purposeForward = "callbox callback forward v1"
	// forwardWithin is for how long it is good; clocks of nodes may differ.
	forwardWithin = 2 * time.Minute
)

// forward is what it holds. The node that gets it rings the telephone, nobody
// else, and asks no further node.
type forward struct {
	At     int64         `json:"at"` // Unix milliseconds
	Org    e911.OrgID    `json:"org"`
	Call   e911.CallID   `json:"call"`
	Number e911.Number   `json:"number"` // that was called
	Given  journal.Given `json:"given"`
}

// away lists the other nodes by which the telephone that called is reached: those
// at which it is registered; else, when it is alone, the one that had its call.
func (f *finder) away(b bound, alone bool) (out []party) {
	s := f.s
	if s.cfg.Nodes == nil || f.here {
		return nil
	}
	var names []string
	if account := f.account(b.given); account != "" && s.cfg.Elsewhere != nil {
		names = s.cfg.Elsewhere(f.org.ID(), account)
	}
	if alone && len(names) == 0 && b.node != "" {
		names = []string{b.node}
	}
	for _, name := range names {
		if w, ok := f.by(name, b); ok {
			out = append(out, party{what: rungDevice, name: "node " + name, ways: []way{w}})
		}
	}
	if !alone || b.node == "" {
		return out
	}
	// The telephone itself, from an address that it has not registered with: where
	// nothing is between the two it gets through.
	if source, err := netip.ParseAddrPort(b.given.Source); err == nil && b.given.Network == "udp" && b.given.Contact != "" {
		direct := way{uri: b.given.Contact, to: ladder.Target{URI: b.given.Contact, Addr: source, Transport: "udp"}}
		if len(out) == 0 {
			return []party{{what: rungDevice, name: b.given.Contact, ways: []way{direct}}}
		}
		out[0].ways = append(out[0].ways, direct)
	}
	return out
}

// connected is the way to a platform by the node that had the call: it may have a
// connection of the platform's.
func (f *finder) connected(b bound) (way, bool) {
	if f.s.cfg.Nodes == nil || f.here || b.node == "" {
		return way{}, false
	}
	return f.by(b.node, b)
}

// by is the way by another node, when that is there.
func (f *finder) by(node string, b bound) (way, bool) {
	addr, transport, ok := f.s.cfg.Nodes.Way(node)
	if !ok {
		return way{}, false
	}
	fw := forward{At: f.s.cfg.Now().UnixMilli(), Org: b.org, Call: b.call, Number: f.to, Given: b.given}
	fw.Given.People = journal.Due{}
	text, err := json.Marshal(fw)
	if err != nil {
		return way{}, false // cannot be: plain values
	}
	sealed, err := f.s.cfg.Ring.Seal(purposeForward, text)
	if err != nil {
		return way{}, false
	}
	uri := "sip:" + string(f.to) + "@" + addr.String() + ";transport=" + transport
	return way{uri: uri, to: ladder.Target{URI: uri, Addr: addr, Transport: transport}, forward: sealed}, true
}

// forwarded reads what another node tells with its INVITE.
func (s *Service) forwarded(req *sipedge.Request) (fw forward, ok bool) {
	text := strings.TrimSpace(req.Headers.Get(headerForward))
	if text == "" || s.cfg.Nodes == nil {
		return forward{}, false
	}
	plain, err := s.cfg.Ring.Open(purposeForward, text)
	if err != nil || json.Unmarshal(plain, &fw) != nil {
		return forward{}, false
	}
	n, _ := identify.LineOf(req.URI)
	return fw, n == fw.Number && s.cfg.Now().Sub(time.UnixMilli(fw.At)).Abs() <= forwardWithin
}

// serveForwarded rings the telephone for a PSAP that called another node. That
// node tells people, rings everybody else, and has the callback on its record.
func (s *Service) serveForwarded(ctx context.Context, leg emergency.Caller, fw forward) {
	a := asked{req: leg.Request(), snap: s.cfg.Snapshot.Load(), number: fw.Number, org: fw.Org, now: s.cfg.Now()}
	o := a.snap.Org(fw.Org)
	if o == nil {
		_ = leg.Reject(503, "this node does not know the organisation", nil)
		return
	}
	s.awaitRestored(ctx)
	b := bound{org: fw.Org, call: fw.Call, given: fw.Given, sent: true}
	if mine, ok := s.table.of(fw.Call, fw.Given.Number); ok {
		b = mine
	}
	b.node = "" // it is rung from here, or not at all
	f := &finder{s: s, snap: a.snap, org: o, to: fw.Number, here: true}
	devices := distinct([][]party{f.device(b)})
	if len(devices) == 0 {
		_ = leg.Reject(503, "the telephone is not reached from here", nil)
		return
	}
	s.carry(ctx, leg, &a, plan{org: fw.Org, kind: fw.Given.Kind, groups: devices, forwarded: true, why: "a PSAP called another node"})
}
