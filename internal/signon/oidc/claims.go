package oidc

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

// maxGroups bounds the groups that are read of one person.
const maxGroups = 2000

// told is what a provider said, by the names of its claims.
type told map[string]json.RawMessage

func (t told) text(name string) string {
	var s string
	if json.Unmarshal(t[name], &s) != nil {
		return ""
	}
	return s
}

// said reads a claim that is true or false; some providers write it as text.
func (t told) said(name string) federation.Said {
	switch string(t[name]) {
	case "true", `"true"`:
		return federation.Yes
	case "":
		return federation.Unsaid
	}
	return federation.No
}

// texts reads a list, or one text; nil when nothing was said.
func (t told) texts(name string) []string {
	if t[name] == nil {
		return nil
	}
	var list []string
	if json.Unmarshal(t[name], &list) != nil {
		if s := t.text(name); s != "" {
			return []string{s}
		}
		return nil
	}
	return append([]string{}, list[:min(len(list), maxGroups)]...)
}

// claims reads who signs in out of the ID token and, where that lacks the address or
// the groups that roles go by, out of userinfo (OpenID Connect Core 1.0, section 5.3).
func (c *Client) claims(ctx context.Context, p federation.Provider, f found, id *goidc.IDToken, token *oauth2.Token) (federation.Claims, error) {
	all := told{}
	if err := id.Claims(&all); err != nil {
		return federation.Claims{}, e911.Errorf(e911.Denied, "the provider's token cannot be read")
	}
	email, groups := cmp.Or(p.Names.Email, "email"), cmp.Or(p.Names.Groups, "groups")
	if f.about.UserInfo != "" && (all[email] == nil || len(p.Roles) > 0 && all[groups] == nil) {
		info, err := f.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return federation.Claims{}, c.explain("ask the provider who signs in", err)
		}
		if info.Subject != id.Subject { // section 5.3.2
			return federation.Claims{}, e911.Errorf(e911.Denied, "the provider says two different things of who signs in")
		}
		more := told{}
		if err := info.Claims(&more); err != nil {
			return federation.Claims{}, e911.Errorf(e911.Denied, "what the provider says of who signs in cannot be read")
		}
		// An address goes with what the same place says of it.
		if all[email] == nil && more[email] != nil {
			all["email_verified"] = more["email_verified"]
		}
		for k, v := range more {
			if _, there := all[k]; !there {
				all[k] = v
			}
		}
	}
	out := federation.Claims{
		Subject: all.text(cmp.Or(p.Names.Subject, "sub")), Email: all.text(email), EmailVerified: all.said("email_verified"),
		Name: all.text(cmp.Or(p.Names.Name, "name")), Groups: all.texts(groups),
	}
	if email != "email" {
		out.EmailVerified = federation.Unsaid // that was said of another claim
	}
	var at int64
	if json.Unmarshal(all["auth_time"], &at) == nil && at > 0 {
		out.AuthTime = time.Unix(at, 0).UTC()
	}
	return out, nil
}
