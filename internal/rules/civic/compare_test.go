package civic_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// read parses text that a test knows to be an address.
func read(text string) e911.Civic {
	p, _ := civic.Parse(text, civic.Hint{})
	return p.Address
}

// Proves: W-09
func TestCompareTellsHowFarTwoAddressesAreTheSame(t *testing.T) {
	for _, c := range []struct {
		a, b   string
		want   civic.Sameness
		differ []string
	}{
		{"12 N Main St, Salem MA 01970", "12 NORTH MAIN STREET, SALEM, MASSACHUSETTS", civic.Same, nil},
		{"5 Fifth Ave, New York NY", "5 5th Avenue, New York NY", civic.Same, nil},
		{"1 St Mary's Rd, Salem MA", "1 Saint Marys Road, Salem MA", civic.Same, nil},
		{"1 O'Brien & Sons Way, Salem MA", "1 OBrien and Sons Way, Salem MA", civic.Same, nil},
		{"1 Main St, St. Louis MO", "1 Main St, Saint Louis MO", civic.Same, nil},
		{"12 rue de l'Église O, Montréal QC", "12 Rue de l’Eglise Ouest, Montreal, Québec", civic.Same, nil},
		{"10 boul. René-Lévesque E, Montréal QC", "10 boulevard Rene Levesque Est, Montreal QC", civic.Same, nil},
		{"1 Main St Ste 5, Salem MA", "1 Main St # 5, Salem MA", civic.Same, nil},
		{"1 Main St Fl 2, Salem MA", "1 Main St 2nd Floor, Salem MA", civic.Same, nil},
		{"1 Main St Fl 2, Salem MA", "1 Main St Fl 3, Salem MA", civic.SameBuilding, []string{"FLR"}},
		{"1 Main St, Salem MA", "1 Main St Apt 3, Salem MA", civic.SameBuilding, []string{"UNIT"}},
		{"1 Main St Bldg 2, Salem MA", "1 Main St Bldg 3, Salem MA", civic.SameStreet, []string{"BLD"}},
		{"1 Main St, Salem MA", "3 Main St, Salem MA", civic.SameStreet, []string{"HNO"}},
		{"1 Main St, Salem MA", "1 1/2 Main St, Salem MA", civic.SameStreet, []string{"HNS"}},
		{"1 Main St, Salem MA", "1 Main Ave, Salem MA", civic.Different, []string{"STS"}},
		{"1 N Main St, Salem MA", "1 S Main St, Salem MA", civic.Different, []string{"PRD"}},
		{"1 Main St, Salem MA", "1 Main St, Boston MA", civic.Different, []string{"A3"}},
		{"1 Main St, Salem MA", "1 Main St, Salem NH", civic.Different, []string{"A1"}},
		{"1 Washington St, Boston MA 02108", "1 Washington St, Boston MA 02124", civic.Different, []string{"PC"}},
		{"5 5th Ave, Salem MA", "5 5 Ave, Salem MA", civic.Different, []string{"RD"}},
		{"5 E Street, Salem MA", "5 East Street, Salem MA", civic.Different, []string{"RD"}},
		{"5 N St NW, Washington DC", "5 North St NW, Washington DC", civic.Different, []string{"RD"}},
		{"5 E Street, Salem MA", "5 e st, Salem MA", civic.Same, nil},
		{"5 E Main Street, Salem MA", "5 East Main Street, Salem MA", civic.Same, nil},
	} {
		got := civic.Compare(read(c.a), read(c.b))
		if got.Sameness != c.want {
			t.Errorf("%q and %q: %s %v, want %s", c.a, c.b, got.Sameness, got.Differ, c.want)
		}
		if d := cmp.Diff(c.differ, got.Differ); d != "" {
			t.Errorf("%q and %q differ in (-want +got):\n%s", c.a, c.b, d)
		}
		if back := civic.Compare(read(c.b), read(c.a)); back.Sameness != got.Sameness || !cmp.Equal(back.Differ, got.Differ) {
			t.Errorf("%q and %q: %v one way, %v the other", c.a, c.b, got, back)
		}
		if same := civic.Key(read(c.a)) == civic.Key(read(c.b)); same && got.Sameness < civic.SameBuilding && c.differ[0] != "A3" && c.differ[0] != "BLD" {
			t.Errorf("%q and %q have one key", c.a, c.b)
		}
	}
}

// Proves: W-09
func TestCompareDoesNotMindHowTheStreetIsCut(t *testing.T) {
	base := e911.Civic{Country: "US", A1: "MA", A3: "Salem", HNO: "1"}
	cut := func(change func(*e911.Civic)) e911.Civic { c := base; change(&c); return c }
	whole := cut(func(c *e911.Civic) { c.RD = "Old North Main Street" })
	for _, c := range []e911.Civic{
		cut(func(c *e911.Civic) { c.PRM, c.PRD, c.RD, c.STS = "Old", "N", "Main", "St" }),
		cut(func(c *e911.Civic) { c.RD, c.STS = "Old North Main", "Street" }),
		cut(func(c *e911.Civic) { c.PRM, c.RD = "Old", "North Main Street" }),
	} {
		if got := civic.Compare(whole, c); got.Sameness != civic.Same {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	community := cut(func(c *e911.Civic) {
		c.RD, c.A3, c.A4, c.PCN = "Old North Main Street", "Town of Peabody", "West Salem", "Salem"
	})
	if got := civic.Compare(whole, community); got.Sameness != civic.Same {
		t.Errorf("the city as the post names it: %+v", got)
	}
}

// Proves: W-09
func TestCompareIsSymmetricAndReflexive(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "Main", "St", "5th", "Fifth", "N", "Nord", "Suite 5", "5", "Saint Paul", "São", "Bldg 2"})
	gen := rapid.Custom(func(t *rapid.T) e911.Civic {
		c := e911.Civic{RD: "Main"}
		for _, f := range []string{"A3", "PRD", "RD", "STS", "HNO", "UNIT", "BLD", "FLR", "LMK", "PC"} {
			if v := word.Draw(t, f); v != "" {
				c.Set(f, v)
			}
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		ab, ba := civic.Compare(a, b), civic.Compare(b, a)
		if ab.Sameness != ba.Sameness || !cmp.Equal(ab.Differ, ba.Differ) {
			t.Fatalf("%v one way, %v the other", ab, ba)
		}
		if aa := civic.Compare(a, a); aa.Sameness != civic.Same || len(aa.Differ) > 0 {
			t.Fatalf("not the same as itself: %v", aa)
		}
		if (ab.Sameness == civic.Same) != (len(ab.Differ) == 0) {
			t.Fatalf("%v", ab)
		}
	})
}
