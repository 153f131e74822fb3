package app

import (
	"context"
	"net/netip"

	"github.com/callbox911/callbox/internal/live/callback"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// wireCallbacks makes what brings calls of PSAPs back to who called.
func (s *Server) wireCallbacks() (err error) {
	s.backs, err = callback.New(callback.Config{
		Snapshot: s.holder, Journal: s.journal, Phones: s.phones, Trunks: s.trunks, Domain: s.cfg.Domain, Passports: s.stir.passports(), Window: s.cfg.CallbackWindow,
		Dial:    func(ctx context.Context, in sipedge.Invite) emergency.Callee { return s.edge.Dial(ctx, in) },
		UDPFlow: func(local, remote netip.AddrPort) (sipedge.Flow, bool) { return s.edge.FlowTo(local, remote) },
		Node:    s.share(), Nodes: s.nodes(), Ring: s.ring, Elsewhere: s.phones.Elsewhere,
		Restoring: s.before > 0, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	return err
}
