package lis

import (
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Known returns all that a device, its network and its user told of where it is,
// looked up in the map as it is now, for a call that weighs it against what its INVITE
// says. What is over is among it, as a hint; nothing when nothing was told. It
// never waits.
func (s *Server) Known(org e911.OrgID, device e911.DeviceID) locate.Recollection {
	o := s.cfg.Snapshot.Load().Org(org)
	if o == nil {
		return locate.Recollection{}
	}
	r := s.Memory(org, string(device)).Recall(o, s.phoneAt(o))
	r.Candidates = append(r.Candidates, s.ofUser(key{org, string(device)}, s.now())...)
	return r
}
