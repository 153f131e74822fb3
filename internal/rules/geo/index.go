package geo

import (
	"math"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// Index finds the areas that hold a point: a grid of equal cells, each with the
// polygons that reach into it. Most questions end in a cell that one polygon
// covers whole, the others look at one or two polygons. Immutable; safe for
// concurrent use. The zero Index holds nothing.
type Index struct {
	areas      []e911.MultiPolygon
	polygons   []polygon
	area       []int32 // of each polygon, ascending
	min, max   e911.Point
	cols, rows int
	// Cells per degree.
	perLon, perLat float64
	start          []uint32 // of each cell's entries, one more than cells
	entries        []int32  // a polygon, or its complement where it covers the cell
}

// cellsPerPolygon makes cells much smaller than areas; maxCells bounds the grid
// to 8 MB, and as much again for what lies in it, where a few areas lie far from
// all others.
const (
	cellsPerPolygon = 256
	maxCells        = 1 << 21
)

// NewIndex prepares areas; a point is later answered with positions in this
// slice. Areas are expected to have passed Check. They are kept, and must not be
// changed.
func NewIndex(areas []e911.MultiPolygon) *Index {
	x := &Index{areas: areas}
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
			x.polygons = append(x.polygons, g)
			x.area = append(x.area, int32(i)) //nolint:gosec // positions in a slice of areas
		}
	}
	if len(x.polygons) > 0 {
		x.lay()
	}
	return x
}

// lay chooses the grid and fills its cells.
func (x *Index) lay() {
	const least = 1e-6 // degrees: a grid over one point is still a grid
	width, height := max(x.max.Lon-x.min.Lon, least), max(x.max.Lat-x.min.Lat, least)
	cells := float64(min(cellsPerPolygon*len(x.polygons), maxCells))
	side := math.Sqrt(width * height / cells)
	x.cols = int(min(max(width/side, 1), cells))
	x.rows = int(min(max(height/side, 1), cells/float64(x.cols)+1))
	x.perLon, x.perLat = float64(x.cols)/width, float64(x.rows)/height

	type placed struct {
		cell  uint32
		entry int32
	}
	var all []placed
	x.start = make([]uint32, x.cols*x.rows+1)
	for i := range x.polygons {
		x.cover(&x.polygons[i], func(cell int, whole bool) {
			entry := int32(i)
			if whole {
				entry = ^entry
			}
			all = append(all, placed{uint32(cell), entry})
			x.start[cell+1]++
		})
	}
	for c := range x.cols * x.rows {
		x.start[c+1] += x.start[c]
	}
	next := slices.Clone(x.start)
	x.entries = make([]int32, len(all))
	for _, p := range all {
		x.entries[next[p.cell]] = p.entry
		next[p.cell]++
	}
}

// cover calls place for every cell that g reaches into, and says where it
// covers the cell whole: no side passes and the middle is inside.
func (x *Index) cover(g *polygon, place func(cell int, whole bool)) {
	west, east := x.col(g.min.Lon), x.col(g.max.Lon)
	south, north := x.row(g.min.Lat), x.row(g.max.Lat)
	width := east - west + 1
	passed := make([]bool, width*(north-south+1))
	g.each(func(a, b e911.Point) {
		e := newEdge(a, b)
		for row := x.row(e.south.Lat - slack); row <= x.row(e.north.Lat+slack); row++ {
			a, b := e.within(x.min.Lat+float64(row)/x.perLat-slack, x.min.Lat+float64(row+1)/x.perLat+slack)
			for col := max(x.col(a-slack), west); col <= min(x.col(b+slack), east); col++ {
				if row >= south && row <= north {
					passed[(row-south)*width+col-west] = true
				}
			}
		}
	})
	for row := south; row <= north; row++ {
		for col := west; col <= east; col++ {
			cell := row*x.cols + col
			if passed[(row-south)*width+col-west] {
				place(cell, false)
				continue
			}
			middle := e911.Point{Lat: x.min.Lat + (float64(row)+0.5)/x.perLat, Lon: x.min.Lon + (float64(col)+0.5)/x.perLon}
			if g.holds(middle) {
				place(cell, true)
			}
		}
	}
}

// slack in degrees, a tenth of a millimetre, makes up for rounding: a side on
// the line between two cells passes both.
const slack = 1e-9

// edge is a side with its southern end first.
type edge struct{ south, north e911.Point }

func newEdge(a, b e911.Point) edge {
	if b.Lat < a.Lat {
		a, b = b, a
	}
	return edge{a, b}
}

// within returns the range of longitudes that the side has between two
// latitudes which it reaches.
func (e edge) within(south, north float64) (west, east float64) {
	a, b := e.south.Lon, e.north.Lon
	if rise := e.north.Lat - e.south.Lat; rise > 0 {
		slope := (e.north.Lon - e.south.Lon) / rise
		if south > e.south.Lat {
			a = e.south.Lon + slope*(south-e.south.Lat)
		}
		if north < e.north.Lat {
			b = e.south.Lon + slope*(north-e.south.Lat)
		}
	}
	return min(a, b), max(a, b)
}

func (x *Index) col(lon float64) int {
	return min(max(int((lon-x.min.Lon)*x.perLon), 0), x.cols-1)
}

func (x *Index) row(lat float64) int {
	return min(max(int((lat-x.min.Lat)*x.perLat), 0), x.rows-1)
}

// at returns the entries of p's cell, ascending.
func (x *Index) at(p e911.Point) []int32 {
	// Written so that NaN is nowhere.
	if !(p.Lat >= x.min.Lat && p.Lat <= x.max.Lat && p.Lon >= x.min.Lon && p.Lon <= x.max.Lon) || x.start == nil {
		return nil
	}
	cell := x.row(p.Lat)*x.cols + x.col(p.Lon)
	return x.entries[x.start[cell]:x.start[cell+1]]
}

// First returns the lowest position whose area holds p, edges included, so
// that a point on a shared edge always has the same answer; -1 when none does.
// It does not allocate.
func (x *Index) First(p e911.Point) int {
	return x.FirstOf(p, func(int) bool { return true })
}

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
	for _, e := range x.at(p) {
		i := e
		if e < 0 {
			i = ^e
		}
		if area := int(x.area[i]); keep(area) && (e < 0 || x.polygons[i].holds(p)) {
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
	for _, e := range x.at(p) {
		if e < 0 {
			dst = append(dst, int(x.area[^e]))
		} else if x.polygons[e].holds(p) {
			dst = append(dst, int(x.area[e]))
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
	if x.start == nil || !(most.Lat >= x.min.Lat && least.Lat <= x.max.Lat && most.Lon >= x.min.Lon && least.Lon <= x.max.Lon) {
		return dst
	}
	from := len(dst)
	x.inBox(least, most, func(i int32, _ bool) {
		if g := &x.polygons[i]; g.max.Lat >= least.Lat && g.min.Lat <= most.Lat && g.max.Lon >= least.Lon && g.min.Lon <= most.Lon {
			dst = append(dst, int(x.area[i]))
		}
	})
	slices.Sort(dst[from:])
	return append(dst[:from], slices.Compact(dst[from:])...)
}

// inBox visits what lies in the cells of a box, some of it more than once; every
// polygon, where the box has more cells than there are polygons.
func (x *Index) inBox(least, most e911.Point, visit func(polygon int32, whole bool)) {
	west, east, south, north := x.col(least.Lon-slack), x.col(most.Lon+slack), x.row(least.Lat-slack), x.row(most.Lat+slack)
	if (east-west+1)*(north-south+1) > len(x.polygons) {
		for i := range x.polygons {
			visit(int32(i), false) //nolint:gosec // as many as entries can name
		}
		return
	}
	for row := south; row <= north; row++ {
		for col := west; col <= east; col++ {
			cell := row*x.cols + col
			for _, e := range x.entries[x.start[cell]:x.start[cell+1]] {
				visit(max(e, ^e), e < 0)
			}
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
	if x.start == nil || !(least.Lat >= x.min.Lat && most.Lat <= x.max.Lat && least.Lon >= x.min.Lon && most.Lon <= x.max.Lon) {
		return false
	}
	west, east, south, north := x.col(least.Lon), x.col(most.Lon), x.row(least.Lat), x.row(most.Lat)
	if (east-west+1)*(north-south+1) > mostCells {
		return false
	}
	for row := south; row <= north; row++ {
		for col := west; col <= east; col++ {
			cell := row*x.cols + col
			if !slices.ContainsFunc(x.entries[x.start[cell]:x.start[cell+1]], func(e int32) bool { return e < 0 && int(x.area[^e]) == area }) {
				return false
			}
		}
	}
	return true
}
