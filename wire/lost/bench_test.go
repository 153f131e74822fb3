package lost_test

import (
	"encoding/xml"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// benchQuery is what a SIP proxy asks for one call: figure 1 of RFC 5222 with
// a circle and the identifiers of i3.
func benchQuery() *lost.FindService {
	return &lost.FindService{
		Locations: []lost.Location{{
			ID: "6020688f1ce1896d", Profile: lost.ProfileGeodetic,
			Shape: pidflo.Circle{Center: pidflo.Pos{Lat: 37.775, Lon: -122.422}, Radius: 30},
		}},
		Service:   "urn:service:sos.police",
		Path:      []lost.Via{{Source: "esrp.example.net"}},
		Recursive: true, Boundary: lost.ByValue,
		CallIDs: lost.CallIDs{
			CallID:     "urn:emergency:uid:callid:a56e556d871b:bcf.example.net",
			IncidentID: "urn:emergency:uid:incidentid:b56e556d871b:bcf.example.net",
		},
	}
}

func benchAnswer() *lost.FindServiceResponse {
	corner := func(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon} }
	return &lost.FindServiceResponse{
		Mappings: []lost.Mapping{{
			Source: "authoritative.example", SourceID: "7e3f40b098c711dbb6060800200c9a66",
			LastUpdated: at("2006-11-01T01:00:00Z"), Expires: lost.Expires{At: at("2007-01-01T01:44:33Z")},
			DisplayNames: []lost.Text{{Text: "New York City Police Department", Lang: "en"}},
			Service:      "urn:service:sos.police",
			Boundaries: []lost.Boundary{{Profile: lost.ProfileGeodetic, Shapes: []pidflo.Shape{pidflo.Polygon{Exterior: []pidflo.Pos{
				corner(37.775, -122.4194), corner(37.775, -122.4264), corner(37.555, -122.4264), corner(37.555, -122.4194),
			}}}}},
			URIs: []string{"sip:nypd@example.com", "xmpp:nypd@example.com"}, ServiceNumber: "911",
		}},
		Path:         []lost.Via{{Source: "resolver.example"}, {Source: "authoritative.example"}},
		LocationUsed: "6020688f1ce1896d",
	}
}

// The same messages as one would write them for encoding/xml.
type (
	stdVia struct {
		Source string `xml:"source,attr"`
	}
	stdPath struct {
		Via []stdVia `xml:"urn:ietf:params:xml:ns:lost1 via"`
	}
	stdMeasure struct {
		UOM   string  `xml:"uom,attr"`
		Value float64 `xml:",chardata"`
	}
	stdCircle struct {
		SRS    string     `xml:"srsName,attr"`
		Pos    string     `xml:"http://www.opengis.net/gml pos"`
		Radius stdMeasure `xml:"http://www.opengis.net/pidflo/1.0 radius"`
	}
	stdLocation struct {
		ID      string     `xml:"id,attr"`
		Profile string     `xml:"profile,attr"`
		Circle  *stdCircle `xml:"http://www.opengis.net/pidflo/1.0 Circle"`
	}
	stdIDs struct {
		Call     string `xml:"callId,attr"`
		Incident string `xml:"incidentTrackingId,attr"`
	}
	stdFindService struct {
		XMLName         xml.Name      `xml:"urn:ietf:params:xml:ns:lost1 findService"`
		Recursive       bool          `xml:"recursive,attr"`
		ServiceBoundary string        `xml:"serviceBoundary,attr"`
		Location        []stdLocation `xml:"urn:ietf:params:xml:ns:lost1 location"`
		Service         string        `xml:"urn:ietf:params:xml:ns:lost1 service"`
		Path            stdPath       `xml:"urn:ietf:params:xml:ns:lost1 path"`
		IDs             stdIDs        `xml:"urn:emergency:xml:ns:lostExt:Ids emergencyCallIncidentId"`
	}
	stdText struct {
		Lang string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		Text string `xml:",chardata"`
	}
	stdRing struct {
		Pos []string `xml:"http://www.opengis.net/gml pos"`
	}
	stdExterior struct {
		Ring stdRing `xml:"http://www.opengis.net/gml LinearRing"`
	}
	stdPolygon struct {
		SRS      string      `xml:"srsName,attr"`
		Exterior stdExterior `xml:"http://www.opengis.net/gml exterior"`
	}
	stdBoundary struct {
		Profile string       `xml:"profile,attr"`
		Polygon []stdPolygon `xml:"http://www.opengis.net/gml Polygon"`
	}
	stdMapping struct {
		Expires     string        `xml:"expires,attr"`
		LastUpdated string        `xml:"lastUpdated,attr"`
		Source      string        `xml:"source,attr"`
		SourceID    string        `xml:"sourceId,attr"`
		DisplayName []stdText     `xml:"urn:ietf:params:xml:ns:lost1 displayName"`
		Service     string        `xml:"urn:ietf:params:xml:ns:lost1 service"`
		Boundary    []stdBoundary `xml:"urn:ietf:params:xml:ns:lost1 serviceBoundary"`
		URI         []string      `xml:"urn:ietf:params:xml:ns:lost1 uri"`
		Number      string        `xml:"urn:ietf:params:xml:ns:lost1 serviceNumber"`
	}
	stdFindServiceResponse struct {
		XMLName xml.Name     `xml:"urn:ietf:params:xml:ns:lost1 findServiceResponse"`
		Mapping []stdMapping `xml:"urn:ietf:params:xml:ns:lost1 mapping"`
		Path    stdPath      `xml:"urn:ietf:params:xml:ns:lost1 path"`
		Used    struct {
			ID string `xml:"id,attr"`
		} `xml:"urn:ietf:params:xml:ns:lost1 locationUsed"`
	}
)

// benchDocuments returns the documents, and the values of encoding/xml that
// were read from them, so that both sides do the same work.
func benchDocuments(b testing.TB) (query, answer []byte, stdQuery *stdFindService, stdAnswer *stdFindServiceResponse) {
	b.Helper()
	query, err := lost.Marshal(benchQuery())
	if err != nil {
		b.Fatal(err)
	}
	if answer, err = lost.Marshal(benchAnswer()); err != nil {
		b.Fatal(err)
	}
	stdQuery, stdAnswer = &stdFindService{}, &stdFindServiceResponse{}
	if err := xml.Unmarshal(query, stdQuery); err != nil {
		b.Fatal(err)
	}
	if err := xml.Unmarshal(answer, stdAnswer); err != nil {
		b.Fatal(err)
	}
	if stdQuery.Location[0].Circle.Radius.Value != 30 || stdQuery.IDs.Call == "" || len(stdAnswer.Mapping[0].Boundary[0].Polygon[0].Exterior.Ring.Pos) != 5 {
		b.Fatal("encoding/xml does not read all of it")
	}
	return query, answer, stdQuery, stdAnswer
}

// The comparison is worth nothing when one side skips work.
//
// Proves: issue 3, the benchmark reads and writes the same on both sides
func TestBothSidesOfTheBenchmarkDoTheSameWork(t *testing.T) {
	query, _, std, _ := benchDocuments(t)
	out, err := xml.Marshal(std)
	if err != nil {
		t.Fatal(err)
	}
	want, err := lost.Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	got, err := lost.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkDecode(b *testing.B) {
	query, answer, _, _ := benchDocuments(b)
	for _, doc := range []struct {
		name string
		b    []byte
		std  func() any
	}{
		{"findService", query, func() any { return &stdFindService{} }},
		{"findServiceResponse", answer, func() any { return &stdFindServiceResponse{} }},
	} {
		b.Run(doc.name+"/lost", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc.b)))
			for b.Loop() {
				if _, err := lost.Parse(doc.b); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(doc.name+"/encoding-xml", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc.b)))
			for b.Loop() {
				if err := xml.Unmarshal(doc.b, doc.std()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	_, _, stdQuery, stdAnswer := benchDocuments(b)
	for _, doc := range []struct {
		name string
		m    lost.Message
		std  any
	}{
		{"findService", benchQuery(), stdQuery},
		{"findServiceResponse", benchAnswer(), stdAnswer},
	} {
		b.Run(doc.name+"/lost", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := lost.Marshal(doc.m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(doc.name+"/encoding-xml", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := xml.Marshal(doc.std); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
