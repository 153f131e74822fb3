package gisread

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// geojson reads GeoJSON (RFC 7946): a FeatureCollection, one Feature, or
// Features one after the other (RFC 8142, newline-delimited).
type geojson struct {
	j    *jsonText
	draw drawing
	name string // of the collection
	look bool   // geometries are of no interest
	// begin starts a feature, value gets each of its properties, end gets its
	// geometry.
	begin func() error
	value func(key, value string)
	end   func(shape) error
}

func (g *geojson) run() error {
	if b, err := g.j.peek(); err != nil || b != '{' {
		return errors.Join(broken(CodeFormat, "", "The file is not GeoJSON."), err)
	}
	for {
		if _, err := g.j.peek(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := g.thing(true); err != nil {
			return err
		}
	}
}

// thing reads a Feature, or, on top, a FeatureCollection.
func (g *geojson) thing(top bool) error {
	var s shape
	feature := false
	typ := ""
	if err := g.begin(); err != nil {
		return err
	}
	err := g.j.object(func(key string) error {
		var err error
		switch {
		case key == "features" && top:
			return g.j.array(func() error { return g.thing(false) })
		case key == "name" && top:
			g.name, err = g.j.scalar()
		case key == "crs":
			return g.crs()
		case key == "geometry":
			feature = true
			s, err = g.geometry()
		case key == "properties":
			feature = true
			return g.properties()
		case key == "type":
			typ, err = g.j.scalar()
		default:
			return g.j.skip()
		}
		return err
	})
	if err != nil || top && (!feature || typ != "Feature") {
		return err
	}
	return g.end(s)
}

func (g *geojson) properties() error {
	b, err := g.j.inside()
	if err != nil {
		return err
	}
	if b != '{' {
		return g.j.skip()
	}
	return g.j.object(func(key string) error {
		v, err := g.j.scalar()
		if err == nil {
			g.value(key, v)
		}
		return err
	})
}

// crs reads the member that GeoJSON of 2008 had. Later ones are always WGS 84.
func (g *geojson) crs() error {
	b, err := g.j.inside()
	if err != nil {
		return err
	}
	if b != '{' {
		return g.j.skip()
	}
	name := ""
	err = g.j.object(func(key string) error {
		if key != "properties" {
			return g.j.skip()
		}
		return g.j.object(func(key string) error {
			if key != "name" {
				return g.j.skip()
			}
			name, err = g.j.scalar()
			return err
		})
	})
	if err != nil {
		return err
	}
	return knownCRS(name)
}

// knownCRS refuses a coordinate reference system other than longitude and
// latitude of WGS 84, or of NAD 83, which is within two metres of it.
func knownCRS(name string) error {
	up := strings.ToUpper(name)
	for _, ok := range []string{"CRS84", "CRS83", ":4326", ":4979", ":4269", "CRS84H"} {
		if strings.HasSuffix(up, ok) {
			return nil
		}
	}
	if name == "" {
		return nil
	}
	return otherCRS(printable(name, 80))
}

func otherCRS(name string) *fileError {
	return broken(CodeCRS, "Export it in WGS 84 longitude and latitude (EPSG:4326).", "The coordinates are in %q, not in degrees of WGS 84.", name)
}

// geometry reads a geometry. One that makes no sense is told in the shape, as
// the rows after it can still be read.
func (g *geojson) geometry() (shape, error) {
	b, err := g.j.inside()
	if err != nil {
		return shape{}, err
	}
	if b != '{' || g.look {
		return shape{}, g.j.skip()
	}
	typ, height, form := "", 0, true
	g.draw.reset()
	err = g.j.object(func(key string) error {
		var err error
		switch key {
		case "type":
			typ, err = g.j.scalar()
		case "coordinates":
			g.draw.reset()
			if b, err := g.j.inside(); err != nil || b != '[' {
				return errors.Join(err, g.j.skip())
			}
			height, form, err = g.coordinates()
		default:
			return g.j.skip()
		}
		return err
	})
	if err != nil {
		return shape{}, err
	}
	k, want := shapeOther, -1
	switch typ {
	case "Point":
		k, want = shapePoint, 0
	case "MultiPoint":
		k, want = shapePoint, 1
	case "LineString":
		k, want = shapeLine, 1
	case "MultiLineString":
		k, want = shapeLine, 2
	case "Polygon":
		k, want = shapeArea, 2
	case "MultiPolygon":
		k, want = shapeArea, 3
	}
	s := g.draw.shape(k)
	if len(s.polys) > 0 && s.bad == nil && (!form || height != want) {
		s.bad = &problem{code: CodeGeometryForm, reason: "The coordinates are not those of the type of the geometry."}
	}
	return s, nil
}

// coordinates reads nested arrays: a position has height 0, a list of positions
// 1, and so on. form is false where the heights of one list differ.
func (g *geojson) coordinates() (height int, form bool, err error) {
	var xy [2]float64
	numbers, below := 0, -1
	form = true
	err = g.j.array(func() error {
		b, err := g.j.inside()
		if err != nil {
			return err
		}
		if b == '[' {
			h, ok, err := g.coordinates()
			form = form && ok && (below < 0 || below == h) && numbers == 0
			below = h
			return err
		}
		w, err := g.j.word()
		if err != nil {
			return err
		}
		v, perr := strconv.ParseFloat(string(w), 64)
		if perr != nil {
			form = false
		}
		if numbers < 2 {
			xy[numbers] = v
		}
		numbers++
		form = form && below < 0
		return nil
	})
	switch {
	case err != nil:
		return 0, false, err
	case below < 0 && numbers >= 2:
		g.draw.point(xy[0], xy[1])
		return 0, form, nil
	case below < 0:
		return 0, numbers == 0 && form, nil
	}
	switch below {
	case 0:
		g.draw.endRing()
	case 1:
		g.draw.endPoly()
	}
	return below + 1, form, nil
}
