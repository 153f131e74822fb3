package phone_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// pair starts a phone and a PSAP that it calls without anything between.
func pair(t *testing.T, b psap.Behaviour, transport string) (context.Context, *phone.Phone, *psap.PSAP) {
	t.Helper()
	local := netip.MustParseAddrPort("127.0.0.1:0")
	ps, err := psap.New(psap.Config{Listen: local, Behaviour: b, After: 10 * time.Millisecond, RingFor: time.Millisecond, Back: local})
	if err != nil {
		t.Fatal(err)
	}
	ph, err := phone.New(phone.Config{Listen: local, Proxy: ps.Addr(), Transport: transport, Number: "+16175550111", UserID: "agent4711"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	var wg sync.WaitGroup
	wg.Go(func() { _ = ps.Run(ctx) })
	wg.Go(func() { _ = ph.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return ctx, ph, ps
}

// Proves: E12
func TestACallReachesThePSAPAndBothHear(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			ctx, ph, ps := pair(t, psap.Answer, transport)
			call, err := ph.Dial(ctx, phone.Dialling{Number: "911", Location: "http://127.0.0.1/loc/x", PIDFLO: []byte("<presence/>")})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := call.WaitAnswer(ctx); err != nil {
				t.Fatal(err)
			}
			got := <-ps.Calls()
			if got.From != "+16175550111" || got.Asserted != "+16175550111" || string(got.PIDFLO) != "<presence/>" {
				t.Errorf("PSAP saw from %s, asserted %s, body %q", got.From, got.Asserted, got.PIDFLO)
			}
			if v := got.Invite.Get("Geolocation"); v != "<cid:loc@sim.invalid>, <http://127.0.0.1/loc/x>" {
				t.Errorf("Geolocation = %q", v)
			}
			if v := got.Invite.Get("User-Agent"); v != phone.Name {
				t.Errorf("User-Agent = %q: a simulation says so", v)
			}
			call.Media.Press(ctx, '1')
			select {
			case d := <-got.Media.Digits():
				if d != '1' {
					t.Errorf("digit %c", d)
				}
			case <-ctx.Done():
				t.Fatal("no digit was heard")
			}
			if r, err := call.ReInvite(ctx, call.Media.SDP("sendrecv")); err != nil || r.Status() != 200 {
				t.Errorf("re-INVITE: %v, %v", r, err)
			}
			if err := call.Hangup(); err != nil {
				t.Errorf("hang up: %v", err)
			}
			if _, packets := call.Media.Heard(); packets == 0 {
				t.Error("the phone heard nothing of its echo")
			}
		})
	}
}

func TestEveryBehaviourOfThePSAP(t *testing.T) {
	codes := map[psap.Behaviour]int{psap.Busy: 486, psap.Unavailable: 503}
	for b, want := range codes {
		ctx, ph, _ := pair(t, b, "udp")
		call, err := ph.Dial(ctx, phone.Dialling{Number: "911"})
		if err != nil {
			t.Fatal(err)
		}
		if e, err := call.WaitAnswer(ctx); !errors.Is(err, phone.ErrRefused) || e.Code != want {
			t.Errorf("%s: %v, %v, want %d", b, e.Code, err, want)
		}
	}

	ctx, ph, ps := pair(t, psap.RingForEver, "udp")
	call, err := ph.Dial(ctx, phone.Dialling{Number: "urn:service:sos"})
	if err != nil {
		t.Fatal(err)
	}
	if e := <-call.Events(); e.State != ua.Ringing {
		t.Errorf("first event %+v, want ringing", e)
	}
	if err := call.Cancel(); err != nil {
		t.Error(err)
	}
	if e, err := call.WaitEnd(ctx); err != nil || e.Code != 487 {
		t.Errorf("after CANCEL: %d, %v, want 487", e.Code, err)
	}
	if got := <-ps.Calls(); got.Invite.URI() != "urn:service:sos" {
		t.Errorf("Request-URI %q", got.Invite.URI())
	}

	ctx, ph, _ = pair(t, psap.HangUp, "tcp")
	call, err = ph.Dial(ctx, phone.Dialling{Number: "911"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitAnswer(ctx); err != nil {
		t.Fatal(err)
	}
	if e, err := call.WaitEnd(ctx); err != nil || e.By != "them" {
		t.Errorf("the PSAP hangs up: %+v, %v", e, err)
	}
}

func TestThePSAPCallsBack(t *testing.T) {
	ctx, ph, ps := pair(t, psap.Answer, "udp")
	if _, err := ps.Dial(ctx, "+16175550111", ph.Addr()); err != nil {
		t.Fatal(err)
	}
	select {
	case c := <-ph.Incoming():
		if v := c.Invite.Get("Priority"); v != "psap-callback" {
			t.Errorf("Priority = %q", v)
		}
	case <-ctx.Done():
		t.Fatal("the phone did not ring")
	}
}
