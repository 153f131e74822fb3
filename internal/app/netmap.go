package app

import (
	"context"
	"errors"
	"net/url"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/e911"
)

// NetworkMap reads the stored network map of the organisation with the key org
// through the server that runs in dir; when none runs, it opens the database
// itself, under the lock (D-14). An empty org is the only one there is.
func NetworkMap(ctx context.Context, dir, org string) (discover.Map, error) {
	var m discover.Map
	err := Control(ctx, dir, "/network-map?"+url.Values{"org": {org}}.Encode(), nil, &m)
	if !errors.Is(err, ErrNotRunning) {
		return m, err
	}
	if !databaseThere(dir) {
		return m, e911.Errorf(e911.Invalid, "there is no database in %s; name the data directory with --data", dir)
	}
	st, closer, err := offline(dir)
	if err != nil {
		return m, err
	}
	m, err = readMap(ctx, st, org)
	return m, errors.Join(err, closer())
}

// NetworkMap reads the stored network map of a running server.
func (s *Server) NetworkMap(ctx context.Context, org string) (discover.Map, error) {
	st := s.store.get()
	if st == nil {
		return discover.Map{}, errNoStore
	}
	return readMap(ctx, st, org)
}

func readMap(ctx context.Context, st admin.Store, org string) (discover.Map, error) {
	var m discover.Map
	err := st.Read(ctx, func(r admin.Reader) error {
		var err error
		m, err = discover.ReadMap(ctx, r, org)
		return err
	})
	return m, err
}
