package emergency

import (
	"cmp"
	"context"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/elinpool"
)

// Callbacks remembers which numbers PSAPs were given, and lends ELINs (E6, F-08,
// F-12, F-30); *callback.Service does. It answers from memory and waits for
// nothing.
type Callbacks interface {
	// Lend gives a call an ELIN until a window after its end.
	Lend(q ELINLoan) elinpool.Answer
	// Bind says that a number is given to a PSAP now.
	Bind(g GivenNumber)
	// End says that a call is over: its windows run from at.
	End(call e911.CallID, at time.Time)
}

// Ordinary owns an INVITE that is no emergency call until it is over: a call
// back from a PSAP, or any other.
type Ordinary func(ctx context.Context, leg Caller)

// ELINLoan asks for an ELIN.
type ELINLoan struct {
	Org      e911.OrgID
	Call     e911.CallID // none: nothing is taken, the answer only says what would be lent
	Location e911.LocationID
	Pool     []e911.Number // the confirmed ones of that very location
	Line     e911.Number
	Now      time.Time
}

// GivenNumber is a number that a PSAP is given, and whose call it is.
type GivenNumber struct {
	Org    e911.OrgID
	Call   e911.CallID
	Number e911.Number
	// Request is the INVITE of the call: by which way, and from which contact.
	Request *sipedge.Request
	Trunk   e911.Trunk // the platform in front of the caller; zero: none
	Device  e911.DeviceID
	User    e911.UserID
	Own     e911.Number // the user's callback number
	Line    e911.Number
	Site    e911.SiteID
	Desk    e911.Number // of the site's security desk
	At      time.Time
	People  journal.Due // what people are told of the call
}

// give says that a PSAP is given a number by the leg that goes out now.
func (c *call) give(number e911.Number, at time.Time) {
	if c.callbacks == nil || number == "" {
		return
	}
	c.guard("callback", func() {
		who := c.dec.who
		g := GivenNumber{
			Org: c.org.ID(), Call: c.id, Number: number, Request: c.req, Line: who.Line, At: at, People: c.due(journal.DueCallback),
		}
		if c.known {
			g.Trunk = c.trunk
		}
		if who.Device != nil {
			g.Device = who.Device.ID
		}
		if u := who.User; u != nil {
			g.User, g.Own = u.ID, u.Callback
			if c.people != nil {
				if own := c.people.Callback(g.Org, u.ID); own != "" {
					g.Own = own
				}
			}
		}
		if s := c.alertSite(); s != nil {
			g.Site, g.Desk = s.ID, cmp.Or(s.Callback(), s.MainNumber)
			if area, ok := s.AreaOf(c.dec.where.Place); ok && area.ECBN != "" {
				g.Desk = area.ECBN // who is near him (W-56)
			}
		}
		c.callbacks.Bind(g)
	})
}

// over says that the windows of the call's numbers run from at.
func (c *call) over(at time.Time) {
	if c.callbacks != nil {
		c.guard("callback", func() { c.callbacks.End(c.id, at) })
	}
}
