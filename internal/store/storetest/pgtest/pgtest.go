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

	"github.com/jackc/pgx/v5"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/pgcluster"
)

var shared struct {
	once    sync.Once
	cluster *pgcluster.Cluster
	err     error
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
	dsn, err := c.Create(t.Context(), "t"+strings.ReplaceAll(e911.NewID[string](), "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

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
