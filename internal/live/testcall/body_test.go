package testcall

import (
	"bytes"
	"strings"
	"testing"
)

const twoParts = "--b\r\nContent-Type: application/pidf+xml\r\n\r\n<presence/>\r\n" +
	"--b\r\nContent-Type: application/SDP; charset=utf-8\r\n\r\nv=0\r\ns=-\r\n--b--\r\n"

// Proves: W-50
func TestTheOfferIsFoundInAnyBody(t *testing.T) {
	tests := []struct {
		name, kind, body, want string
		fails                  bool
	}{
		{"the body itself", "application/sdp", "v=0\r\n", "v=0\r\n", false},
		{"beside a location", `multipart/mixed; boundary="b"`, twoParts, "v=0\r\ns=-", false},
		{"no body", "", "", "", false},
		{"a location alone", "application/pidf+xml", "<presence/>", "", false},
		{"a multipart body without SDP", "multipart/mixed;boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "", false},
		{"a body of no type", "", "v=0\r\n", "", true},
		{"no boundary", "multipart/mixed", twoParts, "", true},
		{"cut short", "multipart/mixed;boundary=b", twoParts[:40], "", true},
		{"many parts", "multipart/mixed;boundary=b", strings.Repeat("--b\r\n\r\nx\r\n", 30) + "--b--\r\n", "", true},
	}
	for _, tt := range tests {
		got, err := sdpOf(tt.kind, []byte(tt.body))
		if string(got) != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %q, %v; want %q, fails %v", tt.name, got, err, tt.want, tt.fails)
		}
	}
}

// Proves: W-50
func FuzzSDPOf(f *testing.F) {
	f.Add("multipart/mixed;boundary=b", []byte(twoParts))
	f.Add("application/sdp", []byte("v=0"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		if got, err := sdpOf(kind, body); err == nil && !bytes.Contains(body, got) && len(got) > len(body) {
			t.Errorf("%q is not of the body", got)
		}
	})
}
