package elinpool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
)

// loan is a loan of a node.
type loan struct {
	Loan
	node int
}

// town is nodes that lend the ELINs of one location.
type town struct {
	pool   []e911.Number
	window time.Duration
	names  [][]string // who each node believes there is
	loans  []loan
	cut    bool // the nodes do not hear each other
	now    time.Time
}

// lend lends a number for a call at a node; by whom else it was held is returned.
func (w *town) lend(node int) (a Answer, others []loan) {
	q := Question{Pool: w.pool, Node: NodeOf(fmt.Sprint("n", node), w.names[node]), Window: w.window, Now: w.now}
	for _, l := range w.loans {
		if l.node == node || !w.cut {
			x := l.Loan
			x.Elsewhere = l.node != node
			q.Loans = append(q.Loans, x)
		}
	}
	a = Choose(q)
	for _, l := range w.loans {
		if l.Number == a.Number && l.held(w.window, w.now) {
			others = append(others, l)
		}
	}
	w.loans = append(w.loans, loan{Loan{Number: a.Number, Began: w.now}, node})
	return a, others
}

// Ten thousand calls on two nodes, with breaks between them: never has a number
// two calls in whose windows it leads to both, unless a node's own share was
// used up, and then it says so.
//
// Proves: F-08, W-07
func TestTwoNodesNeverLendOneELINTwice(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	w := &town{window: 30 * time.Minute, now: noon, names: [][]string{{"n0", "n1"}, {"n1", "n0"}}}
	for i := range 200 {
		w.pool = append(w.pool, e911.Number(fmt.Sprintf("+1617555%04d", i)))
	}
	shared := 0
	for i := range 10_000 {
		w.now = w.now.Add(time.Duration(rng.IntN(45)) * time.Second)
		w.cut = i/500%2 == 1
		a, others := w.lend(rng.IntN(2))
		if a.Shared {
			shared++
		}
		if len(others) > 0 && !a.Shared {
			t.Fatalf("call %d: %s is lent although %d calls have it", i, a.Number, len(others))
		}
		if slices.ContainsFunc(others, func(l loan) bool { return l.node != w.loans[len(w.loans)-1].node }) {
			t.Fatalf("call %d: two nodes lent %s", i, a.Number)
		}
		// Calls last some minutes; loans that rest are forgotten.
		keep := w.loans[:0]
		for _, l := range w.loans {
			if l.Ended.IsZero() && w.now.Sub(l.Began) > time.Duration(1+rng.IntN(10))*time.Minute {
				l.Ended = w.now
			}
			if l.Ended.IsZero() || w.now.Sub(l.Ended) < 2*w.window {
				keep = append(keep, l)
			}
		}
		w.loans = keep
	}
	t.Logf("10,000 calls: %d shared because a share was used up", shared)
}

// The nodes are told of a third one, one after the other, while calls go on: as
// long as they hear each other nothing that another node lent is lent, unless the
// own share is used up, and then what no other node lent comes first.
//
// Proves: F-08
func TestAChangeOfTheSetOfNodesLendsNothingTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := [][]string{{"n0"}, {"n0", "n1"}, {"n0", "n1", "n2"}}
		size := rapid.IntRange(1, 12).Draw(t, "numbers")
		w := &town{window: time.Duration(rapid.IntRange(10, 240).Draw(t, "window")) * time.Minute, now: noon}
		for i := range size {
			w.pool = append(w.pool, e911.Number(fmt.Sprintf("+1617555%04d", 100+i)))
		}
		for range 3 {
			w.names = append(w.names, sets[2])
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			n := rapid.IntRange(0, 2).Draw(t, "node")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				w.names[n] = sets[rapid.IntRange(0, 2).Draw(t, "set")]
			case 1:
				for i := range w.loans {
					if w.loans[i].node == n && w.loans[i].Ended.IsZero() {
						w.loans[i].Ended = w.now
						break
					}
				}
			default:
				held := func(x e911.Number, elsewhere bool) bool {
					return slices.ContainsFunc(w.loans, func(l loan) bool { return l.Number == x && (!elsewhere || l.node != n) && l.held(w.window, w.now) })
				}
				share := Share(w.pool, NodeOf(fmt.Sprint("n", n), w.names[n]))
				free := slices.ContainsFunc(share, func(x e911.Number) bool { return !held(x, false) })
				a, others := w.lend(n)
				if a.Shared != (len(others) > 0) || a.Shared && free {
					t.Fatalf("node %d lends %s: shared %t, %d have it, another is free: %t", n, a.Number, a.Shared, len(others), free)
				}
			}
		}
	})
}

// Proves: F-08
func TestANodesOwnNumbersAreSharedBeforeThoseOfOthers(t *testing.T) {
	away := func(l Loan) Loan { l.Elsewhere = true; return l }
	for name, c := range map[string]struct {
		loans []Loan
		want  e911.Number
	}{
		"the longest ended is another node's":        {[]Loan{away(ago(a, 100)), ago(b, 10)}, b},
		"of two own ones the longest ended":          {[]Loan{ago(a, 5), ago(b, 10)}, b},
		"an ended one of another before a live one":  {[]Loan{away(ago(a, 5)), live(b, 10)}, a},
		"both live, one of them another node's":      {[]Loan{away(live(a, 50)), live(b, 10)}, b},
		"an old loan of another node does not count": {[]Loan{away(ago(a, 500)), ago(a, 20), ago(b, 10)}, a},
	} {
		if got := Choose(Question{Pool: []e911.Number{a, b}, Loans: c.loans, Now: noon}); got.Number != c.want || !got.Shared {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}
