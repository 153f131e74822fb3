package app

import (
	"net/http"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// own is what users said of where their devices are, for the location server,
// which is made before HELD+ is.
func (s *Server) own(org e911.OrgID, device string, now time.Time) []locate.Candidate {
	return s.plus.Own(org, device, now)
}

// registeredPlace is what a user said is his place, for the location server.
func (s *Server) registeredPlace(org e911.OrgID, user e911.UserID) locate.Registered {
	return s.plus.Registered(org, user)
}

// locationHTTP serves HELD, location URIs, HELD+ and LoST on one listener
// (D-11).
func (s *Server) locationHTTP() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, heldplus.Prefix+"/") {
			s.plus.ServeHTTP(w, r)
			return
		}
		if lostd.Serves(r.URL.Path) {
			s.lost.server.ServeHTTP(w, r)
			return
		}
		s.lis.ServeHTTP(w, r)
	})
}
