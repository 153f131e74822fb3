package app

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// dial makes a call that is answered and ends it.
func dial(ctx context.Context, t *testing.T, p *phone.Phone, number string) {
	t.Helper()
	where, err := p.Locate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	call, err := p.Dial(ctx, phone.Dialling{Number: number, Location: where.URI})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitAnswer(ctx); err != nil {
		t.Fatalf("a call to %s: %v", number, err)
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
}

// ended counts the records of calls that are over.
func ended(ctx context.Context, s *Server, org e911.OrgID) int {
	list, err := s.store.ListCalls(ctx, org, "", 100)
	if err != nil {
		return -1
	}
	n := 0
	for _, r := range list {
		if r.State == report.Ended {
			n++
		}
	}
	return n
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// The same server with the same world on each engine: it imports, calls come
// through, their records are there. PostgreSQL dies under it, and then its network
// swallows everything: calls go on, a change is refused with the reason, and all is
// well when it is back.
//
// Proves: E3, E4, F-38, D-12, D-09
func TestTheServerRunsOnBothEngines(t *testing.T) {
	for _, engine := range []string{"embedded", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			var away, back func()
			var network *pgtest.Proxy
			var log lockedBuffer
			where, secret := EmbeddedStore, ""
			if engine == "postgres" {
				cluster := pgtest.Own(t)
				where, network = pgtest.Through(t, pgtest.Database(t, cluster))
				u, err := url.Parse(where)
				if err != nil {
					t.Fatal(err)
				}
				secret, _ = u.User.Password()
				away = func() {
					if err := cluster.Kill(); err != nil {
						t.Fatal(err)
					}
				}
				back = func() {
					if err := cluster.Restart(ctx); err != nil {
						t.Fatal(err)
					}
				}
			}
			s, p, hooks := serverUnderTest(ctx, t, func(c *Config) {
				c.Store, c.Log = where, slog.New(slog.NewTextHandler(&log, nil))
			})
			org := onlyOrg(s)
			dial(ctx, t, p, "911")
			dial(ctx, t, p, "933")
			if err := waitFor(ctx, 20*time.Second, "the records", func() bool { return ended(ctx, s, org) == 2 }); err != nil {
				t.Fatal(err)
			}
			if away == nil {
				return
			}
			away()
			dial(ctx, t, p, "911")
			dial(ctx, t, p, "911")
			if _, err := hooks.Await(ctx, 3); err != nil {
				t.Errorf("notices while PostgreSQL is away: %v", err)
			}
			if _, err := s.Import(ctx, "harbor.yaml", examples.Harbor(), world.Options{}); e911.KindOf(err) != e911.Unavailable {
				t.Errorf("an import while PostgreSQL is away: %v, want kind unavailable", err)
			}
			back()
			if err := waitFor(ctx, 40*time.Second, "the records", func() bool { return ended(ctx, s, org) == 4 }); err != nil {
				t.Error(err)
			}
			network.Silence()
			dial(ctx, t, p, "911")
			if _, err := hooks.Await(ctx, 4); err != nil {
				t.Errorf("notices while the network swallows everything: %v", err)
			}
			if _, err := s.Import(ctx, "harbor.yaml", examples.Harbor(), world.Options{}); e911.KindOf(err) != e911.Unavailable {
				t.Errorf("an import while the network swallows everything: %v, want kind unavailable", err)
			}
			network.Heal()
			if err := waitFor(ctx, 40*time.Second, "the records", func() bool { return ended(ctx, s, org) == 5 }); err != nil {
				t.Error(err)
			}
			// Last, because it takes away the trunk of the test's own address.
			if _, err := s.Import(ctx, "harbor.yaml", examples.Harbor(), world.Options{}); err != nil {
				t.Errorf("an import when PostgreSQL is back: %v", err)
			}
			if text := log.String(); strings.Contains(text, secret) || !strings.Contains(text, "PostgreSQL database") {
				t.Errorf("the log holds the password, or not where the database is:\n%s", text)
			}
		})
	}
}

// A command without a server finds the database that the server had, and the
// file that says where it is keeps the password sealed.
//
// Proves: D-09, D-14
func TestADataDirectoryRemembersItsDatabase(t *testing.T) {
	dsn := pgtest.Database(t, pgtest.Own(t))
	dir := t.TempDir()
	ring, err := seal.LoadMaster(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	name := func(where string) string {
		t.Helper()
		st, err := openDatabase(t.Context(), databaseConfig{Dir: dir, Where: where, Ring: ring, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		head, err := st.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return head.Store
	}
	elsewhere := name(dsn)
	st, closer, err := offline(dir)
	if err != nil {
		t.Fatal(err)
	}
	head, err := st.Head(t.Context())
	if err != nil || head.Store != elsewhere {
		t.Errorf("offline opens %v, %v; want the database %s", head, err, elsewhere)
	}
	if err := closer(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, storeFile))
	if err != nil || bytes.Contains(kept, []byte("postgres")) {
		t.Errorf("%s is readable: %s %v", storeFile, kept, err)
	}
	own := name(EmbeddedStore)
	if own == elsewhere || name("") != own {
		t.Error("the embedded database is not used when it is named, or not remembered")
	}
	for _, bad := range []string{"mysql://x:geheim@y/z", "postgres://u:geheim@h:port/x", "postgres://u:ge heim@[h/x"} {
		cfg := Default()
		cfg.Store = bad
		if err := cfg.validate(); err == nil || strings.Contains(err.Error(), "heim") || !strings.Contains(err.Error(), "postgres://user") {
			t.Errorf("a wrong address: %v", err)
		}
	}
}
