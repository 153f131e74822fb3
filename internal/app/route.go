package app

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
)

// lostAuthority is what the authority's LoST servers said of places, from memory
// alone (F-23, E3).
type lostAuthority struct{ s *Server }

// Mapping implements emergency.Authority.
func (a lostAuthority) Mapping(p e911.Place, now time.Time) (ecrf.Answer, bool) {
	if c := a.s.lost.client; c != nil {
		return c.Mapping(p, now)
	}
	return ecrf.Answer{}, false
}
