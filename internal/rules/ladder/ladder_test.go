package ladder

import (
	"fmt"
	"slices"
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
		switch id {
		case "far":
			return e911.Trunk{ID: id, Key: "far", Side: e911.SideCarrier, Kind: e911.RouteProvider, To: "sip:psap@192.0.2.1:5060;transport=tcp"}, true
		case "six":
			return e911.Trunk{ID: id, Key: "six", Side: e911.SideCarrier, Kind: e911.RouteESInet, To: "sip:psap@[::1]:5061"}, true
		case "mute":
			return e911.Trunk{ID: id, Key: "mute"}, true
		}
		return e911.Trunk{}, false
	}
}

// Proves: E1, E11, F-03, F-23
func TestRungsStandInOrder(t *testing.T) {
	psap := func(routes ...e911.TrunkID) *e911.PSAP {
		return &e911.PSAP{ID: "p1", Key: "psap", Name: "Middlesex", Routes: routes}
	}
	relay := func(routes ...e911.TrunkID) []e911.PSAP {
		return []e911.PSAP{{ID: "p9", Key: "ecrc", Name: "Relay", Relay: true, Routes: routes}}
	}
	cases := []struct {
		name string
		in   Input
		want []string
		left []string
	}{
		{
			"the place's routes, then the relay centre",
			Input{Located: true, PSAP: psap("a", "b"), Relays: relay("r"), Trunk: world("a", "b", "r")},
			[]string{"psap p1 a", "psap p1 b", "relay p9 r"},
			nil,
		},
		{
			"no PSAP follows from the place: the relay centre alone",
			Input{Relays: relay("r", "s"), Trunk: world("r", "s")},
			[]string{"relay p9 r", "relay p9 s"},
			nil,
		},
		{
			"no relay centre is configured",
			Input{Located: true, PSAP: psap("a"), Trunk: world("a")},
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
			Input{Located: true, PSAP: psap("a"), Relays: relay("a", "r"), Trunk: world("a", "r")},
			[]string{"psap p1 a", "relay p9 r"},
			[]string{"the trunk stands higher in the ladder already"},
		},
		{
			"a missing trunk and one without an address are left out and said",
			Input{Located: true, PSAP: psap("gone", "mute", "a"), Trunk: world("a")},
			[]string{"psap p1 a"},
			[]string{"the route names a trunk that does not exist", "the trunk has no address to call"},
		},
		{
			"a route known to be down keeps its place",
			Input{Located: true, PSAP: psap("a", "b"), Trunk: world("a", "b"), Down: func(id e911.TrunkID) bool { return id == "a" }},
			[]string{"psap p1 a down", "psap p1 b"},
			nil,
		},
		{
			"the organisation's carriers come after the PSAP's own routes and before the relay centre",
			Input{Located: true, PSAP: psap("a"), Relays: relay("r"), Carriers: []e911.TrunkID{"b", "c"}, Trunk: world("a", "b", "c", "r")},
			[]string{"psap p1 a", "carrier p1 b", "carrier p1 c", "relay p9 r"},
			nil,
		},
		{
			"a carrier that has the PSAP's own route stands there alone",
			Input{Located: true, PSAP: psap("a"), Relays: relay("r"), Carriers: []e911.TrunkID{"a", "b"}, Trunk: world("a", "b", "r")},
			[]string{"psap p1 a", "carrier p1 b", "relay p9 r"},
			[]string{"the trunk stands higher in the ladder already"},
		},
		{
			"no PSAP of ours serves the place: the carrier chooses one by it",
			Input{Relays: relay("r"), Carriers: []e911.TrunkID{"b"}, Located: true, Trunk: world("b", "r")},
			[]string{"carrier  b", "relay p9 r"},
			nil,
		},
		{
			"nobody knows where the caller is: the relay centre asks before a carrier guesses",
			Input{Relays: relay("r"), Carriers: []e911.TrunkID{"b"}, Trunk: world("b", "r")},
			[]string{"relay p9 r", "carrier  b"},
			nil,
		},
		{
			"nobody knows where, and no relay centre is configured: the carrier",
			Input{Carriers: []e911.TrunkID{"b"}, Trunk: world("b")},
			[]string{"carrier  b"},
			nil,
		},
		{
			"whom our own layer has against the authority is the last that is tried",
			Input{
				PSAP: psap("a"), Relays: relay("r"), Carriers: []e911.TrunkID{"b"}, Located: true, Trunk: world("a", "b", "o", "r"),
				Other: &e911.PSAP{ID: "p2", Name: "Ours", Routes: []e911.TrunkID{"a", "o"}},
			},
			[]string{"psap p1 a", "carrier p1 b", "relay p9 r", "other p2 o"},
			[]string{"the trunk stands higher in the ladder already"},
		},
		{
			"a demonstration stays on this machine on every rung",
			Input{
				PSAP: psap("far", "six"), Relays: relay("far", "r"), Carriers: []e911.TrunkID{"far", "b"}, Located: true, Trunk: world("b", "r"),
				Other: psap("far"), Demonstration: true,
			},
			[]string{"psap p1 six", "carrier p1 b", "relay p9 r"},
			slices.Repeat([]string{"the trunk leaves this machine, and calls of a demonstration must not (F-23)"}, 4),
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			plan := Build(c.in)
			rungs, left := plan.Rungs, plan.Left
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

// Whose PSAP answers is the carrier's choice on a carrier's route, never the
// relay centre's.
//
// Proves: F-23
func TestWhichRungsAreExpected(t *testing.T) {
	for _, c := range []struct {
		name string
		kind Kind
		by   e911.RouteKind
		want bool
	}{
		{"a PSAP's route through a carrier", KindPSAP, e911.RouteProvider, true},
		{"a PSAP's route through the ESInet", KindPSAP, e911.RouteESInet, false},
		{"a carrier of the organisation's", KindCarrier, e911.RouteProvider, true},
		{"what our own layer has against the authority", KindOther, e911.RouteProvider, true},
		{"the relay centre", KindRelay, e911.RouteProvider, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Rung{Kind: c.kind, Trunk: e911.Trunk{Kind: c.by}}).Expected(); got != c.want {
				t.Errorf("Expected() = %v, want %v", got, c.want)
			}
		})
	}
	rungs := Build(Input{Carriers: []e911.TrunkID{"b"}, Located: true, Trunk: world("b")}).Rungs
	if len(rungs) != 1 || rungs[0].PSAPName != "the PSAP that the carrier chooses" {
		t.Errorf("without a PSAP of ours: %+v", rungs)
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
