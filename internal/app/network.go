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
	Log     *slog.Logger
}

// ImportNetworkFile imports through the server that runs in the data directory;
// when none runs, it opens the database itself, under the lock (D-14).
func ImportNetworkFile(ctx context.Context, r ImportNetworkRequest) (netimport.Report, error) {
	var report netimport.Report
	f, err := os.Open(r.File)
	if err != nil {
		return report, fmt.Errorf("open the network map: %w", err)
	}
	defer f.Close()
	path := "/import-network?" + url.Values{
		"file": {r.File}, "org": {r.Org}, "replace": {fmt.Sprint(r.Replace)}, "dry": {fmt.Sprint(r.DryRun)},
	}.Encode()
	err = Control(ctx, r.DataDir, path, f, &report)
	if !errors.Is(err, ErrNotRunning) {
		return report, err
	}
	// A transport may have begun to read.
	if f, err = os.Open(r.File); err != nil {
		return report, fmt.Errorf("open the network map: %w", err)
	}
	defer f.Close()
	st, closer, err := offline(r.DataDir)
	if err != nil {
		return report, err
	}
	report, err = netimport.Import(ctx, st, importer(r.File), r.File, f, netimport.Options{
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
