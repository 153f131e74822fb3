package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// objectOperations are the collections of every kind, each once in the world
// part or in organisations, or both.
func objectOperations() (ops []operation) {
	for _, k := range kinds() {
		if k.world {
			ops = append(ops, k.operations("", "world")...)
		}
		if k.org {
			ops = append(ops, k.operations("/organisations/{org}", "organisations")...)
		}
	}
	return ops
}

// aboutRefs is said of each operation that takes a body.
const aboutRefs = "References are ids or key:NAME. Unknown fields are refused; read-only ones are not looked at."

func (k kindRow) operations(base, tag string) []operation {
	world := base == ""
	// A trunk says by its addresses whose a call is: the operator alone changes it.
	operator := world || k.kind == e911.KindTrunk
	id := func(verb string) string {
		if world && k.org {
			return verb + "_world_" + k.path
		}
		return verb + "_" + k.path
	}
	all, one := base+"/"+k.path, base+"/"+k.path+"/{id}"
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeWrite}
	list := operation{
		method: http.MethodGet, path: all, id: id("list"), tag: tag, scopes: read, operator: world, summary: "List each " + k.one,
		about:  "A page in order of id. A filter by the customer's key, or by what the object is, finds it at once.",
		params: append([]parameter{limitParam, cursorParam, sortParam}, k.filters()...), result: listOf(k.shown),
		do: func(h *Handler, c *call) (reply, error) { return h.list(c, k) },
	}
	get := operation{
		method: http.MethodGet, path: one, id: id("get"), tag: tag, scopes: read, operator: world, summary: "Read one " + k.one,
		params: []parameter{ifNoneMatch}, result: k.shown,
		do: func(h *Handler, c *call) (reply, error) { return h.get(c, k) },
	}
	if k.fixed {
		return []operation{list, get}
	}
	return []operation{
		list, get,
		{
			method: http.MethodPost, path: all, id: id("create"), tag: tag, scopes: write, operator: operator, once: true, summary: "Create a " + k.one, about: aboutRefs,
			body: k.shown, example: k.example, status: http.StatusCreated, result: k.shown, errors: []int{409},
			do: func(h *Handler, c *call) (reply, error) { return h.create(c, k) },
		},
		{
			method: http.MethodPut, path: one, id: id("replace"), tag: tag, scopes: write, operator: operator, summary: "Replace a " + k.one,
			about:  aboutRefs + " A secret that is not mentioned stays; null takes it away.",
			params: []parameter{ifMatch}, body: k.shown, example: k.example, result: k.shown, errors: []int{409, 412, 428},
			do: func(h *Handler, c *call) (reply, error) { return h.change(c, k, false) },
		},
		{
			method: http.MethodPatch, path: one, id: id("patch"), tag: tag, scopes: write, operator: operator, summary: "Change fields of a " + k.one, about: aboutRefs,
			params: []parameter{ifMatch}, body: k.shown, patch: true, example: map[string]any{}, result: k.shown, errors: []int{409, 412, 428},
			do: func(h *Handler, c *call) (reply, error) { return h.change(c, k, true) },
		},
		{
			method: http.MethodDelete, path: one, id: id("delete"), tag: tag, scopes: write, operator: operator, summary: "Delete a " + k.one,
			about:  "Refused, with what is in the way, while other objects name it.",
			params: []parameter{ifMatch}, status: http.StatusNoContent, errors: []int{409, 412, 428},
			do: func(h *Handler, c *call) (reply, error) { return h.remove(c, k) },
		},
	}
}

// listOf is the type of a page of a type.
func listOf(t reflect.Type) reflect.Type {
	return reflect.StructOf([]reflect.StructField{
		{Name: "Items", Type: reflect.SliceOf(t), Tag: `json:"items"`},
		{Name: "Next", Type: reflect.TypeFor[string](), Tag: `json:"next,omitempty" doc:"Cursor of the next page; none: this is the last"`},
	})
}

func (k kindRow) filters() (out []parameter) {
	for _, f := range k.fields {
		p := inQuery(string(f), "Those whose "+strings.ReplaceAll(string(f), "_", " ")+" is this")
		switch f {
		case byChassis:
			p.about = "The switch with this chassis; with port, the port"
			out = append(out, p, inQuery("port", "The vendor's name of a switch port, letter by letter; with chassis"))
			continue
		case admin.ByBSSIDPrefix:
			p.about = "Those whose BSSID begins so"
		}
		out = append(out, p)
	}
	return out
}

// query makes the store's question of a filter; one at a time.
func (h *Handler) query(c *call, k kindRow) (q admin.Query, err error) {
	q = admin.Query{Kind: k.kind, Org: c.org}
	if q.Order, q.Down, err = ordered(c.query.Get("sort")); err != nil {
		return q, err
	}
	var said []string
	for _, f := range k.fields {
		v := c.query.Get(string(f))
		if v == "" {
			continue
		}
		said = append(said, string(f))
		q.Field, q.Value = f, v
		switch f {
		case admin.ByMAC, admin.ByBSSID:
			if m, err := e911.ParseMAC(v); err == nil {
				q.Value = string(m)
			}
		case admin.ByNumber:
			if n, err := e911.ParseNumber(v); err == nil {
				q.Value = string(n)
			}
		case byChassis:
			p := e911.LLDPPort{Chassis: v, Port: c.query.Get("port")}
			if m, err := e911.ParseMAC(v); err == nil {
				p.Chassis = string(m)
			}
			q.Field, q.Value = admin.ByLLDP, admin.LLDPKey(p)
		case byEmail:
			q.Field = admin.ByEmail
		case admin.BySite, admin.ByBuilding, admin.ByLocation, admin.ByUser, admin.ByModel, admin.ByPSAP, admin.ByTrunk:
			if err := h.filterRef(c, &q); err != nil {
				return q, err
			}
		}
	}
	if len(said) > 1 {
		return q, &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the query is refused", Faults: []e911.Fault{
			{Path: said[1], Code: check.NotOffered, Msg: "a list has one filter at a time", Fix: "leave out " + said[0] + " or " + said[1]},
		}}}
	}
	return q, nil
}

// ordered reads the parameter sort.
func ordered(s string) (o admin.Order, down bool, err error) {
	s, down = strings.CutPrefix(s, "-")
	switch o = admin.Order(s); o {
	case "":
		if !down {
			return "", false, nil
		}
	case admin.OrderKey, admin.OrderChanged:
		return o, down, nil
	}
	return "", false, &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the query is refused", Faults: []e911.Fault{
		{Path: "sort", Code: check.NotOffered, Msg: "lists are not sorted by that", Fix: "key, -key, changed or -changed"},
	}}}
}

// filterRef finds the id of key:NAME. A name that is not there finds nothing.
func (h *Handler) filterRef(c *call, q *admin.Query) error {
	key, named := strings.CutPrefix(q.Value, byKey)
	if !named {
		return nil
	}
	id, _, err := h.find(c.org)(c.Context(), e911.ObjectKind(q.Field), key)
	q.Value = id
	if id == "" {
		q.Value = "none"
	}
	return err
}

func (h *Handler) list(c *call, k kindRow) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil {
		return reply{}, err
	}
	q, err := h.query(c, k)
	if err != nil {
		return reply{}, err
	}
	q.After, q.Limit = after, limit
	found, err := h.cfg.Objects[k.kind].Find(c.Context(), q)
	if err != nil {
		return reply{}, err
	}
	out := page{Items: make([]map[string]any, len(found))}
	seen := map[string]string{}
	for i, o := range found {
		if out.Items[i], err = h.show(c.Context(), k.kind, o, seen); err != nil {
			return reply{}, err
		}
	}
	if err := h.addSynced(c.Context(), c.org, found, out.Items); err != nil {
		return reply{}, err
	}
	if len(found) == limit {
		last := found[limit-1]
		if out.Next, err = h.next(c, cmp.Or(last.Place, last.Ref.ID)); err != nil {
			return reply{}, err
		}
	}
	return answer(http.StatusOK, out)
}

// page is one page of a list.
type page struct {
	Items []map[string]any `json:"items"`
	Next  string           `json:"next,omitempty"`
}

// show is the object as it is read: without its secrets.
func (h *Handler) show(ctx context.Context, kind e911.ObjectKind, o admin.Object, seen map[string]string) (map[string]any, error) {
	m, err := treeOf(o.Value)
	if err != nil {
		return nil, err
	}
	delete(m, "area")
	if s := shapes[kind]; s.out != nil {
		s.out(m)
	}
	hideSecrets(m)
	m["version"] = o.Version
	if names := h.names(ctx, o.Ref.Org, o.Value, seen); len(names) > 0 {
		m["keys"] = names
	}
	return m, nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// lookUp finds the object of the path by its id or key.
func (h *Handler) lookUp(c *call, k kindRow) (admin.Object, error) {
	id := c.param("id")
	if k.kind == e911.KindOrg {
		return h.cfg.Objects[k.kind].Get(c.Context(), c.org, string(c.org)) // found by the wall
	}
	if key, named := strings.CutPrefix(id, byKey); named {
		found, ok, err := h.findIn(c.Context(), k.kind, c.org, key)
		if err != nil || !ok {
			return admin.Object{}, orNotFound(err)
		}
		return found, nil
	}
	o, err := h.cfg.Objects[k.kind].Get(c.Context(), c.org, id)
	if err == nil && o.Ref.Org != c.org {
		err = orNotFound(nil)
	}
	return o, err
}

func orNotFound(err error) error {
	if err == nil {
		err = e911.Errorf(e911.NotFound, "there is no such object")
	}
	return err
}

func (h *Handler) findIn(ctx context.Context, kind e911.ObjectKind, org e911.OrgID, key string) (admin.Object, bool, error) {
	found, err := h.cfg.Objects[kind].Find(ctx, admin.Query{Kind: kind, Org: org, Field: keyField(kind), Value: key, Limit: 2})
	for _, f := range found {
		if admin.KeyOf(f.Value) == key {
			return f, true, nil
		}
	}
	return admin.Object{}, false, err
}

func (h *Handler) get(c *call, k kindRow) (reply, error) {
	o, err := h.lookUp(c, k)
	if err != nil {
		return reply{}, err
	}
	if matches(c.Header.Get("If-None-Match"), o.Version) {
		return reply{status: http.StatusNotModified, header: map[string]string{"ETag": etag(o.Version)}}, nil
	}
	return h.shown(c, k, http.StatusOK, o, nil)
}

// shown answers with an object; told adds secrets that were made for it.
func (h *Handler) shown(c *call, k kindRow, status int, o admin.Object, told func(m map[string]any)) (reply, error) {
	m, err := h.show(c.Context(), k.kind, o, map[string]string{})
	if err != nil {
		return reply{}, err
	}
	if err := h.addSynced(c.Context(), c.org, []admin.Object{o}, []map[string]any{m}); err != nil {
		return reply{}, err
	}
	if told != nil {
		told(m)
	}
	out, err := answer(status, m)
	if err != nil {
		return reply{}, err
	}
	out.header["ETag"] = etag(o.Version)
	if status == http.StatusCreated {
		out.header["Location"] = c.URL.EscapedPath() + "/" + o.Ref.ID
	}
	return out, nil
}

// matches reports whether a list of ETags (RFC 9110, section 8.8.3) names the
// version; weak ones do too.
func matches(list string, version int64) bool {
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == etag(version) {
			return true
		}
	}
	return false
}

// ifMatches holds a change to the version that it was made on.
func ifMatches(c *call, version int64) error {
	switch m := c.Header.Get("If-Match"); {
	case m == "":
		return &statusError{status: http.StatusPreconditionRequired, err: e911.Errorf(e911.Conflict, "say by If-Match which version is changed: it is the ETag of what you read")}
	case !matches(m, version):
		return stale(version)
	}
	return nil
}

func stale(version int64) error {
	return &statusError{
		status: http.StatusPreconditionFailed, header: map[string]string{"ETag": etag(version)},
		err: e911.Errorf(e911.Conflict, "somebody changed it meanwhile: read it again, and change that"),
	}
}

// object reads the body as one object.
func (c *call) object() (map[string]any, error) {
	v, err := parse(c.body)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, badJSON("the body is no object")
	}
	if saysSecrets(m) {
		return m, c.h.maySecrets(c)
	}
	return m, nil
}

// decode makes a value of the kind of a body. Stored is what it replaces, nil for
// a new one.
func decode(ctx context.Context, k kindRow, m map[string]any, ref admin.Ref, stored any, find finder) (any, error) {
	var wrong, d decoder
	if id, said := m["id"]; said && id != ref.ID && ref.ID != "" {
		wrong.fault("/id", check.Forbidden, "this is the id of another object", "leave it out")
	}
	delete(m, "id")
	for _, name := range readOnly {
		delete(m, name)
	}
	s := shapes[k.kind]
	if s.in != nil {
		s.in(m, &wrong)
	}
	var was any
	if stored != nil {
		t, err := treeOf(stored)
		if err != nil {
			return nil, err
		}
		was = t
	}
	m, _ = keepSecrets(m, was).(map[string]any)
	v := reflect.New(k.value)
	d.value("", m, v.Elem())
	faults, err := link(ctx, v.Interface(), find)
	if err != nil {
		return nil, err
	}
	for _, f := range append(d.faults, faults...) {
		if s.back != nil {
			f.Path = s.back(f.Path)
		}
		wrong.faults = append(wrong.faults, f)
	}
	if len(wrong.faults) > 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the " + k.one + " is refused", Faults: wrong.faults}
	}
	return canonical(placed(v.Elem(), ref)), nil
}

// placed gives the value its id and organisation.
func placed(v reflect.Value, ref admin.Ref) any {
	if f := v.FieldByName("Org"); f.IsValid() {
		f.SetString(string(ref.Org))
	}
	if ref.ID == "" {
		return v.Interface()
	}
	return admin.WithID(v.Interface(), ref.ID)
}

// mapped turns the paths of a refusal by the use cases into pointers of the body.
func mapped(k kindRow, err error) error {
	e, ok := err.(*e911.Error) //nolint:errorlint // the very error: its paths are the object's
	if !ok || e.Kind != e911.Invalid {
		return err
	}
	out := *e
	out.Faults = make([]e911.Fault, len(e.Faults))
	for i, f := range e.Faults {
		f.Path = pointer(f.Path)
		if s := shapes[k.kind]; s.back != nil {
			f.Path = s.back(f.Path)
		}
		out.Faults[i] = f
	}
	return &out
}

func (h *Handler) create(c *call, k kindRow) (reply, error) {
	m, err := c.object()
	if err != nil {
		return reply{}, err
	}
	v, err := decode(c.Context(), k, m, admin.Ref{Kind: k.kind, Org: c.org}, nil, h.find(c.org))
	if err != nil {
		return reply{}, err
	}
	if err := h.mayPlace(c, v); err != nil {
		return reply{}, err
	}
	v, told := withSecrets(v)
	o, err := h.cfg.Objects[k.kind].Create(c.Context(), c.who.who, v)
	if err != nil {
		return reply{}, mapped(k, err)
	}
	return h.shown(c, k, http.StatusCreated, o, told)
}

// withSecrets makes the secrets that a new object needs and nobody gave; told puts
// them into the one answer that has them.
func withSecrets(v any) (any, func(m map[string]any)) {
	mint := func() e911.Secret { return e911.Secret(base64.RawURLEncoding.EncodeToString(seal.NewSecret()[:18])) }
	switch v := v.(type) {
	case e911.Device:
		if v.SIP == nil || v.SIP.Secret != "" {
			return v, nil
		}
		account := *v.SIP
		account.Secret = mint()
		v.SIP = &account
		return v, func(m map[string]any) { tell(m["sip"], account.Secret) }
	case e911.Alert:
		made := map[int]e911.Secret{}
		for i := range v.Webhook {
			if v.Webhook[i].Secret == "" {
				made[i] = mint()
				v.Webhook[i].Secret = made[i]
			}
		}
		return v, func(m map[string]any) {
			if l, ok := m["webhook"].([]any); ok {
				for i, s := range made {
					tell(l[i], s)
				}
			}
		}
	}
	return v, nil
}

func tell(m any, s e911.Secret) {
	if o, ok := m.(map[string]any); ok {
		o["secret"] = string(s)
	}
}

// change replaces an object, or lays a patch over it.
func (h *Handler) change(c *call, k kindRow, patch bool) (reply, error) {
	before, err := h.lookUp(c, k)
	if err != nil {
		return reply{}, err
	}
	if err := ifMatches(c, before.Version); err != nil {
		return reply{}, err
	}
	m, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if patch {
		if m, err = h.patched(k, before, m); err != nil {
			return reply{}, err
		}
	}
	v, err := decode(c.Context(), k, m, before.Ref, before.Value, h.find(c.org))
	if err != nil {
		return reply{}, err
	}
	if err := h.mayChange(c, before.Value, v); err != nil {
		return reply{}, err
	}
	if err := h.mayPlace(c, v); err != nil {
		return reply{}, err
	}
	o, err := h.cfg.Objects[k.kind].Update(c.Context(), c.who.who, v, before.Version)
	if err != nil {
		return reply{}, h.raced(c, k, before, mapped(k, err))
	}
	return h.shown(c, k, http.StatusOK, o, nil)
}

// patched lays a patch over what is stored, as it is read; secrets that the patch
// does not mention are put back when it is decoded.
func (h *Handler) patched(k kindRow, before admin.Object, patch map[string]any) (map[string]any, error) {
	m, err := treeOf(before.Value)
	if err != nil {
		return nil, err
	}
	if s := shapes[k.kind]; s.out != nil {
		s.out(m)
	}
	hideSecrets(m)
	m, _ = mergePatch(m, patch).(map[string]any)
	return m, nil
}

// raced says that somebody else was faster, where that is why a change failed.
func (h *Handler) raced(c *call, k kindRow, before admin.Object, err error) error {
	if e911.KindOf(err) != e911.Conflict || c.Header.Get("If-Match") == "*" {
		return err
	}
	now, e := h.cfg.Objects[k.kind].Get(c.Context(), before.Ref.Org, before.Ref.ID)
	if e == nil && now.Version != before.Version {
		return stale(now.Version)
	}
	return err
}

func (h *Handler) remove(c *call, k kindRow) (reply, error) {
	before, err := h.lookUp(c, k)
	if err != nil {
		return reply{}, err
	}
	if err := ifMatches(c, before.Version); err != nil {
		return reply{}, err
	}
	if err := h.cfg.Objects[k.kind].Delete(c.Context(), c.who.who, before.Ref.Org, before.Ref.ID, before.Version); err != nil {
		return reply{}, h.raced(c, k, before, err)
	}
	return reply{status: http.StatusNoContent}, nil
}
