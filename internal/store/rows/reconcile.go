package rows

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/e911"
)

var _ reconcile.Store = (*Store)(nil)

// kindList is what the audit trail calls a list of a platform's.
const kindList e911.ObjectKind = "reconcile_source"

type reconcileSourceRow struct {
	bun.BaseModel `bun:"table:reconcile_sources"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	ID            string     `bun:"id,pk"`
	Key           string     `bun:"key"`
	Version       int64      `bun:"version"`
	Body          string     `bun:"body"`
}

type reconcileListRow struct {
	bun.BaseModel `bun:"table:reconcile_lists"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	SourceID      string     `bun:"source_id,pk"`
	Name          string     `bun:"name"`
	At            int64      `bun:"at"`
	Digest        string     `bun:"digest"`
	Body          []byte     `bun:"body"`
}

type reconcileRunRow struct {
	bun.BaseModel `bun:"table:reconcile_runs"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	SourceID      string     `bun:"source_id,pk"`
	ID            string     `bun:"id,pk"`
	Body          string     `bun:"body"`
	Differences   string     `bun:"differences"` // JSON; empty: not the newest, or none
}

// Sources implements reconcile.Store.
func (s *Store) Sources(ctx context.Context, org e911.OrgID) ([]reconcile.Source, error) {
	var found []reconcileSourceRow
	read := func(t *tx) error {
		q := t.db.NewSelect().Model(&found).OrderExpr("org_id, key")
		if org != "" {
			q = q.Where("org_id = ?", org)
		}
		return s.fault("read the lists that are compared", q.Scan(ctx))
	}
	in := s.readEvery
	if org != "" {
		in = func(ctx context.Context, do func(*tx) error) error { return s.readOf(ctx, org, do) }
	}
	if err := in(ctx, read); err != nil {
		return nil, err
	}
	out := make([]reconcile.Source, len(found))
	for i, r := range found {
		if err := untext(r.Body, &out[i]); err != nil {
			return nil, s.fault("read the lists that are compared", err)
		}
		out[i].ID, out[i].Org, out[i].Key, out[i].Version = r.ID, r.OrgID, r.Key, r.Version
	}
	return out, nil
}

// SaveSource implements reconcile.Store.
func (s *Store) SaveSource(ctx context.Context, who admin.Actor, v reconcile.Source) (reconcile.Source, error) {
	verb, before := admin.Created, v.Version
	if before > 0 {
		verb = admin.Changed
	}
	v.Version++
	body, err := text(v)
	if err != nil {
		return v, err
	}
	row := reconcileSourceRow{OrgID: v.Org, ID: v.ID, Key: v.Key, Version: v.Version, Body: body}
	err = s.writeOf(ctx, v.Org, func(t *tx) error {
		if before == 0 {
			if _, err := t.db.NewInsert().Model(&row).Exec(ctx); err != nil {
				return s.fault("keep a list that is compared", err)
			}
		} else {
			res, err := t.db.NewUpdate().Model(&row).Column("key", "version", "body").
				Where("org_id = ? AND id = ? AND version = ?", v.Org, v.ID, before).Exec(ctx)
			if err != nil {
				return s.fault("change a list that is compared", err)
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return changedMeanwhile(s, err)
			}
		}
		return t.noteList(ctx, who, verb, v)
	})
	return v, err
}

func changedMeanwhile(s *Store, err error) error {
	if err != nil {
		return s.fault("change a list that is compared", err)
	}
	return e911.Errorf(e911.Conflict, "the list was changed or deleted meanwhile: read it again")
}

func (t *tx) noteList(ctx context.Context, who admin.Actor, verb admin.Verb, v reconcile.Source) error {
	t.who = who
	return t.note(ctx, []admin.AuditNote{{Org: v.Org, Verb: verb, Kind: kindList, ID: v.ID, Key: v.Key, Detail: map[string]any{"kind": v.Kind, "action": v.Action}}})
}

// DeleteSource implements reconcile.Store.
func (s *Store) DeleteSource(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error {
	return s.writeOf(ctx, org, func(t *tx) error {
		var row reconcileSourceRow
		if err := t.db.NewSelect().Model(&row).Where("org_id = ? AND id = ?", org, id).Scan(ctx); err != nil {
			return s.fault("find a list that is compared", err)
		}
		if _, err := t.db.NewDelete().Model((*reconcileSourceRow)(nil)).Where("org_id = ? AND id = ?", org, id).Exec(ctx); err != nil {
			return s.fault("delete a list that is compared", err)
		}
		for _, m := range []any{(*reconcileListRow)(nil), (*reconcileRunRow)(nil)} {
			if _, err := t.db.NewDelete().Model(m).Where("org_id = ? AND source_id = ?", org, id).Exec(ctx); err != nil {
				return s.fault("delete a list that is compared", err)
			}
		}
		return t.noteList(ctx, who, admin.Deleted, reconcile.Source{Org: org, ID: id, Key: row.Key})
	})
}

// SaveList implements reconcile.Store.
func (s *Store) SaveList(ctx context.Context, org e911.OrgID, source string, l reconcile.List) error {
	return s.writeOf(ctx, org, func(t *tx) error {
		_, err := t.db.NewInsert().Model(&reconcileListRow{OrgID: org, SourceID: source, Name: l.Name, At: millis(l.At), Digest: l.Digest, Body: l.Body}).
			On("CONFLICT (org_id, source_id) DO UPDATE").Set("name = EXCLUDED.name").Set("at = EXCLUDED.at").
			Set("digest = EXCLUDED.digest").Set("body = EXCLUDED.body").Exec(ctx)
		return s.fault("keep a platform's list", err)
	})
}

// LastList implements reconcile.Store.
func (s *Store) LastList(ctx context.Context, org e911.OrgID, source string) (reconcile.List, error) {
	var row reconcileListRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read a platform's list", t.db.NewSelect().Model(&row).Where("org_id = ? AND source_id = ?", org, source).Scan(ctx))
	})
	return reconcile.List{Name: row.Name, At: instant(row.At), Digest: row.Digest, Body: row.Body}, err
}

// SaveRun implements reconcile.Store.
func (s *Store) SaveRun(ctx context.Context, org e911.OrgID, source string, r reconcile.Run) error {
	differences := ""
	if len(r.Differences) > 0 {
		var err error
		if differences, err = text(r.Differences); err != nil {
			return err
		}
		r.Differences = nil
	}
	body, err := text(r)
	if err != nil {
		return err
	}
	return s.writeOf(ctx, org, func(t *tx) error {
		_, err := t.db.NewUpdate().Model((*reconcileRunRow)(nil)).Set("differences = ''").
			Where("org_id = ? AND source_id = ? AND differences <> ''", org, source).Exec(ctx)
		if err != nil {
			return s.fault("keep a run", err)
		}
		_, err = t.db.NewInsert().Model(&reconcileRunRow{OrgID: org, SourceID: source, ID: r.ID, Body: body, Differences: differences}).Exec(ctx)
		if err != nil {
			return s.fault("keep a run", err)
		}
		_, err = t.db.NewDelete().Model((*reconcileRunRow)(nil)).
			Where(`org_id = ? AND source_id = ? AND id NOT IN (SELECT id FROM reconcile_runs WHERE org_id = ? AND source_id = ? ORDER BY id DESC LIMIT ?)`,
				org, source, org, source, reconcile.KeptRuns).Exec(ctx)
		return s.fault("forget old runs", err)
	})
}

// Runs implements reconcile.Store.
func (s *Store) Runs(ctx context.Context, org e911.OrgID, source string, limit int) ([]reconcile.Run, error) {
	return s.runs(ctx, org, source, limit, "org_id", "source_id", "id", "body")
}

// LastRun implements reconcile.Store.
func (s *Store) LastRun(ctx context.Context, org e911.OrgID, source string) (reconcile.Run, error) {
	found, err := s.runs(ctx, org, source, 1)
	if err != nil {
		return reconcile.Run{}, err
	}
	if len(found) == 0 {
		return reconcile.Run{}, e911.Errorf(e911.NotFound, "the list was not compared yet")
	}
	return found[0], nil
}

func (s *Store) runs(ctx context.Context, org e911.OrgID, source string, limit int, columns ...string) ([]reconcile.Run, error) {
	var found []reconcileRunRow
	err := s.readOf(ctx, org, func(t *tx) error {
		q := t.db.NewSelect().Model(&found).Column(columns...).Where("org_id = ? AND source_id = ?", org, source).OrderExpr("id DESC").Limit(page(limit))
		return s.fault("read runs", q.Scan(ctx))
	})
	if err != nil {
		return nil, err
	}
	out := make([]reconcile.Run, 0, len(found))
	for _, r := range found {
		var run reconcile.Run
		if err := untext(r.Body, &run); err != nil {
			return nil, s.fault("read runs", err)
		}
		if r.Differences != "" {
			if err := untext(r.Differences, &run.Differences); err != nil {
				return nil, s.fault("read runs", err)
			}
		}
		out = append(out, run)
	}
	return out, nil
}
