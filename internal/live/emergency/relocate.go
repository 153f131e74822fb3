package emergency

import (
	"encoding/json"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// AlarmUpdateRefused means that the PSAP's side did not take the caller's new location.
const AlarmUpdateRefused AlarmCode = "location_update_refused"

const (
	// relocateEvery is the shortest time between two places of one call: a device
	// between two radio cells must not fill a dispatcher's screen.
	relocateEvery = 10 * time.Second
	// tellAnyway is how long people on site wait for the PSAP's answer to a new
	// location, to be told with it whether the PSAP has it (E10).
	tellAnyway = 2 * time.Second
)

// relocation is what a call does about places that are learned after its start.
type relocation struct {
	signal  chan struct{} // a device of the caller showed something new
	why     string        // a look that waits for its time
	last    time.Time     // that the place changed
	told    string        // what people were told of the place
	wake    *time.Timer   // nil: never
	sending *sent         // a request is out
}

// sent is a location that the PSAP was sent in the call.
type sent struct {
	n     int
	place e911.Place
	fact  journal.Updated
}

// movedDevice names a device of an organisation.
type movedDevice struct {
	org    e911.OrgID
	device string
}

// Moved says that something new is known of where a device is. The calls that
// come from it look once more; nothing waits for them.
func (h *Handler) Moved(org e911.OrgID, device string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.watched[movedDevice{org, device}] {
		select {
		case c.place.signal <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// watchDevices makes Moved find the call.
func (h *Handler) watchDevices(c *call) {
	c.place.signal = make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, device := range c.devices {
		k := movedDevice{c.org.ID(), device}
		if h.watched[k] == nil {
			h.watched[k] = map[*call]struct{}{}
		}
		h.watched[k][c] = struct{}{}
	}
}

// unwatch undoes watchDevices. The caller holds h.mu.
func (h *Handler) unwatch(c *call) {
	for _, device := range c.devices {
		k := movedDevice{c.org.ID(), device}
		delete(h.watched[k], c)
		if len(h.watched[k]) == 0 {
			delete(h.watched, k)
		}
	}
}

// woken is ready when something of the place is to be done.
func (c *call) woken() <-chan time.Time {
	if c.place.wake == nil {
		return nil
	}
	return c.place.wake.C
}

func (c *call) wakeIn(d time.Duration) {
	if c.place.wake == nil {
		c.place.wake = time.NewTimer(d)
		return
	}
	c.place.wake.Reset(d)
}

// awoke does what waited for its time.
func (c *call) awoke() {
	if why := c.place.why; why != "" {
		c.place.why = ""
		c.look(why)
	}
	c.tellPlace()
}

// look asks once more where the caller is, and follows what is newer (E10, F-17):
// the record has it, the PSAP is sent it, and those who were told hear it.
func (c *call) look(why string) {
	if c.gone || c.m.Ended() {
		return
	}
	now := c.h.cfg.Now()
	if wait := c.place.last.Add(relocateEvery).Sub(now); !c.place.last.IsZero() && wait > 0 {
		c.place.why = why
		c.wakeIn(wait)
		return
	}
	d := &c.dec
	was, findings, moves := d.where, d.whereFindings, d.moves
	d.whereFindings = nil
	c.asOf = now
	ok := c.guard("late location", func() {
		server := &locator{c: &c.inquiry, to: c.locator}
		c.locate(server, c.references(server))
	})
	is, found := d.where, d.whereFindings
	if !ok || !newer(is, was) {
		d.where, d.whereFindings, d.moves = was, findings, moves
		return
	}
	d.moves = moves // the ways of the call were chosen by it
	c.place.last = now
	d.whereFindings = found
	c.record(journal.CallRelocated, now, journal.Relocated{Located: c.located(), Why: why, Was: was.Place.Display})
	c.step(callflow.Event{Kind: callflow.Relocated})
	if c.place.sending != nil {
		c.wakeIn(tellAnyway)
		return
	}
	c.tellPlace()
}

// newer reports that a result is worth telling: another place, by newer or better
// evidence than the one before. That evidence only grew old is nothing new.
func newer(is, was locate.Result) bool {
	if is.By == e911.ByNothing || placeKey(is.Place) == placeKey(was.Place) {
		return false
	}
	if is.Rank >= locate.RankNumber && was.Rank < locate.RankNumber {
		return false
	}
	return is.At.After(was.At) || was.Rank >= locate.RankNumber && is.Rank < locate.RankNumber
}

// placeKey is equal for places that a person could not tell apart.
func placeKey(p e911.Place) string {
	b, err := json.Marshal(struct {
		C e911.Civic
		A *e911.Area
		D string
	}{p.Civic, p.Area, p.Display})
	if err != nil {
		return p.Display
	}
	return string(b)
}

// sendPlace tells the PSAP in the call where the caller is now, with the SDP that
// it knows (RFC 6442, section 4.1: a re-INVITE may carry a location). A leg that
// carries no location, or has this one, is left alone.
func (c *call) sendPlace(n int) {
	l, is := c.legs[n], c.dec.where.Place
	var leg convey.Leg
	if l != nil && l.leg != nil && !l.slim && c.callerIs != nil && placeKey(l.place) != placeKey(is) {
		t, instead := c.trunkFor(c.dec.rungs[l.rung])
		said := c.said(t, false)
		if instead != "" {
			said.Callback = instead
		}
		leg = convey.Update(said, t)
	}
	if leg.Object == nil {
		c.queue = append(c.queue, callflow.Event{Kind: callflow.ReInviteAnswered, N: n, Code: 200}) // nothing is out
		return
	}
	m := sipedge.Message{Headers: make(sipedge.Headers, len(leg.Headers))}
	for i, h := range leg.Headers {
		m.Headers[i] = sipedge.Header(h)
	}
	m.ContentType, m.Body = c.bodyWith(c.callerIs, leg)
	c.place.sending = &sent{n: n, place: is, fact: journal.Updated{
		N: n, Place: is, PIDFLO: string(leg.Object), Geo: leg.Geolocation, Request: "re-INVITE",
	}}
	l.leg.ReInvite(m)
}

// placeAnswered takes the PSAP's answer to a new location.
func (c *call) placeAnswered(t legEvent) {
	s := c.place.sending
	if s == nil || t.n != s.n || t.ev.Kind != sipedge.ReInviteAnswered {
		return
	}
	c.place.sending = nil
	s.fact.Code = t.ev.Code
	if t.ev.Err != nil {
		s.fact.Error = clip(t.ev.Err.Error(), 200)
	}
	c.record(journal.CallUpdated, t.ev.At, s.fact)
	if l := c.legs[s.n]; l != nil && t.ev.Code < 300 {
		l.place = s.place
	} else {
		c.alarm(AlarmUpdateRefused, "the PSAP's side did not take the caller's new location; people on site have it")
	}
	c.tellPlace()
}

// psapPlace is what the PSAP of the leg that counts was given, where it differs
// from what we believe now; nil: it does not, or carries none.
func (c *call) psapPlace() *e911.Place {
	n := c.last
	if c.m != nil && c.m.Winner() > 0 {
		n = c.m.Winner()
	}
	l := c.legs[n]
	if l == nil || l.sent.pidf == "" || placeKey(l.place) == placeKey(c.dec.where.Place) {
		return nil
	}
	p := l.place
	if p.Display == "" {
		p.Display = "no location"
	}
	return &p
}

// dueNow is what people are told, with what the PSAP has (E10, F-36).
func (c *call) dueNow(reason string) journal.Due {
	due := c.due(reason)
	if p := c.psapPlace(); p != nil {
		due.Sent = p
	}
	return due
}

func saidOf(d journal.Due) string {
	key := placeKey(d.Place)
	if d.Sent != nil {
		key += placeKey(*d.Sent)
	}
	return key
}

// tellPlace tells those who were told of the call where the caller is, when that
// is not what they were told.
func (c *call) tellPlace() {
	if c.place.told == "" || c.gone {
		return
	}
	due := c.dueNow(journal.DueLocation)
	if key := saidOf(due); key != c.place.told {
		c.place.told = key
		c.record(journal.NotifyDue, time.Time{}, due)
	}
}
