// Package oidc signs people in by OpenID Connect: authorization code with PKCE (RFC
// 7636), state and nonce, as OpenID Connect Core 1.0 and RFC 9700 (best current
// practice of OAuth 2.0 security) ask. It speaks over the network and keeps nothing
// but what providers say of themselves; admin/federation decides what their word is
// worth.
package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// Skew is how far a provider's clock may be from ours, either way.
const Skew = 2 * time.Minute

const (
	// discoveryLife is how long what a provider says of itself is believed; its keys are
	// read again whenever one is not known.
	discoveryLife = time.Hour
	// maxProviders bounds what is remembered.
	maxProviders = 500
)

// signatures that are taken: those that only the provider can make. Neither "none"
// nor those with a shared secret, which a public key could be taken for (RFC 8725,
// sections 2.1 and 3.1).
var signatures = []string{
	goidc.RS256, goidc.RS384, goidc.RS512, goidc.PS256, goidc.PS384, goidc.PS512, goidc.ES256, goidc.ES384, goidc.ES512, goidc.EdDSA,
}

// Config is what a Client needs.
type Config struct {
	Now func() time.Time
	// Local allows providers on this very machine and by plain http there, for trials
	// and tests.
	Local bool
}

// Client speaks OpenID Connect with any number of providers. Safe for concurrent use.
type Client struct {
	cfg   Config
	http  *http.Client
	mu    sync.Mutex
	known map[string]found // by issuer
}

type found struct {
	provider *goidc.Provider
	about    about
	at       time.Time
}

// about is what discovery says beside what go-oidc reads (OpenID Connect Discovery
// 1.0; RFC 9207).
type about struct {
	Methods  []string `json:"token_endpoint_auth_methods_supported"`
	SaysISS  bool     `json:"authorization_response_iss_parameter_supported"`
	UserInfo string   `json:"userinfo_endpoint"`
}

var _ federation.Protocol = (*Client)(nil)

// New checks the configuration.
func New(cfg Config) (*Client, error) {
	if cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "OpenID Connect needs a clock")
	}
	return &Client{cfg: cfg, http: client(cfg.Local), known: map[string]found{}}, nil
}

// Faults implements federation.Protocol.
func (c *Client) Faults(p federation.Provider) []e911.Fault {
	var out []e911.Fault
	u, err := url.Parse(p.OIDC.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(p.OIDC.Issuer) > 500:
		out = append(out, e911.Fault{Path: "oidc.issuer", Code: "syntax", Msg: "the issuer is no address", Fix: "write it like https://login.example.com, exactly as the provider does"})
	case u.Scheme != "https" && !(c.cfg.Local && u.Scheme == "http"):
		out = append(out, e911.Fault{Path: "oidc.issuer", Code: "scheme", Msg: "the issuer has to begin with https://", Fix: "ask for its address with https"})
	}
	if p.OIDC.ClientID == "" || len(p.OIDC.ClientID) > 500 {
		out = append(out, e911.Fault{Path: "oidc.client_id", Code: "missing", Msg: "the client id is missing", Fix: "register Callbox at the provider and take the id that it gives"})
	}
	if len(p.OIDC.ClientSecret) > 2000 {
		out = append(out, e911.Fault{Path: "oidc.client_secret", Code: "too_long", Msg: "the client secret is longer than 2000 characters", Fix: "take the secret itself, not a file"})
	}
	for _, s := range p.OIDC.Scopes {
		if s == "" || len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) || len(p.OIDC.Scopes) > 20 {
			out = append(out, e911.Fault{Path: "oidc.scopes", Code: "syntax", Msg: "a scope is no word, or there are more than 20", Fix: "write words such as email, profile, groups"})
			break
		}
	}
	return out
}

// Probe implements federation.Protocol.
func (c *Client) Probe(ctx context.Context, p federation.Provider) error {
	c.mu.Lock()
	delete(c.known, p.OIDC.Issuer)
	c.mu.Unlock()
	_, err := c.discover(ctx, p.OIDC.Issuer)
	return err
}

// discover reads what a provider says of itself, at most once in discoveryLife.
func (c *Client) discover(ctx context.Context, issuer string) (found, error) {
	now := c.cfg.Now()
	c.mu.Lock()
	f, ok := c.known[issuer]
	c.mu.Unlock()
	if ok && now.Sub(f.at) < discoveryLife && !now.Before(f.at) {
		return f, nil
	}
	provider, err := goidc.NewProvider(goidc.ClientContext(ctx, c.http), issuer)
	if err != nil {
		return found{}, c.explain("ask the provider about itself", err)
	}
	f = found{provider: provider, at: now}
	if err := provider.Claims(&f.about); err != nil {
		return found{}, e911.Errorf(e911.Invalid, "what the provider says of itself cannot be read")
	}
	e := provider.Endpoint()
	for _, address := range []string{e.AuthURL, e.TokenURL} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && !(c.cfg.Local && u.Scheme == "http") {
			return found{}, e911.Errorf(e911.Invalid, "the provider says that people sign in at an address that is not https")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxProviders {
		clear(c.known)
	}
	c.known[issuer] = f
	return f, nil
}

func (c *Client) oauth(p federation.Provider, f found, callback string) *oauth2.Config {
	e := f.provider.Endpoint()
	// Trying both ways, as oauth2 would, spends the code on the first.
	e.AuthStyle = oauth2.AuthStyleInHeader
	if p.OIDC.ClientSecret == "" || len(f.about.Methods) > 0 && !slices.Contains(f.about.Methods, "client_secret_basic") {
		e.AuthStyle = oauth2.AuthStyleInParams
	}
	scopes := p.OIDC.Scopes
	if len(scopes) == 0 {
		scopes = []string{"email", "profile"}
	}
	return &oauth2.Config{
		ClientID: p.OIDC.ClientID, ClientSecret: string(p.OIDC.ClientSecret), Endpoint: e, RedirectURL: callback,
		Scopes: append([]string{goidc.ScopeOpenID}, slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == goidc.ScopeOpenID })...),
	}
}

// asked is what Finish needs of Begin.
type asked struct {
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Callback string    `json:"c"`
	At       time.Time `json:"t"`
}

// Begin implements federation.Protocol.
func (c *Client) Begin(ctx context.Context, p federation.Provider, s federation.Start) (string, []byte, error) {
	f, err := c.discover(ctx, p.OIDC.Issuer)
	if err != nil {
		return "", nil, err
	}
	a := asked{Nonce: base64.RawURLEncoding.EncodeToString(seal.NewSecret()), Verifier: oauth2.GenerateVerifier(), Callback: s.Callback, At: c.cfg.Now().UTC()}
	state, err := json.Marshal(a)
	if err != nil {
		return "", nil, fmt.Errorf("write down a sign-in: %w", err)
	}
	options := []oauth2.AuthCodeOption{goidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if s.Hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", s.Hint))
	}
	return c.oauth(p, f, s.Callback).AuthCodeURL(s.State, options...), state, nil
}

// Finish implements federation.Protocol.
func (c *Client) Finish(ctx context.Context, p federation.Provider, cb federation.Callback, state []byte) (federation.Claims, error) {
	var a asked
	if err := json.Unmarshal(state, &a); err != nil || a.Nonce == "" || a.Verifier == "" {
		return federation.Claims{}, federation.ErrElsewhere
	}
	f, err := c.discover(ctx, p.OIDC.Issuer)
	if err != nil {
		return federation.Claims{}, err
	}
	code, err := readAnswer(cb.Values, p.OIDC.Issuer, f.about.SaysISS)
	if err != nil {
		return federation.Claims{}, err
	}
	ctx = goidc.ClientContext(ctx, c.http)
	token, err := c.oauth(p, f, a.Callback).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return federation.Claims{}, c.explain("turn the provider's answer into who signs in", err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return federation.Claims{}, e911.Errorf(e911.Invalid, "the provider sends no id_token: it has to speak OpenID Connect with this client, not OAuth alone")
	}
	id, err := c.verify(ctx, p, f, raw, a)
	if err != nil {
		return federation.Claims{}, err
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return federation.Claims{}, e911.Errorf(e911.Denied, "the provider's two tokens do not belong together")
		}
	}
	return c.claims(ctx, p, f, id, token)
}

// readAnswer takes the code out of what the browser brought.
func readAnswer(v url.Values, issuer string, saysISS bool) (string, error) {
	// RFC 9207: an answer that another provider sent is told by its name (mix-up).
	if iss := v.Get("iss"); iss != "" && iss != issuer || iss == "" && saysISS {
		return "", e911.Errorf(e911.Denied, "the answer comes from another provider than the one that was asked: begin the sign-in again")
	}
	if wrong := v.Get("error"); wrong != "" {
		msg := map[string]string{
			"access_denied":           "the provider did not let you in: it was cancelled there, or you have no part in this application",
			"login_required":          "the provider wants you to sign in there first",
			"temporarily_unavailable": "the provider cannot sign anybody in now: try again in a while",
			"server_error":            "the provider had a fault of its own: try again in a while",
			"invalid_scope":           "the provider does not know one of the scopes that are configured",
			"unauthorized_client":     "the provider does not let this client use the authorization code: an administrator of it has to allow that",
			"invalid_request":         "the provider did not understand the request: look whether our callback address is registered there",
		}[wrong]
		if msg == "" {
			msg = "the provider answered with an error of its own"
		}
		return "", e911.Errorf(e911.Denied, "%s", msg)
	}
	if v.Get("code") == "" {
		return "", e911.Errorf(e911.Denied, "the provider's answer has no code: begin the sign-in again")
	}
	return v.Get("code"), nil
}

// verify believes an ID token (OpenID Connect Core 1.0, section 3.1.3.7).
func (c *Client) verify(ctx context.Context, p federation.Provider, f found, raw string, a asked) (*goidc.IDToken, error) {
	id, err := f.provider.Verifier(&goidc.Config{
		ClientID: p.OIDC.ClientID, SupportedSigningAlgs: signatures, SkipExpiryCheck: true, Now: c.cfg.Now,
	}).Verify(ctx, raw)
	if err != nil {
		return nil, c.explain(doingVerify, err)
	}
	var more struct {
		AZP string `json:"azp"`
		NBF *int64 `json:"nbf"`
	}
	if err := id.Claims(&more); err != nil {
		return nil, e911.Errorf(e911.Denied, "the provider's token cannot be read")
	}
	if more.AZP != "" && more.AZP != p.OIDC.ClientID || len(id.Audience) > 1 && more.AZP == "" {
		return nil, e911.Errorf(e911.Denied, "the provider's token was made for another client")
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return nil, e911.Errorf(e911.Denied, "the provider's token answers another sign-in: begin it again")
	}
	var notBefore time.Time
	if more.NBF != nil {
		notBefore = time.Unix(*more.NBF, 0)
	}
	return id, times{issued: id.IssuedAt, expires: id.Expiry, notBefore: notBefore, asked: a.At, now: c.cfg.Now()}.wrong()
}

// times are those of a token, and ours.
type times struct{ issued, expires, notBefore, asked, now time.Time }

// wrong says whether the times of a token can be: it was made after it was asked for,
// has not expired, and is not from the future, with Skew for the clocks.
func (t times) wrong() error {
	if t.issued.IsZero() || t.issued.Unix() == 0 || t.expires.IsZero() || t.expires.Unix() == 0 {
		return e911.Errorf(e911.Denied, "the provider's token does not say when it was made and until when it counts")
	}
	ahead := max(t.issued.Sub(t.now), t.notBefore.Sub(t.now))
	behind := t.asked.Sub(t.issued)
	switch {
	case ahead > Skew:
		return e911.Errorf(e911.Denied, "your provider's clock is %s ahead of ours (here it is %s UTC): its administrator has to set it, by NTP", minutes(ahead), t.now.UTC().Format("15:04"))
	case behind > Skew:
		return e911.Errorf(e911.Denied, "your provider's clock is %s behind ours (here it is %s UTC), or it sent an old token: its administrator has to set the clock, by NTP", minutes(behind), t.now.UTC().Format("15:04"))
	case t.now.Sub(t.expires) > Skew:
		return e911.Errorf(e911.Denied, "the provider's token expired %s ago: begin the sign-in again", minutes(t.now.Sub(t.expires)))
	}
	return nil
}

func minutes(d time.Duration) string {
	n := int(d.Round(time.Minute) / time.Minute)
	switch {
	case n > 48*60:
		return fmt.Sprintf("%d days", n/60/24)
	case n > 120:
		return fmt.Sprintf("%d hours", n/60)
	}
	return fmt.Sprintf("%d minutes", n)
}
