package rows

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
)

var (
	_ apikey.Store   = (*Store)(nil)
	_ apikey.Replays = (*Store)(nil)
)

// kindAPIKey is what the audit trail calls an API key.
const kindAPIKey e911.ObjectKind = "api_key"

type apiKeyRow struct {
	bun.BaseModel `bun:"table:api_keys"`
	ID            string      `bun:"id,pk"`
	OrgID         e911.OrgID  `bun:"org_id"`
	Name          string      `bun:"name"`
	Scopes        string      `bun:"scopes"`
	Hash          []byte      `bun:"hash"`
	MadeAt        int64       `bun:"made_at"`
	MadeBy        admin.Actor `bun:"made_by"`
	Expires       int64       `bun:"expires"`
	LastUsed      int64       `bun:"last_used"`
	Revoked       int64       `bun:"revoked"`
	Version       int64       `bun:"version"`
	Secrets       string      `bun:"secrets"`      // JSON; empty: the hash alone
	EndedTokens   string      `bun:"ended_tokens"` // JSON; empty: none
}

// keySecret is a secret as it is kept.
type keySecret struct {
	apikey.Secret
	Hash []byte `json:"hash"`
}

func (r *apiKeyRow) key() (apikey.Key, error) {
	k := apikey.Key{
		ID: r.ID, Org: r.OrgID, Name: r.Name, Made: instant(r.MadeAt), By: r.MadeBy, Expires: instant(r.Expires),
		LastUsed: instant(r.LastUsed), Revoked: instant(r.Revoked), Version: r.Version,
	}
	if err := untext(r.Scopes, &k.Scopes); err != nil {
		return k, err
	}
	if r.EndedTokens != "" {
		if err := untext(r.EndedTokens, &k.EndedTokens); err != nil {
			return k, err
		}
	}
	if r.Secrets == "" { // made when a key had one secret
		k.Secrets = []apikey.Secret{{ID: "1", Made: k.Made, By: k.By, Hash: r.Hash}}
		return k, nil
	}
	var secrets []keySecret
	err := untext(r.Secrets, &secrets)
	for _, x := range secrets {
		x.Secret.Hash = x.Hash
		k.Secrets = append(k.Secrets, x.Secret)
	}
	return k, err
}

// keep writes what changes of a key into its row.
func (r *apiKeyRow) keep(k *apikey.Key) (err error) {
	secrets := make([]keySecret, len(k.Secrets))
	for i, x := range k.Secrets {
		secrets[i] = keySecret{x, x.Hash}
	}
	if r.Secrets, err = text(secrets); err == nil && len(k.EndedTokens) > 0 {
		r.EndedTokens, err = text(k.EndedTokens)
	}
	return err
}

// CreateAPIKey implements apikey.Store.
func (s *Store) CreateAPIKey(ctx context.Context, k apikey.Key) error {
	if len(k.Secrets) == 0 {
		return e911.Errorf(e911.Invalid, "a key has a secret")
	}
	scopes, err := text(k.Scopes)
	if err != nil {
		return err
	}
	row := apiKeyRow{
		ID: k.ID, OrgID: k.Org, Name: k.Name, Scopes: scopes, Hash: k.Secrets[0].Hash, MadeAt: millis(k.Made), MadeBy: k.By,
		Expires: millis(k.Expires), LastUsed: millis(k.LastUsed), Revoked: millis(k.Revoked), Version: k.Version,
	}
	if err := row.keep(&k); err != nil {
		return err
	}
	return s.writeOf(ctx, k.Org, func(t *tx) error {
		if _, err := t.db.NewInsert().Model(&row).Exec(ctx); err != nil {
			return s.fault("write an API key", err)
		}
		t.who = k.By
		return t.note(ctx, []admin.AuditNote{{
			Org: k.Org, Verb: admin.Created, Kind: kindAPIKey, ID: k.ID, Key: k.Name, Detail: map[string]any{"name": k.Name, "scopes": k.Scopes},
		}})
	})
}

// APIKey implements apikey.Store.
func (s *Store) APIKey(ctx context.Context, id string) (apikey.Key, error) {
	var row apiKeyRow
	// The key says which organisation it is of.
	err := s.readEvery(ctx, func(t *tx) error {
		return t.db.NewSelect().Model(&row).Where("id = ? AND (org_id = '' OR EXISTS (SELECT 1 FROM organisations AS o WHERE o.id = org_id))", id).Scan(ctx)
	})
	if err != nil {
		return apikey.Key{}, s.fault("read an API key", err)
	}
	return row.key()
}

// APIKeys implements apikey.Store.
func (s *Store) APIKeys(ctx context.Context, org e911.OrgID, after string, limit int) ([]apikey.Key, error) {
	var found []apiKeyRow
	err := s.readOf(ctx, org, func(t *tx) error {
		q := t.db.NewSelect().Model(&found).Where("org_id = ?", org).OrderExpr("id").Limit(page(limit))
		if after != "" {
			q = q.Where("id > ?", after)
		}
		return q.Scan(ctx)
	})
	return s.keys(found, err)
}

// LiveAPIKeys implements apikey.Store.
func (s *Store) LiveAPIKeys(ctx context.Context, after string, limit int) ([]apikey.Key, error) {
	var found []apiKeyRow
	err := s.readEvery(ctx, func(t *tx) error {
		return t.db.NewSelect().Model(&found).Where("id > ? AND revoked = 0 AND (org_id = '' OR EXISTS (SELECT 1 FROM organisations AS o WHERE o.id = org_id))", after).
			OrderExpr("id").Limit(page(limit)).Scan(ctx)
	})
	return s.keys(found, err)
}

func (s *Store) keys(found []apiKeyRow, err error) ([]apikey.Key, error) {
	if err != nil {
		return nil, s.fault("read API keys", err)
	}
	keys := make([]apikey.Key, len(found))
	for i := range found {
		var err error
		if keys[i], err = found[i].key(); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// RevokeAPIKey implements apikey.Store.
func (s *Store) RevokeAPIKey(ctx context.Context, who admin.Actor, org e911.OrgID, id string, at time.Time) error {
	return s.writeOf(ctx, org, func(t *tx) error {
		var row apiKeyRow
		if err := t.db.NewSelect().Model(&row).Where("id = ? AND org_id = ?", id, org).Scan(ctx); err != nil {
			return s.fault("find the API key", err)
		}
		if row.Revoked != 0 {
			return nil
		}
		_, err := t.db.NewUpdate().Model((*apiKeyRow)(nil)).Set("revoked = ?, version = version + 1", at.UnixMilli()).Where("id = ?", id).Exec(ctx)
		if err != nil {
			return s.fault("revoke an API key", err)
		}
		t.who = who
		return t.note(ctx, []admin.AuditNote{{Org: org, Verb: "revoked", Kind: kindAPIKey, ID: id, Key: row.Name}})
	})
}

// ChangeAPIKey implements apikey.Store.
func (s *Store) ChangeAPIKey(ctx context.Context, who admin.Actor, k apikey.Key, verb admin.Verb) (apikey.Key, error) {
	row := apiKeyRow{Version: k.Version + 1}
	if err := row.keep(&k); err != nil {
		return k, err
	}
	err := s.writeOf(ctx, k.Org, func(t *tx) error {
		res, err := t.db.NewUpdate().Model(&row).Column("version", "secrets", "ended_tokens").
			Where("id = ? AND org_id = ? AND version = ? AND revoked = 0", k.ID, k.Org, k.Version).Exec(ctx)
		if err != nil {
			return s.fault("change an API key", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return movedOn(s, err)
		}
		if verb == "" {
			return nil
		}
		t.who = who
		return t.note(ctx, []admin.AuditNote{{Org: k.Org, Verb: verb, Kind: kindAPIKey, ID: k.ID, Key: k.Name}})
	})
	k.Version = row.Version
	return k, err
}

// TouchAPIKeys implements apikey.Store.
func (s *Store) TouchAPIKeys(ctx context.Context, used map[string]time.Time) error {
	return s.writeEvery(ctx, func(t *tx) error {
		for id, at := range used {
			_, err := t.db.NewUpdate().Model((*apiKeyRow)(nil)).Set("last_used = ?", at.UnixMilli()).
				Where("id = ? AND last_used < ?", id, at.UnixMilli()).Exec(ctx)
			if err != nil {
				return s.fault("write when API keys were used", err)
			}
		}
		return nil
	})
}

type apiRequestRow struct {
	bun.BaseModel `bun:"table:api_requests"`
	Caller        string `bun:"caller,pk"`
	Key           string `bun:"request_key,pk"`
	Hash          []byte `bun:"hash"`
	At            int64  `bun:"at"`
	Answer        string `bun:"answer"`
}

const sealAnswer = "api answer"

// ClaimRequest implements apikey.Replays.
func (s *Store) ClaimRequest(ctx context.Context, c apikey.Claim, before time.Time) (first apikey.Claim, answer *apikey.Answer, taken bool, err error) {
	row := apiRequestRow{Caller: c.Caller, Key: c.Key, Hash: c.Hash, At: c.At.UnixMilli()}
	err = s.writeEvery(ctx, func(t *tx) error {
		_, err := t.db.NewDelete().Model((*apiRequestRow)(nil)).Where("at < ?", c.At.Add(-apikey.ReplayFor).UnixMilli()).Exec(ctx)
		if err != nil {
			return s.fault("forget old answers", err)
		}
		_, err = t.db.NewDelete().Model((*apiRequestRow)(nil)).
			Where("caller = ? AND request_key = ? AND answer = '' AND at < ?", c.Caller, c.Key, before.UnixMilli()).Exec(ctx)
		if err != nil {
			return s.fault("forget a request that was cut short", err)
		}
		res, err := t.db.NewInsert().Model(&row).On("CONFLICT (caller, request_key) DO NOTHING").Exec(ctx)
		if err != nil {
			return s.fault("claim a request", err)
		}
		n, err := res.RowsAffected()
		if err != nil || n == 1 {
			taken = n == 1
			return s.fault("claim a request", err)
		}
		return s.fault("read an earlier request", t.db.NewSelect().Model(&row).
			Where("caller = ? AND request_key = ?", c.Caller, c.Key).Scan(ctx))
	})
	first = apikey.Claim{Caller: row.Caller, Key: row.Key, Hash: row.Hash, At: instant(row.At)}
	if err != nil || taken || row.Answer == "" {
		return first, nil, taken, err
	}
	plain, err := s.cfg.Ring.Open(sealAnswer, row.Answer)
	if err == nil {
		err = json.Unmarshal(plain, &answer)
	}
	if err != nil {
		return first, nil, false, &e911.Error{Kind: e911.Unavailable, Msg: "the earlier answer cannot be read", Err: err}
	}
	return first, answer, false, nil
}

// AnswerRequest implements apikey.Replays.
func (s *Store) AnswerRequest(ctx context.Context, c apikey.Claim, a apikey.Answer) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	sealed, err := s.cfg.Ring.Seal(sealAnswer, plain)
	if err != nil {
		return fmt.Errorf("seal an answer: %w", err)
	}
	return s.writeEvery(ctx, func(t *tx) error {
		_, err := t.db.NewUpdate().Model((*apiRequestRow)(nil)).Set("answer = ?", sealed).
			Where("caller = ? AND request_key = ? AND at = ?", c.Caller, c.Key, c.At.UnixMilli()).Exec(ctx)
		return s.fault("keep an answer", err)
	})
}

// ForgetRequest implements apikey.Replays.
func (s *Store) ForgetRequest(ctx context.Context, c apikey.Claim) error {
	return s.writeEvery(ctx, func(t *tx) error {
		_, err := t.db.NewDelete().Model((*apiRequestRow)(nil)).
			Where("caller = ? AND request_key = ? AND at = ? AND answer = ''", c.Caller, c.Key, c.At.UnixMilli()).Exec(ctx)
		return s.fault("give a request back", err)
	})
}
