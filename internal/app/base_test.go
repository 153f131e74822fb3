package app

import (
	"net/netip"
	"testing"
)

// The first link that a new Callbox prints leads to where its pages are.
//
// Proves: D-16, C-56
func TestLinksLeadToWhereThePagesListen(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:8088":    "http://localhost:8088",
		"[::1]:8088":        "http://localhost:8088",
		"0.0.0.0:8088":      "http://localhost:8088",
		"[::]:8088":         "http://localhost:8088",
		"127.9.7.1:8088":    "http://127.9.7.1:8088",
		"192.0.2.7:80":      "http://192.0.2.7:80",
		"[2001:db8::7]:443": "http://[2001:db8::7]:443",
	} {
		if got := ownBase(netip.MustParseAddrPort(at)); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
