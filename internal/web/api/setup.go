package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// SetupWish is what the small operations of the set-up take.
type SetupWish struct {
	Site   string     `json:"site,omitempty"` // key or id
	Stage  e911.Stage `json:"stage,omitempty"`
	Reason string     `json:"reason,omitempty"`
	By     string     `json:"by,omitempty"`
	Agree  bool       `json:"agree,omitempty"`
	Done   bool       `json:"done,omitempty"`
	Code   string     `json:"code,omitempty"` // of a test that was sent
}

// setUp is an operation of the set-up that takes a B; nil from do: there is nothing
// to answer.
func setUp[B any](method, path, id, summary string, example map[string]any, do func(ctx context.Context, c *call, s *setup.Service, b B) (any, error)) operation {
	o := operation{
		method: method, path: "/organisations/{org}/setup" + path, id: id, tag: "set-up", scopes: []apikey.Scope{apikey.ScopeWrite}, summary: summary,
		errors: []int{409}, status: http.StatusNoContent,
	}
	if method != http.MethodDelete {
		o.body, o.example = reflect.TypeFor[B](), example
	}
	o.do = func(h *Handler, c *call) (reply, error) {
		var b B
		if o.body != nil {
			m, err := c.object()
			if err != nil {
				return reply{}, err
			}
			var d decoder
			if d.into(m, &b); len(d.faults) > 0 {
				return reply{}, &e911.Error{Kind: e911.Invalid, Msg: "the request is refused", Faults: d.faults}
			}
		}
		return h.setUp(c, func(ctx context.Context, s *setup.Service) (any, error) { return do(ctx, c, s, b) })
	}
	return o
}

func (h *Handler) setUp(c *call, do func(ctx context.Context, s *setup.Service) (any, error)) (reply, error) {
	if h.cfg.Setup == nil {
		return reply{}, errNotHere
	}
	if err := h.maySetUp(c); err != nil {
		return reply{}, err
	}
	s, err := h.cfg.Setup()
	if err != nil {
		return reply{}, err
	}
	switch v, err := do(c.Context(), s); {
	case err != nil:
		return reply{}, err
	case v != nil:
		return answer(http.StatusOK, v)
	}
	return reply{status: http.StatusNoContent}, nil
}

// maySetUp asks more of a person than the set-up, where an operation is about
// secrets or is the operator's alone. Keys are told by their scopes.
func (h *Handler) maySetUp(c *call) error {
	if !c.who.isPerson() {
		return nil
	}
	var at access.Node
	var area access.Area
	switch {
	case c.op.operator:
		area = access.Tenants
	case slices.Contains(c.op.scopes, apikey.ScopeSecrets):
		at, area = access.Node{Org: string(c.org)}, access.Secrets
	default:
		return nil
	}
	a, err := h.ask(c, at, area, access.Write)
	if err == nil && !a.Allowed {
		err = denied(a.Why)
	}
	return err
}

// answers says what an operation answers.
func (o operation) answers(result reflect.Type) operation {
	o.status, o.result = 0, result
	return o
}

// operators makes an operation the operator's alone.
func (o operation) operators() operation {
	o.operator = true
	return o
}

// name is the id of the path, without key: before a name.
func (c *call) name() string { return strings.TrimPrefix(c.param("id"), byKey) }

const chargesPath = "/organisations/{org}/setup/charges"

func setupOperations() []operation {
	read := []apikey.Scope{apikey.ScopeRead}
	org := "/organisations/{org}/setup"
	type w = SetupWish
	ops := []operation{
		{
			method: http.MethodGet, path: org, id: "get_setup", tag: "set-up", scopes: read, summary: "How far the organisation and its sites are, and what is open",
			params: []parameter{inQuery("site", "One site: id, or key:NAME")}, result: reflect.TypeFor[setup.Status](), do: (*Handler).setupStatus,
		},
		{
			method: http.MethodGet, path: chargesPath, id: "get_setup_charges", tag: "set-up", scopes: []apikey.Scope{apikey.ScopeCalls}, summary: "Unregistered calls and registered users of a month",
			params: []parameter{inQuery("month", "As 2026-11; none: this one")}, result: reflect.TypeFor[setup.Bill](), do: (*Handler).setupCharges,
		},
		setUp(http.MethodPost, "/acknowledgements", "accept_setup", "Accept a text in its present version", map[string]any{"text": "limits", "version": "2026-11"},
			func(ctx context.Context, c *call, s *setup.Service, a setup.Acknowledgement) (any, error) {
				return s.Acknowledge(ctx, c.who.who, c.org, a)
			}).answers(reflect.TypeFor[setup.Acceptance]()),
		setUp(http.MethodPost, "/stage", "stage_setup", "Move a site to a stage; a reason overrides missing tests alone", map[string]any{"site": "hq", "stage": "933"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return s.TakeStage(ctx, c.who.who, c.org, b.Site, b.Stage, b.Reason)
			}).answers(reflect.TypeFor[setup.SiteStatus]()),
		setUp(http.MethodPost, "/opt-out", "opt_out_setup", "Hand 911 to the PSTN provider", map[string]any{"reason": "our carrier takes emergency calls"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.OptOut(ctx, c.who.who, c.org, b.Site, b.Reason)
			}),
		setUp(http.MethodPost, "/opt-in", "opt_in_setup", "Take an opt-out back", map[string]any{},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.OptIn(ctx, c.who.who, c.org, b.Site)
			}),
		setUp(http.MethodPut, "/destinations/{id}", "put_setup_destination", "Say who sees or hears of calls, and when", map[string]any{"site": "hq", "kind": "screen", "name": "guard's desk", "hours": "always"},
			func(ctx context.Context, c *call, s *setup.Service, d setup.Destination) (any, error) {
				d.Key = c.name()
				return nil, s.SetDestination(ctx, c.who.who, c.org, d)
			}),
		setUp(http.MethodDelete, "/destinations/{id}", "delete_setup_destination", "Remove a destination", nil,
			func(ctx context.Context, c *call, s *setup.Service, _ w) (any, error) {
				return nil, s.DeleteDestination(ctx, c.who.who, c.org, c.name())
			}),
		setUp(http.MethodPost, "/destinations/{id}/tested", "test_setup_destination", "Keep that a person acknowledged a test", map[string]any{"by": "Bo Guard"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				if b.Code != "" {
					return nil, s.AcknowledgeTest(ctx, c.who.who, c.org, c.name(), b.Code, b.By)
				}
				return nil, s.Tested(ctx, c.who.who, c.org, c.name(), b.By)
			}),
		setUp(http.MethodPost, "/destinations/{id}/test", "send_setup_destination_test", "Send a marked test with a code there", map[string]any{},
			func(ctx context.Context, c *call, s *setup.Service, _ w) (any, error) {
				return s.SendTest(ctx, c.who.who, c.org, c.name())
			}).answers(reflect.TypeFor[setup.Destination]()),
		setUp(http.MethodPut, "/tasks/{id}", "mark_setup_task", "Mark a part of the roll-out", map[string]any{"done": true, "reason": "reviewed with the PBX team"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.MarkTask(ctx, c.who.who, c.org, setup.Task(c.name()), b.Done, b.Reason)
			}),
	}
	return slices.Concat(ops, setupSecretOperations(), complianceOperations(), pbxOperations())
}

// setupSecretOperations are about secrets, and what is the operator's alone.
func setupSecretOperations() []operation {
	type w = SetupWish
	ops := []operation{
		setUp(http.MethodPost, "/secrets", "make_setup_secret", "Make a secret; it is shown this once", map[string]any{"reason": "telephones"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return s.MakeSecret(ctx, c.who.who, c.org, b.Reason)
			}).answers(reflect.TypeFor[setup.Made]()),
		setUp(http.MethodPost, "/secrets/{id}/end", "end_setup_secret", "End the secret with a mark", map[string]any{"agree": false},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.EndSecret(ctx, c.who.who, c.org, c.name(), b.Agree)
			}),
		setUp(http.MethodPut, "/link", "link_setup", "Take the company id and secret of a platform; 409 where they differ and nobody agreed", map[string]any{"company_id": "7c0e5b1d9a4f4e0f8d2b6a3c51e7f094", "agree": false},
			func(ctx context.Context, c *call, s *setup.Service, l setup.Link) (any, error) {
				return nil, s.SetLink(ctx, c.who.who, c.org, l)
			}),
	}
	for i := range ops {
		ops[i].scopes = []apikey.Scope{apikey.ScopeWrite, apikey.ScopeSecrets}
	}
	return append(ops,
		setUp(http.MethodPut, "/licences/{id}", "put_setup_licence", "Add or end the licence of a country", map[string]any{"order": "4711"},
			func(ctx context.Context, c *call, s *setup.Service, l setup.Licence) (any, error) {
				l.Country = c.name()
				return nil, s.SetLicence(ctx, c.who.who, c.org, l)
			}).operators(),
		setUp(http.MethodPut, "/prices", "put_setup_prices", "Set the price list", map[string]any{"currency": "USD", "call_cents": 10000, "warn_at": 1},
			func(ctx context.Context, c *call, s *setup.Service, p rules.Prices) (any, error) {
				return nil, s.SetPrices(ctx, c.who.who, c.org, p)
			}).operators(),
		setUp(http.MethodPost, "/suspend", "suspend_setup", "Mark an organisation whose ordinary calls are cut off; 911 goes on", map[string]any{"reason": "unpaid"},
			func(ctx context.Context, c *call, s *setup.Service, b w) (any, error) {
				return nil, s.Suspend(ctx, c.who.who, c.org, b.Reason)
			}).operators(),
		setUp(http.MethodPost, "/resume", "resume_setup", "Take a suspension back", map[string]any{},
			func(ctx context.Context, c *call, s *setup.Service, _ w) (any, error) {
				return nil, s.Resume(ctx, c.who.who, c.org)
			}).operators(),
	)
}

// setupStatus: who has a role at a site sees that site alone, and nothing of the
// whole organisation.
func (h *Handler) setupStatus(c *call) (reply, error) {
	var sites []string
	if site := c.URL.Query().Get("site"); site != "" {
		sites = append(sites, strings.TrimPrefix(site, byKey))
	}
	return h.setUp(c, func(ctx context.Context, s *setup.Service) (any, error) {
		st, err := s.Status(ctx, c.org, sites...)
		if err != nil {
			return nil, err
		}
		bill, err := h.mayBill(c)
		if !bill {
			st.Charges = nil
		}
		if c.sites != nil {
			st.CompanyID, st.Secrets, st.Charges = "", []setup.SecretNote{}, nil
		}
		return st, err
	})
}

// mayBill reports who may see what is charged, and the calls that it is charged for:
// whoever may ask for chargesPath.
func (h *Handler) mayBill(c *call) (bool, error) {
	if !c.who.isPerson() {
		return c.who.has(apikey.ScopeCalls), nil
	}
	a, err := h.ask(c, access.Node{Org: string(c.org)}, access.Billing, access.Read)
	return a.Allowed, err
}

func (h *Handler) setupCharges(c *call) (reply, error) {
	return h.setUp(c, func(ctx context.Context, s *setup.Service) (any, error) {
		month, err := setup.ParseMonth(c.query.Get("month"), h.cfg.Now())
		if err != nil {
			return nil, err
		}
		return s.Charges(ctx, c.org, month)
	})
}
