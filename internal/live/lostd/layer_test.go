package lostd_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Boundaries of the city that the tests know: a PSAP of our directory, a fire
// department that is nobody's of ours, and a PSAP that takes over next year.
const (
	psapNGUID = "urn:emergency:uid:gis:PSAP:1:example.gov"
	nextNGUID = "urn:emergency:uid:gis:PSAP:2:example.gov"
	fireNGUID = "urn:emergency:uid:gis:Fire:{7}:example.gov"
)

var newYear = time.Date(2027, 1, 1, 5, 0, 0, 0, time.UTC)

func mainStreet(number, unit string) e911.Civic {
	return e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: number, RD: "Main", STS: "Street", PC: "02139", UNIT: unit}
}

// city is a layer with a street of five buildings, of which one comes next year.
func city(t testing.TB, grade e911.LayerGrade, change func(*gis.Boundary)) gis.Layer {
	t.Helper()
	b := gis.NewBuilder()
	add := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	updated := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i, n := range []string{"2", "4", "6", "8", "10"} {
		p := gis.AddressPoint{NGUID: "urn:emergency:uid:gis:SSAP:" + n + ":example.gov", Civic: mainStreet(n, ""), Point: e911.Point{Lat: 42.36 + float64(i)*0.001, Lon: -71.1}, Updated: updated}
		if n == "10" {
			p.Effective = newYear
		}
		add(b.Address(p))
	}
	end := newYear
	for _, f := range []gis.Boundary{
		{NGUID: psapNGUID, Service: "urn:service:sos", Name: "Cambridge ECC", Agency: "ecc.example.gov", URIs: []string{"sip:ecc@example.gov", "sip:second@example.gov", "tel:+16175550100"}, Number: "911", Area: e911.MultiPolygon{rect(42.35, -71.2, 42.4, -71.0)}, Updated: updated, Span: gis.Span{Expire: end}},
		{NGUID: nextNGUID, Service: "urn:service:sos", Name: "Regional ECC", Agency: "regional.example.gov", URIs: []string{"sip:regional@example.gov"}, Area: e911.MultiPolygon{rect(42.35, -71.2, 42.4, -71.0)}, Updated: updated, Span: gis.Span{Effective: end}},
		{NGUID: fireNGUID, Service: "urn:service:sos.fire", Name: "Cambridge Fire", Agency: "fire.example.gov", URIs: []string{"sip:fire@example.gov"}, Area: e911.MultiPolygon{rect(42.35, -71.2, 42.362, -71.0)}, Updated: updated},
	} {
		if change != nil {
			change(&f)
		}
		add(b.Boundary(f))
	}
	return gis.Layer{Layer: e911.Layer{
		ID: "layer", Key: "city", Name: "City", Grade: grade, Source: "the city", Standard: "NENA-STA-006.3", AsOf: updated, Version: 1, Digest: strings.Repeat("0a", 32), ImportedAt: noon,
	}, Content: b.Build()}
}

func newCity(t testing.TB, grade e911.LayerGrade, change func(*gis.Boundary), cfg func(*lostd.Config)) *kit {
	t.Helper()
	k := newKit(t, cfg)
	k.setCity(t, city(t, grade, change))
	return k
}

func (k *kit) setCity(t testing.TB, l gis.Layer) {
	t.Helper()
	list := append(psaps()[:3], e911.PSAP{ID: "0190-e", Key: "e-ecc", Name: "ECC of the directory", Features: []string{psapNGUID}, Area: e911.MultiPolygon{rect(20, 20, 21, 21)}})
	s, err := world(t, list...).Apply([]snapshot.Change{{Kind: e911.KindLayer, ID: string(l.ID), Object: l}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	k.holder.Store(s)
}

func address5139(c e911.Civic, validate bool) *lost.FindService {
	var fields []string
	for _, f := range e911.CivicFieldNames() {
		if v := c.Get(f); v != "" {
			fields = append(fields, f, v)
		}
	}
	q := find([]lost.Location{address(fields...)})
	q.ValidateLocation = validate
	return q
}

// A mapping of a layer's boundary says what its publisher says, until it ends.
//
// Proves: NENA-STA-006.3, NENA-STA-010.3; RFC 5222 sections 5, 8.4.1; F-23
func TestMappingsOfALayer(t *testing.T) {
	k := newCity(t, e911.GradeAuthoritative, nil, nil)
	first := func(q *lost.FindService) lost.Mapping {
		t.Helper()
		r, ok := k.query(t, q).(*lost.FindServiceResponse)
		if !ok {
			t.Fatalf("%s", outcome(k.query(t, q)))
		}
		return r.Mappings[0]
	}
	here := at(42.361, -71.1)
	m := first(find(here))
	if m.SourceID != psapNGUID || m.DisplayNames[0].Text != "Cambridge ECC" || !m.LastUpdated.Equal(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)) ||
		strings.Join(m.URIs, " ") != "sip:911@callbox.example" || !m.Expires.At.Equal(noon.Add(24*time.Hour)) || m.ServiceNumber != "911" {
		t.Errorf("of a PSAP of ours: %+v", m)
	}
	fire := find(here)
	fire.Service = "urn:service:sos.fire"
	if m := first(fire); m.SourceID != fireNGUID || m.Service != "urn:service:sos.fire" || strings.Join(m.URIs, " ") != "sip:fire@example.gov" {
		t.Errorf("fire: %+v", m)
	}
	fire.Locations = at(42.38, -71.1) // inside the PSAP's, outside of the department's
	if r := k.query(t, fire); warned(r) != "serviceSubstitution" || r.(*lost.FindServiceResponse).Mappings[0].Service != "urn:service:sos" {
		t.Errorf("fire elsewhere: %s %s", outcome(r), warned(r))
	}
	responders := find(here)
	responders.Service = "urn:emergency:service:responder.fire"
	if r := k.query(t, responders); warned(r) != "" || mapped(r) != "Cambridge Fire" {
		t.Errorf("responders: %s %s", mapped(r), warned(r))
	}

	k.now = newYear.Add(-time.Hour) // it ends sooner than the mapping would
	if m := first(find(here)); !m.Expires.At.Equal(newYear) {
		t.Errorf("shortly before the change it expires %v", m.Expires.At)
	}
	k.now = newYear.Add(time.Hour)
	if m := first(find(here)); m.SourceID != nextNGUID || strings.Join(m.URIs, " ") != "sip:regional@example.gov" {
		t.Errorf("after the change: %+v", m)
	}

	k = newCity(t, e911.GradeAuthoritative, nil, func(c *lostd.Config) { c.BoundaryURIs = true })
	if m := first(find(here)); strings.Join(m.URIs, " ") != "sip:ecc@example.gov tel:+16175550100" {
		t.Errorf("as inside an ESInet: %+v", m.URIs)
	}
	k = newCity(t, e911.GradeDemonstration, nil, nil)
	if r := k.query(t, find(here)); outcome(r) != "notFound" {
		t.Errorf("a demonstration layer: %s", outcome(r))
	}
	k.from = "198.51.100.7:1"
	if r := k.query(t, find(here)); warned(r) != "defaultMappingReturned" || !strings.Contains(mapped(r), "demonstration") {
		t.Errorf("for the demonstration: %s %q %q", outcome(r), mapped(r), warned(r))
	}
}

// What a layer says and LoST cannot is left out; the mapping stays.
//
// Proves: E1, E12
func TestABoundaryThatLoSTCannotTell(t *testing.T) {
	k := newCity(t, e911.GradeAuthoritative, func(b *gis.Boundary) {
		b.Name, b.Number, b.URIs = "", "nine-one-one", []string{"not an address", "sip:ok@example.gov", ""}
	}, nil)
	r, ok := k.query(t, find(at(42.361, -71.1))).(*lost.FindServiceResponse)
	if !ok || r.Mappings[0].DisplayNames[0].Text == "" || r.Mappings[0].ServiceNumber != "911" {
		t.Errorf("%+v", r)
	}
	fire := find(at(42.361, -71.1))
	fire.Service = "urn:service:sos.fire"
	if r, ok := k.query(t, fire).(*lost.FindServiceResponse); !ok || strings.Join(r.Mappings[0].URIs, " ") != "sip:ok@example.gov" {
		t.Errorf("%+v", r)
	}
}

// The key of a boundary is the same after a restart and for a new version of the
// layer, as long as the shape is; with another shape it is another.
//
// Proves: RFC 5222 sections 5.6, 9
func TestKeysOfBoundariesSurvive(t *testing.T) {
	k := newCity(t, e911.GradeAuthoritative, nil, nil)
	key := k.query(t, find(at(42.361, -71.1))).(*lost.FindServiceResponse).Mappings[0].Reference.Key
	again := newCity(t, e911.GradeAuthoritative, nil, nil)
	if m := again.query(t, &lost.GetServiceBoundary{Key: key}); outcome(m) != "getServiceBoundaryResponse" {
		t.Errorf("after a restart: %s", outcome(m))
	}
	next := newCity(t, e911.GradeAuthoritative, func(b *gis.Boundary) { b.Area = e911.MultiPolygon{rect(42.35, -71.2, 42.41, -71.0)} }, nil)
	if m := next.query(t, &lost.GetServiceBoundary{Key: key}); outcome(m) != "notFound" {
		t.Errorf("of another shape: %s", outcome(m))
	}
}

func fields(list []lost.Name) string {
	var out []string
	for _, n := range list {
		out = append(out, n.Local)
	}
	return strings.Join(out, " ")
}

// An address is validated by the layer, field by field, and found by it.
//
// Proves: RFC 5222 sections 8.3.5, 8.4.2, 12.3; NENA-STA-010.3; issue 5
func TestAddressesAreValidatedByTheLayer(t *testing.T) {
	k := newCity(t, e911.GradeAuthoritative, nil, nil)
	q := address5139(mainStreet("6", ""), true)
	q.Boundary = lost.ByValue
	r, ok := k.query(t, q).(*lost.FindServiceResponse)
	if !ok || r.Mappings[0].SourceID != psapNGUID {
		t.Fatalf("%s %s", outcome(k.query(t, q)), mapped(k.query(t, q)))
	}
	if v := r.Validation; v == nil || fields(v.Valid) != "country A1 A2 A3 RD STS HNO PC" || len(v.Invalid) != 0 || len(v.Extensions) != 1 || !strings.Contains(v.Extensions[0].XML, ">2027-01-01T05:00:00Z<") {
		t.Errorf("valid: %+v", v)
	}
	if b := r.Mappings[0].Boundaries; len(b) != 1 || b[0].Profile != lost.ProfileCivic || b[0].Civics[0].Get("HNO") != "6" {
		t.Errorf("boundary in the profile of the query: %+v", b)
	}
	r, ok = k.query(t, address5139(mainStreet("12", ""), true)).(*lost.FindServiceResponse)
	if ok && fields(r.Validation.Invalid) != "HNO" {
		t.Errorf("one number beyond: %+v", r.Validation)
	}

	fire := address5139(mainStreet("2", ""), false)
	fire.Service = "urn:service:sos.fire"
	if m := k.query(t, fire); mapped(m) != "Cambridge Fire" {
		t.Errorf("the fire department of an address: %s", mapped(m))
	}
	if m := k.query(t, address5139(e911.Civic{Country: "US", A1: "CA", A3: "Fresno", HNO: "1", RD: "Main", STS: "Street"}, true)); outcome(m) != "notFound" {
		t.Errorf("elsewhere: %s", outcome(m))
	}
}

// The attribute of the similar-location draft, which the grammar of RFC 5222 has
// no place for.
//
// Proves: draft-ietf-ecrit-similar-location-19
func TestSimilarAndCompleteAddresses(t *testing.T) {
	k := newCity(t, e911.GradeAuthoritative, func(b *gis.Boundary) { b.Civic = e911.Civic{Country: "US", A1: "MA", A3: "Cambridge"} }, nil)
	for _, c := range []struct{ name, wants, street, number, element, inside string }{
		{"complete", "complete", "Main", "4", "completeLocation", "Middlesex County"},
		{"any, valid", "any", "Main", "4", "completeLocation", ">4<"},
		{"none", "none", "Main", "4", "", ""},
		{"similar, valid", "similar", "Main", "4", "", ""},
		{"similar, invalid", "similar", "Mian", "4", "similarLocation", ">Main<"},
		{"complete, invalid", "complete", "Mian", "4", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: c.number, RD: c.street, STS: "Street"}
			b, err := lost.Marshal(address5139(a, true))
			if err != nil {
				t.Fatal(err)
			}
			doc := strings.Replace(string(b), "<findService ", `<findService xmlns:rli="`+lost.SpaceRLI+`" rli:returnAdditionalLocation="`+c.wants+`" `, 1)
			r, ok := k.ask(t, doc).(*lost.FindServiceResponse)
			if !ok || r.Validation == nil {
				t.Fatalf("%+v", k.ask(t, doc))
			}
			var got, inside string
			for _, x := range r.Validation.Extensions {
				if x.Space == lost.SpaceRLI && got == "" {
					got, inside = x.Local, x.XML
				}
			}
			if got != c.element || !strings.Contains(inside, c.inside) {
				t.Errorf("%q %s", got, inside)
			}
		})
	}
}

// Changes that lie ahead are answered as of then, and told who asks for them.
//
// Proves: draft-ietf-ecrit-lost-planned-changes; NENA-STA-010.3
func TestPlannedChanges(t *testing.T) {
	k := newCity(t, e911.GradeAuthoritative, nil, nil)
	for _, c := range []struct{ name, space, at, mapped string }{
		{"after the change", lost.SpacePlan, "2027-02-01T00:00:00-05:00", "Regional ECC"},
		{"before it", lost.SpacePlan, "2026-12-31T00:00:00-05:00", "Cambridge ECC"},
		{"where the i3 suite puts it", lost.Space, "2027-02-01T00:00:00-05:00", "Regional ECC"},
		{"a time that is over", lost.SpacePlan, "2020-02-01T00:00:00-05:00", "Cambridge ECC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := `<findService xmlns="urn:ietf:params:xml:ns:lost1" validateLocation="true"><location id="a" profile="civic"><c:civicAddress xmlns:c="` + pidflo.SpaceCivic + `"><c:country>US</c:country><c:A1>MA</c:A1><c:A3>Cambridge</c:A3><c:RD>Main</c:RD><c:STS>Street</c:STS><c:HNO>6</c:HNO></c:civicAddress></location><service>urn:service:sos</service><asOf xmlns="` + c.space + `">` + c.at + `</asOf></findService>`
			w := k.post(doc, "application/lost+plannedChange")
			m, err := lost.Parse(w.Body.Bytes())
			if err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			ahead := !strings.HasPrefix(c.at, "2020")
			r, ok := m.(*lost.FindServiceResponse)
			if !ok || mapped(m) != c.mapped || (r.Mappings[0].Expires.Caching == lost.NoCache) != ahead || (len(r.Extensions) == 1) != ahead || (len(r.Validation.Extensions) == 0) != ahead {
				t.Errorf("%s %q: %s", outcome(m), mapped(m), w.Body)
			}
		})
	}
	t.Run("an address that comes next year", func(t *testing.T) {
		q := address5139(mainStreet("10", ""), true)
		if r, ok := k.query(t, q).(*lost.FindServiceResponse); ok && fields(r.Validation.Invalid) != "HNO" {
			t.Errorf("today: %+v", r.Validation)
		}
	})

	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr = k.from
		w := httptest.NewRecorder()
		k.ServeHTTP(w, r)
		return w
	}
	var poll struct {
		IDs []string `json:"PlannedChangeIdList"`
	}
	if w := get("/PlannedChangePoll"); w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &poll) != nil || len(poll.IDs) != 2 {
		t.Fatalf("poll: %d %s", w.Code, w.Body)
	}
	seen := ""
	for _, id := range poll.IDs {
		w := get("/GetChangeSet?changeSetId=" + id)
		var set struct {
			ChangeSetID, ChangeSetEffective string
			PartialLocationList             []struct{ Namespace, CaType, Value string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || set.ChangeSetID != id || set.ChangeSetEffective != "2027-01-01T05:00:00+00:00" {
			t.Errorf("%v %s", err, w.Body)
		}
		for _, f := range set.PartialLocationList {
			seen += f.CaType + "=" + f.Value + " "
		}
	}
	if !strings.Contains(seen, "RD=Main") || !strings.Contains(seen, "A3=Cambridge") {
		t.Errorf("partial locations: %s", seen)
	}
	for path, want := range map[string]int{"/GetChangeSet?changeSetId=none": 404, "/GetChangeSet": 400} {
		if w := get(path); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := k.post("", lost.MediaType); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
	k.now = newYear.Add(time.Hour)
	if w := get("/PlannedChangePoll"); !strings.Contains(w.Body.String(), `"PlannedChangeIdList":[]`) {
		t.Errorf("afterwards: %s", w.Body)
	}
	k.from = "203.0.113.9:1"
	if w := get("/PlannedChangePoll"); w.Code != http.StatusForbidden {
		t.Errorf("a stranger: %d", w.Code)
	}
}

// What is pushed is ours, with boundaries, and the same until something changes.
//
// Proves: RFC 6739 section 5
func TestMappingsToPush(t *testing.T) {
	k := newCity(t, e911.GradeAuthoritative, nil, nil)
	list := k.Mappings()
	var ids []string
	for _, m := range list {
		ids = append(ids, m.SourceID)
		if len(m.Boundaries) != 1 || m.Source != "lost.callbox.example" {
			t.Errorf("%+v", m)
		}
	}
	if got := strings.Join(ids, " "); got != "0190-a 0190-b 0190-c 0190-e "+fireNGUID+" "+psapNGUID {
		t.Errorf("%s", got)
	}
	if again := k.Mappings(); &again[0] != &list[0] {
		t.Error("made anew though nothing changed")
	}
	k.now = newYear
	if next := k.Mappings(); len(next) != len(list) || next[len(next)-1].SourceID != nextNGUID {
		t.Errorf("after the change: %d", len(next))
	}
	k.setCity(t, city(t, e911.GradeAuthoritative, func(b *gis.Boundary) { b.Name += " (new)" }))
	k.now = noon
	if m := k.Mappings(); !m[len(m)-1].LastUpdated.Equal(noon) {
		t.Errorf("a boundary that changed without a new date is of %v", m[len(m)-1].LastUpdated)
	}
}
