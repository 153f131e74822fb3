package intake

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Read reads files of one product. The error is Invalid for options, and for
// files that cannot be unpacked within bounds; everything else is in the result.
func Read(origin Origin, files []File, opt Options) (Result, error) {
	if err := opt.check(); err != nil {
		return Result{}, err
	}
	files, err := Unpack(files)
	if err != nil {
		return Result{}, err
	}
	o := newOut(opt)
	taken := map[string][]*Sheet{}
	reports := make([]FileReport, 0, len(files))
	var all []*Sheet
	for _, f := range files {
		for _, s := range o.sheets(f) {
			rep := FileReport{File: s.File, Rows: len(s.Rows)}
			if form := o.recognise(origin, s); form != nil {
				rep.Format, rep.Title = form.Name, form.Title
				taken[form.Name] = append(taken[form.Name], s)
				all = append(all, s)
			}
			reports = append(reports, rep)
		}
	}
	origin.Read(o, taken)
	res := o.result()
	res.Origin, res.Files = origin.Key, reports
	for _, s := range all {
		res.Unused = append(res.Unused, s.unused()...)
	}
	return res, nil
}

func (opt Options) check() error {
	e := &e911.Error{Kind: e911.Invalid, Msg: "the options of the import are not in order"}
	add := func(path, msg, fix string) {
		e.Faults = append(e.Faults, e911.Fault{Path: path, Code: CodeFormat, Msg: msg, Fix: fix})
	}
	if opt.Country != "" && opt.Country != "US" && opt.Country != "CA" {
		add("country", "addresses are of the United States or Canada", "give US or CA")
	}
	if opt.SubnetBits < 0 || opt.SubnetBits > 128 {
		add("subnet_bits", "a subnet has 1 to 32 bits, or 128 in IPv6", "give 24 for 255.255.255.0")
	}
	if opt.Mobility != "" && opt.Mobility != e911.MobilityFixed && opt.Mobility != e911.MobilityDock {
		add("mobility", "what stays in its place is fixed or a dock", "give fixed or dock; what is carried about finds nobody")
	}
	if len(e.Faults) > 0 {
		return e
	}
	return nil
}

// Fits lists the formats of an origin that a header, or a text without one,
// fits best: one as a rule, several when it fits more than one equally. Score is
// how many columns said so; 0: none fits.
func Fits(origin Origin, s *Sheet) (formats []Format, score int) {
	var best []Format
	most := 0
	for _, f := range origin.Formats {
		n := f.fit(s)
		if n == 0 || n < most {
			continue
		}
		if n > most {
			best, most = nil, n
		}
		best = append(best, f)
	}
	return best, most
}

// Sheets decodes a file without reading more of it than its tables; one that
// cannot be read has none.
func Sheets(f File) []*Sheet { return newOut(Options{}).sheets(f) }

// fit counts the columns by which the format is recognised; 0: it is another.
func (f Format) fit(s *Sheet) int {
	if f.Fixed != nil {
		if s.Text != "" && f.Fixed(s.Text) {
			return maxColumns
		}
		return 0
	}
	for _, names := range f.Must {
		if !s.Has(names...) {
			return 0
		}
	}
	if s.Has(f.Not...) {
		return 0
	}
	return len(f.Must)
}

// recognise finds the format of a sheet, as the options or its header tell.
func (o *Out) recognise(origin Origin, s *Sheet) *Format {
	as, named := o.opt.As[path.Base(s.File)]
	if !named {
		as, named = o.opt.As[""]
	}
	if named && as != "" {
		i := slices.IndexFunc(origin.Formats, func(f Format) bool { return f.Name == as })
		if i < 0 {
			o.FileFault(s.File, CodeFormat, fmt.Sprintf("%s has no format %s", origin.Title, quoted(as)), "the formats are "+names(origin.Formats))
			return nil
		}
		return &origin.Formats[i]
	}
	fits, _ := Fits(origin, s)
	switch len(fits) {
	case 1:
		return &fits[0]
	case 0:
		o.FileFault(s.File, CodeFormat, "this is none of the files of "+origin.Title+" that are known, by its headings", nearest(origin, s))
	default:
		o.FileFault(s.File, CodeFormat, "by its headings this may be "+names(fits), "say which with --as "+path.Base(s.File)+"=FORMAT")
	}
	return nil
}

func names(formats []Format) string {
	out := make([]string, len(formats))
	for i, f := range formats {
		out[i] = f.Name
	}
	return strings.Join(out, ", ")
}

// nearest says what the most similar format would have.
func nearest(origin Origin, s *Sheet) string {
	best, least := "", 1000
	for _, f := range origin.Formats {
		var missing []string
		for _, n := range f.Must {
			if !s.Has(n...) {
				missing = append(missing, n[0])
			}
		}
		if f.Fixed == nil && len(missing) < least && len(missing) < len(f.Must) {
			best, least = fmt.Sprintf("as %s (%s) it would also have %s", f.Name, f.Title, strings.Join(missing, ", ")), len(missing)
		}
	}
	if best == "" {
		return "the formats are " + names(origin.Formats)
	}
	return best
}
