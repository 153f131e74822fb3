package rows

import (
	"context"
	"net/netip"
	"slices"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

var _ admin.Writer = (*tx)(nil)

// Get implements admin.View.
func (t *tx) Get(ctx context.Context, ref admin.Ref) (admin.Object, error) {
	items, err := tableOf(ref.Kind).list(ctx, t, filter{org: ref.Org, ids: []string{ref.ID}})
	if err != nil {
		return admin.Object{}, err
	}
	if len(items) == 0 {
		return admin.Object{}, e911.Errorf(e911.NotFound, "there is no such %s", word(ref.Kind))
	}
	return items[0].object, items[0].err
}

// word is a kind as a person says it.
func word(kind e911.ObjectKind) string {
	switch kind {
	case e911.KindElement:
		return "network element"
	case e911.KindTokenKey:
		return "token key"
	case e911.KindPSAP:
		return "PSAP"
	case e911.KindLayer:
		return "reference layer"
	case e911.KindAlert:
		return "alert rule"
	case e911.KindOverride:
		return "PSAP override"
	}
	return string(kind)
}

// List implements admin.View.
func (t *tx) List(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	tb := tableOf(q.Kind)
	f := filter{org: q.Org, after: q.After, limit: page(q.Limit), order: q.Order, down: q.Down}
	if q.Field != "" {
		where, ok := tb.column(q.Field)
		if !ok {
			return nil, e911.Errorf(e911.Invalid, "a %s is not looked for by %s", word(q.Kind), q.Field)
		}
		f.where, f.value = where, q.Value
	}
	items, err := tb.list(ctx, t, f)
	if err != nil {
		return nil, err
	}
	objects := make([]admin.Object, len(items))
	for i, it := range items {
		if it.err != nil {
			return nil, it.err
		}
		objects[i] = it.object
	}
	return objects, nil
}

// Orgs implements admin.View.
func (t *tx) Orgs(ctx context.Context) ([]e911.Org, error) {
	items, err := organisations().list(ctx, t, filter{every: true})
	if err != nil {
		return nil, err
	}
	orgs := make([]e911.Org, len(items))
	for i, it := range items {
		if it.err != nil {
			return nil, it.err
		}
		orgs[i] = it.object.Value.(e911.Org)
	}
	return orgs, nil
}

// TrunksFrom implements admin.View.
func (t *tx) TrunksFrom(ctx context.Context, p netip.Prefix) ([]e911.Trunk, error) {
	if err := t.every(ctx); err != nil { // whose it is, is the question
		return nil, err
	}
	lo, hi := bounds(p)
	var ids []string
	err := t.db.NewSelect().Model((*trunkRange)(nil)).Distinct().Column("trunk_id").
		Where("lo <= ? AND hi >= ?", hi, lo).Scan(ctx, &ids)
	if err != nil {
		return nil, t.s.fault("read trunk ranges", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	items, err := trunks().list(ctx, t, filter{every: true, ids: ids})
	if err != nil {
		return nil, err
	}
	found := make([]e911.Trunk, len(items))
	for i, it := range items {
		if it.err != nil {
			return nil, it.err
		}
		found[i] = it.object.Value.(e911.Trunk)
	}
	return found, nil
}

// bounds are the first and last address of p in 16 octets.
func bounds(p netip.Prefix) (lo, hi []byte) {
	first := p.Masked().Addr().As16()
	last := first
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	for i := range last {
		switch free := (i+1)*8 - bits; {
		case free >= 8:
			last[i] = 0xff
		case free > 0:
			last[i] |= 1<<free - 1
		}
	}
	return first[:], last[:]
}

// Pointing implements admin.Reader.
func (t *tx) Pointing(ctx context.Context, ref admin.Ref, limit int) ([]admin.Ref, error) {
	var refs []admin.Ref
	for _, p := range pointersTo(ref.Kind) {
		if err := t.see(ctx, filter{org: ref.Org, every: p.cross}); err != nil {
			return nil, err
		}
		var found []struct {
			ID    string     `bun:"id"`
			OrgID e911.OrgID `bun:"org_id"`
		}
		q := t.db.NewSelect().TableExpr("?", bun.Ident(p.table)).ColumnExpr("? AS id", bun.Ident(p.id)).
			Where("? = ?", bun.Ident(p.column), ref.ID).OrderExpr("1").Limit(page(limit))
		if p.table != "psap_routes" && p.table != "psap_alternates" {
			q = q.Column("org_id")
		}
		if !p.cross {
			q = q.Where("org_id = ?", ref.Org)
		}
		if p.without != "" {
			q = q.Where("? IS NULL", bun.Ident(p.without))
		}
		if err := q.Scan(ctx, &found); err != nil {
			return nil, t.s.fault("look for what names the object", err)
		}
		for _, f := range found {
			refs = append(refs, admin.Ref{Kind: p.kind, Org: f.OrgID, ID: f.ID})
		}
	}
	return refs[:min(len(refs), int(page(limit)))], nil
}

// Create implements admin.Writer.
func (t *tx) Create(ctx context.Context, value any) (admin.Object, error) {
	ref := admin.RefOf(value)
	if ref.ID == "" {
		return admin.Object{}, e911.Errorf(e911.Invalid, "a %s needs an id", word(ref.Kind))
	}
	if err := tableOf(ref.Kind).insert(ctx, t, value); err != nil {
		return admin.Object{}, err
	}
	t.log = append(t.log, entry{ref: ref, key: admin.KeyOf(value), verb: admin.Created, after: value})
	return admin.Object{Ref: ref, Version: 1, Value: value}, nil
}

// manyRows is how many rows one statement inserts or deletes: SQLite takes
// 32,766 values in one.
const manyRows = 1000

// CreateAll implements admin.Writer.
func (t *tx) CreateAll(ctx context.Context, values []any) error {
	for part := range slices.Chunk(values, manyRows) {
		kind := admin.RefOf(part[0]).Kind
		for _, v := range part {
			ref := admin.RefOf(v)
			if ref.ID == "" || ref.Kind != kind {
				return e911.Errorf(e911.Invalid, "a %s needs an id, and values that are created together are of one kind", word(ref.Kind))
			}
			t.log = append(t.log, entry{ref: ref, key: admin.KeyOf(v), verb: admin.Created, after: v})
		}
		if err := tableOf(kind).insertAll(ctx, t, part); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAll implements admin.Writer.
func (t *tx) DeleteAll(ctx context.Context, objects []admin.Object) error {
	for part := range slices.Chunk(objects, manyRows) {
		first := part[0].Ref
		ids := make([]string, len(part))
		for i, o := range part {
			if o.Ref.Kind != first.Kind || o.Ref.Org != first.Org {
				return e911.Errorf(e911.Invalid, "objects that are deleted together are of one kind and organisation")
			}
			ids[i] = o.Ref.ID
			t.log = append(t.log, entry{ref: o.Ref, key: admin.KeyOf(o.Value), verb: admin.Deleted, before: o.Value})
		}
		n, err := tableOf(first.Kind).removeAll(ctx, t, first.Org, ids)
		if err == nil && n != int64(len(ids)) {
			err = stale(first)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Update implements admin.Writer.
func (t *tx) Update(ctx context.Context, value any, version int64) (admin.Object, error) {
	ref := admin.RefOf(value)
	before, err := t.Get(ctx, ref)
	if err != nil && e911.KindOf(err) != e911.Unavailable {
		return admin.Object{}, err
	}
	n, err := tableOf(ref.Kind).update(ctx, t, value, version)
	if err == nil && n == 0 {
		err = stale(ref)
	}
	if err != nil {
		return admin.Object{}, err
	}
	t.log = append(t.log, entry{ref: ref, key: admin.KeyOf(value), verb: admin.Changed, before: before.Value, after: value})
	return admin.Object{Ref: ref, Version: version + 1, Value: value}, nil
}

// ParkKeys implements admin.SetWriter.
func (t *tx) ParkKeys(ctx context.Context, kind e911.ObjectKind, org e911.OrgID, ids []string) error {
	for part := range slices.Chunk(ids, manyRows) {
		if err := tableOf(kind).park(ctx, t, org, part); err != nil {
			return err
		}
	}
	return nil
}

// UpdateAll implements admin.SetWriter.
func (t *tx) UpdateAll(ctx context.Context, before []admin.Object, after []any) error {
	for i, o := range before {
		n, err := tableOf(o.Ref.Kind).update(ctx, t, after[i], o.Version)
		if err == nil && n == 0 {
			err = stale(o.Ref)
		}
		if err != nil {
			return err
		}
		t.log = append(t.log, entry{ref: o.Ref, key: admin.KeyOf(after[i]), verb: admin.Changed, before: o.Value, after: after[i]})
	}
	return nil
}

// Delete implements admin.Writer.
func (t *tx) Delete(ctx context.Context, ref admin.Ref, version int64) error {
	before, err := t.Get(ctx, ref)
	if err != nil && e911.KindOf(err) != e911.Unavailable {
		return err
	}
	n, err := tableOf(ref.Kind).remove(ctx, t, ref, version)
	if err == nil && n == 0 {
		err = stale(ref)
	}
	if err != nil {
		return err
	}
	key := ""
	if before.Value != nil {
		key = admin.KeyOf(before.Value)
	}
	t.log = append(t.log, entry{ref: ref, key: key, verb: admin.Deleted, before: before.Value})
	return nil
}

func stale(ref admin.Ref) error {
	return e911.Errorf(e911.Conflict, "somebody else has changed the %s meanwhile: read it again", word(ref.Kind))
}
