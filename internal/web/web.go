// Package web serves the pages of Callbox: one organisation signed in by a
// one-time link sees its calls, live and past. It asks use cases only, works
// with SQL down as far as the live board reaches (D-12), and shows nobody
// another organisation's data (E14).
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/web/assets"
	"github.com/callbox911/callbox/internal/web/events"
	"github.com/callbox911/callbox/internal/web/mypage"
	"github.com/callbox911/callbox/internal/web/portal"
	"github.com/callbox911/callbox/internal/web/setuppages"
	"github.com/callbox911/callbox/internal/web/signin"
)

// Org is what a page says about an organisation.
type Org struct {
	Name          string
	Demonstration bool
}

// Config is what the pages need.
type Config struct {
	Board *report.Board
	Calls report.Reader // past calls; may fail while SQL is down, and the pages say so
	// Org looks an organisation up in the snapshot; a session whose
	// organisation is gone is over.
	Org func(id e911.OrgID) (Org, bool)
	// Explain answers a question of an organisation about its own callers, in the
	// parameters of the request, with what is written as JSON; nil: there is no
	// such page. Errors are of e911's kinds.
	Explain func(ctx context.Context, org e911.OrgID, params url.Values) (any, error)
	// Route answers which PSAP serves a place, for an organisation, likewise.
	Route   func(ctx context.Context, org e911.OrgID, params url.Values) (any, error)
	Lists   Lists             // nil: there is no page of lists
	Tests   Tests             // of who is told; nil: none is shown, and no link of one is taken
	My      *My               // the page of a user's own; nil: there is none
	SetUp   *setuppages.Desks // behind the pages of the set-up; nil, or without People: there are none
	People  *People           // who signs in with an address; nil: links of organisations alone
	API     http.Handler      // serves what is below /api/v1 beside the two; nil: nothing
	Ring    *seal.Ring        // seals sign-in links and cookies
	BaseURL string            // "http://localhost:8080", as people reach the pages
	// LoginHelp is the command that prints a sign-in link, shown to those who
	// are not signed in; default "callbox login ORGANISATION".
	LoginHelp string
	// Ready tells what keeps the node from being ready; nil, or nil from it,
	// means that it is.
	Ready func() error
	Now   func() time.Time
	Log   *slog.Logger
}

func (c *Config) validate() error {
	var errs []error
	if c.Board == nil {
		errs = append(errs, errors.New("board is missing"))
	}
	if c.Calls == nil {
		errs = append(errs, errors.New("reader of call records is missing"))
	}
	if c.Org == nil {
		errs = append(errs, errors.New("look-up of organisations is missing"))
	}
	if _, err := c.Ring.Seal(purposeSession, nil); err != nil {
		errs = append(errs, errors.New("key ring holds no key"))
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, errors.New("base URL must be http or https with a host"))
	}
	if c.Now == nil {
		errs = append(errs, errors.New("clock is missing"))
	}
	if c.Log == nil {
		errs = append(errs, errors.New("log is missing"))
	}
	return errors.Join(errs...)
}

// Handler serves the pages. Close ends the event streams, which would else
// keep http.Server.Shutdown waiting (http.Server.RegisterOnShutdown).
type Handler struct {
	cfg    Config
	assets *assets.Set
	stream *events.Stream
	links  *usedLinks
	people *signin.Handler     // nil: there are none
	setup  *setuppages.Handler // nil: there are none
	my     *mypage.Handler     // nil: there is none
	routes http.Handler
}

// New checks the configuration, reports all its faults, and makes the handler.
// It logs when the files of the map are missing (D-15).
func New(cfg Config) (*Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if cfg.LoginHelp == "" {
		cfg.LoginHelp = "callbox login ORGANISATION"
	}
	set, err := assets.Open()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if missing := set.Missing(); len(missing) > 0 {
		cfg.Log.Warn("the pages have no map: run make, which fetches its files", "missing", strings.Join(missing, " "))
	}
	h := &Handler{cfg: cfg, assets: set, links: newUsedLinks(cfg.Now())}
	if err = h.openPeople(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if err = h.openSetUp(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if err = h.openMy(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if h.people != nil {
		h.people.StartAt(h.firstPage)
	}
	h.stream, err = events.New(events.Config{
		Source: cfg.Board, Org: h.watched, Render: h.renderChanges, Now: cfg.Now, Log: cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	h.routes = h.router()
	return h, nil
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; h.cfg.API != nil && strings.HasPrefix(p, "/api/v1/") && p != "/api/v1/explain" && p != "/api/v1/route" {
		h.cfg.API.ServeHTTP(w, r) // it bounds bodies and tells other sites' forms by itself
		return
	}
	h.routes.ServeHTTP(w, r)
}

// Session is the organisation that the browser of the request is signed in to by a
// link of that organisation.
func (h *Handler) Session(r *http.Request) (e911.OrgID, bool) { return h.linkOf(r) }

// Close ends the event streams. It may be called twice.
func (h *Handler) Close() { h.stream.Close() }

func (h *Handler) router() http.Handler {
	r := chi.NewRouter()
	r.Use(h.guard)
	r.Use(helped)
	setuppages.NewHelp(func(title string) portal.Frame { return h.frame(title) }, h.cfg.Log).Mount(r)
	r.NotFound(h.strayed)
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "this address does not take that method", http.StatusMethodNotAllowed)
	})

	r.Get("/healthz", h.healthz)
	r.Get("/readyz", h.readyz)
	r.Get("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, "User-agent: *\nDisallow: /\n")
	})
	r.Get("/favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, h.assets.Base()+"favicon.svg", http.StatusFound)
	})
	r.Get("/assets/*", h.assets.ServeHTTP)
	r.Head("/assets/*", h.assets.ServeHTTP)

	r.Get("/login", h.askSignIn)
	r.Post("/login", h.signIn)
	r.Post("/logout", h.signOut)
	r.Get("/seen", h.askSeen)
	r.Post("/seen", h.seen)
	r.Post("/tests", h.pressTest)
	if h.people != nil {
		h.people.Mount(r)
	}
	if h.setup != nil {
		h.setup.Mount(r)
	}
	if h.my != nil {
		h.my.Mount(r)
	}

	r.Group(func(r chi.Router) {
		r.Use(h.signedIn)
		r.Get("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/calls", http.StatusSeeOther) })
		r.Get("/calls", h.calls)
		r.Get("/calls/{id}", h.calls)
		r.Get("/calls/{id}/detail", h.callDetail)
		r.With(h.whole).Get("/lists", h.sides)
		r.Get("/events", h.stream.ServeHTTP)
		r.Get("/tests", h.showTests)
		r.Get("/api/session", h.apiSession)
		r.Get("/api/calls", h.apiCalls)
		r.Get("/api/calls/{id}", h.apiCall)
		r.With(h.whole).Get("/api/v1/explain", h.apiExplain)
		r.With(h.whole).Get("/api/v1/route", h.apiRoute)
	})
	return r
}

// policy lets a page load from its own server alone; nothing inline runs. Blobs
// and data are what the map library draws its signs from.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; " +
	"img-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard sets the security headers and refuses forms that another site sends.
func (h *Handler) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.AddInsecureBypassPattern(signin.ACSPattern) // no other: what it does, signin says
	secure := strings.HasPrefix(h.cfg.BaseURL, "https:")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		head.Set("Cache-Control", "no-store") // pages say where people are
		if secure {
			head.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if err := cross.Check(r); err != nil {
			http.Error(w, "this form came from another site", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, formLimit(r))
		next.ServeHTTP(w, r)
	})
}

// formLimit bounds a form, in octets. Answers of SAML are long.
func formLimit(r *http.Request) int64 {
	if signin.IsAnswer(r) {
		return signin.MaxAnswer
	}
	if r.URL.Path == "/sign-on" { // metadata
		return 512 << 10
	}
	if setuppages.IsUpload(r) {
		return setuppages.MaxUpload
	}
	return 16 << 10
}

func (h *Handler) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if h.cfg.Ready != nil {
		if err := h.cfg.Ready(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
	}
	fmt.Fprintln(w, "ready")
}
