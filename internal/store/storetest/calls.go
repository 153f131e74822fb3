package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

func testCalls(t *testing.T, open Open) {
	st := fresh(t, open)
	ctx := t.Context()
	ended := Epoch.Add(time.Minute)
	call := func(org e911.OrgID, seq uint64) report.CallRecord {
		return report.CallRecord{
			ID: e911.NewID[e911.CallID](), Org: org, Class: e911.ClassEmergency, Dialled: "sip:911@callbox", State: report.Ringing,
			ArrivedAt: Epoch, LastAt: Epoch, Site: journal.Ref{ID: "s1", Key: "hq", Name: "Headquarters"},
			Timeline: []report.Entry{}, Applied: map[string]uint64{"node-1": seq},
		}
	}
	harbor, quay := e911.OrgID("harbor"), e911.OrgID("quay")
	first, second, other := call(harbor, 4), call(harbor, 9), call(quay, 11)
	if at, err := st.Cursor(ctx, "node-1"); err != nil || at != 0 {
		t.Fatalf("cursor of a new database = %d, %v; want 0", at, err)
	}
	if err := st.SaveCalls(ctx, "node-1", 11, []report.CallRecord{first, second, other}); err != nil {
		t.Fatalf("save: %v", err)
	}
	first.State, first.EndedAt, first.LastAt = report.Ended, &ended, ended
	first.Applied["node-1"] = 14
	for range 2 { // a projector that was not told that it had succeeded
		if err := st.SaveCalls(ctx, "node-1", 14, []report.CallRecord{first}); err != nil {
			t.Fatalf("save again: %v", err)
		}
	}
	if at, err := st.Cursor(ctx, "node-1"); err != nil || at != 14 {
		t.Errorf("cursor = %d, %v; want 14", at, err)
	}
	if at, err := st.Cursor(ctx, "node-2"); err != nil || at != 0 {
		t.Errorf("cursor of another node = %d, %v; want 0", at, err)
	}
	got, err := st.Call(ctx, harbor, first.ID)
	if diff := cmp.Diff(first, got); err != nil || diff != "" {
		t.Errorf("call: %v (-want +got)\n%s", err, diff)
	}
	list, err := st.ListCalls(ctx, harbor, "", 10)
	if err != nil || len(list) != 2 || list[0].ID != second.ID || list[1].ID != first.ID {
		t.Errorf("list = %d calls, %v; want the two of harbor, newest first", len(list), err)
	}
	if list, err = st.ListCalls(ctx, harbor, second.ID, 10); err != nil || len(list) != 1 || list[0].ID != first.ID {
		t.Errorf("list before the second = %d calls, %v; want the first", len(list), err)
	}
	if list, err = st.ListCalls(ctx, harbor, "", 1); err != nil || len(list) != 1 {
		t.Errorf("list of one = %d calls, %v", len(list), err)
	}

	// Walls (E14), and a cursor that never goes back.
	_, err = st.Call(ctx, harbor, other.ID)
	wantKind(t, err, e911.NotFound)
	stolen := other
	stolen.Org = harbor
	fresh := call(harbor, 20)
	wantKind(t, st.SaveCalls(ctx, "node-1", 20, []report.CallRecord{fresh, stolen}), e911.Conflict)
	_, err = st.Call(ctx, harbor, fresh.ID)
	wantKind(t, err, e911.NotFound)
	wantKind(t, st.SaveCalls(ctx, "node-1", 3, []report.CallRecord{fresh}), e911.Conflict)
	if at, _ := st.Cursor(ctx, "node-1"); at != 14 {
		t.Errorf("cursor after two refusals = %d, want 14", at)
	}
	if got, err := st.Call(ctx, quay, other.ID); err != nil || got.Org != quay {
		t.Errorf("the call of quay: %+v, %v", got.Org, err)
	}
}
