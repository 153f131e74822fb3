package lvf

import (
	"math"
	"slices"
)

// box is a rectangle in 1e-7 degrees.
type box struct{ south, west, north, east int32 }

var emptyBox = box{math.MaxInt32, math.MaxInt32, math.MinInt32, math.MinInt32}

func (b *box) add(o box) {
	b.south, b.west = min(b.south, o.south), min(b.west, o.west)
	b.north, b.east = max(b.north, o.north), max(b.east, o.east)
}

func (b *box) empty() bool { return b.south > b.north }

func (b *box) meets(o box) bool {
	return b.south <= o.north && b.north >= o.south && b.west <= o.east && b.east >= o.west
}

// fan is how many children a node of a tree has.
const fan = 16

// tree finds boxes near a point: the items in the order of a space-filling curve
// with the boxes of every sixteen of them, of every sixteen of those, and so on.
// Beside the features it takes some five bytes each.
type tree struct {
	order  []uint32
	levels [][]box // the lowest first
}

func newTree(n int, of func(int) box) tree {
	if n == 0 {
		return tree{}
	}
	whole := emptyBox
	for i := range n {
		whole.add(of(i))
	}
	keys := make([]uint64, n)
	for i := range n {
		keys[i] = uint64(whole.morton(of(i)))<<32 | uint64(i) //nolint:gosec // i is not negative
	}
	slices.Sort(keys)
	t := tree{order: make([]uint32, n)}
	for i, k := range keys {
		t.order[i] = uint32(k) //nolint:gosec // the lower half
	}
	level := make([]box, (n+fan-1)/fan)
	for i := range level {
		level[i] = emptyBox
		for _, item := range t.order[i*fan : min(n, (i+1)*fan)] {
			level[i].add(of(int(item)))
		}
	}
	t.levels = append(t.levels, level)
	for len(level) > 1 {
		up := make([]box, (len(level)+fan-1)/fan)
		for i := range up {
			up[i] = emptyBox
			for _, b := range level[i*fan : min(len(level), (i+1)*fan)] {
				up[i].add(b)
			}
		}
		t.levels = append(t.levels, up)
		level = up
	}
	return t
}

// morton interleaves 16 bits each of where the middle of a box lies inside b.
func (b *box) morton(o box) uint32 {
	part := func(low, high, a, c int32) uint32 {
		size := int64(high) - int64(low) + 1
		return uint32(((int64(a)+int64(c))/2 - int64(low)) * 65535 / size) //nolint:gosec // 0 to 65535
	}
	return spread(part(b.south, b.north, o.south, o.north))<<1 | spread(part(b.west, b.east, o.west, o.east))
}

// spread puts a zero between the bits of 16.
func spread(x uint32) uint32 {
	x = (x | x<<8) & 0x00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f
	x = (x | x<<2) & 0x33333333
	return (x | x<<1) & 0x55555555
}

// search calls visit for the items whose group of boxes meets b; there may be
// some beside it.
func (t *tree) search(b box, visit func(item int)) {
	if len(t.levels) > 0 {
		t.down(len(t.levels)-1, 0, len(t.levels[len(t.levels)-1]), b, visit)
	}
}

func (t *tree) down(level, from, to int, b box, visit func(item int)) {
	for i := from; i < to; i++ {
		if !t.levels[level][i].meets(b) {
			continue
		}
		if level > 0 {
			t.down(level-1, i*fan, min(len(t.levels[level-1]), (i+1)*fan), b, visit)
			continue
		}
		for _, item := range t.order[i*fan : min(len(t.order), (i+1)*fan)] {
			visit(int(item))
		}
	}
}
