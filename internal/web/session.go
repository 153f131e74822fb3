package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/web/portal"
)

// Purposes bind what is sealed: a cookie is no link and a link no cookie.
const (
	purposeLogin   = "login"
	purposeSession = "session"
)

const (
	linkLife    = 15 * time.Minute
	sessionLife = 12 * time.Hour
	cookieName  = "callbox_session"
	wantedName  = "callbox_wanted"
)

// ticket is what a link or a cookie seals. Times are milliseconds since 1970.
type ticket struct {
	Org     e911.OrgID `json:"o"`
	Issued  int64      `json:"i"`
	Expires int64      `json:"e"`
	Nonce   string     `json:"n,omitempty"`
}

func sealTicket(ring *seal.Ring, purpose string, t ticket) (string, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode a %s ticket: %w", purpose, err)
	}
	return ring.Seal(purpose, b)
}

func openTicket(ring *seal.Ring, purpose, sealed string, now time.Time) (ticket, error) {
	var t ticket
	b, err := ring.Open(purpose, sealed)
	if err != nil {
		return t, fmt.Errorf("open a %s ticket: %w", purpose, err)
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("read a %s ticket: %w", purpose, err)
	}
	if now.UnixMilli() >= t.Expires {
		return t, errExpired
	}
	return t, nil
}

var (
	errExpired = errors.New("expired")
	errUsed    = errors.New("used before")
	errOlder   = errors.New("made before this server started")
)

// LoginLink returns a link that signs one browser in to the organisation, once,
// within 15 minutes, at the process that was running when it was made: which
// links were used is remembered in memory only, so a restart ends those that
// are out. A ring without keys is a bug and panics.
func LoginLink(ring *seal.Ring, base string, org e911.OrgID, now time.Time) string {
	sealed, err := sealTicket(ring, purposeLogin, ticket{
		Org: org, Issued: now.UnixMilli(), Expires: now.Add(linkLife).UnixMilli(),
		Nonce: base64.RawURLEncoding.EncodeToString(seal.NewSecret()[:16]),
	})
	if err != nil {
		panic(fmt.Sprintf("web: seal a sign-in link: %v", err))
	}
	return strings.TrimSuffix(base, "/") + "/login?t=" + url.QueryEscape(sealed)
}

// usedLinks remembers the links that were used, each until it expires anyway.
// Safe for concurrent use.
type usedLinks struct {
	started int64

	mu   sync.Mutex
	used map[string]int64 // nonce to expiry
}

func newUsedLinks(now time.Time) *usedLinks {
	return &usedLinks{started: now.UnixMilli(), used: map[string]int64{}}
}

// check tells whether the link may still be used.
func (u *usedLinks) check(t ticket) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t.Issued < u.started {
		return errOlder
	}
	if _, ok := u.used[t.Nonce]; ok {
		return errUsed
	}
	return nil
}

// use uses the link up, or says why it cannot be used.
func (u *usedLinks) use(t ticket, now time.Time) error {
	if err := u.check(t); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.used[t.Nonce]; ok {
		return errUsed
	}
	for nonce, expires := range u.used {
		if now.UnixMilli() >= expires {
			delete(u.used, nonce)
		}
	}
	u.used[t.Nonce] = t.Expires
	return nil
}

// askSignIn shows the one press that uses a link up: programs that look into
// messages fetch links, and must not use this one up.
func (h *Handler) askSignIn(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("t")
	if token == "" {
		if _, _, ok := h.boardOf(r); ok {
			http.Redirect(w, r, "/calls", http.StatusSeeOther)
			return
		}
		h.notSignedIn(w, r)
		return
	}
	t, org, err := h.openLink(token)
	if err == nil {
		err = h.links.check(t)
	}
	if err != nil {
		h.badLink(w, r, err)
		return
	}
	h.page(w, r, http.StatusOK, portal.SignIn(h.frame("Sign in – Callbox"), org.Name, token))
}

func (h *Handler) openLink(token string) (ticket, Org, error) {
	t, err := openTicket(h.cfg.Ring, purposeLogin, token, h.cfg.Now())
	if err != nil {
		return t, Org{}, err
	}
	org, ok := h.cfg.Org(t.Org)
	if !ok {
		return t, Org{}, errors.New("the organisation is gone")
	}
	return t, org, nil
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) {
	t, _, err := h.openLink(r.PostFormValue("t"))
	now := h.cfg.Now()
	if err == nil {
		err = h.links.use(t, now)
	}
	if err != nil {
		h.badLink(w, r, err)
		return
	}
	sealed, err := sealTicket(h.cfg.Ring, purposeSession, ticket{
		Org: t.Org, Issued: now.UnixMilli(), Expires: now.Add(sessionLife).UnixMilli(),
	})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.setCookie(w, cookieName, sealed, sessionLife)
	if h.people != nil {
		h.people.End(w, r)
	}
	http.Redirect(w, r, h.wanted(w, r), http.StatusSeeOther)
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	h.setCookie(w, cookieName, "", -1)
	if h.people != nil {
		h.people.End(w, r)
	}
	h.page(w, r, http.StatusOK, portal.Message(h.frame("Signed out – Callbox"), "You are signed out", []string{
		"To come back, ask an administrator for a new sign-in link, or make one on the server:",
	}, h.cfg.LoginHelp))
}

func (h *Handler) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true,
		Secure: strings.HasPrefix(h.cfg.BaseURL, "https:"), SameSite: http.SameSiteLaxMode,
	})
}

// linkOf reads the organisation out of the request's cookie and checks it
// against the snapshot.
func (h *Handler) linkOf(r *http.Request) (e911.OrgID, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return "", false
	}
	t, err := openTicket(h.cfg.Ring, purposeSession, c.Value, h.cfg.Now())
	if err != nil || t.Org == "" {
		return "", false
	}
	if _, ok := h.cfg.Org(t.Org); !ok {
		return "", false
	}
	return t.Org, true
}

type orgKey struct{}

// orgOf is the organisation that signedIn found.
func orgOf(r *http.Request) e911.OrgID {
	org, _ := r.Context().Value(orgKey{}).(e911.OrgID)
	return org
}

// callPath is the only kind of page that a sign-in may lead to, besides the
// list: the link of a notice.
var callPath = regexp.MustCompile(`^/calls/[A-Za-z0-9-]{1,64}$`)

// signedIn lets only sessions pass.
func (h *Handler) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		org, sites, ok := h.boardOf(r)
		if ok {
			next.ServeHTTP(w, r.WithContext(withSites(context.WithValue(r.Context(), orgKey{}, org), sites)))
			return
		}
		if wantsData(r) {
			h.problem(w, http.StatusUnauthorized, "sign in first")
			return
		}
		if callPath.MatchString(r.URL.Path) {
			h.setCookie(w, wantedName, r.URL.Path, time.Hour)
		}
		if h.people != nil {
			h.askPerson(w, r)
			return
		}
		h.notSignedIn(w, r)
	})
}

// wantsData tells programs, and the page's own script, from people.
func wantsData(r *http.Request) bool {
	p := r.URL.Path
	return strings.HasPrefix(p, "/api/") || p == "/events" || strings.HasSuffix(p, "/detail")
}

func (h *Handler) notSignedIn(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, http.StatusUnauthorized, portal.Message(h.frame("Sign in – Callbox"), "Please sign in", []string{
		"Sign in with a one-time link. Ask an administrator for one, or make one on the server that runs Callbox:",
	}, h.cfg.LoginHelp))
}

func (h *Handler) badLink(w http.ResponseWriter, r *http.Request, err error) {
	h.cfg.Log.Info("a sign-in link was refused", obs.KeySrc, r.RemoteAddr, obs.Err(err))
	why := "This sign-in link is not one of ours, or was cut short when it was copied."
	switch {
	case errors.Is(err, errExpired):
		why = "This sign-in link is older than 15 minutes."
	case errors.Is(err, errUsed):
		why = "This sign-in link was used before. Each works once."
	case errors.Is(err, errOlder):
		why = "Callbox was started again after this sign-in link was made."
	}
	h.page(w, r, http.StatusForbidden, portal.Message(h.frame("Sign in – Callbox"), "This link does not work any more", []string{
		why, "A new one is made on the server that runs Callbox:",
	}, h.cfg.LoginHelp))
}
