package pidflo

import (
	"math"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// ShapeFromNode reads a shape of GML or of its PIDF-LO profile. Its reference
// system is WGS 84 in any spelling, or not stated. A center that stands where
// the profile has none (an altitude of a Circle, Ellipse or ArcBand) loses its
// altitude; a ring of which some corners have one loses them all.
func ShapeFromNode(n xmltok.Node) (Shape, error) {
	if !knownShape(n.Local()) || !of(n).geometry() {
		return nil, n.Errorf("no shape that is known")
	}
	return readShape(n, false)
}

// readShape reads a shape of a known name. Brief is for documents with very
// many broken ones: to find the place of each would take the square of them.
func readShape(n xmltok.Node, brief bool) (Shape, error) {
	r := shapeReader{n: n, brief: brief}
	r.reference()
	s := r.shape()
	if r.err != nil {
		return nil, r.err
	}
	return s, nil
}

func knownShape(name string) bool {
	switch name {
	case "Point", "Circle", "Polygon", "Ellipse", "ArcBand", "Sphere", "Ellipsoid", "Prism":
		return true
	}
	return false
}

// shapeReader reads one shape and keeps the first thing that was wrong.
type shapeReader struct {
	n       xmltok.Node
	threeD  bool // the reference system has an altitude
	flatter bool // the reference system has none
	brief   bool
	err     error
}

func (r *shapeReader) fail(n xmltok.Node, format string, args ...any) {
	if r.err != nil {
		return
	}
	if r.brief {
		r.err = &ParseError{Reason: "one of many shapes that cannot be used"}
		return
	}
	if !n.OK() {
		n = r.n
	}
	r.err = n.Errorf(format, args...)
}

// reference accepts WGS 84 in all the ways in which it is written, and no
// reference at all, which no other system would be likelier than.
func (r *shapeReader) reference() {
	srs := strings.TrimSpace(r.n.Attr("srsName"))
	switch {
	case srs == "":
	case strings.HasSuffix(srs, ":4326"), strings.HasSuffix(srs, "#4326"), strings.HasSuffix(srs, "/4326"):
		r.flatter = true
	case strings.HasSuffix(srs, ":4979"), strings.HasSuffix(srs, "#4979"), strings.HasSuffix(srs, "/4979"):
		r.threeD = true
	case strings.HasSuffix(srs, "CRS84"):
		r.fail(r.n, "the reference system CRS84 has longitude first; RFC 5491 asks for EPSG 4326")
	default:
		r.fail(r.n, "the reference system %s is not WGS 84", clip(srs))
	}
}

func (r *shapeReader) shape() Shape {
	switch r.n.Local() {
	case "Point":
		return Point{r.center(true)}
	case "Circle":
		return Circle{Center: r.center(false), Radius: r.metres("radius")}
	case "Sphere":
		return Sphere{Center: r.center(true), Radius: r.metres("radius")}
	case "Ellipse":
		return Ellipse{r.center(false), r.metres("semiMajorAxis"), r.metres("semiMinorAxis"), r.degrees("orientation")}
	case "Ellipsoid":
		return Ellipsoid{r.center(true), r.metres("semiMajorAxis"), r.metres("semiMinorAxis"), r.metres("verticalAxis"), r.degrees("orientation")}
	case "ArcBand":
		return ArcBand{r.center(false), r.metres("innerRadius"), r.metres("outerRadius"), r.degrees("startAngle"), r.degrees("openingAngle")}
	case "Polygon":
		return Polygon{Exterior: r.ring(r.n)}
	}
	return Prism{Base: r.ring(r.find("Polygon", 4)), Height: r.metres("height")}
}

func (r *shapeReader) find(local string, depth int) xmltok.Node { return find(r.n, local, depth) }

// find returns the first element of that name at most depth levels below n.
func find(n xmltok.Node, local string, depth int) xmltok.Node {
	for c := range n.Children() {
		if c.Local() == local && of(c).geometry() {
			return c
		}
		if depth > 1 {
			if f := find(c, local, depth-1); f.OK() {
				return f
			}
		}
	}
	return xmltok.Node{}
}

func (r *shapeReader) center(altitude bool) Pos {
	n := r.find("pos", 3) // also inside pointProperty/Point
	if !n.OK() {
		r.fail(n, "no pos")
		return Pos{}
	}
	p := r.pos(n)
	if !altitude {
		p.Alt, p.HasAlt = 0, false
	}
	return p
}

// pos reads one position: two numbers, or three.
func (r *shapeReader) pos(n xmltok.Node) Pos {
	var v [3]float64
	count := 0
	r.numbers(n, func(x float64) {
		if count < len(v) {
			v[count] = x
		}
		count++
	})
	if count != 2 && count != 3 {
		r.fail(n, "pos has %d numbers", count)
		return Pos{}
	}
	return r.position(n, v[:count])
}

// numbers reads a list of numbers, also with the commas that some write.
func (r *shapeReader) numbers(n xmltok.Node, take func(float64)) {
	s := n.Text()
	for i := 0; i < len(s) && r.err == nil; {
		if separates(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && !separates(s[i]) {
			i++
		}
		v, ok := decimal(s[start:i])
		if !ok {
			r.fail(n, "%q is not a coordinate or measure", clip(s[start:i]))
			return
		}
		take(v)
	}
}

func separates(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' }

// decimal reads a number as XML writes it, within what the earth can need.
func decimal(s string) (float64, bool) {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && math.Abs(v) <= mostNumber
}

// mostNumber bounds every number of a shape: metres beyond it are no place.
const mostNumber = 1e9

func (r *shapeReader) position(n xmltok.Node, v []float64) Pos {
	p := Pos{Lat: v[0], Lon: v[1]}
	if len(v) == 3 {
		p.Alt, p.HasAlt = v[2], true
	}
	if !onEarth(p) {
		r.fail(n, "a position outside the earth: latitude stands first")
	}
	return p
}

func onEarth(p Pos) bool {
	return p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180 && math.Abs(p.Alt) <= mostNumber
}

// ring reads the exterior of a polygon. It is returned open and turning
// counter-clockwise from its first corner (RFC 5491, section 5.2.2).
func (r *shapeReader) ring(n xmltok.Node) []Pos {
	ring := find(n, "LinearRing", 3)
	if !ring.OK() {
		r.fail(n, "no LinearRing")
		return nil
	}
	out := make([]Pos, 0, 16)
	for c := range ring.Children() {
		if !of(c).geometry() {
			continue
		}
		switch c.Local() {
		case "posList":
			out = r.list(n, c, out)
		case "pos":
			out = append(out, r.pos(c))
		case "pointProperty":
			out = append(out, r.pos(find(c, "pos", 2)))
		}
	}
	if r.err != nil {
		return nil
	}
	if !flat(out) && !solid(out) {
		for i := range out {
			out[i].Alt, out[i].HasAlt = 0, false
		}
	}
	if len(out) > 1 && out[0] == out[len(out)-1] {
		out = out[:len(out)-1]
	}
	if len(out) < 3 {
		r.fail(ring, "a ring of fewer than three corners")
		return nil
	}
	if clockwise(out) {
		reverse(out)
	}
	return out
}

// list reads a posList. How many numbers a position has is said by
// srsDimension, else by the reference system when the count allows it.
func (r *shapeReader) list(polygon, n xmltok.Node, out []Pos) []Pos {
	count := 0
	r.numbers(n, func(float64) { count++ })
	dim := 2
	dims := strings.TrimSpace(n.Attr("srsDimension"))
	if dims == "" {
		dims = strings.TrimSpace(polygon.Attr("srsDimension"))
	}
	switch {
	case dims == "3":
		dim = 3
	case dims == "2":
	case r.threeD || (r.n.Local() == "Prism" && !r.flatter) || strings.HasSuffix(polygon.Attr("srsName"), "4979"):
		if count%3 == 0 {
			dim = 3
		}
	case count%2 != 0 && count%3 == 0:
		dim = 3
	}
	if r.err != nil || count == 0 || count%dim != 0 {
		r.fail(n, "posList has %d numbers", count)
		return out
	}
	var v [3]float64
	i := 0
	r.numbers(n, func(x float64) {
		v[i] = x
		if i++; i == dim {
			out, i = append(out, r.position(n, v[:dim])), 0
		}
	})
	return out
}

func (r *shapeReader) one(name, what string) (float64, xmltok.Node) {
	n := r.find(name, 1)
	if !n.OK() {
		r.fail(n, "no %s", name)
		return 0, n
	}
	var v float64
	count := 0
	r.numbers(n, func(x float64) { v, count = x, count+1 })
	if count != 1 {
		r.fail(n, "%s is not %s", name, what)
	}
	return v, n
}

func (r *shapeReader) metres(name string) float64 {
	v, n := r.one(name, "a length")
	if v < 0 {
		r.fail(n, "%s is not a length", name)
	}
	if uom := strings.TrimSpace(n.Attr("uom")); uom != "" && !hasCode(uom, "9001") && uom != "m" && uom != "#m" && uom != "meters" && uom != "metres" {
		r.fail(n, "%s in %s, not in metres", name, clip(uom))
	}
	return v
}

func (r *shapeReader) degrees(name string) float64 {
	v, n := r.one(name, "an angle")
	switch uom := strings.TrimSpace(n.Attr("uom")); {
	case hasCode(uom, "9101") || uom == "rad":
		return v * 180 / math.Pi
	case uom == "" || hasCode(uom, "9102") || uom == "deg" || uom == "degrees":
		return v
	case hasCode(uom, "9002"): // feet: the i3 test suite writes it for degrees
		return v
	default:
		r.fail(n, "%s in %s, neither degrees nor radians", name, clip(uom))
	}
	return 0
}

// hasCode reports whether the URN or URL of a unit ends with its EPSG code.
func hasCode(uom, code string) bool {
	rest, ok := strings.CutSuffix(uom, code)
	return ok && (rest == "" || strings.ContainsRune(":#/", rune(rest[len(rest)-1])))
}
