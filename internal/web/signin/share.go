package signin

import (
	"net/http"
	"slices"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
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
	return h.firstOrg(r, identity)
}

// firstOrg is the first organisation in which, or at a site of which, somebody has a
// role.
func (h *Handler) firstOrg(r *http.Request, identity string) e911.OrgID {
	_, has, err := h.cfg.Members.Of(r.Context(), identity)
	i := slices.IndexFunc(has, func(g member.Grant) bool {
		return g.At.Level() >= access.AtOrg && g.Holds(h.cfg.Now())
	})
	if err != nil || i < 0 {
		return ""
	}
	return e911.OrgID(has[i].At.Org)
}

// StartAt asks first, at each sign-in that no link led to, for a page of ours to
// begin with; none: the usual one. It is called before the handler serves.
func (h *Handler) StartAt(first func(r *http.Request, identity string, org e911.OrgID) string) {
	h.first = first
}

// Mine tells who has a page of his own, /my, in an organisation. It is called before
// the handler serves.
func (h *Handler) Mine(has func(org e911.OrgID, email string) bool) { h.myOwn = has }

// start opens an organisation for who sees no board of one, and says where a sign-in
// leads that would lead to the board or the profile.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, s signon.Session, org, to string) string {
	if org == "" { // also: forget the one that somebody else opened here
		org = string(h.firstOrg(r, s.Identity))
		h.set(w, cookieOrg, org, s.Expires.Sub(h.cfg.Now()))
	}
	if org == "" && to == "/profile" && h.makesOrgs(r, s.Identity) {
		return "/partners" // the provider and partners have no organisation of their own
	}
	if h.first == nil || to != "/calls" && to != "/profile" {
		return to
	}
	if first := h.first(r, s.Identity, e911.OrgID(org)); first != "" {
		return first
	}
	return to
}

// makesOrgs reports somebody who looks after organisations.
func (h *Handler) makesOrgs(r *http.Request, identity string) bool {
	if h.cfg.Accounts == nil {
		return false
	}
	_, has, err := h.cfg.Members.Of(r.Context(), identity)
	return err == nil && slices.ContainsFunc(has, func(g member.Grant) bool {
		return (g.Role == access.Provider || g.Role == access.Partner) && g.Holds(h.cfg.Now())
	})
}
