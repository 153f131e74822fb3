package main

import (
	"fmt"
	"os"

	"github.com/callbox911/callbox/internal/bench"
)

type benchImportCmd struct {
	Users    int      `help:"Rows of the table of users; below 0: none." default:"100000"`
	Elements int      `help:"Rows of the table of network elements; below 0: none." default:"100000"`
	Network  int      `help:"Rows of the network map; below 0: none." default:"1000000"`
	Engine   []string `help:"sqlite, postgres; may be repeated." default:"sqlite,postgres" enum:"sqlite,postgres"`
	JSON     bool     `help:"One line of JSON instead of a table."`
	Profile  string   `help:"Beginning of the names of files for processor profiles, one a part." type:"path"`
	Part     string   `hidden:"" help:"Be the process of one part."`
}

func (c *benchImportCmd) Run(e *env) error {
	conf := bench.ImportConfig{Users: c.Users, Elements: c.Elements, Network: c.Network, Engines: c.Engine, Profile: c.Profile, JSON: c.JSON, Stdout: e.stdout}
	if c.Part != "" {
		return bench.MeasureImport(e.ctx, conf, c.Part)
	}
	var err error
	if conf.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return bench.RunImport(e.ctx, conf)
}

type benchAPICmd struct {
	Users   int    `help:"Users of the organisation." default:"10000"`
	Rate    int    `help:"Requests a second." default:"1000"`
	Calls   int    `help:"Emergency calls a second beside them." default:"50"`
	Seconds int    `help:"Length of each part." default:"20"`
	JSON    bool   `help:"One line of JSON instead of a table."`
	Keep    string `help:"Folder in which data and logs are left." type:"existingdir"`
	Profile string `help:"File for a processor profile of the server." type:"path"`
}

func (c *benchAPICmd) Run(e *env) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return bench.RunAPI(e.ctx, bench.APIConfig{
		Program: self, Users: c.Users, Rate: c.Rate, Calls: c.Calls, Seconds: c.Seconds, JSON: c.JSON, Keep: c.Keep, Profile: c.Profile, Stdout: e.stdout, Log: e.log,
	})
}
