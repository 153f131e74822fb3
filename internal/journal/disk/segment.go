package disk

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const suffix = ".seg"

// segment is one file. Its range is known to the index; file is open only
// while it is written.
type segment struct {
	id          uint64 // orders segments; the newer counts where ranges overlap
	path        string
	first, last uint64 // last is below first while it is empty
	size        int64
	file        File
	dirSynced   bool
}

func segmentName(id uint64) string { return fmt.Sprintf("%020d%s", id, suffix) }

func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	id, err := strconv.ParseUint(digits, 10, 64)
	return id, err == nil
}

// index knows which segment holds which facts. Safe for concurrent use.
type index struct {
	mu       sync.Mutex
	segments []*segment // by id
}

func (x *index) add(s *segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.segments = append(x.segments, s)
}

func (x *index) remove(s *segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.segments = slices.DeleteFunc(x.segments, func(o *segment) bool { return o == s })
}

// grow notes that s holds facts up to last in size bytes.
func (x *index) grow(s *segment, last uint64, size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.last, s.size = last, size
}

// place is where a fact can be read.
type place struct {
	id    uint64
	path  string
	first uint64 // facts from here on
	last  uint64 // up to here at least
	size  int64
}

// find returns the newest segment that holds seq, or else the one with the
// next fact after it.
func (x *index) find(seq uint64) (place, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var best *segment
	for _, s := range x.segments {
		if s.last < s.first || s.last < seq {
			continue
		}
		// Facts before the first of every later segment are nearest.
		if best == nil || max(s.first, seq) <= max(best.first, seq) {
			best = s
		}
	}
	if best == nil {
		return place{}, false
	}
	return place{id: best.id, path: best.path, first: best.first, last: best.last, size: best.size}, true
}

func (x *index) total() (first uint64, segments int, size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.segments {
		size += s.size
		if s.last >= s.first && (first == 0 || s.first < first) {
			first = s.first
		}
	}
	return first, len(x.segments), size
}

// Drop removes the segments that hold only facts before the given sequence,
// for retention; the newest segment stays. It returns the first fact that is
// still kept (0 when there is none). A reader that is inside a dropped segment
// finishes it.
func (j *Journal) Drop(before uint64) (first uint64, err error) {
	j.mu.Lock()
	busy := slices.Clone(j.retired)
	busy = append(busy, j.active)
	limit := min(before, j.synced+1)
	j.mu.Unlock()

	j.index.mu.Lock()
	var out []*segment
	for i, s := range j.index.segments {
		if i < len(j.index.segments)-1 && s.last < limit && !slices.Contains(busy, s) {
			out = append(out, s)
		}
	}
	j.index.mu.Unlock()

	for _, s := range out {
		if err = j.cfg.FS.Remove(s.path); err != nil {
			err = fmt.Errorf("drop journal segment %s: %w", filepath.Base(s.path), err)
			break
		}
		j.index.remove(s)
	}
	if len(out) > 0 && err == nil {
		if err = j.cfg.FS.SyncDir(j.cfg.Dir); err != nil {
			err = fmt.Errorf("drop journal segments: %w", err)
		}
	}
	first, _, _ = j.index.total()
	return first, err
}
