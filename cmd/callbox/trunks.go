package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/live/trunk"
)

type trunksCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

// Run asks the running server.
func (c *trunksCmd) Run(e *env) error {
	var list app.TrunkList
	if err := app.Control(e.ctx, c.Data, "/trunks", nil, &list); err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	printTrunks(os.Stdout, list)
	return nil
}

func printTrunks(w io.Writer, list app.TrunkList) {
	for _, t := range list.Trunks {
		whose := ""
		if key := list.Orgs[t.Org]; key != "" {
			whose = " of " + key
		}
		fmt.Fprintf(w, "%s (%s%s): %s, %s\n", t.Key, t.Side, whose, t.State, callsOf(t))
		for _, x := range t.Targets {
			fmt.Fprintf(w, "  %s:%s  %s%s\n", x.Transport, x.Address, x.State, lasting(x.Since, list.At))
			fmt.Fprintf(w, "    %s\n", probeOf(x, list.At))
		}
		for _, f := range t.Faults {
			fmt.Fprintf(w, "  name: %s\n", f)
		}
		if r := t.Registered; r != nil {
			switch {
			case r.Fault != "":
				fmt.Fprintf(w, "  registration at %s: %s%s\n", r.Registrar, r.Fault, ago(", next try ", r.Next, list.At))
			case r.Until.IsZero():
				fmt.Fprintf(w, "  registration at %s: not yet\n", r.Registrar)
			default:
				fmt.Fprintf(w, "  registered at %s until %s\n", r.Registrar, r.Until.UTC().Format(time.RFC3339))
			}
		}
	}
	if len(list.Trunks) == 0 {
		fmt.Fprintln(w, "there are no trunks: callbox import FILE")
	}
	if !list.Certificate.IsZero() {
		fmt.Fprintf(w, "our certificate of SIP expires on %s\n", list.Certificate.UTC().Format(time.DateOnly))
	}
}

func callsOf(t trunk.Status) string {
	s := fmt.Sprintf("%d emergency and %d other calls", t.Emergency, t.Other)
	if t.Capacity > 0 {
		s += fmt.Sprintf(" of %d, %d reserved for emergency", t.Capacity, t.Reserved)
	}
	return s
}

func probeOf(x trunk.TargetStatus, now time.Time) string {
	switch {
	case !x.Probed:
		return "not probed"
	case x.Probe.At.IsZero():
		return "not probed yet"
	case x.Probe.Code == 0:
		return "last probe" + ago(" ", x.Probe.At, now) + ": " + x.Why
	}
	s := fmt.Sprintf("last probe%s by %s: %d in %d ms", ago(" ", x.Probe.At, now), x.Probe.Transport, x.Probe.Code, x.Probe.Took.Milliseconds())
	if len(x.Probe.Accept) > 0 {
		s += ", takes " + strings.Join(x.Probe.Accept, " ")
	}
	if x.NoTCP {
		s += "; it does not take TCP, calls go by UDP"
	}
	if x.Why != "" {
		s += "; " + x.Why
	}
	return s
}

// lasting is how long something has been so.
func lasting(since, now time.Time) string {
	if since.IsZero() {
		return ""
	}
	return " for " + now.Sub(since).Round(time.Second).String()
}

// ago says when something was or will be, seen from now.
func ago(before string, at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	if d := now.Sub(at).Round(time.Second); d >= 0 {
		return before + d.String() + " ago"
	}
	return before + "in " + at.Sub(now).Round(time.Second).String()
}
