package app

import (
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/e911"
)

// ownPhones lets users set up their telephones by themselves (C-64).
func (s *Server) ownPhones(users *firstuse.Desk) (*ownphone.Desk, error) {
	return ownphone.New(ownphone.Config{
		User: users.User, Now: s.cfg.Now,
		Devices: func() (ownphone.Devices, error) {
			e, err := s.editor()
			if err != nil {
				return nil, err
			}
			return &e.Devices, nil
		},
		Registered: func(org e911.OrgID, sipUser string) (out []ownphone.Registration) {
			for _, b := range s.phones.Bindings(org, sipUser) {
				out = append(out, ownphone.Registration{Agent: b.Agent, Since: b.At, Until: b.Expires})
			}
			return out
		},
		Ways: func() (out []ownphone.Way) {
			for _, l := range s.edge.Listeners() {
				out = append(out, ownphone.Way{Transport: l.Network, Port: l.Addr.Port()})
			}
			return out
		},
	})
}

// asking notes who is asked where he is, on the page of his own.
func (s *Server) asking() firstuse.Asking {
	return firstuse.Asking{Now: s.cfg.Now, Users: func() (firstuse.Users, error) {
		e, err := s.editor()
		if err != nil {
			return nil, err
		}
		return &e.Users, nil
	}}
}
