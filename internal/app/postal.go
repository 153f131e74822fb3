package app

import (
	"log/slog"

	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/postal"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// postalCodes is the built-in table; without one (a plain "go build") the rules
// go without, and the log says so where there is one.
func postalCodes(log *slog.Logger) civic.Postal {
	table, err := postal.BuiltIn()
	if err == nil {
		return table
	}
	if log != nil {
		log.Warn("postal codes are not compared with cities", obs.Err(err))
	}
	return nil
}
