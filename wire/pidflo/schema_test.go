package pidflo_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/pidflo"
)

// shared returns the folder of the reference material, or skips.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above this folder")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "schemas")); err != nil {
		t.Skipf("the reference material is not at %s: set CALLBOX_SHARED", dir)
	}
	return dir
}

// validate runs xmllint with the schemas of the RFCs over every document.
func validate(t *testing.T, docs map[string][]byte) {
	t.Helper()
	xsd := filepath.Join(shared(t), "schemas", "xsd", "all.xsd")
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian package libxml2-utils)")
	}
	dir := t.TempDir()
	args := []string{"--nonet", "--noout", "--schema", xsd}
	for name, doc := range docs {
		file := filepath.Join(dir, strings.ReplaceAll(name, " ", "_")+".xml")
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.Command(lint, args...).CombinedOutput(); err != nil {
		for line := range strings.SplitSeq(string(out), "\n") {
			if !strings.HasSuffix(line, " validates") {
				t.Error(line)
			}
		}
		for name, doc := range docs {
			if strings.Contains(string(out), strings.ReplaceAll(name, " ", "_")+".xml fails") {
				t.Logf("%s:\n%s", name, doc)
			}
		}
	}
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
		"PCE", "DT", "HNC", "ROW", "SECTION", "UNIT_VALUE", "UNIT_PRETYPE", "WING", "SUBSITE", "SITE", "STPS", "HNP",
		"STP", "MP", "PN", "ADDCODE", "POBOX", "PCN", "PLC", "SEAT", "ROOM", "UNIT", "BLD", "PC", "NAM", "FLR", "LOC",
		"LMK", "HNS", "HNO", "RDSUBBR", "RDBR", "RDSEC", "POM", "POD", "STS", "RD", "PRD", "PRM", "A6", "A5", "A4",
		"A3", "A2", "A1",
	} {
		c.Set(n, "value of "+n)
	}
	c.Set("country", "us")
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
func TestWhatIsSentIsValid(t *testing.T) {
	p := func(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon} }
	h := func(lat, lon, alt float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon, Alt: alt, HasAlt: true} }
	docs := map[string][]byte{
		"everything": marshal(t, full()),
		"nothing":    marshal(t, &pidflo.Document{}),
	}
	for i, s := range []pidflo.Shape{
		pidflo.Point{Pos: p(1, 2)},
		pidflo.Point{Pos: h(1, 2, 3)},
		pidflo.Circle{Center: h(1, 2, 3), Radius: 4.5},
		pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}},
		pidflo.Polygon{Exterior: []pidflo.Pos{h(0, 0, 9), h(1, 1, 9), h(0, 1, 9)}},
		pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(0, 1)}},
		pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0)}},
		pidflo.Polygon{},
		pidflo.Ellipse{Center: p(1, 2), SemiMajor: 3, SemiMinor: 4, Orientation: 5},
		pidflo.ArcBand{Center: p(1, 2), Inner: 3, Outer: 4, Start: 5, Opens: 6},
		pidflo.Sphere{Center: h(1, 2, 3), Radius: 4},
		pidflo.Sphere{Center: p(1, 2), Radius: 4},
		pidflo.Ellipsoid{Center: h(1, 2, 3), SemiMajor: 4, SemiMinor: 5, Vertical: 6, Orientation: 7},
		pidflo.Ellipsoid{Center: p(1, 2), SemiMajor: 4, SemiMinor: 5, Vertical: 6, Orientation: 7},
		pidflo.Prism{Base: []pidflo.Pos{h(0, 0, 9), h(0, 1, 9), h(1, 1, 9)}, Height: 3},
		pidflo.Prism{Base: []pidflo.Pos{p(0, 0), p(0, 1), p(1, 1)}, Height: 3},
		pidflo.Point{Pos: p(math.NaN(), 0)},
		pidflo.Point{Pos: p(91, 0)},
		pidflo.Circle{Center: p(0, 0), Radius: math.Inf(1)},
		pidflo.Circle{Center: p(0, 0), Radius: -1},
		pidflo.Ellipse{Center: p(1, 2), Orientation: math.NaN()},
	} {
		docs[fmt.Sprintf("shape %d %T", i, s)] = marshal(t, &pidflo.Document{Elements: []pidflo.Element{{
			Kind: pidflo.Kind(i % 3), Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Shape: s}}, Confidence: 68}},
		}}})
	}
	validate(t, docs)
}

// What people type must not make a document that a PSAP throws away.
//
// Proves: E10, F-26
func TestWhatIsSentIsValidWhateverIsInIt(t *testing.T) {
	const nasty = "  <&>\"' \x00\xff\ufffe\t\r\n]]> é 🚒 %zz --> "
	d := full()
	d.Entity = "pres:" + nasty
	e := &d.Elements[0]
	e.ID, e.DeviceID, e.Timestamp = nasty, nasty, time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	g := &e.Geopriv[0]
	g.Method, g.NoteWell, g.Ruleset, g.Source = nasty, nasty, nasty, []string{nasty, "lis", "lis"}
	g.Confidence, g.Distribution = 100, nasty
	c := g.Civic()
	c.Lang = nasty
	for i := range c.Fields {
		c.Fields[i].Value, c.Fields[i].Lang = nasty, nasty
	}
	c.Fields = append(c.Fields,
		pidflo.Field{Space: pidflo.SpaceCivic, Name: "country", Value: "U<"},
		pidflo.Field{Space: pidflo.SpaceCivic, Name: "HNO", Value: "a second one"},
		pidflo.Field{Space: pidflo.SpaceCivic, Name: "XYZ", Value: "not in the schema"},
		pidflo.Field{Space: "", Name: "bare", Value: "x"},
		pidflo.Field{Space: nasty, Name: "strange", Value: nasty, Lang: "en"},
		pidflo.Field{Space: "urn:x", Name: nasty, Value: "x"},
		pidflo.Field{Space: pidflo.SpaceNENA2, Name: "NEW", Value: "x"},
		pidflo.Field{Space: "urn:x", Name: "HNO", Value: "of another kind", Lang: "en"},
	)
	p := &g.ProvidedBy
	p.Providers[0] = calldata.ProviderInfo{Reference: nasty, Name: nasty, Type: nasty, ContactURI: "tel:+1 617 555 0100", Languages: []string{nasty, "EN", "e", ""}}
	p.Providers = append(p.Providers, calldata.ProviderInfo{ContactURI: "tel:+16175550100"}, calldata.ProviderInfo{Name: "nobody to ask"})
	p.Services = append(p.Services, calldata.ServiceInfo{}, calldata.ServiceInfo{Types: []string{"", nasty}, Mobility: nasty})
	d.Elements = append(d.Elements, *e, pidflo.Element{Kind: pidflo.Tuple, ID: "1x"}, pidflo.Element{Kind: pidflo.Person, ID: "p"}, pidflo.Element{Kind: pidflo.Person, ID: "p"})
	validate(t, map[string][]byte{"nasty": marshal(t, d)})
}

// Every published example that the schemas accept is read, and what is written
// of it is accepted again.
//
// Proves: E10, F-05
func TestPublishedExamplesAreReadAndWritten(t *testing.T) {
	dir := filepath.Join(shared(t), "schemas", "examples")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.xml"))
	if err != nil || len(files) == 0 {
		t.Skipf("no examples in %s: %v", dir, err)
	}
	docs := map[string][]byte{}
	located := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), "<presence") && !strings.Contains(string(b), ":presence") {
			continue
		}
		d, err := pidflo.Parse(b)
		if err != nil {
			if !strings.Contains(err.Error(), pidflo.ErrNotPresence.Error()) {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		located += len(d.Locations())
		name, _ := filepath.Rel(dir, file)
		for _, l := range d.Locations() {
			for _, c := range l.Geopriv.Info {
				if c.Err != nil && !strings.Contains(name, "rfc7035") && !strings.Contains(name, "rfc8876") {
					t.Errorf("%s: %v", name, c.Err)
				}
			}
		}
		docs[strings.ReplaceAll(name, "/", "-")] = marshal(t, d)
	}
	t.Logf("%d documents with %d locations", len(docs), located)
	if len(docs) < 20 || located < 20 {
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
