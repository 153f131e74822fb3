package callflow

import (
	"slices"
	"time"
)

// Standing is a call that was up when its owner went away: whom the caller
// talks to and for how long, to be gone on with by Resume. Or one whose caller
// still waited.
type Standing struct {
	Winner int
	Talked time.Duration
	Waits  *Waits // nil: the call was up
}

// Waits is a call that nobody had answered when its owner went away.
type Waits struct {
	Since time.Duration // its arrival
	Made  int           // attempts, those that are over too
	Out   []Out         // attempts that were not over, in the order of dialling
	Tried []int         // routes of those that are over
	// Told and NotConnected: people were told of the call, and that it is not
	// connected.
	Told, NotConnected bool
}

// Out is an attempt that was out when its owner went away. Its INVITE goes out
// once more, so that its side says again how far it is.
type Out struct {
	N, Route     int
	Slim         bool
	Rings, Early bool // it had rung; with early media
}

// Resume makes the machine of a call that another owner had (D-17), and what to
// do first. For a caller who waits the search goes on: attempts that are out stay,
// and what rang is never cancelled (F-02), but where nothing is heard of it in the
// no-progress time another route is tried beside it. One whose connection cannot be
// had again is dialled once more. Routes that were tried come after those that were
// not.
//
// Of a call that was up nothing is known of what the two said to each other
// meanwhile, so they are asked whether they are still there: at first after
// Policy.Ask, then every Policy.AskAgain. Who has no such call any more has hung
// up. Silence alone ends nothing, for the media goes past us and some user
// agents answer no such question; but after Policy.Longest a call with a silent
// side is over.
func Resume(cfg Config, s Standing) (*Machine, []Action) {
	if s.Waits != nil {
		return resumeWaiting(cfg, *s.Waits)
	}
	m := New(cfg)
	m.state, m.winner, m.n = talking, s.Winner, max(s.Winner, cfg.First)
	m.recorded, m.told, m.toldNotConnected, m.acked, m.ringback = true, true, true, true, true
	m.cfg.First = min(cfg.First, s.Winner-1)
	m.live = append(m.live, &attempt{n: s.Winner, state: answered, heard: true})
	m.silent = map[int]bool{}
	return m, []Action{
		set(TimerAsk, 0, cfg.Policy.Ask),
		set(TimerLongest, 0, max(cfg.Policy.Longest-s.Talked, cfg.Policy.AskAgain)),
	}
}

// resumeWaiting goes on with a caller who waits. That he called is on disk, for
// it was read there.
func resumeWaiting(cfg Config, w Waits) (*Machine, []Action) {
	cfg.Routes = slices.Clone(cfg.Routes)
	for _, r := range w.Tried {
		cfg.Routes[r].Down = true
	}
	for _, o := range w.Out {
		cfg.Routes[o.Route].Down = true
	}
	m := New(cfg)
	m.state, m.recorded, m.told, m.toldNotConnected, m.n = waiting, true, w.Told, w.NotConnected, max(w.Made, cfg.First)
	var acts []Action
	if len(cfg.Routes) == 0 {
		m.state, m.recorded = refusing, false
		acts = append(acts, m.tell(LegFailed)...)
		return m, append(append(acts, m.tellNotConnected()...), m.release()...)
	}
	for _, o := range w.Out {
		acts = append(acts, m.takeBack(o)...)
	}
	p := cfg.Policy
	if !m.told {
		acts = append(acts, set(TimerTold, 0, max(p.Told-w.Since, time.Millisecond)))
	}
	if !m.any(ringing) {
		acts = append(acts, m.armNotConnected()...)
	}
	acts = append(acts, m.press()...)
	return m, append(acts, m.ring()...)
}

// takeBack goes on with an attempt that was out.
func (m *Machine) takeBack(o Out) []Action {
	a := &attempt{n: o.N, route: o.Route, state: dialing, slim: o.Slim, early: o.Early, resumed: true}
	m.live = append(m.live, a)
	m.slim[o.Route] = m.slim[o.Route] || o.Slim
	m.ringback = m.ringback || o.Early
	d := m.cfg.Policy.NoProgress
	if m.cfg.Routes[o.Route].Slow {
		d = m.cfg.Policy.NoProgressSlow
	}
	if o.Rings {
		a.state, a.heard, a.unheard = ringing, true, true
		return []Action{set(TimerSecondLeg, o.N, d)}
	}
	return []Action{set(TimerNoProgress, o.N, d)}
}

// asking handles what a call that was gone on with asks and hears.
func (m *Machine) asking(ev Event) []Action {
	switch {
	case ev.Kind == Probed && (ev.N == 0 || ev.N == m.winner):
		return m.probed(ev)
	case ev.Kind == Fired && ev.Timer.Name == TimerAsk:
		acts := []Action{{Do: Probe, N: 0}}
		if m.winner != 0 { // 0: who had the call hung up, and who comes is not here yet
			acts = append(acts, Action{Do: Probe, N: m.winner})
		}
		return append(acts, set(TimerAsk, 0, m.cfg.Policy.AskAgain))
	case ev.Kind == Fired && ev.Timer.Name == TimerLongest:
		if !m.silent[0] && !m.silent[m.winner] {
			return []Action{set(TimerLongest, 0, m.cfg.Policy.AskAgain)}
		}
		return m.part("longer than a call lasts, and one side says nothing")
	}
	return nil
}

// part ends a call that neither side ended.
func (m *Machine) part(why string) []Action {
	return append([]Action{{Do: ByeLeg, N: 0, Reason: why}}, m.hangUp(ByCallbox, why)...)
}

// Codes of responses that say something of a dialog.
const (
	codeTimeout = 408
	codeNoCall  = 481
	codeGone    = 410
)

// probed: a side that has no such call hung up while nobody heard it.
func (m *Machine) probed(ev Event) []Action {
	m.silent[ev.N] = ev.Code == codeTimeout
	switch {
	case ev.Code != codeNoCall && ev.Code != codeGone:
		return nil
	case ev.N == 0:
		return append([]Action{{Do: ByeLeg, N: 0, Reason: "the call is over"}}, m.hangUp(ByCaller, "caller hung up unheard, during a restart")...)
	}
	acts := []Action{{Do: ByeLeg, N: m.winner, Reason: "the call is over"}}
	if others, ok := m.change(Event{Kind: Bye, N: m.winner}); ok {
		return append(acts, others...)
	}
	return append(acts, m.psapHangsUp("psap hung up", "psap hung up unheard, during a restart")...)
}
