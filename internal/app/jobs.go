package app

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// openJobs makes the queue of jobs over the open database.
func (s *Server) openJobs(st *database) (*job.Queue, error) {
	return job.New(job.Config{
		Store: st, Node: s.cfg.Node, Dir: filepath.Join(s.cfg.DataDir, "jobs"), Now: s.cfg.Now, Log: s.cfg.Log,
		Handlers: map[string]job.Handler{sheet.ImportJob: sheet.Handler(s.sheetDesk), sheet.ApplyJob: sheet.ApplyHandler(s.sheetDesk), api.DirectoryJob: s.directoryJob},
	})
}

// sheetDesk is what an import needs, over the open database.
func (s *Server) sheetDesk() (sheet.Desk, error) {
	st := s.store.get()
	if st == nil {
		return sheet.Desk{}, errNoStore
	}
	p, err := s.changePlanner(st) // what a plan does is told from what calls use
	return sheet.Desk{Store: st, Planner: p, Layers: s.shelf(st), Limits: sheet.Limits{Rows: s.cfg.ImportRows}}, err
}

// lateJobs are the jobs of the database once it is open.
type lateJobs struct{ l *lateStore }

func (j lateJobs) queue() (*job.Queue, error) {
	if q := j.l.jobs.Load(); q != nil {
		return q, nil
	}
	return nil, errNoStore
}

func (j lateJobs) Submit(ctx context.Context, r job.Request) (job.Job, error) {
	q, err := j.queue()
	if err != nil {
		return job.Job{}, err
	}
	return q.Submit(ctx, r)
}

func (j lateJobs) Get(ctx context.Context, org e911.OrgID, id string) (job.Job, error) {
	q, err := j.queue()
	if err != nil {
		return job.Job{}, err
	}
	return q.Get(ctx, org, id)
}

func (j lateJobs) List(ctx context.Context, org e911.OrgID, before string, limit int) ([]job.Job, error) {
	q, err := j.queue()
	if err != nil {
		return nil, err
	}
	return q.List(ctx, org, before, limit)
}

func (j lateJobs) Cancel(ctx context.Context, org e911.OrgID, id string) (job.Job, error) {
	q, err := j.queue()
	if err != nil {
		return job.Job{}, err
	}
	return q.Cancel(ctx, org, id)
}

// lateSheets writes tables from the database once it is open.
type lateSheets struct{ l *lateStore }

func (lateSheets) Template(w io.Writer, f sheet.Format, kind sheet.Kind) error {
	return sheet.Template(w, f, kind)
}

func (lateSheets) Write(w io.Writer, f sheet.Format, kind sheet.Kind, t sheet.Table) error {
	return sheet.Write(w, f, kind, t)
}

func (l lateSheets) Export(ctx context.Context, org e911.OrgID, kind sheet.Kind) (t sheet.Table, err error) {
	st := l.l.get()
	if st == nil {
		return sheet.Table{}, errNoStore
	}
	return exportTable(ctx, st, org, kind)
}

// jobRoutes is what the command line asks of jobs and tables.
func (s *Server) jobRoutes(mux *http.ServeMux) {
	handle := func(path string, do func(r *http.Request, org e911.OrgID) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			// From this machine: a large file takes its time.
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
			org, err := s.orgByKey(r.URL.Query().Get("org"))
			var result any
			if err == nil {
				result, err = do(r, org.ID)
			}
			writeControl(w, result, err)
		})
	}
	jobs := lateJobs{&s.store}
	handle("/import-table", func(r *http.Request, org e911.OrgID) (any, error) {
		file := r.URL.Query().Get("file")
		req := job.Request{
			Org: org, Kind: sheet.ImportJob, Title: "import of " + file, Who: importer(file), Args: []byte(r.URL.Query().Get("task")), Input: r.Body,
		}
		return jobs.Submit(r.Context(), req)
	})
	handle("/job", func(r *http.Request, org e911.OrgID) (any, error) {
		return jobs.Get(r.Context(), org, r.URL.Query().Get("id"))
	})
	handle("/job-cancel", func(r *http.Request, org e911.OrgID) (any, error) {
		return jobs.Cancel(r.Context(), org, r.URL.Query().Get("id"))
	})
	handle("/export-table", func(r *http.Request, org e911.OrgID) (any, error) {
		return lateSheets{&s.store}.Export(r.Context(), org, sheet.Kind(r.URL.Query().Get("kind")))
	})
}
