package setup_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/setup"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt; review the diff as specification")

var now = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

func harbor() setup.Organisation {
	return setup.Organisation{
		CompanyID: true, Licensed: []string{"US"}, OutboundPSTN: true, HumanAgent: true,
		Versions: map[setup.Acknowledgement]string{setup.AckRelayCharge: "2026-01", setup.AckLimits: "2026-01", setup.AckUsersTold: "2026-01"},
	}
}

func accepted() map[setup.Acknowledgement]setup.Accepted {
	all := map[setup.Acknowledgement]setup.Accepted{}
	for _, a := range setup.Acknowledgements() {
		all[a] = setup.Accepted{By: "ann", At: now, Version: "2026-01"}
	}
	return all
}

func guard() setup.Destination {
	return setup.Destination{Kind: setup.Screen, Name: "gate", Hours: setup.Always(), Acknowledged: now.Add(-24 * time.Hour)}
}

// whole is a site for which nothing is left to do.
func whole() setup.Site {
	return setup.Site{
		Key: "hq", Countries: []string{"US"}, Stage: e911.Stage911,
		Buildings: []setup.Building{{Key: "mill", Usable: true, Dispatchable: true, Classes: []e911.StationClass{e911.StationFixed, e911.StationNonFixed}}},
		Alerts:    []setup.Destination{guard()}, Elements: 3, Located: 2, ECBN: true, Accepted: accepted(),
		Proofs: []setup.Proof{{Building: "mill", Class: e911.StationFixed, At: now}, {Building: "mill", Class: e911.StationNonFixed, At: now}},
	}
}

// The transcript is what an administrator reads on the way, step by step.
//
// Proves: W-13, W-15, W-17, W-19, W-20, W-25, W-28, W-29, W-30, N-07, N-08, N-13, F-36, F-38
func TestFromNothingTo911WorksHere(t *testing.T) {
	s, o := setup.Site{Key: "hq", Countries: []string{"US"}, Stage: e911.StageNone}, harbor()
	o.Licensed, o.CompanyID = nil, false
	var b strings.Builder
	tell := func(what string) {
		fmt.Fprintf(&b, "== %s\nstate %s; organisation %s; banner %v\n", what, s.State(o, now), setup.Aggregate(o, []setup.SiteState{s.State(o, now)}), setup.Banner([]setup.SiteState{s.State(o, now)}))
		for _, i := range setup.Checklist(o, s, now) {
			if i.Done {
				fmt.Fprintf(&b, "  [x] %s\n", i.Step)
				continue
			}
			fmt.Fprintf(&b, "  [ ] %s: %s -> %s", i.Step, i.Why, i.Fix)
			if i.Takes != "" {
				fmt.Fprintf(&b, " (takes %s)", i.Takes)
			}
			b.WriteString("\n")
		}
		for _, to := range []e911.Stage{e911.Stage933, e911.Stage911} {
			var codes []string
			for _, f := range setup.Take(o, s, to, now) {
				codes = append(codes, f.Code)
			}
			fmt.Fprintf(&b, "  stage %s: needs %s\n", to, strings.Join(codes, ", "))
		}
	}
	o.NoWayIn = true
	tell("an empty site")
	o.Licensed, o.NoWayIn = []string{"US"}, false
	s.Buildings = []setup.Building{{Key: "mill", Usable: true}}
	tell("licence, and a building without locations")
	s.Buildings[0].Dispatchable, s.Buildings[0].Classes = true, whole().Buildings[0].Classes
	s.ECBN = true
	s.Alerts = []setup.Destination{{Kind: setup.Mail, Name: "desk", Hours: setup.Always(), Acknowledged: now}}
	tell("locations, callback number, and a mail address")
	s.Stage, s.Located = e911.Stage933, 2
	tell("stage 1, and devices that ask")
	o.CompanyID, s.Elements = true, 3
	day := setup.Destination{Kind: setup.Phone, Name: "reception", Acknowledged: now, Hours: setup.Between(7, 18, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)}
	s.Alerts = append(s.Alerts, day)
	tell("network mapped; a reception by day")
	s.Alerts = append(s.Alerts, guard())
	s.Accepted = accepted()
	s.Proofs = whole().Proofs[:1]
	tell("a guard's screen, texts accepted, one 933")
	s.Proofs = whole().Proofs
	tell("the second 933")
	s.Stage = e911.Stage911
	tell("stage 2")

	path := filepath.Join("testdata", "from_nothing.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("the way has changed (-want +got):\n%s", d)
	}
}

// Each thing that is taken away puts the site back, by itself.
//
// Proves: W-23, W-25, W-45, F-36, F-38, N-08
func TestWhatPutsASiteBack(t *testing.T) {
	if s := whole(); s.State(harbor(), now) != setup.SiteCompliant {
		t.Fatalf("a whole site is %s: %+v", s.State(harbor(), now), setup.Checklist(harbor(), s, now))
	}
	for _, c := range []struct {
		name  string
		spoil func(*setup.Organisation, *setup.Site)
		state setup.SiteState
		org   setup.Compliance
	}{
		{"an address that no longer holds", func(_ *setup.Organisation, s *setup.Site) { s.Buildings[0].Usable = false }, setup.SiteLocation, setup.NonCompliant},
		{"a new building without locations", func(_ *setup.Organisation, s *setup.Site) {
			s.Buildings = append(s.Buildings, setup.Building{Key: "annexe", Usable: true})
		}, setup.SiteLocation, setup.NonCompliant},
		{"the callback number is gone", func(_ *setup.Organisation, s *setup.Site) { s.ECBN = false }, setup.SiteLocation, setup.NonCompliant},
		{"nobody is told", func(_ *setup.Organisation, s *setup.Site) { s.Alerts = nil }, setup.SiteAlerts, setup.NonCompliant},
		{"the guard's test is 31 days old", func(_ *setup.Organisation, s *setup.Site) { s.Alerts[0].Acknowledged = now.AddDate(0, 0, -31) }, setup.SiteAlerts, setup.NonCompliant},
		{"mail alone", func(_ *setup.Organisation, s *setup.Site) { s.Alerts[0].Kind = setup.Mail }, setup.SiteAlerts, setup.NonCompliant},
		{"an empty network map", func(_ *setup.Organisation, s *setup.Site) { s.Elements = 0 }, setup.SiteNetwork, setup.NonCompliant},
		{"a new text to accept", func(o *setup.Organisation, _ *setup.Site) { o.Versions[setup.AckLimits] = "2026-02" }, setup.SiteRouting, setup.NonCompliant},
		{"devices of a new class", func(_ *setup.Organisation, s *setup.Site) {
			s.Buildings[0].Classes = append(s.Buildings[0].Classes, e911.StationOffPremises)
		}, setup.SiteRouting, setup.NonCompliant},
		{"stage 2 taken back", func(_ *setup.Organisation, s *setup.Site) { s.Stage = e911.Stage933 }, setup.SiteRouting, setup.NonCompliant},
		{"the licence ended", func(o *setup.Organisation, _ *setup.Site) { o.Licensed = nil }, setup.SiteRouting, setup.NonCompliant},
		{"an office in Germany", func(_ *setup.Organisation, s *setup.Site) { s.Countries = []string{"DE"} }, setup.SiteExempt, setup.Exempted},
		{"opted out", func(o *setup.Organisation, _ *setup.Site) { o.State = e911.OrgOptedOut }, setup.SiteOptedOut, setup.OptedOut},
		{"one site opted out", func(_ *setup.Organisation, s *setup.Site) { s.OptedOut = true }, setup.SiteOptedOut, setup.OptedOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, s := harbor(), whole()
			c.spoil(&o, &s)
			got := s.State(o, now)
			if got != c.state {
				t.Errorf("the site is %s, want %s", got, c.state)
			}
			if all := setup.Aggregate(o, []setup.SiteState{got}); all != c.org {
				t.Errorf("the organisation is %s, want %s", all, c.org)
			}
		})
	}
}

// Proves: W-23, W-25
func TestTheLeastAdvancedSiteDecides(t *testing.T) {
	for _, c := range []struct {
		sites  []setup.SiteState
		want   setup.Compliance
		banner bool
	}{
		{nil, setup.NonCompliant, false},
		{[]setup.SiteState{setup.SiteCompliant, setup.SiteCompliant}, setup.Compliant, false},
		{[]setup.SiteState{setup.SiteCompliant, setup.SiteAlerts}, setup.NonCompliant, true},
		{[]setup.SiteState{setup.SiteCompliant, setup.SiteOptedOut, setup.SiteExempt}, setup.Compliant, false},
		{[]setup.SiteState{setup.SiteOptedOut, setup.SiteExempt}, setup.OptedOut, false},
		{[]setup.SiteState{setup.SiteExempt}, setup.Exempted, false},
	} {
		if got := setup.Aggregate(harbor(), c.sites); got != c.want || setup.Banner(c.sites) != c.banner {
			t.Errorf("%v: %s with banner %v, want %s, %v", c.sites, got, setup.Banner(c.sites), c.want, c.banner)
		}
	}
}

// Proves: W-30, F-38
func TestProofsAloneMayBeOverriddenWithAReason(t *testing.T) {
	s := whole()
	s.Stage, s.Proofs = e911.Stage933, nil
	if f := setup.Take(harbor(), s, e911.Stage911, now); len(f) != 1 || f[0].Code != string(setup.StepProofs) {
		t.Fatalf("faults %v, want the proofs", f)
	}
	s.Override = setup.Override{Reason: " ", By: "", At: now}
	if f := setup.Take(harbor(), s, e911.Stage911, now); len(f) != 1 {
		t.Errorf("an override of nobody's opens stage 2: %v", f)
	}
	s.Override = setup.Override{Reason: "the building opens tonight; tests follow", By: "ann", At: now}
	if f := setup.Take(harbor(), s, e911.Stage911, now); len(f) != 0 {
		t.Errorf("faults %v, want none", f)
	}
	s.Alerts = nil
	if f := setup.Take(harbor(), s, e911.Stage911, now); len(f) == 0 {
		t.Error("the override covers more than proofs")
	}
}

// Proves: N-37
func TestWhoNeedsEmergencyCalling(t *testing.T) {
	for _, c := range []struct{ pstn, human, want bool }{{true, true, true}, {true, false, false}, {false, true, false}, {false, false, false}} {
		if o := (setup.Organisation{OutboundPSTN: c.pstn, HumanAgent: c.human}); o.Required() != c.want {
			t.Errorf("outbound %v, people %v: required %v", c.pstn, c.human, o.Required())
		}
	}
}

// Proves: F-36
func TestEveryHourOfTheWeekIsAttended(t *testing.T) {
	day := func(from, to int, days ...time.Weekday) setup.Destination {
		return setup.Destination{Kind: setup.Text, Hours: setup.Between(from, to, days...), Acknowledged: now}
	}
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
	for _, c := range []struct {
		name string
		all  []setup.Destination
		want string
	}{
		{"nobody", nil, "all week"},
		{"day and night shift", []setup.Destination{day(6, 18, week...), day(18, 6, week...)}, ""},
		{"office hours", []setup.Destination{day(7, 18, week[:5]...)}, "Mon 18:00 to Tue 07:00, Tue 18:00 to Wed 07:00, Wed 18:00 to Thu 07:00, Thu 18:00 to Fri 07:00, Fri 18:00 to Mon 07:00"},
		{"no Sunday night", []setup.Destination{day(0, 24, week[:6]...), day(0, 22, time.Sunday)}, "Sun 22:00 to Mon 00:00"},
		{"all days whole", []setup.Destination{day(0, 0, week...)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			for _, s := range setup.Unattended(c.all, now) {
				said = append(said, s.String())
			}
			if got := strings.Join(said, ", "); got != c.want {
				t.Errorf("unattended %q, want %q", got, c.want)
			}
		})
	}
}

// Proves: F-36
func TestUnattendedHoursAreThoseNotCovered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h setup.Hours
		for i := range h {
			h[i] = rapid.Bool().Draw(t, "hour")
		}
		left := 0
		for _, s := range setup.Unattended([]setup.Destination{{Kind: setup.Phone, Hours: h, Acknowledged: now}}, now) {
			for i := s.From; i < s.To; i++ {
				if h[i%len(h)] {
					t.Fatalf("hour %d is attended and in %v", i%len(h), s)
				}
				left++
			}
		}
		if want := len(h) - count(h); left != want {
			t.Fatalf("%d hours are said to be unattended, %d are", left, want)
		}
	})
}

func count(h setup.Hours) int {
	n := 0
	for i := range h {
		if h[i] {
			n++
		}
	}
	return n
}

// Proves: W-30
func TestWhoGoesBackIsNeverHeldUp(t *testing.T) {
	for _, to := range []e911.Stage{e911.StageNone, e911.Stage933} {
		if f := setup.Take(setup.Organisation{}, setup.Site{Stage: e911.Stage911}, to, now); len(f) != 0 {
			t.Errorf("back to %s: %v", to, f)
		}
	}
	if f := setup.Take(harbor(), setup.Site{Countries: []string{"DE"}, Stage: e911.StageNone}, e911.Stage933, now); len(f) != 1 || !slices.Contains([]string{"country"}, f[0].Code) {
		t.Errorf("a German site takes stage 1: %v", f)
	}
}
