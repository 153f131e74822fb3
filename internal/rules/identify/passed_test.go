package identify_test

import (
	"slices"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Proves: N-03, N-33, F-13, E1, E11
func TestATransferToEmergencyIsSaidAndNeverChangesWhoCalls(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers headers
		passed  bool
	}{
		{"a call as people dial it", headers{}, false},
		{"an agent transfers a customer", headers{"Referred-By": {"<sip:agent4711@10.0.0.1>"}}, true},
		{"a transfer whose sender has no name", headers{"Referred-By": {"<sip:10.0.0.1>"}}, true},
		{"an agent refers his own call", headers{"Referred-By": {"<sip:+16175550111@10.0.0.1>"}}, true},
		{"a telephone that is forwarded to 911", headers{"Diversion": {"<sip:+14135550121@10.0.0.1>;reason=unconditional"}}, true},
		{"9911 that the platform translated", headers{"History-Info": {"<sip:9911@10.0.0.1>;index=1, <sip:911@10.0.0.1>;index=1.1"}}, false},
		{"911 that became a service URN", headers{"History-Info": {"<sip:911@10.0.0.1>;index=1, <urn:service:sos>;index=1.1"}}, false},
		{"the caller himself in every call's history", headers{"Diversion": {"<sip:6175550111@10.0.0.1>"}}, false},
		{"a hunt group that overflows to 911", headers{"History-Info": {"<sip:+14135550199@10.0.0.1>;index=1, <sip:911@10.0.0.1>;index=1.1"}}, true},
		{"junk", headers{"Diversion": {"<<>;", ""}, "History-Info": {";;index"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := headers{"P-Asserted-Identity": {"<sip:+16175550111@10.0.0.1>"}}
			plain := who(invite(h))
			for name, values := range c.headers {
				h[name] = values
			}
			r := who(invite(h))
			if got := slices.Contains(r.Flags, identify.FlagPassedOn); got != c.passed {
				t.Errorf("flagged %v, want %v: %v", got, c.passed, r.Flags)
			}
			told := slices.IndexFunc(r.Findings, func(f e911.Finding) bool { return f.Rule == identify.RulePassedOn }) >= 0
			if told != c.passed {
				t.Errorf("said in the evidence: %v, want %v", told, c.passed)
			}
			if r.Line != plain.Line || r.User.ID != plain.User.ID || r.Callback != plain.Callback {
				t.Errorf("the transfer changed who calls: line %s, user %s, callback %s", r.Line, r.User.ID, r.Callback)
			}
		})
	}
}
