package pidflo_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/pidflo"
)

const (
	openDoc = `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"` +
		` xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"` +
		` xmlns:gml="http://www.opengis.net/gml" xmlns:gs="http://www.opengis.net/pidflo/1.0" entity="pres:a@b">`
	closeDoc = `</presence>`
)

func parse(t *testing.T, doc string) *pidflo.Document {
	t.Helper()
	d, err := pidflo.Parse([]byte(doc))
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return d
}

// geo wraps location-info into a device.
func geo(info string) string {
	return openDoc + `<dm:device id="d"><gp:geopriv><gp:location-info>` + info +
		`</gp:location-info><gp:usage-rules/></gp:geopriv></dm:device>` + closeDoc
}

// RFC 5491, section 3, rule 8: a device that has a location first, then the
// first tuple, a person as last resort.
//
// Proves: F-05
func TestADeviceIsReadBeforeATupleBeforeAPerson(t *testing.T) {
	g := func(floor string) string {
		return `<gp:geopriv><gp:location-info><ca:civicAddress><ca:FLR>` + floor +
			`</ca:FLR></ca:civicAddress></gp:location-info><gp:usage-rules/></gp:geopriv>`
	}
	empty := `<gp:geopriv><gp:location-info/><gp:usage-rules/></gp:geopriv>`
	person := `<dm:person id="p">` + g("person") + `</dm:person>`
	tuple1 := `<tuple id="t1"><status>` + g("tuple 1") + `</status></tuple>`
	tuple2 := `<tuple id="t2">` + g("tuple 2") + `</tuple>` // without status, as some write it
	device := `<dm:device id="d">` + g("device") + `</dm:device>`
	bare := `<dm:device id="e">` + empty + `</dm:device>`
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"all of them, the wrong way round", person + tuple1 + tuple2 + device, []string{"device", "tuple 1", "tuple 2", "person"}},
		{"a device without a location is passed over", bare + tuple2 + tuple1, []string{"tuple 2", "tuple 1"}},
		{"a person alone", person, []string{"person"}},
		{"nothing", bare, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, l := range parse(t, openDoc+c.body+closeDoc).Locations() {
				got = append(got, l.Geopriv.Civic().Get("FLR"))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("order of reading (-want +got):\n%s", diff)
			}
		})
	}
}

// Proves: F-14, F-26
func TestRulesMethodAndTimesAreRead(t *testing.T) {
	d := parse(t, `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" entity=" pres:x@y ">
	 <p:tuple id="0"><p:timestamp> 2026-11-22T04:05:06+01:00 </p:timestamp><vendor/>
	 <p:status><p:basic>open</p:basic><geopriv xmlns="urn:ietf:params:xml:ns:pidf:geopriv10">
	  <method> Wire
	   map </method>
	  <usage-rules xmlns:b="urn:ietf:params:xml:ns:pidf:geopriv10:basic-policy">
	   <b:retention-expiry>2026-11-23T04:05:06.5Z</b:retention-expiry><b:retransmission-allowed> yes </b:retransmission-allowed>
	   <b:note-well>be quick</b:note-well></usage-rules>
	  <location-info><Point xmlns="http://www.opengis.net/gml" srsName="urn:ogc:def::crs:EPSG::4326"><pos>1 2</pos></Point></location-info>
	 </geopriv></p:status></p:tuple></p:presence>`)
	e := d.Elements[0]
	g := e.Geopriv[0]
	if d.Entity != "pres:x@y" || e.Kind != pidflo.Tuple || !e.Timestamp.Equal(at("2026-11-22T03:05:06Z")) {
		t.Errorf("entity %q, kind %v, time %v", d.Entity, e.Kind, e.Timestamp)
	}
	if g.Method != "Wire map" || !g.Retransmission || !g.Retention.Equal(at("2026-11-23T04:05:06.5Z")) || g.NoteWell != "be quick" {
		t.Errorf("geopriv: %+v", g)
	}
	if want := (pidflo.Point{Pos: pidflo.Pos{Lat: 1, Lon: 2}}); g.Shape() != want {
		t.Errorf("shape: got %v, want %v", g.Shape(), want)
	}
}

// Proves: F-05
func TestShapesAreReadAsTheyAreMetInTheField(t *testing.T) {
	p := func(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon} }
	h := func(lat, lon, alt float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon, Alt: alt, HasAlt: true} }
	const srs = ` srsName="urn:ogc:def:crs:EPSG::4326"`
	for _, c := range []struct {
		name, info string
		want       pidflo.Shape
	}{
		{"a comma in pos", `<gml:Point` + srs + `><gml:pos>-63.18, -56.64</gml:pos></gml:Point>`, pidflo.Point{Pos: p(-63.18, -56.64)}},
		{"three dimensions", `<gml:Point srsName="urn:ogc:def:crs:EPSG::4979"><gml:pos>1 2 3</gml:pos></gml:Point>`, pidflo.Point{Pos: pidflo.Pos{Lat: 1, Lon: 2, Alt: 3, HasAlt: true}}},
		{"no reference system", `<gml:Point><gml:pos>1 2</gml:pos></gml:Point>`, pidflo.Point{Pos: p(1, 2)}},
		{"a short reference system", `<gml:Point srsName="EPSG:4326"><gml:pos>1 2</gml:pos></gml:Point>`, pidflo.Point{Pos: p(1, 2)}},
		{"the wrong namespace", `<x:Circle xmlns:x="http://opengis.net/gml"` + srs + `><x:pos>1 2</x:pos><x:radius>30</x:radius></x:Circle>`, pidflo.Circle{Center: p(1, 2), Radius: 30}},
		{"a circle in other order", `<gs:Circle` + srs + `><gs:radius uom="urn:ogc:def:uom:EPSG::9001"> 30 </gs:radius><gml:pos>1 2</gml:pos></gs:Circle>`, pidflo.Circle{Center: p(1, 2), Radius: 30}},
		{"a centre as pointProperty", `<gs:Circle` + srs + `><gml:pointProperty><gml:Point><gml:pos>1 2</gml:pos></gml:Point></gml:pointProperty><gs:radius>30</gs:radius></gs:Circle>`, pidflo.Circle{Center: p(1, 2), Radius: 30}},
		{"a polygon by pos", `<gml:Polygon` + srs + `><gml:exterior><gml:LinearRing><gml:pos>0 0</gml:pos><gml:pos>0 1</gml:pos><gml:pos>1 1</gml:pos><gml:pos>0 0</gml:pos></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}}},
		{"a polygon by posList", `<gml:Polygon` + srs + `><gml:exterior><gml:LinearRing><gml:posList>0 0 0 1 1 1 0 0</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}}},
		{"a polygon that is not closed", `<gml:Polygon` + srs + `><gml:exterior><gml:LinearRing><gml:posList>0,0 0,1 1,1</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}}},
		{"a posList with srsDimension", `<gml:Polygon srsDimension="3"><gml:exterior><gml:LinearRing><gml:posList>0 0 5 0 1 5 1 1 5 0 0 5</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{h(0, 0, 5), h(0, 1, 5), h(1, 1, 5)}}},
		{"a posList of two numbers in a system of three", `<gml:Polygon srsName="urn:ogc:def:crs:EPSG::4979"><gml:exterior><gml:LinearRing><gml:posList>0 0 0 1 1 1 0.5 -1</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1), p(0.5, -1)}}},
		{"a posList of three numbers in a system of two", `<gml:Polygon` + srs + `><gml:exterior><gml:LinearRing><gml:posList>0 0 5 0 1 5 1 1 5</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{h(0, 0, 5), h(0, 1, 5), h(1, 1, 5)}}},
		{"a clockwise polygon", `<gml:Polygon` + srs + `><gml:exterior><gml:LinearRing><gml:posList>0 0 1 1 0 1 0 0</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}}},
		{"corners of which one has an altitude", `<gml:Polygon><gml:exterior><gml:LinearRing><gml:pos>0 0</gml:pos><gml:pos>0 1 3</gml:pos><gml:pos>1 1</gml:pos></gml:LinearRing></gml:exterior></gml:Polygon>`, pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}}},
		{"a circle with an altitude", `<gs:Circle srsName="urn:ogc:def:crs:EPSG::4979"><gml:pos>1 2 3</gml:pos><gs:radius>30</gs:radius></gs:Circle>`, pidflo.Circle{Center: p(1, 2), Radius: 30}},
		{"a trailing comma", `<gml:Point` + srs + `><gml:pos>1 2,</gml:pos></gml:Point>`, pidflo.Point{Pos: p(1, 2)}},
		{"GML 3.2", `<g:Point xmlns:g="http://www.opengis.net/gml/3.2" srsName="http://www.opengis.net/def/crs/EPSG/0/4326"><g:pos>1 2</g:pos></g:Point>`, pidflo.Point{Pos: p(1, 2)}},
		{"an undeclared prefix", `<p2:Point srsName="urn:ogc:def::crs:EPSG::4326"><p2:pos>1 2</p2:pos></p2:Point>`, pidflo.Point{Pos: p(1, 2)}},
		{"a prism without a reference system", `<gs:Prism><gs:base><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>0 0 5 0 1 5 1 1 5 0 0 5</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gs:base><gs:height uom="urn:ogc:def:uom:EPSG::9001">3</gs:height></gs:Prism>`, pidflo.Prism{Base: []pidflo.Pos{h(0, 0, 5), h(0, 1, 5), h(1, 1, 5)}, Height: 3}},
		{"an ellipse with its angle in radians", `<gs:Ellipse` + srs + `><gml:pos>1 2</gml:pos><gs:semiMajorAxis>5</gs:semiMajorAxis><gs:semiMinorAxis>4</gs:semiMinorAxis><gs:orientation uom="urn:ogc:def:uom:EPSG::9101">0</gs:orientation></gs:Ellipse>`, pidflo.Ellipse{Center: p(1, 2), SemiMajor: 5, SemiMinor: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := parse(t, geo(c.info)).Elements[0].Geopriv[0]
			if g.Info[0].Err != nil {
				t.Fatal(g.Info[0].Err)
			}
			if diff := cmp.Diff(c.want, g.Shape()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A chunk that cannot be used says where and why and does not take the others
// with it.
//
// Proves: F-05, F-14
func TestABadChunkIsNamedAndTheOthersAreKept(t *testing.T) {
	ring := func(list string) string {
		return `<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>` + list + `</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`
	}
	for info, want := range map[string]string{
		`<gml:Point><gml:pos>north</gml:pos></gml:Point>`:   `Point/pos: "north" is not a coordinate`,
		`<gml:Point><gml:pos>1</gml:pos></gml:Point>`:       "Point/pos: pos has 1 numbers",
		`<gml:Point><gml:pos>1 2 3 4</gml:pos></gml:Point>`: "Point/pos: pos has 4 numbers",
		`<gml:Point><gml:pos>NaN Inf</gml:pos></gml:Point>`: "is not a coordinate",
		`<gml:Point><gml:pos>0x1p3 2</gml:pos></gml:Point>`: "is not a coordinate",
		`<gml:Point/>`: "Point: no pos",
		`<gml:Point><v:pos xmlns:v="urn:vendor">1 2</v:pos></gml:Point>`:                                                                                                                                     "Point: no pos",
		`<gml:Point><gml:pos>-71.1 142.3</gml:pos></gml:Point><gml:Point><gml:pos>142.3 -71.1</gml:pos></gml:Point>`:                                                                                         "/Point[2]/pos: a position outside the earth",
		`<gml:Point srsName="urn:ogc:def:crs:EPSG::27700"><gml:pos>1 2</gml:pos></gml:Point>`:                                                                                                                "is not WGS 84",
		`<gml:Point srsName="urn:ogc:def:crs:OGC:1.3:CRS84"><gml:pos>1 2</gml:pos></gml:Point>`:                                                                                                              "longitude first",
		`<gs:Circle><gml:pos>1 2</gml:pos><gs:radius uom="feet">3</gs:radius></gs:Circle>`:                                                                                                                   "radius in feet",
		`<gs:Circle><gml:pos>1 2</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::9002">3</gs:radius></gs:Circle>`:                                                                                             "not in metres",
		`<gs:Circle><gml:pos>1 2</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::19001">3</gs:radius></gs:Circle>`:                                                                                            "not in metres",
		`<gs:Circle><gml:pos>1 2</gml:pos><gs:radius>-3</gs:radius></gs:Circle>`:                                                                                                                             "radius is not a length",
		`<gs:Circle><gml:pos>1 2</gml:pos><gs:radius>3 4</gs:radius></gs:Circle>`:                                                                                                                            "radius is not a length",
		`<gs:Circle><gml:pos>1 2</gml:pos></gs:Circle>`:                                                                                                                                                      "Circle: no radius",
		`<gs:ArcBand><gml:pos>1 2</gml:pos><gs:innerRadius>1</gs:innerRadius><gs:outerRadius>2</gs:outerRadius><gs:startAngle uom="grad">1</gs:startAngle><gs:openingAngle>2</gs:openingAngle></gs:ArcBand>`: "neither degrees nor radians",
		ring("0 0 1 1"):   "fewer than three corners",
		ring("0 0 1 1 2"): "posList has 5 numbers",
		ring(""):          "posList has 0 numbers",
		`<gml:Polygon><gml:exterior/></gml:Polygon>`: "no LinearRing",
	} {
		d := parse(t, geo(info+`<ca:civicAddress><ca:HNO>795</ca:HNO></ca:civicAddress>`))
		g := d.Elements[0].Geopriv[0]
		var said []string
		for _, c := range g.Info {
			var at *pidflo.ParseError
			if c.Err != nil && errors.As(c.Err, &at) && strings.HasPrefix(at.Path, "/presence/device/geopriv/location-info/") {
				said = append(said, c.Err.Error())
			}
		}
		if !strings.Contains(strings.Join(said, "; "), want) {
			t.Errorf("%s\ngot  %q\nwant %q", info, said, want)
		}
		if g.Civic().Get("HNO") != "795" {
			t.Errorf("%s: the civic address was lost", info)
		}
		if _, err := pidflo.Marshal(d); err == nil {
			t.Errorf("%s: what could not be read was written", info)
		}
	}
}

// RFC 6848, section 2.1: who forwards an address keeps what he does not know.
//
// Proves: E10, F-26, RFC 6848 section 2.1, RFC 5139 section 4
func TestCivicIsKeptWholeThroughReadingAndWriting(t *testing.T) {
	d := parse(t, geo(`<ca:civicAddress xml:lang="en-US" xmlns:cae="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr:ext" xmlns:n="urn:nena:xml:ns:pidf:nenaCivicAddr" xmlns:v="urn:vendor">
	  <v:airport>BOS</v:airport><ca:ROOM>210</ca:ROOM><ca:FLR xml:lang="fr">2</ca:FLR><n:WING>East</n:WING><v:RD>not ours</v:RD>
	  <ca:STP>Avenue</ca:STP><ca:A6>Massachusetts</ca:A6><ca:HNO> 795
	  </ca:HNO><ca:country>us</ca:country><ca:PC/><ca:A3>  </ca:A3><v:gate><v:no>12</v:no><v:side>left</v:side></v:gate>
	  <cae:PN>1</cae:PN><cae:PN>2</cae:PN><v:flag/><ca:LMK>Gilligan&apos;s <ca:b>Island</ca:b></ca:LMK>
	</ca:civicAddress>`))
	want := []pidflo.Field{
		{Space: pidflo.SpaceCivic, Name: "country", Value: "US"},
		{Space: pidflo.SpaceCivic, Name: "A6", Value: "Massachusetts"},
		{Space: pidflo.SpaceCivic, Name: "HNO", Value: "795"},
		{Space: pidflo.SpaceCivic, Name: "LMK", Value: "Gilligan's Island"},
		{Space: pidflo.SpaceCivic, Name: "FLR", Value: "2", Lang: "fr"},
		{Space: pidflo.SpaceCivic, Name: "ROOM", Value: "210"},
		{Space: pidflo.SpaceCivicExt, Name: "PN", Value: "1"},
		{Space: pidflo.SpaceCivicExt, Name: "PN", Value: "2"},
		{Space: pidflo.SpaceCivicExt, Name: "STP", Value: "Avenue"},
		{Space: pidflo.SpaceNENA2, Name: "WING", Value: "East"},
		{Space: "urn:vendor", Name: "airport", Value: "BOS"},
		{Space: "urn:vendor", Name: "RD", Value: "not ours"},
	}
	c := d.Elements[0].Geopriv[0].Civic()
	if diff := cmp.Diff(want, c.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if got := c.Get("RD"); got != "Massachusetts" {
		t.Errorf("the street of RFC 4119: got %q", got)
	}
	if len(c.Extensions) != 2 || c.Extensions[0].Local != "gate" || !strings.Contains(c.Extensions[0].XML, "<v:side>left</v:side>") {
		t.Errorf("extensions: %+v", c.Extensions)
	}
	if diff := cmp.Diff(d, parse(t, string(marshal(t, d)))); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}

// Proves: E10
func TestACivicFieldIsSetChangedAndTakenAway(t *testing.T) {
	var c pidflo.Civic
	if c.Set("NOPE", "x") {
		t.Error("an unknown field was taken")
	}
	c.Set("STPS", "of  the")
	c.Set("RD", "old")
	c.Set("RD", "new")
	c.Set("HNO", "1")
	c.Set("HNO", "")
	want := []pidflo.Field{{Space: pidflo.SpaceNENA1, Name: "STPS", Value: "of the"}, {Space: pidflo.SpaceCivic, Name: "RD", Value: "new"}}
	if diff := cmp.Diff(want, c.Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Proves: F-05
func TestAShapeIsEnclosedByACircle(t *testing.T) {
	p := func(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon} }
	// A degree of latitude is 111.195 km on the mean sphere.
	c := pidflo.Polygon{Exterior: []pidflo.Pos{p(10, 179.99), p(10, -179.99), p(10.02, -179.99), p(10.02, 179.99)}}.Enclose()
	if math.Abs(c.Center.Lat-10.01) > 1e-6 || math.Abs(math.Abs(c.Center.Lon)-180) > 1e-9 || c.Radius < 1500 || c.Radius > 1600 {
		t.Errorf("a polygon across the 180th meridian: got %+v", c)
	}
	for _, s := range []pidflo.Shape{
		pidflo.Circle{Center: p(1, 2), Radius: 7},
		pidflo.Ellipse{Center: p(1, 2), SemiMajor: 7, SemiMinor: 3},
		pidflo.Sphere{Center: p(1, 2), Radius: 7},
		pidflo.Ellipsoid{Center: p(1, 2), SemiMajor: 7},
	} {
		if got, want := s.Enclose(), (pidflo.Circle{Center: p(1, 2), Radius: 7}); got != want {
			t.Errorf("%T: got %v, want %v", s, got, want)
		}
	}
	if got := (pidflo.Polygon{}).Enclose(); got != (pidflo.Circle{}) {
		t.Errorf("nothing: got %v", got)
	}
}

// Proves: F-26, E10
func TestADocumentComesBackAsItWasSent(t *testing.T) {
	want := full()
	if diff := cmp.Diff(want, parse(t, string(marshal(t, want)))); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}

// Proves: E5
func TestTimesAreReadInEveryForm(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-22T03:04:05Z":          "2026-11-22T03:04:05Z",
		" 2026-11-22T03:04:05.25+01:00": "2026-11-22T02:04:05.25Z",
		"2008-04-29T14:33:58":           "2008-04-29T14:33:58Z", // RFC 7105's own examples
		"2026-11-22":                    "",
		"yesterday":                     "",
		strings.Repeat("2", 5000):       "",
	} {
		got, err := pidflo.ParseTime(in)
		if want == "" {
			if err == nil {
				t.Errorf("%.20q: got %v, want an error", in, got)
			}
			continue
		}
		if err != nil || !got.Equal(at(want)) {
			t.Errorf("%q: got %v, %v, want %v", in, got, err, want)
		}
	}
	if got := pidflo.FormatTime(time.Time{}); got != "" {
		t.Errorf("no time: got %q", got)
	}
}
