package emergency

import (
	"bytes"
	"strings"
	"testing"
)

func multi(parts ...string) string {
	return "--b1\r\n" + strings.Join(parts, "\r\n--b1\r\n") + "\r\n--b1--\r\n"
}

func nested(parts ...string) string {
	return "--b0\r\nContent-Type: multipart/alternative;boundary=b1\r\n\r\n" + multi(parts...) + "\r\n--b0--\r\n"
}

const presence = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b"/>`

// What poor senders make of multipart/mixed is read as far as it can be meant in
// one way only.
//
// Proves: E1, F-05, F-16, D-02
func TestBodiesAreTakenApart(t *testing.T) {
	sdp := "Content-Type: application/sdp\r\n\r\n" + phoneSDP
	pidf := "Content-Type: application/pidf+xml; charset=UTF-8\r\nContent-ID: <loc@pbx>\r\n\r\n<presence/>"
	other := "Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n\r\nhi"
	cases := []struct {
		name, contentType, body string
		sdp                     string
		locations, others       int
	}{
		{"SDP alone", "application/sdp", phoneSDP, phoneSDP, 0, 0},
		{"no body", "", "", "", 0, 0},
		{"SDP, a location and something else", "multipart/mixed;boundary=b1", multi(sdp, pidf, other), phoneSDP, 1, 1},
		{"a quoted boundary and a parameter", `Multipart/Mixed; charset=x; boundary="b1"`, multi(sdp, pidf), phoneSDP, 1, 0},
		{"line feeds alone", "multipart/mixed;boundary=b1", strings.ReplaceAll(multi(sdp, pidf), "\r\n", "\n"), strings.ReplaceAll(phoneSDP, "\r\n", "\n"), 1, 0},
		{"the end is torn off", "multipart/mixed;boundary=b1", strings.TrimSuffix(multi(sdp, pidf), "--b1--\r\n"), phoneSDP, 1, 0},
		{"the boundary is missing: the first line is it", "multipart/mixed", multi(sdp, pidf), phoneSDP, 1, 0},
		{"another boundary than said", "multipart/mixed;boundary=zz", multi(sdp, pidf), phoneSDP, 1, 0},
		{"a boundary that its type has with the dashes", "multipart/mixed;boundary=--b1", multi(sdp, pidf), phoneSDP, 1, 0},
		{"a boundary with = and without quotes", "multipart/mixed; boundary= --=_Next.1", strings.ReplaceAll(multi(sdp, pidf), "--b1", "----=_Next.1"), phoneSDP, 1, 0},
		{"no boundary at all: the whole travels on", "multipart/mixed", "x\r\n" + multi(sdp, pidf), "", 0, 1},
		{"no type at all, SDP", "", phoneSDP, phoneSDP, 0, 0},
		{"no type at all, several parts", "", multi(sdp, pidf), phoneSDP, 1, 0},
		{"SDP that says it is several parts", "application/sdp", multi(sdp, pidf), phoneSDP, 1, 0},
		{"parts of no type, or of a vague one", "multipart/mixed;boundary=b1", multi("\r\n"+phoneSDP, "Content-Type: text/xml\r\n\r\n"+presence), phoneSDP, 1, 0},
		{"a part without its blank line", "multipart/mixed;boundary=b1", multi("Content-Type: application/sdp\r\n"+phoneSDP, pidf), phoneSDP, 1, 0},
		{"spaces behind the boundaries", "multipart/mixed;boundary=b1", strings.ReplaceAll(multi(sdp, pidf), "--b1\r", "--b1 \r"), phoneSDP, 1, 0},
		{"several parts inside of a part", "multipart/mixed;boundary=b0", nested(sdp, pidf), phoneSDP, 1, 0},
		{"XML of another kind is no location", "multipart/mixed;boundary=b1", multi(sdp, "Content-Type: text/xml\r\n\r\n<a xmlns='urn:x'/>"), phoneSDP, 0, 1},
		{"a location alone", "application/pidf+xml", "<presence/>", "", 1, 0},
		{"two SDPs: the first counts, the second travels on", "multipart/mixed;boundary=b1", multi(sdp, sdp), phoneSDP, 0, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			gotSDP, locations, others := bodyParts(c.contentType, []byte(c.body))
			if string(gotSDP) != c.sdp {
				t.Errorf("sdp = %q, want %q", gotSDP, c.sdp)
			}
			if len(locations) != c.locations || len(others) != c.others {
				t.Errorf("%d locations and %d others, want %d and %d", len(locations), len(others), c.locations, c.others)
			}
		})
	}
}

// Proves: F-05
func TestPartsTravelOnAsTheyCame(t *testing.T) {
	in := multi("Content-Type: application/sdp\r\n\r\n"+phoneSDP,
		"Content-Disposition: by-reference;handling=optional\r\nContent-ID: <d@pbx>\r\nContent-Type: application/EmergencyCallData.Comment+xml\r\n\r\n<c>\n\n</c>\n")
	_, _, others := bodyParts("multipart/mixed;boundary=b1", []byte(in))
	ct, out := joinParts("b2", append([]part{textPart(typeSDP, []byte(phoneSDP))}, others...))
	if want := "multipart/mixed;boundary=b2"; ct != want {
		t.Errorf("content type = %q, want %q", ct, want)
	}
	if want := strings.ReplaceAll(in, "--b1", "--b2"); string(out) != want {
		t.Errorf("body =\n%s\nwant\n%s", out, want)
	}
}

// Proves: E1
func FuzzBody(f *testing.F) {
	f.Add("multipart/mixed;boundary=b1", []byte(multi("Content-Type: application/sdp\r\n\r\n"+phoneSDP, "\r\n\r\n")))
	f.Add("application/sdp", []byte(phoneSDP))
	f.Add("multipart/mixed;boundary=", []byte("--\r\n"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		sdp, locations, others := bodyParts(contentType, body)
		n := len(sdp)
		for _, p := range append(locations, others...) {
			n += len(p.body)
		}
		if n > len(body) {
			t.Fatalf("parts hold %d bytes of %d", n, len(body))
		}
		if contentType == typeSDP && looksLike(body) != typeMixed && !bytes.Equal(sdp, body) {
			t.Fatal("SDP was changed")
		}
	})
}
