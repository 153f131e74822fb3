package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
)

// Question answers something about an organisation, in the parameters of the
// request, with what is written as JSON. Errors are of e911's kinds.
type Question func(ctx context.Context, org e911.OrgID, params url.Values) (any, error)

// Calls are the records of calls, live ones too.
type Calls interface {
	ListCalls(ctx context.Context, org e911.OrgID, before e911.CallID, limit int) ([]report.CallRecord, error)
	Call(ctx context.Context, org e911.OrgID, id e911.CallID) (report.CallRecord, error)
}

// questions are what can be asked of an organisation beside what is configured.
var questions = []struct {
	name, summary string
	scope         apikey.Scope
	params        []parameter
}{
	{
		"explain", "Who is this caller, where, how do we know, and what would a call do, now or then", apikey.ScopeCalls,
		[]parameter{
			inQuery("mac", "A device"), inQuery("user", "A user's key or id"), inQuery("number", "A number"), inQuery("ip", "An address"), inQuery("at", "A time, RFC 3339"),
			inQuery("trunk", "The trunk that it would come over"), inQuery("test", "true: of 933"), inQuery("held", "Evidence as a HELD request"), inQuery("call", "A call's id"),
		},
	},
	{
		"route", "Which PSAP serves a place, and on which number a person reaches it", apikey.ScopeRead,
		[]parameter{inQuery("address", "A civic address on one line"), inQuery("point", "Latitude,longitude"), inQuery("location", "A location's key"), inQuery("service", "A service URN")},
	},
	{
		"callbacks", "Which number a PSAP is given to call back, by which rule, and who depends on it", apikey.ScopeRead,
		[]parameter{inQuery("number", "A number"), inQuery("site", "A site's key"), inQuery("user", "A user's key")},
	},
	{
		"inventory", "Every device that is configured or was seen, where it is, and what is wrong with it", apikey.ScopeCalls,
		[]parameter{inQuery("filter", "What is wrong"), inQuery("stale_days", "Days without a word after which a device is stale")},
	},
	{
		"unknown_elements", "Network elements that are not on the map", apikey.ScopeCalls,
		[]parameter{inQuery("state", "open (the default), all, or another")},
	},
	{"quality", "What is wrong with the data", apikey.ScopeRead, nil},
}

func readOperations() (ops []operation) {
	const org = "/organisations/{org}"
	for _, q := range questions {
		ops = append(ops, operation{
			method: http.MethodGet, path: org + "/" + q.name, id: "get_" + q.name, tag: "questions", scopes: []apikey.Scope{q.scope}, summary: q.summary, params: q.params,
			result: reflect.TypeFor[map[string]any](), do: func(h *Handler, c *call) (reply, error) { return h.question(c, q.name) },
		})
	}
	calls, audit := []apikey.Scope{apikey.ScopeCalls}, []apikey.Scope{apikey.ScopeAudit}
	ops = append(ops,
		operation{
			method: http.MethodGet, path: org + "/calls", id: "list_calls", tag: "calls", scopes: calls, summary: "List calls, newest first",
			params: []parameter{limitParam, cursorParam}, result: listOf(reflect.TypeFor[map[string]any]()), do: (*Handler).listCalls,
		},
		operation{
			method: http.MethodGet, path: org + "/calls/{id}", id: "get_calls", tag: "calls", scopes: calls, summary: "Read one call",
			result: reflect.TypeFor[map[string]any](), do: (*Handler).getCall,
		},
	)
	for _, base := range []string{org, ""} {
		world, of := base == "", ""
		if world {
			of = "world_"
		}
		ops = append(ops,
			operation{
				method: http.MethodGet, path: base + "/audit", id: "list_" + of + "audit", tag: "audit", scopes: audit, operator: world, summary: "Search who changed what",
				params: append([]parameter{limitParam, cursorParam}, auditParams...), result: listOf(reflect.TypeFor[admin.AuditEntry]()), do: (*Handler).listAudit,
			},
			operation{
				method: http.MethodGet, path: base + "/audit:export", id: "export_" + of + "audit", tag: "audit", scopes: audit, operator: world, summary: "Get the trail as JSON, an entry a line",
				params: auditParams, file: true, do: (*Handler).exportAudit,
			},
			operation{
				method: http.MethodGet, path: base + "/audit:verify", id: "verify_" + of + "audit", tag: "audit", scopes: audit, operator: world, summary: "Prove that nothing was taken out of the trail or changed in it",
				result: reflect.TypeFor[admin.AuditProof](), do: (*Handler).verifyAudit,
			},
		)
	}
	return ops
}

func (h *Handler) question(c *call, name string) (reply, error) {
	ask := h.cfg.Questions[name]
	if ask == nil {
		return reply{}, errNotHere
	}
	a, err := ask(c.Context(), c.org, c.query)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, a)
}

func (h *Handler) listCalls(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Calls == nil {
		return reply{}, orNotHere(err)
	}
	list, err := h.cfg.Calls.ListCalls(c.Context(), c.org, e911.CallID(after), limit)
	if err != nil {
		return reply{}, err
	}
	return paged(h, c, list, limit, func(r report.CallRecord) string { return string(r.ID) })
}

func (h *Handler) getCall(c *call) (reply, error) {
	if h.cfg.Calls == nil {
		return reply{}, errNotHere
	}
	r, err := h.cfg.Calls.Call(c.Context(), c.org, e911.CallID(c.param("id")))
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, r)
}

var auditParams = []parameter{
	inQuery("from", "From this time on, RFC 3339"), inQuery("to", "Before this time"), inQuery("who", "Part of who did it"), inQuery("verb", "created, changed, deleted"),
	inQuery("kind", "Kind of object"), inQuery("id", "Its id"), inQuery("key", "Part of its key"), inQuery("set", "Of this applied change set"), inQuery("text", "Part of who, key, fields, before or after"),
}

func (c *call) auditQuery() (admin.AuditQuery, error) {
	q := admin.AuditQuery{
		Org: c.org, Who: c.query.Get("who"), Verb: admin.Verb(c.query.Get("verb")), Kind: e911.ObjectKind(c.query.Get("kind")), ID: c.query.Get("id"),
		Key: c.query.Get("key"), Set: c.query.Get("set"), Text: c.query.Get("text"),
	}
	for name, into := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		s := c.query.Get(name)
		if s == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, strings.ReplaceAll(s, " ", "+")) // a plus sign that was not escaped
		if err != nil {
			if t, err = time.Parse(time.DateOnly, s); err != nil {
				return q, &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the query is refused", Faults: []e911.Fault{
					{Path: name, Code: "syntax", Msg: "this is no time", Fix: "write 2026-01-31T14:00:00Z, or 2026-01-31"},
				}}}
			}
		}
		*into = t
	}
	return q, nil
}

func (h *Handler) listAudit(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Audit == nil {
		return reply{}, orNotHere(err)
	}
	q, err := c.auditQuery()
	if err != nil {
		return reply{}, err
	}
	q.Limit = limit
	if after != "" {
		if q.Before, err = strconv.ParseInt(after, 10, 64); err != nil {
			return reply{}, fmt.Errorf("read a cursor: %w", err)
		}
	}
	list, err := h.cfg.Audit.FindAudit(c.Context(), q)
	if err != nil {
		return reply{}, err
	}
	return paged(h, c, list, limit, func(e admin.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) })
}

func (h *Handler) exportAudit(c *call) (reply, error) {
	if h.cfg.Audit == nil {
		return reply{}, errNotHere
	}
	q, err := c.auditQuery()
	if err != nil {
		return reply{}, err
	}
	q.Limit = admin.MaxPage
	first, err := h.cfg.Audit.FindAudit(c.Context(), q)
	if err != nil {
		return reply{}, err
	}
	return reply{
		status: http.StatusOK, header: map[string]string{"Content-Type": "application/x-ndjson", "Content-Disposition": `attachment; filename="audit.ndjson"`},
		stream: func(w io.Writer) error {
			enc := json.NewEncoder(w)
			for page := first; ; {
				for _, e := range page {
					if err := enc.Encode(e); err != nil {
						return fmt.Errorf("write the audit trail: %w", err)
					}
				}
				if len(page) < q.Limit {
					return nil
				}
				q.Before = page[len(page)-1].Seq
				var err error
				if page, err = h.cfg.Audit.FindAudit(c.Context(), q); err != nil {
					return err
				}
			}
		},
	}, nil
}

func (h *Handler) verifyAudit(c *call) (reply, error) {
	if h.cfg.Audit == nil {
		return reply{}, errNotHere
	}
	p, err := h.cfg.Audit.VerifyAudit(c.Context(), c.org, c.org == "")
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, p)
}
