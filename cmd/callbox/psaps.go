package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/admin/psapdir"
	"github.com/callbox911/callbox/internal/app"
)

type routeCmd struct {
	dataFlag
	orgFlag
	Address  []string `arg:"" optional:"" help:"The address, as people say it."`
	Point    string   `help:"Latitude and longitude instead, 42.3668,-71.1057." placeholder:"LAT,LON"`
	Location string   `help:"A configured location instead, ORG/LOCATION by their keys."`
	Service  string   `help:"police, fire, ambulance, poison or a urn:service:sos...; none: 911."`
	JSON     bool     `help:"Print one JSON object."`
}

func (c *routeCmd) Run(e *env) error {
	params := url.Values{}
	for name, value := range map[string]string{
		desk.ParamAddress: strings.Join(c.Address, " "), desk.ParamPoint: c.Point, desk.ParamLocation: c.Location, desk.ParamOrg: c.Org,
		desk.ParamService: c.Service,
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	a, err := app.Route(e.ctx, c.Data, params)
	if err != nil {
		return explained(err)
	}
	if c.JSON {
		return printJSON(e.stdout, a)
	}
	_, err = io.WriteString(e.stdout, a.Text())
	return err
}

type psapsCmd struct {
	dataFlag
	State  string `help:"Two letters of a state."`
	Search string `help:"Text in the name, city, county, key or FCC id."`
	All    bool   `help:"Also those that take no 911 calls any more."`
	JSON   bool   `help:"Print JSON."`
}

func (c *psapsCmd) Run(e *env) error {
	list, err := app.PSAPs(e.ctx, c.Data, desk.Filter{State: c.State, Search: c.Search, All: c.All})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, list)
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tNAME\tCITY\tSTATE\tKIND\t24X7 LINE\tCHECKED\tROUTES")
	old, lines := 0, 0
	for i := range list {
		p := &list[i]
		checked := "-"
		if p.Line != "" {
			lines++
			checked = "never"
		}
		if p.LineChecked != nil {
			checked = p.LineChecked.Format(time.DateOnly)
		}
		if p.Old {
			old++
			if p.LineChecked != nil {
				checked += " (old)"
			}
		}
		kind := p.Kind
		if p.Relay {
			kind = "relay"
		}
		fmt.Fprintln(t, strings.Join(printable(p.Key, p.Name, orDash(p.City), orDash(p.State), orDash(kind), orDash(string(p.Line)), checked, fmt.Sprint(p.Routes)), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%d PSAPs, %d with a line; %d lines were not checked within 12 months\n", len(list), lines, old)
	return nil
}

type importPSAPsCmd struct {
	dataFlag
	File   string `arg:"" help:"The FCC's Master PSAP Registry saved as CSV, or a CSV file with the columns key or registry, and any of line, line_checked, agency, features." type:"existingfile"`
	DryRun bool   `help:"Check the file and say what it would change."`
	JSON   bool   `help:"Print the report as JSON, with every change."`
}

// mostTold is how many faults, warnings and changes are printed.
const mostTold = 20

func (c *importPSAPsCmd) Run(e *env) error {
	r, err := app.ImportPSAPsFile(e.ctx, app.ImportPSAPsRequest{DataDir: c.Data, File: c.File, DryRun: c.DryRun, Log: e.log})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, r)
	}
	verb := "imported"
	if r.DryRun {
		verb = "would import"
	}
	fmt.Fprintf(e.stdout, "%s %s: %d rows, %d added, %d changed, %d unchanged, %d gone (kept and marked), %d refused\n",
		verb, r.File, r.Rows, r.Added, r.Changed, r.Unchanged, r.Gone, len(r.Refused))
	if r.Form == psapdir.Registry {
		fmt.Fprintf(e.stdout, "  the registry has %d primary, %d secondary and %d orphaned PSAPs, as of %s\n",
			r.Kinds["primary"], r.Kinds["secondary"], r.Kinds["orphaned"], r.AsOf.Format(time.DateOnly))
	}
	for i, f := range r.Refused {
		if i == mostTold {
			fmt.Fprintf(e.stdout, "  and %d more: --json tells all\n", len(r.Refused)-i)
			break
		}
		fmt.Fprintf(e.stdout, "  refused: %s\n", printable(f.String())[0])
	}
	for i, f := range r.Warnings {
		if i == mostTold {
			break
		}
		fmt.Fprintf(e.stdout, "  warning: %s\n", printable(f.String())[0])
	}
	told := 0
	for _, x := range r.Changes {
		if x.Verb == "created" || told == mostTold {
			continue
		}
		told++
		fmt.Fprintf(e.stdout, "  %s %s %s: %s\n", x.Verb, x.Key, printable(x.Name)[0], strings.Join(x.Fields, ", "))
	}
	return nil
}

type checkPSAPsCmd struct {
	dataFlag
	Org  string `help:"Key of the organisation; all when it is not given."`
	JSON bool   `help:"Print JSON."`
}

func (c *checkPSAPsCmd) Run(e *env) error {
	r, err := app.Gaps(e.ctx, c.Data, c.Org)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, r)
	}
	fmt.Fprintf(e.stdout, "%d places, %d findings\n", r.Places, len(r.Gaps)+r.Omitted)
	for _, code := range desk.GapCodes() {
		n := r.Counts[code]
		if n == 0 {
			continue
		}
		fmt.Fprintf(e.stdout, "\n%s: %d\n", words(string(code)), n)
		for _, g := range r.Gaps {
			if g.Code == code {
				line := printable(g.Org+"/"+g.Key, g.Msg, g.Fix)
				fmt.Fprintf(e.stdout, "  %s: %s (%s)\n", line[0], line[1], line[2])
			}
		}
	}
	if r.Omitted > 0 {
		fmt.Fprintf(e.stdout, "\n%d more are not listed\n", r.Omitted)
	}
	return nil
}
