package sheet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// planner applies what it is given, and remembers it by its id.
type planner struct {
	st   admin.Store
	done map[string]change.Applied
	set  change.Set
}

func (p *planner) Plan(_ context.Context, _ admin.Actor, s change.Set) (change.Plan, error) {
	p.set = s
	return change.Plan{ID: s.ID, Org: s.Org, Hash: "h", Applicable: true}, nil
}

func (p *planner) Apply(ctx context.Context, who admin.Actor, org e911.OrgID, id, _ string) (change.Applied, error) {
	err := p.st.Write(ctx, who, func(w admin.Writer) error {
		for _, s := range p.set.Steps {
			if _, err := w.Create(ctx, s.Value); err != nil {
				return err
			}
		}
		return nil
	})
	p.done[id] = change.Applied{ID: id, Org: org}
	return p.done[id], err
}

func (p *planner) GetApplied(_ context.Context, _ e911.OrgID, id string) (change.Applied, error) {
	if a, ok := p.done[id]; ok {
		return a, nil
	}
	return change.Applied{}, e911.Errorf(e911.NotFound, "there is no such set")
}

// A job that was killed after its set was applied and before it was done names that
// set when it is begun again, and does nothing twice.
// Proves: E15, issue 8: job killed half-way
func TestAnImportThatIsBegunAgainNamesWhatItApplied(t *testing.T) {
	st := open(t, harbor()...)
	p := &planner{st: st, done: map[string]change.Applied{}}
	handle := sheet.Handler(func() (sheet.Desk, error) { return sheet.Desk{Store: st, Planner: p}, nil })
	args, err := json.Marshal(sheet.Task{Kind: sheet.Users, Partial: true, File: "users.csv"})
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range []string{"first", "again"} {
		got, err := handle(t.Context(), job.Work{
			Job: job.Job{ID: "job-7", Org: "o", Who: "ann"}, Args: args, Input: strings.NewReader("key,name,site\nnew,New,hq\nbad,Bad,nowhere\n"),
		})
		if err != nil {
			t.Fatalf("%s: %v", turn, err)
		}
		out := got.(*sheet.Outcome)
		if out.Applied == nil || out.Applied.ID != "job-7" || out.Report.Bad != 1 {
			t.Errorf("%s: applied %+v, %d bad rows", turn, out.Applied, out.Report.Bad)
		}
	}
}

// Rows whose keys are all wrong cost no more each than the first: a whole file of
// them is told in time, and what is kept of it is bounded.
// Proves: C-63, issue 8: bad input
func TestFortyThousandBadRows(t *testing.T) {
	values := harbor()
	for i := range 5_000 {
		values = append(values, e911.Location{ID: e911.LocationID(fmt.Sprint("x", i)), Org: "o", Building: "b", Key: fmt.Sprint("room-", i)})
	}
	st := open(t, values...)
	var b strings.Builder
	b.WriteString("number,site,location\n")
	for i := range 40_000 {
		fmt.Fprintf(&b, "+1617%07d,nowhere,ROOM-%d-x\n", 2_000_000+i, i)
	}
	begun := time.Now()
	tables, err := sheet.ReadWithin(sheet.AnyRows(), "numbers.csv", strings.NewReader(b.String()), -1)
	if err != nil {
		t.Fatal(err)
	}
	set, rep, err := imports(t, st, sheet.Options{Org: "o", Kind: sheet.Numbers, Partial: true}, tables[0])
	if err != nil || len(set.Steps) != 0 || rep.Bad != 40_000 || len(rep.Faults)+rep.MoreFaults < 80_000 || len(rep.Faults) > 100_000 {
		t.Errorf("%d steps, %d bad, %d faults and %d more, %v", len(set.Steps), rep.Bad, len(rep.Faults), rep.MoreFaults, err)
	}
	// With a look at each key for each row it would be 400 million.
	if d := time.Since(begun); d > 10*time.Second {
		t.Errorf("it took %s", d)
	}
	for _, f := range rep.Faults[:2] {
		if f.Row != 2 || f.Fix == "" {
			t.Errorf("%+v", f)
		}
	}
}
