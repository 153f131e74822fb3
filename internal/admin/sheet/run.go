package sheet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
)

// Bounds of what an Outcome carries; the counts of its report are whole.
const (
	maxTold = 5_000
	maxMend = 1 << 20
)

// Planner plans and applies change sets; change.Planner does.
type Planner interface {
	GetApplied(ctx context.Context, org e911.OrgID, id string) (change.Applied, error)
	Plan(ctx context.Context, who admin.Actor, s change.Set) (change.Plan, error)
	Apply(ctx context.Context, who admin.Actor, org e911.OrgID, id, hash string) (change.Applied, error)
}

// Store reads one state of what is configured; admin.Store does.
type Store interface {
	Read(ctx context.Context, do func(admin.Reader) error) error
}

// Desk is what an import needs beside its table.
type Desk struct {
	Store   Store
	Planner Planner
	Layers  check.Layers // nil: none
	Limits  Limits
	// Mark is the id that the plan gets, a change set's. An import that is begun again
	// with it after it was applied says so, and is not done again; none: a new one.
	Mark string
}

// Task is what an import is asked for.
type Task struct {
	Kind    Kind   `json:"kind"`
	Mode    Mode   `json:"mode,omitempty"`
	Whole   bool   `json:"whole,omitempty"`
	Partial bool   `json:"partial,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"` // only plan
	File    string `json:"file,omitempty"`    // its name, for faults
	Unroute string `json:"unroute,omitempty"` // why places may lose their way
	// Large lifts the bound of rows, for the command line.
	Large bool `json:"large,omitempty"`
	// Sites and NoSecrets are those of Options.
	Sites     []e911.SiteID `json:"sites,omitempty"`
	NoSecrets bool          `json:"no_secrets,omitempty"`
}

// Outcome is what came of an import.
type Outcome struct {
	Report  Report          `json:"report"`
	Plan    *change.Plan    `json:"plan,omitempty"`    // none: there was nothing to do
	Applied *change.Applied `json:"applied,omitempty"` // none: it was only planned, or there was nothing to do
	// Mend is a CSV file of the rows with faults, with these in a last column.
	Mend string `json:"mend,omitempty"`
	// MoreFaults is how many faults are not listed.
	MoreFaults int `json:"more_faults,omitempty"`
}

// Steps of an import, as progress: read, compared, planned, applied.
const steps = 4

// Run imports a table: it is read, compared, planned, and applied in one
// transaction. An Invalid error has the faults; the outcome is there all the same.
// Run again after it was done, it does nothing.
func (d Desk) Run(ctx context.Context, who admin.Actor, org e911.OrgID, t Task, r io.Reader, size int64, progress func(done, total int64)) (*Outcome, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if t.File == "" {
		t.File = string(t.Kind)
	}
	limits := d.Limits
	if t.Large {
		limits = AnyRows()
	}
	tables, err := ReadWithin(limits, t.File, r, size)
	if err != nil {
		return nil, err
	}
	table, err := Pick(tables, t.Kind)
	if err != nil {
		return nil, err
	}
	rows := int64(len(table.Rows))
	progress(rows, steps*rows)
	out := &Outcome{}
	var set change.Set
	err = d.Store.Read(ctx, func(r admin.Reader) error {
		set, out.Report, err = Import(ctx, r, Options{Org: org, Kind: t.Kind, Mode: t.Mode, Whole: t.Whole, Partial: t.Partial, Layers: d.Layers, Sites: t.Sites, NoSecrets: t.NoSecrets}, table)
		return err
	})
	if err != nil {
		return nil, err
	}
	progress(2*rows, steps*rows)
	set.Unroute = t.Unroute
	err = d.apply(ctx, who, t, set, out, func(step int64) { progress(step*rows, steps*rows) })
	out.close(table)
	return out, err
}

// close bounds what is kept, and adds the file to be mended.
func (o *Outcome) close(t Table) {
	if len(o.Report.Faults) > 0 {
		var b bytes.Buffer
		if err := Mend(&b, t, o.Report.Faults); err == nil && b.Len() <= maxMend {
			o.Mend = b.String()
		}
	}
	if n := len(o.Report.Faults); n > maxTold {
		o.Report.Faults, o.Report.MoreFaults = o.Report.Faults[:maxTold], o.Report.MoreFaults+n-maxTold
	}
	o.MoreFaults, o.Report.MoreFaults = o.Report.MoreFaults, 0
	if len(o.Report.Notices) > maxTold {
		o.Report.Notices = o.Report.Notices[:maxTold]
	}
}

func (d Desk) apply(ctx context.Context, who admin.Actor, t Task, set change.Set, out *Outcome, step func(int64)) error {
	if d.Mark != "" {
		done, err := d.Planner.GetApplied(ctx, set.Org, d.Mark)
		if err == nil {
			out.Applied = &done // before the server was killed
			step(steps)
			return nil
		}
		if e911.KindOf(err) != e911.NotFound {
			return err
		}
	}
	set.ID = d.Mark
	if len(set.Faults) > 0 && !t.Partial {
		return &e911.Error{Kind: e911.Invalid, Msg: fmt.Sprintf("%d rows are refused, nothing was changed", out.Report.Bad), Faults: out.Report.Faults}
	}
	if len(set.Steps) == 0 {
		return nil
	}
	plan, err := d.Planner.Plan(ctx, who, set)
	if err != nil {
		return err
	}
	out.Plan = &plan
	out.more(plan.Faults)
	step(3)
	switch {
	case plan.Idle():
		return nil
	case !plan.Applicable:
		return &e911.Error{Kind: e911.Invalid, Msg: "nothing was changed: " + orElse(plan.Why, "the plan cannot be applied"), Faults: plan.Faults}
	case t.DryRun:
		return nil
	}
	applied, err := d.Planner.Apply(ctx, who, set.Org, plan.ID, plan.Hash)
	if err != nil {
		return err
	}
	out.Applied = &applied
	step(steps)
	return nil
}

// more adds faults that only the planner found.
func (o *Outcome) more(found []e911.Fault) {
	have := map[e911.Fault]bool{}
	for _, f := range o.Report.Faults {
		have[f] = true
	}
	for _, f := range found {
		if !have[f] {
			o.Report.Faults = append(o.Report.Faults, f)
		}
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Handler runs imports as jobs. Desk is asked for each: the database may be gone
// when it is.
func Handler(desk func() (Desk, error)) job.Handler {
	return func(ctx context.Context, w job.Work) (any, error) {
		var t Task
		if err := json.Unmarshal(w.Args, &t); err != nil {
			return nil, e911.Errorf(e911.Invalid, "the job does not say what to import")
		}
		d, err := desk()
		if err != nil {
			return nil, err
		}
		d.Mark = w.Job.ID
		out, err := d.Run(ctx, w.Job.Who, w.Job.Org, t, w.Input, w.Size, w.Progress)
		if out == nil {
			return nil, err
		}
		return out, err
	}
}
