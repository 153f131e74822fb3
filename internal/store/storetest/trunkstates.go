package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/setup"
)

// testTrunkStates: what trunks told is kept in order of time, twice the same is one, and
// what is old is forgotten.
func testTrunkStates(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(setup.TrunkStates), t.Context()
	at := func(minutes int) time.Time { return Epoch.Add(time.Duration(minutes) * time.Minute).UTC() }
	down, up := setup.TrunkState{Trunk: "t1", Node: "n1", At: at(1), Down: true}, setup.TrunkState{Trunk: "t1", Node: "n1", At: at(5)}
	old := setup.TrunkState{Trunk: "t2", Node: "n1", At: at(-100), Down: true}
	for _, v := range []setup.TrunkState{old, up, down, down} {
		if err := st.AddTrunkState(ctx, v, at(-1000)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		from time.Time
		want []setup.TrunkState
	}{
		{at(-1000), []setup.TrunkState{old, down, up}},
		{at(5), []setup.TrunkState{up}},
		{at(6), []setup.TrunkState{}},
	} {
		if got, err := st.TrunkStatesSince(ctx, c.from); err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("from %s on: %v\n%s", c.from, err, cmp.Diff(c.want, got))
		}
	}
	if err := st.AddTrunkState(ctx, up, at(0)); err != nil {
		t.Fatal(err)
	}
	if got, err := st.TrunkStatesSince(ctx, at(-1000)); err != nil || len(got) != 2 {
		t.Errorf("what is old is still there: %v %v", got, err)
	}
}
