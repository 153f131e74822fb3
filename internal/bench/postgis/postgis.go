// Package postgis starts a PostgreSQL with PostGIS of its own, for measuring
// beside it and for tests that want a second opinion on geometry.
package postgis

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/pgcluster"
)

// ErrMissing says that PostgreSQL with PostGIS is not installed.
var ErrMissing = errors.New("PostgreSQL with PostGIS is missing (Debian packages postgresql, postgresql-15-postgis-3)")

// Server is a PostgreSQL of its own that keeps nothing when it stops.
type Server struct{ cluster *pgcluster.Cluster }

// Start starts one. The error is ErrMissing where it is not installed.
func Start(ctx context.Context) (*Server, error) {
	if extension, _ := filepath.Glob("/usr/share/postgresql/*/extension/postgis.control"); len(extension) == 0 {
		return nil, ErrMissing
	}
	c, err := pgcluster.Start(ctx, "shared_buffers=256MB")
	if errors.Is(err, pgcluster.ErrMissing) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	return &Server{c}, nil
}

// DSN is where a client connects to.
func (s *Server) DSN() string { return s.cluster.DSN("postgres") }

// Stop ends the server and removes what it kept.
func (s *Server) Stop() error { return s.cluster.Close() }

// WKB is an area as OGC well-known binary, a MultiPolygon whose rings are
// closed.
func WKB(m e911.MultiPolygon) []byte {
	word := func(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) } //nolint:gosec // counts
	b := word(word([]byte{1}, 6), len(m))
	for _, rings := range m {
		b = word(word(append(b, 1), 3), len(rings))
		for _, ring := range rings {
			b = word(b, len(ring)+1)
			for i := range len(ring) + 1 {
				p := ring[i%len(ring)]
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Lon))
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Lat))
			}
		}
	}
	return b
}
