package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// A network that swallows everything, while connections are in use, idle, and
// listening: whoever asks without a limit of his own is answered Unavailable in
// the limit of a statement; a change that was under way is not half done; and the
// same store works again when octets pass, notifications too.
// Proves: F-38, E3, E15
func TestANetworkThatSwallowsEverything(t *testing.T) {
	direct := pgtest.Migrated(t)
	dsn, network := pgtest.Through(t, direct)
	ring := storetest.Ring(t)
	fast := func(c *postgres.Config) {
		c.Ring = ring
		c.Statement, c.Wait, c.Quiet = 100*time.Millisecond, 100*time.Millisecond, 20*time.Millisecond
		c.Relisten, c.Poll, c.Silent = 20*time.Millisecond, time.Hour, 300*time.Millisecond
	}
	st := open(t, dsn, fast)
	there := open(t, direct, func(c *postgres.Config) { c.Ring, c.Poll = ring, time.Hour })
	above := pgtest.Connect(t, pgtest.Shared(t).DSN(pgtest.Connect(t, direct).Config().Database))
	listening(t, above, 2, "")
	if _, err := createOrg(t.Context(), st, "before"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err := st.Write(t.Context(), "test", func(w admin.Writer) error {
		if _, err := w.Create(t.Context(), e911.Org{ID: e911.NewID[e911.OrgID](), Key: "half", Name: "Half"}); err != nil {
			t.Errorf("a change before the silence: %v", err)
		}
		network.Silence()
		_, err := w.Create(t.Context(), e911.Org{ID: e911.NewID[e911.OrgID](), Key: "other half", Name: "Other half"})
		return err
	})
	if e911.KindOf(err) != e911.Unavailable || err == nil {
		t.Errorf("a change in whose middle the network went silent: %v, want kind unavailable", err)
	}
	for range 2 {
		if _, err := orgs(t.Context(), st); e911.KindOf(err) != e911.Unavailable || err == nil {
			t.Errorf("a question: %v, want kind unavailable", err)
		}
		if _, err := createOrg(t.Context(), st, "away"); e911.KindOf(err) != e911.Unavailable || err == nil {
			t.Errorf("a change: %v, want kind unavailable", err)
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("five refusals took %v", took)
	}
	network.Heal()
	if n, err := orgs(t.Context(), there); err != nil || n != 1 {
		t.Errorf("%d organisations are there, %v; want the one of before", n, err)
	}
	eventually(t, "the store works again", func(ctx context.Context) bool {
		_, err := createOrg(ctx, st, "after")
		return err == nil
	})
	for { // what came before
		select {
		case <-st.Wake():
			continue
		default:
		}
		break
	}
	// The listening connection lost nothing, or was made anew.
	eventually(t, "a notification comes", func(ctx context.Context) bool {
		if _, err := createOrg(ctx, there, e911.NewID[string]()); err != nil {
			t.Fatal(err)
		}
		some, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		select {
		case <-st.Wake():
			return true
		case <-some.Done():
			return false
		}
	})
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func(ctx context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not in time", what)
		}
	}
}
