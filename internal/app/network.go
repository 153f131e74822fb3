package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/netimport"
)

// ImportNetworkRequest is an import of a network map from the command line.
type ImportNetworkRequest struct {
	DataDir string
	File    string
	Org     string // its key
	Replace bool
	DryRun  bool
	// Read is told how much of the file was read, in octets; nil: nobody is.
	Read func(done, total int64)
	Log  *slog.Logger
}

// readSoFar is a reader that says how far it is.
type readSoFar struct {
	io.Reader
	done, total int64
	tell        func(done, total int64)
}

func (t *readSoFar) Read(b []byte) (int, error) {
	n, err := t.Reader.Read(b)
	if t.done += int64(n); t.tell != nil {
		t.tell(t.done, t.total)
	}
	return n, err
}

// openTold opens a file that says how much of it was read.
func openTold(name string, tell func(done, total int64)) (f *os.File, r io.Reader, err error) {
	if f, err = os.Open(name); err != nil {
		return nil, nil, fmt.Errorf("open the network map: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("look at the network map: %w", err)
	}
	return f, &readSoFar{Reader: f, total: info.Size(), tell: tell}, nil
}

// ImportNetworkFile imports through the server that runs in the data directory;
// when none runs, it opens the database itself, under the lock (D-14).
func ImportNetworkFile(ctx context.Context, r ImportNetworkRequest) (netimport.Report, error) {
	var report netimport.Report
	f, in, err := openTold(r.File, r.Read)
	if err != nil {
		return report, err
	}
	defer f.Close()
	path := "/import-network?" + url.Values{
		"file": {r.File}, "org": {r.Org}, "replace": {fmt.Sprint(r.Replace)}, "dry": {fmt.Sprint(r.DryRun)},
	}.Encode()
	err = Control(ctx, r.DataDir, path, in, &report)
	if !errors.Is(err, ErrNotRunning) {
		return report, err
	}
	// A transport may have begun to read.
	if f, in, err = openTold(r.File, r.Read); err != nil {
		return report, err
	}
	defer f.Close()
	st, closer, err := offline(r.DataDir)
	if err != nil {
		return report, err
	}
	report, err = netimport.Import(ctx, st, importer(r.File), r.File, in, netimport.Options{
		Org: r.Org, Replace: r.Replace, DryRun: r.DryRun,
		Progress: func(doing string, done int) { r.Log.Info("import network", "elements", done, "what", doing) },
	})
	return report, errors.Join(err, closer())
}

func importer(file string) admin.Actor { return admin.Actor("import " + filepath.Base(file)) }

// ImportNetwork imports a network map into the running server.
func (s *Server) ImportNetwork(ctx context.Context, file string, r io.Reader, opt netimport.Options) (netimport.Report, error) {
	st := s.store.get()
	if st == nil {
		return netimport.Report{}, errNoStore
	}
	opt.Progress = func(doing string, done int) { s.cfg.Log.Info("import network", "elements", done, "what", doing) }
	report, err := netimport.Import(ctx, st, importer(file), file, r, opt)
	if err != nil || opt.DryRun {
		return report, err
	}
	if _, err := s.publish.Publish(ctx, st); err != nil {
		return report, fmt.Errorf("stored, but not published: %w", err)
	}
	return report, nil
}
