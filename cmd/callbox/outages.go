package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/app"
)

type setupOutagesCmd struct {
	listFlags
	Month string `help:"As 2026-11; none: this one."`
}

func (c *setupOutagesCmd) Run(e *env) error {
	r, err := askSetup[setup.OutageReport](e, &c.listFlags, "outages", app.SetupArgs{Month: c.Month, All: c.Org == ""})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, r))
	}
	return printOutages(e.stdout, &r)
}

func printOutages(w io.Writer, r *setup.OutageReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d outages; to be reported from %d minutes and %d user-minutes on\n", r.Month, len(r.Outages), r.Minutes, r.UserMinutes)
	if r.Since.IsZero() {
		b.WriteString("no trunk has told anything yet: nothing is known\n")
	} else {
		fmt.Fprintf(&b, "counted from what trunks told since %s; %d users now\n", r.Since.Format(time.DateTime), r.Users)
	}
	for _, o := range r.Outages {
		end, mark := o.End.Format(time.DateTime), ""
		if o.Open {
			end = "now"
		}
		if o.Reportable {
			mark = "  REPORTABLE"
		}
		fmt.Fprintf(&b, "%s to %s: %d minutes, %d users, %d user-minutes%s\n", o.Start.Format(time.DateTime), end, o.Minutes, o.Users, o.UserMinutes, mark)
		for _, s := range o.Sites {
			p := printable(s.Org, s.Site)
			fmt.Fprintf(&b, "  %s/%s: %d users, %d user-minutes\n", p[0], p[1], s.Users, s.UserMinutes)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
