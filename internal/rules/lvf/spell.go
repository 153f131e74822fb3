package lvf

import (
	"math/bits"
	"strings"

	"github.com/callbox911/callbox/internal/rules/civic"
)

// letters is the set of letters and digits of a folded text: texts that differ
// in more letters than edits can change are not compared.
func letters(s string) uint64 {
	var set uint64
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			set |= 1 << (c - 'a')
		case c >= '0' && c <= '9':
			set |= 1 << (26 + c - '0')
		case c != ' ':
			set |= 1 << 36
		}
	}
	return set
}

// slips is how many slips of the pen are looked for in a text of a length: many,
// since candidates are ranked and have to have the house number too.
func slips(length int) int {
	switch {
	case length < 4:
		return 1
	case length < 6:
		return 2
	}
	return 3
}

// near reports that one folded name of a town may well be meant by the other.
func near(a, b string) bool {
	limit := min(len(a), len(b)) / 4
	return a == b || limit > 0 && distance(a, b, min(limit, 2)) <= min(limit, 2)
}

// longest text that is compared by distance, bytes.
const longest = 64

// distance is the number of letters to insert, drop, replace or swap with their
// neighbour to make b of a (optimal string alignment); above limit it is some
// number above it.
func distance(a, b string, limit int) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > limit || len(b) > longest || bits.OnesCount64(letters(a)^letters(b)) > 2*limit {
		return limit + 1
	}
	var rows [3][longest + 1]int
	before, row, next := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			next[j] = d
			least = min(least, d)
		}
		if least > limit {
			return limit + 1
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

// Costs of the ways in which a candidate differs; the cheapest comes first. Only
// their order matters.
const (
	costEdit      = 10 // one letter
	costOrdinal   = 4  // "5" for "5th"
	costBeginning = 14 // "Mass" for "Massachusetts"
	costLacking   = 3  // a type or directional that was left out
	costOther     = 6  // another one, or one too many
	costCode      = 4
	costTownCode  = 8 // another town of the same postal code
	costTown      = 16
	costNumber    = 9
)

// stem is the name of a street, folded and as it is written.
type stem struct{ key, text string }

func newStem(rd string) stem {
	return stem{civic.NameKey(rd), strings.ToLower(rd)}
}

// stemCost tells how far the name of a street is from the one asked; false: too
// far. Folded forms tell "Saint" and "St" from slips, and written ones slips in
// "Fourth" and "Street".
func stemCost(asked, has stem) (int, bool) {
	if asked.key == has.key {
		return 0, true
	}
	if asked.key == "" || has.key == "" {
		return 0, false
	}
	if number := strings.TrimRight(has.key, "stndrh"); number != "" && strings.Trim(number, "0123456789") == "" && strings.TrimRight(asked.key, "stndrh") == number {
		return costOrdinal, true
	}
	cost, ok := slipCost(asked.key, has.key)
	if asked.text != asked.key || has.text != has.key {
		if c, also := slipCost(asked.text, has.text); also && (!ok || c < cost) {
			cost, ok = c, true
		}
	}
	if !ok && len(asked.key) >= 3 && strings.HasPrefix(has.key, asked.key) {
		return costBeginning, true
	}
	return cost, ok
}

func slipCost(asked, has string) (int, bool) {
	limit := slips(max(len(asked), len(has)))
	d := distance(asked, has, limit)
	if d > limit || d >= min(len(asked), len(has)) {
		return 0, false
	}
	cost := d * costEdit
	if asked[0] != has[0] {
		cost += 3 // the first letter is seldom wrong
	}
	return cost, true
}
