package station_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/station"
)

func on(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

var today = on("2026-11-22")

func codes(gaps []station.Gap) (out []string) {
	for _, g := range gaps {
		out = append(out, g.Code)
	}
	return out
}

// Proves: F-39, 47 CFR 9.16(b)(3)
func TestWhatIsMissingOfAStation(t *testing.T) {
	said := e911.Infeasible{Reason: "the softphone's system tells no network", By: "Ana Reyes", At: on("2023-02-01")}
	agreed := e911.Consent{By: "Ana Reyes", At: on("2023-02-01"), Text: "2023-01 en"}
	with := func(class e911.StationClass, more ...func(*station.Subject)) station.Subject {
		s := station.Subject{Station: e911.Station{Class: class, Installed: on("2023-01-01")}, Automated: true, Detail: true, Country: "US", Consent: agreed}
		for _, m := range more {
			m(&s)
		}
		return s
	}
	lost := func(s *station.Subject) { s.Automated, s.Detail = false, false }
	why := func(s *station.Subject) { s.Station.NotFeasible = said }
	for _, c := range []struct {
		name string
		s    station.Subject
		now  time.Time
		want []string
	}{
		{"a fixed telephone on a mapped port lacks nothing", with(e911.StationFixed), today, nil},
		{"nobody stated a class", with(""), today, []string{station.NoClass}},
		{"a fixed telephone that nothing locates", with(e911.StationFixed, lost), today, []string{station.NotAutomated}},
		{"no reason excuses a fixed telephone", with(e911.StationFixed, lost, why), today, []string{station.ReasonNoHelp, station.NotAutomated}},
		{"a fixed telephone of a building without a floor", with(e911.StationFixed, func(s *station.Subject) { s.Detail = false }), today, []string{station.NoDetail}},
		{"before 6 January 2021 nothing was asked of it", with(e911.StationFixed, lost), on("2021-01-05"), nil},
		{"from 6 January 2021 on it was", with(e911.StationFixed, lost), on("2021-01-06"), []string{station.NotAutomated}},
		{"of others from 6 January 2022 on", with(e911.StationNonFixed, lost), on("2022-01-05"), nil},
		{"a softphone that nothing locates, without a reason", with(e911.StationNonFixed, lost), on("2022-01-06"), []string{station.NoReason}},
		{"a softphone that nothing locates, with the reason", with(e911.StationNonFixed, lost, why), today, nil},
		{"a reason without its day", with(e911.StationNonFixed, lost, why, func(s *station.Subject) { s.Station.NotFeasible.At = time.Time{} }), today, []string{station.ReasonPartial}},
		{"a reason that facts contradict", with(e911.StationNonFixed, why), today, []string{station.ReasonNeedless}},
		{"it moves, in TN mode", with(e911.StationNonFixed, func(s *station.Subject) { s.TN = true }), today, []string{station.TNMode}},
		{"it moves, in TN mode that somebody accepted", with(e911.StationNonFixed, func(s *station.Subject) { s.TN, s.Acknowledged = true, true }), today, nil},
		{"installed on 16 February 2020: not bound", with(e911.StationFixed, lost, func(s *station.Subject) { s.Station.Installed = on("2020-02-16") }), today, nil},
		{"installed the day after: bound", with(e911.StationFixed, lost, func(s *station.Subject) { s.Station.Installed = on("2020-02-17") }), today, []string{station.NotAutomated}},
		{"no install date: taken as bound", with(e911.StationFixed, lost, func(s *station.Subject) { s.Station.Installed = time.Time{} }), today, []string{station.NotAutomated, station.NoInstallDate}},
		{"a worker from home who agreed", with(e911.StationOffPremises), today, nil},
		{"a worker from home who was told nothing", with(e911.StationOffPremises, func(s *station.Subject) { s.Consent = e911.Consent{} }), today, []string{station.NoConsent}},
		{"in Canada he confirms his address too", with(e911.StationOffPremises, func(s *station.Subject) { s.Country = "CA" }), today, []string{station.NotConfirmed}},
		{"in Canada the federal rules of the United States ask nothing", with(e911.StationFixed, lost, func(s *station.Subject) { s.Country = "CA" }), today, nil},
		{"a consent to no known text", with(e911.StationOffPremises, func(s *station.Subject) { s.Consent.Text = "" }), today, []string{station.ConsentPartial}},
		{"stated as fixed, and it asks where it is", with(e911.StationFixed, func(s *station.Subject) { s.Asks = true }), today, []string{station.ClassDoubted}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, codes(station.Review(c.s, c.now))); d != "" {
				t.Error(d)
			}
		})
	}
}

// Proves: F-39, F-22
func TestConsentIsAskedForByTheLawOfTheCountry(t *testing.T) {
	for country, cite := range map[string]string{"CA": "Telecom Decision CRTC 2005-21", "US": "47 CFR 9.11(b)(5)", "": "47 CFR 9.11(b)(5)"} {
		gaps := station.Review(station.Subject{Station: e911.Station{Class: e911.StationOffPremises, Installed: today}, Automated: true, Detail: true, Country: country}, today)
		if len(gaps) == 0 || gaps[0].Cite != cite {
			t.Errorf("%q: %v", country, gaps)
		}
	}
}

// Proves: F-39 (5 of its parts): each rule names its text, and what nobody read is
// said to be so.
func TestStateRulesHaveTheirCitation(t *testing.T) {
	for _, s := range station.States() {
		rules, ok := station.RulesOf(s)
		if !ok {
			t.Fatal(s)
		}
		for _, r := range rules {
			if r.Cite == "" || r.Source == "" || r.Basis == "" || r.Says == "" || r.Read.IsZero() || len(r.State) != 2 || r.Class == "" {
				t.Errorf("%s: %+v", s, r)
			}
		}
	}
	if _, ok := station.RulesOf("TX"); ok {
		t.Error("nobody looked up the rules of Texas")
	}
	gaps := station.ReviewBuilding(station.Building{State: "TX", SquareFeet: 1_000_000})
	if len(gaps) != 1 || gaps[0].Code != station.StateUnknown || !strings.Contains(gaps[0].Msg, "not looked up") {
		t.Error(gaps)
	}
}

// Proves: F-39, 50 ILCS 750/15.6, RCW 80.36.560, MCL 484.1413
func TestHowManyLocationsAStateAsksFor(t *testing.T) {
	for _, c := range []struct {
		name string
		b    station.Building
		want []string
	}{
		{"Illinois, 40,000 square feet: the address is enough", station.Building{State: "IL", SquareFeet: 40_000, Floors: 1, Oldest: today}, nil},
		{"Illinois, 90,000 square feet: three", station.Building{State: "IL", SquareFeet: 90_000, Floors: 1, Locations: 2, Oldest: today}, []string{station.FewLocations}},
		{"Illinois, 90,000 square feet with three", station.Building{State: "IL", SquareFeet: 90_000, Floors: 1, Locations: 3, Oldest: today}, nil},
		{"Illinois, an old system: both sections", station.Building{State: "IL", SquareFeet: 90_000, Locations: 2, Oldest: on("2019-01-01")}, []string{station.FewLocations, station.FewLocations}},
		{"Illinois, floor area not known", station.Building{State: "IL", Oldest: today}, []string{station.NoFloorArea}},
		{"Michigan, 10,000 square feet on two floors", station.Building{State: "MI", SquareFeet: 10_000, Floors: 2, Stations: 5}, []string{station.FewLocations}},
		{"Michigan, 10,000 square feet on one floor with five telephones", station.Building{State: "MI", SquareFeet: 10_000, Floors: 1, Stations: 5}, nil},
		{"Michigan, 10,000 square feet on one floor with twenty", station.Building{State: "MI", SquareFeet: 10_000, Floors: 1, Stations: 20}, []string{station.FewLocations}},
		{"Minnesota, 30,000 square feet on one floor", station.Building{State: "MN", SquareFeet: 30_000, Floors: 1}, nil},
		{"Minnesota, 30,000 square feet on two", station.Building{State: "MN", SquareFeet: 30_000, Floors: 2}, []string{station.FewLocations}},
		{"Washington, two floors of any area", station.Building{State: "WA", Floors: 2}, []string{station.FewLocations}},
		{"Alaska, three floors and two locations", station.Building{State: "AK", Floors: 3, Locations: 2}, []string{station.FewLocations}},
		{"no state is known", station.Building{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, codes(station.ReviewBuilding(c.b))); d != "" {
				t.Error(d)
			}
		})
	}
}
