package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// fileSystem is what File asks of a disk: few steps, each of them durable when
// it returns nil, so that a test can cut the power in each.
type fileSystem interface {
	// Names lists the folder, and that of the layers in it as "layers/NAME"; a
	// folder that is not there has no files.
	Names() ([]string, error)
	Read(name string) ([]byte, error)
	// WriteSync makes or replaces a file and waits for the disk.
	WriteSync(name string, b []byte) error
	// RenameSync renames a file and waits until the folder is on the disk.
	RenameSync(from, to string) error
	Remove(name string) error
}

// folder is a fileSystem on a real disk.
type folder string

func (d folder) Names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	inside, layersErr := os.ReadDir(filepath.Join(string(d), layersDir))
	if layersErr != nil && !errors.Is(layersErr, fs.ErrNotExist) {
		return names, layersErr
	}
	for _, e := range inside {
		names = append(names, layersDir+e.Name())
	}
	return names, err
}

func (d folder) Read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(d), name))
}

func (d folder) WriteSync(name string, b []byte) (err error) {
	path := filepath.Join(string(d), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

func (d folder) RenameSync(from, to string) (err error) {
	if err := os.Rename(filepath.Join(string(d), from), filepath.Join(string(d), to)); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(filepath.Join(string(d), to)))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := dir.Close(); err == nil {
			err = closeErr
		}
	}()
	return dir.Sync()
}

func (d folder) Remove(name string) error {
	return os.Remove(filepath.Join(string(d), name))
}
