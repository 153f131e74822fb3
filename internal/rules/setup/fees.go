package setup

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// FeeKind is the kind of a fee on registered users (N-43).
type FeeKind string

// The kinds. None has an amount of its own: the operator's list has them.
const (
	FeeState     FeeKind = "state_911"  // a state's or province's 911 surcharge
	FeeLocal     FeeKind = "local_911"  // a county's or municipality's
	FeeRegulator FeeKind = "regulatory" // recovery of what a regulator takes
	FeeTax       FeeKind = "tax"
	FeeOther     FeeKind = "other"
)

// FeeKinds lists them.
func FeeKinds() []FeeKind { return []FeeKind{FeeState, FeeLocal, FeeRegulator, FeeTax, FeeOther} }

// maxCents bounds one price, so that no sum of a bill runs over.
const maxCents = 1_000_000_00

// Faults says what of the list cannot be charged.
func (p Prices) Faults() (out []e911.Fault) {
	add := func(path, code, msg, fix string) {
		out = append(out, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
	}
	if len(p.Currency) != 3 {
		add("currency", "syntax", "the currency is not one of ISO 4217", `write it as "USD"`)
	}
	if p.Call < 0 || p.Call > maxCents {
		add("call_cents", "range", "the price of a call is below zero or above a million", "give it in cents")
	}
	if p.WarnAt < 0 || p.Severe < 0 {
		add("warn_at", "range", "a warning comes after a number of calls", "give 0 for none, or a number")
	}
	for i, r := range p.Users {
		at := "users[" + strconv.Itoa(i) + "]."
		if placeParts(r.Place) == 0 {
			add(at+"place", "syntax", "the place cannot be read", `write it as "US", "US-MA" or "US-MA-Cambridge"`)
		}
		if r.Kind != "" && !slices.Contains(FeeKinds(), r.Kind) {
			add(at+"kind", "unknown", "there is no such kind of fee", "state_911, local_911, regulatory, tax or other")
		}
		if r.Cents < 0 || r.Cents > maxCents {
			add(at+"cents", "range", "the price of a user is below zero or above a million", "give it in cents, of a user and month")
		}
		from, fromOK := day(r.From)
		until, untilOK := day(r.Until)
		if !fromOK || !untilOK || !until.IsZero() && !from.Before(until) {
			add(at+"from", "range", "the dates cannot be read, or end before they begin", "write them as 2026-11-01; until is the first day on which it is valid no more")
		}
	}
	return out
}

// day reads "2026-11-01"; nothing is the zero time.
func day(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	t, err := time.Parse(time.DateOnly, text)
	return t, err == nil
}

// placeParts counts the parts of "US", "US-MA" or "US-MA-Cambridge"; 0: it is none.
func placeParts(place string) int {
	parts := strings.SplitN(place, "-", 3)
	if len(parts[0]) != 2 || slices.ContainsFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" }) {
		return 0
	}
	return len(parts)
}

// Within reports whether a place of primary use is in the place of a rate: the same
// one, or one inside it.
func Within(place, of string) bool {
	place, of = strings.ToUpper(place), strings.ToUpper(of)
	return place == of || strings.HasPrefix(place, of+"-") && placeParts(of) < 3
}

// counts reports whether the rate counts in the month that begins then: it is valid on
// the first day of it.
func (r Rate) counts(month time.Time) bool {
	from, fromOK := day(r.From)
	until, untilOK := day(r.Until)
	return fromOK && untilOK && !month.Before(from) && (until.IsZero() || month.Before(until))
}

// Line is a line of an invoice: how many of what, at which price.
type Line struct {
	Fee    string  `json:"fee"` // "unregistered_call", or the kind of the fee
	Kind   FeeKind `json:"kind,omitempty"`
	Name   string  `json:"name"`
	Place  string  `json:"place,omitempty"` // of the rate
	Count  int     `json:"count"`
	Cents  int64   `json:"cents"` // of each
	Amount int64   `json:"amount_cents"`
}

// FeeCall is the Fee of a line of unregistered calls (N-41).
const FeeCall = "unregistered_call"

// Invoice makes the lines of a month that begins then, in UTC, from its unregistered
// calls and the registered users by place of primary use: one line a fee, and their sum.
// A fee that nobody falls under has no line, and users without a price have none.
func (p Prices) Invoice(month time.Time, calls int, users map[string]int) (lines []Line, total int64) {
	lines = []Line{}
	if calls > 0 {
		lines = append(lines, Line{Fee: FeeCall, Name: "911 calls that were not registered", Count: calls, Cents: p.Call, Amount: p.Call * int64(calls)})
	}
	fees := []Line{}
	for _, r := range p.Users {
		n := 0
		for place, users := range users {
			if r.counts(month) && Within(place, r.Place) {
				n += users
			}
		}
		if n > 0 {
			kind := cmp.Or(r.Kind, FeeOther)
			fees = append(fees, Line{Fee: string(kind), Kind: kind, Name: r.Name, Place: r.Place, Count: n, Cents: r.Cents, Amount: r.Cents * int64(n)})
		}
	}
	slices.SortStableFunc(fees, func(a, b Line) int {
		return cmp.Or(slices.Index(FeeKinds(), a.Kind)-slices.Index(FeeKinds(), b.Kind), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Name, b.Name))
	})
	lines = append(lines, fees...)
	for _, l := range lines {
		total += l.Amount
	}
	return lines, total
}
