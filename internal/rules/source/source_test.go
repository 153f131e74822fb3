package source_test

import (
	"net/netip"
	"testing"

	"github.com/callbox911/callbox/internal/rules/source"
)

// Proves: D-11, D-12
func TestAProxyTellsWhoAsksAndNobodyElseDoes(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.1.1.0/24"), netip.MustParsePrefix("fd00::/64")}
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"nobody stands between", "203.0.113.9:4711", nil, "203.0.113.9"},
		{"who is no proxy names another", "203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9"},
		{"the proxy names who asks", "10.1.1.2:80", []string{"203.0.113.9"}, "203.0.113.9"},
		{"who asks named himself otherwise before", "10.1.1.2:80", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"in a field of his own", "10.1.1.2:80", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"two proxies, one behind the other", "10.1.1.2:80", []string{"203.0.113.9, 10.1.1.3"}, "203.0.113.9"},
		{"the proxy names nobody", "10.1.1.2:80", nil, "10.1.1.2"},
		{"what cannot be read ends the list", "10.1.1.2:80", []string{"203.0.113.9, unknown, 10.1.1.3"}, "10.1.1.3"},
		{"version 6", "[fd00::1]:80", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"version 4 written as version 6", "[::ffff:10.1.1.2]:80", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"a socket of this machine", "@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		if got := source.Of(c.remote, c.forwarded, proxies).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
