package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/portal"
)

// switchOf is the choice of organisations of who is signed in with his address.
func (h *Handler) switchOf(r *http.Request) *portal.Switch {
	if h.people == nil {
		return nil
	}
	if _, link := h.linkOf(r); link {
		return nil
	}
	return h.people.SwitchOf(r)
}

// elsewhere answers for a link to a call of another organisation of who is signed in.
func (h *Handler) elsewhere(w http.ResponseWriter, r *http.Request) bool {
	id := e911.CallID(chi.URLParam(r, "id"))
	if h.people == nil || id == "" || wantsData(r) {
		return false
	}
	org, name, ok := h.people.Elsewhere(r, func(org e911.OrgID) bool {
		_, err := h.record(withSites(r.Context(), nil), org, id)
		return err == nil
	})
	if ok {
		h.people.ElsewherePage(w, r, org, name)
	}
	return ok
}
