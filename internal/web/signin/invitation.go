package signin

import (
	"context"
	"net/http"
	"time"

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
	who, ok := h.choosePassword(w, r, member.LinkInvitation)
	if !ok {
		return
	}
	h.End(w, r) // whoever was signed in here
	s, cookie, err := h.cfg.SignOn.SignIn(r.Context(), signon.Attempt{Email: who.Email, Password: r.PostFormValue("password"), Address: address(r), Agent: r.UserAgent()})
	if err != nil {
		v := h.view(r, "Sign in")
		v.Email, v.Say = who.Email, "Your password is set. Sign in with it."
		h.page(w, r, http.StatusOK, signInPage(v))
		return
	}
	h.begin(w, r, s, cookie)
}

// chooseTimeout bounds the use of a link.
const chooseTimeout = 30 * time.Second

// choosePassword takes a one-time link and sets the password that came with it; false:
// the answer is written. Who presses the button twice gives his first request up: it is
// done to its end all the same, else the link is used and there is no password.
func (h *Handler) choosePassword(w http.ResponseWriter, r *http.Request, p member.LinkPurpose) (member.Identity, bool) {
	secret, fresh := r.PostFormValue("t"), r.PostFormValue("password")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), chooseTimeout)
	defer cancel()
	who, err := h.cfg.Members.Peek(ctx, secret, p)
	if err != nil {
		h.badLink(w, r, err)
		return who, false
	}
	if faults := signon.PasswordFaults(fresh, who.Email, who.Name); len(faults) > 0 {
		v := h.view(r, "Choose a password")
		v.Email, v.Faults = who.Email, faults
		h.page(w, r, http.StatusUnprocessableEntity, passwordPage(v, pathOf(p), secret))
		return who, false
	}
	if who, err = h.cfg.Members.Follow(ctx, secret, p); err == nil {
		err = h.cfg.SignOn.SetPassword(ctx, who.ID, "", fresh, "", true)
	}
	if err != nil {
		h.badLink(w, r, err)
		return who, false
	}
	return who, true
}
