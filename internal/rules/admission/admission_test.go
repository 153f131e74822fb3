package admission_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/rules/admission"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// offer is one source with the calls that it offers a second.
type offer struct {
	source string
	rate   int
}

// run offers calls for some seconds, evenly spread, and counts what is taken a
// second.
func run(s *admission.Shares[string], seconds int, offers ...offer) map[string]int {
	taken := map[string]int{}
	for ms := range seconds * 1000 {
		for _, o := range offers {
			for range o.rate*(ms+1)/1000 - o.rate*ms/1000 {
				if s.Take(o.source, noon.Add(time.Duration(ms)*time.Millisecond)).OK {
					taken[o.source]++
				}
			}
		}
	}
	for k := range taken {
		taken[k] /= seconds
	}
	return taken
}

// Proves: E14, W-43 (a flood from one trunk does not touch the others)
func TestAFloodLeavesTheOthersTheirShare(t *testing.T) {
	for _, c := range []struct {
		name   string
		rate   int
		offers []offer
		least  map[string]int // taken a second at least
		most   int            // in all
	}{
		{"below the rate all are taken", 200, []offer{{"a", 100}, {"b", 50}}, map[string]int{"a": 100, "b": 50}, 150},
		{"one floods, one is quiet", 200, []offer{{"flood", 2000}, {"quiet", 30}}, map[string]int{"quiet": 29, "flood": 150}, 200},
		{"three flood, one is quiet", 200, []offer{{"x", 2000}, {"y", 2000}, {"z", 2000}, {"quiet", 20}}, map[string]int{"quiet": 20}, 200},
		{"the quiet one comes last in each moment", 200, []offer{{"x", 5000}, {"y", 5000}, {"quiet", 10}}, map[string]int{"quiet": 10}, 200},
		{"all flood", 200, []offer{{"a", 1000}, {"b", 1000}}, map[string]int{"a": 80}, 200},
		{"no bound", 0, []offer{{"a", 5000}}, map[string]int{"a": 5000}, 5000},
	} {
		t.Run(c.name, func(t *testing.T) {
			taken := run(admission.NewShares[string](c.rate), 4, c.offers...)
			sum := 0
			for _, n := range taken {
				sum += n
			}
			for source, least := range c.least {
				if taken[source] < least {
					t.Errorf("%s had %d calls a second taken, want %d: %v", source, taken[source], least, taken)
				}
			}
			if sum > c.most {
				t.Errorf("%d calls a second were taken, more than %d", sum, c.most)
			}
		})
	}
}

// Proves: E14 (a clock that jumps, and more sources than the table holds)
func TestTheTableIsBounded(t *testing.T) {
	s := admission.NewShares[int](1_000_000)
	for i := range 3 * admission.MaxSources {
		if !s.Take(i, noon).OK {
			t.Fatalf("source %d was refused while there was room", i)
		}
	}
	for _, at := range []time.Time{noon.Add(-time.Hour), noon.Add(1000 * time.Hour), {}} {
		if !s.Take(1, at).OK {
			t.Errorf("refused at %v", at)
		}
	}
	if v := admission.NewShares[int](1); !v.Take(1, noon).OK || v.Take(2, noon).OK {
		t.Error("a rate of one lets one call in a window")
	}
}

// Proves: E14
func TestNeverMoreThanTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(10, 500).Draw(t, "rate")
		s := admission.NewShares[int](rate)
		taken := 0
		n := rapid.IntRange(1, 3000).Draw(t, "calls")
		for i := range n {
			v := s.Take(rapid.IntRange(0, 5).Draw(t, "source"), noon.Add(time.Duration(i)*time.Second/time.Duration(n)))
			if v.OK {
				taken++
			} else if v.RetryAfter <= 0 || v.Why == "" {
				t.Fatal("a refusal that says nothing")
			}
		}
		if taken > max(rate, 10)+rate/10+1 {
			t.Fatalf("%d calls taken in a second at a rate of %d", taken, rate)
		}
	})
}
