package setup

import (
	"cmp"
	"slices"
	"time"
)

// Prices are what unregistered calls cost, and when somebody is warned of them.
// They are data: the operator sets them (N-41).
type Prices struct {
	Currency string `json:"currency"`         // ISO 4217
	Call     int64  `json:"call_cents"`       // of each unregistered call
	WarnAt   int    `json:"warn_at"`          // calls in a month; 0: never
	Severe   int    `json:"severe_at"`        // calls in a month at which the operator is told that he may suspend; 0: never
	Users    []Rate `json:"users,omitempty"`  // of registered users, by place of primary use (N-43)
	From     string `json:"source,omitempty"` // contract or list that says so
}

// Rate is a surcharge, tax or fee on each registered user of a place.
type Rate struct {
	Place string  `json:"place"`          // "US", "US-MA" or "US-MA-Cambridge"; it counts for all places inside
	Kind  FeeKind `json:"kind,omitempty"` // none: other
	Name  string  `json:"name"`
	Cents int64   `json:"cents"` // a user and month
	// From and Until are the days, as 2026-11-01, from which on and before which it is
	// valid; none: no bound. It counts in a month on whose first day it is valid.
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
}

// DefaultPrices are those where the operator set none.
func DefaultPrices() Prices {
	return Prices{Currency: "USD", Call: 100_00, WarnAt: 1, Severe: 5}
}

// Why a call is an unregistered one.
const (
	WhyUnknown   = "unknown_caller" // nobody whom we know
	WhyUnlocated = "unlocated"      // no location to send
	WhyRelay     = "relay"          // a relay centre had to ask where it is (W-17, N-40)
)

// Unregistered says why a 911 call counts as one that was not registered; none: it
// does not.
func Unregistered(identified, located, relay bool) (why []string) {
	if !identified {
		why = append(why, WhyUnknown)
	}
	if !located {
		why = append(why, WhyUnlocated)
	}
	if relay {
		why = append(why, WhyRelay)
	}
	return why
}

// Warning is how far the unregistered calls of a month have gone.
type Warning string

// The warnings. None of them touches a call: 911 goes on whatever is owed (N-41).
const (
	WarnNone   Warning = ""
	WarnSome   Warning = "warning" // calls were unregistered: mend who and where they were
	WarnSevere Warning = "severe"  // the operator may suspend ordinary calls
)

// Warn says which warning a number of unregistered calls in a month is.
func (p Prices) Warn(calls int) Warning {
	switch {
	case p.Severe > 0 && calls >= p.Severe:
		return WarnSevere
	case p.WarnAt > 0 && calls >= p.WarnAt:
		return WarnSome
	}
	return WarnNone
}

// Surcharge is what the registered users of one place come to by one rate.
type Surcharge struct {
	Place  string  `json:"place"` // of primary use; "-": not known
	Kind   FeeKind `json:"kind,omitempty"`
	Name   string  `json:"name"` // none: no rate is set for the place, the users are counted all the same
	Users  int     `json:"users"`
	Cents  int64   `json:"cents"`
	Amount int64   `json:"amount_cents"`
}

// Surcharges tells of users counted by place of primary use (N-43) what they come to in
// the month that begins then, by place and name.
func (p Prices) Surcharges(month time.Time, users map[string]int) []Surcharge {
	out := []Surcharge{}
	for place, n := range users {
		priced := false
		for _, r := range p.Users {
			if r.counts(month) && Within(place, r.Place) {
				out = append(out, Surcharge{Place: place, Kind: r.Kind, Name: r.Name, Users: n, Cents: r.Cents, Amount: r.Cents * int64(n)})
				priced = true
			}
		}
		if !priced {
			out = append(out, Surcharge{Place: place, Users: n})
		}
	}
	slices.SortFunc(out, func(a, b Surcharge) int { return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Name, b.Name)) })
	return out
}
