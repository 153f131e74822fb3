// Package api is the REST interface under /api/v1: everything that a person or a
// program can configure, and what can be read of calls. It asks the use cases of
// admin, which it names as small interfaces, and describes itself as OpenAPI 3.1.
//
// An operation is one row of a table (operations.go and its neighbours): who may
// call it, what it takes, what it answers. The row makes both the handler and its
// description, so that neither can lie about the other.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// Keys makes, checks and ends API keys; apikey.Keeper does.
type Keys interface {
	Check(ctx context.Context, text string, from netip.Addr) (apikey.Key, error)
	Create(ctx context.Context, who admin.Actor, w apikey.Wish) (apikey.Key, string, error)
	Get(ctx context.Context, org e911.OrgID, id string) (apikey.Key, error)
	List(ctx context.Context, org e911.OrgID, after string, limit int) ([]apikey.Key, error)
	Revoke(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error
	Rotate(ctx context.Context, who admin.Actor, org e911.OrgID, id string, keep time.Duration) (apikey.Key, string, error)
	RotatePublic(ctx context.Context, who admin.Actor, of apikey.Key, keep time.Duration, public string) (apikey.Key, error)
	EndSecret(ctx context.Context, who admin.Actor, org e911.OrgID, id, secret string) (apikey.Key, error)
	Holders(ctx context.Context, keys ...apikey.Key) (map[string][]apikey.Holder, error)
	HeldBy(ctx context.Context, identity string) ([]apikey.Key, error)
	RevokeHeld(ctx context.Context, who admin.Actor, org e911.OrgID, identity string) ([]apikey.Key, error)
}

// Views gives one state of what is stored.
type Views interface {
	Read(ctx context.Context, do func(admin.Reader) error) error
}

// Config is what the API needs. What is nil below Replays is not offered: its
// operations answer 503.
type Config struct {
	Objects map[e911.ObjectKind]Objects // every kind but token keys
	Keys    Keys
	Views   Views
	Replays func() apikey.Replays // nil from it: the database is down
	Ring    *seal.Ring            // seals cursors
	// Session is the organisation that a browser is signed in to.
	Session func(r *http.Request) (e911.OrgID, bool)
	// Person is who is signed in with his address; nil: nobody can be.
	Person  func(r *http.Request) (Person, bool, error)
	Members Members
	SignOn  SignOn
	// Accounts makes organisations under partners, and answers requests for them.
	Accounts Accounts
	// Federation keeps identity providers.
	Federation Federation
	// Invite makes the link of an invitation, and mails it where mail is sent: then
	// mailed is true and the link is not told.
	Invite func(ctx context.Context, g member.Given) (link string, mailed bool)

	Plans     Plans
	Applied   Applied
	Jobs      Jobs
	Sheets    Sheets
	Audit     Audit
	Questions map[string]Question // by the name of the operation: explain, route, callbacks ...
	Calls     Calls
	Lists     Lists
	// Directories of people.
	Directories Directories
	// Feeds knows what they feed; nil: nothing.
	Feeds admin.Feeds
	// My is what users keep of their own.
	My *My
	// FirstUse is who was asked where he is and did not answer.
	FirstUse FirstUse
	// Setup is the set-up of organisations.
	Setup    func() (*setup.Service, error)
	Foreign  Foreign
	Stations Stations
	Ports    []Port // of the connectivity check

	Version string // of the program, in the document
	Now     func() time.Time
	Log     *slog.Logger
	// Telephones are those that users set up by themselves.
	Telephones Telephones
}

func (c *Config) validate() error {
	var errs []error
	for _, k := range append(kinds(), kindRow{kind: e911.KindOrg}) {
		if c.Objects[k.kind] == nil {
			errs = append(errs, fmt.Errorf("use cases of %s are missing", k.kind))
		}
	}
	for what, missing := range map[string]bool{
		"keys": c.Keys == nil, "views": c.Views == nil, "replays": c.Replays == nil, "key ring": c.Ring == nil,
		"look-up of sessions": c.Session == nil, "clock": c.Now == nil, "log": c.Log == nil,
	} {
		if missing {
			errs = append(errs, errors.New(what+" is missing"))
		}
	}
	return errors.Join(errs...)
}

// Handler serves the API. Safe for concurrent use.
type Handler struct {
	cfg    Config
	doc    *huma.OpenAPI
	routes chi.Router
}

// New checks the configuration, reports all its faults, and makes the handler.
func New(cfg Config) (*Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	h := &Handler{cfg: cfg}
	h.build()
	return h, nil
}

// ServeHTTP serves one request of a program with a key, or of a signed-in browser.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

// Trusted serves the same API to whoever reaches it, as the operator; the audit
// trail has who as the name. It is for a socket that only its owner may open.
func (h *Handler) Trusted(who admin.Actor) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), trustKey{}, who)))
	})
}

type trustKey struct{}
