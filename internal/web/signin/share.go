package signin

import (
	"net/http"
	"slices"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Visit is a request of somebody who is signed in.
type Visit struct {
	Who  member.Identity
	Org  e911.OrgID // that is open; none: he has a role in none
	Form string     // token that each form of the answer carries, in a field "form"
}

// Visited serves pages of other packages to people who are signed in: whoever is
// not is led to sign in, and a form without the token is refused.
func (h *Handler) Visited(do func(w http.ResponseWriter, r *http.Request, v Visit)) http.Handler {
	return h.formed(h.signed(func(w http.ResponseWriter, r *http.Request, in signedIn) {
		token, _ := r.Context().Value(formKey{}).(string)
		do(w, r, Visit{Who: in.who, Org: h.openedOrg(r, in.who.ID), Form: token})
	}))
}

// openedOrg is the organisation that the browser opened, or the first in which who is
// signed in has a role: who looks after one site only was never asked which.
func (h *Handler) openedOrg(r *http.Request, identity string) e911.OrgID {
	if org := h.get(r, cookieOrg); org != "" {
		return e911.OrgID(org)
	}
	_, has, err := h.cfg.Members.Of(r.Context(), identity)
	i := slices.IndexFunc(has, func(g member.Grant) bool {
		return g.At.Level() >= access.AtOrg && g.Holds(h.cfg.Now())
	})
	if err != nil || i < 0 {
		return ""
	}
	return e911.OrgID(has[i].At.Org)
}

