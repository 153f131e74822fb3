package foreign

import (
	"context"
	"fmt"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/overlay"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// SetOptions of a change set.
type SetOptions struct {
	Org e911.OrgID
	// Partial imports the rows that are in order and leaves the others; else one
	// bad row, also one that the reader left out, refuses the whole.
	Partial bool
	// Replace moves what stands elsewhere and takes away what the tables no longer
	// say of an object; else rows only add. What no row names stays all the same.
	Replace bool
	Layers  check.Layers // as sheet.Options has them
	Title   string
}

// TableReport is what became of one table. Its faults name the foreign file's
// lines and columns.
type TableReport struct {
	sheet.Report
	Changes int `json:"changes"`
}

// ChangeSet makes one set of all tables of a reading, against what view shows:
// what a table names may come with the one before it. What is stored so already
// gives no step, so that the same files a month later change what was changed
// there. The error is Invalid for tables that cannot be used, or the view's.
func ChangeSet(ctx context.Context, view admin.View, res *intake.Result, opt SetOptions) (change.Set, []TableReport, error) {
	if opt.Title == "" {
		opt.Title = "import from " + res.Origin
	}
	out := change.Set{Org: opt.Org, Title: opt.Title, Source: "foreign " + res.Origin, Partial: opt.Partial, Faults: slices.Clone(res.Faults)}
	var reports []TableReport
	later := overlay.New(view)
	mode := sheet.Add
	if opt.Replace {
		mode = sheet.Replace
	}
	fit := adapter{view: view, org: opt.Org, users: map[string]string{}}
	for i := range res.Tables {
		p := &res.Tables[i]
		t, err := fit.table(ctx, p)
		if err != nil {
			return change.Set{}, nil, err
		}
		set, rep, err := sheet.Import(ctx, later, sheet.Options{Org: opt.Org, Kind: p.Kind, Mode: mode, Partial: opt.Partial, Layers: opt.Layers}, t)
		if err != nil {
			return change.Set{}, nil, fmt.Errorf("%s from %s: %w", p.Kind, p.Table.Name, err)
		}
		back(p, rep.Faults)
		back(p, rep.Notices)
		for _, s := range set.Steps {
			s.From = p.Origin(p.Row(s.From.Row), s.From.Col-1)
			out.Steps = append(out.Steps, s)
			later.Put(admin.Object{Ref: s.Ref, Version: s.Version, Value: s.Value})
		}
		out.Faults = append(out.Faults, rep.Faults...)
		reports = append(reports, TableReport{rep, len(set.Steps)})
	}
	return out, reports, nil
}

// back gives faults of a table the columns of the foreign file.
func back(p *intake.Placed, faults []e911.Fault) {
	for i := range faults {
		faults[i] = p.Back(faults[i])
	}
}
