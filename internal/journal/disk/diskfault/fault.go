// Package diskfault puts a file system that fails on demand under the journal:
// full, broken, or hanging (F-38 b). It is for tests; the files are real.
package diskfault

import (
	"io"
	"sync"

	"github.com/callbox911/callbox/internal/journal/disk"
)

// FS passes everything on to another file system until it is told to fail.
// Safe for concurrent use.
type FS struct {
	under disk.FS

	mu     sync.Mutex
	errs   map[Op]error
	room   int64 // bytes until writes fail with errs[Write]; negative: at once
	hang   map[Op]chan struct{}
	tries  map[Op]int
	change chan struct{} // closed and replaced with each try
}

// Op is a kind of call.
type Op string

// The calls that can be made to fail or hang.
const (
	Create  Op = "create"
	Open    Op = "open"
	Write   Op = "write"
	Sync    Op = "sync"
	SyncDir Op = "sync_dir"
	Read    Op = "read"
	Cut     Op = "truncate"
	Remove  Op = "remove"
)

// New wraps under.
func New(under disk.FS) *FS {
	return &FS{under: under, errs: map[Op]error{}, hang: map[Op]chan struct{}{}, tries: map[Op]int{}, change: make(chan struct{})}
}

// Fail makes op return err from now on; nil heals it.
func (f *FS) Fail(op Op, err error) { f.FailAfter(op, err, -1) }

// FailAfter is Fail, but a Write fails only after room further bytes, of which
// the last write may take a part.
func (f *FS) FailAfter(op Op, err error, room int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs[op], f.room = err, room
}

// Hang makes op wait until the returned function is called.
func (f *FS) Hang(op Op) (release func()) {
	c := make(chan struct{})
	f.mu.Lock()
	f.hang[op] = c
	f.mu.Unlock()
	var once sync.Once
	return func() {
		once.Do(func() {
			f.mu.Lock()
			delete(f.hang, op)
			f.mu.Unlock()
			close(c)
		})
	}
}

// Tried returns how often op was called, and a channel that is closed at the
// next call of any.
func (f *FS) Tried(op Op) (int, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tries[op], f.change
}

func (f *FS) check(op Op) error {
	f.mu.Lock()
	f.tries[op]++
	close(f.change)
	f.change = make(chan struct{})
	c := f.hang[op]
	f.mu.Unlock()
	if c != nil {
		<-c
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errs[op] // as it is after the wait: a call that hung may then fail
}

// Claim implements disk.FS.
func (f *FS) Claim(dir string) (io.Closer, error) { return f.under.Claim(dir) }

// List implements disk.FS.
func (f *FS) List(dir string) ([]string, error) { return f.under.List(dir) }

// Create implements disk.FS.
func (f *FS) Create(name string) (disk.File, error) {
	if err := f.check(Create); err != nil {
		return nil, err
	}
	file, err := f.under.Create(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f}, nil
}

// Open implements disk.FS.
func (f *FS) Open(name string) (disk.File, error) {
	if err := f.check(Open); err != nil {
		return nil, err
	}
	file, err := f.under.Open(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f}, nil
}

// Remove implements disk.FS.
func (f *FS) Remove(name string) error {
	if err := f.check(Remove); err != nil {
		return err
	}
	return f.under.Remove(name)
}

// SyncDir implements disk.FS.
func (f *FS) SyncDir(dir string) error {
	if err := f.check(SyncDir); err != nil {
		return err
	}
	return f.under.SyncDir(dir)
}

type faultFile struct {
	disk.File
	fs *FS
}

// Write fails as a full disk does: a part may be written.
func (f *faultFile) Write(b []byte) (int, error) {
	err := f.fs.check(Write)
	if err == nil {
		return f.File.Write(b)
	}
	f.fs.mu.Lock()
	part := min(max(f.fs.room, 0), int64(len(b)))
	whole := f.fs.room >= int64(len(b))
	f.fs.room -= part
	f.fs.mu.Unlock()
	n, werr := f.File.Write(b[:part])
	if werr != nil || whole {
		return n, werr
	}
	return n, err
}

func (f *faultFile) Sync() error {
	if err := f.fs.check(Sync); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultFile) Truncate(size int64) error {
	if err := f.fs.check(Cut); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.fs.check(Read); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, off)
}
