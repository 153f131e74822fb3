package testcall

import (
	"fmt"
	"math"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// What is said whatever the caller. All of it is made when speech starts.
const (
	sayTest          = "This is a test."
	sayNotCalled     = "Nine one one was not called."
	sayDemonstration = "This is a demonstration, it cannot reach nine one one."
	sayNumberIs      = "You are calling from"
	sayNoNumber      = "The number that you are calling from is not known."
	sayCallbackIs    = "Nine one one would call you back at"
	sayNoCallback    = "Nine one one would have no number to call you back at."
	sayLocationIs    = "Your location is"
	sayPointOnly     = "Your location is known only as a point on the map."
	sayInexact       = "This location may not be exact enough to find you."
	sayNoLocation    = "Your location is not known."
	sayRelay         = "A call to nine one one would go to a relay center, where you would be asked where you are."
	sayUnreadable    = "Your location cannot be read out now, please call nine three three again later."
	sayAgain         = "Press one to hear this again."
	sayRepeat        = "I will say this again."
	sayGoodbye       = "Goodbye."
)

// digitWords are those of civic.SpeakNumber.
var digitWords = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "plus"}

// Sentences are the fixed ones, for voice.Config.Fixed: the most needed first.
func Sentences() []string {
	all := []string{
		sayTest, sayNotCalled, sayDemonstration, sayNumberIs, sayCallbackIs, sayUnreadable, sayAgain, sayGoodbye,
		sayNoNumber, sayNoCallback, sayNoLocation, sayRelay, sayInexact, sayRepeat, sayPointOnly,
	}
	return append(all, digitWords...)
}

// Readback is what to read out: what a 911 call of this caller would send now.
type Readback struct {
	// Caller names who is limited in the number of tests: the device where it is
	// known, else the line, else the trunk. Empty: the host that called.
	Caller string

	Number   e911.Number // of the caller's line; empty: not known
	Callback e911.Number // given to 911; empty: none
	Place    e911.Place  // as it would be sent; without address and area: not known
	SiteName string      // said when the place is not known
	PSAPName string      // where the call would go; empty: not said
	Relay    bool        // it would go to the relay centre
	// Demonstration organisations reach nothing real, and say so (E12).
	Demonstration bool
}

// line is a piece of the reading. Where the worker cannot speak it in time,
// instead is said from what was made at start; empty leaves the line out.
type line struct {
	say     string
	instead []string
}

// lines is the reading, without the offer to repeat it.
func (r Readback) lines() []line {
	all := []line{{say: sayTest}, {say: sayNotCalled}}
	if r.Demonstration {
		all = append(all, line{say: sayDemonstration})
	}
	all = append(all, number(sayNumberIs, r.Number, sayNoNumber), number(sayCallbackIs, r.Callback, sayNoCallback))
	all = append(all, r.location()...)
	if name := civic.Speak(e911.Civic{NAM: r.PSAPName}); name != "" && !r.Relay {
		all = append(all, sentences("A call to nine one one would go to", name, "")...)
	}
	return all
}

func number(is string, n e911.Number, none string) line {
	words := civic.SpeakNumber(n)
	if words == "" {
		return line{say: none}
	}
	return line{say: is + " " + words + ".", instead: append([]string{is}, strings.Fields(strings.ReplaceAll(words, ",", ""))...)}
}

func (r Readback) location() []line {
	var all []line
	words := civic.Speak(r.Place.Civic)
	switch {
	case words != "":
		all = sentences(sayLocationIs, words, sayUnreadable)
		if !r.Place.Dispatchable {
			all = append(all, line{say: sayInexact})
		}
	case r.Place.Area != nil:
		all = append(all, line{say: sayPointOnly})
		all = append(all, sentences("It is at", area(*r.Place.Area), "")...)
		all = append(all, line{say: sayInexact})
	default:
		all = append(all, line{say: sayNoLocation})
		if name := civic.Speak(e911.Civic{NAM: r.SiteName}); name != "" {
			all = append(all, sentences("Your site is", name, "")...)
		}
	}
	if r.Relay || (words == "" && r.Place.Area == nil && r.PSAPName == "") {
		all = append(all, line{say: sayRelay})
	}
	return all
}

// area says a position with four decimals, some ten metres, and its uncertainty.
func area(a e911.Area) string {
	degrees := func(v float64, positive, negative string) string {
		side := positive
		if v < 0 {
			side = negative
		}
		whole, part, _ := strings.Cut(fmt.Sprintf("%.4f", math.Abs(v)), ".")
		return digits(whole) + " point " + digits(part) + " " + side
	}
	s := "latitude " + degrees(a.Lat, "north", "south") + ", longitude " + degrees(a.Lon, "east", "west")
	if a.RadiusM > 0 {
		s += ", within " + digits(fmt.Sprintf("%.0f", math.Ceil(a.RadiusM))) + " meters"
	}
	return s
}

// digits says a string of digits one by one.
func digits(s string) string {
	words := make([]string, 0, len(s))
	for _, c := range s {
		if c >= '0' && c <= '9' {
			words = append(words, digitWords[c-'0'])
		}
	}
	return strings.Join(words, " ")
}

// longest is how much one sentence may hold in bytes; what is longer becomes
// several. It is far below what the voice takes, so that each is made quickly.
const longest = 240

// sentences writes "lead words." and, where that is too long, goes on in
// further sentences, broken at a comma or else between words. What is said
// instead is said once, for the first of them.
func sentences(lead, words, instead string) []line {
	var all []line
	now := lead
	end := func() {
		all = append(all, line{say: strings.TrimRight(now, ",") + "."})
		now = ""
	}
	for part := range strings.SplitSeq(words, ", ") {
		if now != lead && len(now)+len(part) > longest {
			end()
		}
		for w := range strings.FieldsSeq(part) {
			if len(w) > longest/2 {
				w = w[:longest/2] // no word of any language
			}
			if len(now)+len(w) > longest {
				end()
			}
			now = strings.TrimLeft(now+" "+w, " ")
		}
		now += ","
	}
	end()
	if instead != "" {
		all[0].instead = []string{instead}
	}
	return all
}
