package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
)

// My is what somebody keeps of his own as a user of an organisation: the use cases of
// the page /my.
type My struct {
	Desk *firstuse.Desk
	// Published makes calls see what was stored.
	Published func(ctx context.Context) error
}

// MyPlace is where one is: a place of the organisation, or an address.
type MyPlace struct {
	Location string `json:"location,omitempty" doc:"A place of the organisation: its id, or key:NAME"`
	Address  string `json:"address,omitempty" doc:"Elsewhere, at home for example: an address on one line; it is checked"`
}

// MyCallback is the number by which 911 calls one back.
type MyCallback struct {
	Number string `json:"number" doc:"None: the one that is configured"`
}

// MyAcceptance names the version of the text that was read.
type MyAcceptance struct {
	Version string `json:"version"`
}

// MyChanged is what became of a change, and how one stands after it.
type MyChanged struct {
	firstuse.Own
	// Answer is of a place.
	Answer *firstuse.Answer `json:"answer,omitempty"`
}

func myOperations() []operation {
	const base = "/organisations/{org}/my"
	changed := reflect.TypeFor[MyChanged]()
	ops := []operation{
		{
			method: http.MethodGet, path: base, id: "get_my", summary: "Read your own place, devices, callback number, and what you are asked",
			about: "You are the user of the organisation with your mail address. 911 works whatever is open here.", result: reflect.TypeFor[firstuse.Own](), do: (*Handler).my,
		},
		{
			method: http.MethodGet, path: base + "/places", id: "list_my_places", summary: "List places that you may be at, those of your site first",
			params: []parameter{inQuery("q", "Words that the place has, each")}, result: reflect.TypeFor[MyPlaces](), do: (*Handler).myPlaces,
		},
		{
			method: http.MethodPut, path: base + "/place", id: "replace_my_place", summary: "Say where you are", body: reflect.TypeFor[MyPlace](), example: map[string]any{"location": "key:mill-2-210"},
			about: "A place counts for your numbers, for the devices that you are signed in on, and for a telephone or number that you get later. An address counts for the devices that you are signed in on; " +
				"who has nothing to call from yet registers it for what he gets. One that is not taken changes nothing.",
			result: changed, do: (*Handler).setMyPlace,
		},
		{
			method: http.MethodPut, path: base + "/callback", id: "replace_my_callback", summary: "Set the number by which 911 calls you back", body: reflect.TypeFor[MyCallback](),
			example: map[string]any{"number": "+16175550142"}, result: changed, do: (*Handler).setMyCallback,
		},
		{
			method: http.MethodPost, path: base + "/accept", id: "accept_my", summary: "Say that you read what 911 depends on", body: reflect.TypeFor[MyAcceptance](),
			example: map[string]any{"version": "2026-01"}, result: changed, do: (*Handler).acceptMy,
		},
		{
			method: http.MethodDelete, path: base, id: "delete_my", summary: "Delete yourself: always refused, your administrator can", status: http.StatusNoContent,
			do: func(h *Handler, c *call) (reply, error) {
				if h.cfg.My == nil {
					return reply{}, errNotHere
				}
				return reply{}, h.cfg.My.Desk.Leave()
			},
		},
	}
	for i := range ops {
		ops[i].tag = "my"
	}
	return ops
}

// MyPlaces are places to choose from.
type MyPlaces struct {
	Items []firstuse.Choice `json:"items"`
	// More says that there are others: ask with more words.
	More bool `json:"more,omitempty"`
}

// mine is whose own things a request is about. A program has none.
func (h *Handler) mine(c *call) (desk *firstuse.Desk, email string, err error) {
	who, err := c.person()
	if err != nil {
		return nil, "", err
	}
	if h.cfg.My == nil || h.cfg.My.Desk == nil || h.cfg.Members == nil {
		return nil, "", errNotHere
	}
	own, err := h.cfg.Members.Owns(c.Context(), who, c.org)
	if err != nil {
		return nil, "", err
	}
	if !own { // another may have been handed the link of this address (adr/0024)
		return nil, "", denied("your address is not proved: follow a link that was mailed to it, or ask the operator for one")
	}
	i, _, err := h.cfg.Members.Of(c.Context(), who)
	return h.cfg.My.Desk, i.Email, err
}

func (h *Handler) my(c *call) (reply, error) {
	desk, email, err := h.mine(c)
	if err != nil {
		return reply{}, err
	}
	own, err := desk.Of(c.Context(), c.org, email)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, own)
}

func (h *Handler) myPlaces(c *call) (reply, error) {
	desk, email, err := h.mine(c)
	if err != nil {
		return reply{}, err
	}
	found, more, err := desk.Choices(c.org, email, c.query.Get("q"))
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, MyPlaces{Items: orEmpty(found), More: more})
}

// changedMy does a change, lets calls see it, and answers how its user stands.
func (h *Handler) changedMy(c *call, into any, do func(desk *firstuse.Desk, email string) (*firstuse.Answer, error)) (reply, error) {
	desk, email, err := h.mine(c)
	if err != nil {
		return reply{}, err
	}
	if err := c.into(into); err != nil {
		return reply{}, err
	}
	a, err := do(desk, email)
	if err == nil {
		err = h.cfg.My.Published(c.Context())
	}
	if err != nil {
		return reply{}, err
	}
	own, err := desk.Of(c.Context(), c.org, email)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, MyChanged{own, a})
}

func (h *Handler) setMyPlace(c *call) (reply, error) {
	var p MyPlace
	return h.changedMy(c, &p, func(desk *firstuse.Desk, email string) (*firstuse.Answer, error) {
		if (p.Location == "") == (p.Address == "") {
			return nil, &e911.Error{Kind: e911.Invalid, Msg: "the place was not kept", Faults: []e911.Fault{
				{Path: "location", Code: "required", Msg: "a place is said in one way", Fix: "send location or address"},
			}}
		}
		if p.Address != "" {
			a, err := desk.Elsewhere(c.Context(), c.org, email, p.Address)
			return &a, err
		}
		if err := h.named(c, e911.KindLocation, &p.Location); err != nil {
			return nil, err
		}
		a, err := desk.At(c.Context(), c.who.who, c.org, email, e911.LocationID(p.Location))
		return &a, err
	})
}

func (h *Handler) setMyCallback(c *call) (reply, error) {
	var n MyCallback
	return h.changedMy(c, &n, func(desk *firstuse.Desk, email string) (*firstuse.Answer, error) {
		return nil, desk.SetCallback(c.Context(), c.org, email, n.Number)
	})
}

func (h *Handler) acceptMy(c *call) (reply, error) {
	var a MyAcceptance
	return h.changedMy(c, &a, func(desk *firstuse.Desk, email string) (*firstuse.Answer, error) {
		return nil, desk.Accept(c.Context(), c.who.who, c.org, email, a.Version)
	})
}
