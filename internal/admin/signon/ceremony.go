package signon

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// CeremonyLife is how long a browser may take from the question to the answer.
const CeremonyLife = 5 * time.Minute

// Ceremony is one question to the authenticators of a browser (W3C Web
// Authentication, sections 5.4 and 5.5).
type Ceremony struct {
	// Options are for navigator.credentials: {"publicKey": ..., "mediation": ...};
	// octets in it are base64url.
	Options json.RawMessage
	// State belongs in a cookie that scripts do not see, for CeremonyLife. The answer
	// counts only beside it: that binds it to the browser that asked.
	State string
}

// Answer is what the browser's authenticator said to a Ceremony.
type Answer struct {
	State    string // of the Ceremony
	Response []byte // the credential as JSON, octets in base64url
	Address  netip.Addr
	Agent    string
}

// purpose is what a ceremony is for. An answer to one is none to another.
type purpose string

const (
	purposeMake   purpose = "passkey/make"
	purposeSignIn purpose = "passkey/sign-in"
	purposeProve  purpose = "passkey/prove"
)

// ceremony is the State, sealed for its purpose.
type ceremony struct {
	Challenge string `json:"c"`
	Expires   int64  `json:"e"` // milliseconds of Unix time
	Handle    []byte `json:"h,omitempty"`
	Identity  string `json:"i,omitempty"`
	Session   string `json:"s,omitempty"`
}

// Authenticators speaks W3C Web Authentication. Octets in JSON are base64url. Safe for
// concurrent use.
type Authenticators interface {
	// Host is what passkeys are made for: the host of the pages.
	Host() string
	// Make asks for a new passkey: discoverable, without attestation, none on an
	// authenticator that has one of those.
	Make(o Owner, have []PublicKey) (options json.RawMessage, challenge string, err error)
	// Made checks what was made upon a challenge for the owner of a handle.
	Made(challenge string, handle, response []byte) (PublicKey, error)
	// Ask asks for one of those passkeys; none: for any of the host.
	Ask(of []PublicKey) (options json.RawMessage, challenge string, err error)
	// Named is the id of the passkey that an answer comes from, unproved.
	Named(response []byte) ([]byte, error)
	// Check proves an answer to a challenge by a passkey.
	Check(challenge string, k PublicKey, response []byte) (Use, error)
}

// Owner is who a passkey is made for, as his authenticator shows him.
type Owner struct {
	Handle      []byte
	Name, Shown string
}

// PublicKey is what is kept of a passkey.
type PublicKey struct {
	ID []byte `json:"-"` // that its authenticator gave it
	// Handle is what authenticators know the owner by: 32 random octets that all
	// passkeys of a person share and that tell nothing of him.
	Handle     []byte   `json:"handle"`
	Key        []byte   `json:"key"` // COSE (RFC 9052, section 7)
	Format     string   `json:"format,omitempty"`
	Model      []byte   `json:"model,omitempty"` // AAGUID
	Transports []string `json:"transports,omitempty"`
	Count      uint32   `json:"count"`
	Verified   bool     `json:"verified"` // that a person unlocked it when it was made
	Synced     bool     `json:"synced"`   // that it may be on several devices
	BackedUp   bool     `json:"backed_up"`
}

// Use is an answer that holds.
type Use struct {
	Count    uint32
	Back     bool // the counter did not go up from where it was: there may be a copy
	Verified bool // the authenticator made sure of the person
	BackedUp bool
}

// party keeps the state of ceremonies.
type party struct {
	Authenticators
	ring *seal.Ring
}

func newParty(cfg Config) *party { return &party{Authenticators: cfg.Passkeys, ring: cfg.Ring} }

var errNoPasskeys = e911.Errorf(e911.Unavailable, "there are no passkeys here: they need pages that are reached by https and by a name, or on this very machine")

func (p *party) why() error {
	if p.Authenticators == nil || p.ring == nil {
		return errNoPasskeys
	}
	return nil
}

// host is "" where there are no passkeys.
func (p *party) host() string {
	if p.Authenticators == nil {
		return ""
	}
	return p.Host()
}

// ask makes a Ceremony of a question.
func (p *party) ask(aim purpose, options json.RawMessage, c ceremony, now time.Time) (Ceremony, error) {
	c.Expires = now.Add(CeremonyLife).UnixMilli()
	plain, err := json.Marshal(c)
	if err != nil {
		return Ceremony{}, fmt.Errorf("encode a ceremony: %w", err)
	}
	sealed, err := p.ring.Seal(string(aim), plain)
	if err != nil {
		return Ceremony{}, fmt.Errorf("seal a ceremony: %w", err)
	}
	return Ceremony{Options: options, State: sealed}, nil
}

// errCeremony is said to an answer without its question.
var errCeremony = e911.Errorf(e911.Denied, "that took longer than five minutes, or was begun elsewhere; try again")

// take opens the state of an answer and uses its challenge up, on all nodes, whether
// the answer holds or not: who guesses asks anew each time.
func (d *Desk) take(ctx context.Context, aim purpose, state string) (ceremony, error) {
	var c ceremony
	plain, err := d.party.ring.Open(string(aim), state)
	if err != nil || json.Unmarshal(plain, &c) != nil || d.now().UnixMilli() >= c.Expires || len(c.Challenge) < 20 {
		return c, errCeremony
	}
	err = d.write(ctx, "sign-in", func(tx Tx) error {
		return tx.UseOnce(ctx, hashOf("passkey challenge "+c.Challenge), time.UnixMilli(c.Expires), d.now())
	})
	if e911.KindOf(err) == e911.Conflict {
		err = errCeremony
	}
	return c, err
}

// passkeyID is the id under which a passkey is kept.
func passkeyID(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// passkey is the Data of a Passkey.
type passkey struct {
	PublicKey
	// Party is the host that it was made for; at another one no browser offers it.
	Party string `json:"party"`
	// Copied is when its counter last went back.
	Copied time.Time `json:"copied,omitzero"`
}

func passkeyOf(c Credential) (*passkey, error) {
	var k passkey
	err := json.Unmarshal(c.Data, &k)
	if err == nil {
		k.ID, err = base64.RawURLEncoding.DecodeString(c.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read a passkey: %w", err)
	}
	return &k, nil
}

// here lists those of the passkeys that were made for this host.
func (p *party) here(all []Credential) ([]PublicKey, error) {
	var out []PublicKey
	for _, c := range all {
		if c.Kind != Passkey {
			continue
		}
		k, err := passkeyOf(c)
		if err != nil {
			return nil, err
		}
		if k.Party == p.host() {
			out = append(out, k.PublicKey)
		}
	}
	return out, nil
}
