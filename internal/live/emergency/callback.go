package emergency

import "github.com/callbox911/callbox/internal/rules/identify"

// asked is the organisation as it is asked who calls: with what its users said
// of themselves.
func (c *inquiry) asked() identify.Org {
	if c.people != nil {
		return orgOfPeople{c.org, c.people}
	}
	return c.org
}

// chooseCallback chooses the number that a PSAP can call back. It comes after
// the place: an area's number is for the devices that are there (W-56). When the
// choice fails, the line is better than nothing.
func (c *inquiry) chooseCallback() {
	d := &c.dec
	if c.guard("callback", func() {
		scene := identify.Scene{Place: d.where.Place}
		if p := c.org.Config().PSALI; p != nil {
			scene.Billing = p.Main
		}
		d.who = d.who.WithCallback(c.asked(), scene)
	}) {
		return
	}
	if identify.CallbackFault(d.who.Line) == "" {
		d.who.Callback, d.who.CallbackWhy = d.who.Line, "the line that the call comes from: the choice of a number failed"
	}
	d.flag(d.who.Callback == "", identify.FlagNoCallback)
}
