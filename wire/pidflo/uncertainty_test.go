package pidflo_test

import (
	"errors"
	"math"
	"testing"

	"github.com/callbox911/callbox/wire/pidflo"
)

// The values of the worked examples of RFC 7459, section 6.
var (
	alice = pidflo.Ellipsoid{
		Center: pidflo.Pos{Lat: -34.407242, Lon: 150.882518, Alt: 34, HasAlt: true}, SemiMajor: 7.7156, SemiMinor: 3.31, Vertical: 28.7, Orientation: 43,
	}
	bob = polygon(-33.856625, 151.215906, -33.856299, 151.215343, -33.856326, 151.214731, -33.857533, 151.214495,
		-33.857720, 151.214613, -33.857369, 151.215375)
	concertHall = polygon(-33.856473, 151.215257, -33.856322, 151.214973, -33.856424, 151.21471, -33.857248, 151.214753,
		-33.857413, 151.214941, -33.857311, 151.215128)
)

func polygon(v ...float64) pidflo.Polygon {
	var p pidflo.Polygon
	for i := 0; i < len(v); i += 2 {
		p.Exterior = append(p.Exterior, pidflo.Pos{Lat: v[i], Lon: v[i+1]})
	}
	return p
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, within)
	}
}

// Proves: RFC 7459 section 6.1 (reduction to a point, a circle and a sphere), sections 5.1.1.2 and 5.2
func TestTheReductionsOfRFC7459ComeOutAsInItsExamples(t *testing.T) {
	if got := pidflo.Centroid(alice); got != alice.Center {
		t.Errorf("Alice as a point: got %v", got)
	}
	if s, ok := pidflo.ToSphere(alice); !ok || s != (pidflo.Sphere{Center: alice.Center, Radius: 28.7}) {
		t.Errorf("Alice as a sphere: got %v, %v", s, ok)
	}
	if got, want := alice.Enclose(), (pidflo.Circle{Center: pidflo.Pos{Lat: -34.407242, Lon: 150.882518}, Radius: 7.7156}); got != want {
		t.Errorf("Alice as a circle: got %v, want %v", got, want)
	}
	c := bob.Enclose()
	near(t, "latitude of Bob's centroid", c.Center.Lat, -33.856926, 5e-7)
	near(t, "longitude of Bob's centroid", c.Center.Lon, 151.215102, 5e-7)
	near(t, "radius of Bob's circle, which the document rounds up", c.Radius, 99.05, 0.05)
	near(t, "area of Bob's polygon", pidflo.Size(bob), 12600, 50)
	if p := pidflo.Centroid(bob); p.HasAlt {
		t.Errorf("the centroid has an altitude and the polygon has none: %v", p)
	}
}

// Proves: RFC 7459 section 6.2 (increasing and decreasing confidence), sections 5.4.1 and 5.4.2
func TestTheScalingOfRFC7459ComesOutAsInItsExamples(t *testing.T) {
	s, err := pidflo.Scale(alice, pidflo.PDFNormal, 19, 95)
	if err != nil {
		t.Fatal(err)
	}
	e := s.(pidflo.Ellipsoid)
	near(t, "scale", e.SemiMajor/alice.SemiMajor, 2.9937, 5e-5)
	near(t, "semi-major axis", e.SemiMajor, 23.1, 0.05)
	near(t, "semi-minor axis", e.SemiMinor, 10, 0.1)
	near(t, "vertical axis", e.Vertical, 86, 0.1)
	back, err := pidflo.Scale(e, pidflo.PDFNormal, 95, 19)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "there and back again", back.(pidflo.Ellipsoid).Vertical, alice.Vertical, 1e-9)

	near(t, "area of the Concert Hall", pidflo.Size(concertHall), 4566.2, 5)
	near(t, "confidence that Bob is in it", 95*pidflo.Size(concertHall)/pidflo.Size(bob), 34, 0.5)
}

// Proves: RFC 7459 section 6.3 (matching to regions of interest), sections 5.5 and 5.5.1
func TestTheMatchingOfRFC7459ComesOutAsInItsExamples(t *testing.T) {
	region := pidflo.Circle{Center: pidflo.Pos{Lat: -33.872754, Lon: 151.20683}, Radius: 1950}
	estimate := bob.Enclose()
	estimate.Radius = 99.1 // as the document rounds it
	near(t, "area of Bob's circle", pidflo.Size(estimate), 30853, 30)
	near(t, "chance within 1950 m", 100*pidflo.ChanceWithin(estimate, 95, region), 67.8, 0.1)
	region.Radius = 1920
	near(t, "overlap with 1920 m", pidflo.Overlap(estimate, region), 16196, 30)
	near(t, "chance within 1920 m", 100*pidflo.ChanceWithin(estimate, 95, region), 49.8, 0.1)
}

// Proves: RFC 7459 sections 5.3, 5.4, 5.5.1
func TestWhatCannotBeScaledIsRefusedAndEdgesHold(t *testing.T) {
	at := pidflo.Pos{Lat: 42, Lon: -71}
	circle := pidflo.Circle{Center: at, Radius: 10}
	for _, c := range []struct {
		name         string
		s            pidflo.Shape
		distribution string
		from, to     float64
		want         error
		radius       float64
	}{
		{"a point", pidflo.Point{Pos: at}, pidflo.PDFNormal, 68, 95, pidflo.ErrNoUncertainty, 0},
		{"nothing", nil, pidflo.PDFNormal, 68, 95, pidflo.ErrNoUncertainty, 0},
		{"a rectangular one up", circle, pidflo.PDFRectangular, 68, 95, pidflo.ErrNotScalable, 0},
		{"a rectangular one down", circle, pidflo.PDFRectangular, 80, 20, nil, 5},
		{"an unknown one down", circle, pidflo.PDFUnknown, 95, 68, pidflo.ErrNotScalable, 0},
		{"an unknown one up", circle, "", 68, 95, pidflo.ErrNotScalable, 0},
		{"to where it is", circle, "", 95, 95, nil, 10},
		{"to certainty", circle, pidflo.PDFNormal, 95, 100, pidflo.ErrNotScalable, 0},
		{"from nothing", circle, pidflo.PDFNormal, 0, 95, pidflo.ErrNotScalable, 0},
		{"to no number", circle, pidflo.PDFNormal, 95, math.NaN(), pidflo.ErrNotScalable, 0},
	} {
		s, err := pidflo.Scale(c.s, c.distribution, c.from, c.to)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got error %v, want %v", c.name, err, c.want)
			continue
		}
		if c.want == nil {
			near(t, c.name, s.(pidflo.Circle).Radius, c.radius, 1e-9)
		}
	}
	if s, err := pidflo.Scale(bob, pidflo.PDFNormal, 68, 95); err != nil || s.Enclose().Radius <= bob.Enclose().Radius {
		t.Errorf("a polygon becomes a circle and grows: got %v, %v", s, err)
	}
	near(t, "a sphere of 95 percent on the ground", pidflo.FlatConfidence(95), 96.6, 0.05)
	near(t, "a circle in itself", pidflo.Overlap(circle, circle), pidflo.Size(circle), 1e-9)
	far := pidflo.Circle{Center: pidflo.Pos{Lat: 43, Lon: -71}, Radius: 10}
	near(t, "circles apart", pidflo.Overlap(circle, far), 0, 0)
	near(t, "a point within", pidflo.ChanceWithin(pidflo.Circle{Center: at}, 95, circle), 0.95, 1e-12)
	near(t, "a point outside", pidflo.ChanceWithin(pidflo.Circle{Center: at}, 95, far), 0, 0)
}

// Proves: RFC 7459 sections 5.1.1.1 and 5.2
func TestAnArcBandIsReducedToItsCentroid(t *testing.T) {
	site := pidflo.Pos{Lat: 0, Lon: 0}
	// Half a ring to the east: d = 4 sin(90) (R2+Rr+r2) / (3 pi (R+r)).
	c := pidflo.ArcBand{Center: site, Inner: 1000, Outer: 2000, Start: 0, Opens: 180}.Enclose()
	d := 4.0 * 7e6 / (3 * math.Pi * 3000)
	near(t, "latitude", c.Center.Lat, 0, 1e-9)
	near(t, "longitude", c.Center.Lon*math.Pi/180*6378137, d, 0.1)
	near(t, "radius", c.Radius, math.Hypot(d, 2000), 1e-6)
	whole := pidflo.ArcBand{Center: site, Inner: 0, Outer: 2000, Start: 30, Opens: 360}.Enclose()
	near(t, "a whole ring", whole.Radius, 2000, 1e-6)
	near(t, "a whole ring's center", whole.Center.Lon, 0, 1e-9)
}

// Proves: RFC 7459 section 5.1.1.2
func TestCentroidsOfRegularPolygonsAreTheirCentersAnywhereOnEarth(t *testing.T) {
	for _, at := range []pidflo.Pos{{Lat: 0, Lon: 0}, {Lat: 89.9, Lon: 45}, {Lat: -90, Lon: 0}, {Lat: 10, Lon: 179.9999}, {Lat: -45, Lon: -90}, {Lat: 45, Lon: 90}} {
		if at.Lat == -90 {
			continue // every corner would be the pole
		}
		const size = 1e-4
		stretch := size / math.Cos(at.Lat*math.Pi/180)
		ring := []pidflo.Pos{
			{Lat: at.Lat - size, Lon: wrap(at.Lon - stretch)},
			{Lat: at.Lat - size, Lon: wrap(at.Lon + stretch)},
			{Lat: at.Lat + size, Lon: wrap(at.Lon + stretch)},
			{Lat: at.Lat + size, Lon: wrap(at.Lon - stretch)},
		}
		c := pidflo.Polygon{Exterior: ring}.Enclose()
		near(t, "latitude", c.Center.Lat, at.Lat, 1e-5)
		near(t, "longitude", math.Remainder(c.Center.Lon-at.Lon, 360)*math.Cos(at.Lat*math.Pi/180), 0, 1e-6)
		near(t, "radius", c.Radius, 15.7, 0.2)
		for i := range ring {
			ring[i].Alt, ring[i].HasAlt = 20, true
		}
		if p := pidflo.Centroid(pidflo.Prism{Base: ring, Height: 10}); !p.HasAlt || math.Abs(p.Alt-25) > 1e-9 {
			t.Errorf("the middle of a prism: got %v", p)
		}
	}
}

func wrap(lon float64) float64 { return math.Remainder(lon, 360) }

// Who keeps a circle alone keeps one of 95 %, whatever confidence was stated.
//
// Proves: RFC 7459 section 6.2, F-05
func TestACircleIsOfTheDefaultConfidence(t *testing.T) {
	circle := pidflo.Circle{Center: pidflo.Pos{Lat: 42, Lon: -71}, Radius: 100}
	for _, c := range []struct {
		name         string
		shape        pidflo.Shape
		confidence   float64
		distribution string
		radius       float64
	}{
		{"as stated by nobody", circle, 0, "", 100},
		{"at 95 already", circle, 95, pidflo.PDFNormal, 100},
		{"a smaller confidence of a normal distribution", circle, 68, pidflo.PDFNormal, 165.04},
		{"a larger one of a normal distribution", circle, 99, pidflo.PDFNormal, 79.70},
		{"a larger one of a rectangular distribution", circle, 99, pidflo.PDFRectangular, 97.96},
		{"a smaller one of a rectangular distribution, which cannot grow", circle, 50, pidflo.PDFRectangular, 100},
		{"of an unknown distribution", circle, 50, pidflo.PDFUnknown, 100},
		{"an unknown confidence", circle, pidflo.UnknownConfidence, "", 100},
		{"a point", pidflo.Point{Pos: circle.Center}, 0, "", 0},
	} {
		g := pidflo.Geopriv{Info: []pidflo.Chunk{{Shape: c.shape}}, Confidence: c.confidence, Distribution: c.distribution}
		got, ok := g.Circle()
		if !ok || math.Abs(got.Radius-c.radius) > 0.01 || got.Center != circle.Center {
			t.Errorf("%s: got %+v %v, want a radius of %v", c.name, got, ok, c.radius)
		}
	}
	if c, ok := (&pidflo.Geopriv{}).Circle(); ok {
		t.Errorf("no shape gives %+v", c)
	}
}
