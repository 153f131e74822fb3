package disk_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/callbox911/callbox/internal/journal/disk"
)

// memFS is a disk that can lose power: what was not synced is gone in part, a
// file whose folder was not synced may be gone altogether, and what a failed
// fsync left behind never lasts, whatever a later fsync says.
type memFS struct {
	mu       sync.Mutex
	files    map[string]*memFile
	writeErr error
	syncErr  error
}

type memFile struct {
	fs       *memFS
	data     []byte
	durable  int
	poisoned bool
	named    bool // its folder was synced since it was made
}

func newMemFS() *memFS { return &memFS{files: map[string]*memFile{}} }

// holding is a disk with one segment.
func holding(b []byte) *memFS {
	m := newMemFS()
	m.files["/journal/00000000000000000001.seg"] = &memFile{fs: m, data: append([]byte(nil), b...), durable: len(b), named: true}
	return m
}

// only returns what the only file holds.
func (m *memFS) only(t testing.TB) []byte {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.files) != 1 {
		t.Fatalf("%d files, want one", len(m.files))
	}
	for _, f := range m.files {
		return append([]byte(nil), f.data...)
	}
	return nil
}

// String tells what the segments hold and how much of them lasts.
func (m *memFS) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	files := map[string][]byte{}
	for n, f := range m.files {
		files[fmt.Sprintf("%s (durable %d, named %v, poisoned %v)", filepath.Base(n), f.durable, f.named, f.poisoned)] = f.data
	}
	return disk.Describe(files)
}

// crash returns the disk as the next process finds it. Without power loss all
// that was written is there, and lasts no better than before. With it each file
// ends anywhere behind what is durable.
func (m *memFS) crash(powerLoss bool, rng *rand.Rand) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := newMemFS()
	for name, f := range m.files {
		keep := len(f.data)
		if powerLoss {
			if !f.named && rng.IntN(2) == 0 {
				continue
			}
			if !f.named {
				f.durable = 0
			}
			keep = f.durable + rng.IntN(len(f.data)-f.durable+1)
		}
		after := &memFile{fs: next, data: append([]byte(nil), f.data[:keep]...), durable: f.durable, named: f.named}
		if powerLoss {
			after.durable, after.named = keep, true
		}
		next.files[name] = after
	}
	return next
}

func (m *memFS) set(writeErr, syncErr error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writeErr, m.syncErr = writeErr, syncErr
}

func (m *memFS) Claim(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (m *memFS) List(string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for n := range m.files {
		names = append(names, filepath.Base(n))
	}
	return names, nil
}

func (m *memFS) Create(name string) (disk.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] != nil {
		return nil, fs.ErrExist
	}
	f := &memFile{fs: m}
	m.files[name] = f
	return f, nil
}

func (m *memFS) Open(name string) (disk.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.files[name]; f != nil {
		return f, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

func (m *memFS) SyncDir(string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.syncErr != nil {
		return m.syncErr
	}
	for _, f := range m.files {
		f.named = true
	}
	return nil
}

func (f *memFile) Write(b []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.writeErr != nil {
		part := len(b) / 2
		f.data = append(f.data, b[:part]...)
		return part, f.fs.writeErr
	}
	f.data = append(f.data, b...)
	return len(b), nil
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.writeErr != nil && f.fs.syncErr != nil {
		return errors.New("truncate: input/output error")
	}
	f.data = f.data[:size]
	f.durable = min(f.durable, int(size))
	return nil
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.syncErr != nil {
		f.poisoned = true
		return f.fs.syncErr
	}
	if !f.poisoned {
		f.durable = len(f.data)
	}
	return nil
}

func (f *memFile) Close() error { return nil }
