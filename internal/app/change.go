package app

import (
	"bytes"
	"cmp"
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
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// ChangeRequest asks for a plan of a file, or for one plan or applied set.
type ChangeRequest struct {
	File    string     `json:"file,omitempty"`
	Org     string     `json:"org,omitempty"` // key; of a table
	Kind    sheet.Kind `json:"kind,omitempty"`
	Mode    sheet.Mode `json:"mode,omitempty"`
	Partial bool       `json:"partial,omitempty"`
	Unroute string     `json:"unroute,omitempty"`
	ID      string     `json:"id,omitempty"`
	Hash    string     `json:"hash,omitempty"`
	Who     string     `json:"who,omitempty"`
	Limit   int        `json:"limit,omitempty"`
}

func (r *ChangeRequest) who() admin.Actor { return admin.Actor(cmp.Or(r.Who, "command line")) }

// AuditRequest asks about the audit trail; Org is a key, and without one it asks for
// all organisations.
type AuditRequest struct {
	Org   string           `json:"org,omitempty"`
	Query admin.AuditQuery `json:"query"`
}

// changeDesk does what the command line asks about change sets, in a server or with
// the database alone.
type changeDesk struct {
	st     *database
	p      *change.Planner
	layers check.Layers
	now    func() time.Time
	stored func(context.Context, error) error // brings what was stored to the calls
}

// changePlanner makes the planner of a running server.
func (s *Server) changePlanner(st *database) (*change.Planner, error) {
	return change.New(change.Config{
		Store: st, Layer: layers.USCountyBoundary, Layers: s.shelf(st), World: s.publish.World, Now: s.cfg.Now, Stages: s.stages(), Feeds: feedsOf(st),
		Memory: func(org e911.OrgID, device string) locate.Memory { return s.lis.Memory(org, device) },
	})
}

// changeDesk is that of the running server; Unavailable while the database is away.
func (s *Server) changeDesk() (*changeDesk, error) {
	st := s.store.get()
	if st == nil {
		return nil, errNoStore
	}
	p, err := s.changePlanner(st)
	if err != nil {
		return nil, err
	}
	return &changeDesk{st: st, p: p, layers: s.shelf(st), now: s.cfg.Now, stored: s.published}, nil
}

// changeRoutes is what the command line asks about change sets and the audit trail.
func (s *Server) changeRoutes(mux *http.ServeMux) {
	for _, what := range changeQuestions {
		mux.HandleFunc("POST /change/"+what, func(w http.ResponseWriter, r *http.Request) {
			d, err := s.changeDesk()
			if err != nil {
				writeControl(w, nil, err)
				return
			}
			answer, err := d.answer(r.Context(), what, r.URL.Query().Get("q"), http.MaxBytesReader(w, r.Body, maxNetwork))
			writeControl(w, answer, err)
		})
	}
}

// What may be asked.
const (
	askPlan    = "plan"
	askShow    = "show"
	askApply   = "apply"
	askUndo    = "undo"
	askApplied = "applied"
	askAudit   = "audit"
	askVerify  = "verify"
)

var changeQuestions = []string{askPlan, askShow, askApply, askUndo, askApplied, askAudit, askVerify}

func (d *changeDesk) answer(ctx context.Context, what, question string, body io.Reader) (any, error) {
	var req ChangeRequest
	var audit AuditRequest
	into := any(&req)
	if what == askAudit || what == askVerify {
		into = &audit
	}
	if err := json.Unmarshal([]byte(question), into); err != nil {
		return nil, e911.Errorf(e911.Invalid, "the question cannot be read")
	}
	switch what {
	case askPlan:
		return d.plan(ctx, req, body)
	case askShow:
		return with(ctx, d, req, func(org e911.OrgID) (change.Plan, error) { return d.p.Get(ctx, org, req.ID) })
	case askApply:
		a, err := with(ctx, d, req, func(org e911.OrgID) (change.Applied, error) {
			return d.p.Apply(ctx, req.who(), org, req.ID, req.Hash)
		})
		return a, d.stored(ctx, err)
	case askUndo:
		return with(ctx, d, req, func(org e911.OrgID) (change.Plan, error) { return d.p.Undo(ctx, req.who(), org, req.ID) })
	case askApplied:
		return d.applied(ctx, req)
	case askAudit:
		if err := d.whose(ctx, &audit); err != nil {
			return nil, err
		}
		return d.st.FindAudit(ctx, audit.Query)
	}
	if err := d.whose(ctx, &audit); err != nil {
		return nil, err
	}
	return d.st.VerifyAudit(ctx, audit.Query.Org, audit.Query.All)
}

func (d *changeDesk) whose(ctx context.Context, a *AuditRequest) error {
	if a.Org == "" {
		a.Query.All = true
		return nil
	}
	var err error
	a.Query.Org, err = d.org(ctx, a.Org)
	return err
}

// org finds an organisation by its key; "" is the operator's own part.
func (d *changeDesk) org(ctx context.Context, key string) (id e911.OrgID, err error) {
	if key == "" {
		return "", nil
	}
	err = d.st.Read(ctx, func(r admin.Reader) error {
		orgs, err := r.Orgs(ctx)
		for _, o := range orgs {
			if o.Key == key {
				id = o.ID
			}
		}
		return err
	})
	if err == nil && id == "" {
		err = noOrg(key)
	}
	return id, err
}

// with does something with a set of any organisation: the operator may.
func with[T any](ctx context.Context, d *changeDesk, req ChangeRequest, do func(org e911.OrgID) (T, error)) (T, error) {
	var none T
	ids, err := d.everybody(ctx)
	if err != nil {
		return none, err
	}
	for _, id := range ids {
		if _, err := d.st.ChangeSet(ctx, id, req.ID); e911.KindOf(err) == e911.NotFound && err != nil {
			continue
		} else if err != nil {
			return none, err
		}
		return do(id)
	}
	return none, e911.Errorf(e911.NotFound, "there is no change set %s", req.ID)
}

// applied lists what was applied, newest first: of one organisation, or of all and
// the operator.
func (d *changeDesk) applied(ctx context.Context, req ChangeRequest) ([]change.Applied, error) {
	if req.Org != "" {
		org, err := d.org(ctx, req.Org)
		if err != nil {
			return nil, err
		}
		return d.p.ListApplied(ctx, org, req.ID, req.Limit)
	}
	ids, err := d.everybody(ctx)
	if err != nil {
		return nil, err
	}
	all := []change.Applied{}
	for _, id := range ids {
		of, err := d.p.ListApplied(ctx, id, req.ID, req.Limit)
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	slices.SortFunc(all, func(a, b change.Applied) int { return strings.Compare(b.ID, a.ID) }) // ids rise with time
	if req.Limit > 0 && len(all) > req.Limit {
		all = all[:req.Limit]
	}
	return all, nil
}

// noOrg refuses a key that no organisation has; "" asked for the only one.
func noOrg(key string) error {
	if key == "" {
		return e911.Errorf(e911.NotFound, "there is no organisation yet: import a world file, or make one by the API")
	}
	return e911.Errorf(e911.NotFound, "there is no organisation %q; callbox member partner list has their keys", key)
}

// severalOrgs refuses a question that names no organisation where there are several.
func severalOrgs(n int) error {
	return e911.Errorf(e911.Invalid, "there are %d organisations: name one (--org KEY; callbox member partner list has their keys)", n)
}

// everybody lists the operator, as "", and all organisations.
func (d *changeDesk) everybody(ctx context.Context) ([]e911.OrgID, error) {
	ids := []e911.OrgID{""}
	err := d.st.Read(ctx, func(r admin.Reader) error {
		orgs, err := r.Orgs(ctx)
		for _, o := range orgs {
			ids = append(ids, o.ID)
		}
		return err
	})
	return ids, err
}

// plan reads a file: a world file, or a table of an organisation.
func (d *changeDesk) plan(ctx context.Context, req ChangeRequest, body io.Reader) (change.Plan, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return change.Plan{}, e911.Errorf(e911.Invalid, "the file is too large or broke off")
	}
	var set change.Set
	switch ext := strings.ToLower(filepath.Ext(req.File)); ext {
	case ".yaml", ".yml":
		set, err = d.worldSet(ctx, req, text)
	case ".csv", ".xlsx":
		set, err = d.tableSet(ctx, req, text)
	default:
		err = e911.Errorf(e911.Invalid, "a plan is made of a world file (.yaml) or of a table (.csv, .xlsx), not of %s", req.File)
	}
	if err != nil {
		return change.Plan{}, err
	}
	set.Partial, set.Unroute = req.Partial, req.Unroute
	return d.p.Plan(ctx, req.who(), set)
}

func (d *changeDesk) worldSet(ctx context.Context, req ChangeRequest, text []byte) (set change.Set, err error) {
	im, err := world.New(world.Config{Store: d.st, Layer: layers.USCountyBoundary, Layers: d.layers, Now: d.now})
	if err != nil {
		return set, err
	}
	err = d.st.Read(ctx, func(r admin.Reader) error {
		set, err = im.Set(ctx, r, req.who(), filepath.Base(req.File), text)
		return err
	})
	return set, err
}

func (d *changeDesk) tableSet(ctx context.Context, req ChangeRequest, text []byte) (set change.Set, err error) {
	org, err := d.org(ctx, req.Org)
	if err != nil {
		return set, err
	}
	if org == "" || req.Kind == "" {
		return set, e911.Errorf(e911.Invalid, "a table belongs to an organisation and holds one kind: name them with --org and --kind (%v)", sheet.Kinds())
	}
	tables, err := sheet.Read(filepath.Base(req.File), bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return set, err
	}
	table, err := sheet.Pick(tables, req.Kind)
	if err != nil {
		return set, err
	}
	err = d.st.Read(ctx, func(r admin.Reader) error {
		set, _, err = sheet.Import(ctx, r, sheet.Options{Org: org, Kind: req.Kind, Mode: req.Mode, Partial: req.Partial, Layers: d.layers}, table)
		return err
	})
	return set, err
}

// Changes is what the command line does with change sets and the audit trail:
// through the server that runs in the data directory, or, when none runs, with the
// database itself, under the lock (D-14). Close it.
type Changes struct {
	dir   string
	desk  *changeDesk // nil: a server runs
	close func() error
}

// OpenChanges finds out whether a server runs in dir.
func OpenChanges(ctx context.Context, dir string) (*Changes, error) {
	c := &Changes{dir: dir, close: func() error { return nil }}
	_, err := c.Applied(ctx, ChangeRequest{Limit: 1})
	if err == nil || !errors.Is(err, ErrNotRunning) {
		return c, err
	}
	st, closer, err := offline(dir)
	if err != nil {
		return nil, err
	}
	p, shelf, err := offlinePlanner(dir, st)
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	c.desk = &changeDesk{st: st, p: p, layers: shelf, now: time.Now, stored: func(_ context.Context, err error) error { return err }}
	c.close = closer
	return c, nil
}

// offlinePlanner makes the planner of a database that no server uses.
func offlinePlanner(dir string, st *database) (*change.Planner, *layer.Shelf, error) {
	pub, err := leftWorld(dir)
	if err != nil {
		return nil, nil, err
	}
	shelf := layer.NewShelf(st, nil, postalCodes(nil))
	p, err := change.New(change.Config{Store: st, Layer: layers.USCountyBoundary, Layers: shelf, World: pub.World, Now: time.Now, Stages: offlineStages(st), Feeds: feedsOf(st)})
	return p, shelf, err
}

// leftWorld is the world that a server left in its data directory, if any. It
// publishes nothing.
func leftWorld(dir string) (*publish.Publisher, error) {
	key := filepath.Join(dir, "master.key")
	if _, err := os.Stat(key); err != nil {
		return nil, e911.Errorf(e911.Invalid, "there is no Callbox in %s; name its data directory with --data", dir)
	}
	ring, err := seal.LoadMaster(key)
	if err != nil {
		return nil, err
	}
	at := filepath.Join(dir, "snapshot")
	pub, err := publish.New(publish.Config{
		Holder: &snapshot.Holder{}, File: snapshot.OpenFile(at, ring), Dir: at, Now: time.Now, Log: slog.New(slog.DiscardHandler), Alarm: func(journal.Alarm) {},
	})
	if err == nil {
		pub.Restore()
	}
	return pub, err
}

// Close gives the database back.
func (c *Changes) Close() error { return c.close() }

func askChanges[T any](ctx context.Context, c *Changes, what string, question any, body io.Reader) (out T, err error) {
	q, err := json.Marshal(question)
	if err != nil {
		return out, fmt.Errorf("encode the question: %w", err)
	}
	if c.desk == nil {
		return out, Control(ctx, c.dir, "/change/"+what+"?"+url.Values{"q": {string(q)}}.Encode(), body, &out)
	}
	if body == nil {
		body = strings.NewReader("")
	}
	answer, err := c.desk.answer(ctx, what, string(q), body)
	if err != nil {
		return out, err
	}
	return answer.(T), nil
}

// Plan plans what a file says.
func (c *Changes) Plan(ctx context.Context, r ChangeRequest, text io.Reader) (change.Plan, error) {
	return askChanges[change.Plan](ctx, c, askPlan, r, text)
}

// Show returns a plan.
func (c *Changes) Show(ctx context.Context, r ChangeRequest) (change.Plan, error) {
	return askChanges[change.Plan](ctx, c, askShow, r, nil)
}

// Apply does what a plan says.
func (c *Changes) Apply(ctx context.Context, r ChangeRequest) (change.Applied, error) {
	return askChanges[change.Applied](ctx, c, askApply, r, nil)
}

// Undo plans to put back what an applied set did.
func (c *Changes) Undo(ctx context.Context, r ChangeRequest) (change.Plan, error) {
	return askChanges[change.Plan](ctx, c, askUndo, r, nil)
}

// Applied lists what was applied, newest first; r.ID is the last one of the page
// before.
func (c *Changes) Applied(ctx context.Context, r ChangeRequest) ([]change.Applied, error) {
	return askChanges[[]change.Applied](ctx, c, askApplied, r, nil)
}

// Audit returns a page of the audit trail.
func (c *Changes) Audit(ctx context.Context, r AuditRequest) ([]admin.AuditEntry, error) {
	return askChanges[[]admin.AuditEntry](ctx, c, askAudit, r, nil)
}

// VerifyAudit proves the chains of the audit trail.
func (c *Changes) VerifyAudit(ctx context.Context, r AuditRequest) (admin.AuditProof, error) {
	return askChanges[admin.AuditProof](ctx, c, askVerify, r, nil)
}
