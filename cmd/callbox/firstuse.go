package main

import (
	"cmp"
	"fmt"
	"net/url"
	"os/user"
	"time"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/app"
)

type firstUseCmd struct {
	listFlags
	Reminders string `enum:",on,off" default:"" help:"Whether users who do not answer are written to: on or off."`
}

// Run lists who was asked where he is, and did not answer (N-07).
func (c *firstUseCmd) Run(e *env) error {
	q := url.Values{"org": {c.Org}}
	if c.Reminders != "" {
		q.Set("reminders", c.Reminders)
		q.Set("who", "operator")
		if u, err := user.Current(); err == nil {
			q.Set("who", u.Username)
		}
	}
	var st firstuse.State
	err := app.Control(e.ctx, c.Data, "/first-use?"+q.Encode(), nil, &st)
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, st))
	}
	for _, u := range st.Users {
		what := "has no location"
		switch {
		case u.Placed:
			what = "has not read what 911 depends on"
		case !u.Accepted:
			what = "has no location, and has not read what 911 depends on"
		}
		fmt.Fprintf(e.stdout, "%s %s: %s; %s\n", printable(u.Key)[0], printable(u.Name)[0], what, written(u))
	}
	return nil
}

// written says how often somebody was written to, or why he is not.
func written(u firstuse.Open) string {
	switch u.Unwritten {
	case firstuse.UnwrittenNoAddress:
		return "nobody writes to him: he has no mail address"
	case firstuse.UnwrittenShared:
		return "nobody writes to him: another user has his address"
	case firstuse.UnwrittenNoMail:
		return "nobody writes to him: this server sends no mail (--smtp)"
	case firstuse.UnwrittenOff:
		return "nobody writes to him: reminders are off"
	}
	if u.Reminded == 0 {
		return "not reminded yet"
	}
	return fmt.Sprintf("reminded %d times, last on %s", u.Reminded, u.Last.Format(time.DateOnly))
}
