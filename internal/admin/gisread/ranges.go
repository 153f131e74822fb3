package gisread

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/rules/gis"
)

// ranges remembers the numbers of every side of every street in 48 bytes, to
// find those that two segments claim.
type ranges struct {
	seed   maphash.Seed
	list   []numbers
	tables []place
}

type numbers struct {
	street     uint64 // hash of street and place
	from, till int64  // when it holds, in Unix seconds
	low, high  int32
	row        int32
	table      uint16
	parity     gis.Parity
}

// place is where a row stands, for the report.
type place struct{ file, table string }

func (x *ranges) add(t *table, s *gis.Street) {
	if x.seed == (maphash.Seed{}) {
		x.seed = maphash.MakeSeed()
	}
	at := place{t.rep.File, t.rep.Name}
	i := slices.Index(x.tables, at)
	if i < 0 {
		i = len(x.tables)
		x.tables = append(x.tables, at)
	}
	for _, side := range []*gis.Side{&s.Left, &s.Right} {
		if side.Parity == gis.ParityNone || i > math.MaxUint16 {
			continue
		}
		c, n := &side.Civic, &s.Name
		key := strings.ToLower(strings.Join([]string{
			n.PRM, n.PRD, n.STP, n.STPS, n.RD, n.STS, n.POD, n.POM, side.Prefix, c.Country, c.A1, c.A2, c.A3, c.A4, c.A5, c.PC, c.PCN,
		}, "\x00"))
		from, till := edges(s.Span)
		x.list = append(x.list, numbers{
			street: maphash.String(x.seed, key), from: from, till: till,
			low: int32(min(side.From, side.To)), high: int32(max(side.From, side.To)), row: int32(t.rec.row), table: uint16(i), parity: side.Parity,
		})
	}
}

// edges are the ends of a span in Unix seconds.
func edges(s gis.Span) (from, till int64) {
	from, till = math.MinInt64, math.MaxInt64
	if !s.Effective.IsZero() {
		from = s.Effective.Unix()
	}
	if !s.Expire.IsZero() {
		till = s.Expire.Unix()
	}
	return from, till
}

// overlaps tells every pair of rows that claim one number, each row with the
// first such other. A row with itself counts: both sides may claim a number.
func (x *ranges) overlaps(tell func(a, b numbers)) {
	slices.SortFunc(x.list, func(a, b numbers) int {
		return cmp.Or(cmp.Compare(a.street, b.street), cmp.Compare(a.low, b.low), cmp.Compare(a.table, b.table), cmp.Compare(a.row, b.row), cmp.Compare(a.high, b.high))
	})
	for start := 0; start < len(x.list); {
		end := start
		for end < len(x.list) && x.list[end].street == x.list[start].street {
			end++
		}
		// Ranges that may still reach the ones that follow. A street with more
		// of them at one number is not an honest one.
		var open []numbers
		for _, b := range x.list[start:end] {
			open = slices.DeleteFunc(open, func(a numbers) bool { return a.high < b.low })
			if i := slices.IndexFunc(open, func(a numbers) bool { return shared(a, b) }); i >= 0 {
				tell(open[i], b)
			}
			if len(open) < 64 {
				open = append(open, b)
			}
		}
		start = end
	}
}

// shared reports numbers that both have, at one time.
func shared(a, b numbers) bool {
	if a.from >= b.till || b.from >= a.till {
		return false
	}
	low, high := max(a.low, b.low), min(a.high, b.high)
	odd := a.parity != gis.ParityEven && b.parity != gis.ParityEven
	even := a.parity != gis.ParityOdd && b.parity != gis.ParityOdd
	switch {
	case low > high || !odd && !even:
		return false
	case low < high:
		return true
	}
	return low%2 == 1 && odd || low%2 == 0 && even
}

// tellRanges reports the ranges that overlap.
func (r *reader) tellRanges() {
	r.ranges.overlaps(func(a, b numbers) {
		at, other := r.ranges.tables[b.table], r.ranges.tables[a.table]
		reason := fmt.Sprintf("The row claims house numbers that row %d of %s %s claims too, on the same street in the same place.", a.row, other.file, other.table)
		if a.row == b.row && at == other {
			reason = "Both sides of the street claim the same house numbers."
		}
		r.note(Finding{File: at.file, Table: at.table, Row: int(b.row), Level: LevelWarning, Code: CodeRangeOverlap, Reason: reason})
	})
}
