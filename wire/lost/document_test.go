package lost_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// read parses one document of a type, with the LoST namespace put in.
func read[M lost.Message](t *testing.T, doc string) M {
	t.Helper()
	m, err := lost.ParseAs[M]([]byte(inLoST(doc)), lost.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return m
}

// inLoST puts the default namespace into the first tag.
func inLoST(doc string) string {
	i := strings.IndexAny(doc, " />")
	return doc[:i] + ` xmlns="urn:ietf:params:xml:ns:lost1"` + doc[i:]
}

func written(t *testing.T, m lost.Message) string {
	t.Helper()
	b, err := lost.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// refused fails unless m is refused with all the words in the error.
func refused(t *testing.T, m lost.Message, words ...string) {
	t.Helper()
	dst := []byte("before")
	out, err := lost.Append(dst, m)
	if err == nil {
		t.Fatalf("written: %s", out)
	}
	if string(out) != "before" {
		t.Errorf("dst came back as %q", out)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func point() pidflo.Shape { return pidflo.Point{Pos: pidflo.Pos{Lat: 37.775, Lon: -122.422}} }

func address() *pidflo.Civic {
	c := &pidflo.Civic{}
	c.Set("A1", "NY")
	return c
}

func mapped() lost.Mapping {
	return lost.Mapping{
		Source: "a.example", SourceID: "1", LastUpdated: at("2026-11-01T01:00:00Z"), Expires: lost.Expires{Caching: lost.NoCache},
		Service: "urn:service:sos", URIs: []string{"sip:psap@a.example"},
	}
}

func response(m lost.Mapping) *lost.FindServiceResponse {
	return &lost.FindServiceResponse{Mappings: []lost.Mapping{m}, Path: []lost.Via{{Source: "a.example"}}}
}

// Proves: RFC 5222, section 4; section 13.3: names of servers are unique strings, never URLs
func TestNamesOfServersAreApplicationUniqueStrings(t *testing.T) {
	for _, bad := range []string{"", "localhost", "https://a.example", "a.example/x", "a..example", ".example", "a.example.", "a b.example", "a.ex-ample", "ä.example"} {
		refused(t, &lost.Redirect{Target: bad, Source: "b.example"}, "/redirect", "target")
		refused(t, &lost.Redirect{Target: "b.example", Source: bad}, "/redirect", "source")
		m := response(mapped())
		m.Path = []lost.Via{{Source: "ok.example"}, {Source: bad}}
		refused(t, m, "/findServiceResponse/path/via[2]")
		m = response(mapped())
		m.Mappings[0].Source = bad
		refused(t, m, "/findServiceResponse/mapping[1]")
	}
	got := read[*lost.FindService](t, `<findService><location id="a"/><path><via source="https://a.example"/></path></findService>`)
	if len(got.Path) != 1 || got.Path[0].Source != "https://a.example" {
		t.Errorf("a wrong name is not read: %+v", got.Path)
	}
}

// Proves: RFC 5222, section 5.1: source, sourceId and lastUpdated are required, in UTC with Z
func TestAMappingHasItsThreeIdentifiers(t *testing.T) {
	for what, damage := range map[string]func(*lost.Mapping){
		"source":      func(m *lost.Mapping) { m.Source = "" },
		"sourceId":    func(m *lost.Mapping) { m.SourceID = " " },
		"lastUpdated": func(m *lost.Mapping) { m.LastUpdated = time.Time{} },
		"expires":     func(m *lost.Mapping) { m.Expires = lost.Expires{} },
	} {
		m := mapped()
		damage(&m)
		refused(t, response(m), "/findServiceResponse/mapping[1]", what)
	}
	m := mapped()
	m.LastUpdated = time.Date(2026, 11, 1, 3, 0, 0, 999999999, time.FixedZone("", 2*3600))
	if out := written(t, response(m)); !strings.Contains(out, `lastUpdated="2026-11-01T01:00:00Z"`) {
		t.Errorf("not whole seconds of UTC: %s", out)
	}
}

// Proves: RFC 5222, section 5.2: expires is a time, NO-CACHE or NO-EXPIRATION, and is checked
func TestExpiresIsATimeOrOneOfTwoWords(t *testing.T) {
	now := at("2026-11-22T00:00:00Z")
	for text, want := range map[string]struct {
		expires lost.Expires
		fresh   bool
	}{
		"2026-11-22T00:00:01Z":          {lost.Expires{At: now.Add(time.Second)}, true},
		"2026-11-22T01:00:00.000+01:00": {lost.Expires{At: now}, false},
		"2026-11-22T00:00:01":           {lost.Expires{At: now.Add(time.Second)}, true},
		"NO-CACHE":                      {lost.Expires{Caching: lost.NoCache}, false},
		"NO-EXPIRATION":                 {lost.Expires{Caching: lost.NoExpiration}, true},
		"tomorrow":                      {lost.Expires{}, false},
		"":                              {lost.Expires{}, false},
	} {
		m := read[*lost.FindServiceResponse](t, `<findServiceResponse><mapping expires="`+text+`"/></findServiceResponse>`).Mappings[0]
		if m.Expires != want.expires || m.Expires.Fresh(now) != want.fresh {
			t.Errorf("%q is %+v, fresh %v; want %+v", text, m.Expires, m.Expires.Fresh(now), want)
		}
	}
	m := mapped()
	m.Expires = lost.Expires{At: now.Add(1999 * time.Millisecond)}
	if out := written(t, response(m)); !strings.Contains(out, `expires="2026-11-22T00:00:01Z"`) {
		t.Errorf("expires is not rounded down to whole seconds: %s", out)
	}
}

// Proves: RFC 5222, section 5.3: a name for display has its language
func TestADisplayNameHasItsLanguage(t *testing.T) {
	m := mapped()
	m.DisplayNames = []lost.Text{{Text: "Polizei", Lang: "de"}, {Text: "?"}}
	out := written(t, response(m))
	if !strings.Contains(out, `<displayName xml:lang="de">Polizei</displayName><displayName xml:lang="und">?</displayName>`) {
		t.Error(out)
	}
	m.DisplayNames[0].Lang = "deutsch_AT"
	refused(t, response(m), "mapping[1]", "language")
}

// Proves: RFC 5222, section 5.6: a reference has source and key, and stands instead of the value
func TestABoundaryIsByValueOrByReference(t *testing.T) {
	m := mapped()
	m.Reference = lost.BoundaryReference{Source: "a.example", Key: "7214148E0433AFE2FA2D48003D31172E"}
	if out := written(t, response(m)); !strings.Contains(out, `<serviceBoundaryReference source="a.example" key="7214148E0433AFE2FA2D48003D31172E"/>`) {
		t.Error(out)
	}
	m.Boundaries = []lost.Boundary{{Civics: []pidflo.Civic{*address()}}}
	refused(t, response(m), "by value and by reference")
	m.Boundaries, m.Reference.Key = nil, ""
	refused(t, response(m), "serviceBoundaryReference", "key")
}

// Proves: RFC 5222, section 5.7: a service number is dialled on twelve keys
func TestAServiceNumberIsDigitsStarsAndHashes(t *testing.T) {
	m := mapped()
	for _, ok := range []string{"911", "*67#", "112"} {
		m.ServiceNumber = ok
		written(t, response(m))
	}
	for _, bad := range []string{"+1 911", "nine", "9-1-1", " "} {
		m.ServiceNumber = bad
		refused(t, response(m), "serviceNumber")
	}
}

// Proves: RFC 5222, section 5.8: URIs are absolute, one for a scheme
func TestURIsAreAbsoluteAndOneForAScheme(t *testing.T) {
	m := mapped()
	m.URIs = []string{"sip:a@b.example", "sips:a@b.example"}
	written(t, response(m))
	m.URIs = nil
	written(t, response(m))
	m.URIs = []string{"sip:a@b.example", "SIP:c@d.example"}
	refused(t, response(m), "scheme")
	m.URIs = []string{"psap.example"}
	refused(t, response(m), "absolute")
	m.URIs = []string{"sip:a b@c.example"}
	if out := written(t, response(m)); !strings.Contains(out, "<uri>sip:a%20b@c.example</uri>") {
		t.Error(out)
	}
}

// Proves: RFC 5222, section 6: the path of a query comes back verbatim, in its order
func TestAPathIsCopiedVerbatim(t *testing.T) {
	q := read[*lost.FindService](t, `<findService><location id="a"/><path><via source="first.example"/><via source="second.example"><x xmlns="urn:x">y</x></via></path></findService>`)
	a := response(mapped())
	a.Path = q.Path
	if out := written(t, a); !strings.Contains(out, `<path><via source="first.example"/><via source="second.example"><x xmlns="urn:x">y</x></via></path>`) {
		t.Error(out)
	}
	a.Path = nil
	refused(t, a, "path")
}

// Proves: RFC 5222, section 7: a location has an id; locationUsed names it, without prefix
func TestEveryLocationHasAnID(t *testing.T) {
	q := &lost.FindService{Locations: []lost.Location{
		{Profile: "new", Extensions: []foreign.Element{element(t, `<x xmlns="urn:x"/>`)}}, {ID: "l1", Shape: point()},
	}}
	got, err := lost.ParseAs[*lost.FindService]([]byte(written(t, q)), lost.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Locations[0].ID == "" || got.Locations[0].ID == "l1" || got.Locations[1].ID != "l1" {
		t.Errorf("ids %q and %q", got.Locations[0].ID, got.Locations[1].ID)
	}
	q.Locations[0].ID = "l1"
	refused(t, q, "two locations")
	a := response(mapped())
	a.LocationUsed = "l1"
	if out := written(t, a); !strings.HasSuffix(out, `</path><locationUsed id="l1"/></findServiceResponse>`) {
		t.Error(out)
	}
}

func element(t *testing.T, text string) foreign.Element {
	t.Helper()
	e, err := foreign.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Proves: RFC 5222, section 8.3.1; section 12.1, rules 3 to 5 and 7: one location for a profile,
// one baseline profile, in the order of preference
func TestAQueryHasOneLocationForAProfile(t *testing.T) {
	refused(t, &lost.FindService{}, "/findService", "no location")
	refused(t, &lost.FindService{Locations: []lost.Location{{ID: "a", Profile: lost.ProfileGeodetic, Shape: point()}, {ID: "b", Profile: lost.ProfileGeodetic, Shape: point()}}}, "two locations")
	refused(t, &lost.FindService{Locations: []lost.Location{{Shape: point()}, {Civic: address()}}}, "asked for apart")
	refused(t, &lost.FindService{Locations: []lost.Location{{Shape: point(), Civic: address()}}}, "location[1]")
	refused(t, &lost.FindService{Locations: []lost.Location{{Profile: lost.ProfileCivic, Shape: point()}}}, "location[1]", "civic")
	refused(t, &lost.FindService{Locations: []lost.Location{{}}}, "location[1]")
	q := read[*lost.FindService](t, `<findService><location id="b" profile="x"/><location id="a" profile="y"/><location id="c" profile="y"/></findService>`)
	if len(q.Locations) != 3 || q.Locations[0].ID != "b" || q.Locations[1].ID != "a" {
		t.Errorf("the order is not kept: %+v", q.Locations)
	}
}

// Proves: RFC 5222, section 12.1: without profile a server does the best it can
func TestALocationWithoutProfileIsReadByItsContent(t *testing.T) {
	q := read[*lost.FindService](t, `<findService><location id="a"><Point xmlns="http://www.opengis.net/gml"><pos>1 2</pos></Point></location></findService>`)
	want := pidflo.Point{Pos: pidflo.Pos{Lat: 1, Lon: 2}}
	if l := q.Locations[0]; l.Shape != want || l.Err != nil {
		t.Errorf("%+v", l)
	}
	if out := written(t, q); !strings.Contains(out, `profile="geodetic-2d"`) {
		t.Error(out)
	}
}

// Proves: RFC 5222, sections 8.3.3 to 8.3.5 and 11: what an absent attribute means
func TestAbsentAttributesMeanFalseAndReference(t *testing.T) {
	q := read[*lost.FindService](t, `<findService><location id="a"/></findService>`)
	if q.Recursive || q.ValidateLocation || q.Boundary != lost.ByReference {
		t.Errorf("%+v", q)
	}
	l := read[*lost.ListServicesByLocation](t, `<listServicesByLocation><location id="a"/></listServicesByLocation>`)
	if l.Recursive {
		t.Error("the grammar's default counts, not that of section 8.3.3")
	}
	l.Locations = []lost.Location{{Shape: point()}}
	if out := written(t, l); !strings.Contains(out, ` recursive="false"`) {
		t.Error(out)
	}
	for _, bad := range []string{`recursive="yes"`, `validateLocation=""`, `serviceBoundary="both"`} {
		_, err := lost.Parse([]byte(inLoST(`<findService ` + bad + `><location id="a"/></findService>`)))
		var p *lost.ParseError
		if !errors.As(err, &p) || p.Path != "/findService" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Proves: RFC 5222, section 8.4.2: lists of QNames with their namespaces
func TestValidatedFieldsAreNamesInNamespaces(t *testing.T) {
	a := read[*lost.FindServiceResponse](t, `<findServiceResponse xmlns:c="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
		xmlns:v="urn:vendor"><mapping/><locationValidation><valid>c:A1 A3</valid><invalid xmlns:e="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr:ext">
		e:PN nobody:HNO</invalid><unchecked>v:A1 PN 1x</unchecked></locationValidation></findServiceResponse>`)
	want := &lost.Validation{
		Valid:     []lost.Name{{Space: pidflo.SpaceCivic, Local: "A1"}, {Space: pidflo.SpaceCivic, Local: "A3"}},
		Invalid:   []lost.Name{{Space: pidflo.SpaceCivicExt, Local: "PN"}, {Space: pidflo.SpaceCivic, Local: "HNO"}},
		Unchecked: []lost.Name{{Space: "urn:vendor", Local: "A1"}, {Space: pidflo.SpaceCivicExt, Local: "PN"}},
	}
	if diff := cmp.Diff(want, a.Validation); diff != "" {
		t.Error(diff)
	}
	b := response(mapped())
	b.Validation = want
	if out := written(t, b); !strings.Contains(out, "<valid>ca:A1 ca:A3</valid>") || strings.Count(out, "xmlns:ca=") != 1 {
		t.Error(out)
	}
	b.Validation = &lost.Validation{Valid: []lost.Name{{Local: "A1"}}}
	refused(t, b, "locationValidation", "A1")
}

// Proves: RFC 5222, section 9: a boundary is asked for by its key
func TestABoundaryIsAskedForByItsKey(t *testing.T) {
	refused(t, &lost.GetServiceBoundary{}, "key")
	if _, err := lost.Parse([]byte(inLoST(`<getServiceBoundary/>`))); err == nil {
		t.Error("a request without key is read")
	}
	refused(t, &lost.GetServiceBoundaryResponse{Path: []lost.Via{{Source: "a.example"}}}, "no serviceBoundary")
}

// Proves: RFC 5222, section 12.2: a point is no boundary; polygons have more than 16 corners
func TestABoundaryIsNoPointAndMayHaveManyCorners(t *testing.T) {
	m := mapped()
	m.Boundaries = []lost.Boundary{{Shapes: []pidflo.Shape{point()}}}
	refused(t, response(m), "serviceBoundary[1]", "point")
	var ring []pidflo.Pos
	for i := range 1000 {
		ring = append(ring, pidflo.Pos{Lat: 1, Lon: float64(i) / 100})
	}
	ring = append(ring, pidflo.Pos{Lat: 2, Lon: 5})
	m.Boundaries[0].Shapes[0] = pidflo.Polygon{Exterior: ring}
	got, err := lost.Parse([]byte(written(t, response(m))))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.(*lost.FindServiceResponse).Mappings[0].Boundaries[0].Shapes[0].(pidflo.Polygon).Exterior); n != 1001 {
		t.Errorf("%d corners came back", n)
	}
	m.Boundaries[0].Shapes[0] = pidflo.Sphere{Center: pidflo.Pos{HasAlt: true}, Radius: 1}
	refused(t, response(m), "geodetic-2d")
}

// A boundary must not be taken for less than it is, and a mapping must not be
// lost for its boundary.
//
// Proves: RFC 5222, section 5.5; E10
func TestABoundaryThatCannotBeUsedIsKeptAndSaysSo(t *testing.T) {
	for name, inside := range map[string]string{
		"a broken hole": `<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>0 0 0 9 9 9</gml:posList></gml:LinearRing></gml:exterior><gml:interior/></gml:Polygon>`,
		"a surface":     `<gml:MultiSurface/>`,
		"out of range":  `<gml:Point><gml:pos>190 7</gml:pos></gml:Point>`,
		"nothing":       ``,
	} {
		a := read[*lost.FindServiceResponse](t, `<findServiceResponse xmlns:gml="http://www.opengis.net/gml"><mapping><serviceBoundary profile="geodetic-2d">`+
			inside+`</serviceBoundary><uri>sip:psap@a.example</uri></mapping></findServiceResponse>`)
		m := a.Mappings[0]
		if len(m.URIs) != 1 || len(m.Boundaries) != 1 || m.Boundaries[0].Err == nil {
			t.Errorf("%s: %+v", name, m)
			continue
		}
		if inside != "" && len(m.Boundaries[0].Extensions) != 1 {
			t.Errorf("%s is not kept: %+v", name, m.Boundaries[0])
		}
	}
}

// Proves: RFC 5222, section 13.1, section 14: locationInvalid is for what is no location, beside one that is
func TestALocationThatCannotBeUsedSaysWhy(t *testing.T) {
	q := read[*lost.FindService](t, `<findService xmlns:gml="http://www.opengis.net/gml"><location id="a" profile="geodetic-2d"><gml:Point><gml:pos>-122.4 37.7</gml:pos></gml:Point></location>
		<location id="b" profile="geodetic-2d"><gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>37.7 -122.4</gml:pos></gml:Point></location></findService>`)
	var p *lost.ParseError
	if !errors.As(q.Locations[0].Err, &p) || p.Path != "/findService/location[1]/Point/pos" {
		t.Errorf("swapped coordinates: %v", q.Locations[0].Err)
	}
	if q.Locations[1].Err != nil || q.Locations[1].Shape == nil {
		t.Errorf("%+v", q.Locations[1])
	}
}

// Proves: RFC 5222, section 13.1 and 13.2: every error and warning is read; each once, with source
func TestEveryErrorAndWarningIsRead(t *testing.T) {
	for _, k := range []lost.Kind{
		lost.BadRequest, lost.Forbidden, lost.InternalError, lost.LocationProfileUnrecognized, lost.LocationInvalid, lost.SRSInvalid,
		lost.Loop, lost.NotFound, lost.ServerError, lost.ServerTimeout, lost.ServiceNotImplemented,
		lost.LocationValidationUnavailable, lost.ServiceSubstitution, lost.DefaultMappingReturned,
	} {
		one := fmt.Sprintf(`<%s message=" why  so " xml:lang="en" unsupportedProfiles="x"/>`, k)
		e := read[*lost.Errors](t, `<errors source="a.example">`+one+`</errors>`)
		if !e.Has(k) || e.Source != "a.example" || e.List[0].Message != (lost.Text{Text: "why so", Lang: "en"}) {
			t.Errorf("%s: %+v", k, e)
		}
		w := read[*lost.FindServiceResponse](t, `<findServiceResponse><mapping/><warnings source="a.example">`+one+`</warnings></findServiceResponse>`)
		if len(w.Warnings) != 1 || !w.Warnings[0].Has(k) {
			t.Errorf("%s as a warning: %+v", k, w.Warnings)
		}
		out := &lost.Errors{Exceptions: lost.Exceptions{Source: "a.example", List: []lost.Exception{{Kind: k}}}}
		if k == lost.LocationProfileUnrecognized {
			refused(t, out, "unsupported")
			out.List[0].Unsupported = []string{"x"}
		}
		if !k.Sendable() {
			refused(t, out, "/errors/"+string(k))
			continue
		}
		written(t, out)
		out.List = append(out.List, out.List[0])
		refused(t, out, "twice")
	}
	refused(t, &lost.Errors{Exceptions: lost.Exceptions{Source: "a.example"}}, "no error")
}

// Proves: RFC 5222, section 13: errors and redirects stand in place of the answer
func TestErrorsAndRedirectsAreGoErrors(t *testing.T) {
	_, err := lost.ParseAs[*lost.FindServiceResponse]([]byte(inLoST(`<errors source="a.example"><notFound message="none" xml:lang="en"/></errors>`)), lost.Limits{})
	var failed *lost.Errors
	if !errors.As(err, &failed) || !failed.Has(lost.NotFound) || err.Error() != "LoST server a.example answers notFound (none)" {
		t.Errorf("%v", err)
	}
	_, err = lost.ParseAs[*lost.FindServiceResponse]([]byte(inLoST(`<redirect target="b.example" source="a.example"/>`)), lost.Limits{})
	var redirect *lost.Redirect
	if !errors.As(err, &redirect) || redirect.Target != "b.example" || err.Error() != "LoST server a.example redirects to b.example" {
		t.Errorf("%v", err)
	}
	_, err = lost.ParseAs[*lost.FindServiceResponse]([]byte(inLoST(`<listServices/>`)), lost.Limits{})
	var p *lost.ParseError
	if !errors.As(err, &p) || p.Path != "/listServices" {
		t.Errorf("%v", err)
	}
	if _, err := lost.ParseAs[*lost.Errors]([]byte(inLoST(`<errors source="a.example"><loop/></errors>`)), lost.Limits{}); err != nil {
		t.Errorf("errors that were expected: %v", err)
	}
}

// A mapping is also kept and exchanged alone.
//
// Proves: RFC 6739, section 3
func TestAMappingAloneIsReadAndWritten(t *testing.T) {
	m := mapped()
	out, err := lost.AppendMapping(nil, &m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := lost.ParseMapping(out)
	if diff := cmp.Diff(m, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	m.Source = ""
	var p *lost.ParseError
	if out, err = lost.AppendMapping([]byte("x"), &m); !errors.As(err, &p) || p.Path != "/mapping" || string(out) != "x" {
		t.Errorf("%q %v", out, err)
	}
	for _, bad := range []string{"", "<mapping", "<mapping/>", inLoST("<errors/>")} {
		if _, err := lost.ParseMapping([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// Proves: RFC 5222, section 16: UTF-8 and UTF-16 are understood, UTF-8 is written
func TestUTF16IsUnderstood(t *testing.T) {
	doc := `<?xml version="1.0" encoding="UTF-16"?>` + inLoST(`<errors source="a.example"><loop message="Größe 🚒" xml:lang="de"/></errors>`)
	units := utf16.Encode([]rune(doc))
	for name, order := range map[string]func(u uint16) []byte{
		"big":    func(u uint16) []byte { return []byte{byte(u >> 8), byte(u)} },
		"little": func(u uint16) []byte { return []byte{byte(u), byte(u >> 8)} },
	} {
		for _, bom := range []bool{true, false} {
			var b []byte
			if bom {
				b = order(0xFEFF)
			}
			for _, u := range units {
				b = append(b, order(u)...)
			}
			e, err := lost.ParseAs[*lost.Errors](b, lost.Limits{})
			if err != nil {
				t.Errorf("%s endian, mark %v: %v", name, bom, err)
				continue
			}
			if got := e.List[0].Message.Text; got != "Größe 🚒" {
				t.Errorf("%s endian: %q", name, got)
			}
			if out := written(t, e); !strings.HasPrefix(out, `<?xml version="1.0" encoding="UTF-8"?>`) {
				t.Error(out)
			}
			if _, err := lost.Parse(b[:len(b)-1]); err == nil {
				t.Error("half a character is read")
			}
		}
	}
}

// Proves: RFC 5964, sections 3 and 5: holes turn clockwise, the exterior the other way
func TestABoundaryMayHaveHoles(t *testing.T) {
	ring := func(lo, hi float64) []pidflo.Pos {
		return []pidflo.Pos{{Lat: lo, Lon: lo}, {Lat: lo, Lon: hi}, {Lat: hi, Lon: hi}, {Lat: hi, Lon: lo}}
	}
	m := mapped()
	m.Boundaries = []lost.Boundary{{Shapes: []pidflo.Shape{pidflo.Region{Exterior: ring(0, 9), Holes: [][]pidflo.Pos{ring(1, 2), ring(3, 4)}}}}}
	got, err := lost.ParseAs[*lost.FindServiceResponse]([]byte(written(t, response(m))), lost.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	turned := func(lo, hi float64) []pidflo.Pos {
		return []pidflo.Pos{{Lat: lo, Lon: lo}, {Lat: hi, Lon: lo}, {Lat: hi, Lon: hi}, {Lat: lo, Lon: hi}}
	}
	want := []pidflo.Shape{pidflo.Region{Exterior: ring(0, 9), Holes: [][]pidflo.Pos{turned(1, 2), turned(3, 4)}}}
	if diff := cmp.Diff(want, got.Mappings[0].Boundaries[0].Shapes); diff != "" {
		t.Error(diff)
	}
	refused(t, &lost.FindService{Locations: []lost.Location{{Shape: want[0]}}}, "location[1]", "holes")
	m.Boundaries[0].Shapes[0] = pidflo.Region{Exterior: ring(0, 9), Holes: [][]pidflo.Pos{{{Lat: 1}}}}
	refused(t, response(m), "interior")
}
