package gisread

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// judge is a sink that tests what every feature promises.
type judge struct {
	tb testing.TB
	*gis.Builder
}

func (j judge) Address(a gis.AddressPoint) error {
	if a.NGUID == "" || !home(a.Point) || a.Civic.Country != "US" && a.Civic.Country != "CA" || len(a.Civic.A1) != 2 {
		j.tb.Errorf("an address that must not be: %+v", a)
	}
	return j.Builder.Address(a)
}

func (j judge) Street(s gis.Street) error {
	if s.NGUID == "" || len(s.Line) < 2 || s.Name.RD == "" || min(s.Left.From, s.Left.To, s.Right.From, s.Right.To) < 0 {
		j.tb.Errorf("a street that must not be: %+v", s)
	}
	return j.Builder.Street(s)
}

func (j judge) Boundary(b gis.Boundary) error {
	if b.NGUID == "" || b.Service == "" || len(geo.Check(b.Area)) > 0 {
		j.tb.Errorf("a boundary that must not be: %+v", b)
	}
	return j.Builder.Boundary(b)
}

// promise reads files and tests what holds whatever is in them.
func promise(tb testing.TB, files ...File) {
	rep, err := Read(tb.Context(), files, Options{
		Defaults: e911.Civic{A1: "MA"},
		Limits:   Limits{Rows: 200, Coordinates: 2000, Text: 2000, Columns: 200, FileBytes: 1 << 20, ZipBytes: 1 << 20, Findings: 50},
	}, judge{tb, gis.NewBuilder()})
	if err != nil && e911.KindOf(err) != e911.Invalid {
		tb.Errorf("the file is to blame, not the machine: %v", err)
	}
	counts := 0
	for _, n := range rep.Counts {
		counts += n
	}
	if counts != len(rep.Findings)+rep.Unlisted {
		tb.Errorf("%d counted, %d listed, %d not", counts, len(rep.Findings), rep.Unlisted)
	}
	for _, t := range rep.Tables {
		if t.Kept+t.Refused > t.Read {
			tb.Errorf("%+v", t)
		}
	}
	for _, f := range rep.Findings {
		if !fit(f.String()) {
			tb.Errorf("%q would spoil a terminal", f)
		}
	}
}

func file(name string, b []byte) File {
	return File{Name: name, R: bytes.NewReader(b), Size: int64(len(b))}
}

const seedCSV = "NGUID,Country,A1,A3,Add_Number,St_Name,St_PosTyp,Longitude,Latitude,WKT\nok,US,MA,Cambridge,12,Main,ST,-71.1,42.36,\nb,,,X,1,\"M\"\"y\",,,,\"POINT (-71 42)\"\n"

// Proves: W-09
func FuzzCSV(f *testing.F) {
	f.Add([]byte(seedCSV))
	f.Add([]byte("\xff\xfeN\x00"))
	f.Add([]byte("NGUID;FromAddr_L;ToAddr_L;FromAddr_R;ToAddr_R;Parity_L;St_Name;WKT\na;1;99;2;98;O;Main;LINESTRING(-71 42,-71.1 42)\n"))
	f.Add([]byte("LON,LAT,NUMBER,STREET,UNIT,CITY,DISTRICT,REGION,POSTCODE,ID,HASH\n-71,42,12-14,N MAIN ST,# 4,BOSTON,,MA,02139,,h\n"))
	f.Fuzz(func(t *testing.T, b []byte) { promise(t, file("a.csv", b)) })
}

// Proves: W-09
func FuzzGeoJSON(f *testing.F) {
	f.Add([]byte(`{"type":"FeatureCollection","name":"PsapBoundary","features":[{"type":"Feature","properties":{"NGUID":"a","ServiceURI":"sip:a@b"},"geometry":{"type":"Polygon","coordinates":[[[-71.2,42.3],[-71.1,42.3],[-71.1,42.4],[-71.2,42.3]]]}}]}`))
	f.Add([]byte(`{"type":"Feature","properties":{"layer":"RoadCenterLine","NGUID":"a\u00e9\ud83d\ude00","St_Name":"X"},"geometry":{"type":"MultiLineString","coordinates":[[[-71,42],[-72,43]]]}}` + "\n\x1e{}"))
	f.Add([]byte(`{"features":[[]],"crs":{"properties":{"name":"EPSG:4326"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) { promise(t, file("a.geojson", b)) })
}

// seedShapefile is a shapefile of one line.
func seedShapefile() (shp, dbf []byte) {
	shp = make([]byte, 100)
	binary.BigEndian.PutUint32(shp, 9994)
	binary.LittleEndian.PutUint32(shp[28:], 1000)
	body := binary.LittleEndian.AppendUint32(nil, 3)
	body = append(body, make([]byte, 32)...)
	body = binary.LittleEndian.AppendUint32(body, 1)
	body = binary.LittleEndian.AppendUint32(body, 2)
	body = binary.LittleEndian.AppendUint32(body, 0)
	for _, v := range []float64{-71.1, 42.3, -71.2, 42.4} {
		body = binary.LittleEndian.AppendUint64(body, math.Float64bits(v))
	}
	shp = binary.BigEndian.AppendUint32(shp, 1)
	shp = binary.BigEndian.AppendUint32(shp, uint32(len(body)/2))
	shp = append(shp, body...)
	dbf = make([]byte, 32)
	dbf[0] = 3
	binary.LittleEndian.PutUint32(dbf[4:], 1)
	names := []string{"TLID", "FULLNAME", "LFROMHN", "LTOHN", "RFROMHN", "RTOHN"}
	for _, n := range names {
		d := make([]byte, 32)
		copy(d, n)
		d[11], d[16] = 'C', 8
		dbf = append(dbf, d...)
	}
	dbf = append(dbf, '\r')
	binary.LittleEndian.PutUint16(dbf[8:], uint16(len(dbf)))
	binary.LittleEndian.PutUint16(dbf[10:], uint16(1+8*len(names)))
	return shp, append(dbf, []byte(" 1       Main St 1       99      2       98      ")...)
}

// Proves: W-09
func FuzzShapefile(f *testing.F) {
	shp, dbf := seedShapefile()
	f.Add(shp, dbf, []byte("UTF-8"), []byte{})
	f.Add(shp, dbf[:100], []byte(""), shp)
	f.Fuzz(func(t *testing.T, shp, dbf, cpg, shx []byte) {
		promise(t, file("a.shp", shp), file("a.dbf", dbf), file("a.cpg", cpg), file("a.shx", shx))
	})
}

// Proves: W-09
func FuzzArchive(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + string(make([]byte, 18))))
	f.Fuzz(func(t *testing.T, b []byte) { promise(t, file("a.zip", b)) })
}

// Proves: W-09
func FuzzGeoPackageGeometry(f *testing.F) {
	point := append([]byte("GP\x00\x01\xe6\x10\x00\x00\x01\x01\x00\x00\x00"), make([]byte, 16)...)
	f.Add(point)
	f.Add(append(point[:8:8], 1, 6, 0, 0, 0, 255, 255, 255, 255))
	f.Add(append(point[:8:8], 0, 0, 0, 3, 0xea, 0, 0, 0, 1, 0, 0, 0, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 1000
		s := parseBlob(b, 4326, most)
		n := 0
		for _, poly := range s.polys {
			for _, ring := range poly {
				n += len(ring)
			}
		}
		if n > most || n*16 > len(b) {
			t.Errorf("%d points out of %d bytes", n, len(b))
		}
		promised(t, s)
	})
}

// Proves: W-09
func FuzzWKT(f *testing.F) {
	f.Add("MULTIPOLYGON Z (((-71 42 1, -71.1 42 1, -71 42.1 1, -71 42 1)))")
	f.Add("SRID=4326;MULTIPOINT ((1 2), 3 4)")
	f.Add("POLYGON EMPTY")
	f.Fuzz(func(t *testing.T, text string) { promised(t, parseWKT(text, 1000)) })
}

// promised tests that a shape can be asked for anything.
func promised(t *testing.T, s shape) {
	t.Helper()
	if s.placed() != nil {
		return
	}
	if a, bad := s.area(); bad == nil {
		for _, poly := range a.m {
			for i, ring := range poly {
				if (twiceArea(ring) > 0) != (i == 0) || ring[0] == ring[len(ring)-1] {
					t.Errorf("ring %d runs the wrong way: %v", i, ring)
				}
			}
		}
		_ = crosses(a.m)
	}
	if line, _, bad := s.line(); bad == nil && len(line) < 2 {
		t.Errorf("a line of %d points", len(line))
	}
	if _, bad := s.single(); bad == nil && s.kind != shapePoint {
		t.Error("a point that is none")
	}
}

// Proves: W-09
func TestColumnsOfTheStandardAreKnown(t *testing.T) {
	for _, name := range []string{
		"AddNum_Pre", "Add_Number", "AddNum_Cmp", "St_PreMod", "LSt_PosDir", "UnitPreTyp", "PostCodeEx", "Inc_Muni", "Building", "LandmkName",
		"AdNumPre_L", "FromAddr_R", "IncMuni_L", "PostComm_R", "A5_R", "ESN_L", "LCntyID_R", "AVcard_URI", "DsplayName", "DiscrpAgID", "site_nguid",
	} {
		if nenaColumns[fold(name)] == colNone {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"SiteStructureAddressPoint", "site_structure_address_points", "main.ROADCENTERLINE", "PSAP_Boundary", "PsapBoundaries", "PsapPolygon", "EMS", "fire_polygon.geojson", "PoliceFederalFbiPolygon", "tl_2021_30059_addrfeat"} {
		if _, ok := tableMeaning(name); !ok {
			t.Errorf("the table %s is not known", name)
		}
	}
	if _, ok := asFileError(errors.New("disk")); ok {
		t.Error("a fault of the machine is blamed on the file")
	}
}
