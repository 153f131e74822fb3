// Package portal draws the pages: what a security desk reads at three in the
// morning. Views are plain values made from call records by pure functions; the
// templ files beside them only lay the values out.
package portal

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // sites have zones, and a machine may have no zone files

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Tone colours a state.
type Tone string

// The tones of a state.
const (
	Quiet Tone = "quiet" // over, as it should be
	Busy  Tone = "busy"  // under way
	Good  Tone = "good"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
)

// Frame is what every page has around its content.
type Frame struct {
	Title         string
	Assets        string // folder of the assets, ends in a slash
	Map           bool   // the map's files are there
	Org           string // empty: nobody is signed in
	Demonstration bool
	Mark          string // where the page's live events start
	Now           time.Time
	Alarms        []Alarm
	Switch        *Switch // nil: there is one organisation to look at
	My            bool    // who looks has a page of his own place and callback number
}

// Switch is the choice among organisations of somebody who has several.
type Switch struct {
	Form string // token of forms
	Here string // name of the one that is open; empty: none is
	Orgs []SwitchOrg
}

// SwitchOrg is one of them.
type SwitchOrg struct {
	ID, Name string
	Here     bool
}

// Page is the page of calls.
type Page struct {
	Frame
	Lists
	Open  *Detail // nil: no call is selected
	Tests []Test  // that wait for somebody to see them
	SetUp string  // warns that a site is not set up; none: there is nothing to warn of
}

// Lists are the calls in progress and the past ones.
type Lists struct {
	Live      []Row
	Past      []Day
	Older     string // path of the next page, empty at the end
	StoreDown bool   // older calls cannot be read right now
}

// Day groups past calls.
type Day struct {
	Label string
	Rows  []Row
}

// Row is a call in a list.
type Row struct {
	ID        string
	Emergency bool
	Tag       string // "911", "933"
	Who       string
	Where     string
	Status    string
	Tone      Tone
	Live      bool
	Demo      bool
	Clock     string // time of day
	Arrived   time.Time
	Length    string // running clock, or how long it took
	Selected  bool
}

// Alarm is an alarm in the list of alarms.
type Alarm struct {
	When   string
	Detail string
	Source string
	Count  int
}

// Path is the page of the call.
func (r Row) Path() string { return "/calls/" + r.ID }

// NewRow makes the row of a call as it stands at now.
func NewRow(r *report.CallRecord, now time.Time) Row {
	tone, status := state(r, now)
	at := r.ArrivedAt.In(zone(r.Zone))
	row := Row{
		ID: string(r.ID), Emergency: r.Class != e911.ClassTest933, Tag: "911",
		Who: person(r.Who), Where: where(r), Status: status, Tone: tone,
		Live: r.Live(now), Demo: r.Demonstration, Clock: at.Format("15:04"), Arrived: r.ArrivedAt,
	}
	if !row.Emergency {
		row.Tag = "933"
	}
	if row.Who == "" {
		row.Who = "Unknown caller"
	}
	switch {
	case row.Live:
		row.Length = elapsed(now.Sub(r.ArrivedAt))
	case r.EndedAt != nil:
		row.Length = duration(r.EndedAt.Sub(r.ArrivedAt))
	}
	return row
}

// NewLists sorts records, newest first, into calls in progress and past ones by
// day. Calls in progress come oldest first, so that a row never moves while
// somebody reaches for it.
func NewLists(records []report.CallRecord, now time.Time) Lists {
	var l Lists
	for i := range records {
		r := &records[i]
		row := NewRow(r, now)
		if row.Live {
			l.Live = append([]Row{row}, l.Live...)
			continue
		}
		label := day(r.ArrivedAt.In(zone(r.Zone)), now)
		if n := len(l.Past); n == 0 || l.Past[n-1].Label != label {
			l.Past = append(l.Past, Day{Label: label})
		}
		d := &l.Past[len(l.Past)-1]
		d.Rows = append(d.Rows, row)
	}
	return l
}

// NewAlarms makes the list of alarms.
func NewAlarms(alarms []report.Alarm) []Alarm {
	out := make([]Alarm, 0, len(alarms))
	for _, a := range alarms {
		out = append(out, Alarm{
			When: a.At.UTC().Format("2 Jan 15:04:05 MST"), Detail: a.Detail, Source: a.Source, Count: a.Count,
		})
	}
	return out
}

func where(r *report.CallRecord) string {
	switch {
	case r.LocatedBy == e911.ByNothing && (r.Place == nil || r.Place.Display == ""):
		return "Place unknown"
	case r.Place == nil:
		return ""
	case r.Place.Display != "":
		return r.Place.Display
	case r.Place.Area != nil:
		return coordinates(r.Place.Area.Point)
	}
	return "Place unknown"
}

func coordinates(p e911.Point) string { return fmt.Sprintf("%.5f, %.5f", p.Lat, p.Lon) }

func refName(r journal.Ref) string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Key != "":
		return r.Key
	}
	return r.ID
}

// state says in a few words how a call stands.
func state(r *report.CallRecord, now time.Time) (Tone, string) {
	test := r.Class == e911.ClassTest933
	switch {
	case r.State == report.Ended && r.AnsweredAt == nil && told(r, journal.DueNotConnected):
		return Bad, "Never connected, the caller gave up"
	case r.State == report.Ended && r.Abandoned:
		return Warn, "Gave up before an answer"
	case r.State == report.Ended && test:
		return Quiet, "Test completed"
	case r.State == report.Ended && r.AnsweredAt == nil:
		return Bad, "Never connected"
	case r.State == report.Ended:
		return Quiet, "Ended, hung up by " + party(r.EndedBy)
	case !r.Live(now):
		return Warn, "No end was reported"
	case r.State == report.Connected && test:
		return Good, "Reading the address out"
	case r.State == report.Connected:
		return Good, "Connected to " + or(refName(r.PSAP), "the PSAP")
	case told(r, journal.DueNotConnected):
		return Bad, "NOT CONNECTED, still trying"
	}
	if len(r.Attempts) == 0 {
		if test {
			return Busy, "Answering the test"
		}
		return Busy, "Finding out who and where"
	}
	a := r.Attempts[len(r.Attempts)-1]
	to := or(refName(a.PSAP), "the PSAP")
	switch a.State {
	case report.AttemptProgress:
		return Busy, "Ringing at " + to
	case report.AttemptFailed, report.AttemptUnsent:
		return Bad, "Attempt failed, trying the next route"
	}
	return Busy, "Calling " + to
}

func told(r *report.CallRecord, reason string) bool {
	for _, d := range r.Due {
		if d.Reason == reason {
			return true
		}
	}
	return false
}

func party(by string) string {
	switch by {
	case "caller":
		return "the caller"
	case "psap":
		return "the PSAP"
	}
	return "Callbox"
}

func or(s, otherwise string) string {
	if strings.TrimSpace(s) == "" {
		return otherwise
	}
	return s
}

// DayOf names the day of a call, as Day.Label does.
func DayOf(r *report.CallRecord, now time.Time) string {
	return day(r.ArrivedAt.In(zone(r.Zone)), now)
}

// Select marks the rows of the open call.
func (l *Lists) Select(id string) {
	for i := range l.Live {
		l.Live[i].Selected = l.Live[i].ID == id
	}
	for _, d := range l.Past {
		for i := range d.Rows {
			d.Rows[i].Selected = d.Rows[i].ID == id
		}
	}
}
