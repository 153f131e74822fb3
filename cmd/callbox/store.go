package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

// storeFlag says where the database is.
type storeFlag struct {
	Store string `help:"Database: postgres://user:password@host:5432/database?sslmode=verify-full, or embedded for the one in the data directory. The data directory remembers it. Without a password in it, PGPASSWORD or the password file count." env:"CALLBOX_STORE" placeholder:"URL"`
}

type storeCmd struct {
	Copy storeCopyCmd `cmd:"" help:"Carry all that a database holds into another, empty one, while no server runs: whole or not at all."`
}

type storeCopyCmd struct {
	dataFlag
	From string `help:"Database to read, as --store of serve; none: the one that the data directory remembers." placeholder:"URL"`
	To   string `help:"Empty database to write, as --store of serve." required:"" placeholder:"URL"`
	JSON bool   `help:"Print one JSON object."`
}

func (c *storeCopyCmd) Run(e *env) error {
	done, err := app.CopyStore(e.ctx, app.StoreCopy{Dir: c.Data, From: c.From, To: c.To, Log: e.log})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(done)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, t := range done.Tables {
		fmt.Fprintf(w, "%d\t  %s\n", t.Rows, t.Name)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	fmt.Fprintf(e.stdout, "%d rows were carried and read again.\nfrom: %s\nto:   %s\n", done.Rows, done.From, done.To)
	if done.Audit.Broken != nil {
		b := done.Audit.Broken
		return e911.Errorf(e911.Conflict, "the audit trail was carried as it is, and it was broken before: organisation %q, entry %d: %s", b.Org, b.N, b.Why)
	}
	fmt.Fprintf(e.stdout, "The audit trail holds: %d entries in %d chains, the same in both.\nNow start the server with --store and the new address; nobody is signed in there.\n", done.Audit.Entries, done.Audit.Chains)
	return nil
}
