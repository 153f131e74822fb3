package disk

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// The pause between two tries on a disk that fails.
const (
	firstPause = 10 * time.Millisecond
	longPause  = time.Second
)

// writeLoop writes batch after batch until the journal closes and nothing is
// left, or what is left cannot be written.
func (j *Journal) writeLoop() {
	var buf []byte
	pause, lastGen := firstPause, 0
	stopping := false
	// backOff waits a little longer each time until the disk is well again.
	backOff := func() {
		t := time.NewTimer(pause)
		defer t.Stop()
		select {
		case <-t.C:
		case <-j.closing:
			stopping = true
		}
		pause = min(2*pause, longPause)
	}
	for {
		b, gen, well := j.takeBatch()
		switch {
		case b == nil && stopping:
			return
		case b == nil:
			select {
			case <-j.wakeWriter:
			case <-j.closing:
				stopping = true // one more look: a fact may have come before it
			}
			continue
		case gen != lastGen: // an fsync failed: everything is written again
			lastGen = gen
			backOff()
			continue
		case well:
			pause = firstPause
		}
		var err error
		if buf, err = j.writeBatch(b, gen, buf); err == nil {
			continue
		}
		j.diskFailed(err)
		if stopping {
			return // one try after the stop, no more
		}
		backOff()
	}
}

// takeBatch returns the next batch to write, closed to further facts, and
// whether the disk is well.
func (j *Journal) takeBatch() (b *batch, gen int, well bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.written >= len(j.pending) {
		return nil, 0, true
	}
	b = j.pending[j.written]
	b.sealed = true
	return b, j.generation, j.failing == nil
}

// writeBatch hands b to the operating system in one write.
func (j *Journal) writeBatch(b *batch, gen int, buf []byte) ([]byte, error) {
	s, err := j.openSegment(b.first(), gen)
	if err != nil || s == nil {
		return buf, err
	}
	buf = buf[:0]
	var payload []byte
	for i := range b.items {
		payload = appendPayload(payload[:0], j.node, b.items[i].fact.Seq, b.items[i].rest)
		buf = appendFrame(buf, b.items[i].fact.Seq, payload)
	}
	if _, err = s.file.Write(buf); err != nil {
		return buf, j.cutOff(s, gen, fmt.Errorf("write journal: %w", err))
	}

	j.mu.Lock()
	if j.generation != gen {
		// The fsync failed meanwhile: the segment is given up, this batch is
		// written again to the next one.
		j.mu.Unlock()
		return buf, nil
	}
	j.index.grow(s, b.last(), s.size+int64(len(buf)))
	j.written++
	j.writeGood = true
	b.done(false)
	if s.size >= j.cfg.SegmentBytes {
		j.retired = append(j.retired, s)
		j.active = nil
	}
	repeated := j.repeated(b.last())
	j.mu.Unlock()
	poke(j.wakeSyncer)
	for _, old := range repeated {
		j.index.remove(old)
		_ = j.cfg.FS.Remove(old.path) // a copy; where it stays, Open reads it too
	}
	if cap(buf) > 4*batchBytes {
		buf = nil // a rare giant fact is not kept
	}
	return buf, nil
}

// repeated returns the segments that were given up and whose facts, all of
// them, are written again by now, last being the newest of those. Without
// this, a disk that writes but does not sync would be filled with copies.
func (j *Journal) repeated(last uint64) []*segment {
	if len(j.givenUp) == 0 {
		return nil
	}
	first := j.pending[0].first() // where the rewrite began
	var out []*segment
	j.givenUp = slices.DeleteFunc(j.givenUp, func(s *segment) bool {
		whole := s.first >= first && s.last <= last
		if whole {
			out = append(out, s)
		}
		return whole || s.last <= last // what begins before the last good fsync is kept
	})
	return out
}

// cutOff removes what a failed write left behind, so that the next try writes
// at the same place; where that fails too, the segment is given up.
func (j *Journal) cutOff(s *segment, gen int, cause error) error {
	if err := s.file.Truncate(s.size); err != nil {
		j.giveUp(gen)
	}
	return cause
}

// openSegment returns the active segment, making one that begins with first
// where there is none. It returns none when the segment was given up since gen:
// then what comes next is not first.
func (j *Journal) openSegment(first uint64, gen int) (*segment, error) {
	j.mu.Lock()
	s, rewrite := j.active, j.rewrite
	if s != nil {
		j.mu.Unlock()
		return s, nil
	}
	j.lastSegment++ // also when this fails: the file may stay behind
	id := j.lastSegment
	j.mu.Unlock()
	s = &segment{id: id, path: filepath.Join(j.cfg.Dir, segmentName(id)), first: first, last: first - 1}
	h := header{first: first, created: j.cfg.Now()}
	if rewrite {
		h.flags |= flagRewrite
	}
	file, err := j.cfg.FS.Create(s.path)
	if err != nil {
		return nil, fmt.Errorf("make journal segment: %w", err)
	}
	b := h.append(nil)
	if _, err = file.Write(b); err != nil {
		_ = file.Close()
		_ = j.cfg.FS.Remove(s.path) // stays as a torn file otherwise; Open removes it
		return nil, fmt.Errorf("begin journal segment: %w", err)
	}
	s.file, s.size = file, int64(len(b))
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.generation != gen {
		_ = file.Close()
		_ = j.cfg.FS.Remove(s.path) // empty; where it stays, Open finds it so
		return nil, nil
	}
	j.active, j.rewrite = s, false
	j.index.add(s)
	return s, nil
}

// giveUp leaves the segments that are not synced for a new one, to which all
// that they hold and memory still has is written again.
func (j *Journal) giveUp(gen int) {
	j.mu.Lock()
	if j.generation != gen {
		j.mu.Unlock()
		return
	}
	j.generation++
	left := append(j.retired, j.active)
	j.retired, j.active, j.written, j.rewrite = nil, nil, 0, true
	for _, s := range left {
		if s != nil {
			j.givenUp = append(j.givenUp, s)
		}
	}
	j.mu.Unlock()
	for _, s := range left {
		if s != nil {
			_ = s.file.Close() // what it holds is written again
		}
	}
}

// diskFailed notes err and tells the first time.
func (j *Journal) diskFailed(err error) {
	j.mu.Lock()
	told := j.failing != nil
	j.failing, j.writeGood = err, false
	j.mu.Unlock()
	if !told {
		j.alarm(AlarmFailing, err, "the disk does not take facts; they are kept in memory and tried again")
	}
}

// syncLoop makes written facts last. It ends when the writer has and nothing
// written is left, or when a last try fails.
func (j *Journal) syncLoop(writer <-chan struct{}) {
	var lastSync time.Time
	for {
		select {
		case <-j.wakeSyncer:
		case <-writer:
			if !j.unsynced() || j.syncOnce() != nil {
				return
			}
			continue
		}
		// Alone, a fact is synced at once; under load one fsync takes along
		// what came since the last one.
		if wait := j.cfg.SyncEvery - j.cfg.Now().Sub(lastSync); wait > 0 && wait <= j.cfg.SyncEvery {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-writer:
			}
			t.Stop()
		}
		lastSync = j.cfg.Now()
		if j.unsynced() {
			_ = j.syncOnce() // the writer tries again; the alarm is raised
		}
	}
}

func (j *Journal) unsynced() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.written > 0
}

// syncOnce syncs everything written so far and tells those who wait.
func (j *Journal) syncOnce() error {
	j.mu.Lock()
	gen, n := j.generation, j.written
	retired := j.retired
	files := append(retired[:len(retired):len(retired)], j.active)
	j.mu.Unlock()

	for _, s := range files {
		if s == nil {
			continue
		}
		if err := j.syncSegment(s); err != nil {
			j.giveUp(gen)
			j.diskFailed(fmt.Errorf("sync journal: %w", err))
			poke(j.wakeWriter)
			return err
		}
	}
	j.settle(gen, n, len(retired))
	return nil
}

func (j *Journal) syncSegment(s *segment) error {
	if err := s.file.Sync(); err != nil {
		return err
	}
	if !s.dirSynced {
		if err := j.cfg.FS.SyncDir(j.cfg.Dir); err != nil {
			return err
		}
		s.dirSynced = true
	}
	return nil
}

// settle takes n batches, which last now, out of memory, and closes the first
// segments of retired.
func (j *Journal) settle(gen, n, retired int) {
	j.mu.Lock()
	if j.generation != gen {
		j.mu.Unlock()
		return
	}
	done := j.pending[:n]
	j.pending = append([]*batch(nil), j.pending[n:]...)
	j.written -= n
	for _, b := range done {
		j.pendingBytes -= b.bytes
		for i := range b.items {
			j.ring.push(b.items[i].fact, len(b.items[i].rest))
		}
		j.synced = b.last()
		b.done(true)
	}
	full := j.retired[:retired]
	j.retired = append([]*segment(nil), j.retired[retired:]...)
	close(j.moved)
	j.moved = make(chan struct{})
	recovered := (j.failing != nil && j.writeGood || j.failing == nil && (j.stalled || j.refusing)) &&
		(len(j.pending) == 0 || j.cfg.Now().Sub(j.pending[0].born) < j.cfg.OverdueAfter)
	if recovered {
		j.failing, j.stalled, j.refusing = nil, false, false
	}
	j.mu.Unlock()
	for _, s := range full {
		_ = s.file.Close() // synced: nothing is left to lose
		s.file = nil
	}
	if recovered {
		j.alarm(AlarmRecovered, nil, "the disk takes facts again; nothing that was kept is missing")
	}
}
