package lostd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

func at(lat, lon float64) []lost.Location {
	return []lost.Location{{ID: "here", Profile: lost.ProfileGeodetic, Shape: pidflo.Point{Pos: pidflo.Pos{Lat: lat, Lon: lon}}}}
}

func find(l []lost.Location) *lost.FindService {
	return &lost.FindService{Locations: l, Service: "urn:service:sos"}
}

func address(fields ...string) lost.Location {
	c := &pidflo.Civic{}
	for i := 0; i+1 < len(fields); i += 2 {
		c.Set(fields[i], fields[i+1])
	}
	return lost.Location{ID: "address", Profile: lost.ProfileCivic, Civic: c}
}

// A mapping has all that RFC 5222 demands, and says the same until the PSAP
// changes.
//
// Proves: RFC 5222 sections 5.1, 5.2, 5.3, 5.4, 5.7, 8.4.1; W-10
func TestAMappingIsCompleteAndStable(t *testing.T) {
	k := newKit(t, nil)
	get := func() lost.Mapping {
		return k.query(t, find(at(40.71, -73.995))).(*lost.FindServiceResponse).Mappings[0]
	}
	m := get()
	want := lost.Mapping{
		Source: "lost.callbox.example", SourceID: "0190-a", LastUpdated: noon.Add(-time.Hour), Expires: lost.Expires{At: noon.Add(24 * time.Hour)},
		DisplayNames: []lost.Text{{Text: "New York 1", Lang: "en"}}, Service: "urn:service:sos",
		URIs: []string{"sip:911@callbox.example"}, ServiceNumber: "911", Reference: m.Reference,
	}
	if d := cmp.Diff(want, m); d != "" || m.Reference.Key == "" || m.Reference.Source != "lost.callbox.example" {
		t.Errorf("%s reference %+v", d, m.Reference)
	}

	// Another PSAP changes: this mapping is not newer.
	s, err := k.holder.Load().Apply(nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	k.holder.Store(s)
	list := psaps()
	list[1].Name = "New York Two"
	k.holder.Store(world(t, list...))
	if d := cmp.Diff(m, get()); d != "" {
		t.Errorf("after a change elsewhere: %s", d)
	}
	// It changes itself.
	list[0].Area = e911.MultiPolygon{rect(40.70, -74.01, 40.72, -73.9907)}
	k.holder.Store(world(t, list...))
	if next := get(); next.SourceID != m.SourceID || next.Reference.Key == m.Reference.Key {
		t.Errorf("after a change: %+v", next)
	}
}

// Proves: RFC 5222 sections 5.5, 5.6, 8.3.4, 9, 12.2; RFC 5964
func TestBoundariesByValueAndByReference(t *testing.T) {
	k := newKit(t, nil)
	byValue := find(at(39.1, -76.8))
	byValue.Boundary = lost.ByValue
	v := k.query(t, byValue).(*lost.FindServiceResponse).Mappings[0]
	if len(v.Boundaries) != 1 || v.Boundaries[0].Profile != lost.ProfileGeodetic || v.Reference.Key != "" {
		t.Fatalf("by value: %+v", v)
	}
	region, ok := v.Boundaries[0].Shapes[0].(pidflo.Region)
	if !ok || len(region.Holes) != 1 {
		t.Errorf("the hole is lost: %+v", v.Boundaries[0].Shapes)
	}
	r := k.query(t, find(at(39.1, -76.8))).(*lost.FindServiceResponse).Mappings[0]
	got, ok := k.query(t, &lost.GetServiceBoundary{Key: r.Reference.Key}).(*lost.GetServiceBoundaryResponse)
	if !ok || len(r.Boundaries) != 0 {
		t.Fatalf("by reference: %+v", r)
	}
	if d := cmp.Diff(v.Boundaries, got.Boundaries); d != "" {
		t.Errorf("value and reference differ: %s", d)
	}
	if m := k.query(t, &lost.GetServiceBoundary{Key: "no-such-key"}); outcome(m) != "notFound" {
		t.Errorf("unknown key: %s", outcome(m))
	}
	// The boundary is in the profile of the query.
	civic := find([]lost.Location{address("country", "US", "A1", "NY", "A2", "New York")})
	civic.Boundary = lost.ByValue
	c := k.query(t, civic).(*lost.FindServiceResponse).Mappings[0]
	if len(c.Boundaries) != 1 || c.Boundaries[0].Profile != lost.ProfileCivic || c.Boundaries[0].Civics[0].Get("A2") != "New York" {
		t.Errorf("civic boundary: %+v", c.Boundaries)
	}
	civic.Boundary = lost.ByReference
	key := k.query(t, civic).(*lost.FindServiceResponse).Mappings[0].Reference.Key
	if m, ok := k.query(t, &lost.GetServiceBoundary{Key: key}).(*lost.GetServiceBoundaryResponse); !ok || m.Boundaries[0].Profile != lost.ProfileCivic {
		t.Errorf("civic boundary by key %q: %+v", key, m)
	}
}

// Proves: RFC 5222 sections 6, 7, 8.3.1, 8.4.1, 12.1, 13.1, 13.2; E12
func TestWhatAQueryGets(t *testing.T) {
	k := newKit(t, nil)
	circle := lost.Location{ID: "c", Shape: pidflo.Circle{Center: pidflo.Pos{Lat: 40.71, Lon: -73.9908}, Radius: 50}}
	other := lost.Location{ID: "x", Profile: "not-yet-invented"}
	ny := address("country", "US", "A1", "NY", "A2", "New York")
	with := func(l []lost.Location, change func(*lost.FindService)) *lost.FindService {
		q := find(l)
		change(q)
		return q
	}
	service := func(urn string) func(*lost.FindService) { return func(q *lost.FindService) { q.Service = urn } }
	for _, c := range []struct {
		name                   string
		q                      *lost.FindService
		outcome, mapped, warns string
		used                   string
	}{
		{"a point", find(at(40.71, -73.985)), "findServiceResponse", "New York 2", "", "here"},
		{"a point on a shared edge", find(at(40.71, -73.9907)), "findServiceResponse", "New York 1, New York 2", "", "here"},
		{"a circle that two share", find([]lost.Location{circle}), "findServiceResponse", "New York 1, New York 2", "", "c"},
		{"a point in a hole", find(at(39.155, -76.595)), "notFound", "", "", ""},
		{"outside of all", find(at(10, 10)), "notFound", "", "", ""},
		{"an address by its county", find([]lost.Location{ny}), "findServiceResponse", "New York 1", "", "address"},
		{"an address without a county", find([]lost.Location{address("country", "US", "A1", "NY", "A3", "New York")}), "notFound", "", "", ""},
		{"police, which have no boundary of their own", with(at(40.71, -73.985), service("urn:service:sos.police")), "findServiceResponse", "New York 2", "serviceSubstitution", "here"},
		{"a service of i3, as it was asked", with(at(40.71, -73.985), service("urn:emergency:service:sos")), "findServiceResponse", "New York 2", "", "here"},
		{"responders, as they were asked", with(at(40.71, -73.985), service("urn:emergency:service:responder.fire")), "findServiceResponse", "New York 2", "", "here"},
		{"a service of i3 that nobody maps", with(at(40.71, -73.985), service("urn:emergency:service:logger")), "serviceNotImplemented", "", "", ""},
		{"a child that is not mapped", with(at(40.71, -73.985), service("urn:service:sos.marine")), "findServiceResponse", "New York 2", "serviceSubstitution", "here"},
		{"another service", with(at(40.71, -73.985), service("urn:service:counseling")), "serviceNotImplemented", "", "", ""},
		{"a test call gets no PSAP", with(at(40.71, -73.985), service("urn:service:test.sos")), "serviceNotImplemented", "", "", ""},
		{"we are in the path", with(at(40.71, -73.985), func(q *lost.FindService) { q.Path = []lost.Via{{Source: "LOST.callbox.example"}} }), "loop", "", "", ""},
		{"a demonstration layer in a world with a live organisation", find(at(42.5, -71.5)), "notFound", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := k.query(t, c.q)
			if outcome(m) != c.outcome || mapped(m) != c.mapped || warned(m) != c.warns {
				t.Fatalf("%s %q %q", outcome(m), mapped(m), warned(m))
			}
			r, ok := m.(*lost.FindServiceResponse)
			if !ok {
				return
			}
			if r.LocationUsed != c.used || len(r.Path) != 1 || r.Path[0].Source != "lost.callbox.example" {
				t.Errorf("used %q, path %+v", r.LocationUsed, r.Path)
			}
			if want := c.q.Service; c.warns == "" && r.Mappings[0].Service != want || c.warns != "" && r.Mappings[0].Service != "urn:service:sos" {
				t.Errorf("service %q", r.Mappings[0].Service)
			}
		})
	}
	t.Run("a profile of tomorrow beside one of today", func(t *testing.T) {
		raw := `<findService xmlns="urn:ietf:params:xml:ns:lost1"><location id="x" profile="` + other.Profile + `"><cube xmlns="urn:x"/></location>%s<service>urn:service:sos</service></findService>`
		m := k.ask(t, fmt.Sprintf(raw, ""))
		if e, ok := m.(*lost.Errors); !ok || outcome(m) != "locationProfileUnrecognized" || len(e.List[0].Unsupported) != 1 {
			t.Errorf("alone: %s", outcome(m))
		}
		m = k.ask(t, fmt.Sprintf(raw, `<location id="y" profile="geodetic-2d"><p:Point xmlns:p="http://www.opengis.net/gml" srsName="urn:ogc:def:crs:EPSG::4326"><p:pos>40.71 -73.985</p:pos></p:Point></location>`))
		if r, ok := m.(*lost.FindServiceResponse); !ok || r.LocationUsed != "y" {
			t.Errorf("beside: %s", outcome(m))
		}
		// Two baseline profiles, which nobody may ask: the first counts.
		m = k.ask(t, fmt.Sprintf(raw, `<location id="z" profile="civic"><a:civicAddress xmlns:a="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"><a:country>US</a:country><a:A1>NY</a:A1><a:A2>New York</a:A2></a:civicAddress></location><location id="y" profile="geodetic-2d"><p:Point xmlns:p="http://www.opengis.net/gml" srsName="urn:ogc:def:crs:EPSG::4326"><p:pos>40.71 -73.985</p:pos></p:Point></location>`))
		if r, ok := m.(*lost.FindServiceResponse); !ok || r.LocationUsed != "z" || mapped(m) != "New York 1" {
			t.Errorf("two: %s %s", outcome(m), mapped(m))
		}
	})
}

// Proves: RFC 5222 sections 8.3.5, 8.4.2; F-05
func TestNoStreetIsValidWithoutALayer(t *testing.T) {
	k := newKit(t, nil)
	q := find([]lost.Location{address("country", "US", "A1", "Nowhere", "A2", "New York", "HNO", "12", "RD", "Main", "STP", "Avenue", "PC", "1234")})
	q.ValidateLocation = true
	if m := k.query(t, q); outcome(m) != "notFound" {
		t.Errorf("a state that is none maps to %s", mapped(m))
	}
	q.Locations[0] = address("country", "US", "A1", "NY", "A2", "New York", "HNO", "12", "RD", "Main", "STP", "Avenue", "PC", "12")
	v := k.query(t, q).(*lost.FindServiceResponse).Validation
	names := func(list []lost.Name) string {
		var out []string
		for _, n := range list {
			out = append(out, n.Local)
		}
		return strings.Join(out, " ")
	}
	if v == nil || names(v.Valid) != "country A1" || names(v.Invalid) != "PC" || names(v.Unchecked) != "A2 RD HNO STP" || len(v.Extensions) != 0 {
		t.Errorf("validation %+v", v)
	}
	q.Locations = at(40.71, -73.985)
	if v := k.query(t, q).(*lost.FindServiceResponse).Validation; v != nil {
		t.Errorf("a geodetic location is validated: %+v", v)
	}
}

// Proves: F-23
func TestADemonstrationLayerIsMarkedAndNeverForALiveOrganisation(t *testing.T) {
	k := newKit(t, nil)
	k.from = "198.51.100.7:1"
	m := k.query(t, find(at(42.5, -71.5)))
	r, ok := m.(*lost.FindServiceResponse)
	if !ok || warned(m) != "defaultMappingReturned" || r.Mappings[0].Source != "demonstration.lost.callbox.example" ||
		r.Mappings[0].Expires.Caching != lost.NoCache || !strings.Contains(mapped(m), "demonstration") {
		t.Fatalf("the demonstration's own: %s %q %q", outcome(m), mapped(m), warned(m))
	}
	key := r.Mappings[0].Reference.Key
	k.from = "192.0.2.7:1"
	for _, q := range []lost.Message{find(at(42.5, -71.5)), &lost.GetServiceBoundary{Key: key}, find([]lost.Location{address("country", "US", "A1", "MA", "A2", "Middlesex")})} {
		if m := k.query(t, q); outcome(m) != "notFound" {
			t.Errorf("a live organisation gets %s", outcome(m))
		}
	}
	all := k.query(t, &lost.GetMappingsRequest{}).(*lost.GetMappingsResponse)
	for _, mp := range all.Mappings {
		if strings.HasPrefix(mp.Source, "demonstration.") {
			t.Errorf("a live organisation is sent %s", mp.SourceID)
		}
	}
}

// Proves: RFC 5222 section 13.2, F-03
func TestADefaultMappingIsTheRelayCentreAndSaysSo(t *testing.T) {
	k := newKit(t, func(c *lostd.Config) { c.DefaultMapping = true })
	m := k.query(t, find(at(10, 10)))
	r, ok := m.(*lost.FindServiceResponse)
	if !ok || mapped(m) != "Relay centre" || warned(m) != "defaultMappingReturned" || r.Mappings[0].Expires.Caching != lost.NoCache {
		t.Errorf("%s %q %q", outcome(m), mapped(m), warned(m))
	}
}

// Proves: RFC 5222 sections 10, 11
func TestListsOfServices(t *testing.T) {
	k := newKit(t, nil)
	for _, c := range []struct {
		name string
		q    lost.Message
		want string
	}{
		{"the top", &lost.ListServices{}, "urn:service:sos"},
		{"below sos", &lost.ListServices{Service: "urn:service:sos"}, "urn:service:sos.ambulance urn:service:sos.fire urn:service:sos.police"},
		{"below a leaf", &lost.ListServices{Service: "urn:service:sos.fire"}, ""},
		{"of another kind", &lost.ListServices{Service: "urn:service:counseling"}, "serviceNotImplemented"},
		{"at a place", &lost.ListServicesByLocation{Locations: at(40.71, -73.985)}, "urn:service:sos"},
		{"below sos at a place", &lost.ListServicesByLocation{Locations: at(40.71, -73.985), Service: "urn:service:sos"}, "urn:service:sos.ambulance urn:service:sos.fire urn:service:sos.police"},
		{"where there is nothing", &lost.ListServicesByLocation{Locations: at(10, 10)}, "notFound"},
		{"with us in the path", &lost.ListServicesByLocation{Locations: at(10, 10), Path: []lost.Via{{Source: "lost.callbox.example"}}}, "loop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got string
			switch m := k.query(t, c.q).(type) {
			case *lost.ListServicesResponse:
				got = strings.Join(m.Services, " ")
			case *lost.ListServicesByLocationResponse:
				got = strings.Join(m.Services, " ")
				if m.LocationUsed != "here" {
					t.Errorf("used %q", m.LocationUsed)
				}
			default:
				got = outcome(m)
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Every message of the i3 test suite, sent as a request, has a defined outcome.
//
// Proves: RFC 5222, NENA-STA-010.3
func TestI3MessagesHaveDefinedOutcomes(t *testing.T) {
	want := map[string]string{
		"findServiceResponse.xml":                                                   "badRequest",
		"findServiceResponse_for_not_in_ecrf.xml":                                   "badRequest",
		"findServiceResponse_malformed.xml":                                         "badRequest",
		"findServiceResponse_malformed_xml_body.xml":                                "badRequest",
		"findService_civic_address.xml":                                             "notFound", // no county in it
		"findService_geodetic_arc-band.xml":                                         "Laurel & Co",
		"findService_geodetic_circle.xml":                                           "Laurel & Co",
		"findService_geodetic_ellipse.xml":                                          "Laurel & Co",
		"findService_geodetic_point.xml":                                            "New York 2",
		"findService_geodetic_point_asOf.xml":                                       "New York 2",
		"findService_geodetic_point_incorrect_asOf.xml":                             "badRequest",
		"findService_geodetic_point_not_in_ecrf.xml":                                "notFound",
		"findService_geodetic_polygon.xml":                                          "Laurel & Co",
		"findService_iterative_mode_polygon_not_covering_boundaries.xml":            "notFound",
		"findService_polygon_covering_fully_one_and_partially_another_boundary.xml": "New York 1, New York 2",
		"findService_polygon_covering_fully_two_boundaries.xml":                     "New York 1, New York 2",
		"findService_recursive_mode_polygon_not_covering_boundaries.xml":            "notFound",
		"listServicesByLocation_urn-emergency-service-sos.xml":                      "listServicesByLocationResponse",
		"listServicesByLocation_urn-service-sos.xml":                                "listServicesByLocationResponse",
		"listServices_urn-emergency-service-sos.xml":                                "listServicesResponse",
		"listServices_urn-service-sos.xml":                                          "listServicesResponse",
	}
	files, err := filepath.Glob(filepath.Join(shared(t), "schemas", "i3", "messages", "HTTP_LoST", "*.xml"))
	if err != nil || len(files) < len(want) {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	k := newKit(t, nil)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			m := k.ask(t, string(b))
			got := mapped(m)
			if got == "" {
				got = outcome(m)
			}
			if got != want[filepath.Base(f)] {
				t.Errorf("%s, want %s", got, want[filepath.Base(f)])
			}
			if r, ok := m.(*lost.FindServiceResponse); ok && strings.Contains(f, "asOf") {
				if r.Mappings[0].Expires.Caching != lost.NoCache || len(r.Extensions) != 1 || r.Extensions[0].Local != "asOf" {
					t.Errorf("planned ahead: %+v %+v", r.Mappings[0].Expires, r.Extensions)
				}
			}
		})
	}
}
