package callflow

import "time"

// Standing is a call that was up when its owner went away: whom the caller
// talks to and for how long, to be gone on with by Resume.
type Standing struct {
	Winner int
	Talked time.Duration
}

// Resume makes the machine of a call that another owner brought up (D-17), and
// what to do first. Nothing is known of what the two said to each other
// meanwhile, so they are asked whether they are still there: at first after
// Policy.Ask, then every Policy.AskAgain. Who has no such call any more has hung
// up. Silence alone ends nothing, for the media goes past us and some user
// agents answer no such question; but after Policy.Longest a call with a silent
// side is over.
func Resume(cfg Config, s Standing) (*Machine, []Action) {
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
