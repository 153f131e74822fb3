package rows

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

var (
	_ admin.ChangeSets = (*Store)(nil)
	_ admin.SetWriter  = (*tx)(nil)
)

type changeSetRow struct {
	bun.BaseModel `bun:"table:change_sets"`
	ID            string      `bun:"id,pk"`
	OrgID         e911.OrgID  `bun:"org_id"`
	Hash          string      `bun:"hash"`
	Who           admin.Actor `bun:"who"`
	MadeAt        int64       `bun:"made_at"`
	ExpiresAt     int64       `bun:"expires_at"`
	AppliedAt     int64       `bun:"applied_at"`
	AppliedBy     admin.Actor `bun:"applied_by"`
	Undoes        string      `bun:"undoes"`
	Undone        string      `bun:"undone"`
	SummarySealed string      `bun:"summary_sealed"`
}

type changePieceRow struct {
	bun.BaseModel `bun:"table:change_pieces"`
	SetID         string     `bun:"set_id,pk"`
	OrgID         e911.OrgID `bun:"org_id"`
	N             int64      `bun:"n,pk"`
	Sealed        string     `bun:"sealed"`
}

// sealSet is what change sets are sealed for.
const sealSet = "change set"

func (s *Store) setRow(r admin.SetRecord) (changeSetRow, error) {
	sealed, err := s.cfg.Ring.Seal(sealSet, r.Summary)
	return changeSetRow{
		ID: r.ID, OrgID: r.Org, Hash: r.Hash, Who: r.Who, MadeAt: millis(r.Made), ExpiresAt: millis(r.Expires),
		AppliedAt: millis(r.Applied), AppliedBy: r.AppliedBy, Undoes: r.Undoes, Undone: r.Undone, SummarySealed: sealed,
	}, s.fault("seal a change set", err)
}

func (s *Store) setRecord(r *changeSetRow) (admin.SetRecord, error) {
	summary, err := s.cfg.Ring.Open(sealSet, r.SummarySealed)
	if err != nil {
		return admin.SetRecord{}, &e911.Error{Kind: e911.Unavailable, Msg: "the change set cannot be unsealed with the keys of this server", Err: err}
	}
	return admin.SetRecord{
		ID: r.ID, Org: r.OrgID, Hash: r.Hash, Who: r.Who, Made: instant(r.MadeAt), Expires: instant(r.ExpiresAt),
		Applied: instant(r.AppliedAt), AppliedBy: r.AppliedBy, Undoes: r.Undoes, Undone: r.Undone, Summary: summary,
	}, nil
}

// SaveChangeSet implements admin.ChangeSets.
func (s *Store) SaveChangeSet(ctx context.Context, r admin.SetRecord, pieces [][]byte) error {
	return s.writeOf(ctx, r.Org, func(t *tx) error {
		var old []string
		err := t.db.NewSelect().Model((*changeSetRow)(nil)).Column("id").
			Where("org_id = ? AND applied_at = 0 AND (expires_at < ? OR id = ?)", r.Org, millis(r.Made), r.ID).Scan(ctx, &old)
		if err != nil {
			return s.fault("look for old plans", err)
		}
		if len(old) > 0 {
			_, err1 := t.db.NewDelete().Model((*changePieceRow)(nil)).Where("org_id = ? AND set_id IN (?)", r.Org, bun.List(old)).Exec(ctx)
			_, err2 := t.db.NewDelete().Model((*changeSetRow)(nil)).Where("org_id = ? AND id IN (?)", r.Org, bun.List(old)).Exec(ctx)
			for _, err := range []error{err1, err2} {
				if err != nil {
					return s.fault("drop old plans", err)
				}
			}
		}
		return t.AddChangeSet(ctx, r, pieces)
	})
}

// AddChangeSet implements admin.SetWriter.
func (t *tx) AddChangeSet(ctx context.Context, r admin.SetRecord, pieces [][]byte) error {
	if err := t.of(ctx, r.Org); err != nil {
		return err
	}
	row, err := t.s.setRow(r)
	if err != nil {
		return err
	}
	if _, err := t.db.NewInsert().Model(&row).Exec(ctx); err != nil {
		return t.s.fault("keep a change set", err)
	}
	for i, p := range pieces {
		sealed, err := t.s.cfg.Ring.Seal(sealSet, p)
		if err != nil {
			return t.s.fault("seal a change set", err)
		}
		piece := changePieceRow{SetID: r.ID, OrgID: r.Org, N: int64(i), Sealed: sealed}
		if _, err := t.db.NewInsert().Model(&piece).Exec(ctx); err != nil {
			return t.s.fault("keep a change set", err)
		}
	}
	return nil
}

// ChangeSet implements admin.ChangeSets.
func (s *Store) ChangeSet(ctx context.Context, org e911.OrgID, id string) (admin.SetRecord, error) {
	var row changeSetRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read a change set", t.db.NewSelect().Model(&row).Where("org_id = ? AND id = ?", org, id).Scan(ctx))
	})
	if e911.KindOf(err) == e911.NotFound && err != nil {
		return admin.SetRecord{}, e911.Errorf(e911.NotFound, "there is no such change set")
	}
	if err != nil {
		return admin.SetRecord{}, err
	}
	return s.setRecord(&row)
}

// ChangePieces implements admin.ChangeSets.
func (s *Store) ChangePieces(ctx context.Context, org e911.OrgID, id string, from, limit int) ([][]byte, error) {
	var rows []changePieceRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read a change set", t.db.NewSelect().Model(&rows).
			Where("org_id = ? AND set_id = ? AND n >= ?", org, id, from).OrderExpr("n").Limit(page(limit)).Scan(ctx))
	})
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(rows))
	for i := range rows {
		if out[i], err = s.cfg.Ring.Open(sealSet, rows[i].Sealed); err != nil {
			return nil, &e911.Error{Kind: e911.Unavailable, Msg: "the change set cannot be unsealed with the keys of this server", Err: err}
		}
	}
	return out, nil
}

// ListChangeSets implements admin.ChangeSets. Ids rise with time.
func (s *Store) ListChangeSets(ctx context.Context, org e911.OrgID, applied bool, before string, limit int) ([]admin.SetRecord, error) {
	var rows []changeSetRow
	err := s.readOf(ctx, org, func(t *tx) error {
		q := t.db.NewSelect().Model(&rows).Where("org_id = ?", org).OrderExpr("id DESC").Limit(page(limit))
		if applied {
			q = q.Where("applied_at > 0")
		} else {
			q = q.Where("applied_at = 0")
		}
		if before != "" {
			q = q.Where("id < ?", before)
		}
		return s.fault("list change sets", q.Scan(ctx))
	})
	if err != nil {
		return nil, err
	}
	out := make([]admin.SetRecord, len(rows))
	for i := range rows {
		if out[i], err = s.setRecord(&rows[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Head implements admin.SetWriter.
func (t *tx) Head(ctx context.Context) (admin.Head, error) { return t.head(ctx) }

// ApplyChangeSet implements admin.SetWriter.
func (t *tx) ApplyChangeSet(ctx context.Context, r admin.SetRecord) error {
	if err := t.of(ctx, r.Org); err != nil {
		return err
	}
	row, err := t.s.setRow(r)
	if err != nil {
		return err
	}
	res, err := t.db.NewUpdate().Model(&row).Column("applied_at", "applied_by", "summary_sealed").
		Where("org_id = ? AND id = ? AND applied_at = 0", r.Org, r.ID).Exec(ctx)
	if err != nil {
		return t.s.fault("mark a plan as applied", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return e911.Errorf(e911.Conflict, "the plan was applied already, or is gone")
	}
	if r.Undoes == "" {
		return nil
	}
	res, err = t.db.NewUpdate().Model((*changeSetRow)(nil)).Set("undone = ?", r.ID).
		Where("org_id = ? AND id = ? AND applied_at > 0 AND undone = ''", r.Org, r.Undoes).Exec(ctx)
	if err != nil {
		return t.s.fault("mark a change set as undone", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return e911.Errorf(e911.Conflict, "the change set was undone already")
	}
	return nil
}
