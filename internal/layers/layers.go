// Package layers holds the built-in demonstration layer: the counties of the
// United States from the npm package us-atlas (ISC), which `make` puts into
// dist. A county is not a PSAP; only an organisation marked demonstration may
// be routed by it (F-23).
package layers

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/geo"
)

//go:embed all:dist
var dist embed.FS

// builtIn reads the embedded layer at the first question and keeps it: it is
// as constant as the file.
var builtIn = sync.OnceValues(func() (map[string]county, error) { return read(dist) })

type county struct {
	boundary e911.Boundary
	area     e911.MultiPolygon
}

// USCounty returns the area of a county by its five-digit FIPS code. The error
// is Invalid for a wrong code, NotFound for an unknown county or one without a
// usable area at this scale, and Unavailable, saying "run make", without the
// layer. The area is shared: it must not be changed.
func USCounty(fips string) (e911.MultiPolygon, error) {
	_, m, err := USCountyBoundary(fips)
	return m, err
}

// USCountyBoundary is USCounty with the names by which an address without a
// point finds the county: keep them in the PSAP's Boundary.
func USCountyBoundary(fips string) (e911.Boundary, e911.MultiPolygon, error) {
	all, err := builtIn()
	if err != nil {
		return e911.Boundary{}, nil, err
	}
	return find(all, fips)
}

// USCounties returns the areas of all counties that can be found, in order of
// their FIPS codes. They are shared and must not be changed.
func USCounties() ([]e911.MultiPolygon, error) {
	all, err := builtIn()
	if err != nil {
		return nil, err
	}
	var list []e911.MultiPolygon
	for _, fips := range slices.Sorted(maps.Keys(all)) {
		if _, area, err := find(all, fips); err == nil {
			list = append(list, area)
		}
	}
	return list, nil
}

func find(all map[string]county, fips string) (e911.Boundary, e911.MultiPolygon, error) {
	if len(fips) != 5 || strings.Trim(fips, "0123456789") != "" {
		return e911.Boundary{}, nil, e911.Errorf(e911.Invalid, "a county has a FIPS code of five digits, such as 25017")
	}
	c, ok := all[fips]
	if !ok {
		return e911.Boundary{}, nil, e911.Errorf(e911.NotFound, "there is no county %s in the built-in layer", fips)
	}
	if len(geo.Check(c.area)) > 0 {
		return e911.Boundary{}, nil, e911.Errorf(e911.NotFound, "county %s is too small for the built-in layer", fips)
	}
	return c.boundary, c.area, nil
}

// read decodes the layer and names each county, unless another one in its state
// has the same name: Virginia has a county and a city of Fairfax.
func read(files fs.FS) (map[string]county, error) {
	b, err := fs.ReadFile(files, "dist/counties-10m.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, e911.Errorf(e911.Unavailable, "the county layer is not built in: run make")
	}
	if err != nil {
		return nil, fmt.Errorf("read the county layer: %w", err)
	}
	decoded, err := geo.DecodeCounties(b)
	if err != nil {
		return nil, fmt.Errorf("read the county layer: %w", err)
	}
	type name struct{ state, county string }
	named := map[name]int{}
	all := make(map[string]county, len(decoded))
	for _, d := range decoded {
		c := county{boundary: e911.Boundary{USCounty: d.FIPS}, area: d.Area}
		if len(d.FIPS) == 5 {
			if s, ok := civic.StateByFIPS(d.FIPS[:2]); ok {
				c.boundary.State, c.boundary.County = s.Code, d.Name
				named[name{s.Code, strings.ToLower(d.Name)}]++
			}
		}
		all[d.FIPS] = c
	}
	for fips, c := range all {
		if named[name{c.boundary.State, strings.ToLower(c.boundary.County)}] > 1 {
			c.boundary.State, c.boundary.County = "", ""
			all[fips] = c
		}
	}
	return all, nil
}
