package apikey

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Secret is what is kept of one secret of a key.
type Secret struct {
	ID   string      `json:"id"`             // "1", "2" ...: unique in the key
	Mark string      `json:"mark,omitempty"` // its last four characters, to tell them apart; none: made before marks were kept
	Made time.Time   `json:"made"`
	By   admin.Actor `json:"by"`
	Ends time.Time   `json:"ends,omitzero"` // zero: with the key
	Hash []byte      `json:"-"`             // SHA-256; none of a public key
	// Public is a public key in place of a secret that is shown: SubjectPublicKeyInfo, DER.
	Public []byte `json:"public,omitempty"`
}

// Live reports whether the secret counts at a time.
func (s *Secret) Live(now time.Time) bool { return s.Ends.IsZero() || now.Before(s.Ends) }

// Bounds of the secrets of a key.
const (
	MaxSecrets = 5 // that are live at a time
	// MaxKeep is how long old secrets may go on beside a new one.
	MaxKeep = 90 * 24 * time.Hour
	// rememberSecret is how long one that ended is listed.
	rememberSecret = 90 * 24 * time.Hour
	markLength     = 4
	// changeTries is how often a change is tried while others change the same key.
	changeTries = 5
)

// The verbs of the audit trail.
const (
	VerbRotated     admin.Verb = "rotated"
	VerbSecretEnded admin.Verb = "secret_ended"
)

// secretOf makes the key's next secret and the text that is shown once; of a public key
// no text.
func (k *Key) secretOf(who admin.Actor, now time.Time, public []byte) (Secret, string) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails
	secret := base64.RawURLEncoding.EncodeToString(raw[:])
	last := 0
	for _, s := range k.Secrets {
		n, _ := strconv.Atoi(s.ID)
		last = max(last, n)
	}
	if len(public) > 0 {
		return Secret{ID: strconv.Itoa(last + 1), Mark: thumb(public), Made: now.UTC().Truncate(time.Millisecond), By: who, Hash: []byte{}, Public: public}, ""
	}
	return Secret{
		ID: strconv.Itoa(last + 1), Mark: secret[secretLength-markLength:], Made: now.UTC().Truncate(time.Millisecond), By: who, Hash: hashOf(secret),
	}, Prefix + k.ID + "_" + secret
}

// match finds the live secret that was shown; nil: none. It compares with all of
// them, whichever it is.
func (k *Key) match(secret string, now time.Time) (found *Secret) {
	hash := hashOf(secret)
	for i := range k.Secrets {
		if s := &k.Secrets[i]; subtle.ConstantTimeCompare(hash, s.Hash) == 1 && s.Live(now) {
			found = s
		}
	}
	return found
}

// LiveSecrets are how many secrets count at a time.
func (k *Key) LiveSecrets(now time.Time) (n int) {
	for i := range k.Secrets {
		if k.Secrets[i].Live(now) {
			n++
		}
	}
	return n
}

// Rotate gives a key one more secret; text is the key with it, which is never told
// again. The older secrets end after keep (0: at once; at most MaxKeep), so that
// programs can be changed over one by one. Conflict when the key has ended, or has
// MaxSecrets already.
func (k *Keeper) Rotate(ctx context.Context, who admin.Actor, org e911.OrgID, id string, keep time.Duration) (made Key, text string, err error) {
	return k.rotate(ctx, who, Key{Org: org, ID: id}, keep, nil)
}

// RotatePublic gives a key a public key (PEM or JWK) as one more secret, as Rotate does.
func (k *Keeper) RotatePublic(ctx context.Context, who admin.Actor, of Key, keep time.Duration, public string) (Key, error) {
	der, faults := publicKey(public)
	if len(faults) > 0 {
		return Key{}, &e911.Error{Kind: e911.Invalid, Msg: "the rotation is refused", Faults: faults}
	}
	made, _, err := k.rotate(ctx, who, of, keep, der)
	return made, err
}

func (k *Keeper) rotate(ctx context.Context, who admin.Actor, of Key, keep time.Duration, public []byte) (made Key, text string, err error) {
	if keep < 0 || keep > MaxKeep {
		return Key{}, "", &e911.Error{Kind: e911.Invalid, Msg: "the rotation is refused", Faults: []e911.Fault{{
			Path: "keep_hours", Code: "range", Msg: "older secrets go on for 0 to 2160 hours (90 days)", Fix: "write 24, or 0 to end them at once",
		}}}
	}
	made, err = k.change(ctx, who, of.Org, of.ID, VerbRotated, func(key *Key, now time.Time) error {
		if !key.Valid(now) {
			return e911.Errorf(e911.Conflict, "the key has ended: make a new one")
		}
		if keep > 0 && key.LiveSecrets(now) >= MaxSecrets {
			return e911.Errorf(e911.Conflict, "the key has %d secrets that count: end one first", MaxSecrets)
		}
		ends := now.Add(keep).UTC().Truncate(time.Millisecond)
		for i := range key.Secrets {
			if s := &key.Secrets[i]; s.Ends.IsZero() || s.Ends.After(ends) {
				s.Ends = ends
			}
		}
		var fresh Secret
		fresh, text = key.secretOf(who, now, public)
		key.Secrets = append(key.Secrets, fresh)
		return nil
	})
	if err != nil {
		return Key{}, "", err
	}
	return made, text, nil
}

// EndSecret ends one secret of a key, and the tokens that it was exchanged for: at
// once here, within ten seconds on other nodes. Conflict for the only one that
// counts.
func (k *Keeper) EndSecret(ctx context.Context, who admin.Actor, org e911.OrgID, id, secret string) (Key, error) {
	return k.change(ctx, who, org, id, VerbSecretEnded, func(key *Key, now time.Time) error {
		i := slices.IndexFunc(key.Secrets, func(s Secret) bool { return s.ID == secret })
		if i < 0 {
			return e911.Errorf(e911.NotFound, "the key has no such secret")
		}
		s := &key.Secrets[i]
		if !s.Live(now) {
			return nil
		}
		if key.LiveSecrets(now) == 1 && key.Valid(now) {
			return e911.Errorf(e911.Conflict, "it is the only secret of the key: make another first, or end the key")
		}
		s.Ends = now.UTC().Truncate(time.Millisecond)
		return nil
	})
}

// change changes a key of the organisation in the store and here.
func (k *Keeper) change(ctx context.Context, who admin.Actor, org e911.OrgID, id string, verb admin.Verb, do func(key *Key, now time.Time) error) (Key, error) {
	st, err := k.store()
	if err != nil {
		return Key{}, err
	}
	for try := 1; ; try++ {
		was, err := k.Get(ctx, org, id)
		if err != nil {
			return Key{}, err
		}
		now := k.cfg.Now()
		key := was
		key.Secrets = slices.DeleteFunc(slices.Clone(was.Secrets), func(s Secret) bool { return !s.Ends.IsZero() && now.Sub(s.Ends) > rememberSecret })
		key.EndedTokens = slices.DeleteFunc(slices.Clone(was.EndedTokens), func(t EndedToken) bool { return !now.Before(t.Until) })
		if err := do(&key, now); err != nil {
			return Key{}, err
		}
		saved, err := st.ChangeAPIKey(ctx, who, key, verb)
		if e911.KindOf(err) == e911.Conflict && err != nil && try < changeTries {
			continue // somebody else changed it: his change stays
		}
		if err != nil {
			return Key{}, err
		}
		k.hold(saved)
		return saved, nil
	}
}
