package apikey

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/callbox911/callbox/internal/e911"
)

const tokens = "https://callbox.example/oauth2/token"

func pemOf(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func jwkOf(t *testing.T, key any) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// statement signs claims; a claim that is nil is left out.
func statement(t *testing.T, alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	said := maps.Clone(claims)
	maps.DeleteFunc(said, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// asserting is a desk whose nodes share what was used once.
type asserting struct {
	*desk
	used map[string]time.Time
}

func newAsserting(t *testing.T) *asserting {
	t.Helper()
	a := &asserting{desk: newDesk(t), used: map[string]time.Time{}}
	a.Keeper = a.node(t)
	return a
}

// node is another node that has the same database.
func (a *asserting) node(t *testing.T) *Keeper {
	t.Helper()
	cfg := a.cfg
	cfg.Once = func(_ context.Context, name string, until time.Time) (bool, error) {
		if a.shelf.down != nil {
			return false, a.shelf.down
		}
		_, had := a.used[name]
		a.used[name] = until
		return !had, nil
	}
	k, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a *asserting) claims(id string) map[string]any {
	return map[string]any{"iss": id, "sub": id, "aud": tokens, "exp": a.now.Add(time.Minute).Unix(), "jti": "j" + base64.RawURLEncoding.EncodeToString([]byte(time.Now().String()))}
}

func (a *asserting) try(k *Keeper, text string) error {
	t, err := k.IssueAsserted(context.Background(), Asserted{Text: text, Audiences: []string{tokens, "https://callbox.example"}}, nil, home)
	if err == nil {
		_, err = k.Check(context.Background(), t.Text, home)
	}
	return err
}

// Proves: N-17, N-42, RFC 7523 sections 2.2 and 3, RFC 7517, RFC 7518 section 3.1
func TestAClientSignsInPlaceOfASecret(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	edPublic, ed, _ := ed25519.GenerateKey(rand.Reader)
	for _, c := range []struct {
		name   string
		alg    jose.SignatureAlgorithm
		key    any
		public string
	}{
		{"ES256, registered in PEM", jose.ES256, ec, pemOf(t, ec.Public())},
		{"ES256, registered as a JWK", jose.ES256, ec, jwkOf(t, ec.Public())},
		{"RS256", jose.RS256, rs, pemOf(t, rs.Public())},
		{"PS256", jose.PS256, rs, jwkOf(t, rs.Public())},
		{"EdDSA", jose.EdDSA, ed, pemOf(t, edPublic)},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAsserting(t)
			k, text, err := a.Create(t.Context(), "ann", Wish{Org: "mill", Name: "n", Scopes: []Scope{ScopeRead}, PublicKey: c.public})
			if err != nil || text != "" || len(k.Secrets) != 1 || len(k.Secrets[0].Mark) != markLength {
				t.Fatalf("%+v %q %v", k, text, err)
			}
			s := statement(t, c.alg, c.key, a.claims(k.ID))
			if err := a.try(a.Keeper, s); err != nil {
				t.Fatal(err)
			}
			if err := a.try(a.node(t), s); !errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), "used before") {
				t.Errorf("once more, at another node: %v", err)
			}
		})
	}
}

// Proves: E14, N-42, RFC 7523 section 3, RFC 8725
func TestAStatementIsRefused(t *testing.T) {
	a := newAsserting(t)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	public := pemOf(t, ec.Public())
	k, _, err := a.Create(t.Context(), "ann", Wish{Org: "mill", Name: "n", Scopes: []Scope{ScopeRead}, PublicKey: public})
	if err != nil {
		t.Fatal(err)
	}
	shown, secret := a.make(t, Wish{Org: "mill"})
	with := func(name string, v any) string {
		c := a.claims(k.ID)
		c[name] = v
		return statement(t, jose.ES256, ec, c)
	}
	good := statement(t, jose.ES256, ec, a.claims(k.ID))
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	unsigned := b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	at := func(d time.Duration) int64 { return a.now.Add(d).Unix() }
	for _, c := range []struct{ name, text, says string }{
		{"not signed", unsigned, ""},
		{"HMAC with the public key as the secret", statement(t, jose.HS256, []byte(public), a.claims(k.ID)), ""},
		{"an algorithm that is not on the list", statement(t, jose.ES384, p384, a.claims(k.ID)), ""},
		{"another key", statement(t, jose.ES256, other, a.claims(k.ID)), ""},
		{"a key of another kind", statement(t, jose.RS256, rs, a.claims(k.ID)), ""},
		{"claims that were changed", parts[0] + "." + b64([]byte(strings.Replace(mustPlain(t, parts[1]), "callbox", "evilbox", 1))) + "." + parts[2], ""},
		{"a signature that was cut", good[:len(good)-4], ""},
		{"JSON in place of three parts", `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`, ""},
		{"nothing", "", ""},
		{"ten thousand dots", strings.Repeat(".", 10_000), ""},
		{"of a client that is not there", statement(t, jose.ES256, ec, a.claims("0123456789abcdef")), ""},
		{"of a client that has a secret alone", statement(t, jose.ES256, ec, a.claims(shown.ID)), ""},
		{"signed with a secret that was shown", statement(t, jose.HS256, []byte(secret), a.claims(shown.ID)), ""},
		{"no subject", with("sub", nil), ""},

		{"another issuer", with("iss", "0123456789abcdef"), "iss and sub"},
		{"no issuer", with("iss", nil), "iss and sub"},
		{"for another server", with("aud", "https://other.example/token"), "aud has to be"},
		{"for us and for another", with("aud", []string{tokens, "https://other.example/token"}), "aud has to be"},
		{"for nobody", with("aud", nil), "aud has to be"},
		{"no end", with("exp", nil), "needs exp"},
		{"an end that is text", with("exp", "tomorrow"), ""},
		{"an end that is none", with("exp", -5), "needs exp"},
		{"an end in another age", with("exp", 1e30), "needs exp"},
		{"good for a day", with("exp", at(24*time.Hour)), "more than five minutes"},
		{"ended", with("exp", at(-2*time.Minute)), "has expired"},
		{"begins in an hour", with("nbf", at(2*time.Minute)), "begins later"},
		{"made in an hour", with("iat", at(2*time.Minute)), "begins later"},
		{"no name of its own", with("jti", nil), "needs a jti"},
		{"too long a name", with("jti", strings.Repeat("x", 257)), "needs a jti"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clear(a.wrong) // the address has not shown too many
			err := a.try(a.Keeper, c.text)
			if !errors.Is(err, ErrWrong) || c.says != "" && !strings.Contains(err.Error(), c.says) || c.says == "" && err != ErrWrong { //nolint:errorlint // the very value: no more is said
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	if len(a.used) != 0 {
		t.Errorf("what was refused used names up: %v", a.used)
	}
	if _, err := a.IssueAsserted(t.Context(), Asserted{Text: good, Client: shown.ID, Audiences: []string{tokens}}, nil, home); !errors.Is(err, ErrWrong) {
		t.Errorf("sent as another client: %v", err)
	}
	a.shelf.down = e911.Errorf(e911.Unavailable, "down")
	if err := a.try(a.Keeper, good); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("while the database is down: %v", err)
	}
	a.shelf.down = nil
	for name, iat := range map[string]time.Duration{"a clock half a minute ahead": 30 * time.Second, "half a minute behind": -30 * time.Second} {
		c := a.claims(k.ID)
		c["iat"], c["nbf"], c["exp"], c["jti"] = at(iat), at(iat), at(iat+AssertionLife), name
		if err := a.try(a.Keeper, statement(t, jose.ES256, ec, c)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.Revoke(t.Context(), "ann", "mill", k.ID); err != nil {
		t.Fatal(err)
	}
	if err := a.try(a.Keeper, good); err != ErrWrong { //nolint:errorlint // the very value
		t.Errorf("after the key ended: %v", err)
	}
}

func mustPlain(t *testing.T, part string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Proves: N-42
func TestPublicKeysAreRotatedAndReadWithCare(t *testing.T) {
	a := newAsserting(t)
	first, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	second, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k, text := a.make(t, Wish{Org: "mill"})
	k, err := a.RotatePublic(t.Context(), "ann", k, time.Hour, pemOf(t, first.Public()))
	if err != nil || len(k.Secrets) != 2 {
		t.Fatal(k, err)
	}
	if _, err := a.Check(t.Context(), text, home); err != nil {
		t.Errorf("the secret goes on beside it: %v", err)
	}
	if _, err := a.RotatePublic(t.Context(), "ann", k, 0, pemOf(t, second.Public())); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Check(t.Context(), text, home); err == nil {
		t.Error("the secret goes on")
	}
	for key, want := range map[crypto.Signer]bool{first: false, second: true} {
		if err := a.try(a.Keeper, statement(t, jose.ES256, key, a.claims(k.ID))); (err == nil) != want {
			t.Errorf("%v: %v", want, err)
		}
	}
	small, _ := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that it is refused is the test
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	private, _ := x509.MarshalPKCS8PrivateKey(first)
	for _, c := range []struct{ name, text, code string }{
		{"a private key in PEM", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), "private"},
		{"a private key as a JWK", jwkOf(t, first), "private"},
		{"a shared key", jwkOf(t, []byte("0123456789abcdef0123456789abcdef")), "syntax"},
		{"RSA of 1024 bits", pemOf(t, small.Public()), "kind"},
		{"P-384", pemOf(t, p384.Public()), "kind"},
		{"two keys", pemOf(t, first.Public()) + pemOf(t, second.Public()), "syntax"},
		{"a text", "ssh-ed25519 AAAA", "syntax"},
		{"too much", strings.Repeat("x", maxPublicKey+1), "too_long"},
	} {
		_, _, err := a.Create(t.Context(), "ann", Wish{Org: "mill", Name: "n", Scopes: []Scope{ScopeRead}, PublicKey: c.text})
		if f := e911.FaultsOf(err); len(f) != 1 || f[0].Code != c.code || f[0].Path != "public_key" {
			t.Errorf("%s: %v", c.name, f)
		}
	}
}
