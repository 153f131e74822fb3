package sipedge_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

func register(uri string) out {
	o := newInvite(uri)
	o.method = "REGISTER"
	return o
}

// Proves: RFC 3261 section 17.2.2, C-70
func TestARequestIsServedOnceAndItsRepetitionGetsTheSameAnswer(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			var served atomic.Int32
			r := newRig(t, func(cfg *sipedge.Config) {
				cfg.Serve = func(_ context.Context, q *sipedge.Request) sipedge.Response {
					served.Add(1)
					if q.Method != "REGISTER" || !q.Flow.Valid() {
						t.Errorf("got %s with flow %v", q.Method, q.Flow)
					}
					return sipedge.Response{Code: 200, Contacts: []string{"<sip:a@b>;expires=60"}, Message: sipedge.Message{Headers: sipedge.Headers{{Name: "X-Count", Value: "1"}}}}
				}
			})
			p := newPeer(t, network, "127.0.0.11", r.addr(network))
			o := register("sip:callbox.example")
			p.send(o.text(p))
			first := p.status(200)
			p.send(o.text(p))
			again := p.status(200)
			if first.raw != again.raw || first.get("Contact") != "<sip:a@b>;expires=60" {
				t.Errorf("answers differ:\n%s\n%s", first.raw, again.raw)
			}
			if served.Load() != 1 {
				t.Errorf("served %d times", served.Load())
			}
		})
	}
}

// Proves: C-70, E14, D-02 (scanners see nothing)
func TestAStrangersREGISTERIsHeardForOurDomainOnly(t *testing.T) {
	r := newRig(t, func(cfg *sipedge.Config) {
		cfg.Registers = func(domain string) bool { return domain == "harbor.example" }
		cfg.Serve = func(context.Context, *sipedge.Request) sipedge.Response { return sipedge.Response{Code: 401} }
	})
	p := newPeer(t, "udp", "127.0.0.70", r.udp)
	for _, silent := range []out{register("sip:other.example"), register("sip:127.0.0.2"), {method: "OPTIONS", uri: "sip:harbor.example", branch: unique("z9hG4bK"), fromTag: "f", callID: unique("c"), seq: 1}} {
		p.send(silent.text(p))
	}
	p.send(register("sip:HARBOR.example:5060;transport=udp").text(p))
	if m := p.recv(); m.code() != 401 {
		t.Errorf("first answer is %s", m.start)
	}
}

// Proves: E9, D-02 (overload: ordinary requests are shed, emergency calls go on)
func TestTooManyRequestsAreShedAndACallForHelpIsNot(t *testing.T) {
	hold := make(chan struct{})
	r := newRig(t, func(cfg *sipedge.Config) {
		cfg.Limits.Requests = 1
		cfg.Serve = func(ctx context.Context, _ *sipedge.Request) sipedge.Response {
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return sipedge.Response{Code: 200}
		}
	})
	defer close(hold)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	for range 16 {
		p.send(register("sip:callbox.example").text(p))
	}
	if m := p.status(503); m.get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	q := newPeer(t, "udp", "127.0.0.12", r.udp)
	q.send(newInvite("sip:911@callbox.example").text(q))
	r.leg()
}

// Proves: E14, W-43 (a flood from one address does not touch the others)
func TestOneSourceDoesNotFillTheQueueOfAll(t *testing.T) {
	hold := make(chan struct{})
	r := newRig(t, func(cfg *sipedge.Config) {
		cfg.Limits.Requests = 8 // two of one source
		cfg.Serve = func(ctx context.Context, q *sipedge.Request) sipedge.Response {
			if q.Source.Addr().String() == "127.0.0.11" {
				select {
				case <-hold:
				case <-ctx.Done():
				}
			}
			return sipedge.Response{Code: 200}
		}
	})
	defer close(hold)
	flood, quiet := newPeer(t, "udp", "127.0.0.11", r.udp), newPeer(t, "udp", "127.0.0.12", r.udp)
	for range 32 {
		flood.send(register("sip:callbox.example").text(flood))
	}
	for range 30 {
		flood.status(503)
	}
	quiet.send(register("sip:callbox.example").text(quiet))
	quiet.status(200)
}

// Proves: E1, E14, W-43
func TestAFloodOfOrdinaryCallsLeavesRoom(t *testing.T) {
	now := time.Now()
	r := newRig(t, func(cfg *sipedge.Config) {
		cfg.Limits.OrdinaryRate = 100 // ten in one window, and time stands still
		cfg.Now = func() time.Time { return now }
	})
	flood, quiet := newPeer(t, "udp", "127.0.0.11", r.udp), newPeer(t, "udp", "127.0.0.12", r.udp)
	shed := 0
	for range 30 {
		flood.send(newInvite("sip:2102@callbox.example").text(flood))
		if m := flood.until("an answer", func(m msg) bool { return m.code() == 100 || m.code() == 503 }); m.code() == 503 {
			shed++
		}
	}
	if shed != 21 {
		t.Errorf("%d of 30 calls were shed, want 21", shed)
	}
	quiet.send(newInvite("sip:2102@callbox.example").text(quiet))
	quiet.status(100)
	flood.send(newInvite("sip:911@callbox.example").text(flood))
	flood.status(100)
}

// Proves: C-71 (OPTIONS to a trunk, REGISTER to a carrier)
func TestARequestOfOursGetsItsAnswer(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.21", r.udp)
	ask := sipedge.Outgoing{Method: "REGISTER", URI: "sip:carrier.example", Dest: p.local, Transport: "udp", From: "sip:us@carrier.example", To: "sip:us@carrier.example", Contact: true, ContactUser: "us", ContactParams: ";expires=300", CSeq: 7}
	type result struct {
		r   sipedge.Response
		err error
	}
	got := make(chan result, 1)
	send := func(ctx context.Context) {
		go func() {
			res, err := r.edge.Request(ctx, ask)
			got <- result{res, err}
		}()
	}
	send(t.Context())
	m := p.request("REGISTER")
	if m.get("CSeq") != "7 REGISTER" || !strings.HasPrefix(m.get("Contact"), "<sip:us@"+r.udp.String()) || !strings.HasSuffix(m.get("Contact"), ";expires=300") {
		t.Errorf("asked with:\n%s", m.raw)
	}
	p.respond(m, 401, "x", "", `WWW-Authenticate: Digest realm="c", nonce="n"`)
	if res := <-got; res.err != nil || res.r.Code != 401 || res.r.Message.Headers.Get("WWW-Authenticate") == "" || res.r.Local.Addr() != r.udp.Addr() {
		t.Errorf("got %+v, %v", res.r, res.err)
	}

	ask.Dest = newPeer(t, "udp", "127.0.0.22", r.udp).local // silent
	send(t.Context())
	if res := <-got; !errors.Is(res.err, sipedge.ErrTimeout) {
		t.Errorf("silence gave %v", res.err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	send(ctx)
	cancel()
	if res := <-got; !errors.Is(res.err, context.Canceled) {
		t.Errorf("a context that ended gave %v", res.err)
	}
	ask.Method = "INVITE"
	if _, err := r.edge.Request(t.Context(), ask); !errors.Is(err, sipedge.ErrMessage) {
		t.Errorf("INVITE gave %v", err)
	}
}

// Proves: C-71 (digest towards a trunk), RFC 3261 section 22.2
func TestAChallengeToAnINVITEIsAnsweredOnce(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.21", r.udp)
	in := call(p, "udp")
	in.Authorize = func(c sipedge.Challenge) sipedge.Headers {
		if c.Code != 407 || c.Method != "INVITE" || c.Headers.Get("Proxy-Authenticate") == "" || c.URI != in.URI || string(c.Body) != sdp {
			t.Errorf("challenge %+v", c)
		}
		return sipedge.Headers{{Name: "Proxy-Authorization", Value: `Digest username="us"`}}
	}
	leg := r.edge.Dial(t.Context(), in)
	first := p.request("INVITE")
	event(t, leg, sipedge.Sent)
	p.respond(first, 407, "a", "", `Proxy-Authenticate: Digest realm="c", nonce="n"`)
	second := p.until("second INVITE", func(m msg) bool { return m.code() == 0 && m.method() == "INVITE" && m.branch() != first.branch() })
	if second.get("Call-ID") != first.get("Call-ID") || second.tag("From") != first.tag("From") || second.get("CSeq") != "2 INVITE" || second.get("Proxy-Authorization") == "" || second.body != first.body {
		t.Errorf("second INVITE:\n%s", second.raw)
	}
	p.respond(first, 407, "a", "", `Proxy-Authenticate: Digest realm="c", nonce="n"`) // repeated: acknowledged again
	p.request("ACK")
	p.respond(second, 200, "b", sdp, p.contact())
	event(t, leg, sipedge.Answered)
	leg.Bye("")
	p.respond(p.request("BYE"), 200, "", "")

	leg = r.edge.Dial(t.Context(), in)
	m := p.until("INVITE", func(m msg) bool { return m.code() == 0 && m.method() == "INVITE" })
	event(t, leg, sipedge.Sent)
	for range 2 {
		p.respond(m, 407, "a", "", `Proxy-Authenticate: Digest realm="c", nonce="n"`)
		if m.get("Proxy-Authorization") != "" {
			break
		}
		branch := m.branch()
		m = p.until("INVITE", func(m msg) bool { return m.code() == 0 && m.method() == "INVITE" && m.branch() != branch })
	}
	if ev := event(t, leg, sipedge.Failed); ev.Code != 407 {
		t.Errorf("a second challenge ended with %d", ev.Code)
	}
}
