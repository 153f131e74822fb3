package heldplus_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// fewCodes is a civic.Postal of Cambridge and Boston.
type fewCodes struct{}

func (fewCodes) Places(code string) []civic.PostalPlace {
	switch code {
	case "02139", "02138":
		return []civic.PostalPlace{{A1: "MA", Name: "Cambridge"}}
	case "02210":
		return []civic.PostalPlace{{A1: "MA", Name: "Boston"}}
	}
	return nil
}

func (fewCodes) Codes(_, key string) []string {
	switch key {
	case "cambridge":
		return []string{"02138", "02139"}
	case "boston":
		return []string{"02210"}
	}
	return nil
}

func (f fewCodes) Count(a1, key string) int { return len(f.Codes(a1, key)) }

func (b *bench) set(token string, in heldplus.SetRequest) heldplus.SetAnswer {
	b.t.Helper()
	var a heldplus.SetAnswer
	if code := b.ask("POST", "/locations", token, netA, in, &a); code != http.StatusOK {
		b.t.Fatalf("%+v: %d", in, code)
	}
	return a
}

func verdicts(a *heldplus.SetAnswer) map[string]string {
	out := map[string]string{}
	for _, f := range a.Fields {
		out[f.Field] = f.Verdict
	}
	return out
}

func rulesOf(faults []heldplus.Fault) (out []string) {
	for _, f := range faults {
		out = append(out, f.Field+" "+f.Rule)
	}
	return out
}

// Proves: N-29, N-38, P-19
func TestAnAddressIsAnsweredFieldByField(t *testing.T) {
	b := newBench(t, func(c *heldplus.Config) { c.Postal = fewCodes{} })
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	for _, c := range []struct {
		name, text, status, verdict string
		display                     string
		fields                      map[string]string
		missing, faults, warnings   []string
		candidates                  [][]string // changed fields
	}{
		{
			name: "abbreviated, and all agrees", text: "12 n elm st apt 3 cambridge ma 02139", status: heldplus.StatusValidated, verdict: "unverified",
			display: "12 North elm Street, Apartment 3, cambridge, MA 02139",
			fields:  map[string]string{"country": "valid", "A1": "valid", "A3": "valid", "PC": "valid", "RD": "unchecked", "HNO": "unchecked", "PRD": "unchecked", "STS": "unchecked", "UNIT": "unchecked"},
		},
		{
			name: "what finds the caller is missing", text: "12 Elm St, Cambridge MA 02139", status: heldplus.StatusValidated, verdict: "unverified",
			display: "12 Elm Street, Cambridge, MA 02139", missing: []string{"FLR"},
		},
		{
			name: "a doubt with an answer", text: "12 Elm St Unit 3, Cambridge MA 02210", status: heldplus.StatusValidated, verdict: "unverified",
			display: "12 Elm Street, Unit 3, Cambridge, MA 02210", warnings: []string{"text.A3 disagrees"}, candidates: [][]string{{"A3"}, {"PC"}, {"PC"}},
		},
		{
			name: "the state of another code", text: "12 Elm St Unit 3, Cambridge NY 02139", status: heldplus.StatusInvalid, verdict: "invalid",
			fields: map[string]string{"PC": "invalid", "A1": "valid"}, faults: []string{"text.PC disagrees"}, candidates: [][]string{{"A1"}, {"PC"}}, missing: nil,
		},
		{
			name: "a post office box", text: "PO Box 12, Cambridge MA 02139", status: heldplus.StatusInvalid, verdict: "invalid",
			faults: []string{"text.RD required", "text.HNO required", "text.POBOX not_dispatchable"}, warnings: []string{"text note"}, missing: []string{"RD", "HNO", "FLR"},
		},
		{
			name: "another country", text: "Av. Reforma 222, Ciudad de México, México", status: heldplus.StatusInvalid, verdict: "invalid",
			faults: []string{"text.country outside_served_countries"},
		},
		{
			name: "direction marks are removed, with a note", text: "\u202e12 Elm St Unit 3, Cambridge MA 02139", status: heldplus.StatusValidated, verdict: "unverified",
			display: "12 Elm Street, Unit 3, Cambridge, MA 02139", warnings: []string{"text note"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := b.set(p.token, heldplus.SetRequest{Text: c.text})
			if a.Status != c.status || a.Verdict != c.verdict || a.Why == "" {
				t.Fatalf("%s %s %q: %+v", a.Status, a.Verdict, a.Why, a.Faults)
			}
			if c.display != "" && a.Location.Display != c.display {
				t.Errorf("%q, want %q", a.Location.Display, c.display)
			}
			for f, want := range c.fields {
				if got := verdicts(&a)[f]; got != want {
					t.Errorf("%s is %q, want %q", f, got, want)
				}
			}
			if c.missing != nil && !cmp.Equal(a.Missing, c.missing) {
				t.Errorf("missing %v, want %v", a.Missing, c.missing)
			}
			got := rulesOf(a.Faults)
			if c.faults != nil && c.name != "another country" && !cmp.Equal(got, c.faults) || c.name == "another country" && !slices.Contains(got, c.faults[0]) {
				t.Errorf("faults %v, want %v", got, c.faults)
			}
			if got := rulesOf(a.Warnings); c.warnings != nil && !cmp.Equal(got, c.warnings) {
				t.Errorf("warnings %v, want %v", got, c.warnings)
			}
			var changed [][]string
			for _, k := range a.Candidates {
				changed = append(changed, k.Changed)
			}
			if c.candidates != nil && !cmp.Equal(changed, c.candidates) {
				t.Errorf("candidates change %v, want %v", changed, c.candidates)
			}
		})
	}
}

// What was entered, by whom and what was found is kept beside the place, over a
// restart too.
//
// Proves: N-29, N-38
func TestWhatWasEnteredIsKeptWithItsVerdict(t *testing.T) {
	b := newBench(t)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	given := e911.Civic{A1: "ma", A3: "Cambridge", PC: "02139", HNO: "12", RD: "Elm St"}
	a := b.set(p.token, heldplus.SetRequest{Address: &given, Name: "Home"})
	if a.Personal == nil || a.Personal.Entered != "12 Elm St, Cambridge, ma 02139" || a.Personal.Display != "12 Elm Street, Cambridge, MA 02139" || !a.Personal.ValidatedAt.Equal(b.now) {
		t.Fatalf("%+v", a.Personal)
	}
	if !slices.Equal(a.Personal.Missing, []string{"FLR"}) || a.Location.Dispatchable {
		t.Errorf("a flat without its number: %+v %+v", a.Personal, a.Location)
	}
	var kept journal.Own
	for _, f := range b.facts.list() {
		if f.Kind == journal.OwnLocation {
			var err error
			if kept, err = journal.Decode[journal.Own](f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if v := kept.Validation; v.Verdict != e911.VerdictUnverified || v.Entered != given || v.By == "" || !v.At.Equal(b.now) || !slices.Contains(v.Unchecked, "RD") {
		t.Errorf("kept %+v", v)
	}
	b.restart()
	var list heldplus.PersonalList
	b.ask("GET", "/locations", p.token, netA, nil, &list)
	if len(list.Locations) != 1 || list.Locations[0].Entered != a.Personal.Entered || list.Locations[0].Verdict != string(locate.Unverified) {
		t.Errorf("after a restart: %+v", list)
	}
	house := b.set(p.token, heldplus.SetRequest{Address: &given, House: true})
	if !house.Location.Dispatchable || len(house.Missing) != 0 {
		t.Errorf("a house: %+v", house)
	}
	// Choosing it again judges it again, by what was entered.
	again := b.set(p.token, heldplus.SetRequest{Personal: &heldplus.PersonalChoice{ID: house.Personal.ID}})
	if again.Status != heldplus.StatusValidated || !again.Location.Dispatchable || again.Personal.Entered != a.Personal.Entered {
		t.Errorf("chosen again: %+v %+v", again.Location, again.Personal)
	}
}

// Proves: N-29, N-38, F-05
func TestAReferenceLayerSaysWhatIsThere(t *testing.T) {
	b := newBench(t)
	layer := gis.NewBuilder()
	elm := e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", PC: "02139", HNO: "12", RD: "Elm", STS: "Street"}
	for _, number := range []string{"12", "14"} {
		c := elm
		c.HNO = number
		if err := layer.Address(gis.AddressPoint{NGUID: "ap-" + number, Civic: c, Point: e911.Point{Lat: 42.36, Lon: -71.1}, Placement: "Structure"}); err != nil {
			t.Fatal(err)
		}
	}
	town := gis.Layer{
		Layer: e911.Layer{
			ID: "layer-1", Key: "cambridge-ma", Name: "Cambridge", Grade: e911.GradeAuthoritative, Version: 3, AsOf: b.now,
			Digest: strings.Repeat("0a", 32),
		},
		Content: layer.Build(),
	}
	w, err := b.holder.Load().Apply([]snapshot.Change{{Kind: e911.KindLayer, ID: "layer-1", Object: town}}, b.now)
	if err != nil {
		t.Fatal(err)
	}
	b.holder.Store(w)
	p, _ := b.signIn(clientA, "agent@harbor.example", laptopMAC)
	p.at(gwA, netA).report()
	a := b.set(p.token, heldplus.SetRequest{Text: "12 elm st unit 3 cambridge ma 02139"})
	if a.Status != heldplus.StatusValidated || a.Verdict != string(locate.Verified) || a.Location.Display != "12 Elm Street, Unit 3, Cambridge, MA 02139" || a.Location.Point == nil {
		t.Fatalf("%+v %+v", a, a.Location)
	}
	if a.Personal.Layer != "cambridge-ma" || a.Personal.LayerVersion != 3 || verdicts(&a)["HNO"] != "valid" {
		t.Errorf("%+v %v", a.Personal, a.Fields)
	}
	a = b.set(p.token, heldplus.SetRequest{Text: "13 Elm St, Cambridge MA 02139"})
	if a.Status != heldplus.StatusInvalid || verdicts(&a)["HNO"] != "invalid" || len(a.Faults) == 0 || len(a.Candidates) == 0 || !slices.Equal(a.Candidates[0].Changed, []string{"HNO"}) {
		t.Errorf("a number that is not there: %+v", a)
	}
}
