package rows

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

type accountRequestRow struct {
	bun.BaseModel `bun:"table:account_requests"`
	ID            string              `bun:"id,pk"`
	PartnerID     string              `bun:"partner_id"`
	Organisation  string              `bun:"organisation"`
	Email         string              `bun:"email"`
	Person        string              `bun:"person"`
	Message       string              `bun:"message"`
	State         member.AccountState `bun:"state"`
	Reason        string              `bun:"reason"`
	Asked         int64               `bun:"asked"`
	Changed       int64               `bun:"changed"`
	ChangedBy     admin.Actor         `bun:"changed_by"`
	MadeOrg       e911.OrgID          `bun:"made_org"`
}

func (r *accountRequestRow) request() member.AccountRequest {
	return member.AccountRequest{
		ID: r.ID, Partner: r.PartnerID, Organisation: r.Organisation, Email: r.Email, Name: r.Person, Message: r.Message, State: r.State,
		Reason: r.Reason, Asked: instant(r.Asked), Changed: instant(r.Changed), ChangedBy: r.ChangedBy, Org: r.MadeOrg,
	}
}

// AccountRequest implements member.Requests.
func (m memberTx) AccountRequest(ctx context.Context, id string) (member.AccountRequest, error) {
	var r accountRequestRow
	err := m.t.db.NewSelect().Model(&r).Where("id = ?", id).Scan(ctx)
	return r.request(), m.fault("read a request for an account", err)
}

// AccountRequests implements member.Requests.
func (m memberTx) AccountRequests(ctx context.Context) ([]member.AccountRequest, error) {
	var rows []accountRequestRow
	err := m.t.db.NewSelect().Model(&rows).OrderExpr("id DESC").Scan(ctx)
	out := make([]member.AccountRequest, len(rows))
	for i := range rows {
		out[i] = rows[i].request()
	}
	return out, m.fault("read requests for accounts", err)
}

// PutAccountRequest implements member.Requests.
func (m memberTx) PutAccountRequest(ctx context.Context, a member.AccountRequest) error {
	r := accountRequestRow{
		ID: a.ID, PartnerID: a.Partner, Organisation: a.Organisation, Email: a.Email, Person: a.Name, Message: a.Message, State: a.State,
		Reason: a.Reason, Asked: millis(a.Asked), Changed: millis(a.Changed), ChangedBy: a.ChangedBy, MadeOrg: a.Org,
	}
	_, err := m.t.db.NewInsert().Model(&r).On("CONFLICT (id) DO UPDATE").
		Set("state = EXCLUDED.state").Set("reason = EXCLUDED.reason").Set("changed = EXCLUDED.changed").
		Set("changed_by = EXCLUDED.changed_by").Set("made_org = EXCLUDED.made_org").Exec(ctx)
	return m.fault("write a request for an account", err)
}

// RemovePartner implements member.Tenancy.
func (m memberTx) RemovePartner(ctx context.Context, id string) error {
	res, err := m.t.db.NewDelete().Model((*partnerRow)(nil)).Where("id = ?", id).Exec(ctx)
	if err != nil {
		return m.fault("remove a partner", err)
	}
	return found(res, "partner")
}

// Customers implements member.Tenancy.
func (m memberTx) Customers(ctx context.Context) (map[e911.OrgID]string, error) {
	var rows []orgPartnerRow
	err := m.t.db.NewSelect().Model(&rows).Scan(ctx)
	out := make(map[e911.OrgID]string, len(rows))
	for _, r := range rows {
		out[r.OrgID] = r.PartnerID
	}
	return out, m.fault("read whose customers organisations are", err)
}

// RolesBeyond implements member.Grants.
func (m memberTx) RolesBeyond(ctx context.Context, identity string, at access.Node) (bool, error) {
	n := stored(at)
	found, err := m.t.db.NewSelect().Model((*grantRow)(nil)).Where("identity_id = ? AND NOT (org_id = ? AND partner_id = ?)", identity, n.Org, n.Partner).Exists(ctx)
	return found, m.fault("look for other roles", err)
}

// OpenTransfers implements member.Transfers.
func (m memberTx) OpenTransfers(ctx context.Context) ([]access.Transfer, error) {
	return m.transfers(ctx, "ended = 0")
}

// RevokeKeysOf implements member.Transfers.
func (m memberTx) RevokeKeysOf(ctx context.Context, org e911.OrgID, by []string, at time.Time) ([]string, error) {
	var rows []apiKeyRow
	if err := m.t.db.NewSelect().Model(&rows).Where("org_id = ? AND revoked = 0", org).OrderExpr("id").Scan(ctx); err != nil {
		return nil, m.fault("read API keys", err)
	}
	var ids []string
	for _, r := range rows {
		if !slices.Contains(by, string(r.MadeBy)) {
			continue
		}
		ids = append(ids, r.ID)
		if _, err := m.t.db.NewUpdate().Model((*apiKeyRow)(nil)).Set("revoked = ?", at.UnixMilli()).Where("id = ?", r.ID).Exec(ctx); err != nil {
			return nil, m.fault("revoke an API key", err)
		}
		if err := m.t.note(ctx, []admin.AuditNote{{Org: org, Verb: "revoked", Kind: kindAPIKey, ID: r.ID, Key: r.Name, Detail: map[string]any{"why": "the organisation moved to another partner"}}}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
