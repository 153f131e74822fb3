package gisread_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/e911"
)

// psap writes a PSAP boundary of one ring.
func psap(id, ring string) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"NGUID":%q,"ServiceURI":"sip:psap@example.com","DsplayName":"PSAP","Agency_ID":"psap.example.com"},"geometry":{"type":"Polygon","coordinates":[%s]}}`, id, ring)
}

// box writes a ring from west, south to east, north, counter-clockwise.
func box(west, south, east, north float64) string {
	return fmt.Sprintf("[[%[1]v,%[2]v],[%[3]v,%[2]v],[%[3]v,%[4]v],[%[1]v,%[4]v],[%[1]v,%[2]v]]", west, south, east, north)
}

func collection(name string, features ...string) string {
	return fmt.Sprintf(`{"type":"FeatureCollection","name":%q,"features":[%s]}`, name, strings.Join(features, ",\n"))
}

// Proves: W-09, N-22
func TestABoundaryIsJudgedAlone(t *testing.T) {
	for _, tt := range []struct {
		name, rings string
		code        gisread.Code
		keeps       bool
	}{
		{"an honest one", box(-71.2, 42.3, -71.1, 42.4), "", true},
		{"clockwise", "[[-71.2,42.3],[-71.2,42.4],[-71.1,42.4],[-71.1,42.3],[-71.2,42.3]]", "", true},
		{"with a hole", box(-71.2, 42.3, -71.1, 42.4) + "," + box(-71.16, 42.34, -71.14, 42.36), gisread.CodeGap, true},
		{"two points", "[[-71.2,42.3],[-71.1,42.4],[-71.2,42.3]]", gisread.CodeTooFewPoints, false},
		{"points on one line", "[[-71.2,42.3],[-71.1,42.3],[-71.15,42.3],[-71.2,42.3]]", gisread.CodeTooFewPoints, false},
		{"a bow tie", "[[-71.2,42.3],[-71.1,42.4],[-71.1,42.3],[-71.2,42.41],[-71.2,42.3]]", gisread.CodeSelfCross, true},
		{"a hole of two points", box(-71.2, 42.3, -71.1, 42.4) + ",[[-71.16,42.34],[-71.15,42.35],[-71.16,42.34]]", gisread.CodeRingDropped, true},
		{"smaller than a house", box(-71.2, 42.3, -71.19999, 42.30001), gisread.CodeArea, false},
		{"larger than any", box(-170, 20, -60, 70), gisread.CodeArea, false},
		{"swapped", "[[42.3,-71.2],[42.4,-71.1],[42.3,-71.1],[42.3,-71.2]]", gisread.CodeSwapped, false},
		{"over the date line", "[[179,52],[-179,52],[-179,53],[179,53],[179,52]]", gisread.CodeAntimeridian, false},
		{"numbers of another depth", "[[[-71.2,42.3]]]", gisread.CodeGeometryForm, false},
		{"no numbers", "[]", gisread.CodeGeometryNone, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, rep, _ := read(t, gisread.Options{}, text("PsapBoundary.geojson", collection("x", psap("a", tt.rings), psap("far", box(-80, 40, -79.9, 40.1)))))
			b, kept := k.boundaries["a"]
			if kept != tt.keeps {
				t.Errorf("kept: %v, %v", kept, rep.Findings)
			}
			if tt.code == "" && len(rep.Findings) > 0 || tt.code != "" && rep.Counts[string(tt.code)] != 1 {
				t.Errorf("got %v, want %q", rep.Findings, tt.code)
			}
			if !kept {
				return
			}
			if b.Service != "urn:service:sos" || len(b.URIs) != 1 {
				t.Errorf("got %+v", b)
			}
			for i, ring := range b.Area[0] {
				if ring[0] == ring[len(ring)-1] || tt.name != "a bow tie" && ccw(ring) != (i == 0) {
					t.Errorf("ring %d is closed or runs the wrong way: %v", i, ring)
				}
			}
		})
	}
}

func ccw(ring []e911.Point) bool {
	sum := 0.0
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += (q.Lon - p.Lon) * (q.Lat + p.Lat)
	}
	return sum < 0
}

// A square of 0.1 degrees of latitude and longitude at 42.3° has about 91 km².
//
// Proves: W-09, N-22
func TestOverlapsAndGapsBetweenBoundariesAreToldWithTheirSize(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []gisread.File
		want  string // findings as code, km² and place
	}{
		{
			"neighbours",
			[]gisread.File{text("Psap.geojson", collection("PsapPolygon", psap("a", box(-71.2, 42.3, -71.1, 42.4)), psap("b", box(-71.1, 42.3, -71, 42.4))))},
			"",
		},
		{
			"neighbours that were drawn by two hands",
			[]gisread.File{text("Psap.geojson", collection("PsapPolygon", psap("a", box(-71.2, 42.3, -71.1, 42.4)), psap("b", box(-71.100005, 42.3, -71, 42.4))))},
			"",
		},
		{
			"an overlap",
			[]gisread.File{text("Psap.geojson", collection("PsapPolygon", psap("a", box(-71.2, 42.3, -71.1, 42.4)), psap("b", box(-71.15, 42.3, -71.05, 42.4))))},
			"boundary_overlap 45.6",
		},
		{
			"an overlap of two services",
			[]gisread.File{
				text("Psap.geojson", collection("PsapPolygon", psap("a", box(-71.2, 42.3, -71.1, 42.4)))),
				text("Fire.geojson", collection("FirePolygon", psap("b", box(-71.15, 42.3, -71.05, 42.4)))),
			},
			"",
		},
		{
			"a hole between them",
			[]gisread.File{text("Psap.geojson", collection("PsapPolygon",
				psap("s", box(-71.2, 42.3, -71, 42.35)), psap("n", box(-71.2, 42.4, -71, 42.45)),
				psap("w", box(-71.2, 42.35, -71.15, 42.4)), psap("e", box(-71.05, 42.35, -71, 42.4))))},
			"boundary_gap 45.6",
		},
		{
			"less than the publisher answers for",
			[]gisread.File{
				text("Psap.geojson", collection("PsapPolygon", psap("a", box(-71.2, 42.3, -71.1, 42.4)))),
				text("Provisioning.geojson", collection("ProvisioningPolygon", psap("p", box(-71.2, 42.3, -71, 42.4)))),
			},
			"boundary_gap 91.3",
		},
	} {
		_, rep, err := read(t, gisread.Options{}, tt.files...)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		var got []string
		for _, f := range rep.Findings {
			km2 := regexp.MustCompile(`[0-9.]+ km²`).FindString(f.Reason)
			if len(km2) < 4 || !regexp.MustCompile(`near 42\.3\d+, -71\.`).MatchString(f.Reason) {
				t.Errorf("%s: %v tells no size and place", tt.name, f)
				continue
			}
			got = append(got, string(f.Code)+" "+km2[:4])
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s: got %q, want %q: %v", tt.name, got, tt.want, rep.Findings)
		}
	}
}

// Proves: W-09, N-22
func TestABoundaryNamesItsService(t *testing.T) {
	feature := func(props string) string {
		return `{"type":"Feature","properties":{"NGUID":"a",` + props + `},"geometry":{"type":"Polygon","coordinates":[` + box(-71.2, 42.3, -71.1, 42.4) + `]}}`
	}
	for _, tt := range []struct{ name, file, props, option, want string }{
		{"its own", "FireBoundary.geojson", `"ServiceURN":"urn:service:responder.fire","ServiceURI":"sip:f@example.com"`, "", "urn:service:responder.fire"},
		{"the table's", "police_boundaries.geojson", `"ServiceURI":"sip:f@example.com"`, "urn:service:sos", "urn:emergency:service:responder.police"},
		{"a table of the third version", "PoliceFederalFbiPolygon.geojson", `"ServiceURI":"sip:f@example.com"`, "", "urn:emergency:service:responder.police.federal.fbi"},
		{"the operator's", "ServiceBoundary.geojson", `"ServiceURI":"sip:f@example.com"`, "urn:service:sos", "urn:service:sos"},
		{"nobody's", "ServiceBoundary.geojson", `"ServiceURI":"sip:f@example.com"`, "", ""},
		{"a word", "PsapBoundary.geojson", `"ServiceURN":"police","ServiceURI":"sip:f@example.com"`, "", ""},
	} {
		k, rep, _ := read(t, gisread.Options{Service: tt.option}, text(tt.file, collection("", feature(tt.props))))
		if got := k.boundaries["a"].Service; got != tt.want || tt.want == "" && rep.Counts[string(gisread.CodeService)] != 1 {
			t.Errorf("%s: got %q, want %q: %v", tt.name, got, tt.want, rep.Findings)
		}
	}
}

// A file may hold several tables: each feature names its own.
//
// Proves: W-09
func TestTheLayerPropertyNamesTheTable(t *testing.T) {
	point := func(id, layer string, lon float64) string {
		return fmt.Sprintf(`{"type":"Feature","geometry":{"type":"Point","coordinates":[%v,42.35]},"properties":{"layer":%q,"NGUID":%q,"A1":"MA","Add_Number":12,"St_Name":"Main"}}`, lon, layer, id)
	}
	boundary := strings.Replace(psap("b", box(-71.2, 42.3, -71.1, 42.4)), `"properties":{`, `"properties":{"layer":"psap_polygon",`, 1)
	k, rep, err := read(t, gisread.Options{}, text("export.json", collection("", point("in", "SiteStructureAddressPoint", -71.15), point("out", "SiteStructureAddressPoint", -71.3), boundary)))
	if err != nil {
		t.Fatal(err, rep.Findings)
	}
	if len(k.addresses) != 2 || len(k.boundaries) != 1 || rep.Counts[string(gisread.CodeOutside)] != 1 || rep.Findings[0].NGUID != "out" || rep.Findings[0].Row != 2 {
		t.Errorf("%d addresses, %d boundaries: %v", len(k.addresses), len(k.boundaries), rep.Findings)
	}
}

// Proves: W-09
func TestOneNGUIDInTwoTablesIsTold(t *testing.T) {
	k, rep, err := read(t, gisread.Options{},
		text("PsapBoundary.geojson", collection("", psap("ok", box(-71.2, 42.3, -71, 42.4)))), text("SSAP.csv", pointHead+goodPoint))
	if err != nil || len(k.addresses) != 1 || rep.Counts[string(gisread.CodeNGUIDShared)] != 1 {
		t.Errorf("got %v, %v", err, rep.Findings)
	}
}
