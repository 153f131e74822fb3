package ecrf

import (
	"cmp"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Hit is a boundary that holds a place or a part of it, and whose it is. What it
// points to is shared and must not be changed.
type Hit struct {
	// PSAP is whose boundary it is. Without an ID it is nobody's of our directory,
	// and the PSAP has what the boundary says of itself: Key is the NGUID. Its
	// Boundary and Area are those of this hit.
	PSAP *e911.PSAP
	// Boundary is the service boundary of a layer; nil: the area is the PSAP's own
	// (a county of the demonstration layer).
	Boundary *gis.Boundary
	Layer    *e911.Layer // of the Boundary; nil without one
	// Service is the URN that the boundary is for. It is another than the one that
	// was asked for where that fell to its parent.
	Service string
	Share   float64 // of the shape's surface, 0 to 1; 1 for a point
}

// Name is what people call who serves there.
func (h *Hit) Name() string {
	if h.Boundary != nil && h.Boundary.Name != "" {
		return h.Boundary.Name
	}
	return h.PSAP.Name
}

// SourceID names the boundary in mappings: the NGUID, or the id of the PSAP
// whose own area it is.
func (h *Hit) SourceID() string {
	if h.Boundary != nil {
		return h.Boundary.NGUID
	}
	return string(h.PSAP.ID)
}

// URIs are where calls go as the boundary says; none for a PSAP's own area.
func (h *Hit) URIs() []string {
	if h.Boundary != nil {
		return h.Boundary.URIs
	}
	return nil
}

// Number is what is dialled for the service.
func (h *Hit) Number() string {
	if h.Boundary != nil && h.Boundary.Number != "" {
		return h.Boundary.Number
	}
	return Number
}

// Grade is how far the boundary may be trusted.
func (h *Hit) Grade() e911.LayerGrade {
	switch {
	case h.Layer != nil:
		return h.Layer.Grade
	case h.PSAP.Boundary.Demonstration():
		return e911.GradeDemonstration
	}
	return e911.GradeAuthoritative // the operator's own word
}

// Demonstration reports a boundary that decides nothing outside organisations
// marked so (F-23).
func (h *Hit) Demonstration() bool { return h.Grade() == e911.GradeDemonstration }

// Expires is when the boundary stops to hold; zero: nobody said.
func (h *Hit) Expires() time.Time {
	if h.Boundary != nil {
		return h.Boundary.Expire
	}
	return time.Time{}
}

// LastUpdated is when the boundary was last changed by who published it; zero:
// nobody said.
func (h *Hit) LastUpdated() time.Time {
	switch {
	case h.Boundary == nil:
		return time.Time{}
	case !h.Boundary.Updated.IsZero():
		return h.Boundary.Updated
	}
	return h.Layer.AsOf
}

// row is a boundary as the index keeps it.
type row struct {
	hit   Hit // with a Share of 1
	grade int // 0 is best
	key   string
	civic []field // that an address must have
}

const demonstration = 2

func gradeOf(g e911.LayerGrade) int {
	switch g {
	case e911.GradeAuthoritative:
		return 0
	case e911.GradeReference:
		return 1
	}
	return demonstration // also what is none: it must not decide
}

func ownRow(p *e911.PSAP) row {
	r := row{hit: Hit{PSAP: p, Service: ServiceSOS, Share: 1}, key: p.Key}
	r.grade = gradeOf(r.hit.Grade())
	if p.Boundary.State != "" && p.Boundary.County != "" {
		r.civic = fieldsOf(e911.Civic{Country: "US", A1: p.Boundary.State, A2: p.Boundary.County})
	}
	return r
}

func layerRow(l *e911.Layer, b *gis.Boundary, who *owners) row {
	psap := e911.PSAP{Key: b.NGUID, Name: b.Name, Agency: b.Agency}
	if p := who.of(b); p != nil {
		psap = *p
	}
	psap.Boundary = e911.Boundary{Layer: l.Key, Grade: l.Grade}
	psap.Area = b.Area
	return row{
		hit:   Hit{PSAP: &psap, Boundary: b, Layer: l, Service: canonical(b.Service), Share: 1},
		grade: gradeOf(l.Grade), key: b.NGUID, civic: fieldsOf(b.Civic),
	}
}

func (r *row) area() e911.MultiPolygon { return r.hit.PSAP.Area }

func (r *row) allowed(o Options) bool { return o.DemonstrationAllowed || r.grade != demonstration }

func (r *row) active(o Options) bool {
	return o.Now.IsZero() || r.hit.Boundary == nil || r.hit.Boundary.Active(o.Now)
}

// compare is the order between two boundaries that hold a place alike: grade,
// then key. Rows that are equal in all of it are the same for every asker.
func (r *row) compare(s *row) int {
	layer := func(r *row) (string, int) {
		if r.hit.Layer == nil {
			return "", 0
		}
		return r.hit.Layer.Key, r.hit.Layer.Version
	}
	rl, rv := layer(r)
	sl, sv := layer(s)
	return cmp.Or(
		cmp.Compare(r.grade, s.grade), strings.Compare(r.key, s.key), strings.Compare(rl, sl), cmp.Compare(sv, rv),
		strings.Compare(string(r.hit.PSAP.ID), string(s.hit.PSAP.ID)), strings.Compare(r.hit.Service, s.hit.Service),
	)
}

// owners finds whose a boundary is.
type owners struct {
	byFeature map[string]*e911.PSAP
	byAgency  map[string]*e911.PSAP // nil: several have it
}

func newOwners(psaps []e911.PSAP) *owners {
	o := &owners{byFeature: map[string]*e911.PSAP{}, byAgency: map[string]*e911.PSAP{}}
	for i := range psaps {
		p := &psaps[i]
		if p.Relay {
			continue
		}
		for _, f := range p.Features {
			// That two claim it is refused when it is written; should it be so, the
			// first by key has it, whatever the order here.
			if was := o.byFeature[f]; was == nil || byKey(*p, *was) < 0 {
				o.byFeature[f] = p
			}
		}
		if a := strings.ToLower(strings.TrimSpace(p.Agency)); a != "" {
			if _, several := o.byAgency[a]; several {
				p = nil
			}
			o.byAgency[a] = p
		}
	}
	return o
}

func (o *owners) of(b *gis.Boundary) *e911.PSAP {
	if p := o.byFeature[b.NGUID]; p != nil {
		return p
	}
	return o.byAgency[strings.ToLower(strings.TrimSpace(b.Agency))]
}
