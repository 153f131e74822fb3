package sipgeo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/sipgeo"
)

// One test for each rule of the documents that whoever reads and writes these
// headers can keep. What a rule asks of a SIP stack (where a header may stand,
// which response is sent) is not the business of this package.

// Proves: RFC 6442 section 4.1 (the URI schemes; a geo URI is not one of them)
func TestRFC6442Section41AGeoURIIsNoLocationValue(t *testing.T) {
	for _, uri := range []string{"sip:a@b", "sips:a@b", "pres:a@b", "http://a/b", "https://a/b", "cid:a@b", "urn:x:y"} {
		if got := sipgeo.ParseGeolocation([]string{must(t)(sipgeo.FormatGeolocation(sipgeo.Location{URI: uri}))}); len(got) != 1 || got[0].URI != uri {
			t.Errorf("%s: got %v", uri, got)
		}
	}
	for _, uri := range []string{"geo:37.78,-122.4", "GEO:37.78,-122.4"} {
		if got := sipgeo.ParseGeolocation([]string{"<" + uri + ">"}); got != nil {
			t.Errorf("%s was read as %v", uri, got)
		}
		if got, err := sipgeo.FormatGeolocation(sipgeo.Location{URI: uri}); err == nil || got != "" {
			t.Errorf("%s was written as %q", uri, got)
		}
	}
}

// Proves: RFC 6442 section 4.1 (parameters are ignored and not removed)
func TestRFC6442Section41ParametersAreIgnoredAndForwarded(t *testing.T) {
	const came = `<https://ls.example.com/x>;new;inserted-by="p.example.com";n=1`
	got := sipgeo.ParseGeolocation([]string{came})
	if len(got) != 1 || got[0].URI != "https://ls.example.com/x" {
		t.Fatalf("got %v", got)
	}
	if goes := must(t)(sipgeo.FormatGeolocation(got...)); goes != came {
		t.Errorf("came %s, goes %s", came, goes)
	}
}

// Proves: RFC 6442 section 4.1 (at least one value; a new one stands last), section 4.2.1 (one header or several)
func TestRFC6442Section41WhatIsAddedStandsLast(t *testing.T) {
	one := sipgeo.ParseGeolocation([]string{"<cid:a@b>, <sips:c@d>"})
	several := sipgeo.ParseGeolocation([]string{"<cid:a@b>", "<sips:c@d>"})
	if diff := cmp.Diff(one, several); diff != "" {
		t.Errorf("one header and two (-one +two):\n%s", diff)
	}
	goes := must(t)(sipgeo.FormatGeolocation(append(one, sipgeo.Location{URI: "https://proxy.example/1"})...))
	if goes != "<cid:a@b>, <sips:c@d>, <https://proxy.example/1>" {
		t.Errorf("got %s", goes)
	}
	if none := must(t)(sipgeo.FormatGeolocation()); none != "" {
		t.Errorf("a header without value is written: %q", none)
	}
}

// Proves: RFC 6442 section 4.2 (any other value counts as no; none counts as no; "no" is not changed)
func TestRFC6442Section42WhatIsNotYesIsNo(t *testing.T) {
	for value, want := range map[string]sipgeo.Routing{
		"yes": sipgeo.RoutingYes, "YES": sipgeo.RoutingYes, "no": sipgeo.RoutingNo, "No": sipgeo.RoutingNo,
		"maybe": sipgeo.RoutingNo, "": sipgeo.RoutingNo, "yes, please": sipgeo.RoutingNo, "yesno": sipgeo.RoutingNo,
	} {
		if got := sipgeo.ParseRouting([]string{value}); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
	for _, wanted := range []sipgeo.Routing{sipgeo.RoutingAbsent, sipgeo.RoutingNo, sipgeo.RoutingYes} {
		if got := sipgeo.RoutingNo.Forward(wanted); got != sipgeo.RoutingNo {
			t.Errorf("no became %v for who wanted %v", got, wanted)
		}
		if sipgeo.RoutingAbsent.Forward(wanted) == sipgeo.RoutingYes && wanted != sipgeo.RoutingYes {
			t.Error("an absent header became yes by itself")
		}
	}
	if sipgeo.RoutingAbsent.String() != "" || sipgeo.RoutingYes.String() != "yes" || sipgeo.RoutingNo.String() != "no" {
		t.Error("a header is written without a value, or with another one")
	}
}

// Proves: RFC 6442 section 4.2.1 (the header stands once)
func TestRFC6442Section421TheRoutingHeaderStandsOnce(t *testing.T) {
	if got := sipgeo.ParseRouting([]string{"yes", "no"}); got != sipgeo.RoutingNo {
		t.Errorf("yes and no: got %v", got)
	}
	if got := sipgeo.ParseRouting([]string{"no", "yes"}); got != sipgeo.RoutingNo {
		t.Errorf("no and yes: got %v", got)
	}
}

// Proves: RFC 6442 section 4.4 (one value only; one text for a code; three digits)
func TestRFC6442Section44AnErrorIsOneCodeOfThreeDigits(t *testing.T) {
	got, ok := sipgeo.ParseLocationError([]string{`300 ;code="Dereference Failure"`, `100;code="Cannot Process Location"`})
	if !ok || got.Code != sipgeo.DereferenceFailure {
		t.Errorf("got %v", got)
	}
	if s := must(t)(got.Format()); s != `300;code="Dereference Failure"` {
		t.Errorf("got %s", s)
	}
	for _, bad := range []sipgeo.LocationError{{Code: 0}, {Code: 30}, {Code: 1000}, {Code: -300}, {Code: 300, Text: "a", Params: `code="b"`}} {
		if s, err := bad.Format(); err == nil {
			t.Errorf("%+v was written as %s", bad, s)
		}
	}
}

// Proves: RFC 6442 section 4.4 (an unknown code is processed as X00, any other as 100)
func TestRFC6442Section44AnUnknownCodeCountsAsItsHundred(t *testing.T) {
	for code, want := range map[int]int{
		100: 100, 101: 100, 200: 200, 201: 201, 202: 202, 203: 200, 299: 200, 300: 300, 301: 300, 400: 100, 999: 100, 1: 100,
	} {
		if got := (sipgeo.LocationError{Code: code}).Class(); got != want {
			t.Errorf("%d counts as %d, want %d", code, got, want)
		}
	}
}

// Proves: RFC 6442 section 4.6 (a reference goes with the option tag of its profile), section 8.3 (the tags)
func TestRFC6442Section46AReferenceHasItsOptionTag(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:a@b": "geolocation-sip", "sips:a@b": "geolocation-sip", "pres:a@b": "geolocation-sip", "http://a/": "geolocation-http",
		"https://a/": "geolocation-http", "cid:a@b": "", "xmpp:a@b": "",
	} {
		if got := (sipgeo.Location{URI: uri}).OptionTag(); got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
	}
}

// Proves: RFC 6442 section 8.6 (the registered codes and their texts)
func TestRFC6442Section86TheCodesHaveTheirTexts(t *testing.T) {
	for code, want := range map[int]string{
		sipgeo.CannotProcess:      "Cannot Process Location",
		sipgeo.PermissionToUse:    "Permission To Use Location Information",
		sipgeo.PermissionToResend: "Permission To Retransmit Location Information to a Third Party",
		sipgeo.PermissionToRoute:  "Permission to Route based on Location Information",
		sipgeo.DereferenceFailure: "Dereference Failure",
	} {
		if got := sipgeo.CodeText(code); got != want {
			t.Errorf("%d: got %q, want %q", code, got, want)
		}
	}
}

// Proves: RFC 2392 section 2 (a cid URL is the Content-ID without angle brackets, percent-encoded), used by RFC 6442 section 4.1
func TestRFC2392Section2AContentIDIsEscapedAndCompared(t *testing.T) {
	for id, uri := range map[string]string{
		"foo4%foo1@bar.net":               "cid:foo4%25foo1@bar.net",
		"<target123@atlanta.example.com>": "cid:target123@atlanta.example.com",
		"a b@x":                           "cid:a%20b@x",
	} {
		l := sipgeo.FromContentID(id)
		if l.URI != uri {
			t.Errorf("%s: got %s, want %s", id, l.URI, uri)
		}
		if got, ok := l.ContentID(); !ok || got != strings.Trim(id, "<>") {
			t.Errorf("%s comes back as %q", id, got)
		}
	}
	if got, _ := (sipgeo.Location{URI: "CID:Target@Example"}).ContentID(); got != "Target@Example" {
		t.Errorf("the case of a Content-ID counts; got %s", got)
	}
}

// Proves: RFC 3326 section 2 (each value has a protocol of its own; what is not understood is ignored)
func TestRFC3326Section2AProtocolStandsOnce(t *testing.T) {
	s, err := sipgeo.FormatReasons(
		sipgeo.Reason{Protocol: "SIP", Cause: 200, Text: "Call completed elsewhere"},
		sipgeo.Reason{Protocol: "Q.850", Cause: 16, Text: "Terminated"},
		sipgeo.Reason{Protocol: "sip", Cause: 600},
	)
	if s != `SIP;cause=200;text="Call completed elsewhere", Q.850;cause=16;text="Terminated"` || err == nil {
		t.Errorf("got %s and %v", s, err)
	}
	got := sipgeo.ParseReasons([]string{`SIP ;cause=600 ;text="Busy Everywhere"`, `NEW-THING;cause=1;x`})
	if len(got) != 2 || got[0].Cause != 600 || got[1].Protocol != "NEW-THING" {
		t.Errorf("got %+v", got)
	}
}

// Proves: RFC 4411 section 5 (the causes of a preemption, and no others)
func TestRFC4411Section5APreemptionHasOneOfFourCauses(t *testing.T) {
	for cause := range 7 {
		s, err := sipgeo.FormatReasons(sipgeo.Reason{Protocol: sipgeo.ReasonPreemption, Cause: cause, Text: "x"})
		if want := cause <= sipgeo.PreemptedNonIP; (err == nil) != want {
			t.Errorf("cause %d: got %q and %v", cause, s, err)
		}
	}
}

// Proves: RFC 4412 section 3.1 (tokens without periods, compared without case; a namespace stands once in a message)
func TestRFC4412Section31ANamespaceStandsOnce(t *testing.T) {
	a, b := sipgeo.Priority{Namespace: "dsn", Value: "flash"}, sipgeo.Priority{Namespace: "DSN", Value: "Flash"}
	if !a.Equal(b) {
		t.Error("dsn.flash and DSN.Flash are equivalent")
	}
	s, err := sipgeo.FormatPriorities(a, sipgeo.Priority{Namespace: "wps", Value: "3"}, b)
	if s != "dsn.flash, wps.3" || err == nil {
		t.Errorf("got %q and %v", s, err)
	}
	for _, bad := range []sipgeo.Priority{{Namespace: "a.b", Value: "1"}, {Namespace: "a", Value: "1.2"}, {Namespace: "a"}, {Value: "1"}, {Namespace: "a b", Value: "1"}} {
		if s, err := sipgeo.FormatPriorities(bad); err == nil {
			t.Errorf("%+v was written as %s", bad, s)
		}
	}
	one, several := sipgeo.ParsePriorities([]string{"dsn.flash, wps.3"}), sipgeo.ParsePriorities([]string{"dsn.flash", "wps.3"})
	if diff := cmp.Diff(one, several); diff != "" {
		t.Errorf("one header and two (-one +two):\n%s", diff)
	}
}

// Proves: RFC 4412 section 3.2 (Accept-Resource-Priority lists all that is understood, perhaps nothing)
func TestRFC4412Section32AllThatIsAcceptedIsListed(t *testing.T) {
	var all []sipgeo.Priority
	for level := range 5 {
		all = append(all, sipgeo.ESNet(level))
	}
	s := must(t)(sipgeo.FormatAccepted(all...))
	if s != "esnet.0, esnet.1, esnet.2, esnet.3, esnet.4" {
		t.Errorf("got %s", s)
	}
	if diff := cmp.Diff(all, sipgeo.ParsePriorities([]string{s})); diff != "" {
		t.Error(diff)
	}
}

// Proves: RFC 4412 section 4.6.1 (r-values that are not understood are not modified or deleted)
func TestRFC4412Section461UnknownPrioritiesAreKept(t *testing.T) {
	got := sipgeo.ParsePriorities([]string{"new.7, esnet.1, q735.0"})
	if s := must(t)(sipgeo.FormatPriorities(got...)); s != "new.7, esnet.1, q735.0" {
		t.Errorf("got %s", s)
	}
}

// Proves: RFC 7135 section 3.2 (the namespace esnet with the values 0 to 4)
func TestRFC7135Section32ESNetHasFiveLevels(t *testing.T) {
	for level := range 5 {
		p := sipgeo.ESNet(level)
		if got, ok := p.ESNet(); !ok || got != level || p.Namespace+"."+p.Value != fmt.Sprintf("esnet.%d", level) {
			t.Errorf("level %d: %+v", level, p)
		}
	}
	for _, value := range []string{"5", "9", "-1", "00", "a", ""} {
		if level, ok := (sipgeo.Priority{Namespace: "esnet", Value: value}).ESNet(); ok {
			t.Errorf("esnet.%s counts as level %d", value, level)
		}
	}
}

// Proves: RFC 7852 section 6.1 (the purpose names the block; by value a cid, by reference https)
func TestRFC7852Section61CallInfoNamesTheBlock(t *testing.T) {
	at, err := sipgeo.CallInfoAt("https://adr.example.com/1", sipgeo.PurposeSubscriberInfo)
	if err != nil {
		t.Fatal(err)
	}
	s := must(t)(sipgeo.FormatCallInfo(sipgeo.CallInfoTo("p@x", sipgeo.PurposeProviderInfo), at))
	if s != "<cid:p@x>;purpose=EmergencyCallData.ProviderInfo, <https://adr.example.com/1>;purpose=EmergencyCallData.SubscriberInfo" {
		t.Errorf("got %s", s)
	}
	for _, uri := range []string{"http://adr.example.com/1", "sip:a@b", "cid:a@b", "adr.example.com", ""} {
		if got, err := sipgeo.CallInfoAt(uri, sipgeo.PurposeComment); err == nil {
			t.Errorf("%q leads to %+v", uri, got)
		}
	}
	if !(sipgeo.CallInfo{Purpose: "emergencycalldata.providerinfo"}).Is(sipgeo.PurposeProviderInfo) {
		t.Error("the purpose is compared without case")
	}
	// What somebody else sent is passed on as it came.
	const came = "<http://old.example/1>;purpose=EmergencyCallData.Comment"
	if goes := must(t)(sipgeo.FormatCallInfo(sipgeo.ParseCallInfo([]string{came})...)); goes != came {
		t.Errorf("got %s", goes)
	}
}

// Proves: NENA-STA-010.3 sections 2.1.6 and 2.1.7 (names of call and incident), as in the messages of the i3 conformance suite
func TestNENASection216TheFirstNameOfACallIsKept(t *testing.T) {
	headers := []string{
		"<urn:emergency:uid:callid:a56e556d871b:bcf.example.net>;purpose=emergency-CallId",
		"<urn:emergency:uid:incidentid:b56e556d871b:bcf.example.net>;purpose=emergency-IncidentId",
		"<urn:emergency:uid:callid:ffffffffffff:late.example.net>;purpose=emergency-CallId",
	}
	call, incident := sipgeo.EmergencyIDs(headers)
	if call != "urn:emergency:uid:callid:a56e556d871b:bcf.example.net" || incident != "urn:emergency:uid:incidentid:b56e556d871b:bcf.example.net" {
		t.Errorf("got %s and %s", call, incident)
	}
	for _, made := range []string{sipgeo.CallID("01936f2e-1111-7000", "callbox.example"), sipgeo.IncidentID("01936f2e-1111-7000", "callbox.example")} {
		if err := sipgeo.CheckID(made); err != nil {
			t.Error(err)
		}
	}
}
