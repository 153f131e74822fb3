package saml

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

// keyYears is how long our certificate runs. Identity providers pin it; a date that
// passes would lock a customer out for no gain.
const keyYears = 20

// NewKeyPair makes a key pair of ours for one provider, PEM: the certificate that its
// administrator loads, and the key.
func NewKeyPair(name string, now time.Time) (certificate string, key e911.Secret, err error) {
	pair, err := rsa.GenerateKey(rand.Reader, minBits)
	if err != nil {
		return "", "", fmt.Errorf("make a key for SAML: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return "", "", fmt.Errorf("make a certificate for SAML: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(keyYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, pair.Public(), pair)
	if err != nil {
		return "", "", fmt.Errorf("make a certificate for SAML: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		return "", "", fmt.Errorf("write a key for SAML: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		e911.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), nil
}

var errKeyPair = e911.Errorf(e911.Invalid, "our key pair for this provider is missing or damaged; save the provider without one, and load our metadata at the identity provider again")

// certificate reads ours of a provider.
func certificate(p federation.Provider) (*x509.Certificate, error) {
	if p.SAML == nil {
		return nil, e911.Errorf(e911.Invalid, "the provider does not speak SAML")
	}
	c, _ := pem.Decode([]byte(p.SAML.Certificate))
	if c == nil {
		return nil, errKeyPair
	}
	cert, err := x509.ParseCertificate(c.Bytes)
	if err != nil {
		return nil, errKeyPair
	}
	return cert, nil
}

// keyPair reads ours of a provider.
func keyPair(p federation.Provider) (*rsa.PrivateKey, *x509.Certificate, error) {
	cert, err := certificate(p)
	if err != nil {
		return nil, nil, err
	}
	k, _ := pem.Decode([]byte(p.SAML.SigningKey))
	if k == nil {
		return nil, nil, errKeyPair
	}
	parsed, err := x509.ParsePKCS8PrivateKey(k.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, errKeyPair
	}
	return key, cert, nil
}
