package gisread

import (
	"encoding/binary"
	"math"
)

// wkb reads well-known binary (OGC 06-103r4; the flags of EWKB too). Counts are
// believed only as far as there are bytes for them.
type wkb struct {
	b    []byte
	draw *drawing
}

var badWKB = problem{code: CodeGeometryForm, reason: "The geometry is damaged."}

// parseBlob reads a geometry of a GeoPackage (OGC 12-128r19, section 2.1.3):
// header, envelope, WKB. srs is that of the table.
func parseBlob(b []byte, srs int32, limit int) shape {
	if len(b) == 0 {
		return shape{}
	}
	if len(b) < 8 || b[0] != 'G' || b[1] != 'P' || b[2] != 0 {
		return shape{bad: &problem{code: CodeGeometryForm, reason: "The geometry has no GeoPackage header."}}
	}
	flags := b[3]
	var order binary.ByteOrder = binary.BigEndian
	if flags&1 != 0 {
		order = binary.LittleEndian
	}
	envelopes := [8]int{0, 32, 48, 48, 64, -1, -1, -1}
	skip := envelopes[flags>>1&7]
	if skip < 0 || len(b) < 8+skip {
		return shape{bad: &badWKB}
	}
	if flags&0x20 != 0 {
		return shape{bad: &problem{code: CodeGeometryForm, reason: "The geometry is of an extension of GeoPackage."}}
	}
	if id := int32(order.Uint32(b[4:])); id != srs && !geographic(id) {
		return shape{bad: &problem{code: CodeCRS, reason: "The geometry is not in degrees of WGS 84.", fix: "Export the table in EPSG:4326."}}
	}
	if flags&0x10 != 0 { // empty
		return shape{}
	}
	return parseWKB(b[8+skip:], limit)
}

func parseWKB(b []byte, limit int) shape {
	w := wkb{b: b, draw: &drawing{max: limit}}
	k, ok := w.geometry(0)
	if !ok || len(w.b) != 0 {
		return shape{kind: k, bad: &badWKB}
	}
	if k == shapeOther {
		return shape{kind: k, bad: &problem{code: CodeGeometryForm, reason: "The geometry is of a kind that no table here has: a curve or a collection."}}
	}
	return w.draw.shape(k)
}

// geometry reads one; within is the type of the collection that it is part of.
func (w *wkb) geometry(within uint32) (shapeKind, bool) {
	if len(w.b) < 5 {
		return shapeNone, false
	}
	var order binary.ByteOrder = binary.BigEndian
	switch w.b[0] {
	case 0:
	case 1:
		order = binary.LittleEndian
	default:
		return shapeNone, false
	}
	typ := order.Uint32(w.b[1:])
	w.b = w.b[5:]
	size := 16
	if typ&0x80000000 != 0 {
		size += 8
	}
	if typ&0x40000000 != 0 {
		size += 8
	}
	if typ&0x20000000 != 0 { // EWKB: the SRID follows
		if len(w.b) < 4 {
			return shapeNone, false
		}
		w.b = w.b[4:]
	}
	typ &= 0x1fffffff
	switch typ / 1000 {
	case 0:
	case 1, 2:
		size += 8
	case 3:
		size += 16
	default:
		return shapeNone, false
	}
	typ %= 1000
	if within != 0 && typ != within-3 {
		return shapeNone, false
	}
	switch typ {
	case 1:
		return shapePoint, w.positions(1, size, order)
	case 2:
		return shapeLine, w.counted(order, size, func(n int) bool { return w.ring(n, size, order) })
	case 3:
		ok := w.counted(order, 4, func(n int) bool { return w.rings(n, size, order) })
		w.draw.endPoly()
		return shapeArea, ok
	case 4, 5, 6:
		ok := w.counted(order, 9, func(n int) bool {
			for range n {
				if _, ok := w.geometry(typ); !ok {
					return false
				}
			}
			return true
		})
		return map[uint32]shapeKind{4: shapePoint, 5: shapeLine, 6: shapeArea}[typ], ok
	}
	w.b = nil
	return shapeOther, true
}

// counted reads a count of things that have least bytes each.
func (w *wkb) counted(order binary.ByteOrder, least int, read func(n int) bool) bool {
	if len(w.b) < 4 {
		return false
	}
	n := int64(order.Uint32(w.b))
	w.b = w.b[4:]
	return n*int64(least) <= int64(len(w.b)) && read(int(n))
}

func (w *wkb) rings(n, size int, order binary.ByteOrder) bool {
	for range n {
		if !w.counted(order, size, func(n int) bool { return w.ring(n, size, order) }) {
			return false
		}
	}
	return true
}

func (w *wkb) ring(n, size int, order binary.ByteOrder) bool {
	ok := w.positions(n, size, order)
	w.draw.endRing()
	return ok
}

func (w *wkb) positions(n, size int, order binary.ByteOrder) bool {
	if len(w.b) < n*size {
		return false
	}
	for range n {
		lon, lat := math.Float64frombits(order.Uint64(w.b)), math.Float64frombits(order.Uint64(w.b[8:]))
		w.b = w.b[size:]
		w.draw.point(lon, lat)
	}
	return true
}
