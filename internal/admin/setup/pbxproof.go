package setup

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// maxPBXCertificates of one PBX: that of each of a pair, and those that they are
// changed to. maxPEM bounds what is uploaded.
const (
	maxPBXCertificates = 4
	maxPEM             = 64 << 10
)

// CertificateNote is what is known of a pinned certificate.
type CertificateNote struct {
	Hash    string    `json:"hash"` // "sha256:..."
	Subject string    `json:"subject,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// PBXCertificate is a client certificate of a PBX, with a proof that it has the key:
// a request (PKCS #10, RFC 2986) by the same key whose common name is the user that
// the PBX was given. A certificate is shown to everybody; without the proof, who pins
// another's first would be taken for it.
type PBXCertificate struct {
	Certificate string `json:"certificate"` // PEM
	Request     string `json:"request"`     // PEM
}

// PinCertificate lets a PBX be known by its client certificate, by its hash, beside
// its secret.
func (s *Service) PinCertificate(ctx context.Context, who admin.Actor, org e911.OrgID, key string, c PBXCertificate) (CertificateNote, error) {
	t, p, err := s.own(ctx, org, key)
	if err != nil {
		return CertificateNote{}, err
	}
	crt, err := proved(c, p.User)
	if err != nil {
		return CertificateNote{}, err
	}
	now := s.cfg.Now()
	if now.After(crt.NotAfter) {
		return CertificateNote{}, fault("certificate", "range", "the certificate has expired", "have it made anew, and give that")
	}
	sum := sha256.Sum256(crt.Raw)
	n := CertificateNote{
		Hash: "sha256:" + hex.EncodeToString(sum[:]), Subject: crt.Subject.String(), Until: crt.NotAfter.UTC(), By: string(who), At: now.UTC().Truncate(time.Millisecond),
	}
	v := t.Value
	switch {
	case slices.Contains(v.Certificates, n.Hash):
		return n, nil
	case len(v.Certificates) >= maxPBXCertificates:
		return CertificateNote{}, e911.Errorf(e911.Conflict, "%s has %d certificates already: take one away first", key, maxPBXCertificates)
	}
	v.Certificates = append(slices.Clone(v.Certificates), n.Hash)
	err = s.savePBX(ctx, who, v, t.Version, Note{Verb: "pin_pbx_certificate", Key: key, Detail: n}, func(o *PBX) { o.Certificates = append(o.Certificates, n) })
	return n, inUse(err)
}

// inUse says that a certificate is taken, and not by whom.
func inUse(err error) error {
	for _, f := range e911.FaultsOf(err) {
		if strings.HasPrefix(f.Path, "certificates") && f.Code == check.Duplicate {
			return fault("certificate", check.Duplicate, "this certificate is in use already", "give the PBX a key and a certificate of its own")
		}
	}
	return err
}

// proved reads a certificate whose key made the request.
func proved(c PBXCertificate, user string) (*x509.Certificate, error) {
	const fix = `paste all of it, from "-----BEGIN" to "-----END"`
	crt, err := block(c.Certificate, []string{"CERTIFICATE"}, x509.ParseCertificate)
	if err != nil {
		return nil, fault("certificate", "syntax", "this is no certificate in PEM", fix)
	}
	req, err := block(c.Request, []string{"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}, x509.ParseCertificateRequest)
	if err != nil {
		return nil, fault("request", "syntax", "this is no certificate request in PEM", `make it with the key of the certificate: openssl req -new -key KEY -subj "/CN=`+user+`"`)
	}
	key, known := crt.PublicKey.(interface{ Equal(x crypto.PublicKey) bool })
	switch {
	case !known:
		return nil, fault("certificate", "not_offered", "a key of this kind is not known here", "RSA, ECDSA or Ed25519")
	case req.CheckSignature() != nil:
		return nil, fault("request", "forbidden", "the request is not signed by its key", "make it anew, and change nothing of it")
	case !key.Equal(req.PublicKey):
		return nil, fault("request", "forbidden", "the request is by another key than the certificate", "make it with the key that the PBX uses")
	case req.Subject.CommonName != user:
		return nil, fault("request", "forbidden", "the request is not for this PBX", "its common name must be "+user)
	}
	return crt, nil
}

// block reads one PEM block of one of some types.
func block[T any](text string, types []string, parse func([]byte) (T, error)) (out T, err error) {
	if len(text) > maxPEM {
		return out, errors.New("too long")
	}
	b, _ := pem.Decode([]byte(text))
	if b == nil || !slices.Contains(types, b.Type) {
		return out, errors.New("no such block")
	}
	return parse(b.Bytes)
}

// UnpinCertificate ends a certificate. The secrets stay.
func (s *Service) UnpinCertificate(ctx context.Context, who admin.Actor, org e911.OrgID, key, hash string) error {
	t, _, err := s.own(ctx, org, key)
	if err != nil {
		return err
	}
	v := t.Value
	left := slices.DeleteFunc(slices.Clone(v.Certificates), func(h string) bool { return h == hash })
	if len(left) == len(v.Certificates) {
		return e911.Errorf(e911.NotFound, "%s has no such certificate", key)
	}
	v.Certificates = left
	return s.savePBX(ctx, who, v, t.Version, Note{Verb: "unpin_pbx_certificate", Key: key, Detail: map[string]string{"hash": hash}}, func(o *PBX) {
		o.Certificates = slices.DeleteFunc(o.Certificates, func(n CertificateNote) bool { return n.Hash == hash })
	})
}

// certificateNotes says of each pinned certificate what is known of it.
func certificateNotes(live []string, kept []CertificateNote) []CertificateNote {
	out := make([]CertificateNote, 0, len(live))
	for _, h := range live {
		n := CertificateNote{Hash: h}
		if i := slices.IndexFunc(kept, func(k CertificateNote) bool { return k.Hash == h }); i >= 0 {
			n = kept[i]
		}
		out = append(out, n)
	}
	return out
}
