package apikey

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/callbox911/callbox/internal/e911"
)

// A client proves itself without sending a secret: it signs a statement with a private
// key that never leaves it (RFC 7523, sections 2.2 and 3; "private_key_jwt" of OpenID
// Connect Core 1.0, section 9). Of the pair a Secret keeps the public half.

// AssertionType is the client_assertion_type of such a statement.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Bounds of a statement.
const (
	maxAssertion = 4096 // octets
	// AssertionLife is how far ahead its exp may be.
	AssertionLife = 5 * time.Minute
	// assertionSkew is how far a client's clock may be off.
	assertionSkew = time.Minute
	maxJTI        = 256
	maxPublicKey  = 8192 // octets
	minRSABits    = 2048
	maxRSABits    = 4096 // each costs its square to check
)

// AssertionAlgorithms are those that statements are signed with.
func AssertionAlgorithms() []string {
	out := make([]string, len(assertionAlgorithms))
	for i, a := range assertionAlgorithms {
		out[i] = string(a)
	}
	return out
}

var assertionAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}

// Asserted is a statement as a client sent it.
type Asserted struct {
	Text string
	// Client is the client_id that was sent beside it; none: what the statement says.
	Client string
	// Audiences are our names: the address of tokens, and the issuer.
	Audiences []string
}

// publicKey reads a public key that somebody registers: PEM (RFC 7468, section 13) or
// JWK (RFC 7517). It returns it as SubjectPublicKeyInfo, in DER.
func publicKey(text string) ([]byte, []e911.Fault) {
	wrong := func(code, msg, fix string) ([]byte, []e911.Fault) {
		return nil, []e911.Fault{{Path: "public_key", Code: code, Msg: msg, Fix: fix}}
	}
	text = strings.TrimSpace(text)
	if len(text) > maxPublicKey {
		return wrong("too_long", "this is longer than a public key", "give one, in PEM or as a JWK")
	}
	if strings.Contains(text, "PRIVATE KEY") {
		return wrong("private", "this is a private key: it has been shown now", "make a new pair, and give its public key alone")
	}
	var key any
	if block, rest := pem.Decode([]byte(text)); block != nil && block.Type == "PUBLIC KEY" && len(bytes.TrimSpace(rest)) == 0 {
		key, _ = x509.ParsePKIXPublicKey(block.Bytes)
	} else {
		var jwk jose.JSONWebKey
		if err := json.Unmarshal([]byte(text), &jwk); err != nil || !jwk.Valid() {
			return wrong("syntax", "this is no public key", "give one in PEM (BEGIN PUBLIC KEY) or as a JWK")
		}
		if !jwk.IsPublic() {
			return wrong("private", "this has a private or a shared key in it: it has been shown now", "make a new pair, and give its public key alone")
		}
		key = jwk.Key
	}
	if !fit(key) {
		return wrong("kind", "keys of this kind are not taken", "take P-256, RSA of 2048 to 4096 bits, or Ed25519")
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return wrong("syntax", "this is no public key", "give one in PEM (BEGIN PUBLIC KEY) or as a JWK")
	}
	return der, nil
}

func fit(key any) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return k.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize
	}
	return false
}

// said are the claims of a statement.
type said struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expires  *json.Number    `json:"exp"`
	Before   *json.Number    `json:"nbf"`
	Issued   *json.Number    `json:"iat"`
	ID       string          `json:"jti"`
}

// IssueAsserted exchanges a statement for a token, as Issue does a secret. A statement
// is taken once, whichever node it is shown to; with the database down none is.
func (k *Keeper) IssueAsserted(ctx context.Context, a Asserted, scopes []Scope, from netip.Addr) (Token, error) {
	key, which, err := k.asserted(ctx, a, from)
	if err != nil {
		return Token{}, err
	}
	return k.issue(key, which, scopes, from)
}

// AuthenticateAsserted checks a client by its statement, as Authenticate does.
func (k *Keeper) AuthenticateAsserted(ctx context.Context, a Asserted, from netip.Addr) (Key, error) {
	key, _, err := k.asserted(ctx, a, from)
	return key, err
}

// asserted also returns the id of the secret whose private half signed.
func (k *Keeper) asserted(ctx context.Context, a Asserted, from netip.Addr) (Key, string, error) {
	if len(a.Text) > maxAssertion {
		return Key{}, "", k.refuse(from)
	}
	signed, err := jose.ParseSignedCompact(a.Text, assertionAlgorithms)
	if err != nil {
		return Key{}, "", k.refuse(from)
	}
	var s said
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &s) != nil || !isID(s.Subject) || a.Client != "" && a.Client != s.Subject {
		return Key{}, "", k.refuse(from)
	}
	key, err := k.record(ctx, s.Subject)
	if err != nil && e911.KindOf(err) != e911.NotFound {
		return Key{}, "", err
	}
	now := k.cfg.Now()
	which := key.signer(signed, now)
	if err != nil || which == "" || !key.Valid(now) {
		return Key{}, "", k.refuse(from)
	}
	until, why := s.judge(key.ID, a.Audiences, now)
	if why != "" {
		// Whoever has the private key is told what is wrong with what he says.
		return Key{}, "", &e911.Error{Kind: e911.Denied, Msg: "the statement is signed rightly, and " + why, Err: ErrWrong}
	}
	if k.cfg.Once == nil {
		return Key{}, "", e911.Errorf(e911.Unavailable, "no statements are taken here")
	}
	first, err := k.cfg.Once(ctx, "assertion "+key.ID+" "+s.ID, until)
	if err != nil {
		return Key{}, "", err
	}
	if !first {
		return Key{}, "", &e911.Error{Kind: e911.Denied, Msg: "the statement was used before: sign another, with a jti of its own", Err: ErrWrong}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used[key.ID] = now
	return key, which, nil
}

func isID(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == idLength/2 && strings.ToLower(s) == s
}

// signer finds the live secret whose private half made a signature; "": none.
func (k *Key) signer(signed *jose.JSONWebSignature, now time.Time) string {
	for i := range k.Secrets {
		s := &k.Secrets[i]
		if len(s.Public) == 0 || !s.Live(now) {
			continue
		}
		key, err := x509.ParsePKIXPublicKey(s.Public)
		if err != nil || !fit(key) {
			continue
		}
		if _, err := signed.Verify(key); err == nil {
			return s.ID
		}
	}
	return ""
}

// judge says what is wrong with the claims of a statement (RFC 7523, section 3), and how
// long it could be shown again.
func (s *said) judge(client string, audiences []string, now time.Time) (until time.Time, why string) {
	expires, ok1 := moment(s.Expires)
	before, ok2 := moment(s.Before)
	issued, ok3 := moment(s.Issued)
	switch {
	case s.Issuer != client || s.Subject != client:
		return until, "iss and sub have both to be the client_id"
	case !slices.Contains(audiences, s.audience()):
		return until, "aud has to be one text: " + strings.Join(audiences, " or ")
	case !ok1 || !ok2 || !ok3 || expires.IsZero():
		return until, "it needs exp, and times in seconds since 1970"
	case !now.Before(expires.Add(assertionSkew)):
		return until, fmt.Sprintf("it has expired: our clock says %s", now.UTC().Format(time.RFC3339))
	case expires.Sub(now) > AssertionLife+assertionSkew:
		return until, "exp is more than five minutes ahead"
	case before.After(now.Add(assertionSkew)) || issued.After(now.Add(assertionSkew)):
		return until, fmt.Sprintf("it begins later: our clock says %s", now.UTC().Format(time.RFC3339))
	case s.ID == "" || len(s.ID) > maxJTI:
		return until, "it needs a jti of 1 to 256 octets that no other has"
	}
	return expires.Add(assertionSkew), ""
}

// audience is the one that is named. Several would let another server that is among them
// show the statement here.
func (s *said) audience() string {
	var one string
	if json.Unmarshal(s.Audience, &one) == nil {
		return one
	}
	var list []string
	if json.Unmarshal(s.Audience, &list) == nil && len(list) == 1 {
		return list[0]
	}
	return ""
}

// moment reads a NumericDate (RFC 7519, section 2); zero: there is none.
func moment(n *json.Number) (time.Time, bool) {
	if n == nil {
		return time.Time{}, true
	}
	f, err := n.Float64()
	if err != nil || f < 1 || f > 1<<40 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(f * 1000)), true
}

// thumb tells public keys apart: the end of the SHA-256 of one.
func thumb(der []byte) string {
	h := crypto.SHA256.New()
	h.Write(der)
	text := base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	return text[len(text)-markLength:]
}
