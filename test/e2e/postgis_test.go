package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/bench/postgis"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/wire/pidflo"
)

// The boundaries of a city as its publisher draws them: every random point is in
// those that PostGIS says it is in. Where the two differ within a metre of an
// edge, the point is listed.
//
// Proves: W-10, F-23
func TestBoundariesOfACityAgreeWithPostGIS(t *testing.T) {
	db := startPostGIS(t)
	dir := filepath.Join(sharedDir(t), "data", "ng911-gis-cambridge-ma")
	b := gis.NewBuilder()
	var files []gisread.File
	for _, name := range []string{"Psap", "Police", "Fire", "Ems"} {
		p := filepath.Join(dir, name+"Boundary.geojson")
		if _, err := os.Stat(p); err != nil {
			t.Skipf("the reference material is not here: %v", err)
		}
		files = append(files, gisread.File{Path: p})
	}
	if _, err := gisread.Read(t.Context(), files, gisread.Options{}, b); err != nil {
		t.Fatal(err)
	}
	list := b.Build().Boundaries()
	if len(list) != 15 {
		t.Fatalf("the city has %d boundaries, want 15", len(list))
	}
	opinions(t, db, list, 10_000, 2000)
}

// Proves: W-10, F-23
func TestCountiesAgreeWithPostGIS(t *testing.T) {
	db := startPostGIS(t)
	text, err := os.ReadFile(filepath.Join(sharedDir(t), "data", "boundaries-us", "us-atlas-3.0.1-2017-counties-10m.json"))
	if err != nil {
		t.Skipf("the reference material is not here: %v", err)
	}
	counties, err := geo.DecodeCounties(text)
	if err != nil {
		t.Fatal(err)
	}
	var list []gis.Boundary
	for _, c := range counties {
		if len(geo.Check(c.Area)) == 0 { // a few have no area at this scale
			list = append(list, gis.Boundary{NGUID: c.FIPS, Service: ecrf.ServiceSOS, Area: c.Area})
		}
	}
	opinions(t, db, list, 2000, 2000)
}

// startPostGIS starts a PostgreSQL for one test.
func startPostGIS(t *testing.T) *pgx.Conn {
	t.Helper()
	server, err := postgis.Start(t.Context())
	if errors.Is(err, postgis.ErrMissing) {
		t.Skipf("no second opinion on the boundaries: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	db, err := pgx.Connect(t.Context(), server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.WithoutCancel(t.Context())) })
	return db
}

// opinions asks both for random points over all boundaries, as many again
// within metres of their sides, and compares all that hold each point.
func opinions(t *testing.T, db *pgx.Conn, list []gis.Boundary, random, edges int) {
	t.Helper()
	asked := append(randomPoints(list, random), closePoints(list, edges)...)
	theirs := theirOpinion(t, db, list, asked)
	ours := ourOpinion(t, list, asked)
	near := nearEdges(t, db)
	var inside, nearRandom, differ int
	for i, p := range asked {
		if len(theirs[i]) > 0 {
			inside++
		}
		if i < random && len(near[i]) > 0 {
			nearRandom++
		}
		if slices.Equal(ours[i], theirs[i]) {
			continue
		}
		differ++
		odd := slices.DeleteFunc(append(slices.Clone(ours[i]), theirs[i]...), func(id string) bool {
			return slices.Contains(ours[i], id) == slices.Contains(theirs[i], id) || slices.Contains(near[i], id)
		})
		if len(odd) > 0 {
			t.Errorf("%.9f, %.9f: Callbox says %v, PostGIS says %v; more than a metre from the edge of %v", p.Lat, p.Lon, ours[i], theirs[i], odd)
			continue
		}
		t.Logf("within a metre of an edge: %.9f, %.9f: Callbox says %v, PostGIS says %v", p.Lat, p.Lon, ours[i], theirs[i])
	}
	t.Logf("%d points, %d of them random, in %d boundaries: %d lie in one or more; of the random ones %d, of the others %d lie within a metre of an edge; %d points were answered differently",
		len(asked), random, len(list), inside, nearRandom, len(near)-nearRandom, differ)
	if inside < len(asked)/4 || inside == len(asked) || len(near) == 0 {
		t.Errorf("%d of %d points lie inside, %d near an edge: the test looks at nothing", inside, len(asked), len(near))
	}
}

// randomPoints are spread over the box around all boundaries.
func randomPoints(list []gis.Boundary, n int) []e911.Point {
	var all []e911.Point
	for i := range list {
		for _, rings := range list[i].Area {
			all = append(all, rings[0]...)
		}
	}
	least, most := geo.Box(all)
	dice := rand.New(rand.NewPCG(9, 11)) //nolint:gosec // the same in every run
	points := make([]e911.Point, n)
	for i := range points {
		points[i] = e911.Point{Lat: least.Lat + dice.Float64()*(most.Lat-least.Lat), Lon: least.Lon + dice.Float64()*(most.Lon-least.Lon)}
	}
	return points
}

// closePoints lie up to five metres from a side, or on a corner.
func closePoints(list []gis.Boundary, n int) []e911.Point {
	dice := rand.New(rand.NewPCG(11, 9)) //nolint:gosec // the same in every run
	points := make([]e911.Point, n)
	for i := range points {
		area := list[dice.IntN(len(list))].Area
		rings := area[dice.IntN(len(area))]
		ring := rings[dice.IntN(len(rings))]
		k := dice.IntN(len(ring))
		a, b, along := ring[k], ring[(k+1)%len(ring)], dice.Float64()
		p := e911.Point{Lat: a.Lat + along*(b.Lat-a.Lat), Lon: a.Lon + along*(b.Lon-a.Lon)}
		switch dice.IntN(8) {
		case 0:
			p = a
		case 1: // as near the side as numbers can be
		default:
			p = geo.Offset(p, 5*dice.Float64(), 360*dice.Float64())
		}
		points[i] = p
	}
	return points
}

// name is a boundary in an answer.
func name(b *gis.Boundary) string { return b.Service + " " + b.NGUID }

func theirOpinion(t *testing.T, db *pgx.Conn, list []gis.Boundary, asked []e911.Point) [][]string {
	t.Helper()
	batch := &pgx.Batch{}
	batch.Queue("CREATE EXTENSION postgis")
	if err := db.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatal(err)
	}
	batch = &pgx.Batch{}
	batch.Queue("CREATE TABLE b (id text, g geometry(MultiPolygon, 4326))")
	batch.Queue("CREATE TABLE p (i int, g geometry(Point, 4326))")
	if err := db.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatal(err)
	}
	batch = &pgx.Batch{}
	for i := range list {
		batch.Queue("INSERT INTO b VALUES ($1, ST_GeomFromWKB($2, 4326))", name(&list[i]), postgis.WKB(list[i].Area))
	}
	for i, p := range asked {
		batch.Queue("INSERT INTO p VALUES ($1, ST_SetSRID(ST_MakePoint($2, $3), 4326))", i, p.Lon, p.Lat)
	}
	if err := db.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "CREATE INDEX ON b USING gist (g)"); err != nil {
		t.Fatal(err)
	}
	out := make([][]string, len(asked))
	for i, ids := range pairs(t, db, "SELECT p.i, b.id FROM p JOIN b ON ST_Covers(b.g, p.g)") {
		out[i] = ids
	}
	return out
}

// nearEdges lists, for the points where there is one, the boundaries with an
// edge less than a metre away on the spheroid.
func nearEdges(t *testing.T, db *pgx.Conn) map[int][]string {
	t.Helper()
	if _, err := db.Exec(t.Context(), "CREATE TABLE e AS SELECT id, (ST_DumpSegments(g)).geom AS g FROM b"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "CREATE INDEX ON e USING gist (g)"); err != nil {
		t.Fatal(err)
	}
	return pairs(t, db, "SELECT DISTINCT p.i, e.id FROM p JOIN e ON e.g && ST_Expand(p.g, 0.0001) WHERE ST_Distance(e.g::geography, p.g::geography) < 1")
}

// pairs are the answers to a question by point, sorted.
func pairs(t *testing.T, db *pgx.Conn, question string) map[int][]string {
	t.Helper()
	rows, err := db.Query(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int][]string{}
	var i int
	var id string
	if _, err := pgx.ForEachRow(rows, []any{&i, &id}, func() error { out[i] = append(out[i], id); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range out {
		slices.Sort(out[i])
	}
	return out
}

// ourOpinion is that of the index which calls are routed by.
func ourOpinion(t *testing.T, list []gis.Boundary, asked []e911.Point) [][]string {
	t.Helper()
	b := gis.NewBuilder()
	services := map[string]bool{}
	for i := range list {
		services[list[i].Service] = true
		if err := b.Boundary(list[i]); err != nil {
			t.Fatal(fmt.Errorf("boundary %s: %w", list[i].NGUID, err))
		}
	}
	x := ecrf.New(nil, []gis.Layer{{Layer: e911.Layer{Key: "city", Grade: e911.GradeAuthoritative}, Content: b.Build()}})
	out := make([][]string, len(asked))
	for i, p := range asked {
		for service := range services {
			served, err := x.ByShape(pidflo.Point{Pos: pidflo.Pos{Lat: p.Lat, Lon: p.Lon}}, ecrf.Options{Service: service})
			if err != nil {
				t.Fatal(err)
			}
			if served.Substituted {
				continue
			}
			for _, h := range served.Hits {
				out[i] = append(out[i], name(h.Boundary))
			}
			first, ok := x.At(p, ecrf.Options{Service: service})
			if len(served.Hits) > 0 && (!ok || !strings.EqualFold(name(first.Boundary), name(served.Hits[0].Boundary))) {
				t.Errorf("%v: At and ByShape differ", p)
			}
		}
		slices.Sort(out[i])
	}
	return out
}
