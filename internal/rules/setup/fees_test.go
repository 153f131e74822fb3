package setup_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/rules/setup"
)

var november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// Proves: N-43, N-41
func TestAnInvoiceHasALineOfEachFee(t *testing.T) {
	p := setup.Prices{Currency: "USD", Call: 100_00, Users: []setup.Rate{
		{Place: "US", Kind: setup.FeeRegulator, Name: "recovery", Cents: 7},
		{Place: "US-MA", Kind: setup.FeeState, Name: "state 911", Cents: 11, From: "2026-01-01", Until: "2027-01-01"},
		{Place: "US-MA", Kind: setup.FeeState, Name: "state 911 of next year", Cents: 13, From: "2027-01-01"},
		{Place: "US-MA", Kind: setup.FeeState, Name: "state 911 from within the month", Cents: 17, From: "2026-11-02"},
		{Place: "us-ma-cambridge", Kind: setup.FeeLocal, Name: "municipal", Cents: 3},
		{Place: "US-NH", Kind: setup.FeeState, Name: "nobody is there", Cents: 5},
	}}
	lines, total := p.Invoice(november, 2, map[string]int{"US-MA-Cambridge": 3, "US-MA-Boston": 2, "US-TX": 1, "CA-QC": 4, "-": 1})
	want := []setup.Line{
		{Fee: "unregistered_call", Name: "911 calls that were not registered", Count: 2, Cents: 100_00, Amount: 200_00},
		{Fee: "state_911", Kind: setup.FeeState, Name: "state 911", Place: "US-MA", Count: 5, Cents: 11, Amount: 55},
		{Fee: "local_911", Kind: setup.FeeLocal, Name: "municipal", Place: "us-ma-cambridge", Count: 3, Cents: 3, Amount: 9},
		{Fee: "regulatory", Kind: setup.FeeRegulator, Name: "recovery", Place: "US", Count: 6, Cents: 7, Amount: 42},
	}
	if d := cmp.Diff(want, lines); d != "" || total != 200_00+55+9+42 {
		t.Errorf("%d in all\n%s", total, d)
	}
	if none, nothing := setup.DefaultPrices().Invoice(november, 0, map[string]int{"US-MA": 9}); len(none) != 0 || nothing != 0 {
		t.Errorf("without a list users cost %d: %+v", nothing, none)
	}
}

// Proves: N-43
func TestPricesThatCannotBeChargedAreRefusedOneByOne(t *testing.T) {
	for fault, rate := range map[string]setup.Rate{
		"users[0].place": {Place: "Massachusetts"}, "users[0].kind": {Place: "US", Kind: "tip"}, "users[0].cents": {Place: "US", Cents: -1},
		"users[0].from": {Place: "US", From: "2026-12-01", Until: "2026-11-01"},
	} {
		got := setup.Prices{Currency: "USD", Users: []setup.Rate{rate}}.Faults()
		if len(got) != 1 || got[0].Path != fault || got[0].Fix == "" {
			t.Errorf("%+v: %+v", rate, got)
		}
	}
	if got := (setup.Prices{Call: -1, WarnAt: -1}).Faults(); len(got) != 3 {
		t.Errorf("%+v", got)
	}
}

// The lines of an invoice come to its sum, and to what the users of each place come to
// one by one, whatever the list.
//
// Proves: N-43
func TestTheLinesOfAnInvoiceAreItsSum(t *testing.T) {
	places := []string{"US", "US-MA", "US-MA-Boston", "US-MA-North Adams", "US-TX", "CA-QC", "CA", "-"}
	days := []string{"", "2026-10-31", "2026-11-01", "2026-11-02"}
	rapid.Check(t, func(t *rapid.T) {
		p := setup.Prices{Currency: "USD", Call: rapid.Int64Range(0, 1_000_00).Draw(t, "call")}
		for range rapid.IntRange(0, 6).Draw(t, "rates") {
			p.Users = append(p.Users, setup.Rate{
				Place: rapid.SampledFrom(places[:7]).Draw(t, "of"), Kind: rapid.SampledFrom(append(setup.FeeKinds(), "")).Draw(t, "kind"),
				Cents: rapid.Int64Range(0, 1000).Draw(t, "cents"), From: rapid.SampledFrom(days).Draw(t, "from"), Until: rapid.SampledFrom(days).Draw(t, "until"),
			})
		}
		users := map[string]int{}
		for _, place := range places {
			users[place] = rapid.IntRange(0, 50).Draw(t, place)
		}
		calls := rapid.IntRange(0, 20).Draw(t, "calls")
		lines, total := p.Invoice(november, calls, users)
		var sum, oneByOne int64
		for _, l := range lines {
			if l.Amount != l.Cents*int64(l.Count) || l.Count == 0 {
				t.Errorf("a line is not what it says: %+v", l)
			}
			sum += l.Amount
		}
		oneByOne = p.Call * int64(calls)
		for place, n := range users {
			for _, r := range p.Users {
				valid := (r.From == "" || r.From <= "2026-11-01") && (r.Until == "" || r.Until > "2026-11-01")
				if valid && (place == r.Place || strings.HasPrefix(place, r.Place+"-")) {
					oneByOne += r.Cents * int64(n)
				}
			}
		}
		if sum != total || oneByOne != total {
			t.Errorf("%d in all, the lines are %d, user by user %d", total, sum, oneByOne)
		}
	})
}
