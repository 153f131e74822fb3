package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// LostConfig is what RunLost needs. Zero values are the sets of the design's
// section 8.
type LostConfig struct {
	Program   string        // callbox, that serves LoST in a process of its own; without it this one does
	Polygons  int           // of the synthetic set; 6,000
	Corners   int           // of each; 834
	Addresses int           // that are validated, in hundreds; 100,000
	Round     time.Duration // of each handler, in turn, three times; 1.5 s
	NoPeer    bool          // no PostGIS beside it
	JSON      bool          // one line of JSON instead of a table
	Stdout    io.Writer
}

// PointResult is of questions for the boundary of a point. PointNS is processor
// time, as the machine may have other work; PostGISNS is a question by a
// prepared statement on one connection, ServerNS the same inside the server,
// without the way there and back.
type PointResult struct {
	Polygons     int     `json:"polygons"`
	Corners      int     `json:"corners"`
	BuildMS      float64 `json:"build_ms"`
	IndexMiB     float64 `json:"index_mib"` // without the corners themselves
	PointNS      float64 `json:"point_ns"`
	PointAllocs  float64 `json:"point_allocs"`
	PostGISNS    float64 `json:"postgis_ns,omitempty"`
	PostGISRatio float64 `json:"postgis_ratio,omitempty"` // ServerNS / PointNS
	ServerNS     float64 `json:"postgis_server_ns,omitempty"`
	Agree        float64 `json:"postgis_agrees,omitempty"` // part of the points with the same answer
}

// LostResult is what came out: of the counties, of LoST over HTTP, of addresses
// validated on one core, and of the synthetic set.
type LostResult struct {
	PointResult
	LostRPS      float64     `json:"lost_rps"`
	NullRPS      float64     `json:"null_rps"`
	Ratio        float64     `json:"ratio"`
	ValidatePerS float64     `json:"validate_per_s"` // a second of processor time
	RSSMiB       float64     `json:"rss_mib"`        // of the server with the synthetic set
	Synthetic    PointResult `json:"synthetic"`
}

func (cfg *LostConfig) fill() error {
	if cfg.Polygons == 0 {
		cfg.Polygons = 6000
	}
	if cfg.Corners == 0 {
		cfg.Corners = 834
	}
	if cfg.Addresses == 0 {
		cfg.Addresses = 100_000
	}
	if cfg.Round == 0 {
		cfg.Round = 1500 * time.Millisecond
	}
	if cfg.Stdout == nil || cfg.Polygons < 4 || cfg.Corners < 8 {
		return errors.New("bench lost: want four polygons of eight corners or more, and somewhere to write")
	}
	return nil
}

// RunLost measures and writes a LostResult.
func RunLost(ctx context.Context, cfg LostConfig) error {
	if err := cfg.fill(); err != nil {
		return err
	}
	out, err := measureLost(ctx, cfg)
	if err != nil {
		return fmt.Errorf("bench lost: %w", err)
	}
	if cfg.JSON {
		return json.NewEncoder(cfg.Stdout).Encode(out)
	}
	_, err = io.WriteString(cfg.Stdout, out.Table())
	return err
}

func measureLost(ctx context.Context, cfg LostConfig) (out LostResult, err error) {
	counties, err := layers.USCounties()
	if err != nil {
		return out, err
	}
	made := tiles(cfg.Polygons, cfg.Corners)
	if out.PointResult, err = measurePoints(ctx, cfg, boundariesOf(counties)); err != nil {
		return out, err
	}
	if out.Synthetic, err = measurePoints(ctx, cfg, boundariesOf(made)); err != nil {
		return out, err
	}
	if out.ValidatePerS, err = measureValidate(cfg.Addresses); err != nil {
		return out, err
	}
	err = measureHTTP(ctx, cfg, &out)
	return out, err
}

// tiles are polygons beside each other over the contiguous states, with sides
// that neighbours share, the same in every run.
func tiles(n, corners int) []e911.MultiPolygon {
	cols := int(math.Ceil(math.Sqrt(float64(n) * 2)))
	rows := (n + cols - 1) / cols
	w, h := 58/float64(cols), 25/float64(rows)
	per := corners / 4
	// line is the side from a corner of the grid to the next; both neighbours
	// make the very same numbers.
	line := func(c, r int, up bool) []e911.Point {
		dc, dr := 1, 0
		if up {
			dc, dr = 0, 1
		}
		dice := rand.New(rand.NewPCG(uint64(c)<<20|uint64(r), uint64(dr))) //nolint:gosec // the same in every run
		list := make([]e911.Point, per)
		for k := range list {
			f := float64(k) / float64(per)
			bend := 0.0
			if k > 0 {
				bend = 0.2*math.Sin(f*math.Pi*6) + 0.02*dice.Float64()
			}
			x, y := float64(c)+f*float64(dc)+bend*float64(dr), float64(r)+f*float64(dr)+bend*float64(dc)
			list[k] = e911.Point{Lat: 24.5 + y*h, Lon: -125 + x*w}
		}
		return list
	}
	end := func(l, next []e911.Point) []e911.Point { // from its end back to its begin
		back := []e911.Point{next[0]}
		for k := len(l) - 1; k > 0; k-- {
			back = append(back, l[k])
		}
		return back
	}
	list := make([]e911.MultiPolygon, n)
	for i := range n {
		c, r := i%cols, i/cols
		ring := append(line(c, r, false), line(c+1, r, true)...)
		ring = append(ring, end(line(c, r+1, false), line(c+1, r+1, false))...)
		list[i] = e911.MultiPolygon{{append(ring, end(line(c, r, true), line(c, r+1, false))...)}}
	}
	return list
}

func boundariesOf(areas []e911.MultiPolygon) []gis.Boundary {
	list := make([]gis.Boundary, len(areas))
	for i, m := range areas {
		id := fmt.Sprintf("%05d", i)
		list[i] = gis.Boundary{NGUID: "urn:emergency:uid:gis:psap:" + id + ":bench.example", Service: ecrf.ServiceSOS, Name: "PSAP " + id, URIs: []string{"sip:psap" + id + "@bench.example"}, Number: "911", Area: m}
	}
	return list
}

func contentOf(list []gis.Boundary) (*gis.Content, error) {
	b := gis.NewBuilder()
	for i := range list {
		if err := b.Boundary(list[i]); err != nil {
			return nil, fmt.Errorf("boundary %d: %w", i, err)
		}
	}
	return b.Build(), nil
}

// points are 65,536 of the box of the contiguous states.
func points() []e911.Point {
	dice := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same in every run
	list := make([]e911.Point, 1<<16)
	for i := range list {
		list[i] = e911.Point{Lat: 24.5 + dice.Float64()*25, Lon: -125 + dice.Float64()*58}
	}
	return list
}

func measurePoints(ctx context.Context, cfg LostConfig, list []gis.Boundary) (out PointResult, err error) {
	content, err := contentOf(list)
	if err != nil {
		return out, err
	}
	out.Polygons = len(list)
	for i := range list {
		for _, rings := range list[i].Area {
			for _, ring := range rings {
				out.Corners += len(ring)
			}
		}
	}
	layer := []gis.Layer{{Layer: e911.Layer{Key: "bench", Grade: e911.GradeAuthoritative}, Content: content}}
	var m runtime.MemStats
	heap := func() uint64 { runtime.GC(); runtime.ReadMemStats(&m); return m.HeapAlloc }
	before, cpu := heap(), cpuTime()
	x := ecrf.New(nil, layer)
	out.BuildMS = float64((cpuTime() - cpu).Microseconds()) / 1000
	out.IndexMiB = float64(int64(heap()-before)) / (1 << 20) //nolint:gosec // both are small
	asked := points()
	const n = 1 << 21
	mallocs, cpu := m.Mallocs, cpuTime()
	for i := range n {
		x.At(asked[i&(len(asked)-1)], ecrf.Options{})
	}
	out.PointNS = float64((cpuTime() - cpu).Nanoseconds()) / n
	runtime.ReadMemStats(&m)
	out.PointAllocs = math.Floor(float64(m.Mallocs-mallocs) / n)
	if cfg.NoPeer {
		return out, nil
	}
	if err := measurePostGIS(ctx, list, asked[:5000], x, &out); err != nil {
		return out, err
	}
	out.PostGISRatio = out.ServerNS / out.PointNS
	return out, nil
}

// measureValidate judges addresses on a generated layer of them.
func measureValidate(n int) (float64, error) {
	b := gis.NewBuilder()
	var asked []e911.Civic
	for street := range max(n/100, 1) {
		for i := range 100 {
			c := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", RD: "Bench " + strconv.Itoa(street+1), STS: "Street", PC: "02139", HNO: strconv.Itoa(2*i + 1)}
			if err := b.Address(gis.AddressPoint{NGUID: fmt.Sprintf("a-%d-%d", street, i), Civic: c, Point: e911.Point{Lat: 42.3 + float64(street)*1e-5, Lon: -71.1 + float64(i)*1e-5}, Placement: "Structure"}); err != nil {
				return 0, fmt.Errorf("address: %w", err)
			}
			asked = append(asked, c)
		}
	}
	x := lvf.New([]gis.Layer{{Layer: e911.Layer{Key: "bench", Grade: e911.GradeAuthoritative}, Content: b.Build()}})
	cpu := cpuTime()
	for i := range asked {
		if r := x.Validate(asked[i], lvf.Options{}); r.Verdict != e911.VerdictValid {
			return 0, fmt.Errorf("%v is %s on its own layer", asked[i].HNO, r.Verdict)
		}
	}
	return float64(len(asked)) / (cpuTime() - cpu).Seconds(), nil
}

// Table is the result as a part of docs/benchmarks.md.
func (o LostResult) Table() string {
	row := func(name string, p PointResult) string {
		peer := "not measured | not measured"
		if p.ServerNS > 0 {
			peer = fmt.Sprintf("%.0f µs | %.0f µs", p.ServerNS/1000, p.PostGISNS/1000)
		}
		return fmt.Sprintf("| %s, %d polygons with %d corners | %.0f ns | %.0f | %s | %.0f ms | %.0f MiB |\n", name, p.Polygons, p.Corners, p.PointNS, p.PointAllocs, peer, p.BuildMS, p.IndexMiB)
	}
	return "## Service boundaries and addresses (LoST)\n\nFrom a point to its boundary, in processor time; PostGIS with a GiST index on the same points, inside its server and by a prepared statement on one\nconnection.\n\n" +
		"| set | Callbox | allocations | PostGIS, server | PostGIS, client | build | index |\n|---|---|---|---|---|---|---|\n" +
		row("counties", o.PointResult) + row("synthetic", o.Synthetic) +
		fmt.Sprintf("\nLoST over HTTP on the synthetic set answers %.0f requests/s; the null handler, which reads the same body and returns the same bytes, %.0f: ratio %.2f.\nOne core validates %.0f addresses a second. Resident: %.0f MiB.\n", o.LostRPS, o.NullRPS, o.Ratio, o.ValidatePerS, o.RSSMiB)
}
