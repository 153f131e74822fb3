package trial

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// maxTargets bounds how many targets of a trunk one test tries.
const maxTargets = 4

// run is one test under way. The trace comes from goroutines of the edge, so the
// lock guards report.Steps and seen.
type run struct {
	s     *Service
	trunk e911.Trunk
	order Order

	mu     sync.Mutex
	report calltrace.Report
	seen   map[string]bool // messages of ours, to know repetitions
	last   sipedge.Traced  // the last message
	noTCP  string          // why TCP did not connect in this attempt
	moved  chan struct{}   // a message came or went
}

// decided adds what we decided.
func (r *run) decided(format string, args ...any) {
	r.step(calltrace.Step{After: r.s.cfg.Now().Sub(r.report.At), Kind: calltrace.Decided, What: fmt.Sprintf(format, args...)})
}

func (r *run) step(s calltrace.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Steps = append(r.report.Steps, s)
}

// told is the report as it is now: repetitions may come, and be traced, when the
// test is over.
func (r *run) told() calltrace.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.report
	report.Steps = slices.Clone(report.Steps)
	return report
}

// traced takes what the edge tells. It does not wait.
func (r *run) traced(t sipedge.Traced) {
	after := t.At.Sub(r.report.At)
	switch t.What {
	case sipedge.TraceNoConnect:
		r.step(calltrace.Step{After: after, Kind: calltrace.Connected, What: fmt.Sprintf("no connection by %s to %s: %s", t.Transport, t.Remote, reasonOf(t.Err))})
		if t.Transport == "tcp" {
			r.mu.Lock()
			r.noTCP = reasonOf(t.Err)
			r.mu.Unlock()
		}
		return
	case sipedge.TraceCut:
		r.step(calltrace.Step{After: after, Kind: calltrace.Decided, What: "more was said than is shown here"})
		return
	case sipedge.TraceConnected:
		r.step(connected(t, after))
		return
	}
	m := message(t)
	s := calltrace.Step{
		After: after, Kind: calltrace.Message, Out: t.Out, What: m.What(), Transport: t.Transport, Remote: t.Remote.String(), Carries: m.Carries(),
	}
	key := fmt.Sprint(t.Out, s.What, t.Headers.Get("CSeq"), t.Headers.Get("Via"), t.Headers.Get("To"))
	r.mu.Lock()
	if s.Again = r.seen[key]; s.Again {
		s.Carries = nil
	}
	r.seen[key] = true
	r.last = t
	r.report.Steps = append(r.report.Steps, s)
	r.mu.Unlock()
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

func connected(t sipedge.Traced, after time.Duration) calltrace.Step {
	s := calltrace.Step{After: after, Kind: calltrace.Connected, What: fmt.Sprintf("by %s from %s to %s", t.Transport, t.Local, t.Remote)}
	if t.TLS != nil {
		s.Carries = []string{
			fmt.Sprintf("%s, certificate of %s", t.TLS.Version, strings.Join(t.TLS.Names, " ")),
			fmt.Sprintf("vouched for by %s, good until %s", t.TLS.Issuer, t.TLS.NotAfter.UTC().Format(time.DateOnly)),
		}
	}
	return s
}

func message(t sipedge.Traced) calltrace.Msg {
	m := calltrace.Msg{Method: t.Method, URI: t.URI, Code: t.Code, Reason: t.Reason, Body: t.Body, ContentType: t.ContentType}
	for _, h := range t.Headers {
		m.Fields = append(m.Fields, calltrace.Field(h))
	}
	return m
}

// reasonOf is the end of an error's chain, which says it best.
func reasonOf(err error) string {
	if err == nil {
		return "unknown"
	}
	parts := strings.Split(err.Error(), ": ")
	return strings.Join(parts[max(0, len(parts)-2):], ": ")
}

func targetName(t ladder.Target) string { return t.Transport + ":" + t.Addr.String() }

// targets are those of the trunk with an address, and says what was decided.
func (r *run) targets() []ladder.Target {
	var list []ladder.Target
	for _, t := range r.s.cfg.Trunks.Targets(r.trunk) {
		if t.Addr.IsValid() {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		r.decided("no address of the trunk is known: its names were never answered for")
		return nil
	}
	for i, t := range list {
		state := ""
		if t.Down {
			state = ", known to be down and so last"
		}
		r.decided("target %d of %d: %s for %s%s", i+1, len(list), targetName(t), t.URI, state)
	}
	return list[:min(len(list), maxTargets)]
}

// call tries the targets in their order until one of them decides.
func (r *run) call(ctx context.Context) {
	r.report.Number, r.report.Place = string(r.number()), r.order.Caller.Where.Place.Display
	if by := r.order.Caller.Where.By; by == "" || by == e911.ByNothing {
		r.decided("no location goes with it: none was named, or none is known there (--from)")
	}
	for _, t := range r.targets() {
		try := r.attempt(ctx, t, false)
		if callflow.Slims(try.Code) && try.Bodies > 0 {
			r.decided("%d can come from the bodies beside SDP: once more without them, as a 911 call would (F-16)", try.Code)
			try = r.attempt(ctx, t, true)
		}
		decides := try.Code > 0 && (try.Code < 500 || try.Code >= 600) || try.Fault == calltrace.Rings
		if decides || ctx.Err() != nil {
			break
		}
	}
	r.report.Verdict = r.told().Judge(r.trunk.Digest.User != "")
}

// options asks each target whether it is there.
func (r *run) options(ctx context.Context) {
	list := r.targets()
	if len(list) == 0 {
		list = r.sources()
	}
	for _, t := range list {
		try := calltrace.Try{Target: targetName(t)}
		began := r.s.cfg.Now()
		limited, cancel := context.WithTimeout(ctx, r.s.cfg.NoProgress)
		res, err := r.s.cfg.Ask.Request(limited, sipedge.Outgoing{
			Method: "OPTIONS", URI: t.URI, Dest: t.Addr, Transport: t.Transport, ServerName: t.ServerName,
			From: "<sip:callbox@" + r.s.cfg.Domain + ">", To: "<" + t.URI + ">", Contact: true, Trace: r.traced,
			Message: sipedge.Message{Headers: sipedge.Headers{{Name: "Accept", Value: "application/sdp"}, {Name: "Max-Forwards", Value: "70"}}},
		})
		cancel()
		try.Took, try.Sent = r.s.cfg.Now().Sub(began), err == nil
		if err != nil {
			r.fault(&try, err)
		} else {
			try.Code, try.Reason = res.Code, res.Reason
		}
		r.report.Tries = append(r.report.Tries, try)
	}
	r.report.Verdict = r.told().Judge(r.trunk.Digest.User != "")
	if n := len(r.report.Tries); n > 0 && r.report.Tries[n-1].Code > 0 && r.report.Tries[n-1].Code != 503 {
		// Any answer shows life; a platform need not know OPTIONS.
		r.report.Verdict.OK = true
		r.report.Verdict.Text = r.trunk.Key + " is there: it answered " + fmt.Sprint(r.report.Tries[n-1].Code, " ", r.report.Tries[n-1].Reason)
		r.report.Verdict.Do = nil
	}
}

// sources are the addresses that a platform calls from, where they are single
// ones: it may listen there too.
func (r *run) sources() []ladder.Target {
	const port = 5060
	var list []ladder.Target
	for _, p := range r.trunk.From {
		if p.IsSingleIP() && len(list) < maxTargets {
			at := netip.AddrPortFrom(p.Addr(), port)
			r.decided("no target is configured: the source %s is asked at port %d", p.Addr(), port)
			list = append(list, ladder.Target{URI: "sip:" + at.String(), Addr: at, Transport: "udp"})
		}
	}
	return list
}
