package report

import (
	"context"
	"log/slog"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// BoardConfig is what a Board needs.
type BoardConfig struct {
	Node string // whose journal Feed reads
	Feed journal.Feed
	From uint64 // first sequence to read, default 1
	Keep int    // past calls and alarms kept for each organisation, default 200
	Now  func() time.Time
	Log  *slog.Logger
}

// Board holds the newest calls and alarms of every organisation in memory, fed
// by the journal alone: it works with SQL down (D-12). Safe for concurrent use.
type Board struct{ cfg BoardConfig }

// NewBoard checks the configuration and reports all its faults.
func NewBoard(cfg BoardConfig) (*Board, error) { return &Board{cfg: cfg}, nil }

// Run follows the journal until ctx ends.
func (b *Board) Run(ctx context.Context) error { <-ctx.Done(); return nil }

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

// Calls returns the organisation's calls, newest first. The records are shared:
// callers read them only.
func (b *Board) Calls(org e911.OrgID) []CallRecord { return nil }

// Call returns one call of the organisation.
func (b *Board) Call(org e911.OrgID, id e911.CallID) (CallRecord, bool) { return CallRecord{}, false }

// Alarms returns the organisation's alarms, newest first.
func (b *Board) Alarms(org e911.OrgID) []Alarm { return nil }

// Changes returns what changed after the mark.
func (b *Board) Changes(org e911.OrgID, after Mark) Changes { return Changes{} }

// Watch returns a channel that gets a value (at most one waits) when something
// of the organisation changed, and the function that ends the watch.
func (b *Board) Watch(org e911.OrgID) (wake <-chan struct{}, stop func()) { return nil, func() {} }
