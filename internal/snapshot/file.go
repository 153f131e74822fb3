package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/seal"
)

// What can be wrong with a snapshot file; a FileError says which file.
var (
	ErrNoFile  = errors.New("no snapshot file")                   // none was ever written
	ErrFormat  = errors.New("unknown format version")             // written by a newer Callbox
	ErrTorn    = errors.New("torn: the writing was cut off")      // the length does not add up
	ErrCorrupt = errors.New("corrupt: a checksum does not match") // or no snapshot file at all
	ErrKey     = errors.New("sealed with another master key")
	ErrMissing = errors.New("missing, although later files stand on it")
	ErrContent = errors.New("the content does not pass the checks")
)

// FileError tells which file could not be used and why: one of the errors above,
// or the disk's own, is in its chain.
type FileError struct {
	Name string
	Err  error
}

func (e *FileError) Error() string { return "snapshot file " + e.Name + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// MaxDeltas is how many deltas may follow a base.
const MaxDeltas = 64

// File keeps snapshots in a folder (D-07): a base and the deltas after it, each
// a file of its own with sealed parts, and the previous base as fall-back. Not
// safe for concurrent use: one publisher writes.
type File struct {
	disk fileSystem
	ring *seal.Ring

	known  bool   // the folder was looked at
	seq    uint64 // highest number in the folder
	base   uint64 // number of the last base that is good as far as we know; 0: none
	last   string // id of the file on which the next delta stands; empty: a base is due
	deltas int

	sound   map[string]bool            // contents of layers that are on the disk whole
	uses    map[uint64]map[string]bool // contents that a base and its deltas name, by its number
	missing []error                    // contents that the last Load did not find
}

// OpenFile names the folder, which is made when the first file is written, and
// the ring that seals the parts.
func OpenFile(dir string, ring *seal.Ring) *File { return &File{disk: folder(dir), ring: ring} }

// Load reads the newest state that is whole. With a nil error it is the last
// one written. With a Snapshot and an error, newer files were damaged and the
// error, FileErrors joined, says which and how: the Snapshot is older than the
// last one published. Without a Snapshot nothing could be used: ErrNoFile, or
// what was wrong with each file.
func (f *File) Load() (*Snapshot, error) {
	files, err := f.look()
	if err != nil {
		return nil, err
	}
	f.base, f.last, f.deltas, f.missing = 0, "", 0, nil
	if len(files) == 0 {
		return nil, ErrNoFile
	}
	var faults []error
	for i := len(files) - 1; i >= 0; i-- {
		if files[i].kind != kindBase {
			continue
		}
		s, id, err := f.readBase(files[i])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		f.base = files[i].seq
		s, id, n, err := f.readDeltas(s, id, files[i:])
		if err != nil {
			faults = append(faults, err)
		}
		faults = append(faults, f.missing...)
		if len(faults) == 0 {
			f.last, f.deltas = id, n
		}
		return s, errors.Join(faults...)
	}
	if len(faults) == 0 {
		faults = append(faults, &FileError{files[0].name, fmt.Errorf("%w: the base of this delta", ErrMissing)})
	}
	return nil, errors.Join(faults...)
}

// WriteBase writes the whole of s. When it returns nil, s survives a crash; the
// base before it stays as fall-back, with its deltas, and older files are removed.
func (f *File) WriteBase(s *Snapshot) error {
	if err := f.ready(); err != nil {
		return err
	}
	// Until it is written, no delta may stand on what is there: s may hold
	// changes that no file has.
	f.last = ""
	f.use(f.seq+1, "")
	if err := f.keepLayers(f.seq+1, s.Layers()); err != nil {
		return err
	}
	parts, err := encodeBase(s)
	if err != nil {
		return err
	}
	id, err := f.write(manifest{Kind: kindBase, Version: s.Version, At: s.At}, parts)
	if err != nil {
		return err
	}
	before := f.base
	f.base, f.last, f.deltas = f.seq, id, 0
	f.prune(before)
	return nil
}

// WriteDelta writes the changes that led from the last written Snapshot to s.
// Without a base to stand on it writes one. It is as durable as WriteBase.
func (f *File) WriteDelta(s *Snapshot, changes []Change) error {
	if f.last == "" {
		return f.WriteBase(s)
	}
	prev := f.last
	// When this fails it may have reached the disk, or not: the next one must
	// not stand on either.
	f.last = ""
	changes = lastOfEach(changes)
	if err := f.keepLayers(f.base, layersOf(changes)); err != nil {
		return err
	}
	parts, err := encodeParts(changes)
	if err != nil {
		return err
	}
	id, err := f.write(manifest{Kind: kindDelta, Prev: prev, Version: s.Version, At: s.At}, parts)
	if err != nil {
		return err
	}
	f.last = id
	f.deltas++
	return nil
}

// Deltas counts the deltas since the last base: a publisher writes a base
// instead when it has reached MaxDeltas, so that a start stays quick.
func (f *File) Deltas() int { return f.deltas }

// write makes one file durable: a temporary one first, then its name.
func (f *File) write(m manifest, parts []part) (id string, err error) {
	f.seq++
	m.Seq = f.seq
	m.At = m.At.UTC().Truncate(time.Millisecond)
	b, id, err := encodeFile(m, parts, f.ring)
	if err != nil {
		return "", err
	}
	name := fileName(m.Seq, m.Kind)
	if err := f.disk.WriteSync(name+temporary, b); err != nil {
		return "", &FileError{name, fmt.Errorf("write: %w", err)}
	}
	if err := f.disk.RenameSync(name+temporary, name); err != nil {
		return "", &FileError{name, fmt.Errorf("name: %w", err)}
	}
	return id, nil
}

// ready looks at the folder when that was not done yet, so that a new file gets
// the highest number.
func (f *File) ready() error {
	if f.known {
		return nil
	}
	files, err := f.look()
	for _, n := range files {
		if n.kind == kindBase {
			f.base = n.seq
		}
	}
	return err
}

// look lists the snapshot files in order of their numbers.
func (f *File) look() ([]named, error) {
	names, err := f.disk.Names()
	if err != nil {
		return nil, fmt.Errorf("list the snapshot files: %w", err)
	}
	var files []named
	for _, name := range names {
		if n, ok := parseName(name); ok {
			files = append(files, n)
			f.seq = max(f.seq, n.seq)
		}
	}
	slices.SortFunc(files, func(a, b named) int { return strings.Compare(a.name, b.name) })
	f.known = true
	return files, nil
}

func (f *File) readBase(n named) (*Snapshot, string, error) {
	f.missing = nil // what another base lacked is no loss
	f.use(n.seq, "")
	m, changes, maps, id, err := f.read(n, n.seq)
	if err != nil {
		return nil, "", err
	}
	s, err := new(Snapshot).applyMaps(changes, maps, m.At)
	if err != nil {
		return nil, "", &FileError{n.name, fmt.Errorf("%w: %w", ErrContent, err)}
	}
	s.Version = m.Version
	return s, id, nil
}

// readDeltas applies the deltas after files[0], a base, up to the first that
// cannot be used. Deltas after a later base, which was damaged, stand on that.
func (f *File) readDeltas(s *Snapshot, id string, files []named) (*Snapshot, string, int, error) {
	next := files[0].seq + 1
	n := 0
	for _, file := range files[1:] {
		if file.kind == kindBase {
			return s, id, n, nil
		}
		if file.seq != next {
			return s, id, n, &FileError{fileName(next, kindDelta), ErrMissing}
		}
		m, changes, maps, fileID, err := f.read(file, files[0].seq)
		if err != nil {
			return s, id, n, err
		}
		if m.Prev != id || len(maps) > 0 {
			return s, id, n, &FileError{file.name, fmt.Errorf("%w: it stands on another file", ErrCorrupt)}
		}
		after, err := s.apply(changes, m.At)
		if err != nil {
			return s, id, n, &FileError{file.name, fmt.Errorf("%w: %w", ErrContent, err)}
		}
		after.Version = m.Version
		s, id = after, fileID
		next++
		n++
	}
	return s, id, n, nil
}

func (f *File) read(n named, base uint64) (manifest, []Change, []*packed, string, error) {
	b, err := f.disk.Read(n.name)
	if err != nil {
		return manifest{}, nil, nil, "", &FileError{n.name, fmt.Errorf("read: %w", err)}
	}
	m, parts, id, err := decodeFile(b, f.ring)
	if err != nil {
		return manifest{}, nil, nil, "", &FileError{n.name, err}
	}
	if m.Kind != n.kind || m.Seq != n.seq {
		return manifest{}, nil, nil, "", &FileError{n.name, fmt.Errorf("%w: it was written under another name", ErrCorrupt)}
	}
	changes, maps, err := decodeParts(parts)
	if err != nil {
		return manifest{}, nil, nil, "", &FileError{n.name, fmt.Errorf("%w: %w", ErrCorrupt, err)}
	}
	return m, f.fillLayers(base, changes), maps, id, nil
}

// prune removes what came before the previous base, and what was left half
// written. A file that cannot be removed is tried again next time: it costs
// space and nothing else.
func (f *File) prune(before uint64) {
	names, err := f.disk.Names()
	if err != nil {
		return
	}
	for _, name := range names {
		n, ok := parseName(name)
		if (ok && n.seq < before) || isTemporary(name) {
			_ = f.disk.Remove(name)
		}
	}
	f.pruneLayers(names, before)
}

// named is a snapshot file by its name.
type named struct {
	name string
	seq  uint64
	kind string
}

const (
	namePrefix = "snapshot-"
	temporary  = ".tmp"
)

func fileName(seq uint64, kind string) string {
	return fmt.Sprintf("%s%016d.%s", namePrefix, seq, kind)
}

func parseName(name string) (named, bool) {
	n := named{name: name}
	rest, ok := strings.CutPrefix(name, namePrefix)
	digits, kind, dot := strings.Cut(rest, ".")
	if !ok || !dot || (kind != kindBase && kind != kindDelta) {
		return n, false
	}
	n.kind = kind
	if _, err := fmt.Sscanf(digits, "%d", &n.seq); err != nil || fileName(n.seq, kind) != name {
		return n, false
	}
	return n, true
}

func isTemporary(name string) bool {
	stem, ok := strings.CutSuffix(name, temporary)
	if !ok {
		return false
	}
	_, ok = parseName(stem)
	return ok
}
