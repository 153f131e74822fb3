package signin

import (
	"net/http"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/portal"
)

// Switch is what the frame of a page offers to somebody with roles in several
// organisations; nil: he has one, or it cannot be told now.
func (h *Handler) Switch(r *http.Request, s signon.Session, who member.Identity) *portal.Switch {
	all, err := h.places(r.WithContext(member.Within(r.Context(), s.Scope())), who.ID)
	if err != nil {
		h.cfg.Log.WarnContext(r.Context(), "a page comes without the choice of organisations", obs.Err(err))
		return nil
	}
	if len(all) < 2 {
		return nil
	}
	out := &portal.Switch{Form: h.get(r, cookieForm)}
	here := h.get(r, cookieOrg)
	for _, o := range all {
		out.Orgs = append(out.Orgs, portal.SwitchOrg{ID: o.ID, Name: o.Name, Here: o.ID == here})
		if o.ID == here {
			out.Here = o.Name
		}
	}
	return out
}

// SwitchOf is Switch for pages that do not know who is signed in.
func (h *Handler) SwitchOf(r *http.Request) *portal.Switch {
	s, who, ok, err := h.Who(r)
	if err != nil || !ok {
		return nil
	}
	return h.Switch(r, s, who)
}

// Elsewhere names the organisation, beside the open one, that has what a link leads
// to, where who is signed in may see its calls. Whose has is not told anybody else.
func (h *Handler) Elsewhere(r *http.Request, has func(org e911.OrgID) bool) (id e911.OrgID, name string, ok bool) {
	s, who, in, err := h.Who(r)
	if err != nil || !in {
		return "", "", false
	}
	r = r.WithContext(member.Within(r.Context(), s.Scope()))
	all, err := h.places(r, who.ID)
	if err != nil {
		return "", "", false
	}
	for _, o := range all {
		if o.ID == h.get(r, cookieOrg) {
			continue
		}
		a, err := h.cfg.Members.AskStill(r.Context(), who.ID, access.Question{At: access.Node{Org: o.ID}, Area: access.Calls, Verb: access.Read})
		if err == nil && a.Allowed && has(e911.OrgID(o.ID)) {
			return e911.OrgID(o.ID), o.Name, true
		}
	}
	return "", "", false
}

// ElsewherePage offers to open the other organisation, and goes on to the link. It
// changes nothing by itself: a link that somebody sends must not.
func (h *Handler) ElsewherePage(w http.ResponseWriter, r *http.Request, org e911.OrgID, name string) {
	v := h.view(r, "Another organisation")
	v.Form = h.get(r, cookieForm)
	h.page(w, r, http.StatusOK, elsewherePage(v, string(org), name, r.URL.Path))
}
