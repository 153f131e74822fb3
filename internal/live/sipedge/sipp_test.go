package sipedge_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// bridge joins an inbound leg with a call to dest, as plainly as can be.
func bridge(edge func() *sipedge.Edge, dest netip.AddrPort, transport string) func(context.Context, *sipedge.Leg) {
	return func(ctx context.Context, in *sipedge.Leg) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		req := in.Request()
		var h sipedge.Headers
		for _, name := range []string{"Geolocation", "Geolocation-Routing", "Call-Info"} {
			for _, v := range req.Headers.All(name) {
				h = append(h, sipedge.Header{Name: name, Value: v})
			}
		}
		from, _, _ := strings.Cut(req.Headers.Get("From"), ";tag=")
		out := edge().Dial(ctx, sipedge.Invite{
			URI: req.URI, Dest: dest, Transport: transport, From: from, To: "<" + req.URI + ">",
			Headers: h, Body: req.Body, ContentType: req.ContentType,
		})
		a, b := in.Events(), out.Events()
		for a != nil || b != nil {
			select {
			case ev, ok := <-a:
				switch {
				case !ok:
					a = nil
					out.Bye("")
				case ev.Kind == sipedge.ReInvite:
					out.ReInvite(sipedge.Message{Body: ev.Body, ContentType: ev.ContentType})
				case ev.Kind == sipedge.ReInviteAnswered:
					_ = out.AnswerReInvite(ev.Code, ev.Reason, sipedge.Message{Body: ev.Body, ContentType: ev.ContentType})
				}
			case ev, ok := <-b:
				m := sipedge.Message{Body: ev.Body, ContentType: ev.ContentType}
				switch {
				case !ok:
					b = nil
					in.Bye("")
				case ev.Kind == sipedge.Provisional && ev.Code > 100:
					_ = in.Provisional(1, ev.Code, ev.Reason, m)
				case ev.Kind == sipedge.Answered:
					_ = in.Answer(1, m)
				case ev.Kind == sipedge.Failed:
					_ = in.Reject(ev.Code, ev.Reason, nil)
				case ev.Kind == sipedge.ReInvite:
					in.ReInvite(m)
				case ev.Kind == sipedge.ReInviteAnswered:
					_ = in.AnswerReInvite(ev.Code, ev.Reason, m)
				}
			}
		}
	}
}

func freePort(t *testing.T, network, ip string) int {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// sipp runs SIPp, which is not our code, in the background; the channel gives
// its end.
func sipp(t *testing.T, dir string, args ...string) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	cmd := exec.CommandContext(ctx, "sipp", append(args, "-nostdin", "-timeout", "40", "-timeout_error", "-trace_err")...)
	cmd.Dir = dir
	done := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer cancel()
		err := cmd.Wait()
		if err != nil {
			logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
			for _, l := range logs {
				b, _ := os.ReadFile(l)
				err = fmt.Errorf("%w\n%s:\n%.6000s", err, filepath.Base(l), b)
			}
		}
		done <- err
	}()
	t.Cleanup(cancel)
	return done
}

// Proves: D-01, D-03, D-04, F-16
func TestSIPpCallsSIPpThroughTheEdge(t *testing.T) {
	if _, err := exec.LookPath("sipp"); err != nil {
		t.Skip("sipp is not installed (Debian package sip-tester)")
	}
	dir := shared(t, "interop", "sipp")
	for i, c := range []struct {
		name, in, out, uac, uas string
		calls                   int
	}{
		{"UDP to UDP, SIPp's own scenario", "udp", "udp", "-sn uac", "-sn uas", 50},
		{"TCP to TCP, SIPp's own scenario", "tcp", "tcp", "-sn uac", "-sn uas", 50},
		{"UDP to TCP, by location", "udp", "tcp", "-sf uac_pidflo.xml -inf locs.csv", "-sf uas_psap.xml -rtp_echo", 3},
		{"TCP to UDP, by location", "tcp", "udp", "-sf uac_pidflo.xml -inf locs.csv", "-sf uas_psap.xml -rtp_echo", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// Addresses of their own: SIPp binds media ports without asking.
			caller, psap := fmt.Sprintf("127.0.0.%d", 30+i), fmt.Sprintf("127.0.0.%d", 40+i)
			port := freePort(t, c.out, psap)
			dest := netip.AddrPortFrom(netip.MustParseAddr(psap), uint16(port))
			var edge atomic.Pointer[sipedge.Edge]
			r := newRig(t, func(cfg *sipedge.Config) {
				cfg.Handle = bridge(edge.Load, dest, c.out)
				cfg.Timers = sipedge.Timers{}
			})
			edge.Store(r.edge)
			mode := map[string]string{"udp": "u1", "tcp": "t1"}
			files := func(s string) []string {
				f := strings.Fields(s)
				for i := range f {
					if strings.Contains(f[i], ".") {
						f[i] = filepath.Join(dir, f[i])
					}
				}
				return f
			}
			n := fmt.Sprint(c.calls)
			uas := sipp(t, t.TempDir(), append(files(c.uas), "-i", psap, "-p", fmt.Sprint(port), "-mp", "20000", "-t", mode[c.out], "-m", n)...)
			callers := t.TempDir()
			if err := os.Symlink(filepath.Join(dir, "hello.ulaw"), filepath.Join(callers, "hello.ulaw")); err != nil {
				t.Fatal(err)
			}
			uac := sipp(t, callers, append(files(c.uac), "-i", caller, "-p", fmt.Sprint(freePort(t, c.in, caller)), "-mp", "21000",
				"-t", mode[c.in], "-m", n, "-r", "20", "-s", "911", "-d", "50", r.addr(c.in).String())...)
			if err := <-uac; err != nil {
				t.Fatalf("caller: %v", err)
			}
			if err := <-uas; err != nil {
				t.Errorf("PSAP: %v", err)
			}
		})
	}
}
