package elinpool

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	a = e911.Number("+16175550121")
	b = e911.Number("+16175550122")
	c = e911.Number("+16175550123")
	d = e911.Number("+16175550124")
)

// ago is a loan whose call ended some minutes ago; live is one whose call began
// so long ago and is up.
func ago(n e911.Number, min int) Loan {
	end := noon.Add(-time.Duration(min) * time.Minute)
	return Loan{Number: n, Began: end.Add(-time.Minute), Ended: end}
}

func live(n e911.Number, min int) Loan {
	return Loan{Number: n, Began: noon.Add(-time.Duration(min) * time.Minute)}
}

// Proves: F-08, W-07
func TestWhichELINACallIsLent(t *testing.T) {
	for _, tc := range []struct {
		name   string
		q      Question
		want   e911.Number
		shared bool
		used   int
		size   int
		low    bool
	}{
		{name: "a location without a confirmed ELIN has none, whatever others have", q: Question{Loans: []Loan{ago(b, 1)}}},
		{name: "the lowest of those that were never lent", q: Question{Pool: []e911.Number{c, a, b}}, want: a, used: 1, size: 3},
		{name: "the second call from one location gets another one", q: Question{Pool: []e911.Number{a, b, c}, Loans: []Loan{live(a, 1)}}, want: b, used: 2, size: 3},
		{name: "the caller's own line, which is one of them", q: Question{Pool: []e911.Number{a, b, c}, Line: c}, want: c, used: 1, size: 3},
		{name: "his own line is lent to another: then a free one", q: Question{Pool: []e911.Number{a, b, c}, Line: c, Loans: []Loan{live(c, 1)}}, want: a, used: 2, size: 3},
		{name: "one minute before the end of the window it is not free", q: Question{Pool: []e911.Number{a, b}, Loans: []Loan{ago(a, 179)}}, want: b, used: 2, size: 2, low: true},
		{name: "at the end of the window it is free", q: Question{Pool: []e911.Number{a, b}, Loans: []Loan{ago(a, 180), live(b, 1)}}, want: a, used: 2, size: 2, low: true},
		{name: "of free ones that which rests for longest", q: Question{Pool: []e911.Number{a, b}, Loans: []Loan{ago(a, 200), ago(b, 300)}}, want: b, used: 1, size: 2},
		{name: "a shorter window is over sooner", q: Question{Pool: []e911.Number{a, b}, Window: 30 * time.Minute, Loans: []Loan{ago(a, 31), ago(b, 29)}}, want: a, used: 2, size: 2, low: true},
		{name: "a window is never shorter than ten minutes", q: Question{Pool: []e911.Number{a, b}, Window: time.Minute, Loans: []Loan{ago(a, 9)}}, want: b, used: 2, size: 2, low: true},
		{name: "none is free: that of the call that ended longest ago, shared", q: Question{Pool: []e911.Number{a, b, c}, Loans: []Loan{ago(a, 10), ago(b, 20), live(c, 500)}}, want: b, shared: true, used: 3, size: 3, low: true},
		{name: "a live call never expires, however long it lasts", q: Question{Pool: []e911.Number{a, b}, Loans: []Loan{live(a, 10_000), ago(b, 1)}}, want: b, shared: true, used: 2, size: 2, low: true},
		{name: "all are in live calls: that of the oldest", q: Question{Pool: []e911.Number{a, b}, Loans: []Loan{live(a, 1), live(b, 2)}}, want: b, shared: true, used: 2, size: 2, low: true},
		{name: "one in a live call and in an old window counts as live", q: Question{Pool: []e911.Number{a, b}, Loans: []Loan{ago(a, 170), live(a, 5), ago(b, 1)}}, want: b, shared: true, used: 2, size: 2, low: true},
		{name: "four of five taken are eighty per cent", q: Question{Pool: []e911.Number{a, b, c, d, "+16175550125"}, Loans: []Loan{live(a, 1), live(b, 1), ago(c, 1)}}, want: d, used: 4, size: 5, low: true},
		{name: "two nodes: the second lends every second number", q: Question{Pool: []e911.Number{a, b, c, d}, Node: Node{Index: 1, Of: 2}}, want: b, used: 1, size: 2},
		{name: "two nodes: what the other lent is none of its own", q: Question{Pool: []e911.Number{a, b, c, d}, Node: Node{Index: 0, Of: 2}, Loans: []Loan{live(a, 1), live(b, 1)}}, want: c, used: 2, size: 2, low: true},
		{name: "two nodes: when none of its own is free it shares one of its own", q: Question{Pool: []e911.Number{a, b, c, d}, Node: Node{Index: 0, Of: 2}, Loans: []Loan{ago(a, 1), ago(c, 2)}}, want: c, shared: true, used: 2, size: 2, low: true},
		{name: "more nodes than numbers: each has one", q: Question{Pool: []e911.Number{a, b}, Node: Node{Index: 2, Of: 3}}, want: a, used: 1, size: 1, low: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.q.Now = noon
			got := Choose(tc.q)
			if got.Number != tc.want || got.Shared != tc.shared || got.Used != tc.used || got.Size != tc.size || got.Low != tc.low || got.Why == "" {
				t.Errorf("got %+v, want %s shared %t, %d of %d, low %t", got, tc.want, tc.shared, tc.used, tc.size, tc.low)
			}
		})
	}
}

// Proves: F-08
func TestWindows(t *testing.T) {
	for _, c := range []struct{ in, want time.Duration }{
		{0, 180 * time.Minute},
		{time.Second, 10 * time.Minute},
		{60 * time.Minute, 60 * time.Minute},
		{48 * time.Hour, 24 * time.Hour},
	} {
		if got := Window(c.in); got != c.want {
			t.Errorf("Window(%s) = %s, want %s", c.in, got, c.want)
		}
	}
}

// Proves: F-08
func TestNodesByName(t *testing.T) {
	for _, c := range []struct {
		name string
		all  []string
		want Node
	}{
		{"b", []string{"c", "a", "b", "b"}, Node{1, 3}},
		{"x", []string{"c", "a"}, Node{0, 2}},
		{"", nil, Node{}},
	} {
		if got := NodeOf(c.name, c.all); got != c.want {
			t.Errorf("NodeOf(%q, %v) = %v, want %v", c.name, c.all, got, c.want)
		}
	}
}

// A day of calls at a location, on several nodes that know nothing of each other:
// an ELIN is always of the location; it is not lent while another call has it
// unless the node has none that is free, and that is said; the nodes never lend
// one number when there are enough for each.
//
// Proves: F-08, W-07
func TestADayOfCalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 12).Draw(t, "numbers")
		nodes := rapid.IntRange(1, 4).Draw(t, "nodes")
		window := time.Duration(rapid.IntRange(10, 240).Draw(t, "window")) * time.Minute
		pool := make([]e911.Number, size)
		for i := range pool {
			pool[i] = e911.Number(fmt.Sprintf("+1617555%04d", 100+i))
		}
		loans := make([][]Loan, nodes)
		now := noon
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute)
			n := rapid.IntRange(0, nodes-1).Draw(t, "node")
			mine := loans[n]
			if k := len(mine); k > 0 && rapid.Bool().Draw(t, "an end") {
				if l := &mine[rapid.IntRange(0, k-1).Draw(t, "which")]; l.Ended.IsZero() {
					l.Ended = now
				}
				continue
			}
			got := Choose(Question{Pool: pool, Node: Node{n, nodes}, Loans: mine, Window: window, Now: now})
			taken := func(number e911.Number) bool {
				return slices.ContainsFunc(mine, func(l Loan) bool { return l.Number == number && l.held(window, now) })
			}
			share := Share(pool, Node{n, nodes})
			switch {
			case !slices.Contains(share, got.Number):
				t.Fatalf("node %d lent %s, which is none of its own", n, got.Number)
			case got.Shared != taken(got.Number):
				t.Fatalf("%s is taken: %t, said to be shared: %t", got.Number, taken(got.Number), got.Shared)
			case got.Shared && slices.ContainsFunc(share, func(x e911.Number) bool { return !taken(x) }):
				t.Fatalf("shared although another is free")
			case got.Used > got.Size || got.Used < 1:
				t.Fatalf("%d of %d in use", got.Used, got.Size)
			}
			if size >= nodes {
				for m := range nodes {
					if m != n && slices.ContainsFunc(loans[m], func(l Loan) bool { return l.Number == got.Number }) {
						t.Fatalf("nodes %d and %d both lent %s", n, m, got.Number)
					}
				}
			}
			loans[n] = append(mine, Loan{Number: got.Number, Began: now})
		}
	})
}
