package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// listening waits until that many connections of the database wait for
// notifications, none of them the one with the process id other.
func listening(t *testing.T, above *pgx.Conn, want int, other string) []string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(30 * time.Second)
	defer end.Stop()
	for {
		pids := lines(t, above, `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()
			AND application_name = 'callbox listen' AND state = 'idle' AND query <> '' AND pid::text <> $1`, other)
		if len(pids) == want {
			return pids
		}
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%d connections listen, want %d", len(pids), want)
		}
	}
}

func terminate(t *testing.T, above *pgx.Conn, pids ...string) {
	t.Helper()
	for _, pid := range pids {
		if _, err := above.Exec(t.Context(), "SELECT pg_terminate_backend($1::int, 5000)", pid); err != nil {
			t.Fatal(err)
		}
	}
}

// wakes waits until the store is woken. The limit is not what it proves: the
// other ways to be woken are hours away where it is called.
func wakes(t *testing.T, st *postgres.Store) {
	t.Helper()
	const within = 30 * time.Second
	end := time.NewTimer(within)
	defer end.Stop()
	select {
	case <-st.Wake():
	case <-end.C:
		t.Fatalf("a change at another node woke nobody within %v", within)
	}
}

// A change at one node wakes another by its notification, where nothing is asked
// for an hour; when that way is cut for an hour, by asking, which is done once a
// second; and by its notification again once there is a new connection. Who
// changed something is woken once for it.
// Proves: W-55, F-38, E4
func TestAChangeAtOneNodeWakesAnother(t *testing.T) {
	cluster := pgtest.Shared(t)
	dsn := pgtest.Migrated(t)
	if every := postgres.DefaultPoll(); every > time.Second {
		t.Errorf("changes are asked for every %v, want once a second", every)
	}
	ours := open(t, dsn, func(c *postgres.Config) { c.Poll = time.Hour })
	deaf := func(c *postgres.Config) { c.Relisten, c.Poll = time.Hour, 20*time.Millisecond }
	eager := func(c *postgres.Config) { c.Relisten, c.Poll = 10*time.Millisecond, time.Hour }
	conn := pgtest.Connect(t, dsn)
	above := pgtest.Connect(t, cluster.DSN(conn.Config().Database))
	own := listening(t, above, 1, "")[0]

	t.Run("by a notification", func(t *testing.T) {
		theirs := open(t, dsn, eager)
		listening(t, above, 1, own)
		if _, err := createOrg(t.Context(), ours, "first"); err != nil {
			t.Fatal(err)
		}
		wakes(t, theirs)
		if b, err := theirs.Since(t.Context(), 0, nil); err != nil || len(b.Rows) != 1 {
			t.Errorf("the change is read as %d rows, %v", len(b.Rows), err)
		}
		terminate(t, above, listening(t, above, 1, own)...)
		listening(t, above, 1, own)
		if _, err := createOrg(t.Context(), ours, "second"); err != nil {
			t.Fatal(err)
		}
		wakes(t, theirs)
		theirs.Close()
	})
	t.Run("by asking", func(t *testing.T) {
		theirs := open(t, dsn, deaf)
		terminate(t, above, listening(t, above, 1, own)...)
		if _, err := createOrg(t.Context(), ours, "third"); err != nil {
			t.Fatal(err)
		}
		wakes(t, theirs)
	})
	wakes(t, ours)
	// Its own notifications have all come: another node's came after them.
	other := open(t, dsn, eager)
	if _, err := createOrg(t.Context(), other, "fourth"); err != nil {
		t.Fatal(err)
	}
	wakes(t, ours)
	select {
	case <-ours.Wake():
		t.Error("a node's own notification woke it")
	default:
	}
}

// Nodes that write at once: a reader at one of them, who asks for what came after
// the last sequence that it saw, misses nothing of any.
// Proves: W-55, E15
func TestSequencesOfSeveralNodesRiseInTheOrderOfCommits(t *testing.T) {
	dsn := pgtest.Database(t, pgtest.Shared(t))
	const nodes, writers, each = 3, 2, 20
	var stores [nodes]*postgres.Store
	var opening sync.WaitGroup
	for i := range stores { // at once, on a database without tables
		opening.Go(func() {
			st, err := postgres.New(t.Context(), postgres.Config{DSN: dsn, Ring: storetest.Ring(t), Now: now, Readers: 2})
			if err != nil {
				t.Errorf("open node %d: %v", i, err)
			}
			stores[i] = st
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	for _, st := range stores {
		defer st.Close()
	}
	var wg sync.WaitGroup
	for i := range nodes * writers {
		wg.Go(func() {
			for n := range each {
				if _, err := createOrg(t.Context(), stores[i%nodes], fmt.Sprintf("w%d-%d", i, n)); err != nil {
					t.Errorf("writer %d: %v", i, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	seen := map[string]bool{}
	for at, last := uint64(0), false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		b, err := stores[0].Since(t.Context(), at, nil)
		if err != nil || b.Head.Seq < at {
			t.Fatalf("after %d the head is %d, %v", at, b.Head.Seq, err)
		}
		at = b.Head.Seq
		for _, r := range b.Rows {
			seen[r.Ref.ID] = true
		}
	}
	if len(seen) != nodes*writers*each {
		t.Errorf("the reader saw %d organisations, want %d", len(seen), nodes*writers*each)
	}
	var heads [nodes]admin.Head
	for i, st := range stores {
		heads[i], _ = st.Head(t.Context())
		if heads[i] != heads[0] || heads[i].Store == "" {
			t.Errorf("node %d says %+v, node 0 %+v", i, heads[i], heads[0])
		}
	}
}

// A node that froze inside a change delays the others, up to a limit; reading
// goes on.
// Proves: F-38, E3
func TestAnotherNodeHoldsTheLock(t *testing.T) {
	dsn := pgtest.Migrated(t)
	st := open(t, dsn, func(c *postgres.Config) { c.Wait = 50 * time.Millisecond })
	if _, err := createOrg(t.Context(), st, "before"); err != nil {
		t.Fatal(err)
	}
	frozen := open(t, dsn)
	err := frozen.Write(t.Context(), "test", func(admin.Writer) error {
		if _, err := createOrg(t.Context(), st, "during"); e911.KindOf(err) != e911.Unavailable || err == nil {
			t.Errorf("a write meanwhile: %v, want kind unavailable", err)
		}
		if n, err := orgs(t.Context(), st); n != 1 || err != nil {
			t.Errorf("a read meanwhile finds %d organisations, %v; want 1", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := createOrg(t.Context(), st, "after"); err != nil {
		t.Errorf("a write afterwards: %v", err)
	}
}
