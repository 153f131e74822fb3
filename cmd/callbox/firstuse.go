package main

import (
	"cmp"
	"fmt"
	"net/url"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/app"
)

type firstUseCmd struct{ listFlags }

// Run lists who was asked where he is, and did not answer (N-07).
func (c *firstUseCmd) Run(e *env) error {
	var all []firstuse.Open
	err := app.Control(e.ctx, c.Data, "/first-use?"+url.Values{"org": {c.Org}}.Encode(), nil, &all)
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, all))
	}
	for _, u := range all {
		what := "has no location"
		switch {
		case u.Placed:
			what = "has not read what 911 depends on"
		case !u.Accepted:
			what = "has no location, and has not read what 911 depends on"
		}
		fmt.Fprintf(e.stdout, "%s %s: %s\n", printable(u.Key)[0], printable(u.Name)[0], what)
	}
	return nil
}
