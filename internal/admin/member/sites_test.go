package member_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Proves: D-12, N-16: who watches a site goes on watching it while the database is down.
func TestAGuardsSitesAreKnownWhileTheDatabaseIsDown(t *testing.T) {
	h := newHouse(t)
	ann := h.give(h.first(), member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: "mill"}}).Identity.ID
	var gus string
	for _, site := range []string{"yard", "hq"} {
		gus = h.give(ann, member.Wish{Email: "gus@mill.example", Role: access.Desk, At: access.Node{Org: "mill", Site: site}}).Identity.ID
	}
	down := false
	desk, err := member.New(member.Config{Now: h.clock, Store: func() member.Store {
		if down {
			return nil
		}
		return h.store
	}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(org string) []string {
		t.Helper()
		sites, err := desk.SitesStill(h.ctx, gus, e911.OrgID(org), access.Calls, access.Read)
		if err != nil {
			t.Fatal(err)
		}
		return sites
	}
	if got := ask("mill"); !slices.Equal(got, []string{"hq", "yard"}) {
		t.Errorf("his sites: %v", got)
	}
	down = true
	h.later(time.Hour)
	if got := ask("mill"); !slices.Equal(got, []string{"hq", "yard"}) {
		t.Errorf("without the database: %v", got)
	}
	if got := ask("port"); len(got) > 0 {
		t.Errorf("sites of another organisation: %v", got)
	}
}
