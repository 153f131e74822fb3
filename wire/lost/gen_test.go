package lost_test

import (
	"math"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// gen draws values that Append takes as they are.
type gen struct{ t *rapid.T }

func draw[T any](g gen, what string, of *rapid.Generator[T]) T { return of.Draw(g.t, what) }

func (g gen) bool() bool { return draw(g, "bool", rapid.Bool()) }

func (g gen) words() string {
	return draw(g, "words", rapid.StringMatching(`[a-zA-Z0-9&<>"'é🚒\]]{1,6}( [a-z&;]{1,5}){0,2}`))
}

func (g gen) host() string {
	return draw(g, "host", rapid.StringMatching(`([a-zA-Z0-9\-]{1,5}\.){1,3}[a-z0-9]{1,4}`))
}

func (g gen) urn() string {
	return draw(g, "urn", rapid.StringMatching(`urn:(emergency:)?service:sos(\.[a-z\-]{1,6}){0,2}`))
}

func (g gen) text() lost.Text {
	return lost.Text{Text: g.words(), Lang: draw(g, "lang", rapid.SampledFrom([]string{"en", "de-AT", "und", "x-private"}))}
}

func (g gen) maybeText() lost.Text {
	if g.bool() {
		return lost.Text{}
	}
	return g.text()
}

func (g gen) time() time.Time {
	from, to := time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	return time.Unix(draw(g, "time", rapid.Int64Range(from, to)), 0).UTC()
}

func (g gen) expires() lost.Expires {
	switch draw(g, "caching", rapid.IntRange(0, 2)) {
	case 0:
		return lost.Expires{Caching: lost.NoCache}
	case 1:
		return lost.Expires{Caching: lost.NoExpiration}
	}
	return lost.Expires{At: g.time()}
}

func several[T any](g gen, least, most int, one func() T) []T {
	var out []T
	for range draw(g, "count", rapid.IntRange(least, most)) {
		out = append(out, one())
	}
	return out
}

func (g gen) extension() foreign.Element {
	text := draw(g, "foreign", rapid.SampledFrom([]string{
		`<v:x xmlns:v="urn:vendor" a="1"> mixed <v:y/> content <!-- kept --></v:x>`,
		`<asOf xmlns="urn:ietf:params:xml:ns:lostPlannedChange1">2027-01-01T00:00:00Z</asOf>`,
		`<rli:similarLocation xmlns:rli="urn:ietf:params:xml:ns:lost-rli1"><civicAddress xmlns="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"><A1>X</A1></civicAddress></rli:similarLocation>`,
		`<bare xmlns=""/>`,
	}))
	e, err := foreign.Parse(text)
	if err != nil {
		panic(err)
	}
	return e
}

func (g gen) extensions() []foreign.Element { return several(g, 0, 2, g.extension) }

func (g gen) via() lost.Via { return lost.Via{Source: g.host(), Extensions: g.extensions()} }

func (g gen) path(least int) []lost.Via { return several(g, least, 3, g.via) }

func (g gen) pos() pidflo.Pos {
	return pidflo.Pos{Lat: draw(g, "lat", rapid.Float64Range(-80, 80)), Lon: draw(g, "lon", rapid.Float64Range(-170, 170))}
}

func (g gen) metres() float64 { return draw(g, "metres", rapid.Float64Range(1, 1e6)) }

func (g gen) degrees() float64 { return draw(g, "degrees", rapid.Float64Range(0, 359)) }

func (g gen) polygon() pidflo.Shape {
	c, n, r := g.pos(), draw(g, "corners", rapid.IntRange(3, 8)), draw(g, "size", rapid.Float64Range(0.001, 9))
	var ring []pidflo.Pos
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		ring = append(ring, pidflo.Pos{Lat: c.Lat + r*sin, Lon: c.Lon + r*cos})
	}
	return pidflo.Polygon{Exterior: ring}
}

func (g gen) area() pidflo.Shape {
	switch draw(g, "shape", rapid.IntRange(0, 3)) {
	case 0:
		return pidflo.Circle{Center: g.pos(), Radius: g.metres()}
	case 1:
		return pidflo.Ellipse{Center: g.pos(), SemiMajor: g.metres(), SemiMinor: g.metres(), Orientation: g.degrees()}
	case 2:
		return pidflo.ArcBand{Center: g.pos(), Inner: g.metres(), Outer: g.metres(), Start: g.degrees(), Opens: g.degrees()}
	}
	return g.polygon()
}

func (g gen) shape() pidflo.Shape {
	if !g.bool() {
		return g.area()
	}
	p := pidflo.Point{Pos: g.pos()}
	if g.bool() {
		p.Pos.Alt, p.Pos.HasAlt = g.metres(), true
	}
	return p
}

func (g gen) civic() *pidflo.Civic {
	c := &pidflo.Civic{Lang: draw(g, "lang", rapid.SampledFrom([]string{"", "en-US"}))}
	for _, name := range []string{"A1", "A3", "RD", "STS", "HNO", "PC", "ROOM", "PN", "STPS", "WING"} {
		if g.bool() {
			c.Set(name, g.words())
		}
	}
	if len(c.Fields) == 0 {
		c.Set("A1", "Bavaria")
	}
	return c
}

// locations are of one baseline profile, perhaps after one in a profile that
// nobody knows.
func (g gen) locations() []lost.Location {
	l := lost.Location{ID: "the one", Profile: lost.ProfileCivic}
	if g.bool() {
		l.Civic = g.civic()
	} else {
		l.Profile, l.Shape = lost.ProfileGeodetic, g.shape()
	}
	l.Extensions = g.extensions()
	if g.bool() {
		return []lost.Location{l}
	}
	return []lost.Location{{ID: "new", Profile: "not-yet-standardized", Extensions: []foreign.Element{g.extension()}}, l}
}

func (g gen) boundary() lost.Boundary {
	b := lost.Boundary{Profile: lost.ProfileGeodetic, Extensions: g.extensions()}
	if g.bool() {
		b.Profile = lost.ProfileCivic
		b.Civics = several(g, 1, 2, func() pidflo.Civic { return *g.civic() })
	} else {
		b.Shapes = several(g, 1, 2, g.area)
		if p, ok := b.Shapes[0].(pidflo.Polygon); ok && g.bool() {
			hole := slices.Clone(g.polygon().(pidflo.Polygon).Exterior)
			slices.Reverse(hole[1:])
			b.Shapes[0] = pidflo.Region{Exterior: p.Exterior, Holes: [][]pidflo.Pos{hole}}
		}
	}
	return b
}

func (g gen) listBoundary() lost.ListBoundary {
	b := lost.ListBoundary{Boundary: g.boundary()}
	if g.bool() {
		b.Expires = g.expires()
	}
	return b
}

func (g gen) reference() lost.BoundaryReference {
	return lost.BoundaryReference{Source: g.host(), Key: g.words(), Extensions: g.extensions()}
}

func (g gen) callIDs() lost.CallIDs {
	if g.bool() {
		return lost.CallIDs{}
	}
	return lost.CallIDs{
		CallID:     draw(g, "call", rapid.StringMatching(`urn:emergency:uid:callid:[a-z0-9]{10}:bcf\.example`)),
		IncidentID: draw(g, "incident", rapid.StringMatching(`urn:emergency:uid:incidentid:[a-z0-9]{10}:bcf\.example`)),
	}
}

func (g gen) mapping() lost.Mapping {
	m := lost.Mapping{Source: g.host(), SourceID: g.words(), LastUpdated: g.time(), Expires: g.expires(), Message: g.maybeText()}
	if draw(g, "delete", rapid.IntRange(0, 9)) == 0 {
		return m
	}
	m.DisplayNames = several(g, 0, 2, g.text)
	m.Service = g.urn()
	switch draw(g, "boundary", rapid.IntRange(0, 2)) {
	case 0:
		m.Boundaries = several(g, 1, 2, g.boundary)
	case 1:
		m.Reference = g.reference()
	}
	for _, scheme := range []string{"sip:", "sips:", "xmpp:", "tel:+1"} {
		if g.bool() {
			m.URIs = append(m.URIs, scheme+draw(g, "uri", rapid.StringMatching(`[0-9]{3,9}`)))
		}
	}
	if g.bool() {
		m.ServiceNumber = draw(g, "number", rapid.StringMatching(`[0-9*#]{1,5}`))
	}
	m.Extensions = g.extensions()
	return m
}

func (g gen) exceptions() lost.Exceptions {
	x := lost.Exceptions{Source: g.host(), Extensions: g.extensions()}
	for _, k := range []lost.Kind{
		lost.BadRequest, lost.Forbidden, lost.InternalError, lost.LocationProfileUnrecognized, lost.LocationInvalid, lost.Loop,
		lost.NotFound, lost.ServerError, lost.ServerTimeout, lost.ServiceNotImplemented, lost.ServiceSubstitution,
		lost.DefaultMappingReturned,
	} {
		if draw(g, "kind", rapid.IntRange(0, 3)) > 0 && (k != lost.NotFound || len(x.List) > 0) {
			continue
		}
		one := lost.Exception{Kind: k, Message: g.maybeText(), Extensions: g.extensions()}
		if k == lost.LocationProfileUnrecognized {
			one.Unsupported = several(g, 1, 2, func() string {
				return draw(g, "profile", rapid.StringMatching(`[a-zA-Z0-9:._\-]{1,8}`))
			})
		}
		x.List = append(x.List, one)
	}
	return x
}

func (g gen) warnings() []lost.Exceptions { return several(g, 0, 2, g.exceptions) }

func (g gen) names() []lost.Name {
	return several(g, 0, 4, func() lost.Name {
		return draw(g, "name", rapid.SampledFrom([]lost.Name{
			{Space: pidflo.SpaceCivic, Local: "country"},
			{Space: pidflo.SpaceCivic, Local: "HNO"},
			{Space: pidflo.SpaceCivicExt, Local: "PN"},
			{Space: pidflo.SpaceNENA2, Local: "WING"},
			{Space: "urn:vendor:civic", Local: "DOOR"},
			{Space: "http://other.example/civic", Local: "DOOR"},
		}))
	})
}

func (g gen) validation() *lost.Validation {
	if g.bool() {
		return nil
	}
	return &lost.Validation{Valid: g.names(), Invalid: g.names(), Unchecked: g.names(), Extensions: g.extensions()}
}

func (g gen) form() lost.BoundaryForm {
	return draw(g, "form", rapid.SampledFrom([]lost.BoundaryForm{lost.ByReference, lost.ByValue}))
}

func (g gen) service() string {
	if g.bool() {
		return ""
	}
	return g.urn()
}

func (g gen) used() string { return draw(g, "used", rapid.SampledFrom([]string{"", "the one"})) }

// messages draws one message of every type.
func (g gen) messages() []lost.Message {
	list := &lost.ListServicesByLocation{
		Locations: g.locations(), Service: g.service(), Path: g.path(0), Recursive: g.bool(), CallIDs: g.callIDs(),
		WantBoundary: g.bool(), Extensions: g.extensions(),
	}
	if list.WantBoundary {
		list.Boundary = g.form()
	}
	listed := &lost.ListServicesByLocationResponse{
		Services: several(g, 0, 3, g.urn), Warnings: g.warnings(), Path: g.path(1), LocationUsed: g.used(), Extensions: g.extensions(),
	}
	if g.bool() {
		listed.Boundaries = several(g, 0, 2, g.listBoundary)
	} else {
		listed.Reference = g.reference()
	}
	exists := &lost.GetMappingsRequest{Extensions: g.extensions()}
	if g.bool() {
		exists = &lost.GetMappingsRequest{Exists: several(g, 1, 3, func() lost.Fingerprint {
			return lost.Fingerprint{Source: g.host(), SourceID: g.words(), LastUpdated: g.time(), Extensions: g.extensions()}
		})}
	}
	failed := &lost.Errors{Exceptions: g.exceptions()}
	failed.NotDeleted = several(g, 0, 1, func() lost.NotDeleted {
		return lost.NotDeleted{Message: g.maybeText(), Mappings: several(g, 1, 2, g.mapping), Extensions: g.extensions()}
	})
	if len(failed.List) == 0 {
		failed.List = []lost.Exception{{Kind: lost.NotFound}}
	}
	return []lost.Message{
		&lost.FindService{
			Locations: g.locations(), Service: g.service(), Path: g.path(0), Recursive: g.bool(), ValidateLocation: g.bool(),
			Boundary: g.form(), CallIDs: g.callIDs(), Extensions: g.extensions(),
		},
		&lost.ListServices{Service: g.service(), Path: g.path(0), CallIDs: g.callIDs(), Extensions: g.extensions()},
		list,
		&lost.GetServiceBoundary{Key: g.words(), CallIDs: g.callIDs(), Extensions: g.extensions()},
		&lost.GetServiceListBoundary{Key: g.words(), Extensions: g.extensions()},
		&lost.FindServiceResponse{
			Mappings: several(g, 1, 2, g.mapping), Validation: g.validation(), Warnings: g.warnings(), Path: g.path(1),
			LocationUsed: g.used(), Extensions: g.extensions(),
		},
		&lost.ListServicesResponse{Services: several(g, 0, 3, g.urn), Warnings: g.warnings(), Path: g.path(1), Extensions: g.extensions()},
		listed,
		&lost.GetServiceBoundaryResponse{
			Boundaries: several(g, 1, 2, g.boundary), Warnings: g.warnings(), Path: g.path(1), Extensions: g.extensions(),
		},
		&lost.GetServiceListBoundaryResponse{Boundaries: several(g, 1, 2, g.listBoundary), Path: g.path(1), Extensions: g.extensions()},
		failed,
		&lost.Redirect{Target: g.host(), Source: g.host(), Message: g.maybeText(), Extensions: g.extensions()},
		exists,
		&lost.GetMappingsResponse{Mappings: several(g, 1, 2, g.mapping), Extensions: g.extensions()},
		&lost.PushMappings{Mappings: several(g, 1, 2, g.mapping), Extensions: g.extensions()},
		&lost.PushMappingsResponse{Extensions: g.extensions()},
	}
}
