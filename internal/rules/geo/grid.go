package geo

import (
	"math"

	"github.com/callbox911/callbox/internal/e911"
)

// The cells of an Index. A cell that a polygon's sides pass has an entry for it:
//
//	polygon<<3 | last<<2 | kind
//
// and, of the kinds even and odd, its runs: lists of sides one after the other
// that pass the cell, each as
//
//	first side
//	count<<3 | more<<2 | end<<1 | begin
//
// A point in the cell is inside when the sides of the runs that the ray eastwards
// from it crosses, together with those beyond the cell, are odd. Which those
// beyond are changes only at the latitude of a corner east of the cell at which a
// run begins or ends: begin and end say that there is one. What they are south of
// all such corners, the kind says.
//
// Sides that are not listed pass the cell at a distance of slack or more, where
// rounding cannot turn the outcome of cross: what the cell says is, to the last
// bit, what all sides would.
const (
	whole = 1 << 31 // of a cell: the one polygon that is there covers it

	kindWhole = 0 // it covers the cell, as others may
	kindBands = 1 // too many sides pass; its bands are asked
	kindEven  = 2
	kindOdd   = 3
	last      = 1 << 2 // of the cell's entries

	begin = 1 << 0
	end   = 1 << 1
	more  = 1 << 2 // runs follow
)

const (
	// A cell for a little less than each corner, so that few sides pass one and
	// most lie within one polygon, up to 32 MB of them; but cells much smaller than
	// polygons of few corners too.
	cellsPerPolygon = 256
	maxCells        = 1 << 23
	maxByPolygons   = 1 << 21
	// mostCover bounds how many cells the polygons' boxes have together, by the
	// cells that are wanted: where hundreds lie over each other, cells are larger.
	mostCover = 4
	// few sides in a cell are looked at one after the other.
	few = 64
)

// slack in degrees, a tenth of a millimetre, makes up for rounding: a side on
// the line between two cells passes both.
const slack = 1e-9

// entry reports which polygon the entry at k is of, whether it holds p, which
// lies in the cell, and where the next begins, 0 after the last.
func (x *Index) entry(k uint32, p e911.Point) (polygon uint32, in bool, next uint32) {
	head := x.entries[k]
	polygon, next = head>>3, k+1
	switch head & 3 {
	case kindWhole:
		in = true
	case kindBands:
		in = x.polygons[polygon].holds(p)
	default:
		in, next = x.passed(x.polygons[polygon].corners, head&3 == kindOdd, next, p)
	}
	if head&last != 0 {
		next = 0
	}
	return polygon, in, next
}

// passed goes through the runs at k.
func (x *Index) passed(corners []e911.Point, in bool, k uint32, p e911.Point) (bool, uint32) {
	touched := false
	for {
		at, flags := x.entries[k], x.entries[k+1]
		k += 2
		a := &corners[at]
		in = in != (flags&begin != 0 && p.Lat >= a.Lat)
		for range flags >> 3 {
			if at++; int(at) == len(corners) {
				at = 0
			}
			b := &corners[at]
			// Most sides need no arithmetic.
			if !(a.Lat < p.Lat && b.Lat < p.Lat || a.Lat > p.Lat && b.Lat > p.Lat || a.Lon < p.Lon && b.Lon < p.Lon) {
				crossed, on := cross(a, b, p)
				in, touched = in != crossed, touched || on
			}
			a = b
		}
		in = in != (flags&end != 0 && p.Lat >= a.Lat)
		if flags&more == 0 {
			return in || touched, k
		}
	}
}

// each visits the polygons of a cell, and says which cover it.
func (x *Index) each(cell uint32, visit func(polygon uint32, covers bool)) {
	if cell&whole != 0 {
		visit(cell&^whole, true)
		return
	}
	for k := cell; k != 0; {
		head := x.entries[k]
		visit(head>>3, head&3 == kindWhole)
		if k++; head&2 != 0 {
			for k += 2; x.entries[k-1]&more != 0; {
				k += 2
			}
		}
		if head&last != 0 {
			return
		}
	}
}

// size chooses the grid.
func (x *Index) size() {
	const least = 1e-6 // degrees: a grid over one point is still a grid
	width, height := max(x.max.Lon-x.min.Lon, least), max(x.max.Lat-x.min.Lat, least)
	corners, boxes := 0, 0.0
	for i := range x.polygons {
		g := &x.polygons[i]
		corners += len(g.corners)
		boxes += (g.max.Lon - g.min.Lon) / width * (g.max.Lat - g.min.Lat) / height
	}
	cells := float64(max(min(cellsPerPolygon*len(x.polygons), maxByPolygons), min(corners+corners/4, maxCells)))
	cells = max(min(cells, mostCover*cells/boxes), 1)
	side := math.Sqrt(width * height / cells)
	x.cols = int(min(max(width/side, 1), cells))
	x.rows = int(min(max(height/side, 1), cells/float64(x.cols)+1))
	x.perLon, x.perLat = float64(x.cols)/width, float64(x.rows)/height
}

// laying fills the cells, one polygon after the other.
type laying struct {
	*Index
	// flat has an entry's words, their number and its cell, entry by entry.
	flat []uint32
	// Of the polygon at hand, by the cells of its box, row by row from south-west:
	west, east, south, north int

	runs  []run
	run   []uint32 // the cell's last, none at 0
	sides []uint8  // that pass the cell, up to one more than few
	flips []bool   // the ray from this middle, but not from that of the next cell east, crosses a side
}

// run is a list of sides in a cell; before is the cell's one before it.
type run struct{ first, count, before uint32 }

// lay chooses the grid and fills its cells. Rings are those of each polygon.
func (x *Index) lay(rings [][][]e911.Point) {
	x.size()
	x.cells = make([]uint32, x.cols*x.rows)
	l := &laying{Index: x}
	for i := range x.polygons {
		l.polygon(uint32(i), rings[i]) //nolint:gosec // positions in a slice of polygons
	}
	// Words that each cell has become where they end.
	total := uint32(1)
	for c, v := range x.cells {
		if v&whole == 0 && v != 0 {
			total += v
			x.cells[c] = total
		}
	}
	x.entries = make([]uint32, total)
	seen := make([]bool, len(x.cells))
	for at := len(l.flat); at > 0; {
		n, cell := l.flat[at-2], l.flat[at-1]
		from := at - 2 - int(n)
		x.cells[cell] -= n
		copy(x.entries[x.cells[cell]:], l.flat[from:at-2])
		if !seen[cell] {
			x.entries[x.cells[cell]] |= last
			seen[cell] = true
		}
		at = from
	}
}

// add appends an entry of a cell.
func (l *laying) add(cell int, words ...uint32) {
	if v := l.cells[cell]; v&whole != 0 {
		l.flat = append(l.flat, (v&^whole)<<3|kindWhole, 1, uint32(cell)) //nolint:gosec // a cell
		l.cells[cell] = 1
	}
	l.flat = append(append(l.flat, words...), uint32(len(words)), uint32(cell)) //nolint:gosec // a cell
	l.cells[cell] += uint32(len(words))                                         //nolint:gosec // of one entry
}

// polygon places one into the cells that it reaches into.
func (l *laying) polygon(i uint32, rings [][]e911.Point) {
	g := &l.polygons[i]
	l.west, l.east, l.south, l.north = l.col(g.min.Lon), l.col(g.max.Lon), l.row(g.min.Lat), l.row(g.max.Lat)
	n := (l.east - l.west + 1) * (l.north - l.south + 1)
	l.runs, l.run, l.sides, l.flips = append(l.runs[:0], run{}), cleared(l.run, n), cleared(l.sides, n), cleared(l.flips, n)
	eachSide(rings, func(at int, a, b e911.Point) {
		l.list(uint32(at), newEdge(a, b)) //nolint:gosec // corners of one polygon
		l.level(a, b)
	})
	words := make([]uint32, 0, 2*few+1)
	for row := l.south; row <= l.north; row++ {
		odd := false
		for col := l.east; col >= l.west; col-- {
			k, cell := l.local(row, col), row*l.cols+col
			odd = odd != l.flips[k]
			switch {
			case l.sides[k] > few:
				if g.bands == nil {
					g.bands = newBands(g, rings)
				}
				l.add(cell, i<<3|kindBands)
			case l.sides[k] > 0:
				words = l.entryOf(words[:0], i, row, col, odd)
				l.add(cell, words...)
			case odd && l.cells[cell] == 0:
				l.cells[cell] = whole | i
			case odd:
				l.add(cell, i<<3|kindWhole)
			}
		}
	}
}

// cleared is a slice of n zeros in the room of s, if that is enough.
func cleared[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

func (l *laying) local(row, col int) int { return (row-l.south)*(l.east-l.west+1) + col - l.west }

func (l *laying) middle(row, col int) e911.Point {
	return e911.Point{Lat: l.min.Lat + (float64(row)+0.5)/l.perLat, Lon: l.min.Lon + (float64(col)+0.5)/l.perLon}
}

// strip is the latitudes of a row with slack.
func (l *laying) strip(row int) (south, north float64) {
	return l.min.Lat + float64(row)/l.perLat - slack, l.min.Lat + float64(row+1)/l.perLat + slack
}

// list puts a side into the cells that it passes.
func (l *laying) list(at uint32, e edge) {
	for row := max(l.row(e.south.Lat-slack), l.south); row <= min(l.row(e.north.Lat+slack), l.north); row++ {
		a, b := e.within(l.strip(row))
		for col := max(l.col(a-slack), l.west); col <= min(l.col(b+slack), l.east); col++ {
			k := l.local(row, col)
			if l.sides[k] > few {
				continue
			}
			l.sides[k]++
			if r := &l.runs[l.run[k]]; r.count > 0 && r.first+r.count == at {
				r.count++
				continue
			}
			l.runs = append(l.runs, run{at, 1, l.run[k]})
			l.run[k] = uint32(len(l.runs) - 1) //nolint:gosec // at most few for each cell
		}
	}
}

// level marks, in each row, how far east the middles of cells lie from which the
// ray crosses the side.
func (l *laying) level(a, b e911.Point) {
	e := newEdge(a, b)
	if e.south.Lat == e.north.Lat {
		return
	}
	slope := (e.north.Lon - e.south.Lon) / (e.north.Lat - e.south.Lat)
	for row := max(l.row(e.south.Lat), l.south); row <= min(l.row(e.north.Lat), l.north); row++ {
		lat := l.middle(row, 0).Lat
		if lat < e.south.Lat || lat >= e.north.Lat {
			continue
		}
		lon := e.south.Lon + slope*(lat-e.south.Lat)
		least := l.col(lon-slack) - 1 // from here the side lies east, without doubt
		for col := min(l.col(lon+slack), l.east); col >= l.west; col-- {
			crossed := col <= least
			if !crossed {
				crossed, _ = cross(&a, &b, l.middle(row, col))
			}
			if crossed {
				k := l.local(row, col)
				l.flips[k] = !l.flips[k]
				break
			}
		}
	}
}

// entryOf appends what a cell has of a polygon whose sides pass it; odd is what
// all sides say of the cell's middle.
func (l *laying) entryOf(words []uint32, i uint32, row, col int, odd bool) []uint32 {
	words = append(words, 0)
	corners := l.polygons[i].corners
	middle := l.middle(row, col)
	south, north := l.strip(row)
	east := func(c uint32) bool {
		p := corners[int(c)%len(corners)]
		return p.Lon > middle.Lon && p.Lat >= south && p.Lat <= north
	}
	for r := l.runs[l.run[l.local(row, col)]]; ; r = l.runs[r.before] {
		flags := r.count << 3
		if east(r.first) {
			flags |= begin
		}
		if east(r.first + r.count) {
			flags |= end
		}
		if r.before != 0 {
			flags |= more
		}
		words = append(words, r.first, flags)
		if r.before == 0 {
			break
		}
	}
	// What the sides of the cell say of the middle is taken off.
	listed := false
	for k := 1; k < len(words); k += 2 {
		at, flags := words[k], words[k+1]
		listed = listed != (flags&begin != 0 && middle.Lat >= corners[at].Lat)
		for range flags >> 3 {
			a, b := l.polygons[i].side(at)
			crossed, _ := cross(a, b, middle)
			listed = listed != crossed
			at++
		}
		listed = listed != (flags&end != 0 && middle.Lat >= corners[int(at)%len(corners)].Lat)
	}
	words[0] = i<<3 | kindEven
	if odd != listed {
		words[0] = i<<3 | kindOdd
	}
	return words
}

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
