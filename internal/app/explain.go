package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/explain"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Explained is an answer as data and as text.
type Explained struct {
	Answer json.RawMessage `json:"answer"`
	Text   string          `json:"text"`
}

func explained(a explain.Answer) (Explained, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return Explained{}, fmt.Errorf("encode the answer: %w", err)
	}
	return Explained{Answer: b, Text: a.Text()}, nil
}

// Explain answers a question, in the parameters of the API, through the server
// that runs in dir; when none runs, from the snapshot and the journal there,
// which it only reads (D-14).
func Explain(ctx context.Context, dir string, params url.Values, now func() time.Time) (Explained, error) {
	// Faults are told before anybody is asked.
	q, err := explain.Parse(params, now())
	if err != nil {
		return Explained{}, err
	}
	var out Explained
	err = Control(ctx, dir, "/explain?"+q.Values().Encode(), nil, &out)
	if !errors.Is(err, ErrNotRunning) {
		return out, err
	}
	e, err := explainFiles(dir, now)
	if err != nil {
		return out, err
	}
	a, err := e.Explain(ctx, q, "")
	if err != nil {
		return out, err
	}
	return explained(a)
}

// explainFiles makes an engine of what a server left in its data directory.
func explainFiles(dir string, now func() time.Time) (*explain.Engine, error) {
	key := filepath.Join(dir, "master.key")
	if _, err := os.Stat(key); err != nil { // LoadMaster would make one
		return nil, e911.Errorf(e911.Invalid, "there is no Callbox in %s; name its data directory with --data", dir)
	}
	ring, err := seal.LoadMaster(key)
	if err != nil {
		return nil, err
	}
	world, err := snapshot.OpenFile(filepath.Join(dir, "snapshot"), ring).Load()
	if world == nil {
		return nil, fmt.Errorf("no server runs in %s, and its snapshot cannot be read: %w", dir, err)
	}
	holder := &snapshot.Holder{}
	holder.Store(world)
	calls, err := emergency.New(emergency.Config{
		Snapshot: holder, Journal: unheard{}, Domain: Default().Domain, Now: now,
		Dial: func(context.Context, sipedge.Invite) emergency.Callee { return nil }, // nothing is dialled
	})
	if err != nil {
		return nil, err
	}
	return explain.New(explain.Config{Snapshot: holder, Calls: calls, Journal: filepath.Join(dir, "journal"), Now: now})
}

// unheard takes facts that nobody is to have.
type unheard struct{}

// Record implements journal.Recorder.
func (unheard) Record(journal.Fact) journal.Receipt { return journal.Receipt{} }

// wireExplain makes what answers questions of a running server.
func (s *Server) wireExplain() error {
	var err error
	s.explain, err = explain.New(explain.Config{
		Snapshot: s.holder, Calls: s.calls, Devices: s.lis, Journal: filepath.Join(s.cfg.DataDir, "journal"), Domain: s.cfg.Domain, Now: s.cfg.Now,
	})
	return err
}

// explainPage answers a question of a signed-in user of an organisation, who is
// told of his own only (E14).
func (s *Server) explainPage(ctx context.Context, org e911.OrgID, params url.Values) (any, error) {
	a, err := s.explainFor(ctx, org, params)
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (s *Server) explainFor(ctx context.Context, org e911.OrgID, params url.Values) (explain.Answer, error) {
	q, err := explain.Parse(params, s.cfg.Now())
	if err != nil {
		return explain.Answer{}, err
	}
	return s.explain.Explain(ctx, q, org)
}

// controlExplain adds the questions to what the command line may ask.
func (s *Server) controlExplain(mux *http.ServeMux) {
	s.controlPSAPs(mux)
	mux.HandleFunc("POST /explain", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.explainFor(r.Context(), "", r.URL.Query())
		if err != nil {
			writeControl(w, nil, err)
			return
		}
		out, err := explained(a)
		writeControl(w, out, err)
	})
	mux.HandleFunc("GET /api/v1/explain", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.explainFor(r.Context(), "", r.URL.Query())
		if err != nil {
			w.WriteHeader(statusOf(err))
			writeControl(w, nil, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a)
	})
}

// statusOf is the HTTP status of an error on the control socket.
func statusOf(err error) int {
	switch e911.KindOf(err) {
	case e911.Invalid:
		return http.StatusBadRequest
	case e911.NotFound:
		return http.StatusNotFound
	case e911.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
