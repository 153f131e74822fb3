package rows

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
)

var _ setup.TrunkStates = (*Store)(nil)

type trunkStateRow struct {
	bun.BaseModel `bun:"table:trunk_states"`
	TrunkID       e911.TrunkID `bun:"trunk_id,pk"`
	At            int64        `bun:"at,pk"`
	Node          string       `bun:"node,pk"`
	Down          int          `bun:"down"` // 1: it is down
}

// AddTrunkState implements setup.TrunkStates.
func (s *Store) AddTrunkState(ctx context.Context, v setup.TrunkState, before time.Time) error {
	row := trunkStateRow{TrunkID: v.Trunk, At: millis(v.At), Node: v.Node}
	if v.Down {
		row.Down = 1
	}
	return s.writeEvery(ctx, func(t *tx) error {
		if _, err := t.db.NewInsert().Model(&row).On("CONFLICT (trunk_id, at, node) DO UPDATE").Set("down = EXCLUDED.down").Exec(ctx); err != nil {
			return s.fault("keep the state of a trunk", err)
		}
		_, err := t.db.NewDelete().Model((*trunkStateRow)(nil)).Where("at < ?", millis(before)).Exec(ctx)
		return s.fault("forget old states of trunks", err)
	})
}

// TrunkStatesSince implements setup.TrunkStates.
func (s *Store) TrunkStatesSince(ctx context.Context, from time.Time) ([]setup.TrunkState, error) {
	var found []trunkStateRow
	err := s.readEvery(ctx, func(t *tx) error {
		return s.fault("read the states of trunks", t.db.NewSelect().Model(&found).Where("at >= ?", millis(from)).OrderExpr("at, trunk_id, node").Scan(ctx))
	})
	out := make([]setup.TrunkState, len(found))
	for i, r := range found {
		out[i] = setup.TrunkState{Trunk: r.TrunkID, Node: r.Node, At: instant(r.At), Down: r.Down != 0}
	}
	return out, err
}
