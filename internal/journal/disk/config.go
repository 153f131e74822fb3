package disk

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Why a fact is not, or not yet, on the disk. Receipt.Err wraps them.
var (
	// ErrKept means that the disk fails and the fact waits in memory; it is
	// lost only if the process ends before the disk recovers.
	ErrKept = errors.New("kept in memory: the disk does not take it")
	// ErrFull means that the fact was refused because the facts that wait in
	// memory for a failing disk have reached their bound.
	ErrFull = errors.New("refused: too many facts wait for the disk")
	// ErrClosed means that the journal was closed before the fact was written.
	ErrClosed = errors.New("the journal is closed")
	// ErrInvalid means that the fact is not one: its body is not JSON, or it
	// is larger than 16 MiB.
	ErrInvalid = errors.New("refused: not a fact that can be kept")
)

// AlarmCode says what happened; a closed list.
type AlarmCode string

// The alarms of the journal.
const (
	AlarmFailing    AlarmCode = "journal_failing"    // write or fsync returned an error
	AlarmStalled    AlarmCode = "journal_stalled"    // the disk has not answered for 10 x OverdueAfter
	AlarmFull       AlarmCode = "journal_full"       // facts are being refused
	AlarmRecovered  AlarmCode = "journal_recovered"  // all facts are on the disk again
	AlarmCorrupt    AlarmCode = "journal_corrupt"    // a record or segment is damaged and was skipped
	AlarmUnreadable AlarmCode = "journal_unreadable" // a segment cannot be read
	AlarmBehind     AlarmCode = "journal_behind"     // a reader asked for a future fact: the journal was replaced
)

// Alarm is told once for each change of state.
type Alarm struct {
	Code   AlarmCode
	At     time.Time
	Detail string // for a person
	Err    error  // nil where there is none
}

// Config is what Open needs.
type Config struct {
	Dir  string // made when it is absent; one process at a time
	Node string // goes into every fact

	Now   func() time.Time // time.Now when nil
	Log   *slog.Logger     // discards when nil
	FS    FS               // the operating system's when nil
	Alarm func(Alarm)      // may be nil; must not block; may call Record

	SegmentBytes int64         // a new segment begins after this many; 64 MiB
	PendingBytes int64         // bound of the facts that wait for the disk; 256 MiB, two minutes of 100 calls/s
	SyncEvery    time.Duration // longest wait from a write to its fsync; 4 ms, so that E5's 5 ms hold
	OverdueAfter time.Duration // a fact unsynced for so long is overdue; 100 ms, inside E4's 250 ms
	StopAfter    time.Duration // how long Run waits for a hanging disk when it is stopped; 5 s
}

func (c Config) validate() (Config, error) {
	var faults []e911.Fault
	if c.Dir == "" {
		faults = append(faults, e911.Fault{Path: "dir", Code: "required", Msg: "a folder for the journal is needed"})
	}
	if c.Node == "" {
		faults = append(faults, e911.Fault{Path: "node", Code: "required", Msg: "a node name is needed"})
	}
	for _, n := range []struct {
		path  string
		value int64
	}{
		{"segment_bytes", c.SegmentBytes},
		{"pending_bytes", c.PendingBytes},
		{"sync_every", int64(c.SyncEvery)},
		{"overdue_after", int64(c.OverdueAfter)},
		{"stop_after", int64(c.StopAfter)},
	} {
		if n.value < 0 {
			faults = append(faults, e911.Fault{Path: n.path, Code: "range", Msg: fmt.Sprintf("%d is less than nothing", n.value)})
		}
	}
	if faults != nil {
		return c, &e911.Error{Kind: e911.Invalid, Msg: "journal configuration", Faults: faults}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.FS == nil {
		c.FS = OS()
	}
	if c.Alarm == nil {
		c.Alarm = func(Alarm) {}
	}
	c.SegmentBytes = cmp.Or(c.SegmentBytes, 64<<20)
	c.PendingBytes = cmp.Or(c.PendingBytes, 256<<20)
	c.SyncEvery = cmp.Or(c.SyncEvery, 4*time.Millisecond)
	c.OverdueAfter = cmp.Or(c.OverdueAfter, 100*time.Millisecond)
	c.StopAfter = cmp.Or(c.StopAfter, 5*time.Second)
	return c, nil
}
