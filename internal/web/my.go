package web

import (
	"context"
	"net/http"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/mypage"
	"github.com/callbox911/callbox/internal/web/portal"
)

// My is what the page of a user's own needs.
type My struct {
	Desk      *firstuse.Desk
	Published func(ctx context.Context) error
	// Telephones and Asking are as in mypage.Config.
	Telephones *ownphone.Desk
	Asking     mypage.Asking
}

// openMy makes the page of a user's own, for people who sign in with an address.
func (h *Handler) openMy() error {
	if h.cfg.My == nil || h.people == nil {
		return nil
	}
	var err error
	h.my, err = mypage.New(mypage.Config{
		Telephones: h.cfg.My.Telephones, Asking: h.cfg.My.Asking,
		Desk: h.cfg.My.Desk, Published: h.cfg.My.Published, Members: h.cfg.People.Members, Visited: h.people.Visited, Now: h.cfg.Now, Log: h.cfg.Log,
		Frame: func(title string) portal.Frame { return h.frame(title) },
	})
	if err == nil {
		h.people.Mine(h.cfg.My.Desk.Has)
	}
	return err
}

// firstPage is where a sign-in leads: who is a user and nothing else to the page of his
// own, who sets up to what is open; none: to the usual page.
func (h *Handler) firstPage(r *http.Request, identity string, org e911.OrgID) string {
	if h.my != nil {
		if to := h.my.First(r, identity); to != "" {
			return to
		}
	}
	if h.setup != nil && org != "" {
		return h.setup.First(r, identity, org)
	}
	return ""
}

// hasMy reports whether who is signed in has a page of his own in the organisation.
func (h *Handler) hasMy(r *http.Request, org e911.OrgID) bool {
	if h.my == nil {
		return false
	}
	_, who, ok, err := h.people.Who(r)
	return err == nil && ok && h.cfg.My.Desk.Has(org, who.Email)
}
