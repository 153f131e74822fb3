package testcall

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
)

var mill = e911.Place{Dispatchable: true, Civic: e911.Civic{
	Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue",
	PC: "02139", BLD: "Mill 1", FLR: "2", ROOM: "210",
}}

// Proves: W-50, N-14, F-20, E12
func TestWhatIsRead(t *testing.T) {
	tests := []struct {
		name string
		in   Readback
		want []string
	}{
		{
			"number, callback, address and PSAP",
			Readback{Number: "+16175550111", Callback: "+16175550100", Place: mill, PSAPName: "Middlesex", SiteName: "Head office"},
			[]string{
				"This is a test.", "Nine one one was not called.",
				"You are calling from six one seven, five five five, zero one one one.",
				"Nine one one would call you back at six one seven, five five five, zero one zero zero.",
				"Your location is seven nine five Massachusetts Avenue, Mill one, floor two, room two one zero, Cambridge, Massachusetts, zip code zero two one three nine.",
				"A call to nine one one would go to Middlesex.",
			},
		},
		{
			"nothing is known: the relay centre",
			Readback{SiteName: "Head office"},
			[]string{
				"This is a test.", "Nine one one was not called.",
				"The number that you are calling from is not known.",
				"Nine one one would have no number to call you back at.",
				"Your location is not known.", "Your site is Head office.",
				"A call to nine one one would go to a relay center, where you would be asked where you are.",
			},
		},
		{
			"a demonstration, and a relay centre although the place is known",
			Readback{Number: "+436641234567", Callback: "4711", Place: mill, Relay: true, PSAPName: "Relay centre (demonstration)", Demonstration: true},
			[]string{
				"This is a test.", "Nine one one was not called.", "This is a demonstration, it cannot reach nine one one.",
				"You are calling from plus four three six, six four one, two three four, five six seven.",
				"Nine one one would call you back at four seven one one.",
				"Your location is seven nine five Massachusetts Avenue, Mill one, floor two, room two one zero, Cambridge, Massachusetts, zip code zero two one three nine.",
				"A call to nine one one would go to a relay center, where you would be asked where you are.",
			},
		},
		{
			"a point with its uncertainty",
			Readback{Number: "+16175550111", Callback: "+16175550111", PSAPName: "Middlesex", Place: e911.Place{
				Area: &e911.Area{Point: e911.Point{Lat: 42.36684, Lon: -71.10565}, RadiusM: 49.2},
			}},
			[]string{
				"This is a test.", "Nine one one was not called.",
				"You are calling from six one seven, five five five, zero one one one.",
				"Nine one one would call you back at six one seven, five five five, zero one one one.",
				"Your location is known only as a point on the map.",
				"It is at latitude four two point three six six eight north, longitude seven one point one zero five six west, within five zero meters.",
				"This location may not be exact enough to find you.",
				"A call to nine one one would go to Middlesex.",
			},
		},
		{
			"a street address without a room",
			Readback{Number: "+16175550111", Callback: "+16175550111", Place: e911.Place{Civic: e911.Civic{HNO: "1", RD: "Main", STS: "Street", A3: "Boston", A1: "MA"}}},
			[]string{
				"This is a test.", "Nine one one was not called.",
				"You are calling from six one seven, five five five, zero one one one.",
				"Nine one one would call you back at six one seven, five five five, zero one one one.",
				"Your location is one Main Street, Boston, Massachusetts.",
				"This location may not be exact enough to find you.",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, l := range tt.in.lines() {
				got = append(got, l.say)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

// speakable is what the voice takes and a listener can cut apart again: short,
// plain ASCII, one full stop, at the end.
func speakable(s string) bool {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return len(s) <= 600 && strings.Index(s, ".") == len(s)-1
}

// Proves: W-50, F-38
func TestEverySentenceCanBeSpokenAndToldApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Readback{
			Number: e911.Number(rapid.StringMatching(`\+?[0-9]{0,15}`).Draw(t, "number")), SiteName: rapid.String().Draw(t, "site"),
			PSAPName: rapid.String().Draw(t, "psap"), Relay: rapid.Bool().Draw(t, "relay"),
		}
		for _, f := range []string{"HNO", "RD", "STS", "BLD", "FLR", "ROOM", "LOC", "A3", "A1", "PC"} {
			r.Place.Civic.Set(f, strings.Repeat(rapid.String().Draw(t, f), rapid.IntRange(1, 30).Draw(t, f+" times")))
		}
		if rapid.Bool().Draw(t, "point") {
			r.Place.Area = &e911.Area{RadiusM: rapid.Float64Range(0, 1e7).Draw(t, "radius")}
		}
		for _, l := range r.lines() {
			if !speakable(l.say) {
				t.Fatalf("cannot be spoken: %q", l.say)
			}
		}
	})
	for _, s := range Sentences() {
		if !speakable(strings.TrimSuffix(s, ".") + ".") {
			t.Errorf("cannot be spoken: %q", s)
		}
	}
}

// Proves: W-50
func TestALongAddressIsSaidWhole(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat("behind the third door on the left, ", 20), ", ")
	var words []string
	for i, l := range sentences(sayLocationIs, long, sayUnreadable) {
		if len(l.say) > longest+2 {
			t.Errorf("%d bytes in a sentence", len(l.say))
		}
		if (i == 0) != (len(l.instead) == 1) {
			t.Errorf("sentence %d has %q instead of it", i, l.instead)
		}
		words = append(words, strings.Fields(strings.TrimSuffix(l.say, "."))...)
	}
	got := strings.ReplaceAll(strings.Join(words, " "), ",", "")
	if want := sayLocationIs + " " + strings.ReplaceAll(long, ",", ""); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}
