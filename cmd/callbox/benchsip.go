package main

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/callbox911/callbox/internal/bench"
)

type benchSIPCmd struct {
	Rate       int     `help:"Calls a second; 0: 1000." default:"0"`
	Seconds    int     `help:"Length of the load; 0: 60." default:"0"`
	Ring       float64 `help:"Seconds that each call rings." default:"0"`
	Talk       float64 `help:"Seconds that each call lasts then." default:"0.2"`
	Alone      int     `help:"Emergency calls a second in the last part, without others; 0: three times the rate." default:"0"`
	NoPeer     bool    `help:"Without Kamailio beside it."`
	NoOverload bool    `help:"The load alone: neither the time that we add nor overload."`
	Variants   bool    `help:"What each part costs instead: full ladder, references, ELINs, all together, each with a server of its own; 100 calls a second for 20 s when nothing else is said."`
	JSON       bool    `help:"One line of JSON instead of a table."`
	Keep       string  `help:"Folder in which data and logs are left, to see why something was lost." type:"existingdir"`
	Profile    string  `help:"File for a processor profile of the server." type:"path"`
}

func (c *benchSIPCmd) Run(e *env) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	rate, length := cmp.Or(c.Rate, 1000), cmp.Or(c.Seconds, 60)
	if c.Variants {
		rate, length = cmp.Or(c.Rate, 100), cmp.Or(c.Seconds, 20)
	}
	conf := bench.SIPConfig{
		Program: self, Rate: rate, Seconds: length, Ring: seconds(c.Ring), Talk: seconds(c.Talk), Alone: c.Alone,
		NoPeer: c.NoPeer, NoMore: c.NoOverload, JSON: c.JSON, Keep: c.Keep, Profile: c.Profile, Stdout: e.stdout, Log: e.log,
	}
	if c.Variants {
		return bench.RunVariants(e.ctx, bench.VariantsConfig{SIPConfig: conf})
	}
	return bench.RunSIP(e.ctx, conf)
}
