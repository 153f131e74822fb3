package federation

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// What the audit trail calls the kinds and verbs of this package.
const (
	kindProvider e911.ObjectKind = "identity_provider"
	kindPolicy                   = signon.KindPolicy

	verbLinked    admin.Verb = "linked"
	verbUnlinked  admin.Verb = "unlinked"
	verbConfirmed admin.Verb = "confirmed"
)

// Config is what a Desk needs.
type Config struct {
	// Store returns the store, nil while there is none.
	Store func() Store
	// Protocols are those that can be spoken.
	Protocols map[Via]Protocol
	// Ring seals what a browser keeps while it is at the provider.
	Ring *seal.Ring
	// BaseURL is our address as browsers know it.
	BaseURL string
	// Mail sends a text to an address, some time later; false: no mail is sent here.
	Mail func(to, subject, text string) bool
	Now  func() time.Time
	Log  *slog.Logger
}

// Desk has the use cases. Who may use those that change something is asked by the
// edge, by rules/access: an organisation's administrators for its own providers, the
// provider's for those without one. Safe for concurrent use.
type Desk struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Desk, error) {
	if cfg.Store == nil || cfg.Ring == nil || cfg.Mail == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "identity providers need a store, a ring, mail, a clock and a log")
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	return &Desk{cfg: cfg}, nil
}

var errNoStore = e911.Errorf(e911.Unavailable, "the database does not answer now; who is signed in stays so, nobody new can sign in")

func (d *Desk) read(ctx context.Context, do func(Tx) error) error {
	st := d.cfg.Store()
	if st == nil {
		return errNoStore
	}
	return st.ReadFederation(ctx, do)
}

func (d *Desk) write(ctx context.Context, who admin.Actor, do func(Tx) error) error {
	st := d.cfg.Store()
	if st == nil {
		return errNoStore
	}
	return st.WriteFederation(ctx, who, do)
}

func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Truncate(time.Millisecond) }

func hashOf(parts ...string) []byte {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return h[:]
}

// hidden is a provider without its secret.
func hidden(p Provider) Provider {
	if p.OIDC != nil {
		o := *p.OIDC
		o.ClientSecret = ""
		p.OIDC = &o
	}
	if p.SAML != nil {
		o := *p.SAML
		o.SigningKey = ""
		p.SAML = &o
	}
	return p
}

// List lists the providers of an organisation, of the operator for "", without their
// secrets.
func (d *Desk) List(ctx context.Context, org e911.OrgID) ([]Provider, error) {
	var out []Provider
	err := d.read(ctx, func(tx Tx) (err error) {
		out, err = tx.ProvidersOf(ctx, org)
		return err
	})
	for i := range out {
		out[i] = hidden(out[i])
	}
	return out, err
}

// Get finds a provider by its key, without its secret; NotFound.
func (d *Desk) Get(ctx context.Context, org e911.OrgID, key string) (Provider, error) {
	p, err := d.get(ctx, org, key)
	return hidden(p), err
}

func (d *Desk) get(ctx context.Context, org e911.OrgID, key string) (p Provider, err error) {
	err = d.read(ctx, func(tx Tx) error {
		p, err = byKey(ctx, tx, org, key)
		return err
	})
	return p, err
}

func byKey(ctx context.Context, tx Tx, org e911.OrgID, key string) (Provider, error) {
	all, err := tx.ProvidersOf(ctx, org)
	if err != nil {
		return Provider{}, err
	}
	i := slices.IndexFunc(all, func(p Provider) bool { return p.Key == key })
	if i < 0 {
		return Provider{}, e911.Errorf(e911.NotFound, "there is no such identity provider")
	}
	return all[i], nil
}

// Save makes a provider (Version 0) or changes that version. An empty secret keeps
// the one that is there, as long as issuer and client stay the same: a secret is not
// handed to another address. Who changes issuer or metadata begins anew: the
// accounts of another issuer are other people's. Operator says that the one who
// asks may confirm domains.
func (d *Desk) Save(ctx context.Context, who admin.Actor, p Provider, operator bool) (Provider, error) {
	p = tidy(p)
	old, err := d.before(ctx, p)
	if err != nil {
		return p, err
	}
	verb := admin.Created
	if p.Version > 0 {
		verb = admin.Changed
		keep(&p, old)
	} else {
		p.ID, p.Proved, p.Confirmed = e911.NewID[string](), time.Time{}, nil
	}
	if err := d.prepare(ctx, &p, old); err != nil {
		return hidden(p), err
	}
	if operator {
		p.Confirmed = slices.Clone(p.Domains)
	}
	err = d.write(ctx, who, func(tx Tx) (err error) {
		if err := d.domainsFree(ctx, tx, p); err != nil {
			return err
		}
		if p.Disabled || p.Proved.IsZero() {
			if err := d.mayLose(ctx, tx, old); err != nil {
				return err
			}
		}
		if verb == admin.Changed && !sameSource(p, old) {
			if err := tx.DropIdentityLinks(ctx, p.ID, ""); err != nil {
				return err
			}
		}
		if p, err = tx.PutProvider(ctx, p); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Org: p.Org, Verb: verb, Kind: kindProvider, ID: p.ID, Key: p.Key, Detail: hidden(p)})
	})
	return hidden(p), err
}

// before is what is stored of a provider that is changed.
func (d *Desk) before(ctx context.Context, p Provider) (old Provider, err error) {
	if p.Version == 0 {
		return old, nil
	}
	err = d.read(ctx, func(tx Tx) error {
		if old, err = tx.Provider(ctx, p.ID); err == nil && old.Org != p.Org {
			err = e911.Errorf(e911.NotFound, "there is no such identity provider")
		}
		return err
	})
	return old, err
}

// prepare lets the protocol complete a provider, outside of any transaction, and says
// what is wrong with it.
func (d *Desk) prepare(ctx context.Context, p *Provider, old Provider) error {
	if ready, ok := d.cfg.Protocols[p.Via].(Preparer); ok && p.SAML != nil {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := ready.Prepare(ctx, p); err != nil {
			return err
		}
		if !sameSource(*p, old) {
			p.Proved = time.Time{}
		}
	}
	if faults := d.faults(*p); len(faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "the identity provider is not kept", Faults: faults}
	}
	return nil
}

// keep takes over from what is stored what is not the caller's to set.
func keep(p *Provider, old Provider) {
	p.ID, p.Proved = old.ID, old.Proved
	p.Confirmed = slices.DeleteFunc(slices.Clone(old.Confirmed), func(s string) bool { return !slices.Contains(p.Domains, s) })
	if p.OIDC != nil && old.OIDC != nil && p.OIDC.ClientSecret == "" && p.OIDC.Issuer == old.OIDC.Issuer && p.OIDC.ClientID == old.OIDC.ClientID {
		p.OIDC.ClientSecret = old.OIDC.ClientSecret
	}
	if p.SAML != nil && old.SAML != nil && p.SAML.SigningKey == "" && (p.SAML.Certificate == "" || p.SAML.Certificate == old.SAML.Certificate) {
		p.SAML.SigningKey, p.SAML.Certificate = old.SAML.SigningKey, old.SAML.Certificate
	}
	if !sameSource(*p, old) {
		p.Proved = time.Time{}
	}
}

// sameSource reports whether two forms of a provider name subjects alike.
func sameSource(a, b Provider) bool {
	if a.Via != b.Via || a.Names.Subject != b.Names.Subject {
		return false
	}
	if a.Via == ViaOIDC {
		return a.OIDC != nil && b.OIDC != nil && a.OIDC.Issuer == b.OIDC.Issuer && a.OIDC.ClientID == b.OIDC.ClientID
	}
	return a.SAML != nil && b.SAML != nil && a.SAML.EntityID == b.SAML.EntityID && (a.SAML.EntityID != "" || a.SAML.Metadata == b.SAML.Metadata)
}

// domainsFree keeps two providers from having one domain confirmed. It does not say
// whose it is.
func (d *Desk) domainsFree(ctx context.Context, tx Tx, p Provider) error {
	for _, name := range p.Confirmed {
		other, err := tx.ProviderOfDomain(ctx, name)
		if e911.KindOf(err) == e911.NotFound || err == nil && other.ID == p.ID {
			continue
		}
		if err != nil {
			return err
		}
		return &e911.Error{Kind: e911.Conflict, Msg: "the identity provider is not kept", Faults: []e911.Fault{{
			Path: "domains", Code: "taken", Msg: "another identity provider has the domain " + name, Fix: "take it away there first",
		}}}
	}
	return nil
}

// mayLose says why a provider cannot go: its organisation takes nothing but its
// providers' word, and no other one was proved.
func (d *Desk) mayLose(ctx context.Context, tx Tx, p Provider) error {
	if p.ID == "" || p.Org == "" || p.Disabled || p.Proved.IsZero() {
		return nil
	}
	policy, err := tx.Policy(ctx, p.Org)
	if err != nil || !policy.Force {
		return err
	}
	all, err := tx.ProvidersOf(ctx, p.Org)
	if err != nil || slices.ContainsFunc(all, func(o Provider) bool { return o.ID != p.ID && !o.Disabled && !o.Proved.IsZero() }) {
		return err
	}
	return e911.Errorf(e911.Conflict, "the organisation takes nothing but the word of this provider: allow passwords again first")
}

// Confirm says, for the operator, that domains belong to the provider's organisation:
// from then on an address in them leads to the provider.
func (d *Desk) Confirm(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (p Provider, err error) {
	err = d.write(ctx, who, func(tx Tx) error {
		if p, err = byKey(ctx, tx, org, key); err != nil {
			return err
		}
		p.Confirmed = slices.Clone(p.Domains)
		if err := d.domainsFree(ctx, tx, p); err != nil {
			return err
		}
		if p, err = tx.PutProvider(ctx, p); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Org: org, Verb: verbConfirmed, Kind: kindProvider, ID: p.ID, Key: p.Key, Detail: map[string]any{"domains": p.Confirmed}})
	})
	return hidden(p), err
}

// Delete forgets a provider and whom it brought; their sessions go on until they end.
func (d *Desk) Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string, version int64) error {
	return d.write(ctx, who, func(tx Tx) error {
		p, err := byKey(ctx, tx, org, key)
		if err != nil {
			return err
		}
		if version != 0 && version != p.Version {
			return e911.Errorf(e911.Conflict, "it was changed meanwhile: read it again")
		}
		if err := d.mayLose(ctx, tx, p); err != nil {
			return err
		}
		if err := tx.DropProvider(ctx, p.ID); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Org: org, Verb: admin.Deleted, Kind: kindProvider, ID: p.ID, Key: p.Key})
	})
}

// Unlink forgets which account of a provider an identity is, after it was made anew
// there.
func (d *Desk) Unlink(ctx context.Context, who admin.Actor, org e911.OrgID, key, email string) error {
	return d.write(ctx, who, func(tx Tx) error {
		p, err := byKey(ctx, tx, org, key)
		if err != nil {
			return err
		}
		none := e911.Errorf(e911.NotFound, "nobody with this address was linked")
		i, err := tx.IdentityByEmail(ctx, email)
		if e911.KindOf(err) == e911.NotFound {
			return none
		}
		if err != nil {
			return err
		}
		if had, err := tx.LinksOf(ctx, p.ID, i.ID, ""); err != nil || len(had) == 0 {
			if err == nil {
				err = none
			}
			return err
		}
		if err := tx.DropIdentityLinks(ctx, p.ID, i.ID); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Org: org, Verb: verbUnlinked, Kind: kindProvider, ID: p.ID, Key: p.Key, Detail: map[string]any{"identity": i.ID}})
	})
}

// Probe asks a provider whether a sign-in could begin.
func (d *Desk) Probe(ctx context.Context, org e911.OrgID, key string) error {
	p, err := d.get(ctx, org, key)
	if err != nil {
		return err
	}
	proto, err := d.protocol(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return proto.Probe(ctx, p)
}

func (d *Desk) protocol(p Provider) (Protocol, error) {
	if proto := d.cfg.Protocols[p.Via]; proto != nil {
		return proto, nil
	}
	return nil, e911.Errorf(e911.Unavailable, "this Callbox does not speak %s", p.Via)
}
