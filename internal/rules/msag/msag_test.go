package msag_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// Addresses in the form of an MSAG, with what is said about them.
// Proves: F-39
func TestAddressesInMSAGForm(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    e911.Civic
		m     gis.MSAG
		want  msag.Form
		notes string // field kind, in order
	}{
		{
			"a floor of a mill",
			e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139", BLD: "Mill 1", FLR: "2", ROOM: "210"},
			gis.MSAG{},
			msag.Form{House: "795", Street: "MASSACHUSETTS", Suffix: "AVE", Community: "CAMBRIDGE", State: "MA", Location: "FLR 2 RM 210 BLDG MILL 1", ZIP: "02139"},
			"A3 assumed",
		},
		{
			"the MSAG's own community and ESN",
			e911.Civic{Country: "US", A1: "TX", A3: "Dallas", HNO: "1500", HNS: "1/2", PRD: "North", RD: "Main", STS: "Street", POD: "East", LOC: "Loading dock"},
			gis.MSAG{Community: "DALLAS CO UNINC", ESN: "511"},
			msag.Form{House: "1500", HouseSuffix: "1/2", PreDir: "N", Street: "MAIN", Suffix: "ST", PostDir: "E", Community: "DALLAS CO UNINC", State: "TX", Location: "LOADING DOCK", ESN: "511"},
			"",
		},
		{
			"a street of Montréal",
			e911.Civic{Country: "CA", A1: "QC", A3: "Montréal", HNO: "1200", STP: "Rue", RD: "Saint-Jérôme", PC: "H2X 1Y4", FLR: "3"},
			gis.MSAG{},
			msag.Form{House: "1200", Street: "RUE SAINT-JEROME", Community: "MONTREAL", State: "QC", Location: "FLR 3", ZIP: "H2X1Y", ZIP4: "4"},
			"STP moved, RD spelled, A3 assumed, A3 spelled",
		},
		{
			"what has no field",
			e911.Civic{Country: "US", A1: "MA", A3: "Boston", HNO: "1", RD: "Main", STS: "Street", LMK: "City Hall"},
			gis.MSAG{},
			msag.Form{House: "1", Street: "MAIN", Suffix: "ST", Community: "BOSTON", State: "MA"},
			"A3 assumed, LMK lost",
		},
		{
			"a room whose name would be read as two",
			e911.Civic{Country: "US", A1: "MA", A3: "Boston", HNO: "1", RD: "Main", STS: "Street", LOC: "Desk - SEAT 4", FLR: "1"},
			gis.MSAG{Community: "BOSTON"},
			msag.Form{House: "1", Street: "MAIN", Suffix: "ST", Community: "BOSTON", State: "MA", Location: "FLR 1 - DESK - SEAT 4"},
			"",
		},
		{
			"signs of another script",
			e911.Civic{Country: "US", A1: "MA", A3: "Boston", HNO: "1", RD: "Main", STS: "Street", LOC: "北 door"},
			gis.MSAG{Community: "BOSTON"},
			msag.Form{House: "1", Street: "MAIN", Suffix: "ST", Community: "BOSTON", State: "MA", Location: "DOOR"},
			"LOC lost",
		},
		{
			"a detail that is too long",
			e911.Civic{Country: "US", A1: "MA", A3: "Boston", HNO: "1", RD: "Main", STS: "Street", LOC: strings.Repeat("x", 61)},
			gis.MSAG{Community: "BOSTON"},
			msag.Form{House: "1", Street: "MAIN", Suffix: "ST", Community: "BOSTON", State: "MA", Location: strings.Repeat("X", 61)},
			"LOC too_long",
		},
	} {
		got, notes := msag.Of(c.in, c.m)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		var said []string
		for _, n := range notes {
			said = append(said, n.Field+" "+string(n.Kind))
		}
		if s := strings.Join(said, ", "); s != c.notes {
			t.Errorf("%s: notes %q, want %q (%v)", c.name, s, c.notes, notes)
		}
	}
}

// An address whose form is whole reads back as the same address.
// Proves: F-39
func TestAWholeFormReadsBack(t *testing.T) {
	word := rapid.SampledFrom([]string{"Massachusetts", "Saint-Jérôme", "Main", "Elm Tree", "Martin Luther King", "5th", "Park", "Lake View", "O'Neil"})
	rapid.Check(t, func(t *rapid.T) {
		maybe := func(name string, v ...string) string {
			return rapid.SampledFrom(append([]string{""}, v...)).Draw(t, name)
		}
		c := e911.Civic{
			Country: "US", A1: rapid.SampledFrom([]string{"MA", "TX", "CA"}).Draw(t, "state"), A3: word.Draw(t, "city"),
			HNO: rapid.StringMatching(`[1-9][0-9]{0,4}`).Draw(t, "house"), HNS: maybe("suffix", "1/2", "A"),
			PRD: maybe("prd", "North", "Southeast"), RD: word.Draw(t, "street"), STS: maybe("sts", "Street", "Avenue", "Crossing", "Loop", "Canyon"),
			POD: maybe("pod", "West"), PC: maybe("pc", "02139"),
			FLR: maybe("floor", "2", "Mezzanine", "B1"), ROOM: maybe("room", "210", "4 East"), UNIT: maybe("unit", "12B"),
			BLD: maybe("bld", "Mill 1", "Tour Est"), LOC: maybe("loc", "Reception and security", "Dock - north"),
		}
		f, notes := msag.Of(c, gis.MSAG{})
		if !msag.Whole(notes) {
			t.Skip("the form says that it is not whole")
		}
		back := f.Civic()
		if got := civic.Compare(c, back); got.Sameness != civic.Same {
			t.Fatalf("%+v\n%+v\n%+v\nreads back as %v: %v", c, f, back, got.Sameness, got.Differ)
		}
		again, _ := msag.Of(back, gis.MSAG{})
		if again != f {
			t.Fatalf("%+v is written again as %+v", f, again)
		}
	})
}

// Fold gives capital ASCII whatever comes, and says when something is missing.
// Proves: F-39
func FuzzFold(f *testing.F) {
	for _, s := range []string{"Île-des-Sœurs", "北", "a\x00b", "ß", "\xff", "½"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, exact, ok := msag.Fold(s)
		for i := range len(out) {
			if c := out[i]; c < ' ' || c > '~' || c >= 'a' && c <= 'z' {
				t.Fatalf("%q became %q", s, out)
			}
		}
		if again, _, _ := msag.Fold(out); again != out {
			t.Fatalf("%q is not folded", out)
		}
		if exact && !ok {
			t.Fatalf("%q: something is missing, and it is said to be exact", s)
		}
	})
}
