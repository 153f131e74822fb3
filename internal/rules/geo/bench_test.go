package geo_test

import (
	"math/rand/v2"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// BenchmarkPointInCounty asks all counties of us-atlas for random points of the
// bounding box of the contiguous states (design section 8: 300 ns, no
// allocation).
func BenchmarkPointInCounty(b *testing.B) {
	counties := atlas(b)
	areas := make([]e911.MultiPolygon, len(counties))
	for i, c := range counties {
		areas[i] = c.Area
	}
	x := geo.NewIndex(areas)
	r := rand.New(rand.NewPCG(1, 2))
	points := make([]e911.Point, 1<<16)
	for i := range points {
		points[i] = e911.Point{Lat: 24.5 + r.Float64()*25, Lon: -125 + r.Float64()*58}
	}
	b.ReportAllocs()
	i, hits := 0, 0
	for b.Loop() {
		if x.First(points[i&(1<<16-1)]) >= 0 {
			hits++
		}
		i++
	}
	b.ReportMetric(float64(hits)/float64(i), "hits/op")
}
