package rows

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Base stands at the head of every object's row.
type Base struct {
	ID        string     `bun:"id,pk"`
	OrgID     e911.OrgID `bun:"org_id"`
	Version   int64      `bun:"version"`
	CreatedAt int64      `bun:"created_at"`
	UpdatedAt int64      `bun:"updated_at"`
}

// table is one kind of object in SQL.
type table interface {
	kind() e911.ObjectKind
	column(f admin.Field) (string, bool)
	list(ctx context.Context, t *tx, where filter) ([]item, error)
	insert(ctx context.Context, t *tx, value any) error
	update(ctx context.Context, t *tx, value any, version int64) (int64, error)
	remove(ctx context.Context, t *tx, ref admin.Ref, version int64) (int64, error)
	park(ctx context.Context, t *tx, org e911.OrgID, ids []string) error
	insertAll(ctx context.Context, t *tx, values []any) error
	removeAll(ctx context.Context, t *tx, org e911.OrgID, ids []string) (int64, error)
}

// item is one object read. A row that cannot be decoded (a key that is lost)
// carries its error, so that it freezes nobody else (F-31).
type item struct {
	object admin.Object
	err    error
}

// filter narrows a list. Org is always part of it but for every, which the
// publisher and checks over all organisations use.
type filter struct {
	org   e911.OrgID
	every bool
	ids   []string
	where string // with one ? for value
	value any
	after string
	limit int64
	order admin.Order
	down  bool
}

// rowTable is the table of rows R that keep values V. Lists that need a table
// of their own are read by attach and written by spread.
type rowTable[R any, V any] struct {
	name    e911.ObjectKind
	columns map[admin.Field]string // condition with one ?
	base    func(*R) *Base
	encode  func(t *tx, v V) (R, error)
	decode  func(t *tx, r *R) (V, error)
	attach  func(ctx context.Context, t *tx, rs []R) error
	spread  func(ctx context.Context, t *tx, v V) error
}

func (rt rowTable[R, V]) kind() e911.ObjectKind { return rt.name }

func (rt rowTable[R, V]) column(f admin.Field) (string, bool) {
	c, ok := rt.columns[f]
	return c, ok
}

func (rt rowTable[R, V]) list(ctx context.Context, t *tx, f filter) ([]item, error) {
	if err := t.see(ctx, f); err != nil {
		return nil, err
	}
	var rs []R
	q := t.db.NewSelect().Model(&rs)
	if !f.every {
		q = q.Where("org_id = ?", f.org)
	}
	if f.ids != nil {
		q = q.Where("id IN (?)", bun.List(f.ids))
	}
	if f.where != "" {
		q = q.Where(f.where, f.value)
	}
	q, err := f.page(q, rt.columns)
	if err != nil {
		return nil, err
	}
	if f.limit > 0 {
		q = q.Limit(f.limit)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, t.s.fault("read "+string(rt.name), err)
	}
	if rt.attach != nil && len(rs) > 0 {
		if err := rt.attach(ctx, t, rs); err != nil {
			return nil, err
		}
	}
	items := make([]item, len(rs))
	for i := range rs {
		b := rt.base(&rs[i])
		it := item{object: admin.Object{Ref: admin.Ref{Kind: rt.name, Org: b.OrgID, ID: b.ID}, Version: b.Version}}
		v, err := rt.decode(t, &rs[i])
		if err != nil {
			it.err = &e911.Error{Kind: e911.Unavailable, Msg: it.object.Ref.String() + " cannot be read", Err: err}
		} else {
			it.object.Value = v
			it.object.Place = f.place(v, b)
		}
		items[i] = it
	}
	return items, nil
}

func (rt rowTable[R, V]) row(t *tx, value any) (*R, *Base, error) {
	v, ok := value.(V)
	if !ok {
		panic(fmt.Sprintf("rows: %T is not kept in the table of %s", value, rt.name))
	}
	r, err := rt.encode(t, v)
	if err != nil {
		return nil, nil, &e911.Error{Kind: e911.Internal, Msg: "the object cannot be stored", Err: fmt.Errorf("encode %s: %w", rt.name, err)}
	}
	ref := admin.RefOf(value)
	b := rt.base(&r)
	b.ID, b.OrgID = ref.ID, ref.Org
	b.UpdatedAt = t.s.cfg.Now().UnixMilli()
	return &r, b, nil
}

func (rt rowTable[R, V]) insert(ctx context.Context, t *tx, value any) error {
	r, b, err := rt.row(t, value)
	if err != nil {
		return err
	}
	b.Version, b.CreatedAt = 1, b.UpdatedAt
	if err := t.of(ctx, b.OrgID); err != nil {
		return err
	}
	if _, err := t.db.NewInsert().Model(r).Exec(ctx); err != nil {
		return t.s.fault("create "+string(rt.name), err)
	}
	return rt.spreadOut(ctx, t, value)
}

// insertAll is insert for few enough values for one statement.
func (rt rowTable[R, V]) insertAll(ctx context.Context, t *tx, values []any) error {
	rs := make([]R, 0, len(values))
	orgs := map[e911.OrgID]bool{}
	for _, v := range values {
		r, b, err := rt.row(t, v)
		if err != nil {
			return err
		}
		orgs[b.OrgID] = true
		b.Version, b.CreatedAt = 1, b.UpdatedAt
		rs = append(rs, *r)
	}
	if err := t.ofAll(ctx, orgs); err != nil {
		return err
	}
	if _, err := t.db.NewInsert().Model(&rs).Exec(ctx); err != nil {
		return t.s.fault("create many of "+string(rt.name), err)
	}
	if rt.spread == nil {
		return nil
	}
	for _, v := range values {
		if err := rt.spreadOut(ctx, t, v); err != nil {
			return err
		}
	}
	return nil
}

func (rt rowTable[R, V]) removeAll(ctx context.Context, t *tx, org e911.OrgID, ids []string) (int64, error) {
	if err := t.of(ctx, org); err != nil {
		return 0, err
	}
	res, err := t.db.NewDelete().Model((*R)(nil)).Where("org_id = ? AND id IN (?)", org, bun.List(ids)).Exec(ctx)
	if err != nil {
		return 0, t.s.fault("delete many of "+string(rt.name), err)
	}
	n, err := res.RowsAffected()
	return n, t.s.fault("delete many of "+string(rt.name), err)
}

func (rt rowTable[R, V]) update(ctx context.Context, t *tx, value any, version int64) (int64, error) {
	r, b, err := rt.row(t, value)
	if err != nil {
		return 0, err
	}
	b.Version = version + 1
	if err := t.of(ctx, b.OrgID); err != nil {
		return 0, err
	}
	res, err := t.db.NewUpdate().Model(r).ExcludeColumn("id", "org_id", "created_at").
		Where("id = ? AND org_id = ? AND version = ?", b.ID, b.OrgID, version).Exec(ctx)
	if err != nil {
		return 0, t.s.fault("change "+string(rt.name), err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, t.s.fault("change "+string(rt.name), err)
	}
	return n, rt.spreadOut(ctx, t, value)
}

func (rt rowTable[R, V]) spreadOut(ctx context.Context, t *tx, value any) error {
	if rt.spread == nil {
		return nil
	}
	return rt.spread(ctx, t, value.(V))
}

func (rt rowTable[R, V]) remove(ctx context.Context, t *tx, ref admin.Ref, version int64) (int64, error) {
	if err := t.of(ctx, ref.Org); err != nil {
		return 0, err
	}
	res, err := t.db.NewDelete().Model((*R)(nil)).
		Where("id = ? AND org_id = ? AND version = ?", ref.ID, ref.Org, version).Exec(ctx)
	if err != nil {
		return 0, t.s.fault("delete "+string(rt.name), err)
	}
	n, err := res.RowsAffected()
	return n, t.s.fault("delete "+string(rt.name), err)
}

// park gives rows a key that nobody has: their id.
func (rt rowTable[R, V]) park(ctx context.Context, t *tx, org e911.OrgID, ids []string) error {
	if err := t.of(ctx, org); err != nil {
		return err
	}
	column := "key"
	switch rt.name {
	case e911.KindElement:
		column = "element_key"
	case e911.KindNumber:
		column = "number"
	}
	_, err := t.db.NewUpdate().Model((*R)(nil)).Set("? = '~' || id", bun.Ident(column)).
		Where("org_id = ? AND id IN (?)", org, bun.List(ids)).Exec(ctx)
	return t.s.fault("free keys of "+string(rt.name), err)
}

// text keeps a list in one column as JSON.
func text(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode a list: %w", err)
	}
	return string(b), nil
}

func untext(s string, into any) error {
	if err := json.Unmarshal([]byte(s), into); err != nil {
		return fmt.Errorf("decode a list: %w", err)
	}
	return nil
}

// seal keeps v unreadable in the database. The place is bound to the text, so
// that it cannot be moved to another row or column.
func (t *tx) seal(place string, v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode a secret: %w", err)
	}
	return t.s.cfg.Ring.Seal("store/"+place, b)
}

func (t *tx) unseal(place, sealed string, into any) error {
	b, err := t.s.cfg.Ring.Open("store/"+place, sealed)
	if err != nil {
		return fmt.Errorf("open a secret: %w", err)
	}
	return untext(string(b), into)
}

// pointer is a column that names another object.
type pointer struct {
	kind    e911.ObjectKind // of the object that points
	table   string
	column  string
	cross   bool   // world objects are named from every organisation
	without string // column that must be empty: what has it hangs on something else
	id      string
}

// pointersTo lists what may name an object of a kind.
func pointersTo(kind e911.ObjectKind) []pointer {
	in := func(kind e911.ObjectKind, table, column string) pointer {
		return pointer{kind: kind, table: table, column: column, id: "id"}
	}
	switch kind {
	case e911.KindOrg:
		return []pointer{
			in(e911.KindTrunk, "trunks", "org_id"), in(e911.KindSite, "sites", "org_id"),
			{kind: e911.KindElement, table: "network_elements", column: "org_id", without: "location_id", id: "id"},
		}
	case e911.KindSite:
		return []pointer{
			in(e911.KindBuilding, "buildings", "site_id"), in(e911.KindUser, "users", "site_id"),
			in(e911.KindDevice, "devices", "site_id"), in(e911.KindNumber, "numbers", "site_id"),
			in(e911.KindAlert, "alerts", "site_id"), in(e911.KindOverride, "psap_overrides", "site_id"),
		}
	case e911.KindBuilding:
		return []pointer{in(e911.KindLocation, "locations", "building_id"), in(e911.KindOverride, "psap_overrides", "building_id")}
	case e911.KindLocation:
		return []pointer{
			in(e911.KindElement, "network_elements", "location_id"), in(e911.KindNumber, "numbers", "location_id"),
			in(e911.KindOverride, "psap_overrides", "location_id"),
		}
	case e911.KindUser:
		return []pointer{in(e911.KindDevice, "devices", "user_id"), in(e911.KindNumber, "numbers", "user_id")}
	case e911.KindModel:
		return []pointer{{kind: e911.KindDevice, table: "devices", column: "model_id", cross: true, id: "id"}}
	case e911.KindTrunk:
		return []pointer{
			{kind: e911.KindPSAP, table: "psap_routes", column: "trunk_id", cross: true, id: "psap_id"},
			{kind: e911.KindOrg, table: "org_carriers", column: "trunk_id", cross: true, id: "org_id"},
			{kind: e911.KindSite, table: "site_trunks", column: "trunk_id", cross: true, id: "site_id"},
		}
	case e911.KindPSAP:
		return []pointer{
			{kind: e911.KindOverride, table: "psap_overrides", column: "psap_id", cross: true, id: "id"},
			{kind: e911.KindPSAP, table: "psap_alternates", column: "other_id", cross: true, id: "psap_id"},
		}
	}
	return nil
}

// tableOf returns the table that keeps a kind.
func tableOf(kind e911.ObjectKind) table {
	switch kind {
	case e911.KindTokenKey:
		return tokenKeys()
	case e911.KindModel:
		return models()
	case e911.KindLayer:
		return referenceLayers()
	case e911.KindOrg:
		return organisations()
	case e911.KindTrunk:
		return trunks()
	case e911.KindPSAP:
		return psaps()
	case e911.KindSite:
		return sites()
	case e911.KindBuilding:
		return buildings()
	case e911.KindLocation:
		return locations()
	case e911.KindElement:
		return elements()
	case e911.KindUser:
		return users()
	case e911.KindDevice:
		return devices()
	case e911.KindNumber:
		return numbers()
	case e911.KindAlert:
		return alerts()
	case e911.KindOverride:
		return overrides()
	}
	panic("rows: no table keeps " + string(kind))
}
