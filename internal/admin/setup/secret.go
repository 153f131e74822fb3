package setup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
)

// Link is what joins a platform to us: the company id, and a secret that proves it
// (W-18).
type Link struct {
	CompanyID string      `json:"company_id"`
	Secret    e911.Secret `json:"secret,omitempty"`
	// Agree says that whoever asks agrees to replace what is there (W-26).
	Agree bool `json:"agree,omitempty"`
}

// Made is a secret in the clear: it is shown this once.
type Made struct {
	CompanyID string     `json:"company_id"`
	Secret    string     `json:"secret"`
	Note      SecretNote `json:"about"`
	// Live are the marks of all that are live now; end the old ones when every
	// device and platform has the new.
	Live []string `json:"live"`
}

// markOf tells secrets apart: eight digits of a hash.
func markOf(s e911.Secret) string {
	sum := sha256.Sum256([]byte("callbox secret mark\x00" + string(s)))
	return hex.EncodeToString(sum[:4])
}

// notes says of each live secret what is known of it.
func notes(live []e911.Secret, kept []SecretNote) []SecretNote {
	out := make([]SecretNote, 0, len(live))
	for _, s := range live {
		n := SecretNote{Mark: markOf(s)}
		if i := slices.IndexFunc(kept, func(k SecretNote) bool { return k.Mark == n.Mark }); i >= 0 {
			n = kept[i]
		}
		out = append(out, n)
	}
	return out
}

// SetLink takes the company id and secret that somebody has at a platform. What is
// the same already changes nothing; what differs is a Conflict that says so until
// he agrees (W-26). The other secrets stay live.
func (s *Service) SetLink(ctx context.Context, who admin.Actor, org e911.OrgID, l Link) error {
	stored, err := s.cfg.Editor.Orgs.Get(ctx, org, string(org))
	if err != nil {
		return err
	}
	h := stored.Value.HELD
	known := l.Secret == "" || slices.Contains(h.Secrets, l.Secret)
	if l.CompanyID == "" {
		return fault("company_id", "required", "there is no company id", "copy it from the platform, or let one be made")
	}
	var faults []e911.Fault
	if h.CompanyID != "" && h.CompanyID != l.CompanyID {
		faults = append(faults, e911.Fault{Path: "company_id", Code: "differs", Msg: "another company id is in use here", Fix: "devices that send the old one are not known any more: say that you agree, or correct it"})
	}
	if len(h.Secrets) > 0 && !known {
		faults = append(faults, e911.Fault{Path: "secret", Code: "differs", Msg: "the secret is none of those that are live here", Fix: "say that you agree to add it, or correct it"})
	}
	switch {
	case len(faults) > 0 && !l.Agree:
		return &e911.Error{Kind: e911.Conflict, Msg: "what the platform has differs from what is here, and nothing was changed", Faults: faults}
	case h.CompanyID == l.CompanyID && known:
		return nil
	}
	h.CompanyID = l.CompanyID
	if !known {
		h.Secrets = append(slices.Clone(h.Secrets), l.Secret)
	}
	return s.saveHELD(ctx, who, stored, h, Note{Verb: "link", Key: stored.Value.Key, Detail: map[string]any{"company_id": l.CompanyID}}, nil)
}

// MakeSecret makes a secret, and the company id where there is none. The others
// stay live until they are ended: that is how one is rotated.
func (s *Service) MakeSecret(ctx context.Context, who admin.Actor, org e911.OrgID, note string) (Made, error) {
	stored, err := s.cfg.Editor.Orgs.Get(ctx, org, string(org))
	if err != nil {
		return Made{}, err
	}
	h := stored.Value.HELD
	if h.CompanyID == "" {
		h.CompanyID = random(16)
	}
	secret := e911.Secret(random(24))
	h.Secrets = append(slices.Clone(h.Secrets), secret)
	about := SecretNote{Mark: markOf(secret), Note: note, By: string(who), Made: s.cfg.Now().UTC().Truncate(time.Millisecond)}
	if err := s.saveHELD(ctx, who, stored, h, Note{Verb: "make_secret", Key: about.Mark, Detail: about}, func(r *Record) {
		r.Secrets = append(r.Secrets, about)
	}); err != nil {
		return Made{}, err
	}
	out := Made{CompanyID: h.CompanyID, Secret: string(secret), Note: about}
	for _, x := range h.Secrets {
		out.Live = append(out.Live, markOf(x))
	}
	return out, nil
}

// EndSecret ends the live secret with a mark. The last one is a Conflict unless
// agree: no device could ask where it is any more.
func (s *Service) EndSecret(ctx context.Context, who admin.Actor, org e911.OrgID, mark string, agree bool) error {
	stored, err := s.cfg.Editor.Orgs.Get(ctx, org, string(org))
	if err != nil {
		return err
	}
	h := stored.Value.HELD
	left := slices.DeleteFunc(slices.Clone(h.Secrets), func(x e911.Secret) bool { return markOf(x) == mark })
	switch {
	case len(left) == len(h.Secrets):
		return e911.Errorf(e911.NotFound, "there is no live secret %s", mark)
	case len(left) == 0 && !agree:
		return &e911.Error{Kind: e911.Conflict, Msg: "it is the last secret", Faults: []e911.Fault{{
			Path: "secret", Code: "last", Msg: "without a secret no device can ask where it is", Fix: "make another first, or say that you agree",
		}}}
	}
	h.Secrets = left
	return s.saveHELD(ctx, who, stored, h, Note{Verb: "end_secret", Key: mark}, nil)
}

// saveHELD writes the organisation and then what is known of its secrets: a secret
// without a note is one that somebody else made.
func (s *Service) saveHELD(ctx context.Context, who admin.Actor, was edit.Stored[e911.Org], h e911.HELDAccess, n Note, more func(*Record)) error {
	was.Value.HELD = h
	saved, err := s.cfg.Editor.Orgs.Update(ctx, who, was.Value, was.Version)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, who, was.Value.ID, n, func(r *Record) error {
		r.Secrets = slices.Clone(r.Secrets)
		if more != nil {
			more(r)
		}
		r.Secrets = slices.DeleteFunc(r.Secrets, func(k SecretNote) bool {
			return !slices.ContainsFunc(saved.Value.HELD.Secrets, func(x e911.Secret) bool { return markOf(x) == k.Mark })
		})
		return nil
	})
	return err
}

func random(octets int) string {
	b := make([]byte, octets)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
