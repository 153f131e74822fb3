package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/snapshot"
)

// setupDesk is the set-up over the open database; Unavailable while that is away.
func (s *Server) setupDesk() (*setup.Service, error) {
	st, d := s.store.get(), s.store.desk.Load()
	if st == nil || d == nil {
		return nil, errNoStore
	}
	return setup.New(setup.Config{
		Store: st, Editor: d.staging, World: s.holder.Load, Now: s.cfg.Now, Send: s.sendDrill, Lints: &s.lints, Trunks: st,
		Door: s.sipDoor(), Proved: s.provedAt, Say: s.saySetUp,
		Seen: func(ctx context.Context, org e911.OrgID) (map[string]inventory.Device, error) {
			return inventory.Everything(ctx, d.store, org, s.live(org))
		},
	})
}

// SetupRequest is something that the command line does with the set-up of an
// organisation.
type SetupRequest struct {
	Do   string          `json:"do"`  // a key of setupActions
	Org  string          `json:"org"` // key; none: the only one
	Who  string          `json:"who"`
	Args json.RawMessage `json:"args,omitempty"`
}

// everywhere reports a question about all organisations.
func (r *SetupRequest) everywhere() bool {
	return (r.Do == "compliance" || r.Do == "outages" || r.Do == "pbx-requests") && r.Org == ""
}

// maxSetup bounds a request.
const maxSetup = 8 << 20

type setupAction func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, args json.RawMessage) (any, error)

func setupDo[A any](do func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a A) (any, error)) setupAction {
	return func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, args json.RawMessage) (any, error) {
		var a A
		if len(args) > 0 {
			dec := json.NewDecoder(bytes.NewReader(args))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&a); err != nil {
				return nil, e911.Errorf(e911.Invalid, "the request cannot be read: %v", err)
			}
		}
		return do(ctx, svc, who, org, a)
	}
}

// SetupArgs are the arguments of the small requests.
type SetupArgs struct {
	Sites  []string   `json:"sites,omitempty"`
	Site   string     `json:"site,omitempty"`
	Stage  e911.Stage `json:"stage,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Key    string     `json:"key,omitempty"`
	By     string     `json:"by,omitempty"`
	Agree  bool       `json:"agree,omitempty"`
	Done   bool       `json:"done,omitempty"`
	Month  string     `json:"month,omitempty"` // 2026-11; none: this one
	// Outbound and People are those of setup.Service.SetUse.
	Outbound bool   `json:"outbound,omitempty"`
	People   bool   `json:"people,omitempty"`
	Text     string `json:"text,omitempty"` // of a PBX's dial plan
	All      bool   `json:"all,omitempty"`  // every organisation
	Code     string `json:"code,omitempty"` // of a test that was sent
}

func small(do func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error)) setupAction {
	return setupDo(do)
}

// done answers nothing but the error.
func done(err error) (any, error) { return struct{}{}, err }

// setupActions is what may be done.
func setupActions(now func() time.Time) map[string]setupAction {
	return map[string]setupAction{
		"status": small(func(ctx context.Context, svc *setup.Service, _ admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return svc.Status(ctx, org, a.Sites...)
		}),
		"acknowledge": setupDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a setup.Acknowledgement) (any, error) {
			return svc.Acknowledge(ctx, who, org, a)
		}),
		"stage": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return svc.TakeStage(ctx, who, org, a.Site, a.Stage, a.Reason)
		}),
		"opt-out": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return done(svc.OptOut(ctx, who, org, a.Site, a.Reason))
		}),
		"opt-in": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return done(svc.OptIn(ctx, who, org, a.Site))
		}),
		"suspend": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return done(svc.Suspend(ctx, who, org, a.Reason))
		}),
		"resume": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, _ SetupArgs) (any, error) {
			return done(svc.Resume(ctx, who, org))
		}),
		"make-secret": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return svc.MakeSecret(ctx, who, org, a.Reason)
		}),
		"end-secret": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return done(svc.EndSecret(ctx, who, org, a.Key, a.Agree))
		}),
		"link": setupDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, l setup.Link) (any, error) {
			return done(svc.SetLink(ctx, who, org, l))
		}),
		"licence": setupDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, l setup.Licence) (any, error) {
			return done(svc.SetLicence(ctx, who, org, l))
		}),
		"destination": setupDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, d setup.Destination) (any, error) {
			return done(svc.SetDestination(ctx, who, org, d))
		}),
		"delete-destination": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return done(svc.DeleteDestination(ctx, who, org, a.Key))
		}),
		"tested": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			if a.Code != "" {
				return done(svc.AcknowledgeTest(ctx, who, org, a.Key, a.Code, a.By))
			}
			return done(svc.Tested(ctx, who, org, a.Key, a.By))
		}),
		"attended-test": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return svc.SendTest(ctx, who, org, a.Key)
		}),
		"task": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return done(svc.MarkTask(ctx, who, org, setup.Task(a.Key), a.Done, a.Reason))
		}),
		"use": small(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return done(svc.SetUse(ctx, who, org, a.Outbound, a.People))
		}),
		"lint": small(func(ctx context.Context, svc *setup.Service, _ admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			return svc.Lint(ctx, org, a.Text)
		}),
		"compliance": small(func(ctx context.Context, svc *setup.Service, _ admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			if a.All {
				return svc.Standings(ctx)
			}
			return svc.Standings(ctx, org)
		}),
		"outages": small(func(ctx context.Context, svc *setup.Service, _ admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			month, err := setup.ParseMonth(a.Month, now())
			if err != nil {
				return nil, err
			}
			if a.All {
				return svc.Outages(ctx, month)
			}
			return svc.Outages(ctx, month, org)
		}),
		"prices": setupDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, p rules.Prices) (any, error) {
			return done(svc.SetPrices(ctx, who, org, p))
		}),
		"charges": small(func(ctx context.Context, svc *setup.Service, _ admin.Actor, org e911.OrgID, a SetupArgs) (any, error) {
			month, err := setup.ParseMonth(a.Month, now())
			if err != nil {
				return nil, err
			}
			return svc.Charges(ctx, org, month)
		}),
	}
}

// reads are the actions that change nothing.
var setupReads = []string{"status", "charges", "lint", "compliance", "outages", "pbxs", "pbx-requests"}

func answerSetup(ctx context.Context, svc *setup.Service, now func() time.Time, org e911.OrgID, r SetupRequest) (any, error) {
	all := setupActions(now)
	maps.Copy(all, pbxActions())
	do, ok := all[r.Do]
	if !ok {
		return nil, e911.Errorf(e911.Invalid, "%q is nothing that can be done with the set-up", r.Do)
	}
	return do(ctx, svc, admin.Actor("command line: "+r.Who), org, r.Args)
}

// setupRoutes is what the command line does with the set-up.
func (s *Server) setupRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /setup", func(w http.ResponseWriter, r *http.Request) {
		answer, err := s.answerSetup(r)
		writeControl(w, answer, err)
	})
}

func (s *Server) answerSetup(r *http.Request) (any, error) {
	var req SetupRequest
	if err := json.NewDecoder(io.LimitReader(r.Body, maxSetup)).Decode(&req); err != nil {
		return nil, e911.Errorf(e911.Invalid, "the request cannot be read")
	}
	svc, err := s.setupDesk()
	if err != nil {
		return nil, err
	}
	var org e911.Org
	if !req.everywhere() {
		org, err = s.orgByKey(req.Org)
	}
	if err != nil {
		return nil, err
	}
	answer, err := answerSetup(r.Context(), svc, s.cfg.Now, org.ID, req)
	if err == nil && !slices.Contains(setupReads, req.Do) {
		err = s.published(r.Context(), nil)
	}
	return answer, err
}

// Setup asks the server that runs in the data directory; when none runs it opens the
// database itself, under the lock (D-14).
func Setup[T any](ctx context.Context, dir string, r SetupRequest) (out T, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return out, fmt.Errorf("write the request: %w", err)
	}
	return askOrOpen(ctx, question{dir, "/setup", bytes.NewReader(body)}, func(st *database) (T, error) {
		return asOverTheSocket[T](setupOffline(ctx, st, r))
	})
}

func setupOffline(ctx context.Context, st *database, r SetupRequest) (any, error) {
	var org e911.OrgID
	var err error
	if !r.everywhere() {
		org, err = storedOrg(ctx, st, r.Org)
	}
	if err != nil {
		return nil, err
	}
	svc, err := offlineSetup(ctx, st)
	if err != nil {
		return nil, err
	}
	return answerSetup(ctx, svc, time.Now, org, r)
}

// storedWorld is the world as the database has it, without the content of layers.
func storedWorld(ctx context.Context, st *database) (*snapshot.Snapshot, error) {
	all, err := st.All(ctx)
	if err != nil {
		return nil, err
	}
	var changes []snapshot.Change
	for _, row := range all.Rows {
		if row.Value != nil && row.Err == nil && row.Ref.Kind != e911.KindLayer {
			changes = append(changes, snapshot.Change{Kind: row.Ref.Kind, Org: row.Ref.Org, ID: row.Ref.ID, Object: row.Value})
		}
	}
	w, left, err := new(snapshot.Snapshot).ApplyGood(changes, time.Now())
	if err == nil && len(left) > 0 && len(left) == len(changes) {
		err = e911.Errorf(e911.Invalid, "nothing of what is stored fits together: %s", strings.TrimSpace(fmt.Sprint(left[0].Kind)))
	}
	return w, err
}
