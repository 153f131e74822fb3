package web

import (
	"context"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/web/mypage"
	"github.com/callbox911/callbox/internal/web/portal"
)

// My is what the page of a user's own needs.
type My struct {
	Desk      *firstuse.Desk
	Published func(ctx context.Context) error
}

// openMy makes the page of a user's own, for people who sign in with an address.
func (h *Handler) openMy() error {
	if h.cfg.My == nil || h.people == nil {
		return nil
	}
	var err error
	h.my, err = mypage.New(mypage.Config{
		Desk: h.cfg.My.Desk, Published: h.cfg.My.Published, Members: h.cfg.People.Members, Visited: h.people.Visited, Log: h.cfg.Log,
		Frame: func(title string) portal.Frame { return h.frame(title) },
	})
	return err
}
