package rows

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

type overrideRow struct {
	bun.BaseModel `bun:"table:psap_overrides"`
	Base
	Key        string          `bun:"key"`
	SiteID     e911.SiteID     `bun:"site_id,nullzero"`
	BuildingID e911.BuildingID `bun:"building_id,nullzero"`
	LocationID e911.LocationID `bun:"location_id,nullzero"`
	PSAPID     e911.PSAPID     `bun:"psap_id"`
	Agreement  string          `bun:"agreement"`
	Expires    int64           `bun:"expires"`
}

func overrides() rowTable[overrideRow, e911.PSAPOverride] {
	return rowTable[overrideRow, e911.PSAPOverride]{
		name: e911.KindOverride,
		columns: map[admin.Field]string{
			admin.ByKey: "key = ?", admin.BySite: "site_id = ?", admin.ByBuilding: "building_id = ?", admin.ByLocation: "location_id = ?",
			admin.ByPSAP: "psap_id = ?",
		},
		base: func(r *overrideRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.PSAPOverride) (overrideRow, error) {
			return overrideRow{
				Key: v.Key, SiteID: v.Site, BuildingID: v.Building, LocationID: v.Location, PSAPID: v.PSAP, Agreement: v.Agreement,
				Expires: millis(v.Expires),
			}, nil
		},
		decode: func(_ *tx, r *overrideRow) (e911.PSAPOverride, error) {
			return e911.PSAPOverride{
				ID: e911.OverrideID(r.ID), Org: r.OrgID, Key: r.Key, Site: r.SiteID, Building: r.BuildingID, Location: r.LocationID,
				PSAP: r.PSAPID, Agreement: r.Agreement, Expires: instant(r.Expires),
			}, nil
		},
	}
}

// orgCarrier is one of the trunks that take an organisation's calls for any
// place.
type orgCarrier struct {
	bun.BaseModel `bun:"table:org_carriers"`
	OrgID         string       `bun:"org_id,pk"`
	Position      int          `bun:"position,pk"`
	TrunkID       e911.TrunkID `bun:"trunk_id"`
}

func attachCarriers(ctx context.Context, t *tx, rs []orgRow) error {
	var found []orgCarrier
	err := t.db.NewSelect().Model(&found).Where("org_id IN (?)", bun.List(idsOf(rs, func(r *orgRow) string { return r.ID }))).
		OrderExpr("org_id, position").Scan(ctx)
	if err != nil {
		return t.s.fault("read carriers", err)
	}
	of := map[string][]e911.TrunkID{}
	for _, r := range found {
		of[r.OrgID] = append(of[r.OrgID], r.TrunkID)
	}
	for i := range rs {
		rs[i].carriers = of[rs[i].ID]
	}
	return nil
}

func spreadCarriers(ctx context.Context, t *tx, v e911.Org) error {
	if _, err := t.db.NewDelete().Model((*orgCarrier)(nil)).Where("org_id = ?", v.ID).Exec(ctx); err != nil {
		return t.s.fault("replace carriers", err)
	}
	if len(v.Carriers) == 0 {
		return nil
	}
	rows := make([]orgCarrier, len(v.Carriers))
	for i, id := range v.Carriers {
		rows[i] = orgCarrier{OrgID: string(v.ID), Position: i, TrunkID: id}
	}
	_, err := t.db.NewInsert().Model(&rows).Exec(ctx)
	return t.s.fault("replace carriers", err)
}
