package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/admin/psapdir"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// maxDirectory bounds a file of PSAPs: the registry has one and a half megabytes.
const maxDirectory = 32 << 20

// desk is the world of the moment, as a person at a desk asks it.
func (s *Server) desk() desk.Config {
	return desk.Config{World: s.holder.Load(), Authority: lostAuthority{s}, Postal: s.postal, Now: s.cfg.Now()}
}

// deskOf is the world that a server left in its data directory; nothing is known
// of the authority then.
func deskOf(dir string, now time.Time) (desk.Config, error) {
	key := filepath.Join(dir, "master.key")
	if _, err := os.Stat(key); err != nil { // LoadMaster would make one
		return desk.Config{}, e911.Errorf(e911.Invalid, "there is no Callbox in %s; name its data directory with --data", dir)
	}
	ring, err := seal.LoadMaster(key)
	if err != nil {
		return desk.Config{}, err
	}
	world, err := snapshot.OpenFile(filepath.Join(dir, "snapshot"), ring).Load()
	if world == nil {
		return desk.Config{}, fmt.Errorf("no server runs in %s, and its snapshot cannot be read: %w", dir, err)
	}
	return desk.Config{World: world, Postal: postalCodes(nil), Now: now}, nil
}

// askDesk asks the server that runs in dir; when none runs, the files there.
func askDesk[T any](ctx context.Context, dir, path string, files func(desk.Config) (T, error)) (T, error) {
	var out T
	err := Control(ctx, dir, path, nil, &out)
	if !errors.Is(err, ErrNotRunning) {
		return out, err
	}
	d, err := deskOf(dir, time.Now())
	if err != nil {
		return out, err
	}
	return files(d)
}

// Route answers who serves a place, in the parameters of the API.
func Route(ctx context.Context, dir string, params url.Values) (desk.Answer, error) {
	q, err := desk.Parse(params)
	if err != nil {
		return desk.Answer{}, err
	}
	return askDesk(ctx, dir, "/route?"+params.Encode(), func(d desk.Config) (desk.Answer, error) { return d.Find(q, "") })
}

// PSAPs lists the directory.
func PSAPs(ctx context.Context, dir string, f desk.Filter) ([]desk.Entry, error) {
	v := url.Values{"state": {f.State}, "search": {f.Search}, "all": {fmt.Sprint(f.All)}}
	return askDesk(ctx, dir, "/psaps?"+v.Encode(), func(d desk.Config) ([]desk.Entry, error) { return d.List(f), nil })
}

// Gaps says where a call would not find its PSAP, of the organisation with that
// key, or of all.
func Gaps(ctx context.Context, dir, org string) (desk.GapReport, error) {
	return askDesk(ctx, dir, "/psap-gaps?"+url.Values{"org": {org}}.Encode(), func(d desk.Config) (desk.GapReport, error) { return gapsOf(d, org) })
}

func gapsOf(d desk.Config, org string) (desk.GapReport, error) {
	if org == "" {
		return d.Gaps(""), nil
	}
	for o := range d.World.Orgs() {
		if o.Config().Key == org {
			return d.Gaps(o.ID()), nil
		}
	}
	return desk.GapReport{}, e911.Errorf(e911.NotFound, "there is no organisation %q", org)
}

// ImportPSAPsRequest is a directory that comes from the command line.
type ImportPSAPsRequest struct {
	DataDir, File string
	DryRun        bool
	Log           *slog.Logger
}

// ImportPSAPsFile imports through the server that runs in the data directory;
// when none runs, it opens the database itself, under the lock (D-14).
func ImportPSAPsFile(ctx context.Context, r ImportPSAPsRequest) (psapdir.Report, error) {
	var report psapdir.Report
	text, err := os.ReadFile(r.File)
	if err != nil {
		return report, fmt.Errorf("read the directory: %w", err)
	}
	path := "/import-psaps?" + url.Values{"file": {r.File}, "dry": {fmt.Sprint(r.DryRun)}}.Encode()
	err = Control(ctx, r.DataDir, path, bytes.NewReader(text), &report)
	if !errors.Is(err, ErrNotRunning) {
		return report, err
	}
	st, closer, err := offline(r.DataDir)
	if err != nil {
		return report, err
	}
	report, err = importPSAPs(ctx, st, r.File, bytes.NewReader(text), psapdir.Options{DryRun: r.DryRun, Now: time.Now()})
	return report, errors.Join(err, closer())
}

func importPSAPs(ctx context.Context, st admin.Store, file string, text io.Reader, opt psapdir.Options) (psapdir.Report, error) {
	return psapdir.Import(ctx, st, admin.Actor("import "+filepath.Base(file)), psapdir.File{Name: file, Text: text}, opt)
}

// ImportPSAPs brings the directory up to date and publishes it.
func (s *Server) ImportPSAPs(ctx context.Context, file string, text io.Reader, opt psapdir.Options) (psapdir.Report, error) {
	st := s.store.get()
	if st == nil {
		return psapdir.Report{}, errNoStore
	}
	r, err := importPSAPs(ctx, st, file, text, opt)
	if err != nil || opt.DryRun {
		return r, err
	}
	res, err := s.publish.Publish(ctx, st)
	if err != nil {
		return r, fmt.Errorf("stored, but not published: %w", err)
	}
	held := slices.DeleteFunc(res.Held, func(h publish.Held) bool { return h.Ref.Kind != e911.KindPSAP })
	if len(held) > 0 {
		return r, e911.Errorf(e911.Conflict, "stored, but calls do not use %d of the PSAPs: %s", len(held), held[0].Why)
	}
	return r, nil
}

// routePage answers a signed-in user of an organisation, of whose places alone
// he is told (E14).
func (s *Server) routePage(_ context.Context, org e911.OrgID, params url.Values) (any, error) {
	q, err := desk.Parse(params)
	if err != nil {
		return nil, err
	}
	return s.desk().Find(q, org)
}

// controlPSAPs adds the directory to what the command line may ask.
func (s *Server) controlPSAPs(mux *http.ServeMux) {
	mux.HandleFunc("POST /import-psaps", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		report, err := s.ImportPSAPs(r.Context(), q.Get("file"), http.MaxBytesReader(w, r.Body, maxDirectory),
			psapdir.Options{DryRun: q.Get("dry") == "true", Now: s.cfg.Now()})
		writeControl(w, report, err)
	})
	mux.HandleFunc("POST /route", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.routePage(r.Context(), "", r.URL.Query())
		writeControl(w, a, err)
	})
	mux.HandleFunc("GET /api/v1/route", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.routePage(r.Context(), "", r.URL.Query())
		if err != nil {
			w.WriteHeader(statusOf(err))
			writeControl(w, nil, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a)
	})
	mux.HandleFunc("POST /psaps", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		writeControl(w, s.desk().List(desk.Filter{State: q.Get("state"), Search: q.Get("search"), All: q.Get("all") == "true"}), nil)
	})
	mux.HandleFunc("POST /psap-gaps", func(w http.ResponseWriter, r *http.Request) {
		report, err := gapsOf(s.desk(), r.URL.Query().Get("org"))
		writeControl(w, report, err)
	})
}
