package pidflo

import "math"

// Pos is a position in WGS 84 (EPSG 4326, or 4979 with an altitude).
type Pos struct {
	Lat, Lon float64 // degrees
	Alt      float64 // metres above the ellipsoid
	HasAlt   bool
}

// Shape is where somebody is, with its uncertainty: Point, Circle, Polygon,
// Ellipse, ArcBand, Sphere, Ellipsoid or Prism (RFC 5491, section 5.2).
type Shape interface {
	// Enclose returns a circle that holds the whole shape. The circle of a
	// Point has radius 0, which means that no uncertainty was stated.
	Enclose() Circle
}

// Point is a position without stated uncertainty.
type Point struct{ Pos Pos }

// Circle is an area around a position.
type Circle struct {
	Center Pos
	Radius float64 // metres
}

// Polygon is an area by its corners, counter-clockwise; the first is not
// repeated at the end.
type Polygon struct{ Exterior []Pos }

// Ellipse is an area; Orientation is that of the major axis, clockwise from
// north.
type Ellipse struct {
	Center               Pos
	SemiMajor, SemiMinor float64 // metres
	Orientation          float64 // degrees
}

// ArcBand is a sector of a ring, as cell sites give it; angles are degrees
// clockwise from north.
type ArcBand struct {
	Center       Pos
	Inner, Outer float64 // metres
	Start, Opens float64 // degrees
}

// Sphere is a volume around a position.
type Sphere struct {
	Center Pos
	Radius float64 // metres
}

// Ellipsoid is a volume around a position.
type Ellipsoid struct {
	Center                         Pos
	SemiMajor, SemiMinor, Vertical float64 // metres
	Orientation                    float64 // degrees
}

// Prism is a polygon with a height, such as a floor of a building.
type Prism struct {
	Base   []Pos
	Height float64 // metres
}

// Enclose returns a circle of radius 0.
func (p Point) Enclose() Circle { return Circle{Center: p.Pos} }

// Enclose returns the circle itself.
func (c Circle) Enclose() Circle { return c }

// Enclose returns the circle around the mean of the corners that reaches the
// farthest of them.
func (p Polygon) Enclose() Circle { return enclose(p.Exterior) }

// Enclose returns the circle on the major axis.
func (e Ellipse) Enclose() Circle { return Circle{Center: e.Center, Radius: e.SemiMajor} }

// Enclose returns the circle around the site that reaches the outer arc.
func (a ArcBand) Enclose() Circle { return Circle{Center: a.Center, Radius: a.Outer} }

// Enclose returns the circle on the ground.
func (s Sphere) Enclose() Circle { return Circle(s) }

// Enclose returns the circle on the major axis.
func (e Ellipsoid) Enclose() Circle { return Circle{Center: e.Center, Radius: e.SemiMajor} }

// Enclose returns the circle around the base.
func (p Prism) Enclose() Circle { return enclose(p.Base) }

// earthRadius is the mean radius of the earth in metres (IUGG R1).
const earthRadius = 6371008.8

func enclose(ring []Pos) Circle {
	if len(ring) == 0 {
		return Circle{}
	}
	var c Pos
	for _, p := range ring {
		// Longitudes are taken relative to the first corner, so that a
		// polygon across the 180th meridian keeps its centre.
		c.Lat += p.Lat
		c.Lon += math.Remainder(p.Lon-ring[0].Lon, 360)
	}
	c.Lat /= float64(len(ring))
	c.Lon = math.Remainder(ring[0].Lon+c.Lon/float64(len(ring)), 360)
	var r float64
	for _, p := range ring {
		r = max(r, distance(c, p))
	}
	return Circle{Center: c, Radius: r}
}

// distance is the great-circle distance in metres (haversine).
func distance(a, b Pos) float64 {
	const rad = math.Pi / 180
	dlat, dlon := (b.Lat-a.Lat)*rad, (b.Lon-a.Lon)*rad
	h := math.Pow(math.Sin(dlat/2), 2) + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*math.Pow(math.Sin(dlon/2), 2)
	return 2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h)))
}
