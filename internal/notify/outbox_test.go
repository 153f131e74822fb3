package notify_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// broken is a database/sql driver around the real one that fails on demand
// (F-38 a).
type broken struct{ fail atomic.Bool }

var errIO = errors.New("disk I/O error (injected)")

func (b *broken) err() error {
	if b.fail.Load() {
		return errIO
	}
	return nil
}

func (b *broken) open(path string) (*sql.DB, error) {
	db, err := notify.OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	under := db.Driver()
	db.Close()
	out := sql.OpenDB(connector{b, under, "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"})
	out.SetMaxOpenConns(1)
	return out, nil
}

type connector struct {
	b     *broken
	under driver.Driver
	name  string
}

func (c connector) Driver() driver.Driver { return c.under }
func (c connector) Connect(context.Context) (driver.Conn, error) {
	if err := c.b.err(); err != nil {
		return nil, err
	}
	conn, err := c.under.Open(c.name)
	if err != nil {
		return nil, err
	}
	return &brokenConn{conn, c.b}, nil
}

type brokenConn struct {
	driver.Conn
	b *broken
}

func (c *brokenConn) Prepare(q string) (driver.Stmt, error) {
	if err := c.b.err(); err != nil {
		return nil, err
	}
	s, err := c.Conn.Prepare(q)
	return brokenStmt{s, c.b}, err
}

func (c *brokenConn) Begin() (driver.Tx, error) {
	if err := c.b.err(); err != nil {
		return nil, err
	}
	tx, err := c.Conn.Begin() //nolint:staticcheck // the one form that a wrapper without contexts has
	return brokenTx{tx, c.b}, err
}

type brokenStmt struct {
	driver.Stmt
	b *broken
}

func (s brokenStmt) Exec(args []driver.Value) (driver.Result, error) {
	if err := s.b.err(); err != nil {
		return nil, err
	}
	return s.Stmt.Exec(args) //nolint:staticcheck // as above
}

func (s brokenStmt) Query(args []driver.Value) (driver.Rows, error) {
	if err := s.b.err(); err != nil {
		return nil, err
	}
	return s.Stmt.Query(args) //nolint:staticcheck // as above
}

type brokenTx struct {
	driver.Tx
	b *broken
}

func (t brokenTx) Commit() error {
	if err := t.b.err(); err != nil {
		_ = t.Rollback()
		return err
	}
	return t.Tx.Commit()
}

// Proves: E3, E5, F-38
func TestPeopleAreToldWhileTheDatabaseFails(t *testing.T) {
	h := newHouse(t)
	b := &broken{}
	h.open = b.open
	h.start()
	h.record(1)
	h.mails(1)
	h.hooks(1)
	b.fail.Store(true)
	for i := range 4 {
		h.record(i + 2)
		h.hooks(i + 2)
		h.mails(i + 2)
	}
	h.alarm(notify.AlarmOutbox)
	b.fail.Store(false)
	h.alarm(notify.AlarmOutboxOK)
	h.stop()
	h.once()
	if got := h.rows(1); got != 10 {
		t.Errorf("%d notices noted as sent, want all 10", got)
	}
	// What was sent meanwhile is known after a restart.
	h.start()
	h.record(6)
	h.mails(6)
	h.hooks(6)
	h.stop()
	h.once()
}

// Proves: E3, E5, F-38
func TestPeopleAreToldWhenTheDatabaseFailsFromTheStart(t *testing.T) {
	h := newHouse(t)
	h.start()
	h.record(1)
	h.mails(1)
	h.hooks(1)
	h.facts(journal.NotifySent, 2)
	h.stop()

	b := &broken{}
	b.fail.Store(true)
	h.open = b.open
	h.start()
	h.record(2)
	h.mails(2)
	h.hooks(2)
	b.fail.Store(false)
	h.alarm(notify.AlarmOutboxOK)
	h.stop()
	h.once() // the cursor beside the database kept call 1 from being told again
	if got := h.rows(1); got != 4 {
		t.Errorf("%d notices noted as sent, want 4", got)
	}
}

// Proves: E3, E5, F-38
func TestPeopleAreToldWhileSomebodyHoldsTheDatabase(t *testing.T) {
	h := newHouse(t)
	h.start()
	h.record(1)
	h.mails(1)
	h.hooks(1)
	db, err := notify.OpenSQLite(filepath.Join(h.dir, "outbox", "outbox.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	h.record(2)
	h.mails(2)
	h.hooks(2)
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	h.stop()
	h.once()
	if got := h.rows(1); got != 4 {
		t.Errorf("%d notices noted as sent, want 4", got)
	}
}

// Proves: E5, F-38
func TestADamagedOutboxIsPutAsideAndLosesNoNotice(t *testing.T) {
	h := newHouse(t)
	h.mail.Down()
	h.start()
	for i := range 3 {
		h.record(i + 1)
	}
	h.hooks(3)
	h.facts(journal.NotifySent, 3)
	h.stop()
	file := filepath.Join(h.dir, "outbox", "outbox.db")
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(file + suffix) // may be gone already
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.mail.Up(); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.mails(3) // the pending mails come again from the facts
	h.alarm(notify.AlarmOutboxOK)
	h.record(4)
	h.mails(4)
	h.hooks(4)
	h.stop()
	aside, err := filepath.Glob(file + ".damaged-*")
	if err != nil || len(aside) != 1 {
		t.Errorf("put aside: %v %v", aside, err)
	}
	for _, r := range h.hook.Received() {
		if r.Different != 0 {
			t.Errorf("webhook %s came again with other content", r.ID)
		}
	}
	if got := len(h.hook.Received()); got != 4 {
		t.Errorf("%d different webhooks, want 4", got)
	}
	if got := h.rows(1); got != 8 {
		t.Errorf("%d notices noted as sent in the new outbox, want 8", got)
	}
}

// Proves: D-09
func TestTheOutboxHoldsNoSecret(t *testing.T) {
	h := newHouse(t)
	h.hook.Down()
	h.start()
	h.record(1)
	h.mails(1)
	h.facts(journal.NotifyFailed, 1)
	h.stop()
	files, err := filepath.Glob(filepath.Join(h.dir, "*", "*"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), secret) {
			t.Errorf("%s holds the secret of a webhook", filepath.Base(f))
		}
	}
}

// Proves: E5
func TestAnOutboxOfANewerProgramIsLeftAlone(t *testing.T) {
	h := newHouse(t)
	h.start()
	h.record(1)
	h.mails(1)
	h.hooks(1)
	h.stop()
	file := filepath.Join(h.dir, "outbox", "outbox.db")
	db, err := notify.OpenSQLite(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	h.start()
	h.record(2)
	h.mails(2)
	h.hooks(2)
	h.alarm(notify.AlarmOutbox)
	h.stop()
	h.once()
	if aside, _ := filepath.Glob(file + ".damaged-*"); len(aside) != 0 {
		t.Error(fmt.Sprint("put aside: ", aside))
	}
}

// Proves: E3, E5, F-38
func TestPeopleAreToldWhileTheDatabaseHangsAtTheStart(t *testing.T) {
	h := newHouse(t)
	h.start()
	h.record(1)
	h.mails(1)
	h.hooks(1)
	h.facts(journal.NotifySent, 2) // the server's answer has arrived, too
	h.mail.Down()
	h.record(2)
	h.hooks(2)
	h.facts(journal.NotifySent, 3)
	h.stop()
	if err := h.mail.Up(); err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	h.open = func(path string) (*sql.DB, error) {
		<-hang
		return notify.OpenSQLite(path)
	}
	h.start()
	h.record(3)
	h.hooks(3)
	h.mails(3) // that of call 2 too: the facts say that it is owed
	h.alarm(notify.AlarmOutbox)
	close(hang)
	h.alarm(notify.AlarmOutboxOK)
	h.stop()
	h.once()
	if pending, sent := h.rows(0), h.rows(1); pending != 0 || sent != 6 {
		t.Errorf("%d notices noted as pending and %d as sent, want 0 and 6", pending, sent)
	}
	h.open = nil
	h.start()
	h.record(4)
	h.mails(4)
	h.hooks(4)
	h.stop()
	h.once()
}
