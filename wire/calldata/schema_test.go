package calldata_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/schemacheck"
)

// gen makes values that may be written, and now and then some that may not.
type gen struct{ t *rapid.T }

// pick draws a good sample, and of 30 times once a bad one.
func (g gen) pick(label string, good []string, bad ...string) string {
	if len(bad) > 0 && rapid.IntRange(0, 29).Draw(g.t, label+" is bad") == 29 {
		good = bad
	}
	return rapid.SampledFrom(good).Draw(g.t, label)
}

func (g gen) text(label string) string {
	if rapid.IntRange(0, 3).Draw(g.t, "printable") == 0 {
		return rapid.StringMatching(`[ -~]{1,12}x`).Draw(g.t, label)
	}
	return g.pick(label, []string{"x", "a <b> & \"c\"", "line 1\nline 2", "Zürich 🚒", "a\r\nb"}, "bad \x00", "")
}

func (g gen) token(label string) string {
	return g.pick(label, []string{"a@b.example", "Other", "x y", "<&>"}, "")
}

func (g gen) uri(label string) string {
	return g.pick(label, []string{"tel:+16175550100", "https://a.example/b?c=d#e", "tel:+358 50 4871445", "urn:x:{y}|^", "http://[::1]:5/"},
		"", "a:%zz", "relative", "a:[b]", "http://a:b/")
}

func (g gen) languages() []string {
	var list []string
	for range rapid.IntRange(1, 3).Draw(g.t, "languages") {
		list = append(list, g.pick("language", []string{"en", "fr-ca", "de-1996", "x-klingon", "zh-hant-tw", "EN"}, "e", "en_US"))
	}
	return list
}

func (g gen) extensions() []foreign.Element {
	good := []foreign.Element{
		{Space: "urn:x", Local: "a", XML: `<p:a xmlns="" xmlns:p="urn:x"><b/></p:a>`},
		{Space: "urn:y", Local: "b", XML: `<b xmlns="urn:y">t</b>`},
	}
	if rapid.IntRange(0, 29).Draw(g.t, "good extensions") < 29 {
		return rapid.SliceOfN(rapid.SampledFrom(good), 0, 2).Draw(g.t, "extensions")
	}
	return rapid.SliceOfN(rapid.SampledFrom([]foreign.Element{
		{Space: "urn:y", Local: "b", XML: `<b xmlns="urn:y">`},
		{Local: "c", XML: `<c xmlns=""/>`},
		{Space: "urn:y", Local: "b", XML: `<b/>`},
	}), 0, 2).Draw(g.t, "extensions")
}

func (g gen) property() calldata.Property {
	names := []string{
		"adr", "anniversary", "bday", "caladruri", "caluri", "categories", "clientpidmap", "email", "fburl", "fn", "geo", "impp", "key", "kind",
		"lang", "logo", "member", "n", "nickname", "note", "org", "photo", "prodid", "related", "rev", "role", "gender", "sound", "source", "tel",
		"title", "tz", "uid", "url", "x-file",
	}
	p := calldata.Property{Name: rapid.SampledFrom(names).Draw(g.t, "property")}
	value := func(kinds ...string) calldata.Value {
		return rapid.SampledFrom(values(kinds)).Draw(g.t, "value")
	}
	switch p.Name {
	case "adr":
		p = calldata.NewAddress(calldata.Address{Street: g.text("street"), Country: g.text("country"), Box: g.text("box")})
	case "n":
		p = calldata.NewName(g.text("surname"), g.text("given"))
	case "clientpidmap":
		p.Values = []calldata.Value{value("sourceid"), value("uri")}
	case "gender":
		p.Values = []calldata.Value{value("sex")}
	case "lang":
		p.Values = []calldata.Value{value("language-tag")}
	case "rev":
		p.Values = []calldata.Value{value("timestamp")}
	case "anniversary", "bday":
		p.Values = []calldata.Value{value("date", "time", "date-time", "text")}
	default:
		p.Values = []calldata.Value{value("text", "uri", "utc-offset")}
	}
	for _, k := range []string{"altid", "calscale", "geo", "label", "language", "mediatype", "pid", "pref", "sort-as", "type", "tz"} {
		if rapid.IntRange(0, 19).Draw(g.t, "with "+k) > 0 {
			continue
		}
		param := calldata.Param{Name: k, Values: []calldata.Value{value("text", "text", "uri", "integer", "language-tag")}}
		if k == "type" {
			param.Values = []calldata.Value{{Kind: "text", Text: rapid.SampledFrom([]string{"work", "home", "voice", "spouse"}).Draw(g.t, "type")}}
		}
		p.Params = append(p.Params, param)
	}
	return p
}

// values are samples of kinds, good ones and others.
func values(kinds []string) []calldata.Value {
	samples := map[string][]string{
		"text": {"x", "", "a <&> b", "1.2", "gregorian", "work"}, "uri": {"tel:+1", "geo:1,2", "nothing"}, "utc-offset": {"+01", "-0500", "Z"},
		"sourceid": {"1", "0"}, "sex": {"M", "", "x"}, "language-tag": {"en", "de-at", "E"}, "timestamp": {"20261122T010203Z", "2026"},
		"date": {"20261122", "2026-11", "--11", "--1122", "---22", "2026"}, "time": {"10", "1022", "102200Z", "-2200", "-220", "--00", "-22", "10+01"},
		"date-time": {"20261122T10", "--1122T1022-0500", "---22T102200Z", "20261122"}, "integer": {"1", "100", "101", "x"},
	}
	var vs []calldata.Value
	for _, k := range kinds {
		for _, s := range samples[k] {
			vs = append(vs, calldata.Value{Kind: k, Text: s})
		}
	}
	return vs
}

func (g gen) cards() []calldata.VCard {
	var cards []calldata.VCard
	for range rapid.IntRange(0, 2).Draw(g.t, "cards") {
		c := calldata.VCard{Properties: []calldata.Property{calldata.NewText("fn", g.text("fn"), "work")}}
		for range rapid.IntRange(0, 3).Draw(g.t, "properties") {
			c.Properties = append(c.Properties, g.property())
		}
		if rapid.IntRange(0, 4).Draw(g.t, "group") == 0 {
			c.Groups = []calldata.Group{{Name: g.text("group"), Properties: []calldata.Property{calldata.NewText("fn", "x"), g.property()}}}
		}
		c.Extensions = g.extensions()
		cards = append(cards, c)
	}
	return cards
}

func (g gen) provider() calldata.ProviderInfo {
	return calldata.ProviderInfo{
		Reference: g.token("reference"), Name: g.text("name"), ID: g.text("id"), Series: g.text("series"), Type: g.token("type"), ContactURI: g.uri("contact"),
		Languages: g.languages(), Contacts: g.cards(), SubcontractorPrincipal: g.text("principal"), SubcontractorPriority: g.pick("priority", []string{"", "sub", "main"}, "x"), Extensions: g.extensions(),
	}
}

func (g gen) service() calldata.ServiceInfo {
	return calldata.ServiceInfo{
		Reference: g.token("reference"), Environment: g.text("environment"), Mobility: g.text("mobility"), Extensions: g.extensions(),
		Types: []string{g.pick("type", []string{"POTS", "VOIP"}, ""), "digital"},
	}
}

func (g gen) device() calldata.DeviceInfo {
	return calldata.DeviceInfo{
		Reference: g.token("reference"), Classification: g.text("classification"), Manufacturer: g.text("manufacturer"), Model: g.text("model"),
		IDs: []calldata.DeviceID{{Type: g.token("id type"), Value: g.text("id")}}, SpecificData: g.uri("data"), SpecificType: g.text("data type"), Extensions: g.extensions(),
	}
}

// meant is a copy of v as it is on the wire: without white space around texts,
// that of tokens and URIs collapsed, languages in lower case. It is what the
// documentation of this package allows an encoder to change.
func meant[T any](v T) T {
	out := reflect.New(reflect.TypeOf(v)).Elem()
	copyMeant(out, reflect.ValueOf(v), "")
	return out.Interface().(T)
}

// tokens are the fields whose white space is collapsed. The Type of a DeviceID
// is an attribute, and keeps what stands inside.
var tokens = []string{
	"ProviderInfo.Reference", "ProviderInfo.Type", "ProviderInfo.ContactURI", "ServiceInfo.Reference", "DeviceInfo.Reference",
	"DeviceInfo.SpecificData", "SubscriberInfo.Reference", "Comment.Reference", "Reference.Purpose", "Reference.URI",
}

func copyMeant(dst, src reflect.Value, field string) {
	switch src.Kind() {
	case reflect.Struct:
		if src.Type() == reflect.TypeFor[foreign.Element]() {
			dst.Set(src)
			return
		}
		for i := range src.NumField() {
			copyMeant(dst.Field(i), src.Field(i), src.Type().Name()+"."+src.Type().Field(i).Name)
		}
	case reflect.Slice:
		for i := range src.Len() {
			item := reflect.New(src.Type().Elem()).Elem()
			copyMeant(item, src.Index(i), field)
			dst.Set(reflect.Append(dst, item))
		}
	case reflect.String:
		s := strings.Trim(src.String(), " \t\r\n")
		if slices.Contains(tokens, field) {
			s = strings.Join(strings.Fields(s), " ")
		}
		if field == "ProviderInfo.Languages" {
			s = strings.ToLower(s)
		}
		dst.SetString(s)
	default:
		dst.Set(src)
	}
}

// alike compares what was read with what was meant. Properties of a card, and
// the parameters of one, have no order among different names; among those of
// one name it counts.
var alike = cmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.AcyclicTransformer("byName", func(ps []calldata.Property) map[string][]calldata.Property {
		m := map[string][]calldata.Property{}
		for _, p := range ps {
			m[p.Name] = append(m[p.Name], p)
		}
		return m
	}),
	// Where both are empty they are equal already, and a second option would be one
	// too many.
	cmp.FilterValues(func(a, b []calldata.Param) bool { return len(a)+len(b) > 0 },
		cmpopts.AcyclicTransformer("paramsByName", func(ps []calldata.Param) map[string][]calldata.Param {
			m := map[string][]calldata.Param{}
			for _, p := range ps {
				m[p.Name] = append(m[p.Name], p)
			}
			return m
		})),
}

// check writes a value, notes the document for the schema, and reads it back.
func check[T any](t *rapid.T, docs map[string][]byte, seen *int, v T, write func([]byte, T) ([]byte, error), read func([]byte) (T, error)) {
	doc, err := write([]byte{}, v)
	if err != nil {
		if len(doc) != 0 {
			t.Fatalf("%v, and %q was written", err, doc)
		}
		return
	}
	*seen++
	docs[fmt.Sprintf("%T %d", v, *seen)] = doc
	got, err := read(doc)
	if err != nil {
		t.Fatalf("%s\nwas written, and is not read: %v", doc, err)
	}
	if diff := cmp.Diff(meant(v), got, alike); diff != "" {
		t.Fatalf("%s\n(-meant +read):\n%s", doc, diff)
	}
	again, err := write(nil, got)
	if err != nil {
		t.Fatalf("%s\nwas read, and is not written: %v", doc, err)
	}
	if diff := cmp.Diff(string(doc), string(again)); diff != "" {
		t.Fatalf("(-written +read and written):\n%s", diff)
	}
}

// Values are written as the schema wants them or refused, and what is written
// is read as it was.
//
// Proves: RFC 7852, RFC 6351, E10
func TestWhatIsWrittenIsValidAndReadTheSame(t *testing.T) {
	docs, seen := map[string][]byte{}, 0
	rapid.Check(t, func(t *rapid.T) {
		g := gen{t}
		check(t, docs, &seen, g.provider(), calldata.AppendProviderInfo, calldata.ParseProviderInfo)
		check(t, docs, &seen, g.service(), calldata.AppendServiceInfo, calldata.ParseServiceInfo)
		check(t, docs, &seen, g.device(), calldata.AppendDeviceInfo, calldata.ParseDeviceInfo)
		check(t, docs, &seen, g.cards(), calldata.AppendVCards, calldata.ParseVCards)
		check(t, docs, &seen, calldata.SubscriberInfo{
			Reference: g.token("reference"), PrivacyRequested: rapid.Bool().Draw(t, "privacy"), Cards: g.cards(), Extensions: g.extensions(),
		}, calldata.AppendSubscriberInfo, calldata.ParseSubscriberInfo)
		check(t, docs, &seen, calldata.Comment{
			Reference: g.token("reference"), Extensions: g.extensions(),
			Comments: []calldata.Text{{Lang: g.pick("lang", []string{"", "en", "de-AT"}, "x_y", "toolongalanguage"), Text: g.text("comment")}},
		}, calldata.AppendComment, calldata.ParseComment)
	})
	t.Logf("%d documents", len(docs))
	if len(docs) < 200 {
		t.Errorf("only %d values could be written", len(docs))
	}
	schemacheck.Check(t, schemacheck.XSD(t, docs), docs)
}

// Proves: RFC 7852, section 5.2
func TestProvidedByComesBack(t *testing.T) {
	docs := map[string][]byte{}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		g := gen{t}
		p := calldata.ProvidedBy{
			Providers: []calldata.ProviderInfo{g.provider(), g.provider()}, Services: []calldata.ServiceInfo{g.service()}, Devices: []calldata.DeviceInfo{g.device()},
			References: []calldata.Reference{{Purpose: g.token("purpose"), URI: g.uri("ref"), Extensions: g.extensions()}},
			Extensions: g.extensions(),
		}
		p, _ = p.Writable()
		doc, err := calldata.AppendProvidedBy(nil, p)
		if err != nil {
			t.Fatalf("what is writable is not written: %v", err)
		}
		if p.Empty() != (len(doc) == 0) {
			t.Fatalf("%+v is written as %q", p, doc)
		}
		n++
		whole := fmt.Appendf(nil, `<gp:geopriv xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"><gp:location-info/><gp:usage-rules/><gp:provided-by>%s</gp:provided-by></gp:geopriv>`, doc)
		if len(doc) > 0 {
			docs[fmt.Sprint(n)] = whole
		}
		got, err := calldata.Parse([]byte("<provided-by>" + string(doc) + "</provided-by>"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(meant(p), got, alike); diff != "" {
			t.Fatalf("%s\n(-meant +read):\n%s", doc, diff)
		}
		again, err := calldata.AppendProvidedBy(nil, got)
		if diff := cmp.Diff(string(doc), string(again)); diff != "" || err != nil {
			t.Fatalf("%v (-written +read and written):\n%s", err, diff)
		}
	})
	schemacheck.Check(t, schemacheck.XSD(t, docs), docs)
}
