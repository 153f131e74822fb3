package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
)

// How facts are gathered into one transaction: what the store is spared, and
// how late a record in SQL may be (design section 4: within 1 s). A batch that
// took long is followed by a pause in proportion, so that records take no more
// than a part of a processor however many calls there are: the more of a call's
// facts come in one batch, the less often its record is written.
const (
	batchFacts  = 16384
	batchWait   = 100 * time.Millisecond
	batchRest   = 4                      // pause after a batch, in times that it took
	batchLatest = 900 * time.Millisecond // the longest pause
)

// Calls are kept in memory between transactions: those in progress, and those
// that ended a moment ago, for what is told of them comes after their end.
const (
	heldCalls = 8192
	heldEnded = 20 * time.Second
	heldQuiet = 3 * time.Second // with more than heldCalls
)

// How a store that fails is asked again.
const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 5 * time.Second
	storeTimeout = 10 * time.Second
)

// ProjectorConfig is what a Projector needs.
type ProjectorConfig struct {
	Node  string // whose journal Feed reads
	Feed  journal.Feed
	Store Writer
	// Last is the newest sequence of the journal, if that can be told. A store
	// that is further belongs to a journal that is gone, and its node's name
	// must not be used again: Run then says so in the log.
	Last func() uint64
	Now  func() time.Time
	Log  *slog.Logger
}

func (c *ProjectorConfig) validate() error {
	var errs []error
	if c.Node == "" {
		errs = append(errs, errors.New("node is empty"))
	}
	if c.Feed == nil {
		errs = append(errs, errors.New("feed is missing"))
	}
	if c.Store == nil {
		errs = append(errs, errors.New("store is missing"))
	}
	if c.Now == nil {
		errs = append(errs, errors.New("clock is missing"))
	}
	if c.Log == nil {
		errs = append(errs, errors.New("log is missing"))
	}
	return errors.Join(errs...)
}

// Projector keeps the call records in SQL up to date with the journal. While
// the store fails it reads no further, and the journal keeps the facts.
type Projector struct {
	cfg    ProjectorConfig
	cursor uint64
	calls  map[e911.CallID]*CallRecord
	rest   time.Duration // before the next batch is full
}

// NewProjector checks the configuration and reports all its faults.
func NewProjector(cfg ProjectorConfig) (*Projector, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Projector{cfg: cfg, calls: map[e911.CallID]*CallRecord{}}, nil
}

// Run projects until ctx ends. It must run once only at a time.
func (p *Projector) Run(ctx context.Context) error {
	err := p.insist(ctx, "read the cursor of the call records", func(ctx context.Context) error {
		var err error
		p.cursor, err = p.cfg.Store.Cursor(ctx, p.cfg.Node)
		return err
	})
	if err != nil {
		return nil //nolint:nilerr // insist ends only with ctx, which is how Run is asked to end
	}
	if p.cfg.Last != nil && p.cursor > p.cfg.Last() {
		p.cfg.Log.Error("the call records in the store are further than this journal: the journal was replaced; give the node a new name, or its calls reach no record",
			obs.KeyNode, p.cfg.Node, "kept", p.cursor, "journal", p.cfg.Last())
	}
	facts := p.cfg.Feed.Subscribe(ctx, p.cursor+1)
	for {
		batch, open := gather(ctx, facts, max(batchWait, p.rest))
		began := time.Now()
		if err := p.project(ctx, batch); err != nil || ctx.Err() != nil {
			return nil //nolint:nilerr // as above
		}
		p.rest = min(batchRest*time.Since(began), batchLatest)
		if !open {
			return errors.New("the journal's feed ended")
		}
	}
}

// gather waits for a fact and takes what follows it within a time. It reports
// false when the feed is closed.
func gather(ctx context.Context, facts <-chan journal.Fact, wait time.Duration) ([]journal.Fact, bool) {
	var batch []journal.Fact
	var full <-chan time.Time
	for len(batch) < batchFacts {
		select {
		case f, open := <-facts:
			if !open {
				return batch, false
			}
			batch = append(batch, f)
			if full == nil {
				timer := time.NewTimer(wait)
				defer timer.Stop()
				full = timer.C
			}
		case <-full:
			return batch, true
		case <-ctx.Done():
			return batch, true
		}
	}
	return batch, true
}

// project applies the facts and saves what they changed. Its only error is the
// end of ctx.
func (p *Projector) project(ctx context.Context, batch []journal.Fact) error {
	if len(batch) == 0 {
		return nil
	}
	upTo := p.cursor
	var order []e911.CallID
	changed := map[e911.CallID]bool{}
	for _, f := range batch {
		upTo = max(upTo, f.Seq)
		if f.Call == "" || f.Org == "" || !tells(f.Kind) {
			continue
		}
		record, err := p.record(ctx, f)
		if err != nil {
			return err
		}
		if Apply(record, f) && !changed[f.Call] {
			changed[f.Call] = true
			order = append(order, f.Call)
		}
	}
	records := make([]CallRecord, 0, len(order))
	for _, id := range order {
		records = append(records, *p.calls[id])
	}
	if err := p.save(ctx, upTo, records); err != nil {
		return err
	}
	p.cursor = upTo
	p.forget()
	return nil
}

// forget drops calls that are over and, when there are too many, those of which
// nothing was heard for a while: most calls have their facts in the first second
// and at their end. What still comes reads them from the store again.
func (p *Projector) forget() {
	now := p.cfg.Now()
	drop := func(gone func(*CallRecord) bool) bool {
		for id, r := range p.calls {
			if gone(r) {
				delete(p.calls, id)
			}
		}
		return len(p.calls) <= heldCalls
	}
	if drop(func(r *CallRecord) bool { return r.State == Ended && now.Sub(r.LastAt) >= heldEnded }) ||
		drop(func(r *CallRecord) bool { return now.Sub(r.LastAt) >= heldQuiet }) {
		return
	}
	clear(p.calls)
}

// record finds the record that the fact belongs to, or starts it.
func (p *Projector) record(ctx context.Context, f journal.Fact) (*CallRecord, error) {
	if r := p.calls[f.Call]; r != nil {
		return r, nil
	}
	r := &CallRecord{}
	if f.Kind != journal.CallArrived {
		err := p.insist(ctx, "read a call record", func(ctx context.Context) error {
			found, err := p.cfg.Store.Call(ctx, f.Org, f.Call)
			if err != nil && e911.KindOf(err) != e911.NotFound {
				return err
			}
			*r = found
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	p.calls[f.Call] = r
	return r, nil
}

// save keeps the records. When the store refuses one for what it is, the others
// are kept all the same: a bad row freezes nobody (F-31).
func (p *Projector) save(ctx context.Context, upTo uint64, records []CallRecord) error {
	refused := false
	err := p.insist(ctx, "keep call records", func(ctx context.Context) error {
		err := p.cfg.Store.SaveCalls(ctx, p.cfg.Node, upTo, records)
		refused = refusal(err)
		if refused {
			return nil
		}
		return err
	})
	if err != nil || !refused {
		return err
	}
	for _, r := range records {
		err := p.insist(ctx, "keep one call record", func(ctx context.Context) error {
			err := p.cfg.Store.SaveCalls(ctx, p.cfg.Node, p.cursor, []CallRecord{r})
			if refusal(err) {
				p.cfg.Log.Error("the store refuses a call record; the journal keeps its facts",
					obs.KeyCall, r.ID, obs.KeyOrg, r.Org, obs.Err(err))
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.insist(ctx, "keep the cursor of the call records", func(ctx context.Context) error {
		err := p.cfg.Store.SaveCalls(ctx, p.cfg.Node, upTo, nil)
		if refusal(err) {
			p.cfg.Log.Error("the store is further than this projector: another one writes for the same node",
				obs.KeyNode, p.cfg.Node, obs.Err(err))
			return nil
		}
		return err
	})
}

// refusal reports an error that trying again does not mend.
func refusal(err error) bool {
	if err == nil {
		return false
	}
	kind := e911.KindOf(err)
	return kind == e911.Invalid || kind == e911.Conflict
}

// insist does do until it succeeds or ctx ends, which is its only error. It
// logs the first failure and the recovery, not each try.
func (p *Projector) insist(ctx context.Context, what string, do func(context.Context) error) error {
	var failing time.Time
	for wait := firstBackOff; ; wait = min(2*wait, lastBackOff) {
		try, cancel := context.WithTimeout(ctx, storeTimeout)
		err := do(try)
		cancel()
		if err == nil {
			if !failing.IsZero() {
				p.cfg.Log.Info("call records are kept again", "after", p.cfg.Now().Sub(failing).String())
			}
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
		if failing.IsZero() {
			failing = p.cfg.Now()
			p.cfg.Log.Warn("call records cannot be kept; the journal keeps the facts meanwhile",
				"doing", what, obs.Err(err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
}
