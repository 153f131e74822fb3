package emergency

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/rules/identify"
)

// firstUse finds out whether the caller was asked where he is and did not answer. It
// decides nothing about the call.
func (c *inquiry) firstUse() {
	d := &c.dec
	u := d.who.User
	if u == nil || u.Asked.IsZero() {
		return
	}
	said := ""
	if c.people != nil {
		said = cmp.Or(c.people.PlaceOf(c.org.ID(), u.ID), c.registered(u.ID).Place.Display)
	}
	d.asked = identify.Unanswered(u, c.org.NumbersOf(u.ID), said)
}

// whereFlags are those of the location, with what the caller owes to it.
func (d *decision) whereFlags() []string {
	if d.asked.IsZero() {
		return d.where.Flags
	}
	return append(slices.Clone(d.where.Flags), identify.FlagUnanswered)
}

// askedAt is when the caller was asked, for a fact; nil: not, or he answered.
func (d *decision) askedAt() *time.Time {
	if d.asked.IsZero() {
		return nil
	}
	at := d.asked
	return &at
}
