package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
)

// FirstUse tells who was asked where he is and did not answer.
type FirstUse interface {
	FirstUse(ctx context.Context, org e911.OrgID) (firstuse.State, error)
	SetReminders(ctx context.Context, who admin.Actor, org e911.OrgID, on bool) error
}

// FirstUseWish says whether such users are written to.
type FirstUseWish struct {
	Reminders bool `json:"reminders" doc:"Write to users who do not answer: after a day, after a week, then every 30 days"`
}

func firstUseOperations() []operation {
	const path = "/organisations/{org}/first_use"
	return []operation{
		{
			method: http.MethodGet, path: path, id: "get_first_use", tag: "people", scopes: []apikey.Scope{apikey.ScopeRead}, summary: "List who was asked where he is and did not answer",
			about:  "Each with how often he was written to, or why he is not: no_address, shared (two users have his address), no_mail (this server sends none), off. It blocks nothing of 911.",
			result: reflect.TypeFor[firstuse.State](), do: func(h *Handler, c *call) (reply, error) { return h.firstUse(c) },
		},
		{
			method: http.MethodPut, path: path, id: "replace_first_use", tag: "people", scopes: []apikey.Scope{apikey.ScopeWrite}, summary: "Say whether they are written to",
			body: reflect.TypeFor[FirstUseWish](), example: map[string]any{"reminders": true}, result: reflect.TypeFor[firstuse.State](), do: (*Handler).setFirstUse,
		},
	}
}

func (h *Handler) firstUse(c *call) (reply, error) {
	if h.cfg.FirstUse == nil {
		return reply{}, errNotHere
	}
	st, err := h.cfg.FirstUse.FirstUse(c.Context(), c.org)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, st)
}

func (h *Handler) setFirstUse(c *call) (reply, error) {
	if h.cfg.FirstUse == nil {
		return reply{}, errNotHere
	}
	var w FirstUseWish
	if err := c.into(&w); err != nil {
		return reply{}, err
	}
	if err := h.cfg.FirstUse.SetReminders(c.Context(), c.who.who, c.org, w.Reminders); err != nil {
		return reply{}, err
	}
	return h.firstUse(c)
}
