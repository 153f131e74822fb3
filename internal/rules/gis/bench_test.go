package gis_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// county builds n address points on n/100 streets in 20 towns, a tenth of them
// units, with GUIDs.
func county(t testing.TB, n int) *gis.Content {
	b := gis.NewBuilder()
	for i := range n {
		street := i / 100
		c := e911.Civic{
			Country: "US", A1: "WA", A2: "King County", A3: fmt.Sprintf("Town %d", street%20), PCN: "SEATTLE", PC: fmt.Sprint(98000 + street%90),
			RD: fmt.Sprintf("Name %d", street/2), STS: []string{"Street", "Avenue"}[street%2], HNO: fmt.Sprint(100 + i%100*2),
		}
		if i%10 == 0 {
			c.UNIT = fmt.Sprintf("Apartment %d", i%500)
		}
		p := gis.AddressPoint{
			NGUID: fmt.Sprintf("urn:emergency:uid:gis:SSAP:{%08X-8B86-D011-B42D-00CF4FC964FF}:example.gov", i), Civic: c,
			Point: e911.Point{Lat: 47 + float64(i%1000)/1e4, Lon: -122 - float64(i/1000)/1e4}, Placement: "Structure", Updated: day.AddDate(0, 0, i%2000),
		}
		if err := b.Address(p); err != nil {
			t.Fatal(err)
		}
	}
	return b.Build()
}

// Proves: W-14
func TestAnAddressPointTakesSixtyBytesAtMost(t *testing.T) {
	const n = 20_000
	if got := float64(len(county(t, n).Append(nil))) / n; got > 60 {
		t.Errorf("%.1f bytes an address point, want 60 at most", got)
	}
}

func BenchmarkDecodeMillion(b *testing.B) {
	raw := county(b, 1_000_000).Append(nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var c *gis.Content
	for b.Loop() {
		var err error
		if c, err = gis.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(len(raw))/1e6, "bytes/address")
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "MB/beside") //nolint:gosec // sizes
	runtime.KeepAlive(c)
}
