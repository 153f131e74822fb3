package emergency

import (
	"context"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// quiet is a leg that answers at once and keeps no trace.
type quiet struct {
	*fakeLeg
	answered chan struct{}
}

func (q quiet) Provisional(int, int, string, sipedge.Message) error { return nil }

func (q quiet) Answer(int, sipedge.Message) error {
	close(q.answered)
	q.emit(sipedge.Event{Kind: sipedge.ByeReceived})
	return nil
}

func (q quiet) Bye(string) {}

// discards is a journal that is done at once.
type discards struct{ done chan struct{} }

func (d discards) Record(journal.Fact) journal.Receipt {
	return journal.Receipt{Written: d.done, Synced: d.done, Err: func() error { return nil }}
}

// BenchmarkCall is our own work for one call from INVITE to hang-up, without
// SIP and disk: identify, locate, PSAP, ladder, PIDF-LO, facts, call flow. The
// design allows 200 µs for it (section 8).
func BenchmarkCall(b *testing.B) {
	t := &testing.T{}
	k := newKit(t)
	k.token(ourToken)
	done := make(chan struct{})
	close(done)
	k.h.cfg.Journal = discards{done}
	k.h.cfg.Dial = func(context.Context, sipedge.Invite) Callee {
		l := quiet{fakeLeg: newLeg(t, k.tr, "leg")}
		l.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "tcp"})
		l.emit(sipedge.Event{Kind: sipedge.Provisional, Code: 180})
		l.emit(sipedge.Event{Kind: sipedge.Answered, Code: 200, Body: []byte(psapSDP), ContentType: typeSDP})
		return l
	}
	r := invite(header("Geolocation", "<"+ourToken+">"))
	b.ReportAllocs()
	for b.Loop() {
		req := *r
		req.CallID = string(e911.NewID[e911.CallID]())
		l := quiet{fakeLeg: newLeg(t, k.tr, "caller"), answered: make(chan struct{})}
		l.req = &req
		k.h.Serve(b.Context(), l)
		select {
		case <-l.answered:
		default:
			b.Fatal("the caller was not answered")
		}
	}
}
