package geo

import (
	"cmp"
	"math"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// edge is one side of a ring with its southern end first (western, where both
// are as far south). Two areas that share a side so compute the very same
// numbers for it: no point falls between them, and one on the side is in both.
type edge struct{ south, north e911.Point }

func newEdge(a, b e911.Point) edge {
	if b.Lat < a.Lat || (b.Lat == a.Lat && b.Lon < a.Lon) {
		a, b = b, a
	}
	return edge{a, b}
}

// east is positive where the side runs east of p at p's latitude, 0 where p is
// on its line.
func (e *edge) east(p e911.Point) float64 {
	return (e.north.Lon-e.south.Lon)*(p.Lat-e.south.Lat) - (p.Lon-e.south.Lon)*(e.north.Lat-e.south.Lat)
}

// polygon is an outer ring with its holes as one list of sides: by the even-odd
// rule the direction of the rings means nothing, which spares us the clockwise
// rings of TopoJSON.
type polygon struct {
	area     int // position in the Index
	min, max e911.Point
	edges    []edge // by their southern ends
}

func prepare(rings [][]e911.Point) polygon {
	var g polygon
	n := 0
	for _, r := range rings {
		n += len(r)
	}
	g.edges = make([]edge, 0, n)
	for _, ring := range rings {
		for i, p := range ring {
			q := ring[(i+1)%len(ring)]
			if p == q {
				continue
			}
			if len(g.edges) == 0 {
				g.min, g.max = p, p
			}
			g.min.Lat, g.min.Lon = min(g.min.Lat, p.Lat, q.Lat), min(g.min.Lon, p.Lon, q.Lon)
			g.max.Lat, g.max.Lon = max(g.max.Lat, p.Lat, q.Lat), max(g.max.Lon, p.Lon, q.Lon)
			g.edges = append(g.edges, newEdge(p, q))
		}
	}
	slices.SortFunc(g.edges, func(a, b edge) int { return cmp.Compare(a.south.Lat, b.south.Lat) })
	return g
}

// holds casts a ray eastwards and counts the sides that it crosses.
func (g *polygon) holds(p e911.Point) bool {
	// A point just outside may be so near a corner that rounding puts it on the
	// side; the box decides, here as in the grid.
	if !g.mayHold(p) {
		return false
	}
	in := false
	for i := range g.edges {
		e := &g.edges[i]
		if p.Lat < e.south.Lat {
			break // sorted: all others lie further north
		}
		if p.Lat > e.north.Lat {
			continue
		}
		if e.south.Lat == e.north.Lat {
			if p.Lon >= e.south.Lon && p.Lon <= e.north.Lon {
				return true
			}
			continue
		}
		side := e.east(p)
		if side == 0 {
			return true
		}
		// A northern end belongs to the next side, or a ray through a
		// corner would count twice.
		if side > 0 && p.Lat < e.north.Lat {
			in = !in
		}
	}
	return in
}

// Index finds the areas that hold a point: a grid of equal cells, each with the
// polygons that reach into it. Most questions end in a cell that one polygon
// covers whole, the others look at one or two polygons. Immutable; safe for
// concurrent use. The zero Index holds nothing.
type Index struct {
	polygons   []polygon // by area
	min, max   e911.Point
	cols, rows int
	// Cells per degree.
	perLon, perLat float64
	start          []uint32 // of each cell's entries, one more than cells
	entries        []int32  // a polygon, or its complement where it covers the cell
}

// cellsPerPolygon makes cells much smaller than areas; maxCells bounds the grid
// to 4 MB where a few areas lie far from all others.
const (
	cellsPerPolygon = 256
	maxCells        = 1 << 20
)

// NewIndex prepares areas; a point is later answered with positions in this
// slice. Areas are expected to have passed Check.
func NewIndex(areas []e911.MultiPolygon) *Index {
	x := &Index{}
	for i, m := range areas {
		for _, rings := range m {
			g := prepare(rings)
			if len(g.edges) == 0 {
				continue
			}
			g.area = i
			if len(x.polygons) == 0 {
				x.min, x.max = g.min, g.max
			}
			x.min.Lat, x.min.Lon = min(x.min.Lat, g.min.Lat), min(x.min.Lon, g.min.Lon)
			x.max.Lat, x.max.Lon = max(x.max.Lat, g.max.Lat), max(x.max.Lon, g.max.Lon)
			x.polygons = append(x.polygons, g)
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
	for _, e := range g.edges {
		for row := x.row(e.south.Lat - slack); row <= x.row(e.north.Lat+slack); row++ {
			a, b := e.within(x.min.Lat+float64(row)/x.perLat-slack, x.min.Lat+float64(row+1)/x.perLat+slack)
			for col := max(x.col(a-slack), west); col <= min(x.col(b+slack), east); col++ {
				if row >= south && row <= north {
					passed[(row-south)*width+col-west] = true
				}
			}
		}
	}
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

// at returns the entries of p's cell, ascending by area.
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
	for _, e := range x.at(p) {
		i := e
		if e < 0 {
			i = ^e
		}
		if g := &x.polygons[i]; keep(g.area) && (e < 0 || g.holds(p)) {
			return g.area
		}
	}
	return -1
}

// All appends every position whose area holds p to dst, ascending.
func (x *Index) All(dst []int, p e911.Point) []int {
	from := len(dst)
	for _, e := range x.at(p) {
		if e < 0 {
			dst = append(dst, x.polygons[^e].area)
		} else if g := &x.polygons[e]; g.holds(p) {
			dst = append(dst, g.area)
		}
	}
	return append(dst[:from], slices.Compact(dst[from:])...)
}

func (g *polygon) mayHold(p e911.Point) bool {
	return p.Lon >= g.min.Lon && p.Lon <= g.max.Lon && p.Lat >= g.min.Lat && p.Lat <= g.max.Lat
}
