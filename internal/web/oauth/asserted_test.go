package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/web/oauth"
)

// Proves: N-17, N-42, RFC 7523 section 2.2, RFC 6749 section 5.2, RFC 8414 section 2
func TestAClientSignsAStatement(t *testing.T) {
	b := newBench(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	k, _, err := b.keys.Create(t.Context(), "ann", apikey.Wish{
		Org: b.org, Name: "scanner", Scopes: []apikey.Scope{apikey.ScopeRead, apikey.ScopeImports}, PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	statement := func(aud, jti string) url.Values {
		payload, _ := json.Marshal(map[string]any{"iss": k.ID, "sub": k.ID, "aud": aud, "jti": jti, "exp": b.now.Add(time.Minute).Unix()})
		jws, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}, "client_assertion_type": {apikey.AssertionType}, "client_assertion": {text}}
	}
	const ours = "https://callbox.example/oauth2/token"
	v := statement(ours, "one")
	a := b.post(oauth.TokenPath, v.Encode())
	token, _ := a.body["access_token"].(string)
	if a.status != http.StatusOK || a.body["scope"] != "read" || !strings.HasPrefix(token, apikey.TokenPrefix) {
		t.Fatalf("a token: %d %s", a.status, a.text)
	}
	use := func() int {
		r := httptest.NewRequest(http.MethodGet, "/resource", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		return b.send(r).status
	}
	if got := use(); got != http.StatusOK {
		t.Errorf("the token is worth %d", got)
	}
	with := func(v url.Values, pairs ...string) url.Values {
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for _, c := range []struct {
		name   string
		v      url.Values
		head   []string
		status int
		code   string
		says   string
	}{
		{"the same once more", v, nil, 401, "invalid_client", "used before"},
		{"for another server", statement("https://other.example/token", "two"), nil, 401, "invalid_client", "aud has to be"},
		{"another type", with(statement(ours, "three"), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), nil, 400, "invalid_request", ""},
		{"no type", with(statement(ours, "four"), "client_assertion_type", ""), nil, 400, "invalid_request", ""},
		{"no statement", with(statement(ours, "five"), "client_assertion", ""), nil, 400, "invalid_request", ""},
		{"a secret beside it", with(statement(ours, "six"), "client_secret", b.text), nil, 400, "invalid_request", "two ways"},
		{"Basic beside it", statement(ours, "seven"), []string{"Authorization", basic(b.key.ID, b.text)}, 400, "invalid_request", "two ways"},
		{"another client's id beside it", with(statement(ours, "eight"), "client_id", b.key.ID), nil, 401, "invalid_client", ""},
		{"a scope that it does not have", with(statement(ours, "nine"), "scope", "calls"), nil, 400, "invalid_scope", ""},
		{"rubbish", with(statement(ours, "ten"), "client_assertion", "a.b.c"), nil, 401, "invalid_client", ""},
	} {
		if a := b.post(oauth.TokenPath, c.v.Encode(), c.head...); a.status != c.status || a.body["error"] != c.code || !strings.Contains(a.text, c.says) {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
	}
	if a := b.post(oauth.TokenPath, with(statement("https://callbox.example", "eleven"), "client_id", k.ID).Encode()); a.status != http.StatusOK {
		t.Errorf("by the issuer's name, with client_id: %d %s", a.status, a.text)
	}
	if a := b.post(oauth.RevokePath, with(statement(ours, "twelve"), "token", token).Encode()); a.status != http.StatusOK || use() != http.StatusUnauthorized {
		t.Errorf("the token is ended: %d %s, worth %d", a.status, a.text, use())
	}
	meta := b.send(httptest.NewRequest(http.MethodGet, oauth.MetadataPath, http.NoBody))
	for _, want := range []string{`"private_key_jwt"`, `"token_endpoint_auth_signing_alg_values_supported":["ES256","RS256","PS256","EdDSA"]`} {
		if !strings.Contains(meta.text, want) {
			t.Errorf("the metadata has no %s: %s", want, meta.text)
		}
	}
}
