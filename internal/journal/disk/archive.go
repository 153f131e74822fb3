package disk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Archive reads the segments of a journal without claiming it: beside the
// process that writes them, or when none runs. It changes nothing on the disk,
// and sees what was written when a segment is read, synced or not.
type Archive struct {
	segments []Segment
	damaged  int
}

// Segment is one file of an Archive.
type Segment struct {
	First   uint64    // number of its first fact
	Created time.Time // when it was begun: its facts happened about then or later
	path    string
}

// OpenArchive lists the segments in a folder. A folder that is not there is
// empty.
func OpenArchive(dir string) (*Archive, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Archive{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the journal: %w", err)
	}
	a := &Archive{}
	for _, e := range entries { // in order of name, which is that of the segments
		if _, ok := parseSegmentName(e.Name()); !ok {
			continue
		}
		s, ok := openSegment(filepath.Join(dir, e.Name()))
		if !ok {
			a.damaged++
			continue
		}
		a.segments = append(a.segments, s)
	}
	return a, nil
}

func openSegment(path string) (Segment, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Segment{}, false
	}
	defer f.Close()
	b := make([]byte, headerBytes)
	if _, err := io.ReadFull(f, b); err != nil {
		return Segment{}, false
	}
	h, ok := parseHeader(b)
	return Segment{First: h.first, Created: h.created, path: path}, ok
}

// Segments lists the segments that can be read, oldest first. Where a segment
// was given up, the next one repeats facts of it under their own numbers.
func (a *Archive) Segments() []Segment { return slices.Clone(a.segments) }

// Damaged is how many segments cannot be read.
func (a *Archive) Damaged() int { return a.damaged }

// Since returns the number and time of the oldest fact that is kept; false when
// there is none. A number above 1 means that older ones were dropped.
func (a *Archive) Since(ctx context.Context) (first uint64, at time.Time, ok bool, err error) {
	for _, s := range a.segments {
		err := s.Scan(ctx, Filter{}, func(f journal.Fact) bool {
			first, at, ok = f.Seq, f.At, true
			return false
		})
		if ok || err != nil {
			return first, at, ok, err
		}
	}
	return 0, time.Time{}, false, nil
}

// Filter says which facts are wanted. What is empty asks for nothing.
type Filter struct {
	Org   e911.OrgID
	Call  e911.CallID
	Kinds []journal.Kind
	// Any are texts of which the body must hold one, as JSON writes them.
	Any []string
}

// head is what a fact's JSON holds before its body.
var bodyBegins = []byte(`,"body":`)

// may reports that a payload can be wanted, without decoding it: most facts of a
// large journal are not.
func (f *Filter) may(payload []byte) bool {
	head, body, ok := bytes.Cut(payload, bodyBegins)
	if !ok {
		return true
	}
	if f.Org != "" && !bytes.Contains(head, []byte(f.Org)) {
		return false
	}
	if f.Call != "" && !bytes.Contains(head, []byte(f.Call)) {
		return false
	}
	if len(f.Kinds) > 0 && !slices.ContainsFunc(f.Kinds, func(k journal.Kind) bool { return bytes.Contains(head, []byte(k)) }) {
		return false
	}
	return len(f.Any) == 0 || slices.ContainsFunc(f.Any, func(s string) bool { return bytes.Contains(body, []byte(s)) })
}

func (f *Filter) wants(fact *journal.Fact) bool {
	return (f.Org == "" || fact.Org == f.Org) && (f.Call == "" || fact.Call == f.Call) && (len(f.Kinds) == 0 || slices.Contains(f.Kinds, fact.Kind))
}

// Scan reads the segment from its beginning and gives the wanted facts to visit,
// in order, until visit returns false or ctx ends, whose error is returned.
// Damaged places are stepped over. It holds some 256 KiB, or one fact where that
// is larger.
func (s Segment) Scan(ctx context.Context, want Filter, visit func(journal.Fact) bool) error {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // dropped since it was listed
	}
	if err != nil {
		return fmt.Errorf("open a journal segment: %w", err)
	}
	defer f.Close()
	in := stream{r: f, ctx: ctx}
	if _, err := f.Seek(headerBytes, io.SeekStart); err != nil {
		return fmt.Errorf("read a journal segment: %w", err)
	}
	for {
		payload, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read journal segment %s: %w", filepath.Base(s.path), err)
		}
		if !want.may(payload) {
			continue
		}
		var fact journal.Fact
		if json.Unmarshal(payload, &fact) != nil || !want.wants(&fact) {
			continue
		}
		if !visit(fact) {
			return nil
		}
	}
}

// stream finds frames in what it reads.
type stream struct {
	r     io.Reader
	ctx   context.Context //nolint:containedctx // lives for one Scan, between its reads
	buf   []byte
	start int
	after uint64
	ended bool
}

// next returns the payload of the next good frame; it is good until the next
// call. Io.EOF is the end.
func (s *stream) next() ([]byte, error) {
	for {
		f, v := parseFrame(s.buf[s.start:], s.after)
		switch {
		case v == frameGood:
			s.start += f.size
			s.after = f.seq
			return f.payload, nil
		case v == frameShort && !s.ended:
			if err := s.fill(f.size); err != nil {
				return nil, err
			}
		case s.start >= len(s.buf):
			return nil, io.EOF
		default:
			s.skip()
		}
	}
}

// skip goes on at the next place where a frame may begin.
func (s *stream) skip() {
	rest := s.buf[s.start+1:]
	if i := bytes.Index(rest, frameMagic[:1]); i >= 0 {
		s.start += 1 + i
		return
	}
	s.start = len(s.buf)
}

// fill reads until want bytes of a frame are there, or the end.
func (s *stream) fill(want int) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	s.buf = append(make([]byte, 0, max(chunkBytes, want)+frameBytes), s.buf[s.start:]...)
	s.start = 0
	n, err := io.ReadAtLeast(s.r, s.buf[len(s.buf):cap(s.buf)], 1)
	s.buf = s.buf[:len(s.buf)+n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.ended, err = true, nil
	}
	return err
}
