// Package fakeidp is a provider of OpenID Connect for tests: it signs its own tokens,
// checks what a client has to send (PKCE, secret, one use of a code), and does what a
// hostile or broken one does when a test tells it to.
package fakeidp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ClientID and Secret are those of the one client.
const (
	ClientID = "callbox"
	Secret   = "fake client secret"
)

// Provider is one. What a test sets, it sets before it signs in.
type Provider struct {
	*httptest.Server
	Key *rsa.PrivateKey
	Now func() time.Time

	mu     sync.Mutex
	claims map[string]any
	alter  func(claims map[string]any)
	sign   func(payload []byte) (string, error)
	answer func(v url.Values)
	info   map[string]any
	about  func(doc map[string]any)
	codes  map[string]code
	last   string
}

type code struct {
	nonce, challenge, callback string
}

// New starts a provider at which somebody is signed in who is told by claims.
func New(t testing.TB, now func() time.Time, claims map[string]any) *Provider {
	t.Helper()
	p := &Provider{Key: key(t), Now: now, claims: claims, codes: map[string]code{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// made is one key for all providers of a test run: to make one takes long.
var made = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func key(t testing.TB) *rsa.PrivateKey {
	k, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Claims sets who is signed in.
func (p *Provider) Claims(claims map[string]any) { p.set(func() { p.claims = claims }) }

// Alter changes the claims of ID tokens before they are signed.
func (p *Provider) Alter(do func(claims map[string]any)) { p.set(func() { p.alter = do }) }

// Sign signs ID tokens in another way; nil: RS256.
func (p *Provider) Sign(do func(payload []byte) (string, error)) { p.set(func() { p.sign = do }) }

// Answer changes what is sent back to the callback.
func (p *Provider) Answer(do func(v url.Values)) { p.set(func() { p.answer = do }) }

// Info is what userinfo says; nil: there is none.
func (p *Provider) Info(info map[string]any) { p.set(func() { p.info = info }) }

// About changes what discovery says.
func (p *Provider) About(do func(doc map[string]any)) { p.set(func() { p.about = do }) }

// LastToken is the ID token that was sent last.
func (p *Provider) LastToken() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *Provider) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
	}
	if p.info != nil {
		doc["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	if p.about != nil {
		p.about(doc)
	}
	send(w, http.StatusOK, doc)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.Key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 {
		http.Error(w, "a client does not ask like this: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	name := base64.RawURLEncoding.EncodeToString(b)
	p.codes[name] = code{q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
	v := url.Values{"code": {name}, "state": {q.Get("state")}}
	if p.answer != nil {
		p.answer(v)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+v.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	user, secret, _ := r.BasicAuth()
	if user != ClientID || secret != url.QueryEscape(Secret) {
		send(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	c, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	h := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || base64.RawURLEncoding.EncodeToString(h[:]) != c.challenge || r.PostFormValue("redirect_uri") != c.callback {
		send(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := p.Now()
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "nonce": c.nonce, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	for k, v := range p.claims {
		claims[k] = v
	}
	if p.alter != nil {
		p.alter(claims)
	}
	payload, err := json.Marshal(claims)
	if err == nil {
		sign := p.sign
		if sign == nil {
			sign = p.RS256
		}
		p.last, err = sign(payload)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, http.StatusOK, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": p.last})
}

// RS256 signs as the provider does.
func (p *Provider) RS256(payload []byte) (string, error) {
	return Signed(jose.RS256, p.Key, payload)
}

// Signed signs with any algorithm and key, under the name of the provider's key.
func Signed(alg jose.SignatureAlgorithm, key any, payload []byte) (string, error) {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		return "", err
	}
	jws, err := s.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer a" {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	send(w, http.StatusOK, p.info)
}

// Visit goes where a client sends the browser, and returns what the browser brings
// back.
func (p *Provider) Visit(t testing.TB, address string) url.Values {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		t.Fatalf("%s: %s", res.Status, err)
	}
	return to.Query()
}
