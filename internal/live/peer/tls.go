package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/callbox911/callbox/internal/seal"
)

// purpose is bound to the key that peers show each other.
const purpose = "callbox peers, TLS key, v1"

// errNotOurs means that the other side does not hold our master key.
var errNotOurs = errors.New("the other side does not hold the master key of this node")

// tlsConfigs are both sides of a connection between nodes: each shows a key that
// follows from the master key, and takes the very same alone. Names and times of
// the certificates mean nothing; no authority and no file is needed.
func tlsConfigs(ring *seal.Ring, node string) (client, server *tls.Config, err error) {
	seed, err := ring.Derive(purpose)
	if err != nil {
		return nil, nil, fmt.Errorf("make the key of this node: %w", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: node},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make the certificate of this node: %w", err)
	}
	ours := func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) != 1 {
			return errNotOurs
		}
		shown, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
		if !ok || !bytes.Equal(shown, public) {
			return errNotOurs
		}
		return nil
	}
	pair := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	client = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: pair, VerifyConnection: ours,
		InsecureSkipVerify: true, //nolint:gosec // the one key that is taken is compared by VerifyConnection
	}
	server = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: pair, VerifyConnection: ours,
		ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true,
	}
	return client, server, nil
}
