package civic_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// Proves: N-38, F-05
func TestCheckNeverCallsAnAddressValid(t *testing.T) {
	r := civic.Check(mill())
	if r.Verdict != civic.Unverified || len(r.Faults) != 0 || !r.Dispatchable || len(r.Missing) != 0 {
		t.Fatalf("%+v", r)
	}
	want := map[string]civic.Verdict{
		"country": civic.Valid, "A1": civic.Valid, "PC": civic.Valid,
		"A2": civic.Unchecked, "A3": civic.Unchecked, "HNO": civic.Unchecked, "RD": civic.Unchecked, "STS": civic.Unchecked,
		"BLD": civic.Unchecked, "FLR": civic.Unchecked, "ROOM": civic.Unchecked,
	}
	got := map[string]civic.Verdict{}
	for _, f := range r.Fields {
		got[f.Field] = f.Verdict
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
}

// Proves: F-05, E10
func TestCheckNamesTheFieldAtFault(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    e911.Civic
		field string
		kind  civic.FaultKind
	}{
		{"no such state", with(func(c *e911.Civic) { c.A1 = "XX" }), "A1", civic.FaultUnknown},
		{"no state", with(func(c *e911.Civic) { c.A1 = "" }), "A1", civic.FaultMissing},
		{"a state of the other country", with(func(c *e911.Civic) { c.Country = "CA"; c.PC = "" }), "A1", civic.FaultDisagrees},
		{"a third country", with(func(c *e911.Civic) { c.Country = "DE"; c.PC = "" }), "country", civic.FaultOutside},
		{"a postal code of a far state", with(func(c *e911.Civic) { c.PC = "90210" }), "PC", civic.FaultDisagrees},
		{"a postal code that nobody has", with(func(c *e911.Civic) { c.PC = "00012" }), "PC", civic.FaultUnknown},
		{"a postal code of four digits", with(func(c *e911.Civic) { c.PC = "9021" }), "PC", civic.FaultForm},
		{"letters for a postal code", with(func(c *e911.Civic) { c.PC = "ABCDE" }), "PC", civic.FaultForm},
		{"a Canadian code in the States", with(func(c *e911.Civic) { c.PC = "K1A 0A9" }), "PC", civic.FaultForm},
		{"an extension of three digits", with(func(c *e911.Civic) { c.PCE = "123" }), "PCE", civic.FaultForm},
		{"no street", with(func(c *e911.Civic) { c.RD = "" }), "RD", civic.FaultMissing},
		{"no number", with(func(c *e911.Civic) { c.HNO = "" }), "HNO", civic.FaultMissing},
		{"number 0", with(func(c *e911.Civic) { c.HNO = "0" }), "HNO", civic.FaultForm},
		{"number -5", with(func(c *e911.Civic) { c.HNO = "-5" }), "HNO", civic.FaultForm},
		{"number 1/2", with(func(c *e911.Civic) { c.HNO = "1/2" }), "HNO", civic.FaultForm},
		{"number of seven digits", with(func(c *e911.Civic) { c.HNO = "1234567" }), "HNO", civic.FaultForm},
		{"an intersection", with(func(c *e911.Civic) { c.HNO = ""; c.RD = "Main & Elm" }), "RD", civic.FaultForm},
		{"a mail box", with(func(c *e911.Civic) { c.HNO = ""; c.RD = ""; c.POBOX = "PO Box 7" }), "POBOX", civic.FaultNotDispatchable},
		{"no city at all", with(func(c *e911.Civic) { c.A2, c.A3, c.PC = "", "", "" }), "A3", civic.FaultMissing},
		{"a control character", with(func(c *e911.Civic) { c.RD = "Main\x07" }), "RD", civic.FaultCharacters},
		{"a right-to-left mark", with(func(c *e911.Civic) { c.A3 = "\u202eegdirbmaC" }), "A3", civic.FaultCharacters},
		{"a zero-width space", with(func(c *e911.Civic) { c.A3 = "Cam\u200bbridge" }), "A3", civic.FaultCharacters},
		{"broken UTF-8", with(func(c *e911.Civic) { c.LOC = "behind \xff" }), "LOC", civic.FaultCharacters},
		{"an emoji", with(func(c *e911.Civic) { c.RD = "Main 😀" }), "RD", civic.FaultCharacters},
		{"10,000 characters", with(func(c *e911.Civic) { c.RD = strings.Repeat("x", 10000) }), "RD", civic.FaultLength},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := civic.Check(c.in)
			if r.Verdict != civic.Invalid || r.Dispatchable {
				t.Fatalf("verdict %s, dispatchable %v", r.Verdict, r.Dispatchable)
			}
			found := false
			for _, f := range r.Faults {
				found = found || f.Field == c.field && f.Kind == c.kind && !f.Doubt && f.Reason != ""
				if len(c.in.RD) < 5000 && c.in.RD != "" && strings.Contains(f.Reason, c.in.RD) {
					t.Errorf("the reason holds the address: %q", f.Reason)
				}
			}
			if !found {
				t.Errorf("faults %+v, want %s %s", r.Faults, c.field, c.kind)
			}
		})
	}
}

// Proves: F-05
func TestAPostalCodeAcrossTheBorderIsADoubt(t *testing.T) {
	c := e911.Civic{Country: "US", A1: "NH", A3: "Salem", HNO: "1", RD: "Main", STS: "Street", PC: "01844"} // Methuen, MA
	r := civic.Check(c)
	if r.Verdict != civic.Unverified || len(r.Faults) != 1 || !r.Faults[0].Doubt || r.Faults[0].Field != "PC" {
		t.Errorf("%+v", r)
	}
}

// Proves: N-38
func TestMissingListsWhatADispatcherLacks(t *testing.T) {
	for _, c := range []struct {
		in   e911.Civic
		want []string
	}{
		{mill(), nil},
		{with(func(c *e911.Civic) { c.FLR, c.ROOM = "", "" }), []string{"FLR"}},
		{e911.Civic{A1: "MA"}, []string{"A3", "RD", "HNO", "FLR"}},
		{e911.Civic{}, []string{"A1", "A3", "RD", "HNO", "FLR"}},
	} {
		if d := cmp.Diff(c.want, civic.Missing(c.in)); d != "" {
			t.Errorf("%+v (-want +got):\n%s", c.in, d)
		}
	}
}

// Proves: P-19
func TestCandidatesAreNotInvalidAndTellWhatChanged(t *testing.T) {
	list := civic.Candidates(with(func(c *e911.Civic) { c.A1 = "CA" })) // 02139 is in Massachusetts
	if len(list) != 2 || list[0].Address.A1 != "MA" || !cmp.Equal(list[0].Changed, []string{"A1"}) {
		t.Fatalf("%+v", list)
	}
	if !cmp.Equal(list[1].Changed, []string{"PC"}) || list[1].Address.A1 != "CA" {
		t.Errorf("%+v", list[1])
	}
	for _, c := range list {
		if civic.Check(c.Address).Verdict == civic.Invalid {
			t.Errorf("a candidate is invalid: %+v", c)
		}
	}
	if list := civic.Candidates(mill()); list != nil {
		t.Errorf("candidates for an address without a fault: %+v", list)
	}
	if list := civic.Candidates(with(func(c *e911.Civic) { c.RD = "" })); len(list) != 0 {
		t.Errorf("a street was invented: %+v", list)
	}
}

func sharedData(t *testing.T, parts ...string) [][]string {
	t.Helper()
	root := os.Getenv("CALLBOX_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(append([]string{root, "data"}, parts...)...))
	if err != nil {
		t.Skipf("reference data is not here: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// Proves: W-09
func TestEveryZIPCodeAgreesWithItsState(t *testing.T) {
	seen := map[string]bool{} // the first three digits decide
	for _, row := range sharedData(t, "zip-us-geonames", "us_zip.csv") {
		zip, state := row[0], row[2]
		if seen[zip[:3]+state] {
			continue
		}
		seen[zip[:3]+state] = true
		if _, ok := civic.StateOf(state); !ok {
			continue // military, or a country of its own in free association
		}
		c := with(func(c *e911.Civic) { c.PC, c.A1 = zip, state })
		if r := civic.Check(c); r.Verdict == civic.Invalid {
			t.Errorf("%s %s: %+v", zip, state, r.Faults)
		}
	}
}

// Proves: W-09
func TestEveryCanadianSortationAreaAgreesWithItsProvince(t *testing.T) {
	names := map[string]string{"Northwest Territory": "NT", "Nunavut Territory": "NU"}
	for _, row := range sharedData(t, "fsa-canada", "ca_fsa.csv") {
		code, ok := names[row[2]]
		if s, known := civic.StateOf(row[2]); known {
			code, ok = s.Code, true
		}
		if !ok {
			continue // a place name where the province should be
		}
		c := e911.Civic{Country: "CA", A1: code, A3: "Town", HNO: "1", RD: "Main", STS: "Street", PC: row[0] + " 1A1"}
		if r := civic.Check(c); r.Verdict == civic.Invalid {
			t.Errorf("%s %s: %+v", row[0], code, r.Faults)
		}
	}
}

// Proves: W-09
func TestEveryFormOfPublication28IsSpelledOut(t *testing.T) {
	full := map[string]string{}
	for _, row := range sharedData(t, "usps-pub28", "longhand_street_types.csv") {
		full[row[0]] = row[1]
	}
	got := func(sts string) string {
		c, _ := civic.Normalize(e911.Civic{Country: "US", RD: "Main", STS: sts})
		return c.STS
	}
	missing := 0
	for _, row := range sharedData(t, "usps-pub28", "street_type_abbreviations.csv") {
		// Every form of one standard abbreviation has one full word.
		if a, b := got(row[0]), got(row[1]); !strings.EqualFold(a, b) {
			t.Logf("%s is %q and %s is %q", row[0], a, row[1], b)
			missing++
		}
	}
	for abbreviation, word := range full {
		if w := got(abbreviation); !strings.EqualFold(w, word) && !strings.EqualFold(w+"s", word) {
			t.Logf("%s is %q, want %q", abbreviation, w, word)
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d forms are read otherwise", missing)
	}
	for _, row := range sharedData(t, "usps-pub28", "directional_replacements.csv") {
		c, _ := civic.Normalize(e911.Civic{RD: "Main", PRD: row[1]})
		if !strings.EqualFold(c.PRD, row[0]) {
			t.Errorf("%s is %q", row[1], c.PRD)
		}
	}
	for _, row := range sharedData(t, "usps-pub28", "state_abbreviations.csv") {
		if c, _ := civic.Normalize(e911.Civic{A1: row[0]}); c.A1 != row[1] {
			t.Errorf("%s is %q, want %s", row[0], c.A1, row[1])
		}
	}
}
