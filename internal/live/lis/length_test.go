package lis_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Proves: RFC 5985 section 8, RFC 9110 section 15.5.12
func TestALengthIsNeeded(t *testing.T) {
	b := newBench(t)
	body := xmlHead + `>` + xmlPort + `</locationRequest>`
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"a length", func(r *http.Request) { r.ContentLength = int64(len(body)) }, http.StatusOK},
		{"no length", func(*http.Request) {}, http.StatusLengthRequired},
		{"no length, in chunks", func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, http.StatusOK},
		{"no length, in frames of HTTP/2", func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0 }, http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/held", io.NopCloser(strings.NewReader(body)))
			r.ContentLength, r.RemoteAddr = -1, inside
			r.Header.Set("Content-Type", "application/held+xml")
			c.change(r)
			w := httptest.NewRecorder()
			b.server.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
		})
	}
}
