package rows

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
)

var _ directory.Store = (*Store)(nil)

// kindDirectory is what the audit trail calls a directory of people.
const kindDirectory e911.ObjectKind = "directory"

type directoryRow struct {
	bun.BaseModel `bun:"table:directories"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	ID            string     `bun:"id,pk"`
	Key           string     `bun:"key"`
	Version       int64      `bun:"version"`
	Sealed        string     `bun:"sealed"`
	Report        string     `bun:"report"` // JSON; empty: none
}

type directoryEntryRow struct {
	bun.BaseModel `bun:"table:directory_entries"`
	OrgID         e911.OrgID     `bun:"org_id,pk"`
	SourceID      string         `bun:"source_id,pk"`
	ID            string         `bun:"id,pk"`
	Kind          directory.Kind `bun:"kind"`
	NameKey       string         `bun:"name_key"`
	External      string         `bun:"external"`
	Gone          int64          `bun:"gone"` // 1: deleted
	Version       int64          `bun:"version"`
	Body          string         `bun:"body"`
	UserID        e911.UserID    `bun:"user_id"`
}

// sealDirectory binds what is sealed to its row.
func sealDirectory(org e911.OrgID, id string) string { return "directory/" + string(org) + "/" + id }

// Directories implements directory.Store.
func (s *Store) Directories(ctx context.Context, org e911.OrgID) ([]directory.Source, error) {
	var out []directory.Source
	read := func(t *tx) error {
		var found []directoryRow
		q := t.db.NewSelect().Model(&found).ExcludeColumn("report").OrderExpr("org_id, key")
		if org != "" {
			q = q.Where("org_id = ?", org)
		}
		if err := q.Scan(ctx); err != nil {
			return s.fault("read directories", err)
		}
		out = make([]directory.Source, len(found))
		for i, r := range found {
			if err := t.unseal(sealDirectory(r.OrgID, r.ID), r.Sealed, &out[i]); err != nil {
				return s.fault("read directories", err)
			}
			out[i].ID, out[i].Org, out[i].Key, out[i].Version = r.ID, r.OrgID, r.Key, r.Version
		}
		return nil
	}
	in := s.readEvery
	if org != "" {
		in = func(ctx context.Context, do func(*tx) error) error { return s.readOf(ctx, org, do) }
	}
	err := in(ctx, read)
	return out, err
}

// SaveDirectory implements directory.Store.
func (s *Store) SaveDirectory(ctx context.Context, who admin.Actor, v directory.Source) (directory.Source, error) {
	before := v.Version
	v.Version++
	err := s.writeOf(ctx, v.Org, func(t *tx) error {
		sealed, err := t.seal(sealDirectory(v.Org, v.ID), v)
		if err != nil {
			return err
		}
		row := directoryRow{OrgID: v.Org, ID: v.ID, Key: v.Key, Version: v.Version, Sealed: sealed}
		if before == 0 {
			if _, err := t.db.NewInsert().Model(&row).Exec(ctx); err != nil {
				return s.fault("keep a directory", err)
			}
			return t.noteDirectory(ctx, who, admin.Created, v)
		}
		res, err := t.db.NewUpdate().Model(&row).Column("key", "version", "sealed").
			Where("org_id = ? AND id = ? AND version = ?", v.Org, v.ID, before).Exec(ctx)
		if err != nil {
			return s.fault("change a directory", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return movedOn(s, err)
		}
		return t.noteDirectory(ctx, who, admin.Changed, v)
	})
	return v, err
}

func movedOn(s *Store, err error) error {
	if err != nil {
		return s.fault("change a directory", err)
	}
	return e911.Errorf(e911.Conflict, "it was changed or deleted meanwhile: read it again")
}

func (t *tx) noteDirectory(ctx context.Context, who admin.Actor, verb admin.Verb, v directory.Source) error {
	t.who = who
	return t.note(ctx, []admin.AuditNote{{Org: v.Org, Verb: verb, Kind: kindDirectory, ID: v.ID, Key: v.Key, Detail: map[string]any{"protocol": v.Protocol, "action": v.Action}}})
}

// DeleteDirectory implements directory.Store.
func (s *Store) DeleteDirectory(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error {
	return s.writeOf(ctx, org, func(t *tx) error {
		var row directoryRow
		if err := t.db.NewSelect().Model(&row).Where("org_id = ? AND id = ?", org, id).Scan(ctx); err != nil {
			return s.fault("find a directory", err)
		}
		if _, err := t.db.NewDelete().Model((*directoryEntryRow)(nil)).Where("org_id = ? AND source_id = ?", org, id).Exec(ctx); err != nil {
			return s.fault("delete a directory", err)
		}
		if _, err := t.db.NewDelete().Model((*directoryRow)(nil)).Where("org_id = ? AND id = ?", org, id).Exec(ctx); err != nil {
			return s.fault("delete a directory", err)
		}
		return t.noteDirectory(ctx, who, admin.Deleted, directory.Source{Org: org, ID: id, Key: row.Key})
	})
}

func nameKey(e *directory.Entry) string {
	if e.Kind == directory.User && !e.Deleted {
		return "name " + directory.Fold(e.Name)
	}
	return "id " + e.ID
}

func entryOf(s *Store, r *directoryEntryRow) (e directory.Entry, err error) {
	if err = untext(r.Body, &e); err != nil {
		return e, s.fault("read what a directory told", err)
	}
	e.ID, e.Kind, e.Version = r.ID, r.Kind, r.Version
	return e, nil
}

// DirectoryEntries implements directory.Store.
func (s *Store) DirectoryEntries(ctx context.Context, org e911.OrgID, source string, q directory.Query) ([]directory.Entry, error) {
	var found []directoryEntryRow
	err := s.readOf(ctx, org, func(t *tx) error {
		sel := t.db.NewSelect().Model(&found).Where("org_id = ? AND source_id = ? AND id > ?", org, source, q.After).OrderExpr("id").Limit(page(q.Limit))
		if q.Kind != "" {
			sel = sel.Where("kind = ?", q.Kind)
		}
		if q.Name != "" && q.Kind == directory.User {
			sel = sel.Where("name_key = ?", "name "+directory.Fold(q.Name))
		}
		if q.External != "" {
			sel = sel.Where("external = ?", q.External)
		}
		if len(q.Users) > 0 {
			sel = sel.Where("user_id IN (?)", bun.List(q.Users))
		}
		if !q.Deleted {
			sel = sel.Where("gone = 0")
		}
		return s.fault("read what a directory told", sel.Scan(ctx))
	})
	if err != nil {
		return nil, err
	}
	out := make([]directory.Entry, len(found))
	for i := range found {
		if out[i], err = entryOf(s, &found[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// DirectoryEntry implements directory.Store.
func (s *Store) DirectoryEntry(ctx context.Context, org e911.OrgID, source, id string) (directory.Entry, error) {
	var row directoryEntryRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read what a directory told", t.db.NewSelect().Model(&row).Where("org_id = ? AND source_id = ? AND id = ?", org, source, id).Scan(ctx))
	})
	if err != nil {
		return directory.Entry{}, err
	}
	return entryOf(s, &row)
}

// SaveDirectoryEntries implements directory.Store.
func (s *Store) SaveDirectoryEntries(ctx context.Context, org e911.OrgID, source string, list []directory.Entry) ([]directory.Entry, error) {
	out := make([]directory.Entry, len(list))
	copy(out, list)
	err := s.writeOf(ctx, org, func(t *tx) error {
		// An entry of a source that was deleted meanwhile would stay for ever.
		if n, err := t.db.NewSelect().Model((*directoryRow)(nil)).Where("org_id = ? AND id = ?", org, source).Count(ctx); err != nil {
			return s.fault("find a directory", err)
		} else if n == 0 {
			return e911.Errorf(e911.NotFound, "there is no such directory")
		}
		// Names may change places within the list.
		for i := range out {
			if len(out) > 1 && out[i].Version > 0 {
				_, err := t.db.NewUpdate().Model((*directoryEntryRow)(nil)).Set("name_key = ?", "moving "+out[i].ID).
					Where("org_id = ? AND source_id = ? AND id = ? AND version = ?", org, source, out[i].ID, out[i].Version).Exec(ctx)
				if err != nil {
					return s.fault("keep what a directory told", err)
				}
			}
		}
		for i := range out {
			if err := t.saveEntry(ctx, org, source, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (t *tx) saveEntry(ctx context.Context, org e911.OrgID, source string, e *directory.Entry) error {
	before := e.Version
	e.Version++
	body, err := text(e)
	if err != nil {
		return err
	}
	row := directoryEntryRow{OrgID: org, SourceID: source, ID: e.ID, Kind: e.Kind, NameKey: nameKey(e), External: e.External, Version: e.Version, Body: body, UserID: e.User}
	if e.Deleted {
		row.Gone = 1
	}
	if before == 0 {
		_, err := t.db.NewInsert().Model(&row).Exec(ctx)
		return t.s.fault("keep what a directory told", err)
	}
	res, err := t.db.NewUpdate().Model(&row).Column("name_key", "external", "gone", "version", "body", "user_id").
		Where("org_id = ? AND source_id = ? AND id = ? AND version = ?", org, source, e.ID, before).Exec(ctx)
	if err != nil {
		return t.s.fault("keep what a directory told", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return movedOn(t.s, err)
	}
	return nil
}

// DropDirectoryEntries implements directory.Store.
func (s *Store) DropDirectoryEntries(ctx context.Context, org e911.OrgID, source string, ids []string) error {
	return s.writeOf(ctx, org, func(t *tx) error {
		for len(ids) > 0 {
			part := ids[:min(len(ids), admin.MaxPage)]
			ids = ids[len(part):]
			_, err := t.db.NewDelete().Model((*directoryEntryRow)(nil)).
				Where("org_id = ? AND source_id = ? AND id IN (?)", org, source, bun.List(part)).Exec(ctx)
			if err != nil {
				return s.fault("forget what a directory told", err)
			}
		}
		return nil
	})
}

// SaveDirectoryReport implements directory.Store.
func (s *Store) SaveDirectoryReport(ctx context.Context, org e911.OrgID, source string, r directory.Report) error {
	report, err := text(r)
	if err != nil {
		return err
	}
	return s.writeOf(ctx, org, func(t *tx) error {
		_, err := t.db.NewUpdate().Model((*directoryRow)(nil)).Set("report = ?", report).Where("org_id = ? AND id = ?", org, source).Exec(ctx)
		return s.fault("keep a report", err)
	})
}

// LastDirectoryReport implements directory.Store.
func (s *Store) LastDirectoryReport(ctx context.Context, org e911.OrgID, source string) (r directory.Report, err error) {
	var row directoryRow
	err = s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read a report", t.db.NewSelect().Model(&row).Column("report").Where("org_id = ? AND id = ?", org, source).Scan(ctx))
	})
	if err == nil && row.Report == "" {
		err = e911.Errorf(e911.NotFound, "the directory was not followed yet")
	}
	if err != nil {
		return r, err
	}
	return r, untext(row.Report, &r)
}
