package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign"
	"github.com/callbox911/callbox/internal/admin/foreign/export"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/snapshot"
)

// maxForeign bounds the files of one import, together.
const maxForeign = 512 << 20

// ForeignRequest is an import of another product's exports from the command line.
type ForeignRequest struct {
	DataDir string
	Origin  string   // key of the product, or "auto"
	Paths   []string // files, folders and ZIPs
	Options intake.Options
	ForeignTarget
}

// ForeignTarget is where a reading goes, and how.
type ForeignTarget struct {
	Org     string `json:"org"` // its key
	Partial bool   `json:"partial,omitempty"`
	Replace bool   `json:"replace,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Unroute string `json:"unroute,omitempty"` // why places may lose every way to their PSAP

	id  e911.OrgID  // instead of its key
	who admin.Actor // none: the import itself
}

// ForeignReport says what files held, what it would change, and whether it did.
type ForeignReport struct {
	intake.Result
	Org     string                `json:"org"`
	Tables  []foreign.TableReport `json:"tables,omitempty"`
	Plan    *change.Plan          `json:"plan,omitempty"`
	Applied *change.Applied       `json:"applied,omitempty"`
}

// foreignJob is a reading on its way to the server.
type foreignJob struct {
	ForeignTarget
	Result intake.Result   `json:"result"`
	Tables []intake.Placed `json:"tables"`
}

// ImportForeign reads files here and imports them through the server that runs in
// the data directory, or into the database itself when none runs (D-14). The error
// is Invalid with all faults when a row is not in order, and nothing was changed.
func ImportForeign(ctx context.Context, r ForeignRequest) (ForeignReport, error) {
	files, err := foreignFiles(r.Paths)
	if err != nil {
		return ForeignReport{}, err
	}
	res, err := foreign.Read(r.Origin, files, r.Options)
	if err != nil {
		return ForeignReport{}, err
	}
	report := ForeignReport{Result: res, Org: r.Org}
	body, err := json.Marshal(foreignJob{r.ForeignTarget, res, res.Tables})
	if err != nil {
		return report, fmt.Errorf("encode what was read: %w", err)
	}
	err = Control(ctx, r.DataDir, "/import-foreign", bytes.NewReader(body), &report)
	if !errors.Is(err, ErrNotRunning) {
		return report, err
	}
	st, closer, err := offline(r.DataDir)
	if err != nil {
		return report, err
	}
	shelf := layer.NewShelf(st, nil, postalCodes(nil))
	// Without a server no calls have a world: the plan builds it from the store.
	p, err := change.New(change.Config{Store: st, Layer: layers.USCountyBoundary, Layers: shelf, Now: time.Now, Stages: offlineStages(st), Feeds: feedsOf(st), World: func() (*snapshot.Snapshot, admin.Head) { return &snapshot.Snapshot{}, admin.Head{} }})
	if err == nil {
		err = importForeign(ctx, foreignStore{st, shelf, p}, foreignJob{r.ForeignTarget, res, res.Tables}, &report)
	}
	return report, errors.Join(err, closer())
}

// foreignFiles reads files, and the tables of folders.
func foreignFiles(paths []string) ([]intake.File, error) {
	var out []intake.File
	left := int64(maxForeign)
	add := func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("open the export: %w", err)
		}
		if left -= info.Size(); left < 0 {
			return e911.Errorf(e911.Invalid, "the files have more than %d MiB together", maxForeign>>20)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read the export: %w", err)
		}
		out = append(out, intake.File{Name: filepath.Base(path), Data: data})
		return nil
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("open the export: %w", err)
		}
		inside := []string{p}
		if info.IsDir() {
			inside = nil
			entries, err := os.ReadDir(p)
			if err != nil {
				return nil, fmt.Errorf("read the folder: %w", err)
			}
			for _, e := range entries {
				if ext := strings.ToLower(filepath.Ext(e.Name())); !e.IsDir() && slices.Contains([]string{".csv", ".txt", ".tsv", ".xlsx", ".zip"}, ext) {
					inside = append(inside, filepath.Join(p, e.Name()))
				}
			}
		}
		for _, f := range inside {
			if err := add(f); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// foreignStore is what an import needs of the place where it runs.
type foreignStore struct {
	st      *database
	layers  check.Layers
	planner *change.Planner
}

func importForeign(ctx context.Context, s foreignStore, job foreignJob, report *ForeignReport) error {
	job.Result.Tables = job.Tables
	var set change.Set
	err := s.st.Read(ctx, func(r admin.Reader) error {
		orgs, err := r.Orgs(ctx)
		if err != nil {
			return fmt.Errorf("read the organisations: %w", err)
		}
		i := slices.IndexFunc(orgs, func(o e911.Org) bool { return o.ID == job.id || job.id == "" && o.Key == job.Org })
		if i < 0 {
			return e911.Errorf(e911.NotFound, "there is no organisation %q", job.Org)
		}
		set, report.Tables, err = foreign.ChangeSet(ctx, r, &job.Result, foreign.SetOptions{Org: orgs[i].ID, Partial: job.Partial, Replace: job.Replace, Layers: s.layers})
		return err
	})
	if err != nil {
		return err
	}
	set.Unroute = job.Unroute
	if len(set.Faults) > 0 && !set.Partial && !job.DryRun {
		return &e911.Error{Kind: e911.Invalid, Msg: "rows are not in order, and nothing was changed; --partial imports the others", Faults: set.Faults}
	}
	if len(set.Steps) == 0 {
		return nil
	}
	who := job.who
	if who == "" {
		who = admin.Actor("import from " + job.Result.Origin)
	}
	plan, err := s.planner.Plan(ctx, who, set)
	if err != nil {
		return err
	}
	report.Plan = &plan
	if job.DryRun || plan.Idle() { // idle: everything is as the files want it
		return nil
	}
	if !plan.Applicable {
		return &e911.Error{Kind: e911.Invalid, Msg: "nothing was changed: " + plan.Why, Faults: append(slices.Clone(plan.Faults), plan.Effects.Lost...)}
	}
	done, err := s.planner.Apply(ctx, who, plan.Org, plan.ID, plan.Hash)
	if err == nil {
		report.Applied = &done
	}
	return err
}

// foreignRoutes is what the command line asks of a running server.
func (s *Server) foreignRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /import-foreign", func(w http.ResponseWriter, r *http.Request) {
		var job foreignJob
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*maxForeign)).Decode(&job); err != nil {
			writeControl(w, nil, e911.Errorf(e911.Invalid, "what was read is no table"))
			return
		}
		st := s.store.get()
		if st == nil {
			writeControl(w, nil, errNoStore)
			return
		}
		report := ForeignReport{Result: job.Result, Org: job.Org}
		p, err := s.changePlanner(st)
		if err == nil {
			err = importForeign(r.Context(), foreignStore{st, s.shelf(st), p}, job, &report)
		}
		if err == nil && report.Applied != nil {
			err = s.published(r.Context(), nil)
		}
		writeControl(w, report, err)
	})
	mux.HandleFunc("POST /export-foreign", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		st := s.store.get()
		if st == nil {
			writeControl(w, nil, errNoStore)
			return
		}
		out, err := exportForeign(r.Context(), st, q.Get("format"), q.Get("org"))
		writeControl(w, out, err)
	})
}

// ForeignExport is an organisation in another product's files.
type ForeignExport struct {
	export.Export
	Files []export.File `json:"files"`
}

// ExportForeign writes an organisation for another product, from the server that
// runs in the data directory or from the database there.
func ExportForeign(ctx context.Context, dir, format, org string) (ForeignExport, error) {
	path := "/export-foreign?" + url.Values{"format": {format}, "org": {org}}.Encode()
	return askOrOpen(ctx, question{dir, path, nil}, func(st *database) (ForeignExport, error) {
		return exportForeign(ctx, st, format, org)
	})
}

func exportForeign(ctx context.Context, st *database, format, org string) (ForeignExport, error) {
	all := foreign.Writers()
	i := slices.IndexFunc(all, func(w foreign.Writer) bool { return w.Key == format })
	if i < 0 || all[i].Write == nil {
		return ForeignExport{}, e911.Errorf(e911.Invalid, "there is no writer for %q", format)
	}
	var w export.World
	err := st.Read(ctx, func(r admin.Reader) error {
		var err error
		w, err = export.Load(ctx, r, org)
		return err
	})
	if err != nil {
		return ForeignExport{}, err
	}
	e := all[i].Write(w)
	return ForeignExport{e, e.Files}, nil
}
