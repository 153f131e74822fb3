package portal

import (
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/reconcile"
)

// ListsPage is the page that compares the platforms' lists with ours (W-55).
type ListsPage struct {
	Frame
	Sources []Source
	Fault   string // why nothing can be shown; empty: all is
}

// Source is one platform's list beside ours.
type Source struct {
	Key, Kind string
	Tone      string // good, warn, bad, quiet
	State     string // "In step"
	Since     string // when it was compared, and how
	Theirs    string // how many stand in the platform's list
	Ours      string
	Same      string
	Counts    []Tally // of what differs, worst first
	Alarms    []string
	Notes     []string
	Rows      []Drift
	More      int // differences that are not shown
	Mend      string
}

// Tally is how many objects differ in one way.
type Tally struct {
	Tone, Label string
	Count       int
}

// Drift is one object in which the two lists differ.
type Drift struct {
	Tone, Class  string
	Unregistered bool
	Theirs, Ours string // its key on each side; empty: it is not there
	Fields       []reconcile.FieldDiff
	Why, Fix     string
}

// ShownDrift is how many differences of a list the page has.
const ShownDrift = 200

// NewSource makes the view of one list; last is its last run with its differences,
// nil when there was none.
func NewSource(st *reconcile.Status, last *reconcile.Run, now time.Time) Source {
	v := Source{Key: st.Source.Key, Kind: string(st.Source.Kind), Tone: "quiet", State: "Not compared yet", Alarms: st.Alarms}
	if st.Source.Paused {
		v.Notes = append(v.Notes, "It is paused: nothing is compared until somebody resumes it.")
	}
	if last == nil {
		return v
	}
	v.Since = "Compared " + ago(now, last.Ended) + ", " + last.Ended.UTC().Format("2 Jan 2006 15:04") + " UTC"
	if !last.ListAt.IsZero() {
		v.Since += "; the platform’s list is of " + last.ListAt.UTC().Format("2 Jan 2006 15:04") + " UTC"
	}
	c := last.Counts
	switch {
	case last.State == reconcile.StateFailed:
		v.Tone, v.State = "bad", "Could not be compared"
		v.Notes = append(v.Notes, upperFirst(last.Error)+".")
		return v
	case c.Unregistered > 0:
		v.Tone, v.State = "bad", many(c.Unregistered, "would make unregistered calls", "would make unregistered calls")
	case last.State == reconcile.StateDrift:
		v.Tone, v.State = "warn", many(c.Drift(), "difference", "differences")
	default:
		v.Tone, v.State = "good", "In step"
	}
	v.Theirs, v.Ours, v.Same = grouped(last.Rows), grouped(last.Ours), grouped(c.Same)
	for _, t := range []Tally{
		{"bad", "only at the platform", c.Missing},
		{"warn", "left the directory", c.Left},
		{"warn", "twice", c.Duplicate},
		{"warn", "written otherwise", c.Near},
		{"warn", "different", c.Changed},
		{"quiet", "only here", c.Extra},
	} {
		if t.Count > 0 {
			v.Counts = append(v.Counts, t)
		}
	}
	if !last.DriftSince.IsZero() {
		v.Notes = append(v.Notes, "The lists have differed since "+last.DriftSince.UTC().Format("2 Jan 2006 15:04")+" UTC.")
	}
	if last.NoDeletions != "" {
		v.Notes = append(v.Notes, "Nothing is deleted by this list: "+last.NoDeletions+".")
	}
	if last.PlanWhy != "" {
		v.Notes = append(v.Notes, "No plan was made: "+last.PlanWhy+".")
	}
	if last.Plan != "" {
		v.Mend = "callbox plan " + last.Plan
	} else if last.State == reconcile.StateDrift {
		v.Mend = "callbox reconcile plan " + v.Key
	}
	v.rows(last)
	return v
}

func (v *Source) rows(last *reconcile.Run) {
	for i := range last.Differences {
		if len(v.Rows) == ShownDrift {
			break
		}
		d := &last.Differences[i]
		row := Drift{Unregistered: d.Unregistered, Theirs: d.Key, Ours: d.OurKey, Fields: d.Fields, Why: d.Why, Fix: d.Fix, Tone: "warn"}
		switch d.Class {
		case reconcile.Missing:
			row.Tone, row.Class = "bad", "Only at the platform"
		case reconcile.Left:
			row.Class = "Left the directory"
		case reconcile.Extra:
			row.Tone, row.Class = "quiet", "Only here"
			row.Theirs = ""
		case reconcile.Duplicate:
			row.Class = "Twice"
		case reconcile.Near:
			row.Class = "Written otherwise"
		case reconcile.Changed:
			row.Class = "Different"
		}
		v.Rows = append(v.Rows, row)
	}
	v.More = len(last.Differences) + last.More - len(v.Rows)
}

func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + more
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && n > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ago says how long ago something was, in one unit.
func ago(now, then time.Time) string {
	d := now.Sub(then)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return many(int(d.Minutes()), "minute", "minutes") + " ago"
	case d < 48*time.Hour:
		return many(int(d.Hours()), "hour", "hours") + " ago"
	}
	return many(int(d.Hours()/24), "day", "days") + " ago"
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// dash stands for what a list leaves empty.
func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
