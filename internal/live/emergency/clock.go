package emergency

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/rules/callflow"
)

// alarmClock keeps the timers of one call in one time.Timer. It belongs to the
// goroutine of the call.
type alarmClock struct {
	now   func() time.Time
	timer *time.Timer
	set   []deadline // earliest first; of equal ones the one set first
}

type deadline struct {
	timer callflow.Timer
	at    time.Time
}

func newAlarmClock(now func() time.Time) *alarmClock {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &alarmClock{now: now, timer: t}
}

// ring is ready when due may return something.
func (c *alarmClock) ring() <-chan time.Time { return c.timer.C }

func (c *alarmClock) start(t callflow.Timer, at time.Time) {
	c.stop(t)
	i := len(c.set)
	for i > 0 && at.Before(c.set[i-1].at) {
		i--
	}
	c.set = slices.Insert(c.set, i, deadline{timer: t, at: at})
	c.wind()
}

func (c *alarmClock) stop(t callflow.Timer) {
	c.set = slices.DeleteFunc(c.set, func(d deadline) bool { return d.timer == t })
	c.wind()
}

func (c *alarmClock) stopAll() {
	c.set = nil
	c.wind()
}

// due takes the earliest timer that has run out.
func (c *alarmClock) due() (callflow.Timer, bool) {
	if len(c.set) == 0 || c.set[0].at.After(c.now()) {
		c.wind()
		return callflow.Timer{}, false
	}
	t := c.set[0].timer
	c.set = c.set[1:]
	return t, true
}

func (c *alarmClock) wind() {
	if len(c.set) == 0 {
		c.timer.Stop()
		return
	}
	c.timer.Reset(max(c.set[0].at.Sub(c.now()), 0))
}
