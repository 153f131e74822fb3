package setup

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Bill is what one month of an organisation's calls and users comes to (N-41, N-43).
// Nothing of it is ever asked by a call.
type Bill struct {
	Month        string            `json:"month"` // "2026-11", UTC
	Calls        int               `json:"calls"` // 911, of all kinds
	Unregistered []ChargedCall     `json:"unregistered"`
	Warning      rules.Warning     `json:"warning,omitempty"`
	Prices       rules.Prices      `json:"prices"`
	Amount       int64             `json:"amount_cents"` // of the calls
	Users        int               `json:"users"`        // registered, now
	Surcharges   []rules.Surcharge `json:"surcharges"`
	// Lines are those of the invoice, one a fee, and Total is their sum.
	Lines []rules.Line `json:"lines"`
	Total int64        `json:"total_cents"`
	// Cut says that there were more calls than are counted.
	Cut bool `json:"cut,omitempty"`
}

// ChargedCall is a call that was not registered, and why.
type ChargedCall struct {
	Call e911.CallID `json:"call"`
	At   time.Time   `json:"at"`
	Site string      `json:"site,omitempty"`
	Why  []string    `json:"why"`
}

// maxCalls bounds the calls of a month that are looked at.
const maxCalls = 50_000

// Charges counts the month that a time lies in.
func (s *Service) Charges(ctx context.Context, org e911.OrgID, in time.Time) (Bill, error) {
	o, err := s.org(org)
	if err != nil {
		return Bill{}, err
	}
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return Bill{}, err
	}
	in = in.UTC()
	from := time.Date(in.Year(), in.Month(), 1, 0, 0, 0, 0, time.UTC)
	b := Bill{Month: from.Format("2006-01"), Prices: rules.DefaultPrices(), Unregistered: []ChargedCall{}}
	if r.Prices != nil {
		b.Prices = *r.Prices
	}
	calls, err := s.cfg.Store.CallsBetween(ctx, org, e911.ClassEmergency, from, from.AddDate(0, 1, 0), maxCalls)
	if err != nil {
		return Bill{}, err
	}
	b.Cut = len(calls) == maxCalls
	for i := range calls {
		b.count(&calls[i], s.cfg.Now())
	}
	b.Amount = b.Prices.Call * int64(len(b.Unregistered))
	b.Warning = b.Prices.Warn(len(b.Unregistered))
	users := usersByPlace(o)
	for _, n := range users {
		b.Users += n
	}
	b.Surcharges = b.Prices.Surcharges(from, users)
	b.Lines, b.Total = b.Prices.Invoice(from, len(b.Unregistered), users)
	return b, nil
}

func (b *Bill) count(c *report.CallRecord, now time.Time) {
	if c.Demonstration || c.Live(now) { // who and where may still be found out
		return
	}
	b.Calls++
	identified := c.IdentifiedBy != "" && c.IdentifiedBy != e911.ByTrunkOnly
	located := c.Place != nil && c.LocatedBy != "" && c.LocatedBy != e911.ByNothing
	if why := rules.Unregistered(identified, located, c.Relay); len(why) > 0 {
		b.Unregistered = append(b.Unregistered, ChargedCall{Call: c.ID, At: c.ArrivedAt, Site: c.Site.Name, Why: why})
	}
}

// usersByPlace counts users by place of primary use, country, state and
// municipality: that of the address of their
// number, else of their site; "-" where neither is known (N-43).
func usersByPlace(o *snapshot.Org) map[string]int {
	out := map[string]int{}
	for u := range o.Users() {
		place := "-"
		for _, n := range o.NumbersOf(u.ID) {
			if p, ok := o.Place(n.Location); ok && place == "-" {
				place = useOf(p.Civic)
			}
		}
		for _, p := range o.BuildingPlaces(u.Site) {
			if place == "-" {
				place = useOf(p.Civic)
			}
		}
		out[place]++
	}
	return out
}

func useOf(c e911.Civic) string {
	switch {
	case c.Country == "":
		return "-"
	case c.A1 == "":
		return c.Country
	case c.A3 == "":
		return c.Country + "-" + c.A1
	}
	return c.Country + "-" + c.A1 + "-" + c.A3
}

// ParseMonth reads "2026-11"; nothing is the month that now lies in.
func ParseMonth(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return t, fault("month", "syntax", "the month cannot be read", `write it as "2026-11"`)
	}
	return t, nil
}
