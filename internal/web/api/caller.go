package api

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
)

// caller is who makes a request.
type caller struct {
	who    admin.Actor
	id     string     // of whom answers are kept for
	org    e911.OrgID // none: the operator, or a person
	scopes []apikey.Scope
	// identity is of a person, who has roles and no scopes.
	identity string
	scope    member.Scope // of his session
}

func (c *caller) has(s apikey.Scope) bool { return slices.Contains(c.scopes, s) }

// provider reports the operator.
func (c *caller) provider() bool { return c.org == "" && c.has(apikey.ScopeProvider) }

// everything are the scopes of who needs no key.
func everything(provider bool) (out []apikey.Scope) {
	for _, r := range apikey.Scopes() {
		if r.Scope != apikey.ScopeProvider || provider {
			out = append(out, r.Scope)
		}
	}
	return out
}

// authenticate finds out who asks: the control socket, a key, or a browser's
// session.
func (h *Handler) authenticate(r *http.Request) (caller, error) {
	if who, ok := r.Context().Value(trustKey{}).(admin.Actor); ok {
		return caller{who: who, id: string(who), scopes: everything(true)}, nil
	}
	if text := r.Header.Get("Authorization"); text != "" {
		scheme, key, _ := strings.Cut(text, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return caller{}, refused(http.StatusUnauthorized, e911.Denied, "send the key as Authorization: Bearer cbk_...")
		}
		k, err := h.cfg.Keys.Check(r.Context(), strings.TrimSpace(key), address(r))
		switch {
		case err == nil:
			return caller{who: k.Actor(), id: "key " + k.ID, org: k.Org, scopes: k.Scopes}, nil
		case errors.Is(err, apikey.ErrWrong):
			return caller{}, &statusError{status: http.StatusUnauthorized, err: err}
		case errors.Is(err, apikey.ErrTooMany):
			return caller{}, &statusError{status: http.StatusTooManyRequests, err: err}
		}
		return caller{}, err
	}
	if h.cfg.Person != nil {
		p, ok, err := h.cfg.Person(r)
		if err != nil {
			return caller{}, err
		}
		if ok {
			return caller{who: admin.Actor(p.Identity), id: "person " + p.Identity + p.Scope.Key(), identity: p.Identity, scope: p.Scope}, sameSite(r)
		}
	}
	if org, ok := h.cfg.Session(r); ok {
		if err := sameSite(r); err != nil {
			return caller{}, err
		}
		return caller{who: admin.Actor("portal " + string(org)), id: "portal " + string(org), org: org, identity: linkIdentity}, nil
	}
	return caller{}, refused(http.StatusUnauthorized, e911.Denied, "send a key as Authorization: Bearer cbk_..., or sign in")
}

// sameSite refuses a change that a page of another site makes a signed-in browser
// send: the browser says where it comes from, and a content type that no form can
// send is needed besides.
func sameSite(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return refused(http.StatusForbidden, e911.Denied, "this request came from another site")
	}
	if r.Header.Get("X-Callbox-Request") == "" {
		return refused(http.StatusForbidden, e911.Denied, "a browser's change needs the header X-Callbox-Request, which no other site can send")
	}
	return nil
}

func address(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}
