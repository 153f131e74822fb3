package emergency

import (
	"context"
	"errors"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/testcall"
	"github.com/callbox911/callbox/internal/rules/callflow"
)

// test answers 933 ourselves with what a call to 911 would send now (F-20). It
// never reaches a PSAP (E12).
func (c *call) test(ctx context.Context) {
	c.notify(journal.DueTest)
	c.keepInvite()
	if c.h.cfg.TestCall == nil {
		c.say("refuse a test call", c.leg.Reject(503, "Service Unavailable", nil))
		c.recordEnd(callflow.ByCallbox, "no test service", false)
		return
	}
	c.awaitSynced(ctx)
	d := &c.dec
	from := c.h.cfg.Now()
	var spoken journal.Spoken
	err := errBroken
	c.guard("test call", func() {
		spoken, err = c.h.cfg.TestCall.Answer(ctx, c.leg, testcall.Readback{
			Caller: c.testCaller(), Number: d.who.Line, Callback: d.who.Callback, Place: c.sentPlace(),
			SiteName: c.siteName(), PSAPName: d.psapRef().Name, Relay: d.relay, Demonstration: c.org.Config().Demonstration,
		})
	})
	if spoken.Text != "" {
		c.talk = from
		c.record(journal.CallSpoken, time.Time{}, spoken)
	}
	refused, isRefused := errors.AsType[*testcall.Refused](err)
	switch {
	case err == nil:
		c.recordEnd(callflow.ByCallbox, "all was read", false)
	case errors.Is(err, testcall.ErrHungUp):
		c.recordEnd(callflow.ByCaller, "caller hung up", false)
	case errors.Is(err, testcall.ErrCancelled):
		c.recordEnd(callflow.ByCaller, "caller gave up", true)
	case isRefused:
		c.recordEnd(callflow.ByCallbox, clip(refused.Error(), 200), false)
	default:
		c.recordEnd(callflow.ByCallbox, clip(err.Error(), 200), false)
	}
}

var errBroken = errors.New("the test service broke")

// awaitSynced keeps a final response back until the arrival is on disk, 200 ms
// at most (F-29).
func (c *call) awaitSynced(ctx context.Context) {
	limit := time.NewTimer(c.h.cfg.Policy.Recorded)
	defer limit.Stop()
	select {
	case <-c.receipt.Synced:
	case <-limit.C:
		c.alarm(AlarmJournalSlow, alarmText[AlarmJournalSlow])
	case <-ctx.Done():
	}
}

// testCaller is who is limited in the number of tests.
func (c *call) testCaller() string {
	switch w := c.dec.who; {
	case w.Device != nil:
		return string(w.Device.ID)
	case w.User != nil:
		return string(w.User.ID)
	case w.Line != "":
		return string(w.Line)
	case c.known:
		return string(c.trunk.ID)
	}
	return ""
}

func (c *call) siteName() string {
	if s := c.alertSite(); s != nil {
		return s.Name
	}
	return ""
}
