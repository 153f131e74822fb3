package rows

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/e911"
)

// siteTrunk is one of the PSTN trunks that a site has of its own.
type siteTrunk struct {
	bun.BaseModel `bun:"table:site_trunks"`
	OrgID         e911.OrgID   `bun:"org_id"`
	SiteID        string       `bun:"site_id,pk"`
	Position      int          `bun:"position,pk"`
	TrunkID       e911.TrunkID `bun:"trunk_id"`
}

func attachLocal(ctx context.Context, t *tx, rs []siteRow) error {
	var found []siteTrunk
	err := t.db.NewSelect().Model(&found).Where("site_id IN (?)", bun.List(idsOf(rs, func(r *siteRow) string { return r.ID }))).
		OrderExpr("site_id, position").Scan(ctx)
	if err != nil {
		return t.s.fault("read the trunks of sites", err)
	}
	of := map[string][]e911.TrunkID{}
	for _, r := range found {
		of[r.SiteID] = append(of[r.SiteID], r.TrunkID)
	}
	for i := range rs {
		rs[i].local = of[rs[i].ID]
	}
	return nil
}

func spreadLocal(ctx context.Context, t *tx, v e911.Site) error {
	if _, err := t.db.NewDelete().Model((*siteTrunk)(nil)).Where("site_id = ?", v.ID).Exec(ctx); err != nil {
		return t.s.fault("replace the trunks of a site", err)
	}
	if len(v.Local) == 0 {
		return nil
	}
	rows := make([]siteTrunk, len(v.Local))
	for i, id := range v.Local {
		rows[i] = siteTrunk{OrgID: v.Org, SiteID: string(v.ID), Position: i, TrunkID: id}
	}
	_, err := t.db.NewInsert().Model(&rows).Exec(ctx)
	return t.s.fault("replace the trunks of a site", err)
}

// psapAlternate is another PSAP that takes a PSAP's calls by agreement.
type psapAlternate struct {
	bun.BaseModel `bun:"table:psap_alternates"`
	PSAPID        string      `bun:"psap_id,pk"`
	Position      int         `bun:"position,pk"`
	OtherID       e911.PSAPID `bun:"other_id"`
	Agreement     string      `bun:"agreement"`
	Expires       int64       `bun:"expires"`
}

func attachAlternates(ctx context.Context, t *tx, rs []psapRow) error {
	var found []psapAlternate
	err := t.db.NewSelect().Model(&found).Where("psap_id IN (?)", bun.List(idsOf(rs, func(r *psapRow) string { return r.ID }))).
		OrderExpr("psap_id, position").Scan(ctx)
	if err != nil {
		return t.s.fault("read alternates", err)
	}
	of := map[string][]e911.PSAPAlternate{}
	for _, r := range found {
		of[r.PSAPID] = append(of[r.PSAPID], e911.PSAPAlternate{PSAP: r.OtherID, Agreement: r.Agreement, Expires: instant(r.Expires)})
	}
	for i := range rs {
		rs[i].alternates = of[rs[i].ID]
	}
	return nil
}

func spreadAlternates(ctx context.Context, t *tx, v e911.PSAP) error {
	if _, err := t.db.NewDelete().Model((*psapAlternate)(nil)).Where("psap_id = ?", v.ID).Exec(ctx); err != nil {
		return t.s.fault("replace alternates", err)
	}
	if len(v.Alternates) == 0 {
		return nil
	}
	rows := make([]psapAlternate, len(v.Alternates))
	for i, a := range v.Alternates {
		rows[i] = psapAlternate{PSAPID: string(v.ID), Position: i, OtherID: a.PSAP, Agreement: a.Agreement, Expires: millis(a.Expires)}
	}
	_, err := t.db.NewInsert().Model(&rows).Exec(ctx)
	return t.s.fault("replace alternates", err)
}
