package postgres_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/internal/store/storetest/faultdriver"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// Proves: F-38, E15, E3
func TestANetworkThatFails(t *testing.T) {
	disk := &faultdriver.Disk{}
	dsn := pgtest.Migrated(t)
	storetest.RunFaults(t, open(t, dsn, func(c *postgres.Config) { c.Wrap, c.Poll = disk.Wrap, time.Hour }), disk)
}

// The server dies inside a change, is away, and comes back: nothing is half done,
// everything is Unavailable meanwhile, and the same store works again without
// being opened anew.
// Proves: F-38, E15, E3
func TestTheServerEndsAndComesBack(t *testing.T) {
	cluster := pgtest.Own(t)
	dsn := pgtest.Database(t, cluster)
	st := open(t, dsn, func(c *postgres.Config) { c.Relisten = 20 * time.Millisecond })
	theirs := open(t, dsn, func(c *postgres.Config) { c.Relisten, c.Poll = 20*time.Millisecond, time.Hour })
	if _, err := createOrg(t.Context(), st, "before"); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func() error{"in order": cluster.Stop, "at once": cluster.Kill} {
		before, err := orgs(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		err = st.Write(t.Context(), "test", func(w admin.Writer) error {
			if _, err := w.Create(t.Context(), e911.Org{ID: e911.NewID[e911.OrgID](), Key: "half", Name: "Half"}); err != nil {
				return err
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			_, err := w.Create(t.Context(), e911.Org{ID: e911.NewID[e911.OrgID](), Key: "other half", Name: "Other half"})
			return err
		})
		if e911.KindOf(err) != e911.Unavailable || err == nil {
			t.Errorf("%s: a change in whose middle the server ended: %v, want kind unavailable", name, err)
		}
		if _, err := createOrg(t.Context(), st, "away"); e911.KindOf(err) != e911.Unavailable || err == nil {
			t.Errorf("%s: a change while it is away: %v, want kind unavailable", name, err)
		}
		if _, err := orgs(t.Context(), st); e911.KindOf(err) != e911.Unavailable || err == nil {
			t.Errorf("%s: a question while it is away: %v, want kind unavailable", name, err)
		}
		if err := cluster.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := orgs(t.Context(), st); err != nil || n != before {
			t.Errorf("%s: afterwards there are %d organisations, %v; want %d as before", name, n, err, before)
		}
		above := pgtest.Connect(t, cluster.DSN(pgtest.Connect(t, dsn).Config().Database))
		listening(t, above, 2, "")
		if _, err := createOrg(t.Context(), st, "after "+name); err != nil {
			t.Errorf("%s: a change when it is back: %v", name, err)
		}
		wakes(t, theirs)
		_ = above.Close(t.Context())
	}
}

// What the driver said stays inside, and each kind of refusal is told apart.
// Proves: D-10
func TestTheDriversErrorsStayInside(t *testing.T) {
	st := open(t, pgtest.Migrated(t))
	o, err := createOrg(t.Context(), st, "harbor")
	if err != nil {
		t.Fatal(err)
	}
	site := e911.Site{ID: e911.NewID[e911.SiteID](), Org: "nobody", Key: "hq"}
	long := e911.Org{ID: e911.NewID[e911.OrgID](), Key: strings.Repeat(e911.NewID[string](), 200)}
	far := make([]byte, 8192) // what does not compress is too long for an index
	for i := range far {
		far[i] = e911.NewID[string]()[35]
	}
	long.Key = string(far)
	for name, c := range map[string]struct {
		do   func(w admin.Writer) error
		want e911.Kind
	}{
		"a key that is taken":    {func(w admin.Writer) error { _, err := w.Create(t.Context(), o); return err }, e911.Conflict},
		"an object that is not":  {func(w admin.Writer) error { _, err := w.Get(t.Context(), admin.RefOf(site)); return err }, e911.NotFound},
		"a reference to nobody":  {func(w admin.Writer) error { _, err := w.Create(t.Context(), site); return err }, e911.Conflict},
		"a key that is too long": {func(w admin.Writer) error { _, err := w.Create(t.Context(), long); return err }, e911.Invalid},
		"an organisation named like the way to all": {func(w admin.Writer) error {
			_, err := w.List(t.Context(), admin.Query{Kind: e911.KindSite, Org: "*"})
			return err
		}, e911.NotFound},
	} {
		err := st.Write(t.Context(), "test", c.do)
		if err == nil || e911.KindOf(err) != c.want || errors.Is(err, sql.ErrNoRows) {
			t.Errorf("%s: error = %v, want kind %s", name, err, c.want)
		}
		if _, ok := errors.AsType[*pgconn.PgError](err); ok {
			t.Errorf("%s: an error of the driver left the store: %v", name, err)
		}
	}
}

// What cannot be opened is refused with what to do, and the password is in no
// error and no line of the log.
// Proves: D-09, D-14
func TestADatabaseThatCannotBeOpened(t *testing.T) {
	cluster := pgtest.Shared(t)
	good := pgtest.Database(t, cluster)
	other := pgtest.Database(t, cluster)
	open(t, other).Close()
	conn := pgtest.Connect(t, other)
	if _, err := conn.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)"); err != nil {
		t.Fatal(err)
	}
	above := pgtest.Connect(t, cluster.DSN("postgres"))
	for _, q := range []string{
		"CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc",
		"ALTER DATABASE latin OWNER TO " + conn.Config().User,
	} {
		if _, err := above.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	change := func(dsn string, do func(*url.URL)) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		do(u)
		return u.String()
	}
	for name, c := range map[string]struct {
		dsn, says string
		kind      e911.Kind
	}{
		"nothing":                {"", "postgres://user", e911.Invalid},
		"another product":        {"mysql://u:geheim@h/x", "postgres://user", e911.Invalid},
		"a port that is none":    {"postgres://u:geheim@h:port/x", "postgres://user", e911.Invalid},
		"a sign in the password": {"postgres://u:ge heim%@h/x", "postgres://user", e911.Invalid},
		"a wrong password":       {change(good, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "geheim") }), "password authentication failed", e911.Unavailable},
		"nobody there":           {change(good, func(u *url.URL) { u.Host = "127.0.0.55:1" }), "connect", e911.Unavailable},
		"no such database":       {change(good, func(u *url.URL) { u.Path = "/nowhere" }), "does not exist", e911.Unavailable},
		"a superuser":            {change(cluster.DSN("postgres"), func(u *url.URL) { u.Path = "/postgres" }), "row-level security", e911.Invalid},
		"a newer Callbox":        {other, "newer Callbox", e911.Unavailable},
		"another encoding":       {change(other, func(u *url.URL) { u.Path = "/latin" }), "ENCODING 'UTF8'", e911.Invalid},
	} {
		var log bytes.Buffer
		st, err := postgres.New(t.Context(), postgres.Config{DSN: c.dsn, Ring: storetest.Ring(t), Now: now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err == nil {
			st.Close()
			t.Errorf("%s: it was opened", name)
			continue
		}
		if e911.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want kind %s and %q", name, err, c.kind, c.says)
		}
		secret := "geheim"
		if u, err := url.Parse(c.dsn); err == nil && u.User != nil {
			secret, _ = u.User.Password()
		}
		if text := err.Error() + log.String(); strings.Contains(text, "heim") || secret != "" && strings.Contains(text, secret) {
			t.Errorf("%s: the password is told: %s", name, text)
		}
	}
	if _, err := postgres.New(t.Context(), postgres.Config{DSN: good}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("without ring and clock: %v, want kind invalid", err)
	}
	if place, err := postgres.Place("postgres://callbox:geheim@db.example:5433/e911"); err != nil || place != "PostgreSQL database e911 at db.example:5433 as callbox" {
		t.Errorf("place = %q, %v", place, err)
	}
}

// A connection whose question was given up is not used for the next one.
// Proves: F-38
func TestQuestionsThatAreGivenUpLeaveThePoolWell(t *testing.T) {
	st := open(t, pgtest.Migrated(t), func(c *postgres.Config) { c.Readers = 2 })
	if _, err := createOrg(t.Context(), st, "harbor"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
			defer cancel()
			if _, err := orgs(ctx, st); err != nil && e911.KindOf(err) != e911.Unavailable {
				t.Errorf("given up: %v, want kind unavailable", err)
			}
		})
	}
	wg.Wait()
	for range 4 {
		if n, err := orgs(t.Context(), st); n != 1 || err != nil {
			t.Errorf("afterwards %d organisations, %v; want 1", n, err)
		}
	}
}
