package main

import (
	"fmt"
	"os"
	"time"

	"github.com/callbox911/callbox/internal/bench"
)

type benchSIPCmd struct {
	Rate       int     `help:"Calls a second." default:"1000"`
	Seconds    int     `help:"Length of the load." default:"60"`
	Ring       float64 `help:"Seconds that each call rings." default:"0"`
	Talk       float64 `help:"Seconds that each call lasts then." default:"0.2"`
	Alone      int     `help:"Emergency calls a second in the last part, without others; 0: three times the rate." default:"0"`
	NoPeer     bool    `help:"Without Kamailio beside it."`
	NoOverload bool    `help:"The load alone: neither the time that we add nor overload."`
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
	return bench.RunSIP(e.ctx, bench.SIPConfig{
		Program: self, Rate: c.Rate, Seconds: c.Seconds, Ring: seconds(c.Ring), Talk: seconds(c.Talk), Alone: c.Alone,
		NoPeer: c.NoPeer, NoMore: c.NoOverload, JSON: c.JSON, Keep: c.Keep, Profile: c.Profile, Stdout: e.stdout, Log: e.log,
	})
}
