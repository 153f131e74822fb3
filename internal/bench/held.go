package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// HeldConfig is what RunHeld needs. Zero values are the world of the design's
// section 8 in a run of about 40 s.
type HeldConfig struct {
	Elements int // of the network map; 1,000,000
	Devices  int // 100,000
	Rounds   int // of each handler, in turn; 6
	// Round is how long one lasts; 1.2 s. Half is how long the series at half rate
	// lasts; 5 s.
	Round, Half time.Duration
	Conns       int    // keep-alive connections; 32
	Profile     string // file for a CPU profile of the server in the rounds; none
	// Program is a callbox binary, which the server is another process of; none:
	// it runs in this process, and what is told of its memory and processor time
	// is of client and server.
	Program string
	JSON    bool // one line of JSON instead of a table
	Stdout  io.Writer
}

func (c *HeldConfig) fill() error {
	defaults := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	defaults(&c.Elements, 1_000_000)
	defaults(&c.Devices, 100_000)
	defaults(&c.Rounds, 6)
	defaults(&c.Conns, 32)
	if c.Round == 0 {
		c.Round = 1200 * time.Millisecond
	}
	if c.Half == 0 {
		c.Half = 5 * time.Second
	}
	if c.Elements < 100 || c.Elements > 1<<24 || c.Devices < c.Conns || c.Devices > 1<<24 || c.Rounds < 1 || c.Conns < 1 || c.Stdout == nil {
		return errors.New("bench held: want 100 to 16,777,216 elements, at least as many devices as connections, a round, and somewhere to write")
	}
	return nil
}

// HeldResult is what came out. RPS are requests a second; NullRPS those of an
// http.Handler that reads the same body and returns the same bytes, in turn with
// full HELD in one run, by the same client on the same cores. CPU is of the
// server for one request. P50 and P99 are at half of RPS, from when a request
// was due.
type HeldResult struct {
	Elements  int     `json:"elements"`
	Devices   int     `json:"devices"`
	RPS       float64 `json:"rps"`
	NullRPS   float64 `json:"null_rps"`
	Ratio     float64 `json:"ratio"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	HalfRPS   float64 `json:"half_rps"`
	RSSMiB    float64 `json:"rss_mib"`      // at the end of the load
	IdleMiB   float64 `json:"rss_idle_mib"` // when what is not used was given back
	LiveMiB   float64 `json:"live_mib"`     // of the Go heap
	PeakMiB   float64 `json:"peak_rss_mib"` // with the building of the world
	CPUMicros float64 `json:"cpu_us"`
	NullCPU   float64 `json:"null_cpu_us"`
	Allocs    float64 `json:"allocs"` // a request
	Requests  int64   `json:"requests"`
	Facts     uint64  `json:"facts"`
	BuildS    float64 `json:"build_s"`
	FirstUS   float64 `json:"first_request_us"` // processor time of a device never seen, without HTTP
}

// RunHeld measures and writes a HeldResult. One request in a hundred comes from
// a device that has moved, and has a fact in a journal on disk.
func RunHeld(ctx context.Context, cfg HeldConfig) error {
	if err := cfg.fill(); err != nil {
		return err
	}
	b := &heldBench{cfg: cfg}
	if err := b.run(ctx); err != nil {
		return fmt.Errorf("bench held: %w", err)
	}
	if cfg.JSON {
		return json.NewEncoder(cfg.Stdout).Encode(b.out)
	}
	_, err := io.WriteString(cfg.Stdout, b.out.Table())
	return err
}

// heldBench is the client, and asks the server how it is.
type heldBench struct {
	cfg  HeldConfig
	ask  *json.Encoder // questions
	told *json.Decoder // and answers
	load [2]*heldLoad  // of full HELD, of the null handler
	out  HeldResult
}

const (
	full = iota
	null
)

// question is what the server is asked.
type question struct {
	Profile string `json:"profile,omitempty"` // start a profile into a file
	Stop    bool   `json:"stop,omitempty"`    // stop it
	Idle    bool   `json:"idle,omitempty"`    // give back what is not used
}

// serverState is what the server tells: first where it is, then how it is.
type serverState struct {
	Full    string        `json:"full"`
	Null    string        `json:"null"`
	BuildS  float64       `json:"build_s"`
	FirstUS float64       `json:"first_us"`
	CPU     time.Duration `json:"cpu"`
	Mallocs uint64        `json:"mallocs"`
	RSSMiB  float64       `json:"rss_mib"`
	PeakMiB float64       `json:"peak_mib"`
	LiveMiB float64       `json:"live_mib"`
	Facts   uint64        `json:"facts"`
	Err     string        `json:"err,omitempty"`
}

func (b *heldBench) state(q question) (s serverState, err error) {
	if err := b.ask.Encode(q); err != nil {
		return s, fmt.Errorf("ask the server: %w", err)
	}
	return s, b.hear(&s)
}

func (b *heldBench) hear(s *serverState) error {
	if err := b.told.Decode(s); err != nil {
		return fmt.Errorf("hear of the server: %w", err)
	}
	if s.Err != "" {
		return errors.New("the server: " + s.Err)
	}
	return nil
}

// run starts the server, measures, and stops it.
func (b *heldBench) run(ctx context.Context) (err error) {
	toServer, questions := io.Pipe()
	answers, fromServer := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		err := b.server(ctx, toServer, fromServer)
		_ = fromServer.CloseWithError(errors.Join(err, io.EOF))
		_ = toServer.CloseWithError(io.EOF)
		stopped <- err
	}()
	defer func() {
		_ = questions.Close()
		go func() { _, _ = io.Copy(io.Discard, answers) }() // it may still be writing
		if e := <-stopped; err == nil {
			err = e
		}
	}()
	b.ask, b.told = json.NewEncoder(questions), json.NewDecoder(bufio.NewReader(answers))
	var at serverState
	if err := b.hear(&at); err != nil {
		return err
	}
	b.out = HeldResult{Elements: b.cfg.Elements, Devices: b.cfg.Devices, BuildS: at.BuildS, FirstUS: at.FirstUS, PeakMiB: at.PeakMiB}
	world := heldWorld{elements: b.cfg.Elements, devices: b.cfg.Devices}
	for i, addr := range []string{at.Full, at.Null} {
		if b.load[i], err = newHeldLoad(world, addr, b.cfg.Conns); err != nil {
			return err
		}
	}
	b.load[null].moves, b.load[null].still = b.load[full].moves, true
	return b.measure(ctx)
}

// server runs the server until it has no questions to answer any more.
func (b *heldBench) server(ctx context.Context, in io.Reader, out io.Writer) error {
	if b.cfg.Program == "" {
		return serveHeld(ctx, b.cfg, in, out)
	}
	cmd := exec.CommandContext(ctx, b.cfg.Program, "bench", "held", "--server",
		"--elements", strconv.Itoa(b.cfg.Elements), "--devices", strconv.Itoa(b.cfg.Devices))
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.Env = os.Environ()
	if os.Getenv("GOMEMLIMIT") == "" {
		cmd.Env = append(cmd.Env, "GOMEMLIMIT=1000MiB") // what design 8 lets a server have
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	go func() {
		_, _ = io.Copy(pipe, in) // its end, of either side, is what ends the server
		_ = pipe.Close()
	}()
	return cmd.Wait()
}

// measure runs both handlers in turn, then full HELD at half its rate.
func (b *heldBench) measure(ctx context.Context) error {
	var n [2]int64
	var took, cpu [2]time.Duration
	var mallocs uint64
	round := func(which int, d time.Duration) error {
		before, err := b.state(question{})
		if err != nil {
			return err
		}
		at := time.Now()
		count, _, err := b.load[which].run(ctx, d, 0)
		if err != nil {
			return err
		}
		wall := time.Since(at)
		after, err := b.state(question{})
		n[which], took[which], cpu[which] = n[which]+count, took[which]+wall, cpu[which]+after.CPU-before.CPU
		if which == full {
			mallocs += after.Mallocs - before.Mallocs
		}
		return err
	}
	for _, which := range []int{null, full} { // warm up; not counted
		if err := round(which, b.cfg.Round/2); err != nil {
			return err
		}
	}
	n, took, cpu, mallocs = [2]int64{}, [2]time.Duration{}, [2]time.Duration{}, 0
	if b.cfg.Profile != "" {
		if _, err := b.state(question{Profile: b.cfg.Profile}); err != nil {
			return err
		}
	}
	for i := range b.cfg.Rounds {
		// The order changes from round to round, so that neither is always first.
		for _, which := range []int{(i + 1) % 2, i % 2} {
			if err := round(which, b.cfg.Round); err != nil {
				return err
			}
		}
	}
	o := &b.out
	o.RPS, o.NullRPS = float64(n[full])/took[full].Seconds(), float64(n[null])/took[null].Seconds()
	o.Ratio = o.RPS / o.NullRPS
	o.CPUMicros, o.NullCPU = float64(cpu[full].Microseconds())/float64(n[full]), float64(cpu[null].Microseconds())/float64(n[null])
	o.Requests, o.Allocs = n[full], float64(mallocs)/float64(n[full])
	if _, err := b.state(question{Stop: true}); err != nil {
		return err
	}
	return b.half(ctx)
}

// half measures times at half of the rate, and memory.
func (b *heldBench) half(ctx context.Context) error {
	o := &b.out
	at := time.Now()
	count, late, err := b.load[full].run(ctx, b.cfg.Half, o.RPS/2)
	if err != nil {
		return err
	}
	o.HalfRPS = float64(count) / time.Since(at).Seconds()
	slices.Sort(late)
	if len(late) > 0 {
		o.P50 = float64(late[len(late)/2].Microseconds()) / 1000
		o.P99 = float64(late[len(late)*99/100].Microseconds()) / 1000
	}
	end, err := b.state(question{})
	if err != nil {
		return err
	}
	o.RSSMiB = end.RSSMiB
	if end, err = b.state(question{Idle: true}); err != nil {
		return err
	}
	o.IdleMiB, o.LiveMiB, o.Facts = end.RSSMiB, end.LiveMiB, end.Facts
	return nil
}

// Table is the result as a part of docs/benchmarks.md.
func (o HeldResult) Table() string {
	return fmt.Sprintf(`## Location requests (HELD)

%d network elements, %d devices, keep-alive connections on loopback, %d cores shared with the client. The null handler reads the same body and
returns the same bytes. One request in a hundred comes from a device that has moved, and has a fact in the journal.

| | requests/s | CPU of the server a request |
|---|---|---|
| null handler | %.0f | %.1f µs |
| full HELD | %.0f | %.1f µs |

Ratio %.2f. At %.0f requests/s the median is %.2f ms and p99 %.2f ms. The server has %.0f MiB resident under load, of which %.0f MiB are in use;
the first request of a device takes %.0f µs.
`, o.Elements, o.Devices, runtime.NumCPU(), o.NullRPS, o.NullCPU, o.RPS, o.CPUMicros,
		o.Ratio, o.HalfRPS, o.P50, o.P99, o.RSSMiB, o.LiveMiB, o.FirstUS)
}
