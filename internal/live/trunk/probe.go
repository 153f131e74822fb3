package trunk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/trunkstate"
)

const (
	// everyDefault is how often a target is probed when its trunk does not say.
	everyDefault = 30 * time.Second
	// answerWithin is how long an answer to a probe or a registration may take.
	answerWithin = 4 * time.Second
	// look is how often it is looked at what is due.
	look = time.Second
)

// Run probes and registers until ctx ends. What is under way then is waited for.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	defer k.asking.Wait()
	for {
		k.Tick(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Tick begins what is due now: probes and registrations. It waits for none.
func (k *Keeper) Tick(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sync()
	now := k.cfg.Now()
	for id, s := range k.trunks {
		k.register(ctx, id, s, now)
		if s.trunk.Side == e911.SidePlatform {
			continue
		}
		list := k.find(s.trunk, nil)
		for at := range s.targets {
			if !slices.ContainsFunc(list, func(f found) bool { return f.key == at }) {
				delete(s.targets, at) // the name leads elsewhere now
			}
		}
		if s.trunk.Probe.Off {
			continue
		}
		for _, f := range list {
			if x := s.target(f.key); !x.busy && !now.Before(x.due) {
				k.ask(func() { k.probe(ctx, id, f) }, func() { x.busy = true })
			}
		}
	}
}

// Wait returns when nothing that Tick began is under way any more.
func (k *Keeper) Wait() { k.asking.Wait() }

// ask runs f on a goroutine of its own when there is room for it. The caller has
// the lock.
func (k *Keeper) ask(f, begin func()) {
	select {
	case k.room <- struct{}{}:
	default:
		return // it is still due at the next look
	}
	begin()
	k.asking.Go(func() {
		defer func() { <-k.room }()
		f()
	})
}

// probe asks a target by OPTIONS, by TCP first where calls go by it (F-16).
func (k *Keeper) probe(ctx context.Context, id e911.TrunkID, f found) {
	k.mu.Lock()
	x := k.targetOf(id, f.key)
	if x == nil {
		k.mu.Unlock()
		return
	}
	if x.callID == "" {
		x.callID = e911.NewID[string]() + "@" + k.cfg.Domain
	}
	x.cseq++
	o := sipedge.Outgoing{
		Method: "OPTIONS", URI: bare(f.request), Dest: f.addr, Transport: f.transport, ServerName: f.serverName,
		From: "<sip:callbox@" + k.cfg.Domain + ">", To: "<" + bare(f.request) + ">", CallID: x.callID, CSeq: x.cseq, Contact: true,
		Message: sipedge.Message{Headers: sipedge.Headers{
			{Name: "Max-Forwards", Value: "70"},
			{Name: "Accept", Value: "application/sdp, application/pidf+xml, multipart/mixed"},
		}},
	}
	k.mu.Unlock()
	began := k.cfg.Now()
	r, err := k.request(ctx, o)
	noTCP := false
	if err != nil && f.open && f.transport == "tcp" && ctx.Err() == nil {
		o.Transport = "udp"
		o.CSeq++
		if again, err2 := k.request(ctx, o); err2 == nil {
			r, err, noTCP = again, nil, true
		}
	}
	if ctx.Err() != nil {
		return // we stop: that says nothing of the target
	}
	now := k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.trunks[id]
	if x = k.targetOf(id, f.key); x == nil {
		return
	}
	x.busy, x.cseq = false, o.CSeq
	x.probe = Probe{At: now, Code: r.Code, Took: now.Sub(began), Transport: o.Transport, Accept: x.probe.Accept}
	ev := trunkstate.Event{Kind: trunkstate.Answered, At: now}
	switch {
	case err != nil:
		ev.Kind, ev.Why, x.probe.Accept = trunkstate.Missed, reason(err), nil
	case r.Code == 503 || r.Code == 408:
		ev.Kind, ev.Why = trunkstate.Missed, fmt.Sprintf("it answers %d %s", r.Code, r.Reason)
	default:
		x.noTCP = noTCP
		if r.Code < 300 {
			if x.probe.Accept = accepts(r.Message.Headers); len(x.probe.Accept) > 0 {
				x.bodies = x.bodies.Says(lists(x.probe.Accept), now)
			}
		}
	}
	x.Target = x.Step(ev, true)
	every := s.trunk.Probe.Every
	if every == 0 {
		every = everyDefault
	}
	x.due = now.Add(x.Next(every))
	k.tell(s)
}

func (k *Keeper) targetOf(id e911.TrunkID, at key) *target {
	s := k.trunks[id]
	if s == nil {
		return nil
	}
	return s.targets[at]
}

func (k *Keeper) request(ctx context.Context, o sipedge.Outgoing) (sipedge.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, err := k.cfg.Ask.Request(ctx, o)
	if err != nil {
		return r, fmt.Errorf("ask by %s: %w", o.Method, err)
	}
	return r, nil
}

// reason says to a person why there was no answer.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sipedge.ErrTimeout) {
		return "no answer within " + answerWithin.String()
	}
	text := err.Error()
	if len(text) > 160 {
		text = text[:160]
	}
	return text
}

// accepts lists the bodies that a target says that it takes; none: it does not
// say, which means SDP alone (RFC 3261, section 20.1).
func accepts(h sipedge.Headers) []string {
	var out []string
	for _, line := range h.All("Accept") {
		for v := range strings.SplitSeq(line, ",") {
			v, _, _ = strings.Cut(v, ";")
			if v = strings.ToLower(strings.TrimSpace(v)); v != "" && len(v) <= 80 && len(out) < 16 {
				out = append(out, v)
			}
		}
	}
	return out
}

// bare is a SIP URI without parameters and headers.
func bare(uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	uri, _, _ = strings.Cut(uri, ";")
	return uri
}
