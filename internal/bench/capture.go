package bench

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// packet is one SIP message seen on the wire, with the kernel's time.
type packet struct {
	at       float64 // seconds
	src, dst string  // addresses
	callID   string
	method   string // request
	status   int    // response
	cseq     string // method of CSeq
}

// capture records SIP on the loopback interface with tshark, so that every
// time comes from one clock outside both SIPp and Callbox (F-38 g).
type capture struct {
	cmd  *exec.Cmd
	file string
}

// startCapture begins to record; ports are those of SIP.
func startCapture(ctx context.Context, file string, ports ...uint16) (*capture, error) {
	var filter []string
	for _, p := range ports {
		filter = append(filter, fmt.Sprintf("port %d", p))
	}
	cmd := exec.CommandContext(ctx, "dumpcap", "-q", "-i", "lo", "-B", "64", "-w", file, "-f", strings.Join(filter, " or "))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("read dumpcap: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start dumpcap (Debian package tshark, needs root): %w", err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "File:") { // said once the capture runs
			go func() {
				for lines.Scan() { // keep the pipe empty until dumpcap ends
				}
			}()
			return &capture{cmd: cmd, file: file}, nil
		}
	}
	return nil, fmt.Errorf("dumpcap ended before it captured: %w", cmd.Wait())
}

// stop ends the recording and reads it.
func (c *capture) stop(ctx context.Context, ports ...uint16) ([]packet, error) {
	if err := c.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return nil, fmt.Errorf("stop dumpcap: %w", err)
	}
	if err := c.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("dumpcap: %w", err)
	}
	args := []string{"-r", c.file, "-Y", "sip", "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"}
	for _, p := range ports {
		args = append(args, "-d", fmt.Sprintf("udp.port==%d,sip", p), "-d", fmt.Sprintf("tcp.port==%d,sip", p))
	}
	for _, f := range []string{"frame.time_epoch", "ip.src", "ip.dst", "sip.Call-ID", "sip.Method", "sip.Status-Code", "sip.CSeq.method"} {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(ctx, "tshark", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("read the capture: %w", err)
	}
	var packets []packet
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 7 {
			continue
		}
		at, err := strconv.ParseFloat(f[0], 64)
		if err != nil {
			return nil, fmt.Errorf("time in the capture: %w", err)
		}
		status, _ := strconv.Atoi(f[5]) // empty for requests
		packets = append(packets, packet{at, f[1], f[2], f[3], f[4], status, f[6]})
	}
	return packets, nil
}

// answerTimes returns for each call from caller the milliseconds from its
// first INVITE to the first 200 for it, sorted.
func answerTimes(packets []packet, caller string) []float64 {
	invited := map[string]float64{}
	var ms []float64
	for _, p := range packets {
		switch {
		case p.src == caller && p.method == "INVITE":
			if _, seen := invited[p.callID]; !seen {
				invited[p.callID] = p.at
			}
		case p.dst == caller && p.status == 200 && p.cseq == "INVITE":
			if at, ok := invited[p.callID]; ok && at >= 0 {
				ms = append(ms, (p.at-at)*1000)
				invited[p.callID] = -1
			}
		}
	}
	slices.Sort(ms)
	return ms
}

// quantile of sorted values; NaN-free: 0 for none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// waitBound waits until somebody listens on the address: over TCP by
// connecting, over UDP by the kernel's own list, since a probe could take the
// port away.
func waitBound(ctx context.Context, a netip.AddrPort, tcp bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ip := a.Addr().As4()
	entry := fmt.Sprintf("%02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], a.Port())
	for {
		if tcp {
			if c, err := net.Dial("tcp", a.String()); err == nil {
				c.Close()
				return nil
			}
		} else if list, err := os.ReadFile("/proc/net/udp"); err == nil && strings.Contains(string(list), entry) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
