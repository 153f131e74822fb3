package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/callbox911/callbox/internal/admin/foreign"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

type importFromCmd struct {
	dataFlag
	Origin  string   `arg:"" help:"What the files come from: redsky, webex, genesys, teams, cer, zoom, or auto." enum:"redsky,webex,genesys,teams,cer,zoom,auto"`
	File    []string `arg:"" help:"Exported files, folders of them, or ZIPs." type:"existingpath"`
	Org     string   `required:"" help:"Key of the organisation."`
	Site    string   `help:"Key of the site that everything belongs to, where the product has none."`
	Zone    string   `help:"IANA time zone of sites that the files name; they are made with it."`
	Country string   `help:"Country of addresses that do not say it: US or CA."`
	Subnets int      `name:"subnet-bits" help:"Size of subnets of which the files tell the first address alone, such as 24."`
	MAC     string   `name:"mac" help:"What hardware addresses name, where the files do not say it: fixed or dock."`
	As      []string `help:"FILE=FORMAT for a file whose headings do not settle what it is; may be repeated."`
	Partial bool     `help:"Import the rows that are in order, and leave the others."`
	Replace bool     `help:"Also move what stands elsewhere, and take away what the files no longer say of an object."`
	DryRun  bool     `help:"Only say what it would change."`
	Unroute string   `name:"force-unroute" help:"Why places may lose every way to their PSAP; the audit trail keeps it."`
	Rows    bool     `help:"Print the rows in Callbox's own columns too."`
	JSON    bool     `help:"Print JSON."`
}

func (c *importFromCmd) Run(e *env) error {
	as := map[string]string{}
	for _, a := range c.As {
		file, format, ok := strings.Cut(a, "=")
		if !ok {
			return e911.Errorf(e911.Invalid, "--as is FILE=FORMAT, not %q", a)
		}
		as[filepath.Base(file)] = format
	}
	r, err := app.ImportForeign(e.ctx, app.ForeignRequest{
		DataDir: c.Data, Origin: c.Origin, Paths: c.File,
		Options:       intake.Options{Site: c.Site, Zone: c.Zone, Country: c.Country, SubnetBits: c.Subnets, Mobility: e911.Mobility(c.MAC), As: as},
		ForeignTarget: app.ForeignTarget{Org: c.Org, Partial: c.Partial, Replace: c.Replace, DryRun: c.DryRun, Unroute: c.Unroute},
	})
	if len(r.Files) > 0 {
		if c.JSON {
			if err2 := printJSON(e.stdout, r); err2 != nil {
				return err2
			}
			return err
		}
		if c.Rows {
			foreignRows(e.stdout, &r.Result)
		}
		foreignReport(e.stdout, &r, c.DryRun)
	}
	return err
}

// foreignReport prints what files held, for a person.
func foreignReport(w io.Writer, r *app.ForeignReport, dry bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FILE\tIS\tROWS")
	for _, f := range r.Files {
		fmt.Fprintln(t, strings.Join(printable(f.File, orDash(f.Title), fmt.Sprint(f.Rows)), "\t"))
	}
	_ = t.Flush() // to the same place as the rest
	if len(r.Tables) > 0 {
		fmt.Fprintln(w)
		t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "KIND\tFROM\tROWS\tSAME\tCHANGES\tBAD")
		for _, tr := range r.Tables {
			fmt.Fprintln(t, strings.Join(printable(string(tr.Kind), tr.File, fmt.Sprint(tr.Rows), fmt.Sprint(tr.Same), fmt.Sprint(tr.Changes), fmt.Sprint(tr.Bad)), "\t"))
		}
		_ = t.Flush() // as above
	}
	foreignFaults(w, "Left out", r.Faults)
	for _, tr := range r.Tables {
		foreignFaults(w, "Refused, of "+string(tr.Kind), tr.Report.Faults)
		foreignFaults(w, "Mended, of "+string(tr.Kind), tr.Notices)
	}
	foreignFaults(w, "To be looked at", r.Warnings)
	if len(r.Unused) > 0 {
		fmt.Fprintln(w, "\nColumns that nothing was taken from:")
		for _, u := range r.Unused {
			why := u.Why
			if why == "" {
				why = "not known"
			}
			fmt.Fprintln(w, strings.Join(printable(fmt.Sprintf("  %s: %s (%d filled): %s", u.File, u.Column, u.Filled, why)), ""))
		}
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(w, "\nNo place here, or by hand:")
		for _, n := range r.Notes {
			fmt.Fprintln(w, strings.Join(printable(fmt.Sprintf("  %s: %s (%d)", n.File, n.Text, n.Count)), ""))
		}
	}
	switch {
	case r.Applied != nil:
		fmt.Fprintf(w, "\nimported as %s; callbox undo %s puts everything back\n", r.Applied.ID, r.Applied.ID)
	case r.Plan == nil:
		fmt.Fprintln(w, "\nnothing changes")
	case dry:
		fmt.Fprintf(w, "\nwould change, as plan %s:\n", r.Plan.ID)
		for _, n := range r.Plan.Counts {
			if n.Kind != "" {
				fmt.Fprintf(w, "  %s: %d created, %d changed, %d deleted\n", n.Kind, n.Created, n.Changed, n.Deleted)
			}
		}
		told := map[string]bool{}
		for _, f := range r.Faults {
			told[f.String()] = true
		}
		for _, tr := range r.Tables {
			for _, f := range tr.Report.Faults {
				told[f.String()] = true
			}
		}
		foreignFaults(w, "What stands in the way too", slices.DeleteFunc(slices.Clone(r.Plan.Faults), func(f e911.Fault) bool { return told[f.String()] }))
		foreignFaults(w, "Places that would lose their way to a PSAP", r.Plan.Effects.Lost)
	}
}

func foreignFaults(w io.Writer, title string, faults []e911.Fault) {
	if len(faults) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, f := range faults {
		fmt.Fprintln(w, "  "+strings.Join(printable(f.String()), ""))
	}
}

// foreignRows prints the tables in our own columns.
func foreignRows(w io.Writer, r *intake.Result) {
	for i := range r.Tables {
		p := &r.Tables[i]
		fmt.Fprintf(w, "%s from %s\n", p.Kind, p.Table.Name)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, strings.Join(printable(append([]string{"LINE"}, p.Table.Header...)...), "\t"))
		for j, row := range p.Table.Rows {
			fmt.Fprintln(t, strings.Join(printable(append([]string{fmt.Sprint(p.Table.Line(j))}, row...)...), "\t"))
		}
		_ = t.Flush() // to the same place as the rest
		fmt.Fprintln(w)
	}
}

type exportTeamsCmd struct{ exportForeignFlags }

func (c *exportTeamsCmd) Run(e *env) error { return c.write(e, "teams") }

type exportCERCmd struct{ exportForeignFlags }

func (c *exportCERCmd) Run(e *env) error { return c.write(e, "cer") }

type exportForeignFlags struct {
	dataFlag
	Org  string `required:"" help:"Key of the organisation."`
	Dir  string `required:"" help:"Folder to write into; it is made." type:"path"`
	JSON bool   `help:"Print JSON."`
}

func (c *exportForeignFlags) write(e *env, format string) error {
	out, err := app.ExportForeign(e.ctx, c.Data, format, c.Org)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	var names []string
	for _, f := range out.Files {
		names = append(names, f.Name)
		if err := os.WriteFile(filepath.Join(c.Dir, f.Name), f.Data, 0o600); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
	}
	if c.JSON {
		return printJSON(e.stdout, map[string]any{"dir": c.Dir, "files": names, "lost": out.Lost})
	}
	fmt.Fprintf(e.stdout, "wrote %s to %s\n", strings.Join(names, ", "), c.Dir)
	for _, w := range foreign.Writers() {
		if w.Key == format {
			fmt.Fprintf(e.stdout, "%s\n", w.Title)
		}
	}
	if len(out.Lost) > 0 {
		fmt.Fprintln(e.stdout, "\nWhat the format cannot carry:")
		for _, l := range out.Lost {
			fmt.Fprintln(e.stdout, strings.Join(printable(fmt.Sprintf("  %s (%d; the first is %s)", l.Why, l.Count, l.What)), ""))
		}
	}
	return nil
}
