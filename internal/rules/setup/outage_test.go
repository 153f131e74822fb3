package setup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/rules/setup"
)

var nine = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// told reads "carrier down 30": what a trunk told that many minutes after nine.
func told(t *testing.T, lines ...string) (out []setup.TrunkState) {
	t.Helper()
	for _, l := range lines {
		var trunk, word string
		var after float64
		if _, err := fmt.Sscanf(l, "%s %s %g", &trunk, &word, &after); err != nil {
			t.Fatal(l, err)
		}
		out = append(out, setup.TrunkState{Trunk: trunk, At: nine.Add(time.Duration(after * float64(time.Minute))), Down: word == "down"})
	}
	return out
}

// hq has 30,000 users and two trunks, of which one is enough; yard has the one trunk.
var (
	hq   = setup.Ways{Org: "mill", Site: "hq", Users: 30_000, Groups: [][]string{{"a", "b"}}}
	yard = setup.Ways{Org: "mill", Site: "yard", Users: 10, Groups: [][]string{{"a"}}}
	none = setup.Ways{Org: "mill", Site: "shed", Users: 5, Groups: [][]string{{}}}
)

// Proves: F-39, 47 CFR 4.5, 4.7, 4.9
func TestOutagesAreCountedInUserMinutes(t *testing.T) {
	for _, c := range []struct {
		name   string
		states []setup.TrunkState
		ways   []setup.Ways
		want   string // start, minutes, users, user-minutes, flags; one outage after the other
	}{
		{"one of two trunks down is no outage", told(t, "a down 0", "a up 60"), []setup.Ways{hq}, ""},
		{"both down for half an hour reach both thresholds", told(t, "a down 0", "b down 10", "b up 40"), []setup.Ways{hq}, "09:10 30m 30000 900000 report"},
		{"a second less does not", told(t, "a down 0", "b down 10", "b up 39.98"), []setup.Ways{hq}, "09:10 30m 30000 900000"},
		{"long, with few users, does not", told(t, "a down 0", "a up 600"), []setup.Ways{yard}, "09:00 600m 10 6000"},
		{"short, with many, does not", told(t, "a down 0", "b down 0", "a up 29"), []setup.Ways{hq}, "09:00 29m 30000 870000"},
		{"sites that are out at once are one outage", told(t, "a down 0", "b down 10", "b up 40", "a up 60"), []setup.Ways{hq, yard}, "09:00 60m 30010 900600 report"},
		{"one after the other they are two", told(t, "a down 0", "b down 0", "a up 10", "b up 10", "a down 20", "a up 30"), []setup.Ways{hq, yard}, "09:20 10m 10 100; 09:00 10m 30010 300100"},
		{"what goes on is counted up to now", told(t, "a down 700"), []setup.Ways{yard}, "20:40 20m 10 200 open"},
		{"told twice that it is down, by two nodes, it began at the first", told(t, "a down 0", "a down 5", "a up 20"), []setup.Ways{yard}, "09:00 20m 10 200"},
		{"a site without any way has no outage", told(t, "a down 0"), []setup.Ways{none}, ""},
		{"one building without a way is enough", told(t, "c down 0", "c up 10"), []setup.Ways{{Org: "mill", Site: "two", Users: 2, Groups: [][]string{{"a"}, {"c"}}}}, "09:00 10m 2 20"},
		{"two buildings at once count their users once", told(t, "a down 0", "c down 5", "a up 10", "c up 20"), []setup.Ways{{Org: "mill", Site: "two", Users: 2, Groups: [][]string{{"a"}, {"c"}}}}, "09:00 20m 2 40"},
		{"a site that is out twice within another's outage counts its users once", told(t, "a down 0", "b down 0", "b up 10", "b down 20", "b up 30", "a up 40"), []setup.Ways{hq, yard}, "09:00 40m 30010 600400"},
		{"what began before the time is whole", told(t, "a down -600", "a up 10"), []setup.Ways{yard}, "23:00 610m 10 6100"},
		{"what ended before it is not listed", told(t, "a down -600", "a up -500"), []setup.Ways{yard}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, o := range setup.Outages(c.states, c.ways, nine, nine.Add(12*time.Hour)) {
				s := fmt.Sprintf("%s %dm %d %d", o.Start.Format("15:04"), o.Minutes, o.Users, o.UserMinutes)
				if o.Reportable {
					s += " report"
				}
				if o.Open {
					s += " open"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("%q, want %q", s, c.want)
			}
		})
	}
}

// Whatever trunks tell, a site is out exactly when all of its trunks are down: minute by
// minute the sum is what the definition says.
//
// Proves: F-39
func TestOutagesAreWhatTheDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const length = 60
		trunks := []string{"a", "b"}
		var states []setup.TrunkState
		isDown := map[string][length]bool{}
		for _, name := range trunks {
			var at [length]bool
			down := false
			for m := range length {
				if rapid.IntRange(0, 5).Draw(t, "turn") == 0 {
					down = !down
					states = append(states, setup.TrunkState{Trunk: name, At: nine.Add(time.Duration(m) * time.Minute), Down: down})
				}
				at[m] = down
			}
			isDown[name] = at
		}
		var want int64
		for m := range length {
			if isDown["a"][m] && isDown["b"][m] {
				want += 7
			}
		}
		var got int64
		for _, o := range setup.Outages(states, []setup.Ways{{Site: "s", Users: 7, Groups: [][]string{trunks}}}, nine, nine.Add(length*time.Minute)) {
			got += o.UserMinutes
		}
		if got != want {
			t.Fatalf("%d user-minutes, want %d", got, want)
		}
	})
}
