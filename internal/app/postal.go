package app

import (
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/postal"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// postalCodes is the built-in table; without one the rules go without.
func (s *Server) postalCodes() civic.Postal {
	table, err := postal.BuiltIn()
	if err != nil {
		s.cfg.Log.Warn("postal codes are not compared with cities", obs.Err(err))
		return nil
	}
	return table
}
