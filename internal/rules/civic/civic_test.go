package civic_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/wire/pidflo"
)

// mill is the address of the demonstration world.
func mill() e911.Civic {
	return e911.Civic{
		Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue",
		PC: "02139", BLD: "Mill 1", FLR: "2", ROOM: "210",
	}
}

func with(change func(*e911.Civic)) e911.Civic {
	c := mill()
	change(&c)
	return c
}

// Proves: E10, F-40
func TestDisplayIsWhatADispatcherReads(t *testing.T) {
	for _, c := range []struct {
		name string
		in   e911.Civic
		want string
	}{
		{"the demonstration address", mill(), "795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139"},
		{"words that stand in the value already", with(func(c *e911.Civic) { c.FLR, c.ROOM, c.WING = "2nd floor", "Room A", "East Wing" }), "795 Massachusetts Avenue, Mill 1, East Wing, 2nd floor, Room A, Cambridge, MA 02139"},
		{"all street parts", e911.Civic{HNP: "N6W2", HNO: "3001", HNS: "B", PRM: "Old", PRD: "North", STP: "Avenue", STPS: "of the", RD: "Oaks", POD: "West", POM: "Extension", A1: "WI", A3: "Lisbon"}, "N6W23001B Old North Avenue of the Oaks West Extension, Lisbon, WI"},
		{"a half house number", with(func(c *e911.Civic) { c.HNS = "1/2"; c.BLD = ""; c.FLR = ""; c.ROOM = "" }), "795 1/2 Massachusetts Avenue, Cambridge, MA 02139"},
		{"a unit with its own word", with(func(c *e911.Civic) { c.UNIT = "Suite 12"; c.BLD, c.FLR, c.ROOM = "", "", "" }), "795 Massachusetts Avenue, Suite 12, Cambridge, MA 02139"},
		{"a bare unit", with(func(c *e911.Civic) { c.UNIT = "12"; c.BLD, c.FLR, c.ROOM = "", "", "" }), "795 Massachusetts Avenue, Unit 12, Cambridge, MA 02139"},
		{"a milepost", e911.Civic{MP: "12.4", RD: "Interstate 90", A1: "MA", A2: "Berkshire County"}, "Milepost 12.4 Interstate 90, Berkshire County, MA"},
		{"the postal community where there is no town", e911.Civic{HNO: "1", RD: "Main", STS: "Street", A1: "MT", PCN: "Ringling", PC: "59642", PCE: "0001"}, "1 Main Street, Ringling, MT 59642-0001"},
		{"another country", e911.Civic{Country: "CA", A1: "ON", A3: "Ottawa", HNO: "111", RD: "Wellington", STS: "Street", PC: "K1A 0A9"}, "111 Wellington Street, Ottawa, ON K1A 0A9, CA"},
		{"line breaks and control characters vanish", with(func(c *e911.Civic) { c.LOC = "behind\r\nBcc: x\x00the door" }), "795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, behind Bcc: x the door, Cambridge, MA 02139"},
		{"nothing", e911.Civic{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := civic.Display(c.in); got != c.want {
				t.Errorf("Display = %q, want %q", got, c.want)
			}
		})
	}
}

// Proves: N-38, F-05, F-40
func TestDispatchableNeedsStreetAndDetail(t *testing.T) {
	for _, c := range []struct {
		name string
		in   e911.Civic
		want bool
	}{
		{"street, floor and room", mill(), true},
		{"the building's name is no detail", with(func(c *e911.Civic) { c.FLR, c.ROOM = "", "" }), false},
		{"a floor alone", with(func(c *e911.Civic) { c.ROOM = "" }), true},
		{"a description", with(func(c *e911.Civic) { c.FLR, c.ROOM, c.LOC = "", "", "loading dock" }), true},
		{"no house number", with(func(c *e911.Civic) { c.HNO = "" }), false},
		{"blank is not set", with(func(c *e911.Civic) { c.HNO = "  " }), false},
		{"a room without a street", e911.Civic{A1: "MA", A3: "Cambridge", ROOM: "210"}, false},
		{"a post office box", e911.Civic{A1: "MA", A3: "Cambridge", POBOX: "12", FLR: "1"}, false},
		{"a milepost stands for a number", e911.Civic{A1: "MA", A2: "Berkshire County", RD: "Interstate 90", MP: "12", LOC: "westbound"}, true},
		{"no town, no county, no postal code", e911.Civic{A1: "MA", HNO: "1", RD: "Main", ROOM: "1"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := civic.Dispatchable(c.in); got != c.want {
				t.Errorf("Dispatchable = %v, want %v", got, c.want)
			}
		})
	}
	if out := civic.Outdoors(mill()); civic.HasDetail(out) || out.BLD != "Mill 1" || !civic.HasStreet(out) {
		t.Errorf("Outdoors = %+v, want street and building alone", out)
	}
}

// Proves: N-35, E10
func TestSpeakReadsDigitsOneByOne(t *testing.T) {
	for _, c := range []struct {
		name string
		in   e911.Civic
		want string
	}{
		{"the demonstration address", mill(), "seven nine five Massachusetts Avenue, Mill one, floor two, room two one zero, Cambridge, Massachusetts, zip code zero two one three nine"},
		{"abbreviations in full", with(func(c *e911.Civic) { c.PRD, c.STS, c.BLD = "N.", "ave", "" }), "seven nine five North Massachusetts Avenue, floor two, room two one zero, Cambridge, Massachusetts, zip code zero two one three nine"},
		{"letters and digits mixed", with(func(c *e911.Civic) { c.ROOM, c.FLR, c.BLD = "B-21a", "", "" }), "seven nine five Massachusetts Avenue, room B two one a, Cambridge, Massachusetts, zip code zero two one three nine"},
		{"an ordinal street stays one number", e911.Civic{HNO: "350", PRD: "W", RD: "42nd", STS: "St", A1: "NY", A3: "New York", PC: "10036"}, "three five zero West 42nd Street, New York, New York, zip code one zero zero three six"},
		{"signs and accents", e911.Civic{HNO: "1", RD: "Père Marquette", A1: "MI", A3: "Sault & Co.", LOC: "door #2, left/right"}, "one Pere Marquette, door number two, left right, Sault and Co, Michigan"},
		{"a nine-digit postal code pauses", e911.Civic{A1: "MT", A3: "Ringling", PC: "59642", PCE: "0001"}, "Ringling, Montana, zip code five nine six four two, zero zero zero one"},
		{"a Canadian postal code", e911.Civic{Country: "CA", A1: "ON", A3: "Ottawa", PC: "K1A 0A9"}, "Ottawa, Ontario, postal code K one A zero A nine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := civic.Speak(c.in); got != c.want {
				t.Errorf("Speak = %q\nwant    %q", got, c.want)
			}
		})
	}
	for in, want := range map[e911.Number]string{
		"+16175550111":  "six one seven, five five five, zero one one one",
		"+442079460000": "plus four four two, zero seven nine, four six zero, zero zero zero",
		"4711":          "four seven one one",
		"":              "",
	} {
		if got := civic.SpeakNumber(in); got != want {
			t.Errorf("SpeakNumber(%s) = %q, want %q", in, got, want)
		}
	}
}

// Proves: E10
func TestSpeechIsPlainWordsWhateverTheAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c e911.Civic
		for _, f := range []string{"HNO", "RD", "STS", "FLR", "ROOM", "LOC", "A3", "A1", "PC"} {
			c.Set(f, rapid.String().Draw(t, f))
		}
		got := civic.Speak(c)
		for word := range strings.FieldsSeq(got) {
			w := strings.ToLower(strings.Trim(word, ","))
			if strings.ContainsAny(w, "0123456789") && !strings.HasSuffix(w, "st") && !strings.HasSuffix(w, "nd") && !strings.HasSuffix(w, "rd") && !strings.HasSuffix(w, "th") {
				t.Fatalf("Speak = %q: %q holds a digit", got, word)
			}
		}
		for _, r := range got {
			if r > unicode.MaxASCII || (unicode.IsPunct(r) && r != ',' && r != '\'') || unicode.IsControl(r) {
				t.Fatalf("Speak = %q holds %q", got, r)
			}
		}
	})
}

// Proves: E10, F-26
func TestAddressesComeBackFromPIDFLO(t *testing.T) {
	var want e911.Civic
	for i, name := range e911.CivicFieldNames() {
		want.Set(name, name+" value "+string(rune('a'+i%26)))
	}
	want.Country = "US"
	doc := &pidflo.Document{Entity: "pres:a@example.com", Elements: []pidflo.Element{{
		ID: "d", Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Civic: civic.ToPIDF(want)}}}},
	}}}
	written, err := pidflo.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	back, err := pidflo.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, civic.FromPIDF(back.Elements[0].Geopriv[0].Civic())); diff != "" {
		t.Errorf("address after writing and reading (-want +got):\n%s", diff)
	}
	if civic.ToPIDF(e911.Civic{}) != nil || !civic.FromPIDF(nil).Empty() {
		t.Error("an empty address is not nil in PIDF-LO")
	}
	split := &pidflo.Civic{}
	split.Set("UNIT_PRETYPE", "Suite")
	split.Set("UNIT_VALUE", "12")
	split.Set("country", "us")
	split.Set("A6", "Main")
	if got, want := civic.FromPIDF(split), (e911.Civic{Country: "US", UNIT: "Suite 12", RD: "Main"}); got != want {
		t.Errorf("FromPIDF = %+v, want %+v", got, want)
	}
}

// Proves: N-38
func TestStatesByCodeNameAndFIPS(t *testing.T) {
	for _, in := range []string{"MA", "ma ", "Massachusetts"} {
		if s, ok := civic.StateOf(in); !ok || s.FIPS != "25" {
			t.Errorf("StateOf(%q) = %+v, %v, want Massachusetts", in, s, ok)
		}
	}
	if s, ok := civic.StateByFIPS("25"); !ok || s.Code != "MA" {
		t.Errorf("StateByFIPS(25) = %+v, %v", s, ok)
	}
	for _, in := range []string{"", "Atlantis"} {
		if s, ok := civic.StateOf(in); ok {
			t.Errorf("StateOf(%q) = %+v, want none", in, s)
		}
		if s, ok := civic.StateByFIPS(in); ok {
			t.Errorf("StateByFIPS(%q) = %+v, want none", in, s)
		}
	}
}
