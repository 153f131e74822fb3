package rows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// Config is what a Store stands on.
type Config struct {
	// Reads answers questions; its transactions see one state each.
	Reads *bun.DB
	// Writes runs one write transaction at a time, in commit order: a change
	// with a lower sequence must never appear after a higher one was read.
	Writes *bun.DB
	// Isolation makes a transaction of Reads see one state.
	Isolation sql.IsolationLevel
	// Lock is the statement that makes a write transaction wait for all others,
	// where the engine would let several run at once.
	Lock string
	// Scope is the statement that tells the engine's row-level security whose rows
	// may be seen in this transaction (scope.go); it has one ?.
	Scope string
	// Notify is the statement that tells the other users of the database of a
	// change when the transaction commits.
	Notify string
	Ring   *seal.Ring
	Now    func() time.Time
	// Catalog is needed for CopyTo alone.
	Catalog Catalog
	// KindOf says what an error of the driver means; "" is not one it knows.
	KindOf func(error) e911.Kind
}

// Store keeps configured objects and call records. Safe for concurrent use.
type Store struct {
	cfg  Config
	wake chan struct{}
}

// New checks the configuration and gives the database its name when it has
// none. The tables must be up to date.
func New(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Reads == nil || cfg.Writes == nil || cfg.Ring == nil || cfg.Now == nil || cfg.KindOf == nil {
		return nil, e911.Errorf(e911.Invalid, "a store needs its databases, a key ring, a clock and the engine's errors")
	}
	s := &Store{cfg: cfg, wake: make(chan struct{}, 1)}
	_, err := cfg.Writes.NewRaw(`INSERT INTO store_meta (name, value) VALUES ('id', ?) ON CONFLICT (name) DO NOTHING`,
		uuid.NewString()).Exec(ctx)
	if err != nil {
		return nil, s.fault("name the database", err)
	}
	return s, nil
}

// Wake receives after a commit that changed objects; several commits may give
// one value.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Read implements admin.Store.
func (s *Store) Read(ctx context.Context, do func(admin.Reader) error) error {
	return s.read(ctx, func(tx *tx) error { return do(tx) })
}

func (s *Store) read(ctx context.Context, do func(*tx) error) error {
	db, err := s.cfg.Reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: s.cfg.Isolation})
	if err != nil {
		return s.fault("begin to read", err)
	}
	defer func() { _ = db.Rollback() }() // does nothing after a commit
	return do(&tx{s: s, db: db})
}

// Write implements admin.Store.
func (s *Store) Write(ctx context.Context, who admin.Actor, do func(admin.Writer) error) error {
	changed := false
	err := s.write(ctx, func(tx *tx) error {
		tx.who = who
		if err := do(tx); err != nil {
			return err
		}
		changed = len(tx.log) > 0
		if err := tx.flush(ctx); err != nil || !changed || s.cfg.Notify == "" {
			return err
		}
		_, err := tx.db.NewRaw(s.cfg.Notify).Exec(ctx)
		return s.fault("tell of the change", err)
	})
	if err == nil && changed {
		s.Nudge()
	}
	return err
}

// Nudge makes Wake receive: somebody else has changed objects.
func (s *Store) Nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	db, err := s.cfg.Writes.BeginTx(ctx, nil)
	if err != nil {
		return s.fault("begin to write", err)
	}
	defer func() { _ = db.Rollback() }() // does nothing after a commit
	if s.cfg.Lock != "" {
		if _, err := db.NewRaw(s.cfg.Lock).Exec(ctx); err != nil {
			return s.fault("wait for other changes", err)
		}
	}
	if err := do(&tx{s: s, db: db}); err != nil {
		return err
	}
	if err := db.Commit(); err != nil {
		return s.fault("commit", err)
	}
	return nil
}

// fault turns an error of SQL or the driver into one of ours. Its text goes
// into the log, its type stays here.
func (s *Store) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*e911.Error](err); ours {
		return err
	}
	e := &e911.Error{Kind: e911.Unavailable, Msg: "the database cannot answer now"}
	switch {
	case errors.Is(err, context.Canceled):
		e.Err = fmt.Errorf("%s: %w", doing, context.Canceled)
		return e
	case errors.Is(err, context.DeadlineExceeded):
		e.Err = fmt.Errorf("%s: %w", doing, context.DeadlineExceeded)
		return e
	case errors.Is(err, sql.ErrNoRows):
		return e911.Errorf(e911.NotFound, "there is no such object")
	}
	if kind := s.cfg.KindOf(err); kind != "" {
		e.Kind = kind
	}
	switch e.Kind {
	case e911.Conflict:
		e.Msg = "the change does not agree with what is stored"
	case e911.Internal, e911.Invalid:
		e.Msg = "the database refuses the change"
	}
	e.Err = fmt.Errorf("%s: %s", doing, err) //nolint:errorlint // the driver's type must not leave the store
	return e
}

// tx is one transaction; it implements admin.Writer.
type tx struct {
	s     *Store
	db    bun.IDB
	scope string // what the engine's row-level security was told last
	who   admin.Actor
	log   []entry
}

// entry is one change to be logged when the transaction commits.
type entry struct {
	ref           admin.Ref
	key           string
	verb          admin.Verb
	before, after any // e911 values; nil: there is none, or it could not be read
}

type changeRow struct {
	bun.BaseModel `bun:"table:changes"`
	Seq           int64           `bun:"seq,pk,autoincrement"`
	Kind          e911.ObjectKind `bun:"kind"`
	OrgID         e911.OrgID      `bun:"org_id"`
	ObjectID      string          `bun:"object_id"`
	At            int64           `bun:"at"`
}

// logBatch is how many log rows go into one statement.
const logBatch = 200

// flush writes the change and audit rows of the transaction. An object has one
// change row, its newest: publish asks for the present form, never for history.
func (t *tx) flush(ctx context.Context) error {
	if len(t.log) == 0 {
		return nil
	}
	if err := t.every(ctx); err != nil { // a transaction may change several organisations
		return err
	}
	orgs := map[e911.OrgID]bool{}
	for i := range t.log {
		orgs[t.log[i].ref.Org] = true
	}
	heads, err := t.heads(ctx, slices.Collect(maps.Keys(orgs)))
	if err != nil {
		return err
	}
	at, trail := t.s.cfg.Now().UnixMilli(), admin.TrailOf(ctx)
	for start := 0; start < len(t.log); start += logBatch {
		part := t.log[start:min(start+logBatch, len(t.log))]
		changes := make([]changeRow, 0, len(part))
		audits := make([]auditRow, 0, len(part))
		for i, e := range part {
			row, err := e.audit(trail)
			if err != nil {
				return err
			}
			audits = append(audits, row)
			if !loggedLater(part[i+1:], e.ref) {
				changes = append(changes, changeRow{Kind: e.ref.Kind, OrgID: e.ref.Org, ObjectID: e.ref.ID, At: at})
			}
		}
		if err := t.forget(ctx, part, trail.Set != ""); err != nil {
			return err
		}
		if _, err := t.db.NewInsert().Model(&changes).Exec(ctx); err != nil {
			return t.s.fault("log the change", err)
		}
		if err := t.writeAudit(ctx, audits, heads); err != nil {
			return err
		}
	}
	return t.writeHeads(ctx, heads)
}

// forget removes the older change rows of the objects. One that was created has
// none: ids are never used again, but by a change set that puts back what another
// deleted.
func (t *tx) forget(ctx context.Context, part []entry, again bool) error {
	groups := map[admin.Ref][]string{} // by kind and organisation
	for _, e := range part {
		if e.verb != admin.Created || again {
			k := admin.Ref{Kind: e.ref.Kind, Org: e.ref.Org}
			groups[k] = append(groups[k], e.ref.ID)
		}
	}
	for k, ids := range groups {
		_, err := t.db.NewDelete().Model((*changeRow)(nil)).
			Where("kind = ? AND org_id = ? AND object_id IN (?)", k.Kind, k.Org, bun.List(ids)).Exec(ctx)
		if err != nil {
			return t.s.fault("log the change", err)
		}
	}
	return nil
}

func loggedLater(rest []entry, ref admin.Ref) bool {
	for _, e := range rest {
		if e.ref == ref {
			return true
		}
	}
	return false
}

func page(limit int) int64 {
	if limit <= 0 || limit > admin.MaxPage {
		return admin.MaxPage
	}
	return int64(limit)
}
