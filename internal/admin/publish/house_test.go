package publish_test

import (
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest/faultdriver"
)

// memFile keeps the last written world in memory, and can be made to fail.
type memFile struct {
	mu     sync.Mutex
	last   *snapshot.Snapshot
	bases  int
	deltas int
	fail   error
	wrote  chan struct{} // one value a write, when there is room
}

func (f *memFile) Load() (*snapshot.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		return nil, snapshot.ErrNoFile
	}
	return f.last, nil
}

func (f *memFile) write(s *snapshot.Snapshot, base bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	f.last = s
	if base {
		f.bases, f.deltas = f.bases+1, 0
	} else {
		f.deltas++
	}
	select {
	case f.wrote <- struct{}{}:
	default:
	}
	return nil
}

func (f *memFile) WriteBase(s *snapshot.Snapshot) error { return f.write(s, true) }

func (f *memFile) WriteDelta(s *snapshot.Snapshot, _ []snapshot.Change) error {
	return f.write(s, false)
}

func (f *memFile) Deltas() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.deltas
}

func (f *memFile) break_(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// house is a store with the example in it, and what publishes it.
type house struct {
	t      testing.TB
	dir    string
	ring   *seal.Ring
	disk   *faultdriver.Disk
	store  *sqlite.Store
	file   *memFile
	real   publish.File // instead of file, when set
	holder *snapshot.Holder
	pub    *publish.Publisher

	mu     sync.Mutex
	now    time.Time
	alarms []string
}

func newHouse(t testing.TB) *house {
	t.Helper()
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		t: t, dir: t.TempDir(), ring: ring, disk: &faultdriver.Disk{}, file: &memFile{wrote: make(chan struct{}, 100)},
		now: time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC),
	}
	h.open("callbox.db")
	h.importHarbor()
	h.start()
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) open(name string) {
	h.t.Helper()
	st, err := sqlite.New(h.t.Context(), sqlite.Config{Path: filepath.Join(h.dir, name), Ring: h.ring, Now: h.clock, Wrap: h.disk.Wrap})
	if err != nil {
		h.t.Fatalf("open: %v", err)
	}
	h.t.Cleanup(func() { st.Close() })
	h.store = st
}

// layer is a county of each code, far from the next.
func layer(fips string) (e911.Boundary, e911.MultiPolygon, error) {
	lon := -72.0
	if fips == "25025" {
		lon = -71.0
	}
	return e911.Boundary{USCounty: fips, State: "MA", County: "County " + fips}, e911.MultiPolygon{{{
		{Lat: 42, Lon: lon}, {Lat: 42, Lon: lon + 0.9}, {Lat: 43, Lon: lon + 0.9}, {Lat: 43, Lon: lon},
	}}}, nil
}

func (h *house) importHarbor() {
	h.t.Helper()
	im, err := world.New(world.Config{Store: h.store, Layer: layer, Now: h.clock})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := im.Import(h.t.Context(), "test", "harbor.yaml", examples.Harbor(), world.Options{}); err != nil {
		h.t.Fatalf("import: %v", err)
	}
}

// start is what a server does: a new process with an empty memory.
func (h *house) start() {
	h.t.Helper()
	h.holder = &snapshot.Holder{}
	file := publish.File(h.file)
	if h.real != nil {
		file = h.real
	}
	var err error
	h.pub, err = publish.New(publish.Config{
		Holder: h.holder, File: file, Dir: filepath.Join(h.dir, "snapshot"), Now: h.clock,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Poll: time.Hour,
		Alarm: func(a journal.Alarm) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.alarms = append(h.alarms, a.Code+": "+a.Detail)
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) publish() publish.Result {
	h.t.Helper()
	res, err := h.pub.Publish(h.t.Context(), h.store)
	if err != nil {
		h.t.Fatalf("publish: %v", err)
	}
	return res
}

// raised returns the alarms since the last question, by code.
func (h *house) raised() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	codes := make([]string, len(h.alarms))
	for i, a := range h.alarms {
		codes[i], _, _ = strings.Cut(a, ":")
	}
	h.alarms = nil
	return codes
}

func (h *house) wantAlarms(want ...string) {
	h.t.Helper()
	if got := h.raised(); !slices.Equal(got, want) {
		h.t.Errorf("alarms = %v, want %v", got, want)
	}
}

// org returns harbor as calls see it.
func (h *house) org() *snapshot.Org {
	h.t.Helper()
	for o := range h.holder.Load().Orgs() {
		return o
	}
	h.t.Fatal("the published world has no organisation")
	return nil
}

func (h *house) site(key string) e911.Site {
	h.t.Helper()
	for s := range h.org().Sites() {
		if s.Key == key {
			return s
		}
	}
	h.t.Fatalf("the published world has no site %s", key)
	return e911.Site{}
}

// write changes objects behind the back of the checks.
func (h *house) write(do func(w admin.Writer) error) {
	h.t.Helper()
	if err := h.store.Write(h.t.Context(), "test", do); err != nil {
		h.t.Fatalf("write: %v", err)
	}
}

func (h *house) update(v any) {
	h.t.Helper()
	h.write(func(w admin.Writer) error {
		o, err := w.Get(h.t.Context(), admin.RefOf(v))
		if err != nil {
			return err
		}
		_, err = w.Update(h.t.Context(), v, o.Version)
		return err
	})
}

// agree fails unless calls see exactly what is stored.
func (h *house) agree() {
	h.t.Helper()
	all, err := h.store.All(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	var changes []snapshot.Change
	for _, r := range all.Rows {
		changes = append(changes, snapshot.Change{Kind: r.Ref.Kind, Org: r.Ref.Org, ID: r.Ref.ID, Object: r.Value})
	}
	s, err := snapshot.Build(changes, h.clock())
	if err != nil {
		h.t.Fatalf("build: %v", err)
	}
	if s.Digest() != h.holder.Load().Digest() {
		h.t.Error("calls see another world than is stored")
	}
}
