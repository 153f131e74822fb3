package pidflo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/pidflo"
)

// The tests of this file show one by one what the documents demand of who reads
// or writes a PIDF-LO, as far as a codec can keep it.

func wants(t *testing.T, doc []byte, parts ...string) {
	t.Helper()
	rest := string(doc)
	for _, p := range parts {
		i := strings.Index(rest, p)
		if i < 0 {
			t.Errorf("%q does not stand where it should in\n%s", p, doc)
			return
		}
		rest = rest[i+len(p):]
	}
}

func device(g ...pidflo.Geopriv) *pidflo.Document {
	return &pidflo.Document{Entity: "pres:a@b", Elements: []pidflo.Element{{ID: "d", Geopriv: g}}}
}

// Proves: RFC 3863 section 4.1 (declaration, encoding), 4.1.1 (entity, namespace)
func TestRFC3863Section41TheDocumentHasDeclarationEntityAndNamespace(t *testing.T) {
	doc := marshal(t, device())
	if !strings.HasPrefix(string(doc), `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<presence xmlns="urn:ietf:params:xml:ns:pidf"`) {
		t.Errorf("the document begins otherwise:\n%s", doc)
	}
	wants(t, doc, ` entity="pres:a@b"`)
	if _, err := pidflo.Parse([]byte(`<x:presence xmlns:x="urn:vendor" entity="pres:a@b"/>`)); err == nil {
		t.Error("a presence of another namespace was read")
	}
}

// Proves: RFC 3863 section 4.1.2 (tuple ids are there and unique), RFC 4479 section 5
func TestRFC3863Section412IDsAreThereAndUnique(t *testing.T) {
	d := &pidflo.Document{Entity: "pres:a@b"}
	for _, id := range []string{"", "1x", "loc2", "loc2", "ok", ""} {
		d.Elements = append(d.Elements, pidflo.Element{Kind: pidflo.Tuple, ID: id})
	}
	seen := map[string]bool{}
	for i, e := range parse(t, string(marshal(t, d))).Elements {
		if e.ID == "" || seen[e.ID] || (e.ID >= "0" && e.ID < ":") {
			t.Errorf("element %d: id %q", i, e.ID)
		}
		seen[e.ID] = true
	}
	if !seen["loc2"] || !seen["ok"] {
		t.Errorf("a good id was changed: %v", seen)
	}
}

// Proves: RFC 3863 sections 4.1.3 to 4.1.7 (status, contact with priority, notes, timestamp)
func TestRFC3863Section41ATupleIsKeptWhole(t *testing.T) {
	d := parse(t, `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:m="urn:example:im" entity="pres:a@b">
	 <tuple id="a"><status><basic>open</basic><m:im p:mustUnderstand="1" xmlns:p="urn:ietf:params:xml:ns:pidf">busy</m:im></status><m:x/>
	  <contact priority="0.65"> tel:+1 </contact><note xml:lang="fr">un</note><note>two</note><timestamp>2026-11-22t01:02:03z</timestamp></tuple>
	 <tuple id="b"><status><basic>perhaps</basic></status><contact priority="7">tel:+2</contact></tuple>
	 <note>bye</note><m:tag>x</m:tag></presence>`)
	want := pidflo.Element{
		Kind: pidflo.Tuple, ID: "a", Basic: "open", Contact: "tel:+1", Priority: "0.65", Notes: []pidflo.Note{{Text: "un", Lang: "fr"}, {Text: "two"}},
		Timestamp: at("2026-11-22T01:02:03Z"), Status: d.Elements[0].Status, Extensions: d.Elements[0].Extensions,
	}
	if diff := cmp.Diff(want, d.Elements[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A priority out of range, or a status that there is not, is as if absent.
	if e := d.Elements[1]; e.Priority != "" || e.Basic != "" || e.Contact != "tel:+2" {
		t.Errorf("priority %q, basic %q, contact %q", e.Priority, e.Basic, e.Contact)
	}
	doc := marshal(t, d)
	wants(t, doc, "<basic>open</basic>", `mustUnderstand="1"`, "busy", "</status>", "<m:x", `<contact priority="0.65">tel:+1</contact>`,
		`<note xml:lang="fr">un</note>`, "<note>two</note>", "<timestamp>2026-11-22T01:02:03Z</timestamp>", "<note>bye</note>", "<m:tag")
	validate(t, map[string][]byte{"tuple": doc})
	if diff := cmp.Diff(d, parse(t, string(doc))); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}

// Proves: RFC 3863 section 4.2.2 (what is not known is ignored, and here kept)
func TestRFC3863Section422UnknownElementsDoNotHarm(t *testing.T) {
	d := parse(t, openDoc+`<x:device xmlns:x="urn:vendor"/><x:y xmlns:x="urn:vendor"><gp:geopriv/></x:y>`+
		`<dm:device id="d"><gp:geopriv><gp:location-info><x:Circle xmlns:x="urn:vendor"/><gml:Point><gml:pos>1 2</gml:pos></gml:Point></gp:location-info></gp:geopriv></dm:device>`+closeDoc)
	if len(d.Extensions) != 2 || len(d.Elements) != 1 || len(d.Locations()) != 1 {
		t.Errorf("extensions %v, elements %d", d.Extensions, len(d.Elements))
	}
	if i := d.Elements[0].Geopriv[0].Info; len(i) != 2 || i[0].Foreign.Space != "urn:vendor" || i[1].Shape == nil {
		t.Errorf("info: %+v", i)
	}
}

// Proves: RFC 4479 section 5 (deviceID is there and stands before note and timestamp)
func TestRFC4479Section5ADeviceHasItsIDBeforeTheTimestamp(t *testing.T) {
	d := device()
	d.Elements[0].Timestamp = at("2026-11-22T01:02:03Z")
	d.Elements[0].Notes = []pidflo.Note{{Text: "n"}}
	wants(t, marshal(t, d), "<dm:deviceID>urn:uuid:", "</dm:deviceID><dm:note>n</dm:note><dm:timestamp>")
	if got := parse(t, string(marshal(t, d))).Elements[0].DeviceID; got != "" {
		t.Errorf("the ID that stands for none was read as %q", got)
	}
	// Examples of RFC 8876 and RFC 8148 have it the other way round.
	e, err := pidflo.ParseElement([]byte(`<dm:device xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" id="1"><dm:timestamp>2026-11-22T01:02:03Z</dm:timestamp><dm:deviceID>mac:1</dm:deviceID></dm:device>`))
	if err != nil || e.DeviceID != "mac:1" || e.Timestamp.IsZero() {
		t.Errorf("%+v, %v", e, err)
	}
}

// Proves: RFC 4119 sections 2.2.1 and 2.2.2 (location-info and usage-rules stand in each geopriv; retransmission-allowed is there, no by default)
func TestRFC4119Section22EachGeoprivHasItsPlaceAndItsRules(t *testing.T) {
	wants(t, marshal(t, device(pidflo.Geopriv{})), "<gp:geopriv><gp:location-info></gp:location-info><gp:usage-rules>",
		"<gbp:retransmission-allowed>false</gbp:retransmission-allowed>", "</gp:usage-rules></gp:geopriv>")
	for text, want := range map[string]bool{"": false, "no": false, "0": false, "false": false, "maybe": false, "yes": true, " Yes ": true, "true": true, "1": true} {
		doc := `<gp:geopriv xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"><gp:usage-rules><gp:retransmission-allowed>` + text + `</gp:retransmission-allowed></gp:usage-rules></gp:geopriv>`
		if g, err := pidflo.ParseGeopriv([]byte(doc)); err != nil || g.Retransmission != want {
			t.Errorf("%q: got %v, %v", text, g.Retransmission, err)
		}
	}
}

// Proves: RFC 4119 section 2.2.2 (a day after the timestamp, or after it was received)
func TestRFC4119Section222ALocationIsKeptADayByDefault(t *testing.T) {
	stamp, received, expiry := at("2026-11-22T01:00:00Z"), at("2026-11-22T02:00:00Z"), at("2026-11-22T03:00:00Z")
	for _, c := range []struct {
		name           string
		stamp, expires time.Time
		want           time.Time
	}{
		{"as the document says", stamp, expiry, expiry},
		{"a day after its timestamp", stamp, time.Time{}, stamp.Add(24 * time.Hour)},
		{"a day after it came", time.Time{}, time.Time{}, received.Add(24 * time.Hour)},
	} {
		l := pidflo.Located{Element: &pidflo.Element{Timestamp: c.stamp}, Geopriv: &pidflo.Geopriv{Retention: c.expires}}
		if got := l.KeepUntil(received); !got.Equal(c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// Proves: RFC 4119 section 2.2.1 with appendix A.1 (whole documents in the civicLoc namespace), standards defect list
func TestRFC4119CivicLocIsReadAsRFC5139(t *testing.T) {
	for _, space := range []string{"urn:ietf:params:xml:ns:pidf:geopriv10:civicLoc", " urn:ietf:params:xml:ns:pidf:geopriv10:civicLoc", pidflo.SpaceCivic} {
		c, err := pidflo.ParseCivic([]byte(`<c:civicAddress xmlns:c="` + space + `"><c:HNO>123</c:HNO><c:A6>Broadway</c:A6></c:civicAddress>`))
		if err != nil || c.Get("RD") != "Broadway" || c.Fields[1].Space != pidflo.SpaceCivic {
			t.Errorf("%q: %+v, %v", space, c, err)
		}
	}
	if c, err := pidflo.ParseCivic([]byte(`<c:civicAddress xmlns:c="urn:vendor"/>`)); err == nil {
		t.Errorf("an address of another namespace was read: %+v", c)
	}
}

// Proves: RFC 5139 sections 3.2 (RD before A6) and 4 (order, country in capitals)
func TestRFC5139TheStreetIsRDAndFieldsStandInTheOrderOfTheSchema(t *testing.T) {
	c := &pidflo.Civic{}
	for _, f := range []string{"ADDCODE", "WING", "HNO", "RD", "A6", "country", "PN", "A1"} {
		c.Set(f, "us")
	}
	c.Set("RD", "Main")
	doc, err := pidflo.AppendCivic(nil, c)
	if err != nil || c.Get("RD") != "Main" {
		t.Fatal(err, c.Get("RD"))
	}
	wants(t, doc, "<ca:country>US<", "<ca:A1>", "<ca:A6>", "<ca:RD>Main<", "<ca:HNO>", "<ca:ADDCODE>", "<cae:PN>", "<cdx2:WING>")
}

// Proves: RFC 6848 section 2.1 (what is not known is kept for who forwards it), 3.1 (extensions stand in namespaces of their own)
func TestRFC6848AnUnknownFieldIsForwarded(t *testing.T) {
	in := `<civicAddress xml:lang="en-US" xmlns="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" xmlns:ap="http://example.com/airport/5.0"><A1>CA</A1>` +
		`<ap:terminal xml:lang="en">Tom Bradley</ap:terminal><ap:gate side="left">36B</ap:gate><ap:doors><ap:door>1</ap:door></ap:doors></civicAddress>`
	c, err := pidflo.ParseCivic([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := pidflo.AppendCivic(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, doc, `xmlns:x="http://example.com/airport/5.0" xml:lang="en">Tom Bradley<`, `side="left">36B</ap:gate>`, "<ap:door>1</ap:door>")
	if c.Get("RD") != "" || c.Set("terminal", "x") {
		t.Error("a field of another vocabulary is taken for a known one")
	}
}

// Proves: RFC 5491 section 3 (rules 8 and 9: which location is read first)
func TestRFC5491Section3TheFirstDocumentWithALocationIsTaken(t *testing.T) {
	floor := func(s string) pidflo.Geopriv {
		c := &pidflo.Civic{}
		c.Set("FLR", s)
		return pidflo.Geopriv{Info: []pidflo.Chunk{{Civic: c}}}
	}
	tuple := device(floor("1"))
	tuple.Elements[0].Kind = pidflo.Tuple
	if l := pidflo.First(device(), tuple, device(floor("2"))); l == nil || l.Geopriv.Civic().Get("FLR") != "1" {
		t.Errorf("got %+v", l)
	}
	if l := pidflo.First(device(), &pidflo.Document{}); l != nil {
		t.Errorf("a location out of nothing: %+v", l)
	}
}

// Proves: RFC 5491 section 3 (rules 2, 3, 4 and 7)
func TestRFC5491Section3BreachesOfTheRulesAreNamed(t *testing.T) {
	civic := func(name string) pidflo.Chunk {
		c := &pidflo.Civic{}
		c.Set(name, "2")
		return pidflo.Chunk{Civic: c}
	}
	shape := pidflo.Chunk{Shape: pidflo.Circle{Radius: 30}}
	g := func(c ...pidflo.Chunk) pidflo.Geopriv { return pidflo.Geopriv{Info: c} }
	two := device(g(shape))
	two.Elements = append(two.Elements, pidflo.Element{ID: "e", Geopriv: []pidflo.Geopriv{g(shape)}})
	for _, c := range []struct {
		name string
		d    *pidflo.Document
		want []int
	}{
		{"the area first, then the floor", device(g(shape, civic("FLR"))), nil},
		{"an address first, then the area", device(g(civic("RD"), shape)), nil},
		{"the floor first, then the area", device(g(civic("FLR"), shape)), []int{7}},
		{"two areas in one", device(g(shape, shape)), []int{4}},
		{"two geopriv in one device", device(g(shape), g(shape)), []int{2}},
		{"two devices", two, []int{3}},
	} {
		var got []int
		for _, f := range c.d.Faults() {
			got = append(got, f.Rule)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Proves: RFC 5491 section 5.1 (units), section 5 (srsName in URN form on the outermost element alone, no srsDimension)
func TestRFC5491Section5ShapesStateTheirSystemOnceAndTheirUnits(t *testing.T) {
	h := func(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon, Alt: 9, HasAlt: true} }
	for _, c := range []struct {
		s     pidflo.Shape
		crs   string
		units []string
	}{
		{pidflo.Circle{Radius: 1}, "4326", []string{"9001"}},
		{pidflo.ArcBand{Inner: 1, Outer: 2, Start: 3, Opens: 4}, "4326", []string{"9001", "9001", "9102", "9102"}},
		{pidflo.Ellipsoid{Center: h(0, 0), SemiMajor: 1, SemiMinor: 1, Vertical: 1}, "4979", []string{"9001", "9001", "9001", "9102"}},
		{pidflo.Prism{Base: []pidflo.Pos{h(0, 0), h(0, 1), h(1, 1)}, Height: 3}, "4979", []string{"9001"}},
	} {
		doc, err := pidflo.AppendShape(nil, c.s)
		if err != nil {
			t.Fatal(err)
		}
		tag, _, _ := strings.Cut(string(doc), ">")
		if !strings.Contains(tag, `srsName="urn:ogc:def:crs:EPSG::`+c.crs+`"`) || strings.Count(string(doc), "srsName") != 1 || strings.Contains(string(doc), "srsDimension") {
			t.Errorf("reference system of %s", doc)
		}
		var units []string
		for _, part := range strings.Split(string(doc), `uom="urn:ogc:def:uom:EPSG::`)[1:] {
			units = append(units, part[:4])
		}
		if diff := cmp.Diff(c.units, units); diff != "" {
			t.Errorf("%T (-want +got):\n%s", c.s, diff)
		}
	}
}

// Proves: RFC 5491 section 5.2.2 (closed, counter-clockwise, one altitude, no crossing sides), 5.2.8 (the height of a prism is positive)
func TestRFC5491Section522PolygonsAreWrittenAsItWants(t *testing.T) {
	p := func(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon} }
	doc, err := pidflo.AppendShape(nil, pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(1, 1), p(0, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, doc, "<gml:pos>0 0</gml:pos><gml:pos>0 1</gml:pos><gml:pos>1 1</gml:pos><gml:pos>0 0</gml:pos>")
	across := pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 179), p(0, -179), p(1, -179), p(1, 179)}}
	if doc, err = pidflo.AppendShape(nil, across); err != nil {
		t.Fatal(err)
	}
	wants(t, doc, "<gml:pos>0 179</gml:pos><gml:pos>0 -179</gml:pos>")
	slope := []pidflo.Pos{{Lat: 0, Lon: 0, Alt: 1, HasAlt: true}, {Lat: 0, Lon: 1, Alt: 2, HasAlt: true}, {Lat: 1, Lon: 1, Alt: 1, HasAlt: true}}
	level := []pidflo.Pos{{Lat: 0, Lon: 0, HasAlt: true}, {Lat: 0, Lon: 1, HasAlt: true}, {Lat: 1, Lon: 1, HasAlt: true}}
	for name, s := range map[string]pidflo.Shape{
		"crossing sides":   pidflo.Polygon{Exterior: []pidflo.Pos{p(0, 0), p(1, 1), p(0, 1), p(1, 0)}},
		"a slope":          pidflo.Polygon{Exterior: slope},
		"a prism of paper": pidflo.Prism{Base: level},
	} {
		if doc, err := pidflo.AppendShape(nil, s); err == nil {
			t.Errorf("%s was written: %s", name, doc)
		}
	}
}

// Proves: RFC 5962 section 3 (Dynamic stands in the location-info of its place and can be ignored), RFC 7035 section 5
func TestRFC5962AndRFC7035AreCarriedUnharmed(t *testing.T) {
	var g pidflo.Geopriv
	g.Info = []pidflo.Chunk{{Shape: pidflo.Circle{Radius: 30}}}
	for _, e := range carried() {
		g.Info = append(g.Info, pidflo.Chunk{Foreign: e})
	}
	doc := marshal(t, device(g))
	wants(t, doc, "<gp:location-info><gs:Circle", carried()[0].XML, carried()[1].XML, "</gp:location-info>")
	validate(t, map[string][]byte{"carried": doc})
	if l := pidflo.First(parse(t, string(doc))); l == nil || len(l.Geopriv.Info) != 3 || l.Geopriv.Shape() != (pidflo.Circle{Radius: 30}) {
		t.Errorf("got %+v", l)
	}
	// Alone they are no place.
	if l := pidflo.First(device(pidflo.Geopriv{Info: g.Info[1:]})); l != nil {
		t.Errorf("a speed was taken for a place: %+v", l)
	}
}

// Proves: RFC 7459 section 4.1 (confidence: a percentage or unknown, 95 without one, none for a point, its three distributions)
func TestRFC7459Section41ConfidenceIsReadAndWritten(t *testing.T) {
	const circle = `<gs:Circle><gml:pos>1 2</gml:pos><gs:radius>3</gs:radius></gs:Circle>`
	con := func(attr, v string) string {
		return fmt.Sprintf(`<con:confidence xmlns:con="urn:ietf:params:xml:ns:geopriv:conf"%s>%s</con:confidence>`, attr, v)
	}
	for _, c := range []struct {
		info, pdf string
		want      float64
		stated    bool
	}{
		{circle, "", 95, true},
		{circle + con(` pdf="normal"`, " 67 "), "normal", 67, true},
		{circle + con(` pdf="oval"`, "67.5"), "", 67.5, true},
		{circle + con("", "unknown"), "", 0, false},
		{circle + con(` pdf="normal"`, "100"), "", 95, true},
		{circle + con("", "0"), "", 95, true},
		{circle + con("", "much"), "", 95, true},
		{`<gml:Point><gml:pos>1 2</gml:pos></gml:Point>` + con(` pdf="normal"`, "67"), "", 95, true},
	} {
		g := parse(t, geo(c.info)).Elements[0].Geopriv[0]
		if v, ok := g.StatedConfidence(); v != c.want || ok != c.stated || g.Distribution != c.pdf {
			t.Errorf("%s: got %v, %v, %q", c.info, v, ok, g.Distribution)
		}
		if doc, err := pidflo.AppendGeopriv(nil, &g); err != nil || strings.Contains(string(doc), "confidence") != (g.Confidence != 0) {
			t.Errorf("%s: %v\n%s", c.info, err, doc)
		}
	}
	point := pidflo.Geopriv{Info: []pidflo.Chunk{{Shape: pidflo.Point{}}}, Confidence: 67}
	if doc, err := pidflo.AppendGeopriv(nil, &point); err == nil {
		t.Errorf("a point with a confidence was written: %s", doc)
	}
}

// Proves: E13, F-05: what attackers send is refused quickly, what is large and good is read
func TestAttackInputsAreRefusedQuickly(t *testing.T) {
	many := func(n int, s string) string { return strings.Repeat(s, n) }
	lol := `<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "` + many(10, "&a;") + `">]>`
	start := time.Now()
	for name, doc := range map[string]string{
		"billion laughs":       lol + openDoc + "&b;" + closeDoc,
		"an external entity":   `<!DOCTYPE x SYSTEM "file:///etc/passwd">` + openDoc + closeDoc,
		"deep nesting":         openDoc + many(10000, "<a>") + many(10000, "</a>") + closeDoc,
		"deep nesting of ours": geo(many(40, "<gs:Circle>") + many(40, "</gs:Circle>")),
		"a megabyte attribute": strings.Replace(openDoc, "pres:a@b", many(1<<20, "a"), 1) + closeDoc,
		"very many elements":   geo(many(20000, "<a/>")),
		"very many attributes": `<presence ` + many(5000, "a ") + `/>`,
		"Latin-1 in UTF-8":     openDoc + "\xe9" + closeDoc,
	} {
		if _, err := pidflo.Parse([]byte(doc)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	// A ring of 1000 corners is read, and a field of 60 kB.
	var ring strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&ring, "%d.%03d %d ", i/1000, i%1000, i%2)
	}
	for name, info := range map[string]string{
		"corners": `<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>` + ring.String() + `</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>`,
		"field":   `<ca:civicAddress><ca:LOC>` + many(60000, "x") + `</ca:LOC></ca:civicAddress>`,
		"broken":  many(3000, "<gml:Point/>") + `<gml:Point><gml:pos>1 2</gml:pos></gml:Point>`,
		"fields":  `<ca:civicAddress>` + many(2000, "<ca:LOC>x</ca:LOC>") + `</ca:civicAddress>`,
	} {
		if len(parse(t, geo(info)).Locations()) != 1 {
			t.Errorf("%s: no location", name)
		}
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("all of it took %v", d)
	}
}
