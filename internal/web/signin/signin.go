// Package signin serves the pages by which people sign in with their address:
// sign-in and sign-out, invitations, forgotten passwords, one's own profile, and the
// members of an organisation. Every form carries a token that no other site knows;
// a session's secret is made when it begins; nothing leads to an address of a
// request.
package signin

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/web/portal"
)

// Config is what the pages need.
type Config struct {
	SignOn  *signon.Desk
	Members *member.Desk
	// Keys are those of programs; nil: there is no page of them.
	Keys Keys
	// Accounts makes organisations under partners; nil: there are no pages for it.
	Accounts *member.Accounts
	// Federation is sign-in by other people's identity providers; nil: there is none.
	Federation *federation.Desk
	// Mail sends a text to an address, some time later; false: no mail is sent here.
	Mail func(to, subject, text string) bool
	// Org names an organisation.
	Org func(id e911.OrgID) (string, bool)
	// Sites lists those of an organisation, by name; nil: roles are given at the
	// organisation alone.
	Sites   func(id e911.OrgID) []Site
	BaseURL string
	Frame   func(title string) portal.Frame
	// Next is where a sign-in leads: one of our own pages.
	Next func(w http.ResponseWriter, r *http.Request) string
	// Began ends what else the browser was signed in by.
	Began func(w http.ResponseWriter)
	Now   func() time.Time
	Log   *slog.Logger
}

// Handler serves the pages. Safe for concurrent use.
type Handler struct {
	cfg   Config
	first func(r *http.Request, identity string, org e911.OrgID) string // nil: StartAt was not called
	myOwn func(org e911.OrgID, email string) bool                       // nil: Mine was not called
	saml  *samlPages                                                    // nil: UseSAML was not called
}

// New checks the configuration.
func New(cfg Config) (*Handler, error) {
	if cfg.SignOn == nil || cfg.Members == nil || cfg.Mail == nil || cfg.Org == nil || cfg.Frame == nil || cfg.Next == nil || cfg.Began == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "the pages of sign-in need desks, mail, names, a frame, a clock and a log")
	}
	return &Handler{cfg: cfg}, nil
}

// Mount adds the pages to a router that has guarded requests against other sites.
func (h *Handler) Mount(r chi.Router) {
	h.mountSAML(r)
	r.Group(func(r chi.Router) {
		r.Use(h.formed)
		r.Get("/sign-in", h.askSignIn)
		r.Post("/sign-in", h.signIn)
		r.Post("/sign-out", h.signOut)
		r.Get("/invitation", h.askInvitation)
		r.Post("/invitation", h.acceptInvitation)
		r.Get("/reset", h.askPassword(member.LinkReset))
		r.Post("/reset", h.setPassword(member.LinkReset))
		r.Get("/forgotten", h.askForgotten)
		r.Post("/forgotten", h.forgotten)
		r.Get("/profile", h.signed(h.profile))
		r.Post("/profile", h.signed(h.changeProfile))
		r.Post("/profile/password", h.signed(h.changePassword))
		r.Post("/profile/codes", h.signed(h.beginCodes))
		r.Post("/profile/codes/confirm", h.signed(h.confirmCodes))
		h.mountCredentials(r)
		h.mountSSO(r)
		r.Post("/profile/sessions/end", h.signed(h.endSession))
		r.Post("/organisation", h.signed(h.openOrg))
		h.mountTenants(r)
		h.mountKeys(r)
	})
}

// View is what every page has.
type View struct {
	portal.Frame
	Form     string // token of its forms
	Email    string
	NeedCode bool
	Passkeys bool // there can be some
	SSO      bool // organisations may have providers of their own
	Choices  []federation.Choice
	SignOn   bool // there is the page of it
	Say      string
	Link     string
	Faults   []e911.Fault
}

// The cookies. Where the pages are https the prefix keeps other hosts of the domain
// from planting one (RFC 6265bis, section 4.1.3.2).
const (
	cookieSession = "callbox_person"
	cookieForm    = "callbox_form"
	cookieOrg     = "callbox_org"
)

func (h *Handler) secure() bool { return strings.HasPrefix(h.cfg.BaseURL, "https:") }

func (h *Handler) cookie(name string) string {
	if h.secure() {
		return "__Host-" + name
	}
	return name
}

func (h *Handler) set(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: h.cookie(name), Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, Secure: h.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (h *Handler) get(r *http.Request, name string) string {
	if c, err := r.Cookie(h.cookie(name)); err == nil {
		return c.Value
	}
	return ""
}

type formKey struct{}

// formLife is how long a page may stay open before its form is sent.
const formLife = 12 * time.Hour

// formed gives each browser a token for its forms, and refuses a form without it:
// the cookie and the hidden field have to be the same.
func (h *Handler) formed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := h.get(r, cookieForm)
		if r.Method == http.MethodPost {
			if len(token) < minToken || subtle.ConstantTimeCompare([]byte(token), []byte(r.PostFormValue("form"))) != 1 {
				h.tooOld(w, r)
				return
			}
		} else if len(token) < minToken {
			token = base64.RawURLEncoding.EncodeToString(seal.NewSecret())
			h.set(w, cookieForm, token, formLife)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), formKey{}, token)))
	})
}

func (h *Handler) view(r *http.Request, title string) View {
	token, _ := r.Context().Value(formKey{}).(string)
	return View{Frame: h.cfg.Frame(title + " – Callbox"), Form: token, SignOn: h.cfg.Federation != nil, Passkeys: h.cfg.SignOn.Passkeys() == nil}
}

func (h *Handler) page(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		h.cfg.Log.ErrorContext(r.Context(), "a page could not be made", "path", r.URL.Path, obs.Err(err))
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer") // links of ours have secrets in them
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (h *Handler) message(w http.ResponseWriter, r *http.Request, status int, heading string, lines ...string) {
	h.page(w, r, status, portal.Message(h.cfg.Frame(heading+" – Callbox"), heading, lines, ""))
}

// told turns an error into what a page says, and its status.
func (h *Handler) told(r *http.Request, err error) ([]e911.Fault, int) {
	if f := e911.FaultsOf(err); len(f) > 0 {
		return f, http.StatusUnprocessableEntity
	}
	status := map[e911.Kind]int{e911.Denied: 403, e911.NotFound: 404, e911.Conflict: 409, e911.Unavailable: 503, e911.Invalid: 422}[e911.KindOf(err)]
	if status == 0 {
		h.cfg.Log.ErrorContext(r.Context(), "a form failed", "path", r.URL.Path, obs.Err(err))
		return []e911.Fault{{Msg: "that did not work; it is in the log of the server"}}, http.StatusInternalServerError
	}
	return []e911.Fault{{Msg: err.Error()}}, status
}

func address(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// Who says who is signed in.
func (h *Handler) Who(r *http.Request) (signon.Session, member.Identity, bool, error) {
	secret := h.get(r, cookieSession)
	if secret == "" {
		return signon.Session{}, member.Identity{}, false, nil
	}
	s, who, err := h.cfg.SignOn.Check(r.Context(), secret)
	if err == signon.ErrSession { //nolint:errorlint // the very value
		return s, who, false, nil
	}
	return s, who, err == nil, err
}

// Board is the organisation whose calls somebody who is signed in looks at, with the
// only sites of it, in order, where he has a role at sites alone; nil: all. While the
// database is down, who looked goes on looking (D-12).
func (h *Handler) Board(r *http.Request) (org e911.OrgID, sites []e911.SiteID, ok bool) {
	org = e911.OrgID(h.get(r, cookieOrg))
	if org == "" {
		return "", nil, false
	}
	s, who, ok, err := h.Who(r)
	if err != nil || !ok {
		return "", nil, false
	}
	sites, ok = h.seen(member.Within(r.Context(), s.Scope()), who.ID, org)
	return org, sites, ok
}

// seen are the sites of an organisation whose calls somebody sees; nil: all of them.
func (h *Handler) seen(ctx context.Context, identity string, org e911.OrgID) (sites []e911.SiteID, ok bool) {
	a, err := h.cfg.Members.AskStill(ctx, identity, access.Question{At: access.Node{Org: string(org)}, Area: access.Calls, Verb: access.Read})
	if err == nil && a.Allowed {
		return nil, true
	}
	if err != nil && e911.KindOf(err) != e911.Unavailable {
		return nil, false
	}
	ids, err := h.cfg.Members.SitesStill(ctx, identity, org, access.Calls, access.Read)
	for _, id := range ids {
		sites = append(sites, e911.SiteID(id))
	}
	return sites, err == nil && len(sites) > 0
}

// End ends the session of the browser.
func (h *Handler) End(w http.ResponseWriter, r *http.Request) {
	s, who, ok, err := h.Who(r)
	if err == nil && ok {
		err = h.cfg.SignOn.End(r.Context(), who.ID, []string{s.ID}, false)
	}
	if err != nil {
		h.cfg.Log.WarnContext(r.Context(), "a session could not be ended in the database; the browser has forgotten it", obs.Err(err))
	}
	h.set(w, cookieSession, "", -time.Second)
	h.set(w, cookieOrg, "", -time.Second)
}

func (h *Handler) askSignIn(w http.ResponseWriter, r *http.Request) {
	if _, _, ok, err := h.Who(r); ok && err == nil {
		http.Redirect(w, r, "/profile", http.StatusSeeOther)
		return
	}
	h.page(w, r, http.StatusOK, signInPage(h.signInView(r)))
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) {
	a := signon.Attempt{
		Email: r.PostFormValue("email"), Password: r.PostFormValue("password"), Code: strings.TrimSpace(r.PostFormValue("code")),
		Address: address(r), Agent: r.UserAgent(),
	}
	s, secret, err := h.cfg.SignOn.SignIn(r.Context(), a)
	if err != nil {
		v := h.signInView(r)
		v.Email, v.NeedCode = a.Email, err == signon.ErrCode || a.Code != "" //nolint:errorlint // the very value
		if v.NeedCode && a.Code == "" {
			v.Say = "Type your password once more, and the code that your app shows."
			h.page(w, r, http.StatusOK, signInPage(v))
			return
		}
		faults, status := h.told(r, err)
		v.Faults = faults
		h.page(w, r, status, signInPage(v))
		return
	}
	h.begin(w, r, s, secret)
}

// begin gives the browser its session. The token of forms is new too: what was
// planted before the sign-in is worth nothing.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, s signon.Session, secret string) {
	r = r.WithContext(member.Within(r.Context(), s.Scope()))
	h.cfg.Began(w)
	h.set(w, cookieSession, secret, s.Expires.Sub(h.cfg.Now()))
	h.set(w, cookieForm, base64.RawURLEncoding.EncodeToString(seal.NewSecret()), formLife)
	to := "/profile"
	org := h.firstBoard(r, s.Identity)
	if org != "" {
		h.set(w, cookieOrg, org, s.Expires.Sub(h.cfg.Now()))
		to = h.cfg.Next(w, r)
	}
	http.Redirect(w, r, h.start(w, r, s, org, to), http.StatusSeeOther)
}

// firstBoard is the first organisation whose calls somebody may see.
func (h *Handler) firstBoard(r *http.Request, identity string) string {
	_, has, err := h.cfg.Members.Of(r.Context(), identity)
	if err != nil {
		return ""
	}
	for _, g := range has {
		if g.At.Org == "" {
			continue
		}
		if _, ok := h.seen(r.Context(), identity, e911.OrgID(g.At.Org)); ok {
			return g.At.Org
		}
	}
	return ""
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	h.End(w, r)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// askPassword shows the form that a one-time link leads to. It does not use the
// link up: programs that look at mails fetch it.
func (h *Handler) askPassword(p member.LinkPurpose) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secret := r.URL.Query().Get("t")
		who, err := h.cfg.Members.Peek(r.Context(), secret, p)
		if err != nil {
			h.badLink(w, r, err)
			return
		}
		v := h.view(r, "Choose a password")
		v.Email = who.Email
		h.page(w, r, http.StatusOK, passwordPage(v, pathOf(p), secret))
	}
}

func (h *Handler) badLink(w http.ResponseWriter, r *http.Request, err error) {
	faults, status := h.told(r, err)
	lines := []string{faults[0].Msg}
	if err == member.ErrLink { //nolint:errorlint // the very value
		lines = append(lines, "If you chose a password by it a moment ago, that counts: sign in with your address and it.")
	}
	h.message(w, r, status, "This link does not work", lines...)
}

func pathOf(p member.LinkPurpose) string {
	if p == member.LinkInvitation {
		return "/invitation"
	}
	return "/reset"
}

func (h *Handler) setPassword(p member.LinkPurpose) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := h.choosePassword(w, r, p)
		if !ok {
			return
		}
		v := h.signInView(r)
		v.Email, v.Say = who.Email, "Your password is set. Sign in with it."
		h.page(w, r, http.StatusOK, signInPage(v))
	}
}

func (h *Handler) askForgotten(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, http.StatusOK, forgottenPage(h.view(r, "Forgotten password")))
}

// resetLife is how long the link of a forgotten password works.
const resetLife = time.Hour

// forgotten answers the same whether the address is known or not.
func (h *Handler) forgotten(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue("email")
	v := h.view(r, "Forgotten password")
	v.Say = "If this address may sign in, a mail is on its way to it. Where no mail is sent, ask the operator for a link."
	err := h.cfg.SignOn.AskedForLink(address(r), email)
	if err == nil {
		var who member.Identity
		var secret string
		who, secret, err = h.cfg.Members.AskedLink(r.Context(), email, resetLife)
		if err == nil && secret != "" {
			h.cfg.Mail(who.Email, "Your password for Callbox", "To choose a new password, open this link within an hour. It works once.\n\n"+
				Link(h.cfg.BaseURL, member.LinkReset, secret)+"\n\nIf you did not ask for it, do nothing.\n")
		}
	}
	status := http.StatusOK
	if err != nil {
		v.Say = ""
		v.Faults, status = h.told(r, err)
	}
	h.page(w, r, status, forgottenPage(v))
}

// Link is the address that a one-time secret is handed out in.
func Link(base string, p member.LinkPurpose, secret string) string {
	return strings.TrimSuffix(base, "/") + pathOf(p) + "?t=" + secret
}

// signed lets only people pass who are signed in with their address.
func (h *Handler) signed(do func(w http.ResponseWriter, r *http.Request, in signedIn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, who, ok, err := h.Who(r)
		switch {
		case err != nil:
			faults, status := h.told(r, err)
			h.message(w, r, status, "Not now", faults[0].Msg)
		case !ok && r.Method == http.MethodGet:
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		case !ok:
			h.message(w, r, http.StatusUnauthorized, "You are signed out", "Sign in, and send it once more.")
		default:
			do(w, r.WithContext(member.Within(r.Context(), s.Scope())), signedIn{s, who})
		}
	}
}

type signedIn struct {
	session signon.Session
	who     member.Identity
}
