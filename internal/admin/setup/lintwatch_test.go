package setup_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// abroad gives the organisation a site in a country without service, and without a trunk
// of its own there, or takes its building away.
func (b *bench) abroad(key string, there bool) {
	b.t.Helper()
	ctx := b.t.Context()
	if there {
		var site e911.SiteID
		for s := range b.world().Org(b.org).Sites() {
			if s.Key == key {
				site = s.ID
			}
		}
		if site == "" {
			made, err := b.editor.Sites.Create(ctx, "ann", e911.Site{Org: b.org, Key: key, Name: key, Zone: "Europe/Berlin", Mode: e911.ModeDynamic, Stage: e911.StageNone})
			b.must(err)
			site = made.Value.ID
		}
		_, err := b.editor.Buildings.Create(ctx, "ann", e911.Building{
			Org: b.org, Site: site, Key: key + "-hall", Name: key, Address: e911.Civic{Country: "DE", A1: "BE", A3: "Berlin", RD: "Spreeufer", HNO: "1", PC: "10178"}, Point: &e911.Point{Lat: 52.5163, Lon: 13.4053},
		})
		b.must(err)
		return
	}
	for v := range b.world().Org(b.org).Buildings() {
		if v.Key == key+"-hall" {
			stored, err := b.editor.Buildings.Get(ctx, b.org, string(v.ID))
			b.must(err)
			b.must(b.editor.Buildings.Delete(ctx, "ann", b.org, string(v.ID), stored.Version))
		}
	}
}

// A publish that makes a dial plan dangerous is told once, one that changes nothing of it
// never; what is mended and comes back is told again.
//
// Proves: N-48, C-99
func TestAdministratorsAreToldOnceOfADangerInTheDialPlan(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name string
		do   func()
		want string // in the notice; none: nothing is told
	}{
		{"as it is", func() {}, ""},
		{"a site where nobody can dial 112", func() { b.abroad("berlin", true) }, "a new danger in the dial plan, site berlin"},
		{"looked at again", func() {}, ""},
		{"another change that does no harm", func() { b.must(b.SetUse(t.Context(), "ann", b.org, true, true)) }, ""},
		{"a second one", func() { b.abroad("bonn", true) }, "site bonn"},
		{"one is mended", func() { b.abroad("berlin", false) }, ""},
		{"and comes back", func() { b.abroad("berlin", true) }, "site berlin"},
	} {
		c.do()
		n, err := b.WatchDialPlan(t.Context(), b.org, b.now)
		b.must(err)
		switch {
		case (n != nil) != (c.want != ""):
			t.Errorf("%s: told %+v", c.name, n)
		case n != nil && (n.Code != setup.SaidDialPlan || !strings.Contains(n.Subject, c.want) || !strings.Contains(n.Text, "who dials")):
			t.Errorf("%s: %q says not %q: %s", c.name, n.Subject, c.want, n.Text)
		}
	}
	_, err := b.WatchSites(t.Context(), b.org, b.now.AddDate(1, 0, 0)) // forgets what was told long ago
	b.must(err)
	if n, err := b.WatchDialPlan(t.Context(), b.org, b.now.AddDate(1, 0, 0)); err != nil || n != nil {
		t.Errorf("a year later it is told again: %+v %v", n, err)
	}
}

// What was found is kept as long as nothing of it, or of the trunks that all share, is
// another; a publish of somebody else does not make it looked for anew.
//
// Proves: N-48
func TestFindingsOfADialPlanStandReady(t *testing.T) {
	b := newBench(t)
	w := b.world()
	o := w.Org(b.org)
	var kept setup.Lints
	first := kept.Of(w, o)
	if len(first) == 0 {
		t.Fatal("the example's dial plan has nothing to look at")
	}
	same := func(x []e911.Trunk) bool {
		t.Helper()
		changes := []snapshot.Change{}
		for _, v := range x {
			changes = append(changes, snapshot.Change{Kind: e911.KindTrunk, ID: string(v.ID), Object: v})
		}
		next, err := w.Apply(changes, b.now)
		b.must(err)
		again := kept.Of(next, o)
		return &again[0] == &first[0]
	}
	if again := kept.Of(w, o); &again[0] != &first[0] {
		t.Error("asked again it is looked for again")
	}
	if !same(nil) {
		t.Error("a publish of somebody else makes it looked for anew")
	}
	if same([]e911.Trunk{{ID: "t9", Key: "new", Side: e911.SideCarrier, Profile: e911.ProfileCarrier, To: "sip:psap@127.0.0.99:5060", National: true}}) {
		t.Error("a trunk that all share is not looked at")
	}
}
