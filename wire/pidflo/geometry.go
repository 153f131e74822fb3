package pidflo

import "math"

// The ellipsoid of WGS 84.
const (
	majorAxis  = 6378137.0
	flattening = 1 / 298.257223563
	eccentric2 = flattening * (2 - flattening)
)

// vec is a vector in earth-centered, earth-fixed coordinates, in metres.
type vec [3]float64

func (a vec) add(b vec) vec       { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vec) sub(b vec) vec       { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func (a vec) times(f float64) vec { return vec{a[0] * f, a[1] * f, a[2] * f} }
func (a vec) dot(b vec) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec) norm() float64       { return math.Sqrt(a.dot(a)) }
func (a vec) cross(b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}
func (a vec) distance(b vec) float64  { return a.sub(b).norm() }
func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

func ground(p Pos) Pos { return Pos{Lat: p.Lat, Lon: p.Lon} }

// cartesian is RFC 7459, appendix A.
func cartesian(p Pos) vec {
	sinLat, cosLat := math.Sincos(radians(p.Lat))
	sinLon, cosLon := math.Sincos(radians(p.Lon))
	n := majorAxis / math.Sqrt(1-eccentric2*sinLat*sinLat)
	return vec{(n + p.Alt) * cosLat * cosLon, (n + p.Alt) * cosLat * sinLon, (n*(1-eccentric2) + p.Alt) * sinLat}
}

// geodetic is the way back. Three rounds reach a micrometre near the ground.
func geodetic(v vec) Pos {
	p := math.Hypot(v[0], v[1])
	lon := math.Atan2(v[1], v[0])
	lat := math.Atan2(v[2], p*(1-eccentric2))
	const rounds = 6
	for range rounds {
		sin := math.Sin(lat)
		n := majorAxis / math.Sqrt(1-eccentric2*sin*sin)
		lat = math.Atan2(v[2]+eccentric2*n*sin, p)
	}
	sin, cos := math.Sincos(lat)
	n := majorAxis / math.Sqrt(1-eccentric2*sin*sin)
	alt := p*cos + v[2]*sin - n*(1-eccentric2*sin*sin)
	return Pos{Lat: lat * 180 / math.Pi, Lon: lon * 180 / math.Pi, Alt: alt, HasAlt: true}
}

// east and north are the directions of the ground at a position.
func directions(p Pos) (east, north vec) {
	sinLat, cosLat := math.Sincos(radians(p.Lat))
	sinLon, cosLon := math.Sincos(radians(p.Lon))
	return vec{-sinLon, cosLon, 0}, vec{-sinLat * cosLon, -sinLat * sinLon, cosLat}
}

// distance is the straight one, through the earth, in metres.
func distance(a, b Pos) float64 { return cartesian(a).distance(cartesian(b)) }

// plane is a polygon seen from above: its corners in metres in the plane that
// fits them best (RFC 7459, section 5.1.1.2 and appendix B).
type plane struct {
	origin vec // the first corner
	x, y   vec // unit vectors in the plane
	corner [][2]float64
	area   float64 // square metres, negative when the corners turn clockwise
	offset float64 // mean distance of the corners from the plane through the origin
}

// project returns no area for a ring whose corners stand on one line.
func project(ring []Pos) plane {
	p := plane{origin: cartesian(ring[0])}
	at := make([]vec, len(ring))
	var normal vec
	for i, c := range ring {
		at[i] = cartesian(c).sub(p.origin)
	}
	for i := range at {
		normal = normal.add(at[i].cross(at[(i+1)%len(at)]))
	}
	length := normal.norm()
	if length == 0 {
		return p
	}
	normal = normal.times(1 / length)
	if normal.dot(p.origin) < 0 { // up, so that the area of a clockwise ring is negative
		normal = normal.times(-1)
	}
	p.x = vec{0, 0, 1}.cross(normal)
	if p.x.norm() < 1e-9 { // at a pole
		p.x = vec{1, 0, 0}
	}
	p.x = p.x.times(1 / p.x.norm())
	p.y = normal.cross(p.x)
	p.corner = make([][2]float64, len(at))
	for i, v := range at {
		p.corner[i] = [2]float64{v.dot(p.x), v.dot(p.y)}
		p.offset += v.dot(normal) / float64(len(at))
	}
	for i, a := range p.corner {
		b := p.corner[(i+1)%len(p.corner)]
		p.area += (a[0]*b[1] - b[0]*a[1]) / 2
	}
	return p
}

// centroid is the center of the area, as a point in space.
func (p plane) centroid() vec {
	var cx, cy float64
	for i, a := range p.corner {
		b := p.corner[(i+1)%len(p.corner)]
		f := a[0]*b[1] - b[0]*a[1]
		cx += (a[0] + b[0]) * f / (6 * p.area)
		cy += (a[1] + b[1]) * f / (6 * p.area)
	}
	normal := p.x.cross(p.y)
	return p.origin.add(p.x.times(cx)).add(p.y.times(cy)).add(normal.times(p.offset))
}

// clockwise looks at the ring from above, longitudes relative to the first
// corner, so that one across the 180th meridian is seen right.
func clockwise(ring []Pos) bool {
	var twice float64
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		px, qx := math.Remainder(p.Lon-ring[0].Lon, 360), math.Remainder(q.Lon-ring[0].Lon, 360)
		py, qy := p.Lat-ring[0].Lat, q.Lat-ring[0].Lat
		twice += px*qy - qx*py
	}
	return twice < 0
}

// reverse turns the ring around and keeps its first corner.
func reverse(ring []Pos) {
	for i, j := 1, len(ring)-1; i < j; i, j = i+1, j-1 {
		ring[i], ring[j] = ring[j], ring[i]
	}
}

// flat reports whether no corner has an altitude.
func flat(ring []Pos) bool {
	for _, p := range ring {
		if p.HasAlt {
			return false
		}
	}
	return true
}

// solid reports whether every corner has an altitude.
func solid(ring []Pos) bool {
	for _, p := range ring {
		if !p.HasAlt {
			return false
		}
	}
	return true
}

// mostCompared bounds the corners up to which sides are compared pairwise. A
// location has 15 (RFC 5491, section 5.2.2); a service boundary of LoST, which
// somebody else has drawn, thousands.
const mostCompared = 128

// crosses reports whether two sides of the ring that are not neighbours cross.
func crosses(ring []Pos) bool {
	n := len(ring)
	if n < 4 || n > mostCompared {
		return false
	}
	at := func(i int) [2]float64 {
		p := ring[i%n]
		return [2]float64{math.Remainder(p.Lon-ring[0].Lon, 360), p.Lat}
	}
	for i := range n {
		for j := i + 2; j < n; j++ {
			if i == 0 && j == n-1 {
				continue
			}
			a, b, c, d := at(i), at(i+1), at(j), at(j+1)
			if side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0 {
				return true
			}
		}
	}
	return false
}

// side says on which side of the line from a to b the point c is: -1, 0 or 1.
func side(a, b, c [2]float64) int {
	switch v := (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0]); {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}
