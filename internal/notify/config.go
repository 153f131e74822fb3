package notify

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Overdue gives facts that the journal's disk did not take in time, before
// they last (journal/disk does).
type Overdue interface {
	Overdue(ctx context.Context) <-chan journal.Fact
}

// Config is what New needs.
type Config struct {
	Dir      string           // folder of the outbox, made when absent
	Feed     journal.Feed     // where facts come from
	Recorder journal.Recorder // where NotifySent, NotifyFailed and alarms go
	Overdue  Overdue          // may be nil
	Rules    Rules
	Channels []Channel // a rule that names a channel which is not here raises an alarm
	BaseURL  string    // of the pages; links are BaseURL + "/calls/" + call id

	Now func() time.Time // time.Now when nil
	Log *slog.Logger     // discards when nil
	// Open opens the outbox's database; tests give one that fails. nil: SQLite.
	Open func(path string) (*sql.DB, error)

	FirstPause time.Duration // after the first failure; 1 s
	LongPause  time.Duration // the longest pause between tries; 5 min
	MaxAge     time.Duration // a notice that old is given up; 24 h
	StopAfter  time.Duration // how long a stop waits for what is being sent; 3 s
}

func (c Config) validate() (Config, error) {
	var faults []e911.Fault
	need := func(ok bool, path, msg string) {
		if !ok {
			faults = append(faults, e911.Fault{Path: path, Code: "required", Msg: msg})
		}
	}
	need(c.Dir != "", "dir", "a folder for the outbox is needed")
	need(c.Feed != nil, "feed", "a feed of facts is needed")
	need(c.Recorder != nil, "recorder", "a recorder is needed")
	need(c.Rules != nil, "rules", "the alert rules are needed")
	names := map[string]bool{}
	for i, ch := range c.Channels {
		if names[ch.Name()] {
			faults = append(faults, e911.Fault{Path: fmt.Sprintf("channels[%d]", i), Code: "duplicate", Msg: "two channels are called " + ch.Name()})
		}
		names[ch.Name()] = true
	}
	for path, d := range map[string]time.Duration{
		"first_pause": c.FirstPause, "long_pause": c.LongPause, "max_age": c.MaxAge, "stop_after": c.StopAfter,
	} {
		if d < 0 {
			faults = append(faults, e911.Fault{Path: path, Code: "range", Msg: fmt.Sprintf("%v is less than nothing", d)})
		}
	}
	if faults != nil {
		return c, &e911.Error{Kind: e911.Invalid, Msg: "notification configuration", Faults: faults}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Open == nil {
		c.Open = OpenSQLite
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	c.FirstPause = cmp.Or(c.FirstPause, time.Second)
	c.LongPause = cmp.Or(c.LongPause, 5*time.Minute)
	c.MaxAge = cmp.Or(c.MaxAge, 24*time.Hour)
	c.StopAfter = cmp.Or(c.StopAfter, 3*time.Second)
	return c, nil
}

// The alarms that this package records, as journal.Alarm.Code.
const (
	AlarmNobody    = "notify_nobody"     // a call and nobody to tell
	AlarmNoChannel = "notify_no_channel" // a rule names a channel that is not set up
	AlarmOutbox    = "notify_outbox"     // the outbox's database fails; notices go out from memory
	AlarmOutboxOK  = "notify_outbox_ok"  // it works again
	AlarmGaveUp    = "notify_gave_up"    // somebody could not be told
)
