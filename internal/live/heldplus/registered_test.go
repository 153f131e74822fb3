package heldplus_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// A user who is signed in nowhere registers where he is. It outlives a restart, is not
// asked of the map before the call, and is nobody else's.
//
// Proves: N-07, N-42, F-05, F-07, F-31, E14
func TestAUserRegistersAPlaceWithoutADevice(t *testing.T) {
	b := newBench(t)
	const user = "user-agent"
	if r := b.plus.Registered(harbor, user); !r.At.IsZero() || r.Place.Display != "" {
		t.Errorf("before he said anything: %+v", r)
	}
	for name, c := range map[string]struct {
		org      e911.OrgID
		user     e911.UserID
		location e911.LocationID
	}{
		"a place of another organisation": {harbor, user, stall},
		"a user of another organisation":  {rival, user, stall},
		"an organisation that is none":    {"org-x", user, floor2},
	} {
		if _, err := b.plus.Register(c.org, c.user, c.location, ""); e911.KindOf(err) != e911.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := b.plus.Register(harbor, user, "", "PO Box 12, Cambridge, MA 02139")
	if err != nil || a.Status != heldplus.StatusInvalid || len(a.Faults) == 0 || !b.plus.Registered(harbor, user).At.IsZero() {
		t.Errorf("a post office box: %+v %v", a, err)
	}
	if a, err = b.plus.Register(harbor, user, "", "12 Elm Street, Unit 3, Cambridge, MA 02139"); err != nil || a.Status != heldplus.StatusValidated || a.Location == nil {
		t.Fatalf("%+v %v", a, err)
	}
	home := b.plus.Registered(harbor, user)
	if !strings.HasPrefix(home.Place.Display, "12 Elm Street") || home.Verdict != locate.Unverified || !home.At.Equal(b.now) || !home.Place.Dispatchable {
		t.Errorf("%+v", home)
	}
	n := 0
	for p := range b.plus.OwnPlaces() {
		if n++; p.Org != harbor || p.Entered.RD != "Elm" {
			t.Errorf("it is not looked at when a layer changes: %+v", p)
		}
	}
	if n != 1 {
		t.Errorf("%d places are looked at when a layer changes", n)
	}
	b.now = b.now.Add(time.Hour)
	if _, err := b.plus.Register(harbor, user, floor2, ""); err != nil {
		t.Fatal(err)
	}
	facts := b.facts.list()
	reversed := slices.Clone(facts)
	slices.Reverse(reversed)
	for name, order := range map[string][]journal.Fact{"after a restart": facts, "from another node, backwards": reversed} {
		b.start()
		for _, f := range order {
			if err := b.plus.Restore(f); err != nil {
				t.Fatal(err)
			}
		}
		if r := b.plus.Registered(harbor, user); r.Place.Location != floor2 || !r.At.Equal(b.now) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := b.plus.Registered(rival, user); !r.At.IsZero() {
		t.Errorf("another organisation has it: %+v", r)
	}
	w, err := b.holder.Load().Apply([]snapshot.Change{{Kind: e911.KindLocation, Org: harbor, ID: string(floor2), Object: e911.Location{
		ID: floor2, Org: harbor, Building: "bld", Key: "f3", Detail: e911.Civic{FLR: "3"},
	}}}, b.now)
	if err != nil {
		t.Fatal(err)
	}
	b.holder.Store(w)
	if r := b.plus.Registered(harbor, user); r.Place.Civic.FLR != "3" {
		t.Errorf("a place that was corrected on the map reads %q", r.Place.Display)
	}
}
