// Package reporttest holds what tests of call records stand on: a journal and a
// store in memory that behave as the real ones do, and the facts of whole calls.
package reporttest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Node is the name of the journal in memory.
const Node = "n1"

// Journal is a journal in memory. Safe for concurrent use.
type Journal struct {
	mu    sync.Mutex
	facts []journal.Fact
	grown chan struct{} // closed and replaced when facts grow
}

// NewJournal makes an empty journal.
func NewJournal() *Journal { return &Journal{grown: make(chan struct{})} }

// Add numbers the facts and keeps them.
func (j *Journal) Add(facts ...journal.Fact) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range facts {
		f.Node, f.Seq = Node, uint64(len(j.facts)+1)
		j.facts = append(j.facts, f)
	}
	close(j.grown)
	j.grown = make(chan struct{})
}

// Facts returns all facts so far.
func (j *Journal) Facts() []journal.Fact {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.facts)
}

// Subscribe implements journal.Feed.
func (j *Journal) Subscribe(ctx context.Context, from uint64) <-chan journal.Fact {
	out := make(chan journal.Fact)
	go func() {
		defer close(out)
		for next := max(from, 1); ; {
			j.mu.Lock()
			var batch []journal.Fact
			if next <= uint64(len(j.facts)) {
				batch = slices.Clone(j.facts[next-1:])
			}
			grown := j.grown
			j.mu.Unlock()
			for _, f := range batch {
				select {
				case out <- f:
					next = f.Seq + 1
				case <-ctx.Done():
					return
				}
			}
			if len(batch) > 0 {
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// Store keeps call records in memory, as a SQL store does. Safe for concurrent
// use.
type Store struct {
	mu      sync.Mutex
	calls   map[e911.CallID]report.CallRecord
	cursors map[string]uint64
	fail    func(op string) error
	saves   int
	saved   chan struct{} // closed and replaced at every save
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{calls: map[e911.CallID]report.CallRecord{}, cursors: map[string]uint64{}, saved: make(chan struct{})}
}

// Fail makes each operation ("cursor", "save", "call", "list") answer with the
// function's error where it has one; nil ends that.
func (s *Store) Fail(f func(op string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *Store) broken(op string) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(op)
}

// Cursor implements report.Writer.
func (s *Store) Cursor(_ context.Context, node string) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursors[node], s.broken("cursor")
}

// SaveCalls implements report.Writer.
func (s *Store) SaveCalls(_ context.Context, node string, upTo uint64, calls []report.CallRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken("save"); err != nil {
		return err
	}
	for _, c := range calls {
		s.calls[c.ID] = c
	}
	s.cursors[node] = upTo
	s.saves++
	close(s.saved)
	s.saved = make(chan struct{})
	return nil
}

// Reached waits until the cursor of the node is at seq.
func (s *Store) Reached(ctx context.Context, node string, seq uint64) error {
	for {
		s.mu.Lock()
		at, saved := s.cursors[node], s.saved
		s.mu.Unlock()
		if at >= seq {
			return nil
		}
		select {
		case <-saved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Saves counts the transactions so far.
func (s *Store) Saves() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves
}

// Call implements report.Writer and report.Reader.
func (s *Store) Call(_ context.Context, org e911.OrgID, id e911.CallID) (report.CallRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken("call"); err != nil {
		return report.CallRecord{}, err
	}
	c, ok := s.calls[id]
	if !ok || c.Org != org {
		return report.CallRecord{}, e911.Errorf(e911.NotFound, "no such call")
	}
	return c, nil
}

// ListCalls implements report.Reader.
func (s *Store) ListCalls(_ context.Context, org e911.OrgID, before e911.CallID, limit int) ([]report.CallRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken("list"); err != nil {
		return nil, err
	}
	var out []report.CallRecord
	for _, c := range s.calls {
		if c.Org == org && (before == "" || c.ID < before) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b report.CallRecord) int { return cmp.Compare(b.ID, a.ID) })
	return out[:min(limit, len(out))], nil
}
