package app

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// Proves: D-11, D-12
func TestThePagesKnowWhoAsksBehindATrustedProxy(t *testing.T) {
	for _, c := range []struct {
		name, remote, forwarded, want string
		proxies                       []netip.Prefix
	}{
		{"behind one", "127.0.0.1:5000", "203.0.113.9", "203.0.113.9:0", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
		{"who names himself", "203.0.113.9:5000", "198.51.100.1", "203.0.113.9:5000", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
		{"no proxy is trusted", "127.0.0.1:5000", "203.0.113.9", "127.0.0.1:5000", nil},
	} {
		got := ""
		h := fromClients(c.proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-For", c.forwarded)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
