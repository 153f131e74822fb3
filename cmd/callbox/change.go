package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

// planFlags say what a file is.
type planFlags struct {
	Org          string `help:"Key of the organisation that a table belongs to."`
	Kind         string `help:"What a table holds: users, devices, buildings, locations, elements, numbers, alerts or sites."`
	Mode         string `help:"Whether a table may take anything away: add or replace." enum:"add,replace" default:"add"`
	Partial      bool   `help:"Leave bad rows out instead of refusing all."`
	ForceUnroute string `placeholder:"REASON" help:"Although places would lose every way to their PSAP. The audit trail keeps the reason."`
}

func (f *planFlags) request(file string) app.ChangeRequest {
	return app.ChangeRequest{
		File: filepath.Base(file), Org: f.Org, Kind: sheet.Kind(f.Kind), Mode: sheet.Mode(f.Mode), Partial: f.Partial, Unroute: f.ForceUnroute,
	}
}

type planCmd struct {
	dataFlag
	planFlags
	File string `arg:"" help:"World file, or a table as CSV or XLSX; or the id of a plan, to see it again."`
	JSON bool   `help:"Print JSON."`
}

func (c *planCmd) Run(e *env) (err error) {
	desk, err := app.OpenChanges(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	p, err := planOrShow(e, desk, c.planFlags, c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, p)
	}
	_, err = io.WriteString(e.stdout, p.Text())
	return err
}

// planOrShow plans a file; what is no file is the id of a plan.
func planOrShow(e *env, desk *app.Changes, f planFlags, file string) (change.Plan, error) {
	text, err := os.Open(file)
	if os.IsNotExist(err) && filepath.Ext(file) == "" {
		return desk.Show(e.ctx, app.ChangeRequest{ID: file})
	}
	if err != nil {
		return change.Plan{}, fmt.Errorf("read the file: %w", err)
	}
	defer text.Close()
	return desk.Plan(e.ctx, f.request(file), text)
}

type applyCmd struct {
	dataFlag
	planFlags
	Plan string `arg:"" help:"Id of a plan, or a file, which is planned, shown and applied when you say yes."`
	Hash string `help:"Hash of the plan, as it was shown."`
	Yes  bool   `help:"Do not ask."`
	JSON bool   `help:"Print what was applied as JSON."`
}

func (c *applyCmd) Run(e *env) (err error) {
	desk, err := app.OpenChanges(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	id, hash := c.Plan, c.Hash
	if hash == "" {
		p, err := planOrShow(e, desk, c.planFlags, c.Plan)
		if err != nil {
			return err
		}
		if err := yesTo(e, os.Stdin, p, c.Yes, c.JSON); err != nil {
			return err
		}
		id, hash = p.ID, p.Hash
	}
	return applied(e, desk, app.ChangeRequest{ID: id, Hash: hash}, c.JSON)
}

// yesTo shows a plan and asks.
func yesTo(e *env, in io.Reader, p change.Plan, yes, quiet bool) error {
	if !quiet {
		if _, err := io.WriteString(e.stdout, p.Text()); err != nil {
			return err
		}
	}
	if !p.Applicable {
		return e911.Errorf(e911.Invalid, "nothing was changed: %s", p.Why)
	}
	if yes {
		return nil
	}
	fmt.Fprint(e.stderr, "\nApply it? Type yes: ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read your answer: %w", err)
	}
	if strings.TrimSpace(strings.ToLower(answer)) != "yes" {
		return e911.Errorf(e911.Invalid, "nothing was changed")
	}
	return nil
}

func applied(e *env, desk *app.Changes, r app.ChangeRequest, asJSON bool) error {
	a, err := desk.Apply(e.ctx, r)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(e.stdout, a)
	}
	fmt.Fprintf(e.stdout, "applied %s: %s\nto take it back: callbox undo %s\n", a.ID, changedCounts(a.Counts), a.ID)
	return nil
}

func changedCounts(counts []change.Count) string {
	created, changed, deleted := 0, 0, 0
	for _, c := range counts {
		created, changed, deleted = created+c.Created, changed+c.Changed, deleted+c.Deleted
	}
	return fmt.Sprintf("%d created, %d changed, %d deleted", created, changed, deleted)
}

type undoCmd struct {
	dataFlag
	ID   string `arg:"" help:"Id of what was applied; callbox applied lists them."`
	Yes  bool   `help:"Do not ask."`
	JSON bool   `help:"Print what was applied as JSON."`
}

func (c *undoCmd) Run(e *env) (err error) {
	desk, err := app.OpenChanges(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	p, err := desk.Undo(e.ctx, app.ChangeRequest{ID: c.ID})
	if err != nil {
		return err
	}
	if err := yesTo(e, os.Stdin, p, c.Yes, c.JSON); err != nil {
		return err
	}
	return applied(e, desk, app.ChangeRequest{ID: p.ID, Hash: p.Hash}, c.JSON)
}

type appliedCmd struct {
	dataFlag
	Org    string `help:"Key of the organisation; none: all, and what the operator applied."`
	Before string `help:"Id of the last one of the page before."`
	Limit  int    `help:"How many." default:"20"`
	JSON   bool   `help:"Print JSON."`
}

func (c *appliedCmd) Run(e *env) (err error) {
	desk, err := app.OpenChanges(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	list, err := desk.Applied(e.ctx, app.ChangeRequest{Org: c.Org, ID: c.Before, Limit: c.Limit})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, list)
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tAT\tBY\tWHAT\tCHANGES\tUNDONE")
	for _, a := range list {
		fmt.Fprintln(t, strings.Join(printable(a.ID, a.At.Format(time.DateTime), string(a.Who), a.Title, changedCounts(a.Counts), orDash(a.Undone)), "\t"))
	}
	return t.Flush()
}
