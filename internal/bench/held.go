package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/calldata"
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
	Profile     string // file for a CPU profile of the rounds of full HELD; none
	JSON        bool   // one line of JSON instead of a table
	Stdout      io.Writer
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
// full HELD in one run. CPU is of the whole process for one request, which
// includes the client of both. P50 and P99 are at half of RPS, from when a
// request was due.
type HeldResult struct {
	Elements  int     `json:"elements"`
	Devices   int     `json:"devices"`
	RPS       float64 `json:"rps"`
	NullRPS   float64 `json:"null_rps"`
	Ratio     float64 `json:"ratio"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	HalfRPS   float64 `json:"half_rps"`
	RSSMiB    float64 `json:"rss_mib"`
	PeakMiB   float64 `json:"peak_rss_mib"` // with the building of the world
	CPUMicros float64 `json:"cpu_us"`
	NullCPU   float64 `json:"null_cpu_us"`
	Requests  int64   `json:"requests"`
	Facts     uint64  `json:"facts"`
	BuildS    float64 `json:"build_s"`
	FirstUS   float64 `json:"first_request_us"` // of a device never seen, without HTTP
}

// RunHeld measures and writes a HeldResult. One request in a hundred comes from
// a device that has moved, and has a fact in a journal on disk.
func RunHeld(ctx context.Context, cfg HeldConfig) error {
	if err := cfg.fill(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "callbox-bench-held-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	// Below this the collector runs without pause at a million elements: the live
	// heap is near 0.9 GiB, and the design wants 1 GiB resident.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1400 << 20))
	b := &heldBench{cfg: cfg, world: heldWorld{elements: cfg.Elements, devices: cfg.Devices}}
	if err := b.run(ctx, dir); err != nil {
		return fmt.Errorf("bench held: %w", err)
	}
	return b.print()
}

type heldBench struct {
	cfg    HeldConfig
	world  heldWorld
	server *lis.Server
	addr   string
	null   atomic.Bool
	same   []byte // what full HELD answers, for the null handler
	moves  []uint8
	turn   []atomic.Int64 // of each connection
	out    HeldResult
}

// ServeHTTP is full HELD, or the null handler.
func (b *heldBench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !b.null.Load() {
		b.server.ServeHTTP(w, r)
		return
	}
	room := nullRooms.Get().(*[]byte)
	defer nullRooms.Put(room)
	in := (*room)[:0]
	for {
		n, err := r.Body.Read(in[len(in):cap(in)])
		in = in[:len(in)+n]
		if err != nil || len(in) == cap(in) {
			break
		}
	}
	h := w.Header()
	h["Cache-Control"], h["X-Content-Type-Options"], h["Content-Type"] = nullHeaders[0], nullHeaders[1], nullHeaders[2]
	h["Content-Length"] = []string{strconv.Itoa(len(b.same))}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b.same)
}

var (
	nullRooms   = sync.Pool{New: func() any { b := make([]byte, 0, 8192); return &b }}
	nullHeaders = [3][]string{{"private, no-store"}, {"nosniff"}, {"application/held+xml;charset=utf-8"}}
)

func (b *heldBench) run(ctx context.Context, dir string) (err error) {
	start := time.Now()
	snap, err := b.world.build()
	if err != nil {
		return err
	}
	b.out.BuildS = time.Since(start).Seconds()
	holder := &snapshot.Holder{}
	holder.Store(snap)
	facts, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "journal"), Node: "bench"})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan error, 1)
	go func() { written <- facts.Run(ctx) }()
	defer func() {
		cancel()
		if e := <-written; err == nil && e != nil && !errors.Is(e, context.Canceled) {
			err = e
		}
	}()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	b.addr = ln.Addr().String()
	if b.server, err = lis.New(lis.Config{
		Snapshot: holder, Journal: facts, BaseURL: "https://lis.example",
		Provider: calldata.ProviderInfo{Reference: "1@callbox.example", Name: "Callbox", Type: calldata.TypeTelecom, ContactURI: "tel:+16175550100", Languages: []string{"en"}},
	}); err != nil {
		return err
	}
	if err := b.world.requests(b.addr); err != nil {
		return err
	}
	if err := b.first(); err != nil {
		return err
	}
	srv := &http.Server{Handler: b, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() {
		_ = srv.Close()
		if e := <-served; err == nil && !errors.Is(e, http.ErrServerClosed) {
			err = e
		}
	}()
	err = b.measure(ctx)
	b.out.Facts = facts.Stat().Synced
	return err
}

// first has every device ask once, so that each is known, and keeps one answer.
func (b *heldBench) first() error {
	b.moves = make([]uint8, b.cfg.Devices)
	start := time.Now()
	var text []byte
	for d := range b.cfg.Devices {
		text = b.world.write(text, d, 0)
		head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
		r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\r\n\r\n"), bytes.NewReader(body))))
		if err != nil {
			return fmt.Errorf("read a request of ours: %w", err)
		}
		r.RemoteAddr = "127.0.0.1:40000"
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !bytes.Contains(w.Body.Bytes(), []byte("<locationURI>")) {
			return fmt.Errorf("device %d: HTTP %d %s", d, w.Code, w.Body)
		}
		b.same = w.Body.Bytes()
	}
	b.out.FirstUS = float64(time.Since(start).Microseconds()) / float64(b.cfg.Devices)
	runtime.GC()
	debug.FreeOSMemory()
	b.out.PeakMiB = float64(usage().Maxrss) / 1024
	return nil
}

func usage() syscall.Rusage {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return u
}

func cpuTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs both handlers in turn, then full HELD at half its rate.
func (b *heldBench) measure(ctx context.Context) error {
	b.turn = make([]atomic.Int64, b.cfg.Conns)
	var n [2]int64
	var took, cpu [2]time.Duration
	round := func(null bool, d time.Duration) error {
		b.null.Store(null)
		i := 0
		if null {
			i = 1
		}
		before, at := cpuTime(), time.Now()
		count, _, err := b.load(ctx, d, 0)
		if err != nil {
			return err
		}
		n[i], took[i], cpu[i] = n[i]+count, took[i]+time.Since(at), cpu[i]+cpuTime()-before
		return nil
	}
	for _, null := range []bool{true, false} { // warm up; not counted
		if err := round(null, b.cfg.Round/2); err != nil {
			return err
		}
	}
	n, took, cpu = [2]int64{}, [2]time.Duration{}, [2]time.Duration{}
	if b.cfg.Profile != "" {
		f, err := os.Create(b.cfg.Profile)
		if err != nil {
			return fmt.Errorf("make a profile: %w", err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("start a profile: %w", err)
		}
	}
	for i := range b.cfg.Rounds {
		// The order changes from round to round, so that neither is always first.
		for _, null := range []bool{i%2 == 0, i%2 != 0} {
			if err := round(null, b.cfg.Round); err != nil {
				return err
			}
		}
	}
	if b.cfg.Profile != "" {
		pprof.StopCPUProfile()
	}
	o := &b.out
	o.Elements, o.Devices = b.cfg.Elements, b.cfg.Devices
	o.RPS, o.NullRPS = float64(n[0])/took[0].Seconds(), float64(n[1])/took[1].Seconds()
	o.Ratio = o.RPS / o.NullRPS
	o.CPUMicros, o.NullCPU = float64(cpu[0].Microseconds())/float64(n[0]), float64(cpu[1].Microseconds())/float64(n[1])
	o.Requests = n[0]
	b.null.Store(false)
	at := time.Now()
	count, late, err := b.load(ctx, b.cfg.Half, o.RPS/2)
	if err != nil {
		return err
	}
	o.HalfRPS = float64(count) / time.Since(at).Seconds()
	slices.Sort(late)
	if len(late) > 0 {
		o.P50 = float64(late[len(late)/2].Microseconds()) / 1000
		o.P99 = float64(late[len(late)*99/100].Microseconds()) / 1000
	}
	o.RSSMiB = residentMiB()
	return nil
}

// load sends requests on every connection, for so long: one after the other, or
// at a rate over all of them. Times are from when each was due.
func (b *heldBench) load(ctx context.Context, d time.Duration, rate float64) (count int64, late []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	counts := make([]int64, b.cfg.Conns)
	lates := make([][]time.Duration, b.cfg.Conns)
	errs := make([]error, b.cfg.Conns)
	for i := range b.cfg.Conns {
		wg.Go(func() { counts[i], lates[i], errs[i] = b.client(ctx, i, rate/float64(b.cfg.Conns)) })
	}
	wg.Wait()
	for i := range counts {
		count += counts[i]
		late = append(late, lates[i]...)
	}
	return count, late, errors.Join(errs...)
}

// client is one keep-alive connection, which asks for its share of the devices.
func (b *heldBench) client(ctx context.Context, i int, rate float64) (n int64, late []time.Duration, err error) {
	c, err := net.Dial("tcp4", b.addr)
	if err != nil {
		return 0, nil, fmt.Errorf("connect: %w", err)
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 8192)
	var out []byte
	share := b.cfg.Devices / b.cfg.Conns
	var due time.Time
	var tick *time.Timer
	if rate > 0 {
		gap := time.Duration(float64(time.Second) / rate)
		due = time.Now().Add(gap * time.Duration(i) / time.Duration(b.cfg.Conns))
		tick = time.NewTimer(time.Until(due))
		defer tick.Stop()
	}
	for ; ctx.Err() == nil; n++ {
		if tick != nil {
			if wait := time.Until(due); wait > 0 {
				tick.Reset(wait)
				select {
				case <-tick.C:
				case <-ctx.Done():
					return n, late, nil
				}
			}
		}
		turn := b.turn[i].Add(1)
		device := i*share + int(turn)%share
		if turn%100 == 0 && !b.null.Load() {
			b.moves[device]++
		}
		out = b.world.write(out, device, int(b.moves[device]))
		if _, err := c.Write(out); err != nil {
			return n, late, fmt.Errorf("ask: %w", err)
		}
		if err := skipAnswer(in); err != nil {
			return n, late, err
		}
		if tick != nil {
			late = append(late, time.Since(due))
			due = due.Add(time.Duration(float64(time.Second) / rate))
		}
	}
	return n, late, nil
}

// skipAnswer reads one answer and looks at nothing but its status and length.
func skipAnswer(in *bufio.Reader) error {
	length, first := 0, true
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("answered %q", line)
		}
		first = false
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, d := range bytes.TrimSpace(v) {
				length = 10*length + int(d-'0')
			}
		}
	}
	if _, err := in.Discard(length); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	return nil
}

func residentMiB() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(v)[0])
			return float64(kib) / 1024
		}
	}
	return 0
}

func (b *heldBench) print() error {
	o := &b.out
	if b.cfg.JSON {
		return json.NewEncoder(b.cfg.Stdout).Encode(o)
	}
	_, err := fmt.Fprintf(b.cfg.Stdout, "HELD, %d elements, %d devices, %d keep-alive connections on loopback, %d cores shared with the client\n\n"+
		"| | requests/s | CPU a request, client included |\n|---|---|---|\n| null handler | %.0f | %.1f µs |\n| full HELD | %.0f | %.1f µs |\n\n"+
		"ratio %.2f; at %.0f requests/s median %.2f ms, p99 %.2f ms; %.0f MiB resident; first request of a device %.0f µs\n",
		o.Elements, o.Devices, b.cfg.Conns, runtime.NumCPU(), o.NullRPS, o.NullCPU, o.RPS, o.CPUMicros,
		o.Ratio, o.HalfRPS, o.P50, o.P99, o.RSSMiB, o.FirstUS)
	return err
}
