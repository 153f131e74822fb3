package scim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	filter "github.com/scim2/filter-parser/v2"

	"github.com/callbox911/callbox/internal/admin/directory"
)

// show answers with one resource.
func (h *Handler) show(q *query, t *resourceType, e directory.Entry, status int) error {
	pick := pickOf(q.r.URL.Query())
	memberships, err := h.memberships(q, t, pick)
	if err != nil {
		return err
	}
	o, err := h.resource(t, e, memberships)
	if err != nil {
		return err
	}
	q.w.Header().Set("ETag", etag(e))
	q.w.Header().Set("Location", h.location(t, e.ID))
	return q.answer(status, pick.of(o))
}

func (h *Handler) location(t *resourceType, id string) string {
	return h.base + "/" + t.path + "/" + id
}

// resource is an entry as it is answered.
func (h *Handler) resource(t *resourceType, e directory.Entry, memberships map[string][]membership) (object, error) {
	o, err := decode(e.Resource)
	if err != nil {
		return nil, err
	}
	list := []string{t.urn}
	for k := range o {
		if strings.HasPrefix(strings.ToLower(k), "urn:") {
			list = append(list, k)
		}
	}
	slices.Sort(list[1:])
	o["schemas"], o["id"] = list, e.ID
	o["meta"] = object{
		"resourceType": t.name, "created": e.Made.Format(time.RFC3339Nano), "lastModified": e.Changed.Format(time.RFC3339Nano),
		"location": h.location(t, e.ID), "version": etag(e),
	}
	var in []any
	for _, g := range memberships[e.ID] {
		in = append(in, object{"value": g.id, "display": g.name, "type": "direct", "$ref": h.location(groups, g.id)})
	}
	if len(in) > 0 {
		o["groups"] = in
	}
	return o, nil
}

// list answers RFC 7644, section 3.4.2.
func (h *Handler) list(q *query, t *resourceType) error {
	args := q.r.URL.Query()
	start, count := max(number(args.Get("startIndex"), 1), 1), min(max(number(args.Get("count"), defaultPage), 0), maxPage)
	ask := directory.Query{Kind: kindOf(t)}
	var e filter.Expression
	if f := args.Get("filter"); f != "" {
		var err error
		if e, err = parseFilter(f); err != nil {
			return err
		}
		if v, ok := sole(e, "externalId"); ok {
			ask.External = v
		}
		if v, ok := sole(e, "userName"); ok && t == users {
			ask.Name = v
		}
	}
	entries, err := q.dir.List(q.r.Context(), q.src, ask)
	if err != nil {
		return err
	}
	pick, asked := pickOf(args), pickOf(args)
	if strings.Contains(strings.ToLower(args.Get("filter")), "groups") {
		asked.only, asked.not = nil, nil
	}
	memberships, err := h.memberships(q, t, asked)
	if err != nil {
		return err
	}
	total, page := 0, []any{}
	for i := range entries {
		var o object
		if e != nil {
			if o, err = h.resource(t, entries[i], memberships); err != nil {
				return err
			}
			if !matches(e, t, nil, o) {
				continue
			}
		}
		if total++; total < start || len(page) >= count {
			continue
		}
		if o == nil {
			if o, err = h.resource(t, entries[i], memberships); err != nil {
				return err
			}
		}
		page = append(page, pick.of(o))
	}
	return q.answer(http.StatusOK, object{
		"schemas": []string{listURN}, "totalResults": total, "itemsPerPage": len(page), "startIndex": start, "Resources": page,
	})
}

func number(s string, none int) int {
	if s == "" {
		return none
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return none
	}
	return n
}

// pick is what of a resource is answered (RFC 7644, section 3.9).
type pick struct{ only, not []string }

func pickOf(args url.Values) pick {
	names := func(s string) (out []string) {
		for x := range strings.SplitSeq(s, ",") {
			if x = strings.ToLower(strings.TrimSpace(x)); x != "" {
				for _, urn := range []string{userURN, groupURN} {
					x = strings.TrimPrefix(x, strings.ToLower(urn)+":")
				}
				out = append(out, x)
			}
		}
		return out
	}
	return pick{names(args.Get("attributes")), names(args.Get("excludedAttributes"))}
}

// leads reports whether a name is an attribute, or something below it.
func leads(name, attribute string) bool {
	rest, ok := strings.CutPrefix(name, attribute)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == ':')
}

func (p pick) wants(attribute string) bool {
	attribute = strings.ToLower(attribute)
	if slices.Contains(p.not, attribute) {
		return false
	}
	return len(p.only) == 0 || slices.ContainsFunc(p.only, func(n string) bool { return leads(n, attribute) })
}

// of takes out of a resource what is not asked for; id and schemas are always there.
func (p pick) of(o object) object {
	out := object{}
	for k, v := range o {
		if k == "id" || k == "schemas" || p.wants(k) {
			out[k] = v
		}
	}
	return out
}
