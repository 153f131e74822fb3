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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/calldata"
)

// ServeHeld is the server of RunHeld in a process of its own: it builds the
// world, has every device ask once, tells where it listens, and answers
// questions of how it is until in ends.
func ServeHeld(ctx context.Context, cfg HeldConfig, in io.Reader, out io.Writer) error {
	cfg.Stdout = out
	if err := cfg.fill(); err != nil {
		return err
	}
	return serveHeld(ctx, cfg, in, out)
}

func serveHeld(ctx context.Context, cfg HeldConfig, in io.Reader, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "callbox-bench-held-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &heldServer{world: heldWorld{elements: cfg.Elements, devices: cfg.Devices}}
	facts, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "journal"), Node: "bench"})
	if err != nil {
		return err
	}
	s.facts = facts
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan error, 1)
	go func() { written <- facts.Run(ctx) }()
	defer func() {
		cancel()
		if e := <-written; err == nil && e != nil && !errors.Is(e, context.Canceled) {
			err = e
		}
	}()
	if err := s.build(); err != nil {
		return err
	}
	for i, h := range []http.Handler{s.lis, http.HandlerFunc(s.serveNull)} {
		addr, stop, e := listen(h)
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, stop()) }()
		if i == 0 {
			s.at.Full = addr
		} else {
			s.at.Null = addr
		}
	}
	return s.answer(in, out)
}

// listen serves a handler on loopback, as callbox serve does HELD.
func listen(h http.Handler) (addr string, stop func() error, err error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	return ln.Addr().String(), func() error {
		_ = srv.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	}, nil
}

type heldServer struct {
	world heldWorld
	lis   *lis.Server
	facts *disk.Journal
	same  []byte // what full HELD answers, for the null handler
	long  []string
	at    serverState
}

// build makes the world, and has every device ask once, so that each is known.
func (s *heldServer) build() error {
	start := time.Now()
	snap, err := s.world.build()
	if err != nil {
		return err
	}
	s.at.BuildS = time.Since(start).Seconds()
	holder := &snapshot.Holder{}
	holder.Store(snap)
	if s.lis, err = lis.New(lis.Config{
		Snapshot: holder, Journal: s.facts, BaseURL: "https://lis.example",
		Provider: calldata.ProviderInfo{Reference: "1@callbox.example", Name: "Callbox", Type: calldata.TypeTelecom, ContactURI: "tel:+16175550100", Languages: []string{"en"}},
	}); err != nil {
		return err
	}
	if err := s.world.requests("127.0.0.1"); err != nil {
		return err
	}
	runtime.GC() // the changes that made the world
	cpu := cpuTime()
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	last := make([][]byte, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for d := i; d < s.world.devices && errs[i] == nil; d += workers {
				last[i], errs[i] = s.first(d)
			}
		})
	}
	wg.Wait()
	s.at.FirstUS = float64((cpuTime() - cpu).Microseconds()) / float64(s.world.devices)
	s.same, s.long = last[0], []string{strconv.Itoa(len(last[0]))}
	runtime.GC()
	debug.FreeOSMemory()
	return errors.Join(errs...)
}

// first has a device ask, and returns the answer.
func (s *heldServer) first(device int) ([]byte, error) {
	head, body, _ := bytes.Cut(s.world.write(nil, device, 0), []byte("\r\n\r\n"))
	r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\r\n\r\n"), bytes.NewReader(body))))
	if err != nil {
		return nil, fmt.Errorf("read a request of ours: %w", err)
	}
	r.RemoteAddr = "127.0.0.1:40000"
	w := httptest.NewRecorder()
	s.lis.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !bytes.Contains(w.Body.Bytes(), []byte("<locationURI>")) {
		return nil, fmt.Errorf("device %d: HTTP %d %s", device, w.Code, w.Body)
	}
	return w.Body.Bytes(), nil
}

// answer tells where the server is, and then how it is, as often as it is asked.
func (s *heldServer) answer(in io.Reader, out io.Writer) error {
	questions, told := json.NewDecoder(in), json.NewEncoder(out)
	var profile *os.File
	for {
		if err := told.Encode(s.state()); err != nil {
			return fmt.Errorf("tell how the server is: %w", err)
		}
		var q question
		if err := questions.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a question: %w", err)
		}
		switch {
		case q.Profile != "":
			var err error
			if profile, err = os.Create(q.Profile); err != nil {
				return fmt.Errorf("make a profile: %w", err)
			}
			if err := pprof.StartCPUProfile(profile); err != nil {
				return fmt.Errorf("start a profile: %w", err)
			}
		case q.Stop && profile != nil:
			pprof.StopCPUProfile()
			if err := profile.Close(); err != nil {
				return fmt.Errorf("write a profile: %w", err)
			}
			profile = nil
		case q.Idle:
			debug.FreeOSMemory()
		}
	}
}

func (s *heldServer) state() serverState {
	at := s.at
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	at.CPU, at.Mallocs, at.RSSMiB, at.PeakMiB = cpuTime(), m.Mallocs, residentMiB(), float64(usage().Maxrss)/1024
	at.LiveMiB, at.Facts = float64(m.HeapAlloc)/(1<<20), s.facts.Stat().Synced
	return at
}

// serveNull reads the body and returns what full HELD would.
func (s *heldServer) serveNull(w http.ResponseWriter, r *http.Request) {
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
	h["Content-Length"] = s.long
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(s.same)
}

var (
	nullRooms   = sync.Pool{New: func() any { b := make([]byte, 0, 8192); return &b }}
	nullHeaders = [3][]string{{"private, no-store"}, {"nosniff"}, {"application/held+xml;charset=utf-8"}}
)

func usage() syscall.Rusage {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return u
}

func cpuTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func residentMiB() float64 { return statusMiB("VmRSS:") }
