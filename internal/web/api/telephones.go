package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Telephones are those that users set up by themselves; ownphone.Desk has them.
type Telephones interface {
	Of(org e911.OrgID, email string) (ownphone.Own, error)
	SetUp(ctx context.Context, who admin.Actor, org e911.OrgID, email string, w ownphone.Wish) (ownphone.Made, error)
	Renew(ctx context.Context, who admin.Actor, org e911.OrgID, email string, id e911.DeviceID) (ownphone.Made, error)
	Remove(ctx context.Context, who admin.Actor, org e911.OrgID, email string, id e911.DeviceID) error
}

func telephoneOperations() []operation {
	org := inQuery("org", "The organisation, as id or key:NAME")
	org.required = true
	made, params := reflect.TypeFor[ownphone.Made](), []parameter{org}
	return []operation{
		{
			method: http.MethodGet, path: "/profile/telephones", id: "list_profile_telephones", tag: "profile", params: params,
			summary: "List your telephones, and where they register", result: reflect.TypeFor[ownphone.Own](), do: (*Handler).telephones,
		},
		{
			method: http.MethodPost, path: "/profile/telephones", id: "create_profile_telephones", tag: "profile", params: params,
			summary: "Set up a telephone or an app of your own", about: "The answer has its password, once. Whoever has a number or a device may, unless the organisation has own_phones_off.",
			body: reflect.TypeFor[ownphone.Wish](), example: map[string]any{"name": "my desk"}, status: http.StatusCreated, result: made, errors: []int{409}, do: (*Handler).setUpTelephone,
		},
		{
			method: http.MethodPost, path: "/profile/telephones/{id}/password", id: "renew_profile_telephones", tag: "profile", params: params,
			summary: "Give a telephone of your own a new password", about: "The answer has it, once; the one before ends. 911 from the telephone is heard all the same.",
			status: http.StatusCreated, result: made, errors: []int{409}, do: (*Handler).renewTelephone,
		},
		{
			method: http.MethodDelete, path: "/profile/telephones/{id}/password", id: "remove_profile_telephones", tag: "profile", params: params,
			summary: "Take the password of a telephone of your own away", about: "It registers no more once its time is over, an hour at most. 911 from it is heard all the same.",
			status: http.StatusNoContent, do: (*Handler).removeTelephone,
		},
	}
}

// ownUser is who is signed in, as a user of the organisation that the query names.
// What it says of an organisation that he has nothing to do with is what it says of
// one that is not there (E14).
func (h *Handler) ownUser(c *call) (who admin.Actor, email string, err error) {
	identity, err := c.person()
	if err != nil || h.cfg.Telephones == nil || h.cfg.Members == nil {
		return "", "", orNotHere(err)
	}
	name := c.query.Get("org")
	if name == "" {
		return "", "", e911.Errorf(e911.Invalid, "say of which organisation by ?org=")
	}
	if err := h.findOrg(c, name); err != nil {
		return "", "", err
	}
	a, err := h.cfg.Members.Ask(c.Context(), identity, access.Question{At: access.Node{Org: string(c.org)}, Area: access.Own, Verb: access.Write, Owner: identity})
	if err == nil && !a.Allowed {
		err = denied(a.Why)
	}
	if err != nil {
		return "", "", err
	}
	own, err := h.cfg.Members.Owns(c.Context(), identity, c.org)
	if err == nil && !own { // another may have been handed the link of this address (adr/0024)
		err = denied("your address is not proved: follow a link that was mailed to it, or ask the operator for one")
	}
	if err != nil {
		return "", "", err
	}
	i, _, err := h.cfg.Members.Of(c.Context(), identity)
	return admin.Actor(identity), i.Email, err
}

func (h *Handler) telephones(c *call) (reply, error) {
	_, email, err := h.ownUser(c)
	if err != nil {
		return reply{}, err
	}
	own, err := h.cfg.Telephones.Of(c.org, email)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, own)
}

// toldOnce answers with a password, which no cache keeps.
func toldOnce(m ownphone.Made, err error) (reply, error) {
	switch {
	case errors.Is(err, ownphone.ErrTooMany):
		return reply{}, &statusError{status: http.StatusTooManyRequests, err: err}
	case err != nil:
		return reply{}, err
	}
	return answer(http.StatusCreated, m)
}

func (h *Handler) setUpTelephone(c *call) (reply, error) {
	who, email, err := h.ownUser(c)
	if err != nil {
		return reply{}, err
	}
	var w ownphone.Wish
	if err := c.into(&w); err != nil {
		return reply{}, err
	}
	return toldOnce(h.cfg.Telephones.SetUp(c.Context(), who, c.org, email, w))
}

func (h *Handler) renewTelephone(c *call) (reply, error) {
	who, email, err := h.ownUser(c)
	if err != nil {
		return reply{}, err
	}
	return toldOnce(h.cfg.Telephones.Renew(c.Context(), who, c.org, email, e911.DeviceID(c.param("id"))))
}

func (h *Handler) removeTelephone(c *call) (reply, error) {
	who, email, err := h.ownUser(c)
	if err != nil {
		return reply{}, err
	}
	if err := h.cfg.Telephones.Remove(c.Context(), who, c.org, email, e911.DeviceID(c.param("id"))); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}
