// Package foreign is the register of the products whose data Callbox reads and
// writes: what people come from, and where their data must go beside. Which file
// is which is found by its headings; where two fit, the person is asked.
package foreign

import (
	"path"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/foreign/cer"
	"github.com/callbox911/callbox/internal/admin/foreign/export"
	"github.com/callbox911/callbox/internal/admin/foreign/genesys"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/foreign/redsky"
	"github.com/callbox911/callbox/internal/admin/foreign/teams"
	"github.com/callbox911/callbox/internal/admin/foreign/webex"
	"github.com/callbox911/callbox/internal/admin/foreign/zoom"
	"github.com/callbox911/callbox/internal/e911"
)

// Origins lists the products that are read.
func Origins() []intake.Origin {
	return []intake.Origin{redsky.Origin(), webex.Origin(), genesys.Origin(), teams.Origin(), cer.Origin(), zoom.Origin()}
}

// OriginOf finds a product by its key.
func OriginOf(key string) (intake.Origin, bool) {
	all := Origins()
	i := slices.IndexFunc(all, func(o intake.Origin) bool { return o.Key == strings.ToLower(key) })
	if i < 0 {
		return intake.Origin{}, false
	}
	return all[i], true
}

// Guess is a product whose file this may be.
type Guess struct {
	File    string   `json:"file"`
	Origin  string   `json:"origin"`
	Formats []string `json:"formats"`
}

// Detect says of each file which products and formats its headings fit, the best
// alone; none where it is nobody's that is known.
func Detect(files []intake.File) ([]Guess, error) {
	files, err := intake.Unpack(files)
	if err != nil {
		return nil, err
	}
	var out []Guess
	for _, f := range files {
		for _, s := range intake.Sheets(f) {
			best := 0
			var of []Guess
			for _, o := range Origins() {
				formats, score := intake.Fits(o, s)
				if score == 0 || score < best {
					continue
				}
				if score > best {
					best, of = score, nil
				}
				g := Guess{File: s.File, Origin: o.Key}
				for _, f := range formats {
					g.Formats = append(g.Formats, f.Name)
				}
				of = append(of, g)
			}
			out = append(out, of...)
		}
	}
	return out, nil
}

// Auto stands for the product that files are found to be of.
const Auto = "auto"

// Read reads files of a product; Auto finds which. The error is Invalid for the
// options and for files of which the product cannot be told; faults of rows are
// in the result.
func Read(origin string, files []intake.File, opt intake.Options) (intake.Result, error) {
	if origin == Auto {
		var err error
		if origin, err = which(files); err != nil {
			return intake.Result{}, err
		}
	}
	o, ok := OriginOf(origin)
	if !ok {
		return intake.Result{}, e911.Errorf(e911.Invalid, "there is no reader for %q; there are %s", origin, keys())
	}
	if len(files) == 0 {
		return intake.Result{}, e911.Errorf(e911.Invalid, "give the files that %s exported", o.Title)
	}
	return intake.Read(o, files, opt)
}

func keys() string {
	var out []string
	for _, o := range Origins() {
		out = append(out, o.Key)
	}
	return strings.Join(out, ", ")
}

// which finds the one product that all files may be of.
func which(files []intake.File) (string, error) {
	guesses, err := Detect(files)
	if err != nil {
		return "", err
	}
	by := map[string]map[string]bool{}
	all := map[string]bool{}
	for _, g := range guesses {
		all[g.File] = true
		if by[g.Origin] == nil {
			by[g.Origin] = map[string]bool{}
		}
		by[g.Origin][g.File] = true
	}
	var fit []string
	for o, fs := range by {
		if len(fs) == len(all) {
			fit = append(fit, o)
		}
	}
	slices.Sort(fit)
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return "", e911.Errorf(e911.Invalid, "by their headings the files may be of %s: say which", strings.Join(fit, " or of "))
	}
	e := e911.Errorf(e911.Invalid, "no product is known whose files all of these are; the products are %s", keys())
	for _, f := range files {
		e.Faults = append(e.Faults, e911.Fault{File: path.Base(f.Name), Row: 1, Col: 1, Code: intake.CodeFormat, Msg: "of " + list(guesses, f.Name), Fix: "give the files of one product at a time"})
	}
	return "", e
}

func list(guesses []Guess, file string) string {
	var out []string
	for _, g := range guesses {
		if g.File == file {
			out = append(out, g.Origin)
		}
	}
	if out == nil {
		return "no product that is known"
	}
	return strings.Join(out, " or ")
}

// Writer is a format that is written.
type Writer struct {
	Key   string
	Title string
	// Write makes the files; nil: By says what makes them.
	Write func(w export.World) export.Export
	By    string
}

// Writers lists the formats that are written.
func Writers() []Writer {
	return []Writer{
		{Key: "teams", Title: "Microsoft Teams: CSV files and the PowerShell script that applies them", Write: teams.Write},
		{Key: "cer", Title: "Cisco Emergency Responder: ERLs, switch ports, IP subnets", Write: func(w export.World) export.Export { return cer.Write(w, nil) }},
		{Key: "psali", Title: "records for a carrier's ALI database", By: "callbox psali export"},
	}
}
