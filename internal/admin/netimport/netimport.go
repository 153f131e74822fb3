// Package netimport brings a network map into an organisation from a CSV file,
// up to a million network elements at once. A file is checked whole and applied
// whole, in one transaction; every row that is wrong is told with row, column,
// reason and how to mend it. What a single edit refuses, an import refuses:
// both ask package check.
package netimport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// Options of one import.
type Options struct {
	Org string // its key
	// Replace makes the file the whole map: what it does not name is deleted,
	// what stands elsewhere is moved. Otherwise rows are only added.
	Replace bool
	// DryRun checks the file and says what it would do.
	DryRun bool
	// Progress, when set, is told what is done how far, now and then.
	Progress func(doing string, done int)
}

// Report says what an import did, or would do.
type Report struct {
	File      string `json:"file"`
	Org       string `json:"org"`
	DryRun    bool   `json:"dry_run,omitempty"`
	Replace   bool   `json:"replace,omitempty"`
	Rows      int    `json:"rows"`
	Created   int    `json:"created"`
	Moved     int    `json:"moved"`
	Deleted   int    `json:"deleted"`
	Unchanged int    `json:"unchanged"` // stored so already, or a row that repeats another
}

// Changes counts all that is not as it was before.
func (r Report) Changes() int { return r.Created + r.Moved + r.Deleted }

// Import reads a file into the map of an organisation. An Invalid error has all
// faults (the first thousand one by one), and then nothing was changed; other
// errors are the reader's and the store's.
func Import(ctx context.Context, st admin.Store, who admin.Actor, file string, r io.Reader, opt Options) (Report, error) {
	if st == nil || opt.Org == "" {
		return Report{}, e911.Errorf(e911.Invalid, "an import needs a store and the key of an organisation")
	}
	if opt.Progress == nil {
		opt.Progress = func(string, int) {}
	}
	t, err := read(file, r, func(rows int) { opt.Progress("read", rows) })
	if err != nil {
		return Report{}, err
	}
	im := &importer{opt: opt, t: t, report: Report{File: file, Org: opt.Org, DryRun: opt.DryRun, Replace: opt.Replace, Rows: len(t.rows)}}
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

type importer struct {
	opt    Options
	t      *table
	v      *view
	gone   []known
	report Report
}

// plan compares the file with what is stored and checks the state as it will be.
func (im *importer) plan(ctx context.Context, base admin.View) error {
	var err error
	if im.v, err = load(ctx, base, im.opt.Org); err != nil {
		return err
	}
	im.opt.Progress("stored", len(im.v.elements))
	for i := range im.t.rows {
		im.merge(&im.t.rows[i])
	}
	if im.opt.Replace && im.report.Rows == 0 && len(im.t.faults) == 0 {
		im.t.fault(1, "", check.Required, "the file has no rows, and would delete the whole map", "import the rows that stay")
	}
	if im.opt.Replace && len(im.t.faults) == 0 {
		im.gone = im.v.keep(func(k known) bool { return k.line > 0 })
		im.report.Deleted = len(im.gone)
	}
	im.t.rows = nil
	im.v.index()
	for i := range im.v.elements {
		k := &im.v.elements[i]
		if k.line == 0 || k.version > 0 && !k.moved {
			continue
		}
		if err := im.check(ctx, k); err != nil {
			return err
		}
		if i%100_000 == 0 && i > 0 {
			im.opt.Progress("checked", i)
		}
	}
	return im.t.refused()
}

// merge puts one row into the state as it will be.
func (im *importer) merge(r *row) {
	e := r.element
	e.Org = im.v.org.ID
	if key := string(e.Location); key != "" {
		id, ok := im.v.byKey[key]
		if !ok {
			im.t.fault(r.line, "location", check.Unknown, fmt.Sprintf("the organisation has no location %q", short(key)), "import the locations first, or correct the key")
			return
		}
		e.Location = id
	}
	key := admin.ElementKey(e)
	i, have := im.v.at[key]
	if !have {
		e.ID = e911.NewID[e911.ElementID]()
		im.v.put(known{element: e, line: r.line, key: key})
		im.report.Created++
		return
	}
	old := &im.v.elements[i]
	e.ID = old.element.ID
	switch {
	case old.element == e:
		im.report.Unchanged++
		if old.line == 0 {
			old.line = r.line
		}
	case old.line > 0:
		im.t.fault(r.line, keyColumn(e), check.Duplicate, fmt.Sprintf("it stands in row %d already, at %s, and here at %s", old.line, im.place(old.element), im.place(e)),
			"an element is in one place: keep one of the two")
	case !im.opt.Replace:
		im.t.fault(r.line, keyColumn(e), check.Duplicate, fmt.Sprintf("it is mapped already, to %s, and here to %s", im.place(old.element), im.place(e)),
			"correct the row, or import the whole map with --replace")
	default:
		old.element, old.line, old.moved = e, r.line, true
		im.report.Moved++
	}
}

// place names the location of an element as the customer does.
func (im *importer) place(e e911.Element) string {
	if o, ok := im.v.locations[string(e.Location)]; ok {
		return o.Value.(e911.Location).Key
	}
	return string(e.Kind) + " without a place"
}

// keyColumn is the column by which an element is recognised.
func keyColumn(e e911.Element) string {
	switch {
	case e.LLDP.Port != "":
		return "port"
	case e.LLDP.Chassis != "":
		return "chassis"
	case e.Name != "":
		return "name"
	case e.MAC != "":
		return "mac"
	}
	return "range"
}

func (im *importer) check(ctx context.Context, k *known) error {
	faults, err := check.Object(ctx, im.v, k.element)
	if err != nil {
		return err
	}
	for _, f := range faults {
		im.t.fault(k.line, columnOf(f.Path), f.Code, f.Msg, f.Fix)
	}
	return nil
}

// refused is the error of a file with faults.
func (t *table) refused() error {
	if len(t.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(t.faults, func(a, b e911.Fault) int { return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col)) })
	if t.beyond > 0 {
		last := t.faults[len(t.faults)-1]
		t.faults = append(t.faults, e911.Fault{
			File: t.file, Row: last.Row, Col: last.Col, Code: codeMore, Msg: fmt.Sprintf("there are %d faults more", t.beyond), Fix: "mend these first",
		})
	}
	return &e911.Error{Kind: e911.Invalid, Msg: "the network map is refused, nothing was changed", Faults: t.faults}
}

// batch is how many elements are written at once.
const batch = 10_000

func (im *importer) apply(ctx context.Context, w admin.Writer) error {
	if err := im.remove(ctx, w); err != nil {
		return err
	}
	created, done := make([]any, 0, batch), 0
	flush := func() error {
		if err := w.CreateAll(ctx, created); err != nil {
			return fmt.Errorf("write the network elements: %w", err)
		}
		done += len(created)
		created = created[:0]
		im.opt.Progress("written", done)
		return nil
	}
	for i := range im.v.elements {
		k := &im.v.elements[i]
		switch {
		case k.moved:
			if _, err := w.Update(ctx, k.element, k.version); err != nil {
				return fmt.Errorf("move a network element: %w", err)
			}
		case k.version == 0:
			if created = append(created, k.element); len(created) == batch {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return errors.Join(flush(), ctx.Err())
}

func (im *importer) remove(ctx context.Context, w admin.Writer) error {
	objects := make([]admin.Object, len(im.gone))
	for i, k := range im.gone {
		objects[i] = admin.Object{Ref: admin.RefOf(k.element), Version: k.version, Value: k.element}
	}
	if err := w.DeleteAll(ctx, objects); err != nil {
		return fmt.Errorf("take out network elements: %w", err)
	}
	return nil
}
