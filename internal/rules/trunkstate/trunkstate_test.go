package trunkstate_test

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/rules/trunkstate"
)

// Each letter is an event: a answered, m missed, h heard, s silent. The letter
// below is the state after it.
// Proves: F-03, F-16, W-43
func TestStatesHaveHysteresis(t *testing.T) {
	kinds := map[byte]trunkstate.Kind{'a': trunkstate.Answered, 'm': trunkstate.Missed, 'h': trunkstate.Heard, 's': trunkstate.Silent}
	states := map[byte]trunkstate.State{'?': trunkstate.Unknown, 'u': trunkstate.Up, 'g': trunkstate.Degraded, 'd': trunkstate.Down}
	for _, c := range []struct{ name, events, want string }{
		{"the first answer shows that it is up", "aa", "uu"},
		{"one lost probe takes nothing down", "amam", "ugug"},
		{"two lost probes in a row do", "amm", "ugd"},
		{"a target that never answered goes down after two", "mm", "gd"},
		{"two good answers bring nothing back, three do", "mmaaa", "gdddu"},
		{"a miss in between starts the count again", "mmaamaaa", "gddddddu"},
		{"a call that heard nothing takes it down at once", "as", "ud"},
		{"and answers to probes bring it back after three", "saaa", "dddu"},
		{"a call that was answered brings it back at once", "mmh", "gdu"},
		{"misses do not add up over good answers", "amammm", "ugugdd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var target trunkstate.Target
			now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
			for i := range c.events {
				now = now.Add(30 * time.Second)
				before := target
				target = target.Step(trunkstate.Event{Kind: kinds[c.events[i]], At: now, Why: "no answer"}, true)
				if want := states[c.want[i]]; target.State != want {
					t.Fatalf("after %q the target is %s, want %s", c.events[:i+1], target.State, want)
				}
				if changed := before.State != target.State; changed != target.Since.Equal(now) {
					t.Errorf("after %q: since %v, changed %v", c.events[:i+1], target.Since, changed)
				}
			}
		})
	}
}

// Proves: F-03
func TestWithoutProbesASilenceEndsByItself(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	alone := trunkstate.Target{}.Step(trunkstate.Event{Kind: trunkstate.Silent, At: now}, false)
	if !alone.Skip(now.Add(29*time.Second)) || alone.Skip(now.Add(30*time.Second)) {
		t.Error("a target that nobody probes is skipped for 30 s after a silence, and no longer")
	}
	if probed := (trunkstate.Target{}).Step(trunkstate.Event{Kind: trunkstate.Silent, At: now}, true); !probed.Skip(now.Add(time.Hour)) {
		t.Error("a target that is probed is skipped until the probes are answered")
	}
}

// Proves: W-43
func TestTheStateOfATrunk(t *testing.T) {
	of := func(list ...trunkstate.State) trunkstate.State {
		var targets []trunkstate.Target
		for _, s := range list {
			targets = append(targets, trunkstate.Target{State: s})
		}
		return trunkstate.Of(targets)
	}
	for _, c := range []struct {
		got, want trunkstate.State
	}{
		{of(), trunkstate.Unknown},
		{of(""), trunkstate.Unknown},
		{of(trunkstate.Up, trunkstate.Up), trunkstate.Up},
		{of(trunkstate.Up, trunkstate.Degraded), trunkstate.Up},
		{of(trunkstate.Up, trunkstate.Unknown), trunkstate.Unknown},
		{of(trunkstate.Up, trunkstate.Down), trunkstate.Degraded},
		{of(trunkstate.Unknown, trunkstate.Down), trunkstate.Degraded},
		{of(trunkstate.Down, trunkstate.Down), trunkstate.Down},
	} {
		if c.got != c.want {
			t.Errorf("state %s, want %s", c.got, c.want)
		}
	}
}
