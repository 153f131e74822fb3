package setup

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
)

// What an organisation may connect by itself where the operator says nothing else.
const (
	usualPBXs     = 10
	usualCapacity = 100
	// liveSecrets of one PBX: the one in use, and the one that it is changed to.
	liveSecrets = 2
)

// PBX is what is kept of a connection that an organisation made by itself: a platform
// trunk that is known by proofs alone. It is the one whose trunk proves itself by User,
// which nobody chooses; a trunk that the operator made is in no record, and so nothing
// here changes it.
type PBX struct {
	User         string            `json:"user"`
	Key          string            `json:"key"`
	By           string            `json:"by"`
	Made         time.Time         `json:"made"`
	Secrets      []SecretNote      `json:"secrets,omitempty"`
	Certificates []CertificateNote `json:"certificates,omitempty"`
}

// PBXPolicy is what the operator lets an organisation connect by itself.
type PBXPolicy struct {
	Off      bool `json:"off,omitempty"`  // the operator connects everything
	Most     int  `json:"most,omitempty"` // PBXs; 0: 10
	Capacity int  `json:"capacity"`       // calls to one at a time; 0: 100
}

// PBXWish is a PBX to connect.
type PBXWish struct {
	Key string `json:"key"`
	// Inbound is what it sends, IdentityHeader the header with the user's id; none:
	// plain, and E911-User-ID.
	Inbound        e911.InboundProfile `json:"inbound,omitempty"`
	IdentityHeader string              `json:"identity_header,omitempty"`
	Note           string              `json:"note,omitempty"` // of the secret
}

// PBXMade is what a PBX needs to log in. The secret is shown this once.
type PBXMade struct {
	Key    string     `json:"key"`
	User   string     `json:"user"`
	Secret string     `json:"secret"`
	Note   SecretNote `json:"about"`
	Door   Door       `json:"door"`
}

// Door is where a PBX sends its calls, and what it answers a challenge for.
type Door struct {
	// Domain is the SIP domain and the realm of challenges.
	Domain string `json:"domain"`
	// Listeners as "udp:192.0.2.1:5060"; an address of zeros is any of this machine.
	Listeners []string `json:"listeners"`
	// Test is the number that reads back who and where.
	Test string `json:"test"`
}

// Sighting is where a PBX last proved itself by its secret.
type Sighting struct {
	From netip.Addr `json:"from"`
	At   time.Time  `json:"at"`
}

// PBXStatus is a connected PBX.
type PBXStatus struct {
	Key            string              `json:"key"`
	User           string              `json:"user"`
	Inbound        e911.InboundProfile `json:"inbound"`
	IdentityHeader string              `json:"identity_header,omitempty"`
	Capacity       int                 `json:"capacity"`
	From           []netip.Prefix      `json:"from"` // what the operator approved
	DRFrom         []netip.Prefix      `json:"dr_from"`
	Secrets        []SecretNote        `json:"secrets"`
	Certificates   []CertificateNote   `json:"certificates"`
	By             string              `json:"by"`
	Made           time.Time           `json:"made"`
	// Proved is when it last showed its secret here; none: never, or not for 30 days,
	// or it sends from ranges of its own.
	Proved *Sighting `json:"proved,omitempty"`
}

// PBXs are what an organisation connected, and what it asked the operator for.
type PBXs struct {
	Items    []PBXStatus    `json:"items"`
	Requests []RangeRequest `json:"requests"`
	Policy   PBXPolicy      `json:"policy"`
	Door     Door           `json:"door"`
	// Others are keys of platform trunks that the operator connected.
	Others []string `json:"others"`
}

// PBXs lists them.
func (s *Service) PBXs(ctx context.Context, org e911.OrgID) (PBXs, error) {
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return PBXs{}, err
	}
	all, err := s.platforms(ctx, org)
	if err != nil {
		return PBXs{}, err
	}
	out := PBXs{Items: []PBXStatus{}, Requests: []RangeRequest{}, Policy: r.pbxPolicy(), Door: s.door(), Others: []string{}}
	for _, t := range all {
		p, own := r.pbx(t.Value)
		if !own {
			out.Others = append(out.Others, t.Value.Key)
			continue
		}
		v := t.Value
		st := PBXStatus{
			Key: v.Key, User: v.Admit.User, Inbound: cmp.Or(v.Inbound, e911.InboundPlain), IdentityHeader: v.IdentityHeader, Capacity: v.Capacity,
			From: orNoPrefixes(v.From), DRFrom: orNoPrefixes(v.DRFrom), Secrets: notes(v.Admit.Secrets, p.Secrets),
			Certificates: certificateNotes(v.Certificates, p.Certificates), By: p.By, Made: p.Made,
		}
		if s.cfg.Proved != nil {
			if at, ok := s.cfg.Proved(v.ID); ok {
				st.Proved = &at
			}
		}
		out.Items = append(out.Items, st)
	}
	for _, q := range r.Requests {
		out.Requests = append(out.Requests, q.shown())
	}
	return out, nil
}

func orNoPrefixes(p []netip.Prefix) []netip.Prefix {
	if p == nil {
		return []netip.Prefix{}
	}
	return p
}

func (s *Service) door() Door {
	d := s.cfg.Door
	if d.Listeners == nil {
		d.Listeners = []string{}
	}
	d.Test = "933"
	return d
}

// pbxPolicy is the operator's, or the usual one.
func (r *Record) pbxPolicy() PBXPolicy {
	p := PBXPolicy{}
	if r.PBXPolicy != nil {
		p = *r.PBXPolicy
	}
	p.Most, p.Capacity = cmp.Or(p.Most, usualPBXs), cmp.Or(p.Capacity, usualCapacity)
	return p
}

// pbx is what is kept of a trunk that the organisation connected by itself. One that
// the operator gave a right of its own since, as that of speaking for others, is his.
func (r *Record) pbx(t e911.Trunk) (PBX, bool) {
	i := slices.IndexFunc(r.PBXs, func(p PBX) bool { return p.User == t.Admit.User })
	if i < 0 || t.Side != e911.SidePlatform || t.Org != r.Org || len(t.Marks) > 0 {
		return PBX{}, false
	}
	return r.PBXs[i], true
}

// platforms are the platform trunks of an organisation, in order of key.
func (s *Service) platforms(ctx context.Context, org e911.OrgID) (all []edit.Stored[e911.Trunk], err error) {
	q := admin.Query{Org: org}
	for {
		page, err := s.cfg.Editor.Trunks.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, t := range page {
			if t.Value.Side == e911.SidePlatform {
				all = append(all, t)
			}
		}
		if len(page) < admin.MaxPage {
			break
		}
		q.After = string(page[len(page)-1].Value.ID)
	}
	slices.SortFunc(all, func(a, b edit.Stored[e911.Trunk]) int { return cmp.Compare(a.Value.Key, b.Value.Key) })
	return all, nil
}

// own finds a PBX that the organisation connected by itself, by its key.
func (s *Service) own(ctx context.Context, org e911.OrgID, key string) (edit.Stored[e911.Trunk], PBX, error) {
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return edit.Stored[e911.Trunk]{}, PBX{}, err
	}
	all, err := s.platforms(ctx, org)
	if err != nil {
		return edit.Stored[e911.Trunk]{}, PBX{}, err
	}
	i := slices.IndexFunc(all, func(t edit.Stored[e911.Trunk]) bool { return t.Value.Key == key })
	if i < 0 {
		return edit.Stored[e911.Trunk]{}, PBX{}, e911.Errorf(e911.NotFound, "there is no PBX %s", key)
	}
	p, ok := r.pbx(all[i].Value)
	if !ok {
		return edit.Stored[e911.Trunk]{}, PBX{}, e911.Errorf(e911.Denied, "the operator connected %s, and looks after it: ask him", key)
	}
	return all[i], p, nil
}

// Connect makes a platform trunk of the organisation that is known by a user and a
// secret of ours, from wherever it calls. It leads nowhere, has no marks and no
// address ranges: what it can do is call in, as its own organisation.
func (s *Service) Connect(ctx context.Context, who admin.Actor, org e911.OrgID, w PBXWish) (PBXMade, error) {
	secret := e911.Secret(random(24))
	about := SecretNote{Mark: markOf(secret), Note: strings.TrimSpace(w.Note), By: string(who), Made: s.cfg.Now().UTC().Truncate(time.Millisecond)}
	p := PBX{User: newUser(), Key: w.Key, By: string(who), Made: about.Made, Secrets: []SecretNote{about}}
	all, err := s.platforms(ctx, org)
	if err != nil {
		return PBXMade{}, err
	}
	// The note comes first: a trunk without one would be nobody's to change.
	r, err := s.change(ctx, who, org, Note{Verb: "connect_pbx", Key: w.Key, Detail: map[string]string{"user": p.User}}, func(r *Record) error {
		policy := r.pbxPolicy()
		if policy.Off {
			return e911.Errorf(e911.Denied, "the operator connects PBXs of this organisation: ask him")
		}
		r.keepPBXs(all, about.Made)
		if len(r.PBXs) >= policy.Most {
			return e911.Errorf(e911.Invalid, "an organisation connects up to %d PBXs by itself: remove one, or ask the operator for more", policy.Most)
		}
		r.PBXs = append(r.PBXs, p)
		return nil
	})
	if err != nil {
		return PBXMade{}, err
	}
	_, err = s.cfg.Editor.Trunks.Create(ctx, who, e911.Trunk{
		Org: org, Key: w.Key, Side: e911.SidePlatform, Inbound: w.Inbound, IdentityHeader: cmp.Or(w.IdentityHeader, "E911-User-ID"),
		From: []netip.Prefix{}, DRFrom: []netip.Prefix{}, Admit: e911.TrunkDigest{User: p.User, Secrets: []e911.Secret{secret}},
		Capacity: r.pbxPolicy().Capacity,
	})
	if err != nil {
		return PBXMade{}, s.unmade(ctx, who, org, p, err)
	}
	return PBXMade{Key: w.Key, User: p.User, Secret: string(secret), Note: about, Door: s.door()}, nil
}

// unmade takes the note of a PBX back that could not be made.
func (s *Service) unmade(ctx context.Context, who admin.Actor, org e911.OrgID, p PBX, why error) error {
	_, _ = s.change(ctx, who, org, Note{Verb: "connect_pbx", Key: p.Key, Detail: map[string]string{"refused": string(e911.KindOf(why))}}, func(r *Record) error {
		r.PBXs = slices.DeleteFunc(slices.Clone(r.PBXs), func(o PBX) bool { return o.User == p.User })
		return nil
	})
	return why
}

// beingMade is for how long a note without a trunk is one of somebody who is
// connecting a PBX this moment.
const beingMade = time.Minute

// keepPBXs lets go of notes whose trunk is gone: the operator removed it.
func (r *Record) keepPBXs(all []edit.Stored[e911.Trunk], now time.Time) {
	r.PBXs = slices.DeleteFunc(slices.Clone(r.PBXs), func(p PBX) bool {
		there := slices.ContainsFunc(all, func(t edit.Stored[e911.Trunk]) bool { return t.Value.Admit.User == p.User })
		return !there && now.Sub(p.Made) > beingMade
	})
}

// newUser is a name that nobody guesses, and no organisation has twice.
func newUser() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails
	return "pbx-" + strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

// AddPBXSecret makes a second secret: both are good until one is ended, so that a
// PBX is changed without a call being refused.
func (s *Service) AddPBXSecret(ctx context.Context, who admin.Actor, org e911.OrgID, key, note string) (PBXMade, error) {
	t, p, err := s.own(ctx, org, key)
	if err != nil {
		return PBXMade{}, err
	}
	if len(t.Value.Admit.Secrets) >= liveSecrets {
		return PBXMade{}, e911.Errorf(e911.Conflict, "%s has two live secrets already: end the one that it uses no more first", key)
	}
	secret := e911.Secret(random(24))
	about := SecretNote{Mark: markOf(secret), Note: strings.TrimSpace(note), By: string(who), Made: s.cfg.Now().UTC().Truncate(time.Millisecond)}
	v := t.Value
	v.Admit.Secrets = append(slices.Clone(v.Admit.Secrets), secret)
	if err := s.savePBX(ctx, who, v, t.Version, Note{Verb: "make_pbx_secret", Key: key, Detail: about}, func(o *PBX) {
		o.Secrets = append(o.Secrets, about)
	}); err != nil {
		return PBXMade{}, err
	}
	return PBXMade{Key: key, User: p.User, Secret: string(secret), Note: about, Door: s.door()}, nil
}

// EndPBXSecret ends the secret with a mark. The last one stays: without one nothing
// that the PBX sends could be proved.
func (s *Service) EndPBXSecret(ctx context.Context, who admin.Actor, org e911.OrgID, key, mark string) error {
	t, _, err := s.own(ctx, org, key)
	if err != nil {
		return err
	}
	v := t.Value
	left := slices.DeleteFunc(slices.Clone(v.Admit.Secrets), func(x e911.Secret) bool { return markOf(x) == mark })
	switch {
	case len(left) == len(v.Admit.Secrets):
		return e911.Errorf(e911.NotFound, "%s has no live secret %s", key, mark)
	case len(left) == 0:
		return e911.Errorf(e911.Conflict, "it is the last secret of %s: make another first, or remove the PBX", key)
	}
	v.Admit.Secrets = left
	return s.savePBX(ctx, who, v, t.Version, Note{Verb: "end_pbx_secret", Key: key, Detail: map[string]string{"mark": mark}}, func(o *PBX) {
		o.Secrets = slices.DeleteFunc(o.Secrets, func(n SecretNote) bool { return n.Mark == mark })
	})
}

// RemovePBX disconnects it. Somebody has to agree: what still calls by it is a stranger
// then, whose 911 is refused too (F-10).
func (s *Service) RemovePBX(ctx context.Context, who admin.Actor, org e911.OrgID, key string, agree bool) error {
	t, p, err := s.own(ctx, org, key)
	if err != nil {
		return err
	}
	if !agree {
		return &e911.Error{Kind: e911.Conflict, Msg: "nothing was removed", Faults: []e911.Fault{{
			Path: "agree", Code: "required", Msg: "911 of a PBX that is not connected is refused, as that of any stranger", Fix: "lead its calls elsewhere first, and say that you agree",
		}}}
	}
	if err := s.cfg.Editor.Trunks.Delete(ctx, who, org, string(t.Value.ID), t.Version); err != nil {
		return err
	}
	_, err = s.change(ctx, who, org, Note{Verb: "remove_pbx", Key: key, Detail: map[string]string{"user": p.User}}, func(r *Record) error {
		r.PBXs = slices.DeleteFunc(slices.Clone(r.PBXs), func(o PBX) bool { return o.User == p.User })
		now := s.reason(who, "the PBX was removed")
		for i := range r.Requests {
			if q := &r.Requests[i]; q.User == p.User && q.State == RangeRequested {
				q.State, q.Decided = RangeWithdrawn, &now
			}
		}
		return nil
	})
	return err
}

// savePBX writes the trunk, and then what is known of its proofs.
func (s *Service) savePBX(ctx context.Context, who admin.Actor, v e911.Trunk, version int64, n Note, do func(*PBX)) error {
	if _, err := s.cfg.Editor.Trunks.Update(ctx, who, v, version); err != nil {
		return err
	}
	_, err := s.change(ctx, who, v.Org, n, func(r *Record) error {
		r.PBXs = slices.Clone(r.PBXs)
		i := slices.IndexFunc(r.PBXs, func(p PBX) bool { return p.User == v.Admit.User })
		if i < 0 {
			return e911.Errorf(e911.NotFound, "there is no PBX %s", v.Key)
		}
		p := &r.PBXs[i]
		p.Secrets, p.Certificates = slices.Clone(p.Secrets), slices.Clone(p.Certificates)
		do(p)
		return nil
	})
	return err
}

// SetPBXPolicy says what the organisation may connect by itself. It is the operator's
// alone, and changes nothing of what is connected.
func (s *Service) SetPBXPolicy(ctx context.Context, who admin.Actor, org e911.OrgID, p PBXPolicy) error {
	const mostPBXs, mostCapacity = 1000, 10_000
	switch {
	case p.Most < 0 || p.Most > mostPBXs:
		return fault("most", "range", fmt.Sprintf("an organisation connects 0 to %d PBXs by itself", mostPBXs), "write off: true for none")
	case p.Capacity < 0 || p.Capacity > mostCapacity:
		return fault("capacity", "range", fmt.Sprintf("a PBX takes 1 to %d calls at a time", mostCapacity), "write a number, or leave it out for 100")
	}
	_, err := s.change(ctx, who, org, Note{Verb: "set_pbx_policy", Detail: p}, func(r *Record) error {
		r.PBXPolicy = &p
		return nil
	})
	return err
}
