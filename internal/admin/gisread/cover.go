package gisread

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/peterstace/simplefeatures/geom"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// coverage keeps the service boundaries to compare them with each other and
// with what lies in them.
type coverage struct {
	list   []covered
	extent e911.MultiPolygon // of ProvisioningPolygon
	index  *geo.Index        // of the boundaries of PSAPs
}

type covered struct {
	gis.Boundary
	at      place
	row     int
	crossed bool
}

func (c *coverage) add(b covered) { c.list = append(c.list, b) }

// primary reports a boundary of a PSAP: what decides where a call goes.
func primary(urn string) bool {
	urn = strings.ToLower(urn)
	return urn == urnSOS || strings.HasSuffix(urn, ":service:sos.psap")
}

// settle makes the index of the boundaries of PSAPs that were read so far.
func (c *coverage) settle() {
	if c.index != nil {
		return
	}
	var areas []e911.MultiPolygon
	for _, b := range c.list {
		if primary(b.Service) {
			areas = append(areas, b.Area)
		}
	}
	if len(areas) > 0 {
		c.index = geo.NewIndex(areas)
	}
}

// outside reports a point in no boundary of a PSAP, when there are any.
func (c *coverage) outside(p e911.Point) bool { return c.index != nil && c.index.First(p) < 0 }

const (
	sliverMetres = 1         // narrower overlaps and gaps are from drawing, not from intent
	mostVertices = 1_000_000 // of the boundaries of one service that are compared
)

// judge tells what can only be told of all rows together.
func (r *reader) judge(ctx context.Context) error {
	r.tellRanges()
	services := map[string][]covered{}
	var order []string
	for _, b := range r.coverage.list {
		urn := strings.ToLower(b.Service)
		if primary(urn) {
			urn = urnSOS
		}
		if services[urn] == nil {
			order = append(order, urn)
		}
		services[urn] = append(services[urn], b)
	}
	slices.Sort(order)
	for _, urn := range order {
		list := services[urn]
		vertices := 0
		list = slices.DeleteFunc(list, func(b covered) bool { return b.crossed })
		for _, b := range list {
			vertices += vertexCount(b.Area)
		}
		if vertices > mostVertices {
			r.rep.Hints = append(r.rep.Hints, fmt.Sprintf("The boundaries of %s have more than %d points; overlaps and gaps between them were not looked for.", printable(urn, 80), mostVertices))
			continue
		}
		if err := r.tellOverlaps(ctx, list); err != nil {
			return err
		}
		if err := r.tellGaps(ctx, urn, list); err != nil {
			return err
		}
	}
	return nil
}

func vertexCount(m e911.MultiPolygon) (n int) {
	for _, poly := range m {
		for _, ring := range poly {
			n += len(ring)
		}
	}
	return n
}

// together reports boundaries that hold at one moment.
func together(a, b gis.Span) bool {
	aFrom, aTill := edges(a)
	bFrom, bTill := edges(b)
	return aFrom < bTill && bFrom < aTill
}

func (r *reader) tellOverlaps(ctx context.Context, list []covered) error {
	shapes := make([]geom.Geometry, len(list))
	boxes := make([]geom.Envelope, len(list))
	for i, b := range list {
		shapes[i] = planar(b.Area).AsGeometry()
		boxes[i] = shapes[i].Envelope()
	}
	for i, b := range list {
		for j, a := range list[:i] {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !boxes[i].Intersects(boxes[j]) || !together(a.Span, b.Span) {
				continue
			}
			both, err := geom.Intersection(shapes[i], shapes[j])
			if err != nil {
				r.rep.Hints = append(r.rep.Hints, fmt.Sprintf("Whether the boundaries %s and %s overlap could not be told.", printable(a.NGUID, maxText), printable(b.NGUID, maxText)))
				continue
			}
			km2, at, n := pieces(both)
			if n == 0 {
				continue
			}
			r.note(Finding{
				File: b.at.file, Table: b.at.table, Row: b.row, NGUID: b.NGUID, Level: LevelWarning, Code: CodeOverlap,
				Reason: fmt.Sprintf("The boundary and %s of the same service share %s km² in %s, the largest near %.5f, %.5f.", printable(a.NGUID, maxText), square(km2), places(n), at.Lat, at.Lon),
				Fix:    "Move the border in one of them.",
			})
		}
	}
	return nil
}

// tellGaps finds what no boundary of the service covers: inside the area that
// the publisher answers for, when it says which, else the holes that the
// boundaries leave between them.
func (r *reader) tellGaps(ctx context.Context, urn string, list []covered) error {
	if len(list) == 0 || len(list) == 1 && len(r.coverage.extent) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	shapes := make([]geom.Geometry, len(list))
	for i, b := range list {
		shapes[i] = planar(b.Area).AsGeometry()
	}
	all, err := geom.UnionMany(shapes)
	var open geom.Geometry
	if err == nil && len(r.coverage.extent) > 0 && !crosses(r.coverage.extent) {
		open, err = geom.Difference(planar(r.coverage.extent).AsGeometry(), all)
	} else if err == nil {
		open = holes(all)
	}
	if err != nil {
		r.rep.Hints = append(r.rep.Hints, fmt.Sprintf("Gaps between the boundaries of %s could not be told.", printable(urn, 80)))
		return nil
	}
	for _, p := range polygons(open) {
		if narrow(p) {
			continue
		}
		km2, at, _ := pieces(p.AsGeometry())
		r.note(Finding{
			File: list[0].at.file, Table: list[0].at.table, Level: LevelWarning, Code: CodeGap,
			Reason: fmt.Sprintf("No boundary of %s covers %s km² near %.5f, %.5f.", printable(urn, 80), square(km2), at.Lat, at.Lon),
			Fix:    "Move a border there; until then nobody is found for calls from it.",
		})
	}
	return nil
}

func places(n int) string {
	if n == 1 {
		return "one place"
	}
	return fmt.Sprintf("%d places", n)
}

func square(km2 float64) string {
	if km2 < 0.001 {
		return fmt.Sprintf("%.6f", km2)
	}
	return fmt.Sprintf("%.3f", km2)
}

// holes are the inner rings of the outcome of a union, as polygons.
func holes(g geom.Geometry) geom.Geometry {
	var out []geom.Polygon
	for _, p := range polygons(g) {
		for i := range p.NumInteriorRings() {
			out = append(out, geom.NewPolygon([]geom.LineString{p.InteriorRingN(i)}))
		}
	}
	return geom.NewMultiPolygon(out).AsGeometry()
}

// polygons are the parts of a geometry that have a surface.
func polygons(g geom.Geometry) []geom.Polygon {
	switch {
	case g.IsPolygon():
		return []geom.Polygon{g.MustAsPolygon()}
	case g.IsMultiPolygon():
		return g.MustAsMultiPolygon().Dump()
	case g.IsGeometryCollection():
		var out []geom.Polygon
		for _, part := range g.MustAsGeometryCollection().Dump() {
			out = append(out, polygons(part)...)
		}
		return out
	}
	return nil
}

// pieces sums the parts that are wider than a sliver; at lies in the largest.
func pieces(g geom.Geometry) (km2 float64, at e911.Point, n int) {
	best := 0.0
	for _, p := range polygons(g) {
		if narrow(p) {
			continue
		}
		a := geo.SquareKM(e911.MultiPolygon{ringsOf(p)})
		km2 += a
		n++
		if xy, ok := p.PointOnSurface().XY(); ok && a > best {
			best, at = a, e911.Point{Lat: xy.Y, Lon: xy.X}
		}
	}
	return km2, at, n
}

// narrow reports a sliver: its surface spread along half its rim.
func narrow(p geom.Polygon) bool {
	rings := ringsOf(p)
	if len(rings) == 0 {
		return true
	}
	rim := 0.0
	for _, ring := range rings {
		for i, q := range ring {
			rim += geo.Metres(q, ring[(i+1)%len(ring)])
		}
	}
	return rim == 0 || geo.SquareKM(e911.MultiPolygon{rings})*1e6/(rim/2) < sliverMetres
}

func ringsOf(p geom.Polygon) [][]e911.Point {
	var out [][]e911.Point
	for _, ring := range p.Coordinates() {
		var points []e911.Point
		for i := range ring.Length() - 1 {
			xy := ring.GetXY(i)
			points = append(points, e911.Point{Lat: xy.Y, Lon: xy.X})
		}
		if len(points) > 0 {
			out = append(out, points)
		}
	}
	return out
}
