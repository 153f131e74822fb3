package app

import (
	"context"
	"fmt"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/dereference"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// wireForeign makes what asks other location servers (F-17).
func (s *Server) wireForeign() (err error) {
	s.foreign, err = dereference.New(dereference.Config{
		Hosts: s.cfg.LocationServers, Networks: s.cfg.LocationNetworks, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	if err != nil {
		return fmt.Errorf("wire questions to other location servers: %w", err)
	}
	return nil
}

// runForeign keeps connections to known location servers open until the end.
func (s *Server) runForeign(ctx context.Context) error {
	defer s.foreign.Close()
	return s.foreign.Run(ctx)
}

// moved tells calls in progress that one of their devices showed where it is.
func (s *Server) moved(org e911.OrgID, device string) { s.calls.Moved(org, device) }

// served serves a request that is no call. The references of a telephone that
// registered are asked about ahead of its calls.
func (s *Server) served(ctx context.Context, q *sipedge.Request) sipedge.Response {
	res := s.phones.Serve(ctx, q)
	if q.Method != "REGISTER" || res.Code != 200 {
		return res
	}
	headers := q.Headers.All("Geolocation")
	if len(headers) == 0 {
		return res
	}
	p, ok := s.phones.Phone(q)
	for _, v := range sipgeo.ParseGeolocation(headers) {
		if _, err := s.lis.Resolve(v.URI, p.Org, s.cfg.Now()); ok && err != nil && dereference.Foreign(v.URI) {
			s.foreign.Ahead(dereference.Question{Org: p.Org, URI: v.URI, Trusted: p.Registered})
		}
	}
	return res
}
