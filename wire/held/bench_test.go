package held_test

import (
	"encoding/xml"
	"testing"

	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// What a desk phone sends: LLDP, identity and two elements of its maker.
const deskPhone = `<?xml version="1.0" encoding="UTF-8"?>
<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held" responseTime="emergencyRouting">
  <locationType exact="false">civic locationURI</locationType>
  <device xmlns="urn:ietf:params:xml:ns:geopriv:held:id">
    <ip v="4">10.1.2.33</ip><mac>00-11-22-33-44-55</mac><nai>alice@example.com</nai>
    <companyID>ddd1424c-7c0e-4d3b-9a55-0c75bd000001</companyID>
  </device>
  <measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm" time="2026-11-22T01:00:00Z">
    <lldp xmlns="urn:ietf:params:xml:ns:geopriv:lm:lldp"><chassis type="4">0c75bd000001</chassis><port type="5">4769312f302f37</port></lldp>
  </measurements>
</locationRequest>`

// The same for encoding/xml, with the fields alone.
type (
	stdRequest struct {
		XMLName      xml.Name `xml:"urn:ietf:params:xml:ns:geopriv:held locationRequest"`
		ResponseTime string   `xml:"responseTime,attr,omitempty"`
		LocationType *struct {
			Exact bool   `xml:"exact,attr"`
			Types string `xml:",chardata"`
		} `xml:"urn:ietf:params:xml:ns:geopriv:held locationType"`
		Device struct {
			IP        []stdIP `xml:"ip"`
			MAC       string  `xml:"mac,omitempty"`
			NAI       string  `xml:"nai,omitempty"`
			CompanyID string  `xml:"companyID,omitempty"`
		} `xml:"urn:ietf:params:xml:ns:geopriv:held:id device"`
		Measurements struct {
			Time string `xml:"time,attr"`
			LLDP []struct {
				Chassis stdID `xml:"chassis"`
				Port    stdID `xml:"port"`
			} `xml:"urn:ietf:params:xml:ns:geopriv:lm:lldp lldp"`
		} `xml:"urn:ietf:params:xml:ns:geopriv:lm measurements"`
	}
	stdIP struct {
		V    string `xml:"v,attr"`
		Addr string `xml:",chardata"`
	}
	stdID struct {
		Type int    `xml:"type,attr"`
		Hex  string `xml:",chardata"`
	}
	stdResponse struct {
		XMLName xml.Name `xml:"urn:ietf:params:xml:ns:geopriv:held locationResponse"`
		Set     struct {
			Expires string   `xml:"expires,attr"`
			URIs    []string `xml:"locationURI"`
		} `xml:"locationUriSet"`
		Presence stdPresence `xml:"urn:ietf:params:xml:ns:pidf presence"`
	}
	stdPresence struct {
		Entity string `xml:"entity,attr"`
		Device struct {
			ID      string `xml:"id,attr"`
			Geopriv struct {
				Info struct {
					Civic struct {
						Country string `xml:"country"`
						A1      string `xml:"A1"`
						A3      string `xml:"A3"`
						RD      string `xml:"RD"`
						STS     string `xml:"STS"`
						HNO     string `xml:"HNO"`
						FLR     string `xml:"FLR"`
						PC      string `xml:"PC"`
						ROOM    string `xml:"ROOM"`
					} `xml:"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr civicAddress"`
				} `xml:"location-info"`
				Rules struct {
					Allowed   bool   `xml:"urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy retransmission-allowed"`
					Retention string `xml:"urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy retention-expiry"`
				} `xml:"usage-rules"`
				Method string `xml:"method"`
				Source string `xml:"urn:ietf:params:xml:ns:pidf:geopriv10:lmsrc source"`
			} `xml:"urn:ietf:params:xml:ns:pidf:geopriv10 geopriv"`
			DeviceID  string `xml:"deviceID"`
			Timestamp string `xml:"timestamp"`
		} `xml:"urn:ietf:params:xml:ns:pidf:data-model device"`
	}
)

// deskAnswer is what it gets: an address and a location URI.
func deskAnswer() *held.Response {
	c := &pidflo.Civic{}
	for _, f := range [][2]string{{"country", "US"}, {"A1", "MA"}, {"A3", "Boston"}, {"RD", "Harbor"}, {"STS", "Street"}, {"HNO", "795"}, {"FLR", "2"}, {"PC", "02110"}, {"ROOM", "210"}} {
		c.Set(f[0], f[1])
	}
	return &held.Response{
		URIs: []string{"https://lis.example.com/loc/k1.AAECAwQFBgcICQoLDA0ODw"}, Expires: at("2026-11-22T13:00:00Z"),
		Presence: &pidflo.Document{Entity: "pres:3650n87934c@lis.example.com", Elements: []pidflo.Element{{
			Kind: pidflo.Device, ID: "target", DeviceID: "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", Timestamp: at("2026-11-22T12:00:00Z"),
			Geopriv: []pidflo.Geopriv{{
				Info: []pidflo.Chunk{{Civic: c}}, Retransmission: true, Retention: at("2026-11-23T12:00:00Z"),
				Method: "LLDP-MED", Source: []string{"lis", "device"},
			}},
		}}},
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	doc := []byte(deskPhone)
	b.Run("held", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r, err := held.ParseRequest(doc); err != nil || len(r.Measurements) != 1 || r.Extra("companyID") == "" {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/xml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r stdRequest
			if err := xml.Unmarshal(doc, &r); err != nil || len(r.Measurements.LLDP) != 1 {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncodeRequest(b *testing.B) {
	r, err := held.ParseRequest([]byte(deskPhone))
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 4096)
	var doc []byte // outside of the loop, so that it is allocated as any caller's is
	b.Run("held", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if doc, err = held.MarshalRequest(r); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(doc)))
	})
	b.Run("held-append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if dst, err = held.AppendRequest(dst[:0], r); err != nil {
				b.Fatal(err)
			}
		}
	})
	var std stdRequest
	if err := xml.Unmarshal([]byte(deskPhone), &std); err != nil {
		b.Fatal(err)
	}
	b.Run("encoding/xml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xml.Marshal(&std); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncodeResponse(b *testing.B) {
	r := deskAnswer()
	dst, err := held.AppendResponse(make([]byte, 0, 4096), r)
	if err != nil {
		b.Fatal(err)
	}
	doc := append([]byte(nil), dst...)
	b.Run("held", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := held.MarshalResponse(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("held-append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if dst, err = held.AppendResponse(dst[:0], r); err != nil {
				b.Fatal(err)
			}
		}
	})
	var std stdResponse
	if err := xml.Unmarshal(doc, &std); err != nil {
		b.Fatal(err)
	}
	if std.Presence.Device.Geopriv.Info.Civic.ROOM != "210" || len(std.Set.URIs) != 1 {
		b.Fatalf("encoding/xml reads %+v", std)
	}
	b.Run("encoding/xml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xml.Marshal(&std); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeResponse(b *testing.B) {
	doc, err := held.AppendResponse(nil, deskAnswer())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("held", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r, err := held.ParseReply(doc); err != nil || r.Presence == nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/xml", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r stdResponse
			if err := xml.Unmarshal(doc, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
