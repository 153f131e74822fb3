package rows

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

var _ admin.AuditTrail = (*Store)(nil)

type auditRow struct {
	bun.BaseModel `bun:"table:audit"`
	Seq           int64           `bun:"seq,pk,autoincrement"`
	At            int64           `bun:"at"`
	Who           admin.Actor     `bun:"who"`
	Verb          admin.Verb      `bun:"verb"`
	Kind          e911.ObjectKind `bun:"kind"`
	OrgID         e911.OrgID      `bun:"org_id"`
	ObjectID      string          `bun:"object_id"`
	ObjectKey     string          `bun:"object_key"`
	Fields        string          `bun:"fields"`
	Detail        string          `bun:"detail"`
	Address       string          `bun:"address"`
	Session       string          `bun:"session"`
	ChangeSet     string          `bun:"change_set"`
	N             int64           `bun:"n"`
	Hash          string          `bun:"hash"`
}

type auditHead struct {
	bun.BaseModel `bun:"table:audit_heads"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	N             int64      `bun:"n"`
	Hash          string     `bun:"hash"`
}

// detail is what was before and after.
type detail struct {
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// chained fills in n and hash: the hash covers all of the row but its sequence,
// which the database gives, and the hash of the row before (docs/adr/0016).
func (r *auditRow) chained(head *auditHead) error {
	r.N = head.N + 1
	sum, err := r.sum(head.Hash)
	if err != nil {
		return err
	}
	r.Hash = sum
	head.N, head.Hash = r.N, sum
	return nil
}

func (r *auditRow) sum(before string) (string, error) {
	b, err := json.Marshal([]any{
		r.N, before, r.At, r.Who, r.Verb, r.Kind, r.OrgID, r.ObjectID, r.ObjectKey, r.Fields, r.Detail, r.Address, r.Session, r.ChangeSet,
	})
	if err != nil {
		return "", fmt.Errorf("hash an entry of the audit trail: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// audit is the row of one change, not chained yet.
func (e *entry) audit(trail admin.Trail) (auditRow, error) {
	r := auditRow{
		Verb: e.verb, Kind: e.ref.Kind, OrgID: e.ref.Org, ObjectID: e.ref.ID, ObjectKey: e.key,
		Address: trail.Address, Session: sessionText(trail), ChangeSet: trail.Set,
	}
	var d detail
	names := []string(nil)
	switch e.verb {
	case admin.Created:
		d.After = bounded(e.after)
	case admin.Deleted:
		d.Before = bounded(e.before)
	case admin.Changed:
		was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		for _, f := range admin.Diff(e.before, e.after) {
			names = append(names, f.Name)
			if f.Before != nil {
				was[f.Name] = f.Before
			}
			if f.After != nil {
				is[f.Name] = f.After
			}
		}
		var err1, err2 error
		d.Before, err1 = json.Marshal(was)
		d.After, err2 = json.Marshal(is)
		if err := errors.Join(err1, err2); err != nil {
			return r, fmt.Errorf("encode what was changed: %w", err)
		}
	default:
		d.After = admin.Redacted(e.after)
	}
	fields, err1 := json.Marshal(names)
	text, err2 := json.Marshal(d)
	r.Fields, r.Detail = string(fields), string(text)
	if err := errors.Join(err1, err2); err != nil {
		return r, fmt.Errorf("encode what was changed: %w", err)
	}
	return r, nil
}

// sessionText is the session, and in whose name where that is not the own.
func sessionText(t admin.Trail) string {
	switch {
	case t.As == "":
		return t.Session
	case t.Session == "":
		return "as " + t.As
	}
	return t.Session + ", as " + t.As
}

// maxDetail bounds a whole object in one entry; beyond, long fields of it are told
// by their digest.
const maxDetail = 4096

func bounded(value any) json.RawMessage {
	if value == nil {
		return nil
	}
	b := admin.Redacted(value)
	if len(b) <= maxDetail {
		return b
	}
	out := map[string]json.RawMessage{}
	for _, f := range admin.Diff(nil, value) {
		out[f.Name] = f.After
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return b
}

// heads reads the ends of the chains of these organisations.
func (t *tx) heads(ctx context.Context, orgs []e911.OrgID) (map[e911.OrgID]*auditHead, error) {
	out := map[e911.OrgID]*auditHead{}
	for _, org := range orgs {
		h := &auditHead{OrgID: org}
		err := t.db.NewSelect().Model(h).WherePK().Scan(ctx)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, t.s.fault("read the audit trail", err)
		}
		h.OrgID = org
		out[org] = h
	}
	return out, nil
}

// writeAudit chains the rows and writes them, a part at a time.
func (t *tx) writeAudit(ctx context.Context, rows []auditRow, heads map[e911.OrgID]*auditHead) error {
	at := t.s.cfg.Now().UnixMilli()
	for i := range rows {
		rows[i].At, rows[i].Who = at, t.who
		if err := rows[i].chained(heads[rows[i].OrgID]); err != nil {
			return err
		}
	}
	_, err := t.db.NewInsert().Model(&rows).Exec(ctx)
	return t.s.fault("write the audit trail", err)
}

func (t *tx) writeHeads(ctx context.Context, heads map[e911.OrgID]*auditHead) error {
	for _, h := range heads {
		_, err := t.db.NewInsert().Model(h).On("CONFLICT (org_id) DO UPDATE").
			Set("n = EXCLUDED.n").Set("hash = EXCLUDED.hash").Exec(ctx)
		if err != nil {
			return t.s.fault("write the audit trail", err)
		}
	}
	return nil
}

// NoteAudit implements admin.AuditTrail.
func (s *Store) NoteAudit(ctx context.Context, who admin.Actor, notes ...admin.AuditNote) error {
	if len(notes) == 0 {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		t.who = who
		return t.note(ctx, notes)
	})
}

func (t *tx) note(ctx context.Context, notes []admin.AuditNote) error {
	if err := t.every(ctx); err != nil {
		return err
	}
	rows := make([]auditRow, len(notes))
	var orgs []e911.OrgID
	for i, n := range notes {
		e := entry{ref: admin.Ref{Kind: n.Kind, Org: n.Org, ID: n.ID}, key: n.Key, verb: n.Verb, after: n.Detail}
		var err error
		if rows[i], err = e.audit(admin.TrailOf(ctx)); err != nil {
			return err
		}
		orgs = append(orgs, n.Org)
	}
	heads, err := t.heads(ctx, orgs)
	if err != nil {
		return err
	}
	if err := t.writeAudit(ctx, rows, heads); err != nil {
		return err
	}
	return t.writeHeads(ctx, heads)
}

// Audit returns the organisation's audit trail, newest first; before, when not
// 0, excludes itself and all that is newer.
func (s *Store) Audit(ctx context.Context, org e911.OrgID, before int64, limit int) ([]admin.AuditEntry, error) {
	return s.FindAudit(ctx, admin.AuditQuery{Org: org, Before: before, Limit: limit})
}

// FindAudit implements admin.AuditTrail.
func (s *Store) FindAudit(ctx context.Context, q admin.AuditQuery) ([]admin.AuditEntry, error) {
	var found []auditRow
	err := s.read(ctx, func(t *tx) error {
		if err := t.ofOrEvery(ctx, q.Org, q.All); err != nil {
			return err
		}
		sel := t.db.NewSelect().Model(&found).Limit(page(q.Limit))
		if q.After > 0 {
			sel = sel.Where("seq > ?", q.After).OrderExpr("seq")
		} else {
			sel = sel.OrderExpr("seq DESC")
		}
		return s.fault("read the audit trail", where(sel, q).Scan(ctx))
	})
	if err != nil {
		return nil, err
	}
	entries := make([]admin.AuditEntry, len(found))
	for i := range found {
		if entries[i], err = found[i].entry(); err != nil {
			return nil, s.fault("read the audit trail", err)
		}
	}
	return entries, nil
}

func (t *tx) ofOrEvery(ctx context.Context, org e911.OrgID, all bool) error {
	if all {
		return t.every(ctx)
	}
	return t.of(ctx, org)
}

func where(sel *bun.SelectQuery, q admin.AuditQuery) *bun.SelectQuery {
	if !q.All {
		sel = sel.Where("org_id = ?", q.Org)
	}
	if q.Before > 0 {
		sel = sel.Where("seq < ?", q.Before)
	}
	if !q.From.IsZero() {
		sel = sel.Where("at >= ?", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		sel = sel.Where("at < ?", q.To.UnixMilli())
	}
	for _, c := range []struct{ column, value string }{
		{"verb", string(q.Verb)}, {"kind", string(q.Kind)}, {"object_id", q.ID}, {"change_set", q.Set},
	} {
		if c.value != "" {
			sel = sel.Where("? = ?", bun.Ident(c.column), c.value)
		}
	}
	if q.Who != "" {
		sel = sel.Where(`lower(who) LIKE ? ESCAPE '!'`, holding(q.Who))
	}
	if q.Key != "" {
		sel = sel.Where(`lower(object_key) LIKE ? ESCAPE '!'`, holding(q.Key))
	}
	if q.Text != "" {
		p := holding(q.Text)
		sel = sel.Where(`(lower(who) LIKE ? ESCAPE '!' OR lower(object_key) LIKE ? ESCAPE '!' OR lower(fields) LIKE ? ESCAPE '!' OR lower(detail) LIKE ? ESCAPE '!')`, p, p, p, p)
	}
	return sel
}

// holding is the pattern of texts that hold s. Both sides are in small letters, so
// that engines agree.
func holding(s string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(s)) + "%"
}

func (r *auditRow) entry() (admin.AuditEntry, error) {
	e := admin.AuditEntry{
		Seq: r.Seq, At: time.UnixMilli(r.At).UTC(), Who: r.Who, Verb: r.Verb,
		Ref: admin.Ref{Kind: r.Kind, Org: r.OrgID, ID: r.ObjectID}, Key: r.ObjectKey,
		Address: r.Address, Session: r.Session, Set: r.ChangeSet, N: r.N, Hash: r.Hash,
	}
	if err := json.Unmarshal([]byte(r.Fields), &e.Fields); err != nil {
		return e, err
	}
	if r.Detail == "" {
		return e, nil
	}
	var d detail
	err := json.Unmarshal([]byte(r.Detail), &d)
	e.Before, e.After = d.Before, d.After
	return e, err
}

// VerifyAudit implements admin.AuditTrail.
func (s *Store) VerifyAudit(ctx context.Context, org e911.OrgID, all bool) (p admin.AuditProof, err error) {
	err = s.read(ctx, func(t *tx) error {
		if err := t.ofOrEvery(ctx, org, all); err != nil {
			return err
		}
		p, err = t.verifyAll(ctx, org, all)
		return err
	})
	return p, err
}

func (t *tx) verifyAll(ctx context.Context, org e911.OrgID, all bool) (admin.AuditProof, error) {
	p := admin.AuditProof{Heads: map[string]string{}}
	orgs := []e911.OrgID{org}
	if all {
		// An organisation may have lost its head, or all of its rows.
		orgs = nil
		for _, table := range []string{"audit_heads", "audit"} {
			var some []e911.OrgID
			if err := t.db.NewSelect().TableExpr("?", bun.Ident(table)).Distinct().Column("org_id").Scan(ctx, &some); err != nil {
				return p, t.s.fault("read the audit trail", err)
			}
			orgs = append(orgs, some...)
		}
		slices.Sort(orgs)
		orgs = slices.Compact(orgs)
	}
	for _, o := range orgs {
		b, err := t.verify(ctx, o, &p)
		if err != nil {
			return p, err
		}
		if b != nil && (p.Broken == nil || cmp.Or(b.Seq, 1<<62) < cmp.Or(p.Broken.Seq, 1<<62)) {
			p.Broken = b
		}
	}
	return p, nil
}

// verify follows the chain of one organisation to its head.
func (t *tx) verify(ctx context.Context, org e911.OrgID, p *admin.AuditProof) (*admin.AuditBreak, error) {
	at := auditHead{OrgID: org}
	after := int64(0)
	for {
		var rows []auditRow
		err := t.db.NewSelect().Model(&rows).Where("org_id = ? AND seq > ?", org, after).OrderExpr("seq").Limit(admin.MaxPage).Scan(ctx)
		if err != nil {
			return nil, t.s.fault("read the audit trail", err)
		}
		for i := range rows {
			r := &rows[i]
			after = r.Seq
			if r.Hash == "" && r.N == 0 && at.N == 0 {
				p.Older++
				continue
			}
			if r.N != at.N+1 {
				return &admin.AuditBreak{Org: org, Seq: r.Seq, N: r.N, Why: fmt.Sprintf("entry %d follows entry %d: what was between is gone", r.N, at.N)}, nil
			}
			sum, err := r.sum(at.Hash)
			if err != nil {
				return nil, err
			}
			if sum != r.Hash {
				return &admin.AuditBreak{Org: org, Seq: r.Seq, N: r.N, Why: "the entry, or the one before it, is not as it was written"}, nil
			}
			at.N, at.Hash = r.N, r.Hash
			p.Entries++
		}
		if len(rows) < admin.MaxPage {
			break
		}
	}
	heads, err := t.heads(ctx, []e911.OrgID{org})
	if err != nil {
		return nil, err
	}
	if h := heads[org]; h.N != at.N || h.Hash != at.Hash {
		return &admin.AuditBreak{Org: org, N: at.N, Why: fmt.Sprintf("the trail ends with entry %d and had %d", at.N, h.N)}, nil
	}
	if at.N > 0 {
		p.Chains++
		p.Heads[string(org)] = at.Hash
	}
	return nil, nil
}
