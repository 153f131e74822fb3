package bench

import (
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
	"strconv"
	"strings"
	"time"
)

// SIPConfig is what RunSIP needs; Program, Rate, Seconds and Stdout are
// required.
type SIPConfig struct {
	Program string // the callbox binary
	Rate    int    // emergency calls a second
	Seconds int
	Ring    time.Duration // each call rings so long
	Talk    time.Duration // and lasts so long then; 200 ms
	Alone   int           // emergency calls a second without others, at the end; 3 * Rate
	NoPeer  bool          // no Kamailio beside it
	NoMore  bool          // nothing but the load: neither the added time nor overload
	JSON    bool          // one line of JSON instead of a table
	Keep    string        // folder in which data and logs are left; empty: none
	Profile string        // file for a processor profile of the server, over all that is run; may be empty
	Stdout  io.Writer
	Log     *slog.Logger
}

// OverloadResult is of more calls than there is room for.
type OverloadResult struct {
	Offered        int `json:"offered"`         // calls a second
	Capacity       int `json:"capacity"`        // ordinary calls a second that are taken
	EmergencyCalls int `json:"emergency_calls"` // 5 % of those offered
	EmergencyLost  int `json:"emergency_lost"`
	OrdinaryCalls  int `json:"ordinary_calls"`
	Shed           int `json:"shed"`       // ordinary calls that were refused
	Unanswered     int `json:"unanswered"` // ordinary calls without any answer
	AloneRate      int `json:"alone_rate"` // emergency alone, a second
	AloneCalls     int `json:"alone_calls"`
	AloneLost      int `json:"alone_lost"`
	// What else was counted while calls were lost, by SIPp and the kernel.
	Why map[string]int `json:"why,omitempty"`
}

// SIPResult is what came out. CPU is of the process, user and kernel, over the
// load with journal, records and notices; Own is the part in user mode, for the
// SIP core is our own. Settled is of the load and of what was left to do after it
// until everybody was told and the records were in the database: work that waits
// its turn is not saved by waiting. Added is the time from INVITE to 200 beyond
// SIPp direct, by one capture at AddedAt calls a second.
type SIPResult struct {
	Rate               int            `json:"rate"`
	RingSeconds        float64        `json:"ring_s,omitempty"`
	TalkSeconds        float64        `json:"talk_s"`
	Calls              int            `json:"calls"`
	Lost               int            `json:"lost"`
	Why                map[string]int `json:"why,omitempty"` // what else was counted
	SettledPerCall     float64        `json:"settled_cpu_us_per_call"`
	SettledAfter       float64        `json:"settled_after_s"` // after the last call
	Settled            bool           `json:"settled"`         // everybody was told in time
	CPUPerCall         float64        `json:"cpu_us_per_call"`
	OwnPerCall         float64        `json:"own_us_per_call"`
	KamailioCPUPerCall float64        `json:"kamailio_cpu_us_per_call,omitempty"`
	KamailioLost       int            `json:"kamailio_lost,omitempty"`
	CPURatio           float64        `json:"cpu_ratio,omitempty"`
	AddedAt            int            `json:"added_at"`
	AddedP50           float64        `json:"added_ms_p50"`
	AddedP99           float64        `json:"added_ms_p99"`
	RSSMiB             float64        `json:"rss_mib"`          // the most, over all that was run
	MemoryMiB          int64          `json:"memory_limit_mib"` // that the server was given
	Overload           OverloadResult `json:"overload"`
}

const (
	overloadCapacity = 200
	overloadOffered  = 2000
	overloadSeconds  = 10
	aloneSeconds     = 5
	memoryMiB        = 2048
	captureRate      = 200 // above it the capture itself takes the processor
)

var (
	kamailioSIP = netip.MustParseAddrPort("127.0.0.12:5060")
	secondPBX   = 5067
)

// RunSIP measures and writes a SIPResult.
func RunSIP(ctx context.Context, cfg SIPConfig) error {
	tools := []string{"sipp", "dumpcap", "tshark"}
	if !cfg.NoPeer {
		tools = append(tools, "kamailio")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("the benchmark needs %s (Debian packages sip-tester, tshark, kamailio): %w", tool, err)
		}
	}
	if cfg.Rate < 20 || cfg.Seconds < 1 {
		return errors.New("bench sip: want 20 calls a second or more, for a second or more")
	}
	if cfg.Talk == 0 {
		cfg.Talk = talk
	}
	if cfg.Alone == 0 {
		cfg.Alone = 3 * cfg.Rate
	}
	dir, err := os.MkdirTemp(cfg.Keep, "callbox-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if cfg.Keep == "" {
		defer os.RemoveAll(dir)
	}
	b := &bench{cfg: Config{Program: cfg.Program, Log: cfg.Log, ordinaryRate: overloadCapacity, memory: memoryMiB, profile: cfg.Profile}, dir: dir}
	r := SIPResult{Rate: cfg.Rate, MemoryMiB: memoryMiB, RingSeconds: cfg.Ring.Seconds(), TalkSeconds: cfg.Talk.Seconds()}
	err = b.start(ctx)
	if err == nil {
		err = b.sip(ctx, cfg, &r)
	}
	if err = errors.Join(err, b.stop()); err != nil {
		return err
	}
	r.RSSMiB = float64(b.maxRSS) / 1024
	if cfg.JSON {
		return json.NewEncoder(cfg.Stdout).Encode(r)
	}
	_, err = io.WriteString(cfg.Stdout, r.Table())
	return err
}

func (b *bench) sip(ctx context.Context, cfg SIPConfig, r *SIPResult) error {
	if !cfg.NoMore {
		if err := b.added(ctx, cfg, r); err != nil {
			return err
		}
	}
	if !cfg.NoPeer {
		if err := b.kamailio(ctx, cfg, r); err != nil {
			return fmt.Errorf("through Kamailio: %w", err)
		}
	}
	if err := b.main(ctx, cfg, r); err != nil {
		return fmt.Errorf("through Callbox: %w", err)
	}
	if cfg.NoMore {
		return nil
	}
	return b.overload(ctx, cfg, &r.Overload)
}

// main is the load that is asked for, and the time after it until it is settled.
func (b *bench) main(ctx context.Context, cfg SIPConfig, r *SIPResult) error {
	l, err := b.through(cfg.Rate, cfg.Seconds)
	if err != nil {
		return err
	}
	l.ring, l.talk = cfg.Ring, cfg.Talk
	told := b.told()
	before, err := cpuOf([]int{b.server.Process.Pid})
	if err != nil {
		return err
	}
	out, use, err := b.used(ctx, l, b.server.Process.Pid)
	if err != nil {
		return err
	}
	r.Calls, r.Lost, r.Why = out.Calls, out.Lost, out.Why
	calls := float64(max(1, out.Calls))
	r.CPUPerCall, r.OwnPerCall = micro(use.user+use.system)/calls, micro(use.user)/calls
	if r.KamailioCPUPerCall > 0 {
		r.CPURatio = r.CPUPerCall / r.KamailioCPUPerCall
	}
	began := time.Now()
	r.Settled = b.settle(ctx, told+2*(out.Calls-out.Lost))
	r.SettledAfter = time.Since(began).Seconds()
	after, err := cpuOf([]int{b.server.Process.Pid})
	r.SettledPerCall = micro(after.user+after.system-before.user-before.system) / calls
	return err
}

// told is how many notices came to their receivers.
func (b *bench) told() int { return b.hook.Count() + b.mail.Count() }

// settle waits until notices have come, and the server is at rest.
func (b *bench) settle(ctx context.Context, notices int) bool {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	last := time.Duration(-1)
	for {
		use, err := cpuOf([]int{b.server.Process.Pid})
		if err != nil {
			return false
		}
		now := use.user + use.system
		if b.told() >= notices && now-last <= tick250 {
			return true
		}
		last = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

const (
	settleFor = 2 * time.Minute
	// tick250 is what a server at rest uses in 250 ms, at most.
	tick250 = 20 * time.Millisecond
)

func micro(d time.Duration) float64 { return float64(d.Microseconds()) }

// through is a load of emergency calls by Callbox, in a folder of its own.
func (b *bench) through(rate, seconds int) (load, error) {
	dir, err := os.MkdirTemp(b.dir, "load-")
	if err != nil {
		return load{}, fmt.Errorf("make a folder: %w", err)
	}
	return load{
		dir: dir, from: pbx, to: callboxSIP, psap: psapSIP, psapMode: "t1", geolocation: "<" + b.token + ">", rate: rate, seconds: seconds,
	}, nil
}

// used runs a load and tells what a process used of the processor meanwhile.
func (b *bench) used(ctx context.Context, l load, pids ...int) (outcome, processorTime, error) {
	before, err := cpuOf(pids)
	if err != nil {
		return outcome{}, processorTime{}, err
	}
	out, err := l.run(ctx)
	if err != nil {
		return out, processorTime{}, err
	}
	after, err := cpuOf(pids)
	return out, processorTime{after.user - before.user, after.system - before.system}, err
}

// added measures what Callbox adds to the time from INVITE to 200.
func (b *bench) added(ctx context.Context, cfg SIPConfig, r *SIPResult) error {
	r.AddedAt = min(cfg.Rate, captureRate)
	seconds := min(cfg.Seconds, 10)
	l, err := b.through(r.AddedAt, seconds)
	if err != nil {
		return err
	}
	direct := l
	direct.to, direct.psapMode, direct.geolocation = psapSIP, "u1", ""
	var ms [2][]float64
	for i, one := range []load{direct, l} {
		packets, out, err := b.captured(ctx, one)
		if err != nil {
			return fmt.Errorf("measure the time to answer: %w", err)
		}
		if out.Lost > 0 {
			cfg.Log.Warn("bench: calls were lost while the time to answer was measured", "lost", out.Lost)
		}
		ms[i] = answerTimes(packets, pbx.String())
	}
	r.AddedP50 = quantile(ms[1], 0.5) - quantile(ms[0], 0.5)
	r.AddedP99 = quantile(ms[1], 0.99) - quantile(ms[0], 0.99)
	return nil
}

// overload offers ten times the capacity, one call in twenty for help, and then
// emergency calls alone at three times the rate of the load.
func (b *bench) overload(ctx context.Context, cfg SIPConfig, o *OverloadResult) error {
	o.Offered, o.Capacity = overloadOffered, overloadCapacity
	help, err := b.through(overloadOffered/20, overloadSeconds)
	if err != nil {
		return err
	}
	rest, err := b.through(overloadOffered-overloadOffered/20, overloadSeconds)
	if err != nil {
		return err
	}
	rest.dialled, rest.port, rest.noPSAP, rest.geolocation = "2102", secondPBX, true, ""
	type result struct {
		out outcome
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := rest.run(ctx)
		done <- result{out, err}
	}()
	out, err := help.run(ctx)
	other := <-done
	if err = errors.Join(err, other.err); err != nil {
		return fmt.Errorf("overload: %w", err)
	}
	o.EmergencyCalls, o.EmergencyLost = out.Calls, out.Lost
	o.OrdinaryCalls, o.Shed = rest.rate*rest.seconds, other.out.Refused
	o.Unanswered = max(0, o.OrdinaryCalls-other.out.Refused-(other.out.Calls-other.out.Lost))
	o.Why = out.Why
	alone, err := b.through(cfg.Alone, aloneSeconds)
	if err != nil {
		return err
	}
	if out, err = alone.run(ctx); err != nil {
		return fmt.Errorf("emergency calls alone: %w", err)
	}
	o.AloneRate, o.AloneCalls, o.AloneLost = cfg.Alone, cfg.Alone*aloneSeconds, out.Lost
	for name, n := range out.Why {
		o.Why["alone_"+name] = n
	}
	return nil
}

// relay is a Kamailio that does for a call what a proxy does: a transaction, a
// Record-Route, one field added.
const relay = `#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:%[1]s
listen=tcp:%[1]s
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
		sl_send_reply("404", "Not here"); exit;
	}
	if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
	record_route();
	append_hf("X-Relayed: yes\r\n");
	$du = "sip:%[2]s;transport=tcp";
	if (!t_relay()) sl_reply_error();
	exit;
}
`

// kamailio measures the same calls through a relay (-x fm: its faster allocator).
func (b *bench) kamailio(ctx context.Context, cfg SIPConfig, r *SIPResult) error {
	l, err := b.through(cfg.Rate, cfg.Seconds)
	if err != nil {
		return err
	}
	l.to = kamailioSIP
	file := filepath.Join(l.dir, "kamailio.cfg")
	if err := os.WriteFile(file, fmt.Appendf(nil, relay, kamailioSIP, psapSIP), 0o600); err != nil {
		return fmt.Errorf("write its configuration: %w", err)
	}
	// -DD: it stays in the foreground as the father of its workers.
	k := exec.CommandContext(ctx, "kamailio", "-DD", "-E", "-f", file, "-m", "1024", "-x", "fm", "-X", "fm", "-Y", l.dir, "-P", filepath.Join(l.dir, "pid"))
	log, err := os.Create(filepath.Join(l.dir, "kamailio.log"))
	if err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	defer log.Close()
	k.Stdout, k.Stderr = log, log
	if err := k.Start(); err != nil {
		return fmt.Errorf("start it: %w", err)
	}
	defer func() {
		_ = k.Process.Signal(os.Interrupt)
		_ = k.Wait()
	}()
	if err := waitBound(ctx, kamailioSIP, true); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("wait for it: %w\n%s", err, text[max(0, len(text)-2000):])
	}
	pids := append([]int{k.Process.Pid}, childrenOf(k.Process.Pid)...)
	out, use, err := b.used(ctx, l, pids...)
	if err != nil {
		return err
	}
	r.KamailioLost = out.Lost
	r.KamailioCPUPerCall = micro(use.user+use.system) / float64(max(1, out.Calls))
	return nil
}

type processorTime struct{ user, system time.Duration }

// tick is the kernel's unit of processor time in /proc (USER_HZ).
const tick = 10 * time.Millisecond

// cpuOf adds up the processor time of processes.
func cpuOf(pids []int) (processorTime, error) {
	var sum processorTime
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return sum, fmt.Errorf("read the processor time of a process: %w", err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest)
		if len(f) < 13 {
			return sum, errors.New("read the processor time of a process: its line is short")
		}
		user, err1 := strconv.ParseInt(f[11], 10, 64)
		system, err2 := strconv.ParseInt(f[12], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return sum, fmt.Errorf("read the processor time of a process: %w", err)
		}
		sum.user += time.Duration(user) * tick
		sum.system += time.Duration(system) * tick
	}
	return sum, nil
}

// childrenOf lists the processes below one.
func childrenOf(pid int) []int {
	var out []int
	text, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid))
	if err != nil {
		return nil
	}
	for _, s := range strings.Fields(string(text)) {
		if n, err := strconv.Atoi(s); err == nil {
			out = append(append(out, n), childrenOf(n)...)
		}
	}
	return out
}
