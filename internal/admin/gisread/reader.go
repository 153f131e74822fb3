package gisread

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

type reader struct {
	opt     Options
	sink    gis.Sink
	rep     Report
	errs    []error
	closers []io.Closer
	zipLeft int64

	rows     int
	seed     maphash.Seed
	seen     map[uint64]uint8 // the kind of table (kinds) of each NGUID, by hash
	kinds    []string
	names    spelling
	ranges   ranges
	coverage coverage
	swapped  int
	standard []string
}

func newReader(opt Options, sink gis.Sink) (*reader, error) {
	l := &opt.Limits
	l.FileBytes = cmp.Or(l.FileBytes, 8<<30)
	l.ZipBytes = cmp.Or(l.ZipBytes, 16<<30)
	l.ZipRatio = cmp.Or(l.ZipRatio, 200)
	l.ZipFiles = cmp.Or(l.ZipFiles, 2000)
	l.Rows = cmp.Or(l.Rows, 30_000_000)
	l.Coordinates = cmp.Or(l.Coordinates, 4_000_000)
	l.Text = cmp.Or(l.Text, 1<<16)
	l.Columns = cmp.Or(l.Columns, 2000)
	l.Findings = cmp.Or(l.Findings, 5000)
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, e911.Errorf(e911.Invalid, format, args...)) }
	if c := opt.Defaults.Country; c != "" && c != "US" && c != "CA" {
		fault("the default country is %q; give US or CA", c)
	}
	if s, ok := civic.StateOf(opt.Defaults.A1); opt.Defaults.A1 != "" && (!ok || s.Code != opt.Defaults.A1) {
		fault("the default state is %q; give the two letters of a state or province", opt.Defaults.A1)
	} else if ok && opt.Defaults.Country == "" {
		opt.Defaults.Country = s.Country()
	} else if ok && s.Country() != opt.Defaults.Country {
		fault("the default state %s is not in %s", s.Code, opt.Defaults.Country)
	}
	if opt.Service != "" && !strings.HasPrefix(strings.ToLower(opt.Service), "urn:") {
		fault("the service of boundaries is %q; give a URN such as %s", opt.Service, urnSOS)
	}
	switch opt.Standard {
	case "", StandardNENA2, StandardNENA3, StandardTIGER, StandardOpenAddresses:
	default:
		fault("the standard %q is not known; give %s, %s, %s or %s", opt.Standard, StandardNENA2, StandardNENA3, StandardTIGER, StandardOpenAddresses)
	}
	if min(l.FileBytes, l.ZipBytes, l.ZipRatio) < 0 || min(l.ZipFiles, l.Rows, l.Coordinates, l.Text, l.Columns, l.Findings) < 0 {
		fault("a limit is negative")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &reader{opt: opt, sink: sink, zipLeft: l.ZipBytes, seed: maphash.MakeSeed(), seen: map[uint64]uint8{}, names: newSpelling()}, nil
}

func (r *reader) run(ctx context.Context, files []File) error {
	defer func() {
		for _, c := range r.closers {
			_ = c.Close()
		}
	}()
	sources, err := r.expand(files)
	if err != nil {
		return err
	}
	type found struct {
		layer
		m meaning
	}
	var layers []found
	for _, s := range sources {
		list, err := r.layers(ctx, s)
		if fe, bad := asFileError(err); bad && ctx.Err() == nil {
			r.refuseFile(s.file, "", fe)
			continue
		}
		if err != nil {
			return err
		}
		for _, l := range list {
			layers = append(layers, found{l, l.meaning()})
		}
	}
	// Boundaries first: whether an address lies in one is asked while it is read.
	slices.SortStableFunc(layers, func(a, b found) int { return cmp.Compare(stage(a.m.kind), stage(b.m.kind)) })
	for i, l := range layers {
		if i > 0 && stage(l.m.kind) > stageAreas && stage(layers[i-1].m.kind) <= stageAreas {
			r.coverage.settle()
		}
		if err := r.layer(ctx, l.layer, l.m); err != nil {
			return err
		}
	}
	r.coverage.settle()
	if err := r.judge(ctx); err != nil {
		return err
	}
	if r.rep.Kept == 0 && len(r.errs) == 0 {
		r.refuseFile(files[0].display(), "", broken(CodeNothing, "Compare the tables and columns in the report with docs/layers.md.", "Nothing in the files could be kept."))
	}
	return errors.Join(r.errs...)
}

func (f File) display() string { return cmp.Or(f.Name, f.Path) }

const stageAreas = 1

// stage orders the kinds of tables: areas, what lies in them, the rest.
func stage(k kind) int {
	switch k {
	case kindProvisioning:
		return 0
	case kindBoundary:
		return stageAreas
	case kindAddress, kindStreet, kindTIGER, kindOpenAddresses:
		return 2
	}
	return 3
}

// layer reads one table, or lists it as not used.
func (r *reader) layer(ctx context.Context, l layer, m meaning) error {
	t := &table{r: r, m: m, rep: &Table{File: l.src.file, Name: printable(l.name, 80), Kind: m.name}, byName: map[string]column{}, known: columnsOf(m.kind)}
	defer func() { r.rep.Tables = append(r.rep.Tables, *t.rep) }()
	switch m.kind {
	case kindUnknown:
		t.rep.Why = "unknown"
		if r.opt.UnknownLayers == Refuse {
			r.refuseFile(l.src.file, t.rep.Name, broken(CodeUnknownTable, "Leave it out, or allow unknown tables.", "The table is of no standard that is read."))
		}
		return nil
	case kindIdle:
		t.rep.Why = "known, not used"
		return nil
	}
	t.rep.Used = true
	t.rep.Standard = standardOf(m, l.columns, r.opt.Standard)
	if !slices.Contains(r.standard, t.rep.Standard) {
		r.standard = append(r.standard, t.rep.Standard)
	}
	if t.index = slices.Index(r.kinds, m.name); t.index < 0 {
		t.index = len(r.kinds)
		r.kinds = append(r.kinds, m.name)
	}
	t.prepare(l.src.base, l.name)
	err := l.read(ctx, t)
	slices.Sort(t.rep.Unknown)
	r.rep.Read += t.rep.Read
	r.rep.Kept += t.rep.Kept
	if len(t.rep.Unknown) > 0 && r.opt.UnknownColumns == Refuse {
		r.refuseFile(l.src.file, t.rep.Name, broken(CodeUnknownCol, "Leave them out, or allow unknown columns.", "The table has columns that the standard does not: %s.", strings.Join(t.rep.Unknown, ", ")))
	}
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if fe, bad := asFileError(err); bad {
		r.refuseFile(l.src.file, t.rep.Name, fe)
		return nil
	}
	return fmt.Errorf("read %s: %w", l.src.file, err)
}

func (r *reader) finish() Report {
	r.rep.Standard = strings.Join(r.standard, " + ")
	if r.swapped > 0 && r.swapped*2 > r.rep.Read {
		r.rep.Hints = append(r.rep.Hints, fmt.Sprintf("Latitude and longitude are swapped in %d of %d rows: export the data with longitude first.", r.swapped, r.rep.Read))
	}
	for _, t := range r.rep.Tables {
		if t.Used && t.Read > 0 && t.Kept == 0 {
			r.rep.Hints = append(r.rep.Hints, fmt.Sprintf("No row of %s in %s could be kept; compare its columns with those of %s.", t.Name, t.File, t.Standard))
		}
	}
	return r.rep
}

// printable cuts text of a file for a message: at most n characters, without
// control characters.
func printable(s string, n int) string {
	var b strings.Builder
	for _, c := range s {
		if n--; n < 0 {
			return b.String() + "..."
		}
		if c == utf8.RuneError || unfit(c) {
			c = '?'
		}
		b.WriteRune(c)
	}
	return b.String()
}
