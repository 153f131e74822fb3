package rows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/psali"
	"github.com/callbox911/callbox/internal/e911"
)

var (
	_ psali.Store  = (*Store)(nil)
	_ psali.Writer = (*tx)(nil)
)

type aliFileRow struct {
	bun.BaseModel `bun:"table:ali_files"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	Cycle         int        `bun:"cycle,pk"`
	At            int64      `bun:"at"`
	By            string     `bun:"by"`
	Records       int        `bun:"records"`
	Digest        string     `bun:"digest"`
	Text          string     `bun:"text"`
}

func (r aliFileRow) file() psali.File {
	return psali.File{
		Org: r.OrgID, Cycle: r.Cycle, At: time.UnixMilli(r.At).UTC(), By: r.By, Records: r.Records, Digest: r.Digest, Text: r.Text,
	}
}

// ReadALI implements psali.Store.
func (s *Store) ReadALI(ctx context.Context, do func(psali.Reader) error) error {
	return s.read(ctx, func(tx *tx) error { return do(tx) })
}

// WriteALI implements psali.Store.
func (s *Store) WriteALI(ctx context.Context, who admin.Actor, do func(psali.Writer) error) error {
	return s.Write(ctx, who, func(w admin.Writer) error { return do(w.(*tx)) })
}

// LastALIFile implements psali.Files.
func (t *tx) LastALIFile(ctx context.Context, org e911.OrgID) (psali.File, error) {
	var row aliFileRow
	if err := t.of(ctx, org); err != nil {
		return psali.File{}, err
	}
	err := t.db.NewSelect().Model(&row).Where("org_id = ?", org).OrderExpr("cycle DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return psali.File{}, nil
	}
	return row.file(), t.s.fault("read the last ALI file", err)
}

// ALIFile implements psali.Files.
func (t *tx) ALIFile(ctx context.Context, org e911.OrgID, cycle int) (psali.File, error) {
	var row aliFileRow
	if err := t.of(ctx, org); err != nil {
		return psali.File{}, err
	}
	err := t.db.NewSelect().Model(&row).Where("org_id = ? AND cycle = ?", org, cycle).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return psali.File{}, e911.Errorf(e911.NotFound, "there is no file with the cycle %d", cycle)
	}
	return row.file(), t.s.fault("read an ALI file", err)
}

// SaveALIFile implements psali.Writer.
func (t *tx) SaveALIFile(ctx context.Context, f psali.File) error {
	if err := t.of(ctx, f.Org); err != nil {
		return err
	}
	_, err := t.db.NewInsert().Model(&aliFileRow{
		OrgID: f.Org, Cycle: f.Cycle, At: f.At.UnixMilli(), By: f.By, Records: f.Records, Digest: f.Digest, Text: f.Text,
	}).Exec(ctx)
	return t.s.fault("keep an ALI file", err)
}

// optional keeps a value that most rows do not have; nil is empty.
func optional[T any](v *T) (string, error) {
	if v == nil {
		return "", nil
	}
	return text(v)
}

func unoptional[T any](s string) (*T, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // nothing is what most rows have
	}
	v := new(T)
	if err := untext(s, v); err != nil {
		return nil, fmt.Errorf("decode what is kept beside a row: %w", err)
	}
	return v, nil
}
