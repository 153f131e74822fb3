package trunk

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/trunkstate"
)

// Slim reports whether the slim INVITE goes first to a target, and why (F-16). It
// is forgotten with a restart: one refusal teaches it again.
func (k *Keeper) Slim(id e911.TrunkID, to ladder.Target) (why string, first bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stateOf(id)
	if s == nil {
		return "", false
	}
	for at, x := range s.targets {
		if at.addr == to.Addr && at.serverName == to.ServerName {
			if why, first = x.bodies.Slim(k.cfg.Now()); first {
				return why, true
			}
		}
	}
	return "", false
}

// Took notes that a call went on with the full INVITE, or with the slim one after
// it had refused the full one.
func (k *Keeper) Took(id e911.TrunkID, to ladder.Target, slim bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stateOf(id)
	if s == nil || !to.Addr.IsValid() {
		return
	}
	after := trunkstate.Bodies.TookFull
	if slim {
		after = trunkstate.Bodies.TookSlim
	}
	for _, f := range k.find(s.trunk, nil) {
		if f.addr == to.Addr && f.serverName == to.ServerName {
			x := s.target(f.key)
			x.bodies = after(x.bodies, k.cfg.Now())
		}
	}
}

// lists reports whether an Accept names what a location needs.
func lists(accept []string) bool {
	has := func(kind, group string) bool {
		return slices.Contains(accept, kind) || slices.Contains(accept, group) || slices.Contains(accept, "*/*")
	}
	return has("multipart/mixed", "multipart/*") && has("application/pidf+xml", "application/*")
}
