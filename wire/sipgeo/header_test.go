package sipgeo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// RFC 6442, section 4.4.
//
// Proves: F-05
func TestGeolocationErrorIsReadAndWritten(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		want    sipgeo.LocationError
		class   int
	}{
		{"the example of the RFC", []string{`300 ;code="Dereference Failure"`}, sipgeo.LocationError{Code: 300, Text: "Dereference Failure"}, 300},
		{"with who said it", []string{`201;code="No \"way\"";inserted-by="a.example"`}, sipgeo.LocationError{Code: 201, Text: `No "way"`, Params: `inserted-by="a.example"`}, 201},
		{"an unknown one of a known hundred", []string{"277"}, sipgeo.LocationError{Code: 277}, 200},
		{"an unknown hundred", []string{"700"}, sipgeo.LocationError{Code: 700}, 100},
		{"the first that can be read", []string{"x, 100", "300"}, sipgeo.LocationError{Code: 100}, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := sipgeo.ParseLocationError(c.headers)
			if diff := cmp.Diff(c.want, got); !ok || diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Class() != c.class {
				t.Errorf("class %d, want %d", got.Class(), c.class)
			}
			again, _ := sipgeo.ParseLocationError([]string{must(t)(got.Format())})
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("(-sent +read):\n%s", diff)
			}
		})
	}
	for _, none := range []string{"", "x", "0", "1000", "-100", "1e2", `;code="x"`} {
		if got, ok := sipgeo.ParseLocationError([]string{none}); ok {
			t.Errorf("%q was read as %+v", none, got)
		}
	}
	for _, bad := range []sipgeo.LocationError{{}, {Code: 99}, {Code: 1000}, {Code: 300, Text: "a\r\nb"}, {Code: 300, Params: `code="x"`}, {Code: 300, Params: "a=b\n"}} {
		if s, err := bad.Format(); err == nil {
			t.Errorf("%+v was written as %q", bad, s)
		}
	}
	if err := error(sipgeo.LocationError{Code: sipgeo.DereferenceFailure}); !strings.Contains(err.Error(), "Dereference Failure") {
		t.Errorf("got %q", err)
	}
}

// RFC 4412, section 3; RFC 7135, section 3.2.
//
// Proves: F-25
func TestPrioritiesAreReadAndWritten(t *testing.T) {
	got := sipgeo.ParsePriorities([]string{"esnet.1, dsn.flash-override", "ESNET.4,bad, a.b.c, .x, y."})
	want := []sipgeo.Priority{{Namespace: "esnet", Value: "1"}, {Namespace: "dsn", Value: "flash-override"}, {Namespace: "ESNET", Value: "4"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := must(t)(sipgeo.FormatAccepted(got...)); s != "esnet.1, dsn.flash-override, ESNET.4" {
		t.Errorf("got %q", s)
	}
	if s := must(t)(sipgeo.FormatAccepted()); s != "" {
		t.Errorf("no priority: got %q", s)
	}
	if level, ok := got[2].ESNet(); level != 4 || !ok || !got[2].Equal(sipgeo.ESNet(4)) {
		t.Errorf("ESNET.4: level %d %v", level, ok)
	}
	for _, p := range []sipgeo.Priority{{Namespace: "esnet", Value: "5"}, {Namespace: "esnet", Value: "01"}, {Namespace: "dsn", Value: "1"}} {
		if _, ok := p.ESNet(); ok {
			t.Errorf("%v counts as one of RFC 7135", p)
		}
	}
	s, err := sipgeo.FormatPriorities(sipgeo.Priority{Namespace: "es net", Value: "1"}, sipgeo.ESNet(9), sipgeo.Priority{Namespace: "a", Value: "1.2"})
	if s != "esnet.4" || err == nil {
		t.Errorf("got %q and %v", s, err)
	}
}

// RFC 3326, section 2; RFC 4411, section 5.
//
// Proves: F-25
func TestReasonsAreReadAndWritten(t *testing.T) {
	got := sipgeo.ParseReasons([]string{`SIP ;cause=200 ;text="Call completed elsewhere"`, `q.850;cause=16;x=y, Preemption ;cause=2 ;text="Reserved Resources Preempted"`, "bad protocol;cause=1, x;cause=many, new"})
	want := []sipgeo.Reason{
		{Protocol: "SIP", Cause: 200, Text: "Call completed elsewhere"},
		{Protocol: "Q.850", Cause: 16, Params: "x=y"},
		{Protocol: "preemption", Cause: sipgeo.PreemptedReserved, Text: "Reserved Resources Preempted"},
		{Protocol: "new"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const written = `SIP;cause=200;text="Call completed elsewhere", Q.850;cause=16;x=y, preemption;cause=2;text="Reserved Resources Preempted", new`
	if s := must(t)(sipgeo.FormatReasons(got...)); s != written {
		t.Errorf("got  %s\nwant %s", s, written)
	}
	for _, bad := range []sipgeo.Reason{
		{},
		{Protocol: "a b"},
		{Protocol: "SIP", Cause: 99},
		{Protocol: "SIP", Cause: 700},
		{Protocol: "Q.850", Cause: 128},
		{Protocol: "preemption", Cause: 5},
		{Protocol: "x", Cause: -1},
		{Protocol: "SIP", Text: "a\x00"},
		{Protocol: "SIP", Params: "cause=1"},
	} {
		if s, err := sipgeo.FormatReasons(bad, sipgeo.Reason{Protocol: "ok"}); err == nil || s != "ok" {
			t.Errorf("%+v: got %q and %v", bad, s, err)
		}
	}
	if s, err := sipgeo.FormatReasons(sipgeo.Reason{Protocol: "SIP", Cause: 200}, sipgeo.Reason{Protocol: "sip", Cause: 486}); err == nil || s != "SIP;cause=200" {
		t.Errorf("a protocol that stands twice: got %q and %v", s, err)
	}
}

// NENA-STA-010.3, sections 2.1.6 and 2.1.7.
//
// Proves: F-25
func TestNamesOfCallsAreChecked(t *testing.T) {
	for name, ok := range map[string]bool{
		sipgeo.CallID("01936f2e-1111-7000-8000-000000000001", "callbox.example"): true,
		sipgeo.IncidentID("1234567890", "a.b"):                                   true,
		"URN:emergency:uid:callid:1234567890:a.b":                                true,
		sipgeo.IncidentID("123456789", "a.b"):                                    false,
		"urn:emergency:uid:callid:" + strings.Repeat("a", 33) + ":a.b":           false,
		"urn:emergency:uid:callid:1234-67890:a.b":                                false,
		"urn:emergency:uid:callid:1234567890:":                                   false,
		"urn:emergency:uid:callid:1234567890":                                    false,
		"urn:nena:uid:callid:1234567890:a.b":                                     false,
		"urn:service:sos":                                                        false,
	} {
		if err := sipgeo.CheckID(name); (err == nil) != ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The headers of published INVITEs (their placeholders filled) are read, and
// what is written of them is read as the same.
//
// Proves: F-05, F-25
func TestPublishedInvitesAreRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(schemacheck.Shared(t), "schemas", "i3", "sip", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Skipf("no messages: %v", err)
	}
	seen := map[string]int{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
			if !ok || strings.ContainsAny(value, "[]{}") {
				continue
			}
			h := []string{value}
			switch strings.ToLower(name) {
			case "geolocation":
				seen["Geolocation"] += len(sipgeo.ParseGeolocation(h))
				same(t, sipgeo.ParseGeolocation, h, sipgeo.FormatGeolocation)
			case "call-info":
				seen["Call-Info"] += len(sipgeo.ParseCallInfo(h))
				same(t, sipgeo.ParseCallInfo, h, sipgeo.FormatCallInfo)
			case "resource-priority":
				seen["Resource-Priority"] += len(sipgeo.ParsePriorities(h))
				same(t, sipgeo.ParsePriorities, h, sipgeo.FormatAccepted)
			}
		}
	}
	t.Logf("values read: %v", seen)
	if seen["Geolocation"] == 0 || seen["Call-Info"] == 0 {
		t.Errorf("too few values were found: %v", seen)
	}
}

func same[T any](t testing.TB, parse func([]string) []T, headers []string, format func(...T) (string, error)) {
	t.Helper()
	vs := parse(headers)
	if len(vs) == 0 {
		return
	}
	s, err := format(vs...)
	if err != nil {
		t.Errorf("%q was read and cannot be written: %v", headers, err)
		return
	}
	if strings.ContainsAny(s, "\r\n") {
		t.Errorf("%q breaks its line", s)
	}
	if diff := cmp.Diff(vs, parse([]string{s})); diff != "" {
		t.Errorf("%q (-read +read again from %q):\n%s", headers, s, diff)
	}
}

// Proves: RFC 6442, RFC 7852, RFC 4412, RFC 3326
func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	text := rapid.String()
	params := rapid.SampledFrom([]string{"", "a=b", `a="x, <y>;z"`, "lr;x=[::1]", "a=b\r\n", "a;;b", `a="`, "é=1"})
	uri := rapid.OneOf(rapid.SampledFrom([]string{"cid:a@b", "https://a/b?c=d,e;f", "sips:x@[::1]:5061;a=b", "geo:1,2", "x:<>"}), text)
	rapid.Check(t, func(t *rapid.T) {
		l := sipgeo.Location{URI: uri.Draw(t, "uri"), Params: params.Draw(t, "params")}
		if s, err := sipgeo.FormatGeolocation(l); err == nil {
			if diff := cmp.Diff([]sipgeo.Location{l}, sipgeo.ParseGeolocation([]string{s})); diff != "" {
				t.Fatalf("(-sent +read):\n%s", diff)
			}
		} else if s != "" {
			t.Fatalf("%q in spite of %v", s, err)
		}
		c := sipgeo.CallInfo{URI: l.URI, Purpose: rapid.OneOf(rapid.Just("icon"), text).Draw(t, "purpose"), Params: l.Params}
		if s, err := c.Format(); err == nil {
			if diff := cmp.Diff([]sipgeo.CallInfo{c}, sipgeo.ParseCallInfo([]string{s})); diff != "" {
				t.Fatalf("(-sent +read):\n%s", diff)
			}
		}
		e := sipgeo.LocationError{Code: rapid.IntRange(0, 1100).Draw(t, "code"), Text: text.Draw(t, "text"), Params: l.Params}
		if s, err := e.Format(); err == nil {
			if got, _ := sipgeo.ParseLocationError([]string{s}); cmp.Diff(e, got) != "" {
				t.Fatalf("(-sent +read):\n%s", cmp.Diff(e, got))
			}
		}
		r := sipgeo.Reason{Protocol: rapid.SampledFrom([]string{"SIP", "Q.850", "preemption", "x", ""}).Draw(t, "protocol"), Cause: rapid.IntRange(-1, 800).Draw(t, "cause"), Text: e.Text, Params: l.Params}
		if s, err := sipgeo.FormatReasons(r); err == nil {
			if diff := cmp.Diff([]sipgeo.Reason{r}, sipgeo.ParseReasons([]string{s})); diff != "" {
				t.Fatalf("(-sent +read):\n%s", diff)
			}
		}
	})
}

// FuzzHeaders holds every parser to its promise: bounded, no panic, and what
// it keeps can be written and is read as the same.
//
// Proves: E1, E13
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		"<cid:a@b>;x=\"y,z\\\"\", <https://c/d>", "<urn:emergency:uid:callid:1:a>;purpose=emergency-CallId;x", `300 ;code="Dereference Failure"`,
		"esnet.1, dsn.flash", `SIP;cause=200;text="a\\b", Q.850;cause=16`, "yes;x=y", `<a:b>;c="\`, "a:b;c=[::]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, h string) {
		hs := []string{h}
		same(t, sipgeo.ParseGeolocation, hs, sipgeo.FormatGeolocation)
		same(t, sipgeo.ParseCallInfo, hs, sipgeo.FormatCallInfo)
		same(t, sipgeo.ParsePriorities, hs, sipgeo.FormatAccepted)
		for _, l := range sipgeo.ParseGeolocation(hs) {
			l.ContentID()
			l.Param("inserted-by")
		}
		for _, r := range sipgeo.ParseReasons(hs) {
			// A cause outside of its protocol's range is read, and not written.
			s, err := sipgeo.FormatReasons(r)
			if err == nil {
				same(t, sipgeo.ParseReasons, []string{s}, sipgeo.FormatReasons)
			}
		}
		if e, ok := sipgeo.ParseLocationError(hs); ok {
			var target sipgeo.LocationError
			if !errors.As(error(e), &target) || e.Class()%100 > 2 {
				t.Fatalf("%+v is of class %d", e, e.Class())
			}
		}
		sipgeo.EmergencyIDs(hs)
		sipgeo.ParseRouting(hs)
	})
}
