package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/lint"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

type lintCmd struct {
	Dialplan lintDialplanCmd `cmd:"" help:"What a dial plan does to who dials 911, 933 or 988."`
}

type lintDialplanCmd struct {
	listFlags
	File string `arg:"" optional:"" type:"existingfile" help:"Dial plan of a PBX: extensions.conf of Asterisk or XML of FreeSWITCH; none: what is configured here."`
}

// Run ends with 1 where somebody who dials for help would not reach it.
func (c *lintDialplanCmd) Run(e *env) error {
	var found []lint.Finding
	var err error
	if c.File != "" {
		text, readErr := os.ReadFile(c.File)
		if readErr != nil {
			return fmt.Errorf("read the dial plan: %w", readErr)
		}
		found, err = lint.PBX(string(text))
	} else {
		found, err = askSetup[[]lint.Finding](e, &c.listFlags, "lint", app.SetupArgs{})
	}
	if err != nil {
		return err
	}
	if c.JSON {
		err = printed(e, true, found)
	} else {
		var b strings.Builder
		printLint(&b, found)
		if len(found) == 0 {
			b.WriteString("nothing is wrong with it\n")
		}
		_, err = io.WriteString(e.stdout, b.String())
	}
	for _, f := range found {
		if f.Level == lint.Danger {
			return cmp.Or(err, error(e911.Errorf(e911.Conflict, "who dials for help would not reach it")))
		}
	}
	return err
}

func printLint(b *strings.Builder, all []lint.Finding) {
	for _, f := range all {
		s := printable(f.Where, f.Dialled, f.Happens, f.Fix)
		dialled := ""
		if f.Dialled != "" {
			dialled = " dialling " + s[1] + ":"
		}
		fmt.Fprintf(b, "%s (%s) %s:%s %s -> %s\n", f.Level, f.Code, s[0], dialled, s[2], s[3])
	}
}

type setupUseCmd struct {
	listFlags
	NoOutbound bool `help:"Nobody can dial out: calls come in alone."`
	NoPeople   bool `help:"No person calls: a machine answers."`
}

func (c *setupUseCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "use", app.SetupArgs{Outbound: !c.NoOutbound, People: !c.NoPeople})
}

type setupPricesCmd struct {
	listFlags
	File string `arg:"" type:"existingfile" help:"JSON: currency, call_cents, warn_at, severe_at, users as [{place, name, cents}], source."`
}

func (c *setupPricesCmd) Run(e *env) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the prices: %w", err)
	}
	var p rules.Prices
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return e911.Errorf(e911.Invalid, "the prices cannot be read: %v", err)
	}
	return doSetup(e, &c.listFlags, "prices", p)
}

type setupComplianceCmd struct {
	listFlags
	All bool `help:"Every organisation of this Callbox." default:"true" negatable:""`
	CSV bool `name:"csv" help:"Print CSV."`
}

func (c *setupComplianceCmd) Run(e *env) error {
	all, err := askSetup[[]setup.Standing](e, &c.listFlags, "compliance", app.SetupArgs{All: c.All && c.Org == ""})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, all))
	}
	if c.CSV {
		return setup.WriteStandings(e.stdout, all, time.Now())
	}
	for i := range all {
		v := &all[i]
		s := printable(v.Key, v.Name, v.Why)
		fmt.Fprintf(e.stdout, "%-20s %-15s %-14s %3d sites, %3d compliant, %3d declared, %3d open, %d dangers in dial plans, %d unregistered calls %s%s\n",
			s[0], v.State, words(string(v.Compliance)), v.Sites, v.By[rules.SiteCompliant], v.Declared, v.Open, v.Dangers, v.Unregistered, v.Warning, s[2])
	}
	return nil
}
