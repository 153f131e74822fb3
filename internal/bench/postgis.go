package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/callbox911/callbox/internal/bench/postgis"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// measurePostGIS loads the boundaries into a PostgreSQL of its own and asks it
// for the same points.
func measurePostGIS(ctx context.Context, list []gis.Boundary, asked []e911.Point, x *ecrf.Index, out *PointResult) (err error) {
	server, err := postgis.Start(ctx)
	if errors.Is(err, postgis.ErrMissing) {
		return fmt.Errorf("%w; leave it out with --no-peer", err)
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	db, err := pgx.Connect(ctx, server.DSN())
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close(context.WithoutCancel(ctx))) }()
	for _, sql := range []string{
		"CREATE EXTENSION postgis", "CREATE TABLE b (id text, g geometry(MultiPolygon, 4326))", "CREATE TABLE p (g geometry(Point, 4326))",
	} {
		if _, err := db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare PostGIS: %w", err)
		}
	}
	batch := &pgx.Batch{}
	for i := range list {
		batch.Queue("INSERT INTO b VALUES ($1, ST_GeomFromWKB($2, 4326))", list[i].NGUID, postgis.WKB(list[i].Area))
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
