package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/rules/access"
)

// PBXRequest is what the small operations on a PBX take.
type PBXRequest struct {
	Note  string `json:"note,omitempty"`
	Mark  string `json:"mark,omitempty"` // of a secret
	Hash  string `json:"hash,omitempty"` // of a certificate
	Agree bool   `json:"agree,omitempty"`
}

// RangeAnswer is the operator's answer to a request for address ranges.
type RangeAnswer struct {
	Approve bool   `json:"approve"`
	Reason  string `json:"reason,omitempty"` // of a refusal
}

// AskedRanges are requests that are open.
type AskedRanges struct {
	Items []setup.AskedRange `json:"items"`
}

// pbxOperations are those by which an organisation connects its own PBX (N-44). What
// shows or changes a proof asks for the secrets; what says whose an address is, for the
// operator.
func pbxOperations() []operation {
	type w = PBXRequest
	ops := []operation{
		setUp(http.MethodPost, "/pbxs", "connect_setup_pbx", "Connect a PBX: its user and secret are made here, and shown this once", map[string]any{"key": "pbx-hq", "inbound": "asterisk"},
			func(ctx context.Context, c *call, s *setup.Service, b setup.PBXWish) (any, error) {
				return s.Connect(ctx, c.who.who, c.org, b)
			}).answers(reflect.TypeFor[setup.PBXMade]()),
		setUp(http.MethodPost, "/pbxs/{id}/secrets", "make_setup_pbx_secret", "Make a second secret of a PBX; it is shown this once", map[string]any{"note": "change of March"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return s.AddPBXSecret(ctx, c.who.who, c.org, c.name(), b.Note)
			}).answers(reflect.TypeFor[setup.PBXMade]()),
		setUp(http.MethodPost, "/pbxs/{id}/secrets/end", "end_setup_pbx_secret", "End the secret of a PBX with a mark; the last one stays", map[string]any{"mark": "00ff00ff"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.EndPBXSecret(ctx, c.who.who, c.org, c.name(), b.Mark)
			}),
		setUp(http.MethodPost, "/pbxs/{id}/certificates", "pin_setup_pbx_certificate", "Pin a client certificate of a PBX, with a request by its key for the PBX's user",
			map[string]any{"certificate": "-----BEGIN CERTIFICATE-----\n...", "request": "-----BEGIN CERTIFICATE REQUEST-----\n..."},
			func(ctx context.Context, c *call, s *setup.Service, b setup.PBXCertificate) (any, error) {
				return s.PinCertificate(ctx, c.who.who, c.org, c.name(), b)
			}).answers(reflect.TypeFor[setup.CertificateNote]()),
		setUp(http.MethodPost, "/pbxs/{id}/certificates/end", "end_setup_pbx_certificate", "End a certificate of a PBX", map[string]any{"hash": "sha256:..."},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.UnpinCertificate(ctx, c.who.who, c.org, c.name(), b.Hash)
			}),
		setUp(http.MethodPost, "/pbxs/{id}/remove", "remove_setup_pbx", "Disconnect a PBX; 911 of what still calls by it is refused then", map[string]any{"agree": true},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.RemovePBX(ctx, c.who.who, c.org, c.name(), b.Agree)
			}),
	}
	for i := range ops {
		ops[i].scopes = []apikey.Scope{apikey.ScopeWrite, apikey.ScopeSecrets}
	}
	return append(ops, rangeOperations()...)
}

// rangeOperations are about the addresses that a PBX calls from.
func rangeOperations() []operation {
	type w = PBXRequest
	org := "/organisations/{org}/setup"
	return []operation{
		{
			method: http.MethodGet, path: org + "/pbxs", id: "list_setup_pbxs", tag: "set-up", scopes: []apikey.Scope{apikey.ScopeRead},
			summary: "PBXs that the organisation connected by itself, and what it asked the operator for", result: reflect.TypeFor[setup.PBXs](), do: (*Handler).setupPBXs,
		},
		setUp(http.MethodPost, "/pbxs/{id}/ranges", "ask_setup_pbx_ranges", "Ask the operator to know a PBX by its addresses too", map[string]any{"from": []string{"192.0.2.10/32"}, "note": "the session border controller"},
			func(ctx context.Context, c *call, s *setup.Service, b setup.RangeWish) (any, error) {
				return s.RequestRanges(ctx, c.who.who, c.org, c.name(), b)
			}).answers(reflect.TypeFor[setup.RangeRequest]()),
		setUp(http.MethodPost, "/range_requests/{id}/withdraw", "withdraw_setup_ranges", "Take a request for address ranges back", map[string]any{},
			func(ctx context.Context, c *call, s *setup.Service, _ w) (any, error) {
				return nil, s.WithdrawRanges(ctx, c.who.who, c.org, c.name())
			}),
		setUp(http.MethodPost, "/range_requests/{id}/decide", "decide_setup_ranges", "Approve or refuse address ranges of a PBX", map[string]any{"approve": false, "reason": "they are another customer's"},
			func(ctx context.Context, c *call, s *setup.Service, b RangeAnswer) (any, error) {
				return s.DecideRanges(ctx, c.who.who, c.org, c.name(), b.Approve, b.Reason)
			}).answers(reflect.TypeFor[setup.RangeRequest]()).operators(),
		setUp(http.MethodPut, "/pbx_policy", "put_setup_pbx_policy", "Say what an organisation may connect by itself", map[string]any{"most": 10, "capacity": 100},
			func(ctx context.Context, c *call, s *setup.Service, p setup.PBXPolicy) (any, error) {
				return nil, s.SetPBXPolicy(ctx, c.who.who, c.org, p)
			}).operators(),
		{
			method: http.MethodGet, path: rangeRequestsPath, id: "list_range_requests", tag: "set-up", scopes: []apikey.Scope{apikey.ScopeRead}, operator: true,
			summary: "Requests of all organisations for address ranges that are open, with whose they overlap", result: reflect.TypeFor[AskedRanges](), do: (*Handler).askedRanges,
		},
	}
}

const rangeRequestsPath = "/range_requests"

// setupPBXs is for who looks after the whole organisation: a PBX is no site's.
func (h *Handler) setupPBXs(c *call) (reply, error) {
	if c.sites != nil {
		return reply{}, denied("this needs the role " + string(access.Organisation) + ": a PBX is of the whole organisation")
	}
	return h.setUp(c, func(ctx context.Context, s *setup.Service) (any, error) { return s.PBXs(ctx, c.org) })
}

func (h *Handler) askedRanges(c *call) (reply, error) {
	if h.cfg.Setup == nil {
		return reply{}, errNotHere
	}
	s, err := h.cfg.Setup()
	if err != nil {
		return reply{}, err
	}
	all, err := s.AskedRanges(c.Context())
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, AskedRanges{Items: all})
}
