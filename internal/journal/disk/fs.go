package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// FS is the part of a file system that the journal uses; tests put one in its
// place that fails, fills up or hangs (package diskfault). Names are full
// paths. Safe for concurrent use.
type FS interface {
	// Claim makes the folder where it is absent and takes it for this process
	// alone, until the Closer is closed.
	Claim(dir string) (io.Closer, error)
	// List returns the names in the folder, without the path.
	List(dir string) ([]string, error)
	// Create makes a new file; one of that name must not exist.
	Create(name string) (File, error)
	// Open opens a file for reading, and for File.Truncate and Sync.
	Open(name string) (File, error)
	// Remove deletes a file.
	Remove(name string) error
	// SyncDir makes creations and removals in the folder last.
	SyncDir(dir string) error
}

// File is one open file. Write appends.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
}

// OS returns the file system of the operating system.
func OS() FS { return osFS{} }

type osFS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (osFS) Claim(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// The folder itself is locked: a lock file could not be made on a full disk.
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := lock(d); err != nil {
		return nil, errors.Join(fmt.Errorf("another process uses %s: %w", dir, err), d.Close())
	}
	return d, nil
}

func (osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (osFS) Create(name string) (File, error) {
	// O_APPEND: after a Truncate the next write goes to the new end.
	f, err := os.OpenFile(filepath.Clean(name), os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Open(name string) (File, error) {
	f, err := os.OpenFile(filepath.Clean(name), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Remove(name string) error { return os.Remove(name) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
