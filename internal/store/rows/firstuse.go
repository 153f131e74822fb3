package rows

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
)

var _ firstuse.Reminders = (*Store)(nil)

type remindedRow struct {
	bun.BaseModel `bun:"table:first_use_reminders"`
	OrgID         e911.OrgID  `bun:"org_id,pk"`
	UserID        e911.UserID `bun:"user_id,pk"`
	Since         int64       `bun:"since"`
	Times         int         `bun:"times"`
	Last          int64       `bun:"last"`
	Node          string      `bun:"node"`
	Handed        bool        `bun:"handed"`
}

// Reminded implements firstuse.Reminders.
func (s *Store) Reminded(ctx context.Context, org e911.OrgID) (map[e911.UserID]firstuse.Reminded, error) {
	var found []remindedRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read who was written to", t.db.NewSelect().Model(&found).Where("org_id = ?", org).Scan(ctx))
	})
	out := make(map[e911.UserID]firstuse.Reminded, len(found))
	for _, r := range found {
		out[r.UserID] = firstuse.Reminded{User: r.UserID, Since: instant(r.Since), Times: r.Times, Last: instant(r.Last), Node: r.Node, Handed: r.Handed}
	}
	return out, err
}

// SaveReminded implements firstuse.Reminders.
func (s *Store) SaveReminded(ctx context.Context, org e911.OrgID, r firstuse.Reminded, times int) (done bool, err error) {
	row := remindedRow{OrgID: org, UserID: r.User, Since: millis(r.Since), Times: r.Times, Last: millis(r.Last), Node: r.Node, Handed: r.Handed}
	err = s.writeOf(ctx, org, func(t *tx) error {
		var res sql.Result
		var err error
		if times < 0 {
			res, err = t.db.NewInsert().Model(&row).On("CONFLICT (org_id, user_id) DO NOTHING").Exec(ctx)
		} else {
			res, err = t.db.NewUpdate().Model(&row).Column("since", "times", "last", "node", "handed").Where("org_id = ? AND user_id = ? AND times = ?", org, r.User, times).Exec(ctx)
		}
		if err != nil {
			return s.fault("keep who was written to", err)
		}
		n, err := res.RowsAffected()
		done = n == 1
		return s.fault("keep who was written to", err)
	})
	return done && err == nil, err
}

// DropReminded implements firstuse.Reminders.
func (s *Store) DropReminded(ctx context.Context, org e911.OrgID, users []e911.UserID) error {
	return s.writeOf(ctx, org, func(t *tx) error {
		const part = 500
		for len(users) > 0 {
			some := users[:min(part, len(users))]
			users = users[len(some):]
			_, err := t.db.NewDelete().Model((*remindedRow)(nil)).Where("org_id = ? AND user_id IN (?)", org, bun.List(some)).Exec(ctx)
			if err != nil {
				return s.fault("forget who was written to", err)
			}
		}
		return nil
	})
}
