package setup_test

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
)

// Both of the example's carriers go down for an hour: each site is out with its users.
// Callers of the relay centre have lost their way too; a month without states has none.
//
// Proves: F-39, 47 CFR 4.5, 4.9
func TestOutagesOfAnOrganisation(t *testing.T) {
	b := newBench(t)
	svc, err := setup.New(setup.Config{Store: b.store, Editor: b.editor, World: b.world, Trunks: b.store, Now: func() time.Time { return b.now }})
	b.must(err)
	ctx, w := t.Context(), b.world()
	ids := map[string]e911.TrunkID{}
	for x := range w.Trunks() {
		ids[x.Key] = x.ID
	}
	tell := func(key string, down bool, at time.Time) {
		t.Helper()
		if ids[key] == "" {
			t.Fatal("the example has no trunk " + key)
		}
		b.must(b.store.AddTrunkState(ctx, setup.TrunkState{Trunk: ids[key], Node: "n1", At: at, Down: down}, at.Add(-setup.KeepTrunkStates)))
	}
	if r, err := svc.Outages(ctx, b.now, b.org); err != nil || !r.Since.IsZero() || len(r.Outages) > 0 {
		t.Errorf("before anything was told: %+v %v", r, err)
	}
	began := epoch.Add(-5 * time.Hour)
	tell("carrier-a", true, began)
	if r, err := svc.Outages(ctx, b.now, b.org); err != nil || len(r.Outages) > 0 || !r.Since.Equal(began) {
		t.Errorf("with one carrier left: %+v %v", r, err)
	}
	tell("carrier-b", true, began.Add(time.Hour))
	tell("carrier-b", false, began.Add(2*time.Hour))
	users := 0
	for range w.Org(b.org).Users() {
		users++
	}
	for name, orgs := range map[string][]e911.OrgID{"of the organisation": {b.org}, "of all": nil} {
		r, err := svc.Outages(ctx, b.now, orgs...)
		b.must(err)
		if len(r.Outages) != 1 || r.Users != users || users == 0 {
			t.Fatalf("%s: %+v", name, r)
		}
		if o := r.Outages[0]; o.Minutes != 60 || o.Users != users || o.UserMinutes != int64(60*users) || o.Reportable || o.Open || !o.Start.Equal(began.Add(time.Hour)) || len(o.Sites) < 2 {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if r, err := svc.Outages(ctx, b.now, "another"); err != nil || len(r.Outages) > 0 || r.Users > 0 {
		t.Errorf("another organisation sees them: %+v %v", r, err)
	}
	if r, err := svc.Outages(ctx, b.now.AddDate(0, -1, 0), b.org); err != nil || len(r.Outages) > 0 {
		t.Errorf("in the month before: %+v %v", r, err)
	}
}
