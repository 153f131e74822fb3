package emergency

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Supposed is a call that nobody places.
type Supposed struct {
	// Request is its INVITE: URI, Source, Headers and body count. At is when it
	// would come; required.
	Request *sipedge.Request
	// World is what it is decided by; nil: what is published now.
	World *snapshot.Snapshot
	// Locator is what is known of devices; nil: what the handler asks. With
	// another Locator, People is what users said of themselves; nil: nothing.
	Locator Locator
	People  People
	// Phones is who is registered; nil: what the handler asks.
	Phones Phones
	// NoHealth leaves out which trunks are silent now, for another time than now.
	NoHealth bool
}

// Foreseen is what a call would do, in the words in which a call is recorded.
type Foreseen struct {
	Class      e911.CallClass
	Org        e911.OrgID
	Trunk      journal.Ref // that it comes by; none: its source is known by its address alone, or not at all
	Identified journal.Identified
	Located    journal.Located
	Routed     journal.Routed
	// Down marks the rungs of Routed that are skipped on the first pass, because
	// their trunk was silent a moment ago.
	Down []bool
	// Due is what people would be told when the first leg is out, or of the test.
	Due journal.Due
	// Where is the whole decision of the place.
	Where locate.Result
	// Alarms that the call would raise before its first leg.
	Alarms []journal.Alarm
}

// healthy is the targets as if nothing were known of their state.
func healthy(list []ladder.Target) []ladder.Target {
	for i := range list {
		list[i].Down = false
	}
	return list
}

// Foresee decides a call as Serve does, by the same code, and lets it end before
// its first leg: nothing is dialled, recorded, or told to anybody (E11). It
// reports false for a call that is no emergency.
func (h *Handler) Foresee(s Supposed) (Foreseen, bool) {
	world := s.World
	if world == nil {
		world = h.cfg.Snapshot.Load()
	}
	c := h.inquire(world, s.Request)
	at := c.at
	c.now = func() time.Time { return at }
	if s.Locator != nil {
		c.locator, c.people, c.foreign = s.Locator, s.People, nil
	}
	if s.Phones != nil {
		c.phones = s.Phones
	}
	if s.NoHealth {
		c.targets = func(t e911.Trunk) []ladder.Target { return healthy(h.cfg.Trunks.Targets(t)) }
	}
	var f Foreseen
	c.alarm = func(code AlarmCode, detail string) {
		f.Alarms = append(f.Alarms, journal.Alarm{Code: string(code), Detail: detail})
	}
	if !c.begin() {
		return f, false
	}
	c.decide()
	f.Class, f.Org, f.Where = c.class, c.org.ID(), c.dec.where
	if c.known {
		f.Trunk = trunkRef(c.trunk)
	}
	f.Identified, f.Located, f.Routed = c.identified(), c.located(), c.routed()
	for _, r := range c.dec.rungs {
		f.Down = append(f.Down, r.Down)
	}
	f.Due = c.due(journal.DueLegOut)
	if c.class == e911.ClassTest933 {
		f.Due.Reason = journal.DueTest
	}
	return f, true
}
