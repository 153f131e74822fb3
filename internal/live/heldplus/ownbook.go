package heldplus

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// said is a location that a user sets.
type said struct {
	id       string // of one that he has; none: a new one
	name     string
	place    e911.Place
	verdict  locate.Verdict
	why      string
	remember bool

	validation e911.Validation
}

// judged takes what was found out about an address.
func (s *said) judged(j *judged, c *caller, house bool, now time.Time) {
	s.place, s.verdict, s.why, s.validation = j.place(house), j.verdict, j.why, j.validation(c, house, now)
}

// set keeps what a user said for the network that his device is on: what he said
// for it before is over, and so is what he set by hand. Remembered is false when
// nothing is known by which the network would be found again. The error text
// says what keeps it from being kept.
func (b *book) set(c *caller, in said, now time.Time, rec journal.Recorder) (_ own, remembered bool, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.device(c.key)
	if d.client == "" {
		d.client, d.boundAt, d.session = c.Client, now, c.ID
		b.enter(c.key, d, c.User)
	}
	owner := client{c.key.org, d.client}
	o := b.owns[in.id]
	if o == nil {
		o = b.same(owner, c.User, in.place)
	}
	if o == nil {
		if len(b.of[owner]) >= maxOwn {
			return own{}, false, "there are too many own locations; delete one first"
		}
		o = &own{id: newID(), client: owner, device: c.key.device, user: c.User}
		b.owns[o.id] = o
		b.of[owner] = append(b.of[owner], o)
	}
	if in.name != "" {
		o.name = in.name
	}
	o.place, o.verdict, o.why, o.validation, o.at = in.place, in.verdict, in.why, in.validation, now
	remembered = in.remember && d.here.Known()
	h := locate.Home{Network: d.here, At: now, By: e911.ByUserSet}
	if remembered {
		h.By = e911.ByConfirmed
	}
	if d.hereAt.IsZero() {
		d.hereAt = now // it is here by its user's word
	}
	for _, other := range b.of[owner] {
		if other.drop(d.here) && other != o {
			rec.Record(other.fact(now))
		}
	}
	o.homes = append(o.homes, h)
	o.homes = o.homes[max(0, len(o.homes)-maxNetworks):]
	rec.Record(o.fact(now))
	return *o, remembered, ""
}

// drop forgets what was said for a network, and what was set by hand.
func (o *own) drop(here locate.NetworkID) bool {
	n := len(o.homes)
	o.homes = slices.DeleteFunc(slices.Clone(o.homes), func(h locate.Home) bool {
		return h.By == e911.ByUserSet || h.Network.Same(here)
	})
	return len(o.homes) != n
}

// same finds a location that says the same as one that is there already.
func (b *book) same(c client, user e911.UserID, p e911.Place) *own {
	for _, o := range b.of[c] {
		if o.user == user && o.place.Location == p.Location && o.place.Building == p.Building && o.place.Civic == p.Civic {
			return o
		}
	}
	return nil
}

// visible finds an own location that a caller may see: his own, by this client.
func (b *book) visible(c *caller, id string) *own {
	o := b.owns[id]
	if o == nil || o.client != (client{c.key.org, c.Client}) || o.user != c.User {
		return nil
	}
	return o
}

func (b *book) one(c *caller, id string) (own, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.visible(c, id); o != nil {
		return *o, true
	}
	return own{}, false
}

// list returns the own locations of a caller, newest first, and which of them
// count where the device is.
func (b *book) list(c *caller) (out []own, here []bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.of[client{c.key.org, c.Client}] {
		if o.user == c.User {
			out = append(out, *o)
		}
	}
	slices.SortStableFunc(out, func(x, y own) int { return y.at.Compare(x.at) })
	d := b.devices[c.key]
	for i := range out {
		here = append(here, d != nil && slices.ContainsFunc(out[i].homes, func(h locate.Home) bool {
			return h.Network.Same(d.here) || (h.By == e911.ByUserSet && !h.Network.Known())
		}))
	}
	return out, here
}

func (b *book) rename(c *caller, id, name string, now time.Time, rec journal.Recorder) (own, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.visible(c, id)
	if o == nil {
		return own{}, false
	}
	o.name = name
	rec.Record(o.fact(now))
	return *o, true
}

func (b *book) forget(c *caller, id string, now time.Time, rec journal.Recorder) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.visible(c, id)
	if o == nil {
		return false
	}
	b.remove(o)
	rec.Record(journal.New(journal.OwnForgotten, now, c.key.org, "", journal.Own{ID: id, Client: o.client.digest, At: now}))
	return true
}

func (b *book) remove(o *own) {
	b.bury(o.id)
	delete(b.owns, o.id)
	b.of[o.client] = slices.DeleteFunc(slices.Clone(b.of[o.client]), func(x *own) bool { return x == o })
	if len(b.of[o.client]) == 0 {
		delete(b.of, o.client)
	}
}

// maxGone bounds the deleted locations that are remembered as such.
const maxGone = 50_000

// bury keeps a deleted location from coming back with an older fact of another
// node. The lock is held.
func (b *book) bury(id string) {
	if len(b.gone) >= maxGone {
		for old := range b.gone {
			delete(b.gone, old)
			break
		}
	}
	b.gone[id] = struct{}{}
}
