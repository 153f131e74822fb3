package geo

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// Index finds the areas that hold a point: a grid of equal cells, each with the
// polygons that reach into it. Most questions end in a cell that one polygon
// covers whole, the others look at the few sides that pass the cell. Immutable;
// safe for concurrent use. The zero Index holds nothing.
type Index struct {
	areas      []e911.MultiPolygon
	polygons   []polygon
	area       []int32 // of each polygon, ascending
	min, max   e911.Point
	cols, rows int
	// Cells per degree.
	perLon, perLat float64
	// Each cell: 0 without polygons, whole with the only polygon, which covers it,
	// else where its entries begin.
	cells   []uint32
	entries []uint32
}

// NewIndex prepares areas; a point is later answered with positions in this
// slice. Areas are expected to have passed Check. They are kept, and must not be
// changed.
func NewIndex(areas []e911.MultiPolygon) *Index {
	x := &Index{areas: areas}
	var all [][][]e911.Point
	for i, m := range areas {
		for _, rings := range m {
			g := prepare(rings)
			if len(g.corners) == 0 {
				continue
			}
			if len(x.polygons) == 0 {
				x.min, x.max = g.min, g.max
			}
			x.min.Lat, x.min.Lon = min(x.min.Lat, g.min.Lat), min(x.min.Lon, g.min.Lon)
			x.max.Lat, x.max.Lon = max(x.max.Lat, g.max.Lat), max(x.max.Lon, g.max.Lon)
			x.polygons, all = append(x.polygons, g), append(all, rings)
			x.area = append(x.area, int32(i)) //nolint:gosec // positions in a slice of areas
		}
	}
	if len(x.polygons) > 0 {
		x.lay(all)
	}
	return x
}

func (x *Index) col(lon float64) int {
	return min(max(int((lon-x.min.Lon)*x.perLon), 0), x.cols-1)
}

func (x *Index) row(lat float64) int {
	return min(max(int((lat-x.min.Lat)*x.perLat), 0), x.rows-1)
}

// at returns what lies in p's cell.
func (x *Index) at(p e911.Point) uint32 {
	// Written so that NaN is nowhere.
	if !(p.Lat >= x.min.Lat && p.Lat <= x.max.Lat && p.Lon >= x.min.Lon && p.Lon <= x.max.Lon) || x.cells == nil {
		return 0
	}
	return x.cells[x.row(p.Lat)*x.cols+x.col(p.Lon)]
}

// First returns the lowest position whose area holds p, edges included, so
// that a point on a shared edge always has the same answer; -1 when none does.
// It does not allocate.
func (x *Index) First(p e911.Point) int {
	return x.FirstOf(p, anything)
}

func anything(int) bool { return true }

// FirstOf is First among the positions that keep holds to be good.
func (x *Index) FirstOf(p e911.Point, keep func(area int) bool) int {
	best := x.first(p, keep)
	if q, ok := beyond(p); ok {
		if i := x.first(q, keep); i >= 0 && (best < 0 || i < best) {
			return i
		}
	}
	return best
}

func (x *Index) first(p e911.Point, keep func(area int) bool) int {
	cell := x.at(p)
	if cell&whole != 0 {
		if area := int(x.area[cell&^whole]); keep(area) {
			return area
		}
		return -1
	}
	for cell != 0 {
		var i uint32
		var in bool
		i, in, cell = x.entry(cell, p)
		if area := int(x.area[i]); in && keep(area) {
			return area
		}
	}
	return -1
}

// All appends every position whose area holds p to dst, ascending.
func (x *Index) All(dst []int, p e911.Point) []int {
	from := len(dst)
	dst = x.all(dst, p)
	if q, ok := beyond(p); ok {
		dst = x.all(dst, q)
		slices.Sort(dst[from:])
	}
	return append(dst[:from], slices.Compact(dst[from:])...)
}

func (x *Index) all(dst []int, p e911.Point) []int {
	cell := x.at(p)
	if cell&whole != 0 {
		return append(dst, int(x.area[cell&^whole]))
	}
	for cell != 0 {
		var i uint32
		var in bool
		if i, in, cell = x.entry(cell, p); in {
			dst = append(dst, int(x.area[i]))
		}
	}
	return dst
}

// beyond is a point of the antimeridian as those on its other side write it.
func beyond(p e911.Point) (e911.Point, bool) {
	if p.Lon != 180 && p.Lon != -180 {
		return p, false
	}
	return e911.Point{Lat: p.Lat, Lon: -p.Lon}, true
}

// Reach appends every position whose area may reach into the box to dst,
// ascending: those with a part in a cell of the box.
func (x *Index) Reach(dst []int, least, most e911.Point) []int {
	if x.cells == nil || !(most.Lat >= x.min.Lat && least.Lat <= x.max.Lat && most.Lon >= x.min.Lon && least.Lon <= x.max.Lon) {
		return dst
	}
	from := len(dst)
	x.inBox(least, most, func(i uint32, _ bool) {
		if g := &x.polygons[i]; g.max.Lat >= least.Lat && g.min.Lat <= most.Lat && g.max.Lon >= least.Lon && g.min.Lon <= most.Lon {
			dst = append(dst, int(x.area[i]))
		}
	})
	slices.Sort(dst[from:])
	return append(dst[:from], slices.Compact(dst[from:])...)
}

// inBox visits what lies in the cells of a box, some of it more than once; every
// polygon, where the box has more cells than there are polygons.
func (x *Index) inBox(least, most e911.Point, visit func(polygon uint32, covers bool)) {
	west, east, south, north := x.col(least.Lon-slack), x.col(most.Lon+slack), x.row(least.Lat-slack), x.row(most.Lat+slack)
	if (east-west+1)*(north-south+1) > len(x.polygons) {
		for i := range x.polygons {
			visit(uint32(i), false) //nolint:gosec // as many as entries can name
		}
		return
	}
	for row := south; row <= north; row++ {
		for col := west; col <= east; col++ {
			x.each(x.cells[row*x.cols+col], visit)
		}
	}
}

// Share is Share with the area at a position; where the area covers all cells
// that the ring's box touches, without looking at its sides.
func (x *Index) Share(ring []e911.Point, area int) float64 {
	least, most := Box(ring)
	if x.covers(least, most, area) {
		return 1
	}
	return Share(ring, x.areas[area])
}

// mostCells bounds the cells of a box that covers looks at.
const mostCells = 64

func (x *Index) covers(least, most e911.Point, area int) bool {
	if x.cells == nil || !(least.Lat >= x.min.Lat && most.Lat <= x.max.Lat && least.Lon >= x.min.Lon && most.Lon <= x.max.Lon) {
		return false
	}
	west, east, south, north := x.col(least.Lon), x.col(most.Lon), x.row(least.Lat), x.row(most.Lat)
	if (east-west+1)*(north-south+1) > mostCells {
		return false
	}
	for row := south; row <= north; row++ {
		for col := west; col <= east; col++ {
			found := false
			x.each(x.cells[row*x.cols+col], func(i uint32, covers bool) { found = found || covers && int(x.area[i]) == area })
			if !found {
				return false
			}
		}
	}
	return true
}
