// Package postgis starts a PostgreSQL with PostGIS of its own, for measuring
// beside it and for tests that want a second opinion on geometry.
package postgis

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/callbox911/callbox/internal/e911"
)

// ErrMissing says that PostgreSQL with PostGIS is not installed.
var ErrMissing = errors.New("PostgreSQL with PostGIS is missing (Debian packages postgresql, postgresql-15-postgis-3)")

// Server is a PostgreSQL that listens on a socket in a folder of its own and
// keeps nothing when it stops.
type Server struct {
	dir, bin string
	as       *syscall.SysProcAttr
}

// Start starts one; as root it runs as the user postgres. The error is
// ErrMissing where it is not installed.
func Start(ctx context.Context) (*Server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	extension, _ := filepath.Glob("/usr/share/postgresql/*/extension/postgis.control")
	if len(found) == 0 || len(extension) == 0 {
		return nil, ErrMissing
	}
	slices.Sort(found)
	s := &Server{bin: filepath.Dir(found[len(found)-1])}
	var err error
	if s.dir, err = os.MkdirTemp("/tmp", "callbox-pg-"); err != nil { // short: a socket's path has 107 bytes
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return fmt.Errorf("find an unprivileged user: %w", err)
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(s.dir, int(uid), int(gid)); err != nil { //nolint:gosec // ids are small
			return fmt.Errorf("give the folder away: %w", err)
		}
	}
	if err := s.run(ctx, "initdb", "-D", s.data(), "-U", "bench", "--auth=trust", "--no-sync", "-E", "UTF8"); err != nil {
		return err
	}
	options := "-c listen_addresses='' -c unix_socket_directories='" + s.dir + "' -c fsync=off -c shared_buffers=256MB"
	return s.run(ctx, "pg_ctl", "-D", s.data(), "-w", "-l", filepath.Join(s.dir, "log"), "-o", options, "start")
}

// DSN is where a client connects to.
func (s *Server) DSN() string { return "host=" + s.dir + " user=bench dbname=postgres" }

// Stop ends the server and removes what it kept.
func (s *Server) Stop() error {
	err := s.run(context.Background(), "pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop")
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	var faults bytes.Buffer
	cmd.Stderr = &faults
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w: %s", name, err, bytes.TrimSpace(faults.Bytes()))
	}
	return nil
}

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
