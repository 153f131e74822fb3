package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
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
	org, err := orgOf(ctx, st, r.Org)
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	desk, err := sheetDesk(st, layer.NewShelf(st, nil, postalCodes(nil)), &snapshot.Snapshot{}, time.Now)
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	out, err := desk.Run(ctx, importer(r.File), org, r.Task, f, -1, r.Progress)
	return out, errors.Join(err, closer())
}

// orgOf finds an organisation by its key; "" is the only one there is.
func orgOf(ctx context.Context, st admin.Store, key string) (id e911.OrgID, err error) {
	err = st.Read(ctx, func(r admin.Reader) error {
		orgs, err := r.Orgs(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(orgs, func(o e911.Org) bool { return o.Key == key || key == "" && len(orgs) == 1 })
		if i < 0 {
			return e911.Errorf(e911.NotFound, "there is no organisation %q; name it with --org", key)
		}
		id = orgs[i].ID
		return nil
	})
	return id, err
}

// ExportTable reads a table from the server that runs in the data directory or from
// the database there.
func ExportTable(ctx context.Context, dir, org string, kind sheet.Kind) (sheet.Table, error) {
	var t sheet.Table
	err := Control(ctx, dir, "/export-table?"+url.Values{"org": {org}, "kind": {string(kind)}}.Encode(), nil, &t)
	if !errors.Is(err, ErrNotRunning) {
		return t, err
	}
	st, closer, err := offline(dir)
	if err != nil {
		return t, err
	}
	id, err := orgOf(ctx, st, org)
	if err == nil {
		err = st.Read(ctx, func(r admin.Reader) error {
			t, err = sheet.Export(ctx, r, id, kind)
			return err
		})
	}
	return t, errors.Join(err, closer())
}
