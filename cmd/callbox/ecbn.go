package main

import (
	"io"

	"github.com/callbox911/callbox/internal/admin/desk"
	"github.com/callbox911/callbox/internal/app"
)

type ecbnCmd struct {
	dataFlag
	orgFlag
	Number string `arg:"" optional:"" help:"One number; without it, and without --site and --user, every site and area."`
	Site   string `help:"The site with this key, and its areas." xor:"whose"`
	User   string `help:"The user with this key, on each of his lines." xor:"whose"`
	JSON   bool   `help:"Print JSON."`
}

func (c *ecbnCmd) Run(e *env) error {
	list, err := app.Callbacks(e.ctx, c.Data, desk.Whose{Org: c.Org, Number: c.Number, Site: c.Site, User: c.User})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, list)
	}
	for _, a := range list {
		if _, err := io.WriteString(e.stdout, a.Text()); err != nil {
			return err
		}
	}
	return nil
}
