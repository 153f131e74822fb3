package schemacheck_test

import (
	"testing"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
)

// A check that calls everything valid would prove nothing.
//
// Proves: E13
func TestVerdictsAreGivenPerDocument(t *testing.T) {
	const held = `<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held"`
	got := schemacheck.XSD(t, map[string][]byte{
		"good": []byte(held + `/>`), "bad": []byte(held + ` responseTime="soon"/>`), "a broken one": []byte(held), "also good": []byte(held + `/>`),
	})
	for name, valid := range map[string]bool{"good": true, "also good": true, "bad": false, "a broken one": false} {
		if (got[name] == "") != valid {
			t.Errorf("XSD: %s: got %q", name, got[name])
		}
	}
	const lost = `<listServices xmlns="urn:ietf:params:xml:ns:lost1"`
	got = schemacheck.RNG(t, schemacheck.LoST, map[string][]byte{
		"a broken one": []byte(lost), "good": []byte(lost + `/>`), "bad": []byte(lost + ` recursive="true"/>`), "also good": []byte(lost + `/>`),
	})
	for name, valid := range map[string]bool{"good": true, "also good": true, "bad": false, "a broken one": false} {
		if (got[name] == "") != valid {
			t.Errorf("RNG: %s: got %q", name, got[name])
		}
	}
}
