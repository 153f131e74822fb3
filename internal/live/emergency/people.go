package emergency

import (
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// People knows what users said of themselves by the clients on their devices;
// *heldplus.Server does. It answers from memory.
type People interface {
	// SignedIn lists the devices that a user is signed in on.
	SignedIn(org e911.OrgID, user e911.UserID) []e911.DeviceID
	// Callback is the number that the user wants to be called back by, none when
	// he set none (N-30).
	Callback(org e911.OrgID, user e911.UserID) e911.Number
	// PlaceOf is what the user said last of where he is; none: nothing.
	PlaceOf(org e911.OrgID, user e911.UserID) string
	// Registered is the place that he said is his, whatever he calls from (N-07).
	Registered(org e911.OrgID, user e911.UserID) locate.Registered
}

// registered is the place that the caller registered.
func (c *inquiry) registered(user e911.UserID) (r locate.Registered) {
	if c.people == nil || user == "" {
		return r
	}
	c.guard("registered place", func() { r = c.people.Registered(c.org.ID(), user) })
	return r
}

// orgOfPeople is an organisation whose users have the callback numbers that they
// set themselves: they count where the configured one would (F-21).
type orgOfPeople struct {
	*snapshot.Org
	people People
}

func (o orgOfPeople) own(u e911.User, ok bool) (e911.User, bool) {
	if ok {
		if n := o.people.Callback(o.ID(), u.ID); n != "" {
			u.Callback = n
		}
	}
	return u, ok
}

// User returns a user.
func (o orgOfPeople) User(id e911.UserID) (e911.User, bool) { return o.own(o.Org.User(id)) }

// UserByDeviceUserID returns the user whom platforms name so.
func (o orgOfPeople) UserByDeviceUserID(id string) (e911.User, bool) {
	return o.own(o.Org.UserByDeviceUserID(id))
}

// signedIn lists the devices on which the caller is signed in and that are not
// configured as his: where the device that calls is not known, his location is
// that of the one that told last (F-13).
func (c *inquiry) signedIn() (out []e911.DeviceID) {
	d := &c.dec
	if c.people == nil || d.who.User == nil || d.who.Device != nil {
		return nil
	}
	c.guard("signed in", func() {
		for _, id := range c.people.SignedIn(c.org.ID(), d.who.User.ID) {
			known := false
			for _, dev := range d.who.Devices {
				known = known || dev.ID == id
			}
			if !known {
				out = append(out, id)
			}
		}
	})
	return out
}

// rankOfReference is the rank of what a reference of ours told: evidence of a
// network, or what the device's user said.
func rankOfReference(by e911.LocatedBy) locate.Rank {
	switch by {
	case e911.ByConfirmed:
		return locate.RankConfirmed
	case e911.ByUserSet:
		return locate.RankUserSet
	}
	return locate.RankToken
}
