// Package bench is what `callbox bench` runs: a real Callbox process between
// SIPp on both ends, and the same SIPp pair without it, in one run on one
// machine. Times come from one packet capture, not from either side's clock
// (F-38 g). The table says what came out, also when it is bad.
package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/sim/hook"
	"github.com/callbox911/callbox/internal/sim/mail"
	"github.com/callbox911/callbox/internal/sim/phone"
)

// Config is what Run needs.
type Config struct {
	Program string // the callbox binary
	Out     string // file; empty: Stdout
	Rates   []int  // calls a second
	Seconds int    // of each step
	Stdout  io.Writer
	Log     *slog.Logger
	// Also are further tables, each with its heading.
	Also func(context.Context) (string, error)

	ordinaryRate int    // calls a second that are not emergency; 0: no bound
	memory       int64  // limit of the server, in MiB; 0: its own choice
	profile      string // file for a processor profile of the server; empty: none
	// world makes another world of examples/harbor.yaml; nil: that one.
	world func([]byte) []byte
}

// The addresses of the run. They are those of examples/harbor.yaml, because a
// trunk is known by its address.
var (
	callboxSIP = netip.MustParseAddrPort("127.0.0.10:5060")
	psapSIP    = netip.MustParseAddrPort("127.0.0.21:5071")
	pbx        = netip.MustParseAddr("127.0.0.11")
)

const (
	heldAddr   = "127.0.0.10:8080"
	webAddr    = "127.0.0.10:8088"
	companyID  = "7c0e5b1d9a4f4e0f8d2b6a3c51e7f094"
	secret     = "demonstration-only-3f9a61c2"
	hookURL    = "127.0.0.1:5090"
	hookSecret = "demonstration-only-b7d40e95"
	uacPort    = 5066
)

// step is one row of the table.
type step struct {
	name   string
	rate   int
	out    outcome
	ms     []float64 // INVITE to 200, sorted
	legOut []float64 // INVITE in to INVITE out, sorted
}

// Run measures and writes the table.
func Run(ctx context.Context, cfg Config) error {
	for _, tool := range []string{"sipp", "dumpcap", "tshark"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("the benchmark needs %s (Debian packages sip-tester, tshark): %w", tool, err)
		}
	}
	dir, err := os.MkdirTemp("", "callbox-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &bench{cfg: cfg, dir: dir}
	if err := b.start(ctx); err != nil {
		return errors.Join(err, b.stop())
	}
	err = b.measure(ctx)
	if err := errors.Join(err, b.stop()); err != nil {
		return err
	}
	text := b.table()
	if cfg.Also != nil {
		more, err := cfg.Also(ctx)
		if err != nil {
			return err
		}
		text += "\n" + more
	}
	if cfg.Out == "" {
		_, err = io.WriteString(cfg.Stdout, text)
		return err
	}
	if err := os.WriteFile(cfg.Out, []byte(text), 0o644); err != nil { //nolint:gosec // a document
		return fmt.Errorf("write the table: %w", err)
	}
	fmt.Fprint(cfg.Stdout, text)
	return nil
}

type bench struct {
	cfg     Config
	dir     string
	mail    *mail.Sink
	hook    *hook.Sink
	server  *exec.Cmd
	log     *os.File
	token   string
	steps   []step
	tell    tellTimes
	cpu     time.Duration
	maxRSS  int64
	callCnt int
}

// tellTimes are milliseconds from the INVITE, sorted.
type tellTimes struct{ legOut, webhook, mail []float64 }

// start brings up the sinks and Callbox, imports the world and gets a token.
func (b *bench) start(ctx context.Context) error {
	var err error
	if b.hook, err = hook.Listen(hook.Config{Addr: hookURL, Secret: hookSecret}); err != nil {
		return err
	}
	if b.mail, err = mail.Listen(mail.Config{Addr: "127.0.0.1:0"}); err != nil {
		return err
	}
	data := b.data()
	if b.log, err = os.Create(filepath.Join(b.dir, "callbox.log")); err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	b.server = exec.CommandContext(ctx, b.cfg.Program, "serve", "--data", data, "--node", "bench",
		"--sip", "udp:"+callboxSIP.String(), "--sip", "tcp:"+callboxSIP.String(), "--held", heldAddr, "--web", webAddr,
		"--smtp", b.mail.Addr(), "--smtp-tls", "none", "--smtp-from", "callbox@harbor.example", "--rtp", "127.0.0.10",
		"--sip-ordinary-rate", strconv.Itoa(b.cfg.ordinaryRate))
	if b.cfg.memory > 0 {
		b.server.Args = append(b.server.Args, "--memory", strconv.FormatInt(b.cfg.memory, 10)+"MiB")
	}
	if b.cfg.profile != "" {
		b.server.Args = append(b.server.Args, "--cpu-profile", b.cfg.profile)
	}
	b.server.Stderr = b.log
	b.server.Cancel = func() error { return b.server.Process.Signal(syscall.SIGTERM) }
	if err := b.server.Start(); err != nil {
		return fmt.Errorf("start callbox: %w", err)
	}
	if err := waitBound(ctx, netip.MustParseAddrPort(heldAddr), true); err != nil {
		return fmt.Errorf("wait for callbox: %w", err)
	}
	world, text := filepath.Join(b.dir, "harbor.yaml"), examples.Harbor()
	if b.cfg.world != nil {
		text = b.cfg.world(text)
	}
	if err := os.WriteFile(world, text, 0o600); err != nil {
		return fmt.Errorf("write the world: %w", err)
	}
	if err := b.importWorld(ctx, data, world); err != nil {
		return err
	}
	p, err := phone.New(phone.Config{
		Listen: netip.AddrPortFrom(pbx, 0), Proxy: callboxSIP, Number: "+16175550111", HELDURL: "http://" + heldAddr + "/held",
		CompanyID: companyID, Secret: secret, LLDPChassis: "0c:75:bd:00:00:01", LLDPPort: "Gi1/0/7", MAC: "00:11:22:aa:bb:cc",
	})
	if err != nil {
		return err
	}
	where, err := p.Locate(ctx)
	b.token = where.URI
	return err
}

// importWorld imports; the database may still be opening.
func (b *bench) importWorld(ctx context.Context, data, world string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := exec.CommandContext(ctx, b.cfg.Program, "import", "--data", data, world).CombinedOutput()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("import the world: %w: %s", err, out)
		}
	}
}

func (b *bench) stop() error {
	var err error
	if b.server != nil && b.server.Process != nil {
		_ = b.server.Process.Signal(syscall.SIGTERM)
		err = b.server.Wait()
		if use, ok := b.server.ProcessState.SysUsage().(*syscall.Rusage); ok {
			b.cpu = b.server.ProcessState.UserTime() + b.server.ProcessState.SystemTime()
			b.maxRSS = use.Maxrss // KiB
		}
	}
	if b.hook != nil {
		b.hook.Close()
	}
	if b.mail != nil {
		b.mail.Close()
	}
	if b.log != nil {
		b.log.Close()
	}
	if err != nil {
		text, _ := os.ReadFile(filepath.Join(b.dir, "callbox.log"))
		return fmt.Errorf("callbox: %w\n%s", err, text[max(0, len(text)-4000):])
	}
	return nil
}

// measure runs each rate direct and through Callbox, in turn, then a quiet
// series for the times to the notices.
func (b *bench) measure(ctx context.Context) error {
	for _, rate := range b.cfg.Rates {
		direct := load{
			dir: b.dir, from: pbx, to: psapSIP, psap: psapSIP, psapMode: "u1", rate: rate, seconds: b.cfg.Seconds,
		}
		if err := b.step(ctx, "SIPp direct, UDP", direct); err != nil {
			return err
		}
		through := direct
		through.to, through.psapMode, through.geolocation = callboxSIP, "t1", "<"+b.token+">"
		if err := b.step(ctx, "through Callbox, UDP in, TCP out with PIDF-LO", through); err != nil {
			return err
		}
		b.callCnt += rate * b.cfg.Seconds
	}
	return b.quiet(ctx)
}

func (b *bench) step(ctx context.Context, name string, l load) error {
	b.cfg.Log.Info("bench", "step", name, "rate", l.rate)
	packets, out, err := b.captured(ctx, l)
	if err != nil {
		return fmt.Errorf("%s at %d calls/s: %w", name, l.rate, err)
	}
	b.steps = append(b.steps, step{name: name, rate: l.rate, out: out, ms: answerTimes(packets, pbx.String()), legOut: legTimes(packets)})
	return nil
}

func (b *bench) captured(ctx context.Context, l load) ([]packet, outcome, error) {
	ports := []uint16{callboxSIP.Port(), psapSIP.Port(), uacPort}
	c, err := startCapture(ctx, filepath.Join(b.dir, "sip.pcapng"), ports...)
	if err != nil {
		return nil, outcome{}, err
	}
	out, runErr := l.run(ctx)
	packets, err := c.stop(ctx, ports...)
	return packets, out, errors.Join(runErr, err)
}

// quiet places 40 calls at two a second and reads when leg, webhook and mail
// went out. Webhook and mail are timed by the sinks, on the same clock.
func (b *bench) quiet(ctx context.Context) error {
	const calls = 40
	// Notices of the load before may still be on their way.
	settle, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if _, err := b.hook.Await(settle, b.callCnt); err != nil {
		return fmt.Errorf("webhooks of the load: %w", err)
	}
	if _, err := b.mail.Await(settle, b.callCnt); err != nil {
		return fmt.Errorf("mails of the load: %w", err)
	}
	hooks, mails := len(b.hook.Received()), len(b.mail.Received())
	packets, out, err := b.captured(ctx, load{
		dir: b.dir, from: pbx, to: callboxSIP, psap: psapSIP, psapMode: "t1", geolocation: "<" + b.token + ">", rate: 2, seconds: calls / 2,
	})
	if err != nil {
		return fmt.Errorf("quiet calls: %w", err)
	}
	b.callCnt += calls
	if out.Lost > 0 {
		return fmt.Errorf("quiet calls: %d of %d lost", out.Lost, calls)
	}
	if _, err := b.hook.Await(settle, hooks+calls); err != nil {
		return err
	}
	if _, err := b.mail.Await(settle, mails+calls); err != nil {
		return err
	}
	invited := inviteTimes(packets)
	b.tell.legOut = legTimes(packets)
	for i, r := range b.hook.Received()[hooks:] {
		var body struct{ Call struct{ ID string } }
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return fmt.Errorf("webhook %d: %w", i, err)
		}
		if i < len(invited) {
			b.tell.webhook = append(b.tell.webhook, unixMS(r.At)-invited[i]*1000)
		}
	}
	for i, m := range b.mail.Received()[mails:] {
		if i < len(invited) {
			b.tell.mail = append(b.tell.mail, unixMS(m.At)-invited[i]*1000)
		}
	}
	slices.Sort(b.tell.webhook)
	slices.Sort(b.tell.mail)
	return nil
}

func unixMS(t time.Time) float64 { return float64(t.UnixMicro()) / 1000 }

// inviteTimes are the arrivals of the calls, in order.
func inviteTimes(packets []packet) []float64 {
	var at []float64
	seen := map[string]bool{}
	for _, p := range packets {
		if p.src == pbx.String() && p.method == "INVITE" && !seen[p.callID] {
			seen[p.callID] = true
			at = append(at, p.at)
		}
	}
	return at
}

// legTimes pairs each INVITE in with the first INVITE out after it that is not
// taken: calls leave in the order in which they came, and what a call of an
// earlier step still tries is passed over.
func legTimes(packets []packet) []float64 {
	var out []float64
	seen := map[string]bool{}
	for _, p := range packets {
		if p.src == callboxSIP.Addr().String() && p.method == "INVITE" && !seen[p.callID] {
			seen[p.callID] = true
			out = append(out, p.at)
		}
	}
	var ms []float64
	next := 0
	for _, in := range inviteTimes(packets) {
		for next < len(out) && out[next] < in {
			next++
		}
		if next < len(out) {
			ms = append(ms, (out[next]-in)*1000)
			next++
		}
	}
	slices.Sort(ms)
	return ms
}

func (b *bench) table() string {
	var w bytes.Buffer
	fmt.Fprintf(&w, "# Benchmarks\n\nWritten by `make bench` on %s: %s, %d cores, %s. Everything shares these cores: SIPp on both ends,\nthe capture, Callbox, its mail and webhook receivers. Times come from one packet capture on loopback.\n\n",
		time.Now().UTC().Format("2006-01-02"), runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU(), cpuModel())
	fmt.Fprintf(&w, "## Call set-up\n\nCalls of %d ms, %d s a step, SIPp %s on both ends, in one run. Through Callbox each call is located by a token, journalled to disk,\nrouted, conveyed with a PIDF-LO by value over TCP, and told by webhook and mail while it is set up.\n\n", talk.Milliseconds(), b.cfg.Seconds, sippVersion())
	fmt.Fprintln(&w, "| calls/s | path | calls | lost | INVITE→200 median | p95 | INVITE in→out median | added median |\n|---|---|---|---|---|---|---|---|")
	direct := map[int]float64{}
	for _, s := range b.steps {
		median := quantile(s.ms, 0.5)
		leg, added := "", ""
		if d, ok := direct[s.rate]; ok {
			leg, added = fmt.Sprintf("%.2f ms", quantile(s.legOut, 0.5)), fmt.Sprintf("**%.2f ms**", median-d)
		} else {
			direct[s.rate] = median
		}
		fmt.Fprintf(&w, "| %d | %s | %d | %d | %.2f ms | %.2f ms | %s | %s |\n", s.rate, s.name, s.out.Calls, s.out.Lost, median, quantile(s.ms, 0.95), leg, added)
	}
	fmt.Fprintf(&w, "\nCallbox used %.2f ms of CPU a call over the whole run (%d calls, notices and records included) and at most %d MiB of memory.\n",
		float64(b.cpu.Microseconds())/1000/float64(max(1, b.callCnt)), b.callCnt, b.maxRSS>>10)
	fmt.Fprintf(&w, "\n## From the INVITE to people\n\n40 calls at two a second, after the load. Leg by the capture; webhook and mail when their receiver had them.\n\n| | median | p95 | worst |\n|---|---|---|---|\n")
	for _, r := range []struct {
		name string
		ms   []float64
	}{{"second leg out", b.tell.legOut}, {"webhook received", b.tell.webhook}, {"mail received", b.tell.mail}} {
		fmt.Fprintf(&w, "| %s | %.1f ms | %.1f ms | %.1f ms |\n", r.name, quantile(r.ms, 0.5), quantile(r.ms, 0.95), quantile(r.ms, 1))
	}
	return w.String()
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "unknown processor"
}

func sippVersion() string {
	out, _ := exec.Command("sipp", "-v").Output() // exits 99 after printing
	for line := range strings.Lines(string(out)) {
		if _, v, ok := strings.Cut(line, "SIPp v"); ok {
			return strings.TrimSuffix(strings.Fields(v)[0], ".")
		}
	}
	return "of unknown version"
}
