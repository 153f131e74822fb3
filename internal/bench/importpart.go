package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/netimport"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/pgcluster"
	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/rows"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// Parts of the import, each in a process of its own.
const (
	partTables  = "tables"
	partNetwork = "network"
)

// importBench is a database with the world of examples/harbor.yaml.
type importBench struct {
	dir     string
	cluster *pgcluster.Cluster // nil: SQLite
	st      *rows.Store
	end     func() error
	pub     *publish.Publisher
	shelf   check.Layers
	org     e911.OrgID
	desk    sheet.Desk
}

// openImport makes it; pgcluster.ErrMissing where the engine is not installed.
func openImport(ctx context.Context, engine string) (b *importBench, err error) {
	b = &importBench{end: func() error { return nil }}
	if b.dir, err = os.MkdirTemp("", "callbox-bench-import-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	ring, err := seal.NewRing(seal.Key{ID: "bench", Secret: seal.NewSecret()})
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := b.open(ctx, engine, ring); err != nil {
		return nil, err
	}
	at := filepath.Join(b.dir, "snapshot")
	if b.pub, err = publish.New(publish.Config{
		Holder: &snapshot.Holder{}, File: snapshot.OpenFile(at, ring), Dir: at, Now: time.Now, Log: slog.New(slog.DiscardHandler), Alarm: func(journal.Alarm) {},
	}); err != nil {
		return nil, err
	}
	b.pub.Restore()
	b.shelf = layer.NewShelf(b.st, nil, nil)
	planner, err := change.New(change.Config{Store: b.st, Layer: layers.USCountyBoundary, Layers: b.shelf, World: b.pub.World, Now: time.Now})
	if err != nil {
		return nil, err
	}
	b.desk = sheet.Desk{Store: b.st, Planner: planner, Layers: b.shelf}
	return b, b.furnish(ctx)
}

func (b *importBench) open(ctx context.Context, engine string, ring *seal.Ring) error {
	if engine == engineSQLite {
		st, err := sqlite.Open(filepath.Join(b.dir, "callbox.db"), ring, time.Now)
		if err != nil {
			return err
		}
		b.st, b.end = st.Store, st.Close
		return nil
	}
	var err error
	if b.cluster, err = pgcluster.Start(ctx, "fsync=on", "shared_buffers=128MB", "max_wal_size=2GB"); err != nil {
		return err
	}
	dsn, err := b.cluster.Create(ctx, "callbox")
	if err != nil {
		return err
	}
	st, err := postgres.New(ctx, postgres.Config{DSN: dsn, Ring: ring, Now: time.Now})
	if err != nil {
		return err
	}
	b.st, b.end = st.Store, st.Close
	return nil
}

func (b *importBench) close() error {
	err := b.end()
	if b.cluster != nil {
		err = errors.Join(err, b.cluster.Close())
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// importLocations is how many locations the elements are shared out among.
const importLocations = 1000

// furnish brings in the world and the locations that elements name.
func (b *importBench) furnish(ctx context.Context) error {
	im, err := world.New(world.Config{Store: b.st, Layer: layers.USCountyBoundary, Layers: b.shelf, Now: time.Now})
	if err != nil {
		return err
	}
	if _, err := im.Import(ctx, "bench", "harbor.yaml", examples.Harbor(), world.Options{}); err != nil {
		return fmt.Errorf("import the world: %w", err)
	}
	err = b.st.Read(ctx, func(r admin.Reader) error {
		orgs, err := r.Orgs(ctx)
		if err == nil {
			b.org = orgs[0].ID
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = b.table(ctx, sheet.Locations, importLocations, "key,building,ROOM", func(i int) string {
		return importLocation(i) + ",mill-1,R" + strconv.Itoa(i)
	})
	return err
}

func importLocation(i int) string { return fmt.Sprintf("bench-%04d", i%importLocations) }

// importElement is a row of an access point, as "kind,mac,location". Radios are 16
// addresses apart.
func importElement(i int) string {
	mac := 0x004096000000 + uint64(i)<<4 //nolint:gosec // i is the number of a row
	s := fmt.Sprintf("%012x", mac)
	return "bssid," + s[:2] + ":" + s[2:4] + ":" + s[4:6] + ":" + s[6:8] + ":" + s[8:10] + ":" + s[10:] + "," + importLocation(i)
}

// file writes a CSV file.
func (b *importBench) file(name, header string, n int, row func(int) string) (string, error) {
	path := filepath.Join(b.dir, name+".csv")
	f, err := os.Create(path)
	if err != nil {
		return "", fmt.Errorf("write a table: %w", err)
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(header + "\n")
	for i := range n {
		_, _ = w.WriteString(row(i) + "\n")
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return "", fmt.Errorf("write a table: %w", err)
	}
	return path, nil
}

// tables brings in both tables, one after the other.
func (b *importBench) tables(ctx context.Context, users, elements int) ([]TableImport, error) {
	var out []TableImport
	if users > 0 {
		t, err := b.table(ctx, sheet.Users, users, "key,name,email,site,device_user_id", func(i int) string {
			n := strconv.Itoa(i)
			return "u" + n + ",Person " + n + ",u" + n + "@harbor.example,hq,E-" + n
		})
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	if elements > 0 {
		t, err := b.table(ctx, sheet.Elements, elements, "kind,mac,location", importElement)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// table brings one in, as the command line does.
func (b *importBench) table(ctx context.Context, kind sheet.Kind, n int, header string, row func(int) string) (t TableImport, err error) {
	path, err := b.file(string(kind), header, n, row)
	if err != nil {
		return t, err
	}
	f, err := os.Open(path)
	if err != nil {
		return t, fmt.Errorf("read a table: %w", err)
	}
	defer f.Close()
	t = TableImport{Kind: string(kind), Rows: n}
	restPeak()
	began := time.Now()
	last := began
	lap := func() float64 {
		d := time.Since(last)
		last = last.Add(d)
		return d.Seconds()
	}
	steps := []*float64{&t.ReadS, &t.CompareS, &t.PlanS, &t.ApplyS}
	task := sheet.Task{Kind: kind, File: filepath.Base(path), Large: true}
	got, err := b.desk.Run(ctx, "bench", b.org, task, f, -1, func(done, total int64) {
		if i := int(4*done/max(1, total)) - 1; i >= 0 && i < len(steps) {
			*steps[i] = lap()
		}
	})
	if err != nil {
		return t, fmt.Errorf("import %s: %w", kind, err)
	}
	if got.Applied == nil || len(got.Applied.Counts) != 1 || got.Applied.Counts[0].Created != n {
		return t, fmt.Errorf("import %s: not all of the %d rows were stored", kind, n)
	}
	t.TotalS = last.Sub(began).Seconds()
	t.RowsPerS = float64(n) / t.TotalS
	if _, err := b.pub.Publish(ctx, b.st); err != nil {
		return t, fmt.Errorf("publish: %w", err)
	}
	t.PublishS, t.PeakMiB = lap(), peakMiB()
	return t, nil
}

// network brings in a whole map.
func (b *importBench) network(ctx context.Context, n int) (*TableImport, error) {
	path, err := b.file("network", "kind,mac,location", n, importElement)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the network map: %w", err)
	}
	defer f.Close()
	t := &TableImport{Kind: "network map", Rows: n}
	restPeak()
	began := time.Now()
	r, err := netimport.Import(ctx, b.st, "bench", filepath.Base(path), f, netimport.Options{Org: "harbor", Progress: func(doing string, _ int) {
		if doing == "stored" {
			t.ReadS = time.Since(began).Seconds()
		}
	}})
	if err != nil {
		return nil, fmt.Errorf("import the network map: %w", err)
	}
	if r.Created != n {
		return nil, fmt.Errorf("import the network map: %d of %d rows were stored", r.Created, n)
	}
	t.TotalS = time.Since(began).Seconds()
	t.ApplyS, t.RowsPerS = t.TotalS-t.ReadS, float64(n)/t.TotalS
	at := time.Now()
	if _, err := b.pub.Publish(ctx, b.st); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	t.PublishS, t.PeakMiB = time.Since(at).Seconds(), peakMiB()
	return t, nil
}

// restPeak makes the most that was resident that of now, where the kernel lets it.
func restPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peakMiB is the most that was resident since.
func peakMiB() float64 { return statusMiB("VmHWM:") }

func statusMiB(field string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, field); ok {
			kib, _ := strconv.Atoi(strings.Fields(v)[0])
			return float64(kib) / 1024
		}
	}
	return 0
}

// profileTo writes a processor profile of what follows; of nothing without a file.
func profileTo(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("start a profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
