package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

const (
	// startPatience is how long the start waits for the outbox's database; then
	// the cursor file beside it counts.
	startPatience = time.Second
	// holdPatience is how long notices of a former run are held until all its
	// facts are read. It delays no new call: the feed gives them in order, and
	// an overdue one ends the hold.
	holdPatience = 10 * time.Second
	// strangerAge is the oldest call that is told when nothing says which calls
	// were told before: an old journal must not ring every desk again.
	strangerAge = 15 * time.Minute
	// rulesPause is how often the rules are asked while there are none yet.
	rulesPause = 100 * time.Millisecond
	// maxKnown is how many notices are remembered in memory, to tell a
	// repetition from news; half of them may come from a former run.
	maxKnown = 1 << 17
	// notePatience is how long a destination's next notice waits until the
	// journal has written that the one before it was sent: a kill then repeats
	// one notice of a destination and not a row of them.
	notePatience = 50 * time.Millisecond
)

// Service tells people. Make it with New, then call Run.
type Service struct {
	cfg      Config
	channels map[string]Channel
	outbox   *outbox
	sender   atomic.Pointer[sender] // from Run on
	known    known
	maxAge   time.Duration
	failing  atomic.Bool
}

// New checks the configuration; it opens nothing and starts nothing.
func New(cfg Config) (*Service, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, channels: map[string]Channel{}, maxAge: cfg.MaxAge, known: known{set: map[e911.NoticeID]state{}}}
	for _, c := range cfg.Channels {
		s.channels[c.Name()] = c
	}
	return s, nil
}

// Stat is the state of the service at one moment.
type Stat struct {
	Waiting int  // notices that are not handed over yet
	Failing bool // the outbox's database does not take anything
}

// Stat returns the state, for health and metrics. Before Run it is zero.
func (s *Service) Stat() Stat {
	lanes := s.sender.Load()
	if lanes == nil {
		return Stat{}
	}
	return Stat{Waiting: lanes.waiting(), Failing: s.failing.Load()}
}

// Run tells people until ctx ends. What is on its way then has Config.StopAfter
// to arrive; the rest stays in the outbox. Run is called once.
func (s *Service) Run(ctx context.Context) error {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		s.cfg.Log.Warn("notify: the folder of the outbox cannot be made", "err", err)
	}
	hard, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	lanes := &sender{
		now: s.cfg.Now, first: s.cfg.FirstPause, long: s.cfg.LongPause, maxAge: s.cfg.MaxAge,
		deliver: s.deliver, outcome: s.outcome, stopped: ctx, hard: hard, held: true,
		by: map[destination]*lane{}, slots: map[string]chan struct{}{}, orgSlots: map[string]map[e911.OrgID]chan struct{}{},
	}
	s.sender.Store(lanes)
	first := make(chan cursor, 1)
	s.outbox = &outbox{
		dir: s.cfg.Dir, open: s.cfg.Open, now: s.cfg.Now, found: s.resume, low: lanes.lowest, tell: s.outboxState,
		first: first, wake: make(chan struct{}, 1), unsaved: map[e911.NoticeID]row{},
	}
	saving, stopSaving := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSaving()
	saved := make(chan struct{})
	go func() { defer close(saved); s.outbox.run(saving) }()

	s.read(ctx, s.awaitCursor(ctx, first))

	patience := time.AfterFunc(s.cfg.StopAfter, cutOff)
	lanes.end()
	patience.Stop()
	stopSaving()
	t := time.NewTimer(s.cfg.StopAfter)
	defer t.Stop()
	select {
	case <-saved:
		return nil
	case <-t.C:
		return errors.New("close the outbox: its disk does not answer")
	}
}

// awaitCursor returns where to begin reading facts.
func (s *Service) awaitCursor(ctx context.Context, first <-chan cursor) uint64 {
	t := time.NewTimer(startPatience)
	defer t.Stop()
	at := cursor{}
	select {
	case at = <-first:
	case <-t.C:
		s.outboxState(false, errors.New("it did not open in time"))
		at = fileCursor(s.cfg.Dir)
	case <-ctx.Done():
	}
	if !at.known {
		s.maxAge = min(s.maxAge, strangerAge)
	}
	return at.seq + 1
}

// read handles facts until ctx ends or the journal closes. What a former run
// has left is held until its facts are read to the end: among them stands what
// it has sent and the outbox has not noted.
func (s *Service) read(ctx context.Context, from uint64) {
	feed := s.cfg.Feed.Subscribe(ctx, from)
	var overdue <-chan journal.Fact
	if s.cfg.Overdue != nil {
		overdue = s.cfg.Overdue.Overdue(ctx)
	}
	lanes := s.sender.Load()
	end := s.cfg.Recorder.Record(journal.New(journal.NotifyStarted, s.cfg.Now(), "", "", journal.Reading{From: from})).Seq
	patience := time.NewTimer(holdPatience)
	defer patience.Stop()
	for feed != nil || overdue != nil {
		select {
		case f, open := <-feed:
			if !open {
				feed = nil
				continue
			}
			made := s.handle(ctx, f, f.Seq < end)
			if ctx.Err() != nil {
				return // perhaps not handled: it comes again
			}
			s.outbox.advance(f.Seq, made)
			if f.Seq >= end {
				lanes.release()
			}
		case f, open := <-overdue:
			if !open {
				overdue = nil
				continue
			}
			if s.handle(ctx, f, false) {
				lanes.release()
			}
		case <-patience.C:
			lanes.release()
		case <-ctx.Done():
			return
		}
	}
	lanes.release()
	<-ctx.Done() // the journal closed first; what waits is still sent
}

// handle does what follows from one fact; former says that it is of a former
// run. It reports whether there were notices to make.
func (s *Service) handle(ctx context.Context, f journal.Fact, former bool) bool {
	switch {
	case f.Kind == journal.NotifyDue:
		return s.take(ctx, f)
	case former && (f.Kind == journal.NotifySent || f.Kind == journal.NotifyFailed):
		n, err := journal.Decode[journal.Notice](f)
		if err != nil || (f.Kind == journal.NotifyFailed && !n.GaveUp) {
			return false
		}
		settled := sent
		if n.GaveUp {
			settled = givenUp
		}
		e, held := s.sender.Load().forget(n.ID)
		if !held && s.known.has(n.ID) {
			return false
		}
		s.known.add(n.ID, settled)
		if held {
			s.outbox.put(row{Notice: e.Notice, state: settled, tries: n.Try})
			return true
		}
	}
	return false
}

// take makes the notices of one fact and queues those that are new. It reports
// whether there were any.
func (s *Service) take(ctx context.Context, f journal.Fact) bool {
	due, err := journal.Decode[journal.Due](f)
	if err != nil {
		s.cfg.Log.Error("notify: a fact cannot be read", "seq", f.Seq, "err", err)
		return false
	}
	notices, ready := expand(f, due, s.cfg.Rules, s.link(f.Call))
	for !ready {
		t := time.NewTimer(rulesPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false
		}
		notices, ready = expand(f, due, s.cfg.Rules, s.link(f.Call))
	}
	if len(notices) == 0 && due.Class != e911.ClassTest933 && due.Reason != journal.DueUnknownNetwork {
		s.alarm(AlarmNobody, f.Org, f.Call, "no alert rule tells anybody of this call")
	}
	notices = slices.DeleteFunc(notices, func(n Notice) bool { return s.known.has(n.ID) })
	for _, n := range notices {
		s.known.add(n.ID, pending)
		e := &entry{Notice: n}
		switch {
		case s.cfg.Now().Sub(f.At) > s.maxAge:
			s.outcome(e, errTooOld, true)
		case s.channels[n.Channel] == nil:
			s.alarm(AlarmNoChannel, n.Org, n.Call, n.Channel+" is not set up")
			s.outcome(e, fmt.Errorf("channel %s is not set up", n.Channel), true)
		default:
			s.outbox.put(row{Notice: n, state: pending})
			s.queue(e)
		}
	}
	return len(notices) > 0
}

// resume queues what a database that was opened says is pending, and notes in
// it what waits in memory: it may be a new one.
func (s *Service) resume(settled []e911.NoticeID, entries []*entry) {
	for _, id := range settled {
		if !s.known.has(id) {
			s.known.add(id, sent)
		}
	}
	s.sender.Load().each(s.outbox.putNew)
	for _, e := range entries {
		if st, known := s.known.get(e.ID); known {
			// It is being sent, or was, while the database failed; or the facts
			// say that a former run has settled it.
			if st != pending {
				s.outbox.put(row{Notice: e.Notice, state: st, tries: e.tries})
			}
			continue
		}
		s.known.add(e.ID, pending)
		if s.channels[e.Channel] == nil {
			s.outcome(e, fmt.Errorf("channel %s is not set up", e.Channel), true)
			continue
		}
		s.queue(e)
	}
}

func (s *Service) queue(e *entry) {
	if out := s.sender.Load().add(e); out != nil {
		s.outcome(out, errors.New("too many wait for this destination"), true)
	}
}

func (s *Service) deliver(ctx context.Context, e *entry) error {
	n := e.Notice
	if n.Channel == Webhook {
		var ready bool
		if n.Secrets, ready = secretsOf(s.cfg.Rules, n); !ready {
			return errors.New("the alert rules are not loaded yet")
		}
		if len(n.Secrets) == 0 {
			return fmt.Errorf("no alert rule names this URL any more: %w", ErrGone)
		}
	}
	return s.channels[n.Channel].Deliver(ctx, n)
}

// outcome notes what became of one try.
func (s *Service) outcome(e *entry, err error, gaveUp bool) {
	r := row{Notice: e.Notice, tries: e.tries, refusals: e.refusals, next: e.next}
	switch {
	case err == nil:
		r.state = sent
	case gaveUp:
		r.state = givenUp
	}
	s.outbox.put(r)
	body := journal.Notice{ID: e.ID, Channel: e.Channel, To: e.To, Reason: e.Due.Reason, Try: e.tries, GaveUp: gaveUp}
	kind := journal.NotifySent
	if err != nil {
		kind = journal.NotifyFailed
		body.Error = bounded(err.Error(), 400)
		s.cfg.Log.Warn("notify: not handed over", "notice", string(e.ID), "channel", e.Channel, "try", e.tries, "gave_up", gaveUp)
	}
	receipt := s.cfg.Recorder.Record(journal.New(kind, s.cfg.Now(), e.Org, e.Call, body))
	if gaveUp {
		s.alarm(AlarmGaveUp, e.Org, e.Call, "a "+e.Channel+" was given up: "+body.Error)
	}
	if err == nil && !s.sender.Load().crowded(e) {
		t := time.NewTimer(notePatience)
		defer t.Stop()
		select {
		case <-receipt.Written:
		case <-t.C:
		}
	}
}

// outboxState tells when the database begins or ceases to fail.
func (s *Service) outboxState(ok bool, err error) {
	if s.failing.Swap(!ok) == !ok {
		return
	}
	if ok {
		s.alarm(AlarmOutboxOK, "", "", "the outbox's database works again")
		return
	}
	s.alarm(AlarmOutbox, "", "", fmt.Sprintf("the outbox's database fails, notices go out from memory: %v", err))
}

func (s *Service) alarm(code string, org e911.OrgID, call e911.CallID, detail string) {
	s.cfg.Log.Warn("notify: alarm", "code", code, "call", string(call))
	s.cfg.Recorder.Record(journal.New(journal.AlarmRaised, s.cfg.Now(), org, call, journal.Alarm{Code: code, Detail: detail}))
}

func (s *Service) link(call e911.CallID) string {
	if s.cfg.BaseURL == "" || call == "" {
		return ""
	}
	return s.cfg.BaseURL + "/calls/" + string(call)
}

func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
