package trunkstate_test

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/rules/trunkstate"
)

// Proves: F-16 (a trunk remembers what it took, and is given another chance)
func TestWhichInviteGoesFirst(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	type b = trunkstate.Bodies
	no := func(v b) b { return v.Says(false, at) }
	yes := func(v b) b { return v.Says(true, at) }
	refused := func(v b) b { return v.TookSlim(at) }
	took := func(v b) b { return v.TookFull(at) }
	for name, c := range map[string]struct {
		events []func(b) b
		slim   time.Duration // the slim one goes first for so long; 0: the full one
	}{
		"nothing is known": {nil, 0},
		"one answer without the bodies changes nothing": {[]func(b) b{no}, 0},
		"two in a row do, for an hour":                  {[]func(b) b{no, no}, time.Hour},
		"more of them do not make it longer":            {[]func(b) b{no, no, no, no}, time.Hour},
		"two answers with them do not bring it back":    {[]func(b) b{no, no, yes, yes}, time.Hour},
		"three do": {[]func(b) b{no, no, yes, yes, yes}, 0},
		"a call that took the full one outweighs answers":  {[]func(b) b{took, no, no}, 0},
		"a call refused the full one and took the slim":    {[]func(b) b{refused}, time.Hour},
		"what OPTIONS says does not outweigh a refusal":    {[]func(b) b{refused, yes, yes, yes}, time.Hour},
		"refused again after the hour: for longer":         {[]func(b) b{refused, refused}, 2 * time.Hour},
		"refused for ever: a day at most":                  {[]func(b) b{refused, refused, refused, refused, refused, refused, refused}, 24 * time.Hour},
		"the full one is taken again: all is forgotten":    {[]func(b) b{refused, refused, took}, 0},
		"and the next refusal counts from the start again": {[]func(b) b{refused, refused, took, refused}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			var v b
			for _, f := range c.events {
				v = f(v)
			}
			if c.slim > 0 {
				if why, slim := v.Slim(at.Add(c.slim - time.Second)); !slim || why == "" {
					t.Errorf("the full one goes first before %v are over, why %q", c.slim, why)
				}
			}
			if _, slim := v.Slim(at.Add(c.slim)); slim {
				t.Errorf("the slim one still goes first after %v", c.slim)
			}
		})
	}
}
