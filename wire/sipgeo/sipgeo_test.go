package sipgeo_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/sipgeo"
)

// RFC 6442, section 4.1.
//
// Proves: F-05
func TestGeolocationIsReadInEveryForm(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		want    []sipgeo.Location
	}{
		{"one", []string{"<cid:target123@atlanta.example.com>"}, []sipgeo.Location{{URI: "cid:target123@atlanta.example.com"}}},
		{"two in one header", []string{"<cid:a@b>, <https://ls.example.com/uri/x>;inserted-by=\"a,b\""}, []sipgeo.Location{{URI: "cid:a@b"}, {URI: "https://ls.example.com/uri/x", Params: `inserted-by="a,b"`}}},
		{"two headers", []string{"<cid:a@b>", "<sips:x@y;a=b>"}, []sipgeo.Location{{URI: "cid:a@b"}, {URI: "sips:x@y;a=b"}}},
		{"a comma inside brackets", []string{"<https://x/a,b>"}, []sipgeo.Location{{URI: "https://x/a,b"}}},
		{"without brackets", []string{" https://x/a ;p=1"}, []sipgeo.Location{{URI: "https://x/a", Params: "p=1"}}},
		{"a geo URI is not allowed", []string{"<geo:1,2>, <cid:a@b>"}, []sipgeo.Location{{URI: "cid:a@b"}}},
		{"broken ones are left out", []string{"<cid:a@b", "<>, ,;, <no scheme>, <cid:c@d>"}, []sipgeo.Location{{URI: "cid:c@d"}}},
		{"nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, sipgeo.ParseGeolocation(c.headers)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := sipgeo.ParseGeolocation([]string{strings.Repeat("<cid:a@b>,", 500)}); len(got) > 16 {
		t.Errorf("%d values were kept", len(got))
	}
}

// Proves: F-05, F-27
func TestAContentIDIsFoundAndWritten(t *testing.T) {
	for uri, want := range map[string]string{
		"cid:target123@atlanta.example.com": "target123@atlanta.example.com",
		"CID:a%25b%3Cc@D":                   "a%b<c@D",
		"cid:":                              "",
		"cid:%zz":                           "",
		"https://x/y":                       "",
	} {
		got, ok := sipgeo.Location{URI: uri}.ContentID()
		if got != want || ok != (want != "") {
			t.Errorf("%s: got %q %v, want %q", uri, got, ok, want)
		}
	}
	for _, id := range []string{"a@b", "a%b<c d\">@x", "é[1]@x"} {
		l := sipgeo.ParseGeolocation([]string{must(t)(sipgeo.FormatGeolocation(sipgeo.FromContentID(id)))})
		if len(l) != 1 {
			t.Fatalf("%q: got %v", id, l)
		}
		if got, _ := l[0].ContentID(); got != id {
			t.Errorf("got %q, want %q", got, id)
		}
	}
}

func must(t *testing.T) func(string, error) string {
	t.Helper()
	return func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// What would not be a value is named and left out; the others are written.
//
// Proves: E10
func TestNobodyBreaksOutOfAHeader(t *testing.T) {
	good := sipgeo.Location{URI: "cid:a@b"}
	for _, bad := range []sipgeo.Location{
		{URI: "https://x/>\r\nEvil: 1"},
		{URI: "https://x/", Params: "a=b\r\nEvil: 2"},
		{URI: "https://x/", Params: "a=b, <cid:c@d>"},
		{URI: "https://x/", Params: `a="b`},
		{URI: "https://x/", Params: "a=b;;c"},
		{URI: "https://x/", Params: "a="},
		{},
		{URI: "cid:"},
		{URI: "no scheme"},
		{URI: "geo:1,2"},
		{URI: "https://x/%zz"},
		{URI: "https://x/" + strings.Repeat("a", 3000)},
	} {
		got, err := sipgeo.FormatGeolocation(bad, good)
		if err == nil || got != "<cid:a@b>" {
			t.Errorf("%+v: got %q and %v", bad, got, err)
		}
	}
	for _, bad := range []sipgeo.CallInfo{
		{URI: "urn:x>\r\n"}, {URI: "urn:x", Purpose: "a\r\nEvil: 1"}, {URI: "urn:x", Purpose: "a b"}, {URI: "urn:x", Purpose: "a", Params: "Purpose=b"},
	} {
		if got, err := bad.Format(); err == nil || got != "" {
			t.Errorf("%+v: got %q and %v", bad, got, err)
		}
	}
}

// RFC 6442, section 4.1: unknown parameters are kept.
//
// Proves: F-05
func TestParametersAreKept(t *testing.T) {
	const in = `<https://ls.example.com/x>;inserted-by="a, \"b\"; c";used-for-routing;host=[2001:db8::1]`
	l := sipgeo.ParseGeolocation([]string{in})
	if got := must(t)(sipgeo.FormatGeolocation(l...)); got != in {
		t.Errorf("got  %s\nwant %s", got, in)
	}
	if by, ok := l[0].Param("Inserted-By"); !ok || by != `a, "b"; c` {
		t.Errorf("inserted-by: got %q %v", by, ok)
	}
	if _, ok := l[0].Param("c\""); ok {
		t.Error("a parameter was found inside of quotes")
	}
	if got := sipgeo.ParseGeolocation([]string{"<cid:a@b>; a = b ; =x;b d;c=\"x"}); len(got) != 1 || got[0].Params != "a=b" {
		t.Errorf("broken parameters: got %+v", got)
	}
}

// RFC 6442, section 4.6.
//
// Proves: F-05
func TestReferencesNeedAnOptionTag(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:a@b": "geolocation-sip", "SIPS:a@b": "geolocation-sip", "pres:a@b": "geolocation-sip",
		"http://a": "geolocation-http", "https://a": "geolocation-http", "cid:a@b": "", "": "",
	} {
		if got := (sipgeo.Location{URI: uri}).OptionTag(); got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
	}
}

// RFC 6442, section 4.2: an unknown value is as "no".
//
// Proves: F-25
func TestRoutingIsReadAsTheRuleSays(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    sipgeo.Routing
		text    string
	}{
		{nil, sipgeo.RoutingAbsent, ""},
		{[]string{" Yes "}, sipgeo.RoutingYes, "yes"},
		{[]string{"yes;x=y"}, sipgeo.RoutingYes, "yes"},
		{[]string{"no"}, sipgeo.RoutingNo, "no"},
		{[]string{"perhaps"}, sipgeo.RoutingNo, "no"},
		{[]string{""}, sipgeo.RoutingNo, "no"},
		{[]string{"yes", "no"}, sipgeo.RoutingNo, "no"},
	} {
		if got := sipgeo.ParseRouting(c.headers); got != c.want || got.String() != c.text {
			t.Errorf("%q: got %v %q", c.headers, got, got)
		}
	}
	for _, c := range []struct{ came, wanted, goes sipgeo.Routing }{
		{sipgeo.RoutingNo, sipgeo.RoutingYes, sipgeo.RoutingNo},
		{sipgeo.RoutingNo, sipgeo.RoutingAbsent, sipgeo.RoutingNo},
		{sipgeo.RoutingYes, sipgeo.RoutingNo, sipgeo.RoutingNo},
		{sipgeo.RoutingYes, sipgeo.RoutingAbsent, sipgeo.RoutingYes},
		{sipgeo.RoutingAbsent, sipgeo.RoutingYes, sipgeo.RoutingYes},
		{sipgeo.RoutingAbsent, sipgeo.RoutingAbsent, sipgeo.RoutingAbsent},
	} {
		if got := c.came.Forward(c.wanted); got != c.goes {
			t.Errorf("%q came, %q is wanted: %q goes, want %q", c.came, c.wanted, got, c.goes)
		}
	}
}

// Proves: F-25
func TestEmergencyIdsAreFoundAndMade(t *testing.T) {
	call, incident := sipgeo.EmergencyIDs([]string{
		"<http://x/photo.jpg>;purpose=icon, <urn:emergency:uid:incidentid:12345678901:a.example>;purpose=emergency-IncidentId",
		"<urn:nena:uid:callid:12345678901:a.example>;purpose=nena-CallId",
		"<urn:emergency:uid:callid:later:b.example>;purpose=emergency-CallId",
	})
	if call != "urn:nena:uid:callid:12345678901:a.example" || incident != "urn:emergency:uid:incidentid:12345678901:a.example" {
		t.Errorf("got %q and %q", call, incident)
	}
	if got, want := sipgeo.CallID("01936f2e-1111-7000-8000-000000000001-more", "callbox.example"), "urn:emergency:uid:callid:01936f2e111170008000000000000001:callbox.example"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	in := sipgeo.CallInfo{URI: sipgeo.IncidentID("abc", "d.e"), Purpose: sipgeo.PurposeIncidentID}
	if diff := cmp.Diff([]sipgeo.CallInfo{in}, sipgeo.ParseCallInfo([]string{must(t)(in.Format())})); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
	if got := sipgeo.ParseCallInfo([]string{`<cid:1@h>;x=1;Purpose="EmergencyCallData.ProviderInfo"`}); len(got) != 1 || got[0].Purpose != sipgeo.PurposeProviderInfo {
		t.Errorf("a quoted purpose: got %v", got)
	}
}
