package sipedge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// Proves: issue 6 (ordinary connections go first; a flood from one address does not touch the others), E1, E9
func TestACallForHelpFindsAConnectionWhenAllAreTaken(t *testing.T) {
	r := newRig(t, func(c *sipedge.Config) { c.Limits.Connections = 8 })
	// A call for help is up on a connection of the source that then floods.
	first, _, leg, _ := answeredCall(t, r, "tcp")
	quiet := newPeer(t, "tcp", "127.0.0.41", r.tcp)
	quiet.send("\r\n\r\n")
	if b, err := quiet.rd.ReadByte(); err != nil || b != '\r' {
		t.Fatalf("keep-alive: %q %v", b, err)
	}
	for range 30 {
		newPeer(t, "tcp", "127.0.0.11", r.tcp)
	}
	p := newPeer(t, "tcp", "127.0.0.42", r.tcp)
	p.send(newInvite("sip:911@callbox.example").text(p))
	_ = r.leg().Reject(486, "", nil)
	p.status(486)
	quiet.send("\r\n\r\n")
	if _, err := quiet.rd.ReadByte(); err != nil {
		t.Errorf("who had one connection lost it to a flood of another: %v", err)
	}
	leg.Bye("")
	first.respond(first.request("BYE"), 200, "", "")
	isOver(t, leg)
	if r.edge.Stats().Shed == 0 {
		t.Error("what was shed is not counted")
	}
}

// A telephone behind the address of a flood is called back: its connection carries
// that call, though it was not the call that opened it.
//
// Proves: issue 6, E6
func TestAConnectionThatATelephoneIsCalledByIsNotIdle(t *testing.T) {
	r := newRig(t, func(c *sipedge.Config) { c.Limits.Connections = 8 })
	p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
	p.send(newInvite("sip:911@callbox.example").text(p))
	first := r.leg()
	_ = first.Reject(486, "", nil)
	p.status(486)
	in := call(p, "tcp")
	in.Flow = first.Request().Flow
	back := r.edge.Dial(t.Context(), in)
	inv := p.request("INVITE")
	sent(t, back, "tcp")
	p.respond(inv, 180, "phone", "", p.contact())
	event(t, back, sipedge.Provisional)
	for range 30 {
		newPeer(t, "tcp", "127.0.0.11", r.tcp)
	}
	newPeer(t, "tcp", "127.0.0.42", r.tcp).send("\r\n\r\n")
	p.respond(inv, 200, "phone", sdp, p.contact())
	event(t, back, sipedge.Answered)
	p.request("ACK")
	back.Bye("")
	p.respond(p.request("BYE"), 200, "", "")
	isOver(t, back)
}

// Proves: issue 6 (bounded tables and timers: slow loris)
func TestASlowSenderIsCutOff(t *testing.T) {
	for _, c := range []struct {
		name, from string
		say        string
	}{
		{"a head, byte by byte", "127.0.0.11", "OPTIONS sip:x SIP/2.0\r\nX: " + strings.Repeat("a", 4096)},
		{"a body, byte by byte", "127.0.0.11", "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: slow\r\nCSeq: 1 OPTIONS\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("b", 5000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil) // Partial is 200 ms
			p := newPeer(t, "tcp", c.from, r.tcp)
			begun := time.Now()
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				_, _ = io.Copy(io.Discard, p.tcp)
			}()
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-gone:
					if took := time.Since(begun); took > 3*time.Second {
						t.Errorf("it was cut off after %v", took)
					}
					return
				case <-tick.C:
					_, _ = p.tcp.Write([]byte{c.say[i%len(c.say)]})
				case <-time.After(patience):
					t.Fatal("a slow sender holds its connection for ever")
				}
			}
		})
	}
}

// Proves: issue 6 (zero-length keep-alives do not hold a stranger's place)
func TestAStrangersKeepAlivesDoNotHoldItsPlace(t *testing.T) {
	r := newRig(t, func(c *sipedge.Config) { c.Timers.Stranger = 300 * time.Millisecond })
	p := newPeer(t, "tcp", "127.0.0.66", r.tcp)
	gone := make(chan error, 1)
	go func() {
		_, err := p.rd.ReadByte()
		gone <- err
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(5 * time.Second)
	for {
		select {
		case err := <-gone:
			if err == nil {
				t.Error("a stranger's keep-alive was answered")
			}
			return
		case <-tick.C:
			_, _ = io.WriteString(p.tcp, "\r\n\r\n")
		case <-late:
			t.Fatal("a stranger keeps its place by keep-alives")
		}
	}
}

// What is too large is refused without being kept, and the next caller is
// served.
//
// Proves: issue 6 (header and body size limits), D-02
func TestWhatIsTooLargeIsRefused(t *testing.T) {
	lines := strings.Repeat("X-Many: 1\r\n", 10_000)
	for _, c := range []struct {
		name string
		text func(p *peer) string
		want string // the answer: a code, "call", or closed
	}{
		{"10,000 header fields", func(p *peer) string {
			return strings.Replace(newInvite("sip:911@callbox.example").text(p), "Content-Length", lines+"Content-Length", 1)
		}, "513"},
		{"a body of 1 MB", func(p *peer) string {
			o := newInvite("sip:911@callbox.example")
			o.body, o.ctype = strings.Repeat("b", 1<<20), "text/plain"
			return o.text(p)
		}, "513"},
		{"a Request-URI of 64 KB", func(p *peer) string {
			return newInvite("sip:911@" + strings.Repeat("c", 64<<10)).text(p)
		}, "closed"},
		{"a header line of 64 KB", func(p *peer) string {
			return strings.Replace(newInvite("sip:911@callbox.example").text(p), "Content-Length", "X: "+strings.Repeat("d", 64<<10)+"\r\nContent-Length", 1)
		}, "513"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
			go func() { _, _ = io.WriteString(p.tcp, c.text(p)) }() // the edge may close in the middle of it
			m, err := p.try(patience)
			switch {
			case c.want != "closed" && (err != nil || fmt.Sprint(m.code()) != c.want):
				// A reset may overtake the answer where the sender still writes.
				if !reset(err) {
					t.Errorf("answered %q %v, want %s", m.start, err, c.want)
				}
			case c.want == "closed" && errors.Is(err, os.ErrDeadlineExceeded):
				t.Errorf("the connection is still open")
			}
			if a := r.alarm(); a.Code != sipedge.AlarmMalformed || !a.Emergency {
				t.Errorf("alarm %+v", a)
			}
			if len(r.legs) != 0 {
				t.Error("the call came to its owner")
			}
			q := newPeer(t, "tcp", "127.0.0.11", r.tcp)
			q.send(newInvite("sip:911@callbox.example").text(q))
			_ = r.leg().Reject(486, "", nil)
		})
	}
	// By UDP the fields beyond the bound are not read: a call for help goes on.
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	p.send(strings.Replace(newInvite("sip:911@callbox.example").text(p), "Content-Length", strings.Repeat("X:1\r\n", 2_000)+"Content-Length", 1))
	leg := r.leg()
	if n := len(leg.Request().Headers); n > 513 {
		t.Errorf("%d fields were kept", n)
	}
	_ = leg.Reject(486, "", nil)
}

func reset(err error) bool { return err != nil && strings.Contains(err.Error(), "reset") }

// Proves: issue 6 (WebSocket: fragments without end, frames too large, pings), RFC 7118
func TestWebSocketAbuse(t *testing.T) {
	for _, c := range []struct {
		name  string
		abuse func(ctx context.Context, ws *websocket.Conn) error // until it fails
	}{
		{"a message in fragments without end", func(ctx context.Context, ws *websocket.Conn) error {
			w, err := ws.Writer(ctx, websocket.MessageText)
			for tick := time.NewTicker(10 * time.Millisecond); err == nil; <-tick.C {
				_, err = io.WriteString(w, strings.Repeat("O", 600)) // several of them leave the client at a time
			}
			return err
		}},
		{"a message beyond the bound", func(ctx context.Context, ws *websocket.Conn) error {
			err := ws.Write(ctx, websocket.MessageText, []byte(strings.Repeat("a", 1<<20)))
			for err == nil {
				_, _, err = ws.Read(ctx)
			}
			return err
		}},
		{"what is no SIP", func(ctx context.Context, ws *websocket.Conn) error {
			err := ws.Write(ctx, websocket.MessageBinary, []byte{0xff, 0, 1})
			for err == nil {
				_, _, err = ws.Read(ctx)
			}
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			closed := make(chan sipedge.Flow, 4)
			r := newRig(t, func(cfg *sipedge.Config) {
				loop := netip.MustParseAddrPort("127.0.0.2:0")
				cfg.Listen = []sipedge.Listener{{Network: "udp", Addr: loop}, {Network: "ws", Addr: loop}}
				cfg.Closed = func(f sipedge.Flow) { closed <- f }
			})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.43")}}).DialContext}}
			ws, _, err := websocket.Dial(ctx, "ws://"+r.tcp.String()+"/", &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"sip"}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ws.CloseNow() }()
			if err := c.abuse(ctx, ws); ctx.Err() != nil {
				t.Fatalf("it went on: %v", err)
			}
			select {
			case <-closed:
			case <-time.After(patience):
				t.Fatal("the connection was not given up")
			}
		})
	}
}
