package rows

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

var _ federation.Store = (*Store)(nil)

type providerRow struct {
	bun.BaseModel `bun:"table:federation_providers"`
	ID            string     `bun:"id,pk"`
	OrgID         e911.OrgID `bun:"org_id"`
	Key           string     `bun:"key"`
	Version       int64      `bun:"version"`
	Proved        int64      `bun:"proved"`
	Sealed        string     `bun:"sealed"`
}

type domainRow struct {
	bun.BaseModel `bun:"table:federation_domains"`
	Domain        string `bun:"domain,pk"`
	ProviderID    string `bun:"provider_id"`
}

type identityLinkRow struct {
	bun.BaseModel `bun:"table:federation_links"`
	ProviderID    string `bun:"provider_id,pk"`
	Subject       string `bun:"subject,pk"`
	IdentityID    string `bun:"identity_id"`
	MadeAt        int64  `bun:"made_at"`
	Used          int64  `bun:"used"`
}

type useRow struct {
	bun.BaseModel `bun:"table:federation_uses"`
	Hash          []byte `bun:"hash,pk"`
	Expires       int64  `bun:"expires"`
}

type policyRow struct {
	bun.BaseModel `bun:"table:federation_policies"`
	OrgID         e911.OrgID `bun:"org_id,pk"`
	Version       int64      `bun:"version"`
	Body          string     `bun:"body"`
}

// ReadFederation implements federation.Store. Providers are looked for before it is
// known whose they are, so that all rows are seen; the use cases ask whose.
func (s *Store) ReadFederation(ctx context.Context, do func(federation.Tx) error) error {
	return s.readEvery(ctx, func(t *tx) error { return do(memberTx{t}) })
}

// WriteFederation implements federation.Store.
func (s *Store) WriteFederation(ctx context.Context, who admin.Actor, do func(federation.Tx) error) error {
	return s.writeEvery(ctx, func(t *tx) error {
		t.who = who
		return do(memberTx{t})
	})
}

// sealProvider binds what is sealed to its row.
func sealProvider(r *providerRow) string { return "federation/" + string(r.OrgID) + "/" + r.ID }

func (m memberTx) provider(r *providerRow) (federation.Provider, error) {
	var p federation.Provider
	if err := m.t.unseal(sealProvider(r), r.Sealed, &p); err != nil {
		return p, m.fault("read an identity provider", err)
	}
	p.ID, p.Org, p.Key, p.Version, p.Proved = r.ID, r.OrgID, r.Key, r.Version, instant(r.Proved)
	return p, nil
}

// ProvidersOf implements federation.Providers.
func (m memberTx) ProvidersOf(ctx context.Context, org e911.OrgID) ([]federation.Provider, error) {
	var found []providerRow
	if err := m.t.db.NewSelect().Model(&found).Where("org_id = ?", org).OrderExpr("key").Scan(ctx); err != nil {
		return nil, m.fault("read identity providers", err)
	}
	out := make([]federation.Provider, len(found))
	for i := range found {
		var err error
		if out[i], err = m.provider(&found[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Provider implements federation.Providers.
func (m memberTx) Provider(ctx context.Context, id string) (federation.Provider, error) {
	var r providerRow
	if err := m.t.db.NewSelect().Model(&r).Where("id = ?", id).Scan(ctx); err != nil {
		return federation.Provider{}, m.fault("look for an identity provider", err)
	}
	return m.provider(&r)
}

// ProviderOfDomain implements federation.Providers.
func (m memberTx) ProviderOfDomain(ctx context.Context, domain string) (federation.Provider, error) {
	var r domainRow
	if err := m.t.db.NewSelect().Model(&r).Where("domain = ?", domain).Scan(ctx); err != nil {
		return federation.Provider{}, m.fault("look for an identity provider", err)
	}
	return m.Provider(ctx, r.ProviderID)
}

// PutProvider implements federation.Providers.
func (m memberTx) PutProvider(ctx context.Context, p federation.Provider) (federation.Provider, error) {
	before := p.Version
	p.Version++
	r := providerRow{ID: p.ID, OrgID: p.Org, Key: p.Key, Version: p.Version, Proved: millis(p.Proved)}
	var err error
	if r.Sealed, err = m.t.seal(sealProvider(&r), p); err != nil {
		return p, err
	}
	if before == 0 {
		if _, err := m.t.db.NewInsert().Model(&r).Exec(ctx); err != nil {
			return p, m.fault("keep an identity provider", err)
		}
	} else {
		res, err := m.t.db.NewUpdate().Model(&r).Column("key", "version", "proved", "sealed").Where("id = ? AND version = ?", p.ID, before).Exec(ctx)
		if err != nil {
			return p, m.fault("change an identity provider", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return p, movedOn(m.t.s, err)
		}
	}
	if _, err := m.t.db.NewDelete().Model((*domainRow)(nil)).Where("provider_id = ?", p.ID).Exec(ctx); err != nil {
		return p, m.fault("change the domains of an identity provider", err)
	}
	for _, d := range p.Confirmed {
		if _, err := m.t.db.NewInsert().Model(&domainRow{Domain: d, ProviderID: p.ID}).Exec(ctx); err != nil {
			return p, m.fault("keep the domains of an identity provider", err)
		}
	}
	return p, nil
}

// DropProvider implements federation.Providers.
func (m memberTx) DropProvider(ctx context.Context, id string) error {
	if err := m.DropIdentityLinks(ctx, id, ""); err != nil {
		return err
	}
	if _, err := m.t.db.NewDelete().Model((*domainRow)(nil)).Where("provider_id = ?", id).Exec(ctx); err != nil {
		return m.fault("delete the domains of an identity provider", err)
	}
	res, err := m.t.db.NewDelete().Model((*providerRow)(nil)).Where("id = ?", id).Exec(ctx)
	if err != nil {
		return m.fault("delete an identity provider", err)
	}
	return found(res, "identity provider")
}

// Prove implements federation.Providers.
func (m memberTx) Prove(ctx context.Context, id string, at time.Time) error {
	_, err := m.t.db.NewUpdate().Model((*providerRow)(nil)).Set("proved = ?", at.UnixMilli()).Where("id = ?", id).Exec(ctx)
	return m.fault("write when a provider was last used", err)
}

// LinksOf implements federation.Links.
func (m memberTx) LinksOf(ctx context.Context, provider, identity, subject string) ([]federation.Link, error) {
	var found []identityLinkRow
	q := m.t.db.NewSelect().Model(&found).Where("provider_id = ?", provider).OrderExpr("identity_id").Limit(page(0))
	if identity != "" {
		q = q.Where("identity_id = ?", identity)
	}
	if subject != "" {
		q = q.Where("subject = ?", subject)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, m.fault("read links of an identity provider", err)
	}
	out := make([]federation.Link, len(found))
	for i, r := range found {
		out[i] = federation.Link{Provider: r.ProviderID, Subject: r.Subject, Identity: r.IdentityID, Made: instant(r.MadeAt), Used: instant(r.Used)}
	}
	return out, nil
}

// PutIdentityLink implements federation.Links.
func (m memberTx) PutIdentityLink(ctx context.Context, l federation.Link) error {
	r := identityLinkRow{ProviderID: l.Provider, Subject: l.Subject, IdentityID: l.Identity, MadeAt: millis(l.Made), Used: millis(l.Used)}
	_, err := m.t.db.NewInsert().Model(&r).On("CONFLICT (provider_id, subject) DO UPDATE").Set("used = EXCLUDED.used").Exec(ctx)
	return m.fault("link an account of an identity provider", err)
}

// DropIdentityLinks implements federation.Links.
func (m memberTx) DropIdentityLinks(ctx context.Context, provider, identity string) error {
	q := m.t.db.NewDelete().Model((*identityLinkRow)(nil)).Where("provider_id = ?", provider)
	if identity != "" {
		q = q.Where("identity_id = ?", identity)
	}
	_, err := q.Exec(ctx)
	return m.fault("forget links of an identity provider", err)
}

// Policy implements federation.Tx.
func (m memberTx) Policy(ctx context.Context, org e911.OrgID) (federation.Policy, error) {
	p := federation.Policy{Org: org}
	var found []policyRow
	if err := m.t.db.NewSelect().Model(&found).Where("org_id = ?", org).Scan(ctx); err != nil || len(found) == 0 {
		return p, m.fault("read how an organisation signs in", err)
	}
	if err := untext(found[0].Body, &p); err != nil {
		return p, m.fault("read how an organisation signs in", err)
	}
	p.Org, p.Version = org, found[0].Version
	return p, nil
}

// PutPolicy implements federation.Tx.
func (m memberTx) PutPolicy(ctx context.Context, p federation.Policy) (federation.Policy, error) {
	before := p.Version
	p.Version++
	body, err := text(p)
	if err != nil {
		return p, err
	}
	r := policyRow{OrgID: p.Org, Version: p.Version, Body: body}
	if before == 0 {
		_, err := m.t.db.NewInsert().Model(&r).Exec(ctx)
		return p, m.fault("keep how an organisation signs in", err)
	}
	res, err := m.t.db.NewUpdate().Model(&r).Column("version", "body").Where("org_id = ? AND version = ?", p.Org, before).Exec(ctx)
	if err != nil {
		return p, m.fault("change how an organisation signs in", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return p, movedOn(m.t.s, err)
	}
	return p, nil
}

// UseOnce implements federation.Tx. What has expired is forgotten on the way.
func (m memberTx) UseOnce(ctx context.Context, hash []byte, until, now time.Time) error {
	if _, err := m.t.db.NewDelete().Model((*useRow)(nil)).Where("expires < ?", now.UnixMilli()).Exec(ctx); err != nil {
		return m.fault("forget what was used", err)
	}
	res, err := m.t.db.NewInsert().Model(&useRow{Hash: hash, Expires: until.UnixMilli()}).On("CONFLICT (hash) DO NOTHING").Exec(ctx)
	if err != nil {
		return m.fault("remember what was used", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return e911.Errorf(e911.Conflict, "it was used before")
	}
	return nil
}
