package rows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
)

var (
	_ report.Writer = (*Store)(nil)
	_ report.Reader = (*Store)(nil)
)

type callRow struct {
	bun.BaseModel `bun:"table:call_records"`
	ID            e911.CallID    `bun:"id,pk"`
	OrgID         e911.OrgID     `bun:"org_id"`
	SiteID        string         `bun:"site_id"`
	Class         e911.CallClass `bun:"class"`
	ArrivedAt     int64          `bun:"arrived_at"`
	EndedAt       *int64         `bun:"ended_at"`
	Node          string         `bun:"node"`
	LastSeq       uint64         `bun:"last_seq"`
	Body          string         `bun:"body"`
}

type cursorRow struct {
	bun.BaseModel `bun:"table:call_cursors"`
	Node          string `bun:"node,pk"`
	Seq           uint64 `bun:"seq"`
}

// Cursor implements report.Writer.
func (s *Store) Cursor(ctx context.Context, node string) (uint64, error) {
	var row cursorRow
	err := s.cfg.Reads.NewSelect().Model(&row).Where("node = ?", node).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return row.Seq, s.fault("read the cursor of the call records", err)
}

// SaveCalls implements report.Writer. A cursor never goes back: a projector
// that was replaced meanwhile changes nothing.
func (s *Store) SaveCalls(ctx context.Context, node string, upTo uint64, calls []report.CallRecord) error {
	return s.write(ctx, func(t *tx) error {
		var at cursorRow
		err := t.db.NewSelect().Model(&at).Where("node = ?", node).Scan(ctx)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return s.fault("read the cursor of the call records", err)
		}
		if at.Seq > upTo {
			return e911.Errorf(e911.Conflict, "the call records of this node are further than this change")
		}
		for i := range calls {
			if err := t.saveCall(ctx, node, &calls[i]); err != nil {
				return err
			}
		}
		_, err = t.db.NewInsert().Model(&cursorRow{Node: node, Seq: upTo}).
			On("CONFLICT (node) DO UPDATE").Set("seq = EXCLUDED.seq").Exec(ctx)
		return s.fault("write the cursor of the call records", err)
	})
}

func (t *tx) saveCall(ctx context.Context, node string, c *report.CallRecord) error {
	body, err := json.Marshal(c)
	if err != nil {
		return &e911.Error{Kind: e911.Internal, Msg: "a call record cannot be encoded", Err: err}
	}
	row := callRow{
		ID: c.ID, OrgID: c.Org, SiteID: c.Site.ID, Class: c.Class, ArrivedAt: millis(c.ArrivedAt),
		Node: node, LastSeq: c.Applied[node], Body: string(body),
	}
	if c.EndedAt != nil {
		ended := millis(*c.EndedAt)
		row.EndedAt = &ended
	}
	res, err := t.db.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").
		Set("site_id = EXCLUDED.site_id, class = EXCLUDED.class, arrived_at = EXCLUDED.arrived_at, ended_at = EXCLUDED.ended_at").
		Set("node = EXCLUDED.node, last_seq = EXCLUDED.last_seq, body = EXCLUDED.body").
		Where("call_row.org_id = EXCLUDED.org_id").Exec(ctx)
	if err != nil {
		return t.s.fault("write a call record", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return t.s.fault("write a call record", err)
	}
	if n == 0 {
		return e911.Errorf(e911.Conflict, "the call belongs to another organisation")
	}
	return nil
}

// Call implements report.Writer and report.Reader.
func (s *Store) Call(ctx context.Context, org e911.OrgID, id e911.CallID) (report.CallRecord, error) {
	var row callRow
	err := s.cfg.Reads.NewSelect().Model(&row).Where("org_id = ? AND id = ?", org, id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return report.CallRecord{}, e911.Errorf(e911.NotFound, "there is no such call")
	}
	if err != nil {
		return report.CallRecord{}, s.fault("read a call record", err)
	}
	return s.record(&row)
}

// ListCalls implements report.Reader.
func (s *Store) ListCalls(ctx context.Context, org e911.OrgID, before e911.CallID, limit int) ([]report.CallRecord, error) {
	var found []callRow
	q := s.cfg.Reads.NewSelect().Model(&found).Where("org_id = ?", org).OrderExpr("id DESC").Limit(page(limit))
	if before != "" {
		q = q.Where("id < ?", before)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, s.fault("read call records", err)
	}
	records := make([]report.CallRecord, len(found))
	for i := range found {
		var err error
		if records[i], err = s.record(&found[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (s *Store) record(row *callRow) (report.CallRecord, error) {
	var c report.CallRecord
	if err := json.Unmarshal([]byte(row.Body), &c); err != nil {
		return c, &e911.Error{Kind: e911.Internal, Msg: "a call record cannot be decoded", Err: err}
	}
	return c, nil
}
