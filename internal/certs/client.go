package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"
)

// LapsedFor is how long after its end a client's certificate still tells who the
// client was (F-10). It proves nothing then.
const LapsedFor = 30 * 24 * time.Hour

// Vouch says what a client's certificate proves, the client's own first in chain:
// "sha256:" and its hash, for the handshake proved its key, and its DNS names and
// URIs where roots vouch for it as a client's. One that expired within LapsedFor
// gives the same as lapsed instead; one that is not good yet, or whose end is
// longer ago, gives nothing.
func Vouch(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) (names, lapsed []string) {
	if len(chain) == 0 || now.Before(chain[0].NotBefore) {
		return nil, nil
	}
	own, at := chain[0], now
	over := now.After(own.NotAfter)
	if over {
		if now.Sub(own.NotAfter) > LapsedFor {
			return nil, nil
		}
		at = own.NotAfter
	}
	sum := sha256.Sum256(own.Raw)
	said := []string{"sha256:" + hex.EncodeToString(sum[:])}
	if roots != nil {
		opts := x509.VerifyOptions{
			Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		for _, c := range chain[1:] {
			opts.Intermediates.AddCert(c)
		}
		if _, err := own.Verify(opts); err == nil {
			said = append(said, own.DNSNames...)
			for _, u := range own.URIs {
				said = append(said, u.String())
			}
		}
	}
	if over {
		return nil, said
	}
	return said, nil
}
