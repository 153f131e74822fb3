package heldplus

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// purpose is what session tokens are sealed for: a location token is none.
const purpose = "heldplus-session"

// maxToken bounds what is looked at of a token; ours are below 400 octets.
const maxToken = 1024

// claims is what a session token says.
type claims struct {
	Org     e911.OrgID  `json:"o"`
	Device  string      `json:"d"`
	User    e911.UserID `json:"u,omitempty"`
	Client  string      `json:"c"` // digest of the client id
	ID      string      `json:"i"`
	Issued  int64       `json:"t"` // milliseconds
	Expires int64       `json:"e"`
}

func (s *Server) sealSession(snap *snapshot.Snapshot, c claims) (string, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return snap.TokenRing().Seal(purpose, plain)
}

// caller is who a request with a good session is from.
type caller struct {
	claims
	snap *snapshot.Snapshot
	org  *snapshot.Org
	key  key
}

// session opens the token of a request. Ended sessions, revoked devices and
// organisations that are gone are refused.
func (s *Server) session(r *http.Request, now time.Time) (*caller, *failure) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return nil, notSignedIn("There is no session token.")
	}
	snap := s.cfg.Snapshot.Load()
	plain, err := snap.TokenRing().Open(purpose, token)
	if err != nil {
		return nil, notSignedIn("The session token is none of ours.")
	}
	c := caller{snap: snap}
	if err := json.Unmarshal(plain, &c.claims); err != nil {
		return nil, notSignedIn("The session token is none of ours.")
	}
	c.org, c.key = snap.Org(c.Org), key{c.Org, c.Device}
	switch {
	case c.org == nil:
		return nil, notSignedIn("The organisation is gone.")
	case !now.Before(time.UnixMilli(c.Expires)):
		return nil, notSignedIn("The session is over.")
	case !s.book.holds(c.key, c.Client, c.ID), s.revokedSince(&c):
		return nil, notSignedIn("The session was ended.")
	}
	return &c, nil
}

// revokedSince reports a revocation by an administrator. Signing in revokes what
// was given out to another user before, at the same moment at the latest, so a
// session counts from the moment after its own.
func (s *Server) revokedSince(c *caller) bool {
	return s.cfg.LIS.Revoked(c.Org, c.Device, time.UnixMilli(c.Issued+1))
}

// clientDigest is what is kept of a client id.
func clientDigest(org e911.OrgID, id string) string {
	sum := sha256.Sum256([]byte("client|" + string(org) + "|" + id))
	return hex.EncodeToString(sum[:16])
}

func newID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}
