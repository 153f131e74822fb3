package lvf_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// town has one of everything.
func town(t testing.TB) *lvf.Index {
	t.Helper()
	mass := e911.Civic{RD: "Massachusetts", STS: "Avenue"}
	north, south := e911.Civic{PRD: "North", RD: "Main", STS: "Street"}, e911.Civic{PRD: "South", RD: "Main", STS: "Street"}
	somerville := with(base, "A3", "Somerville", "PCN", "CAMBRIDGE", "PC", "02143")
	montreal := e911.Civic{Country: "CA", A1: "QC", A3: "Montréal", PC: "H2X 1Y4"}
	queens := e911.Civic{Country: "US", A1: "NY", A2: "Queens County", A3: "New York", PC: "11367", PCN: "Flushing"}
	salt := e911.Civic{Country: "US", A1: "UT", A3: "Salt Lake City", PC: "84102"}
	county := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A4: "Pine Hill", PC: "01741", PCN: "CARLISLE"}
	untested := road(e911.Civic{RD: "Tunnel", STS: "Road"}, base, [2]int{1, 99}, [2]int{2, 98})
	untested.Left.Validate = false
	prefixed := road(e911.Civic{RD: "147", STS: "Street"}, queens, [2]int{1, 29}, [2]int{2, 30})
	prefixed.Left.Prefix, prefixed.Right.Prefix = "70-", "70-"
	return index(
		t,
		at(0, 0, with(base.Merge(mass), "HNO", "795")),
		at(0, 50, with(base.Merge(mass), "HNO", "801", "UNIT", "Suite 100", "FLR", "1")),
		at(0, 50, with(base.Merge(mass), "HNO", "801", "UNIT", "Suite 200", "FLR", "2")),
		at(5, 50, with(base.Merge(mass), "HNO", "801", "HNS", "A")),
		road(mass, base, [2]int{701, 899}, [2]int{700, 898}),
		road(north, base, [2]int{1, 99}, [2]int{2, 98}),
		road(south, base, [2]int{101, 199}, [2]int{100, 198}),
		road(e911.Civic{RD: "Medford", STS: "Street"}, somerville, [2]int{1, 99}, [2]int{2, 98}),
		road(e911.Civic{RD: "E", STS: "Street"}, base, [2]int{1, 99}, [2]int{2, 98}),
		untested,
		at(0, 0, montreal.Merge(e911.Civic{STP: "Avenue", STPS: "du", RD: "Parc", HNO: "3575"})),
		at(0, 0, montreal.Merge(e911.Civic{STP: "Rue", RD: "Sainte-Catherine", POD: "Ouest", HNO: "1000"})),
		at(0, 0, queens.Merge(e911.Civic{RD: "41", STS: "Avenue", HNP: "147-", HNO: "29"})),
		prefixed,
		at(0, 0, salt.Merge(e911.Civic{PRD: "East", RD: "200 South", HNO: "350"})),
		at(0, 0, with(base, "RD", "Elm", "STS", "Street", "HNO", "12", "HNS", "1/2")),
		at(0, 0, county.Merge(e911.Civic{RD: "Pine", STS: "Road", HNO: "5"})),
		at(0, 0, with(base, "RD", "Garden", "STS", "Street", "HNO", "9", "UNIT", "Apartment 1")),
		at(0, 0, with(base, "RD", "Garden", "STS", "Street", "HNO", "9", "UNIT", "Apartment 2")),
	)
}

// Proves: W-10, W-14, N-21, N-38, F-05
func TestAddressesAreMatchedWithPointsAndThenWithRanges(t *testing.T) {
	x := town(t)
	us := e911.Civic{Country: "US", A1: "MA", A3: "Cambridge"}
	for _, c := range []struct {
		name    string
		in      e911.Civic
		verdict e911.Verdict
		invalid string
		method  e911.GeocodeMethod
		feature string
		missing string
	}{
		{"an address point", with(us, "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"), "valid", "", "address_point", "SSAP-795-Massachusetts-Cambridge", "FLR"},
		{"the same in other letters and abbreviated", with(us, "A3", "CAMBRIDGE", "HNO", "795", "RD", "massachusetts ave"), "valid", "", "address_point", "SSAP-795-Massachusetts-Cambridge", "FLR"},
		{"a number on the range alone", with(us, "HNO", "797", "RD", "Massachusetts", "STS", "Ave", "FLR", "2"), "valid", "", "range", "RCL-Massachusetts-Cambridge-701", ""},
		{"a number beyond the range", with(us, "HNO", "901", "RD", "Massachusetts", "STS", "Ave"), "invalid", "HNO", "street", "", "FLR"},
		{"a unit that the layer has", with(us, "HNO", "801", "RD", "Massachusetts", "STS", "Ave", "UNIT", "Ste 200"), "valid", "", "address_point", "SSAP-801Suite 200-Massachusetts-Cambridge", ""},
		{"the building of many units", with(us, "HNO", "801", "RD", "Massachusetts", "STS", "Ave", "LOC", "by the door"), "valid", "", "address_point", "SSAP-801Suite 100-Massachusetts-Cambridge", "FLR"},
		{"a unit that it does not have is left to the range", with(us, "HNO", "801", "RD", "Massachusetts", "STS", "Ave", "UNIT", "Ste 900"), "valid", "", "range", "RCL-Massachusetts-Cambridge-701", ""},
		{"a unit that none has where no range is", with(us, "HNO", "9", "RD", "Garden", "STS", "St", "UNIT", "Apt 7"), "invalid", "UNIT", "street", "", ""},
		{"a suffix of the number", with(us, "HNO", "801A", "RD", "Massachusetts", "STS", "Ave"), "valid", "", "address_point", "SSAP-801A-Massachusetts-Cambridge", "FLR"},
		{"a fraction", with(us, "HNO", "12 1/2", "RD", "Elm", "STS", "St"), "valid", "", "address_point", "SSAP-121/2-Elm-Cambridge", "FLR"},
		{"the number without its fraction", with(us, "HNO", "12", "RD", "Elm", "STS", "St"), "invalid", "HNO", "street", "", "FLR"},
		{"another fraction", with(us, "HNO", "12 1/4", "RD", "Elm", "STS", "St"), "invalid", "HNS", "street", "", "FLR"},
		{"a directional", with(us, "HNO", "5", "RD", "N Main St"), "valid", "", "range", "RCL-Main-Cambridge-1", "FLR"},
		{"the other directional", with(us, "HNO", "5", "PRD", "South", "RD", "Main", "STS", "Street"), "invalid", "HNO", "street", "", "FLR"},
		{"a directional that no street has", with(us, "HNO", "5", "PRD", "East", "RD", "Main", "STS", "Street"), "invalid", "PRD", "place", "", "FLR"},
		{"no directional where it must be", with(us, "HNO", "5", "RD", "Main", "STS", "Street"), "invalid", "RD", "place", "", "FLR"},
		{"another type", with(us, "HNO", "795", "RD", "Massachusetts", "STS", "Road"), "invalid", "STS", "place", "", "FLR"},
		{"a street that the town does not have", with(us, "HNO", "795", "RD", "Nowhere", "STS", "Road"), "invalid", "RD", "place", "", "FLR"},
		{"a street of one letter", with(us, "HNO", "5", "RD", "E St"), "valid", "", "range", "RCL-E-Cambridge-1", "FLR"},
		{"a directional is not a letter", with(us, "HNO", "5", "RD", "East", "STS", "Street"), "invalid", "RD", "place", "", "FLR"},
		{"the city of the post", with(us, "HNO", "5", "RD", "Medford", "STS", "Street", "PC", "02143"), "valid", "", "range", "RCL-Medford-Somerville-1", "FLR"},
		{"the municipality of the same", with(us, "A3", "Somerville", "HNO", "5", "RD", "Medford", "STS", "Street"), "valid", "", "range", "RCL-Medford-Somerville-1", "FLR"},
		{"a community that is no municipality", with(us, "A3", "Pine Hill", "HNO", "5", "RD", "Pine", "STS", "Rd"), "valid", "", "address_point", "SSAP-5-Pine-", "FLR"},
		{"the post of the same", with(us, "A3", "Carlisle", "HNO", "5", "RD", "Pine", "STS", "Rd"), "valid", "", "address_point", "SSAP-5-Pine-", "FLR"},
		{"a neighbourhood that the layer does not name", with(us, "A5", "The Port", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"), "valid", "", "address_point", "SSAP-795-Massachusetts-Cambridge", "FLR"},
		{"the wrong postal code", with(us, "HNO", "795", "RD", "Massachusetts", "STS", "Avenue", "PC", "02138"), "invalid", "PC", "address_point", "", "FLR"},
		{"a postal code of another state", with(us, "HNO", "795", "RD", "Massachusetts", "STS", "Avenue", "PC", "90210"), "invalid", "PC", "address_point", "", "FLR"},
		{"the wrong county of a right postal code", with(us, "A2", "Suffolk County", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue", "PC", "02139"), "invalid", "A2", "street", "", "FLR"},
		{"a misspelled town of a right postal code", with(us, "A3", "Cambrige", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue", "PC", "02139"), "invalid", "A3", "street", "", "FLR"},
		{"a town that no layer covers", with(us, "A3", "Boston", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"), "unverified", "", "", "", "FLR"},
		{"a town of a postal code that reaches into it", with(us, "A3", "Watertown", "PC", "02139", "HNO", "5", "RD", "School", "STS", "Street"), "unverified", "", "", "", "FLR"},
		{"another state", with(us, "A1", "NH", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"), "unverified", "", "", "", "FLR"},
		{"the postal code alone", with(us, "A3", "", "PC", "02139", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"), "valid", "", "address_point", "SSAP-795-Massachusetts-Cambridge", "FLR"},
		{"a side that is not to be validated", with(us, "HNO", "5", "RD", "Tunnel", "STS", "Road"), "unverified", "", "street", "", "FLR"},
		{"the side opposite", with(us, "HNO", "6", "RD", "Tunnel", "STS", "Road"), "valid", "", "range", "RCL-Tunnel-Cambridge-1", "FLR"},
		{"French with the type first", e911.Civic{A1: "QC", A3: "Montreal", HNO: "3575", RD: "av. du Parc"}, "valid", "", "address_point", "SSAP-3575-Parc-Montréal", "FLR"},
		{"French with a saint and a directional", e911.Civic{A1: "QC", A3: "Montréal", HNO: "1000", RD: "rue Ste-Catherine O"}, "valid", "", "address_point", "SSAP-1000-Sainte-Catherine-Montréal", "FLR"},
		{"a hyphenated number of Queens", e911.Civic{A1: "NY", A3: "Flushing", HNO: "147-29", RD: "41 Ave"}, "valid", "", "address_point", "SSAP-147-29-41-New York", "FLR"},
		{"another block of it", e911.Civic{A1: "NY", A3: "Flushing", HNO: "148-29", RD: "41 Ave"}, "invalid", "HNP", "street", "", "FLR"},
		{"a hyphenated number on a range", e911.Civic{A1: "NY", A3: "Flushing", HNO: "70-12", RD: "147 St"}, "valid", "", "range", "RCL-147-New York-1", "FLR"},
		{"the same without its block", e911.Civic{A1: "NY", A3: "Flushing", HNO: "12", RD: "147 St"}, "invalid", "HNO", "street", "", "FLR"},
		{"an address of the grid", e911.Civic{A1: "UT", A3: "Salt Lake City", HNO: "350", PRD: "E", RD: "200 South"}, "valid", "", "address_point", "SSAP-350-200 South-Salt Lake City", "FLR"},
	} {
		r := x.Validate(c.in, lvf.Options{Now: now})
		if r.Verdict != c.verdict || invalid(r) != c.invalid || r.Method != c.method || r.Feature != c.feature || strings.Join(r.Missing, " ") != c.missing {
			t.Errorf("%s: %s, invalid %q, by %q from %q, missing %v\nfaults %v", c.name, r.Verdict, invalid(r), r.Method, r.Feature, r.Missing, r.Faults)
		}
		if (r.Point != nil) != (r.Method != "") || r.Point != nil && r.Point.RadiusM <= 0 {
			t.Errorf("%s: point %v by %q", c.name, r.Point, r.Method)
		}
	}
}

// Proves: W-10
func TestAValidAddressIsCompletedAsTheLayerHasIt(t *testing.T) {
	x := town(t)
	in := e911.Civic{A1: "ma", A3: "cambridge", HNO: "5", RD: "medford st", PC: "02143", UNIT: "#3", NAM: "Lab"}
	want := e911.Civic{
		Country: "US", A1: "MA", A2: "Middlesex County", A3: "Somerville", PC: "02143", PCN: "CAMBRIDGE",
		HNO: "5", RD: "Medford", STS: "Street", UNIT: "3", NAM: "Lab",
	}
	r := x.Validate(in, lvf.Options{Now: now})
	if d := cmp.Diff(want, r.Address); d != "" {
		t.Errorf("completed (-want +got):\n%s", d)
	}
	var got []string
	for _, f := range r.Fields {
		got = append(got, f.Field+" "+f.Verdict.String())
	}
	if d := cmp.Diff([]string{"country valid", "A1 valid", "A3 valid", "RD valid", "STS valid", "HNO valid", "NAM unchecked", "PC valid", "UNIT unchecked"}, got); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
	v := r.Validation(in, "user 1", now)
	if v.Verdict != e911.VerdictValid || v.Entered != in || v.By != "user 1" || v.Layer != "town" || v.Version != 3 || v.Feature != r.Feature || v.Point == nil || !slices.Equal(v.Unchecked, []string{"NAM", "UNIT"}) {
		t.Errorf("kept: %+v", v)
	}
}

// Proves: N-21
func TestWhatFollowsTheFirstInvalidFieldIsUnchecked(t *testing.T) {
	r := town(t).Validate(with(base, "RD", "Nowhere", "STS", "Street", "HNO", "5", "FLR", "2"), lvf.Options{Now: now})
	got := map[string]string{}
	for _, f := range r.Fields {
		got[f.Field] = f.Verdict.String()
	}
	want := map[string]string{
		"country": "valid", "A1": "valid", "A2": "valid", "A3": "valid", "PCN": "valid", "RD": "invalid",
		"STS": "unchecked", "HNO": "unchecked", "FLR": "unchecked", "PC": "unchecked",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
}

// Proves: W-10
func TestCandidatesMarkWhatChanged(t *testing.T) {
	x := town(t)
	us := with(base, "A2", "", "PCN", "", "PC", "")
	for _, c := range []struct {
		name    string
		in      e911.Civic
		want    string // first candidate
		changed string
	}{
		{"a misspelled street", with(us, "HNO", "795", "RD", "Masachusets", "STS", "Avenue"), "795 Massachusetts Avenue, Cambridge, MA 02139", "A2 RD PC PCN"},
		{"its beginning", with(us, "HNO", "795", "RD", "Mass", "STS", "Avenue"), "795 Massachusetts Avenue, Cambridge, MA 02139", "A2 RD PC PCN"},
		{"no type", with(us, "HNO", "795", "RD", "Massachusetts"), "795 Massachusetts Avenue, Cambridge, MA 02139", "A2 STS PC PCN"},
		{"another type", with(us, "HNO", "795", "RD", "Massachusetts", "STS", "Road"), "795 Massachusetts Avenue, Cambridge, MA 02139", "A2 STS PC PCN"},
		{"no directional", with(us, "HNO", "5", "RD", "Main", "STS", "Street"), "5 North Main Street, Cambridge, MA 02139", "A2 PRD PC PCN"},
		{"the other directional", with(us, "HNO", "5", "PRD", "South", "RD", "Main", "STS", "Street"), "5 North Main Street, Cambridge, MA 02139", "A2 PRD PC PCN"},
		{"a number beyond the range", with(us, "HNO", "905", "RD", "Massachusetts", "STS", "Avenue"), "899 Massachusetts Avenue, Cambridge, MA 02139", "A2 HNO PC PCN"},
		{"a number without its fraction", with(us, "HNO", "12", "RD", "Elm", "STS", "Street"), "12 1/2 Elm Street, Cambridge, MA 02139", "A2 HNS PC PCN"},
		{"another postal code", with(us, "HNO", "795", "RD", "Massachusetts", "STS", "Avenue", "PC", "02140"), "795 Massachusetts Avenue, Cambridge, MA 02139", "A2 PC PCN"},
		{"a misspelled town", with(us, "A3", "Cambrige", "PC", "02139", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"), "795 Massachusetts Avenue, Cambridge, MA 02139", "A2 A3 PCN"},
		{"a street of the next town", with(us, "A3", "Somerville", "HNO", "7", "RD", "Elm", "STS", "Street"), "", ""},
		{"the street in another town", with(us, "A3", "Somerville", "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"), "795 Massachusetts Avenue, Cambridge, MA 02139", "A2 A3 PC PCN"},
	} {
		r := x.Validate(c.in, lvf.Options{Now: now})
		if c.want == "" {
			if len(r.Candidates) > 0 {
				t.Errorf("%s: candidate %s", c.name, civic.Display(r.Candidates[0].Address))
			}
			continue
		}
		without := x.Validate(c.in, lvf.Options{Now: now, NoCandidates: true})
		if len(without.Candidates) > 0 || without.Verdict != r.Verdict || !cmp.Equal(without.Fields, r.Fields) {
			t.Errorf("%s without candidates: %s %v %v, want %s %v", c.name, without.Verdict, without.Fields, without.Candidates, r.Verdict, r.Fields)
		}
		if len(r.Candidates) == 0 {
			t.Errorf("%s: no candidate; %s %v", c.name, r.Verdict, r.Faults)
			continue
		}
		first := r.Candidates[0]
		if got := civic.Display(first.Address); got != c.want || strings.Join(first.Changed, " ") != c.changed || first.Layer == nil || first.Feature == "" {
			t.Errorf("%s: %s, changed %v, want %s, changed %s", c.name, got, first.Changed, c.want, c.changed)
		}
	}
}

// Proves: W-14
func TestAnAddressThatSeveralPlacesHaveIsNotValidUntilOneIsChosen(t *testing.T) {
	wash := e911.Civic{RD: "Washington", STS: "Street"}
	boston := e911.Civic{Country: "US", A1: "MA", A3: "Boston"}
	far := road(wash, with(boston, "PC", "02124", "A5", "Dorchester"), [2]int{1, 99}, [2]int{2, 98})
	for i := range far.Line {
		far.Line[i].Lat -= 0.05
	}
	x := index(t, road(wash, with(boston, "PC", "02108", "A5", "Downtown"), [2]int{1, 99}, [2]int{2, 98}), far)
	in := with(boston, "HNO", "5", "RD", "Washington", "STS", "St")
	r := x.Validate(in, lvf.Options{Now: now})
	if r.Verdict != e911.VerdictUnverified || len(r.Candidates) != 2 || r.Dispatchable {
		for _, k := range r.Candidates {
			t.Logf("%+v", k)
		}
		t.Fatalf("%s with %d candidates, %v", r.Verdict, len(r.Candidates), r.Faults)
	}
	for _, code := range []string{"02108", "02124"} {
		if r := x.Validate(with(in, "PC", code), lvf.Options{Now: now}); r.Verdict != e911.VerdictValid || r.Address.PC != code {
			t.Errorf("with its postal code %s: %s, %v", code, r.Verdict, r.Faults)
		}
	}
	if r := x.Validate(with(in, "A5", "Dorchester"), lvf.Options{Now: now}); r.Verdict != e911.VerdictValid || r.Address.PC != "02124" {
		t.Errorf("with its neighbourhood: %s, %v", r.Verdict, r.Faults)
	}
}

// Proves: F-23, N-21, W-14
func TestTheBetterLayerHasTheLastWord(t *testing.T) {
	street := e911.Civic{RD: "Main", STS: "Street"}
	one := build(t, road(street, base, [2]int{1, 99}, [2]int{2, 98}))
	two := build(t, road(street, base, [2]int{1, 199}, [2]int{2, 198}))
	points := build(t, at(0, 0, with(base.Merge(street), "HNO", "5")))
	ask := func(n string, o lvf.Options, layers ...gis.Layer) lvf.Result {
		o.Now = now
		return lvf.New(layers).Validate(with(base.Merge(street), "HNO", n, "FLR", "1"), o)
	}
	authority, public, demo := layerOf("a", e911.GradeAuthoritative, one), layerOf("b", e911.GradeReference, two), layerOf("c", e911.GradeDemonstration, two)
	r := ask("151", lvf.Options{}, demo, public, authority)
	if r.Verdict != e911.VerdictInvalid || r.Layer.Key != "a" {
		t.Errorf("the authority denies it: %s by %v", r.Verdict, r.Layer)
	}
	if last := r.Candidates[len(r.Candidates)-1]; !last.Contested || last.Layer.Key != "b" || last.Address.HNO != "151" {
		t.Errorf("the lesser layer's own is the last candidate: %+v", last)
	}
	if r := ask("5", lvf.Options{}, public, authority); r.Verdict != e911.VerdictValid || r.Layer.Key != "a" {
		t.Errorf("both have it: %s by %s", r.Verdict, r.Layer.Key)
	}
	if r := ask("5", lvf.Options{}, demo); r.Verdict != e911.VerdictUnverified || r.Layer != nil {
		t.Errorf("a demonstration layer made it %s", r.Verdict)
	}
	if r := ask("5", lvf.Options{Demonstration: true}, demo); r.Verdict != e911.VerdictValid || r.Layer.Grade != e911.GradeDemonstration {
		t.Errorf("a demonstration is %s", r.Verdict)
	}
	if r := ask("7", lvf.Options{}, layerOf("d", e911.GradeReference, points)); r.Verdict != e911.VerdictUnverified {
		t.Errorf("points that may be incomplete deny nothing: %s", r.Verdict)
	}
	if r := ask("7", lvf.Options{}, layerOf("d", e911.GradeAuthoritative, points)); r.Verdict != e911.VerdictInvalid {
		t.Errorf("the authority's points deny: %s", r.Verdict)
	}
	if r := ask("151", lvf.Options{}, layerOf("d", e911.GradeAuthoritative, build(t)), public); r.Verdict != e911.VerdictValid || r.Layer.Key != "b" {
		t.Errorf("a layer of another place has no say: %s", r.Verdict)
	}
	newer := layerOf("z", e911.GradeReference, two)
	newer.AsOf = now
	if r := ask("5", lvf.Options{}, public, newer); r.Layer.Key != "z" {
		t.Errorf("the newer of one grade decides: %s", r.Layer.Key)
	}
	x := lvf.New([]gis.Layer{public})
	renamed := public
	renamed.Version = 9
	if r := x.Replace([]gis.Layer{renamed}).Validate(with(base.Merge(street), "HNO", "5"), lvf.Options{Now: now}); r.Layer.Version != 9 {
		t.Errorf("the replaced layer says version %d", r.Layer.Version)
	}
}

// Proves: N-21
func TestFeaturesCountWhileTheyHold(t *testing.T) {
	old := road(e911.Civic{RD: "Old", STS: "Street"}, base, [2]int{1, 99}, [2]int{2, 98})
	old.Expire = now.AddDate(0, 1, 0)
	next := at(0, 0, with(base, "RD", "New", "STS", "Street", "HNO", "5"))
	next.Effective = now.AddDate(0, 1, 0)
	x := index(t, old, next)
	for _, c := range []struct {
		street string
		months int
		want   e911.Verdict
	}{{"Old", 0, "valid"}, {"Old", 2, "invalid"}, {"New", 0, "invalid"}, {"New", 2, "valid"}} {
		o := lvf.Options{Now: now.AddDate(0, c.months, 0)}
		if r := x.Validate(with(base, "RD", c.street, "STS", "Street", "HNO", "5"), o); r.Verdict != c.want {
			t.Errorf("%s Street in %d months: %s, want %s", c.street, c.months, r.Verdict, c.want)
		}
	}
}

// Proves: F-05, N-38
func TestWithoutALayerNothingIsValid(t *testing.T) {
	var none *lvf.Index
	for _, x := range []*lvf.Index{none, lvf.New(nil)} {
		r := x.Validate(with(base, "RD", "Main", "STS", "St", "HNO", "5", "FLR", "2"), lvf.Options{Now: now})
		if r.Verdict != e911.VerdictUnverified || r.Layer != nil || r.Point != nil || !r.Dispatchable || r.Address.STS != "Street" {
			t.Errorf("%+v", r)
		}
		if _, ok := x.Nearest(e911.Point{Lat: 42, Lon: -71}, lvf.Options{}); ok {
			t.Error("something is near where nothing is known")
		}
	}
}

// Proves: W-09, F-05
func TestBadInputIsInvalidAndNothingWorse(t *testing.T) {
	x := town(t)
	good := with(base, "RD", "Massachusetts", "STS", "Avenue", "HNO", "795")
	for name, in := range map[string]e911.Civic{
		"10,000 characters":    with(good, "RD", strings.Repeat("Main ", 2000)),
		"control characters":   with(good, "RD", "Massa\x00chusetts"),
		"a right-to-left mark": with(good, "RD", "Massachusetts\u202e"),
		"broken UTF-8":         with(good, "A3", "Camb\xffridge"),
		"number 0":             with(good, "HNO", "0"),
		"number -5":            with(good, "HNO", "-5"),
		"number 1/2":           with(good, "HNO", "1/2"),
		"number of 30 digits":  with(good, "HNO", strings.Repeat("9", 30)),
		"number 1e3":           with(good, "HNO", "1e3"),
		"no number":            with(good, "HNO", ""),
		"no street":            with(good, "RD", "", "STS", ""),
		"an unknown state":     with(good, "A1", "ZZ"),
		"an unknown country":   with(good, "country", "XX"),
		"a post office box":    with(good, "RD", "", "STS", "", "HNO", "", "POBOX", "12"),
		"nothing":              {},
	} {
		r := x.Validate(in, lvf.Options{Now: now})
		if r.Verdict != e911.VerdictInvalid || r.Dispatchable {
			t.Errorf("%s: %s, dispatchable %v", name, r.Verdict, r.Dispatchable)
		}
	}
}

// Proves: W-10
func TestTheNearestAddressOrStreetIsTold(t *testing.T) {
	x := town(t)
	p := at(3, 4, e911.Civic{}).Point
	n, ok := x.Nearest(p, lvf.Options{Now: now})
	if !ok || n.Method != e911.GeocodeAddressPoint || n.DistanceM < 4.9 || n.DistanceM > 5.1 {
		t.Fatalf("%+v, %v", n, ok)
	}
	y := index(t, road(e911.Civic{RD: "Main", STS: "Street"}, base, [2]int{1, 99}, [2]int{2, 98}))
	for _, c := range []struct {
		north, east float64
		number      string
		metres      float64
	}{{20, 100, "49", 20}, {-20, 100, "50", 20}, {20, 0, "1", 20}, {-20, 200, "98", 20}, {30, 240, "99", 50}} {
		n, ok := y.Nearest(at(c.north, c.east, e911.Civic{}).Point, lvf.Options{Now: now})
		if !ok || n.Address.HNO != c.number || n.Method != e911.GeocodeRange || n.DistanceM < c.metres-1 || n.DistanceM > c.metres+1 {
			t.Errorf("%v m north, %v m east: %+v, %v", c.north, c.east, n, ok)
		}
	}
	if n, ok := y.Nearest(at(2000, 0, e911.Civic{}).Point, lvf.Options{Now: now}); ok {
		t.Errorf("2 km off: %+v", n)
	}
	if _, ok := y.Nearest(at(2000, 0, e911.Civic{}).Point, lvf.Options{Now: now, WithinM: 3000}); !ok {
		t.Error("2 km off is within 3 km")
	}
}

// Proves: W-14
func TestTheOddSideIsWhereTheOddNumbersAre(t *testing.T) {
	x := index(t, road(e911.Civic{RD: "Main", STS: "Street"}, base, [2]int{1, 99}, [2]int{98, 2}))
	for _, c := range []struct {
		number      string
		north, east float64
	}{{"1", 10, 0}, {"99", 10, 200}, {"49", 10, 97.96}, {"98", -10, 0}, {"2", -10, 200}} {
		r := x.Validate(with(base, "RD", "Main", "STS", "Street", "HNO", c.number), lvf.Options{Now: now})
		want := at(c.north, c.east, e911.Civic{}).Point
		if r.Point == nil || !closeTo(r.Point.Point, want, 1) || r.Point.RadiusM < 100 {
			t.Errorf("number %s lies at %+v, want %+v", c.number, r.Point, want)
		}
	}
}
