package notify

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

const (
	// maxUnsaved bounds what waits in memory for a failing database; above it
	// notices that are settled go unnoted, so that a crash would repeat them.
	maxUnsaved = 1 << 16
	// The pause between two tries on a database that fails.
	firstRetry = 100 * time.Millisecond
	longRetry  = 5 * time.Second
	// cursorEvery is how often a moved cursor alone is written; facts that
	// make no notice are harmless to read twice.
	cursorEvery = time.Second
	purgeEvery  = time.Hour
	saveTimeout = 10 * time.Second
	// A save is followed by a pause in proportion to what it took: the busier the
	// database, the more notices go into one transaction, and one that was handed
	// over meanwhile is written once. Nothing hangs on how soon it is saved: until
	// then the facts in the journal say what is to be told and what was.
	saveRest   = 4
	shortPause = 20 * time.Millisecond
	restMost   = 900 * time.Millisecond
)

// row is a notice as it is to be noted.
type row struct {
	Notice
	state           state
	tries, refusals int
	next            time.Time
}

// outbox notes what is pending, sent and given up, and how far the facts were
// read. All of it is kept in memory until the database has taken it: nobody
// waits for the database. Safe for concurrent use.
type outbox struct {
	dir   string
	open  func(string) (*sql.DB, error)
	now   func() time.Time
	found func([]e911.NoticeID, []*entry) // settled ids and pending notices of a database that was opened
	low   func() uint64                   // first fact that has a pending notice, 0 when none has
	tell  func(ok bool, err error)        // after the first of a row of failures, and after each success
	first chan cursor                     // what Run begins with, sent once
	wake  chan struct{}                   // capacity 1
	db    atomic.Pointer[sql.DB]

	lowWater *uint64 // as the file beside the database has it, once it is written; of run alone

	mu      sync.Mutex
	unsaved map[e911.NoticeID]row
	seq     uint64
	moved   bool // seq has not been saved
}

// cursor is where reading goes on.
type cursor struct {
	seq   uint64
	known bool
}

// put notes r; a later one about the same notice replaces it.
func (o *outbox) put(r row) {
	o.mu.Lock()
	_, there := o.unsaved[r.ID]
	if there || r.state == pending || len(o.unsaved) < maxUnsaved {
		o.unsaved[r.ID] = r
	}
	o.mu.Unlock()
	poke(o.wake)
}

// putNew notes a pending notice unless more is known about it.
func (o *outbox) putNew(n Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, there := o.unsaved[n.ID]; !there {
		o.unsaved[n.ID] = row{Notice: n, state: pending}
	}
}

// advance notes that all facts up to seq are handled.
func (o *outbox) advance(seq uint64, made bool) {
	o.mu.Lock()
	o.seq, o.moved = seq, true
	o.mu.Unlock()
	if made {
		poke(o.wake)
	}
}

// run saves until ctx ends, then once more.
func (o *outbox) run(ctx context.Context) {
	defer o.close()
	pause := firstRetry
	lastPurge := o.now().Add(time.Minute - purgeEvery) // not while the start is busy
	lastCursor := time.Time{}
	failing := false
	for {
		began := time.Now()
		err := o.ready(ctx)
		saved := false
		if err == nil {
			saved, err = o.save(ctx)
		}
		rest := min(max(saveRest*time.Since(began), shortPause), restMost)
		if err == nil {
			failing = false
			o.tell(true, nil)
			pause = firstRetry
			if o.now().Sub(lastCursor) >= cursorEvery {
				lastCursor = o.now()
				o.writeLowWater()
			}
			if o.now().Sub(lastPurge) >= purgeEvery {
				lastPurge = o.now()
				_ = purge(ctx, o.db.Load(), o.now()) // tried again in an hour
			}
		} else if ctx.Err() == nil {
			if !failing {
				failing = true
				o.tell(false, err)
			}
			o.fail(err)
		}
		if ctx.Err() != nil {
			o.last(err)
			return
		}
		wait := cursorEvery
		var wake <-chan struct{} = o.wake
		switch {
		case failing:
			wait, wake = pause, nil
			pause = min(2*pause, longRetry)
		case saved:
			wait, wake = rest, nil
		}
		t := time.NewTimer(wait)
		select {
		case <-wake:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// last saves what is left when the outbox is stopped.
func (o *outbox) last(err error) {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	if o.db.Load() != nil {
		_, err = o.save(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		o.tell(false, err)
	}
	o.writeLowWater()
}

// ready opens the database where it is not open.
func (o *outbox) ready(ctx context.Context) error {
	if o.db.Load() != nil {
		return nil
	}
	db, err := o.open(filepath.Join(o.dir, outboxFile))
	if err != nil {
		o.begin(cursor{})
		return err
	}
	var ids []e911.NoticeID
	var entries []*entry
	at := cursor{}
	if err = migrate(ctx, db); err == nil {
		if at.seq, at.known, err = loadCursor(ctx, db); err == nil {
			if ids, err = loadKnown(ctx, db); err == nil {
				entries, err = loadPending(ctx, db)
			}
		}
	}
	if err != nil {
		db.Close()
		if damaged(err) {
			err = errors.Join(err, o.putAside())
		}
		o.begin(cursor{})
		return err
	}
	o.db.Store(db)
	o.found(ids, entries)
	o.begin(at)
	return nil
}

// begin tells Run where to begin, the first time. Without a cursor from the
// database the file beside it counts: everything that may not have been told
// comes after it.
func (o *outbox) begin(at cursor) {
	if o.first == nil {
		return
	}
	if !at.known {
		at = fileCursor(o.dir)
	}
	o.mu.Lock()
	o.seq = max(o.seq, at.seq)
	o.mu.Unlock()
	o.first <- at
	o.first = nil
}

// fileCursor reads what writeLowWater has written.
func fileCursor(dir string) cursor {
	b, err := os.ReadFile(filepath.Join(dir, "cursor"))
	if err != nil {
		return cursor{}
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return cursor{seq: n, known: err == nil}
}

// save writes what is unsaved, and reports whether there were notices.
func (o *outbox) save(ctx context.Context) (bool, error) {
	o.mu.Lock()
	rows := make([]row, 0, len(o.unsaved))
	for _, r := range o.unsaved {
		rows = append(rows, r)
	}
	taken := o.unsaved
	o.unsaved = make(map[e911.NoticeID]row)
	seq, moved := o.seq, o.moved
	o.moved = false
	o.mu.Unlock()
	if len(rows) == 0 && !moved {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	err := save(ctx, o.db.Load(), rows, seq, o.now())
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		for id, r := range taken {
			if _, newer := o.unsaved[id]; !newer {
				o.unsaved[id] = r
			}
		}
		o.moved = o.moved || moved
	}
	return len(rows) > 0, err
}

// fail closes the database, so that the next try begins afresh; a damaged one
// is put aside.
func (o *outbox) fail(err error) {
	o.close()
	if damaged(err) {
		_ = o.putAside() // tried again with the next failure
	}
}

func (o *outbox) close() {
	if db := o.db.Swap(nil); db != nil {
		db.Close()
	}
}

// putAside renames a damaged database. What is pending in it comes back from
// the facts, because the cursor file says where that begins.
func (o *outbox) putAside() error {
	stamp := o.now().UTC().Format("20060102T150405.000")
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		from := filepath.Join(o.dir, outboxFile+suffix)
		if err := os.Rename(from, from+".damaged-"+stamp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// writeLowWater notes in a file of its own from where facts are to be read
// again if the database is lost. It may lag; it only makes repetitions.
func (o *outbox) writeLowWater() {
	o.mu.Lock()
	seq := o.seq
	o.mu.Unlock()
	if low := o.low(); low > 0 && low <= seq {
		seq = low - 1
	}
	if o.lowWater != nil && seq == *o.lowWater {
		return
	}
	name := filepath.Join(o.dir, "cursor")
	if err := os.WriteFile(name+".new", []byte(strconv.FormatUint(seq, 10)+"\n"), 0o600); err == nil {
		if os.Rename(name+".new", name) == nil { // else the old one stays, which is lower
			o.lowWater = &seq
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
