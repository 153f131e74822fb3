package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

const (
	// ringFacts and ringBytes bound the newest facts that live readers get
	// from memory; a reader that falls behind reads the disk.
	// They hold three seconds of 1,000 calls/s: a reader that writes them to a database in
	// batches must not have to read and decode them from the disk.
	ringFacts = 40_000
	ringBytes = 48 << 20
	// chunkBytes is read from a segment at once.
	chunkBytes = 256 << 10
	// readTries on a segment that cannot be read; then the reader goes on
	// behind it, because new calls matter more than old ones.
	readTries = 5
	readPause = 200 * time.Millisecond
)

// ring holds the newest synced facts, in order and without gaps.
type ring struct {
	facts []journal.Fact
	sizes []int
	bytes int
}

func (r *ring) push(f journal.Fact, size int) {
	r.facts, r.sizes = append(r.facts, f), append(r.sizes, size)
	r.bytes += size
	drop := 0
	for len(r.facts)-drop > 1 && (len(r.facts)-drop > ringFacts || r.bytes > ringBytes) {
		r.bytes -= r.sizes[drop]
		drop++
	}
	// The slices' own growth copies what is left now and then, so memory stays
	// within a small multiple of the bound.
	clear(r.facts[:drop])
	r.facts, r.sizes = r.facts[drop:], r.sizes[drop:]
}

// from returns facts from seq on, at most n, or nothing when seq is not here.
func (r *ring) from(seq uint64, n int) []journal.Fact {
	if len(r.facts) == 0 || seq < r.facts[0].Seq {
		return nil
	}
	at := seq - r.facts[0].Seq
	if at >= uint64(len(r.facts)) {
		return nil
	}
	part := r.facts[at:]
	return append([]journal.Fact(nil), part[:min(n, len(part))]...)
}

// Subscribe gives synced facts from sequence from on: old ones from the disk,
// then new ones. The channel is closed when ctx ends or the journal closes.
// Facts that were dropped, or are damaged, are left out. A reader that asks for
// a fact beyond the next one has outlived its journal: an alarm is raised and
// it gets what comes.
func (j *Journal) Subscribe(ctx context.Context, from uint64) <-chan journal.Fact {
	out := make(chan journal.Fact, 16)
	next := max(from, 1)
	j.mu.Lock()
	asked := next
	behind := asked > j.next
	if behind {
		next = j.synced + 1
	}
	select {
	case <-j.over:
		j.mu.Unlock()
		close(out)
		return out
	default:
	}
	j.readers.Add(1)
	j.mu.Unlock()
	if behind {
		j.alarm(AlarmBehind, nil, "a reader asks for fact %d, the next one is %d: the journal was replaced", asked, next)
	}
	go func() {
		defer j.readers.Done()
		defer close(out)
		r := &reader{j: j}
		defer r.close()
		j.feed(ctx, r, next, out)
	}()
	return out
}

func (j *Journal) feed(ctx context.Context, r *reader, next uint64, out chan<- journal.Fact) {
	for {
		j.mu.Lock()
		synced, moved := j.synced, j.moved
		facts := j.ring.from(next, 64)
		j.mu.Unlock()
		if next > synced {
			r.close() // a reader at the end keeps no file open
			select {
			case <-moved:
				continue
			case <-ctx.Done():
				return
			case <-j.over:
				return
			}
		}
		if len(facts) == 0 {
			f, ok := r.read(ctx, next, synced)
			if !ok {
				next = max(next, r.resume)
				if ctx.Err() != nil {
					return
				}
				continue
			}
			facts = append(facts, f)
		}
		for _, f := range facts {
			select {
			case out <- f:
				next = f.Seq + 1
			case <-ctx.Done():
				return
			case <-j.over:
				return
			}
		}
	}
}

// reader reads facts from segments, one after the other.
type reader struct {
	j      *Journal
	file   File
	at     place
	offset int64
	after  uint64 // last sequence seen in the file
	buf    []byte
	start  int
	resume uint64 // where to go on after read returned false
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close() // only read from
		r.file = nil
	}
	r.buf, r.start = nil, 0
}

// read returns the first fact from next on, which is at most synced. It
// returns false when there is none on the disk or ctx ended; resume then says
// where to go on.
func (r *reader) read(ctx context.Context, next, synced uint64) (journal.Fact, bool) {
	for tries := 1; ; tries++ {
		f, err := r.seek(next)
		switch {
		case err == nil && f.Seq <= synced:
			return f, true
		case err == nil || errors.Is(err, errNothing):
			r.close()
			r.resume = synced + 1
			return journal.Fact{}, false
		}
		r.close()
		if tries == readTries {
			r.resume = r.at.last + 1
			r.j.alarm(AlarmUnreadable, err, "segment %s cannot be read; a reader goes on after fact %d", filepath.Base(r.at.path), r.at.last)
			return journal.Fact{}, false
		}
		t := time.NewTimer(readPause)
		select {
		case <-t.C:
		case <-ctx.Done():
		case <-r.j.over:
		}
		t.Stop()
		if ctx.Err() != nil {
			r.resume = next
			return journal.Fact{}, false
		}
	}
}

// errNothing means that no segment holds the fact or a later one.
var errNothing = errors.New("no such fact")

// seek finds the first fact from next on.
func (r *reader) seek(next uint64) (journal.Fact, error) {
	for {
		at, ok := r.j.index.find(next)
		if !ok {
			return journal.Fact{}, errNothing
		}
		if r.file == nil || r.at.id != at.id || next <= r.after {
			r.close()
			file, err := r.j.cfg.FS.Open(at.path)
			if err != nil {
				r.at = at
				return journal.Fact{}, fmt.Errorf("open segment: %w", err)
			}
			r.file, r.offset, r.after = file, headerBytes, 0
		}
		r.at = at
		f, found, err := r.scanTo(next)
		if err != nil || found {
			return f, err
		}
		next = max(next, at.last) + 1 // the rest of this segment is damaged
	}
}

// scanTo reads on in the open segment until a fact from next on.
func (r *reader) scanTo(next uint64) (journal.Fact, bool, error) {
	for r.after < r.at.last {
		fr, v := parseFrame(r.buf[r.start:], r.after)
		switch v {
		case frameShort:
			more, err := r.fill(fr.size)
			if err != nil {
				return journal.Fact{}, false, err
			}
			if !more && !r.skipDamage() {
				return journal.Fact{}, false, nil
			}
		case frameBad:
			if !r.skipDamage() {
				return journal.Fact{}, false, nil
			}
		case frameGood:
			r.start += fr.size
			r.after = fr.seq
			if fr.seq < next {
				continue
			}
			var f journal.Fact
			if err := json.Unmarshal(fr.payload, &f); err != nil || f.Seq != fr.seq {
				r.j.alarm(AlarmCorrupt, err, "fact %d in segment %s is not what was recorded; it is skipped", fr.seq, filepath.Base(r.at.path))
				continue
			}
			return f, true, nil
		}
	}
	return journal.Fact{}, false, nil
}

// fill reads at least one more byte, and up to want bytes of a frame. It
// returns false at the end of the segment.
func (r *reader) fill(want int) (bool, error) {
	r.buf = append(make([]byte, 0, max(chunkBytes, want+chunkBytes)), r.buf[r.start:]...)
	r.start = 0
	limit := r.at.size - r.offset
	if limit <= 0 {
		return false, nil
	}
	room := r.buf[len(r.buf):cap(r.buf)]
	room = room[:min(int64(len(room)), limit)]
	n, err := r.file.ReadAt(room, r.offset)
	r.buf = r.buf[:len(r.buf)+n]
	r.offset += int64(n)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read segment: %w", err)
	}
	return n > 0, nil
}

// skipDamage goes to the next good frame, reading the rest of the segment, and
// reports the damage. It returns false when none follows.
func (r *reader) skipDamage() bool {
	for {
		more, err := r.fill(len(r.buf) - r.start)
		if err != nil || !more {
			break
		}
	}
	skip, found := resync(r.buf[r.start:], r.after)
	r.start += skip
	r.j.alarm(AlarmCorrupt, nil, "segment %s is damaged after fact %d: %d bytes are skipped", filepath.Base(r.at.path), r.after, skip)
	return found
}
