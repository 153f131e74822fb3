package apikey

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// A key is its organisation's and goes on when who made it leaves: a directory that
// stops being read leaves people at wrong addresses. But who was shown a secret goes on
// having it. So whoever could not make such a key any more is told to administrators
// as its holder, until they give it another secret or end it (docs/adr/0027).

// Why says what became of somebody who was shown a secret.
type Why string

// What can have become of him.
const (
	WhyDisabled Why = "disabled" // he may not sign in any more
	WhyRole     Why = "role"     // his roles do not let him make such a key
	WhyGone     Why = "gone"     // he is not known any more
)

// Holder is somebody who was shown a secret of a key that still counts, and who could
// not make such a key now.
type Holder struct {
	Identity string `json:"identity"`
	Email    string `json:"email,omitempty"`
	Name     string `json:"name,omitempty"`
	Why      Why    `json:"why"`
	// Through is the key by which he made this one; none: he made it himself.
	Through string `json:"through,omitempty"`
}

// Held is a key with one of its holders.
type Held struct {
	Key    Key
	Holder Holder
}

// Standing is how somebody who makes keys stands now.
type Standing struct {
	Email, Name string
	Disabled    time.Time // zero: he may sign in
	Roles       []access.Grant
	At          access.Node // the organisation that was asked for, with its partner
}

// maxThrough bounds how many keys made each other.
const maxThrough = 8

// judge finds holders of many keys; what it read it does not read again.
type judge struct {
	k     *Keeper
	st    Store
	now   time.Time
	stood map[stoodAt]*Standing // nil: nobody
	made  map[string]*Key       // keys that made keys; nil: gone
}

type stoodAt struct {
	identity string
	org      e911.OrgID
}

func (k *Keeper) judge() (*judge, error) {
	st, err := k.store()
	return &judge{k: k, st: st, now: k.cfg.Now(), stood: map[stoodAt]*Standing{}, made: map[string]*Key{}}, err
}

// shown is somebody who was shown a secret.
type shown struct {
	identity string
	key      *Key // the one that he made himself
}

// people lists who was shown a secret of a key that counts: who made it, and who could
// make it by a key that he knew.
func (j *judge) people(ctx context.Context, key *Key, all bool, depth int) (out []shown, err error) {
	by := map[admin.Actor]bool{}
	for i := range key.Secrets {
		if all || key.Secrets[i].Live(j.now) {
			by[key.Secrets[i].By] = true
		}
	}
	if all {
		by[key.By] = true
	}
	for _, who := range slices.Sorted(maps.Keys(by)) {
		id, program := strings.CutPrefix(string(who), "key ")
		switch {
		case !program && !strings.Contains(string(who), " "):
			out = append(out, shown{string(who), key})
		case program && depth < maxThrough:
			from, err := j.maker(ctx, id)
			if err != nil {
				return nil, err
			}
			if from == nil {
				continue
			}
			more, err := j.people(ctx, from, true, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

func (j *judge) maker(ctx context.Context, id string) (*Key, error) {
	if k, ok := j.made[id]; ok {
		return k, nil
	}
	k, err := j.st.APIKey(ctx, id)
	switch {
	case err == nil:
		j.made[id] = &k
	case e911.KindOf(err) == e911.NotFound:
		j.made[id] = nil
	default:
		return nil, err
	}
	return j.made[id], nil
}

// standing is nil for an actor who is no person: a command, a test.
func (j *judge) standing(ctx context.Context, identity string, org e911.OrgID) (*Standing, error) {
	at := stoodAt{identity, org}
	if s, ok := j.stood[at]; ok {
		return s, nil
	}
	s, err := j.k.cfg.Standing(ctx, identity, org)
	switch {
	case err == nil:
		j.stood[at] = &s
	case e911.KindOf(err) == e911.NotFound:
		j.stood[at] = nil
	default:
		return nil, err
	}
	return j.stood[at], nil
}

// fell says what became of somebody; "": he could make the key now.
func (j *judge) fell(ctx context.Context, s shown) (Holder, error) {
	h := Holder{Identity: s.identity}
	st, err := j.standing(ctx, s.identity, s.key.Org)
	if err != nil {
		return h, err
	}
	if st == nil {
		if len(s.identity) == 36 && strings.Count(s.identity, "-") == 4 { // an id (RFC 9562, section 4), not the name of a program
			h.Why = WhyGone
		}
		return h, nil
	}
	h.Email, h.Name = st.Email, st.Name
	if !st.Disabled.IsZero() {
		h.Why = WhyDisabled
		return h, nil
	}
	may := func(at access.Node, area access.Area, verb access.Verb) (access.Answer, error) {
		if at.Org != "" {
			at = st.At
		}
		return access.May(access.Question{Grants: st.Roles, Identity: s.identity, At: at, Area: area, Verb: verb, Now: j.now}), nil
	}
	for _, scope := range s.key.Scopes {
		if MayGive(s.key.Org, scope, may) != nil {
			h.Why = WhyRole
			return h, nil
		}
	}
	return h, nil
}

// holders of one key that counts.
func (j *judge) holders(ctx context.Context, key *Key) (out []Holder, err error) {
	if !key.Valid(j.now) || j.k.cfg.Standing == nil {
		return nil, nil
	}
	all, err := j.people(ctx, key, false, 0)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		h, err := j.fell(ctx, s)
		if err != nil {
			return nil, err
		}
		if s.key.ID != key.ID {
			h.Through = s.key.ID
		}
		if h.Why != "" && !slices.ContainsFunc(out, func(o Holder) bool { return o.Identity == h.Identity }) {
			out = append(out, h)
		}
	}
	return out, nil
}

// Holders returns who was shown a secret of keys that counts and could not make them
// now, by the id of the key; a key without such people is not in it. A new secret in
// place of the one that he knows takes somebody off.
func (k *Keeper) Holders(ctx context.Context, keys ...Key) (map[string][]Holder, error) {
	j, err := k.judge()
	if err != nil {
		return nil, err
	}
	out := map[string][]Holder{}
	for i := range keys {
		found, err := j.holders(ctx, &keys[i])
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			out[keys[i].ID] = found
		}
	}
	return out, nil
}

// each visits every key that counts, of all organisations and of the operator.
func (j *judge) each(ctx context.Context, visit func(key *Key) error) error {
	for after := ""; ; {
		page, err := j.st.LiveAPIKeys(ctx, after, admin.MaxPage)
		if err != nil {
			return err
		}
		for i := range page {
			after = page[i].ID
			if !page[i].Valid(j.now) {
				continue
			}
			if err := visit(&page[i]); err != nil {
				return err
			}
		}
		if len(page) < admin.MaxPage {
			return nil
		}
	}
}

// HeldBy returns the keys that count, of all organisations and of the operator, of
// which somebody was shown a secret that counts, whatever he may do now.
func (k *Keeper) HeldBy(ctx context.Context, identity string) ([]Key, error) {
	j, err := k.judge()
	if err != nil {
		return nil, err
	}
	var out []Key
	err = j.each(ctx, func(key *Key) error {
		all, err := j.people(ctx, key, false, 0)
		if slices.ContainsFunc(all, func(s shown) bool { return s.identity == identity }) {
			out = append(out, *key)
		}
		return err
	})
	return out, err
}

// RevokeHeld ends the keys that somebody holds of an organisation ("": of the operator),
// and returns them. What made others is ended with them: they are held too.
func (k *Keeper) RevokeHeld(ctx context.Context, who admin.Actor, org e911.OrgID, identity string) ([]Key, error) {
	all, err := k.HeldBy(ctx, identity)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(key Key) bool { return key.Org != org })
	for i, key := range all {
		if err := k.Revoke(ctx, who, org, key.ID); err != nil {
			return all[:i], err
		}
	}
	return all, nil
}

// AllHeld returns every key that counts with each of its holders, for who tells
// administrators of them.
func (k *Keeper) AllHeld(ctx context.Context) ([]Held, error) {
	j, err := k.judge()
	if err != nil {
		return nil, err
	}
	var out []Held
	err = j.each(ctx, func(key *Key) error {
		found, err := j.holders(ctx, key)
		for _, h := range found {
			out = append(out, Held{*key, h})
		}
		return err
	})
	return out, err
}
