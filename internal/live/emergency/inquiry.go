package emergency

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/snapshot"
)

// inquiry is one INVITE as it is decided, before its first leg: whose call it
// is, who calls, from where, and by which routes it would go. Calls and Foresee
// decide by it, so that what is foretold of a call is what it does.
type inquiry struct {
	snap  *snapshot.Snapshot
	org   *snapshot.Org
	req   *sipedge.Request
	at    time.Time
	class e911.CallClass
	trunk e911.Trunk // zero: the source is known by its address alone
	known bool       // trunk is set

	locator Locator // none: nobody to ask
	people  People  // none: nobody said anything
	// authority is what an authority said of places; none: nothing.
	authority Authority
	now       func() time.Time
	targets   func(e911.Trunk) []ladder.Target
	log       *slog.Logger
	alarm     func(code AlarmCode, detail string)

	dec decision
}

// inquire begins an inquiry by a snapshot, with all that the handler knows. Its
// log and alarm are the asker's to set.
func (h *Handler) inquire(snap *snapshot.Snapshot, req *sipedge.Request) inquiry {
	c := inquiry{
		snap: snap, org: new(snapshot.Org), req: req, at: req.At,
		locator: h.cfg.Locator, people: h.cfg.People, authority: h.cfg.Authority, now: h.cfg.Now, targets: func(t e911.Trunk) []ladder.Target { return h.cfg.Trunks.Targets(t) }, log: h.cfg.Log,
	}
	if c.at.IsZero() {
		c.at = h.cfg.Now()
	}
	return c
}

// begin finds what is dialled, and whose call it is. It reports false for a
// call that is no emergency.
func (c *inquiry) begin() bool {
	found, ok := dialplan.Find(c.req.URI)
	if !ok {
		return false
	}
	c.class = found.Class
	c.dec.flag(found.Prefixed != "", FlagPrefixed)
	c.guard("source", c.source)
	return true
}

// source finds whose call it is.
func (c *inquiry) source() {
	from := c.req.Source.Addr().Unmap()
	if t, ok := c.snap.TrunkBySource(from); ok {
		c.trunk, c.known = t, true
		if o := c.snap.Org(t.Org); o != nil {
			c.org = o
		}
		return
	}
	c.dec.flag(true, FlagUnauthenticated)
	if orgs := c.snap.OrgsByAddress(from); len(orgs) == 1 {
		c.org = orgs[0]
	}
}

// guard runs f and reports false when it panicked, after raising an alarm.
func (c *inquiry) guard(what string, f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			ok = false
			// The value of a panic may hold a caller's data; where it happened
			// does not.
			c.log.Error("recovered in a call", slog.String("in", what), slog.String("stack", string(debug.Stack())))
			c.alarm(AlarmPanic, fmt.Sprintf("a fault in %q was recovered; the call goes on without it", what))
		}
	}()
	f()
	return true
}
