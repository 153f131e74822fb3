// Package oauth is the way by which programs exchange an API key for short-lived
// access tokens: OAuth 2 with client credentials (RFC 6749, section 4.4), revocation
// of tokens (RFC 7009) and what clients learn by themselves (RFC 8414). A client is a
// key: its id is the client_id, the key itself the client_secret, or it signs a
// statement with a private key of its own (RFC 7523, section 2.2). There are no refresh
// tokens (section 4.4.3) and no other grants.
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

// The paths of the protocol.
const (
	TokenPath    = "/oauth2/token"
	RevokePath   = "/oauth2/revoke"
	MetadataPath = "/.well-known/oauth-authorization-server" // RFC 8414, section 3
)

// maxBody bounds a request.
const maxBody = 8 << 10

// Keys exchanges keys for tokens; *apikey.Keeper does.
type Keys interface {
	Authenticate(ctx context.Context, client, secret string, from netip.Addr) (apikey.Key, error)
	Issue(ctx context.Context, client, secret string, scopes []apikey.Scope, from netip.Addr) (apikey.Token, error)
	AuthenticateAsserted(ctx context.Context, a apikey.Asserted, from netip.Addr) (apikey.Key, error)
	IssueAsserted(ctx context.Context, a apikey.Asserted, scopes []apikey.Scope, from netip.Addr) (apikey.Token, error)
	EndToken(ctx context.Context, of apikey.Key, text string) error
}

// Config is what a Handler needs.
type Config struct {
	Keys Keys
	// BaseURL is how clients reach the server, "https://callbox.example.com": the
	// issuer of the metadata.
	BaseURL string
	Now     func() time.Time
	Log     *slog.Logger
}

// Handler answers the paths of the protocol. Safe for concurrent use.
type Handler struct {
	cfg  Config
	base string
}

// New checks the configuration.
func New(cfg Config) (*Handler, error) {
	if cfg.Keys == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "OAuth 2 needs keys, a clock and a log")
	}
	return &Handler{cfg: cfg, base: strings.TrimRight(cfg.BaseURL, "/")}, nil
}

// Serves reports whether a path is one of the protocol's.
func Serves(path string) bool { return path == TokenPath || path == RevokePath || path == MetadataPath }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	method, do := http.MethodPost, h.token
	switch r.URL.Path {
	case TokenPath:
	case RevokePath:
		do = h.revoke
	case MetadataPath:
		method, do = http.MethodGet, h.metadata
	default:
		http.NotFound(w, r)
		return
	}
	if r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) {
		w.Header().Set("Allow", method)
		h.refuse(w, r, &fault{http.StatusMethodNotAllowed, "invalid_request", "send it by " + method})
		return
	}
	if err := do(w, r); err != nil {
		h.refuse(w, r, err)
	}
}

// fault is a refusal in the words of RFC 6749, section 5.2.
type fault struct {
	status      int
	code, about string
}

func (f *fault) Error() string { return f.about }

func invalid(about string) error { return &fault{http.StatusBadRequest, "invalid_request", about} }

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		f = faultOf(err)
	}
	head := w.Header()
	switch f.status {
	case http.StatusUnauthorized:
		head.Set("WWW-Authenticate", `Basic realm="callbox", charset="UTF-8"`)
	case http.StatusTooManyRequests:
		head.Set("Retry-After", "60")
	case http.StatusServiceUnavailable:
		head.Set("Retry-After", "5")
	}
	if f.status >= http.StatusInternalServerError {
		h.cfg.Log.WarnContext(r.Context(), "a request of OAuth 2 failed", "path", r.URL.Path, obs.Err(err))
	}
	answer(w, f.status, map[string]string{"error": f.code, "error_description": f.about})
}

// faultOf says what an error of the keys is in the protocol.
func faultOf(err error) *fault {
	switch {
	case err == apikey.ErrWrong: //nolint:errorlint // the very value
		return &fault{http.StatusUnauthorized, "invalid_client", "the client shows what is of no key that is valid"}
	case errors.Is(err, apikey.ErrWrong):
		about := "the statement is not taken"
		if e, ok := errors.AsType[*e911.Error](err); ok { // of one who has the private key
			about = e.Msg
		}
		return &fault{http.StatusUnauthorized, "invalid_client", about}
	case errors.Is(err, apikey.ErrTooMany):
		return &fault{http.StatusTooManyRequests, "invalid_client", "too many wrong secrets came from this address; wait a minute"}
	case errors.Is(err, apikey.ErrBusy):
		return &fault{http.StatusTooManyRequests, "temporarily_unavailable", "this client takes too many tokens: use one until it expires"}
	case errors.Is(err, apikey.ErrScope):
		return &fault{http.StatusBadRequest, "invalid_scope", "the key does not have these scopes"}
	case e911.KindOf(err) == e911.Unavailable:
		return &fault{http.StatusServiceUnavailable, "temporarily_unavailable", "the database does not answer now"}
	}
	return &fault{http.StatusInternalServerError, "server_error", "this went wrong here; it was written down"}
}

// answer writes JSON that nobody keeps (RFC 6749, section 5.1).
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // of texts and numbers: never
		status, b = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	head := w.Header()
	head.Set("Content-Type", "application/json;charset=UTF-8")
	if head.Get("Cache-Control") == "" {
		head.Set("Cache-Control", "no-store")
		head.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client is gone
}

// form reads the parameters of a body. A parameter that is there twice is refused, and
// one without a value is as good as not there (section 3.2). Addresses are logged on
// the way: parameters in them are refused.
func form(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalid("send the parameters as application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, invalid("send the parameters in the body: addresses are kept in logs")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &fault{http.StatusRequestEntityTooLarge, "invalid_request", "the body is larger than 8 KiB"}
	} else if err != nil {
		return nil, invalid("the body did not arrive whole")
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, invalid("the body cannot be read")
	}
	out := make(map[string]string, len(values))
	for name, v := range values {
		if len(v) > 1 {
			return nil, invalid("a parameter is there twice")
		}
		if v[0] != "" {
			out[name] = v[0]
		}
	}
	return out, nil
}

// credentials are what the client shows: by HTTP Basic, where both parts are
// form-urlencoded before (section 2.3.1), or in the body, and not by both.
func credentials(r *http.Request, params map[string]string) (client, secret string, err error) {
	wrong := &fault{http.StatusUnauthorized, "invalid_client", "show client_id and client_secret, by HTTP Basic or in the body"}
	head := r.Header.Get("Authorization")
	if head == "" {
		if params["client_id"] == "" || params["client_secret"] == "" {
			return "", "", wrong
		}
		return params["client_id"], params["client_secret"], nil
	}
	user, pass, ok := r.BasicAuth()
	if !ok || len(r.Header.Values("Authorization")) > 1 {
		return "", "", wrong
	}
	if params["client_secret"] != "" {
		return "", "", invalid("the client shows itself in two ways")
	}
	var err1, err2 error
	client, err1 = url.QueryUnescape(user)
	secret, err2 = url.QueryUnescape(pass)
	if err1 != nil || err2 != nil {
		return "", "", wrong
	}
	if id := params["client_id"]; id != "" && id != client {
		return "", "", invalid("the client shows itself as two")
	}
	return client, secret, nil
}

// asserted is the statement of a client that shows no secret (RFC 7523, section 2.2);
// false: there is none.
func (h *Handler) asserted(r *http.Request, params map[string]string) (a apikey.Asserted, is bool, err error) {
	kind, text := params["client_assertion_type"], params["client_assertion"]
	switch {
	case kind == "" && text == "":
		return a, false, nil
	case kind != apikey.AssertionType || text == "":
		return a, true, invalid("client_assertion_type is " + apikey.AssertionType + ", and goes with client_assertion")
	case params["client_secret"] != "" || r.Header.Get("Authorization") != "":
		return a, true, invalid("the client shows itself in two ways")
	}
	return apikey.Asserted{Text: text, Client: params["client_id"], Audiences: []string{h.base + TokenPath, h.base}}, true, nil
}

// client is who asks.
func (h *Handler) client(r *http.Request, params map[string]string) (apikey.Key, error) {
	a, is, err := h.asserted(r, params)
	switch {
	case err != nil:
		return apikey.Key{}, err
	case is:
		return h.cfg.Keys.AuthenticateAsserted(r.Context(), a, address(r))
	}
	id, secret, err := credentials(r, params)
	if err != nil {
		return apikey.Key{}, err
	}
	return h.cfg.Keys.Authenticate(r.Context(), id, secret, address(r))
}

func address(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

// scopesOf reads a list of scopes (section 3.3).
func scopesOf(text string) (out []apikey.Scope) {
	for s := range strings.FieldsSeq(text) {
		if !slices.Contains(out, apikey.Scope(s)) {
			out = append(out, apikey.Scope(s))
		}
	}
	return out
}

// granted is the answer of section 5.1.
type granted struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
}

func (h *Handler) token(w http.ResponseWriter, r *http.Request) error {
	params, err := form(w, r)
	if err != nil {
		return err
	}
	switch params["grant_type"] {
	case "client_credentials":
	case "":
		return invalid("grant_type is missing")
	default:
		return &fault{http.StatusBadRequest, "unsupported_grant_type", "the grant is client_credentials"}
	}
	a, is, err := h.asserted(r, params)
	var t apikey.Token
	switch {
	case err != nil:
	case is:
		t, err = h.cfg.Keys.IssueAsserted(r.Context(), a, scopesOf(params["scope"]), address(r))
	default:
		var client, secret string
		if client, secret, err = credentials(r, params); err == nil {
			t, err = h.cfg.Keys.Issue(r.Context(), client, secret, scopesOf(params["scope"]), address(r))
		}
	}
	if err != nil {
		return err
	}
	names := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		names[i] = string(s)
	}
	left := max(int64(t.Expires.Sub(h.cfg.Now())/time.Second), 0)
	answer(w, http.StatusOK, granted{AccessToken: t.Text, TokenType: "Bearer", ExpiresIn: left, Scope: strings.Join(names, " ")})
	return nil
}

// revoke ends a token of the client that asks (RFC 7009, section 2). What is no token
// of its own, or none any more, is answered the same.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) error {
	params, err := form(w, r)
	if err != nil {
		return err
	}
	key, err := h.client(r, params)
	if err != nil {
		return err
	}
	switch text := params["token"]; {
	case text == "":
		return invalid("token is missing")
	case strings.HasPrefix(text, apikey.Prefix):
		return &fault{http.StatusBadRequest, "unsupported_token_type", "this is a key: end it in the list of keys"}
	default:
		err = h.cfg.Keys.EndToken(r.Context(), key, text)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}

// metadata is what a client learns by itself (RFC 8414, section 2).
func (h *Handler) metadata(w http.ResponseWriter, _ *http.Request) error {
	ways, signed := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}, apikey.AssertionAlgorithms()
	scopes := []string{}
	for _, r := range apikey.Scopes() {
		scopes = append(scopes, string(r.Scope))
	}
	w.Header().Set("Cache-Control", "max-age="+strconv.Itoa(int(time.Hour/time.Second)))
	answer(w, http.StatusOK, map[string]any{
		"issuer": h.base, "token_endpoint": h.base + TokenPath, "revocation_endpoint": h.base + RevokePath,
		"grant_types_supported": []string{"client_credentials"}, "response_types_supported": []string{},
		"token_endpoint_auth_methods_supported": ways, "revocation_endpoint_auth_methods_supported": ways, "scopes_supported": scopes,
		"token_endpoint_auth_signing_alg_values_supported": signed, "revocation_endpoint_auth_signing_alg_values_supported": signed,
	})
	return nil
}
