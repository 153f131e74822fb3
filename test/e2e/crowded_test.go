package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/sim/phone"
)

// With few open files allowed, everything that others can open is opened, and
// calls for help still go through by UDP and TCP.
//
// Proves: issue 6 (emergency has reserved file descriptors and ports; a flood does not touch the others), E1
func TestCallsForHelpGoThroughWhenAllElseIsTaken(t *testing.T) {
	t.Parallel()
	prlimit, err := exec.LookPath("prlimit")
	if err != nil {
		t.Skip("skipped: prlimit is not installed (Debian package util-linux)")
	}
	s := newSite(t)
	s.wrap = func(line []string) []string { return append([]string{prlimit, "--nofile=256:256", "--"}, line...) }
	port := 30000 + 2*s.net
	s.start("--rtp-ports", fmt.Sprintf("%d-%d", port, port+1)) // room for one test at a time
	p := s.phone()
	token := s.located(p)
	if !strings.Contains(s.log.String(), "LimitNOFILE") {
		t.Error("the low limit of open files is not said")
	}
	// Whoever is known and whoever is not opens what he can, everywhere.
	for _, to := range []string{s.held, s.web, s.sip.String()} {
		for _, from := range []string{s.ip(11), s.ip(1), s.ip(2), s.ip(3), s.ip(4), "127.0.0.70"} {
			d := net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			for range 120 {
				c, err := d.DialContext(s.ctx, "tcp", to)
				if err != nil {
					break // the queue of the listener is full: so much the better
				}
				t.Cleanup(func() { c.Close() })
			}
		}
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of 256 files are open", len(open))
	if len(open) < 128 {
		t.Errorf("%d files are open: nothing is crowded", len(open))
	}
	for _, at := range []string{s.held, s.web} {
		if !strings.Contains(s.log.String(), `"listener":"`+at) {
			t.Errorf("nobody was refused at %s; log:\n%s", at, s.tail())
		}
	}
	first := s.dial(p, phone.Dialling{Number: "933"})
	s.answered(first)
	if e, err := s.dial(p, phone.Dialling{Number: "933"}).WaitEnd(s.ctx); err != nil || e.Code < 480 {
		t.Errorf("a test without a port for its sound was answered %d %v", e.Code, err)
	}
	for _, transport := range []string{"udp", "tcp", "udp", "tcp"} {
		q := s.phone(func(c *phone.Config) { c.Transport = transport })
		c := s.dial(q, phone.Dialling{Location: token})
		s.answered(c)
		if got := s.received(s.a); got.Invite.Transport != "tcp" {
			t.Errorf("the PSAP was reached by %s", got.Invite.Transport)
		}
		s.hangup(c)
	}
	s.hangup(first)
}
