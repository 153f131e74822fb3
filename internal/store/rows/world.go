package rows

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

type tokenKeyRow struct {
	bun.BaseModel `bun:"table:token_keys"`
	Base
	MintedAt     int64  `bun:"minted_at"`
	SecretSealed string `bun:"secret_sealed"`
}

func tokenKeys() rowTable[tokenKeyRow, e911.TokenKey] {
	return rowTable[tokenKeyRow, e911.TokenKey]{
		name:    e911.KindTokenKey,
		columns: map[admin.Field]string{admin.ByKey: "id = ?"},
		base:    func(r *tokenKeyRow) *Base { return &r.Base },
		encode: func(t *tx, v e911.TokenKey) (tokenKeyRow, error) {
			sealed, err := t.seal("token_key/"+v.ID, v.Secret)
			return tokenKeyRow{MintedAt: millis(v.Created), SecretSealed: sealed}, err
		},
		decode: func(t *tx, r *tokenKeyRow) (e911.TokenKey, error) {
			v := e911.TokenKey{ID: r.ID, Created: instant(r.MintedAt)}
			return v, t.unseal("token_key/"+r.ID, r.SecretSealed, &v.Secret)
		},
	}
}

type modelRow struct {
	bun.BaseModel `bun:"table:models"`
	Base
	Key      string `bun:"key"`
	HELD     bool   `bun:"held"`
	Maker    string `bun:"maker"`
	Names    string `bun:"names"`
	Firmware string `bun:"firmware"`
}

func models() rowTable[modelRow, e911.Model] {
	return rowTable[modelRow, e911.Model]{
		name:    e911.KindModel,
		columns: map[admin.Field]string{admin.ByKey: "key = ?"},
		base:    func(r *modelRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.Model) (r modelRow, err error) {
			r = modelRow{Key: v.Key, HELD: v.HELD, Maker: v.Maker}
			if r.Names, err = text(v.Names); err != nil {
				return r, err
			}
			r.Firmware, err = text(v.Firmware)
			return r, err
		},
		decode: func(_ *tx, r *modelRow) (e911.Model, error) {
			v := e911.Model{ID: e911.ModelID(r.ID), Key: r.Key, HELD: r.HELD, Maker: r.Maker}
			if err := untext(r.Names, &v.Names); err != nil {
				return v, err
			}
			return v, untext(r.Firmware, &v.Firmware)
		},
	}
}

type psapRow struct {
	bun.BaseModel `bun:"table:psaps"`
	Base
	Key      string      `bun:"key"`
	Name     string      `bun:"name"`
	Relay    bool        `bun:"relay"`
	USCounty string      `bun:"us_county"`
	State    string      `bun:"state"`
	County   string      `bun:"county"`
	Area     string      `bun:"area"`
	Line     e911.Number `bun:"line"`
	Features string      `bun:"features"`
	Agency   string      `bun:"agency"`
	Listing  string      `bun:"listing"`
	routes   []e911.TrunkID

	Countries  string `bun:"countries"` // empty: none
	Languages  string `bun:"languages"` // empty: none
	alternates []e911.PSAPAlternate
}

type psapRoute struct {
	bun.BaseModel `bun:"table:psap_routes"`
	PSAPID        string       `bun:"psap_id,pk"`
	Position      int          `bun:"position,pk"`
	TrunkID       e911.TrunkID `bun:"trunk_id"`
}

func psaps() rowTable[psapRow, e911.PSAP] {
	return rowTable[psapRow, e911.PSAP]{
		name: e911.KindPSAP,
		columns: map[admin.Field]string{
			admin.ByKey:   "key = ?",
			admin.ByTrunk: "id IN (SELECT psap_id FROM psap_routes WHERE trunk_id = ?)",
		},
		base: func(r *psapRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.PSAP) (psapRow, error) {
			r := psapRow{
				Key: v.Key, Name: v.Name, Relay: v.Relay, USCounty: v.Boundary.USCounty,
				State: v.Boundary.State, County: v.Boundary.County, Line: v.Line, Agency: v.Agency,
			}
			var errs [5]error
			if len(v.Countries) > 0 {
				r.Countries, errs[3] = text(v.Countries)
			}
			if len(v.Languages) > 0 {
				r.Languages, errs[4] = text(v.Languages)
			}
			r.Area, errs[0] = text(v.Area)
			r.Features, errs[1] = text(v.Features)
			r.Listing, errs[2] = text(v.Listing)
			return r, errors.Join(errs[:]...)
		},
		decode: func(_ *tx, r *psapRow) (e911.PSAP, error) {
			v := e911.PSAP{
				ID: e911.PSAPID(r.ID), Key: r.Key, Name: r.Name, Relay: r.Relay,
				Boundary: e911.Boundary{USCounty: r.USCounty, State: r.State, County: r.County},
				Routes:   r.routes, Line: r.Line, Agency: r.Agency, Alternates: r.alternates,
			}
			if r.Countries != "" {
				if err := untext(r.Countries, &v.Countries); err != nil {
					return v, err
				}
			}
			if r.Languages != "" {
				if err := untext(r.Languages, &v.Languages); err != nil {
					return v, err
				}
			}
			return v, errors.Join(untext(r.Area, &v.Area), untext(r.Features, &v.Features), untext(r.Listing, &v.Listing))
		},
		attach: func(ctx context.Context, t *tx, rs []psapRow) error {
			return errors.Join(attachRoutes(ctx, t, rs), attachAlternates(ctx, t, rs))
		},
		spread: func(ctx context.Context, t *tx, v e911.PSAP) error {
			return errors.Join(spreadRoutes(ctx, t, v), spreadAlternates(ctx, t, v))
		},
	}
}

func attachRoutes(ctx context.Context, t *tx, rs []psapRow) error {
	var found []psapRoute
	err := t.db.NewSelect().Model(&found).Where("psap_id IN (?)", bun.List(idsOf(rs, func(r *psapRow) string { return r.ID }))).
		OrderExpr("psap_id, position").Scan(ctx)
	if err != nil {
		return t.s.fault("read routes", err)
	}
	of := map[string][]e911.TrunkID{}
	for _, r := range found {
		of[r.PSAPID] = append(of[r.PSAPID], r.TrunkID)
	}
	for i := range rs {
		rs[i].routes = append([]e911.TrunkID{}, of[rs[i].ID]...)
	}
	return nil
}

func spreadRoutes(ctx context.Context, t *tx, v e911.PSAP) error {
	if _, err := t.db.NewDelete().Model((*psapRoute)(nil)).Where("psap_id = ?", v.ID).Exec(ctx); err != nil {
		return t.s.fault("replace routes", err)
	}
	if len(v.Routes) == 0 {
		return nil
	}
	routes := make([]psapRoute, len(v.Routes))
	for i, id := range v.Routes {
		routes[i] = psapRoute{PSAPID: string(v.ID), Position: i, TrunkID: id}
	}
	_, err := t.db.NewInsert().Model(&routes).Exec(ctx)
	return t.s.fault("replace routes", err)
}

func idsOf[R any](rs []R, id func(*R) string) []string {
	ids := make([]string, len(rs))
	for i := range rs {
		ids[i] = id(&rs[i])
	}
	return ids
}

// millis and instant are times as SQL keeps them (D-10).
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
