package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/callbox911/callbox/internal/admin/signon"
)

// Credentials is how somebody proves himself; signon.Desk does it.
type Credentials interface {
	Own(ctx context.Context, identity string) ([]signon.Shown, error)
	Drop(ctx context.Context, in signon.Session, id string) error
}

func credentialOperations() []operation {
	return []operation{
		{
			method: http.MethodGet, path: "/profile/credentials", id: "list_profile_credentials", tag: "profile", summary: "List how you sign in",
			about: "Password, one-time codes, recovery codes and passkeys, without their secrets.", result: listOf(reflect.TypeFor[signon.Shown]()), do: (*Handler).credentials,
		},
		{
			method: http.MethodDelete, path: "/profile/credentials/{id}", id: "remove_profile_credentials", tag: "profile", summary: "Take a way to sign in away",
			about:  "Within ten minutes of a proof of who you are; the last way in stays. Your other sessions end.",
			status: http.StatusNoContent, errors: []int{409}, do: (*Handler).dropCredential,
		},
	}
}

func (h *Handler) credentials(c *call) (reply, error) {
	who, err := c.person()
	if err != nil || h.cfg.SignOn == nil {
		return reply{}, orNotHere(err)
	}
	all, err := h.cfg.SignOn.Own(c.Context(), who)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, map[string]any{"items": orEmpty(all)})
}

func (h *Handler) dropCredential(c *call) (reply, error) {
	who, err := c.person()
	if err != nil || h.cfg.SignOn == nil {
		return reply{}, orNotHere(err)
	}
	p, ok, err := h.cfg.Person(c.Request)
	if err != nil {
		return reply{}, err
	}
	all, err := h.cfg.SignOn.Sessions(c.Context(), who)
	if err != nil {
		return reply{}, err
	}
	i := slices.IndexFunc(all, func(s signon.Session) bool { return s.ID == p.Session })
	if !ok || p.Identity != who || i < 0 {
		return reply{}, signon.ErrSession
	}
	if err := h.cfg.SignOn.Drop(c.Context(), all[i], c.param("id")); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}
