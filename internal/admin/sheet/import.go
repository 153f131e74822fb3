package sheet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// Mode says whether an import may take anything away (C-61).
type Mode string

// The modes.
const (
	// Add makes and fills: FALSE, and what a list does not name, are passed over,
	// and REMOVE| is refused.
	Add Mode = "add"
	// Replace adds and removes: FALSE takes off, a list is the whole list, and
	// REMOVE| takes out. What no row names is left alone all the same.
	Replace Mode = "replace"
)

// Options of one import.
type Options struct {
	Org  e911.OrgID
	Kind Kind
	Mode Mode // none: Add
	// Whole makes the table the whole truth of its kind: what no row names is
	// deleted. Users and sites are never deleted by a table.
	Whole bool
	// Partial imports the rows that are in order, and leaves the others; else one
	// bad row refuses the table.
	Partial bool
	// Layers are the reference layers at hand, for the checks; nil: none.
	Layers check.Layers
	Title  string // of the change set; none: the kind and the table's name
	// Sites are the only ones whose objects rows may touch; nil: all.
	Sites []e911.SiteID
	// NoSecrets refuses a table with a column of passwords.
	NoSecrets bool
}

// Ignored is a column of the table that nothing was taken from.
type Ignored struct {
	Name string `json:"name"`
	Col  int    `json:"col"` // from 1
	Why  string `json:"why"` // "unknown" or "read_only"
}

// The reasons of an Ignored.
const (
	WhyUnknown  = "unknown"
	WhyReadOnly = "read_only"
)

// Report says what a table held.
type Report struct {
	File    string    `json:"file"`
	Kind    Kind      `json:"kind"`
	Mode    Mode      `json:"mode"`
	Rows    int       `json:"rows"`
	Bad     int       `json:"bad"` // rows with a fault
	Same    int       `json:"same"`
	Ignored []Ignored `json:"ignored,omitempty"`
	// Faults are by row and column, up to a hundred thousand; Notices what was mended
	// and what is worth a word, as many.
	Faults  []e911.Fault `json:"faults,omitempty"`
	Notices []e911.Fault `json:"notices,omitempty"`
	// MoreFaults is how many faults are not in Faults.
	MoreFaults int `json:"more_faults,omitempty"`
	// Sites are those that the rows were kept to; none: all.
	Sites []e911.SiteID `json:"sites,omitempty"`
}

// Import turns a table into a change set against what view shows. Rows that
// change nothing give no step. Faults of rows are in the report, all of them, and
// in the set, whose Partial is that of the options. The error is Invalid for the
// options or a header that cannot be used, or the view's.
//
// A column that is not there, and an empty cell, leave what is stored as it is; a
// cell with REMOVE| alone clears it, and REMOVE| before the key of a row takes the
// object away. Rows whose first word begins with # are passed over.
func Import(ctx context.Context, view admin.View, o Options, t Table) (change.Set, Report, error) {
	kt := tableOf(o.Kind)
	if o.Mode == "" {
		o.Mode = Add
	}
	if kt == nil || view == nil || o.Org == "" || o.Mode != Add && o.Mode != Replace {
		return change.Set{}, Report{}, e911.Errorf(e911.Invalid, "an import needs a view, an organisation, a kind and a mode; %q %q", o.Kind, o.Mode)
	}
	im := &importer{
		o: o, t: &t, s: newState(ctx, view, o.Org), columns: kt.columns(), at: map[string]int{}, seen: map[string]int{},
		suspended: map[string]bool{}, staged: map[admin.Ref]*staged{}, badLines: map[int]bool{}, mailKeys: nil,
		report: Report{File: t.Name, Kind: o.Kind, Mode: o.Mode, Rows: len(t.Rows), Notices: slices.Clone(t.Notices), Sites: o.Sites},
	}
	if err := im.header(); err != nil {
		return change.Set{}, im.report, err
	}
	for i := range t.Rows {
		if i%1024 == 0 && ctx.Err() != nil {
			return change.Set{}, im.report, ctx.Err()
		}
		r := &row{im: im, i: i, line: t.Line(i), cells: t.Rows[i]}
		kt.read(r)
		if r.bad {
			im.badLines[r.line] = true
			continue
		}
		for _, do := range r.later {
			do()
		}
	}
	im.absent()
	im.confine()
	if err := im.check(ctx); err != nil {
		return change.Set{}, im.report, err
	}
	if im.s.err != nil {
		return change.Set{}, im.report, im.s.err
	}
	return im.set(), im.report, nil
}

// importer is one import.
type importer struct {
	o       Options
	t       *Table
	s       *state
	columns []Column
	head    []heading
	at      map[string]int // position of each column, from 1
	// suspended are services that cannot be given.
	suspended map[string]bool
	seen      map[string]int // line in which a key stood first
	staged    map[admin.Ref]*staged
	order     []admin.Ref
	gone      []goner
	badLines  map[int]bool
	mailKeys  map[string][]string
	ids       map[string][]similar
	report    Report
}

// staged is an object that the table puts, and where in it.
type staged struct {
	value any
	line  int
	col   string // empty: the row is about it
}

type goner struct {
	o    admin.Object
	line int
}

type heading struct {
	name string
	at   int // from 0
}

// header finds the columns. What is not known, and what is only for looking at, is
// listed; a column that stands there twice refuses the table.
func (im *importer) header() error {
	var faults []e911.Fault
	line := im.t.HeaderRow
	if line == 0 {
		line = max(im.t.FirstRow-1, 1)
	}
	fault := func(col int, name, code, msg, fix string) {
		faults = append(faults, e911.Fault{File: im.t.Name, Path: name, Row: line, Col: col + 1, Code: code, Msg: msg, Fix: fix})
	}
	for i, h := range im.t.Header {
		name, suspended := strings.CutSuffix(norm(h), " (suspended)")
		if blank(h) {
			if im.filled(i) {
				im.ignore(h, i, WhyUnknown)
			}
			continue
		}
		c, known := im.known(name, h)
		switch {
		case !known || c.Name == alertColumn:
			im.ignore(h, i, WhyUnknown)
			continue
		case im.at[c.Name] > 0:
			fault(i, c.Name, check.Duplicate, fmt.Sprintf("the column %s stands here twice", short(h)), "remove one")
			continue
		case im.o.NoSecrets && c.Input:
			fault(i, c.Name, check.Forbidden, "setting passwords needs a role at the organisation", "remove the column; a program needs a key with the scope secrets")
			continue
		}
		im.at[c.Name] = i + 1
		im.suspended[c.Name] = suspended
		im.head = append(im.head, heading{c.Name, i})
		if c.ReadOnly && c.Name != "extension" {
			im.ignore(h, i, WhyReadOnly)
		}
	}
	if first := im.columns[0]; im.at[first.Name] == 0 && (im.o.Kind != Users || im.at["email"] == 0) {
		fault(0, first.Name, check.Required, "there is no column "+first.Name, "the columns are "+strings.Join(names(im.columns), ", "))
	}
	for _, f := range im.t.Faults {
		im.report.Faults = append(im.report.Faults, f)
		im.badLines[f.Row] = true
	}
	if len(faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "the header of the table cannot be used", Faults: faults}
	}
	return nil
}

func names(list []Column) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.Name
	}
	return out
}

// known finds a column by a heading.
func (im *importer) known(name, heading string) (Column, bool) {
	for _, c := range im.columns {
		if strings.TrimSpace(heading) == c.Name {
			return c, true
		}
	}
	for _, c := range im.columns {
		if c.Name == "SITE" {
			continue // of the address; "Site" is the key
		}
		if name == norm(c.Name) || slices.Contains(c.Aliases, name) {
			return c, true
		}
	}
	if key, ok := strings.CutPrefix(strings.TrimSpace(heading), alertColumn); ok && im.o.Kind == Users {
		key = strings.TrimSpace(key)
		if i := strings.Index(strings.ToLower(key), " (suspended)"); i >= 0 {
			key = key[:i]
		}
		if _, ok := im.s.byKey(e911.KindAlert, key); ok {
			return Column{Name: alertColumn + key, Form: Truth}, true
		}
	}
	return Column{}, false
}

// norm is a heading as it is compared.
func norm(h string) string {
	h = strings.ToLower(strings.Join(strings.Fields(clean(h)), " "))
	h = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(h, "*"), "(required)"))
	return h
}

func (im *importer) filled(col int) bool {
	return slices.ContainsFunc(im.t.Rows, func(r []string) bool { return col < len(r) && !blank(r[col]) })
}

func (im *importer) ignore(name string, col int, why string) {
	if n := norm(name); n == "error" && why == WhyUnknown {
		return // of a table that came back mended
	}
	im.report.Ignored = append(im.report.Ignored, Ignored{Name: short(name), Col: col + 1, Why: why})
}

func (im *importer) column(name string) *Column {
	for i := range im.columns {
		if im.columns[i].Name == name {
			return &im.columns[i]
		}
	}
	return nil
}

// mails are the keys of the users of each mail address.
func (im *importer) mails() map[string][]string {
	if im.mailKeys == nil {
		im.mailKeys = map[string][]string{}
		for _, o := range im.s.group(e911.KindUser).stored {
			if u := o.Value.(e911.User); u.Email != "" {
				m := strings.ToLower(u.Email)
				im.mailKeys[m] = append(im.mailKeys[m], u.Key)
			}
		}
	}
	return im.mailKeys
}

type similar struct{ key, id string }

// similar lists the users whose id would be the same if capitals, spaces and zeros
// counted for nothing (N-20).
func (im *importer) similar(id string) []similar {
	plain := func(s string) string {
		return strings.TrimLeft(strings.ToLower(strings.Join(strings.Fields(s), "")), "0")
	}
	if im.ids == nil {
		im.ids = map[string][]similar{}
		for _, o := range im.s.group(e911.KindUser).stored {
			if u := o.Value.(e911.User); u.DeviceUserID != "" {
				im.ids[plain(u.DeviceUserID)] = append(im.ids[plain(u.DeviceUserID)], similar{u.Key, u.DeviceUserID})
			}
		}
	}
	return im.ids[plain(id)]
}

// absent deletes what no row named, where the table is the whole truth.
func (im *importer) absent() {
	if !im.o.Whole || im.o.Kind == Users || im.o.Kind == Sites || len(im.badLines) > 0 {
		return
	}
	for _, o := range sortedObjects(im.s.group(im.o.Kind.Object()).stored) {
		if im.seen[admin.KeyOf(o.Value)] == 0 && im.within(o.Value) {
			im.s.remove(o)
			im.gone = append(im.gone, goner{o, im.t.HeaderRow})
		}
	}
}

func sortedObjects(m map[string]admin.Object) []admin.Object {
	list := slices.Collect(maps.Values(m))
	slices.SortFunc(list, byID)
	return list
}

// check asks package check about all that the table puts.
func (im *importer) check(ctx context.Context) error {
	demonstration := false
	if o, err := im.s.Get(ctx, admin.Ref{Kind: e911.KindOrg, Org: im.o.Org, ID: string(im.o.Org)}); err == nil {
		demonstration = o.Value.(e911.Org).Demonstration
	}
	countries := im.countries()
	for i, ref := range im.order {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		st := im.staged[ref]
		faults, err := check.ObjectBy(ctx, im.s, im.o.Layers, st.value)
		if err != nil {
			return err
		}
		for _, f := range faults {
			im.fault(st.line, im.columnOf(st, f.Path), f.Code, f.Msg, f.Fix)
		}
		for _, f := range append(check.Advice(st.value, demonstration), check.Shadows(st.value, countries)...) {
			if len(im.report.Notices) >= maxKept {
				break
			}
			im.report.Notices = append(im.report.Notices, e911.Fault{File: im.t.Name, Path: im.columnOf(st, f.Path), Row: st.line, Col: max(im.at[im.columnOf(st, f.Path)], 1), Code: f.Code, Msg: f.Msg, Fix: f.Fix})
		}
	}
	return nil
}

// countries are those of the organisation's buildings, whose emergency numbers its
// extensions must not begin like (F-37). Only people and devices have extensions.
func (im *importer) countries() (out []string) {
	if im.o.Kind != Users && im.o.Kind != Devices {
		return nil
	}
	for _, o := range im.s.group(e911.KindBuilding).now {
		b, _ := o.Value.(e911.Building)
		if c := strings.ToUpper(b.Address.Country); c != "" && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// columnOf is the column of a field of an object.
func (im *importer) columnOf(st *staged, path string) string {
	if st.col != "" {
		return st.col
	}
	path = strings.TrimPrefix(path, "address.")
	path = strings.TrimPrefix(path, "lldp.")
	switch path {
	case "lldp":
		return "chassis"
	case "point":
		return "latitude"
	case "station":
		return "station.class"
	}
	if i := strings.IndexByte(path, '['); i >= 0 {
		path = path[:i]
	}
	if im.column(path) == nil && im.at[path] == 0 {
		return im.columns[0].Name
	}
	return path
}

// maxKept bounds how many faults and notices are kept of one import: a wrong column
// has one in each row. What is bad is counted all the same, and left out.
const maxKept = 100_000

func (im *importer) fault(line int, col, code, msg, fix string) {
	im.badLines[line] = true
	if len(im.report.Faults) >= maxKept {
		im.report.MoreFaults++
		return
	}
	im.report.Faults = append(im.report.Faults, e911.Fault{File: im.t.Name, Path: col, Row: line, Col: max(im.at[col], 1), Code: code, Msg: msg, Fix: fix})
}

// set is the change set of the rows that are in order.
func (im *importer) set() change.Set {
	order := func(a, b e911.Fault) int { return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col)) }
	slices.SortStableFunc(im.report.Faults, order)
	slices.SortStableFunc(im.report.Notices, order)
	set := change.Set{Org: im.o.Org, Title: im.o.Title, Source: string(im.o.Kind) + " " + im.t.Name, Partial: im.o.Partial, Faults: im.report.Faults, Columns: im.at}
	if set.Title == "" {
		set.Title = set.Source
	}
	file, sheet, _ := strings.Cut(im.t.Name, "#")
	for _, ref := range im.order {
		st := im.staged[ref]
		if im.badLines[st.line] {
			continue
		}
		g := im.s.group(ref.Kind)
		set.Steps = append(set.Steps, change.Step{
			Verb: change.Put, Value: st.value, Ref: ref, Key: admin.KeyOf(st.value), Version: g.stored[ref.ID].Version,
			From: change.Origin{File: file, Sheet: sheet, Row: st.line, Col: max(im.at[st.col], 1)},
		})
	}
	for i := len(im.gone) - 1; i >= 0; i-- {
		d := im.gone[i]
		if !im.badLines[d.line] {
			set.Steps = append(set.Steps, change.Step{
				Verb: admin.Deleted, Ref: d.o.Ref, Key: admin.KeyOf(d.o.Value), Version: d.o.Version,
				From: change.Origin{File: file, Sheet: sheet, Row: d.line, Col: 1},
			})
		}
	}
	im.report.Bad = len(im.badLines)
	return set
}
