package emergency

import (
	"cmp"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// Trunks knows where the calls of trunks go and in what state that is;
// *trunk.Keeper does. It answers from memory (E3).
type Trunks interface {
	// Targets lists where a trunk's calls go, in the order for one call; none:
	// nobody knows an address.
	Targets(t e911.Trunk) []ladder.Target
	// Heard notes a response to a call, Silent an attempt that heard nothing.
	Heard(id e911.TrunkID, to ladder.Target)
	Silent(id e911.TrunkID, to ladder.Target)
	// Authorize answers a trunk's challenges; nil without credentials.
	Authorize(id e911.TrunkID) func(sipedge.Challenge) sipedge.Headers
	// Occupy counts an emergency call in a trunk's capacity until done is called.
	// It is never refused (E1).
	Occupy(id e911.TrunkID) (done func())
	// Slim reports whether the slim INVITE goes first to a target, and why (F-16).
	Slim(id e911.TrunkID, to ladder.Target) (why string, first bool)
	// Took notes that a call went on with the full INVITE, or with the slim one
	// after it had refused the full one.
	Took(id e911.TrunkID, to ladder.Target, slim bool)
}

// alone is Trunks where nobody keeps their state: each leads to the address in
// its To, and is skipped for a while when it was silent.
type alone struct {
	health *health
	now    func() time.Time
}

func (a alone) Targets(t e911.Trunk) []ladder.Target {
	return []ladder.Target{{URI: t.To, Down: a.health.isDown(a.now())(t.ID)}}
}
func (a alone) Heard(id e911.TrunkID, _ ladder.Target)                       { a.health.heard(id) }
func (a alone) Silent(id e911.TrunkID, _ ladder.Target)                      { a.health.silent(id, a.now()) }
func (alone) Authorize(e911.TrunkID) func(sipedge.Challenge) sipedge.Headers { return nil }
func (alone) Occupy(e911.TrunkID) func()                                     { return func() {} }
func (alone) Slim(e911.TrunkID, ladder.Target) (string, bool)                { return "", false }
func (alone) Took(e911.TrunkID, ladder.Target, bool)                         {}

// routes is what the machine knows of the rungs. The slim INVITE goes first only
// where a reference keeps the location with the call (F-16).
func (c *call) routes() []callflow.Route {
	out := routesOf(c.dec.rungs)
	c.guard("slim routes", func() {
		for i, r := range c.dec.rungs {
			if !convey.Carries(r.Trunk.Profile) {
				continue
			}
			if why, first := c.h.cfg.Trunks.Slim(r.Trunk.ID, r.Target); first && c.mint() != "" {
				out[i].Slim = true
				c.slimWhy[i] = why
			}
		}
	})
	return out
}

// took tells the trunk which INVITE it went on with.
func (c *call) took(a *attempt) {
	if a == nil || a.took {
		return
	}
	a.took = true
	r := c.dec.rungs[a.rung]
	if convey.Carries(r.Trunk.Profile) && (!a.slim || a.after) {
		c.h.cfg.Trunks.Took(r.Trunk.ID, r.Target, a.slim)
	}
}

// uriOf is the Request-URI of a rung.
func uriOf(r ladder.Rung) string { return dialledAs(cmp.Or(r.Target.URI, r.Trunk.To), r.Dial) }

// aim sends an INVITE where its rung goes.
func (c *call) aim(in *sipedge.Invite, r ladder.Rung) error {
	if t := r.Target; t.Addr.IsValid() {
		in.Dest, in.Transport, in.ServerName = t.Addr, t.Transport, t.ServerName
	}
	if !in.Dest.IsValid() {
		return errTarget
	}
	c.guard("trunk credentials", func() { in.Authorize = c.h.cfg.Trunks.Authorize(r.Trunk.ID) })
	return nil
}

// occupy counts the call in the trunk's capacity.
func (c *call) occupy(id e911.TrunkID) (done func()) {
	done = func() {}
	c.guard("trunk capacity", func() { done = c.h.cfg.Trunks.Occupy(id) })
	return done
}

// anyTargets is targets when the choice of routes has failed: at least what
// stands in the trunk.
func (c *inquiry) anyTargets(t e911.Trunk) (list []ladder.Target) {
	list = []ladder.Target{{URI: t.To}}
	c.guard("trunk targets", func() {
		if found := c.targets(t); len(found) > 0 {
			list = found
		}
	})
	return list
}

// plainName is the part of a SIP URI before its parameters; its host is a name,
// which somebody else knows the address of.
func plainName(uri string) (string, bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "sip" && scheme != "sips" || rest == "" || strings.ContainsAny(rest, " <>\"\r\n\t") {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, ";")
	return scheme + ":" + rest, true
}
