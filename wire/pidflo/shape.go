package pidflo

// Pos is a position in WGS 84 (EPSG 4326, or 4979 with an altitude).
type Pos struct {
	Lat, Lon float64 // degrees
	Alt      float64 // metres above the ellipsoid
	HasAlt   bool
}

// Shape is where somebody is, with its uncertainty: Point, Circle, Polygon,
// Ellipse, ArcBand, Sphere, Ellipsoid or Prism (RFC 5491, section 5.2).
type Shape interface {
	// Enclose returns a circle that holds the whole shape on the ground (RFC
	// 7459, sections 5.2 and 5.3). Confidence stays what it was. The circle of
	// a Point has radius 0, which means that no uncertainty was stated.
	Enclose() Circle
}

// Point is a position without stated uncertainty.
type Point struct{ Pos Pos }

// Circle is an area around a position. It, Ellipse and ArcBand have no altitude
// (RFC 5491, section 5.2.3); Sphere, Ellipsoid and Prism need one.
type Circle struct {
	Center Pos
	Radius float64 // metres
}

// Polygon is an area by its corners, counter-clockwise; the first is not
// repeated at the end. Append turns one that is clockwise, and refuses one whose
// sides cross. Holes, which the PIDF-LO profile does not have, are not read.
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
func (p Point) Enclose() Circle { return Circle{Center: ground(p.Pos)} }

// Enclose returns the circle itself.
func (c Circle) Enclose() Circle { return c }

// Enclose returns the circle around the centroid that reaches the farthest
// corner.
func (p Polygon) Enclose() Circle { return enclose(p.Exterior) }

// Enclose returns the circle on the major axis.
func (e Ellipse) Enclose() Circle { return Circle{Center: e.Center, Radius: e.SemiMajor} }

// Enclose returns the circle around the centroid that reaches the ends of both
// arcs.
func (a ArcBand) Enclose() Circle { return a.circle() }

// Enclose returns the circle on the ground.
func (s Sphere) Enclose() Circle { return Circle{Center: ground(s.Center), Radius: s.Radius} }

// Enclose returns the circle on the major axis.
func (e Ellipsoid) Enclose() Circle { return Circle{Center: ground(e.Center), Radius: e.SemiMajor} }

// Enclose returns the circle around the base.
func (p Prism) Enclose() Circle { return enclose(p.Base) }
