package geo

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// County is one county of a TopoJSON layer.
type County struct {
	FIPS string
	Name string // "Middlesex", without the word county
	Area e911.MultiPolygon
}

// topology is what DecodeCounties reads of the TopoJSON format, version 1.
type topology struct {
	Type      string `json:"type"`
	Transform *struct {
		Scale     [2]float64 `json:"scale"`
		Translate [2]float64 `json:"translate"`
	} `json:"transform"`
	Objects map[string]struct {
		Geometries []struct {
			Type       string          `json:"type"`
			ID         string          `json:"id"`
			Arcs       json.RawMessage `json:"arcs"`
			Properties struct {
				Name string `json:"name"`
			} `json:"properties"`
		} `json:"geometries"`
	} `json:"objects"`
	Arcs [][][2]float64 `json:"arcs"`
}

// DecodeCounties reads the object "counties" of a TopoJSON topology such as
// us-atlas. Outer rings come out counter-clockwise and holes clockwise (the
// topology has them the other way round); rings of fewer than three points are
// left out, so a county's Area may be empty.
func DecodeCounties(topojson []byte) ([]County, error) {
	var t topology
	if err := json.Unmarshal(topojson, &t); err != nil {
		return nil, fmt.Errorf("read TopoJSON: %w", err)
	}
	object, ok := t.Objects["counties"]
	if t.Type != "Topology" || !ok {
		return nil, e911.Errorf(e911.Invalid, "not a TopoJSON topology with an object named counties")
	}
	arcs := t.lines()
	out := make([]County, 0, len(object.Geometries))
	for _, g := range object.Geometries {
		c := County{FIPS: g.ID, Name: g.Properties.Name}
		var polygons [][][]int
		var err error
		switch g.Type {
		case "Polygon":
			polygons = make([][][]int, 1)
			err = json.Unmarshal(g.Arcs, &polygons[0])
		case "MultiPolygon":
			err = json.Unmarshal(g.Arcs, &polygons)
		default: // a county without geometry
		}
		if err != nil {
			return nil, fmt.Errorf("read the arcs of county %s: %w", g.ID, err)
		}
		for _, rings := range polygons {
			poly, err := stitchPolygon(arcs, rings)
			if err != nil {
				return nil, fmt.Errorf("county %s: %w", g.ID, err)
			}
			if poly != nil {
				c.Area = append(c.Area, poly)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// lines undoes quantisation and delta encoding (TopoJSON, sections 2.1.2 and
// 2.1.3).
func (t *topology) lines() [][]e911.Point {
	out := make([][]e911.Point, len(t.Arcs))
	for i, arc := range t.Arcs {
		line := make([]e911.Point, len(arc))
		var x, y float64
		for j, p := range arc {
			if t.Transform == nil {
				line[j] = e911.Point{Lat: p[1], Lon: p[0]}
				continue
			}
			x, y = x+p[0], y+p[1]
			line[j] = e911.Point{
				Lat: y*t.Transform.Scale[1] + t.Transform.Translate[1],
				Lon: x*t.Transform.Scale[0] + t.Transform.Translate[0],
			}
		}
		out[i] = line
	}
	return out
}

// stitchPolygon makes a polygon of arc numbers; nil when its outer ring is too
// small.
func stitchPolygon(arcs [][]e911.Point, rings [][]int) ([][]e911.Point, error) {
	var poly [][]e911.Point
	for i, numbers := range rings {
		ring, err := stitch(arcs, numbers)
		if err != nil {
			return nil, err
		}
		if len(ring) < 3 {
			if i == 0 {
				return nil, nil
			}
			continue
		}
		if outer := i == 0; (signedSquareKM(ring) > 0) != outer {
			slices.Reverse(ring)
		}
		poly = append(poly, ring)
	}
	return poly, nil
}

// stitch joins arcs end to end; a negative number is the ones' complement of an
// arc taken backwards (section 2.1.4). Each arc starts where the one before it
// ends, and the ring does not repeat its first point.
func stitch(arcs [][]e911.Point, numbers []int) ([]e911.Point, error) {
	var ring []e911.Point
	for _, n := range numbers {
		i := n
		if n < 0 {
			i = ^n
		}
		if i >= len(arcs) {
			return nil, e911.Errorf(e911.Invalid, "there is no arc %d", n)
		}
		line := arcs[i]
		for j := range line {
			p := line[j]
			if n < 0 {
				p = line[len(line)-1-j]
			}
			if len(ring) == 0 || ring[len(ring)-1] != p {
				ring = append(ring, p)
			}
		}
	}
	for len(ring) > 1 && ring[0] == ring[len(ring)-1] {
		ring = ring[:len(ring)-1]
	}
	return ring, nil
}
