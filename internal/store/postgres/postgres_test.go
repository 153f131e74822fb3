package postgres_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// Proves: E14, E15, D-07, D-09, D-10, F-31, W-55
func TestConformance(t *testing.T) {
	var mu sync.Mutex
	made := map[string]string{}
	storetest.Run(t, func(t testing.TB, o storetest.Options) storetest.Store {
		mu.Lock()
		defer mu.Unlock()
		dsn, ok := made[o.Name]
		if !ok {
			dsn = pgtest.Migrated(t)
			made[o.Name] = dsn
		}
		st, err := postgres.New(t.Context(), postgres.Config{DSN: dsn, Ring: o.Ring, Now: o.Now, Poll: time.Hour})
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return st
	})
}

func now() time.Time { return storetest.Epoch }

// open opens a database with small waits.
func open(t *testing.T, dsn string, more ...func(*postgres.Config)) *postgres.Store {
	t.Helper()
	cfg := postgres.Config{DSN: dsn, Ring: storetest.Ring(t), Now: now}
	for _, f := range more {
		f(&cfg)
	}
	st, err := postgres.New(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func createOrg(ctx context.Context, st *postgres.Store, key string) (e911.Org, error) {
	o := e911.Org{ID: e911.NewID[e911.OrgID](), Key: key, Name: "Organisation " + key}
	err := st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Create(ctx, o); return err })
	return o, err
}

func orgs(ctx context.Context, st *postgres.Store) (n int, err error) {
	err = st.Read(ctx, func(r admin.Reader) error {
		list, err := r.Orgs(ctx)
		n = len(list)
		return err
	})
	return n, err
}
