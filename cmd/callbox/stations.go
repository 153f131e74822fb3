package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/station"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/station"
)

type stationsCmd struct {
	dataFlag
	orgFlag
	Site string `help:"The site with this key only."`
	All  bool   `help:"List stations of which nothing is missing too."`
	JSON bool   `help:"Print JSON." xor:"form"`
	CSV  bool   `name:"csv" help:"Print one line a station." xor:"form"`
}

func (c *stationsCmd) Run(e *env) error {
	r, err := app.Stations(e.ctx, c.Data, c.Org, c.Site)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(e.stdout, r)
	case c.CSV:
		return station.WriteCSV(e.stdout, r)
	}
	return printStations(e.stdout, r, c.All)
}

func printStations(w io.Writer, r station.Report, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d stations, %d of them whole\n", r.Org, r.Total.Stations, r.Total.Whole)
	for _, class := range append(e911.StationClasses(), "") {
		if n := r.Total.Classes[class]; n > 0 {
			fmt.Fprintf(&b, "  %-14s %6d  %s\n", orDash(string(class)), n, class.Line())
		}
	}
	for _, code := range slices.Sorted(maps.Keys(r.Total.Missing)) {
		fmt.Fprintf(&b, "  %-28s %6d\n", words(code), r.Total.Missing[code])
	}
	site := ""
	for i := range r.Stations {
		row := &r.Stations[i]
		if len(row.Gaps) == 0 && !all {
			continue
		}
		if row.Site != site {
			site = row.Site
			fmt.Fprintf(&b, "\nsite %s\n", site)
		}
		cells := printable(row.Key, orDash(string(row.Class)), orDash(row.How))
		fmt.Fprintf(&b, "  %s %s: %s, found by %s\n", row.Kind, cells[0], cells[1], cells[2])
		gaps(&b, row.Gaps)
	}
	for i := range r.Buildings {
		if v := &r.Buildings[i]; len(v.Gaps) > 0 {
			fmt.Fprintf(&b, "\nbuilding %s of site %s (%s)\n", printable(v.Key)[0], v.Site, orDash(v.State))
			gaps(&b, v.Gaps)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func gaps(b *strings.Builder, list []rules.Gap) {
	for _, g := range list {
		cells := printable(g.Msg, g.Fix)
		fmt.Fprintf(b, "    %s (%s)\n", cells[0], cells[1])
		if g.Cite != "" {
			fmt.Fprintf(b, "      %s", g.Cite)
			if !g.Since.IsZero() {
				fmt.Fprintf(b, ", since %s", g.Since.Format("2006-01-02"))
			}
			fmt.Fprintln(b)
		}
	}
}
