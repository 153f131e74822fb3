package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

type networkRules map[e911.SiteID][]e911.Alert

func (r networkRules) Alerts(_ e911.OrgID, site e911.SiteID) (out []e911.Alert, ready bool) {
	for s, list := range r {
		if site == "" || s == site {
			out = append(out, list...)
		}
	}
	return out, true
}

// Proves: W-57, F-36
func TestWhoListensIsToldOfAnUnknownNetwork(t *testing.T) {
	alert := func(to string, on ...e911.AlertOn) []e911.Alert { return []e911.Alert{{On: on, Mail: []string{to}}} }
	due := func(id, site string) journal.Due {
		return journal.Due{Reason: journal.DueUnknownNetwork, Site: e911.SiteID(site), Who: "phone-1\r\n", Network: &journal.StrandedBy{ID: id, Element: "switch port 9", OrgKey: "harbor", Location: "room-210", Why: "beside it"}}
	}
	for name, c := range map[string]struct {
		rules networkRules
		site  string
		want  string
	}{
		"nobody subscribed":                        {networkRules{"hq": alert("a@x.example", e911.AlertEmergency, e911.AlertTest)}, "hq", ""},
		"the rule of the device's site":            {networkRules{"hq": alert("a@x.example", e911.AlertUnknownNetwork), "mill": alert("b@x.example", e911.AlertUnknownNetwork)}, "hq", "a@x.example"},
		"another site's, when that has none":       {networkRules{"hq": alert("a@x.example", e911.AlertEmergency), "mill": alert("b@x.example", e911.AlertUnknownNetwork)}, "hq", "b@x.example"},
		"every one, when nobody knows whose it is": {networkRules{"mill": alert("b@x.example", e911.AlertUnknownNetwork)}, "", "b@x.example"},
	} {
		f := journal.New(journal.NotifyDue, time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC), "harbor", "", due("abc", c.site))
		list, ready := expand(f, due("abc", c.site), c.rules, "")
		var to []string
		for _, n := range list {
			to = append(to, n.To)
		}
		if got := strings.Join(to, " "); !ready || got != c.want {
			t.Errorf("%s: told %q, want %q", name, got, c.want)
		}
	}
	f := journal.New(journal.NotifyDue, time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC), "harbor", "", due("abc", ""))
	if noticeID(f, due("abc", ""), Mail, "a@x.example") == noticeID(f, due("def", ""), Mail, "a@x.example") {
		t.Error("two elements of one request are one notice")
	}
	if got, want := Headline(due("abc", "")), "Undefined network location: phone-1, switch port 9"; got != want {
		t.Errorf("headline = %q, want %q", got, want)
	}
	if got, want := AssignCommand(due("abc", "")), "callbox unknown assign abc room-210 --org harbor"; got != want {
		t.Errorf("command = %q, want %q", got, want)
	}
	many := due("", "")
	many.Network.More = 7
	if got := Headline(many); !strings.Contains(got, "7 more") {
		t.Errorf("summary = %q", got)
	}
}
