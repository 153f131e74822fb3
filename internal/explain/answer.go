package explain

import (
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/logevent"
)

// Answer is what is known of a caller, and what a call would do.
type Answer struct {
	Asked string      `json:"asked"` // in words
	At    time.Time   `json:"at"`    // the time in question
	Past  bool        `json:"past,omitempty"`
	Org   journal.Ref `json:"organisation"`
	// By is what answers: a running server, or the files that it left.
	By Source `json:"answered_by"`
	// Assumed is what had to be supposed of a call that nobody places.
	Assumed []string `json:"assumed,omitempty"`
	Devices []Device `json:"devices"`
	// Call is what a call would do, or would have done; none where none could
	// come in, and Warnings say why.
	Call *Call `json:"call,omitempty"`
	// Made are the calls of that caller within 15 minutes of a past time.
	Made []Made `json:"calls_made,omitempty"`
	// Replayed: Call is what the INVITE of the call that was asked for would do by
	// today's world, and Differs what of it is another than then.
	Replayed bool `json:"replayed,omitempty"`
	// Timeline is what happened in that call, as its page tells it.
	Timeline []report.Entry `json:"timeline,omitempty"`
	Differs  []Difference   `json:"differences,omitempty"`
	// LogEvents are those of the call for an i3 logging service, when asked for.
	LogEvents []logevent.Event `json:"log_events,omitempty"`
	// Reach is how far back the journal goes; none: it was not asked.
	Reach    *Reach   `json:"journal,omitempty"`
	Warnings []string `json:"warnings,omitempty"`

	held, ofCall bool
}

// Source is what answers a question.
type Source string

// What answers.
const (
	FromServer  Source = "server"  // the running server's memory
	FromJournal Source = "journal" // the snapshot and the journal, as they lie on the disk
)

// Device is a device of the caller, as its location server knows it.
type Device struct {
	Name  string          `json:"device"` // id, or the stable name of an unknown one
	Known bool            `json:"known"`  // it is configured
	Key   string          `json:"key,omitempty"`
	MAC   e911.MAC        `json:"mac,omitempty"`
	Model string          `json:"model,omitempty"`
	User  *journal.Ref    `json:"user,omitempty"`
	Says  []journal.Named `json:"says,omitempty"`
	// Asked is its last request, or when it was last told of; none: it never was.
	Asked  *time.Time `json:"asked,omitempty"`
	Via    string     `json:"via,omitempty"`
	From   string     `json:"from,omitempty"` // address
	Proved bool       `json:"proved,omitempty"`
	// Where is the answer that the device would be given, Findings each key that
	// it showed with the reason for which it counts or not.
	Where     Where          `json:"where"`
	Findings  []e911.Finding `json:"findings"`
	Elsewhere *time.Time     `json:"elsewhere,omitempty"` // last seen in a network that is not on the map
	// Recorded is the last change of its location that the journal has; with the
	// place as it was on the map then.
	Recorded *Recorded `json:"recorded,omitempty"`
	// Moved: today's map has another place for the same evidence.
	Moved string `json:"map_changed,omitempty"`
}

// Where is a decided place.
type Where struct {
	By         e911.LocatedBy    `json:"by"`
	Place      e911.Place        `json:"place,omitzero"`
	At         *time.Time        `json:"at,omitempty"`
	Class      locate.Class      `json:"class,omitempty"`
	Confidence locate.Confidence `json:"confidence,omitempty"`
	Because    string            `json:"because,omitempty"`
	Flags      []string          `json:"flags,omitempty"`
}

func whereOf(r locate.Result) Where {
	w := Where{By: r.By, Place: r.Place, Class: r.Class, Confidence: r.Confidence, Because: r.Because, Flags: r.Flags}
	if !r.At.IsZero() {
		at := r.At
		w.At = &at
	}
	return w
}

// Recorded is what a fact told of a device's location.
type Recorded struct {
	At         time.Time      `json:"at"` // of the fact
	By         e911.LocatedBy `json:"by"`
	Place      e911.Place     `json:"place,omitzero"`
	EvidenceAt time.Time      `json:"evidence_at,omitzero"`
	Findings   []e911.Finding `json:"findings"`
}

// Call is what a call would do.
type Call struct {
	Class      e911.CallClass     `json:"class"`
	Trunk      *journal.Ref       `json:"trunk,omitempty"`
	Identified journal.Identified `json:"identified"`
	Located    journal.Located    `json:"located"`
	Confidence locate.Confidence  `json:"confidence"`
	Because    string             `json:"because"`
	Routed     journal.Routed     `json:"routed"`
	// Skipped are the rungs, counted from 0, that are left out on the first pass:
	// their trunks were silent a moment ago.
	Skipped []int `json:"skipped,omitempty"`
	// Due is what people would be told, Told who.
	Due    journal.Due        `json:"due"`
	Told   []notify.Recipient `json:"told"`
	Alarms []journal.Alarm    `json:"alarms,omitempty"`

	where locate.Result
}

func callOf(f emergency.Foreseen) *Call {
	c := &Call{
		Class: f.Class, Identified: f.Identified, Located: f.Located, Routed: f.Routed, Due: f.Due, Alarms: f.Alarms,
		Confidence: f.Where.Confidence, Because: f.Where.Because, where: f.Where,
	}
	if f.Trunk != (journal.Ref{}) {
		c.Trunk = &f.Trunk
	}
	for i, down := range f.Down {
		if down {
			c.Skipped = append(c.Skipped, i)
		}
	}
	return c
}

// Made is a call that was placed, as its facts tell it.
type Made struct {
	ID         e911.CallID        `json:"call"`
	At         time.Time          `json:"at"`
	Arrived    journal.Arrived    `json:"arrived"`
	Identified journal.Identified `json:"identified"`
	Located    journal.Located    `json:"located"`
	Routed     journal.Routed     `json:"routed"`
	Attempts   []journal.Attempt  `json:"attempts,omitempty"`
	Failed     []journal.Failed   `json:"failed,omitempty"`
	Answered   *journal.Answered  `json:"answered,omitempty"`
	Ended      *journal.Ended     `json:"ended,omitempty"`
	Told       []journal.Notice   `json:"told,omitempty"`
	// What only the answer about one call has.
	Progress []journal.Progress     `json:"progress,omitempty"`
	Spoken   *journal.Spoken        `json:"spoken,omitempty"`
	Untold   []journal.Notice       `json:"not_told,omitempty"` // tries that failed
	Used     []journal.Dereferenced `json:"reference_used,omitempty"`
	Alarms   []journal.Alarm        `json:"alarms,omitempty"`
	// What was learned of the place after the call began.
	Asked     []journal.Asked     `json:"asked,omitempty"`
	Relocated []journal.Relocated `json:"relocated,omitempty"`
	Updated   []journal.Updated   `json:"updated,omitempty"`
	Invite    *journal.Invite     `json:"invite,omitempty"`
}

// Difference is one thing that a call would do otherwise today.
type Difference struct {
	What string `json:"what"`
	Then string `json:"then"`
	Now  string `json:"now"`
}

// Reach is how far back the journal goes.
type Reach struct {
	Since time.Time `json:"since,omitzero"` // oldest fact that is kept; zero: none is
	// Cut: older facts were there and were dropped.
	Cut bool `json:"cut,omitempty"`
	// Short: the time in question lies before what is kept.
	Short bool `json:"short,omitempty"`
	// Damaged is how many segments could not be read.
	Damaged int `json:"damaged,omitempty"`
}
