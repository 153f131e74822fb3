package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	rest "github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// KeyDesk makes, lists and revokes API keys from the command line: through the
// server that runs in Dir, or in the database there when none runs (D-14).
type KeyDesk struct {
	Dir string
	Who admin.Actor
	Log *slog.Logger
}

// OpenAPI opens the API of the server that runs in dir, as the operator. The error
// is ErrNotRunning when none does.
func OpenAPI(ctx context.Context, dir string) (*rest.Client, error) {
	c, err := rest.New(rest.Config{Socket: filepath.Join(dir, controlSocket), Tries: 1})
	if err != nil {
		return nil, err
	}
	_, err = c.Do(ctx, rest.Request{Method: "GET", Path: "/self"}, nil)
	if err != nil && rest.StatusOf(err) == 0 {
		c.Close()
		return nil, errors.Join(ErrNotRunning, err)
	}
	return c, nil
}

// refusal turns what the API refuses into one of our errors, for exit codes.
func refusal(err error) error {
	refused, ok := errors.AsType[*rest.Error](err)
	if !ok {
		return err
	}
	out := &e911.Error{Kind: e911.Kind(refused.Code), Msg: orText(refused.Detail, refused.Title)}
	for _, f := range refused.Faults {
		out.Faults = append(out.Faults, e911.Fault{Path: f.Pointer, Code: f.Code, Msg: f.Detail, Fix: f.Fix})
	}
	return out
}

// noKey says where the ids of keys are.
func noKey(err error) error {
	if e911.KindOf(err) == e911.NotFound {
		return e911.Errorf(e911.NotFound, "there is no such key, or it has no such secret; callbox apikey list [--org KEY] has the ids")
	}
	return err
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// orgName is how the API names an organisation by its key; none: the operator.
func orgName(key string) string {
	if key == "" {
		return ""
	}
	return "key:" + key
}

// Create makes a key. Org is the key of an organisation; none: the operator.
func (d KeyDesk) Create(ctx context.Context, org string, w rest.KeyWish) (rest.Key, error) {
	c, err := OpenAPI(ctx, d.Dir)
	if err == nil {
		defer c.Close()
		k, err := c.CreateKey(ctx, orgName(org), w)
		return k, refusal(err)
	}
	if !errors.Is(err, ErrNotRunning) {
		return rest.Key{}, refusal(err)
	}
	var made rest.Key
	err = d.offline(ctx, org, func(keys *apikey.Keeper, id e911.OrgID) error {
		wish := apikey.Wish{Org: id, Name: w.Name, Expires: w.Expires, PublicKey: w.PublicKey}
		for _, s := range w.Scopes {
			wish.Scopes = append(wish.Scopes, apikey.Scope(s))
		}
		k, text, err := keys.Create(ctx, d.Who, wish)
		made = api.ShowKey(k, nil)
		made.Secret = text
		return err
	})
	return made, err
}

// List lists the keys of an organisation, or the operator's.
func (d KeyDesk) List(ctx context.Context, org string) ([]rest.Key, error) {
	list := []rest.Key{}
	c, err := OpenAPI(ctx, d.Dir)
	if err == nil {
		defer c.Close()
		for k, err := range c.Keys(orgName(org)).All(ctx, nil) {
			if err != nil {
				return nil, refusal(err)
			}
			list = append(list, k)
		}
		return list, nil
	}
	if !errors.Is(err, ErrNotRunning) {
		return nil, refusal(err)
	}
	err = d.offline(ctx, org, func(keys *apikey.Keeper, id e911.OrgID) error {
		for after := ""; ; {
			page, err := keys.List(ctx, id, after, admin.MaxPage)
			if err != nil {
				return err
			}
			holders, err := keys.Holders(ctx, page...)
			for _, k := range page {
				list, after = append(list, api.ShowKey(k, holders[k.ID])), k.ID
			}
			if err != nil || len(page) < admin.MaxPage {
				return err
			}
		}
	})
	return list, err
}

// Revoke ends a key of an organisation, or of the operator.
func (d KeyDesk) Revoke(ctx context.Context, org, id string) error {
	c, err := OpenAPI(ctx, d.Dir)
	if err == nil {
		defer c.Close()
		return noKey(refusal(c.Keys(orgName(org)).Delete(ctx, id, "")))
	}
	if !errors.Is(err, ErrNotRunning) {
		return refusal(err)
	}
	return d.offline(ctx, org, func(keys *apikey.Keeper, of e911.OrgID) error { return keys.Revoke(ctx, d.Who, of, id) })
}

// Rotate gives a key a new secret; the answer has the key with it, unless a public key
// is given. The older ones go on for keep, in whole hours.
func (d KeyDesk) Rotate(ctx context.Context, org, id string, keep time.Duration, public string) (rest.Key, error) {
	if keep != keep.Truncate(time.Hour) {
		return rest.Key{}, e911.Errorf(e911.Invalid, "old secrets go on for whole hours: 0h, 24h, 168h")
	}
	c, err := OpenAPI(ctx, d.Dir)
	if err == nil {
		defer c.Close()
		k, err := c.RotateKey(ctx, orgName(org), id, rest.KeyRotation{KeepHours: int(keep / time.Hour), PublicKey: public})
		return k, noKey(refusal(err))
	}
	if !errors.Is(err, ErrNotRunning) {
		return rest.Key{}, refusal(err)
	}
	var made rest.Key
	err = d.offline(ctx, org, func(keys *apikey.Keeper, of e911.OrgID) error {
		if public != "" {
			k, err := keys.RotatePublic(ctx, d.Who, apikey.Key{Org: of, ID: id}, keep, public)
			made = api.ShowKey(k, nil)
			return err
		}
		k, text, err := keys.Rotate(ctx, d.Who, of, id, keep)
		made = api.ShowKey(k, nil)
		made.Secret = text
		return err
	})
	return made, err
}

// EndSecret ends one secret of a key.
func (d KeyDesk) EndSecret(ctx context.Context, org, id, secret string) error {
	c, err := OpenAPI(ctx, d.Dir)
	if err == nil {
		defer c.Close()
		return noKey(refusal(c.EndKeySecret(ctx, orgName(org), id, secret)))
	}
	if !errors.Is(err, ErrNotRunning) {
		return refusal(err)
	}
	return d.offline(ctx, org, func(keys *apikey.Keeper, of e911.OrgID) error {
		_, err := keys.EndSecret(ctx, d.Who, of, id, secret)
		return err
	})
}

func (d KeyDesk) offline(ctx context.Context, org string, do func(keys *apikey.Keeper, id e911.OrgID) error) error {
	st, closer, err := offline(d.Dir)
	if err != nil {
		return err
	}
	keys, err := offlineKeys(st, d.Log)
	if err != nil {
		return errors.Join(err, closer())
	}
	var id e911.OrgID
	if org != "" {
		id, err = storedOrg(ctx, st, org)
	}
	if err == nil {
		err = do(keys, id)
	}
	return errors.Join(err, closer())
}

// offlineKeys keeps the keys of a database that no server has open.
func offlineKeys(st *database, log *slog.Logger) (*apikey.Keeper, error) {
	members, err := member.New(member.Config{Store: func() member.Store { return st }, Now: time.Now})
	if err != nil {
		return nil, err
	}
	return apikey.New(apikey.Config{Store: func() apikey.Store { return st }, Standing: standingOf(members), Now: time.Now, Log: log})
}

// standingOf tells how makers of keys stand.
func standingOf(members *member.Desk) func(context.Context, string, e911.OrgID) (apikey.Standing, error) {
	return func(ctx context.Context, identity string, org e911.OrgID) (apikey.Standing, error) {
		i, roles, at, err := members.Standing(ctx, identity, org)
		return apikey.Standing{Email: i.Email, Name: i.Name, Disabled: i.Disabled, Roles: roles, At: at}, err
	}
}
