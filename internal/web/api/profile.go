package api

import (
	"net/http"
	"slices"

	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

func (h *Handler) listTransfers(c *call) (reply, error) {
	if h.cfg.Members == nil {
		return reply{}, errNotHere
	}
	all, err := h.cfg.Members.Transfers(c.Context(), c.org)
	if err != nil {
		return reply{}, err
	}
	return h.transfersAnswer(all, nil)
}

func (h *Handler) transfersAnswer(all []access.Transfer, err error) (reply, error) {
	out := make([]TransferShown, len(all))
	for i, t := range all {
		out[i] = shownTransfer(t, h.cfg.Now())
	}
	return items(out, err)
}

func (h *Handler) askTransfer(c *call) (reply, error) {
	var w TransferWish
	by, err := h.asked(c, h.deskAsker, &w)
	if err != nil {
		return reply{}, err
	}
	t, err := h.cfg.Members.AskTransfer(c.Context(), by, c.org, w.To)
	return h.transferAnswer(t, http.StatusCreated, err)
}

func (h *Handler) transferAnswer(t access.Transfer, status int, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	return answer(status, shownTransfer(t, h.cfg.Now()))
}

func (h *Handler) agreeTransfer(c *call) (reply, error) {
	by, err := h.deskAsker(c)
	if err != nil {
		return reply{}, err
	}
	t, err := h.cfg.Members.Agree(c.Context(), by, c.param("id"))
	return h.transferAnswer(t, http.StatusOK, err)
}

func (h *Handler) refuseTransfer(c *call) (reply, error) {
	by, err := h.deskAsker(c)
	if err != nil {
		return reply{}, err
	}
	if err := h.cfg.Members.Refuse(c.Context(), by, c.param("id")); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (h *Handler) deskAsker(c *call) (string, error) {
	if h.cfg.Members == nil {
		return "", errNotHere
	}
	return c.asker()
}

// person is who is signed in with an address.
func (c *call) person() (string, error) {
	if !c.who.isPerson() || c.who.identity == linkIdentity {
		return "", denied("a key has no profile; this is for people who sign in with their address")
	}
	return c.who.identity, nil
}

func (h *Handler) profile(c *call) (reply, error) {
	who, err := c.person()
	if err != nil {
		return reply{}, err
	}
	i, has, err := h.cfg.Members.Of(c.Context(), who)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, Profile{Identity: i, Roles: orEmpty(has)})
}

func (h *Handler) changeProfile(c *call) (reply, error) {
	who, err := c.person()
	if err != nil {
		return reply{}, err
	}
	var w ProfileWish
	if err := c.into(&w); err != nil {
		return reply{}, err
	}
	if _, err := h.cfg.Members.SetProfile(c.Context(), who, w.Name, w.Language); err != nil {
		return reply{}, err
	}
	return h.profile(c)
}

func (h *Handler) sessions(c *call) (reply, error) {
	who, err := c.person()
	if err != nil || h.cfg.SignOn == nil {
		return reply{}, orNotHere(err)
	}
	all, err := h.cfg.SignOn.Sessions(c.Context(), who)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, map[string]any{"items": orEmpty(all)})
}

func (h *Handler) endSession(c *call) (reply, error) {
	who, err := c.person()
	if err != nil || h.cfg.SignOn == nil {
		return reply{}, orNotHere(err)
	}
	all, err := h.cfg.SignOn.Sessions(c.Context(), who)
	if err != nil {
		return reply{}, err
	}
	if id := c.param("id"); !slices.ContainsFunc(all, func(s signon.Session) bool { return s.ID == id }) {
		return reply{}, e911.Errorf(e911.NotFound, "there is no such session")
	}
	if err := h.cfg.SignOn.End(c.Context(), who, []string{c.param("id")}, false); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}
