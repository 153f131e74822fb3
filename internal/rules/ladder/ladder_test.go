package ladder

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
)

func world(ids ...e911.TrunkID) func(e911.TrunkID) (e911.Trunk, bool) {
	return func(id e911.TrunkID) (e911.Trunk, bool) {
		for _, known := range ids {
			if known == id {
				return e911.Trunk{ID: id, Key: string(id), Side: e911.SideCarrier, Kind: e911.RouteProvider, To: "sip:psap@127.0.0.21:5071"}, true
			}
		}
		if id == "mute" {
			return e911.Trunk{ID: id, Key: "mute"}, true
		}
		return e911.Trunk{}, false
	}
}

// Proves: E1, E11, F-03
func TestRungsStandInOrder(t *testing.T) {
	psap := func(routes ...e911.TrunkID) *e911.PSAP {
		return &e911.PSAP{ID: "p1", Key: "psap", Name: "Middlesex", Routes: routes}
	}
	relay := func(routes ...e911.TrunkID) *e911.PSAP {
		return &e911.PSAP{ID: "p9", Key: "ecrc", Name: "Relay", Relay: true, Routes: routes}
	}
	cases := []struct {
		name string
		in   Input
		want []string
		left []string
	}{
		{
			"the place's routes, then the relay centre",
			Input{PSAP: psap("a", "b"), Relay: relay("r"), Trunk: world("a", "b", "r")},
			[]string{"psap p1 a", "psap p1 b", "relay p9 r"},
			nil,
		},
		{
			"no PSAP follows from the place: the relay centre alone",
			Input{Relay: relay("r", "s"), Trunk: world("r", "s")},
			[]string{"relay p9 r", "relay p9 s"},
			nil,
		},
		{
			"no relay centre is configured",
			Input{PSAP: psap("a"), Trunk: world("a")},
			[]string{"psap p1 a"},
			nil,
		},
		{
			"nothing is configured",
			Input{Trunk: world()},
			nil, nil,
		},
		{
			"a trunk of both stands at its better place",
			Input{PSAP: psap("a"), Relay: relay("a", "r"), Trunk: world("a", "r")},
			[]string{"psap p1 a", "relay p9 r"},
			[]string{"the trunk stands higher in the ladder already"},
		},
		{
			"a missing trunk and one without an address are left out and said",
			Input{PSAP: psap("gone", "mute", "a"), Trunk: world("a")},
			[]string{"psap p1 a"},
			[]string{"the route names a trunk that does not exist", "the trunk has no address to call"},
		},
		{
			"a route known to be down keeps its place",
			Input{PSAP: psap("a", "b"), Trunk: world("a", "b"), Down: func(id e911.TrunkID) bool { return id == "a" }},
			[]string{"psap p1 a down", "psap p1 b"},
			nil,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rungs, left := Build(c.in)
			var got, gotLeft []string
			for _, r := range rungs {
				s := fmt.Sprintf("%s %s %s", r.Kind, r.PSAP, r.Trunk.ID)
				if r.Down {
					s += " down"
				}
				got = append(got, s)
			}
			for _, f := range left {
				gotLeft = append(gotLeft, f.Why)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("rungs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.left, gotLeft); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
		})
	}
}

// Proves: F-02
func TestLocalRoutesAreSlow(t *testing.T) {
	cases := []struct {
		name  string
		trunk e911.Trunk
		want  bool
	}{
		{"a carrier's SIP route is not", e911.Trunk{Side: e911.SideCarrier, Kind: e911.RouteProvider}, false},
		{"the relay centre's is not", e911.Trunk{Side: e911.SideRelay, Kind: e911.RouteProvider}, false},
		{"a route of kind local is", e911.Trunk{Side: e911.SideCarrier, Kind: e911.RouteLocal}, true},
		{"a trunk on the local side is", e911.Trunk{Side: e911.SideLocal}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := (Rung{Trunk: c.trunk}).Slow(); got != c.want {
				t.Errorf("Slow() = %v, want %v", got, c.want)
			}
		})
	}
}

// Proves: E1, F-03
func TestTheLadderIsWalkedAgainAndAgain(t *testing.T) {
	cases := []struct {
		name string
		down string // one letter a rung, d = known down
		want string // rung, and +wait before it
	}{
		{"three rungs: best first in each pass, waiting 1, 2, 4, 5 and 5 s", "uuu", "0 1 2 0+1s 1 2 0+2s 1 2 0+4s 1 2 0+5s 1 2 0+5s"},
		{"one rung is tried for ever", "u", "0 0+1s 0+2s 0+4s 0+5s 0+5s"},
		{"one known down is skipped on the first pass only", "udu", "0 2 0+1s 1 2 0+2s"},
		{"the best known down comes first in the second pass", "du", "1 0+1s 1 0+2s"},
		{"all known down: none is skipped and nothing waits", "dd", "0 1 0+1s 1 0+2s"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			down := make([]bool, len(c.down))
			for i := range down {
				down[i] = c.down[i] == 'd'
			}
			w := NewWalk(down)
			var got []string
			for range strings.Fields(c.want) {
				s, ok := w.Next()
				if !ok {
					t.Fatal("the ladder ended")
				}
				text := fmt.Sprint(s.Rung)
				if s.Wait > 0 {
					text += "+" + s.Wait.String()
				}
				got = append(got, text)
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("walk = %s\nwant   %s", g, c.want)
			}
		})
	}
}

// Proves: E1
func TestOnlyAnEmptyLadderEnds(t *testing.T) {
	if s, ok := NewWalk(nil).Next(); ok {
		t.Errorf("Next() = %+v of a ladder without rungs", s)
	}
	w := NewWalk([]bool{true, false, true})
	for i := range 10_000 {
		s, ok := w.Next()
		if !ok || s.Rung < 0 || s.Rung > 2 || s.Wait < 0 || s.Wait > 5*time.Second {
			t.Fatalf("step %d = %+v, %v", i, s, ok)
		}
	}
}
