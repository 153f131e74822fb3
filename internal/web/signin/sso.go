package signin

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/federation"
)

// cookieTicket is what the browser keeps while it is at an identity provider.
const cookieTicket = "callbox_ticket"

// mountSSO adds the pages of sign-in by an organisation's provider.
func (h *Handler) mountSSO(r chi.Router) {
	if h.cfg.Federation == nil {
		return
	}
	r.Get("/sign-in/sso", h.askSSO)
	r.Post("/sign-in/sso", h.leadSSO)
	r.Get("/sign-in/sso/{provider}", h.beginSSO)
	r.Get(federation.OIDCPath, h.finishOIDC)
	r.Get("/sign-on", h.signed(h.signOn))
	r.Post("/sign-on", h.signed(h.changeSignOn))
}

// signInView is the view of the sign-in page.
func (h *Handler) signInView(r *http.Request) View {
	v := h.view(r, "Sign in")
	if h.cfg.Federation == nil {
		return v
	}
	v.SSO = true
	choices, err := h.cfg.Federation.Choices(r.Context())
	if err != nil {
		return v // the database is down: what is left says so when it is tried
	}
	v.Choices = choices
	return v
}

func (h *Handler) askSSO(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, http.StatusOK, ssoPage(h.signInView(r)))
}

// leadSSO finds the provider of an address. The answer goes by the domain alone, so
// that nobody learns who is known.
func (h *Handler) leadSSO(w http.ResponseWriter, r *http.Request) {
	email := strings.TrimSpace(r.PostFormValue("email"))
	choice, err := h.cfg.Federation.Lead(r.Context(), email)
	var b federation.Begun
	if err == nil {
		b, err = h.cfg.Federation.Begin(r.Context(), choice.ID, email)
	}
	if err != nil {
		v := h.signInView(r)
		var status int
		v.Email = email
		v.Faults, status = h.told(r, err)
		h.page(w, r, status, ssoPage(v))
		return
	}
	h.keepTicket(w, b)
	// A form may lead to our own pages alone (Content-Security-Policy), so that a page
	// leads on.
	w.Header().Set("Refresh", "0; url="+b.URL)
	h.page(w, r, http.StatusOK, ssoGoPage(h.view(r, "Sign in"), b.Name, b.URL))
}

// beginSSO is a button of the sign-in page, and the link that an organisation gives
// its people.
func (h *Handler) beginSSO(w http.ResponseWriter, r *http.Request) {
	b, err := h.cfg.Federation.Begin(r.Context(), chi.URLParam(r, "provider"), "")
	if err != nil {
		h.failSSO(w, r, err)
		return
	}
	h.keepTicket(w, b)
	http.Redirect(w, r, b.URL, http.StatusSeeOther)
}

// keepTicket binds a sign-in to the browser.
func (h *Handler) keepTicket(w http.ResponseWriter, b federation.Begun) {
	h.set(w, cookieTicket, b.Ticket, federation.TicketLife)
}

func (h *Handler) failSSO(w http.ResponseWriter, r *http.Request, err error) {
	v := h.signInView(r)
	var status int
	v.Faults, status = h.told(r, err)
	h.page(w, r, status, ssoPage(v))
}

func (h *Handler) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if err := h.finishSSO(w, r, federation.ViaOIDC, federation.Callback{Values: r.URL.Query()}); err != nil {
		h.failSSO(w, r, err)
	}
}

// BySAML signs the browser in whom an answer of SAML proves; see UseSAML.
func (h *Handler) BySAML(w http.ResponseWriter, r *http.Request, c federation.Callback) error {
	return h.finishSSO(w, r, federation.ViaSAML, c)
}

func (h *Handler) finishSSO(w http.ResponseWriter, r *http.Request, via federation.Via, c federation.Callback) error {
	ticket := h.get(r, cookieTicket)
	h.set(w, cookieTicket, "", -time.Second)
	got, err := h.cfg.Federation.Finish(r.Context(), via, ticket, c)
	if err != nil {
		return err
	}
	got.Admission.Address, got.Admission.Agent = address(r), r.UserAgent()
	s, secret, err := h.cfg.SignOn.Admit(r.Context(), got.Identity, got.Admission)
	if err != nil {
		return err
	}
	h.begin(w, r, s, secret)
	return nil
}
