package emergency

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/testcall"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

// TestURN answers calls to test URNs; *testcall.Service does.
type TestURN interface {
	AnswerURN(ctx context.Context, leg testcall.Leg, t testcall.URNTest) testcall.URNResult
}

// testURN answers a call to urn:service:test.sos ourselves (RFC 6881, section 15;
// F-28): it is identified, located and routed as a call for help would be, and
// then told what came of that. It never leaves us, nobody is told of it, and it
// is no call of the record: a fact of its own tells of it (E12).
func (c *call) testURN(ctx context.Context) {
	found, _ := dialplan.Find(c.req.URI)
	c.decide()
	d := &c.dec
	r := journal.ReceivedTest{
		Service: found.Service, Source: c.req.Source.String(), ByValue: len(d.locations), Located: d.where.By != e911.ByNothing, PSAP: d.psapRef(),
	}
	for _, v := range d.values {
		if v.Scheme() != "cid" {
			r.ByRef++
		}
	}
	if c.known {
		r.Trunk = trunkRef(c.trunk)
	}
	who := c.identified()
	r.Device, r.User, r.Site = who.Device, who.User, who.Site
	out := testcall.URNResult{Code: 404, Why: "no test service"} // RFC 6881: no test calls here
	if t, ok := c.h.cfg.TestCall.(TestURN); ok {
		c.guard("test URN", func() { out = t.AnswerURN(ctx, c.leg, testcall.URNTest{Caller: c.testCaller(), Text: c.testText(r)}) })
	} else {
		c.say("refuse a test call", c.leg.Reject(404, "Not Found", nil))
	}
	r.Code, r.Why, r.Loopback, r.Mirrored = out.Code, clip(out.Why, 200), out.Loopback, out.Mirrored
	c.h.cfg.Journal.Record(journal.New(journal.TestReceived, c.at, c.org.ID(), "", r))
}

// testText is what the caller's program is told: who would have answered, the
// service, and the location, by value also when it came by reference.
func (c *call) testText(r journal.ReceivedTest) string {
	d := &c.dec
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("This is a test, answered by Callbox at %s. No PSAP was called.", c.h.cfg.Domain)
	line("Service: %s", r.Service)
	if name := r.PSAP.Name; name != "" {
		line("PSAP: %s", strings.Join(strings.Fields(name), " "))
	} else {
		line("PSAP: none is known")
	}
	line("Location received: %d by value, %d by reference", r.ByValue, r.ByRef)
	switch p := d.where.Place; {
	case p.Display != "":
		line("Location used: %s", strings.Join(strings.Fields(p.Display), " "))
		line("Location found by: %s", d.where.By)
	default:
		line("Location used: none")
	}
	if d.who.Callback != "" {
		line("Callback: %s", d.who.Callback)
	} else {
		line("Callback: none")
	}
	line("Time: %s", c.at.UTC().Format(time.RFC3339))
	return b.String()
}
