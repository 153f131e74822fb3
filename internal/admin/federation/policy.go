package federation

import (
	"context"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Desk is the gate of signon.
var _ signon.Gate = (*Desk)(nil)

// Policy is how an organisation's members sign in.
func (d *Desk) Policy(ctx context.Context, org e911.OrgID) (p Policy, err error) {
	err = d.read(ctx, func(tx Tx) error {
		p, err = tx.Policy(ctx, org)
		return err
	})
	return p, err
}

// SetPolicy changes how an organisation's members sign in. While Force is on, one
// administrator at least is named whose password has a second proof, or who has a
// passkey, and one provider was used; else nobody could come back in.
func (d *Desk) SetPolicy(ctx context.Context, who admin.Actor, p Policy) (Policy, error) {
	slices.Sort(p.BreakGlass)
	p.BreakGlass = slices.Compact(p.BreakGlass)
	err := d.write(ctx, who, func(tx Tx) error {
		was, err := tx.Policy(ctx, p.Org)
		if err != nil {
			return err
		}
		if faults, err := d.policyFaults(ctx, tx, p); err != nil || len(faults) > 0 {
			if err == nil {
				err = &e911.Error{Kind: e911.Invalid, Msg: "how members sign in is not changed", Faults: faults}
			}
			return err
		}
		if p.Force && !was.Force {
			if err := d.endOwn(ctx, tx, who, p); err != nil {
				return err
			}
		}
		return d.putPolicy(ctx, tx, &p)
	})
	return p, err
}

// endOwn ends the sessions of members that were begun without the provider: else what
// is forced would count only when they have run out. Who switches it, and break-glass
// people who proved enough, go on.
func (d *Desk) endOwn(ctx context.Context, tx Tx, who admin.Actor, p Policy) error {
	there, err := tx.GrantsIn(ctx, p.Org)
	if err != nil {
		return err
	}
	done := map[string]bool{string(who): true}
	for _, g := range there {
		if done[g.Identity] {
			continue
		}
		done[g.Identity] = true
		all, err := tx.SessionsOf(ctx, g.Identity, d.now())
		if err != nil {
			return err
		}
		var end []string
		for _, s := range all {
			if s.Provider == "" && !slices.Contains(s.Without, p.Org) && !(slices.Contains(p.BreakGlass, g.Identity) && strong(s.By)) {
				end = append(end, s.ID)
			}
		}
		if len(end) == 0 {
			continue
		}
		if err := tx.EndSessions(ctx, g.Identity, end, false, d.now()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) putPolicy(ctx context.Context, tx Tx, p *Policy) (err error) {
	if *p, err = tx.PutPolicy(ctx, *p); err != nil {
		return err
	}
	return tx.Note(ctx, admin.AuditNote{Org: p.Org, Verb: admin.Changed, Kind: kindPolicy, ID: string(p.Org), Detail: *p})
}

// Unforce lets passwords in again, whatever else: it is for the operator at the
// machine, when nobody can sign in.
func (d *Desk) Unforce(ctx context.Context, who admin.Actor, org e911.OrgID) (p Policy, err error) {
	err = d.write(ctx, who, func(tx Tx) error {
		if p, err = tx.Policy(ctx, org); err != nil {
			return err
		}
		p.Force = false
		return d.putPolicy(ctx, tx, &p)
	})
	return p, err
}

func (d *Desk) policyFaults(ctx context.Context, tx Tx, p Policy) ([]e911.Fault, error) {
	var out []e911.Fault
	if len(p.BreakGlass) > 20 {
		out = append(out, e911.Fault{Path: "break_glass", Code: "too_many", Msg: "more than 20 people are named", Fix: "name the few who let the others in again"})
	}
	ready := 0
	for _, id := range p.BreakGlass {
		admins, err := d.administers(ctx, tx, p.Org, id)
		if err != nil {
			return nil, err
		}
		if !admins {
			out = append(out, e911.Fault{Path: "break_glass", Code: "role", Msg: "somebody is named who is no administrator of the organisation for good", Fix: "make him one first"})
			continue
		}
		creds, err := tx.CredentialsOf(ctx, id)
		if err != nil {
			return nil, err
		}
		if complete(creds) {
			ready++
		}
	}
	if !p.Force {
		return out, nil
	}
	if ready == 0 {
		out = append(out, e911.Fault{
			Path: "break_glass", Code: "missing", Msg: "nobody could let the others in when the provider is down",
			Fix: "name an administrator who has a password with one-time codes, or a passkey",
		})
	}
	all, err := tx.ProvidersOf(ctx, p.Org)
	if !slices.ContainsFunc(all, func(p Provider) bool { return !p.Disabled && !p.Proved.IsZero() }) {
		out = append(out, e911.Fault{Path: "force", Code: "unproved", Msg: "nobody has signed in by a provider of the organisation yet", Fix: "sign in by it once, so that it is known to work"})
	}
	return out, err
}

// administers reports an administrator of the organisation itself, for good.
func (d *Desk) administers(ctx context.Context, tx Tx, org e911.OrgID, identity string) (bool, error) {
	i, err := tx.Identity(ctx, identity)
	if e911.KindOf(err) == e911.NotFound || err == nil && !i.Disabled.IsZero() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	has, err := tx.GrantsOf(ctx, identity)
	return slices.ContainsFunc(has, func(g member.Grant) bool {
		return g.Role == access.Organisation && g.At.Org == string(org) && !g.Support && g.Until.IsZero()
	}), err
}

// complete reports proofs that are enough for break-glass.
func complete(creds []signon.Credential) bool {
	has := func(k signon.Kind) bool {
		return slices.ContainsFunc(creds, func(c signon.Credential) bool { return c.Kind == k })
	}
	return has(signon.Passkey) || has(signon.Password) && has(signon.TOTP)
}

// strong reports proofs of one sign-in that are enough for break-glass: two of them, or
// a passkey that made sure of the person ("uv").
func strong(by []string) bool {
	has := func(k signon.Kind) bool { return slices.Contains(by, string(k)) }
	return has(signon.Passkey) && slices.Contains(by, "uv") || has(signon.Password) && (has(signon.TOTP) || has(signon.Recovery) || has(signon.Passkey))
}

// orgsOf are the organisations in which an identity has roles, and whether it has
// roles above them.
func (d *Desk) orgsOf(ctx context.Context, tx Tx, identity string) (orgs []e911.OrgID, above bool, err error) {
	has, err := tx.GrantsOf(ctx, identity)
	for _, g := range has {
		switch org := e911.OrgID(g.At.Org); {
		case !g.Grant.Holds(d.now()):
		case org == "":
			above = true
		case !slices.Contains(orgs, org):
			orgs = append(orgs, org)
		}
	}
	return orgs, above, err
}

// ErrWeak is said to a break-glass person who proved too little.
var ErrWeak = e911.Errorf(e911.Denied, "to sign in past your organisation's provider, a password alone is not enough: set up one-time codes or a passkey")

// Own implements signon.Gate. Roles in organisations that ask for their provider do
// not count in a session that a password or a passkey began; somebody who has no
// other roles is not let in. Break-glass people are, and it is told.
func (d *Desk) Own(ctx context.Context, identity string, proofs []string) (signon.Verdict, error) {
	var forced, broke []e911.OrgID
	var weak, elsewhere bool
	err := d.read(ctx, func(tx Tx) error {
		orgs, above, err := d.orgsOf(ctx, tx, identity)
		if err != nil {
			return err
		}
		elsewhere = above || len(orgs) == 0
		for _, org := range orgs {
			p, err := tx.Policy(ctx, org)
			if err != nil {
				return err
			}
			named := slices.Contains(p.BreakGlass, identity)
			switch {
			case !p.Force:
				elsewhere = true
			case named && strong(proofs):
				broke = append(broke, org)
			default:
				forced, weak = append(forced, org), weak || named
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return signon.Verdict{}, err
	case len(forced) > 0 && !elsewhere && len(broke) == 0 && weak:
		return signon.Verdict{}, ErrWeak
	case len(forced) > 0 && !elsewhere && len(broke) == 0:
		return signon.Verdict{}, signon.ErrForced
	}
	return signon.Verdict{Without: forced, Past: broke}, nil
}

// Passed implements signon.Gate: it tells the administrators.
func (d *Desk) Passed(ctx context.Context, org e911.OrgID, identity string) {
	var who member.Identity
	var tell []string
	err := d.read(ctx, func(tx Tx) (err error) {
		if who, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		there, err := tx.GrantsAt(ctx, access.Node{Org: string(org)})
		if err != nil {
			return err
		}
		for _, g := range there {
			if g.Role != access.Organisation || g.Support || !g.Grant.Holds(d.now()) {
				continue
			}
			i, err := tx.Identity(ctx, g.Identity)
			if err != nil {
				return err
			}
			if i.Disabled.IsZero() && !slices.Contains(tell, i.Email) {
				tell = append(tell, i.Email)
			}
		}
		return nil
	})
	if err != nil {
		d.cfg.Log.WarnContext(ctx, "nobody was told by mail of a break-glass sign-in; it is in the audit trail", "org", org, obs.Err(err))
	}
	for _, to := range tell {
		if !d.cfg.Mail(to, "Callbox: somebody signed in past your provider", who.Email+" signed in to Callbox at "+d.now().Format("2006-01-02 15:04")+
			" UTC with a password and a second proof, past your organisation's identity provider (break-glass).\n\nIf nobody of you knows why, take his role away and look at the audit trail.\n") {
			d.cfg.Log.WarnContext(ctx, "nobody was told by mail of a break-glass sign-in: no mail is sent here", "org", org)
			break
		}
	}
}

// Drops implements signon.Gate: the last break-glass person keeps his proof.
func (d *Desk) Drops(ctx context.Context, identity string, left []signon.Credential) error {
	if complete(left) {
		return nil
	}
	return d.lastBreakGlass(ctx, identity, "")
}

// Stays says why an identity cannot lose a role at a node; see member.Config.
func (d *Desk) Stays(ctx context.Context, identity string, at access.Node) error {
	if at.Level() != access.AtOrg {
		return nil
	}
	return d.lastBreakGlass(ctx, identity, e911.OrgID(at.Org))
}

// lastBreakGlass is an error when the identity is the only break-glass person with a
// complete proof, in one of its organisations or in the one named.
func (d *Desk) lastBreakGlass(ctx context.Context, identity string, only e911.OrgID) error {
	return d.read(ctx, func(tx Tx) error {
		orgs, _, err := d.orgsOf(ctx, tx, identity)
		if err != nil {
			return err
		}
		for _, org := range orgs {
			if only != "" && org != only {
				continue
			}
			last, err := d.lastIn(ctx, tx, org, identity)
			if err != nil {
				return err
			}
			if last {
				return e911.Errorf(e911.Conflict, "this is the last one who could sign in past the organisation's provider: name another break-glass person first, or allow passwords again")
			}
		}
		return nil
	})
}

func (d *Desk) lastIn(ctx context.Context, tx Tx, org e911.OrgID, identity string) (bool, error) {
	p, err := tx.Policy(ctx, org)
	if err != nil || !p.Force || !slices.Contains(p.BreakGlass, identity) {
		return false, err
	}
	for _, other := range p.BreakGlass {
		if other == identity {
			continue
		}
		in, err := d.administers(ctx, tx, org, other)
		if err != nil {
			return false, err
		}
		creds, err := tx.CredentialsOf(ctx, other)
		if err != nil {
			return false, err
		}
		if in && complete(creds) {
			return false, nil
		}
	}
	return true, nil
}

// Candidate is an administrator of an organisation who may be a break-glass person.
type Candidate struct {
	Identity string `json:"identity"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	// Complete: his proofs are enough.
	Complete bool `json:"complete"`
	Named    bool `json:"named"`
}

// Candidates lists the administrators of an organisation.
func (d *Desk) Candidates(ctx context.Context, org e911.OrgID) ([]Candidate, error) {
	out := []Candidate{}
	err := d.read(ctx, func(tx Tx) error {
		policy, err := tx.Policy(ctx, org)
		if err != nil {
			return err
		}
		there, err := tx.GrantsAt(ctx, access.Node{Org: string(org)})
		if err != nil {
			return err
		}
		for _, g := range there {
			if g.Role != access.Organisation || g.Support || !g.Until.IsZero() || slices.ContainsFunc(out, func(c Candidate) bool { return c.Identity == g.Identity }) {
				continue
			}
			i, err := tx.Identity(ctx, g.Identity)
			if err != nil {
				return err
			}
			creds, err := tx.CredentialsOf(ctx, g.Identity)
			if err != nil {
				return err
			}
			if i.Disabled.IsZero() {
				out = append(out, Candidate{i.ID, i.Email, i.Name, complete(creds), slices.Contains(policy.BreakGlass, i.ID)})
			}
		}
		return nil
	})
	return out, err
}
