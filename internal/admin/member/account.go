package member

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

const kindAccountRequest e911.ObjectKind = "account_request"

// AccountState is how far a request for an account has come (W-22).
type AccountState string

// The states.
const (
	AccountRequested  AccountState = "requested"
	AccountProcessing AccountState = "processing"
	AccountDone       AccountState = "done"
	AccountInvalid    AccountState = "invalid"
)

// AccountRequest is somebody's wish for an organisation of his own.
type AccountRequest struct {
	ID           string       `json:"id"`
	Partner      string       `json:"partner,omitempty"` // id; none: the provider
	Organisation string       `json:"organisation"`
	Email        string       `json:"email"`
	Name         string       `json:"name,omitempty"`
	Message      string       `json:"message,omitempty"`
	State        AccountState `json:"state"`
	Reason       string       `json:"reason,omitempty"` // why it is invalid
	Asked        time.Time    `json:"asked"`
	Changed      time.Time    `json:"changed"`
	ChangedBy    admin.Actor  `json:"changed_by,omitempty"`
	Org          e911.OrgID   `json:"org,omitempty"` // what was made
}

// Over reports whether nothing is to be done any more.
func (r AccountRequest) Over() bool { return r.State == AccountDone || r.State == AccountInvalid }

// Due is until when it is to be answered: two working days after it was asked for
// (W-22). Holidays are not known here.
func (r AccountRequest) Due() time.Time {
	due := r.Asked
	for days := 0; days < 2; {
		due = due.AddDate(0, 0, 1)
		if d := due.Weekday(); d != time.Saturday && d != time.Sunday {
			days++
		}
	}
	return due
}

// AccountWish asks for an account. Partner is the id or key of the partner whose
// customer the organisation shall be: the subscription id of other products.
type AccountWish struct {
	Partner      string `json:"partner,omitempty" doc:"Id or key of the partner; none: the provider itself"`
	Organisation string `json:"organisation" doc:"Name of the organisation" example:"Mill Works"`
	Email        string `json:"email" doc:"Of its first administrator" example:"ann@example.com"`
	Name         string `json:"name,omitempty" example:"Ann Mill"`
	Message      string `json:"message,omitempty"`
}

// NewOrg asks for an organisation. Email is that of its first administrator; none:
// he is named later.
type NewOrg struct {
	Partner       string `json:"partner,omitempty"`
	Key           string `json:"key" example:"mill"`
	Name          string `json:"name,omitempty" example:"Mill Works"`
	Demonstration bool   `json:"demonstration,omitempty" doc:"Its trunks must stay on loopback"`
	Email         string `json:"email,omitempty" doc:"Of the first administrator, who is invited" example:"ann@example.com"`
	Person        string `json:"person,omitempty" doc:"His name" example:"Ann Mill"`
}

// Account is an organisation that was made, and the invitation of its first
// administrator.
type Account struct {
	Org   e911.Org
	First Given // zero: nobody was named
}

// Branch is a partner with its organisations; without an id: the provider's own.
type Branch struct {
	Partner Partner
	Orgs    []e911.Org
}

// AccountsConfig is what Accounts needs.
type AccountsConfig struct {
	Members *Desk
	// Make writes an organisation; Unmake takes one away again that nobody has seen.
	Make   func(ctx context.Context, who admin.Actor, o e911.Org) (e911.Org, error)
	Unmake func(ctx context.Context, who admin.Actor, id e911.OrgID) error
	// Orgs lists all of them.
	Orgs func(ctx context.Context) ([]e911.Org, error)
	// Mail sends a text to an address, some time later; false: no mail is sent here.
	Mail func(to, subject, text string) bool
}

// Accounts makes organisations under partners, and answers requests for them. Safe
// for concurrent use.
type Accounts struct {
	cfg AccountsConfig
	d   *Desk
}

// NewAccounts checks the configuration.
func NewAccounts(cfg AccountsConfig) (*Accounts, error) {
	if cfg.Members == nil || cfg.Make == nil || cfg.Unmake == nil || cfg.Orgs == nil || cfg.Mail == nil {
		return nil, e911.Errorf(e911.Invalid, "accounts need members, organisations and mail")
	}
	return &Accounts{cfg: cfg, d: cfg.Members}, nil
}

// Tree lists the partners that an identity looks after, with their organisations, by
// key; the provider's own come first.
func (a *Accounts) Tree(ctx context.Context, by string) ([]Branch, error) {
	orgs, err := a.cfg.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	var out []Branch
	err = a.d.read(ctx, func(tx Tx) error {
		own, err := ownOf(ctx, tx, by)
		if err != nil {
			return err
		}
		partners, err := tx.Partners(ctx)
		if err != nil {
			return err
		}
		of, err := tx.Customers(ctx)
		if err != nil {
			return err
		}
		for _, p := range append([]Partner{{}}, partners...) {
			q := access.Question{Identity: by, Grants: own, At: access.Node{Partner: p.ID}, Area: access.Tenants, Verb: access.Read, Now: a.d.now()}
			if !access.May(q).Allowed {
				continue
			}
			b := Branch{Partner: p}
			for _, o := range orgs {
				if of[o.ID] == p.ID {
					b.Orgs = append(b.Orgs, o)
				}
			}
			slices.SortFunc(b.Orgs, func(x, y e911.Org) int { return strings.Compare(x.Key, y.Key) })
			out = append(out, b)
		}
		return nil
	})
	return out, err
}

// Create makes an organisation under a partner, by somebody of that partner or of
// the provider, and invites its first administrator.
func (a *Accounts) Create(ctx context.Context, by string, w NewOrg) (Account, error) {
	return a.create(ctx, by, w, func(Tx, e911.OrgID) error { return nil })
}

func (a *Accounts) create(ctx context.Context, by string, w NewOrg, also func(tx Tx, org e911.OrgID) error) (Account, error) {
	var p Partner
	if err := a.d.read(ctx, func(tx Tx) (err error) {
		p, err = a.mayMake(ctx, tx, by, w.Partner)
		return err
	}); err != nil {
		return Account{}, err
	}
	if w.Email != "" {
		if _, faults := readEmail(w.Email); len(faults) > 0 {
			return Account{}, refused(faults)
		}
	}
	name := w.Name
	if name == "" {
		name = w.Key
	}
	org, err := a.cfg.Make(ctx, admin.Actor(by), e911.Org{Key: w.Key, Name: name, Demonstration: w.Demonstration})
	if err != nil {
		return Account{}, err
	}
	out := Account{Org: org}
	err = a.d.write(ctx, admin.Actor(by), func(tx Tx) error {
		if _, err := a.mayMake(ctx, tx, by, p.ID); err != nil { // the partner may be gone meanwhile
			return err
		}
		if err := tx.SetPartner(ctx, org.ID, p.ID); err != nil {
			return err
		}
		if w.Email != "" {
			wish := Wish{Email: w.Email, Name: w.Person, Role: access.Organisation, At: access.Node{Org: string(org.ID)}}
			if out.First, err = a.d.give(ctx, tx, by, wish); err != nil {
				return err
			}
		}
		return also(tx, org.ID)
	})
	if err != nil {
		if undo := a.cfg.Unmake(context.WithoutCancel(ctx), admin.Actor(by), org.ID); undo != nil {
			return Account{}, fmt.Errorf("%w; the organisation %s stays with the provider: %w", err, org.Key, undo)
		}
		return Account{}, err
	}
	return out, nil
}

// mayMake is Denied unless the identity may make organisations under the partner.
func (a *Accounts) mayMake(ctx context.Context, tx Tx, by, partner string) (Partner, error) {
	p, err := partnerOf(ctx, tx, partner)
	at := access.Node{Partner: p.ID}
	if err != nil {
		at.Partner = partner // who may not look learns nothing of what is there
	}
	if denied := a.d.must(ctx, tx, by, access.Question{At: at, Area: access.Tenants, Verb: access.Write}); denied != nil {
		return Partner{}, denied
	}
	return p, err
}
