package lis

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// ClientCertificates returns the TLS configuration with what a listener of the
// location server needs to know its clients: certificates are asked for and not
// required, because a device that asks for its own location needs none (RFC
// 5985, section 8). The handshake proves the key; whether the certificate means
// anything is decided by request, by its hash or by Config.ClientRoots.
func ClientCertificates(base *tls.Config) *tls.Config {
	out := base.Clone()
	if out.ClientAuth < tls.RequestClientCert {
		out.ClientAuth = tls.RequestClientCert
	}
	out.MinVersion = max(out.MinVersion, tls.VersionTLS12)
	return out
}

// vouched remembers which certificates the client roots vouch for: checking a
// chain costs more than a whole request. Safe for concurrent use.
type vouched struct {
	mu    sync.Mutex
	roots *x509.CertPool         // that vouch for what was seen
	seen  map[[32]byte]time.Time // until when
}

const (
	maxVouched = 1024
	vouchFor   = 10 * time.Minute
)

// by returns whether roots vouch for the first of a chain of certificates.
func (v *vouched) by(roots *x509.CertPool, chain []*x509.Certificate, hash [32]byte, now time.Time) bool {
	if roots == nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if roots != v.roots { // a root that was taken away vouches for nothing
		v.roots, v.seen = roots, nil
	}
	if until, ok := v.seen[hash]; ok && now.Before(until) {
		return true
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return false
	}
	if v.seen == nil || len(v.seen) >= maxVouched {
		v.seen = map[[32]byte]time.Time{}
	}
	until := now.Add(vouchFor)
	if chain[0].NotAfter.Before(until) {
		until = chain[0].NotAfter
	}
	v.seen[hash] = until
	return true
}

// byCertificate makes the asker a platform when its client certificate is one's.
// A company that is named must be the platform's own.
func (s *Server) byCertificate(snap *snapshot.Snapshot, ix *index, a *asker, r *http.Request, named *snapshot.Org, anyNamed bool) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || len(ix.byCert) == 0 {
		return
	}
	leaf := r.TLS.PeerCertificates[0]
	now := s.now()
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return
	}
	hash := sha256.Sum256(leaf.Raw)
	owners := ix.byCert["sha256:"+hex.EncodeToString(hash[:])]
	if len(owners) == 0 && s.vouched.by(s.cfg.ClientRoots(), r.TLS.PeerCertificates, hash, now) {
		for _, name := range leaf.DNSNames {
			if !strings.Contains(name, ":") { // not a hash that somebody put where a name belongs
				owners = append(owners, ix.byCert[strings.ToLower(name)]...)
			}
		}
	}
	var found *snapshot.Org
	for _, o := range owners {
		org := snap.Org(o.org)
		if org == nil || (anyNamed && (named == nil || named.ID() != o.org)) || (len(o.from) > 0 && !contains(o.from, a.addr)) {
			continue
		}
		if found != nil && found.ID() != o.org {
			return // of two organisations, and none is named
		}
		found = org
	}
	if found != nil {
		a.org, a.role = found, byPlatform
	}
}

// certificateKey is how the index knows an entry of HELDPlatform.Certificates:
// hashes without colons and in small letters, as names are.
func certificateKey(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if hash, ok := strings.CutPrefix(text, "sha256:"); ok {
		return "sha256:" + strings.ReplaceAll(hash, ":", "")
	}
	return text
}

// owner is a platform that a certificate belongs to.
type owner struct {
	org  e911.OrgID
	from []prefix
}
