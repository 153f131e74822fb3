package callback

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// A site's own window holds for its ELINs and for its callers' numbers; what it is
// set to later changes nothing for calls that were.
//
// Proves: F-08, F-12
func TestASiteHasItsOwnWindow(t *testing.T) {
	k := newKit(t)
	site := func(minutes int) {
		t.Helper()
		st, _ := k.holder.Load().Org(id[e911.OrgID](1)).Site(id[e911.SiteID](2))
		st.CallbackWindow = minutes
		next, err := k.holder.Load().Apply([]snapshot.Change{{Kind: e911.KindSite, Org: st.Org, ID: string(st.ID), Object: st}}, k.clock())
		if err != nil {
			t.Fatal(err)
		}
		k.holder.Store(next)
	}
	held := func(n e911.Number, want bool) {
		t.Helper()
		if got := len(k.s.table.held(n, k.clock())) > 0; got != want {
			t.Errorf("%s leads back: %t, want %t", n, got, want)
		}
	}
	site(20)
	k.over(k.emergency(given{elin: true}))
	k.over(k.emergency(given{number: deskN}))
	site(0)
	k.pass(19 * time.Minute)
	held(elinA, true)
	held(deskN, true)
	k.over(k.emergency(given{elin: true, line: "+16175550112"}))
	held(elinB, true)
	k.pass(2 * time.Minute)
	held(elinA, false)
	held(deskN, false)
	k.pass(170 * time.Minute)
	held(elinB, true)
	site(600)
	k.pass(time.Hour)
	held(elinB, false)
	call := k.emergency(given{elin: true})
	for _, f := range k.facts {
		if g, err := journal.Decode[journal.Given](f); f.Call == call && f.Kind == journal.CallbackBound && (err != nil || g.Minutes != 600) {
			t.Errorf("on record: %d minutes, %v", g.Minutes, err)
		}
	}
}
