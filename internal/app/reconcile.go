package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/run"
)

// listsFolder holds the lists of platforms that are read as files.
const listsFolder = "lists"

// reconciler makes what compares platforms' lists with ours, and the part that does it
// when it is due.
func (s *Server) reconciler(st *database) (*reconcile.Service, run.Part, error) {
	folder := filepath.Join(s.cfg.DataDir, listsFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, run.Part{}, fmt.Errorf("make the folder of lists: %w", err)
	}
	planner, err := change.New(change.Config{
		Store: st, Layer: layers.USCountyBoundary, Layers: s.shelf(st), World: s.publish.World, Now: s.cfg.Now, Stages: s.stages(), Feeds: feedsOf(st),
		Memory: func(org e911.OrgID, device string) locate.Memory { return s.lis.Memory(org, device) },
	})
	if err != nil {
		return nil, run.Part{}, err
	}
	svc, err := reconcile.New(reconcile.Config{Store: st, Planner: planner, Leavers: leaversOf(st), Folder: folder, Now: s.cfg.Now, Alarm: s.alarm, Log: s.cfg.Log})
	if err != nil {
		return nil, run.Part{}, fmt.Errorf("wire the comparison of lists: %w", err)
	}
	return svc, run.Part{Name: "lists of platforms", Run: svc.Run}, nil
}

// reconcileRoutes is what the command line asks about lists of platforms.
func (s *Server) reconcileRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /reconcile", func(w http.ResponseWriter, r *http.Request) {
		svc := s.store.lists.Load()
		if svc == nil {
			writeControl(w, nil, errNoStore)
			return
		}
		q := r.URL.Query()
		org, err := s.orgByKey(q.Get("org"))
		if err != nil {
			writeControl(w, nil, err)
			return
		}
		answer, err := answerReconcile(r.Context(), svc, org.ID, q, http.MaxBytesReader(w, r.Body, reconcile.MaxList+1))
		writeControl(w, answer, err)
	})
}

// What may be asked about lists.
const (
	ListsStatus = "status"
	ListsShow   = "show"
	ListsAll    = "all" // as show, every difference as it is now
	ListsRun    = "run"
	ListsPush   = "push"
	ListsPlan   = "plan"
	ListsSave   = "save"
	ListsDelete = "delete"
)

// maxSource bounds a source that is sent over the socket.
const maxSource = 64 << 10

func answerReconcile(ctx context.Context, svc *reconcile.Service, org e911.OrgID, q url.Values, body io.Reader) (any, error) {
	who, key := admin.Actor("command line: "+q.Get("who")), q.Get("key")
	switch q.Get("do") {
	case ListsStatus:
		return svc.Status(ctx, org)
	case ListsShow:
		return svc.Last(ctx, org, key)
	case ListsAll:
		return svc.Compare(ctx, org, key)
	case ListsRun:
		return svc.RunNow(ctx, who, org, key)
	case ListsPush:
		return svc.Push(ctx, who, org, key, q.Get("file"), body)
	case ListsPlan:
		return svc.Plan(ctx, who, org, key)
	case ListsSave:
		var src reconcile.Source
		dec := json.NewDecoder(io.LimitReader(body, maxSource))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&src); err != nil {
			return nil, e911.Errorf(e911.Invalid, "the description of the list cannot be read: %v", err)
		}
		src.Org = org
		if old, err := svc.Source(ctx, org, src.Key); err == nil {
			src.ID, src.Version = old.ID, old.Version
		}
		return svc.Save(ctx, who, src)
	case ListsDelete:
		return struct{}{}, svc.Delete(ctx, who, org, key)
	}
	return nil, e911.Errorf(e911.Invalid, "%q is nothing that can be asked of lists", q.Get("do"))
}

// ListsRequest is a question about lists from the command line.
type ListsRequest struct {
	DataDir string
	Do      string // ListsStatus and the others
	Org     string // key
	Key     string // of the source
	Who     string
	File    string // name of Body
	Body    io.Reader
	Log     *slog.Logger
}

// Lists asks the server that runs in the data directory; when none runs it opens the
// database itself, under the lock (D-14).
func Lists[T any](ctx context.Context, r ListsRequest) (out T, err error) {
	q := url.Values{"do": {r.Do}, "org": {r.Org}, "key": {r.Key}, "who": {r.Who}, "file": {r.File}}
	return askOrOpen(ctx, question{r.DataDir, "/reconcile?" + q.Encode(), r.Body}, func(st *database) (out T, err error) {
		planner, _, err := offlinePlanner(r.DataDir, st)
		if err != nil {
			return out, err
		}
		svc, err := reconcile.New(reconcile.Config{
			Store: st, Planner: planner, Leavers: leaversOf(st), Folder: filepath.Join(r.DataDir, listsFolder), Now: time.Now, Log: r.Log,
			Alarm: func(_ e911.OrgID, a journal.Alarm) { r.Log.Warn("alarm", "code", a.Code, "detail", a.Detail) },
		})
		if err != nil {
			return out, err
		}
		org, err := storedOrg(ctx, st, r.Org)
		if err != nil {
			return out, err
		}
		return asOverTheSocket[T](answerReconcile(ctx, svc, org, q, cmp.Or[io.Reader](r.Body, http.NoBody)))
	})
}
