package world_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

// stations is the world of the other tests with what is stated for the law. Its one
// building has a floor area, a first device of the list a class, its first user a
// language.
func stations(t *testing.T) string {
	t.Helper()
	text := edit(t, harbor(), "        devices:\n          - {", `        devices:
          - {key: home-laptop, language: fr, station: {class: off_premises, installed: 2023-05-01, not_feasible: {reason: no network is told, by: Ana Reyes, at: 2023-05-02}, off_premises: {by: Ana Reyes, at: 2023-05-03, text: 2023-01 fr, confirmed: 2026-01-31}}}
          - {`)
	text = edit(t, text, "        users:\n          - {", `        users:
          - {key: ana, name: Ana Reyes, language: fr, off_premises: {by: Ana Reyes, at: 2023-05-03, text: 2023-01 fr}}
          - {`)
	return text
}

// Proves: F-22, F-39, E15
func TestWhatIsStatedForTheLawComesIn(t *testing.T) {
	b := newBench(t)
	text := stations(t)
	b.must(text)
	if report := b.must(text); report.Changes() != 0 {
		t.Errorf("the same file changed %+v", report.Counts)
	}
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	org := b.org("harbor")
	want := &e911.Station{
		Class: e911.StationOffPremises, Installed: day(2023, 5, 1),
		NotFeasible: e911.Infeasible{Reason: "no network is told", By: "Ana Reyes", At: day(2023, 5, 2)},
		OffPremises: e911.Consent{By: "Ana Reyes", At: day(2023, 5, 3), Text: "2023-01 fr", Confirmed: day(2026, 1, 31)},
	}
	device := b.every(e911.KindDevice, org.ID)["home-laptop"].(e911.Device)
	if d := cmp.Diff(want, device.Station); d != "" || device.Language != "fr" {
		t.Errorf("%q %s", device.Language, d)
	}
	user := b.every(e911.KindUser, org.ID)["ana"].(e911.User)
	if user.Language != "fr" || user.OffPremises == nil || !user.OffPremises.Whole() {
		t.Errorf("%+v", user)
	}
}

// Proves: F-20, F-37, F-39
func TestWhatIsWrongWithAStationIsSaid(t *testing.T) {
	const at = "organisations[0].sites[0].devices[0].station"
	for _, r := range []refusal{
		{name: "a class that the law does not know", old: "class: off_premises", bad: "class: roaming", path: at + ".class", code: "syntax"},
		{name: "a reason that nobody gave", old: "reason: no network is told, by: Ana Reyes", bad: "reason: no network is told", path: at + ".not_feasible.by", code: "required"},
		{name: "a consent without its day", old: "off_premises: {by: Ana Reyes, at: 2023-05-03, text: 2023-01 fr, confirmed", bad: "off_premises: {by: Ana Reyes, text: 2023-01 fr, confirmed", path: at + ".off_premises.at", code: "required"},
		{name: "an install date in words", old: "installed: 2023-05-01", bad: "installed: last May", path: at + ".installed", code: "syntax"},
		{name: "one that moves on a site in TN mode", old: "        mode: dynamic\n", bad: "        mode: tn\n", path: at + ".class", code: "forbidden"},
	} {
		t.Run(r.name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.run(edit(t, stations(t), r.old, r.bad), world.Options{})
			if f := faultAt(err, r.path); f == nil || f.Code != r.code || f.Fix == "" {
				t.Errorf("error = %v, want %s at %s", err, r.code, r.path)
			}
		})
	}
}

// Proves: F-37
func TestAnExtensionThatBeginsLikeAnEmergencyNumberIsWarnedOf(t *testing.T) {
	b := newBench(t)
	report, err := b.run(edit(t, harbor(), "device_user_id: agent4711", `device_user_id: "91155"`), world.Options{DryRun: true})
	if err != nil || !slices.ContainsFunc(report.Warnings, func(f e911.Fault) bool { return strings.Contains(f.Msg, "F-37") && f.Row > 0 }) {
		t.Errorf("%v %+v", err, report.Warnings)
	}
}
