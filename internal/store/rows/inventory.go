package rows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
)

var (
	_ inventory.Writer = (*Store)(nil)
	_ inventory.Store  = (*Store)(nil)
)

type seenRow struct {
	bun.BaseModel `bun:"table:seen_devices"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	Device        string     `bun:"device,pk"`
	Known         bool       `bun:"known"`
	LastAt        int64      `bun:"last_at"`
	Body          string     `bun:"body"`
}

type unknownRow struct {
	bun.BaseModel `bun:"table:unknown_elements"`
	OrgID         e911.OrgID      `bun:"org_id,pk"`
	ID            string          `bun:"id,pk"`
	Stranded      int             `bun:"stranded"`
	Devices       int             `bun:"devices"`
	LastAt        int64           `bun:"last_at"`
	Body          string          `bun:"body"`
	State         inventory.State `bun:"state"`
	StateBy       string          `bun:"state_by"`
	StateAt       int64           `bun:"state_at"`
	StateWhy      string          `bun:"state_why"`
	LocationID    e911.LocationID `bun:"location_id"`
}

type inventoryCursor struct {
	bun.BaseModel `bun:"table:inventory_cursors"`
	Node          string `bun:"node,pk"`
	Seq           uint64 `bun:"seq"`
}

// someIDs is how many ids one question names.
const someIDs = 500

// InventoryCursor implements inventory.Writer.
func (s *Store) InventoryCursor(ctx context.Context, node string) (uint64, error) {
	var row inventoryCursor
	err := s.cfg.Reads.NewSelect().Model(&row).Where("node = ?", node).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return row.Seq, s.fault("read the cursor of the inventory", err)
}

// SeenDevices implements inventory.Writer.
func (s *Store) SeenDevices(ctx context.Context, ids []inventory.ID) ([]inventory.Device, error) {
	names := map[e911.OrgID][]string{}
	for _, id := range ids {
		names[id.Org] = append(names[id.Org], id.Device)
	}
	var out []inventory.Device
	for org, all := range names {
		for part := range slices.Chunk(all, someIDs) {
			var found []seenRow
			err := s.readOf(ctx, org, func(t *tx) error {
				return t.db.NewSelect().Model(&found).Where("org_id = ? AND device IN (?)", org, bun.List(part)).Scan(ctx)
			})
			if err != nil {
				return nil, s.fault("read seen devices", err)
			}
			if out, err = appendDevices(out, found); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// AllSeenDevices implements inventory.Store.
func (s *Store) AllSeenDevices(ctx context.Context, org e911.OrgID) ([]inventory.Device, error) {
	var found []seenRow
	err := s.readOf(ctx, org, func(t *tx) error {
		return t.db.NewSelect().Model(&found).Where("org_id = ?", org).OrderExpr("device").Scan(ctx)
	})
	if err != nil {
		return nil, s.fault("read seen devices", err)
	}
	return appendDevices(nil, found)
}

func appendDevices(out []inventory.Device, found []seenRow) ([]inventory.Device, error) {
	for i := range found {
		var d inventory.Device
		if err := json.Unmarshal([]byte(found[i].Body), &d); err != nil {
			return nil, &e911.Error{Kind: e911.Internal, Msg: "a seen device cannot be decoded", Err: err}
		}
		out = append(out, d)
	}
	return out, nil
}

// UnknownElements implements inventory.Writer.
func (s *Store) UnknownElements(ctx context.Context, org e911.OrgID, ids []string) ([]inventory.Unknown, error) {
	var out []inventory.Unknown
	for part := range slices.Chunk(ids, someIDs) {
		var found []unknownRow
		err := s.readOf(ctx, org, func(t *tx) error {
			return t.db.NewSelect().Model(&found).Where("org_id = ? AND id IN (?)", org, bun.List(part)).Scan(ctx)
		})
		if err != nil {
			return nil, s.fault("read unknown elements", err)
		}
		for i := range found {
			u, err := found[i].decode()
			if err != nil {
				return nil, err
			}
			out = append(out, u)
		}
	}
	return out, nil
}

// ListUnknown implements inventory.Store.
func (s *Store) ListUnknown(ctx context.Context, org e911.OrgID, state inventory.State) ([]inventory.Unknown, error) {
	var found []unknownRow
	err := s.readOf(ctx, org, func(t *tx) error {
		q := t.db.NewSelect().Model(&found).Where("org_id = ?", org).OrderExpr("stranded DESC, devices DESC, last_at DESC, id")
		if state != "" {
			q = q.Where("state = ?", state)
		}
		return q.Scan(ctx)
	})
	if err != nil {
		return nil, s.fault("read unknown elements", err)
	}
	out := make([]inventory.Unknown, len(found))
	for i := range found {
		var err error
		if out[i], err = found[i].decode(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Unknown implements inventory.Store.
func (s *Store) Unknown(ctx context.Context, org e911.OrgID, id string) (inventory.Unknown, error) {
	found, err := s.UnknownElements(ctx, org, []string{id})
	if err != nil {
		return inventory.Unknown{}, err
	}
	if len(found) == 0 {
		return inventory.Unknown{}, e911.Errorf(e911.NotFound, "there is no such unknown element")
	}
	return found[0], nil
}

// Decide implements inventory.Store.
func (s *Store) Decide(ctx context.Context, org e911.OrgID, id string, from []inventory.State, d inventory.Decision) (inventory.Unknown, error) {
	var now inventory.Unknown
	err := s.writeOf(ctx, org, func(t *tx) error {
		res, err := t.db.NewUpdate().Model((*unknownRow)(nil)).
			Set("state = ?, state_by = ?, state_at = ?, state_why = ?, location_id = ?", d.State, d.By, millis(d.At), d.Why, d.Location).
			Where("org_id = ? AND id = ? AND state IN (?)", org, id, bun.List(from)).Exec(ctx)
		if err != nil {
			return s.fault("decide on an unknown element", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return s.fault("decide on an unknown element", err)
		}
		var row unknownRow
		err = t.db.NewSelect().Model(&row).Where("org_id = ? AND id = ?", org, id).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return e911.Errorf(e911.NotFound, "there is no such unknown element")
		}
		if err != nil {
			return s.fault("read an unknown element", err)
		}
		if now, err = row.decode(); err != nil {
			return err
		}
		if n == 0 {
			return e911.Errorf(e911.Conflict, "the element is %s already", now.State)
		}
		return nil
	})
	return now, err
}

// SaveInventory implements inventory.Writer.
func (s *Store) SaveInventory(ctx context.Context, node string, upTo uint64, b inventory.Batch) error {
	return s.write(ctx, func(t *tx) error {
		var at inventoryCursor
		err := t.db.NewSelect().Model(&at).Where("node = ?", node).Scan(ctx)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return s.fault("read the cursor of the inventory", err)
		}
		if err := t.every(ctx); err != nil { // a node has seen the devices of all organisations
			return err
		}
		if at.Seq > upTo {
			return e911.Errorf(e911.Conflict, "the inventory of this node is further than this change")
		}
		if err := t.saveDevices(ctx, b.Devices); err != nil {
			return err
		}
		if err := t.saveUnknown(ctx, b.Unknown); err != nil {
			return err
		}
		_, err = t.db.NewInsert().Model(&inventoryCursor{Node: node, Seq: upTo}).
			On("CONFLICT (node) DO UPDATE").Set("seq = EXCLUDED.seq").Exec(ctx)
		return s.fault("write the cursor of the inventory", err)
	})
}

func (t *tx) saveDevices(ctx context.Context, devices []inventory.Device) error {
	strangers := map[e911.OrgID]bool{}
	for part := range slices.Chunk(devices, someIDs) {
		seen := make([]seenRow, 0, len(part))
		for i := range part {
			body, err := json.Marshal(&part[i])
			if err != nil {
				return fmt.Errorf("encode a seen device: %w", err)
			}
			d := &part[i]
			seen = append(seen, seenRow{OrgID: d.Org, Device: d.Device, Known: d.Known, LastAt: millis(d.Last), Body: string(body)})
			if !d.Known {
				strangers[d.Org] = true
			}
		}
		_, err := t.db.NewInsert().Model(&seen).On("CONFLICT (org_id, device) DO UPDATE").
			Set("known = EXCLUDED.known, last_at = EXCLUDED.last_at, body = EXCLUDED.body").Exec(ctx)
		if err != nil {
			return t.s.fault("write seen devices", err)
		}
	}
	for org := range strangers {
		_, err := t.db.NewRaw(`DELETE FROM seen_devices WHERE org_id = ? AND known = FALSE AND device IN (
			SELECT device FROM seen_devices WHERE org_id = ? AND known = FALSE ORDER BY last_at DESC, device LIMIT 9223372036854775807 OFFSET ?)`,
			org, org, inventory.MaxStrangers).Exec(ctx)
		if err != nil {
			return t.s.fault("drop devices of long ago", err)
		}
	}
	return nil
}

func (t *tx) saveUnknown(ctx context.Context, unknown []inventory.Unknown) error {
	orgs := map[e911.OrgID]bool{}
	for i := range unknown {
		row, err := encodeUnknown(&unknown[i])
		if err != nil {
			return err
		}
		// What somebody decided meanwhile stays: the projector has read before.
		again := "EXCLUDED.state = 'open' AND unknown_row.state IN ('assigned', 'mapped') AND EXCLUDED.last_at > unknown_row.state_at"
		q := t.db.NewInsert().Model(row).On("CONFLICT (org_id, id) DO UPDATE").
			Set("stranded = EXCLUDED.stranded, devices = EXCLUDED.devices, last_at = EXCLUDED.last_at, body = EXCLUDED.body")
		for _, column := range []string{"state", "state_by", "state_at", "state_why", "location_id"} {
			q = q.Set("? = CASE WHEN "+again+" THEN EXCLUDED.? ELSE unknown_row.? END", bun.Ident(column), bun.Ident(column), bun.Ident(column))
		}
		if _, err := q.Exec(ctx); err != nil {
			return t.s.fault("write unknown elements", err)
		}
		orgs[row.OrgID] = true
	}
	for org := range orgs {
		for _, bound := range []struct {
			where string
			keep  int
		}{{"state = 'open'", inventory.MaxOpen}, {"state IN ('assigned', 'mapped')", inventory.MaxClosed}} {
			_, err := t.db.NewRaw(`DELETE FROM unknown_elements WHERE org_id = ? AND id IN (
				SELECT id FROM unknown_elements WHERE org_id = ? AND `+bound.where+` ORDER BY stranded DESC, devices DESC, last_at DESC, id LIMIT 9223372036854775807 OFFSET ?)`,
				org, org, bound.keep).Exec(ctx)
			if err != nil {
				return t.s.fault("drop unknown elements", err)
			}
		}
	}
	return nil
}

func encodeUnknown(u *inventory.Unknown) (*unknownRow, error) {
	kept := *u
	kept.Decision = inventory.Decision{}
	body, err := json.Marshal(&kept)
	if err != nil {
		return nil, fmt.Errorf("encode an unknown element: %w", err)
	}
	return &unknownRow{
		OrgID: u.Org, ID: u.ID, Stranded: u.Stranded, Devices: u.Devices, LastAt: millis(u.Last), Body: string(body),
		State: u.State, StateBy: u.By, StateAt: millis(u.At), StateWhy: u.Why, LocationID: u.Location,
	}, nil
}

func (r *unknownRow) decode() (inventory.Unknown, error) {
	var u inventory.Unknown
	if err := json.Unmarshal([]byte(r.Body), &u); err != nil {
		return u, &e911.Error{Kind: e911.Internal, Msg: "an unknown element cannot be decoded", Err: err}
	}
	u.Decision = inventory.Decision{State: r.State, By: r.StateBy, At: instant(r.StateAt), Why: r.StateWhy, Location: r.LocationID}
	return u, nil
}
