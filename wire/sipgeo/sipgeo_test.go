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
	for _, id := range []string{"a@b", "a%b<c d\">@x"} {
		l := sipgeo.ParseGeolocation([]string{sipgeo.FormatGeolocation(sipgeo.FromContentID(id))})
		if len(l) != 1 {
			t.Fatalf("%q: got %v", id, l)
		}
		if got, _ := l[0].ContentID(); got != id {
			t.Errorf("got %q, want %q", got, id)
		}
	}
}

// Proves: E10
func TestNobodyBreaksOutOfAHeader(t *testing.T) {
	got := sipgeo.FormatGeolocation(sipgeo.Location{URI: "https://x/>\r\nEvil: 1", Params: "a=b\r\nEvil: 2"}, sipgeo.Location{URI: "cid:a@b"})
	if strings.ContainsAny(got, "\r\n") || strings.Count(got, ">") != 2 {
		t.Errorf("got %q", got)
	}
	got = sipgeo.CallInfo{URI: "urn:x>\r\n", Purpose: "a\r\nEvil: 1"}.Format()
	if strings.ContainsAny(got, "\r\n") || strings.Count(got, ">") != 1 {
		t.Errorf("got %q", got)
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
	if diff := cmp.Diff([]sipgeo.CallInfo{in}, sipgeo.ParseCallInfo([]string{in.Format()})); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
	if got := sipgeo.ParseCallInfo([]string{`<cid:1@h>;x=1;Purpose="EmergencyCallData.ProviderInfo"`}); len(got) != 1 || got[0].Purpose != sipgeo.PurposeProviderInfo {
		t.Errorf("a quoted purpose: got %v", got)
	}
}

// Proves: E1
func FuzzHeaders(f *testing.F) {
	f.Add("<cid:a@b>;x=\"y,z\\\"\", <https://c/d>")
	f.Add("<urn:emergency:uid:callid:1:a>;purpose=emergency-CallId")
	f.Fuzz(func(t *testing.T, h string) {
		ls := sipgeo.ParseGeolocation([]string{h})
		for _, l := range ls {
			l.ContentID()
		}
		again := sipgeo.ParseGeolocation([]string{sipgeo.FormatGeolocation(ls...)})
		if len(ls) > 0 && len(again) == 0 {
			t.Fatalf("%q: %v was lost", h, ls)
		}
		for _, c := range sipgeo.ParseCallInfo([]string{h}) {
			if s := c.Format(); strings.ContainsAny(s, "\r\n") {
				t.Fatalf("%q breaks its line", s)
			}
		}
		sipgeo.EmergencyIDs([]string{h})
		sipgeo.ParseRouting([]string{h})
	})
}
