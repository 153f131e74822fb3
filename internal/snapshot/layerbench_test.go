package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/seal"
)

// BenchmarkLargeLayer measures a world with a generated layer of
// CALLBOX_ADDRESSES address points (default 20,000): the start from the
// snapshot file, and an unrelated change with its delta, in processor time.
func BenchmarkLargeLayer(b *testing.B) {
	n := 20_000
	if v, err := strconv.Atoi(os.Getenv("CALLBOX_ADDRESSES")); err == nil {
		n = v
	}
	ring, err := seal.NewRing(seal.Key{ID: "bench", Secret: seal.NewSecret()})
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	content := generated(b, n)
	layer := gis.Layer{Layer: e911.Layer{
		ID: "layer-1", Key: "large", Name: "Large", Grade: e911.GradeReference, Version: 1,
	}, Content: content}
	sum := sha256.Sum256(content.Append(nil))
	layer.Layer.Digest = hex.EncodeToString(sum[:])
	org := e911.Org{ID: "org-1", Key: "works", Name: "Works", HELD: e911.HELDAccess{CompanyID: "c", Secrets: []e911.Secret{"s"}}}
	s, err := Build([]Change{{e911.KindLayer, "", "layer-1", layer}, {e911.KindOrg, org.ID, "org-1", org}}, at)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	if err := OpenFile(dir, ring).WriteBase(s); err != nil {
		b.Fatal(err)
	}
	content, layer, s = nil, gis.Layer{}, nil
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		f := OpenFile(dir, ring)
		begin := processor()
		if s, err = f.Load(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((processor()-begin).Seconds()*1e3, "start-cpu-ms")
		org.Name += "."
		changes := []Change{{e911.KindOrg, org.ID, "org-1", org}}
		begin = processor()
		next, err := s.Apply(changes, at)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.WriteDelta(next, changes); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((processor()-begin).Seconds()*1e3, "publish-cpu-ms")
		begin = processor()
		if _, err := next.Emptied().Apply(append(changes, Change{e911.KindLayer, "", "layer-1", next.Layers()[0]}), at); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((processor()-begin).Seconds()*1e3, "compare-cpu-ms")
		s = next
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(s)
}

// generated makes address points: 100 to a street, 200 streets to a town.
func generated(b *testing.B, n int) *gis.Content {
	b.Helper()
	g := gis.NewBuilder()
	for i := range n {
		street, town := i/100, i/20_000
		err := g.Address(gis.AddressPoint{
			NGUID: fmt.Sprintf("SSAP%d@test.gov", i), Point: e911.Point{Lat: 40 + float64(street%1000)/500, Lon: -100 + float64(i%100)/5000 + float64(town)/10},
			Civic: e911.Civic{
				Country: "US", A1: "KS", A3: fmt.Sprintf("Town %d", town), RD: fmt.Sprintf("Name%d", street%5000), STS: "Street",
				HNO: strconv.Itoa(1 + i%100), PC: fmt.Sprintf("%05d", 66000+town),
			},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return g.Build()
}

func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
