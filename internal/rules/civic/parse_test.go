package civic_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// us adds the country and a city in Massachusetts to street fields.
func us(c e911.Civic) e911.Civic {
	c.Country, c.A1, c.A3, c.PC = "US", "MA", "Cambridge", "02139"
	return c
}

// Proves: W-09
func TestParseReadsStreetLinesAsCLDXFHasThem(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       e911.Civic
	}{
		{"type and directional before", "12 N. Main St.", e911.Civic{HNO: "12", PRD: "North", RD: "Main", STS: "Street"}},
		{"directional behind", "1800 M Street NW", e911.Civic{HNO: "1800", RD: "M", STS: "Street", POD: "Northwest"}},
		{"directional of two words", "972 Donnelly Ave S. W.", e911.Civic{HNO: "972", RD: "Donnelly", STS: "Avenue", POD: "Southwest"}},
		{"a directional that is the name", "104 South Blvd", e911.Civic{HNO: "104", RD: "South", STS: "Boulevard"}},
		{"a directional before a directional name", "3 E North Ave", e911.Civic{HNO: "3", PRD: "East", RD: "North", STS: "Avenue"}},
		{"no type", "1585 Broadway", e911.Civic{HNO: "1585", RD: "Broadway"}},
		{"two types", "318 Grant Avenue Cir", e911.Civic{HNO: "318", RD: "Grant Avenue", STS: "Circle"}},
		{"a street named after a saint", "5544 St Charles Rd", e911.Civic{HNO: "5544", RD: "St Charles", STS: "Road"}},
		{"pre-type with separator", "1120 Ave of the Americas", e911.Civic{HNO: "1120", STP: "Avenue", STPS: "of the", RD: "Americas"}},
		{"pre-type with letter", "3640 Avenue E", e911.Civic{HNO: "3640", STP: "Avenue", RD: "E"}},
		{"Spanish pre-type with a directional behind", "12 Paseo del Norte NE", e911.Civic{HNO: "12", STP: "Paseo", STPS: "del", RD: "Norte", POD: "Northeast"}},
		{"Spanish pre-type", "9221 E Via de Ventura", e911.Civic{HNO: "9221", PRD: "East", STP: "Via", STPS: "de", RD: "Ventura"}},
		{"numbered highway", "254 U.S. Hwy No. 202", e911.Civic{HNO: "254", STP: "US Highway", RD: "202"}},
		{"state route with directional", "10 SR 20 E", e911.Civic{HNO: "10", STP: "State Route", RD: "20", POD: "East"}},
		{"county road with letters", "1224 County Road DV", e911.Civic{HNO: "1224", STP: "County Road", RD: "DV"}},
		{"farm to market road", "77 FM 1960", e911.Civic{HNO: "77", STP: "Farm to Market Road", RD: "1960"}},
		{"old highway", "135 W Old US Highway 90", e911.Civic{HNO: "135", PRM: "Old", PRD: "West", STP: "US Highway", RD: "90"}},
		{"a county line is no county road", "5 County Line Rd", e911.Civic{HNO: "5", RD: "County Line", STS: "Road"}},
		{"fraction", "2615 1/2 Gary Ave", e911.Civic{HNO: "2615", HNS: "1/2", RD: "Gary", STS: "Avenue"}},
		{"fraction as one character", "2615½ Gary Ave", e911.Civic{HNO: "2615", HNS: "1/2", RD: "Gary", STS: "Avenue"}},
		{"letter behind the number", "1809 C Cross Beam Dr", e911.Civic{HNO: "1809", HNS: "C", RD: "Cross Beam", STS: "Drive"}},
		{"hyphenated number (Queens)", "32-10 Queens Blvd", e911.Civic{HNP: "32-", HNO: "10", RD: "Queens", STS: "Boulevard"}},
		{"number range", "8938-40 S Ashland Ave", e911.Civic{HNO: "8938", HNS: "-40", PRD: "South", RD: "Ashland", STS: "Avenue"}},
		{"grid number (Wisconsin)", "N6W23001 Bluemound Rd", e911.Civic{HNP: "N6W", HNO: "23001", RD: "Bluemound", STS: "Road"}},
		{"grid number with letters and digits on both axes", "N112W15237 Mequon Rd", e911.Civic{HNP: "N112W", HNO: "15237", RD: "Mequon", STS: "Road"}},
		{"grid number whose prefix ends in a digit", "N6W2 3001 Bluemound Rd", e911.Civic{HNP: "N6W2", HNO: "3001", RD: "Bluemound", STS: "Road"}},
		{"grid number of two words", "W148 N9748 Tree Tops Dr", e911.Civic{HNP: "W148 N", HNO: "9748", RD: "Tree Tops", STS: "Drive"}},
		{"grid street (Utah)", "123 S 900 E", e911.Civic{HNO: "123", PRD: "South", RD: "900", POD: "East"}},
		{"number in words", "One S Wacker Dr", e911.Civic{HNO: "1", PRD: "South", RD: "Wacker", STS: "Drive"}},
		{"suite", "1 Main St Ste 1400", e911.Civic{HNO: "1", RD: "Main", STS: "Street", UNIT: "Suite 1400"}},
		{"number sign", "1 Main St # 3-300", e911.Civic{HNO: "1", RD: "Main", STS: "Street", UNIT: "3-300"}},
		{"bare unit", "1 Main St 4B", e911.Civic{HNO: "1", RD: "Main", STS: "Street", UNIT: "4B"}},
		{"building, floor and room", "1 Main St, Bldg 4, 2nd Fl, Rm 210", e911.Civic{HNO: "1", RD: "Main", STS: "Street", BLD: "Building 4", FLR: "2", ROOM: "210"}},
		{"floor in words", "1 Main St Second Floor", e911.Civic{HNO: "1", RD: "Main", STS: "Street", FLR: "2"}},
		{"firm before the number", "Acme Corp, 1 Main St", e911.Civic{NAM: "Acme Corp", HNO: "1", RD: "Main", STS: "Street"}},
		{"building before the number", "Union Tower, 1 Main St", e911.Civic{BLD: "Union Tower", HNO: "1", RD: "Main", STS: "Street"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, text := range []string{c.line + ", Cambridge, MA 02139", c.line + "\nCambridge MA 02139", strings.ToUpper(c.line) + ", Cambridge, Massachusetts, 02139, USA"} {
				p, _ := civic.Parse(text, civic.Hint{})
				if p.Kind != civic.KindStreet {
					t.Errorf("%q is %s", text, p.Kind)
				}
				got, want := p.Address, us(c.want)
				if strings.ToUpper(c.line) == text[:len(c.line)] { // letter case is kept as entered
					if civic.Compare(got, want).Sameness != civic.Same {
						t.Errorf("%q:\n%s", text, cmp.Diff(want, got))
					}
					continue
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%q (-want +got):\n%s", text, d)
				}
			}
		})
	}
}

// Proves: W-09
func TestParseReadsCanadaInBothLanguages(t *testing.T) {
	for _, c := range []struct {
		text string
		hint civic.Hint
		want e911.Civic
	}{
		{"111 Wellington St, Ottawa ON K1A 0A9", civic.Hint{}, e911.Civic{Country: "CA", A1: "ON", A3: "Ottawa", PC: "K1A 0A9", HNO: "111", RD: "Wellington", STS: "Street"}},
		{"1250, boul. René-Lévesque O, bureau 3600, Montréal (Québec) H3B 4W8", civic.Hint{}, e911.Civic{Country: "CA", A1: "QC", A3: "Montréal", PC: "H3B 4W8", HNO: "1250", STP: "Boulevard", RD: "René-Lévesque", POD: "Ouest", UNIT: "Office 3600"}},
		{"12 rue de la Commune Ouest, Montréal QC h2y2e2 Canada", civic.Hint{}, e911.Civic{Country: "CA", A1: "QC", A3: "Montréal", PC: "H2Y 2E2", HNO: "12", STP: "Rue", STPS: "de la", RD: "Commune", POD: "Ouest"}},
		{"45 12e Avenue Nord, Sherbrooke QC J1E 2X1", civic.Hint{}, e911.Civic{Country: "CA", A1: "QC", A3: "Sherbrooke", PC: "J1E 2X1", HNO: "45", RD: "12e", STS: "Avenue", POD: "Nord"}},
		{"7 ch. du Golf, Moncton NB E1C 1A1", civic.Hint{Language: "fr"}, e911.Civic{Country: "CA", A1: "NB", A3: "Moncton", PC: "E1C 1A1", HNO: "7", STP: "Chemin", STPS: "du", RD: "Golf"}},
		{"6789 Highway 7 E, Markham, Ontario L3P 3B1", civic.Hint{}, e911.Civic{Country: "CA", A1: "ON", A3: "Markham", PC: "L3P 3B1", HNO: "6789", STP: "Highway", RD: "7", POD: "East"}},
	} {
		p, _ := civic.Parse(c.text, c.hint)
		if d := cmp.Diff(c.want, p.Address); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, d)
		}
	}
}

// Proves: W-09
func TestTheCityBehindABoxNeedsNoComma(t *testing.T) {
	for text, want := range map[string]e911.Civic{
		"PO Box 123 Erie PA":                {Country: "US", A1: "PA", A3: "Erie", POBOX: "PO Box 123"},
		"Dept 77 P.O. Box 123 Erie PA":      {Country: "US", A1: "PA", A3: "Erie", POBOX: "P.O Box 123", UNIT: "Department 77"},
		"RR #3 Box 12A Erie PA":             {Country: "US", A1: "PA", A3: "Erie", POBOX: "RR # 3 Box 12A"},
		"Box No. 12 Erie PA":                {Country: "US", A1: "PA", A3: "Erie", POBOX: "Box No 12"},
		"Drawer CS 198422 Atlanta GA 30384": {Country: "US", A1: "GA", A3: "Atlanta", PC: "30384", POBOX: "Drawer CS 198422"},
	} {
		p, _ := civic.Parse(text, civic.Hint{})
		if d := cmp.Diff(want, p.Address); d != "" || p.Kind != civic.KindMailbox {
			t.Errorf("%q is %s (-want +got):\n%s", text, p.Kind, d)
		}
	}
}

// Proves: W-09, N-38
func TestWhatNobodyCanBeSentToIsRecognised(t *testing.T) {
	for text, want := range map[string]civic.Kind{
		"PO Box 460, Western Springs, IL 60558":             civic.KindMailbox,
		"P. O. Box 12 Helena MT 59601":                      civic.KindMailbox,
		"RR 2 Box 99, Ely MN 55731":                         civic.KindMailbox,
		"HC 69 Box 4, Ely MN 55731":                         civic.KindMailbox,
		"PSC 3 Box 1200, APO AE 09021":                      civic.KindMilitary,
		"79th St & Joliet Rd, Chicago IL":                   civic.KindIntersection,
		"Corner of Cave and Zerkel, Mount Jackson VA 22842": civic.KindIntersection,
		"Union Station, Washington, DC 20001":               civic.KindPlace,
		"Anchor Point, AK 99556":                            civic.KindPlace,
		"":                                                  civic.KindNone,
		" , ;\n":                                            civic.KindNone,
	} {
		p, notes := civic.Parse(text, civic.Hint{})
		if p.Kind != want {
			t.Errorf("%q is %s, want %s: %+v", text, p.Kind, want, p.Address)
		}
		if want != civic.KindNone && want != civic.KindPlace && len(notes) == 0 {
			t.Errorf("%q: no note says why nobody can be sent there", text)
		}
		if r := civic.Check(p.Address); r.Verdict != civic.Invalid && want != civic.KindPlace {
			t.Errorf("%q: verdict %s", text, r.Verdict)
		}
	}
	p, _ := civic.Parse("79th St & Joliet Rd, Chicago IL", civic.Hint{})
	if p.Address.RD != "79th" || p.Cross.RD != "Joliet" || p.Cross.STS != "Road" || p.Address.A3 != "Chicago" {
		t.Errorf("the two streets: %+v and %+v", p.Address, p.Cross)
	}
}

// Proves: W-09
func TestNormalizeMakesOneFormOfManySpellings(t *testing.T) {
	want := e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", PC: "02139", PCE: "1234", HNO: "795", PRD: "North", RD: "Main", STS: "Street", FLR: "2", ROOM: "210"}
	for _, in := range []e911.Civic{
		want,
		{Country: "usa", A1: "Massachusetts", A3: " Cambridge ", PC: "02139-1234", HNO: "795", RD: "N Main St", FLR: "2nd Floor", ROOM: "Rm 210"},
		{A1: "Mass.", A3: "Cambridge,", PC: "021391234", HNO: "795", PRD: "n.", RD: "Main", STS: "str", FLR: "Fl. 2", ROOM: "210"},
		{A1: "ma", A3: "Cambridge", PC: "2139", PCE: "1234", RD: "795 North Main Street", UNIT: "Floor 2, Rm 210"},
	} {
		got, _ := civic.Normalize(in)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%+v (-want +got):\n%s", in, d)
		}
	}
}

var pieces = []string{
	"795", "12A", "1/2", "N6W23001", "32-10", "-5", "0", "One", "N", "S.", "NE", "West", "Main", "St", "St.", "Ave", "of", "the", "Highway", "US", "County", "Road", "7",
	"Suite", "#", "4B", "Fl", "2nd", "Floor", "Rm", "Bldg", "PO", "Box", "RR", "&", "and", "at", "Corner", ",", "\n", "Boston", "New", "York", "MA", "Quebec", "QC",
	"02139", "02139-1234", "H3B", "4W8", "Canada", "rue", "de", "la", "boul.", "Ouest", "Inc", "Tower", "c/o", "½", "é", "😀", "Ст", "\u202e", "\x00", "-", "(", ")", "'", ".", "Old", "La", "Fort", "Apt", "C", "R",
}

// Proves: W-09
func TestNormalizeOfItsOwnResultChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 14).Draw(t, "words"), " ")
		p, _ := civic.Parse(text, civic.Hint{})
		again, _ := civic.Normalize(p.Address)
		if d := cmp.Diff(p.Address, again); d != "" {
			t.Fatalf("%q: %s", text, d)
		}
		if r := civic.Check(p.Address); r.Verdict != civic.Invalid && r.Verdict != civic.Unverified {
			t.Fatalf("%q: verdict %s", text, r.Verdict)
		}
		if got := civic.Compare(p.Address, again); got.Sameness != civic.Same && p.Address.RD != "" {
			t.Fatalf("%q: not the same as itself: %+v", text, got)
		}
	})
}

// Proves: W-09
func TestParseLosesNoWord(t *testing.T) {
	for _, text := range []string{
		"Qwertz Uiop 7 Asdf Lane Yxcv, Zzxc Vbnm, Poiu Lkj MA 02139", "Blue door behind the barn, off Hidden Hollow, Acton MA",
		"5 Main St basement left, ring twice, Salem MA 01970", "Zzyzx", "Room 5 Hall 7 Gate 9",
	} {
		p, _ := civic.Parse(text, civic.Hint{})
		all := strings.ToLower(civic.Display(p.Address) + " " + p.Address.NAM + " " + p.Address.LOC + " " + p.Address.POBOX + " " + civic.Street(p.Cross))
		for w := range strings.FieldsSeq(strings.ToLower(strings.ReplaceAll(text, ",", " "))) {
			if !strings.Contains(all, w) && w != "st" {
				t.Errorf("%q: %q is lost: %+v", text, w, p.Address)
			}
		}
	}
}

// Proves: E10
func TestBadInputIsRefusedOrReadWithoutPanic(t *testing.T) {
	long := strings.Repeat("Main Street ", 900)
	if p, notes := civic.Parse(long, civic.Hint{}); p.Kind != civic.KindNone || len(notes) == 0 {
		t.Errorf("10,800 characters: %s, %v", p.Kind, notes)
	}
	for _, text := range []string{"12 Main\u202e St, Boston MA", "12 Main\x00St, Boston MA", "12 Main\u200b St, Boston MA", "12 Main \xff St, Boston MA"} {
		p, notes := civic.Parse(text, civic.Hint{})
		if len(notes) == 0 || strings.ContainsAny(civic.Display(p.Address), "\u202e\x00\u200b") || !utf8.ValidString(civic.Display(p.Address)) || p.Address.HNO != "12" {
			t.Errorf("%q: %+v, %v", text, p.Address, notes)
		}
	}
	for text, hno := range map[string]string{"0 Main St, Boston MA": "0", "-5 Main St, Boston MA": "-5"} {
		p, notes := civic.Parse(text, civic.Hint{})
		if p.Address.HNO != hno || len(notes) == 0 || civic.Check(p.Address).Verdict != civic.Invalid {
			t.Errorf("%q: %+v, %v", text, p.Address, notes)
		}
	}
	if p, _ := civic.Parse("1/2 Main St, Boston MA", civic.Hint{}); civic.Check(p.Address).Verdict != civic.Invalid {
		t.Errorf("house number 1/2: %+v", p.Address)
	}
	p, notes := civic.Parse("12 Улица Main 😀, Boston MA", civic.Hint{})
	if len(notes) == 0 || civic.Check(p.Address).Verdict != civic.Invalid {
		t.Errorf("emoji: %+v %v", p.Address, notes)
	}
}

// Proves: E10
func TestTheWorstTextTakesNoLonger(t *testing.T) {
	worst := time.Duration(0)
	for _, w := range pieces {
		text := strings.Repeat(w+" ", civic.MaxText)[:civic.MaxText]
		begin := time.Now()
		civic.Parse(text, civic.Hint{})
		worst = max(worst, time.Since(begin))
	}
	if worst > 300*time.Millisecond {
		t.Errorf("a text of %d bytes took %v", civic.MaxText, worst)
	}
	t.Logf("the slowest of %d texts of %d bytes took %v", len(pieces), civic.MaxText, worst)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"795 Massachusetts Ave, Cambridge, MA 02139", "RR 2 Box 9", "12 rue de la Commune O, Montréal QC H2Y 2E2", "# ", "&", "N S", "Corner of", "PO", "1 # ", "St St", "\xff,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, _ := civic.Parse(s, civic.Hint{})
		fr, _ := civic.Parse(s, civic.Hint{Country: "CA", Language: "fr"})
		civic.Check(p.Address)
		civic.Compare(p.Address, fr.Address)
		n, _ := civic.Normalize(e911.Civic{RD: s, HNO: s, UNIT: s, FLR: s, BLD: s, A1: s, PC: s, STP: s, STS: s, PRD: s})
		civic.Check(n)
		if again, _ := civic.Normalize(p.Address); again != p.Address {
			t.Errorf("%q: %s", s, cmp.Diff(p.Address, again))
		}
	})
}
