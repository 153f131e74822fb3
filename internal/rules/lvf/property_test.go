package lvf_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// words that addresses of the tests are made of: the town's own, near ones and
// strange ones, none twice as often.
var words = map[string][]string{
	"country": {"US", "US", "CA", ""},
	"A1":      {"MA", "MA", "MA", "Massachusetts", "NY", "QC", "UT", ""},
	"A2":      {"", "", "Middlesex County", "Middlesex", "Suffolk County"},
	"A3":      {"Cambridge", "Cambridge", "CAMBRIDGE", "Somerville", "Cambrige", "Boston", "Flushing", "Montréal", "Salt Lake City", "Pine Hill", ""},
	"A4":      {"", "", "", "Pine Hill", "Elsewhere"},
	"PC":      {"", "", "02139", "02139", "02143", "90210", "H2X 1Y4", "1"},
	"PRD":     {"", "", "North", "N", "South", "East"},
	"STP":     {"", "", "", "Avenue", "Rue"},
	"RD":      {"Massachusetts", "Massachusetts", "Masachusets", "Main", "Main", "E", "East", "Parc", "Elm", "Medford", "Tunnel", "41", "Garden", "Main St", "Pine", "Nowhere", ""},
	"STS":     {"Avenue", "Street", "St", "", "Road", "Ave"},
	"POD":     {"", "", "", "Ouest"},
	"HNP":     {"", "", "", "147-", "70-"},
	"HNO":     {"5", "6", "795", "801", "797", "12", "12 1/2", "29", "801A", "0", "-5", "9", "999", "", "007"},
	"HNS":     {"", "", "", "A", "1/2"},
	"UNIT":    {"", "", "Suite 100", "ste 200", "7", "Apartment 1", "#5", "Apt 4B"},
	"FLR":     {"", "2", "2nd floor", "02", "Basement"},
	"ROOM":    {"", "", "210", "2-101"},
	"BLD":     {"", "", "Tower B", "Stata Center", "Annex"},
	"NAM":     {"", "", "Lab", "Lab,"},
	"LOC":     {"", "", "by the door"},
	"LMK":     {"", "", "", "", "Gate"},
	"POBOX":   {"", "", "", "", "", "12"},
}

// seeds are addresses that one of the tests' layers has.
var seeds = []e911.Civic{
	with(base, "HNO", "795", "RD", "Massachusetts", "STS", "Avenue"),
	with(base, "HNO", "801", "RD", "Massachusetts", "STS", "Avenue", "UNIT", "Suite 200", "PCN", ""),
	with(base, "HNO", "5", "RD", "Massachusetts", "STS", "Avenue", "UNIT", "3"),
	with(base, "HNO", "5", "PRD", "North", "RD", "Main", "STS", "Street", "A2", ""),
	with(base, "HNO", "6", "RD", "Main", "STS", "Street", "PC", ""),
	with(base, "HNO", "5", "RD", "Medford", "STS", "Street", "PC", "02143"),
	with(base, "HNO", "12", "HNS", "1/2", "RD", "Elm", "STS", "Street"),
	with(base, "HNO", "9", "RD", "Garden", "STS", "Street", "UNIT", "Apartment 1"),
	with(base, "HNO", "5", "RD", "E", "STS", "Street"),
	{Country: "CA", A1: "QC", A3: "Montréal", HNO: "3575", STP: "Avenue", STPS: "du", RD: "Parc"},
	{Country: "US", A1: "NY", A3: "New York", PCN: "Flushing", HNP: "147-", HNO: "29", RD: "41", STS: "Avenue"},
	{Country: "US", A1: "UT", A3: "Salt Lake City", HNO: "350", PRD: "East", RD: "200 South"},
	{Country: "US", A1: "MA", A3: "Pine Hill", HNO: "5", RD: "Pine", STS: "Road"},
}

// addresses are those with some fields otherwise.
var addresses = rapid.Custom(func(t *rapid.T) e911.Civic {
	c := rapid.SampledFrom(seeds).Draw(t, "seed")
	for range rapid.IntRange(0, 5).Draw(t, "changes") {
		name := rapid.SampledFrom(changeable).Draw(t, "field")
		c.Set(name, rapid.SampledFrom(words[name]).Draw(t, name))
	}
	return c
})

var changeable = slices.Sorted(maps.Keys(words))

// two layers that cover one town and contradict each other.
func contradicting(t testing.TB) *lvf.Index {
	t.Helper()
	mass := e911.Civic{RD: "Massachusetts", STS: "Avenue"}
	one := build(t, road(mass, base, [2]int{701, 899}, [2]int{700, 898}), at(0, 0, with(base.Merge(mass), "HNO", "5", "UNIT", "APT 3")))
	two := build(
		t, road(mass, with(base, "PC", "02138"), [2]int{1, 999}, [2]int{2, 998}), road(e911.Civic{RD: "Main", STS: "Street"}, base, [2]int{1, 99}, [2]int{2, 98}),
		at(0, 0, with(base, "A3", "Somerville", "A4", "Cambridge", "RD", "Elm", "STS", "ST", "HNO", "12")),
	)
	return lvf.New([]gis.Layer{layerOf("b", e911.GradeReference, two), layerOf("a", e911.GradeAuthoritative, one)})
}

// Proves: W-10, F-05, N-21
func TestWhatIsValidStaysSoAndCandidatesAreValid(t *testing.T) {
	o := lvf.Options{Now: now}
	for _, x := range []*lvf.Index{town(t), contradicting(t), nil} {
		rapid.Check(t, func(t *rapid.T) {
			c := addresses.Draw(t, "address")
			r := x.Validate(c, o)
			if r.Verdict == e911.VerdictValid {
				sameAgain(t, x, r)
			}
			if (r.Verdict == e911.VerdictInvalid) != slices.ContainsFunc(r.Faults, func(f civic.Fault) bool { return !f.Doubt }) {
				t.Fatalf("%s with faults %v", r.Verdict, r.Faults)
			}
			if r.Dispatchable && (r.Verdict == e911.VerdictInvalid || len(r.Missing) > 0) {
				t.Fatalf("dispatchable although %s, missing %v", r.Verdict, r.Missing)
			}
			for i, k := range r.Candidates {
				again := x.Validate(k.Address, o)
				if k.Layer != nil && !k.Contested && again.Verdict != e911.VerdictValid {
					t.Fatalf("candidate %d, %+v, is %s: %v", i, k.Address, again.Verdict, again.Faults)
				}
				if k.Contested && again.Verdict == e911.VerdictValid || k.Layer == nil && again.Verdict == e911.VerdictInvalid {
					t.Fatalf("candidate %d, %+v, is %s", i, k.Address, again.Verdict)
				}
				if len(k.Changed) == 0 && !k.Contested {
					t.Fatalf("candidate %d is what was asked", i)
				}
			}
		})
	}
}

func sameAgain(t *rapid.T, x *lvf.Index, r lvf.Result) {
	again := x.Validate(r.Address, lvf.Options{Now: now})
	if again.Verdict != e911.VerdictValid {
		t.Fatalf("%+v was valid and is %s: %v", r.Address, again.Verdict, again.Faults)
	}
	if d := cmp.Diff(r.Address, again.Address); d != "" || again.Feature != r.Feature {
		t.Fatalf("validated twice, %s and %s:\n%s", r.Feature, again.Feature, d)
	}
}

// Proves: W-10
func TestTheDirectWayHasTheAnswerOfTheOther(t *testing.T) {
	o := lvf.Options{Now: now}
	directly := 0
	for _, x := range []*lvf.Index{town(t), contradicting(t)} {
		rapid.Check(t, func(t *rapid.T) {
			c := addresses.Draw(t, "address")
			if rapid.Bool().Draw(t, "as it is kept") {
				c = x.Validate(c, o).Address
			}
			got, ok := x.Direct(c, o)
			if !ok {
				return
			}
			directly++
			want := x.Judged(c, o)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%+v (-judged +direct):\n%s", c, d)
			}
		})
	}
	if directly < 10 {
		t.Errorf("only %d addresses went the direct way", directly)
	}
}

// Proves: W-09
func TestPlainAddressesAreNormal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := addresses.Draw(t, "address")
		c.UNIT = rapid.StringMatching(`((Suite|Apartment|Ste|Unit) )?[0-9A-C]{0,3}`).Draw(t, "UNIT")
		c.BLD = rapid.StringMatching(`((Tower|Bldg|North|Building|Twr|Hall) )?[A-C0-9]{0,2}`).Draw(t, "BLD")
		c.FLR = rapid.StringMatching(`[0-9]{0,3}`).Draw(t, "FLR")
		if !lvf.Plain(c) {
			return
		}
		n, _ := civic.Normalize(c)
		for _, name := range e911.CivicFieldNames() {
			switch name {
			case "PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM": // the layer's own spelling decides
			default:
				if n.Get(name) != c.Get(name) {
					t.Fatalf("%s %q is normally %q", name, c.Get(name), n.Get(name))
				}
			}
		}
		for _, f := range civic.Check(c).Faults {
			if f.Field != "PC" && !f.Doubt {
				t.Fatalf("%+v: %s", c, f.Reason)
			}
		}
	})
}

func FuzzValidate(f *testing.F) {
	x, y := town(f), contradicting(f)
	f.Add("MA", "Cambridge", "Massachusetts", "Avenue", "795", "02139", "Suite 5")
	f.Add("QC", "Montréal", "av. du Parc", "", "3575", "H2X 1Y4", "")
	f.Add("NY", "Flushing", "41 Ave", "", "147-29", "", "#")
	f.Add("MA", strings.Repeat("é", 400), "\u202e", "\x00", "1/2", "0", "-")
	f.Fuzz(func(t *testing.T, a1, a3, rd, sts, hno, pc, unit string) {
		c := e911.Civic{Country: "US", A1: a1, A3: a3, RD: rd, STS: sts, HNO: hno, PC: pc, UNIT: unit}
		for _, x := range []*lvf.Index{x, y} {
			r := x.Validate(c, lvf.Options{Now: now})
			if r.Verdict != e911.VerdictValid {
				continue
			}
			if again := x.Validate(r.Address, lvf.Options{Now: now}); again.Verdict != e911.VerdictValid || again.Address != r.Address {
				t.Fatalf("%+v\nthen %s %+v", r.Address, again.Verdict, again.Address)
			}
		}
	})
}
