package rows

import (
	"context"
	"database/sql"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
)

// Head answers publish.Source.
func (s *Store) Head(ctx context.Context) (admin.Head, error) {
	var head admin.Head
	err := s.read(ctx, func(t *tx) (err error) {
		head, err = t.head(ctx)
		return err
	})
	return head, err
}

func (t *tx) head(ctx context.Context) (admin.Head, error) {
	var head admin.Head
	err := t.db.NewSelect().TableExpr("store_meta").Column("value").Where("name = 'id'").Scan(ctx, &head.Store)
	if err != nil {
		return head, t.s.fault("read the name of the database", err)
	}
	if err := t.every(ctx); err != nil {
		return head, err
	}
	var seq sql.NullInt64
	if err := t.db.NewSelect().TableExpr("changes").ColumnExpr("max(seq)").Scan(ctx, &seq); err != nil {
		return head, t.s.fault("read the last change", err)
	}
	head.Seq = uint64(seq.Int64)
	return head, nil
}

// fetchBatch is how many objects of one kind are asked for at once.
const fetchBatch = 500

// Since answers publish.Source.
func (s *Store) Since(ctx context.Context, after uint64, also []admin.Ref) (admin.Batch, error) {
	var batch admin.Batch
	err := s.read(ctx, func(t *tx) (err error) {
		if batch.Head, err = t.head(ctx); err != nil {
			return err
		}
		if err := t.every(ctx); err != nil {
			return err
		}
		var changes []changeRow
		if err := t.db.NewSelect().Model(&changes).Where("seq > ?", after).OrderExpr("seq").Scan(ctx); err != nil {
			return t.s.fault("read changes", err)
		}
		if len(changes) > 0 {
			batch.Oldest = instant(changes[0].At)
		}
		wanted := map[admin.Ref]bool{}
		for _, ref := range also {
			wanted[ref] = true
		}
		for _, c := range changes {
			wanted[admin.Ref{Kind: c.Kind, Org: c.OrgID, ID: c.ObjectID}] = true
		}
		batch.Rows, err = t.present(ctx, wanted)
		return err
	})
	return batch, err
}

// present reads the objects as they are now; those that are gone come without
// a value.
func (t *tx) present(ctx context.Context, wanted map[admin.Ref]bool) ([]admin.Row, error) {
	ids := map[admin.Ref][]string{} // by kind and organisation
	for ref := range wanted {
		group := admin.Ref{Kind: ref.Kind, Org: ref.Org}
		ids[group] = append(ids[group], ref.ID)
	}
	var rows []admin.Row
	for group, list := range ids {
		for part := range slices.Chunk(list, fetchBatch) {
			items, err := tableOf(group.Kind).list(ctx, t, filter{org: group.Org, ids: part})
			if err != nil {
				return nil, err
			}
			for _, it := range items {
				delete(wanted, it.object.Ref)
				rows = append(rows, admin.Row{Ref: it.object.Ref, Value: it.object.Value, Err: it.err})
			}
		}
	}
	for ref := range wanted {
		rows = append(rows, admin.Row{Ref: ref})
	}
	return rows, nil
}

// All answers publish.Source.
func (s *Store) All(ctx context.Context) (admin.Batch, error) {
	var batch admin.Batch
	err := s.read(ctx, func(t *tx) (err error) {
		if batch.Head, err = t.head(ctx); err != nil {
			return err
		}
		for _, kind := range admin.Kinds() {
			after := ""
			for {
				items, err := tableOf(kind).list(ctx, t, filter{every: true, after: after, limit: admin.MaxPage})
				if err != nil {
					return err
				}
				for _, it := range items {
					batch.Rows = append(batch.Rows, admin.Row{Ref: it.object.Ref, Value: it.object.Value, Err: it.err})
				}
				if len(items) < admin.MaxPage {
					break
				}
				after = items[len(items)-1].object.Ref.ID
			}
		}
		return nil
	})
	return batch, err
}
