package callback

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// However many calls there were, no more numbers are remembered than the bound
// says; those of live calls are, all of them, and of ended ones the newest.
//
// Proves: issue 6 (bounded tables), F-08, F-12
func TestTheTableOfNumbersIsBounded(t *testing.T) {
	const limit, live = 64, 20
	table := newTable(limit)
	number := func(i int) e911.Number { return e911.Number(fmt.Sprintf("+1617555%04d", i)) }
	now := noon
	for i := range 1000 {
		now = now.Add(time.Second)
		b := bound{org: id[e911.OrgID](1), call: id[e911.CallID](i), sent: true, at: now, lines: []e911.Number{number(i)}}
		b.given = journal.Given{Number: number(i), Minutes: 180}
		table.put(b, now)
		if i >= live {
			table.end(b.call, now)
		}
		if n := table.size(); n > limit {
			t.Fatalf("%d numbers are remembered after %d calls", n, i+1)
		}
	}
	for i := range 1000 {
		want := i < live || i >= 1000-limit/4
		if got := len(table.held(number(i), now)) == 1 && len(table.heldLine(number(i), now)) == 1; want && !got {
			t.Errorf("the number of call %d is forgotten", i)
		}
	}
	if n := len(table.number) + len(table.line) + len(table.call); n != 3*table.size() {
		t.Errorf("%d entries by number, line and call for %d numbers", n, table.size())
	}
}
