package dialplan_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

// Proves: C-99, N-35, F-28, F-37, E2, RFC 6881 section 15
func TestDialledStrings(t *testing.T) {
	sos := dialplan.Match{Class: e911.ClassEmergency, Service: "urn:service:sos"}
	prefixed := func(d string) dialplan.Match {
		m := sos
		m.Prefixed = d
		return m
	}
	test := dialplan.Match{Class: e911.ClassTest933}
	testURN := dialplan.Match{Class: e911.ClassTestURN, Service: dialplan.ServiceTestSOS}
	none := dialplan.Match{}
	for _, c := range []struct {
		name, uri string
		want      dialplan.Match
	}{
		{"a SIP URI", "sip:911@pbx.example.com", sos},
		{"a SIPS URI in capitals", "SIPS:911@PBX.EXAMPLE.COM", sos},
		{"a tel URI", "tel:911", sos},
		{"a tel URI with its context", "tel:911;phone-context=+1", sos},
		{"a tel URI in a foreign context", "TEL:911;phone-context=+44", sos},
		{"the service URN", "urn:service:sos", sos},
		{"the service URN in capitals", "URN:Service:SOS", sos},
		{"a sub-service is kept", "urn:service:sos.Fire", dialplan.Match{Class: e911.ClassEmergency, Service: "urn:service:sos.fire"}},
		{"a sub-service of a sub-service", "urn:service:sos.ecall.manual", dialplan.Match{Class: e911.ClassEmergency, Service: "urn:service:sos.ecall.manual"}},
		{"a sub-service that is no label becomes plain sos", "urn:service:sos.fi re", sos},
		{"a trailing dot becomes plain sos", "urn:service:sos.", sos},
		{"a URN with parameters", "urn:service:sos;x=1", sos},
		{"a URN as the user of a SIP URI", "sip:urn:service:sos@10.0.0.1", sos},
		{"an escaped URN as the user", "sip:urn%3Aservice%3Asos@10.0.0.1", sos},
		{"user=phone", "sip:911@10.0.0.1;user=phone", sos},
		{"user=dialstring (RFC 4967)", "sip:911;phone-context=example.com@10.0.0.1;user=dialstring", sos},
		{"a port, a transport and headers", "sip:911@10.0.0.1:5060;transport=tcp;lr?Subject=x%40y", sos},
		{"an IPv6 host", "sip:911@[2001:db8::1]:5060", sos},
		{"a password", "sip:911:secret@10.0.0.1", sos},
		{"percent escapes", "sip:%39%31%31@10.0.0.1", sos},
		{"half a percent escape", "sip:9%311@10.0.0.1", sos},
		{"visual separators", "tel:9-1-1", sos},
		{"parentheses and dots", "sip:(9)1.1@10.0.0.1", sos},
		{"an escaped space", "sip:9%2011@10.0.0.1", sos},
		{"telephone-subscriber parameters", "sip:911;isub=12;ext=3@10.0.0.1", sos},
		{"no user part", "sip:911", sos},
		{"no user part but a port", "sip:911:5060;user=phone", sos},
		{"angle brackets", "<sip:911@10.0.0.1>;tag=1", sos},
		{"white space around", "  sip:911@10.0.0.1 ", sos},
		{"no scheme", "911", sos},
		{"no scheme but a host", "911@10.0.0.1", sos},
		{"the key that ends dialling", "sip:911%23@10.0.0.1", sos},

		{"outside digit 9", "sip:9911@10.0.0.1", prefixed("9911")},
		{"outside digit 8", "sip:8911@10.0.0.1", prefixed("8911")},
		{"long-distance 1", "tel:1911", prefixed("1911")},
		{"a plus sign", "tel:+911", prefixed("+911")},
		{"a plus sign, escaped", "sip:%2B911@10.0.0.1", prefixed("+911")},
		{"everything written as E.164", "sip:+1911@10.0.0.1", prefixed("+1911")},

		{"933", "sip:933@10.0.0.1;user=phone", test},
		{"933 as tel", "tel:9-3-3", test},

		{"an extension that starts with 911", "sip:9110@10.0.0.1", none},
		{"an extension that ends with 911", "sip:2911@10.0.0.1", none},
		{"a ten-digit number that starts with 911", "sip:9115550100@10.0.0.1", none},
		{"a ten-digit number that ends with 911", "tel:+16175550911", none},
		{"an area code 911 with a plus sign", "tel:+19115550100", none},
		{"9933", "sip:9933@10.0.0.1", none},
		{"+933", "tel:+933", none},
		{"99911", "sip:99911@10.0.0.1", none},
		{"911 as a host of somebody", "sip:alice@911", none},
		{"911 in a parameter", "sip:alice@10.0.0.1;x=911", none},
		{"911 with letters", "sip:a911@10.0.0.1", none},
		{"a plus sign inside", "tel:9+11", none},
		{"a hash inside", "sip:9%2311@10.0.0.1", none},
		{"a hash alone", "sip:%23@10.0.0.1", none},
		{"another emergency number", "sip:112@10.0.0.1", none},
		{"another service", "urn:service:counseling", none},
		{"a service that begins like sos", "urn:service:sosial", none},
		{"a test service", "urn:service:test.sos", testURN},
		{"a test service in capitals", "URN:Service:Test.SOS", testURN},
		{"a test of a sub-service", "urn:service:test.sos.Fire", dialplan.Match{Class: e911.ClassTestURN, Service: "urn:service:test.sos.fire"}},
		{"a test service as the user of a SIP URI", "sip:urn%3Aservice%3Atest.sos@10.0.0.1", testURN},
		{"a test sub-service that is no label becomes plain", "urn:service:test.sos.fi re", testURN},
		{"a service that begins like a test of sos", "urn:service:test.sosial", none},
		{"a test of another service", "urn:service:test.counseling", none},
		{"another scheme", "h323:911@10.0.0.1", none},
		{"nothing", "", none},
		{"a scheme alone", "sip:", none},
		{"a broken escape", "sip:9%1@10.0.0.1", none},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := dialplan.Find(c.uri)
			if got != c.want || ok != (c.want != none) {
				t.Errorf("Find(%q) = %+v, %v, want %+v", c.uri, got, ok, c.want)
			}
			class, service, ok2 := dialplan.Detect(c.uri)
			if class != c.want.Class || service != c.want.Service || ok2 != ok {
				t.Errorf("Detect(%q) = %v, %q, %v, want what Find says", c.uri, class, service, ok2)
			}
		})
	}
}

// Proves: C-99, E2
func TestNineOneOneIsFoundInAnyWrapping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.SampledFrom([]string{"911", "9911", "8911", "1911", "+911"}).Draw(t, "digits")
		var user strings.Builder
		for _, d := range digits {
			user.WriteString(rapid.SampledFrom([]string{"", "-", ".", "(", ")", "%20", "%2D"}).Draw(t, "separator"))
			if rapid.Bool().Draw(t, "escaped") {
				fmt.Fprintf(&user, "%%%02X", d)
			} else {
				user.WriteRune(d)
			}
		}
		param := rapid.StringMatching(`(;[a-z]{1,8}(=[A-Za-z0-9.+-]{0,12})?){0,3}`)
		host := rapid.StringMatching(`[a-z0-9.-]{1,20}(:[0-9]{1,5})?`)
		scheme := rapid.SampledFrom([]string{"sip:", "SIP:", "sips:", "Sips:", "tel:", "TEL:"}).Draw(t, "scheme")
		uri := scheme + user.String() + param.Draw(t, "user parameters")
		if strings.HasPrefix(strings.ToLower(scheme), "sip") {
			uri += rapid.SampledFrom([]string{"", ":pw"}).Draw(t, "password") + "@" + host.Draw(t, "host") + param.Draw(t, "parameters")
		}
		class, service, ok := dialplan.Detect(uri)
		if class != e911.ClassEmergency || service != dialplan.ServiceSOS || !ok {
			t.Fatalf("Detect(%q) = %v, %q, %v, want an emergency call", uri, class, service, ok)
		}
	})
}

// Proves: N-35, F-37
func TestAFurtherDigitIsAnotherNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.StringMatching(`[0-9]{0,8}`).Draw(t, "before")
		after := rapid.StringMatching(`[0-9]{0,8}`).Draw(t, "after")
		if after == "" && (before == "" || before == "9" || before == "1" || before == "8") {
			return
		}
		uri := "sip:" + before + "911" + after + "@10.0.0.1"
		if m, ok := dialplan.Find(uri); ok {
			t.Fatalf("Find(%q) = %+v, want no match", uri, m)
		}
	})
}

// FuzzFind checks the promises for any octets: no panic, and a match is one of
// the three classes with a service URN that can be sent on.
//
// Proves: C-99, E2
func FuzzFind(f *testing.F) {
	for _, s := range []string{"sip:911@h", "tel:+911", "urn:service:sos.fire", "sip:%39%31%31@h;x", "<sip:9-1-1@h>", "%", "sip:%2", ":", "urn:service:sos.\xff", "urn:service:test.sos.fire"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		m, ok := dialplan.Find(uri)
		if !ok {
			if m != (dialplan.Match{}) {
				t.Fatalf("Find(%q) = %+v without a match", uri, m)
			}
			return
		}
		switch m.Class {
		case e911.ClassTest933:
			if m.Service != "" || m.Prefixed != "" {
				t.Fatalf("Find(%q) = %+v", uri, m)
			}
		case e911.ClassEmergency, e911.ClassTestURN:
			whole := dialplan.ServiceSOS
			if m.Class == e911.ClassTestURN {
				whole = dialplan.ServiceTestSOS
			}
			rest, isSOS := strings.CutPrefix(m.Service, whole)
			if !isSOS || strings.ContainsAny(rest, " \r\n<>;@%\"") {
				t.Fatalf("Find(%q): service %q", uri, m.Service)
			}
		default:
			t.Fatalf("Find(%q): class %q", uri, m.Class)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		dialplan.Find("sip:+16175550100@10.0.0.1;user=phone")
		dialplan.Find("sip:911@10.0.0.1;user=phone")
	}
}
