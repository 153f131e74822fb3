package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/app"
)

type memberCredentialsCmd struct {
	dataFlag
	Email string `arg:"" help:"Address."`
	Drop  string `help:"Take this one away, and end all sessions of the person: its id, or \"recovery\" for all recovery codes. It may be the last; callbox member link lets the person in again." placeholder:"ID"`
	JSON  bool   `help:"Print JSON."`
}

func (c *memberCredentialsCmd) Run(e *env) error {
	a, err := app.AskCredentials(e.ctx, c.Data, app.CredentialRequest{Email: c.Email, Drop: c.Drop}, e.log)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, a.Credentials)
	}
	for _, s := range a.Credentials {
		used, more := "never used", s.Name
		if !s.Used.IsZero() {
			used = "used " + s.Used.UTC().Format(time.DateOnly)
		}
		switch {
		case s.Kind == signon.Recovery:
			used, more = strconv.Itoa(s.Left)+" left", ""
		case s.Elsewhere:
			more += " (made for " + s.Host + ")"
		case !s.Copied.IsZero():
			more += " (refused " + s.Copied.UTC().Format(time.DateOnly) + ": its counter went back)"
		}
		fmt.Fprintf(e.stdout, "%-10s made %s  %-16s %s  %s\n", s.Kind, s.Made.UTC().Format(time.DateOnly), used, s.ID, more)
	}
	return nil
}
