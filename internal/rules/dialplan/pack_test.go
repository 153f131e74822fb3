package dialplan_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

// Proves: F-37, E2, RFC 6881 section 5, RFC 5031
func TestNumbersOfOtherCountries(t *testing.T) {
	for _, c := range []struct {
		name      string
		countries []string
		uri       string
		service   string // empty: no emergency
		number    string
	}{
		{"112 in Germany", []string{"DE"}, "sip:112@10.0.0.1;user=phone", "urn:service:sos", "112"},
		{"the police in Germany", []string{"DE"}, "tel:110", "urn:service:sos.police", "110"},
		{"999 in Britain", []string{"GB"}, "sip:9-9-9@10.0.0.1", "urn:service:sos", "999"},
		{"000 in Australia", []string{"AU"}, "sip:%30%30%30@10.0.0.1", "urn:service:sos", "000"},
		{"five digits in South Africa", []string{"ZA"}, "tel:10111;phone-context=+27", "urn:service:sos.police", "10111"},
		{"two digits in France", []string{"FR"}, "sip:15@pbx", "urn:service:sos.ambulance", "15"},
		{"at home in Britain, visiting Germany", []string{"GB", "DE"}, "sip:110@x", "urn:service:sos.police", "110"},
		{"at home in Germany, visiting Japan: one meaning of 110", []string{"DE", "JP"}, "sip:110@x", "urn:service:sos.police", "110"},
		{"Britain and Singapore: two meanings of 999", []string{"GB", "SG"}, "sip:999@x", "urn:service:sos", "999"},
		{"911 in Germany", []string{"DE"}, "sip:911@x", "urn:service:sos", ""},
		{"a sub-service in Germany", []string{"DE"}, "urn:service:sos.fire", "urn:service:sos.fire", ""},
		{"112 in the United States is somebody's extension", []string{"US", "CA"}, "sip:112@x", "", ""},
		{"999 in Germany", []string{"DE"}, "sip:999@x", "", ""},
		{"112 and a further digit", []string{"DE"}, "sip:1120@x", "", ""},
		{"112 behind an outside digit", []string{"DE"}, "sip:0112@x", "", ""},
		{"a number that ends with 112", []string{"DE"}, "tel:+4930112", "", ""},
		{"a country of which nothing is known", []string{"XX"}, "sip:112@x", "", ""},
		{"112 as a host", []string{"DE"}, "sip:alice@112", "", ""},
		{"another scheme", []string{"DE"}, "h323:112@x", "", ""},
		{"another service", []string{"DE"}, "urn:service:counseling", "", ""},
		{"more digits than any number", []string{"DE"}, "sip:112112112@x", "", ""},
		{"nothing at all", []string{"DE"}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, ok := dialplan.NewPlan(c.countries...).Find(c.uri)
			if ok != (c.service != "") || m.Service != c.service || m.Number != c.number || ok && m.Class != e911.ClassEmergency || (m.Country != "") != (c.number != "") {
				t.Errorf("%q in %v: %+v, %v", c.uri, c.countries, m, ok)
			}
		})
	}
}

// Proves: F-37, RFC 5031
func TestEveryPackIsWellFormed(t *testing.T) {
	for _, c := range dialplan.Countries() {
		seen := map[string]bool{}
		for _, n := range dialplan.NumbersOf(c) {
			m, ok := dialplan.Find(n.Service)
			if len(c) != 2 || strings.ToUpper(c) != c || !ok || m.Service != n.Service || m.Class != e911.ClassEmergency {
				t.Errorf("%s: %+v is no emergency service", c, n)
			}
			if l := len(n.Digits); l < 2 || l > 5 || strings.Trim(n.Digits, "0123456789") != "" || seen[n.Digits] {
				t.Errorf("%s: %q is no number, or stands twice", c, n.Digits)
			}
			seen[n.Digits] = true
			if got, ok := dialplan.NewPlan(c).Find("sip:" + n.Digits + "@h"); !ok || got.Number != n.Digits || got.Country != c {
				t.Errorf("%s: %s is not found: %+v", c, n.Digits, got)
			}
		}
	}
	if dialplan.NumbersOf("US") == nil || dialplan.NumbersOf("CA") == nil || dialplan.NumbersOf("XX") != nil {
		t.Error("the packs of the United States and Canada are missing, or one that there is not is there")
	}
}

// For any plan, whatever is dialled for help reaches the emergency handler, in
// any wrapping, and so do the plan's own numbers (law E2).
//
// Proves: E2, C-99, F-37
func TestNoPlanMissesACallForHelp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		countries := rapid.SliceOf(rapid.SampledFrom(append(dialplan.Countries(), "XX", ""))).Draw(t, "countries")
		plan := dialplan.NewPlan(countries...)
		dials := []string{"911", "9911", "1911", "8911", "+911", "933"}
		for _, c := range countries {
			for _, n := range dialplan.NumbersOf(c) {
				dials = append(dials, n.Digits)
			}
		}
		digits := rapid.SampledFrom(dials).Draw(t, "digits")
		var user strings.Builder
		for _, d := range digits {
			user.WriteString(rapid.SampledFrom([]string{"", "", "-", ".", "(", ")", "%20", "%2D"}).Draw(t, "separator"))
			if rapid.Bool().Draw(t, "escaped") {
				fmt.Fprintf(&user, "%%%02X", d)
			} else {
				user.WriteRune(d)
			}
		}
		user.WriteString(rapid.SampledFrom([]string{"", "", "%23"}).Draw(t, "end of dialling"))
		params := rapid.StringMatching(`(;[a-z]{1,8}(=[A-Za-z0-9.+-]{0,12})?){0,3}`)
		uri := rapid.SampledFrom([]string{"sip:", "SIPS:", "tel:", ""}).Draw(t, "scheme")
		uri += user.String() + params.Draw(t, "user parameters")
		if !strings.HasPrefix(uri, "tel:") {
			uri += rapid.SampledFrom([]string{"", ":pw"}).Draw(t, "password") + "@" + rapid.StringMatching(`[a-z0-9.-]{1,20}(:[0-9]{1,5})?`).Draw(t, "host") + params.Draw(t, "parameters")
		}
		if rapid.Bool().Draw(t, "in brackets") {
			uri = "<" + uri + ">"
		}
		m, ok := plan.Find(uri)
		if !ok || digits != "933" && m.Class != e911.ClassEmergency || digits == "933" && m.Class != e911.ClassTest933 {
			t.Fatalf("%q in %v: %+v, %v", uri, countries, m, ok)
		}
		if same, ok := dialplan.Find(uri); ok && same != m {
			t.Fatalf("%q: a plan changes what 911 means: %+v, %+v", uri, same, m)
		}
	})
}

// Proves: F-37, N-35
func TestExtensionsThatStandInTheWay(t *testing.T) {
	p := dialplan.NewPlan("DE", "GB")
	for ext, want := range map[string]string{
		"112": "112 same", "1120": "112", "110": "110 same", "9112": "911", "911": "911 same", "9110": "911", "9334": "933",
		"999": "999 same", "2001": "", "11": "", "": "",
	} {
		n, same := p.Shadows(ext)
		if same {
			n += " same"
		}
		if n != want {
			t.Errorf("extension %q: %q, want %q", ext, n, want)
		}
	}
	if n, _ := (dialplan.Plan{}).Shadows("1120"); n != "" {
		t.Errorf("without a plan 1120 begins with %s", n)
	}
}

// FuzzPlan: no octets make a plan lose what Find finds, or panic.
//
// Proves: E2, C-99
func FuzzPlan(f *testing.F) {
	for _, s := range []string{"sip:112@h", "tel:+911", "<sip:1-1-0@h>", "%31%31%32", "sip:%2", ":", "urn:service:sos", "112#"} {
		f.Add(s)
	}
	plan := dialplan.NewPlan(dialplan.Countries()...)
	f.Fuzz(func(t *testing.T, uri string) {
		base, is := dialplan.Find(uri)
		m, ok := plan.Find(uri)
		if is && (m != base || !ok) {
			t.Fatalf("%q: %+v is %+v in a plan", uri, base, m)
		}
		if ok && !is && (m.Number == "" || m.Class != e911.ClassEmergency) {
			t.Fatalf("%q: %+v", uri, m)
		}
	})
}
