package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// PublishConfig is what RunPublish needs.
type PublishConfig struct {
	Elements int // of the network map; 1,000,000
	Devices  int // 100,000
	Rate     int // location requests a second meanwhile; 2,000
	JSON     bool
	Out      io.Writer
}

// PublishResult is what came out. A change is measured from the moment that its
// change set is there until an answer over HTTP has the new location, while
// other devices ask: of one element, of 1,000, and of a whole site, which is a
// twentieth of all. StartMS is from opening the snapshot file to the first
// answer of a server made from it.
type PublishResult struct {
	Elements   int     `json:"elements"`
	Devices    int     `json:"devices"`
	ChangeP50  float64 `json:"change_ms_p50"`
	ChangeP99  float64 `json:"change_ms_p99"`
	OneMS      float64 `json:"one_ms_worst"`
	ThousandMS float64 `json:"thousand_ms_worst"`
	SiteMS     float64 `json:"site_ms_worst"`
	DeltaMS    float64 `json:"delta_ms_worst"` // until a change is durable on disk, after calls use it
	FileMS     float64 `json:"file_ms"`
	FileMiB    float64 `json:"file_mib"`
	StartMS    float64 `json:"start_ms"`
	RSSMiB     float64 `json:"rss_mib"`      // after the start from the file, serving
	PeakMiB    float64 `json:"peak_rss_mib"` // with the building of the world
	Requests   int64   `json:"requests"`
	BuildS     float64 `json:"build_s"`
}

// RunPublish measures and writes a PublishResult.
func RunPublish(ctx context.Context, cfg PublishConfig) error {
	if cfg.Rate == 0 {
		cfg.Rate = 2000
	}
	if cfg.Elements < 20_000 || cfg.Elements > 1<<24 || cfg.Devices < 100 || cfg.Rate < 1 || cfg.Out == nil {
		return errors.New("bench publish: want 20,000 to 16,777,216 elements, 100 devices, a rate, and somewhere to write")
	}
	dir, err := os.MkdirTemp("", "callbox-bench-publish-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	ring, err := seal.NewRing(seal.Key{ID: "bench", Secret: seal.NewSecret()})
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	b := &publishBench{cfg: cfg, dir: filepath.Join(dir, "snapshot"), ring: ring}
	for _, step := range []func(context.Context) error{b.build, b.change, b.start} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("bench publish: %w", err)
		}
		// Nothing of a step before may be counted as memory of the next.
		runtime.GC()
		debug.FreeOSMemory()
	}
	b.out.PeakMiB = float64(usage().Maxrss) / 1024
	return b.print()
}

type publishBench struct {
	cfg   PublishConfig
	dir   string
	ring  *seal.Ring
	world heldWorld
	snap  *snapshot.Snapshot // of the step before
	file  *snapshot.File
	out   PublishResult
}

// silent is a journal that forgets: no part of what is measured.
type silent struct{ seq atomic.Uint64 }

func (s *silent) Record(journal.Fact) journal.Receipt {
	done := make(chan struct{})
	close(done)
	return journal.Receipt{Seq: s.seq.Add(1), Written: done, Synced: done, Err: func() error { return nil }}
}

func (b *publishBench) build(context.Context) error {
	b.out.Elements, b.out.Devices = b.cfg.Elements, b.cfg.Devices
	b.world = heldWorld{elements: b.cfg.Elements, devices: b.cfg.Devices}
	begin := time.Now()
	var err error
	if b.snap, err = b.world.build(); err != nil {
		return err
	}
	b.out.BuildS = time.Since(begin).Seconds()
	begin = time.Now()
	b.file = snapshot.OpenFile(b.dir, b.ring)
	if err := b.file.WriteBase(b.snap); err != nil {
		return err
	}
	b.out.FileMS = sinceMS(begin)
	files, err := os.ReadDir(b.dir)
	if err != nil {
		return fmt.Errorf("look at the snapshot file: %w", err)
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			b.out.FileMiB += float64(info.Size()) / (1 << 20)
		}
	}
	return nil
}

// answering is a location server with devices that ask.
type answering struct {
	held   *heldLoad
	holder *snapshot.Holder
	close  func() error
	probe  *http.Client
	body   []byte
}

func (b *publishBench) serve(s *snapshot.Snapshot) (*answering, error) {
	a := &answering{holder: &snapshot.Holder{}, probe: &http.Client{Transport: &http.Transport{}}}
	a.holder.Store(s)
	const conns = 8
	server, err := lis.New(lis.Config{Snapshot: a.holder, Journal: &silent{}, BaseURL: "https://lis.example"})
	if err != nil {
		return nil, err
	}
	addr, close, err := listen(server)
	if err != nil {
		return nil, err
	}
	a.close = close
	if a.held, err = newHeldLoad(b.world, addr, conns); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	chassis, err := held.MACID(held.ChassisMAC, b.world.portKey(0).Chassis)
	if err == nil {
		a.body, err = held.AppendRequest(nil, &held.Request{
			Types: []held.LocationType{held.Civic}, Identity: []held.Identifier{{Kind: held.IDMAC, Value: string(deviceMAC(0))}},
			Measurements: []held.Measurement{{LLDP: []held.LLDP{{Chassis: chassis, Port: held.TextID(held.PortIfName, b.world.portKey(0).Port)}}}},
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write a request: %w", err), a.stop())
	}
	return a, nil
}

func (a *answering) stop() error {
	a.probe.CloseIdleConnections()
	return a.close()
}

// ask returns the answer to the device on the first switch port.
func (a *answering) ask(ctx context.Context) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.held.addr+"/held", bytes.NewReader(a.body))
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	r.Header.Set("Content-Type", held.ContentType)
	resp, err := a.probe.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// until asks until the answer has the location.
func (a *answering) until(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	room := []byte("ROOM>" + strconv.Itoa(n) + "<")
	for {
		body, err := a.ask(ctx)
		if err != nil {
			return err
		}
		if bytes.Contains(body, room) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("location %d is not used: %s", n, body)
		}
	}
}

// change publishes change sets of three sizes while devices ask.
func (b *publishBench) change(ctx context.Context) (err error) {
	a, err := b.serve(b.snap)
	if err != nil {
		return err
	}
	b.snap = nil
	defer func() { err = errors.Join(err, a.stop()) }()
	ctx, cancel := context.WithCancel(ctx)
	loaded := make(chan error, 1)
	go func() {
		n, _, err := a.held.run(ctx, time.Minute, float64(b.cfg.Rate))
		b.out.Requests = n
		loaded <- err
	}()
	defer func() {
		cancel()
		err = errors.Join(err, <-loaded)
	}()
	if err := a.until(ctx, 0); err != nil {
		return err
	}
	var all []float64
	at := 0
	for _, step := range []struct {
		elements, times int
		worst           *float64
	}{{1, 60, &b.out.OneMS}, {1000, 30, &b.out.ThousandMS}, {b.cfg.Elements / 20, 5, &b.out.SiteMS}} {
		for range step.times {
			at++
			ms, err := b.publish(ctx, a, step.elements, at)
			if err != nil {
				return err
			}
			all = append(all, ms)
			*step.worst = max(*step.worst, ms)
		}
	}
	slices.Sort(all)
	b.out.ChangeP50, b.out.ChangeP99 = quantile(all, 0.5), quantile(all, 0.99)
	return nil
}

// publish moves the first elements to the location of a number, as the publisher
// does it: the new world first, then its file.
func (b *publishBench) publish(ctx context.Context, a *answering, elements, at int) (float64, error) {
	changes := make([]snapshot.Change, elements)
	for i := range changes {
		e := b.world.element(i, elementID(i), place(at))
		changes[i] = snapshot.Change{Kind: e911.KindElement, Org: e.Org, ID: string(e.ID), Object: e}
	}
	begin := time.Now()
	used := make(chan error, 1)
	var ms float64
	go func() {
		err := a.until(ctx, at)
		ms = sinceMS(begin)
		used <- err
	}()
	next, left, err := a.holder.Load().ApplyGood(changes, begin)
	if err == nil && len(left) == 0 {
		a.holder.Store(next)
		err = b.file.WriteDelta(next, changes)
		if b.file.Deltas() >= snapshot.MaxDeltas {
			err = errors.Join(err, b.file.WriteBase(next))
		} else {
			b.out.DeltaMS = max(b.out.DeltaMS, sinceMS(begin))
		}
	}
	return ms, errors.Join(err, <-used)
}

// start makes a server from the file, as a node does that has no database.
func (b *publishBench) start(ctx context.Context) error {
	// What callbox serve may take (design 8: 1 GiB resident). The steps before
	// hold what a server never does: the changes that make the whole world.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(960 << 20))
	begin := time.Now()
	s, err := snapshot.OpenFile(b.dir, b.ring).Load()
	if err != nil {
		return err
	}
	a, err := b.serve(s)
	if err != nil {
		return err
	}
	if _, err = a.ask(ctx); err == nil {
		b.out.StartMS = sinceMS(begin)
		_, _, err = a.held.run(ctx, 2*time.Second, float64(b.cfg.Rate))
	}
	b.out.RSSMiB = residentMiB()
	runtime.KeepAlive(s)
	return errors.Join(err, a.stop())
}

func (b *publishBench) print() error {
	if b.cfg.JSON {
		return json.NewEncoder(b.cfg.Out).Encode(b.out)
	}
	_, err := io.WriteString(b.cfg.Out, b.out.Table())
	return err
}

// Table is the result as a part of docs/benchmarks.md.
func (r PublishResult) Table() string {
	return fmt.Sprintf(`## Changes of the network map

%d network elements and %d devices. From a change set to the first HTTP answer that uses it, while devices ask for their location; then a
start from the snapshot file of %.0f MiB.

| | worst |
|---|---|
| one element | %.1f ms |
| 1,000 elements | %.1f ms |
| a whole site, %d elements | %.0f ms |
| start from the file, to the first answer | %.0f ms |
| writing the whole file | %.0f ms |

Resident memory after the start, serving: %.0f MiB.
`, r.Elements, r.Devices, r.FileMiB, r.OneMS, r.ThousandMS, r.Elements/20, r.SiteMS, r.StartMS, r.FileMS, r.RSSMiB)
}

func sinceMS(t time.Time) float64 { return float64(time.Since(t).Microseconds()) / 1000 }
