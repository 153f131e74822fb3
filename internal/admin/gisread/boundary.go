package gisread

import (
	"net/url"
	"strings"

	"github.com/peterstace/simplefeatures/geom"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// boundary turns a row of a service boundary table into a boundary. Its areas
// (State, County), which older tables have, only say where its author is: they
// bound nothing.
func (t *table) boundary(s shape) *problem {
	a, bad := t.fitArea(s)
	if bad != nil {
		return bad
	}
	if bad := t.texts(); bad != nil {
		return bad
	}
	v := &t.rec.vals
	if country := v[colCountry]; country != "" {
		c := t.r.names.areas(e911.Civic{Country: country}, false)
		if c.Country != "US" && c.Country != "CA" {
			return &problem{code: CodeCountry, column: t.nameOf(colCountry), reason: "The row is of another country than the United States and Canada."}
		}
	}
	b := gis.Boundary{
		NGUID: t.rec.nguid, Name: v[colDisplay], Agency: v[colAgency], Area: a,
		Number: strings.Map(digit, v[colServiceNum]),
	}
	if b.Service, bad = t.service(); bad != nil {
		return bad
	}
	if v[colVCard] != "" && uri(v[colVCard]) {
		b.VCard = v[colVCard]
	}
	for _, u := range strings.Fields(v[colURI]) {
		if !uri(u) {
			t.warn(problem{code: CodeURI, column: t.nameOf(colURI), reason: "The service URI is no URI; it was left out.", fix: "Write it as sip:psap@example.gov or tel:+1..."})
			continue
		}
		b.URIs = append(b.URIs, u)
	}
	if v[colURI] == "" {
		t.warn(problem{code: CodeURI, column: "ServiceURI", reason: "The boundary has no service URI: it tells who serves, not how to reach them."})
	}
	b.Span, b.Updated = t.span()
	crossed := crosses(a)
	if crossed {
		t.warn(problem{code: CodeSelfCross, reason: "A ring crosses itself or another one; which side is inside is a guess there.", fix: "Repair the polygon (for example with ST_MakeValid)."})
	}
	if bad := sinkProblem(t.r.sink.Boundary(b)); bad != nil {
		return bad
	}
	t.r.coverage.add(covered{Boundary: b, at: place{t.rep.File, t.rep.Name}, row: t.rec.row, crossed: crossed})
	return nil
}

// provisioning keeps the area that the publisher is responsible for.
func (t *table) provisioning(s shape) *problem {
	a, bad := t.fitArea(s)
	if bad == nil {
		t.r.coverage.extent = append(t.r.coverage.extent, a...)
	}
	return bad
}

// fitArea tests a polygon as far as a boundary can be tested alone.
func (t *table) fitArea(s shape) (e911.MultiPolygon, *problem) {
	a, bad := s.area()
	if bad != nil {
		return nil, bad
	}
	if a.turned {
		t.rep.Turned++
	}
	if a.dropped > 0 {
		t.warn(problem{code: CodeRingDropped, reason: "A ring has no surface; it was left out."})
	}
	if faults := geo.Check(a.m); len(faults) > 0 {
		f := faults[0]
		p := problem{code: CodeArea, reason: "The area cannot be a service boundary: " + f.Msg + ".", fix: f.Fix}
		switch f.Code {
		case "antimeridian":
			p.code = CodeAntimeridian
		case "too_few_points", "no_surface", "empty":
			p.code = CodeTooFewPoints
		}
		return nil, &p
	}
	return a.m, nil
}

// service is the URN of a boundary: the row's, the table's, the operator's.
func (t *table) service() (string, *problem) {
	urn := t.rec.vals[colURN]
	switch {
	case urn != "" && !strings.HasPrefix(strings.ToLower(urn), "urn:"):
		return "", &problem{code: CodeService, column: t.nameOf(colURN), reason: "The service is not a URN.", fix: "Write it as " + urnSOS + "."}
	case urn != "":
		return urn, nil
	case t.m.service != "":
		return t.m.service, nil
	case t.r.opt.Service != "":
		return t.r.opt.Service, nil
	}
	return "", &problem{code: CodeService, column: "ServiceURN", reason: "The boundary names no service.", fix: "Give the service of the file."}
}

// uri reports an absolute URI as a boundary names one.
func uri(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && (u.Opaque != "" || u.Host != "" || len(u.Path) > 1) && len(s) <= maxText
}

func digit(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// planar hands a polygon to simplefeatures; degrees are plane there as in
// rules/geo.
func planar(m e911.MultiPolygon) geom.MultiPolygon {
	polys := make([]geom.Polygon, 0, len(m))
	for _, poly := range m {
		rings := make([]geom.LineString, 0, len(poly))
		for _, ring := range poly {
			xy := make([]float64, 0, 2*len(ring)+2)
			for _, p := range ring {
				xy = append(xy, p.Lon, p.Lat)
			}
			xy = append(xy, ring[0].Lon, ring[0].Lat)
			rings = append(rings, geom.NewLineString(geom.NewSequence(xy, geom.DimXY)))
		}
		polys = append(polys, geom.NewPolygon(rings))
	}
	return geom.NewMultiPolygon(polys)
}

// crosses reports rings that cross themselves or each other.
func crosses(m e911.MultiPolygon) bool { return planar(m).Validate() != nil }
