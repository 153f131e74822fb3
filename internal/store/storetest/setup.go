package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// testSetup: the record of an organisation is changed by who knows its version,
// what was accepted is replaced by what was accepted later, and calls are found by
// class and time. None of it is another organisation's.
func testSetup(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(interface {
		setup.Store
		report.Writer
	}), t.Context()
	org, other, site := e911.NewID[e911.OrgID](), e911.NewID[e911.OrgID](), e911.NewID[e911.SiteID]()
	if r, err := st.SetupRecord(ctx, org); err != nil || r.Version != 0 || r.Org != org {
		t.Fatalf("nothing was written: %+v, %v", r, err)
	}
	why := setup.Reason{Reason: "opens tonight", By: "ann", At: Epoch.UTC()}
	r := setup.Record{
		Org: org, NoPeople: true, Licences: []setup.Licence{{Country: "CA", Order: "17", Until: Epoch.UTC()}},
		Destinations: []setup.Destination{{Key: "guard", Site: site, Kind: rules.Screen, Name: "desk", Hours: "always", Tested: Epoch.UTC(), By: "bo"}},
		Overrides:    map[e911.SiteID]setup.Reason{site: why}, OptedOut: &setup.OptOut{Reason: why, State: e911.OrgTrial},
		Secrets: []setup.SecretNote{{Mark: "00ff00ff", By: "ann", Made: Epoch.UTC()}}, Tasks: map[setup.Task]setup.Reason{setup.TaskDialPlan: why},
		Prices: &rules.Prices{Currency: "USD", Call: 1, Users: []rules.Rate{{Place: "US-MA", Name: "fee", Cents: 2}}},
	}
	saved, err := st.SaveSetupRecord(ctx, "ann", r, setup.Note{Verb: "test", Key: "k"})
	r.Version = 1
	if err != nil || !cmp.Equal(saved, r) {
		t.Fatalf("%v: %s", err, cmp.Diff(r, saved))
	}
	if got, err := st.SetupRecord(ctx, org); err != nil || !cmp.Equal(got, r) {
		t.Errorf("%v: %s", err, cmp.Diff(r, got))
	}
	for _, version := range []int64{0, 2} {
		old := r
		old.Version = version
		if _, err := st.SaveSetupRecord(ctx, "ann", old, setup.Note{Verb: "test"}); e911.KindOf(err) != e911.Conflict {
			t.Errorf("version %d was written over 1: %v", version, err)
		}
	}
	if got, err := st.SetupRecord(ctx, other); err != nil || got.Version != 0 {
		t.Errorf("another organisation has it: %+v, %v", got, err)
	}

	user := e911.NewID[e911.UserID]()
	for i, a := range []setup.Acceptance{
		{Org: org, Text: rules.AckLimits, Version: "1", By: "ann", At: Epoch.UTC()},
		{Org: org, Text: rules.AckLimits, Version: "2", By: "bo", At: Epoch.Add(time.Hour).UTC(), Address: "192.0.2.1"},
		{Org: org, Text: rules.AckLimits, Site: site, Version: "1", By: "ann", At: Epoch.UTC()},
		{Org: org, Text: setup.UserLimits, User: user, Version: "1", By: "ann", At: Epoch.UTC()},
	} {
		if err := st.SaveAcceptance(ctx, "ann", a); err != nil {
			t.Fatal(i, err)
		}
	}
	all, err := st.Acceptances(ctx, org, "")
	if err != nil || len(all) != 2 || all[0].Version != "2" || all[0].By != "bo" || all[0].Address != "192.0.2.1" || all[1].Site != site {
		t.Errorf("%+v, %v", all, err)
	}
	if own, err := st.Acceptances(ctx, org, user); err != nil || len(own) != 1 || own[0].Text != setup.UserLimits {
		t.Errorf("%+v, %v", own, err)
	}
	if got, err := st.UsersAccepted(ctx, org, setup.UserLimits, "1"); err != nil || len(got) != 1 || got[0] != user {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := st.UsersAccepted(ctx, org, setup.UserLimits, "2"); err != nil || len(got) != 0 {
		t.Errorf("nobody accepted another version: %+v, %v", got, err)
	}
	if got, err := st.UsersAccepted(ctx, org, rules.AckLimits, "1"); err != nil || len(got) != 0 {
		t.Errorf("an acceptance for a site is no user's: %+v, %v", got, err)
	}
	if got, err := st.UsersAccepted(ctx, other, setup.UserLimits, "1"); err != nil || len(got) != 0 {
		t.Errorf("another organisation has them: %+v, %v", got, err)
	}
	if got, err := st.Acceptances(ctx, other, ""); err != nil || len(got) != 0 {
		t.Errorf("another organisation has them: %+v, %v", got, err)
	}
	testCallsBetween(t, st, org, other)
}

func testCallsBetween(t *testing.T, st interface {
	setup.Store
	report.Writer
}, org, other e911.OrgID,
) {
	t.Helper()
	ctx := t.Context()
	var calls []report.CallRecord
	for i := range 4 {
		for _, class := range []e911.CallClass{e911.ClassEmergency, e911.ClassTest933} {
			calls = append(calls, report.CallRecord{
				ID: e911.NewID[e911.CallID](), Org: org, Class: class, ArrivedAt: Epoch.Add(time.Duration(i) * time.Hour).UTC(), State: report.Ended,
			})
		}
	}
	if err := st.SaveCalls(ctx, "n1", 1, calls); err != nil {
		t.Fatal(err)
	}
	got, err := st.CallsBetween(ctx, org, e911.ClassEmergency, Epoch.Add(time.Hour), Epoch.Add(3*time.Hour), 10)
	if err != nil || len(got) != 2 || got[0].ID != calls[4].ID || got[1].ID != calls[2].ID {
		t.Errorf("%d calls, %v", len(got), err)
	}
	if got, err := st.CallsBetween(ctx, org, e911.ClassEmergency, Epoch, Epoch.Add(time.Hour*24), 1); err != nil || len(got) != 1 || got[0].ID != calls[6].ID {
		t.Errorf("the newest alone: %d calls, %v", len(got), err)
	}
	if got, err := st.CallsBetween(ctx, other, e911.ClassEmergency, Epoch, Epoch.Add(time.Hour*24), 10); err != nil || len(got) != 0 {
		t.Errorf("another organisation has %d calls, %v", len(got), err)
	}
}
