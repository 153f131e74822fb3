package rows

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
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

type trunkRow struct {
	bun.BaseModel `bun:"table:trunks"`
	Base
	Key            string             `bun:"key"`
	Side           e911.TrunkSide     `bun:"side"`
	Kind           e911.RouteKind     `bun:"kind"`
	Profile        e911.HeaderProfile `bun:"profile"`
	Destination    string             `bun:"destination"`
	IdentityHeader string             `bun:"identity_header"`
	ranges         []trunkRange
}

type trunkRange struct {
	bun.BaseModel `bun:"table:trunk_ranges"`
	TrunkID       string `bun:"trunk_id,pk"`
	Disaster      bool   `bun:"disaster,pk"`
	Position      int    `bun:"position,pk"`
	Prefix        string `bun:"prefix"`
	Lo            []byte `bun:"lo"`
	Hi            []byte `bun:"hi"`
}

func trunks() rowTable[trunkRow, e911.Trunk] {
	return rowTable[trunkRow, e911.Trunk]{
		name:    e911.KindTrunk,
		columns: map[admin.Field]string{admin.ByKey: "key = ?"},
		base:    func(r *trunkRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.Trunk) (trunkRow, error) {
			return trunkRow{
				Key: v.Key, Side: v.Side, Kind: v.Kind, Profile: v.Profile,
				Destination: v.To, IdentityHeader: v.IdentityHeader,
			}, nil
		},
		decode: decodeTrunk,
		attach: attachRanges,
		spread: spreadRanges,
	}
}

func decodeTrunk(_ *tx, r *trunkRow) (e911.Trunk, error) {
	v := e911.Trunk{
		ID: e911.TrunkID(r.ID), Org: r.OrgID, Key: r.Key, Side: r.Side, Kind: r.Kind, Profile: r.Profile,
		To: r.Destination, IdentityHeader: r.IdentityHeader,
		From: []netip.Prefix{}, DRFrom: []netip.Prefix{},
	}
	for _, g := range r.ranges {
		p, err := netip.ParsePrefix(g.Prefix)
		if err != nil {
			return v, fmt.Errorf("decode a trunk's range: %w", err)
		}
		if g.Disaster {
			v.DRFrom = append(v.DRFrom, p)
		} else {
			v.From = append(v.From, p)
		}
	}
	return v, nil
}

func attachRanges(ctx context.Context, t *tx, rs []trunkRow) error {
	var found []trunkRange
	err := t.db.NewSelect().Model(&found).Where("trunk_id IN (?)", bun.List(idsOf(rs, func(r *trunkRow) string { return r.ID }))).
		OrderExpr("trunk_id, disaster, position").Scan(ctx)
	if err != nil {
		return t.s.fault("read trunk ranges", err)
	}
	of := map[string][]trunkRange{}
	for _, g := range found {
		of[g.TrunkID] = append(of[g.TrunkID], g)
	}
	for i := range rs {
		rs[i].ranges = of[rs[i].ID]
	}
	return nil
}

func spreadRanges(ctx context.Context, t *tx, v e911.Trunk) error {
	if _, err := t.db.NewDelete().Model((*trunkRange)(nil)).Where("trunk_id = ?", v.ID).Exec(ctx); err != nil {
		return t.s.fault("replace trunk ranges", err)
	}
	var ranges []trunkRange
	add := func(disaster bool, prefixes []netip.Prefix) {
		for i, p := range prefixes {
			lo, hi := bounds(p)
			ranges = append(ranges, trunkRange{TrunkID: string(v.ID), Disaster: disaster, Position: i, Prefix: p.String(), Lo: lo, Hi: hi})
		}
	}
	add(false, v.From)
	add(true, v.DRFrom)
	if len(ranges) == 0 {
		return nil
	}
	_, err := t.db.NewInsert().Model(&ranges).Exec(ctx)
	return t.s.fault("replace trunk ranges", err)
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
			var errs [3]error
			r.Area, errs[0] = text(v.Area)
			r.Features, errs[1] = text(v.Features)
			r.Listing, errs[2] = text(v.Listing)
			return r, errors.Join(errs[:]...)
		},
		decode: func(_ *tx, r *psapRow) (e911.PSAP, error) {
			v := e911.PSAP{
				ID: e911.PSAPID(r.ID), Key: r.Key, Name: r.Name, Relay: r.Relay,
				Boundary: e911.Boundary{USCounty: r.USCounty, State: r.State, County: r.County},
				Routes:   r.routes, Line: r.Line, Agency: r.Agency,
			}
			return v, errors.Join(untext(r.Area, &v.Area), untext(r.Features, &v.Features), untext(r.Listing, &v.Listing))
		},
		attach: attachRoutes,
		spread: spreadRoutes,
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
