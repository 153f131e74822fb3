package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
)

// testJobs: a job comes back as it went in, its organisation alone sees it, its
// state is written by who knew the one before, and old ones go.
func testJobs(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(job.Store), t.Context()
	org := e911.NewID[e911.OrgID]()
	rec := func(id, node string) job.Record {
		return job.Record{
			Job: job.Job{
				ID: id, Org: org, Kind: "import", Title: "users.csv", State: job.Queued, Done: 1, Total: 20_000, Who: "user 1", Made: Epoch,
				Result: json.RawMessage(`{"rows":3}`), Faults: []e911.Fault{{Row: 3, Col: 2, Code: "syntax", Msg: "no", Fix: "yes"}}, Error: "e", Waits: "w",
			},
			Node: node, Args: json.RawMessage(`{"kind":"users"}`), Size: 77, Tries: 1,
		}
	}
	want := []job.Record{rec("1", "a"), rec("2", "a"), rec("3", "b")}
	for _, r := range want {
		if err := st.AddJob(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := st.Job(ctx, org, "1"); err != nil || !cmp.Equal(got, want[0]) {
		t.Errorf("%v: %s", err, cmp.Diff(want[0], got))
	}
	if _, err := st.Job(ctx, e911.NewID[e911.OrgID](), "1"); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation's job: %v", err)
	}
	if err := st.AddJob(ctx, want[0]); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the same id twice: %v", err)
	}
	ended := want[0]
	ended.State, ended.Started, ended.Ended = job.Done, Epoch.Add(time.Second), Epoch.Add(time.Minute)
	if was, err := st.SetJob(ctx, ended, job.Running); was || err != nil {
		t.Errorf("a state that it was not in: %v, %v", was, err)
	}
	if was, err := st.SetJob(ctx, ended, job.Queued); !was || err != nil {
		t.Fatalf("%v, %v", was, err)
	}
	stranger := ended
	stranger.Org = e911.NewID[e911.OrgID]()
	if was, err := st.SetJob(ctx, stranger, job.Done); was || err != nil {
		t.Errorf("another organisation wrote it: %v, %v", was, err)
	}
	list := func(found []job.Record, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, r := range found {
			ids = append(ids, r.ID+string(r.State))
		}
		return ids
	}
	if d := cmp.Diff([]string{"3queued", "2queued", "1done"}, list(st.Jobs(ctx, org, "", 0))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"2queued"}, list(st.Jobs(ctx, org, "3", 1))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"2queued"}, list(st.OpenJobs(ctx, "a"))); d != "" {
		t.Error(d)
	}
	for before, n := range map[time.Duration]int{0: 0, 2 * time.Minute: 1} {
		if got, err := st.DropJobs(ctx, Epoch.Add(before)); err != nil || before > 0 && got > 1 || before == 0 && got != n {
			t.Errorf("forgot %d before %s, %v", got, before, err)
		}
	}
	if d := cmp.Diff([]string{"3queued", "2queued"}, list(st.Jobs(ctx, org, "", 0))); d != "" {
		t.Error(d)
	}
}
