package emergency

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Alarms of calls that went well to the ear, and not in every respect. Outages of
// others grew for hours behind such calls before anybody noticed.
const (
	// AlarmPartial: somebody answered who was not told where the caller is, or by
	// which number he can be called back.
	AlarmPartial AlarmCode = "call_incomplete"
	// AlarmDetour: calls are answered by another way than their first. It is told at
	// the first such call, and once an hour while it lasts.
	AlarmDetour AlarmCode = "failover_in_use"
	// AlarmDetourOver: a call went by its first way again.
	AlarmDetourOver AlarmCode = "failover_over"
)

// What an answered call came without, in its record.
const (
	WithoutLocation = "location"
	WithoutCallback = "callback"
)

const (
	detourAgain = time.Hour
	// mostDetours are remembered; the one told longest ago is forgotten for another.
	mostDetours = 4096
)

type firstWay struct {
	org   e911.OrgID
	trunk e911.TrunkID
}

// detour is what has gone round one first way.
type detour struct {
	since, told time.Time
	calls       int
}

// detours remembers which first ways calls go round. Safe for concurrent use.
type detours struct {
	mu   sync.Mutex
	ways map[firstWay]detour
}

// round counts a call that was answered by another way, and reports whether that
// is to be told now.
func (d *detours) round(w firstWay, now time.Time) (detour, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ways == nil {
		d.ways = map[firstWay]detour{}
	}
	v, known := d.ways[w]
	if !known {
		d.makeRoom()
		v.since = now
	}
	v.calls++
	tell := !known || now.Sub(v.told) >= detourAgain
	if tell {
		v.told = now
	}
	d.ways[w] = v
	return v, tell
}

func (d *detours) makeRoom() {
	if len(d.ways) < mostDetours {
		return
	}
	var oldest firstWay
	var at time.Time
	for w, v := range d.ways {
		if at.IsZero() || v.told.Before(at) {
			oldest, at = w, v.told
		}
	}
	delete(d.ways, oldest)
}

// straight notes a call by its first way, and reports what is over with it.
func (d *detours) straight(w firstWay) (detour, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, was := d.ways[w]
	delete(d.ways, w)
	return v, was
}

// watchAnswer looks at what an answered call lacks and which way it went.
func (c *call) watchAnswer(a *attempt) {
	rung := c.dec.rungs[a.rung]
	for _, what := range c.without(a) {
		detail := map[string]string{
			WithoutLocation: "%s answered a call and was not told where the caller is",
			WithoutCallback: "%s answered a call and was given no number to call back",
		}[what]
		c.alarm(AlarmPartial, fmt.Sprintf(detail, rung.PSAPName))
	}
	if c.first.trunk == "" {
		return // gone on with after a restart: the process before has told
	}
	first, _ := c.snap.Trunk(c.first.trunk)
	if c.first.trunk == rung.Trunk.ID {
		if was, over := c.h.detours.straight(c.first); over {
			c.alarm(AlarmDetourOver, fmt.Sprintf("a call went by its first way again, the trunk %s; %d since %s went round it",
				first.Key, was.calls, was.since.UTC().Format(time.RFC3339)))
		}
		return
	}
	v, tell := c.h.detours.round(c.first, c.h.cfg.Now())
	switch {
	case !tell:
	case v.calls == 1:
		c.alarm(AlarmDetour, fmt.Sprintf("a call was answered by the trunk %s: its first way, the trunk %s, did not carry it", rung.Trunk.Key, first.Key))
	default:
		c.alarm(AlarmDetour, fmt.Sprintf("no call went by the trunk %s since %s; %d were answered by others, the last by %s",
			first.Key, v.since.UTC().Format(time.RFC3339), v.calls, rung.Trunk.Key))
	}
}

// without lists what who answered was not given. A location that only a reference
// holds is given; so is one that the number stands for.
func (c *call) without(a *attempt) (list []string) {
	d := &c.dec
	placed := d.where.By != e911.ByNothing
	if convey.Carries(a.sent.profile) {
		placed = a.sent.pidf != "" || a.sent.geolocation != ""
	}
	if !placed {
		list = append(list, WithoutLocation)
	}
	if a.sent.number == "" || slices.Contains(d.who.Flags, identify.FlagNoCallback) {
		list = append(list, WithoutCallback)
	}
	return list
}
