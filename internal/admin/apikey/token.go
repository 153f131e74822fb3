package apikey

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// TokenPrefix begins every access token.
const TokenPrefix = "cbt_"

// TokenLife is how long a token is good.
const TokenLife = 15 * time.Minute

const (
	// purposeToken binds what is sealed: a token is nothing else that we seal.
	purposeToken = "oauth access token"
	maxToken     = 4096 // bytes
	// maxIssued is how many tokens a client may take in issuedFor from one address. It
	// is counted for that client at that address alone.
	maxIssued = 60
	issuedFor = time.Minute
	// maxEnded is how many tokens of a client may be revoked and not yet expired.
	maxEnded = 200
)

// ErrBusy means that a client took too many tokens from this address.
var ErrBusy = e911.Errorf(e911.Denied, "this client takes too many tokens: use one until it expires")

// ErrScope means that a client asked for what its key does not allow.
var ErrScope = e911.Errorf(e911.Denied, "the key does not have these scopes")

// Token is an access token as its client gets it.
type Token struct {
	Text    string
	Scopes  []Scope
	Expires time.Time
}

// EndedToken is a token that was revoked before its time.
type EndedToken struct {
	ID    string    `json:"id"`
	Until time.Time `json:"until"` // when it would have expired
}

// ticket is what a token seals. A node that cannot ask the database finds in it what
// the key said a quarter of an hour ago at most. Times are milliseconds since 1970.
type ticket struct {
	ID      string     `json:"n"`
	Key     string     `json:"k"`
	Secret  string     `json:"s"` // id of the secret that it was exchanged for
	Org     e911.OrgID `json:"o,omitempty"`
	Scopes  []Scope    `json:"c"`
	Expires int64      `json:"e"`
}

// Authenticate checks a client of OAuth 2: the id and the text of a key. Its errors
// are those of Check.
func (k *Keeper) Authenticate(ctx context.Context, client, secret string, from netip.Addr) (Key, error) {
	key, _, err := k.authenticate(ctx, client, secret, from)
	return key, err
}

func (k *Keeper) authenticate(ctx context.Context, client, secret string, from netip.Addr) (Key, string, error) {
	if id, _, ok := split(secret); !ok || id != client {
		return Key{}, "", k.refuse(from)
	}
	return k.checkKey(ctx, secret, from)
}

// Issue exchanges a key for a token with some of its scopes; none: with all. It is
// good for TokenLife, no longer than the key and the secret are. Beside the errors of
// Check there are ErrScope and ErrBusy.
func (k *Keeper) Issue(ctx context.Context, client, secret string, scopes []Scope, from netip.Addr) (Token, error) {
	key, which, err := k.authenticate(ctx, client, secret, from)
	if err != nil {
		return Token{}, err
	}
	return k.issue(key, which, scopes, from)
}

// issue makes a token of a key that was proved by one of its secrets.
func (k *Keeper) issue(key Key, which string, scopes []Scope, from netip.Addr) (Token, error) {
	if len(scopes) == 0 {
		scopes = key.Scopes
	}
	for _, s := range scopes {
		if !key.Has(s) {
			return Token{}, ErrScope
		}
	}
	if k.cfg.Ring == nil {
		return Token{}, e911.Errorf(e911.Unavailable, "no tokens are issued here")
	}
	if !k.mayIssue(key.ID, from) {
		return Token{}, ErrBusy
	}
	now := k.cfg.Now()
	out := Token{Scopes: slices.Clone(scopes), Expires: now.Add(TokenLife)}
	ends := []time.Time{key.Expires}
	if i := slices.IndexFunc(key.Secrets, func(s Secret) bool { return s.ID == which }); i >= 0 {
		ends = append(ends, key.Secrets[i].Ends)
	}
	for _, end := range ends {
		if !end.IsZero() && end.Before(out.Expires) {
			out.Expires = end
		}
	}
	text, err := json.Marshal(ticket{ID: newID(), Key: key.ID, Secret: which, Org: key.Org, Scopes: out.Scopes, Expires: out.Expires.UnixMilli()})
	if err == nil {
		out.Text, err = k.cfg.Ring.Seal(purposeToken, text)
	}
	if err != nil {
		return Token{}, fmt.Errorf("seal an access token: %w", err)
	}
	out.Text = TokenPrefix + out.Text
	return out, nil
}

// mayIssue counts a token of a client at an address.
func (k *Keeper) mayIssue(client string, from netip.Addr) bool {
	at := issuedTo{client, network(from)}
	now := k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.issued[at]
	if now.Sub(n.since) >= issuedFor {
		n = wrongs{since: now}
	}
	n.count++
	if len(k.issued) >= maxAddresses {
		clear(k.issued)
	}
	k.issued[at] = n
	return n.count <= maxIssued
}

// open reads a token; false: it is none of ours.
func (k *Keeper) open(text string) (t ticket, ok bool) {
	sealed, ok := strings.CutPrefix(text, TokenPrefix)
	if !ok || len(text) > maxToken || k.cfg.Ring == nil {
		return t, false
	}
	plain, err := k.cfg.Ring.Open(purposeToken, sealed)
	return t, err == nil && json.Unmarshal(plain, &t) == nil
}

// checkToken returns the key of a token, with the token's scopes. While the database
// is down and this node has not seen the key, what the token says counts: it was
// sealed when the key was good, TokenLife ago at most.
func (k *Keeper) checkToken(ctx context.Context, text string, from netip.Addr) (Key, error) {
	t, ok := k.open(text)
	if !ok {
		return Key{}, k.refuse(from)
	}
	now := k.cfg.Now()
	if now.UnixMilli() >= t.Expires {
		return Key{}, ErrWrong // it was good: that is not counted against its address
	}
	key, err := k.record(ctx, t.Key)
	switch {
	case err == nil:
		if !key.Valid(now) || key.Org != t.Org || !key.takes(t, now) {
			return Key{}, ErrWrong
		}
		key.Scopes = slices.DeleteFunc(slices.Clone(t.Scopes), func(s Scope) bool { return !key.Has(s) })
	case e911.KindOf(err) == e911.NotFound:
		return Key{}, ErrWrong
	case e911.KindOf(err) == e911.Unavailable:
		key = Key{ID: t.Key, Org: t.Org, Scopes: t.Scopes}
	default:
		return Key{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used[t.Key] = now
	return key, nil
}

// takes reports whether neither the token nor its secret has ended.
func (k *Key) takes(t ticket, now time.Time) bool {
	i := slices.IndexFunc(k.Secrets, func(s Secret) bool { return s.ID == t.Secret })
	return i >= 0 && k.Secrets[i].Live(now) && !slices.ContainsFunc(k.EndedTokens, func(e EndedToken) bool { return e.ID == t.ID })
}

// EndToken ends a token of the key before its time, at once here and within ten
// seconds on other nodes. What is no token of the key's, or has expired, is let be
// (RFC 7009, section 2.2). Unavailable when it cannot be kept that it ended.
func (k *Keeper) EndToken(ctx context.Context, of Key, text string) error {
	t, ok := k.open(text)
	if !ok || t.Key != of.ID || k.cfg.Now().UnixMilli() >= t.Expires {
		return nil
	}
	_, err := k.change(ctx, of.Actor(), of.Org, of.ID, "", func(key *Key, _ time.Time) error {
		if slices.ContainsFunc(key.EndedTokens, func(e EndedToken) bool { return e.ID == t.ID }) {
			return nil
		}
		if len(key.EndedTokens) >= maxEnded {
			return e911.Errorf(e911.Unavailable, "too many tokens of this client were ended: this one expires by itself")
		}
		key.EndedTokens = append(key.EndedTokens, EndedToken{ID: t.ID, Until: time.UnixMilli(t.Expires).UTC()})
		return nil
	})
	return err
}

// issuedTo is a client at an address.
type issuedTo struct {
	client string
	from   netip.Addr
}

// network is an address as it is counted: of IPv6 the customer's network.
func network(from netip.Addr) netip.Addr {
	if from = from.Unmap(); from.Is6() {
		if p, err := from.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return from
}
