package app

import (
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/signon/passkey"
)

// passkeys are those of the address of the pages; nil: that can have none, which is
// logged.
func (s *Server) passkeys() signon.Authenticators {
	p, err := passkey.New(s.cfg.BaseURL, "Callbox")
	if err != nil {
		s.cfg.Log.Info("nobody can sign in with a passkey here", obs.Err(err))
		return nil
	}
	return p
}
