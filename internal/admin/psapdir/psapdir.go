// Package psapdir keeps the directory of PSAPs: names and ids from the FCC's
// Master PSAP Registry, and the 24x7 ten-digit lines that people call from
// elsewhere (F-39 (3)), from a file of the operator's.
//
// A directory never decides where a call goes: what was configured of a PSAP, its
// routes, boundaries and line, is never touched by a registry. What a registry
// drops is kept and marked. An import is one transaction (E15).
package psapdir

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// Options of one import.
type Options struct {
	DryRun bool
	Now    time.Time // no line was checked after it; zero: nobody looks
	// AsOf is the date of the directory; zero: the latest date in it, of a row or
	// of a check of a line.
	AsOf time.Time
}

// Change is one PSAP that is not as it was before.
type Change struct {
	Key      string   `json:"key"`
	Registry string   `json:"registry,omitempty"`
	Name     string   `json:"name"`
	Verb     string   `json:"verb"` // added, changed, gone
	Fields   []string `json:"fields,omitempty"`
}

// Report says what an import did, or would do.
type Report struct {
	File      string         `json:"file"`
	Form      Form           `json:"form"`
	AsOf      time.Time      `json:"as_of,omitzero"`
	DryRun    bool           `json:"dry_run,omitempty"`
	Rows      int            `json:"rows"`
	Added     int            `json:"added"`
	Changed   int            `json:"changed"`
	Unchanged int            `json:"unchanged"`
	Gone      int            `json:"gone"`           // in the store, not in the registry any more
	Kinds     map[string]int `json:"kinds,omitzero"` // of the registry's rows
	Changes   []Change       `json:"changes,omitempty"`
	// Refused are rows of a registry that cannot be used; the others are taken.
	Refused  []e911.Fault `json:"refused,omitempty"`
	Warnings []e911.Fault `json:"warnings,omitempty"`
}

// Import reads a file of either form and brings the stored directory up to date.
// A registry's rows that are at fault are refused and told; a file of lines with
// a fault is refused whole, for a wrong line is worse than none: then the error
// is Invalid and has all faults. Other errors are the store's.
func Import(ctx context.Context, st admin.Store, who admin.Actor, f File, opt Options) (Report, error) {
	t, err := read(f, opt.Now)
	if err != nil {
		return Report{}, err
	}
	im := &importer{t: t, opt: opt, report: Report{File: f.Name, Form: t.form, DryRun: opt.DryRun, Rows: t.count}}
	if opt.DryRun {
		err = st.Read(ctx, func(r admin.Reader) error { return im.plan(ctx, r) })
	} else {
		err = st.Write(ctx, who, func(w admin.Writer) error {
			if err := im.plan(ctx, w); err != nil {
				return err
			}
			return im.apply(ctx, w)
		})
	}
	if err != nil {
		return Report{}, err
	}
	return im.report, nil
}

// File is what to import.
type File struct {
	Name string
	Text io.Reader
}

type importer struct {
	t      *table
	opt    Options
	v      *view
	create []any
	update []stored
	report Report
}

type stored struct {
	value   e911.PSAP
	version int64
}

func (im *importer) plan(ctx context.Context, base admin.View) error {
	var err error
	if im.v, err = load(ctx, base); err != nil {
		return err
	}
	im.report.AsOf = im.opt.AsOf
	if im.report.AsOf.IsZero() {
		im.report.AsOf = im.t.latest
	}
	for i := range im.t.rows {
		if im.t.form == Registry {
			err = im.register(ctx, &im.t.rows[i])
		} else {
			err = im.line(ctx, &im.t.rows[i])
		}
		if err != nil {
			return err
		}
	}
	if im.t.form == Lines {
		return im.t.refused()
	}
	im.report.Refused = im.t.faults
	if len(im.t.rows) == 0 {
		return im.t.refused()
	}
	im.gone()
	return nil
}

// register merges a row of the registry.
func (im *importer) register(ctx context.Context, r *row) error {
	if im.report.Kinds == nil {
		im.report.Kinds = map[string]int{}
	}
	im.report.Kinds[r.kind]++
	was, have := im.v.byRegistry[r.registry]
	v := was.value
	if !have {
		v = e911.PSAP{ID: e911.NewID[e911.PSAPID](), Key: "fcc-" + r.registry, Routes: []e911.TrunkID{}}
	}
	if v.Key == "fcc-"+r.registry {
		v.Name = r.name // one that was configured keeps its own
	} else if v.Name != r.name {
		im.warn(r, "psap_name", fmt.Sprintf("%s is called %q here and %q in the registry", v.Key, v.Name, r.name))
	}
	checked := v.Listing.LineChecked
	v.Listing = e911.PSAPListing{
		Registry: r.registry, Kind: r.kind, City: r.city, County: r.county, State: r.state, LineChecked: checked, AsOf: im.report.AsOf,
	}
	if r.kind == e911.ListedOrphaned && have && len(v.Routes) > 0 {
		im.warn(r, "change_type", v.Key+" has routes here, and the registry says that it takes no 911 calls any more")
	}
	return im.merge(ctx, r, have, was, v)
}

// line merges a row of the operator's own.
func (im *importer) line(ctx context.Context, r *row) error {
	was, ok := im.v.byKey[r.key]
	column, name := "key", r.key
	if r.key == "" {
		was, ok = im.v.byRegistry[r.registry]
		column, name = "registry", r.registry
	}
	if !ok {
		im.t.fault(r.line, column, check.Unknown, fmt.Sprintf("there is no PSAP %q", name), "import the registry first, or correct it: callbox psaps --search NAME")
		return nil
	}
	v := was.value
	if r.registry != "" && v.Listing.Registry != r.registry {
		im.t.fault(r.line, "registry", check.Unknown, fmt.Sprintf("%s has the PSAP ID %q", v.Key, v.Listing.Registry), "leave one of the two columns empty")
		return nil
	}
	if r.has["line"] && v.Line != r.number {
		v.Line, v.Listing.LineChecked = r.number, time.Time{} // what was checked was another line
	}
	if r.has["line_checked"] {
		v.Listing.LineChecked = r.checked
	}
	if r.has["agency"] {
		v.Agency = r.agency
	}
	if r.has["features"] {
		v.Features = r.features
	}
	return im.merge(ctx, r, true, was, v)
}

// merge takes a PSAP as it will be, when nothing is wrong with it.
func (im *importer) merge(ctx context.Context, r *row, have bool, was stored, v e911.PSAP) error {
	faults, err := check.Object(ctx, im.v, v)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		for _, f := range faults {
			im.t.fault(r.line, columnOf(im.t.form, f.Path), f.Code, f.Msg, f.Fix)
		}
		return nil
	}
	im.v.seen[v.ID] = true
	c := Change{Key: v.Key, Registry: v.Listing.Registry, Name: v.Name}
	switch {
	case !have:
		im.report.Added++
		c.Verb = string(admin.Created)
		im.create = append(im.create, v)
	default:
		if c.Fields = differ(was.value, v); len(c.Fields) == 0 {
			im.report.Unchanged++
			return nil
		}
		im.report.Changed++
		c.Verb = string(admin.Changed)
		im.update = append(im.update, stored{v, was.version})
	}
	im.report.Changes = append(im.report.Changes, c)
	return nil
}

// gone marks what the registry does not have any more.
func (im *importer) gone() {
	for _, s := range im.v.all {
		l := s.value.Listing
		if l.Registry == "" || im.t.ids[l.Registry] || l.Kind == e911.ListedGone {
			continue
		}
		v := s.value
		v.Listing.Kind = e911.ListedGone
		im.report.Gone++
		im.report.Changes = append(im.report.Changes, Change{Key: v.Key, Registry: l.Registry, Name: v.Name, Verb: "gone", Fields: []string{"listing.kind"}})
		im.update = append(im.update, stored{v, s.version})
	}
}

func (im *importer) warn(r *row, column, msg string) {
	im.report.Warnings = append(im.report.Warnings, e911.Fault{File: im.t.file, Path: column, Row: r.line, Col: im.t.column[column], Code: "differs", Msg: msg})
}

func (im *importer) apply(ctx context.Context, w admin.Writer) error {
	if err := w.CreateAll(ctx, im.create); err != nil {
		return fmt.Errorf("add PSAPs to the directory: %w", err)
	}
	for _, s := range im.update {
		if _, err := w.Update(ctx, s.value, s.version); err != nil {
			return fmt.Errorf("change %s: %w", s.value.Key, err)
		}
	}
	return nil
}

// differ names what is not the same. The date of the directory alone is no
// change: a newer file that says the same changes nothing.
func differ(a, b e911.PSAP) []string {
	var out []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"name", a.Name == b.Name},
		{"line", a.Line == b.Line},
		{"line_checked", a.Listing.LineChecked.Equal(b.Listing.LineChecked)},
		{"agency", a.Agency == b.Agency},
		{"features", slices.Equal(a.Features, b.Features)},
		{"kind", a.Listing.Kind == b.Listing.Kind},
		{"city", a.Listing.City == b.Listing.City},
		{"county", a.Listing.County == b.Listing.County},
		{"state", a.Listing.State == b.Listing.State},
	} {
		if !f.same {
			out = append(out, f.name)
		}
	}
	return out
}

// columnOf is the column that a field of a PSAP comes from.
func columnOf(form Form, path string) string {
	path = strings.TrimPrefix(path, "listing.")
	path, _, _ = strings.Cut(path, "[")
	if form == Lines {
		return path
	}
	switch path {
	case "name":
		return "psap_name"
	case "registry", "key":
		return "psap_id"
	case "kind":
		return "change_type"
	}
	return path
}
