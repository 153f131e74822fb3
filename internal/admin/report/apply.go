package report

import "github.com/callbox911/callbox/internal/journal"

// Apply folds one fact into the record and reports whether it changed it. A
// fact of another call, of a kind that says nothing about a call, or one that
// was applied before (by node and sequence) changes nothing. The facts of one
// node come in order; those of different nodes may interleave as they like.
func Apply(r *CallRecord, f journal.Fact) bool {
	return false
}
