package lostc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// nearM is how far outside of the boundary that an answer names the place may
// lie: servers simplify their boundaries. Such an answer is used once.
const nearM = 1000

// judge reports why an answer cannot be that of the question, though it is well
// formed: a server that answers for another service, for another country or in
// our own name decides nothing.
func judge(q *lost.FindService, resp *lost.FindServiceResponse, us string) error {
	if len(resp.Mappings) == 0 {
		return &unfit{"an answer without a mapping"}
	}
	for i := range resp.Mappings {
		mp := &resp.Mappings[i]
		if strings.EqualFold(mp.Source, us) || strings.HasSuffix(strings.ToLower(mp.Source), "."+strings.ToLower(us)) {
			return &unfit{"a mapping in our own name, which comes from nobody else"}
		}
		if mp.Service != "" && !sameBranch(q.Service, mp.Service) {
			return &unfit{"a mapping for another service than the one that was asked for"}
		}
	}
	if resp.LocationUsed != "" && !slices.ContainsFunc(q.Locations, func(l lost.Location) bool { return l.ID == resp.LocationUsed }) {
		return &unfit{"an answer for a location that was not asked for"}
	}
	return elsewhere(q, &resp.Mappings[0])
}

// unfit is an answer that is none to the question.
type unfit struct{ why string }

func (e *unfit) Error() string { return e.why }

// sameBranch reports that the service that was answered is the one asked for or
// one above it (RFC 5222, section 8.4.1).
func sameBranch(asked, answered string) bool {
	asked, answered = strings.ToLower(asked), strings.ToLower(answered)
	return asked == answered || strings.HasPrefix(asked, answered+".")
}

// elsewhere reports a boundary that lies somewhere else than the place.
func elsewhere(q *lost.FindService, mp *lost.Mapping) error {
	var at *e911.Area
	var address *pidflo.Civic
	for i := range q.Locations {
		if l := &q.Locations[i]; l.Shape != nil && at == nil {
			at = areaOf(l.Shape)
		} else if l.Civic != nil && address == nil {
			address = l.Civic
		}
	}
	for i := range mp.Boundaries {
		b := &mp.Boundaries[i]
		if b.Err != nil {
			return nil // a part is not known
		}
		if address == nil {
			continue
		}
		for j := range b.Civics {
			// Names of states and towns have several spellings, codes of countries one.
			if theirs, ours := b.Civics[j].Get("country"), address.Get("country"); len(theirs) == 2 && len(ours) == 2 && !strings.EqualFold(theirs, ours) {
				return &unfit{"a boundary in another country than the address"}
			}
		}
	}
	if at == nil {
		return nil
	}
	away := false
	for i := range mp.Boundaries {
		for _, s := range mp.Boundaries[i].Shapes {
			rings, ok := ringsOf(s)
			if !ok || len(rings[0]) == 0 {
				return nil
			}
			if boxReaches(rings[0], at) {
				return nil
			}
			away = true
		}
	}
	if away {
		return &unfit{fmt.Sprintf("a boundary that is more than %d m away from the place", nearM)}
	}
	return nil
}

// boxReaches reports that the box of a ring comes near an area.
func boxReaches(ring []e911.Point, at *e911.Area) bool {
	least, most := geo.Box(ring)
	if most.Lon-least.Lon > 180 || least.Lon < -180 || most.Lon > 180 {
		return true // across the antimeridian: not for this short look
	}
	reach := max(at.RadiusM, 0) + nearM
	north, east := geo.Offset(at.Point, reach, 0), geo.Offset(at.Point, reach, 90)
	dLat, dLon := north.Lat-at.Lat, east.Lon-at.Lon
	if dLon < 0 {
		dLon += 360
	}
	return at.Lat+dLat >= least.Lat && at.Lat-dLat <= most.Lat && at.Lon+dLon >= least.Lon && at.Lon-dLon <= most.Lon
}
