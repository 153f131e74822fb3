package suggest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// ranking collects reasons by place; the best reason of a place counts.
type ranking struct {
	by map[e911.LocationID]scored
}

type scored struct {
	score int
	why   string
}

// Scores are 0 to 100. They order the suggestions and give the confidence; the
// steps come from how the reasons compare, not from a measurement.
const (
	highScore   = 75
	mediumScore = 45
	seenScore   = 100
)

func (r *ranking) add(loc e911.LocationID, score int, why string) {
	if r.by == nil {
		r.by = map[e911.LocationID]scored{}
	}
	if old, ok := r.by[loc]; !ok || score > old.score {
		r.by[loc] = scored{score, why}
	}
}

func (r *ranking) seen(seen []Seen) {
	total := 0
	for _, s := range seen {
		total += max(s.Devices, 0)
	}
	for _, s := range seen {
		if s.Devices > 0 && s.Location != "" {
			r.add(s.Location, seenScore*s.Devices/total, fmt.Sprintf("%d of %s it were there by other evidence", s.Devices, count(total, "device that reported", "devices that reported")))
		}
	}
}

func (r *ranking) best() []Suggestion {
	ids := slices.SortedFunc(maps.Keys(r.by), func(a, b e911.LocationID) int {
		return cmp.Or(cmp.Compare(r.by[b].score, r.by[a].score), cmp.Compare(a, b))
	})
	out := make([]Suggestion, 0, min(len(ids), MaxSuggestions))
	for _, id := range ids[:min(len(ids), MaxSuggestions)] {
		s := r.by[id]
		c := Low
		switch {
		case s.score >= highScore:
			c = High
		case s.score >= mediumScore:
			c = Medium
		}
		out = append(out, Suggestion{Location: id, Why: s.why, Confidence: c})
	}
	return out
}

// tally counts elements by place.
type tally map[e911.LocationID]int

func (t tally) add(loc e911.LocationID) { t[loc]++ }

func (t tally) total() int {
	n := 0
	for _, c := range t {
		n += c
	}
	return n
}

// most is the place with the most, the lowest id among equals.
func (t tally) most() (best e911.LocationID, n int) {
	for loc, c := range t {
		if c > n || c == n && loc < best {
			best, n = loc, c
		}
	}
	return best, n
}

// portDistance is how many ports lie between two names that differ in their
// last number only: "Gi1/0/7" and "Gi1/0/9" are 2 apart.
func portDistance(a, b string) (int, bool) {
	stemA, numA, okA := cutNumber(a)
	stemB, numB, okB := cutNumber(b)
	if !okA || !okB || stemA != stemB {
		return 0, false
	}
	return max(numA-numB, numB-numA), true
}

func cutNumber(s string) (stem string, n int, ok bool) {
	stem = strings.TrimRight(s, "0123456789")
	n, err := strconv.Atoi(s[len(stem):])
	return stem, n, err == nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
