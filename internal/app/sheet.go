package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// ImportTableRequest is an import of a table from the command line.
type ImportTableRequest struct {
	DataDir string
	File    string
	Org     string // its key
	Task    sheet.Task
	// Progress is told how far it is; total is 0 while nobody knows.
	Progress func(done, total int64)
}

// askJob is how often the command line asks how far a job is.
const askJob = 300 * time.Millisecond

// ImportTable imports a table as a job of the server that runs in the data
// directory, and waits for it; when none runs, it opens the database itself, under
// the lock (D-14). Faults of rows are an Invalid error, beside the outcome.
func ImportTable(ctx context.Context, r ImportTableRequest) (*sheet.Outcome, error) {
	if r.Progress == nil {
		r.Progress = func(int64, int64) {}
	}
	r.Task.File, r.Task.Large = filepath.Base(r.File), true
	f, err := os.Open(r.File)
	if err != nil {
		return nil, fmt.Errorf("open the table: %w", err)
	}
	defer f.Close()
	task, err := json.Marshal(r.Task)
	if err != nil {
		return nil, fmt.Errorf("encode the import: %w", err)
	}
	var j job.Job
	err = Control(ctx, r.DataDir, "/import-table?"+url.Values{"org": {r.Org}, "file": {r.Task.File}, "task": {string(task)}}.Encode(), f, &j)
	if errors.Is(err, ErrNotRunning) {
		return importTable(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return awaitJob(ctx, r, j)
}

// awaitJob waits for a job; who gives up waiting cancels it.
func awaitJob(ctx context.Context, r ImportTableRequest, j job.Job) (*sheet.Outcome, error) {
	q := "?" + url.Values{"org": {r.Org}, "id": {j.ID}}.Encode()
	again := time.NewTicker(askJob)
	defer again.Stop()
	for !j.State.Ended() {
		select {
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return nil, errors.Join(ctx.Err(), Control(stop, r.DataDir, "/job-cancel"+q, nil, nil))
		case <-again.C:
		}
		if err := Control(ctx, r.DataDir, "/job"+q, nil, &j); err != nil {
			return nil, err
		}
		r.Progress(j.Done, j.Total)
	}
	var out *sheet.Outcome
	if len(j.Result) > 0 {
		if err := json.Unmarshal(j.Result, &out); err != nil {
			return nil, fmt.Errorf("read what came of the import: %w", err)
		}
	}
	switch j.State {
	case job.Done:
		return out, nil
	case job.Cancelled:
		return out, e911.Errorf(e911.Conflict, "the import was cancelled")
	}
	return out, &e911.Error{Kind: e911.Invalid, Msg: j.Error, Faults: j.Faults}
}

// importTable imports into the database of a data directory without a server.
func importTable(ctx context.Context, r ImportTableRequest) (*sheet.Outcome, error) {
	f, err := os.Open(r.File) // a transport may have begun to read the other one
	if err != nil {
		return nil, fmt.Errorf("open the table: %w", err)
	}
	defer f.Close()
	st, closer, err := offline(r.DataDir)
	if err != nil {
		return nil, err
	}
	org, err := storedOrg(ctx, st, r.Org)
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	planner, shelf, err := offlinePlanner(r.DataDir, st)
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	desk := sheet.Desk{Store: st, Planner: planner, Layers: shelf}
	out, err := desk.Run(ctx, importer(r.File), org, r.Task, f, -1, r.Progress)
	return out, errors.Join(err, closer())
}

// ExportTable reads a table from the server that runs in the data directory or from
// the database there.
func ExportTable(ctx context.Context, dir, org string, kind sheet.Kind) (sheet.Table, error) {
	path := "/export-table?" + url.Values{"org": {org}, "kind": {string(kind)}}.Encode()
	return askOrOpen(ctx, question{dir, path, nil}, func(st *database) (t sheet.Table, err error) {
		id, err := storedOrg(ctx, st, org)
		if err != nil {
			return t, err
		}
		return exportTable(ctx, st, id, kind)
	})
}
