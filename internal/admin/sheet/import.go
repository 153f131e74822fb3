package sheet

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
)

// Mode says whether an import may take anything away (C-61).
type Mode string

// The modes.
const (
	// Add makes and fills: FALSE, and what a list does not name, are passed over,
	// and REMOVE| is refused.
	Add Mode = "add"
	// Replace adds and removes: FALSE takes off, a list is the whole list, and
	// REMOVE| takes out. What no row names is left alone all the same.
	Replace Mode = "replace"
)

// Options of one import.
type Options struct {
	Org  e911.OrgID
	Kind Kind
	Mode Mode // none: Add
	// Whole makes the table the whole truth of its kind: what no row names is
	// deleted. Users and sites are never deleted by a table.
	Whole bool
	// Partial imports the rows that are in order, and leaves the others; else one
	// bad row refuses the table.
	Partial bool
	// Layers validate addresses; nil: only their form is checked.
	Title string // of the change set; none: the kind and the table's name
}

// Ignored is a column of the table that nothing was taken from.
type Ignored struct {
	Name string `json:"name"`
	Col  int    `json:"col"` // from 1
	Why  string `json:"why"` // "unknown" or "read_only"
}

// The reasons of an Ignored.
const (
	WhyUnknown  = "unknown"
	WhyReadOnly = "read_only"
)

// Report says what a table held.
type Report struct {
	File    string    `json:"file"`
	Kind    Kind      `json:"kind"`
	Mode    Mode      `json:"mode"`
	Rows    int       `json:"rows"`
	Bad     int       `json:"bad"` // rows with a fault
	Same    int       `json:"same"`
	Ignored []Ignored `json:"ignored,omitempty"`
	// Faults are all of them, by row and column; Notices what was mended and what
	// is worth a word.
	Faults  []e911.Fault `json:"faults,omitempty"`
	Notices []e911.Fault `json:"notices,omitempty"`
}

// Import turns a table into a change set against what view shows. Rows that
// change nothing give no step. Faults of rows are in the report, all of them, and
// in the set, whose Partial is that of the options. The error is Invalid for the
// options or a header that cannot be used, or the view's.
func Import(ctx context.Context, view admin.View, o Options, t Table) (change.Set, Report, error) {
	return change.Set{}, Report{}, e911.Errorf(e911.Invalid, "%q is no kind of table", o.Kind)
}
