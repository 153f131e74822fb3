package pidflo_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/pidflo"
)

// validate runs xmllint once with the schemas of the RFCs over every document.
func validate(t *testing.T, docs map[string][]byte) {
	t.Helper()
	schemacheck.Check(t, schemacheck.XSD(t, docs), docs)
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// full is a document as an emergency leg carries it, with every civic field.
func full() *pidflo.Document {
	c := &pidflo.Civic{Lang: "en-US"}
	for _, n := range []string{
		"country", "A1", "A2", "A3", "A4", "A5", "A6", "PRM", "PRD", "RD", "STS", "POD", "POM", "RDSEC", "RDBR", "RDSUBBR",
		"HNO", "HNS", "LMK", "LOC", "FLR", "NAM", "PC", "BLD", "UNIT", "ROOM", "SEAT", "PLC", "PCN", "POBOX", "ADDCODE",
		"PN", "MP", "STP", "HNP", "STPS", "SITE", "SUBSITE", "WING", "UNIT_PRETYPE", "UNIT_VALUE", "SECTION", "ROW", "PCE", "DT", "HNC",
	} {
		c.Set(n, "value of "+n)
	}
	c.Set("country", "US")
	return &pidflo.Document{
		Entity: "pres:+16175550111@callbox.example",
		Elements: []pidflo.Element{{
			Kind: pidflo.Device, ID: "caller", DeviceID: "urn:uuid:01936f2e-1111-7000-8000-000000000001",
			Timestamp: at("2026-11-22T03:04:05.678Z"),
			Geopriv: []pidflo.Geopriv{{
				Info: []pidflo.Chunk{
					{Shape: pidflo.Circle{Center: pidflo.Pos{Lat: 42.36684, Lon: -71.10565}, Radius: 30}},
					{Civic: c},
				},
				Confidence: 95, Distribution: "normal",
				Retransmission: true, Retention: at("2026-11-23T03:04:05Z"),
				Ruleset: "https://lis.example/rules", NoteWell: "for 911 only",
				Method: "Wiremap",
				ProvidedBy: calldata.ProvidedBy{
					Providers: []calldata.ProviderInfo{{
						Reference: "01936f2e@callbox.example", Name: "Harbor Foods", ID: "callbox.example", Series: "domain",
						Type: calldata.TypeTelecom, ContactURI: "tel:+16175550100", Languages: []string{"en", "fr-ca"},
					}},
					Services: []calldata.ServiceInfo{{
						Reference: "01936f2e@callbox.example", Environment: calldata.EnvironmentBusiness,
						Types: []string{calldata.ServiceMLTSHosted}, Mobility: calldata.MobilityNomadic,
					}},
					References: []calldata.Reference{{Purpose: "EmergencyCallData.SubscriberInfo", URI: "https://callbox.example/sub/1"}},
				},
				Source: []string{"lis", "device"},
			}},
		}},
	}
}

// Proves: F-26, N-38, E10
func TestWhatIsSentIsValidAndWhatCannotBeIsRefused(t *testing.T) {
	p := func(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon} }
	h := func(lat, lon, alt float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon, Alt: alt, HasAlt: true} }
	docs := map[string][]byte{"everything": marshal(t, full())}
	const at = "/presence/device[@id='d']/geopriv/location-info/"
	for i, c := range []struct {
		s    pidflo.Shape
		want string // path of the error; empty: it is written
	}{
		{pidflo.Point{Pos: p(1, 2)}, ""},
		{pidflo.Point{Pos: h(1, 2, 3)}, ""},
		{pidflo.Circle{Center: p(1, 2), Radius: 4.5}, ""},
		{pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}}, ""},
		{pidflo.Polygon{Exterior: []pidflo.Pos{h(0, 0, 9), h(1, 1, 9), h(0, 1, 9)}}, ""},
		{pidflo.Ellipse{Center: p(1, 2), SemiMajor: 3, SemiMinor: 4, Orientation: 5}, ""},
		{pidflo.ArcBand{Center: p(1, 2), Inner: 3, Outer: 4, Start: 5, Opens: 6}, ""},
		{pidflo.Sphere{Center: h(1, 2, 3), Radius: 4}, ""},
		{pidflo.Ellipsoid{Center: h(1, 2, 3), SemiMajor: 4, SemiMinor: 5, Vertical: 6, Orientation: 7}, ""},
		{pidflo.Prism{Base: []pidflo.Pos{h(0, 0, 9), h(0, 1, 9), h(1, 1, 9)}, Height: 3}, ""},
		{pidflo.Circle{Center: h(1, 2, 3), Radius: 4.5}, "Circle/pos"},
		{pidflo.Ellipse{Center: h(1, 2, 3)}, "Ellipse/pos"},
		{pidflo.ArcBand{Center: h(1, 2, 3)}, "ArcBand/pos"},
		{pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1)}}, "Polygon/exterior"},
		{pidflo.Polygon{}, "Polygon/exterior"},
		{pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), h(0, 1, 9), p(1, 1)}}, "Polygon/exterior"},
		{pidflo.Sphere{Center: p(1, 2), Radius: 4}, "Sphere/pos"},
		{pidflo.Ellipsoid{Center: p(1, 2), SemiMajor: 4, SemiMinor: 5, Vertical: 6}, "Ellipsoid/pos"},
		{pidflo.Prism{Base: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}, Height: 3}, "Prism/base"},
		{pidflo.Point{Pos: p(math.NaN(), 0)}, "Point/pos"},
		{pidflo.Point{Pos: p(91, 0)}, "Point/pos"},
		{pidflo.Circle{Center: p(0, 0), Radius: math.Inf(1)}, "Circle/radius"},
		{pidflo.Circle{Center: p(0, 0), Radius: -1}, "Circle/radius"},
		{pidflo.Ellipse{Center: p(1, 2), Orientation: math.NaN()}, "Ellipse/orientation"},
	} {
		name := fmt.Sprintf("shape %d %T", i, c.s)
		doc, err := pidflo.Marshal(&pidflo.Document{Entity: "pres:a@b", Elements: []pidflo.Element{{
			ID: "d", Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Shape: c.s}}}},
		}}})
		var fault *pidflo.ParseError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "":
			docs[name] = doc
		case !errors.As(err, &fault) || fault.Path != at+c.want:
			t.Errorf("%s: got error %v, want one at %s", name, err, at+c.want)
		case len(doc) != 0:
			t.Errorf("%s: an error and a document: %q", name, doc)
		}
	}
	validate(t, docs)
}

// What is no location is refused with its place, and never guessed.
//
// Proves: E10, F-26
func TestWhatTheSchemaRefusesIsAnErrorWithItsPath(t *testing.T) {
	const el, gp = "/presence/device[@id='caller']", "/presence/device[@id='caller']/geopriv"
	const ca = gp + "/location-info/civicAddress"
	field := func(space, name, value string) func(*pidflo.Document) {
		return func(d *pidflo.Document) {
			c := d.Elements[0].Geopriv[0].Civic()
			c.Fields = append(c.Fields, pidflo.Field{Space: space, Name: name, Value: value})
		}
	}
	geopriv := func(f func(*pidflo.Geopriv)) func(*pidflo.Document) {
		return func(d *pidflo.Document) { f(&d.Elements[0].Geopriv[0]) }
	}
	element := func(f func(*pidflo.Element)) func(*pidflo.Document) {
		return func(d *pidflo.Document) { f(&d.Elements[0]) }
	}
	year := time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, path string
		spoil      func(*pidflo.Document)
	}{
		{"no entity", "/presence/@entity", func(d *pidflo.Document) { d.Entity = "" }},
		{"an entity that is no URI", "/presence/@entity", func(d *pidflo.Document) { d.Entity = "nobody" }},
		{"a kind that there is not", "/presence", element(func(e *pidflo.Element) { e.Kind = 9 })},
		{"a device ID that is no URI", el + "/deviceID", element(func(e *pidflo.Element) { e.DeviceID = "00:11" })},
		{"a device with a contact", el + "/contact", element(func(e *pidflo.Element) { e.Contact = "tel:1" })},
		{"a device with a status", el + "/status", element(func(e *pidflo.Element) { e.Basic = "open" })},
		{"a year of five digits", el + "/timestamp", element(func(e *pidflo.Element) { e.Timestamp = year })},
		{"a note in no language", el + "/note[1]/@lang", element(func(e *pidflo.Element) { e.Notes = []pidflo.Note{{Text: "x", Lang: "e n"}} })},
		{"a foreign element that is none", el + "/x", element(func(e *pidflo.Element) { e.Extensions = []foreign.Element{{Space: "urn:x", Local: "x", XML: "<x"}} })},
		{"a foreign element of the own namespace", el + "/x", element(func(e *pidflo.Element) {
			e.Extensions = []foreign.Element{{Space: pidflo.SpaceDataModel, Local: "x", XML: `<x xmlns="` + pidflo.SpaceDataModel + `"/>`}}
		})},
		{"a retention of five digits", gp + "/usage-rules/retention-expiry", geopriv(func(g *pidflo.Geopriv) { g.Retention = year })},
		{"a ruleset that is no URI", gp + "/usage-rules/external-ruleset", geopriv(func(g *pidflo.Geopriv) { g.Ruleset = "rules" })},
		{"a note-well in no language", gp + "/usage-rules/note-well/@lang", geopriv(func(g *pidflo.Geopriv) { g.NoteWellLang = "-" })},
		{"a source that there is not", gp + "/source", geopriv(func(g *pidflo.Geopriv) { g.Source = []string{"me"} })},
		{"a confidence of 100", gp + "/location-info/confidence", geopriv(func(g *pidflo.Geopriv) { g.Confidence = 100 })},
		{"a distribution that there is not", gp + "/location-info/confidence/@pdf", geopriv(func(g *pidflo.Geopriv) { g.Distribution = "flat" })},
		{"a chunk with nothing in it", gp + "/location-info", geopriv(func(g *pidflo.Geopriv) { g.Info = append(g.Info, pidflo.Chunk{}) })},
		{"a chunk with two things", gp + "/location-info", geopriv(func(g *pidflo.Geopriv) { g.Info[0].Civic = g.Info[1].Civic })},
		{"a chunk that could not be read", gp + "/location-info", geopriv(func(g *pidflo.Geopriv) { g.Info[0].Err = errors.New("x") })},
		{"a country of three letters", ca + "/country", geopriv(func(g *pidflo.Geopriv) { g.Civic().Set("country", "USA") })},
		{"two house numbers", ca + "/HNO", field(pidflo.SpaceCivic, "HNO", "2")},
		{"a field that RFC 5139 has not", ca + "/XYZ", field(pidflo.SpaceCivic, "XYZ", "2")},
		{"a field of no namespace", ca + "/XYZ", field("", "XYZ", "2")},
		{"a field without name", ca + "/field", field("urn:x", "a b", "2")},
		{"an address in no language", ca + "/@lang", geopriv(func(g *pidflo.Geopriv) { g.Civic().Lang = "?" })},
		{"a place type in a language", ca + "/PLC/@lang", func(d *pidflo.Document) {
			c := d.Elements[0].Geopriv[0].Civic()
			c.Fields = []pidflo.Field{{Space: pidflo.SpaceCivic, Name: "PLC", Value: "x", Lang: "en"}}
		}},
	} {
		d := full()
		c.spoil(d)
		before := []byte("before")
		got, err := pidflo.Append(before, d)
		var fault *pidflo.ParseError
		if !errors.As(err, &fault) || fault.Path != c.path {
			t.Errorf("%s: got %v, want an error at %s", c.name, err, c.path)
		}
		if string(got) != "before" {
			t.Errorf("%s: an error and %q", c.name, got)
		}
	}
}

// What people type must not make a document that a PSAP throws away.
//
// Proves: E10, F-26
func TestTextsAndURIsAreWrittenValidWhateverIsInThem(t *testing.T) {
	const nasty = "  <&>\"' \x00\xff\ufffe\t\r\n]]> é 🚒 %zz --> "
	d := full()
	d.Entity = "pres:" + nasty
	d.Notes = []pidflo.Note{{Text: nasty}}
	e := &d.Elements[0]
	e.ID, e.DeviceID = nasty, "urn:x:"+nasty
	g := &e.Geopriv[0]
	g.Method, g.NoteWell, g.Ruleset = nasty, nasty, "https://a/"+nasty
	c := g.Civic()
	for i := range c.Fields {
		if c.Fields[i].Name != "country" {
			c.Fields[i].Value = nasty
		}
	}
	c.Fields = append(c.Fields,
		pidflo.Field{Space: pidflo.SpaceNENA2, Name: "NEW", Value: nasty},
		pidflo.Field{Space: "urn:x", Name: "HNO", Value: "of another kind", Lang: "en"},
		pidflo.Field{Space: pidflo.SpaceCivicExt, Name: "PN", Value: "a second one"},
	)
	d.Elements = append(d.Elements, *e, pidflo.Element{Kind: pidflo.Tuple, ID: "1x", Contact: "sip:" + nasty, Priority: "0.8", Basic: "open", DeviceID: "mac:0011"},
		pidflo.Element{Kind: pidflo.Person, ID: "loc1"}, pidflo.Element{Kind: pidflo.Person, ID: "loc1", Notes: []pidflo.Note{{Text: nasty, Lang: "en-US"}}})
	doc := marshal(t, d)
	validate(t, map[string][]byte{"nasty": doc})
	if again := parse(t, string(doc)); len(again.Elements) != 5 || again.Elements[3].ID != "loc1" {
		t.Errorf("an id that was good was changed: %+v", again.Elements)
	}
}

// Every published example of the documents that this package follows is read,
// and what is written of it is valid and reads to the same value.
//
// Proves: E10, F-05
func TestPublishedExamplesComeBackEqualAndValid(t *testing.T) {
	dir := filepath.Join(schemacheck.Shared(t), "schemas", "examples")
	table, err := os.ReadFile(filepath.Join(dir, "VALIDATION.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string][]byte{}
	located := 0
	for line := range strings.Lines(string(table)) {
		col := strings.Split(line, "\t")
		name := strings.TrimPrefix(col[0], "examples/")
		if len(col) < 3 || col[2] != "VALID" || !strings.HasSuffix(name, ".xml") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if d, err := pidflo.Parse(b); err == nil {
			located += len(d.Locations())
			docs[name] = marshal(t, d)
			if diff := cmp.Diff(d, parse(t, string(docs[name]))); diff != "" {
				t.Errorf("%s (-read +read again):\n%s", name, diff)
			}
			for _, e := range d.Elements {
				for _, g := range e.Geopriv {
					for _, c := range g.Info {
						if c.Err != nil {
							t.Errorf("%s: %v", name, c.Err)
						}
					}
				}
			}
			continue
		}
		c, err := pidflo.ParseCivic(b)
		if err != nil {
			continue
		}
		located++
		if docs[name], err = pidflo.AppendCivic(nil, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if again, err := pidflo.ParseCivic(docs[name]); err != nil || !cmp.Equal(c, again) {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(c, again))
		}
	}
	t.Logf("%d documents with %d locations", len(docs), located)
	if len(docs) < 35 || located < 25 {
		t.Errorf("only %d documents with %d locations were found", len(docs), located)
	}
	validate(t, docs)
}

func marshal(t testing.TB, d *pidflo.Document) []byte {
	t.Helper()
	b, err := pidflo.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
