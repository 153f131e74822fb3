package stir

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxIdentity bounds one Identity header field; those in use have some 1,500
// bytes.
const maxIdentity = 16 << 10

// MaxAge is how old a PASSporT may be (RFC 8224, section 6.2.2, step 4).
const MaxAge = 60 * time.Second

// Extensions of PASSporT that are understood.
const (
	Shaken = "shaken" // RFC 8588
	RPH    = "rph"    // RFC 8443, RFC 9027
)

// Party is who calls or is called: telephone numbers in digits without "+", or
// URIs.
type Party struct {
	TN  string
	URI string
}

// Token is one PASSporT. Nothing in it is proved until Verify says so.
type Token struct {
	PPT      string // extension; empty: the base
	X5U      string // https URI of the signer's certificates
	Attest   string // shaken: A, B or C
	Orig     Party
	Dest     []Party
	IssuedAt time.Time
	OrigID   string
	Auth     []string // rph: values of Resource-Priority that are vouched for
	SPH      string   // value of Priority that is vouched for (RFC 9027)

	jws *jose.JSONWebSignature
}

// What keeps a PASSporT from being believed.
var (
	ErrIdentity  = errors.New("the Identity header cannot be read")                  // 436, 438
	ErrSignature = errors.New("the signature is not that of the certificate")        // 438
	ErrStale     = errors.New("it was not made within the last minute")              // 403
	ErrParties   = errors.New("it was made for another caller or another number")    // 438
	ErrTrust     = errors.New("no authority that is trusted vouches for the signer") // 437
	ErrNotAtHand = errors.New("the signer's certificate is not at hand yet")         // said as unchecked
)

// claims are the payload: keys in the order in which RFC 8225, section 9, has
// them written, without white space.
type claims struct {
	Attest string    `json:"attest,omitempty"`
	Dest   many      `json:"dest"`
	IAT    seconds   `json:"iat"`
	Orig   one       `json:"orig"`
	OrigID string    `json:"origid,omitempty"`
	RPH    *rphClaim `json:"rph,omitempty"`
	SPH    string    `json:"sph,omitempty"`
}

// seconds since 1970. An example of RFC 8225, section 7.1, has them in quotes, and
// so have some senders.
type seconds int64

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*s = seconds(n)
	return err
}

type many struct {
	TN  []string `json:"tn,omitempty"`
	URI []string `json:"uri,omitempty"`
}

type one struct {
	TN  string `json:"tn,omitempty"`
	URI string `json:"uri,omitempty"`
}

type rphClaim struct {
	Auth []string `json:"auth"`
}

// Parse reads the value of an Identity header field (RFC 8224, section 4), full
// form. The compact form needs what it leaves out and is not used for rph (RFC
// 9027, section 3); it is refused.
func Parse(value string) (*Token, error) {
	if len(value) > maxIdentity {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrIdentity, maxIdentity)
	}
	compact, params, _ := strings.Cut(strings.TrimSpace(value), ";")
	jws, err := jose.ParseSignedCompact(strings.TrimSpace(compact), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrIdentity, short(err.Error()))
	}
	head := jws.Signatures[0].Protected
	said := func(name string) string { s, _ := head.ExtraHeaders[jose.HeaderKey(name)].(string); return s }
	if typ := said("typ"); !strings.EqualFold(typ, "passport") {
		return nil, fmt.Errorf("%w: its type is not passport", ErrIdentity)
	}
	var c claims
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &c); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrIdentity, short(err.Error()))
	}
	t := &Token{
		PPT: said("ppt"), X5U: said("x5u"), Attest: c.Attest, Orig: Party(c.Orig), IssuedAt: time.Unix(int64(c.IAT), 0).UTC(),
		OrigID: c.OrigID, SPH: c.SPH, jws: jws,
	}
	if c.RPH != nil {
		t.Auth = c.RPH.Auth
	}
	for _, tn := range c.Dest.TN {
		t.Dest = append(t.Dest, Party{TN: tn})
	}
	for _, uri := range c.Dest.URI {
		t.Dest = append(t.Dest, Party{URI: uri})
	}
	for p := range strings.SplitSeq(params, ";") {
		name, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		v = strings.Trim(strings.TrimSpace(v), `<>"`)
		switch {
		case strings.EqualFold(name, "info") && v != t.X5U:
			return nil, fmt.Errorf("%w: info names another certificate than x5u", ErrIdentity)
		case strings.EqualFold(name, "ppt") && v != t.PPT:
			return nil, fmt.Errorf("%w: ppt is another in header and token", ErrIdentity)
		case strings.EqualFold(name, "alg") && v != string(jose.ES256):
			return nil, fmt.Errorf("%w: only ES256 is understood", ErrIdentity)
		}
	}
	if t.X5U == "" || len(t.Dest) == 0 || t.Orig == (Party{}) {
		return nil, fmt.Errorf("%w: it names no certificate, no caller or nobody called", ErrIdentity)
	}
	return t, nil
}

// Check is what a PASSporT is compared with.
type Check struct {
	Chain []*x509.Certificate // the signer's first
	Roots *x509.CertPool      // whom the operator trusts
	Now   time.Time
	Orig  string // digits of the caller's number, without "+"
	Dest  string // digits of what was dialled
	URN   string // or the URN that it stands for; empty: none
}

// Verify reports why the PASSporT cannot be believed, nil when it can (RFC 8224,
// section 6.2).
func (t *Token) Verify(c Check) error {
	if len(c.Chain) == 0 {
		return ErrNotAtHand
	}
	if age := c.Now.Sub(t.IssuedAt); age > MaxAge || age < -MaxAge {
		return fmt.Errorf("%w: it is %s old", ErrStale, age.Round(time.Second))
	}
	if !t.between(c) {
		return ErrParties
	}
	between := x509.NewCertPool()
	for _, k := range c.Chain[1:] {
		between.AddCert(k)
	}
	if _, err := c.Chain[0].Verify(x509.VerifyOptions{
		Roots: c.Roots, Intermediates: between, CurrentTime: c.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}); err != nil {
		return fmt.Errorf("%w: %s", ErrTrust, short(err.Error()))
	}
	if _, err := t.jws.Verify(c.Chain[0].PublicKey); err != nil {
		return ErrSignature
	}
	return nil
}

// between reports that caller and called are those of the request.
func (t *Token) between(c Check) bool {
	if t.Orig.TN == "" || digits(t.Orig.TN) != digits(c.Orig) {
		return false
	}
	for _, d := range t.Dest {
		if d.TN != "" && digits(d.TN) == digits(c.Dest) || d.URI != "" && c.URN != "" && strings.EqualFold(d.URI, c.URN) {
			return true
		}
	}
	return false
}

// digits is a number as RFC 8225, section 5.2.1, and RFC 8224, section 8.3, have
// it: digits alone, so that "+1 617 555 0100" and "16175550100" are one.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '*' || r == '#' {
			return r
		}
		return -1
	}, s)
}

func short(s string) string { return s[:min(len(s), 160)] }
