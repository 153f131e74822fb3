package check

import (
	"strings"
	"testing"
)

// What a trunk may lead to is what live/resolve can look up.
// Proves: E3, RFC 3263 section 4
func TestURIsOfTrunks(t *testing.T) {
	for uri, host := range map[string]string{
		"sip:psap@127.0.0.21:5071;transport=tcp": "127.0.0.21", "sip:psap@127.0.0.21": "127.0.0.21",
		"sip:+19115550100@192.0.2.1;transport=udp": "192.0.2.1", "sips:psap@[2001:db8::1]:5061": "2001:db8::1",
		"sip:psap@[2001:db8::1]": "2001:db8::1", "SIP:psap@127.0.0.1;Transport=TLS": "127.0.0.1",
		"sip:psap@carrier.example": "name", "sips:psap@sbc.carrier.example:5061": "name", "sip:psap@carrier.example;transport=tls": "name",
	} {
		addr, why := uriFault(uri, true)
		if why != "" || addr.IsValid() && addr.String() != host || !addr.IsValid() && host != "name" {
			t.Errorf("uriFault(%q) = %v, %q; want %s", uri, addr, why, host)
		}
	}
	for _, uri := range []string{
		"", "psap@127.0.0.1", "tel:+16175550100", "sip:127.0.0.1", "sip:@127.0.0.1", "sip:a b@127.0.0.1", "sip:a@host", "sip:a@", "sip:a@127.0.0.1:0",
		"sip:a@127.0.0.1:", "sip:a@127.0.0.1:99999", "sip:a@127.0.0.1;lr", "sip:a@127.0.0.1?Subject=x", "sip:a@b@127.0.0.1", "sip:a@127.0.0.1\r\nVia: x",
		"sip:a@127.0.0.1;transport=sctp", "sips:a@127.0.0.1;transport=udp", "sip:a@[2001:db8::1", "sip:a@[2001:db8::1]x", "sip:a@300.1.2.3", "sip:a@*.carrier.example",
		"sip:a@" + strings.Repeat("a.", 300) + "example",
	} {
		if addr, why := uriFault(uri, true); why == "" {
			t.Errorf("%q is taken as %v", uri, addr)
		}
	}
	if _, why := uriFault("sip:carrier.example", false); why != "" {
		t.Errorf("a target needs no user of its own: %s", why)
	}
}
