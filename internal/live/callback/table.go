package callback

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/elinpool"
)

// rest is how long a number is remembered after its window, so that of free ELINs
// the one that rests for longest is lent.
const rest = 24 * time.Hour

// bound is one number of one call. What it holds is changed under the table's
// lock alone; others get copies.
type bound struct {
	org   e911.OrgID
	call  e911.CallID
	given journal.Given
	flow  sipedge.Flow  // by which the call came; zero after a restart
	lines []e911.Number // all numbers of the telephone that called
	sent  bool          // a PSAP has it; else an ELIN is lent, and not on its way yet
	at    time.Time
	ended time.Time // zero: the call is up
	node  string    // that has the call, when it is another one
}

// until is when the number leads nowhere any more; zero while the call is up.
func (b *bound) until() time.Time {
	if b.ended.IsZero() {
		return time.Time{}
	}
	return b.ended.Add(time.Duration(b.given.Minutes) * time.Minute)
}

func (b *bound) holds(now time.Time) bool {
	if b.ended.IsZero() {
		return b.node == "" || now.Sub(b.at) < longestLive
	}
	return now.Before(b.until())
}

// over is when the call ended; zero while it is up.
func (b *bound) over(now time.Time) time.Time {
	if b.ended.IsZero() && !b.holds(now) {
		return b.at.Add(longestLive)
	}
	return b.ended
}

// table has all numbers that lead back. Safe for concurrent use.
type table struct {
	limit int

	mu     sync.Mutex
	all    map[*bound]struct{}
	number map[e911.Number][]*bound
	line   map[e911.Number][]*bound
	call   map[e911.CallID][]*bound
	swept  time.Time
}

func newTable(limit int) *table {
	return &table{
		limit: limit, all: map[*bound]struct{}{}, number: map[e911.Number][]*bound{}, line: map[e911.Number][]*bound{},
		call: map[e911.CallID][]*bound{},
	}
}

// sweepEvery bounds how often the whole table is looked at.
const sweepEvery = time.Minute

// put adds b, or lets it take the place of the same number of the same call.
func (t *table) put(b bound, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.putLocked(b, now)
}

func (t *table) putLocked(b bound, now time.Time) {
	for _, old := range t.call[b.call] {
		if old.given.Number == b.given.Number {
			b.ended = old.ended
			b.given.Crowded = b.given.Crowded || old.given.Crowded
			t.drop(old)
			break
		}
	}
	if len(t.all) >= t.limit || now.Sub(t.swept) >= sweepEvery {
		t.sweep(now)
	}
	n := &b
	t.all[n] = struct{}{}
	t.number[b.given.Number] = append(t.number[b.given.Number], n)
	t.call[b.call] = append(t.call[b.call], n)
	for _, l := range b.lines {
		t.line[l] = append(t.line[l], n)
	}
}

// sweep forgets what is over, and where that is not enough the oldest of what
// has ended, many at a time.
func (t *table) sweep(now time.Time) {
	t.swept = now
	t.sweepElsewhere() // first: they never cost a call of this node its number
	var ended []*bound
	for b := range t.all {
		switch {
		case b.ended.IsZero():
			if b.node != "" && now.Sub(b.at) >= longestLive {
				b.ended = b.at.Add(longestLive)
			}
		case !now.Before(b.until().Add(rest)):
			t.drop(b)
		default:
			ended = append(ended, b)
		}
	}
	if over := len(t.all) - t.limit + max(t.limit/16, 1); over > 0 && len(t.all) >= t.limit {
		slices.SortFunc(ended, func(a, b *bound) int { return cmp.Or(a.ended.Compare(b.ended), cmp.Compare(a.call, b.call)) })
		for _, b := range ended[:min(over, len(ended))] {
			t.drop(b)
		}
	}
}

func (t *table) drop(b *bound) {
	delete(t.all, b)
	takeFrom(t.number, b.given.Number, b)
	takeFrom(t.call, b.call, b)
	for _, l := range b.lines {
		takeFrom(t.line, l, b)
	}
}

func takeFrom[K comparable](m map[K][]*bound, k K, b *bound) {
	rest := slices.DeleteFunc(m[k], func(x *bound) bool { return x == b })
	if len(rest) == 0 {
		delete(m, k)
		return
	}
	m[k] = rest
}

// held lists who is called back by a number now, the newest call first.
func (t *table) held(n e911.Number, now time.Time) []bound {
	t.mu.Lock()
	defer t.mu.Unlock()
	return pick(t.number[n], func(b *bound) bool { return b.sent && b.holds(now) })
}

// heldLine is held for the numbers of the telephones themselves.
func (t *table) heldLine(n e911.Number, now time.Time) []bound {
	t.mu.Lock()
	defer t.mu.Unlock()
	return pick(t.line[n], func(b *bound) bool { return b.sent && b.holds(now) })
}

// busy reports whether a telephone with the number is in an emergency call.
func (t *table) busy(n e911.Number, org func(e911.OrgID) bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.line[n], func(b *bound) bool { return b.ended.IsZero() && org(b.org) })
}

// pick copies those that are wanted, one of each call, the newest first.
func pick(list []*bound, wanted func(*bound) bool) (out []bound) {
	for _, b := range list {
		if wanted(b) && !slices.ContainsFunc(out, func(o bound) bool { return o.call == b.call }) {
			out = append(out, *b)
		}
	}
	slices.SortFunc(out, func(a, b bound) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.call, a.call)) })
	return out
}

// end says that a call is over. An ELIN that went to nobody is free at once.
func (t *table) end(call e911.CallID, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range slices.Clone(t.call[call]) {
		switch {
		case !b.sent:
			t.drop(b)
		case b.ended.IsZero():
			b.ended = at
		}
	}
}

// lend chooses under the lock, and takes what was chosen for b.call, where there
// is one. Crowded are those who have to share theirs with it, as they are now.
func (t *table) lend(q elinpool.Question, b bound) (a elinpool.Answer, crowded []bound) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range q.Pool {
		for _, have := range t.number[n] {
			if have.org != b.org || have.given.Kind != journal.NumberELIN && !have.ended.IsZero() {
				continue
			}
			if b.call != "" && have.call == b.call && have.given.Location == b.given.Location {
				return elinpool.Answer{Number: n, Size: len(q.Pool), Shared: have.given.Crowded, Why: "lent to this call before"}, nil
			}
			q.Loans = append(q.Loans, elinpool.Loan{Number: n, Began: have.at, Ended: have.over(q.Now), Elsewhere: have.node != ""})
		}
	}
	a = elinpool.Choose(q)
	if b.call == "" || a.Number == "" {
		return a, nil
	}
	if a.Shared {
		for _, have := range t.number[a.Number] {
			if have.org == b.org && have.holds(q.Now) && !have.given.Crowded {
				have.given.Crowded = true
				if have.sent {
					crowded = append(crowded, *have)
				}
			}
		}
	}
	b.given.Number, b.given.Crowded = a.Number, a.Shared
	t.putLocked(b, q.Now)
	return a, crowded
}

// lent returns the loan of a number to a call.
func (t *table) lent(call e911.CallID, n e911.Number) (bound, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.call[call] {
		if b.given.Number == n && b.given.Kind == journal.NumberELIN {
			return *b, true
		}
	}
	return bound{}, false
}

// of is a number of a call.
func (t *table) of(call e911.CallID, n e911.Number) (bound, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.call[call] {
		if b.given.Number == n {
			return *b, true
		}
	}
	return bound{}, false
}

// size is how many numbers are remembered.
func (t *table) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}
