package pidflo

import (
	"errors"
	"math"
)

// DefaultConfidence is that of a location which states none, in percent (RFC
// 5491, section 5.2).
const DefaultConfidence = 95

// Values of Geopriv.Distribution (RFC 7459, section 4.1).
const (
	PDFUnknown     = "unknown"
	PDFNormal      = "normal"
	PDFRectangular = "rectangular"
)

// Why Scale cannot answer.
var (
	ErrNoUncertainty = errors.New("the shape states no uncertainty that could be scaled")
	ErrNotScalable   = errors.New("the distribution does not allow to scale to that confidence")
)

// StatedConfidence returns the confidence of the location in percent: what the
// document says, or 95 when it says nothing (RFC 5491, section 5.2); ok is
// false when it says that it is unknown.
func (g *Geopriv) StatedConfidence() (percent float64, ok bool) {
	switch g.Confidence {
	case 0:
		return DefaultConfidence, true
	case UnknownConfidence:
		return 0, false
	}
	return g.Confidence, true
}

// Centroid reduces a shape to the point that minimizes the error (RFC 7459,
// section 5.1.1). That of a concave polygon or of an arc band may stand outside
// it. It has an altitude when the shape has.
func Centroid(s Shape) Pos {
	switch s := s.(type) {
	case Point:
		return s.Pos
	case Circle:
		return s.Center
	case Sphere:
		return s.Center
	case Ellipse:
		return s.Center
	case Ellipsoid:
		return s.Center
	case ArcBand:
		return s.circle().Center
	case Polygon:
		return centroid(s.Exterior)
	case Prism:
		c := centroid(s.Base)
		if c.HasAlt {
			c.Alt += s.Height / 2
		}
		return c
	}
	return Pos{}
}

func centroid(ring []Pos) Pos {
	if len(ring) == 0 {
		return Pos{}
	}
	var at vec
	if p := project(ring); p.area != 0 {
		at = p.centroid()
	} else {
		for _, c := range ring {
			at = at.add(cartesian(c).times(1 / float64(len(ring))))
		}
	}
	c := geodetic(at)
	// The plane of a large polygon runs below the ground: the altitude is that
	// of the corners.
	c.Alt, c.HasAlt = 0, solid(ring)
	if c.HasAlt {
		for _, p := range ring {
			c.Alt += p.Alt / float64(len(ring))
		}
	}
	return c
}

// enclose reaches the corners from the centroid in a straight line, as the
// worked example of RFC 7459, section 6.1 does.
func enclose(ring []Pos) Circle {
	c := centroid(ring)
	var r float64
	for _, p := range ring {
		r = max(r, distance(c, p))
	}
	return Circle{Center: ground(c), Radius: r}
}

// circle is RFC 7459, sections 5.1.1.1 and 5.2.
func (a ArcBand) circle() Circle {
	r, R := a.Inner, a.Outer
	half := radians(math.Min(math.Abs(a.Opens), 360)) / 2
	if half == 0 || R+r == 0 {
		return Circle{Center: a.Center, Radius: R}
	}
	d := 4 * math.Sin(half) * (R*R + R*r + r*r) / (3 * 2 * half * (R + r))
	reach := func(l float64) float64 { return math.Sqrt(max(0, d*d+l*l-2*d*l*math.Cos(half))) }
	sin, cos := math.Sincos(radians(a.Start + a.Opens/2))
	east, north := directions(a.Center)
	c := geodetic(cartesian(ground(a.Center)).add(east.times(d * sin)).add(north.times(d * cos)))
	return Circle{Center: ground(c), Radius: max(reach(R), reach(r))}
}

// ToSphere reduces a volume to a sphere that holds it (RFC 7459, section 5.2);
// confidence stays what it was. It is not ok for a shape without altitude.
func ToSphere(s Shape) (sphere Sphere, ok bool) {
	switch s := s.(type) {
	case Sphere:
		return s, s.Center.HasAlt
	case Ellipsoid:
		return Sphere{Center: s.Center, Radius: max(s.SemiMajor, s.SemiMinor, s.Vertical)}, s.Center.HasAlt
	case Prism:
		c := Centroid(s)
		var r float64
		for _, p := range s.Base {
			r = max(r, distance(c, p))
		}
		return Sphere{Center: c, Radius: r}, c.HasAlt
	}
	return Sphere{}, false
}

// Flatten takes the altitude away (RFC 7459, section 5.3): a Sphere becomes a
// Circle, an Ellipsoid an Ellipse, a Prism a Polygon. See FlatConfidence.
func Flatten(s Shape) Shape {
	switch s := s.(type) {
	case Point:
		return Point{ground(s.Pos)}
	case Sphere:
		return Circle{ground(s.Center), s.Radius}
	case Ellipsoid:
		return Ellipse{ground(s.Center), s.SemiMajor, s.SemiMinor, s.Orientation}
	case Polygon:
		return Polygon{grounds(s.Exterior)}
	case Prism:
		return Polygon{grounds(s.Base)}
	}
	return s
}

func grounds(ring []Pos) []Pos {
	out := make([]Pos, len(ring))
	for i, p := range ring {
		out[i] = ground(p)
	}
	return out
}

// FlatConfidence is the least confidence, in percent, of what Flatten makes of
// a Sphere, an Ellipsoid or a Prism of that confidence: an altitude that nobody
// states cannot be missed.
func FlatConfidence(percent float64) float64 { return 100 * math.Pow(percent/100, 2.0/3) }

// Size is the area of the shape in square metres, or its volume in cubic
// metres, by which RFC 7459 compares regions; 0 for a Point.
func Size(s Shape) float64 {
	switch s := s.(type) {
	case Circle:
		return math.Pi * s.Radius * s.Radius
	case Ellipse:
		return math.Pi * s.SemiMajor * s.SemiMinor
	case ArcBand:
		return radians(math.Min(math.Abs(s.Opens), 360)) / 2 * (s.Outer*s.Outer - s.Inner*s.Inner)
	case Sphere:
		return 4.0 / 3 * math.Pi * s.Radius * s.Radius * s.Radius
	case Ellipsoid:
		return 4.0 / 3 * math.Pi * s.SemiMajor * s.SemiMinor * s.Vertical
	case Polygon:
		return ringArea(s.Exterior)
	case Prism:
		return ringArea(s.Base) * s.Height
	}
	return 0
}

func ringArea(ring []Pos) float64 {
	if len(ring) < 3 {
		return 0
	}
	return math.Abs(project(ring).area)
}

// Scale changes the uncertainty of a shape from one confidence, in percent, to
// another (RFC 7459, section 5.4). A normal distribution can be scaled both
// ways; a rectangular one can only shrink; one of unknown form stays as it is.
// An area that is no circle or ellipse, and a volume that is no sphere or
// ellipsoid, becomes one first. Errors are ErrNoUncertainty for a point and
// ErrNotScalable.
func Scale(s Shape, distribution string, from, to float64) (Shape, error) {
	switch s.(type) {
	case nil, Point:
		return nil, ErrNoUncertainty
	}
	// NaN compares false and is refused too.
	if !(from > 0 && from < 100 && to > 0 && to < 100) {
		return nil, ErrNotScalable
	}
	if from == to {
		return s, nil
	}
	s, dimensions := regular(s)
	var f float64
	switch {
	case distribution == PDFNormal:
		perAxis := func(percent float64) float64 { return math.Erfinv(math.Pow(percent/100, 1/dimensions)) }
		f = perAxis(to) / perAxis(from)
	case distribution == PDFRectangular && to < from:
		f = math.Pow(to/from, 1/dimensions)
	default:
		return nil, ErrNotScalable
	}
	switch s := s.(type) {
	case Circle:
		return Circle{s.Center, s.Radius * f}, nil
	case Ellipse:
		return Ellipse{s.Center, s.SemiMajor * f, s.SemiMinor * f, s.Orientation}, nil
	case Sphere:
		return Sphere{s.Center, s.Radius * f}, nil
	case Ellipsoid:
		return Ellipsoid{s.Center, s.SemiMajor * f, s.SemiMinor * f, s.Vertical * f, s.Orientation}, nil
	}
	return nil, ErrNoUncertainty
}

// Circle reduces the first shape to a circle on the ground that holds the place
// with the DefaultConfidence (RFC 7459, sections 6.1 and 6.2), so that whoever
// has just the circle need not know what the document said of it. Where the
// document's distribution does not allow to scale, the circle is that of its
// own confidence. Without a shape it is not ok; a point has the radius 0.
func (g *Geopriv) Circle() (c Circle, ok bool) {
	s := g.Shape()
	if s == nil {
		return Circle{}, false
	}
	if from, known := g.StatedConfidence(); known {
		if scaled, err := Scale(s, g.Distribution, from, DefaultConfidence); err == nil {
			s = scaled
		}
	}
	return s.Enclose(), true
}

// regular returns a shape that has axes, and how many.
func regular(s Shape) (Shape, float64) {
	switch s.(type) {
	case Circle, Ellipse:
		return s, 2
	case Sphere, Ellipsoid:
		return s, 3
	}
	if sphere, ok := ToSphere(s); ok {
		return sphere, 3
	}
	return s.Enclose(), 2
}

// Overlap is the area in square metres that two circles have in common (RFC
// 7459, section 5.5.1).
func Overlap(a, b Circle) float64 {
	d := distance(ground(a.Center), ground(b.Center))
	r, R := min(a.Radius, b.Radius), max(a.Radius, b.Radius)
	switch {
	case d >= r+R:
		return 0
	case d <= R-r:
		return math.Pi * r * r
	}
	clamp := func(v float64) float64 { return max(-1, min(1, v)) }
	angle1 := math.Acos(clamp((d*d + r*r - R*R) / (2 * d * r)))
	angle2 := math.Acos(clamp((d*d + R*R - r*r) / (2 * d * R)))
	kite := math.Sqrt(max(0, (-d+r+R)*(d+r-R)*(d-r+R)*(d+r+R))) / 2
	return r*r*angle1 + R*R*angle2 - kite
}

// ChanceWithin is the probability, 0 to 1, that somebody whose location is the
// estimate, with its confidence in percent, is within the region (RFC 7459,
// section 5.5): the part of the estimate that is inside, every place of it
// being equally likely. It is best given at 95 %.
func ChanceWithin(estimate Circle, percent float64, region Circle) float64 {
	if estimate.Radius <= 0 {
		if distance(ground(estimate.Center), ground(region.Center)) <= region.Radius {
			return percent / 100
		}
		return 0
	}
	return percent / 100 * Overlap(estimate, region) / Size(estimate)
}
