package gisread_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// text is a file that a test writes.
func text(name, content string) gisread.File {
	return gisread.File{Name: name, R: strings.NewReader(content), Size: int64(len(content))}
}

func read(t *testing.T, opt gisread.Options, files ...gisread.File) (*kept, gisread.Report, error) {
	t.Helper()
	k := newKept()
	rep, err := gisread.Read(t.Context(), files, opt, k)
	return k, rep, err
}

const (
	pointHead  = "NGUID,Country,A1,A3,Add_Number,AddNum_Suf,St_Name,St_PosTyp,UnitPreTyp,UnitValue,Effective,Expire,Longitude,Latitude\n"
	goodPoint  = "ok,US,MA,Cambridge,795,,Massachusetts,AVE,,,,,-71.1,42.36\n"
	streetHead = "NGUID,Country_L,Country_R,A1_L,A1_R,A3_L,A3_R,FromAddr_L,ToAddr_L,FromAddr_R,ToAddr_R,Parity_L,Parity_R,Valid_L,St_Name,St_PosTyp,WKT\n"
)

// Proves: W-09
func TestARowOfAddressesIsKeptOrRefusedForAReason(t *testing.T) {
	for _, tt := range []struct {
		name, row string
		code      gisread.Code
		keeps     bool
	}{
		{"no NGUID", ",US,MA,Cambridge,1,,Main,Street,,,,,-71.1,42.36", gisread.CodeNGUIDMissing, false},
		{"the NGUID of an earlier row", "ok,US,MA,Cambridge,1,,Main,Street,,,,,-71.1,42.36", gisread.CodeNGUIDTwice, false},
		{"no geometry", "a,US,MA,Cambridge,1,,Main,Street,,,,,,", gisread.CodeGeometryNone, false},
		{"half a geometry", "a,US,MA,Cambridge,1,,Main,Street,,,,,-71.1,", gisread.CodeGeometryForm, false},
		{"a coordinate that is not a number", "a,US,MA,Cambridge,1,,Main,Street,,,,,NaN,42.36", gisread.CodeGeometryRange, false},
		{"feet of a projection", "a,US,MA,Cambridge,1,,Main,Street,,,,,760000.5,2950000.1", gisread.CodeGeometryRange, false},
		{"latitude and longitude swapped", "a,US,MA,Cambridge,1,,Main,Street,,,,,42.36,-71.1", gisread.CodeSwapped, false},
		{"null island", "a,US,MA,Cambridge,1,,Main,Street,,,,,0,0", gisread.CodeElsewhere, false},
		{"Berlin", "a,DE,BE,Berlin,1,,Main,Street,,,,,13.4,52.5", gisread.CodeElsewhere, false},
		{"a country that is neither", "a,MX,BC,Tijuana,1,,Main,Street,,,,,-117.03,32.53", gisread.CodeCountry, false},
		{"a state that does not exist", "a,US,ZZ,Cambridge,1,,Main,Street,,,,,-71.1,42.36", gisread.CodeState, false},
		{"a state of the other country", "a,US,ON,Ottawa,1,,Main,Street,,,,,-75.7,45.4", gisread.CodeState, false},
		{"no state at all", "a,US,,Cambridge,1,,Main,Street,,,,,-71.1,42.36", gisread.CodeState, false},
		{"house number 0", "a,US,MA,Cambridge,0,,Main,Street,,,,,-71.1,42.36", gisread.CodeNumber, false},
		{"house number -5", "a,US,MA,Cambridge,-5,,Main,Street,,,,,-71.1,42.36", gisread.CodeNumber, false},
		{"a house number of seven digits", "a,US,MA,Cambridge,1234567,,Main,Street,,,,,-71.1,42.36", gisread.CodeNumber, false},
		{"no house number", "a,US,MA,Cambridge,,,Main,Street,,,,,-71.1,42.36", gisread.CodeNumber, false},
		{"no street", "a,US,MA,Cambridge,1,,,,,,,,-71.1,42.36", gisread.CodeStreet, false},
		{"control characters", "a,US,MA,Cambridge,1,,Ma\x07in,Street,,,,,-71.1,42.36", gisread.CodeText, false},
		{"a direction mark", "a,US,MA,Cambridge,1,,Ma\u202ein,Street,,,,,-71.1,42.36", gisread.CodeText, false},
		{"broken UTF-8", "a,US,MA,Cambridge,1,,Ma\xffin,Street,,,,,-71.1,42.36", gisread.CodeText, false},
		{"a street of 10,000 characters", "a,US,MA,Cambridge,1,," + strings.Repeat("x", 10_000) + ",Street,,,,,-71.1,42.36", gisread.CodeTextLength, false},
		{"a value behind a closing quote", `a,US,MA,"Cambridge"x,1,,Main,Street,,,,,-71.1,42.36`, gisread.CodeRowForm, false},
		{"too many values", "a,US,MA,Cambridge,1,,Main,Street,,,,,-71.1,42.36,more", gisread.CodeRowForm, false},
		{"a date that is none", "a,US,MA,Cambridge,1,,Main,Street,,,soon,,-71.1,42.36", gisread.CodeDate, true},
		{"an end before the beginning", "a,US,MA,Cambridge,1,,Main,Street,,,2026-02-01,2026-01-01,-71.1,42.36", gisread.CodeSpan, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, rep, err := read(t, gisread.Options{}, text("SSAP.csv", pointHead+goodPoint+tt.row+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			if rep.Counts[string(tt.code)] != 1 || len(rep.Findings) != 1 {
				t.Fatalf("got %v, want %s once", rep.Findings, tt.code)
			}
			f := rep.Findings[0]
			if f.Row != 2 || f.File != "SSAP.csv" || f.Reason == "" {
				t.Errorf("got %+v", f)
			}
			if got := len(k.addresses) == 2; got != tt.keeps || rep.Kept+rep.Refused != rep.Read {
				t.Errorf("kept %v, want %v; %d read, %d kept, %d refused", got, tt.keeps, rep.Read, rep.Kept, rep.Refused)
			}
			if f.Level == gisread.LevelRefused == tt.keeps {
				t.Errorf("level %s", f.Level)
			}
		})
	}
}

// Proves: W-09
func TestAnAddressStandsInTheFieldsOfCLDXF(t *testing.T) {
	for _, tt := range []struct {
		name, row string
		want      e911.Civic
	}{
		{
			"abbreviations and a state by name", "a,USA,Massachusetts,Cambridge,12,1/2,Main,ST,Apt,4B,,,-71.1,42.36",
			e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "12", HNS: "1/2", RD: "Main", STS: "Street", UNIT: "Apartment 4B"},
		},
		{
			"no country, a number as programs write it", "a,,MA,Cambridge,12.0,,Broadway,,,,,,-71.1,42.36",
			e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "12", RD: "Broadway"},
		},
		{
			"a name that begins with a number", "a,US,WY,Cody,7,,3 Rivers,DR,,,,,-109.05,44.52",
			e911.Civic{Country: "US", A1: "WY", A3: "Cody", HNO: "7", RD: "3 Rivers", STS: "Drive"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, rep, err := read(t, gisread.Options{}, text("SSAP.csv", pointHead+tt.row+"\n"))
			if err != nil {
				t.Fatal(err, rep.Findings)
			}
			if d := cmp.Diff(tt.want, k.addresses["a"].Civic); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Proves: W-09
func TestARangeThatMakesNoSenseLeavesItsSideOut(t *testing.T) {
	const line = `"LINESTRING (-71.1 42.36, -71.101 42.361)"`
	none := gis.Side{Parity: gis.ParityNone}
	for _, tt := range []struct {
		name, left string // FromAddr_L, ToAddr_L; Parity_L behind the slash
		want       gis.Side
		code       gisread.Code
	}{
		{"an honest one", "1,99/O", gis.Side{From: 1, To: 99, Parity: gis.ParityOdd, Validate: true}, ""},
		{"a falling one", "99,1/O", gis.Side{From: 99, To: 1, Parity: gis.ParityOdd, Validate: true}, ""},
		{"none", ",/Z", none, ""},
		{"zeros", "0,0/Z", none, ""},
		{"one end missing", ",99/O", none, gisread.CodeRangeOneEnd},
		{"negative", "-1,99/O", none, gisread.CodeRangeNegative},
		{"text", "a1b,99/O", none, gisread.CodeRangeText},
		{"seven digits", "1,9999999/O", none, gisread.CodeRangeText},
		{"two prefixes", "12-1,13-9/O", none, gisread.CodeRangeText},
		{"the hyphen of Queens", "12-01,12-99/O", gis.Side{Prefix: "12-", From: 1, To: 99, Parity: gis.ParityOdd, Validate: true}, ""},
		{"a parity that its ends do not have", "1,98/O", gis.Side{From: 1, To: 98, Parity: gis.ParityOdd, Validate: true}, gisread.CodeParity},
		{"no parity", "2,98/", gis.Side{From: 2, To: 98, Parity: gis.ParityEven, Validate: true}, gisread.CodeParity},
		{"no addresses, and a range", "2,98/Z", none, gisread.CodeParity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ends, parity, _ := strings.Cut(tt.left, "/")
			row := "a,US,US,MA,MA,,," + ends + ",,," + parity + ",Z,,Main,Street," + line
			k, rep, err := read(t, gisread.Options{}, text("RoadCenterLine.csv", streetHead+row+"\n"))
			if err != nil {
				t.Fatal(err, rep.Findings)
			}
			tt.want.Civic = e911.Civic{Country: "US", A1: "MA"}
			if d := cmp.Diff(tt.want, k.streets["a"].Left); d != "" {
				t.Errorf("the side (-want +got):\n%s", d)
			}
			if tt.code == "" && len(rep.Findings) > 0 || tt.code != "" && (rep.Counts[string(tt.code)] != 1 || rep.Refused != 0) {
				t.Errorf("findings %v, want %q", rep.Findings, tt.code)
			}
		})
	}
}

// Proves: W-09
func TestALineIsALine(t *testing.T) {
	for _, tt := range []struct {
		name, wkt string
		code      gisread.Code
		points    int
	}{
		{"two points", "LINESTRING (-71.1 42.36, -71.101 42.361)", "", 2},
		{"repeated points", "LINESTRING Z (-71.1 42.36 5, -71.1 42.36 5, -71.101 42.361 6)", "", 2},
		{"parts that touch", "MULTILINESTRING ((-71.1 42.36, -71.101 42.361), (-71.101 42.361, -71.102 42.362))", "", 3},
		{"parts that do not", "MULTILINESTRING ((-71.1 42.36, -71.101 42.361), (-71.2 42.361, -71.202 42.362))", gisread.CodeMultipart, 4},
		{"one point", "LINESTRING (-71.1 42.36)", gisread.CodeTooFewPoints, 0},
		{"no length", "LINESTRING (-71.1 42.36, -71.1 42.36)", gisread.CodeZeroLength, 0},
		{"a point", "POINT (-71.1 42.36)", gisread.CodeGeometryForm, 0},
		{"nothing", "LINESTRING EMPTY", gisread.CodeGeometryNone, 0},
		{"another reference system", "SRID=26986;LINESTRING (1 2, 3 4)", gisread.CodeCRS, 0},
		{"no WKT", "LINESTRING (1 2, 3", gisread.CodeGeometryForm, 0},
		{"a curve", "CIRCULARSTRING (1 2, 3 4, 5 6)", gisread.CodeGeometryForm, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			row := "a,US,US,MA,MA,,,1,99,,,O,Z,,Main,Street,\"" + tt.wkt + "\""
			k, rep, _ := read(t, gisread.Options{}, text("rcl.csv", streetHead+row+"\n"))
			if n := len(k.streets["a"].Line); n != tt.points {
				t.Errorf("%d points, want %d", n, tt.points)
			}
			if tt.code != "" && rep.Counts[string(tt.code)] != 1 || tt.code == "" && len(rep.Findings) > 0 {
				t.Errorf("got %v, want %q", rep.Findings, tt.code)
			}
		})
	}
}

// Proves: W-09
func TestRangesThatClaimOneNumberAreTold(t *testing.T) {
	row := func(id, ends, parity, place, span string) string {
		return fmt.Sprintf("%s,US,US,MA,MA,%s,%s,%s,,,%s,Z,,Main,Street,\"LINESTRING (-71.1 42.36, -71.101 42.361)\",%s\n", id, place, place, ends, parity, span)
	}
	head := strings.TrimSuffix(streetHead, "\n") + ",Effective,Expire\n"
	for _, tt := range []struct {
		name, a, b string
		want       int
	}{
		{"one inside the other", row("a", "1,99", "O", "X", ","), row("b", "51,53", "O", "X", ","), 1},
		{"one end in common, one falling", row("a", "1,99", "O", "X", ","), row("b", "199,99", "O", "X", ","), 1},
		{"side by side", row("a", "1,99", "O", "X", ","), row("b", "101,199", "O", "X", ","), 0},
		{"odd and even", row("a", "1,99", "O", "X", ","), row("b", "2,98", "E", "X", ","), 0},
		{"both and even", row("a", "1,99", "B", "X", ","), row("b", "2,98", "E", "X", ","), 1},
		{"another place", row("a", "1,99", "O", "X", ","), row("b", "51,53", "O", "Y", ","), 0},
		{"one is over when the other begins", row("a", "1,99", "O", "X", ",2026-01-01"), row("b", "51,53", "O", "X", "2026-01-01,"), 0},
	} {
		_, rep, err := read(t, gisread.Options{}, text("rcl.csv", head+tt.a+tt.b))
		if err != nil {
			t.Fatal(err)
		}
		if got := rep.Counts[string(gisread.CodeRangeOverlap)]; got != tt.want {
			t.Errorf("%s: %d overlaps, want %d: %v", tt.name, got, tt.want, rep.Findings)
		}
	}
}

// A row is kept whenever it holds; the report counts what holds now.
//
// Proves: W-09
func TestExpiredAndFutureRowsAreKeptAndCounted(t *testing.T) {
	rows := pointHead + goodPoint +
		"old,US,MA,Cambridge,1,,Main,Street,,,,2020-01-01T00:00:00-05:00,-71.1,42.36\n" +
		"new,US,MA,Cambridge,3,,Main,Street,,,2030-01-01T00:00:00Z,,-71.1,42.36\n"
	k, rep, err := read(t, gisread.Options{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}, text("SSAP.csv", rows))
	if err != nil {
		t.Fatal(err)
	}
	if len(k.addresses) != 3 || rep.Tables[0].Expired != 1 || rep.Tables[0].Future != 1 {
		t.Errorf("kept %d, %+v", len(k.addresses), rep.Tables[0])
	}
	if want := time.Date(2020, 1, 1, 5, 0, 0, 0, time.UTC); !k.addresses["old"].Expire.Equal(want) {
		t.Errorf("expires %v", k.addresses["old"].Expire)
	}
}

// Proves: W-09
func TestASwappedDataSetGetsOneHint(t *testing.T) {
	rows := pointHead
	for i := range 20 {
		rows += fmt.Sprintf("n%d,US,MA,Cambridge,%d,,Main,Street,,,,,42.36,-71.1\n", i, i+1)
	}
	_, rep, err := read(t, gisread.Options{}, text("SSAP.csv", rows))
	if e911.KindOf(err) != e911.Invalid || len(rep.Hints) == 0 || !strings.Contains(rep.Hints[0], "swapped in 20 of 20 rows") {
		t.Errorf("got %v, hints %q", err, rep.Hints)
	}
}

type unwilling struct{ *kept }

func (unwilling) Address(gis.AddressPoint) error { return errors.New("no room") }

// Proves: W-09
func TestWhatTheLayerDoesNotKeepIsTold(t *testing.T) {
	rep, err := gisread.Read(t.Context(), []gisread.File{text("SSAP.csv", pointHead+goodPoint)}, gisread.Options{}, unwilling{newKept()})
	if err == nil || rep.Counts[string(gisread.CodeSink)] != 1 || rep.Kept != 0 || !strings.Contains(rep.Findings[0].Reason, "no room") {
		t.Errorf("got %v, %+v", err, rep)
	}
}

// Proves: W-09
func TestFindingsAreCappedAndAllCounted(t *testing.T) {
	var rows strings.Builder
	rows.WriteString(pointHead + goodPoint)
	for range 50 {
		rows.WriteString(",US,MA,Cambridge,1,,Main,Street,,,,,-71.1,42.36\n")
	}
	_, rep, err := read(t, gisread.Options{Limits: gisread.Limits{Findings: 10}}, text("SSAP.csv", rows.String()))
	if err != nil || len(rep.Findings) != 10 || rep.Unlisted != 40 || rep.Counts[string(gisread.CodeNGUIDMissing)] != 50 || rep.Refused != 50 {
		t.Errorf("got %v: %d listed, %d not, %v", err, len(rep.Findings), rep.Unlisted, rep.Counts)
	}
}

// Proves: W-09
func TestOptionsThatAreWrongAreAllTold(t *testing.T) {
	_, _, err := read(t, gisread.Options{Defaults: e911.Civic{Country: "MX", A1: "Texas"}, Service: "police", Standard: "mine"}, text("a.csv", "x"))
	for _, want := range []string{"MX", "Texas", "police", "mine"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %q", err, want)
		}
	}
}
