package lint

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
)

// Proves: N-48, C-99, F-22, F-38
func TestWhatACallForHelpBecomesOnATrunk(t *testing.T) {
	for _, c := range []struct {
		name    string
		side    e911.TrunkSide
		profile e911.HeaderProfile
		targets []string
		want    []string
	}{
		{"a gateway is sent 911", e911.SideLocal, "plain", []string{"sip:911@192.0.2.1;transport=tcp"}, []string{}},
		{"a gateway is sent its own name", e911.SideLocal, "plain", []string{"sip:gw@192.0.2.1"}, []string{"hint named_target 911"}},
		{"a gateway is sent nothing", e911.SideLocal, "", []string{"sips:gw.example"}, []string{"hint named_target 911"}},
		{"what an outside digit left", e911.SideLocal, "plain", []string{"sip:11@192.0.2.1"}, []string{"danger stripped_target 911"}},
		{"an outside digit that stays", e911.SideLocal, "plain", []string{"sip:9911@192.0.2.1"}, []string{"warning outside_digit_sent 911"}},
		{"a test", e911.SideLocal, "plain", []string{"sip:933@192.0.2.1"}, []string{"danger test_target 911"}},
		{"the crisis lifeline", e911.SideLocal, "plain", []string{"sip:988@192.0.2.1"}, []string{"danger crisis_target 911"}},
		{"the front desk", e911.SideLocal, "plain", []string{"sip:+16175550100@192.0.2.1"}, []string{"danger another_number 911"}},
		{"two gateways that are not asked for the same", e911.SideLocal, "plain", []string{"sip:911@192.0.2.1", "sip:112@192.0.2.2"}, []string{"warning targets_differ 911"}},
		{"a gateway is sent the number of another country", e911.SideLocal, "plain", []string{"sip:999@192.0.2.1"}, []string{"danger another_number 911"}},
		{"a carrier by its name", e911.SideCarrier, "carrier", []string{"sip:psap@192.0.2.1"}, []string{}},
		{"a carrier by its number", e911.SideCarrier, "carrier", []string{"sip:+18005550100@192.0.2.1"}, []string{}},
		{"a carrier's test line", e911.SideCarrier, "carrier", []string{"sip:933@192.0.2.1"}, []string{"danger test_target 911"}},
		{"an ESInet is asked for the service", e911.SideESInet, e911.ProfileI3, []string{"sip:933@192.0.2.1"}, []string{}},
	} {
		got := Organisation(Plan{Sites: []Site{{Key: "berlin", Countries: []string{"DE"}, Stage: e911.StageNone, Local: []string{"x"}}}, Trunks: []Trunk{{"x", c.side, c.profile, c.targets}}})
		if d := cmp.Diff(c.want, codes(got)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// Proves: W-12, N-48
func TestWhere988GoesNowhereItIsSaid(t *testing.T) {
	for _, c := range []struct {
		name string
		plan Plan
		want bool
	}{
		{"no site has a trunk", Plan{Sites: []Site{{Key: "hq", Countries: []string{"US"}}}}, true},
		{"one has", Plan{Sites: []Site{{Key: "hq", Countries: []string{"US"}}, {Key: "mill", Local: []string{"pstn"}}}}, false},
		{"a trunk is of no site", Plan{Sites: []Site{{Key: "hq", Countries: []string{"US"}}}, Trunks: []Trunk{{Key: "pstn", Side: e911.SideLocal}}}, false},
		{"988 is another number there", Plan{Sites: []Site{{Key: "berlin", Countries: []string{"DE"}}}}, false},
	} {
		if got := slices.Contains(codes(Organisation(c.plan)), "warning no_way_988 988"); got != c.want {
			t.Errorf("%s: it is said %v", c.name, got)
		}
	}
}
