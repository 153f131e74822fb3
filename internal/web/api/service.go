package api

import (
	"net/http"
	"reflect"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
)

// Port is one way in that clients use. A client that reaches the pages over 443
// alone learns here what else it may try, and why (W-44).
type Port struct {
	Name    string `json:"name"`    // "location server"
	Address string `json:"address"` // URL or URI, as clients reach it
	For     string `json:"for"`     // what does not work without it
}

// Connectivity says what a client reaches: this very answer came over the API's
// own port, from the address that the server sees; the others it tries itself.
type Connectivity struct {
	You   string `json:"you" doc:"Your address, as this server sees it"`
	Over  string `json:"over" doc:"http or https"`
	Host  string `json:"host"`
	Ports []Port `json:"ports" doc:"What to try: connect to each, and compare"`
}

// Self says who a key is.
type Self struct {
	Who string     `json:"who"`
	Org e911.OrgID `json:"org,omitempty"`
	// Identity is of a person, whose roles are in his profile; "link" followed a
	// sign-in link of the organisation.
	Identity string   `json:"identity,omitempty"`
	Scopes   []string `json:"scopes"`
}

func serviceOperations() []operation {
	return []operation{
		{
			method: http.MethodGet, path: "/connectivity", id: "get_connectivity", tag: "service", open: true, summary: "Which ports of Callbox a client should reach, and from where it came",
			result: reflect.TypeFor[Connectivity](), do: (*Handler).connectivity,
		},
		{
			method: http.MethodGet, path: "/self", id: "get_self", tag: "service", summary: "Whose key this is and what it may do",
			result: reflect.TypeFor[Self](), do: (*Handler).self,
		},
		{
			method: http.MethodGet, path: "/scopes", id: "list_scopes", tag: "service", open: true, summary: "The scopes of keys",
			result: reflect.TypeFor[[]apikey.ScopeRow](), do: func(*Handler, *call) (reply, error) { return answer(http.StatusOK, apikey.Scopes()) },
		},
		{
			method: http.MethodGet, path: "/openapi.json", id: "get_openapi", tag: "service", open: true, summary: "This document",
			result: reflect.TypeFor[map[string]any](), do: (*Handler).openapi,
		},
	}
}

func (h *Handler) connectivity(c *call) (reply, error) {
	out := Connectivity{Over: "http", Host: c.Host, Ports: h.cfg.Ports}
	if c.TLS != nil {
		out.Over = "https"
	}
	if a := address(c.Request); a.IsValid() {
		out.You = a.Unmap().String()
	}
	if out.Ports == nil {
		out.Ports = []Port{}
	}
	return answer(http.StatusOK, out)
}

func (h *Handler) self(c *call) (reply, error) {
	out := Self{Who: string(c.who.who), Org: c.who.org, Identity: c.who.identity, Scopes: []string{}}
	for _, s := range c.who.scopes {
		out.Scopes = append(out.Scopes, string(s))
	}
	return answer(http.StatusOK, out)
}

func (h *Handler) openapi(*call) (reply, error) {
	b, err := h.Document(false)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, header: map[string]string{"Content-Type": "application/json"}, body: b}, nil
}
