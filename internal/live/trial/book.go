package trial

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/calltrace"
)

const (
	// Month is how old a good through 933 may be on a trunk that is tested monthly.
	Month = 31 * 24 * time.Hour
	// tellAgain is how long an overdue test is not told of again.
	tellAgain = 7 * 24 * time.Hour
	// lookEvery is how often it is looked at what is due.
	lookEvery = time.Hour
	// Bounds of what is remembered; the journal has all of it.
	maxPlaced   = 200
	maxReceived = 200
	maxArranged = 1000
)

// AlarmOverdue is raised when a trunk's monthly through 933 is due.
const AlarmOverdue = "test_overdue"

// Placed is a test that went out.
type Placed struct {
	At  time.Time  `json:"at"`
	Org e911.OrgID `json:"org,omitempty"`
	journal.PlacedTest
}

// Received is a test that came in to a test URN.
type Received struct {
	At  time.Time  `json:"at"`
	Org e911.OrgID `json:"org,omitempty"`
	journal.ReceivedTest
}

// Arranged is a 911 call that was agreed with a PSAP, and what came of it.
type Arranged struct {
	At  time.Time  `json:"at"` // when it was agreed
	Org e911.OrgID `json:"org,omitempty"`
	journal.Arranged
	Result   *journal.ArrangedResult `json:"result,omitempty"`
	ResultAt time.Time               `json:"result_at,omitzero"`
}

// TrunkTests is what is known of one trunk's through 933.
type TrunkTests struct {
	Org     e911.OrgID `json:"org,omitempty"`
	Trunk   string     `json:"trunk"`
	Monthly bool       `json:"monthly"` // switched on by the mark monthly_933
	Good    *Placed    `json:"good,omitempty"`
	Last    *Placed    `json:"last,omitempty"`
	// Due is when the next one is, of a monthly one; Overdue says that it was.
	Due     time.Time `json:"due,omitzero"`
	Overdue bool      `json:"overdue,omitempty"`
}

// List is everything that is remembered, each kind by itself, newest first.
type List struct {
	At       time.Time    `json:"at"`
	Through  []TrunkTests `json:"through_933"`
	TestURNs []Placed     `json:"test_urns"`
	Others   []Placed     `json:"others"`
	Received []Received   `json:"received"`
	Arranged []Arranged   `json:"arranged"`
}

// book is the memory, made of facts.
type book struct {
	mu       sync.Mutex
	good     map[string]Placed // by trunk id
	last     map[string]Placed
	urns     []Placed
	others   []Placed
	received []Received
	arranged []*Arranged
	told     map[string]time.Time
}

func newBook() *book {
	return &book{good: map[string]Placed{}, last: map[string]Placed{}, told: map[string]time.Time{}}
}

// Restore takes a fact of the journal; all but those of tests are ignored.
func (s *Service) Restore(f journal.Fact) error {
	b := s.book
	b.mu.Lock()
	defer b.mu.Unlock()
	switch f.Kind {
	case journal.TestPlaced:
		body, err := journal.Decode[journal.PlacedTest](f)
		if err != nil {
			return err
		}
		b.placed(Placed{f.At, f.Org, body})
	case journal.TestReceived:
		body, err := journal.Decode[journal.ReceivedTest](f)
		if err != nil {
			return err
		}
		b.received = bounded(append(b.received, Received{f.At, f.Org, body}), maxReceived)
	case journal.TestArranged:
		body, err := journal.Decode[journal.Arranged](f)
		if err != nil {
			return err
		}
		b.arranged = bounded(append(b.arranged, &Arranged{At: f.At, Org: f.Org, Arranged: body}), maxArranged)
	case journal.TestResult:
		body, err := journal.Decode[journal.ArrangedResult](f)
		if err != nil {
			return err
		}
		for _, a := range b.arranged {
			if a.ID == body.ID {
				a.Result, a.ResultAt = &body, f.At
			}
		}
	case journal.TestOverdue:
		body, err := journal.Decode[journal.OverdueTest](f)
		if err != nil {
			return err
		}
		b.told[body.Trunk.ID] = f.At
	}
	return nil
}

// Restored says that the journal was read: from now on it is known what is due.
func (s *Service) Restored() { s.once.Do(func() { close(s.restored) }) }

// bounded drops the oldest.
func bounded[T any](list []T, most int) []T {
	if len(list) > most {
		return slices.Clone(list[len(list)-most:])
	}
	return list
}

func (b *book) placed(p Placed) {
	switch calltrace.Kind(p.Kind) {
	case calltrace.Through933:
		b.last[p.Trunk.ID] = p
		if p.Answered {
			b.good[p.Trunk.ID] = p
		}
	case calltrace.TestURN:
		b.urns = bounded(append(b.urns, p), maxPlaced)
	default:
		b.others = bounded(append(b.others, p), maxPlaced)
	}
}

// List tells what is remembered. Trunks are those that lead to carriers now.
func (s *Service) List() List {
	now, b := s.cfg.Now(), s.book
	l := List{At: now, Through: s.through(now)}
	b.mu.Lock()
	defer b.mu.Unlock()
	l.TestURNs, l.Others, l.Received = newest(b.urns), newest(b.others), newest(b.received)
	l.Arranged = make([]Arranged, 0, len(b.arranged))
	for _, a := range slices.Backward(b.arranged) {
		l.Arranged = append(l.Arranged, *a)
	}
	return l
}

func newest[T any](list []T) []T {
	out := make([]T, 0, len(list))
	for _, v := range slices.Backward(list) {
		out = append(out, v)
	}
	return out
}

// through is the state of each trunk over which a through 933 can go.
func (s *Service) through(now time.Time) []TrunkTests {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	out := []TrunkTests{}
	for t := range s.cfg.Snapshot.Load().Trunks() {
		if t.Side != e911.SideCarrier && t.Side != e911.SideLocal {
			continue
		}
		x := TrunkTests{Org: t.Org, Trunk: t.Key, Monthly: t.Marked(e911.MarkMonthly933)}
		if p, ok := s.book.good[string(t.ID)]; ok {
			x.Good = &p
		}
		if p, ok := s.book.last[string(t.ID)]; ok {
			x.Last = &p
		}
		if x.Monthly {
			x.Overdue = x.Good == nil
			if x.Good != nil {
				x.Due = x.Good.At.Add(Month)
				x.Overdue = !now.Before(x.Due)
			}
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b TrunkTests) int {
		return cmp.Or(cmp.Compare(a.Org, b.Org), cmp.Compare(a.Trunk, b.Trunk))
	})
	return out
}

// Run tells of monthly tests that are overdue, until ctx ends. It begins when
// Restored was called.
func (s *Service) Run(ctx context.Context) error {
	select {
	case <-s.restored:
	case <-ctx.Done():
		return nil
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		s.tell(s.cfg.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tell raises the alarm of each trunk whose monthly test is overdue, once a week.
func (s *Service) tell(now time.Time) {
	for t := range s.cfg.Snapshot.Load().Trunks() {
		if !t.Marked(e911.MarkMonthly933) {
			continue
		}
		s.book.mu.Lock()
		good, tested := s.book.good[string(t.ID)]
		told, was := s.book.told[string(t.ID)]
		s.book.mu.Unlock()
		if tested && now.Sub(good.At) < Month || was && now.Sub(told) < tellAgain {
			continue
		}
		f := journal.OverdueTest{Trunk: journal.Ref{ID: string(t.ID), Key: t.Key}}
		since := "there never was a good one"
		if tested {
			f.Last = good.At
			since = fmt.Sprintf("the last good one was %d days ago", int(now.Sub(good.At).Hours()/24))
		}
		s.record(journal.New(journal.TestOverdue, now, t.Org, "", f))
		s.cfg.Alarm(t.Org, journal.Alarm{Code: AlarmOverdue, Detail: fmt.Sprintf("the monthly test through 933 of the trunk %s is due, %s: callbox call --trunk %s", t.Key, since, t.Key)})
	}
}
