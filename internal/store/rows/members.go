package rows

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

var _ member.Store = (*Store)(nil)

type partnerRow struct {
	bun.BaseModel `bun:"table:partners"`
	ID            string `bun:"id,pk"`
	Key           string `bun:"key"`
	Name          string `bun:"name"`
	MadeAt        int64  `bun:"made_at"`
}

type orgPartnerRow struct {
	bun.BaseModel `bun:"table:org_partners"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	PartnerID     string     `bun:"partner_id"`
}

type identityRow struct {
	bun.BaseModel `bun:"table:identities"`
	ID            string `bun:"id,pk"`
	Email         string `bun:"email"`
	EmailFold     string `bun:"email_fold"`
	Name          string `bun:"name"`
	Language      string `bun:"language"`
	MadeAt        int64  `bun:"made_at"`
	Disabled      int64  `bun:"disabled"`
	LastSeen      int64  `bun:"last_seen"`
	Held          string `bun:"held"`
}

type grantRow struct {
	bun.BaseModel `bun:"table:member_grants"`
	ID            string      `bun:"id,pk"`
	IdentityID    string      `bun:"identity_id"`
	Role          access.Role `bun:"role"`
	PartnerID     string      `bun:"partner_id"`
	OrgID         string      `bun:"org_id"`
	SiteID        string      `bun:"site_id"`
	Ends          int64       `bun:"ends"`
	Support       bool        `bun:"support"`
	Reason        string      `bun:"reason"`
	MadeAt        int64       `bun:"made_at"`
	MadeBy        admin.Actor `bun:"made_by"`
	Used          int64       `bun:"used"`
}

type transferRow struct {
	bun.BaseModel `bun:"table:org_transfers"`
	ID            string     `bun:"id,pk"`
	OrgID         e911.OrgID `bun:"org_id"`
	FromPartner   string     `bun:"from_partner"`
	ToPartner     string     `bun:"to_partner"`
	Asked         int64      `bun:"asked"`
	Agreed        string     `bun:"agreed"`
	Ended         int64      `bun:"ended"`
}

type linkRow struct {
	bun.BaseModel `bun:"table:member_links"`
	Hash          []byte             `bun:"hash,pk"`
	Purpose       member.LinkPurpose `bun:"purpose"`
	IdentityID    string             `bun:"identity_id"`
	MadeAt        int64              `bun:"made_at"`
	Expires       int64              `bun:"expires"`
	Proves        bool               `bun:"proves"`
}

// ReadMembers implements member.Store. Identities are of no organisation, so that
// all rows are seen; the use cases ask rules/access for each.
func (s *Store) ReadMembers(ctx context.Context, do func(member.Tx) error) error {
	return s.readEvery(ctx, func(t *tx) error { return do(memberTx{t}) })
}

// WriteMembers implements member.Store.
func (s *Store) WriteMembers(ctx context.Context, who admin.Actor, do func(member.Tx) error) error {
	return s.writeEvery(ctx, func(t *tx) error {
		t.who = who
		return do(memberTx{t})
	})
}

// memberTx is a transaction over members.
type memberTx struct{ t *tx }

func (m memberTx) fault(doing string, err error) error { return m.t.s.fault(doing, err) }

func (r *identityRow) identity() member.Identity {
	return member.Identity{
		ID: r.ID, Email: r.Email, Name: r.Name, Language: r.Language, Made: instant(r.MadeAt), Disabled: instant(r.Disabled), LastSeen: instant(r.LastSeen),
		Held: r.Held,
	}
}

func identityRowOf(i member.Identity) identityRow {
	return identityRow{
		ID: i.ID, Email: i.Email, EmailFold: member.FoldEmail(i.Email), Name: i.Name, Language: i.Language, MadeAt: millis(i.Made),
		Disabled: millis(i.Disabled), LastSeen: millis(i.LastSeen), Held: i.Held,
	}
}

// Identity implements member.People.
func (m memberTx) Identity(ctx context.Context, id string) (member.Identity, error) {
	var r identityRow
	err := m.t.db.NewSelect().Model(&r).Where("id = ?", id).Scan(ctx)
	return r.identity(), m.fault("read an identity", err)
}

// IdentityByEmail implements member.People.
func (m memberTx) IdentityByEmail(ctx context.Context, email string) (member.Identity, error) {
	var r identityRow
	err := m.t.db.NewSelect().Model(&r).Where("email_fold = ?", member.FoldEmail(email)).Scan(ctx)
	return r.identity(), m.fault("look for an identity", err)
}

// CreateIdentity implements member.People.
func (m memberTx) CreateIdentity(ctx context.Context, i member.Identity) error {
	r := identityRowOf(i)
	_, err := m.t.db.NewInsert().Model(&r).Exec(ctx)
	return m.fault("write an identity", err)
}

// ChangeIdentity implements member.People.
func (m memberTx) ChangeIdentity(ctx context.Context, i member.Identity) error {
	r := identityRowOf(i)
	res, err := m.t.db.NewUpdate().Model(&r).WherePK().Exec(ctx)
	if err != nil {
		return m.fault("change an identity", err)
	}
	return found(res, "identity")
}

// found is NotFound when a statement changed nothing.
func found(res interface{ RowsAffected() (int64, error) }, what string) error {
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return e911.Errorf(e911.NotFound, "there is no such %s", what)
	}
	return nil
}

func (r *grantRow) grant() member.Grant {
	return member.Grant{
		Grant: access.Grant{
			ID: r.ID, Identity: r.IdentityID, Role: r.Role, At: access.Node{Partner: r.PartnerID, Org: r.OrgID, Site: r.SiteID},
			Until: instant(r.Ends), Support: r.Support, Reason: r.Reason,
		},
		Made: instant(r.MadeAt), By: r.MadeBy, Used: instant(r.Used),
	}
}

func grantsOf(rows []grantRow) []member.Grant {
	out := make([]member.Grant, len(rows))
	for i := range rows {
		out[i] = rows[i].grant()
	}
	return out
}

// GrantsOf implements member.Grants.
func (m memberTx) GrantsOf(ctx context.Context, identity string) ([]member.Grant, error) {
	var rows []grantRow
	err := m.t.db.NewSelect().Model(&rows).Where("identity_id = ?", identity).OrderExpr("id").Scan(ctx)
	return grantsOf(rows), m.fault("read roles", err)
}

// GrantsAt implements member.Grants. A role in an organisation is kept without its
// partner, who may change.
func (m memberTx) GrantsAt(ctx context.Context, at access.Node) ([]member.Grant, error) {
	var rows []grantRow
	n := stored(at)
	err := m.t.db.NewSelect().Model(&rows).Where("org_id = ? AND site_id = ? AND partner_id = ?", n.Org, n.Site, n.Partner).OrderExpr("id").Scan(ctx)
	return grantsOf(rows), m.fault("read roles", err)
}

func stored(at access.Node) access.Node {
	if at.Org != "" {
		at.Partner = ""
	}
	return at
}

// GrantsIn implements member.Grants.
func (m memberTx) GrantsIn(ctx context.Context, org e911.OrgID) ([]member.Grant, error) {
	var rows []grantRow
	err := m.t.db.NewSelect().Model(&rows).Where("org_id = ?", org).OrderExpr("id").Scan(ctx)
	return grantsOf(rows), m.fault("read roles", err)
}

// AddGrant implements member.Grants.
func (m memberTx) AddGrant(ctx context.Context, g member.Grant) error {
	at := stored(g.At)
	r := grantRow{
		ID: g.ID, IdentityID: g.Identity, Role: g.Role, PartnerID: at.Partner, OrgID: at.Org, SiteID: at.Site, Ends: millis(g.Until),
		Support: g.Support, Reason: g.Reason, MadeAt: millis(g.Made), MadeBy: g.By, Used: millis(g.Used),
	}
	_, err := m.t.db.NewInsert().Model(&r).Exec(ctx)
	return m.fault("write a role", err)
}

// RemoveGrant implements member.Grants.
func (m memberTx) RemoveGrant(ctx context.Context, id string) error {
	res, err := m.t.db.NewDelete().Model((*grantRow)(nil)).Where("id = ?", id).Exec(ctx)
	if err != nil {
		return m.fault("take a role away", err)
	}
	return found(res, "role")
}

// UseGrant implements member.Grants.
func (m memberTx) UseGrant(ctx context.Context, id string, at time.Time) error {
	_, err := m.t.db.NewUpdate().Model((*grantRow)(nil)).Set("used = ?", at.UnixMilli()).Where("id = ?", id).Exec(ctx)
	return m.fault("write the use of a role", err)
}

// Partners implements member.Tenancy.
func (m memberTx) Partners(ctx context.Context) ([]member.Partner, error) {
	var rows []partnerRow
	err := m.t.db.NewSelect().Model(&rows).OrderExpr("key").Scan(ctx)
	out := make([]member.Partner, len(rows))
	for i, r := range rows {
		out[i] = member.Partner{ID: r.ID, Key: r.Key, Name: r.Name, Made: instant(r.MadeAt)}
	}
	return out, m.fault("read partners", err)
}

// CreatePartner implements member.Tenancy.
func (m memberTx) CreatePartner(ctx context.Context, p member.Partner) error {
	_, err := m.t.db.NewInsert().Model(&partnerRow{ID: p.ID, Key: p.Key, Name: p.Name, MadeAt: millis(p.Made)}).Exec(ctx)
	return m.fault("write a partner", err)
}

// PartnerOf implements member.Tenancy.
func (m memberTx) PartnerOf(ctx context.Context, org e911.OrgID) (string, error) {
	var rows []orgPartnerRow
	err := m.t.db.NewSelect().Model(&rows).Where("org_id = ?", org).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return "", m.fault("read whose customer an organisation is", err)
	}
	return rows[0].PartnerID, nil
}

// SetPartner implements member.Tenancy.
func (m memberTx) SetPartner(ctx context.Context, org e911.OrgID, partner string) error {
	if _, err := m.t.db.NewDelete().Model((*orgPartnerRow)(nil)).Where("org_id = ?", org).Exec(ctx); err != nil || partner == "" {
		return m.fault("move an organisation", err)
	}
	_, err := m.t.db.NewInsert().Model(&orgPartnerRow{OrgID: org, PartnerID: partner}).Exec(ctx)
	return m.fault("move an organisation", err)
}

func (r *transferRow) transfer() (access.Transfer, error) {
	t := access.Transfer{ID: r.ID, Org: string(r.OrgID), From: r.FromPartner, To: r.ToPartner, Asked: instant(r.Asked), Ended: instant(r.Ended)}
	return t, untext(r.Agreed, &t.Agreed)
}

// Transfer implements member.Transfers.
func (m memberTx) Transfer(ctx context.Context, id string) (access.Transfer, error) {
	var r transferRow
	if err := m.t.db.NewSelect().Model(&r).Where("id = ?", id).Scan(ctx); err != nil {
		return access.Transfer{}, m.fault("read a move", err)
	}
	return r.transfer()
}

// TransfersOf implements member.Transfers.
func (m memberTx) TransfersOf(ctx context.Context, org e911.OrgID) ([]access.Transfer, error) {
	return m.transfers(ctx, "org_id = ?", org)
}

// transfers lists the moves of which a condition is true, by id.
func (m memberTx) transfers(ctx context.Context, where string, args ...any) ([]access.Transfer, error) {
	var rows []transferRow
	if err := m.t.db.NewSelect().Model(&rows).Where(where, args...).OrderExpr("id").Scan(ctx); err != nil {
		return nil, m.fault("read moves", err)
	}
	out := make([]access.Transfer, len(rows))
	for i := range rows {
		var err error
		if out[i], err = rows[i].transfer(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutTransfer implements member.Transfers.
func (m memberTx) PutTransfer(ctx context.Context, t access.Transfer) error {
	agreed, err := text(t.Agreed)
	if err != nil {
		return err
	}
	r := transferRow{ID: t.ID, OrgID: e911.OrgID(t.Org), FromPartner: t.From, ToPartner: t.To, Asked: millis(t.Asked), Agreed: agreed, Ended: millis(t.Ended)}
	_, err = m.t.db.NewInsert().Model(&r).On("CONFLICT (id) DO UPDATE").Set("agreed = EXCLUDED.agreed").Set("ended = EXCLUDED.ended").Exec(ctx)
	return m.fault("write a move", err)
}

// PutLink implements member.Links.
func (m memberTx) PutLink(ctx context.Context, l member.Link) error {
	r := linkRow{Hash: l.Hash, Purpose: l.Purpose, IdentityID: l.Identity, MadeAt: millis(l.Made), Expires: millis(l.Expires), Proves: l.Proves}
	_, err := m.t.db.NewInsert().Model(&r).Exec(ctx)
	return m.fault("write a link", err)
}

// LinkOf implements member.Links.
func (m memberTx) LinkOf(ctx context.Context, identity string, p member.LinkPurpose) (member.Link, error) {
	var r linkRow
	if err := m.t.db.NewSelect().Model(&r).Where("identity_id = ? AND purpose = ?", identity, p).OrderExpr("expires DESC").Limit(1).Scan(ctx); err != nil {
		return member.Link{}, m.fault("look for a link", err)
	}
	return r.link(), nil
}

func (r *linkRow) link() member.Link {
	return member.Link{Hash: r.Hash, Purpose: r.Purpose, Identity: r.IdentityID, Made: instant(r.MadeAt), Expires: instant(r.Expires), Proves: r.Proves}
}

// TakeLink implements member.Links.
func (m memberTx) TakeLink(ctx context.Context, hash []byte, p member.LinkPurpose) (member.Link, error) {
	var r linkRow
	if err := m.t.db.NewSelect().Model(&r).Where("hash = ? AND purpose = ?", hash, p).Scan(ctx); err != nil {
		return member.Link{}, m.fault("look for a link", err)
	}
	if _, err := m.t.db.NewDelete().Model((*linkRow)(nil)).Where("hash = ?", hash).Exec(ctx); err != nil {
		return member.Link{}, m.fault("take a link", err)
	}
	return r.link(), nil
}

// DropLinks implements member.Links.
func (m memberTx) DropLinks(ctx context.Context, identity string, before time.Time) error {
	_, err := m.t.db.NewDelete().Model((*linkRow)(nil)).Where("identity_id = ? OR expires < ?", identity, before.UnixMilli()).Exec(ctx)
	return m.fault("forget links", err)
}

// Note implements member.Tx.
func (m memberTx) Note(ctx context.Context, n admin.AuditNote) error {
	return m.t.note(ctx, []admin.AuditNote{n})
}

// DropProofs implements member.Links.
func (m memberTx) DropProofs(ctx context.Context, identity string, at time.Time) error {
	if _, err := m.t.db.NewDelete().Model((*credentialRow)(nil)).Where("identity_id = ?", identity).Exec(ctx); err != nil {
		return m.fault("drop credentials", err)
	}
	return m.EndSessions(ctx, identity, nil, true, at)
}
