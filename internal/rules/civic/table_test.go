package civic_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// fewCodes is a civic.Postal with a handful of codes.
type fewCodes struct{}

var fewPlaces = map[string][]civic.PostalPlace{
	"02139": {{A1: "MA", Name: "Cambridge"}},
	"02138": {{A1: "MA", Name: "Cambridge"}},
	"02144": {{A1: "MA", Name: "Somerville"}},
	"01103": {{A1: "MA", Name: "Springfield"}},
	"62701": {{A1: "IL", Name: "Springfield"}},
	"63101": {{A1: "MO", Name: "Saint Louis"}},
	"01844": {{A1: "MA", Name: "Methuen"}},
	"K1P":   {{A1: "ON", Name: "Ottawa"}},
	"97459": {{A1: "OR", Name: "North Bend"}},
	"97701": {{A1: "OR", Name: "Bend"}},
	"97702": {{A1: "OR", Name: "Bend"}},
	"97703": {{A1: "OR", Name: "Bend"}},
	"97707": {{A1: "OR", Name: "Bend"}},
	"97708": {{A1: "OR", Name: "Bend"}},
	"97709": {{A1: "OR", Name: "Bend"}},
}

func (fewCodes) Places(code string) []civic.PostalPlace { return fewPlaces[code] }

func (fewCodes) Codes(a1, key string) []string {
	var out []string
	for code, places := range fewPlaces {
		for _, p := range places {
			if (a1 == "" || p.A1 == a1) && civic.PlaceKey(p.Name) == key {
				out = append(out, code)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (f fewCodes) Count(a1, key string) int { return len(f.Codes(a1, key)) }

func home(a1, a3, pc string) e911.Civic {
	return e911.Civic{Country: "US", A1: a1, A3: a3, PC: pc, HNO: "1", RD: "Main", STS: "Street"}
}

// Proves: W-09, P-19
func TestTheTableOfPostalCodesMakesDoubtsAndNoFaults(t *testing.T) {
	k := civic.Checker{Postal: fewCodes{}}
	canada := home("ON", "Kanata", "K1P 5M7")
	canada.Country = "CA"
	quebec := home("QC", "Gatineau", "K1P 5M7")
	quebec.Country = "CA"
	for _, c := range []struct {
		name    string
		in      e911.Civic
		verdict civic.Verdict
		faults  []string          // field and kind
		fields  map[string]string // verdicts
	}{
		{"code, state and city agree", home("MA", "Cambridge", "02139"), civic.Unverified, nil, map[string]string{"PC": "valid", "A3": "valid", "A1": "valid"}},
		{"the city is written otherwise", home("MO", "ST. LOUIS", "63101"), civic.Unverified, nil, map[string]string{"A3": "valid"}},
		{"a neighbouring city is no doubt", home("MA", "Somerville", "02139"), civic.Unverified, nil, map[string]string{"A3": "unchecked", "PC": "valid"}},
		{"a city that is elsewhere", home("MA", "Springfield", "02139"), civic.Unverified, []string{"A3 disagrees"}, map[string]string{"A3": "unchecked"}},
		{"a city that the post does not name", home("MA", "Port Nowhere", "02139"), civic.Unverified, []string{"A3 unknown"}, nil},
		{"a code that nobody knows", home("MA", "Cambridge", "02199"), civic.Unverified, []string{"PC unknown"}, map[string]string{"PC": "unchecked"}},
		{"the code of a state far away is a fault without a table too", home("MA", "Cambridge", "62701"), civic.Invalid, []string{"PC disagrees"}, map[string]string{"PC": "invalid"}},
		{"the code of a neighbour is one doubt and not two", home("NH", "Salem", "01844"), civic.Unverified, []string{"PC disagrees"}, map[string]string{"PC": "unchecked"}},
		{"no code, nothing to say", home("MA", "Cambridge", ""), civic.Unverified, nil, map[string]string{"A3": "unchecked"}},
		{"no city, nothing to say", home("MA", "", "02139"), civic.Unverified, nil, map[string]string{"PC": "valid"}},
		{"Canadian areas tell the province, not the city", canada, civic.Unverified, nil, map[string]string{"PC": "valid", "A3": "unchecked"}},
		{"an area of another province", quebec, civic.Invalid, []string{"PC disagrees"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := k.Check(c.in)
			var faults []string
			for _, f := range r.Faults {
				faults = append(faults, f.Field+" "+string(f.Kind))
				if strings.Contains(f.Reason, "Nowhere") {
					t.Errorf("the reason holds a part of the address: %s", f.Reason)
				}
			}
			if r.Verdict != c.verdict || !cmp.Equal(faults, c.faults) {
				t.Errorf("%s %v, want %s %v", r.Verdict, faults, c.verdict, c.faults)
			}
			for _, f := range r.Fields {
				if want, ok := c.fields[f.Field]; ok && f.Verdict.String() != want {
					t.Errorf("%s is %s, want %s", f.Field, f.Verdict, want)
				}
			}
		})
	}
}

// Proves: P-19, N-29
func TestCandidatesOfTheTableTellWhatChanged(t *testing.T) {
	k := civic.Checker{Postal: fewCodes{}}
	for _, c := range []struct {
		name string
		in   e911.Civic
		want []string // changed fields with their new text, in order
	}{
		{"nothing to suggest", home("MA", "Cambridge", "02139"), nil},
		{"the city or the code may be meant", home("MA", "Springfield", "02139"), []string{"A3=Cambridge", "PC=01103"}},
		{"the state of the code", home("CA", "Cambridge", "02139"), []string{"A1=MA", "PC="}},
		{"a town that nobody knows", home("MA", "Port Nowhere", "02139"), []string{"A3=Cambridge"}},
		{"a code that nobody knows", home("MA", "Cambridge", "02199"), []string{"PC=02138", "PC=02139"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, cand := range k.Candidates(c.in) {
				var words []string
				for _, f := range cand.Changed {
					words = append(words, f+"="+cand.Address.Get(f))
				}
				got = append(got, strings.Join(words, " "))
				if k.Check(cand.Address).Verdict == civic.Invalid {
					t.Errorf("a candidate is invalid: %+v", cand)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Proves: W-09
func TestTheTableTellsWhereTheCityBegins(t *testing.T) {
	for _, c := range []struct{ text, street, city string }{
		{"100 Oak St Louis MO 63101", "100 Oak", "St Louis"},
		{"100 Oak Ave St Louis MO 63101", "100 Oak Avenue", "St Louis"},
		{"77 Broadway Springfield MA", "77 Broadway", "Springfield"},
		{"77 Broadway Ste 4 Springfield IL 62701", "77 Broadway", "Springfield"},
		{"12 Springfield MA", "12 Springfield", ""},
		{"12 W Springfield MA", "12 West Springfield", ""},
		{"12 Elm Street, Cambridge, MA 02139", "12 Elm Street", "Cambridge"},
		{"Cambridge MA 02139", "", "Cambridge"},
		{"10 Sparks Ottawa ON K1P 5M7", "10 Sparks", "Ottawa"},
		{"35 SE West Ave., North Bend, Oregon", "35 Southeast West Avenue", "North Bend"},
		{"35 West Ave N Bend, Oregon", "35 West Avenue North", "Bend"},
		{"60 Elm Ave NW Ste 9 S Bldg Springfield, IL 62701", "60 Elm Avenue Northwest", "Springfield"},
	} {
		p, _ := civic.Parse(c.text, civic.Hint{Postal: fewCodes{}})
		if got := civic.Street(p.Address); got != c.street && c.city != "" || p.Address.A3 != c.city && c.city != "" {
			t.Errorf("%q: street %q, city %q, want %q, %q", c.text, got, p.Address.A3, c.street, c.city)
		}
	}
}

// Proves: N-42, N-17
func TestAForeignCountryIsTold(t *testing.T) {
	for _, c := range []struct{ text, country string }{
		{"Av. Reforma 222, Ciudad de México, Mexico", "MX"},
		{"Calle 5 12, Tijuana, BC, México", "MX"},
		{"10 Downing Street, London SW1A 2AA, UK", "GB"},
		{"10 Downing Street, London SW1A 2AA, United Kingdom", "GB"},
		{"10 Downing St London England", "GB"},
		{"Unter den Linden 1, 10117 Berlin, Deutschland", "DE"},
		{"12 Rue de Rivoli\n75001 Paris\nFrance", "FR"},
		{"12 Rustaveli Ave, Tbilisi, Georgia", "GE"},
		{"1 Chome, Chiyoda, Tokyo, Japan", "JP"},
		{"12 Elm St, Mexico, MO 65265", "US"},
		{"12 Elm St Mexico MO", "US"},
		{"12 Peachtree St, Atlanta, Georgia", "US"},
		{"12 Peachtree St, Atlanta, Georgia 30303", "US"},
		{"12 Main St, Santa Fe, New Mexico", "US"},
		{"12 Main St, Lebanon, PA 17042", "US"},
		{"12 Main St, Cuba, NY", "US"},
		{"12 Mexico Ave, Boston MA 02115", "US"},
		{"12 Rue de France, Montréal QC H2J 2L1", "CA"},
		{"12 London Rd, London ON N6A 1A1, Canada", "CA"},
		{"12 Elm St, Cambridge MA 02139, U.S.A.", "US"},
		{"12 Elm St, San Juan PR 00907", "US"},
	} {
		p, notes := civic.Parse(c.text, civic.Hint{})
		if p.Address.Country != c.country {
			t.Errorf("%q is in %q, want %q", c.text, p.Address.Country, c.country)
		}
		if foreign := c.country != "US" && c.country != "CA"; (p.Kind == civic.KindForeign) != foreign || foreign && len(notes) == 0 {
			t.Errorf("%q is %s", c.text, p.Kind)
		} else if foreign {
			r := civic.Check(p.Address)
			if len(r.Faults) == 0 || r.Faults[0].Field != "country" || r.Faults[0].Kind != civic.FaultOutside || r.Verdict != civic.Invalid {
				t.Errorf("%q: %+v", c.text, r.Faults)
			}
		}
	}
}

// Proves: N-42
func TestAStructuredCountryIsBroughtToItsCode(t *testing.T) {
	for in, want := range map[string]string{"México": "MX", "mexico": "MX", "U.S.A.": "US", "Canada": "CA", "UK": "GB", "PR": "US", "Germany": "DE", "FR": "FR", "Atlantis": "ATLANTIS"} {
		if c, _ := civic.Normalize(e911.Civic{Country: in}); c.Country != want {
			t.Errorf("%s is %s, want %s", in, c.Country, want)
		}
	}
}

// Proves: W-09
//
// What a keyboard, a web page or an attacker puts into a text makes no
// difference, or is told.
func TestInputIsCleanedBeforeItIsRead(t *testing.T) {
	const plain = "12 Elm Street, Suite 5, Cambridge, MA 02139"
	want, _ := civic.Parse(plain, civic.Hint{})
	for name, text := range map[string]string{
		"full-width digits and letters": "１２ Ｅｌｍ Street, Suite ５, Cambridge, ＭＡ ０２１３９",
		"an ideographic space":          "12\u3000Elm Street, Suite 5, Cambridge, MA 02139",
		"right-to-left marks":           "\u200f12 Elm Street, Suite 5,\u200f Cambridge, MA 02139",
		"bidi override":                 "\u202e12 Elm Street, Suite 5, Cambridge, MA 02139\u202c",
		"isolates":                      "\u206612 Elm Street\u2069, Suite 5, Cambridge, MA 02139",
		"a byte order mark":             "\ufeff12 Elm Street, Suite 5, Cambridge, MA 02139",
		"zero-width spaces":             "12\u200b Elm Street, Suite 5, Cambridge, MA 02139",
		"no-break spaces":               "12\u00a0Elm Street, Suite\u00a05, Cambridge, MA\u00a002139",
		"control characters":            "12\x00Elm\x07Street, Suite 5, Cambridge, MA 02139\x1b",
		"line separators":               "12 Elm Street\u2028Suite 5\u2029Cambridge, MA 02139",
		"several lines":                 "12 Elm Street\r\nSuite 5\r\nCambridge, MA 02139\r\n",
		"tabs":                          "12\tElm\tStreet, Suite 5, Cambridge,\tMA 02139",
	} {
		got, _ := civic.Parse(text, civic.Hint{})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for name, text := range map[string]string{
		"10,000 characters": strings.Repeat("12 Elm St ", 1000),
		"nothing":           " \t\r\n",
		"signs":             ",,;;##--//&&@@()[]",
	} {
		if p, _ := civic.Parse(text, civic.Hint{}); p.Address.RD != "" {
			t.Errorf("%s became the street %q", name, p.Address.RD)
		}
	}
	for text, fault := range map[string]civic.FaultKind{
		"0 Elm Street, Cambridge, MA 02139":     civic.FaultForm,
		"-5 Elm Street, Cambridge, MA 02139":    civic.FaultForm,
		"1/2, Cambridge, MA 02139":              civic.FaultMissing,
		"1/2 Elm Street, Cambridge, MA 02139":   civic.FaultMissing,
		"PO Box 12, Cambridge, MA 02139":        civic.FaultNotDispatchable,
		"RR 2 Box 9, Cambridge, MA 02139":       civic.FaultNotDispatchable,
		"Lock Box 9, Cambridge, MA 02139":       civic.FaultNotDispatchable,
		"General Delivery, Cambridge, MA 02139": civic.FaultNotDispatchable,
	} {
		p, _ := civic.Parse(text, civic.Hint{})
		r := civic.Check(p.Address)
		if r.Verdict != civic.Invalid || !slices.ContainsFunc(r.Faults, func(f civic.Fault) bool { return f.Kind == fault }) {
			t.Errorf("%s: %s %+v, want %s", text, r.Verdict, r.Faults, fault)
		}
	}
}

// Proves: W-09
func TestCompareIsReflexiveAndSymmetric(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "Main", "St", "Street", "N", "North", "Nord", "rue", "5th", "Fifth", "Saint", "1", "12", "12 1/2", "A", "Suite 5", "#5", "Fl 2", "MA", "QC", "Cambridge", "02139", "Bldg C", "é"})
	address := rapid.Custom(func(t *rapid.T) e911.Civic {
		var c e911.Civic
		for _, n := range []string{"country", "A1", "A3", "PC", "HNO", "HNS", "PRD", "STP", "RD", "STS", "POD", "UNIT", "FLR", "ROOM", "BLD", "LMK"} {
			c.Set(n, word.Draw(t, n))
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := address.Draw(t, "a"), address.Draw(t, "b")
		ab, ba := civic.Compare(a, b), civic.Compare(b, a)
		if ab.Sameness != ba.Sameness || !cmp.Equal(ab.Differ, ba.Differ) {
			t.Fatalf("%+v one way and %+v the other", ab, ba)
		}
		n, _ := civic.Normalize(a)
		if aa := civic.Compare(a, a); strings.TrimSpace(n.RD+n.LMK) != "" && fold(n.RD+n.LMK) && aa.Sameness != civic.Same {
			t.Fatalf("an address is %s as itself: %v", aa.Sameness, aa.Differ)
		}
		if strings.TrimSpace(a.RD) != "" && civic.Compare(a, n).Sameness != civic.Compare(n, a).Sameness {
			t.Fatal("the canonical form compares otherwise")
		}
	})
}

// fold reports a name with a letter or a digit in it.
func fold(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r > ' ' }) }
