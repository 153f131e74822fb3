package stir

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Levels of attestation (ATIS-1000074; RFC 8588, section 4).
const (
	AttestFull    = "A" // we know the caller, and that the number is his to use
	AttestPartial = "B" // we know the caller
	AttestGateway = "C" // we know where it came in
)

// SignerConfig is what a Signer needs; all of it is required but Authority.
type SignerConfig struct {
	// Key gives the key that is in use, on P-256; it may change.
	Key func() *ecdsa.PrivateKey
	X5U string // https URI where others find its certificates
	// Authority: the operator declares that his certificate may vouch for
	// Resource-Priority esnet (F-25). Without it no rph PASSporT is made.
	Authority bool
}

// Signer makes PASSporTs. Safe for concurrent use.
type Signer struct {
	cfg SignerConfig

	mu  sync.Mutex
	key *ecdsa.PrivateKey
	by  map[string]jose.Signer // of key, by ppt
}

// NewSigner checks cfg, reporting all its faults.
func NewSigner(cfg SignerConfig) (*Signer, error) {
	var errs []error
	if cfg.Key == nil {
		errs = append(errs, errors.New("key is required"))
	} else if err := usable(cfg.Key()); err != nil {
		errs = append(errs, err)
	}
	if u, err := url.Parse(cfg.X5U); err != nil || u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("x5u %q: give the https URI at which others find the certificate", cfg.X5U))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configure signing: %w", err)
	}
	return &Signer{cfg: cfg}, nil
}

func usable(key *ecdsa.PrivateKey) error {
	if key == nil || key.Curve != elliptic.P256() {
		return errors.New("key: PASSporT is signed with ES256: give an elliptic curve key on P-256")
	}
	return nil
}

// signer is that of the key in use.
func (s *Signer) signer(ppt string) (jose.Signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.cfg.Key()
	if err := usable(key); err != nil {
		return nil, err
	}
	if key == s.key {
		return s.by[ppt], nil
	}
	by := map[string]jose.Signer{}
	for _, ppt := range []string{Shaken, RPH} {
		opts := (&jose.SignerOptions{}).WithType("passport").WithHeader("ppt", ppt).WithHeader("x5u", s.cfg.X5U)
		made, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, opts)
		if err != nil {
			return nil, fmt.Errorf("use the signing key: %w", err)
		}
		by[ppt] = made
	}
	s.key, s.by = key, by
	return by[ppt], nil
}

// Statement is what a call is signed for.
type Statement struct {
	Orig   string // the caller's number as it goes out, +E.164
	Dest   string // dialled number, "911"; or
	URN    string // the URN that the INVITE is addressed to
	Attest string
	OrigID string // UUID of where the call came in
	Auth   string // Resource-Priority of the INVITE, "esnet.1"; empty: none
	Now    time.Time
}

// Sign returns the values of the Identity header fields of an INVITE: shaken,
// and rph where it carries a priority that the operator may vouch for.
func (s *Signer) Sign(st Statement) ([]string, error) {
	c := claims{Attest: st.Attest, IAT: seconds(st.Now.Unix()), Orig: one{TN: digits(st.Orig)}, OrigID: st.OrigID}
	if st.URN != "" {
		c.Dest.URI = []string{st.URN}
	} else {
		c.Dest.TN = []string{digits(st.Dest)}
	}
	shaken, err := s.sign(Shaken, c)
	if err != nil || st.Auth == "" || !s.cfg.Authority {
		return nonEmpty(shaken), err
	}
	c.Attest, c.OrigID, c.RPH = "", "", &rphClaim{Auth: []string{st.Auth}}
	rph, err := s.sign(RPH, c)
	return nonEmpty(shaken, rph), err
}

func nonEmpty(list ...string) (out []string) {
	for _, v := range list {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (s *Signer) sign(ppt string, c claims) (string, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write a PASSporT: %w", err)
	}
	with, err := s.signer(ppt)
	if err != nil {
		return "", err
	}
	jws, err := with.Sign(body)
	if err != nil {
		return "", fmt.Errorf("sign a PASSporT: %w", err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("write a PASSporT: %w", err)
	}
	return compact + ";info=<" + s.cfg.X5U + ">;alg=ES256;ppt=" + ppt, nil
}
