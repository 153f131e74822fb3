package geo_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

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

// BenchmarkPointInTile asks tiles with long, bent sides that neighbours share:
// boundaries of PSAPs as drawn along rivers and roads, 1.25 million corners.
func BenchmarkPointInTile(b *testing.B) {
	areas := tiles(1500, 834)
	at := time.Now()
	x := geo.NewIndex(areas)
	b.Logf("built in %v", time.Since(at))
	r := rand.New(rand.NewPCG(1, 2))
	points := make([]e911.Point, 1<<16)
	for i := range points {
		points[i] = e911.Point{Lat: 24.5 + r.Float64()*25, Lon: -125 + r.Float64()*58}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		x.First(points[i&(1<<16-1)])
		i++
	}
}

func tiles(n, corners int) []e911.MultiPolygon {
	cols := int(math.Ceil(math.Sqrt(float64(n) * 2)))
	rows := (n + cols - 1) / cols
	per := corners / 4
	at := func(x, y float64) e911.Point {
		return e911.Point{
			Lat: 24.5 + 25*y/float64(rows) + 0.1*25/float64(rows)*math.Sin(17*x+3*y), Lon: -125 + 58*x/float64(cols) + 0.1*58/float64(cols)*math.Sin(19*y+5*x),
		}
	}
	list := make([]e911.MultiPolygon, n)
	for i := range n {
		c, r := float64(i%cols), float64(i/cols)
		ring := make([]e911.Point, 0, 4*per)
		for k := range 4 * per {
			f := float64(k%per) / float64(per)
			switch k / per {
			case 0:
				ring = append(ring, at(c+f, r))
			case 1:
				ring = append(ring, at(c+1, r+f))
			case 2:
				ring = append(ring, at(c+1-f, r+1))
			case 3:
				ring = append(ring, at(c, r+1-f))
			}
		}
		list[i] = e911.MultiPolygon{{ring}}
	}
	return list
}
