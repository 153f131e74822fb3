package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

// Federation keeps identity providers; federation.Desk does.
type Federation interface {
	List(ctx context.Context, org e911.OrgID) ([]federation.Provider, error)
	Get(ctx context.Context, org e911.OrgID, key string) (federation.Provider, error)
	Save(ctx context.Context, who admin.Actor, p federation.Provider, operator bool) (federation.Provider, error)
	Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string, version int64) error
	Probe(ctx context.Context, org e911.OrgID, key string) error
	Unlink(ctx context.Context, who admin.Actor, org e911.OrgID, key, email string) error
	Policy(ctx context.Context, org e911.OrgID) (federation.Policy, error)
	SetPolicy(ctx context.Context, who admin.Actor, p federation.Policy) (federation.Policy, error)
	Candidates(ctx context.Context, org e911.OrgID) ([]federation.Candidate, error)
}

// ProviderWish is an identity provider as it is asked for. Secrets go in and never
// come out: one that is left out stays as it is.
type ProviderWish struct {
	Key      string                 `json:"key"`
	Protocol federation.Via         `json:"protocol"`
	Name     string                 `json:"name"`
	Domains  []string               `json:"domains,omitempty"`
	OIDC     *federation.OIDC       `json:"oidc,omitempty"`
	SAML     *federation.SAML       `json:"saml,omitempty"`
	Claims   federation.Names       `json:"claims,omitzero"`
	Roles    []federation.GroupRole `json:"roles,omitempty"`
	Create   bool                   `json:"create,omitempty"`
	Disabled bool                   `json:"disabled,omitempty"`
}

// PolicyWish is how an organisation's members are to sign in.
type PolicyWish struct {
	Force      bool     `json:"force"`
	BreakGlass []string `json:"break_glass,omitempty"` // ids of identities
}

// UnlinkWish names whose link ends.
type UnlinkWish struct {
	Email string `json:"email"`
}

// Identity providers of an organisation, and of the operator, are the same use cases
// at these two addresses.
const (
	orgSignOn      = "/organisations/{org}/sign_on"
	operatorSignOn = "/sign_on"
)

func signOnOperations() []operation {
	ops := slices.Concat(providerOperations(orgSignOn), providerOperations(operatorSignOn), policyOperations())
	for i := range ops {
		ops[i].tag = "sign-on"
	}
	return ops
}

// providerOperations are those of the identity providers at an address.
func providerOperations(base string) []operation {
	of, name := "the organisation", "sign_on_providers"
	if base == operatorSignOn {
		of, name = "the operator, who sign people in to everything", "operator_sign_on_providers"
	}
	all, one := base+"/providers", base+"/providers/{id}"
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeKeys, apikey.ScopeSecrets}
	provider, wish := reflect.TypeFor[federation.Provider](), reflect.TypeFor[ProviderWish]()
	example := map[string]any{
		"key": "corporate", "protocol": "oidc", "name": "Mill", "domains": []any{"example.com"},
		"oidc": map[string]any{"issuer": "https://login.example.com", "client_id": "callbox", "client_secret": "..."},
	}
	about := "Addresses lead to it once the operator has confirmed its domains."
	if base == operatorSignOn {
		about = "It needs the domains for which it speaks, and makes no members. No person's role is enough: it takes the machine, or a key of the operator's with the scopes keys and secrets."
	}
	ops := []operation{
		{method: http.MethodGet, path: all, id: "list_" + name, scopes: read, summary: "List the identity providers of " + of, result: listOf(provider), do: (*Handler).listProviders},
		{
			method: http.MethodPost, path: all, id: "create_" + name, scopes: write, summary: "Add an identity provider of " + of, body: wish, example: example,
			about: about, status: http.StatusCreated, result: provider, errors: []int{409}, do: (*Handler).createProvider,
		},
		{method: http.MethodGet, path: one, id: "get_" + name, scopes: read, summary: "Read an identity provider of " + of, params: []parameter{ifNoneMatch}, result: provider, do: (*Handler).getProvider},
		{
			method: http.MethodPut, path: one, id: "replace_" + name, scopes: write, summary: "Change an identity provider of " + of, body: wish, example: example,
			about: "Another issuer or client begins anew: its accounts are other people's.", params: []parameter{ifMatch}, result: provider, errors: []int{409, 412, 428}, do: (*Handler).replaceProvider,
		},
		{
			method: http.MethodDelete, path: one, id: "delete_" + name, scopes: write, summary: "Forget an identity provider of " + of, params: []parameter{ifMatch},
			status: http.StatusNoContent, errors: []int{409, 412, 428}, do: (*Handler).deleteProvider,
		},
		{
			method: http.MethodPost, path: one + "/probe", id: "probe_" + name, scopes: write, summary: "Ask a provider of " + of + " whether a sign-in could begin", status: http.StatusNoContent,
			do: func(h *Handler, c *call) (reply, error) {
				return h.signOn(c, func(f Federation) error { return f.Probe(c.Context(), c.org, c.listKey()) })
			},
		},
		{
			method: http.MethodPost, path: one + "/unlink", id: "unlink_" + name, scopes: write, summary: "Forget which account of a provider of " + of + " somebody is", status: http.StatusNoContent,
			body: reflect.TypeFor[UnlinkWish](), example: map[string]any{"email": "ann@example.com"}, do: (*Handler).unlink,
		},
	}
	for i := range ops {
		ops[i].operator = base == operatorSignOn
	}
	return ops
}

// policyOperations are about how the members of an organisation sign in.
func policyOperations() []operation {
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeKeys, apikey.ScopeSecrets}
	policy := reflect.TypeFor[federation.Policy]()
	return []operation{
		{method: http.MethodGet, path: orgSignOn + "/policy", id: "get_sign_on_policy", scopes: read, summary: "Read how members sign in", result: policy, params: []parameter{ifNoneMatch}, do: (*Handler).policy},
		{
			method: http.MethodPut, path: orgSignOn + "/policy", id: "replace_sign_on_policy", scopes: write, summary: "Change how members sign in", body: reflect.TypeFor[PolicyWish](),
			about:   "With force, members sign in by the providers alone. An administrator with a complete proof has to be named who may use his own all the same, and somebody must have signed in by a provider.",
			example: map[string]any{"force": false}, params: []parameter{ifMatch}, result: policy, errors: []int{409, 412, 428}, do: (*Handler).setPolicy,
		},
		{
			method: http.MethodGet, path: orgSignOn + "/candidates", id: "list_sign_on_candidates", scopes: read, summary: "List who may be named for break-glass, and whose proof is complete",
			result: listOf(reflect.TypeFor[federation.Candidate]()), do: (*Handler).candidates,
		},
	}
}

// federation is closed to keys of organisations: a partner may make one, and whoever
// changes an identity provider can become each member of the organisation. Whoever
// changes the operator's can become an administrator of any customer whose domain it
// has, which no role of provider or partner allows (rules/access, sign_on).
func (h *Handler) federation(c *call) (Federation, error) {
	switch {
	case h.cfg.Federation == nil:
		return nil, errNotHere
	case c.op.method == http.MethodGet:
	case c.op.operator && c.who.isPerson():
		return nil, denied("a provider of the operator's signs people in to every organisation: it is changed on the machine (callbox sso --operator), or by a key of the operator's with the scopes keys and secrets")
	case !c.op.operator && !c.who.isPerson() && !c.who.provider():
		return nil, denied("how people sign in is changed by an administrator, not by a key")
	}
	return h.cfg.Federation, nil
}

func (h *Handler) signOn(c *call, do func(f Federation) error) (reply, error) {
	f, err := h.federation(c)
	if err == nil {
		err = do(f)
	}
	return reply{status: http.StatusNoContent}, err
}

func shownVersion(status int, version int64, v any) (reply, error) {
	out, err := answer(status, v)
	if err == nil {
		out.header["ETag"] = etag(version)
	}
	return out, err
}

func items[T any](all []T, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	if all == nil {
		all = []T{}
	}
	return answer(http.StatusOK, map[string]any{"items": all})
}

func (h *Handler) listProviders(c *call) (reply, error) {
	f, err := h.federation(c)
	if err != nil {
		return reply{}, err
	}
	return items(f.List(c.Context(), c.org))
}

func (h *Handler) candidates(c *call) (reply, error) {
	f, err := h.federation(c)
	if err != nil {
		return reply{}, err
	}
	return items(f.Candidates(c.Context(), c.org))
}

func (h *Handler) getProvider(c *call) (reply, error) {
	f, err := h.federation(c)
	if err != nil {
		return reply{}, err
	}
	p, err := f.Get(c.Context(), c.org, c.listKey())
	if err != nil {
		return reply{}, err
	}
	if matches(c.Header.Get("If-None-Match"), p.Version) {
		return reply{status: http.StatusNotModified, header: map[string]string{"ETag": etag(p.Version)}}, nil
	}
	return shownVersion(http.StatusOK, p.Version, p)
}

// read decodes the body into a wish.
func (c *call) read(into any) error {
	m, err := c.object()
	if err != nil {
		return err
	}
	var d decoder
	if d.into(m, into); len(d.faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "the request is refused", Faults: d.faults}
	}
	return nil
}

func (c *call) providerWish(was federation.Provider) (federation.Provider, error) {
	var w ProviderWish
	if err := c.read(&w); err != nil {
		return was, err
	}
	return federation.Provider{
		ID: was.ID, Org: c.org, Version: was.Version, Key: w.Key, Via: w.Protocol, Name: w.Name, Domains: w.Domains, OIDC: w.OIDC, SAML: w.SAML, Names: w.Claims,
		Roles: w.Roles, Create: w.Create, Disabled: w.Disabled,
	}, nil
}

func (h *Handler) createProvider(c *call) (reply, error) {
	f, err := h.federation(c)
	if err != nil {
		return reply{}, err
	}
	p, err := c.providerWish(federation.Provider{})
	if err == nil {
		p, err = f.Save(c.Context(), c.who.who, p, c.who.provider())
	}
	if err != nil {
		return reply{}, err
	}
	out, err := shownVersion(http.StatusCreated, p.Version, p)
	if err == nil {
		out.header["Location"] = c.URL.EscapedPath() + "/" + p.Key
	}
	return out, err
}

// replacing finds the provider of the path and holds the change to its version.
func (h *Handler) replacing(c *call) (f Federation, p federation.Provider, err error) {
	if f, err = h.federation(c); err == nil {
		p, err = f.Get(c.Context(), c.org, c.listKey())
	}
	if err == nil {
		err = ifMatches(c, p.Version)
	}
	return f, p, err
}

func (h *Handler) replaceProvider(c *call) (reply, error) {
	f, was, err := h.replacing(c)
	if err != nil {
		return reply{}, err
	}
	p, err := c.providerWish(was)
	if err == nil {
		p, err = f.Save(c.Context(), c.who.who, p, c.who.provider())
	}
	if err != nil {
		return reply{}, err
	}
	return shownVersion(http.StatusOK, p.Version, p)
}

func (h *Handler) deleteProvider(c *call) (reply, error) {
	f, was, err := h.replacing(c)
	if err == nil {
		err = f.Delete(c.Context(), c.who.who, c.org, was.Key, was.Version)
	}
	return reply{status: http.StatusNoContent}, err
}

func (h *Handler) unlink(c *call) (reply, error) {
	var w UnlinkWish
	if err := c.read(&w); err != nil {
		return reply{}, err
	}
	return h.signOn(c, func(f Federation) error { return f.Unlink(c.Context(), c.who.who, c.org, c.listKey(), w.Email) })
}

func (h *Handler) policy(c *call) (reply, error) {
	f, err := h.federation(c)
	if err != nil {
		return reply{}, err
	}
	p, err := f.Policy(c.Context(), c.org)
	if err != nil {
		return reply{}, err
	}
	if matches(c.Header.Get("If-None-Match"), p.Version) {
		return reply{status: http.StatusNotModified, header: map[string]string{"ETag": etag(p.Version)}}, nil
	}
	return shownVersion(http.StatusOK, p.Version, p)
}

func (h *Handler) setPolicy(c *call) (reply, error) {
	f, err := h.federation(c)
	if err != nil {
		return reply{}, err
	}
	was, err := f.Policy(c.Context(), c.org)
	if err == nil {
		err = ifMatches(c, was.Version)
	}
	var w PolicyWish
	if err == nil {
		err = c.read(&w)
	}
	if err != nil {
		return reply{}, err
	}
	p, err := f.SetPolicy(c.Context(), c.who.who, federation.Policy{Org: c.org, Version: was.Version, Force: w.Force, BreakGlass: w.BreakGlass})
	if err != nil {
		return reply{}, err
	}
	return shownVersion(http.StatusOK, p.Version, p)
}
