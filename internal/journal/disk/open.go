package disk

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/callbox911/callbox/internal/journal"
)

// Open reads what the folder holds and mends what a crash left. It returns an
// error when the configuration is wrong, the folder cannot be made, listed or
// claimed; damaged or unreadable segments are reported by alarms and never
// keep the journal from opening. Nothing is written before Run.
func Open(cfg Config) (*Journal, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	claim, err := cfg.FS.Claim(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{
		cfg: cfg, claim: claim, node: cfg.Node,
		wakeWriter: make(chan struct{}, 1), wakeSyncer: make(chan struct{}, 1), wakeWatch: make(chan struct{}, 1),
		closing: make(chan struct{}), over: make(chan struct{}), moved: make(chan struct{}),
		overdue: map[chan journal.Fact]struct{}{},
	}
	if err := j.readFolder(); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), claim.Close())
	}
	j.next = j.synced + 1
	return j, nil
}

// examined is how many of the newest segments are read at Open whatever their
// headers say: those whose fsync may have been owed when the power failed.
const examined = 4

// found is one file of the folder before its range is settled.
type found struct {
	segment
	header header
	good   bool // the header is

	unreadable bool
}

func (j *Journal) readFolder() error {
	names, err := j.cfg.FS.List(j.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", j.cfg.Dir, err)
	}
	var files []*found
	for _, name := range names {
		if id, ok := parseSegmentName(name); ok {
			files = append(files, &found{segment: segment{id: id, path: filepath.Join(j.cfg.Dir, name)}})
		}
	}
	slices.SortFunc(files, func(a, b *found) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	for _, f := range files {
		j.readHeader(f)
		j.lastSegment = f.id
	}
	for i, f := range files {
		last := i == len(files)-1
		switch {
		case i < len(files)-examined && f.good && files[i+1].good && (f.header.flags|files[i+1].header.flags)&flagRewrite == 0:
			// The one after it begins where it ends: it need not be read. Not so
			// with one that was begun for a rewrite: it may have got no further
			// than a part of what the one before it holds.
			f.first, f.last = f.header.first, files[i+1].header.first-1
		default:
			j.examine(f, last)
		}
		if f.last < f.first && f.size <= headerBytes && !f.unreadable {
			// Begun and never used.
			if err := j.cfg.FS.Remove(f.path); err != nil {
				j.cfg.Log.Warn("journal: an empty segment stays", "segment", filepath.Base(f.path), "err", err)
			}
			continue
		}
		if f.first > j.synced+1 && j.synced > 0 {
			j.alarm(AlarmCorrupt, nil, "facts %d to %d are missing: they were not synced when the power failed, or their segment is gone", j.synced+1, f.first-1)
		}
		j.synced = max(j.synced, f.last)
		s := f.segment
		j.index.add(&s)
	}
	if err := j.cfg.FS.SyncDir(j.cfg.Dir); err != nil {
		j.diskFailed(fmt.Errorf("sync the folder of the journal: %w", err))
	}
	return nil
}

func (j *Journal) readHeader(f *found) {
	file, err := j.cfg.FS.Open(f.path)
	if err != nil {
		return // examine tells
	}
	defer file.Close()
	if f.size, err = file.Size(); err != nil {
		return
	}
	b := make([]byte, headerBytes)
	if n, err := file.ReadAt(b, 0); n < headerBytes && err != nil {
		return
	}
	f.header, f.good = parseHeader(b)
}

// examine reads a whole segment to find its range. The torn tail of the last
// one is cut; what is kept is synced, because the process that wrote it may
// have died before.
func (j *Journal) examine(f *found, last bool) {
	name := filepath.Base(f.path)
	s, err := j.scanFile(f, last)
	if err != nil {
		// Numbers that it may hold are never given again.
		f.first = j.synced + 1
		if f.good {
			f.first = f.header.first
		}
		f.last = f.first + uint64(f.size/frameBytes)
		f.unreadable = true
		j.alarm(AlarmUnreadable, err, "segment %s cannot be read; numbers go on after %d", name, f.last)
		return
	}
	f.first, f.last = s.first, s.last
	if s.first == 0 && s.torn > 0 {
		j.alarm(AlarmCorrupt, nil, "segment %s: %d bytes hold no fact that can be read", name, s.torn)
	}
	if s.first == 0 {
		f.first, f.last = j.synced+1, j.synced // holds nothing; Drop removes it in its time
	}
	if s.corrupt > 0 {
		j.alarm(AlarmCorrupt, nil, "segment %s: %d damaged places between facts %d and %d; the others are kept", name, s.corrupt, s.first, s.last)
	}
	if !f.good && s.first != 0 {
		j.alarm(AlarmCorrupt, nil, "segment %s has a damaged header; facts %d to %d are kept", name, s.first, s.last)
	}
}

func (j *Journal) scanFile(f *found, last bool) (scanned, error) {
	file, err := j.cfg.FS.Open(f.path)
	if err != nil {
		return scanned{}, fmt.Errorf("open segment: %w", err)
	}
	defer file.Close()
	if f.size, err = file.Size(); err != nil {
		return scanned{}, fmt.Errorf("size of segment: %w", err)
	}
	b := make([]byte, f.size)
	if n, err := file.ReadAt(b, 0); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return scanned{}, fmt.Errorf("read segment: %w", err)
	}
	s := scan(b, nil)
	if last && s.torn > 0 && s.last != 0 {
		j.cfg.Log.Info("journal: torn tail cut off", "segment", filepath.Base(f.path), "bytes", s.torn, "last", s.last)
		if err := file.Truncate(int64(s.end)); err != nil {
			j.diskFailed(fmt.Errorf("cut the torn tail: %w", err))
		} else {
			f.size = int64(s.end)
		}
	}
	if err := file.Sync(); err != nil {
		j.diskFailed(fmt.Errorf("sync what a former run wrote: %w", err))
	}
	return s, nil
}
