package app

import (
	"context"
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/callback"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

// wireCallbacks makes what brings calls of PSAPs back to who called.
func (s *Server) wireCallbacks() (err error) {
	s.backs, err = callback.New(callback.Config{
		Snapshot: s.holder, Journal: s.journal, Phones: s.phones, Trunks: s.trunks, Domain: s.cfg.Domain, Passports: s.stir.passports(),
		Dial:      func(ctx context.Context, in sipedge.Invite) emergency.Callee { return s.edge.Dial(ctx, in) },
		UDPFlow:   func(local, remote netip.AddrPort) (sipedge.Flow, bool) { return s.edge.FlowTo(local, remote) },
		Restoring: s.before > 0, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	return err
}

// urgent reports what has the room of emergency calls: these, and calls back from
// PSAPs (E1, F-12).
func (s *Server) urgent(uri string) bool {
	if class, _, ok := dialplan.Detect(uri); ok {
		return class == e911.ClassEmergency
	}
	return s.backs.Awaited(uri)
}
