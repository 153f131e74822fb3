// Package setuppages serves the pages by which an administrator leads an
// organisation from nothing to "911 works here" (W-13 to W-30): an overview, the
// checklist of each site with a form for each step, secrets, charges, and help that
// needs no network. The use cases are those of admin/setup and admin/edit; nothing
// here stands before a call.
//
// What a form was made from travels in it: who sends one after somebody else changed
// the same thing is told so, and nothing of his is done.
package setuppages

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/access"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/web/portal"
	"github.com/callbox911/callbox/internal/web/signin"
)

// Desks are the use cases behind the pages. They are asked each time: errors of kind
// Unavailable say that the database is away.
type Desks struct {
	Setup  func() (*setup.Service, error)
	Editor func() (*edit.Editor, error)
	// Published makes calls, and these pages, see what was stored.
	Published func(ctx context.Context) error
	// Imports are tables that come in; nil: there are no pages for it.
	Imports *Imports
}

// Config is what the pages need.
type Config struct {
	Desks
	Members *member.Desk
	Visited func(do func(w http.ResponseWriter, r *http.Request, v signin.Visit)) http.Handler
	// Uploaded is Visited for a form with a file.
	Uploaded func(do func(w http.ResponseWriter, r *http.Request, v signin.Visit, u *signin.Upload)) http.Handler
	// Org names an organisation.
	Org   func(id e911.OrgID) (name string, ok bool)
	Frame func(title string) portal.Frame
	Now   func() time.Time
	Log   *slog.Logger
}

// Handler serves the pages. Safe for concurrent use.
type Handler struct {
	cfg Config

	mu      sync.Mutex
	banners map[e911.OrgID]banner
}

// New checks the configuration.
func New(cfg Config) (*Handler, error) {
	if cfg.Setup == nil || cfg.Editor == nil || cfg.Published == nil || cfg.Members == nil || cfg.Visited == nil || cfg.Uploaded == nil || cfg.Org == nil || cfg.Frame == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "the pages of the set-up need desks, members, visits, names, a frame, a clock and a log")
	}
	return &Handler{cfg: cfg, banners: map[e911.OrgID]banner{}}, nil
}

// Mount adds the pages to a router that has guarded requests against other sites.
func (h *Handler) Mount(r chi.Router) {
	get := func(path string, do func(p *page)) { r.Method(http.MethodGet, path, h.open(do)) }
	post := func(path string, do func(p *page)) { r.Method(http.MethodPost, path, h.open(do)) }
	get("/setup", (*page).overview)
	post("/setup/accept", (*page).acceptAll)
	post("/setup/opt-out", (*page).optOutAll)
	post("/setup/opt-in", (*page).optInAll)
	post("/setup/tasks", (*page).markTask)
	post("/setup/licence", (*page).setLicence)
	post("/setup/leave", (*page).leave)
	post("/setup/sites", (*page).addSite)
	get("/setup/settings", (*page).settings)
	get("/setup/secrets", (*page).secrets)
	post("/setup/secrets", (*page).makeSecret)
	post("/setup/secrets/end", (*page).endSecret)
	post("/setup/secrets/link", (*page).setLink)
	get("/setup/charges", (*page).charges)
	mountPBX(get, post)
	get("/setup/outages", (*page).outages)
	get("/setup/sites/{key}", (*page).site)
	for path, do := range siteForms() {
		post("/setup/sites/{key}/"+path, do)
	}
	if h.cfg.Imports != nil {
		h.mountImports(r)
	}
}

// page is one request of somebody who is signed in.
type page struct {
	h   *Handler
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context //nolint:containedctx // of the request, with its trail
	v   signin.Visit
	svc *setup.Service
	// sites are the keys or ids of the only sites that the visitor looks after; nil:
	// he looks after the organisation.
	sites []string
	names map[string]string
}

// open lets in who may see the set-up of the organisation, or of a site of it.
func (h *Handler) open(do func(p *page)) http.Handler {
	return h.cfg.Visited(func(w http.ResponseWriter, r *http.Request, v signin.Visit) {
		if p, ok := h.visit(w, r, v); ok {
			do(p)
		}
	})
}

// visit lets somebody in; false: he was told why not.
func (h *Handler) visit(w http.ResponseWriter, r *http.Request, v signin.Visit) (*page, bool) {
	p := &page{h: h, w: w, r: r, v: v, names: map[string]string{}}
	p.ctx = admin.WithTrail(r.Context(), admin.Trail{Address: addressOf(r)})
	if v.Org == "" {
		p.say(http.StatusNotFound, "No organisation is open", "Open one on your profile first.")
		return p, false
	}
	if err := p.enter(); err != nil {
		p.fail(err)
		return p, false
	}
	if r.Method == http.MethodPost && r.PostFormValue("org") != string(v.Org) {
		p.say(http.StatusConflict, "Another organisation is open now", "You opened another organisation in this browser after you opened that page. Nothing was changed. Go back to the set-up, and look at the name at the top.")
		return p, false
	}
	return p, true
}

// enter asks whether the visitor may look, and for the service.
func (p *page) enter() error {
	a, err := p.ask(access.Node{Org: string(p.v.Org)}, access.Setup, access.Read)
	if err != nil {
		return err
	}
	if !a.Allowed {
		if p.sites, err = p.h.sitesOf(p.ctx, p.v.Who.ID, p.v.Org); err != nil {
			return err
		}
		if len(p.sites) == 0 {
			return e911.Errorf(e911.Denied, "to see the set-up of an organisation, %s", a.Why)
		}
	}
	p.svc, err = p.h.cfg.Setup()
	return err
}

func (p *page) ask(at access.Node, area access.Area, verb access.Verb) (access.Answer, error) {
	return p.h.cfg.Members.Ask(p.ctx, p.v.Who.ID, access.Question{At: at, Area: area, Verb: verb})
}

// sitesOf are the sites of an organisation whose set-up somebody sees by a role there.
func (h *Handler) sitesOf(ctx context.Context, identity string, org e911.OrgID) ([]string, error) {
	_, has, err := h.cfg.Members.Of(ctx, identity)
	var sites []string
	for _, g := range has {
		if g.At.Org != string(org) || g.At.Site == "" || slices.Contains(sites, g.At.Site) {
			continue
		}
		a, err := h.cfg.Members.Ask(ctx, identity, access.Question{At: g.At, Area: access.Setup, Verb: access.Read})
		if err != nil {
			return nil, err
		}
		if a.Allowed {
			sites = append(sites, g.At.Site)
		}
	}
	return sites, err
}

// may reports whether the visitor may write in an area, at a site or, with none, at
// the organisation.
func (p *page) may(site e911.SiteID, area access.Area) bool {
	a, err := p.ask(access.Node{Org: string(p.v.Org), Site: string(site)}, area, access.Write)
	return err == nil && a.Allowed
}

// must is a Denied error where the visitor may not. What he writes by support alone is
// marked as that in the audit trail.
func (p *page) must(site e911.SiteID, area access.Area) error {
	a, err := p.ask(access.Node{Org: string(p.v.Org), Site: string(site)}, area, access.Write)
	switch {
	case err != nil:
		return err
	case !a.Allowed:
		return e911.Errorf(e911.Denied, "nothing was changed: %s", a.Why)
	}
	p.ctx = member.AsSupport(p.ctx, a.By)
	return nil
}

// who is the visitor as the audit trail names him.
func (p *page) who() admin.Actor { return admin.Actor(p.v.Who.ID) }

// status is the set-up as far as the visitor sees it.
func (p *page) status() (setup.Status, error) {
	st, err := p.svc.Status(p.ctx, p.v.Org, p.sites...)
	if p.sites != nil { // as the interface does
		st.CompanyID, st.Secrets, st.Charges = "", nil, nil
	}
	return st, err
}

// done publishes what was stored and leads to a page, which says it.
func (p *page) done(to, said string) {
	if err := p.h.cfg.Published(p.ctx); err != nil {
		p.fail(err)
		return
	}
	p.h.forget(p.v.Org)
	path, part, _ := bytes.Cut([]byte(to), []byte("#"))
	at := string(path) + "?said=" + url.QueryEscape(said)
	if len(part) > 0 {
		at += "#" + string(part)
	}
	http.Redirect(p.w, p.r, at, http.StatusSeeOther)
}

// said is the text of a word of the address, of those that there are.
func (p *page) said() string { return sayings()[p.r.URL.Query().Get("said")] }

func (p *page) render(status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(p.r.Context(), &b); err != nil {
		p.h.cfg.Log.ErrorContext(p.ctx, "a page could not be made", "path", p.r.URL.Path, obs.Err(err))
		http.Error(p.w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	p.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p.w.WriteHeader(status)
	_, _ = p.w.Write(b.Bytes())
}

func (p *page) say(status int, heading string, lines ...string) {
	p.render(status, portal.Message(p.h.cfg.Frame(heading+" – Callbox"), heading, lines, ""))
}

// fail says what keeps a page from being shown.
func (p *page) fail(err error) {
	faults, status := p.told(err)
	lines := make([]string, 0, 2*len(faults))
	for _, f := range faults {
		lines = append(lines, portal.Sentence(f.Msg))
		if f.Fix != "" {
			lines = append(lines, portal.Sentence(f.Fix))
		}
	}
	heading := map[int]string{403: "Not yours to see", 404: "Nothing here", 409: "It changed meanwhile"}[status]
	switch {
	case status == http.StatusServiceUnavailable:
		heading = "The database is away"
		lines = []string{
			"The set-up cannot be read or changed right now. Nothing of yours is lost that was saved before.",
			"911 and 933 go on as they were set up, the live board shows them, and alerts are sent. Load this page again in a minute.",
		}
	case heading == "":
		heading = "That did not work"
	}
	p.say(status, heading, lines...)
}

// told turns an error into what a page says, and its status.
func (p *page) told(err error) ([]e911.Fault, int) {
	status := map[e911.Kind]int{e911.Denied: 403, e911.NotFound: 404, e911.Conflict: 409, e911.Unavailable: 503, e911.Invalid: 422}[e911.KindOf(err)]
	f := e911.FaultsOf(err)
	switch {
	case status == 0:
		p.h.cfg.Log.ErrorContext(p.ctx, "a page of the set-up failed", "path", p.r.URL.Path, obs.Err(err))
		return []e911.Fault{{Msg: "that did not work; it is in the log of the server"}}, http.StatusInternalServerError
	case len(f) > 0:
		return f, status
	}
	return []e911.Fault{{Msg: err.Error()}}, status
}

// name is how people know an actor.
func (p *page) name(actor string) string {
	if n, ok := p.names[actor]; ok {
		return n
	}
	n := actor
	if i, _, err := p.h.cfg.Members.Of(p.ctx, actor); err == nil {
		n = i.Email
		if i.Name != "" {
			n = i.Name
		}
	}
	p.names[actor] = n
	return n
}

// banner is what the page of calls says of the set-up, for a while.
type banner struct {
	text string
	open bool
	at   time.Time
}

// bannerLife is how long what the page of calls says may be old; bannerTimeout how
// long that page may wait for it.
const (
	bannerLife    = time.Minute
	bannerTimeout = time.Second
)

func (h *Handler) forget(org e911.OrgID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.banners, org)
}

// Banner warns while a site of the organisation is not set up, for who may see the
// set-up (W-23); none: there is nothing to say, or it cannot be found out now.
func (h *Handler) Banner(ctx context.Context, identity string, org e911.OrgID) string {
	a, err := h.cfg.Members.AskStill(ctx, identity, access.Question{At: access.Node{Org: string(org)}, Area: access.Setup, Verb: access.Read})
	if err != nil || !a.Allowed {
		return ""
	}
	return h.bannerOf(ctx, org).text
}

func (h *Handler) bannerOf(ctx context.Context, org e911.OrgID) banner {
	h.mu.Lock()
	b, ok := h.banners[org]
	h.mu.Unlock()
	if now := h.cfg.Now(); ok && now.Sub(b.at) < bannerLife {
		return b
	}
	b = banner{at: h.cfg.Now()}
	ctx, cancel := context.WithTimeout(ctx, bannerTimeout)
	defer cancel()
	svc, err := h.cfg.Setup()
	var st setup.Status
	if err == nil {
		st, err = svc.Status(ctx, org)
	}
	if err != nil {
		h.cfg.Log.WarnContext(ctx, "the page of calls cannot say how far the set-up is", obs.KeyOrg, org, obs.Err(err))
	} else {
		b.text, b.open = st.Banner, st.Compliance == rules.NonCompliant
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.banners[org] = b
	return b
}

// leftCookie says that the browser's user left the set-up: it does not start by
// itself there for a while.
const (
	leftCookie = "callbox_setup_left"
	leftLife   = 30 * 24 * time.Hour
)

// First is the page that a sign-in leads to: the set-up of an organisation that is
// not compliant, for who may change it, until he leaves it (C-57); none: any other.
func (h *Handler) First(r *http.Request, identity string, org e911.OrgID) string {
	if c, err := r.Cookie(leftCookie); err == nil && c.Value == string(org) || org == "" {
		return ""
	}
	a, err := h.cfg.Members.AskStill(r.Context(), identity, access.Question{At: access.Node{Org: string(org)}, Area: access.Setup, Verb: access.Write})
	if err != nil {
		return ""
	}
	if !a.Allowed {
		if sites, err := h.sitesOf(r.Context(), identity, org); err != nil || len(sites) == 0 {
			return ""
		}
	}
	if h.bannerOf(r.Context(), org).open {
		return "/setup"
	}
	return ""
}
