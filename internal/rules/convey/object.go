package convey

import (
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/pidflo"
)

// retention is how long a PSAP may keep a location (F-26).
const retention = 24 * time.Hour

// object writes the location object (F-26); nil without a place.
func (w *writer) object() []byte {
	where := w.Where
	return w.objectOf(sourceOf{by: where.By, rank: where.Rank, method: where.Method, at: where.At, place: where.Place, named: "caller"})
}

// sourceOf is one source's word on where the caller is.
type sourceOf struct {
	by     e911.LocatedBy
	rank   locate.Rank
	method string
	at     time.Time
	place  e911.Place
	named  string // id of the device element
}

// maxFurther is how many sources that were not chosen travel beside the one that
// was: each makes the INVITE longer (F-05, F-16).
const maxFurther = 2

// further are the sources of our own that say another place than the one by which
// the call was routed, best first (F-05). What came with the INVITE travels as it
// came; the building alone says nothing beside a room in it.
func (w *writer) further() []sourceOf {
	var out []sourceOf
	places := []e911.Place{w.Where.Place}
	for i := range w.Where.Lost {
		l := &w.Where.Lost[i]
		if !l.Usable || l.Rank == locate.RankInvite || l.Via == locate.ViaReference || l.Doubt != "" ||
			slices.ContainsFunc(places, func(p e911.Place) bool { return says(p, l.Place) }) {
			continue
		}
		places = append(places, l.Place)
		out = append(out, sourceOf{by: l.By, rank: l.Rank, method: l.Method, at: l.At, place: l.Place, named: "caller-" + strconv.Itoa(len(out)+2)})
		if len(out) == maxFurther {
			break
		}
	}
	return out
}

// says reports that one place tells all that another does.
func says(p, other e911.Place) bool {
	if other.Area != nil && (p.Area == nil || *p.Area != *other.Area) {
		return false
	}
	return other.Civic.Empty() || other.Civic == p.Civic || other.Civic == civic.Outdoors(p.Civic)
}

// objectOf writes the location object of one source; nil without a place.
func (w *writer) objectOf(s sourceOf) []byte {
	if s.by == e911.ByNothing || s.by == "" || (s.place.Civic.Empty() && s.place.Area == nil) {
		return nil
	}
	at := s.at
	if at.IsZero() {
		at = w.Now
	}
	method := s.method
	if s.rank >= locate.RankSite || method == "" {
		method = "Default"
	}
	g := pidflo.Geopriv{
		Retransmission: true, Retention: w.Now.Add(retention).UTC().Truncate(time.Second), Method: method,
	}
	if p, ok := w.providerInfo(); ok {
		g.ProvidedBy = calldata.ProvidedBy{Providers: []calldata.ProviderInfo{p}, Services: []calldata.ServiceInfo{w.serviceInfo()}}
	}
	// The building's point stands first, because it is the coarser of the two
	// (RFC 5491, rule 7); both come from the same source.
	if a := s.place.Area; a != nil {
		pos := pidflo.Pos{Lat: a.Lat, Lon: a.Lon}
		if a.RadiusM > 0 {
			g.Info = append(g.Info, pidflo.Chunk{Shape: pidflo.Circle{Center: pos, Radius: a.RadiusM}})
		} else {
			g.Info = append(g.Info, pidflo.Chunk{Shape: pidflo.Point{Pos: pos}})
		}
	}
	if cv := civic.ToPIDF(s.place.Civic); cv != nil {
		g.Info = append(g.Info, pidflo.Chunk{Civic: cv})
	}
	return w.marshal(&pidflo.Document{Entity: w.entity(), Elements: []pidflo.Element{{
		Kind: pidflo.Device, ID: s.named, Geopriv: []pidflo.Geopriv{g}, Timestamp: at.UTC().Truncate(time.Second),
	}}})
}

// marshal writes the document, or as much of it as can be written: a call must
// not lose its location for a field that no schema takes, nor for additional
// data (RFC 7852, section 4). Nil means that nothing of it can be written.
func (w *writer) marshal(doc *pidflo.Document) []byte {
	body, err := pidflo.Marshal(doc)
	if err == nil {
		return body
	}
	// The error names elements, never what stands in them.
	w.find(e911.Finding{Rule: "location_object", Why: "the location object cannot be written whole: " + err.Error()})
	g := &doc.Elements[0].Geopriv[0]
	whole := g.Info
	tries := [][]pidflo.Chunk{whole}
	for i := len(whole) - 1; i >= 0; i-- { // the civic address stands last, and is worth more
		tries = append(tries, whole[i:i+1])
	}
	for _, g.ProvidedBy = range []calldata.ProvidedBy{g.ProvidedBy, {}} {
		for _, g.Info = range tries {
			if body, err = pidflo.Marshal(doc); err == nil {
				return body
			}
		}
	}
	return nil
}

// entity is the number that goes out, never the user's mail address (F-26).
func (w *writer) entity() string {
	if w.Number != "" {
		return "pres:" + string(w.Number) + "@" + w.Domain
	}
	return "pres:unknown@" + w.Domain
}
