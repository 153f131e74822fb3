package gisread

import (
	"strconv"
	"strings"
)

// wkt reads well-known text (OGC 06-103r4, with EWKT's "SRID=4326;" in front).
type wkt struct {
	s    string
	draw *drawing
}

var badWKT = problem{code: CodeGeometryForm, reason: "The geometry is not well-known text (WKT)."}

func parseWKT(s string, limit int) shape {
	w := wkt{s: strings.TrimSpace(s), draw: &drawing{max: limit}}
	if w.s == "" {
		return shape{}
	}
	if srid, rest, ok := strings.Cut(w.s, ";"); ok && len(srid) < 20 && strings.HasPrefix(strings.ToUpper(srid), "SRID=") {
		switch srid[5:] {
		case "4326", "4979", "4269":
		default:
			return shape{bad: &problem{code: CodeCRS, reason: "The geometry is not in degrees of WGS 84.", fix: "Export it in EPSG:4326."}}
		}
		w.s = strings.TrimSpace(rest)
	}
	return w.tagged()
}

func (w *wkt) tagged() shape {
	i := 0
	for i < len(w.s) && (w.s[i] >= 'A' && w.s[i] <= 'Z' || w.s[i] >= 'a' && w.s[i] <= 'z') {
		i++
	}
	if i > 30 {
		return shape{bad: &badWKT}
	}
	tag := strings.ToUpper(w.s[:i])
	w.s = strings.TrimLeft(w.s[i:], " \t\r\n")
	for _, dim := range []string{"ZM", "Z", "M"} { // "POINT Z (...)" and "POINTZ(...)"
		if len(w.s) >= len(dim) && strings.EqualFold(w.s[:len(dim)], dim) {
			w.s = strings.TrimLeft(w.s[len(dim):], " \t\r\n")
			break
		}
		if t, ok := strings.CutSuffix(tag, dim); ok {
			tag = t
			break
		}
	}
	var k shapeKind
	var height int
	switch tag {
	case "POINT":
		k, height = shapePoint, 1
	case "MULTIPOINT":
		k, height = shapePoint, 1
	case "LINESTRING":
		k, height = shapeLine, 1
	case "MULTILINESTRING":
		k, height = shapeLine, 2
	case "POLYGON":
		k, height = shapeArea, 2
	case "MULTIPOLYGON":
		k, height = shapeArea, 3
	default:
		return shape{bad: &badWKT}
	}
	if strings.EqualFold(w.s, "EMPTY") {
		return shape{}
	}
	if !w.list(height, tag == "MULTIPOINT") || w.s != "" {
		return shape{bad: &badWKT}
	}
	return w.draw.shape(k)
}

// list reads "( ... )" of the height: positions at 1, rings at 2, polygons at 3.
func (w *wkt) list(height int, points bool) bool {
	if !w.take('(') {
		return false
	}
	for {
		switch {
		case height > 1:
			if !w.list(height-1, false) {
				return false
			}
		case points && w.take('('): // MULTIPOINT ((1 2), (3 4))
			if !w.position() || !w.take(')') {
				return false
			}
		default:
			if !w.position() {
				return false
			}
		}
		switch {
		case w.take(','):
		case w.take(')'):
			switch height {
			case 1:
				w.draw.endRing()
			case 2:
				w.draw.endPoly()
			}
			return true
		default:
			return false
		}
	}
}

func (w *wkt) take(b byte) bool {
	if w.s == "" || w.s[0] != b {
		return false
	}
	w.s = strings.TrimLeft(w.s[1:], " \t\r\n")
	return true
}

// position reads two to four numbers.
func (w *wkt) position() bool {
	var xy [2]float64
	n := 0
	for ; n < 5; n++ {
		end := strings.IndexAny(w.s, " \t\r\n,()")
		if end < 0 {
			return false
		}
		if end == 0 {
			break
		}
		v, err := strconv.ParseFloat(w.s[:end], 64)
		if err != nil {
			return false
		}
		if n < 2 {
			xy[n] = v
		}
		w.s = strings.TrimLeft(w.s[end:], " \t\r\n")
	}
	if n < 2 || n > 4 {
		return false
	}
	w.draw.point(xy[0], xy[1])
	return true
}
