package passkey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
)

// Party is this Callbox as authenticators see it. Immutable, safe for concurrent use.
type Party struct {
	lib  *webauthn.WebAuthn
	host string
}

var _ signon.Authenticators = (*Party)(nil)

// New makes the Party of pages at an address; authenticators show its name. A host
// that is a number, and pages without https on another host than this machine, cannot
// have passkeys, because browsers refuse them: the error says so.
func New(baseURL, name string) (*Party, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Hostname() == "" {
		return nil, e911.Errorf(e911.Invalid, "passkeys need the address of the pages, not %q", baseURL)
	}
	host := strings.ToLower(u.Hostname())
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if _, err := netip.ParseAddr(host); err == nil || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, e911.Errorf(e911.Unavailable, "passkeys need pages that are reached by https and by a name; these are at %s", baseURL)
	}
	within := webauthn.TimeoutConfig{Timeout: signon.CeremonyLife, TimeoutUVD: signon.CeremonyLife}
	lib, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: name, RPOrigins: []string{originOf(u)},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: verification,
		},
		// Password managers tell of extensions that nobody asked for.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
		Timeouts:                          webauthn.TimeoutsConfig{Login: within, Registration: within},
	})
	if err != nil {
		return nil, e911.Errorf(e911.Unavailable, "passkeys cannot be used with pages at %s: %v", baseURL, err)
	}
	return &Party{lib, host}, nil
}

// verification is asked for, not demanded: a key without PIN or finger is a proof that
// somebody has it, and what that is enough for is the desk's to say.
const verification = protocol.VerificationPreferred

// originOf is the origin as browsers write it, without the usual port (RFC 6454,
// section 6.2).
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if p := u.Port(); u.Scheme == "https" && p == "443" || u.Scheme == "http" && p == "80" {
		host = strings.TrimSuffix(host, ":"+p)
	}
	return u.Scheme + "://" + host
}

// algorithms are those of which every authenticator has one, best first.
func algorithms() []protocol.CredentialParameter {
	of := func(a webauthncose.COSEAlgorithmIdentifier) protocol.CredentialParameter {
		return protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a}
	}
	return []protocol.CredentialParameter{of(webauthncose.AlgES256), of(webauthncose.AlgEdDSA), of(webauthncose.AlgRS256)}
}

// Host implements signon.Authenticators.
func (p *Party) Host() string { return p.host }

// Make implements signon.Authenticators (Web Authentication, section 5.4).
func (p *Party) Make(o signon.Owner, have []signon.PublicKey) (json.RawMessage, string, error) {
	options, state, err := p.lib.BeginRegistration(&owner{handle: o.Handle, name: o.Name, shown: o.Shown},
		webauthn.WithExclusions(descriptors(have)), webauthn.WithCredentialParameters(algorithms()))
	if err != nil {
		return nil, "", fmt.Errorf("ask for a passkey to be made: %w", err)
	}
	body, err := json.Marshal(options)
	return body, state.Challenge, err
}

// Made implements signon.Authenticators (section 7.1).
func (p *Party) Made(challenge string, handle, response []byte) (signon.PublicKey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return signon.PublicKey{}, told("read a new passkey", err)
	}
	made, err := p.lib.CreateCredential(&owner{handle: handle}, webauthn.SessionData{
		Challenge: challenge, RelyingPartyID: p.host, UserID: handle, UserVerification: verification, CredParams: algorithms(),
	}, parsed)
	if err != nil {
		return signon.PublicKey{}, told("check a new passkey", err)
	}
	k := signon.PublicKey{
		ID: made.ID, Handle: handle, Key: made.PublicKey, Format: made.AttestationFormat, Model: made.Authenticator.AAGUID, Count: made.Authenticator.SignCount,
		Verified: made.Flags.UserVerified, Synced: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState,
	}
	for _, t := range made.Transport {
		if len(k.Transports) < maxTransports && len(t) <= maxTransport {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return k, nil
}

// maxTransports and maxTransport bound what a browser says of ways to its
// authenticator, which is kept to be said again.
const (
	maxTransports = 8
	maxTransport  = 32
)

// Ask implements signon.Authenticators (section 5.5).
func (p *Party) Ask(of []signon.PublicKey) (json.RawMessage, string, error) {
	var opts []webauthn.LoginOption
	if len(of) > 0 {
		opts = append(opts, webauthn.WithAllowedCredentials(descriptors(of)))
	}
	options, state, err := p.lib.BeginDiscoverableLogin(opts...)
	if err != nil {
		return nil, "", fmt.Errorf("ask for a passkey: %w", err)
	}
	body, err := json.Marshal(options)
	return body, state.Challenge, err
}

// Named implements signon.Authenticators.
func (p *Party) Named(response []byte) ([]byte, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, told("read the answer of a passkey", err)
	}
	return parsed.RawID, nil
}

// Check implements signon.Authenticators (section 7.2).
func (p *Party) Check(challenge string, k signon.PublicKey, response []byte) (signon.Use, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return signon.Use{}, told("read the answer of a passkey", err)
	}
	if len(parsed.Response.UserHandle) == 0 { // one that was asked for by id need not say whose it is
		parsed.Response.UserHandle = k.Handle
	}
	find := func(id, handle []byte) (webauthn.User, error) {
		if !bytes.Equal(handle, k.Handle) || !bytes.Equal(id, k.ID) {
			return nil, e911.Errorf(e911.Denied, "another passkey, or another's")
		}
		return &owner{handle: k.Handle, all: []webauthn.Credential{credential(k)}}, nil
	}
	_, now, err := p.lib.ValidatePasskeyLogin(find, webauthn.SessionData{Challenge: challenge, RelyingPartyID: p.host, UserVerification: verification}, parsed)
	if err != nil {
		return signon.Use{}, told("check the answer of a passkey", err)
	}
	return signon.Use{
		Count: parsed.Response.AuthenticatorData.Counter, Back: now.Authenticator.CloneWarning,
		Verified: parsed.Response.AuthenticatorData.Flags.HasUserVerified(), BackedUp: now.Flags.BackupState,
	}, nil
}

// told adds what the library tells developers, which its Error leaves out.
func told(what string, err error) error {
	if e, ok := err.(*protocol.Error); ok { //nolint:errorlint // the outermost
		return fmt.Errorf("%s: %w: %s", what, err, e.DevInfo)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func credential(k signon.PublicKey) webauthn.Credential {
	c := webauthn.Credential{
		ID: k.ID, PublicKey: k.Key, AttestationFormat: k.Format,
		Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: k.Verified, BackupEligible: k.Synced, BackupState: k.BackedUp},
		Authenticator: webauthn.Authenticator{AAGUID: k.Model, SignCount: k.Count},
	}
	for _, t := range k.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}

func descriptors(all []signon.PublicKey) []protocol.CredentialDescriptor {
	out := make([]protocol.CredentialDescriptor, len(all))
	for i, k := range all {
		c := credential(k)
		out[i] = c.Descriptor()
	}
	return out
}

// owner is whose passkeys they are, as the library asks.
type owner struct {
	handle      []byte
	name, shown string
	all         []webauthn.Credential
}

func (o *owner) WebAuthnID() []byte                         { return o.handle }
func (o *owner) WebAuthnName() string                       { return o.name }
func (o *owner) WebAuthnDisplayName() string                { return o.shown }
func (o *owner) WebAuthnCredentials() []webauthn.Credential { return o.all }
