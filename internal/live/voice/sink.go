package voice

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// sinkName is the one file that the module may write, in the root.
const sinkName = "speech.wav"

// sink is all of the file system that the module sees: an empty root, and one
// file that takes what is written. It is memory, bounded; nothing reaches a
// disk. wazero writes to a file of an fs.FS that is an io.Writer and io.Seeker.
type sink struct {
	data  []byte
	at    int64
	limit int
}

var errFull = errors.New("more sound than one sentence may have")

// Open opens the root or the file.
func (s *sink) Open(name string) (fs.File, error) {
	switch name {
	case ".":
		return sinkRoot{}, nil
	case sinkName:
		return sinkFile{sink: s}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Seek moves to where the next Write goes: flite goes back to complete the
// header.
func (s *sink) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += int64(len(s.data))
	}
	if offset < 0 || offset > int64(s.limit) {
		return 0, fs.ErrInvalid
	}
	s.at = offset
	return offset, nil
}

// Write stores b where the last Seek or Write ended.
func (s *sink) Write(b []byte) (int, error) {
	end := int(s.at) + len(b)
	if end > s.limit {
		return 0, errFull
	}
	if end > len(s.data) {
		s.data = append(s.data, make([]byte, end-len(s.data))...)
	}
	copy(s.data[s.at:], b)
	s.at = int64(end)
	return len(b), nil
}

// sinkFile is the sink, opened.
type sinkFile struct{ *sink }

func (sinkFile) Read([]byte) (int, error) { return 0, io.EOF }
func (sinkFile) Close() error             { return nil }
func (f sinkFile) Stat() (fs.FileInfo, error) {
	return sinkInfo{name: sinkName, size: len(f.data)}, nil
}

// sinkRoot is the folder that the sink is in.
type sinkRoot struct{}

func (sinkRoot) Read([]byte) (int, error)           { return 0, fs.ErrInvalid }
func (sinkRoot) Close() error                       { return nil }
func (sinkRoot) Stat() (fs.FileInfo, error)         { return sinkInfo{name: ".", dir: true}, nil }
func (sinkRoot) ReadDir(int) ([]fs.DirEntry, error) { return nil, io.EOF }

type sinkInfo struct {
	name string
	size int
	dir  bool
}

func (i sinkInfo) Name() string     { return i.name }
func (i sinkInfo) Size() int64      { return int64(i.size) }
func (sinkInfo) ModTime() time.Time { return time.Time{} }
func (i sinkInfo) IsDir() bool      { return i.dir }
func (sinkInfo) Sys() any           { return nil }

func (i sinkInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
