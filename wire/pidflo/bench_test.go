package pidflo_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/pidflo"
)

// typical is what an emergency leg or a location server sends: 2 kB.
func typical() *pidflo.Document {
	c := &pidflo.Civic{}
	for _, f := range [][2]string{
		{"country", "US"},
		{"A1", "MA"},
		{"A2", "Middlesex County"},
		{"A3", "Cambridge"},
		{"RD", "Massachusetts"},
		{"STS", "Avenue"},
		{"HNO", "795"},
		{"FLR", "2"},
		{"PC", "02139"},
		{"BLD", "Main Hall"},
		{"ROOM", "210"},
		{"WING", "East"},
	} {
		c.Set(f[0], f[1])
	}
	d := full()
	g := &d.Elements[0].Geopriv[0]
	g.Info[1].Civic = c
	g.NoteWell, g.Ruleset, g.ProvidedBy.References = "", "", nil
	g.ProvidedBy = calldata.ProvidedBy{Providers: g.ProvidedBy.Providers}
	g.ProvidedBy.Providers[0].Languages = []string{"en"}
	return d
}

// The same document as structs for encoding/xml: names without namespaces to
// read, which is its fast way, and with prefixes to write, which makes the same
// bytes.
type (
	readPresence struct {
		XMLName xml.Name   `xml:"presence"`
		Entity  string     `xml:"entity,attr"`
		Device  readDevice `xml:"device"`
	}
	readDevice struct {
		ID        string      `xml:"id,attr"`
		Geopriv   readGeopriv `xml:"geopriv"`
		DeviceID  string      `xml:"deviceID"`
		Timestamp string      `xml:"timestamp"`
	}
	readGeopriv struct {
		Circle         readCircle     `xml:"location-info>Circle"`
		Civic          readCivic      `xml:"location-info>civicAddress"`
		Confidence     readConfidence `xml:"location-info>confidence"`
		Retransmission bool           `xml:"usage-rules>retransmission-allowed"`
		Retention      string         `xml:"usage-rules>retention-expiry"`
		Method         string         `xml:"method"`
		Provider       readProvider   `xml:"provided-by>EmergencyCallDataValue>EmergencyCallData.ProviderInfo"`
		Source         string         `xml:"source"`
	}
	readCircle struct {
		SRS    string  `xml:"srsName,attr"`
		Pos    string  `xml:"pos"`
		Radius float64 `xml:"radius"`
	}
	readConfidence struct {
		PDF   string  `xml:"pdf,attr"`
		Value float64 `xml:",chardata"`
	}
	readCivic struct {
		Country string `xml:"country"`
		A1      string `xml:"A1"`
		A2      string `xml:"A2"`
		A3      string `xml:"A3"`
		RD      string `xml:"RD"`
		STS     string `xml:"STS"`
		HNO     string `xml:"HNO"`
		FLR     string `xml:"FLR"`
		PC      string `xml:"PC"`
		BLD     string `xml:"BLD"`
		ROOM    string `xml:"ROOM"`
		WING    string `xml:"WING"`
	}
	readProvider struct {
		Reference string   `xml:"DataProviderReference"`
		Name      string   `xml:"DataProviderString"`
		ID        string   `xml:"ProviderID"`
		Series    string   `xml:"ProviderIDSeries"`
		Type      string   `xml:"TypeOfProvider"`
		Contact   string   `xml:"ContactURI"`
		Languages []string `xml:"Language"`
	}

	writePresence struct {
		XMLName xml.Name    `xml:"presence"`
		Default string      `xml:"xmlns,attr"`
		DM      string      `xml:"xmlns:dm,attr"`
		GP      string      `xml:"xmlns:gp,attr"`
		GBP     string      `xml:"xmlns:gbp,attr"`
		Entity  string      `xml:"entity,attr"`
		Device  writeDevice `xml:"dm:device"`
	}
	writeDevice struct {
		ID        string       `xml:"id,attr"`
		Geopriv   writeGeopriv `xml:"gp:geopriv"`
		DeviceID  string       `xml:"dm:deviceID"`
		Timestamp string       `xml:"dm:timestamp"`
	}
	writeGeopriv struct {
		Info     writeInfo  `xml:"gp:location-info"`
		Rules    writeRules `xml:"gp:usage-rules"`
		Method   string     `xml:"gp:method"`
		Provider writeValue `xml:"gp:provided-by>ad:EmergencyCallDataValue"`
		Source   spaced     `xml:"lmsrc:source"`
	}
	writeInfo struct {
		Circle     writeCircle     `xml:"gs:Circle"`
		Civic      writeCivic      `xml:"ca:civicAddress"`
		Confidence writeConfidence `xml:"con:confidence"`
	}
	writeRules struct {
		Retransmission bool   `xml:"gbp:retransmission-allowed"`
		Retention      string `xml:"gbp:retention-expiry"`
	}
	writeCircle struct {
		GML    string       `xml:"xmlns:gml,attr"`
		GS     string       `xml:"xmlns:gs,attr"`
		SRS    string       `xml:"srsName,attr"`
		Pos    string       `xml:"gml:pos"`
		Radius writeMeasure `xml:"gs:radius"`
	}
	writeMeasure struct {
		UOM   string  `xml:"uom,attr"`
		Value float64 `xml:",chardata"`
	}
	writeConfidence struct {
		Con   string  `xml:"xmlns:con,attr"`
		PDF   string  `xml:"pdf,attr"`
		Value float64 `xml:",chardata"`
	}
	writeCivic struct {
		CA      string `xml:"xmlns:ca,attr"`
		CDX2    string `xml:"xmlns:cdx2,attr"`
		Lang    string `xml:"xml:lang,attr,omitempty"`
		Country string `xml:"ca:country"`
		A1      string `xml:"ca:A1"`
		A2      string `xml:"ca:A2"`
		A3      string `xml:"ca:A3"`
		RD      string `xml:"ca:RD"`
		STS     string `xml:"ca:STS"`
		HNO     string `xml:"ca:HNO"`
		FLR     string `xml:"ca:FLR"`
		PC      string `xml:"ca:PC"`
		BLD     string `xml:"ca:BLD"`
		ROOM    string `xml:"ca:ROOM"`
		WING    string `xml:"cdx2:WING"`
	}
	writeValue struct {
		AD       string        `xml:"xmlns:ad,attr"`
		Provider writeProvider `xml:"pi:EmergencyCallData.ProviderInfo"`
	}
	writeProvider struct {
		PI        string   `xml:"xmlns:pi,attr"`
		Reference string   `xml:"pi:DataProviderReference"`
		Name      string   `xml:"pi:DataProviderString"`
		ID        string   `xml:"pi:ProviderID"`
		Series    string   `xml:"pi:ProviderIDSeries"`
		Type      string   `xml:"pi:TypeOfProvider"`
		Contact   string   `xml:"pi:ContactURI"`
		Languages []string `xml:"pi:Language"`
	}
	spaced struct {
		Space string `xml:"xmlns:lmsrc,attr"`
		Value string `xml:",chardata"`
	}
)

func readTypical(t testing.TB, doc []byte) readPresence {
	t.Helper()
	var p readPresence
	if err := xml.Unmarshal(doc, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func writeTypical(r readPresence) writePresence {
	g, c, p := r.Device.Geopriv, r.Device.Geopriv.Civic, r.Device.Geopriv.Provider
	return writePresence{
		Default: pidflo.SpacePIDF, DM: pidflo.SpaceDataModel, GP: pidflo.SpaceGeopriv, GBP: pidflo.SpacePolicy, Entity: r.Entity,
		Device: writeDevice{
			ID: r.Device.ID, DeviceID: r.Device.DeviceID, Timestamp: r.Device.Timestamp,
			Geopriv: writeGeopriv{
				Info: writeInfo{
					Circle: writeCircle{pidflo.SpaceGML, pidflo.SpaceShape, g.Circle.SRS, g.Circle.Pos, writeMeasure{"urn:ogc:def:uom:EPSG::9001", g.Circle.Radius}},
					Civic: writeCivic{
						pidflo.SpaceCivic, pidflo.SpaceNENA2, "", c.Country, c.A1, c.A2, c.A3, c.RD, c.STS, c.HNO, c.FLR, c.PC, c.BLD, c.ROOM, c.WING,
					},
					Confidence: writeConfidence{pidflo.SpaceConf, g.Confidence.PDF, g.Confidence.Value},
				},
				Rules: writeRules{g.Retransmission, g.Retention}, Method: g.Method,
				Provider: writeValue{calldata.Space, writeProvider{calldata.SpaceProviderInfo, p.Reference, p.Name, p.ID, p.Series, p.Type, p.Contact, p.Languages}},
				Source:   spaced{pidflo.SpaceSource, g.Source},
			},
		},
	}
}

// The benchmarks below compare like with like: both sides read the same fields
// and write the same document.
func TestTheBenchmarksCompareTheSameDocument(t *testing.T) {
	ours := marshal(t, typical())
	theirs, err := xml.Marshal(writeTypical(readTypical(t, ours)))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimPrefix(string(ours), pidflo.Declaration); got != string(theirs) {
		t.Errorf("ours:\n%s\ntheirs:\n%s", got, theirs)
	}
	if len(ours) < 1900 || len(ours) > 2400 {
		t.Errorf("the document has %d bytes, not about 2 kB", len(ours))
	}
}

func BenchmarkParse(b *testing.B) {
	doc := marshal(b, typical())
	b.Run("pidflo", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := pidflo.Parse(doc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			readTypical(b, doc)
		}
	})
}

func BenchmarkMarshal(b *testing.B) {
	d := typical()
	doc := marshal(b, d)
	theirs := writeTypical(readTypical(b, doc))
	b.Run("pidflo", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := pidflo.Marshal(d); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pidflo-append", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		var err error
		for b.Loop() {
			if doc, err = pidflo.Append(doc[:0], d); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xml.Marshal(theirs); err != nil {
				b.Fatal(err)
			}
		}
	})
}
