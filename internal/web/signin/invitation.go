package signin

import (
	"net/http"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
)

// askInvitation shows the form by which somebody who is new chooses a password. Where
// the browser is signed in as somebody else, it says so.
func (h *Handler) askInvitation(w http.ResponseWriter, r *http.Request) {
	secret := r.URL.Query().Get("t")
	who, err := h.cfg.Members.Peek(r.Context(), secret, member.LinkInvitation)
	if err != nil {
		h.badLink(w, r, err)
		return
	}
	v := h.view(r, "Choose a password")
	v.Email, v.Say = who.Email, h.otherText(r, who)
	h.page(w, r, http.StatusOK, passwordPage(v, pathOf(member.LinkInvitation), secret))
}

func (h *Handler) otherText(r *http.Request, who member.Identity) string {
	if _, other, ok, err := h.Who(r); err == nil && ok && other.ID != who.ID {
		return "You are signed in as " + other.Email + ". This invitation is for " + who.Email + ": when you choose a password, " + other.Email + " is signed out in this browser."
	}
	return ""
}

// acceptInvitation takes the link, once, sets the password and signs in by it: what
// keeps a password from signing in does so here too (C-56).
func (h *Handler) acceptInvitation(w http.ResponseWriter, r *http.Request) {
	secret, fresh := r.PostFormValue("t"), r.PostFormValue("password")
	who, err := h.cfg.Members.Peek(r.Context(), secret, member.LinkInvitation)
	if err != nil {
		h.badLink(w, r, err)
		return
	}
	if faults := signon.PasswordFaults(fresh, who.Email, who.Name); len(faults) > 0 {
		v := h.view(r, "Choose a password")
		v.Email, v.Faults = who.Email, faults
		h.page(w, r, http.StatusUnprocessableEntity, passwordPage(v, pathOf(member.LinkInvitation), secret))
		return
	}
	if who, err = h.cfg.Members.Follow(r.Context(), secret, member.LinkInvitation); err == nil {
		err = h.cfg.SignOn.SetPassword(r.Context(), who.ID, "", fresh, "", true)
	}
	if err != nil {
		h.badLink(w, r, err)
		return
	}
	h.End(w, r) // whoever was signed in here
	s, cookie, err := h.cfg.SignOn.SignIn(r.Context(), signon.Attempt{Email: who.Email, Password: fresh, Address: address(r), Agent: r.UserAgent()})
	if err != nil {
		v := h.view(r, "Sign in")
		v.Email, v.Say = who.Email, "Your password is set. Sign in with it."
		h.page(w, r, http.StatusOK, signInPage(v))
		return
	}
	h.begin(w, r, s, cookie)
}
