package setup_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/setup"
)

// Proves: F-36
func TestHoursAreReadAsPeopleWriteThem(t *testing.T) {
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	for _, c := range []struct {
		text string
		want setup.Hours
	}{
		{"always", setup.Always()},
		{" 24x7 ", setup.Always()},
		{"0-24", setup.Always()},
		{"Mon-Fri 07-18", setup.Between(7, 18, weekdays...)},
		{"monday-friday 7:00-18:00", setup.Between(7, 18, weekdays...)},
		{"Fri-Mon 22-06", setup.Between(22, 6, time.Friday, time.Saturday, time.Sunday, time.Monday)},
		{"Sat,Sun 8-12", setup.Between(8, 12, time.Saturday, time.Sunday)},
	} {
		got, err := setup.ParseHours(c.text)
		if err != nil || got != c.want {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
	}
	for _, text := range []string{"", "sometimes", "Mon 7", "Mon-Xyz 7-18", "Mon 7-25", "Mon 25-3", "Mon 7-18 x", "Mo 7-18", "Mon -7-18", "Mon 07:30-18", ";"} {
		if _, err := setup.ParseHours(text); e911.KindOf(err) != e911.Invalid || len(e911.FaultsOf(err)) != 1 {
			t.Errorf("%q: %v, want one fault", text, err)
		}
	}
}

// Proves: N-40, N-41, W-17
func TestWhatAnUnregisteredCallIs(t *testing.T) {
	for _, c := range []struct {
		identified, located, relay bool
		want                       []string
	}{
		{true, true, false, nil},
		{false, true, false, []string{setup.WhyUnknown}},
		{true, false, true, []string{setup.WhyUnlocated, setup.WhyRelay}},
		{true, true, true, []string{setup.WhyRelay}},
	} {
		if got := setup.Unregistered(c.identified, c.located, c.relay); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
	p := setup.DefaultPrices()
	for n, want := range map[int]setup.Warning{0: setup.WarnNone, 1: setup.WarnSome, 4: setup.WarnSome, 5: setup.WarnSevere, 99: setup.WarnSevere} {
		if got := p.Warn(n); got != want {
			t.Errorf("%d calls: %q, want %q", n, got, want)
		}
	}
	if p.Call != 10000 || p.Currency != "USD" {
		t.Errorf("an unregistered call costs %d %s", p.Call, p.Currency)
	}
}

// Proves: N-43
func TestUsersAreCountedByPlaceOfPrimaryUse(t *testing.T) {
	p := setup.Prices{Users: []setup.Rate{{Place: "US-MA", Name: "MA 911", Cents: 150}, {Place: "US", Name: "regulatory", Cents: 99}}}
	got := p.Surcharges(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), map[string]int{"US-MA": 2, "US-TX": 1, "CA-QC": 3, "-": 1})
	want := []setup.Surcharge{
		{Place: "-", Users: 1},
		{Place: "CA-QC", Users: 3},
		{Place: "US-MA", Name: "MA 911", Users: 2, Cents: 150, Amount: 300},
		{Place: "US-MA", Name: "regulatory", Users: 2, Cents: 99, Amount: 198},
		{Place: "US-TX", Name: "regulatory", Users: 1, Cents: 99, Amount: 99},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
