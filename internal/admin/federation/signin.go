package federation

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

const (
	// TicketLife is how long somebody may be at his provider.
	TicketLife = 10 * time.Minute
	// patience is how long a provider may let us wait.
	patience = 10 * time.Second
	// maxTicket bounds a cookie (RFC 6265, section 6.1: browsers keep 4096 octets).
	maxTicket = 3800

	purposeTicket = "federation ticket"
)

// OIDCPath is the path that answers of OpenID Connect come to.
const OIDCPath = "/sign-in/oidc/callback"

// SAMLPath is the path that SAML answers of a provider come to. Each provider has
// its own: an assertion says for which address it is, and so which provider.
func SAMLPath(provider string) string { return "/sign-in/saml/" + provider + "/acs" }

// Begun is a sign-in that began: the browser keeps Ticket in a cookie for TicketLife
// and goes to URL.
type Begun struct {
	URL    string
	Ticket string
	Name   string // of the provider, for a page
	Via    Via
}

// ticket is what the browser carries, sealed, while it is at the provider. That the
// answer comes from the browser that asked is seen by State: the cookie is its own.
type ticket struct {
	Provider string    `json:"p"`
	Version  int64     `json:"v"`
	State    string    `json:"s"`
	Until    time.Time `json:"u"`
	Data     []byte    `json:"d,omitempty"`
}

// Choice is a button of the sign-in page.
type Choice struct{ ID, Name string }

// Choices are the operator's providers.
func (d *Desk) Choices(ctx context.Context) ([]Choice, error) {
	all, err := d.List(ctx, "")
	var out []Choice
	for _, p := range all {
		if !p.Disabled {
			out = append(out, Choice{p.ID, p.Name})
		}
	}
	return out, err
}

// ErrNoProvider means that an address leads nowhere. It says nothing of who is known:
// only confirmed domains are looked at.
var ErrNoProvider = e911.Errorf(e911.NotFound, "no organisation signs in with this address here: use your password, or the link that your organisation gave you")

// Find finds a provider by its id, without its secret; NotFound, also for one that is
// switched off. It is for what anybody may know: our metadata for it.
func (d *Desk) Find(ctx context.Context, id string) (Provider, error) {
	var p Provider
	err := d.read(ctx, func(tx Tx) (err error) {
		p, err = tx.Provider(ctx, id)
		return err
	})
	if e911.KindOf(err) == e911.NotFound || err == nil && p.Disabled {
		return Provider{}, e911.Errorf(e911.NotFound, "there is no such identity provider")
	}
	return hidden(p), err
}

// Lead finds the provider of an address by its domain.
func (d *Desk) Lead(ctx context.Context, email string) (Choice, error) {
	_, domain, ok := strings.Cut(member.FoldEmail(email), "@")
	if !ok || len(domain) > 253 {
		return Choice{}, ErrNoProvider
	}
	var p Provider
	err := d.read(ctx, func(tx Tx) (err error) {
		p, err = tx.ProviderOfDomain(ctx, domain)
		return err
	})
	if e911.KindOf(err) == e911.NotFound || err == nil && p.Disabled {
		return Choice{}, ErrNoProvider
	}
	return Choice{p.ID, p.Name}, err
}

// Begin sends somebody to a provider. Hint is the address that he typed.
func (d *Desk) Begin(ctx context.Context, id, hint string) (Begun, error) {
	var p Provider
	err := d.read(ctx, func(tx Tx) (err error) {
		p, err = tx.Provider(ctx, id)
		return err
	})
	if e911.KindOf(err) == e911.NotFound || err == nil && p.Disabled {
		return Begun{}, e911.Errorf(e911.NotFound, "there is no such identity provider")
	}
	if err != nil {
		return Begun{}, err
	}
	proto, err := d.protocol(p)
	if err != nil {
		return Begun{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t := ticket{Provider: p.ID, Version: p.Version, State: base64.RawURLEncoding.EncodeToString(seal.NewSecret()), Until: d.now().Add(TicketLife)}
	to, data, err := proto.Begin(ctx, p, Start{State: t.State, Callback: d.callback(p), Hint: hint[:min(len(hint), 254)]})
	if err != nil {
		return Begun{}, err
	}
	t.Data = data
	text, err := json.Marshal(t)
	if err != nil {
		return Begun{}, fmt.Errorf("write down a sign-in: %w", err)
	}
	sealed, err := d.cfg.Ring.Seal(purposeTicket, text)
	if err != nil {
		return Begun{}, fmt.Errorf("seal a sign-in: %w", err)
	}
	if len(sealed) > maxTicket {
		return Begun{}, e911.Errorf(e911.Internal, "a sign-in of %d octets fits in no cookie", len(sealed))
	}
	return Begun{URL: to, Ticket: sealed, Name: p.Name, Via: p.Via}, nil
}

func (d *Desk) callback(p Provider) string {
	if p.Via == ViaSAML {
		return d.cfg.BaseURL + SAMLPath(p.ID)
	}
	return d.cfg.BaseURL + OIDCPath
}

// Proved is somebody whom a provider brought. signon.Desk.Admit signs him in.
type Proved struct {
	Identity  string
	Admission signon.Admission
}

// ErrElsewhere means that the answer of a provider did not come from the browser that
// asked, came twice, or too late: which of them is not said.
var ErrElsewhere = e911.Errorf(e911.Denied, "this sign-in did not begin in this browser, was used, or took longer than 10 minutes: begin it again")

// Finish proves the answer of a provider that came over via. Sealed is what the
// browser kept. Each answer is looked at once.
func (d *Desk) Finish(ctx context.Context, via Via, sealed string, c Callback) (Proved, error) {
	plain, err := d.cfg.Ring.Open(purposeTicket, sealed)
	if err != nil {
		return Proved{}, ErrElsewhere
	}
	var t ticket
	if err := json.Unmarshal(plain, &t); err != nil {
		return Proved{}, ErrElsewhere
	}
	for _, v := range c.Values {
		if len(v) != 1 {
			return Proved{}, e911.Errorf(e911.Denied, "the answer says something twice: begin the sign-in again")
		}
	}
	state := c.Values.Get("state")
	if via == ViaSAML {
		state = c.Values.Get("RelayState")
	}
	if !d.now().Before(t.Until) || t.State == "" || subtle.ConstantTimeCompare([]byte(state), []byte(t.State)) != 1 {
		return Proved{}, ErrElsewhere
	}
	var p Provider
	err = d.write(ctx, "sign-in", func(tx Tx) (err error) {
		if err = tx.UseOnce(ctx, hashOf("state", t.State), t.Until, d.now()); e911.KindOf(err) == e911.Conflict {
			return ErrElsewhere
		}
		if err != nil {
			return err
		}
		p, err = tx.Provider(ctx, t.Provider)
		if e911.KindOf(err) == e911.NotFound || err == nil && (p.Disabled || p.Via != via || p.Version != t.Version) {
			return e911.Errorf(e911.Denied, "the identity provider was changed meanwhile: begin the sign-in again")
		}
		return err
	})
	if err != nil {
		return Proved{}, err
	}
	proto, err := d.protocol(p)
	if err != nil {
		return Proved{}, err
	}
	c.URL = cmp.Or(c.URL, d.callback(p))
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	claims, err := proto.Finish(asked, p, c, t.Data)
	if err != nil {
		return Proved{}, err
	}
	return d.admit(ctx, p, claims)
}
