//go:build !passkeys

package app

import "github.com/callbox911/callbox/internal/admin/signon"

// passkeys are none in a build without them.
func (s *Server) passkeys() signon.Authenticators { return nil }
