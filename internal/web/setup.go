package web

import (
	"net/http"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/portal"
	"github.com/callbox911/callbox/internal/web/setuppages"
)

// openSetUp makes the pages of the set-up, for people who sign in with an address.
func (h *Handler) openSetUp() error {
	if h.cfg.SetUp == nil || h.people == nil {
		return nil
	}
	var err error
	h.setup, err = setuppages.New(setuppages.Config{
		Desks: *h.cfg.SetUp, Members: h.cfg.People.Members, Visited: h.people.Visited, Uploaded: h.people.Uploaded, Now: h.cfg.Now, Log: h.cfg.Log,
		Org:   func(id e911.OrgID) (string, bool) { o, ok := h.cfg.Org(id); return o.Name, ok },
		Frame: func(title string) portal.Frame { return h.frame(title) },
	})
	return err
}

// setUpBanner is what the page of calls says of the set-up to who is signed in with
// an address; to who followed a link of the organisation, nothing: he has no page for it.
func (h *Handler) setUpBanner(r *http.Request, org e911.OrgID) string {
	if h.setup == nil {
		return ""
	}
	s, who, ok, err := h.people.Who(r)
	if err != nil || !ok {
		return ""
	}
	return h.setup.Banner(member.Within(r.Context(), s.Scope()), who.ID, org)
}
