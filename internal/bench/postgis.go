package bench

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
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// measurePostGIS loads the boundaries into a PostgreSQL of its own and asks it
// for the same points.
func measurePostGIS(ctx context.Context, list []gis.Boundary, asked []e911.Point, x *ecrf.Index, out *PointResult) (err error) {
	db, stop, err := startPostGIS(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, sql := range []string{
		"CREATE EXTENSION postgis", "CREATE TABLE b (id text, g geometry(MultiPolygon, 4326))", "CREATE TABLE p (g geometry(Point, 4326))",
	} {
		if _, err := db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare PostGIS: %w", err)
		}
	}
	batch := &pgx.Batch{}
	for i := range list {
		batch.Queue("INSERT INTO b VALUES ($1, ST_GeomFromWKB($2, 4326))", list[i].NGUID, wkb(list[i].Area))
	}
	for _, p := range asked {
		batch.Queue("INSERT INTO p VALUES (ST_SetSRID(ST_MakePoint($1, $2), 4326))", p.Lon, p.Lat)
	}
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("load PostGIS: %w", err)
	}
	for _, sql := range []string{"CREATE INDEX ON b USING gist (g)", "VACUUM ANALYZE b", "SET jit = off", "SET max_parallel_workers_per_gather = 0"} {
		if _, err := db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("index PostGIS: %w", err)
		}
	}
	const find = "SELECT id FROM b WHERE ST_Covers(g, ST_SetSRID(ST_MakePoint($1, $2), 4326)) ORDER BY id LIMIT 1"
	ask := func() (same int, err error) {
		for _, p := range asked {
			id := ""
			if err := db.QueryRow(ctx, find, p.Lon, p.Lat).Scan(&id); err != nil && !errors.Is(err, pgx.ErrNoRows) {
				return 0, fmt.Errorf("ask PostGIS: %w", err)
			}
			ours := ""
			if h, ok := x.At(p, ecrf.Options{}); ok {
				ours = h.SourceID()
			}
			if ours == id {
				same++
			}
		}
		return same, nil
	}
	same, err := ask() // warms up, and is compared
	if err != nil {
		return err
	}
	out.Agree = float64(same) / float64(len(asked))
	at := time.Now()
	if _, err = ask(); err != nil {
		return err
	}
	out.PostGISNS = float64(time.Since(at).Nanoseconds()) / float64(len(asked))
	// The same inside the server, without the way there and back.
	at = time.Now()
	const inside = "SELECT count(*) FROM p, LATERAL (SELECT id FROM b WHERE ST_Covers(b.g, p.g) LIMIT 1) x"
	if _, err := db.Exec(ctx, inside); err != nil {
		return fmt.Errorf("ask inside PostGIS: %w", err)
	}
	out.ServerNS = float64(time.Since(at).Nanoseconds()) / float64(len(asked))
	return nil
}

// startPostGIS starts a PostgreSQL that listens on a socket in a folder of its
// own; as root it runs as the user postgres.
func startPostGIS(ctx context.Context) (db *pgx.Conn, stop func() error, err error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return nil, nil, errors.New("PostgreSQL with PostGIS is missing (Debian packages postgresql, postgresql-15-postgis-3); leave it out with --no-peer")
	}
	slices.Sort(found)
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("/tmp", "callbox-pg-") // short: a socket's path has 107 bytes
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder: %w", err)
	}
	var as *syscall.SysProcAttr
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("find an unprivileged user: %w", err), os.RemoveAll(dir))
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil { //nolint:gosec // ids are small
			return nil, nil, errors.Join(fmt.Errorf("give the folder away: %w", err), os.RemoveAll(dir))
		}
	}
	run := func(ctx context.Context, name string, args ...string) error {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, as
		var faults bytes.Buffer
		cmd.Stderr = &faults
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("run %s: %w: %s", name, err, bytes.TrimSpace(faults.Bytes()))
		}
		return nil
	}
	data := filepath.Join(dir, "data")
	halt := func() error {
		err := run(context.WithoutCancel(ctx), "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := run(ctx, "initdb", "-D", data, "-U", "bench", "--auth=trust", "--no-sync", "-E", "UTF8"); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	options := "-c listen_addresses='' -c unix_socket_directories='" + dir + "' -c fsync=off -c shared_buffers=256MB"
	if err := run(ctx, "pg_ctl", "-D", data, "-w", "-l", filepath.Join(dir, "log"), "-o", options, "start"); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	db, err = pgx.Connect(ctx, "host="+dir+" user=bench dbname=postgres")
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("connect to PostgreSQL: %w", err), halt())
	}
	return db, func() error { return errors.Join(db.Close(context.WithoutCancel(ctx)), halt()) }, nil
}

// wkb is an area as OGC well-known binary.
func wkb(m e911.MultiPolygon) []byte {
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
