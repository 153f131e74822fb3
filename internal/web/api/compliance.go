package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/rules/lint"
)

// Standings is how organisations stand.
type Standings struct {
	Items []setup.Standing `json:"items"`
}

// LintWish is a dial plan to look at.
type LintWish struct {
	Text string `json:"text,omitempty"`
}

// Lint is what a dial plan would do.
type Lint struct {
	Findings []lint.Finding `json:"findings"`
}

// UseWish says who can dial out (N-37).
type UseWish struct {
	OutboundPSTN bool `json:"outbound_pstn"`
	HumanAgents  bool `json:"human_agents"`
}

func complianceOperations() []operation {
	return []operation{
		{
			method: http.MethodGet, path: compliancePath, id: "list_compliance", tag: "set-up", scopes: []apikey.Scope{apikey.ScopeRead},
			summary: "How organisations stand before the law", about: "The operator sees all, a partner his customers, everybody else his own.",
			params: []parameter{inQuery("format", "csv: a table, as with Accept: text/csv; none: JSON")},
			result: reflect.TypeFor[Standings](), do: (*Handler).compliance,
		},
		{
			method: http.MethodGet, path: "/organisations/{org}/setup/outages", id: "get_setup_outages", tag: "set-up", scopes: []apikey.Scope{apikey.ScopeRead},
			summary: "Outages of a month in user-minutes, as NORS counts them", about: "A time in which sites had no way to a PSAP. What is reported decides a person (47 CFR 4.5, 4.7, 4.9).",
			params: []parameter{inQuery("month", "As 2026-11; none: this one")}, result: reflect.TypeFor[setup.OutageReport](), do: (*Handler).setupOutages,
		},
		setUp(http.MethodPut, "/use", "put_setup_use", "Say whether people can dial out; where none can, no emergency calling is required", map[string]any{"outbound_pstn": true, "human_agents": true},
			func(ctx context.Context, c *call, s *setup.Service, b UseWish) (any, error) {
				return nil, s.SetUse(ctx, c.who.who, c.org, b.OutboundPSTN, b.HumanAgents)
			}),
		setUp(http.MethodPost, "/lint", "lint_setup", "What a dial plan does to 911: what is configured, or the text of a PBX's", map[string]any{"text": "[outbound]\nexten => _9X.,1,Dial(SIP/trunk/${EXTEN:1})\n"},
			func(ctx context.Context, c *call, s *setup.Service, b LintWish) (any, error) {
				found, err := s.Lint(ctx, c.org, b.Text)
				return Lint{Findings: found}, err
			}).answers(reflect.TypeFor[Lint]()),
	}
}

func (h *Handler) setupOutages(c *call) (reply, error) {
	return h.setUp(c, func(ctx context.Context, s *setup.Service) (any, error) {
		month, err := setup.ParseMonth(c.query.Get("month"), h.cfg.Now())
		if err != nil {
			return nil, err
		}
		return s.Outages(ctx, month, c.org)
	})
}

const compliancePath = "/compliance"

// compliance lists the organisations whose set-up the caller may read.
func (h *Handler) compliance(c *call) (reply, error) {
	if h.cfg.Setup == nil {
		return reply{}, errNotHere
	}
	found, err := h.ownOrgs(c)
	if err != nil {
		return reply{}, err
	}
	var ids []e911.OrgID
	for _, o := range found {
		if c.who.isPerson() {
			a, err := h.ask(c, access.Node{Org: string(o.Ref.Org)}, access.Setup, access.Read)
			if err != nil {
				return reply{}, err
			}
			if !a.Allowed {
				continue
			}
		}
		ids = append(ids, o.Ref.Org)
	}
	out := Standings{Items: []setup.Standing{}}
	if len(ids) > 0 {
		s, err := h.cfg.Setup()
		if err != nil {
			return reply{}, err
		}
		if out.Items, err = s.Standings(c.Context(), ids...); err != nil {
			return reply{}, err
		}
	}
	if c.query.Get("format") == "csv" || strings.Contains(c.Request.Header.Get("Accept"), "text/csv") {
		var b bytes.Buffer
		if err := setup.WriteStandings(&b, out.Items, h.cfg.Now()); err != nil {
			return reply{}, fmt.Errorf("write the list as CSV: %w", err)
		}
		return reply{status: http.StatusOK, header: map[string]string{"Content-Type": "text/csv; charset=utf-8"}, body: b.Bytes()}, nil
	}
	return answer(http.StatusOK, out)
}

// ownOrgs are the organisations that the caller has anything to do with.
func (h *Handler) ownOrgs(c *call) ([]admin.Object, error) {
	switch {
	case c.who.isPerson():
		return h.orgsOf(c)
	case c.who.provider():
		return h.allOrgs(c.Context())
	}
	own, err := h.cfg.Objects[e911.KindOrg].Get(c.Context(), c.who.org, string(c.who.org))
	return []admin.Object{own}, err
}
