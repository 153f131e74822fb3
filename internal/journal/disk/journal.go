package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

// batchBytes is the most that one write(2) takes. While the disk keeps up a
// batch is what came during the last write.
const batchBytes = 1 << 20

// Journal keeps facts. Safe for concurrent use.
type Journal struct {
	cfg   Config
	claim io.Closer
	node  string

	wakeWriter chan struct{} // capacity 1: something to write, or a state change
	wakeSyncer chan struct{}
	wakeWatch  chan struct{}
	closing    chan struct{} // closed when Run is told to stop
	over       chan struct{} // closed when nothing more will be written
	readers    sync.WaitGroup

	index index

	mu           sync.Mutex
	next         uint64   // number of the next fact
	synced       uint64   // last fact that lasts
	pending      []*batch // not synced yet, in order
	written      int      // how many of pending the active segment holds
	pendingBytes int64
	active       *segment
	retired      []*segment // full segments whose fsync is owed
	givenUp      []*segment // left after a failed fsync, not written again yet
	generation   int        // rises when a segment is given up
	rewrite      bool       // the next segment repeats what was not synced
	lastSegment  uint64
	failing      error // nil while the disk does what it is told
	writeGood    bool  // a write went well since the last failure
	refusing     bool
	stalled      bool
	closed       bool
	moved        chan struct{} // closed and replaced when synced moves
	ring         ring
	overdueTo    uint64
	overdue      map[chan journal.Fact]struct{}
	early        []Alarm // of Open, told when Run begins
	running      bool
}

// batch is what one write(2) hands over.
type batch struct {
	items  []item
	bytes  int64
	born   time.Time
	sealed bool // taken by the writer: it grows no more

	written, synced       chan struct{}
	writtenDone, syncDone bool
	err                   error // set before the channels are closed for good
}

type item struct {
	fact journal.Fact
	rest []byte
}

func (b *batch) first() uint64 { return b.items[0].fact.Seq }
func (b *batch) last() uint64  { return b.items[len(b.items)-1].fact.Seq }

// Record numbers f and queues it; it never waits for the disk. Node, number
// and version are ours; the time is cut to milliseconds.
func (j *Journal) Record(f journal.Fact) journal.Receipt {
	f.V, f.Node = journal.Version, j.node
	f.At = f.At.UTC().Truncate(time.Millisecond)
	rest, ok := encodeRest(f)
	if !ok {
		return refused(fmt.Errorf("fact %s: body is not JSON: %w", f.Kind, ErrInvalid))
	}
	// Number, node and version take less than the spare kilobyte.
	if len(rest)+len(j.node)+1024 > maxPayload {
		return refused(fmt.Errorf("fact %s of %d bytes: %w", f.Kind, len(rest), ErrInvalid))
	}
	// The body is held once, and is ours: the caller may use his again.
	if len(f.Body) == 0 {
		f.Body = []byte("null")
	}
	end := len(rest) - 1 // of the object
	f.Body = rest[end-len(f.Body) : end : end]
	size := int64(len(rest) + frameBytes + 256)

	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return refused(ErrClosed)
	}
	if j.pendingBytes+size > j.cfg.PendingBytes {
		return j.refuseFull(f) // unlocks
	}
	now := j.cfg.Now()
	f.Seq = j.next
	j.next++
	j.pendingBytes += size
	var b *batch
	if n := len(j.pending); n > 0 && !j.pending[n-1].sealed && j.pending[n-1].bytes < batchBytes {
		b = j.pending[n-1]
	} else {
		b = &batch{born: now, written: make(chan struct{}), synced: make(chan struct{})}
		j.pending = append(j.pending, b)
	}
	b.items = append(b.items, item{fact: f, rest: rest})
	b.bytes += size
	first := len(j.pending) == 1 && len(b.items) == 1
	j.mu.Unlock()

	poke(j.wakeWriter)
	if first {
		poke(j.wakeWatch)
	}
	return journal.Receipt{Seq: f.Seq, Written: b.written, Synced: b.synced, Err: func() error { return j.batchErr(b) }}
}

// refuseFull turns f away because the memory bound is reached. It is called
// with mu held and gives it back.
func (j *Journal) refuseFull(f journal.Fact) journal.Receipt {
	told := j.refusing
	j.refusing = true
	j.tellOverdue(f)
	err := fmt.Errorf("%d bytes wait: %w", j.pendingBytes, ErrFull)
	j.mu.Unlock()
	if !told {
		j.alarm(AlarmFull, err, "facts are refused: the disk has not taken what waits")
	}
	return refused(err)
}

func refused(err error) journal.Receipt {
	done := make(chan struct{})
	close(done)
	return journal.Receipt{Written: done, Synced: done, Err: func() error { return err }}
}

func (j *Journal) batchErr(b *batch) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case b.err != nil:
		return b.err
	case b.syncDone:
		return nil
	case j.failing != nil:
		return fmt.Errorf("%w: %w", ErrKept, j.failing)
	case j.stalled:
		return ErrKept
	}
	return nil
}

// Stat is the state of the journal at one moment.
type Stat struct {
	First        uint64 // oldest fact that is kept, 0 when none is
	Next         uint64 // number of the next fact
	Synced       uint64 // last fact that lasts
	Pending      int64  // bytes that wait in memory
	Segments     int
	Bytes        int64 // of all segments
	Failing      error // why the disk fails; nil while it does not
	Stalled      bool  // the disk does not answer
	RefusedSince bool  // facts were refused since the disk last kept up
}

// Stat returns the state, for health and metrics.
func (j *Journal) Stat() Stat {
	first, segments, size := j.index.total()
	j.mu.Lock()
	defer j.mu.Unlock()
	return Stat{
		First: first, Next: j.next, Synced: j.synced, Pending: j.pendingBytes, Segments: segments, Bytes: size,
		Failing: j.failing, Stalled: j.stalled, RefusedSince: j.refusing,
	}
}

// Run writes until ctx ends, then writes and syncs what is queued and closes
// the journal. When the disk hangs or fails it waits Config.StopAfter, then
// leaves what waits (the receipts say ErrClosed) and returns an error; a system
// call that hangs cannot be ended and its goroutine stays. Run is called once.
func (j *Journal) Run(ctx context.Context) error {
	j.tellEarly()
	writer, syncer, watcher := make(chan struct{}), make(chan struct{}), make(chan struct{})
	stopWatch := make(chan struct{})
	go func() { defer close(writer); j.writeLoop() }()
	go func() { defer close(syncer); j.syncLoop(writer) }()
	go func() { defer close(watcher); j.watchLoop(stopWatch) }()

	<-ctx.Done()
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	close(j.closing)

	patience := time.NewTimer(j.cfg.StopAfter)
	defer patience.Stop()
	var hung bool
	select {
	case <-syncer: // ends after the writer
	case <-patience.C:
		hung = true
	}
	close(stopWatch)
	<-watcher
	lost, cause := j.closePending() // closes over, too
	j.readers.Wait()
	if hung {
		// The claim on the folder stays: the hanging call may still write.
		return fmt.Errorf("close the journal: the disk does not answer, %d facts are not synced: %w", lost, errors.Join(ErrClosed, cause))
	}
	err := j.closeFiles()
	if lost > 0 {
		return fmt.Errorf("close the journal: %d facts are not synced: %w", lost, errors.Join(cause, err))
	}
	return err
}

// closePending ends the receipts of facts that will not be synced any more.
func (j *Journal) closePending() (lost int, cause error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, b := range j.pending {
		lost += len(b.items)
		b.err = ErrClosed
		b.done(true)
	}
	j.pending, j.written, j.pendingBytes = nil, 0, 0
	j.generation++ // a hanging call that still returns finds nothing to settle
	close(j.over)
	return lost, j.failing
}

func (j *Journal) closeFiles() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, s := range append(j.retired, j.active) {
		if s != nil && s.file != nil {
			errs = append(errs, s.file.Close())
			s.file = nil
		}
	}
	j.retired, j.active = nil, nil
	return errors.Join(append(errs, j.claim.Close())...)
}

// done closes the channel of Written, and that of Synced too; called with mu
// held, any number of times.
func (b *batch) done(synced bool) {
	if !b.writtenDone {
		b.writtenDone = true
		close(b.written)
	}
	if synced && !b.syncDone {
		b.syncDone = true
		close(b.synced)
	}
}

// alarm tells what happened; called without mu.
func (j *Journal) alarm(code AlarmCode, err error, format string, args ...any) {
	a := Alarm{Code: code, At: j.cfg.Now().UTC(), Detail: fmt.Sprintf(format, args...), Err: err}
	j.cfg.Log.Warn("journal: "+a.Detail, "code", string(code), "err", err)
	j.mu.Lock()
	if !j.running {
		j.early = append(j.early, a)
		j.mu.Unlock()
		return
	}
	j.mu.Unlock()
	j.cfg.Alarm(a)
}

// tellEarly begins the life of the journal: it tells the alarms of Open, whose
// receiver may want to record them.
func (j *Journal) tellEarly() {
	j.mu.Lock()
	early := j.early
	j.early, j.running = nil, true
	for _, b := range j.pending {
		b.born = j.cfg.Now() // the disk owes nothing yet for what came before Run
	}
	j.mu.Unlock()
	for _, a := range early {
		j.cfg.Alarm(a)
	}
}

// poke leaves one wake-up in c.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
