package main

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

type directoryCmd struct {
	List   directoryListCmd   `cmd:"" default:"withargs" help:"The directories of people that are followed."`
	Show   directoryShowCmd   `cmd:"" help:"What the last run did and found."`
	Sync   directorySyncCmd   `cmd:"" help:"Read or take over a directory now."`
	Save   directorySaveCmd   `cmd:"" help:"Add or change a directory, from a JSON file."`
	Delete directoryDeleteCmd `cmd:"" help:"Follow a directory no longer; its people stay."`

	Release directoryReleaseCmd `cmd:"" help:"Let a user's fields be changed here: no directory feeds him any more."`
}

func (f *listFlags) directory(e *env, do, key string) app.DirectoryRequest {
	who := "operator"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return app.DirectoryRequest{DataDir: f.Data, Do: do, Org: f.Org, Key: key, Who: who, Log: e.log}
}

type directoryListCmd struct{ listFlags }

func (c *directoryListCmd) Run(e *env) error {
	all, err := app.Directories[[]directory.Source](e.ctx, c.directory(e, app.DirectoriesList, ""))
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, all))
	}
	for _, s := range all {
		fmt.Fprintf(e.stdout, "%s: %s, %s\n", s.Key, s.Protocol, s.Action)
	}
	return nil
}

type directoryShowCmd struct {
	listFlags
	Key string `arg:"" help:"Key of the directory."`
}

func (c *directoryShowCmd) Run(e *env) error {
	r, err := app.Directories[directory.Report](e.ctx, c.directory(e, app.DirectoriesShow, c.Key))
	return c.print(e, r, err)
}

type directorySyncCmd struct {
	listFlags
	Key    string `arg:"" help:"Key of the directory."`
	Shrunk bool   `help:"Who is missing has left, however many they are."`
}

func (c *directorySyncCmd) Run(e *env) error {
	ask := c.directory(e, app.DirectoriesSync, c.Key)
	ask.Shrunk = c.Shrunk
	r, err := app.Directories[directory.Report](e.ctx, ask)
	if err := c.print(e, r, err); err != nil || r.State != directory.StateFailed {
		return err
	}
	return e911.Errorf(e911.Unavailable, "the run failed, and nobody was changed; mend what it says and run it again: callbox directory sync %s", c.Key)
}

func (f *listFlags) print(e *env, r directory.Report, err error) error {
	if err != nil || f.JSON {
		return cmp.Or(err, printed(e, f.JSON && err == nil, r))
	}
	n := r.Counts
	fmt.Fprintf(e.stdout, "%s: %s, %s: %d people, %d joined, %d changed, %d the same, %d refused, %d left, %d to be taken off, %d kept by a call, %d without a location\n",
		r.Source, r.State, r.Started.Format(time.DateTime), n.People, n.Joined, n.Changed, n.Same, n.Refused, n.Left, n.Leaving, n.InCall, n.Unplaced)
	for _, s := range []string{r.Error, r.NoDepartures, r.PlanWhy} {
		if s != "" {
			fmt.Fprintf(e.stdout, "  ! %s\n", printable(s)[0])
		}
	}
	for _, x := range r.Faults {
		fmt.Fprintf(e.stdout, "  %s\n", printable(x.String())[0])
	}
	if r.Plan != "" && !r.Applied {
		fmt.Fprintf(e.stdout, "who joins and changes: callbox apply %s --hash %s\n", r.Plan, r.PlanHash)
	}
	if r.Removal != "" {
		fmt.Fprintf(e.stdout, "who leaves the list: callbox apply %s --hash %s\n", r.Removal, r.RemovalHash)
	}
	return nil
}

type directorySaveCmd struct {
	listFlags
	File string `arg:"" type:"existingfile" help:"JSON: key, protocol, map, site, sites, places, action, ldap ..."`
}

func (c *directorySaveCmd) Run(e *env) error {
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the description: %w", err)
	}
	defer f.Close()
	ask := c.directory(e, app.DirectoriesSave, "")
	ask.Body = f
	s, err := app.Directories[directory.Source](e.ctx, ask)
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, s))
	}
	fmt.Fprintf(e.stdout, "%s: followed by %s\n", s.Key, s.Protocol)
	return nil
}

type directoryDeleteCmd struct {
	listFlags
	Key string `arg:"" help:"Key of the directory."`
}

func (c *directoryDeleteCmd) Run(e *env) error {
	_, err := app.Directories[struct{}](e.ctx, c.directory(e, app.DirectoriesDelete, c.Key))
	return err
}

type directoryReleaseCmd struct {
	listFlags
	User  string `arg:"" help:"Key of the user."`
	Again bool   `help:"The other way round: the directory feeds him once more."`
}

func (c *directoryReleaseCmd) Run(e *env) error {
	do := app.DirectoriesRelease
	if c.Again {
		do = app.DirectoriesResume
	}
	_, err := app.Directories[struct{}](e.ctx, c.directory(e, do, c.User))
	return err
}
