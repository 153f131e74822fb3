package pidflo_test

import (
	"fmt"
	"time"

	"github.com/callbox911/callbox/wire/pidflo"
)

// The location that an emergency call is about is the first that Locations
// returns.
func Example() {
	doc, err := pidflo.Parse([]byte(`<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
  xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
  xmlns:gml="http://www.opengis.net/gml" xmlns:gs="http://www.opengis.net/pidflo/1.0" entity="pres:desk@example.com">
  <dm:device id="desk">
    <gp:geopriv>
      <gp:location-info>
        <gs:Circle srsName="urn:ogc:def:crs:EPSG::4326">
          <gml:pos>42.36684 -71.10565</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::9001">30</gs:radius>
        </gs:Circle>
        <ca:civicAddress><ca:country>US</ca:country><ca:A3>Cambridge</ca:A3><ca:FLR>2</ca:FLR><ca:ROOM>210</ca:ROOM></ca:civicAddress>
      </gp:location-info>
      <gp:usage-rules/>
      <gp:method>Wiremap</gp:method>
    </gp:geopriv>
    <dm:deviceID>mac:001122334455</dm:deviceID>
  </dm:device>
</presence>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range doc.Locations() {
		address, circle := l.Geopriv.Civic(), l.Geopriv.Shape().Enclose()
		fmt.Printf("%s: floor %s, room %s, %s\n", l.Geopriv.Method, address.Get("FLR"), address.Get("ROOM"), address.Get("A3"))
		fmt.Printf("within %.0f m of %.5f, %.5f\n", circle.Radius, circle.Center.Lat, circle.Center.Lon)
	}
	// Output:
	// Wiremap: floor 2, room 210, Cambridge
	// within 30 m of 42.36684, -71.10565
}

func ExampleMarshal() {
	address := &pidflo.Civic{}
	address.Set("country", "us")
	address.Set("ROOM", "210")
	address.Set("FLR", "2")
	doc, err := pidflo.Marshal(&pidflo.Document{
		Entity: "pres:desk@example.com",
		Elements: []pidflo.Element{{
			Kind: pidflo.Device, ID: "desk", DeviceID: "mac:001122334455", Timestamp: time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC),
			Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Civic: address}}, Method: "Wiremap"}},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	again, _ := pidflo.Parse(doc)
	for _, f := range pidflo.First(again).Geopriv.Civic().Fields {
		fmt.Println(f.Name, f.Value)
	}
	// Output:
	// country US
	// FLR 2
	// ROOM 210
}

// What the schemas refuse is an error with the path of the element.
func ExampleMarshal_refused() {
	_, err := pidflo.Marshal(&pidflo.Document{
		Entity: "pres:desk@example.com",
		Elements: []pidflo.Element{{
			ID: "desk", Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Shape: pidflo.Circle{Radius: -1}}}}},
		}},
	})
	fmt.Println(err)
	// Output:
	// /presence/device[@id='desk']/geopriv/location-info/Circle/radius: not a length in metres
}

func ExampleAppendShape() {
	b, err := pidflo.AppendShape(nil, pidflo.Point{Pos: pidflo.Pos{Lat: 42.36684, Lon: -71.10565}})
	fmt.Println(string(b), err)
	// Output:
	// <gml:Point xmlns:gml="http://www.opengis.net/gml" srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>42.36684 -71.10565</gml:pos></gml:Point> <nil>
}

// A location of 68 % confidence is scaled to the 95 % that others expect.
func ExampleScale() {
	s, err := pidflo.Scale(pidflo.Circle{Center: pidflo.Pos{Lat: 42.4, Lon: -71.1}, Radius: 30}, pidflo.PDFNormal, 68, 95)
	fmt.Printf("%.1f m %v\n", s.Enclose().Radius, err)
	// Output:
	// 49.5 m <nil>
}
