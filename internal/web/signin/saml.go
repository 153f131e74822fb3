package signin

import (
	"net/http"
	"net/url"
	"regexp"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

// SAML is what the pages ask of SAML besides what federation.Desk does.
type SAML interface {
	// Metadata is ours for a provider, XML without a secret.
	Metadata(p federation.Provider) ([]byte, error)
	// Warnings are what an administrator should know of a provider that works.
	Warnings(p federation.Provider) []string
	// NotAsked reports an answer that belongs to no request of ours.
	NotAsked(parameter string) bool
}

// UseSAML adds the pages of SAML. Brought signs the browser in whom a provider's
// answer proves, or says why not: it reads the cookie of the sign-in that began. It is
// called before the handler serves.
func (h *Handler) UseSAML(d *federation.Desk, s SAML, brought func(w http.ResponseWriter, r *http.Request, c federation.Callback) error) {
	h.saml = &samlPages{h: h, desk: d, saml: s, brought: brought}
}

type samlPages struct {
	h       *Handler
	desk    *federation.Desk
	saml    SAML
	brought func(w http.ResponseWriter, r *http.Request, c federation.Callback) error
}

// warnings are what SAML says of a provider; none of others.
func (h *Handler) warnings(p federation.Provider) []string {
	if h.saml == nil || p.Via != federation.ViaSAML {
		return nil
	}
	return h.saml.saml.Warnings(p)
}

// ACSPattern matches the one kind of request that another site may send: the answer
// of an identity provider, posted by its page (saml-bindings-2.0-os, section 3.5).
const ACSPattern = "POST /sign-in/saml/{provider}/acs"

// MaxAnswer bounds the body of such a request: 256 KiB in base64, percent-encoded.
const MaxAnswer = 768 << 10

var (
	acsPath   = regexp.MustCompile(`^/sign-in/saml/[^/]+/acs$`)
	stateForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// IsAnswer reports a request that ACSPattern matches.
func IsAnswer(r *http.Request) bool {
	return r.Method == http.MethodPost && acsPath.MatchString(r.URL.Path)
}

// mountSAML adds the addresses that identity providers know. They stand outside of
// formed: no form of ours leads there. What stands in for its token is the state, 32
// random octets that come back as RelayState and are in the cookie of the browser
// that began.
func (h *Handler) mountSAML(r chi.Router) {
	r.Post("/sign-in/saml/{provider}/acs", func(w http.ResponseWriter, r *http.Request) {
		if h.saml == nil {
			http.NotFound(w, r)
			return
		}
		h.saml.answer(w, r)
	})
	r.Get("/sign-in/saml/{provider}/metadata", func(w http.ResponseWriter, r *http.Request) {
		if h.saml == nil {
			http.NotFound(w, r)
			return
		}
		h.saml.metadata(w, r)
	})
}

// answer takes the answer of an identity provider. Its page posts it from another
// site, and with such a request a browser sends no cookie of ours that is SameSite
// Lax. So the first time we answer with a page that posts the same once more, from our
// site: now the cookies come with it. That works on http as on https, needs no cookie
// for other sites to have sent (SameSite=None), and keeps nothing on the server
// for a stranger. A forged answer gets as far: the browser has to know its state.
func (p *samlPages) answer(w http.ResponseWriter, r *http.Request) {
	provider := chi.URLParam(r, "provider")
	if err := r.ParseForm(); err != nil {
		p.refuse(w, r, e911.Errorf(e911.Denied, "the answer of your identity provider is too large, or was cut"))
		return
	}
	response, state := r.PostForm["SAMLResponse"], r.PostForm["RelayState"]
	switch {
	case len(response) != 1 || len(state) > 1:
		p.refuse(w, r, e911.Errorf(e911.Denied, "the answer of your identity provider is not complete"))
		return
	case p.saml.NotAsked(response[0]):
		p.refuse(w, r, e911.Errorf(e911.Denied, "This sign-in was begun at the identity provider, by a tile of its portal. That is not taken: nobody could tell whose browser it was meant for. Begin on our page of sign-in; an administrator can let the tile lead there"))
		return
	case len(state) == 0 || !stateForm.MatchString(state[0]):
		p.refuse(w, r, federation.ErrElsewhere)
		return
	case r.PostForm.Get("again") != "1":
		p.h.page(w, r, http.StatusOK, resendPage(p.h.view(r, "Signing you in"), federation.SAMLPath(provider), response[0], state[0]))
		return
	}
	values := url.Values{"SAMLResponse": response, "RelayState": state}
	if err := p.brought(w, r, federation.Callback{Values: values, URL: p.h.cfg.BaseURL + federation.SAMLPath(provider)}); err != nil {
		p.refuse(w, r, err)
	}
}

// refuse says what was wrong to who sits there, and to the log for his administrator.
func (p *samlPages) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p.h.cfg.Log.WarnContext(r.Context(), "a sign-in by SAML was refused", "provider", chi.URLParam(r, "provider"), obs.Err(err))
	faults, status := p.h.told(r, err)
	var why []string
	for _, f := range faults {
		why = append(why, f.Msg)
	}
	p.h.page(w, r, status, refusedPage(p.h.view(r, "You are not signed in"), why))
}

// metadata is public: it has a certificate and addresses in it.
func (p *samlPages) metadata(w http.ResponseWriter, r *http.Request) {
	at, err := p.desk.Find(r.Context(), chi.URLParam(r, "provider"))
	if err == nil && at.Via != federation.ViaSAML {
		err = e911.Errorf(e911.NotFound, "there is no such identity provider")
	}
	var text []byte
	if err == nil {
		text, err = p.saml.Metadata(at)
	}
	if err != nil {
		faults, status := p.h.told(r, err)
		http.Error(w, faults[0].Msg, status)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml; charset=utf-8")
	_, _ = w.Write(text)
}
