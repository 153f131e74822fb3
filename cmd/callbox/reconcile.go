package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/app"
)

type reconcileCmd struct {
	List   reconcileListCmd   `cmd:"" default:"withargs" help:"How each list of a platform stands against ours."`
	Show   reconcileShowCmd   `cmd:"" help:"What the last run found."`
	Run    reconcileRunCmd    `cmd:"" help:"Compare now; with FILE, that list."`
	Plan   reconcilePlanCmd   `cmd:"" help:"Make a change plan that mends what differs: callbox apply does it."`
	Save   reconcileSaveCmd   `cmd:"" help:"Add or change a list that is compared, from a JSON file."`
	Delete reconcileDeleteCmd `cmd:"" help:"Compare a list no longer."`
}

type listFlags struct {
	dataFlag
	orgFlag
	JSON bool `help:"Print JSON."`
}

func (f *listFlags) ask(e *env, do, key string) app.ListsRequest {
	who := "operator"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return app.ListsRequest{DataDir: f.Data, Do: do, Org: f.Org, Key: key, Who: who, Log: e.log}
}

type reconcileListCmd struct{ listFlags }

func (c *reconcileListCmd) Run(e *env) error {
	all, err := app.Lists[[]reconcile.Status](e.ctx, c.ask(e, app.ListsStatus, ""))
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, all))
	}
	for i := range all {
		st := &all[i]
		state := "never compared"
		if r := st.Last; r != nil {
			state = fmt.Sprintf("%s, %s", r.State, r.Started.Format(time.DateTime))
			if r.State != reconcile.StateFailed {
				state += fmt.Sprintf(": %d missing (%d would be unregistered calls), %d left the directory, %d changed, %d near, %d duplicate, %d extra, %d the same",
					r.Counts.Missing, r.Counts.Unregistered, r.Counts.Left, r.Counts.Changed, r.Counts.Near, r.Counts.Duplicate, r.Counts.Extra, r.Counts.Same)
			}
		}
		fmt.Fprintf(e.stdout, "%s (%s): %s\n", st.Source.Key, st.Source.Kind, printable(state)[0])
		for _, a := range st.Alarms {
			fmt.Fprintf(e.stdout, "  ! %s\n", printable(a)[0])
		}
	}
	return nil
}

func printed(e *env, asked bool, v any) error {
	if !asked {
		return nil
	}
	return printJSON(e.stdout, v)
}

type reconcileShowCmd struct {
	listFlags
	Key string `arg:"" help:"Key of the list."`
	All bool   `help:"Every difference, as it is now."`
}

func (c *reconcileShowCmd) Run(e *env) error {
	do := app.ListsShow
	if c.All {
		do = app.ListsAll
	}
	r, err := app.Lists[reconcile.Run](e.ctx, c.ask(e, do, c.Key))
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, r))
	}
	return printRun(e.stdout, r)
}

type reconcileRunCmd struct {
	listFlags
	Key  string `arg:"" help:"Key of the list."`
	File string `arg:"" optional:"" type:"existingfile" help:"The platform's list, CSV or XLSX."`
}

func (c *reconcileRunCmd) Run(e *env) error {
	ask := c.ask(e, app.ListsRun, c.Key)
	if c.File != "" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("open the list: %w", err)
		}
		defer f.Close()
		ask.Do, ask.Body, ask.File = app.ListsPush, f, filepath.Base(c.File)
	}
	r, err := app.Lists[reconcile.Run](e.ctx, ask)
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, r))
	}
	return printRun(e.stdout, r)
}

type reconcilePlanCmd struct {
	listFlags
	Key string `arg:"" help:"Key of the list."`
}

func (c *reconcilePlanCmd) Run(e *env) error {
	p, err := app.Lists[change.Plan](e.ctx, c.ask(e, app.ListsPlan, c.Key))
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, p))
	}
	_, err = io.WriteString(e.stdout, p.Text())
	return err
}

type reconcileSaveCmd struct {
	listFlags
	File string `arg:"" type:"existingfile" help:"JSON: key, kind, key_column, key_field, columns, file, site, every_minutes, action, delete_extra ..."`
}

func (c *reconcileSaveCmd) Run(e *env) error {
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the description: %w", err)
	}
	defer f.Close()
	ask := c.ask(e, app.ListsSave, "")
	ask.Body = f
	s, err := app.Lists[reconcile.Source](e.ctx, ask)
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, s))
	}
	fmt.Fprintf(e.stdout, "%s: compared every %s\n", s.Key, s.Every())
	return nil
}

type reconcileDeleteCmd struct {
	listFlags
	Key string `arg:"" help:"Key of the list."`
}

func (c *reconcileDeleteCmd) Run(e *env) error {
	_, err := app.Lists[struct{}](e.ctx, c.ask(e, app.ListsDelete, c.Key))
	return err
}

func printRun(w io.Writer, r reconcile.Run) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d rows there, %d here\n", r.Source, r.Rows, r.Ours)
	if r.Error != "" {
		fmt.Fprintf(&b, "failed: %s\n", printable(r.Error)[0])
	}
	if r.NoDeletions != "" {
		fmt.Fprintf(&b, "nothing is deleted: %s\n", printable(r.NoDeletions)[0])
	}
	for _, d := range r.Differences {
		cells := printable(d.Key, d.OurKey, d.Why, d.Fix)
		fmt.Fprintf(&b, "%s %s", d.Class, cmp.Or(cells[0], cells[1]))
		if d.Unregistered {
			b.WriteString(" (unregistered call)")
		}
		if d.Row > 0 {
			fmt.Fprintf(&b, ", line %d", d.Row)
		}
		fmt.Fprintf(&b, ": %s (%s)\n", cells[2], cells[3])
		for _, f := range d.Fields {
			v := printable(f.Theirs, f.Ours)
			fmt.Fprintf(&b, "    %s: %s there, %s here\n", f.Field, orDash(v[0]), orDash(v[1]))
		}
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "%d more: callbox reconcile show --all %s\n", r.More, r.Source)
	}
	switch {
	case r.Plan != "":
		fmt.Fprintf(&b, "plan %s mends it: callbox plan %s shows it\n", r.Plan, r.Plan)
	case r.PlanWhy != "":
		fmt.Fprintf(&b, "no plan: %s\n", printable(r.PlanWhy)[0])
	}
	_, err := io.WriteString(w, b.String())
	return err
}
