package gisread_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// kept is a sink that keeps all features by NGUID.
type kept struct {
	addresses  map[string]gis.AddressPoint
	streets    map[string]gis.Street
	boundaries map[string]gis.Boundary
}

func newKept() *kept {
	return &kept{map[string]gis.AddressPoint{}, map[string]gis.Street{}, map[string]gis.Boundary{}}
}

func (k *kept) Address(a gis.AddressPoint) error { k.addresses[a.NGUID] = a; return nil }
func (k *kept) Street(s gis.Street) error        { k.streets[s.NGUID] = s; return nil }
func (k *kept) Boundary(b gis.Boundary) error    { k.boundaries[b.NGUID] = b; return nil }

// shared finds the reference material, which is not part of the repository.
func shared(tb testing.TB, name string) string {
	tb.Helper()
	root := os.Getenv("CALLBOX_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	p := filepath.Join(root, "data", name)
	if _, err := os.Stat(p); err != nil {
		tb.Skipf("the reference material is not here: %v", err)
	}
	return p
}

// Proves: W-09, N-17
func TestCambridgeIsReadWhole(t *testing.T) {
	dir := shared(t, "ng911-gis-cambridge-ma")
	b := gis.NewBuilder()
	rep, err := gisread.Read(t.Context(), []gisread.File{{Path: dir}}, gisread.Options{}, b)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Standard != gisread.StandardNENA2 || rep.Read != 2658 || rep.Kept != 2658 || rep.Refused != 0 {
		t.Errorf("got %s, read %d, kept %d, refused %d", rep.Standard, rep.Read, rep.Kept, rep.Refused)
	}
	// The city writes -1 where a side has no numbers, and two engine districts
	// share a street corner.
	want := map[string]int{
		"boundary_overlap": 1, "outside_boundaries": 77, "range_negative": 1364, "range_one_end": 3, "range_overlap": 71, "range_reversed": 18,
	}
	if d := cmp.Diff(want, rep.Counts); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
	kinds := map[string]int{}
	for _, table := range rep.Tables {
		kinds[table.Kind] = table.Kept
	}
	if d := cmp.Diff(map[string]int{"RoadCenterLine": 2643, "PsapPolygon": 1, "PolicePolygon": 5, "FirePolygon": 8, "EmsPolygon": 1}, kinds); d != "" {
		t.Errorf("tables (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"ng911-gis-cambridge-ma/SOURCE.md"}, rep.Ignored); d != "" {
		t.Errorf("ignored (-want +got):\n%s", d)
	}
	c := b.Build()
	if c.Streets() != 2643 || len(c.Boundaries()) != 15 {
		t.Errorf("the layer has %d streets and %d boundaries", c.Streets(), len(c.Boundaries()))
	}
	for _, f := range rep.Findings {
		if f.Code == gisread.CodeOverlap {
			t.Log(f)
		}
	}
}

// Proves: W-09
func TestTigerSaysTheSameAsShapefileAndAsGeoJSON(t *testing.T) {
	dir := shared(t, "addr-tiger-addrfeat-meagher-mt")
	shp, json := newKept(), newKept()
	opt := gisread.Options{Defaults: e911.Civic{A2: "Meagher County", A1: "MT"}}
	for name, into := range map[string]*kept{"tl_2021_30059_addrfeat.shp": shp, "addrfeat.geojson": json} {
		files := []gisread.File{{Path: filepath.Join(dir, name)}}
		if strings.HasSuffix(name, ".shp") {
			for _, ext := range []string{".dbf", ".shx", ".prj", ".cpg"} {
				files = append(files, gisread.File{Path: filepath.Join(dir, "tl_2021_30059_addrfeat"+ext)})
			}
		}
		rep, err := gisread.Read(t.Context(), files, opt, into)
		if err != nil {
			t.Fatal(err)
		}
		if rep.Standard != gisread.StandardTIGER || rep.Kept != 677 || rep.Refused != 0 {
			t.Errorf("%s: %s, kept %d, refused %d: %v", name, rep.Standard, rep.Kept, rep.Refused, rep.Counts)
		}
		if d := cmp.Diff(map[string]int{"range_reversed": 16}, rep.Counts); d != "" {
			t.Errorf("%s: findings (-want +got):\n%s", name, d)
		}
	}
	if d := cmp.Diff(json.streets, shp.streets); d != "" {
		t.Errorf("the shapefile and the GeoJSON differ (-json +shp):\n%s", d)
	}
	s, ok := shp.streets["tiger:166706795:1104258434208:4003991376111:"]
	if !ok {
		t.Fatalf("no such street among %v", slices.Sorted(maps.Keys(shp.streets))[:5])
	}
	want := gis.Side{From: 1101, To: 1199, Parity: gis.ParityOdd, Validate: true, Civic: e911.Civic{Country: "US", A1: "MT", A2: "Meagher County", PC: "59645"}}
	if d := cmp.Diff(want, s.Left); d != "" {
		t.Errorf("the left side (-want +got):\n%s", d)
	}
	if s.Right.Parity != gis.ParityNone || s.Name.STP != "State Highway" || s.Name.RD != "360" {
		t.Errorf("got %+v, right %+v", s.Name, s.Right)
	}
}

// Proves: W-09
func TestOpenAddressesIsRead(t *testing.T) {
	dir := shared(t, "addr-openaddresses-samples")
	for _, tt := range []struct {
		file       string
		state      string
		read, kept int
	}{
		{"oa_output_alameda.csv", "CA", 5306, 5303},
		{"oa_output_portland_metro.csv", "OR", 767, 767},
		{"oa_output_santa_clara.csv", "CA", 4913, 4738},
	} {
		k := newKept()
		rep, err := gisread.Read(t.Context(), []gisread.File{{Path: filepath.Join(dir, tt.file)}}, gisread.Options{Defaults: e911.Civic{A1: tt.state}}, k)
		if err != nil {
			t.Fatal(err)
		}
		if rep.Standard != gisread.StandardOpenAddresses || rep.Read != tt.read || rep.Kept != tt.kept {
			t.Errorf("%s: %s, read %d, kept %d: %v", tt.file, rep.Standard, rep.Read, rep.Kept, rep.Counts)
		}
		if tt.file != "oa_output_portland_metro.csv" {
			continue
		}
		a := k.addresses["oa:ba9f5ba3aeafdde4"]
		want := e911.Civic{Country: "US", A1: "OR", HNO: "14824", PRD: "Southwest", RD: "Scholls Ferry", STS: "Road", UNIT: "101", PC: "97007"}
		if d := cmp.Diff(want, a.Civic); d != "" {
			t.Errorf("the address (-want +got):\n%s", d)
		}
	}
}

// What the raw data of publishers is, is told; none of it is taken for a layer.
//
// Proves: W-09
func TestTablesThatNobodyKnowsAreListed(t *testing.T) {
	dir := shared(t, "addr-openaddresses-samples")
	rep, err := gisread.Read(t.Context(), []gisread.File{{Path: dir}}, gisread.Options{Defaults: e911.Civic{A1: "CA"}}, newKept())
	if err != nil {
		t.Fatal(err)
	}
	unknown := 0
	for _, table := range rep.Tables {
		if table.Why == "unknown" {
			unknown++
		}
	}
	if len(rep.Tables) != 14 || unknown != 11 {
		t.Errorf("%d tables, %d unknown: %+v", len(rep.Tables), unknown, rep.Tables)
	}
	_, err = gisread.Read(t.Context(), []gisread.File{{Path: dir}}, gisread.Options{Defaults: e911.Civic{A1: "CA"}, UnknownLayers: gisread.Refuse}, newKept())
	if e911.KindOf(err) != e911.Invalid {
		t.Errorf("unknown layers that are refused: got %v", err)
	}
}
