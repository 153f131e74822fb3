package rows

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

var (
	_ setup.Store  = (*Store)(nil)
	_ setup.Writer = (*tx)(nil)
)

// kindSetup is what the audit trail calls the set-up of an organisation.
const kindSetup e911.ObjectKind = "setup"

type setupRow struct {
	bun.BaseModel `bun:"table:setup_records"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	Version       int64      `bun:"version"`
	Body          string     `bun:"body"`
}

type acceptanceRow struct {
	bun.BaseModel `bun:"table:setup_acceptances"`
	OrgID         e911.OrgID            `bun:"org_id,pk"`
	Text          rules.Acknowledgement `bun:"text,pk"`
	SiteID        e911.SiteID           `bun:"site_id,pk"`
	UserID        e911.UserID           `bun:"user_id,pk"`
	Version       string                `bun:"version"`
	ByWhom        string                `bun:"by_whom"`
	At            int64                 `bun:"at"`
	Address       string                `bun:"address"`
}

// SetupRecord implements setup.Store.
func (s *Store) SetupRecord(ctx context.Context, org e911.OrgID) (r setup.Record, err error) {
	err = s.read(ctx, func(t *tx) error {
		r, err = t.SetupRecord(ctx, org)
		return err
	})
	return r, err
}

// SaveSetupRecord implements setup.Store.
func (s *Store) SaveSetupRecord(ctx context.Context, who admin.Actor, r setup.Record, n setup.Note) (setup.Record, error) {
	err := s.write(ctx, func(t *tx) (err error) {
		t.who = who
		r, err = t.SaveSetupRecord(ctx, r, n)
		return err
	})
	return r, err
}

// SetupRecord implements setup.Writer.
func (t *tx) SetupRecord(ctx context.Context, org e911.OrgID) (setup.Record, error) {
	r := setup.Record{Org: org}
	if err := t.of(ctx, org); err != nil {
		return r, err
	}
	var found []setupRow
	if err := t.db.NewSelect().Model(&found).Where("org_id = ?", org).Scan(ctx); err != nil || len(found) == 0 {
		return r, t.s.fault("read the set-up", err)
	}
	if err := untext(found[0].Body, &r); err != nil {
		return r, t.s.fault("read the set-up", err)
	}
	r.Org, r.Version = org, found[0].Version
	return r, nil
}

// SaveSetupRecord implements setup.Writer.
func (t *tx) SaveSetupRecord(ctx context.Context, r setup.Record, n setup.Note) (setup.Record, error) {
	before := r.Version
	r.Version++
	body, err := text(r)
	if err != nil {
		return r, err
	}
	if err := t.of(ctx, r.Org); err != nil {
		return r, err
	}
	row := setupRow{OrgID: r.Org, Version: r.Version, Body: body}
	var res sql.Result
	if before > 0 {
		res, err = t.db.NewUpdate().Model(&row).Column("version", "body").Where("org_id = ? AND version = ?", r.Org, before).Exec(ctx)
	} else {
		res, err = t.db.NewInsert().Model(&row).On("CONFLICT (org_id) DO NOTHING").Exec(ctx)
	}
	if err != nil {
		return r, t.s.fault("keep the set-up", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return r, setupMoved(t.s, err)
	}
	return r, t.note(ctx, []admin.AuditNote{{Org: r.Org, Verb: n.Verb, Kind: kindSetup, ID: string(r.Org), Key: n.Key, Detail: n.Detail}})
}

func setupMoved(s *Store, err error) error {
	if err != nil {
		return s.fault("keep the set-up", err)
	}
	return e911.Errorf(e911.Conflict, "the set-up was changed meanwhile: read it again")
}

// Acceptances implements setup.Store.
func (s *Store) Acceptances(ctx context.Context, org e911.OrgID, user e911.UserID) ([]setup.Acceptance, error) {
	var found []acceptanceRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read what was accepted", t.db.NewSelect().Model(&found).Where("org_id = ? AND user_id = ?", org, user).OrderExpr("text, site_id").Scan(ctx))
	})
	out := make([]setup.Acceptance, 0, len(found))
	for _, r := range found {
		out = append(out, setup.Acceptance{
			Org: r.OrgID, Text: r.Text, Site: r.SiteID, User: r.UserID, Version: r.Version, By: r.ByWhom, At: instant(r.At), Address: r.Address,
		})
	}
	return out, err
}

// UsersAccepted implements setup.Store.
func (s *Store) UsersAccepted(ctx context.Context, org e911.OrgID, text rules.Acknowledgement, version string) (out []e911.UserID, err error) {
	err = s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read who accepted", t.db.NewSelect().Model((*acceptanceRow)(nil)).Column("user_id").
			Where("org_id = ? AND user_id <> '' AND text = ? AND version = ?", org, text, version).OrderExpr("user_id").Scan(ctx, &out))
	})
	return out, err
}

// SaveAcceptance implements setup.Store.
func (s *Store) SaveAcceptance(ctx context.Context, who admin.Actor, a setup.Acceptance) error {
	row := acceptanceRow{OrgID: a.Org, Text: a.Text, SiteID: a.Site, UserID: a.User, Version: a.Version, ByWhom: a.By, At: millis(a.At), Address: a.Address}
	return s.writeOf(ctx, a.Org, func(t *tx) error {
		_, err := t.db.NewInsert().Model(&row).On("CONFLICT (org_id, user_id, text, site_id) DO UPDATE").Set("version = EXCLUDED.version").
			Set("by_whom = EXCLUDED.by_whom").Set("at = EXCLUDED.at").Set("address = EXCLUDED.address").Exec(ctx)
		if err != nil {
			return s.fault("keep what was accepted", err)
		}
		t.who = who
		return t.note(ctx, []admin.AuditNote{{
			Org: a.Org, Verb: "accept", Kind: kindSetup, ID: string(a.Org), Key: string(a.Text),
			Detail: map[string]any{"version": a.Version, "site": a.Site, "user": a.User},
		}})
	})
}

// CallsBetween implements setup.Store.
func (s *Store) CallsBetween(ctx context.Context, org e911.OrgID, class e911.CallClass, from, to time.Time, limit int) ([]report.CallRecord, error) {
	var found []callRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return s.fault("read call records", t.db.NewSelect().Model(&found).
			Where("org_id = ? AND class = ? AND arrived_at >= ? AND arrived_at < ?", org, class, millis(from), millis(to)).
			OrderExpr("arrived_at DESC, id DESC").Limit(int64(limit)).Scan(ctx))
	})
	if err != nil {
		return nil, err
	}
	out := make([]report.CallRecord, len(found))
	for i := range found {
		if out[i], err = s.record(&found[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
