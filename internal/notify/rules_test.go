package notify_test

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Proves: E3, E14, W-15
func TestRulesComeFromThePublishedWorld(t *testing.T) {
	holder := &snapshot.Holder{}
	rules := notify.FromSnapshot(holder)
	if _, ready := rules.Alerts("org-a", "site-1"); ready {
		t.Error("rules before anything was published")
	}
	change := func(kind e911.ObjectKind, org e911.OrgID, id string, object any) snapshot.Change {
		return snapshot.Change{Kind: kind, Org: org, ID: id, Object: object}
	}
	var changes []snapshot.Change
	for _, org := range []e911.OrgID{"org-a", "org-b"} {
		changes = append(changes, change(e911.KindOrg, org, string(org), e911.Org{ID: org, Key: string(org), Name: string(org)}))
		for _, n := range []string{"1", "2"} {
			site, alert := e911.SiteID("site-"+n+string(org)), e911.AlertID("alert-"+n+string(org))
			changes = append(changes,
				change(e911.KindSite, org, string(site), e911.Site{ID: site, Org: org, Key: "s" + n, Name: "S" + n, Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone}),
				change(e911.KindAlert, org, string(alert), e911.Alert{ID: alert, Org: org, Site: site, Key: "a" + n, On: []e911.AlertOn{e911.AlertEmergency}, Mail: []string{n + "@" + string(org) + ".example"}}))
		}
	}
	world, err := snapshot.Build(changes, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	holder.Store(world)
	for _, c := range []struct {
		org  e911.OrgID
		site e911.SiteID
		want []e911.AlertID
	}{
		{"org-a", "site-1org-a", []e911.AlertID{"alert-1org-a"}},
		{"org-a", "", []e911.AlertID{"alert-1org-a", "alert-2org-a"}},
		{"org-a", "site-1org-b", nil},
		{"org-c", "", nil},
	} {
		got, ready := rules.Alerts(c.org, c.site)
		if !ready || len(got) != len(c.want) {
			t.Errorf("%s %s: %d rules, want %v", c.org, c.site, len(got), c.want)
			continue
		}
		for i := range got {
			if got[i].ID != c.want[i] {
				t.Errorf("%s %s: rule %d is %s, want %s", c.org, c.site, i, got[i].ID, c.want[i])
			}
		}
	}
}
