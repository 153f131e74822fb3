package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

// importTables are the kinds of table; each is a command below import.
type importTables struct {
	Users     importUsersCmd     `cmd:"" help:"Import users from a CSV or XLSX file (callbox template users)."`
	Devices   importDevicesCmd   `cmd:"" help:"Import devices from a CSV or XLSX file."`
	Buildings importBuildingsCmd `cmd:"" help:"Import buildings from a CSV or XLSX file."`
	Locations importLocationsCmd `cmd:"" help:"Import locations from a CSV or XLSX file."`
	Elements  importElementsCmd  `cmd:"" help:"Import network elements from a CSV or XLSX file."`
	Numbers   importNumbersCmd   `cmd:"" help:"Import numbers from a CSV or XLSX file."`
	Alerts    importAlertsCmd    `cmd:"" help:"Import alert rules from a CSV or XLSX file."`
	Sites     importSitesCmd     `cmd:"" help:"Import sites from a CSV or XLSX file."`
}

type (
	importUsersCmd     struct{ importTableFlags }
	importDevicesCmd   struct{ importTableFlags }
	importBuildingsCmd struct{ importTableFlags }
	importLocationsCmd struct{ importTableFlags }
	importElementsCmd  struct{ importTableFlags }
	importNumbersCmd   struct{ importTableFlags }
	importAlertsCmd    struct{ importTableFlags }
	importSitesCmd     struct{ importTableFlags }
)

func (c *importUsersCmd) Run(e *env) error     { return c.run(e, sheet.Users) }
func (c *importDevicesCmd) Run(e *env) error   { return c.run(e, sheet.Devices) }
func (c *importBuildingsCmd) Run(e *env) error { return c.run(e, sheet.Buildings) }
func (c *importLocationsCmd) Run(e *env) error { return c.run(e, sheet.Locations) }
func (c *importElementsCmd) Run(e *env) error  { return c.run(e, sheet.Elements) }
func (c *importNumbersCmd) Run(e *env) error   { return c.run(e, sheet.Numbers) }
func (c *importAlertsCmd) Run(e *env) error    { return c.run(e, sheet.Alerts) }
func (c *importSitesCmd) Run(e *env) error     { return c.run(e, sheet.Sites) }

type importTableFlags struct {
	dataFlag
	File         string `arg:"" help:"CSV or XLSX file." type:"existingfile"`
	Org          string `help:"Key of the organisation, where there are several."`
	Mode         string `default:"add" enum:"add,replace" help:"add: only add; FALSE and what a list does not name are passed over. replace: add and remove."`
	Whole        bool   `help:"The file is the whole truth of its kind: what no row names is deleted. Users and sites never are."`
	DryRun       bool   `help:"Only say what it would change."`
	Partial      bool   `help:"Import the rows that are in order, and leave the others."`
	Mend         string `help:"Write the rows with faults into this CSV file, to be mended and sent again." type:"path"`
	ForceUnroute string `placeholder:"REASON" help:"Import although places would lose every way to their PSAP. The audit trail keeps the reason."`
	JSON         bool   `help:"Print JSON."`
}

func (c *importTableFlags) run(e *env, kind sheet.Kind) error {
	bar := progressBar(filepath.Base(c.File))
	out, err := app.ImportTable(e.ctx, app.ImportTableRequest{
		DataDir: c.Data, File: c.File, Org: c.Org, Progress: bar.tell,
		Task: sheet.Task{Kind: kind, Mode: sheet.Mode(c.Mode), Whole: c.Whole, Partial: c.Partial, DryRun: c.DryRun, Unroute: c.ForceUnroute},
	})
	bar.end()
	if out != nil {
		if c.Mend != "" && out.Mend != "" {
			if mendErr := os.WriteFile(c.Mend, []byte(out.Mend), 0o600); mendErr != nil {
				return fmt.Errorf("write the rows to be mended: %w", mendErr)
			}
		}
		if c.JSON {
			if jsonErr := printJSON(e.stdout, out); jsonErr != nil {
				return jsonErr
			}
			return err
		}
		printOutcome(e.stdout, out, c.DryRun, err != nil)
	}
	return err
}

// printOutcome says what came of an import; faults that are the error are printed
// with that.
func printOutcome(w io.Writer, o *sheet.Outcome, dry, failed bool) {
	r := o.Report
	fmt.Fprintf(w, "%s: %d rows of %s, %d as they are stored, %d with faults\n", r.File, r.Rows, r.Kind, r.Same, r.Bad)
	for _, i := range r.Ignored {
		why := "there is no such column"
		if i.Why == sheet.WhyReadOnly {
			why = "it is only shown"
		}
		fmt.Fprintln(w, strings.Join(printable(fmt.Sprintf("  column %d, %s: nothing was taken from it: %s", i.Col, i.Name, why)), ""))
	}
	told := func(title string, list []e911.Fault) {
		const most = 200
		for i, f := range list {
			if i == most {
				fmt.Fprintf(w, "  ... and %d more\n", len(list)-most)
				return
			}
			fmt.Fprintln(w, strings.Join(printable("  "+title+": "+f.String()), ""))
		}
	}
	told("notice", r.Notices)
	if !failed {
		told("left out", r.Faults)
	}
	switch {
	case o.Applied != nil:
		fmt.Fprintf(w, "imported as %s\n", o.Applied.ID)
		for _, n := range o.Applied.Counts {
			fmt.Fprintf(w, "  %-16s %d created, %d changed, %d deleted\n", n.Kind, n.Created, n.Changed, n.Deleted)
		}
	case o.Plan != nil && dry:
		fmt.Fprintf(w, "would change, as plan %s\n", o.Plan.ID)
		for _, n := range o.Plan.Counts {
			fmt.Fprintf(w, "  %-16s %d created, %d changed, %d deleted\n", n.Kind, n.Created, n.Changed, n.Deleted)
		}
	case !failed:
		fmt.Fprintln(w, "nothing changes")
	}
}

// progress draws on a terminal how far something is, and nothing elsewhere.
type progress struct {
	what string
	last int64
	on   bool
}

func progressBar(what string) *progress {
	info, err := os.Stderr.Stat()
	return &progress{what: what, last: -1, on: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p *progress) tell(done, total int64) {
	if !p.on || total <= 0 {
		return
	}
	if percent := 100 * done / total; percent != p.last {
		p.last = percent
		const width = 40
		full := int(percent) * width / 100
		fmt.Fprintf(os.Stderr, "\r%s [%s%s] %3d %%", p.what, strings.Repeat("#", full), strings.Repeat(".", width-full), percent)
	}
}

func (p *progress) end() {
	if p.on && p.last >= 0 {
		fmt.Fprintln(os.Stderr)
	}
}

type exportTableCmd struct {
	dataFlag
	Kind   string `arg:"" help:"users, devices, buildings, locations, elements, numbers, alerts or sites." enum:"users,devices,buildings,locations,elements,numbers,alerts,sites"`
	Org    string `help:"Key of the organisation, where there are several."`
	Format string `default:"csv" enum:"csv,xlsx" help:"csv or xlsx."`
	Out    string `short:"o" help:"File to write; standard output when empty." type:"path"`
}

func (c *exportTableCmd) Run(e *env) error {
	t, err := app.ExportTable(e.ctx, c.Data, c.Org, sheet.Kind(c.Kind))
	if err != nil {
		return err
	}
	return writeFile(e.stdout, c.Out, func(w io.Writer) error { return sheet.Write(w, sheet.Format(c.Format), sheet.Kind(c.Kind), t) })
}

type templateCmd struct {
	Kind   string `arg:"" help:"users, devices, buildings, locations, elements, numbers, alerts or sites." enum:"users,devices,buildings,locations,elements,numbers,alerts,sites"`
	Format string `default:"csv" enum:"csv,xlsx" help:"csv or xlsx."`
	Out    string `short:"o" help:"File to write; standard output when empty." type:"path"`
}

func (c *templateCmd) Run(e *env) error {
	return writeFile(e.stdout, c.Out, func(w io.Writer) error { return sheet.Template(w, sheet.Format(c.Format), sheet.Kind(c.Kind)) })
}

func writeFile(stdout io.Writer, path string, write func(io.Writer) error) (err error) {
	if path == "" {
		return write(stdout)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("write the table: %w", closeErr)
		}
	}()
	return write(f)
}
