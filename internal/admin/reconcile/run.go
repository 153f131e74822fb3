package reconcile

import (
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Class says how the two lists differ in one object.
type Class string

// The classes, worst first.
const (
	Missing   Class = "missing"   // the platform has it, Callbox does not: an unregistered call
	Left      Class = "left"      // the platform has somebody who left the organisation's directory of people
	Duplicate Class = "duplicate" // a key stands more than once in a list: which row counts is not known
	Near      Class = "near"      // two keys that differ in how they are written, or a moved e-mail address
	Changed   Class = "changed"   // some fields differ
	Extra     Class = "extra"     // Callbox has it, the platform does not
)

// Classes lists them in order.
func Classes() []Class { return []Class{Missing, Left, Duplicate, Near, Changed, Extra} }

// FieldDiff is one field in which the lists differ.
type FieldDiff struct {
	Field  string `json:"field"`
	Theirs string `json:"theirs"`
	Ours   string `json:"ours"`
}

// Difference is one object in which the lists differ.
type Difference struct {
	Class Class `json:"class"`
	// Key is the platform's; OurKey what Callbox has, where it has something.
	Key    string    `json:"key,omitempty"`
	OurKey string    `json:"our_key,omitempty"`
	Ref    admin.Ref `json:"ref,omitzero"`
	Row    int       `json:"row,omitempty"` // line of the platform's list
	// Unregistered: an emergency call of it would be an unregistered one.
	Unregistered bool        `json:"unregistered,omitempty"`
	Fields       []FieldDiff `json:"fields,omitempty"`
	Why          string      `json:"why"`
	Fix          string      `json:"fix,omitempty"`
}

// Counts are how many objects differ, and how.
type Counts struct {
	Missing      int `json:"missing"`
	Left         int `json:"left"`
	Unregistered int `json:"unregistered"`
	Duplicate    int `json:"duplicate"`
	Near         int `json:"near"`
	Changed      int `json:"changed"`
	Extra        int `json:"extra"`
	Same         int `json:"same"`
}

// Drift is how many objects differ.
func (c Counts) Drift() int { return c.Missing + c.Left + c.Duplicate + c.Near + c.Changed + c.Extra }

// State is how a run ended.
type State string

// The states of a run.
const (
	StateSame   State = "same"   // the lists are in step
	StateDrift  State = "drift"  // they differ
	StateFailed State = "failed" // the list could not be had or read; Error says why
)

// MaxListed is how many differences of a class a Run carries. Counts are whole.
const MaxListed = 1000

// Run is one comparison. It has no rows of a list, but for the differences.
type Run struct {
	ID      string     `json:"id"`
	Org     e911.OrgID `json:"org"`
	Source  string     `json:"source"` // key of the source
	By      string     `json:"by"`     // "schedule", "push", or who asked
	Started time.Time  `json:"started"`
	Ended   time.Time  `json:"ended"`
	State   State      `json:"state"`
	Error   string     `json:"error,omitempty"`
	Digest  string     `json:"digest,omitempty"` // SHA-256 of the list
	// ListAt is when the list was written or pushed.
	ListAt time.Time `json:"list_at,omitzero"`
	Rows   int       `json:"rows"` // of the platform's list
	Ours   int       `json:"ours"`
	Counts Counts    `json:"counts"`
	// DriftSince is since when every run has found a difference; zero: this one found
	// none.
	DriftSince time.Time `json:"drift_since,omitzero"`
	// NoDeletions says why nothing may be deleted by this list; empty: it may.
	NoDeletions string `json:"no_deletions,omitempty"`
	// Good is how many rows the last list had that was not refused so.
	Good int `json:"good_rows"`
	// Plan and PlanHash name the change plan that mends it, where one was made;
	// PlanWhy says why none is there.
	Plan     string `json:"plan,omitempty"`
	PlanHash string `json:"plan_hash,omitempty"`
	PlanWhy  string `json:"plan_why,omitempty"`
	// Alarmed is when the administrators were told of it last.
	Alarmed     time.Time    `json:"alarmed,omitzero"`
	Differences []Difference `json:"differences,omitempty"` // the first MaxListed of each class
	// More is how many differences are not listed.
	More int `json:"more,omitempty"`
}

// Status is how one source stands (W-55).
type Status struct {
	Source Source    `json:"source"`
	Last   *Run      `json:"last,omitempty"` // without its differences; nil: there was none
	Due    time.Time `json:"due"`            // of the next run
	// AgeSeconds is how old the last run that worked is; -1: there was none.
	AgeSeconds int64 `json:"age_seconds"`
	// Late: a run is overdue, the list is old, or the lists have differed for too long.
	Late   bool     `json:"late"`
	Alarms []string `json:"alarms,omitempty"` // what is wrong, for a person
}
