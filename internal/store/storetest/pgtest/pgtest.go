// Package pgtest gives a package's tests one PostgreSQL server and each test a
// database of its own. A package that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/pgcluster"
	"github.com/callbox911/callbox/internal/store/postgres"
)

var shared struct {
	once     sync.Once
	cluster  *pgcluster.Cluster
	err      error
	template sync.Once
	migrated string // where the database is that others are copied from
}

// Main runs a package's tests and ends the server, if one of them needed it.
func Main(m *testing.M) int {
	code := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "end PostgreSQL:", err)
			return 1
		}
	}
	return code
}

// Shared is the server of the package's tests. Where PostgreSQL is not installed
// the test is skipped. A test that ends the server uses Own.
func Shared(t testing.TB) *pgcluster.Cluster {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.err = pgcluster.Start(context.Background()) })
	needs(t, shared.err)
	return shared.cluster
}

// Own starts a server for one test, which may end and restart it.
func Own(t testing.TB) *pgcluster.Cluster {
	t.Helper()
	c, err := pgcluster.Start(t.Context())
	needs(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func needs(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, pgcluster.ErrMissing) {
		t.Skipf("not shown on PostgreSQL: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Database makes a fresh database and says how its role gets there.
func Database(t testing.TB, c *pgcluster.Cluster) (dsn string) {
	t.Helper()
	dsn, err := c.Create(t.Context(), name())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// Migrated is Database with all tables in it, of the package's shared server: a
// copy of one that was migrated once.
func Migrated(t testing.TB) (dsn string) {
	t.Helper()
	c := Shared(t)
	shared.template.Do(func() { shared.migrated, shared.err = template(t, c) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	dsn, err := c.Copy(t.Context(), shared.migrated, name())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

func template(t testing.TB, c *pgcluster.Cluster) (string, error) {
	ring, err := seal.NewRing(seal.Key{ID: "template", Secret: seal.NewSecret()})
	if err != nil {
		return "", err
	}
	dsn := Database(t, c)
	st, err := postgres.New(t.Context(), postgres.Config{DSN: dsn, Ring: ring, Now: time.Now, Poll: time.Hour})
	if err != nil {
		return "", err
	}
	if err := st.Close(); err != nil {
		return "", err
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(t.Context(), "DELETE FROM store_meta") // each copy has a name of its own
	return dsn, errors.Join(err, conn.Close(t.Context()), gone(t, c, conn.Config().Database))
}

// gone waits until nobody is connected to the database: a server process outlives
// its connection for a moment.
func gone(t testing.TB, c *pgcluster.Cluster, database string) error {
	conn := Connect(t, c.DSN("postgres"))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var n int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = $1", database).Scan(&n)
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			return t.Context().Err()
		}
	}
}

func name() string { return "t" + strings.ReplaceAll(e911.NewID[string](), "-", "") }

// Connect opens a raw connection for one test.
func Connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
