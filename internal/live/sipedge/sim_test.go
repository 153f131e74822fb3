package sipedge_test

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// sims puts a simulated phone on one side of a bridging edge and a simulated
// PSAP on the other; they share no code with the edge.
func sims(t *testing.T, in, out string, b psap.Behaviour) (context.Context, *phone.Phone, *psap.PSAP) {
	t.Helper()
	ps, err := psap.New(psap.Config{Listen: netip.MustParseAddrPort("127.0.0.21:0"), Behaviour: b, RingFor: 20 * time.Millisecond, After: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var edge atomic.Pointer[sipedge.Edge]
	r := newRig(t, func(c *sipedge.Config) {
		c.Handle = bridge(edge.Load, ps.Addr(), out)
		c.Timers = sipedge.Timers{}
	})
	edge.Store(r.edge)
	ph, err := phone.New(phone.Config{Listen: netip.MustParseAddrPort("127.0.0.11:0"), Proxy: r.addr(in), Transport: in, Number: "+16175550111"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	var wg sync.WaitGroup
	wg.Go(func() { _ = ps.Run(ctx) })
	wg.Go(func() { _ = ph.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return ctx, ph, ps
}

// Proves: E12, D-04, D-05, F-16
func TestASimulatedPhoneAndPSAPTalkThroughTheEdge(t *testing.T) {
	for _, way := range [][2]string{{"udp", "udp"}, {"udp", "tcp"}, {"tcp", "udp"}, {"tcp", "tcp"}} {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			ctx, ph, ps := sims(t, way[0], way[1], psap.Answer)
			lo := []byte("<presence>here</presence>")
			call, err := ph.Dial(ctx, phone.Dialling{Number: "911", PIDFLO: lo})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := call.WaitAnswer(ctx); err != nil {
				t.Fatal(err)
			}
			var got psap.Received
			select {
			case got = <-ps.Calls():
			case <-ctx.Done():
				t.Fatal("the PSAP has no call")
			}
			if string(got.PIDFLO) != string(lo) || got.Invite.Transport != way[1] || len(got.Invite.Raw) == 0 {
				t.Errorf("PSAP got %q by %s, %d raw bytes", got.PIDFLO, got.Invite.Transport, len(got.Invite.Raw))
			}
			// Media flows past us.
			call.Media.Press(ctx, '5')
			select {
			case d := <-got.Media.Digits():
				if d != '5' {
					t.Errorf("digit %c", d)
				}
			case <-ctx.Done():
				t.Error("no digit was heard")
			}
			// Re-INVITE both ways.
			if r, err := call.ReInvite(ctx, call.Media.SDP("sendonly")); err != nil || r.Status() != 200 {
				t.Errorf("phone's re-INVITE: %v, %v", r, err)
			}
			if r, err := got.Call.ReInvite(ctx, got.Media.SDP("sendrecv")); err != nil || r.Status() != 200 {
				t.Errorf("PSAP's re-INVITE: %v, %v", r, err)
			}
			hangUp, other := call.Call, got.Call
			if way[0] == "tcp" {
				hangUp, other = got.Call, call.Call
			}
			if err := hangUp.Hangup(); err != nil {
				t.Errorf("hang up: %v", err)
			}
			if other == got.Call {
				return // the PSAP reads its own events
			}
			if e, err := call.WaitEnd(ctx); err != nil || e.By != "them" {
				t.Errorf("end = %+v, %v", e, err)
			}
		})
	}
}

// Proves: F-02
func TestASimulatedPSAPRefusesRingsAndIsGivenUp(t *testing.T) {
	for b, want := range map[psap.Behaviour]int{psap.Busy: 486, psap.Unavailable: 503} {
		both(t, func(t *testing.T, network string) {
			ctx, ph, _ := sims(t, network, network, b)
			call, err := ph.Dial(ctx, phone.Dialling{Number: "911"})
			if err != nil {
				t.Fatal(err)
			}
			if e, err := call.WaitAnswer(ctx); err == nil || e.Code != want {
				t.Errorf("%s: %d, want %d", b, e.Code, want)
			}
		})
	}
	both(t, func(t *testing.T, network string) {
		ctx, ph, ps := sims(t, network, network, psap.RingForEver)
		call, err := ph.Dial(ctx, phone.Dialling{Number: "911"})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-call.Events():
			if e.State != ua.Ringing {
				t.Errorf("first event %+v, want ringing", e)
			}
		case <-ctx.Done():
			t.Fatal("it does not ring")
		}
		if err := call.Cancel(); err != nil {
			t.Error(err)
		}
		if e, err := call.WaitEnd(ctx); err != nil || e.Code != 487 {
			t.Errorf("after CANCEL: %d, %v, want 487", e.Code, err)
		}
		got := <-ps.Calls()
		for {
			select {
			case e, open := <-got.Call.Events():
				if !open || e.State == ua.Ended {
					return
				}
			case <-ctx.Done():
				t.Fatal("the PSAP still rings")
			}
		}
	})
	both(t, func(t *testing.T, network string) {
		ctx, ph, _ := sims(t, network, network, psap.HangUp)
		call, err := ph.Dial(ctx, phone.Dialling{Number: "911"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.WaitAnswer(ctx); err != nil {
			t.Fatal(err)
		}
		if e, err := call.WaitEnd(ctx); err != nil || e.By != "them" {
			t.Errorf("the PSAP hangs up: %+v, %v", e, err)
		}
	})
}
