package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
)

// seen is one packet of a capture, in the kernel's order and with its time.
type seen struct {
	frame    int
	at       time.Duration // since the epoch
	src, dst netip.AddrPort
	method   string // of a SIP request
}

// capture records what goes over the loopback of this site.
type capture struct {
	s    *site
	file string
	cmd  *exec.Cmd
}

// startCapture begins to record, or skips.
func (s *site) startCapture() *capture {
	s.t.Helper()
	for _, tool := range []string{"dumpcap", "tshark"} {
		if _, err := exec.LookPath(tool); err != nil {
			s.t.Skipf("%s is not installed (Debian package tshark): no capture to take the order from", tool)
		}
	}
	c := &capture{s: s, file: filepath.Join(s.t.TempDir(), "order.pcapng")}
	c.cmd = exec.CommandContext(s.ctx, "dumpcap", "-q", "-i", "lo", "-B", "16", "-w", c.file, "-f", "net "+s.ip(0)+"/24")
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var said []string
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "File:") { // said once the capture runs
			go func() {
				for lines.Scan() { // keep the pipe empty until dumpcap ends
				}
			}()
			return c
		}
		said = append(said, lines.Text())
	}
	err = c.cmd.Wait()
	s.t.Skipf("dumpcap may not capture on lo here: %v: %s", err, strings.Join(said, " "))
	return nil
}

// stop ends the recording once all that was sent so far is in the file: a
// packet of our own, sent last, has come out.
func (c *capture) stop() {
	s := c.s
	s.t.Helper()
	l, err := net.ListenPacket("udp", s.ip(98)+":0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	mark := []byte("the capture ends here " + s.ip(98))
	if _, err := l.WriteTo(mark, l.LocalAddr()); err != nil {
		s.t.Fatal(err)
	}
	s.await("the capture to be written", func() bool {
		text, err := os.ReadFile(c.file)
		return err == nil && bytes.Contains(text, mark)
	})
	if err := c.cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		s.t.Fatalf("dumpcap: %v", err)
	}
}

// read decodes the file; sip are the ports that carry SIP.
func (c *capture) read(sip ...uint16) []seen {
	s := c.s
	s.t.Helper()
	args := []string{"-r", c.file, "-Y", "tcp or udp", "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"}
	for _, p := range sip {
		args = append(args, "-d", fmt.Sprintf("udp.port==%d,sip", p), "-d", fmt.Sprintf("tcp.port==%d,sip", p))
	}
	for _, f := range []string{"frame.number", "frame.time_epoch", "ip.src", "ip.dst", "tcp.srcport", "udp.srcport", "tcp.dstport", "udp.dstport", "sip.Method"} {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(s.ctx, "tshark", args...).Output()
	if err != nil {
		s.t.Fatalf("tshark: %v", err)
	}
	var packets []seen
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 9 {
			s.t.Fatalf("a line of tshark has %d fields: %s", len(f), line)
		}
		frame, err := strconv.Atoi(f[0])
		if err != nil {
			s.t.Fatal(err)
		}
		at, err := time.ParseDuration(f[1] + "s")
		if err != nil {
			s.t.Fatal(err)
		}
		src, err := netip.ParseAddrPort(f[2] + ":" + f[4] + f[5])
		if err != nil {
			s.t.Fatal(err)
		}
		dst, err := netip.ParseAddrPort(f[3] + ":" + f[6] + f[7])
		if err != nil {
			s.t.Fatal(err)
		}
		packets = append(packets, seen{frame, at, src, dst, f[8]})
	}
	return packets
}

// The order of E4 comes from one capture and the kernel's clock, not from our
// own time line: the call in, the leg out, and only then the webhook's and the
// mail's first packet, soon.
//
// Proves: E4, F-09, F-38
func TestTheLegGoesOutBeforeAnybodyIsToldOnTheWire(t *testing.T) {
	s := newSite(t)
	s.start()
	p := s.phone()
	token := s.located(p)
	c := s.startCapture()
	call := s.dial(p, phone.Dialling{Location: token})
	s.answered(call)
	s.received(s.a)
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	if _, err := s.hook.Await(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.mail.Await(ctx, 1); err != nil {
		t.Fatal(err)
	}
	s.hangup(call)
	c.stop()

	packets := c.read(s.sip.Port(), s.a.Addr().Port())
	first := func(what string, fits func(seen) bool) seen {
		i := slices.IndexFunc(packets, fits)
		if i < 0 {
			t.Fatalf("%s is not among the %d packets captured", what, len(packets))
		}
		return packets[i]
	}
	between := func(addr string) func(seen) bool {
		a := netip.MustParseAddrPort(addr)
		return func(p seen) bool { return p.src == a || p.dst == a }
	}
	in := first("the INVITE to Callbox", func(p seen) bool { return p.method == "INVITE" && p.dst == s.sip })
	out := first("the INVITE to the PSAP", func(p seen) bool { return p.method == "INVITE" && p.dst == s.a.Addr() })
	toPSAP := first("a packet to the PSAP", func(p seen) bool { return p.dst == s.a.Addr() })
	hook := first("a packet of the webhook", between(strings.TrimSuffix(strings.TrimPrefix(s.hook.URL(), "http://"), "/hook")))
	mail := first("a packet of the mail", between(s.mail.Addr()))
	t.Logf("after the INVITE: leg out %v, webhook %v, mail %v", out.at-in.at, hook.at-in.at, mail.at-in.at)

	if in.src.Addr() != p.Addr().Addr() {
		t.Errorf("the first INVITE came from %s, not from the PBX", in.src)
	}
	if toPSAP.frame < in.frame {
		t.Errorf("packet %d to the PSAP precedes the INVITE that came in, packet %d", toPSAP.frame, in.frame)
	}
	if out.frame < in.frame {
		t.Errorf("the leg, packet %d, precedes the call, packet %d", out.frame, in.frame)
	}
	for _, told := range []struct {
		what  string
		first seen
		limit time.Duration
	}{{"webhook", hook, 250 * time.Millisecond}, {"mail", mail, 2 * time.Second}} {
		if told.first.frame < out.frame {
			t.Errorf("the %s began with packet %d, before the leg went out with packet %d", told.what, told.first.frame, out.frame)
		}
		if late := told.first.at - out.at; late > told.limit {
			t.Errorf("the %s began %v after the leg, want within %v", told.what, late, told.limit)
		}
	}
}

// PSAP silent, webhook receiver that never answers, mail server down, several
// calls of it: every leg goes out at once, and the next route after the four
// seconds of F-02.
//
// Proves: E1, E4, F-02, F-09
func TestNothingDelaysTheLeg(t *testing.T) {
	s := newSite(t)
	s.start()
	s.a.Behave(psap.Silent)
	s.hook.Silence()
	s.mail.Down()
	p := s.phone()
	token := s.located(p)
	const calls = 4
	for i := range calls {
		start := time.Now()
		c := s.dial(p, phone.Dialling{Location: token})
		legA, legB := s.received(s.a), s.received(s.b)
		if took := legA.At.Sub(start); took > 500*time.Millisecond {
			t.Errorf("call %d: the leg took %v", i, took)
		}
		if took := legB.At.Sub(legA.At); took < 3900*time.Millisecond || took > 4750*time.Millisecond {
			t.Errorf("call %d: the next route was tried after %v, want 4 s", i, took)
		}
		s.answered(c)
		s.hangup(c)
		if e, err := c.WaitEnd(s.ctx); err != nil {
			t.Errorf("call %d: %+v, %v", i, e, err)
		}
	}
	if s.hook.Hits() == 0 || len(s.hook.Received()) > 0 || len(s.mail.Received()) > 0 {
		t.Errorf("%d webhooks tried, %d answered, %d mails taken: this shows nothing", s.hook.Hits(), len(s.hook.Received()), len(s.mail.Received()))
	}
	// Nobody was told yet, and what waits is not forgotten: it goes with the
	// next call at the latest.
	s.hook.Answer(204)
	if err := s.mail.Up(); err != nil {
		t.Fatal(err)
	}
	s.a.Behave(psap.Answer)
	last := s.dial(p, phone.Dialling{Location: token})
	s.answered(last)
	s.hangup(last)
	s.awaitFor("a webhook and a mail of every call", time.Minute, func() bool {
		of := map[string]bool{}
		for _, m := range s.mail.Received() {
			of[m.Header.Get("X-Callbox-Call")] = true
		}
		return len(of) == calls+1 && len(s.hook.Received()) > calls
	})
	s.record("the records", func(r report.CallRecord) bool { return ended(r) && len(r.Attempts) == 2 })
}
