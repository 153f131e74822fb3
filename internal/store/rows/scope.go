package rows

import (
	"context"

	"github.com/callbox911/callbox/internal/e911"
)

// What Config.Scope is told. No organisation has such an id.
const (
	scopeWorld = "-" // rows of the world part
	scopeEvery = "*" // all rows
)

// of says that the queries that follow in the transaction concern rows of the
// organisation; "" is the world part. Rows of others cannot be seen or written
// then where the engine has row-level security, whatever the queries say.
func (t *tx) of(ctx context.Context, org e911.OrgID) error {
	scope := string(org)
	switch scope {
	case "":
		scope = scopeWorld
	case scopeWorld, scopeEvery:
		return e911.Errorf(e911.NotFound, "there is no such organisation")
	}
	return t.tell(ctx, scope)
}

// every says that the queries that follow concern all organisations. It is for
// what the operator and the server themselves ask: the list of organisations,
// whom an address belongs to, changes to publish, what follows from the journal.
func (t *tx) every(ctx context.Context) error { return t.tell(ctx, scopeEvery) }

// ofAll is of for one organisation and every for several.
func (t *tx) ofAll(ctx context.Context, orgs map[e911.OrgID]bool) error {
	if len(orgs) == 1 {
		for org := range orgs {
			return t.of(ctx, org)
		}
	}
	return t.every(ctx)
}

func (t *tx) see(ctx context.Context, f filter) error {
	if f.every {
		return t.every(ctx)
	}
	return t.of(ctx, f.org)
}

func (t *tx) tell(ctx context.Context, scope string) error {
	if t.s.cfg.Scope == "" || t.scope == scope {
		return nil
	}
	if _, err := t.db.NewRaw(t.s.cfg.Scope, scope).Exec(ctx); err != nil {
		return t.s.fault("say whose rows are asked for", err)
	}
	t.scope = scope
	return nil
}

// readOf reads rows of one organisation.
func (s *Store) readOf(ctx context.Context, org e911.OrgID, do func(*tx) error) error {
	return s.read(ctx, func(t *tx) error {
		if err := t.of(ctx, org); err != nil {
			return err
		}
		return do(t)
	})
}

// writeOf writes rows of one organisation.
func (s *Store) writeOf(ctx context.Context, org e911.OrgID, do func(*tx) error) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.of(ctx, org); err != nil {
			return err
		}
		return do(t)
	})
}

// readEvery reads rows of all organisations; see every.
func (s *Store) readEvery(ctx context.Context, do func(*tx) error) error {
	return s.read(ctx, func(t *tx) error {
		if err := t.every(ctx); err != nil {
			return err
		}
		return do(t)
	})
}

// writeEvery writes rows of all organisations; see every.
func (s *Store) writeEvery(ctx context.Context, do func(*tx) error) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.every(ctx); err != nil {
			return err
		}
		return do(t)
	})
}
