package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
)

// testReminded: who was written to is kept by organisation, and of two who would write
// to somebody one does.
func testReminded(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(firstuse.Reminders), t.Context()
	org, other := e911.NewID[e911.OrgID](), e911.NewID[e911.OrgID]()
	ann, bob := e911.NewID[e911.UserID](), e911.NewID[e911.UserID]()
	save := func(org e911.OrgID, r firstuse.Reminded, times int, want bool) {
		t.Helper()
		if done, err := st.SaveReminded(ctx, org, r, times); err != nil || done != want {
			t.Fatalf("%v, %v, want %v", done, err, want)
		}
	}
	asked := firstuse.Reminded{User: ann, Since: Epoch.UTC()}
	save(org, asked, -1, true)
	save(org, asked, -1, false)
	save(org, firstuse.Reminded{User: bob, Since: Epoch.UTC()}, 0, false)
	save(org, firstuse.Reminded{User: bob, Since: Epoch.UTC()}, -1, true)
	first := firstuse.Reminded{User: ann, Since: Epoch.UTC(), Times: 1, Last: Epoch.Add(24 * time.Hour).UTC(), Node: "a"}
	save(org, first, 0, true)
	save(org, first, 0, false) // another node would write the same
	first.Handed = true
	save(org, first, 1, true)
	save(other, first, 1, false)
	got, err := st.Reminded(ctx, org)
	if err != nil || len(got) != 2 || !cmp.Equal(got[ann], first) || got[bob].Times != 0 || !got[bob].Last.IsZero() {
		t.Errorf("%v: %s %+v", err, cmp.Diff(first, got[ann]), got[bob])
	}
	if got, err := st.Reminded(ctx, other); err != nil || len(got) != 0 {
		t.Errorf("another organisation has them: %v, %v", got, err)
	}
	for _, of := range []e911.OrgID{other, org} {
		if err := st.DropReminded(ctx, of, []e911.UserID{ann}); err != nil {
			t.Fatal(err)
		}
		got, err := st.Reminded(ctx, org)
		if _, there := got[ann]; err != nil || there != (of == other) || len(got) == 0 {
			t.Errorf("forgotten for %s: %v, %v", of, got, err)
		}
	}
	if err := st.DropReminded(ctx, org, nil); err != nil {
		t.Error(err)
	}
}
