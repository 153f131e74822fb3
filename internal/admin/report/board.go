package report

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// maxLive bounds the calls of one organisation that a Board holds, live ones
// included: what a flood of calls can take of the memory.
const maxLive = 5000

// BoardConfig is what a Board needs.
type BoardConfig struct {
	Node string // whose journal Feed reads
	Feed journal.Feed
	// From is the first sequence to read, default 1. A node with a long journal
	// starts near its end; calls that arrived before are not on the board.
	From uint64
	Keep int // past calls, and alarms, kept for each organisation; default 200
	Now  func() time.Time
	Log  *slog.Logger
}

func (c *BoardConfig) validate() error {
	var errs []error
	if c.Node == "" {
		errs = append(errs, errors.New("node is empty"))
	}
	if c.Feed == nil {
		errs = append(errs, errors.New("feed is missing"))
	}
	if c.Now == nil {
		errs = append(errs, errors.New("clock is missing"))
	}
	if c.Log == nil {
		errs = append(errs, errors.New("log is missing"))
	}
	if c.Keep < 0 {
		errs = append(errs, errors.New("keep is negative"))
	}
	return errors.Join(errs...)
}

// Board holds the newest calls and alarms of every organisation in memory, fed
// by the journal alone: it works with SQL down (D-12). Safe for concurrent use.
type Board struct {
	cfg BoardConfig

	mu   sync.Mutex
	last uint64        // highest sequence read
	read chan struct{} // closed and replaced when last grows, nil while nobody waits
	orgs map[e911.OrgID]*tenant
}

// tenant is what the board holds of one organisation.
type tenant struct {
	calls    map[e911.CallID]*held
	alarms   []Alarm // oldest first
	seq      uint64  // of the newest change
	gone     uint64  // highest change of anything that is no longer held
	watchers map[chan struct{}]struct{}
	full     int // so many calls are held when some are forgotten next
}

// held is a call: what was read of it, and the facts that came since. They are
// folded when somebody looks: of most calls of a busy node nobody ever does. A
// record that was read is never changed again, the next fold makes a new one.
type held struct {
	record  *CallRecord
	read    bool
	facts   []journal.Fact // not folded yet, in order
	seq     uint64         // of the newest
	id      e911.CallID
	arrived time.Time
	last    time.Time // newest fact
	ended   bool
}

// mostFacts wait to be folded, so that a call that is tried for hours takes no more
// memory than its record.
const mostFacts = 64

// take adds a fact that tells something.
func (h *held) take(f journal.Fact) {
	h.facts, h.seq = append(h.facts, f), f.Seq
	h.ended = h.ended || f.Kind == journal.CallEnded
	if f.At.After(h.last) {
		h.last = f.At
	}
	if len(h.facts) >= mostFacts {
		h.fold()
	}
}

func (h *held) fold() {
	if len(h.facts) == 0 {
		return
	}
	if h.read {
		h.record, h.read = h.record.clone(), false
	}
	for _, f := range h.facts {
		Apply(h.record, f)
	}
	h.facts = nil
}

// show gives the record to a reader.
func (h *held) show() CallRecord {
	h.fold()
	h.read = true
	return *h.record
}

// live is CallRecord.Live, without a fold.
func (h *held) live(now time.Time) bool { return !h.ended && now.Sub(h.last) < Silence }

// Mark is a place in the stream of changes of one organisation: a journal and a
// sequence in it. The zero Mark is before everything.
type Mark struct {
	Node string
	Seq  uint64
}

// Changes is what happened in one organisation after a Mark.
type Changes struct {
	Mark   Mark         // where the next question starts
	Reset  bool         // the asked Mark is too old or of another journal: read all lists again
	Calls  []CallRecord // as they are now, the longest unchanged first
	Alarms []Alarm      // oldest first
}

// NewBoard checks the configuration and reports all its faults.
func NewBoard(cfg BoardConfig) (*Board, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.From == 0 {
		cfg.From = 1
	}
	if cfg.Keep == 0 {
		cfg.Keep = 200
	}
	return &Board{cfg: cfg, orgs: map[e911.OrgID]*tenant{}}, nil
}

// Run follows the journal until ctx ends.
func (b *Board) Run(ctx context.Context) error {
	for f := range b.cfg.Feed.Subscribe(ctx, b.cfg.From) {
		b.take(f)
	}
	if ctx.Err() == nil {
		return errors.New("the journal's feed ended")
	}
	return nil
}

// take applies one fact.
func (b *Board) take(f journal.Fact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = max(b.last, f.Seq)
	if b.read != nil {
		close(b.read)
		b.read = nil
	}
	if f.Org == "" {
		return // nobody's: unknown sources are the operator's matter (E14)
	}
	t := b.orgs[f.Org]
	if t == nil {
		t = &tenant{calls: map[e911.CallID]*held{}, watchers: map[chan struct{}]struct{}{}}
		b.orgs[f.Org] = t
	}
	changed := t.apply(f)
	if f.Kind == journal.AlarmRaised {
		changed = t.alarm(f, b.cfg.Keep) || changed
	}
	if !changed {
		return
	}
	t.seq = max(t.seq, f.Seq)
	t.evict(b.cfg.Keep, b.cfg.Now())
	for w := range t.watchers {
		select {
		case w <- struct{}{}:
		default: // one wake-up waits already
		}
	}
}

func (t *tenant) apply(f journal.Fact) bool {
	if f.Call == "" {
		return false
	}
	if !tells(f.Kind) {
		return false
	}
	h := t.calls[f.Call]
	switch {
	case h == nil && f.Kind != journal.CallArrived:
		return false // begun before From, or forgotten: half a record would hide the whole one in SQL
	case h == nil:
		h = &held{record: &CallRecord{}, id: f.Call, arrived: f.At}
		t.calls[f.Call] = h
	case f.Seq <= h.seq:
		return false
	}
	h.take(f)
	return true
}

func (t *tenant) alarm(f journal.Fact, keep int) bool {
	body, err := journal.Decode[journal.Alarm](f)
	if err != nil || (len(t.alarms) > 0 && t.alarms[len(t.alarms)-1].Seq >= f.Seq) {
		return false
	}
	t.alarms = append(t.alarms, Alarm{
		Node: f.Node, Seq: f.Seq, Org: f.Org, At: f.At,
		Code: body.Code, Detail: body.Detail, Source: body.Source, Count: body.Count,
	})
	if len(t.alarms) > keep {
		t.gone = max(t.gone, t.alarms[0].Seq)
		t.alarms = slices.Delete(t.alarms, 0, 1)
	}
	return true
}

// evict forgets the oldest past calls above keep; calls in progress stay, but
// for the bound of all. It works in lumps so that a busy board is not sorted at
// every fact.
func (t *tenant) evict(keep int, now time.Time) {
	if len(t.calls) <= max(t.full, keep+keep/4+16) {
		return
	}
	defer func() { t.full = len(t.calls) + len(t.calls)/16 }() // so that many calls in progress are not sorted at every fact
	var past, live []*held
	for _, h := range t.calls {
		if h.live(now) {
			live = append(live, h)
		} else {
			past = append(past, h)
		}
	}
	t.drop(past, keep)
	t.drop(live, maxLive)
}

// drop forgets the oldest of the calls until keep are left.
func (t *tenant) drop(calls []*held, keep int) {
	if len(calls) <= keep {
		return
	}
	slices.SortFunc(calls, func(a, b *held) int { return newestFirst(a.arrived, b.arrived, a.id, b.id) })
	for _, h := range calls[keep:] {
		delete(t.calls, h.id)
		t.gone = max(t.gone, h.seq)
	}
}

func newestFirst(a, b time.Time, aID, bID e911.CallID) int {
	if c := b.Compare(a); c != 0 {
		return c
	}
	if aID > bID {
		return -1
	}
	return 1
}

// Calls returns the organisation's calls, newest first. The records are shared:
// callers read them only.
func (b *Board) Calls(org e911.OrgID) []CallRecord {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.orgs[org]
	if t == nil {
		return nil
	}
	out := make([]CallRecord, 0, len(t.calls))
	for _, h := range t.calls {
		out = append(out, h.show())
	}
	slices.SortFunc(out, func(a, b CallRecord) int { return newestFirst(a.ArrivedAt, b.ArrivedAt, a.ID, b.ID) })
	return out
}

// Call returns one call of the organisation.
func (b *Board) Call(org e911.OrgID, id e911.CallID) (CallRecord, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.orgs[org]; t != nil && t.calls[id] != nil {
		return t.calls[id].show(), true
	}
	return CallRecord{}, false
}

// Alarms returns the organisation's alarms, newest first.
func (b *Board) Alarms(org e911.OrgID) []Alarm {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.orgs[org]
	if t == nil {
		return nil
	}
	out := slices.Clone(t.alarms)
	slices.Reverse(out)
	return out
}

// Mark returns where the board stands, to ask Changes from.
func (b *Board) Mark() Mark {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Mark{Node: b.cfg.Node, Seq: b.last}
}

// Reached waits until the board has read the journal up to seq, or ctx ends. A
// node that starts is ready for people once it has.
func (b *Board) Reached(ctx context.Context, seq uint64) error {
	for {
		b.mu.Lock()
		if b.last >= seq {
			b.mu.Unlock()
			return nil
		}
		if b.read == nil {
			b.read = make(chan struct{})
		}
		read := b.read
		b.mu.Unlock()
		select {
		case <-read:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Changes returns what changed after the mark, each call once, as it is now: so
// a reader who was away loses no call, however long, and the answer is bounded
// by what the board holds.
func (b *Board) Changes(org e911.OrgID, after Mark) Changes {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := Changes{Mark: Mark{Node: b.cfg.Node, Seq: b.last}}
	t := b.orgs[org]
	if after.Node != b.cfg.Node || after.Seq > b.last || (t != nil && after.Seq < t.gone) {
		out.Reset = after != Mark{}
		after.Seq = 0
	}
	if t == nil {
		return out
	}
	var changed []*held
	for _, h := range t.calls {
		if h.seq > after.Seq {
			changed = append(changed, h)
		}
	}
	slices.SortFunc(changed, func(a, b *held) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	for _, h := range changed {
		out.Calls = append(out.Calls, h.show())
	}
	for _, a := range t.alarms {
		if a.Seq > after.Seq {
			out.Alarms = append(out.Alarms, a)
		}
	}
	return out
}

// Watch returns a channel that gets a value (at most one waits) when something
// of the organisation changed, and the function that ends the watch.
func (b *Board) Watch(org e911.OrgID) (wake <-chan struct{}, stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.orgs[org]
	if t == nil {
		t = &tenant{calls: map[e911.CallID]*held{}, watchers: map[chan struct{}]struct{}{}}
		b.orgs[org] = t
	}
	w := make(chan struct{}, 1)
	t.watchers[w] = struct{}{}
	return w, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(t.watchers, w)
	}
}
