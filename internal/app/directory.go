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
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/directory/ldap"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/run"
	"github.com/callbox911/callbox/internal/web/scim"
)

// followDirectories makes what follows directories of people, and the part that does
// it when they tell something or are due.
func (s *Server) followDirectories(st *database) (*directory.Service, run.Part, error) {
	planner, err := s.changePlanner(st)
	if err != nil {
		return nil, run.Part{}, fmt.Errorf("wire the directories: %w", err)
	}
	svc, err := directory.New(directory.Config{
		Store: st, Planner: planner, Fetch: ldap.Fetch, Busy: s.callUp, Roles: s.directoryRoles, Now: s.cfg.Now, Alarm: s.alarm, Log: s.cfg.Log,
	})
	if err != nil {
		return nil, run.Part{}, fmt.Errorf("wire the directories: %w", err)
	}
	return svc, run.Part{Name: "directories of people", Run: svc.Run}, nil
}

// callUp reports whether an emergency call of the user is up, or one of his
// organisation of which it is not known whose it is.
func (s *Server) callUp(org e911.OrgID, u e911.UserID) bool {
	for _, c := range s.board.Calls(org) {
		if c.EndedAt == nil && (c.User == nil || c.User.ID == string(u)) {
			return true
		}
	}
	return false
}

// withSCIM puts what directories tell before the pages.
func (s *Server) withSCIM(pages http.Handler) (http.Handler, error) {
	h, err := scim.New(scim.Config{
		Directories: func() scim.Directories {
			if svc := s.store.people.Load(); svc != nil {
				return svc
			}
			return nil
		},
		Keys: s.api.keys, BaseURL: s.cfg.BaseURL, Log: s.cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("wire SCIM: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, scim.Prefix+"/") {
			h.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}), nil
}

// What may be asked about directories.
const (
	DirectoriesList   = "list"
	DirectoriesShow   = "show"
	DirectoriesSync   = "sync"
	DirectoriesSave   = "save"
	DirectoriesDelete = "delete"
	// DirectoriesRelease frees the user Key of what a directory says, and
	// DirectoriesResume gives him back.
	DirectoriesRelease = "release"
	DirectoriesResume  = "resume"
)

// directoryRoutes is what the command line asks about directories.
func (s *Server) directoryRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /directory", func(w http.ResponseWriter, r *http.Request) {
		svc := s.store.people.Load()
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
		answer, err := answerDirectory(r.Context(), svc, org.ID, q, r.Body)
		writeControl(w, answer, err)
	})
}

func answerDirectory(ctx context.Context, svc *directory.Service, org e911.OrgID, q url.Values, body io.Reader) (any, error) {
	who, key := admin.Actor("command line: "+q.Get("who")), q.Get("key")
	switch q.Get("do") {
	case DirectoriesList:
		return svc.Sources(ctx, org)
	case DirectoriesShow:
		return svc.Last(ctx, org, key)
	case DirectoriesSync:
		return svc.Sync(ctx, who, org, key, q.Get("shrunk") == "true")
	case DirectoriesSave:
		var src directory.Source
		dec := json.NewDecoder(io.LimitReader(body, maxSource*16))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&src); err != nil {
			return nil, e911.Errorf(e911.Invalid, "the description of the directory cannot be read: %v", err)
		}
		src.Org = org
		return svc.Save(ctx, who, src)
	case DirectoriesRelease, DirectoriesResume:
		return struct{}{}, svc.Release(ctx, who, org, key, q.Get("do") == DirectoriesResume)
	case DirectoriesDelete:
		return struct{}{}, svc.Delete(ctx, who, org, key)
	}
	return nil, e911.Errorf(e911.Invalid, "%q is nothing that can be asked of directories", q.Get("do"))
}

// DirectoryRequest is a question about directories from the command line.
type DirectoryRequest struct {
	DataDir string
	Do      string // DirectoriesList and the others
	Org     string // key
	Key     string // of the directory, or of the user who is released
	Who     string
	Shrunk  bool // who is missing is gone, however many they are
	Body    io.Reader
	Log     *slog.Logger
}

// Directories asks the server that runs in the data directory; when none runs it
// opens the database itself, under the lock (D-14), and neither reads nor plans.
func Directories[T any](ctx context.Context, r DirectoryRequest) (out T, err error) {
	q := url.Values{"do": {r.Do}, "org": {r.Org}, "key": {r.Key}, "who": {r.Who}, "shrunk": {fmt.Sprint(r.Shrunk)}}
	return askOrOpen(ctx, question{r.DataDir, "/directory?" + q.Encode(), r.Body}, func(st *database) (out T, err error) {
		svc, err := directory.New(directory.Config{
			Store: st, Now: time.Now, Log: r.Log, Roles: offlineRoles(st),
			Alarm: func(_ e911.OrgID, a journal.Alarm) { r.Log.Warn("alarm", "code", a.Code, "detail", a.Detail) },
		})
		if err != nil {
			return out, err
		}
		org, err := storedOrg(ctx, st, r.Org)
		if err != nil {
			return out, err
		}
		return asOverTheSocket[T](answerDirectory(ctx, svc, org, q, cmp.Or[io.Reader](r.Body, http.NoBody)))
	})
}
