package dialplan

import "testing"

// Proves: W-12, F-22
func TestTheCrisisLifelineIsNoEmergencyCall(t *testing.T) {
	for _, uri := range []string{
		"sip:988@callbox.example", "sips:988@callbox.example", "sip:988", "tel:988", "tel:9-88", "<sip:9988@pbx>", "sip:1988@pbx;user=phone", "sip:%39%38%38@pbx", "988#", "tel:988;phone-context=+1",
	} {
		if !Crisis(uri) {
			t.Errorf("%q is not recognised", uri)
		}
		if m, ok := Find(uri); ok {
			t.Errorf("%q is taken for %s", uri, m.Class)
		}
	}
	for _, uri := range []string{"sip:911@x", "sip:933@x", "sip:9880@x", "sip:98@x", "sip:+16179880000@x", "urn:service:sos", ""} {
		if Crisis(uri) {
			t.Errorf("%q is taken for the lifeline", uri)
		}
	}
}
