package rows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

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
		if err := t.every(ctx); err != nil { // a node has the calls of all organisations
			return err
		}
		if at.Seq > upTo {
			return e911.Errorf(e911.Conflict, "the call records of this node are further than this change")
		}
		if err := t.saveCalls(ctx, node, calls); err != nil {
			return err
		}
		_, err = t.db.NewInsert().Model(&cursorRow{Node: node, Seq: upTo}).
			On("CONFLICT (node) DO UPDATE").Set("seq = EXCLUDED.seq").Exec(ctx)
		return s.fault("write the cursor of the call records", err)
	})
}

// putCall is written by hand: the builder would spell each body out as part of
// the statement, and the engine read it as such.
const putCall = `INSERT INTO call_records (id, org_id, site_id, class, arrived_at, ended_at, node, last_seq, body)
VALUES (%s) ON CONFLICT (id) DO UPDATE SET site_id = EXCLUDED.site_id, class = EXCLUDED.class, arrived_at = EXCLUDED.arrived_at,
ended_at = EXCLUDED.ended_at, node = EXCLUDED.node, last_seq = EXCLUDED.last_seq, body = EXCLUDED.body
WHERE call_records.org_id = EXCLUDED.org_id`

// saveCalls prepares the statement once for all of them.
func (t *tx) saveCalls(ctx context.Context, node string, calls []report.CallRecord) error {
	if len(calls) == 0 {
		return nil
	}
	put, err := t.prepare(ctx, putCall, 9)
	if err != nil {
		return t.s.fault("write a call record", err)
	}
	defer put.Close()
	// The engine watches each statement's context with a goroutine; here it is
	// looked at between them.
	quick := context.WithoutCancel(ctx)
	for i := range calls {
		if err := ctx.Err(); err != nil {
			return t.s.fault("write a call record", err)
		}
		if err := t.saveCall(quick, put, node, &calls[i]); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes a statement of the transaction; %s in it becomes that many
// placeholders.
func (t *tx) prepare(ctx context.Context, query string, values int) (*sql.Stmt, error) {
	db, ok := t.db.(bun.Tx)
	if !ok {
		return nil, errors.New("a statement is prepared outside of a transaction")
	}
	marks := make([]string, values)
	for i := range marks {
		marks[i] = "?"
		if db.Dialect().Name() == dialect.PG {
			marks[i] = "$" + strconv.Itoa(i+1)
		}
	}
	return db.Tx.PrepareContext(ctx, fmt.Sprintf(query, strings.Join(marks, ", ")))
}

func (t *tx) saveCall(ctx context.Context, put *sql.Stmt, node string, c *report.CallRecord) error {
	body, err := json.Marshal(c)
	if err != nil {
		return &e911.Error{Kind: e911.Internal, Msg: "a call record cannot be encoded", Err: err}
	}
	var ended *int64
	if c.EndedAt != nil {
		at := millis(*c.EndedAt)
		ended = &at
	}
	res, err := put.ExecContext(ctx, string(c.ID), string(c.Org), c.Site.ID, string(c.Class), millis(c.ArrivedAt), ended, node, int64(c.Applied[node]), string(body))
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
	err := s.readOf(ctx, org, func(t *tx) error {
		return t.db.NewSelect().Model(&row).Where("org_id = ? AND id = ?", org, id).Scan(ctx)
	})
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
	err := s.readOf(ctx, org, func(t *tx) error {
		q := t.db.NewSelect().Model(&found).Where("org_id = ?", org).OrderExpr("id DESC").Limit(page(limit))
		if before != "" {
			q = q.Where("id < ?", before)
		}
		return q.Scan(ctx)
	})
	if err != nil {
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
