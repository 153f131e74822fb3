package xmltok_test

import (
	"encoding/xml"
	"testing"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// document is a PIDF-LO of two kilobytes, as a trunk gets it.
const document = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:gbp="urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy" xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" xmlns:cae="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr:ext" xmlns:gml="http://www.opengis.net/gml" xmlns:gs="http://www.opengis.net/pidflo/1.0" xmlns:conf="urn:ietf:params:xml:ns:geopriv:conf" entity="pres:4021@callbox.example">
 <dm:device id="d1">
  <gp:geopriv>
   <gp:location-info>
    <ca:civicAddress xml:lang="en"><ca:country>US</ca:country><ca:A1>MA</ca:A1><ca:A2>Suffolk</ca:A2><ca:A3>Boston</ca:A3><ca:PRD>North</ca:PRD><ca:RD>Main</ca:RD><ca:STS>Street</ca:STS><ca:HNO>795</ca:HNO><ca:LOC>by the elevator</ca:LOC><ca:FLR>3</ca:FLR><ca:NAM>Harbor Foods &amp; Sons</ca:NAM><ca:PC>02110</ca:PC><ca:BLD>B</ca:BLD><ca:ROOM>312</ca:ROOM><cae:PN>17</cae:PN></ca:civicAddress>
    <gs:Circle srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>42.3601 -71.0589</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::9001">25</gs:radius></gs:Circle>
    <conf:confidence pdf="normal">95</conf:confidence>
   </gp:location-info>
   <gp:usage-rules><gbp:retransmission-allowed>true</gbp:retransmission-allowed><gbp:retention-expiry>2026-11-23T12:00:00Z</gbp:retention-expiry></gp:usage-rules>
   <gp:method>Wiremap</gp:method>
  </gp:geopriv>
  <dm:deviceID>mac:001122334455</dm:deviceID>
  <dm:timestamp>2026-11-22T12:00:00Z</dm:timestamp>
 </dm:device>
</presence>
`

type presence struct {
	Entity string `xml:"entity,attr"`
	Device []struct {
		ID      string `xml:"id,attr"`
		Geopriv struct {
			Info struct {
				Civic struct {
					Lang   string `xml:"lang,attr"`
					Fields []struct {
						XMLName xml.Name
						Value   string `xml:",chardata"`
					} `xml:",any"`
				} `xml:"civicAddress"`
				Circle struct {
					SRS    string `xml:"srsName,attr"`
					Pos    string `xml:"pos"`
					Radius string `xml:"radius"`
				} `xml:"Circle"`
				Confidence string `xml:"confidence"`
			} `xml:"location-info"`
			Rules struct {
				Allowed string `xml:"retransmission-allowed"`
				Expiry  string `xml:"retention-expiry"`
			} `xml:"usage-rules"`
			Method string `xml:"method"`
		} `xml:"geopriv"`
		DeviceID  string `xml:"deviceID"`
		Timestamp string `xml:"timestamp"`
	} `xml:"device"`
}

func BenchmarkParse(b *testing.B) {
	doc := []byte(document)
	b.Run("xmltok", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xmltok.Parse(doc, xmltok.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var p presence
			if err := xml.Unmarshal(doc, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppendText(b *testing.B) {
	const text = "Harbor Foods & Sons, Zürich office, third floor beside the elevator"
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = xmltok.AppendElement(dst[:0], "ca:NAM", text)
	}
}
