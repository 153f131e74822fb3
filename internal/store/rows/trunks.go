package rows

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

type trunkRow struct {
	bun.BaseModel `bun:"table:trunks"`
	Base
	Key            string              `bun:"key"`
	Side           e911.TrunkSide      `bun:"side"`
	Kind           e911.RouteKind      `bun:"kind"`
	Profile        e911.HeaderProfile  `bun:"profile"`
	Destination    string              `bun:"destination"`
	IdentityHeader string              `bun:"identity_header"`
	Targets        string              `bun:"targets"` // JSON; here and below, empty: none
	Inbound        e911.InboundProfile `bun:"inbound"`
	Certificates   string              `bun:"certificates"`
	Credentials    string              `bun:"credentials_sealed"`
	Registration   string              `bun:"registration"`
	Probe          string              `bun:"probe"`
	Capacity       int                 `bun:"capacity"`
	Reserved       int                 `bun:"reserved"`
	National       bool                `bun:"national"`
	Marks          string              `bun:"marks"`
	ranges         []trunkRange
}

// credentials are sealed together.
type credentials struct {
	Admit  e911.TrunkDigest `json:"admit,omitzero"`
	Digest e911.TrunkDigest `json:"digest,omitzero"`
}

func (c credentials) none() bool { return noDigest(c.Admit) && noDigest(c.Digest) }

func noDigest(d e911.TrunkDigest) bool { return d.User == "" && d.Realm == "" && len(d.Secrets) == 0 }

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
		encode:  encodeTrunk,
		decode:  decodeTrunk,
		attach:  attachRanges,
		spread:  spreadRanges,
	}
}

func encodeTrunk(t *tx, v e911.Trunk) (trunkRow, error) {
	r := trunkRow{
		Key: v.Key, Side: v.Side, Kind: v.Kind, Profile: v.Profile, Destination: v.To, IdentityHeader: v.IdentityHeader,
		Inbound: v.Inbound, Capacity: v.Capacity, Reserved: v.Reserved, National: v.National,
	}
	var errs [6]error
	if len(v.Targets) > 0 {
		r.Targets, errs[0] = text(v.Targets)
	}
	if len(v.Certificates) > 0 {
		r.Certificates, errs[1] = text(v.Certificates)
	}
	if v.Register != (e911.TrunkRegistration{}) {
		r.Registration, errs[2] = text(v.Register)
	}
	if v.Probe != (e911.TrunkProbe{}) {
		r.Probe, errs[3] = text(v.Probe)
	}
	if len(v.Marks) > 0 {
		r.Marks, errs[4] = text(v.Marks)
	}
	if c := (credentials{v.Admit, v.Digest}); !c.none() {
		r.Credentials, errs[5] = t.seal("trunk_credentials/"+string(v.ID), c)
	}
	return r, errors.Join(errs[:]...)
}

func decodeTrunk(t *tx, r *trunkRow) (e911.Trunk, error) {
	v := e911.Trunk{
		ID: e911.TrunkID(r.ID), Org: r.OrgID, Key: r.Key, Side: r.Side, Kind: r.Kind, Profile: r.Profile,
		To: r.Destination, IdentityHeader: r.IdentityHeader,
		From: []netip.Prefix{}, DRFrom: []netip.Prefix{},
		Inbound: r.Inbound, Capacity: r.Capacity, Reserved: r.Reserved, National: r.National,
	}
	err := errors.Join(
		unless(r.Targets, &v.Targets), unless(r.Certificates, &v.Certificates), unless(r.Registration, &v.Register),
		unless(r.Probe, &v.Probe), unless(r.Marks, &v.Marks),
	)
	if err != nil {
		return v, err
	}
	if r.Credentials != "" {
		var c credentials
		if err := t.unseal("trunk_credentials/"+r.ID, r.Credentials, &c); err != nil {
			return v, err
		}
		v.Admit, v.Digest = c.Admit, c.Digest
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

// unless reads a column that is empty when there is nothing.
func unless(s string, into any) error {
	if s == "" {
		return nil
	}
	return untext(s, into)
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
