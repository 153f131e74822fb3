package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
)

var orgKind = kindRow{
	kind: e911.KindOrg, path: "organisations", one: "organisation", value: reflect.TypeFor[e911.Org](), shown: reflect.TypeFor[client.Organisation](),
	example: examples[e911.KindOrg],
}

// orgOperations are organisations themselves. Their key in the path stands for
// both: {org} is the object.
func orgOperations() []operation {
	k, one := orgKind, "/organisations/{org}"
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeWrite}
	as := func(do func(h *Handler, c *call, k kindRow) (reply, error)) func(h *Handler, c *call) (reply, error) {
		return func(h *Handler, c *call) (reply, error) { return do(h, c, k) }
	}
	return []operation{
		{
			method: http.MethodGet, path: "/organisations", id: "list_organisations", tag: "organisations", scopes: read,
			summary: "List organisations", about: "The operator sees all, everybody else his own.",
			params: []parameter{limitParam, cursorParam, inQuery("key", "The one with this key")}, result: listOf(k.shown), do: (*Handler).listOrgs,
		},
		{
			method: http.MethodPost, path: "/organisations", id: "create_organisations", tag: "organisations", scopes: write, operator: true, once: true,
			summary: "Create an organisation", about: aboutRefs, body: k.shown, example: k.example, status: http.StatusCreated, result: k.shown, errors: []int{409},
			do: as((*Handler).create),
		},
		{
			method: http.MethodGet, path: one, id: "get_organisations", tag: "organisations", scopes: read, summary: "Read an organisation",
			params: []parameter{ifNoneMatch}, result: k.shown, do: as((*Handler).get),
		},
		{
			method: http.MethodPut, path: one, id: "replace_organisations", tag: "organisations", scopes: write, summary: "Replace an organisation",
			about:  aboutRefs + " A secret that is not mentioned stays; null takes it away. Key, state, demonstration, carriers and sip_domain are the operator's to change.",
			params: []parameter{ifMatch}, body: k.shown, example: k.example, result: k.shown, errors: []int{409, 412, 428},
			do: func(h *Handler, c *call) (reply, error) { return h.change(c, k, false) },
		},
		{
			method: http.MethodPatch, path: one, id: "patch_organisations", tag: "organisations", scopes: write, summary: "Change fields of an organisation",
			about:  aboutRefs + " Key, state, demonstration, carriers and sip_domain are the operator's to change.",
			params: []parameter{ifMatch}, body: k.shown, patch: true, example: map[string]any{}, result: k.shown, errors: []int{409, 412, 428},
			do: func(h *Handler, c *call) (reply, error) { return h.change(c, k, true) },
		},
		{
			method: http.MethodDelete, path: one, id: "delete_organisations", tag: "organisations", scopes: write, operator: true, summary: "Delete an organisation",
			about: "Refused while it has anything.", params: []parameter{ifMatch}, status: http.StatusNoContent, errors: []int{409, 412, 428},
			do: as((*Handler).remove),
		},
	}
}

func (h *Handler) allOrgs(ctx context.Context) (all []admin.Object, err error) {
	err = h.cfg.Views.Read(ctx, func(r admin.Reader) error {
		orgs, err := r.Orgs(ctx)
		for _, o := range orgs {
			x, e := r.Get(ctx, admin.RefOf(o))
			if e != nil {
				return e
			}
			all = append(all, x)
		}
		return err
	})
	slices.SortFunc(all, func(a, b admin.Object) int {
		if a.Ref.ID < b.Ref.ID {
			return -1
		}
		return 1
	})
	return all, err
}

func (h *Handler) listOrgs(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil {
		return reply{}, err
	}
	found, err := h.ownOrgs(c)
	if err != nil {
		return reply{}, err
	}
	out, seen := page{Items: []map[string]any{}}, map[string]string{}
	for _, o := range found {
		if key := c.query.Get("key"); o.Ref.ID <= after || (key != "" && admin.KeyOf(o.Value) != key) {
			continue
		}
		if len(out.Items) == limit {
			out.Next, err = h.next(c, after)
			break
		}
		m, err := h.show(c.Context(), e911.KindOrg, o, seen)
		if err != nil {
			return reply{}, err
		}
		out.Items, after = append(out.Items, m), o.Ref.ID
	}
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, out)
}

// mayChange keeps what an organisation may not decide of itself to the operator:
// who it is, whether it is suspended, which world it lives in.
func (h *Handler) mayChange(c *call, before, after any) error {
	a, is := before.(e911.Org)
	b, ok := after.(e911.Org)
	if !is || !ok {
		return nil
	}
	if may, err := h.mayTenant(c); may || err != nil {
		return err
	}
	var faults []e911.Fault
	for name, same := range map[string]bool{
		"key": a.Key == b.Key, "state": a.State == b.State, "demonstration": a.Demonstration == b.Demonstration,
		"carriers": slices.Equal(a.Carriers, b.Carriers), "sip_domain": a.SIPDomain == b.SIPDomain,
	} {
		if !same {
			faults = append(faults, e911.Fault{Path: name, Code: "forbidden", Msg: "this is the operator's to change", Fix: "ask the operator, or leave it as it is"})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	slices.SortFunc(faults, func(x, y e911.Fault) int { return compare(x.Path, y.Path) })
	return &e911.Error{Kind: e911.Denied, Msg: "the change is not yours to make", Faults: faults}
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}
