// Package geo answers "is this point inside that area" fast and the same way
// every time, checks that an area is plausible, and reads the TopoJSON of
// us-atlas. Coordinates are WGS 84 degrees; polygons are planar in degrees,
// never across the antimeridian.
package geo

import "github.com/callbox911/callbox/internal/e911"

// Index finds the areas that hold a point. Immutable; safe for concurrent use.
// The zero Index holds nothing.
type Index struct{}

// NewIndex prepares areas; a point is later answered with positions in this
// slice. Areas are expected to have passed Check.
func NewIndex(areas []e911.MultiPolygon) *Index { return &Index{} }

// First returns the lowest position whose area holds p, edges included, so
// that a point on a shared edge always has the same answer; -1 when none does.
// It does not allocate.
func (x *Index) First(p e911.Point) int { return -1 }

// All appends every position whose area holds p to dst, ascending.
func (x *Index) All(dst []int, p e911.Point) []int { return dst }

// Contains reports whether m holds p, edges included.
func Contains(m e911.MultiPolygon, p e911.Point) bool { return false }

// Check returns what makes m unusable as an area: too few points, points off
// the globe, no surface, a surface no PSAP has, a ring across the antimeridian.
// Paths are relative to m: "[0][1]" is the first polygon's first hole.
func Check(m e911.MultiPolygon) []e911.Fault { return nil }

// SquareKM returns the surface of m in square kilometres on a sphere.
func SquareKM(m e911.MultiPolygon) float64 { return 0 }

// Metres returns the great-circle distance of two points.
func Metres(a, b e911.Point) float64 { return 0 }

// County is one county of a TopoJSON layer.
type County struct {
	FIPS string
	Name string // "Middlesex", without the word county
	Area e911.MultiPolygon
}

// DecodeCounties reads the object "counties" of a TopoJSON topology such as
// us-atlas. Outer rings come out counter-clockwise and holes clockwise; rings
// of fewer than three points are left out, so a county's Area may be empty.
func DecodeCounties(topojson []byte) ([]County, error) { return nil, nil }
