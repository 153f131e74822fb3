package gisread_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// archive packs files; the names are written as they are given.
func archive(t *testing.T, files ...[2]string) gisread.File {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, f := range files {
		w, err := z.Create(f[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return gisread.File{Name: "data.zip", R: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}
}

// Proves: W-09
func TestAnArchiveIsReadAsItsFiles(t *testing.T) {
	k, rep, err := read(t, gisread.Options{}, archive(t,
		[2]string{"export/README.txt", "Thank you"}, [2]string{`export\SSAP.csv`, pointHead + goodPoint}, [2]string{"__MACOSX/._SSAP.csv", "x"},
		[2]string{"export/PsapBoundary.geojson", collection("", psap("b", box(-71.2, 42.3, -71, 42.4)))}))
	if err != nil || len(k.addresses) != 1 || len(k.boundaries) != 1 || rep.Refused != 0 {
		t.Errorf("got %v, %+v", err, rep)
	}
}

// Proves: W-09
func TestAFileMadeToHurtIsRefused(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	small := gisread.Limits{Coordinates: 1000, Text: 4096, Rows: 100, ZipFiles: 10, Columns: 50}
	for _, tt := range []struct {
		name string
		file gisread.File
		code gisread.Code
	}{
		{"a zip bomb", archive(t, [2]string{"SSAP.csv", pointHead + strings.Repeat("\n", 17<<20)}), gisread.CodeZipBomb},
		{"a name that leads out", archive(t, [2]string{"../../etc/SSAP.csv", pointHead + goodPoint}), gisread.CodeZipName},
		{"a name from the root", archive(t, [2]string{"/etc/SSAP.csv", pointHead + goodPoint}), gisread.CodeZipName},
		{"a name that leads out in Windows", archive(t, [2]string{`..\SSAP.csv`, pointHead + goodPoint}), gisread.CodeZipName},
		{"too many files", archive(t, make([][2]string, 11)...), gisread.CodeTooLarge},
		{"no archive", text("data.zip", "PK\x03\x04 and no more"), gisread.CodeFormat},
		{"a shapefile without its .dbf", text("roads.shp", "\x00\x00\x27\x0a"), gisread.CodePartMissing},
		{"a .dbf without its .shp", text("roads.dbf", "x"), gisread.CodePartMissing},
		{"deep nesting", text("a.geojson", `{"type":"FeatureCollection","features":[],"x":`+deep), gisread.CodeTooLarge},
		{"deep properties", text("a.geojson", `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":`+deep), gisread.CodeTooLarge},
		{"deep coordinates", text("SSAP.geojson", `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon","coordinates":`+deep), gisread.CodeTooLarge},
		{"JSON that ends", text("a.geojson", `{"type":"FeatureCollection","features":[{"type":"Feature","prop`), gisread.CodeTruncated},
		{"no JSON", text("a.geojson", `{"type"="x"}`), gisread.CodeFormat},
		{"a text of a megabyte", text("SSAP.geojson", `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"NGUID":"`+strings.Repeat("x", 1<<20)+`"}}]}`), gisread.CodeTooLarge},
		{"another reference system", text("SSAP.geojson", `{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::26986"}},"features":[{"type":"Feature","properties":{},"geometry":null}]}`), gisread.CodeCRS},
		{"a quote that is never closed", text("SSAP.csv", pointHead+goodPoint+`"`+strings.Repeat("a\n", 1<<20)), gisread.CodeTooLarge},
		{"a quote at the end", text("SSAP.csv", pointHead+goodPoint+`"a`), gisread.CodeTruncated},
		{"a heading of many columns", text("SSAP.csv", strings.Repeat("a,", 100)+"\n"), gisread.CodeTooLarge},
		{"more rows than a layer has", text("SSAP.csv", pointHead+strings.Repeat(goodPoint, 200)), gisread.CodeTooLarge},
		{"an empty file", text("SSAP.csv", ""), gisread.CodeFormat},
		{"a picture", text("map.png", "\x89PNG\r\n\x1a\n"), gisread.CodeFormat},
		{"nothing of use", text("points.csv", "a,b\n1,2\n"), gisread.CodeNothing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, rep, err := read(t, gisread.Options{Limits: small}, tt.file)
			wantFile(t, rep, err, tt.code, "")
		})
	}
}

// A ring of far more points than a feature may have is not kept while it is
// read, and the rows behind it are.
//
// Proves: W-09
func TestARingWithoutEndCostsNoMemory(t *testing.T) {
	head := `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"NGUID":"big"},"geometry":{"type":"Polygon","coordinates":[[`
	tail := `[-71,42]]]}},` + psap("a", box(-71.2, 42.3, -71.1, 42.4)) + `]}`
	f := &long{head: head, body: "[-71.1,42.3],", times: 100_000, tail: tail}
	sink := &counted{}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rep, err := gisread.Read(t.Context(), []gisread.File{{Name: "PsapBoundary.geojson", R: f, Size: f.size()}}, gisread.Options{Limits: gisread.Limits{Coordinates: 1000}}, sink)
	runtime.ReadMemStats(&after)
	if err != nil || sink.boundaries != 1 || rep.Counts[string(gisread.CodeTooLarge)] != 1 {
		t.Errorf("got %v, %d boundaries, %v", err, sink.boundaries, rep.Findings)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 4<<20 {
		t.Errorf("%d KiB were spent on it", spent>>10)
	}
}

// long is a file with one part repeated.
type long struct {
	head, body, tail string
	times            int
}

func (l *long) size() int64 { return int64(len(l.head) + len(l.body)*l.times + len(l.tail)) }

func (l *long) ReadAt(p []byte, off int64) (n int, err error) {
	end := int64(len(l.head) + len(l.body)*l.times)
	for n < len(p) {
		at := off + int64(n)
		switch {
		case at >= l.size():
			return n, io.EOF
		case at < int64(len(l.head)):
			n += copy(p[n:], l.head[at:])
		case at < end:
			n += copy(p[n:], l.body[(at-int64(len(l.head)))%int64(len(l.body)):])
		default:
			n += copy(p[n:], l.tail[at-end:])
		}
	}
	return n, nil
}

type counted struct{ addresses, boundaries int }

func (c *counted) Address(gis.AddressPoint) error { c.addresses++; return nil }
func (c *counted) Street(gis.Street) error        { return nil }
func (c *counted) Boundary(gis.Boundary) error    { c.boundaries++; return nil }

// Proves: W-09
func TestRowsAreNotKept(t *testing.T) {
	const rows = 30_000
	var b bytes.Buffer
	b.WriteString("LON,LAT,NUMBER,STREET,CITY,REGION,POSTCODE,HASH\n")
	for i := range rows {
		fmt.Fprintf(&b, "-71.1,42.36,%d,MAIN ST,BOSTON,MA,02139,%x\n", i%9999+1, i)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sink := &counted{}
	if _, err := gisread.Read(t.Context(), []gisread.File{{Name: "oa.csv", R: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}}, gisread.Options{}, sink); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); sink.addresses != rows || grown > 32<<20 {
		t.Errorf("%d addresses; the heap grew by %d MiB", sink.addresses, grown>>20)
	}
}

// Proves: W-09
func TestTextOfAnyEncodingIsRead(t *testing.T) {
	content := strings.ReplaceAll(pointHead+"ok,CA,QC,Montréal,795,,Saint-Denis 𝕏,Rue,,,,,-73.57,45.52\n", "𝕏", "Ouest")
	utf16le, utf16be := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(content)) {
		utf16le = binary.LittleEndian.AppendUint16(utf16le, u)
		utf16be = binary.BigEndian.AppendUint16(utf16be, u)
	}
	for name, file := range map[string]string{
		"UTF-8": content, "a byte order mark": "\ufeff" + content, "UTF-16 LE": string(utf16le), "UTF-16 BE": string(utf16be),
		"CRLF": strings.ReplaceAll(content, "\n", "\r\n"), "semicolons": strings.ReplaceAll(content, ",", ";"), "no line end": strings.TrimSuffix(content, "\n"),
	} {
		k, rep, err := read(t, gisread.Options{}, text("SSAP.csv", file))
		if a := k.addresses["ok"]; err != nil || a.Civic.A3 != "Montréal" || a.Civic.HNO != "795" {
			t.Errorf("%s: got %v, %+v, %v", name, err, a, rep.Findings)
		}
	}
}

// A copy of the shapefile of TIGER with one part changed.
//
// Proves: W-09
func TestAShapefileThatLies(t *testing.T) {
	dir := shared(t, "addr-tiger-addrfeat-meagher-mt")
	for _, tt := range []struct {
		name   string
		change func(parts map[string][]byte)
		code   gisread.Code
		whole  bool // it is read nevertheless
	}{
		{"nothing changed", func(map[string][]byte) {}, "", true},
		{"no .shx", func(p map[string][]byte) { delete(p, ".shx") }, gisread.CodePartMissing, true},
		{"no .prj", func(p map[string][]byte) { delete(p, ".prj") }, gisread.CodePartMissing, true},
		{"no .dbf", func(p map[string][]byte) { delete(p, ".dbf") }, gisread.CodePartMissing, false},
		{"an index that points elsewhere", func(p map[string][]byte) { p[".shx"][105]++ }, gisread.CodeDisagree, true},
		{"an index of nonsense", func(p map[string][]byte) { p[".shx"] = []byte("x") }, gisread.CodeDisagree, true},
		{"the end is missing", func(p map[string][]byte) { p[".shp"] = p[".shp"][:len(p[".shp"])-100] }, gisread.CodeTruncated, false},
		{"the end of the table is missing", func(p map[string][]byte) { p[".dbf"] = p[".dbf"][:len(p[".dbf"])-100] }, gisread.CodeTruncated, false},
		{"more rows than geometries", func(p map[string][]byte) {
			binary.LittleEndian.PutUint32(p[".dbf"][4:], 678)
			p[".dbf"] = append(p[".dbf"], p[".dbf"][len(p[".dbf"])-300:]...)
		}, gisread.CodeDisagree, false},
		{"fewer rows than geometries", func(p map[string][]byte) { binary.LittleEndian.PutUint32(p[".dbf"][4:], 676) }, gisread.CodeDisagree, false},
		{"a giant field", func(p map[string][]byte) { p[".dbf"][32+17+32*3] = 255 }, gisread.CodeDisagree, false},
		{"a record of two gigabytes", func(p map[string][]byte) { binary.BigEndian.PutUint32(p[".shp"][104:], math.MaxUint32) }, gisread.CodeFormat, false},
		{"a line of four billion points", func(p map[string][]byte) { binary.LittleEndian.PutUint32(p[".shp"][108+40:], math.MaxUint32) }, gisread.CodeGeometryForm, true},
		{"a projection", func(p map[string][]byte) {
			p[".prj"] = []byte(`PROJCS["NAD_1983_Montana",GEOGCS["GCS_North_American_1983"`)
		}, gisread.CodeCRS, false},
		{"NAD 27", func(p map[string][]byte) {
			p[".prj"] = []byte(`GEOGCS["GCS_North_American_1927",DATUM["D_North_American_1927"],UNIT["Degree",0.017]]`)
		}, gisread.CodeCRS, false},
		{"an encoding that nobody knows", func(p map[string][]byte) { p[".cpg"] = []byte("KLINGON") }, gisread.CodeFormat, false},
		{"a deleted row", func(p map[string][]byte) { p[".dbf"][833] = '*' }, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parts := map[string][]byte{}
			for _, ext := range []string{".shp", ".shx", ".dbf", ".prj", ".cpg"} {
				b, err := os.ReadFile(filepath.Join(dir, "tl_2021_30059_addrfeat"+ext))
				if err != nil {
					t.Fatal(err)
				}
				parts[ext] = b
			}
			tt.change(parts)
			var files []gisread.File
			for ext, b := range parts {
				files = append(files, gisread.File{Name: "tl_2021_30059_addrfeat" + ext, R: bytes.NewReader(b), Size: int64(len(b))})
			}
			k, rep, err := read(t, gisread.Options{}, files...)
			if !tt.whole {
				wantFile(t, rep, err, tt.code, "")
				return
			}
			if err != nil || len(k.streets) < 676 || tt.code != "" && rep.Counts[string(tt.code)] != 1 {
				t.Errorf("got %v, %d streets, %v", err, len(k.streets), rep.Counts)
			}
		})
	}
}

// Proves: W-09
func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := gisread.Read(ctx, []gisread.File{text("SSAP.csv", pointHead+goodPoint)}, gisread.Options{}, newKept())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := gisread.Read(t.Context(), []gisread.File{{Path: filepath.Join(t.TempDir(), "none")}}, gisread.Options{}, newKept()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: got %v", err)
	}
}

// Newline-delimited features, with and without record separators.
//
// Proves: W-09
func TestOpenAddressesAsGeoJSONLines(t *testing.T) {
	line := `{"type":"Feature","properties":{"hash":"h%d","number":"%d","street":"N MAIN ST","unit":"","city":"BOSTON","district":"","region":"MA","postcode":"02139","id":""},"geometry":{"type":"Point","coordinates":[-71.1,42.36]}}` + "\n"
	content := fmt.Sprintf(line, 1, 12) + "\x1e" + fmt.Sprintf(line, 2, 14)
	k, rep, err := read(t, gisread.Options{}, text("us-ma-addresses.geojson", content))
	if err != nil || rep.Standard != gisread.StandardOpenAddresses || len(k.addresses) != 2 {
		t.Fatalf("got %v, %+v", err, rep)
	}
	c := k.addresses["oa:h1"].Civic
	if d := cmp.Diff([]string{"12", "North", "Main", "Street", "Boston", "MA", "US", "02139"}, []string{c.HNO, c.PRD, c.RD, c.STS, c.A3, c.A1, c.Country, c.PC}); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
