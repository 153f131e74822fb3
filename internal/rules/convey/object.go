package convey

import (
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
	if where.By == e911.ByNothing || (where.Place.Civic.Empty() && where.Place.Area == nil) {
		return nil
	}
	at := where.At
	if at.IsZero() {
		at = w.Now
	}
	method := where.Method
	if where.Rank >= locate.RankSite || method == "" {
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
	if a := where.Place.Area; a != nil {
		pos := pidflo.Pos{Lat: a.Lat, Lon: a.Lon}
		if a.RadiusM > 0 {
			g.Info = append(g.Info, pidflo.Chunk{Shape: pidflo.Circle{Center: pos, Radius: a.RadiusM}})
		} else {
			g.Info = append(g.Info, pidflo.Chunk{Shape: pidflo.Point{Pos: pos}})
		}
	}
	if cv := civic.ToPIDF(where.Place.Civic); cv != nil {
		g.Info = append(g.Info, pidflo.Chunk{Civic: cv})
	}
	return w.marshal(&pidflo.Document{Entity: w.entity(), Elements: []pidflo.Element{{
		Kind: pidflo.Device, ID: "caller", Geopriv: []pidflo.Geopriv{g}, Timestamp: at.UTC().Truncate(time.Second),
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
