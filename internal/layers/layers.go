// Package layers holds the built-in demonstration layer: the counties of the
// United States from the npm package us-atlas (ISC), which `make` puts into
// dist. A county is not a PSAP; only an organisation marked demonstration may
// be routed by it (F-23).
package layers

import (
	"embed"

	"github.com/callbox911/callbox/internal/e911"
)

//go:embed all:dist
var dist embed.FS

// USCounty returns the area of a county by its five-digit FIPS code. The error
// is Invalid for a wrong code, NotFound for an unknown county or one without an
// area at this scale, and Unavailable, saying "run make", without the layer.
func USCounty(fips string) (e911.MultiPolygon, error) {
	_, m, err := USCountyBoundary(fips)
	return m, err
}

// USCountyBoundary is USCounty with the names by which an address without a
// point finds the county: keep them in the PSAP's Boundary.
func USCountyBoundary(fips string) (e911.Boundary, e911.MultiPolygon, error) {
	_, err := dist.ReadFile("dist/counties-10m.json")
	if err != nil {
		return e911.Boundary{}, nil, e911.Errorf(e911.Unavailable, "the county layer is not built in: run make")
	}
	return e911.Boundary{USCounty: fips}, nil, nil
}
