package rows

import (
	"context"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
)

var _ signon.Store = (*Store)(nil)

type credentialRow struct {
	bun.BaseModel `bun:"table:credentials"`
	ID            string      `bun:"id,pk"`
	IdentityID    string      `bun:"identity_id"`
	Kind          signon.Kind `bun:"kind"`
	Name          string      `bun:"name"`
	Data          string      `bun:"data"`
	MadeAt        int64       `bun:"made_at"`
	Used          int64       `bun:"used"`
}

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions"`
	ID            string `bun:"id,pk"`
	Hash          []byte `bun:"hash"`
	IdentityID    string `bun:"identity_id"`
	MadeAt        int64  `bun:"made_at"`
	Seen          int64  `bun:"seen"`
	Expires       int64  `bun:"expires"`
	Ended         int64  `bun:"ended"`
	Address       string `bun:"address"`
	Agent         string `bun:"agent"`
	Proofs        string `bun:"proofs"`
	ProviderID    string `bun:"provider_id"`
	BoundOrg      string `bun:"bound_org"`
	WithoutOrgs   string `bun:"without_orgs"` // JSON; empty: none
}

// ReadSignOn implements signon.Store. Identities are of no organisation.
func (s *Store) ReadSignOn(ctx context.Context, do func(signon.Tx) error) error {
	return s.readEvery(ctx, func(t *tx) error { return do(memberTx{t}) })
}

// WriteSignOn implements signon.Store.
func (s *Store) WriteSignOn(ctx context.Context, who admin.Actor, do func(signon.Tx) error) error {
	return s.writeEvery(ctx, func(t *tx) error {
		t.who = who
		return do(memberTx{t})
	})
}

// sealCredential binds what is sealed to its owner and its row.
func sealCredential(r *credentialRow) string { return "credential/" + r.IdentityID + "/" + r.ID }

func (m memberTx) credential(r *credentialRow) (signon.Credential, error) {
	c := signon.Credential{ID: r.ID, Identity: r.IdentityID, Kind: r.Kind, Name: r.Name, Made: instant(r.MadeAt), Used: instant(r.Used)}
	return c, m.t.unseal(sealCredential(r), r.Data, &c.Data)
}

// CredentialsOf implements signon.Credentials.
func (m memberTx) CredentialsOf(ctx context.Context, identity string) ([]signon.Credential, error) {
	var rows []credentialRow
	if err := m.t.db.NewSelect().Model(&rows).Where("identity_id = ?", identity).OrderExpr("id").Scan(ctx); err != nil {
		return nil, m.fault("read credentials", err)
	}
	out := make([]signon.Credential, len(rows))
	for i := range rows {
		var err error
		if out[i], err = m.credential(&rows[i]); err != nil {
			return nil, m.fault("read credentials", err)
		}
	}
	return out, nil
}

// Credential implements signon.Credentials.
func (m memberTx) Credential(ctx context.Context, id string) (signon.Credential, error) {
	var r credentialRow
	if err := m.t.db.NewSelect().Model(&r).Where("id = ?", id).Scan(ctx); err != nil {
		return signon.Credential{}, m.fault("read a credential", err)
	}
	return m.credential(&r)
}

// PutCredential implements signon.Credentials.
func (m memberTx) PutCredential(ctx context.Context, c signon.Credential) error {
	r := credentialRow{ID: c.ID, IdentityID: c.Identity, Kind: c.Kind, Name: c.Name, MadeAt: millis(c.Made), Used: millis(c.Used)}
	var err error
	if r.Data, err = m.t.seal(sealCredential(&r), c.Data); err != nil {
		return err
	}
	_, err = m.t.db.NewInsert().Model(&r).On("CONFLICT (id) DO UPDATE").
		Set("name = EXCLUDED.name").Set("data = EXCLUDED.data").Set("made_at = EXCLUDED.made_at").Set("used = EXCLUDED.used").Exec(ctx)
	return m.fault("write a credential", err)
}

// DropCredential implements signon.Credentials.
func (m memberTx) DropCredential(ctx context.Context, identity, id string) error {
	res, err := m.t.db.NewDelete().Model((*credentialRow)(nil)).Where("id = ? AND identity_id = ?", id, identity).Exec(ctx)
	if err != nil {
		return m.fault("take a credential away", err)
	}
	return found(res, "credential")
}

func (r *sessionRow) session() (signon.Session, error) {
	s := signon.Session{
		ID: r.ID, Identity: r.IdentityID, Made: instant(r.MadeAt), Seen: instant(r.Seen), Expires: instant(r.Expires), Ended: instant(r.Ended),
		Agent: r.Agent, Hash: r.Hash, Provider: r.ProviderID, Bound: e911.OrgID(r.BoundOrg),
	}
	if r.WithoutOrgs != "" {
		if err := untext(r.WithoutOrgs, &s.Without); err != nil {
			return s, err
		}
	}
	s.Address, _ = netip.ParseAddr(r.Address) // none where none was known
	return s, untext(r.Proofs, &s.By)
}

// AddSession implements signon.Sessions.
func (m memberTx) AddSession(ctx context.Context, s signon.Session) error {
	proofs, err := text(s.By)
	if err != nil {
		return err
	}
	r := sessionRow{
		ID: s.ID, Hash: s.Hash, IdentityID: s.Identity, MadeAt: millis(s.Made), Seen: millis(s.Seen), Expires: millis(s.Expires), Agent: s.Agent, Proofs: proofs,
		ProviderID: s.Provider, BoundOrg: string(s.Bound),
	}
	if len(s.Without) > 0 {
		if r.WithoutOrgs, err = text(s.Without); err != nil {
			return err
		}
	}
	if s.Address.IsValid() {
		r.Address = s.Address.String()
	}
	_, err = m.t.db.NewInsert().Model(&r).Exec(ctx)
	return m.fault("write a session", err)
}

// Session implements signon.Sessions.
func (m memberTx) Session(ctx context.Context, hash []byte) (signon.Session, error) {
	var r sessionRow
	if err := m.t.db.NewSelect().Model(&r).Where("hash = ?", hash).Scan(ctx); err != nil {
		return signon.Session{}, m.fault("look for a session", err)
	}
	return r.session()
}

// SessionsOf implements signon.Sessions.
func (m memberTx) SessionsOf(ctx context.Context, identity string, now time.Time) ([]signon.Session, error) {
	var rows []sessionRow
	err := m.t.db.NewSelect().Model(&rows).Where("identity_id = ? AND ended = 0 AND expires > ?", identity, now.UnixMilli()).OrderExpr("id DESC").Limit(page(0)).Scan(ctx)
	if err != nil {
		return nil, m.fault("read sessions", err)
	}
	out := make([]signon.Session, len(rows))
	for i := range rows {
		if out[i], err = rows[i].session(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// EndSessions implements signon.Sessions. What expired long ago is forgotten on the
// way.
func (m memberTx) EndSessions(ctx context.Context, identity string, ids []string, others bool, at time.Time) error {
	if len(ids) == 0 {
		ids = []string{""} // an empty list is no SQL
	}
	in := "id IN (?)"
	if others {
		in = "id NOT IN (?)"
	}
	_, err := m.t.db.NewUpdate().Model((*sessionRow)(nil)).Set("ended = ?", at.UnixMilli()).
		Where("identity_id = ? AND ended = 0", identity).Where(in, bun.List(ids)).Exec(ctx)
	if err != nil {
		return m.fault("end sessions", err)
	}
	_, err = m.t.db.NewDelete().Model((*sessionRow)(nil)).Where("expires < ?", at.AddDate(0, 0, -30).UnixMilli()).Exec(ctx)
	return m.fault("forget old sessions", err)
}

// SeeSessions implements signon.Sessions.
func (m memberTx) SeeSessions(ctx context.Context, seen map[string]time.Time) error {
	for id, at := range seen {
		_, err := m.t.db.NewUpdate().Model((*sessionRow)(nil)).Set("seen = ?", at.UnixMilli()).Where("id = ? AND seen < ?", id, at.UnixMilli()).Exec(ctx)
		if err != nil {
			return m.fault("write when sessions were seen", err)
		}
	}
	return nil
}
