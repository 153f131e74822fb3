package saml

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

// Config is what a Protocol needs.
type Config struct {
	// BaseURL is our address as browsers know it.
	BaseURL string
	// Local lets metadata be fetched from this machine: for tests.
	Local bool
	Now   func() time.Time
	Log   *slog.Logger
}

// Protocol speaks SAML 2.0. Safe for concurrent use.
type Protocol struct {
	cfg    Config
	client *http.Client
}

var (
	_ federation.Protocol = (*Protocol)(nil)
	_ federation.Preparer = (*Protocol)(nil)
	_ federation.Ender    = (*Protocol)(nil)
)

// New checks the configuration.
func New(cfg Config) (*Protocol, error) {
	if cfg.BaseURL == "" || cfg.Now == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "SAML needs our address, a clock and a log")
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	return &Protocol{cfg: cfg, client: client(cfg.Local)}, nil
}

// Close gives up idle connections.
func (s *Protocol) Close() { s.client.CloseIdleConnections() }

// MetadataPath is where our metadata for a provider is.
func MetadataPath(provider string) string { return "/sign-in/saml/" + provider + "/metadata" }

// ACS is our address that answers of a provider come to. Each provider has its own,
// so that what one says is of no use at another's.
func (s *Protocol) ACS(provider string) string { return s.cfg.BaseURL + federation.SAMLPath(provider) }

// EntityID is our name at a provider: where our metadata is. Each provider knows us
// by another name, so that an assertion for one is not for another.
func (s *Protocol) EntityID(provider string) string { return s.cfg.BaseURL + MetadataPath(provider) }

// Prepare makes our key pair where there is none, fetches metadata where there is an
// address alone, and writes down which entity it is about.
func (s *Protocol) Prepare(ctx context.Context, p *federation.Provider) error {
	if p.SAML == nil {
		return nil
	}
	next := *p.SAML
	next.Metadata, next.MetadataURL, next.EntityID = strings.TrimSpace(next.Metadata), strings.TrimSpace(next.MetadataURL), strings.TrimSpace(next.EntityID)
	if next.Metadata == "" && next.MetadataURL != "" {
		raw, err := s.fetch(ctx, next.MetadataURL)
		if err != nil {
			return err
		}
		next.Metadata, next.Fetched = raw, s.cfg.Now().UTC().Truncate(time.Second)
	}
	if idp, faults := ReadMetadata(next.Metadata, next.EntityID); len(faults) == 0 {
		next.EntityID = idp.EntityID
	}
	if next.Certificate == "" && next.SigningKey == "" {
		var err error
		if next.Certificate, next.SigningKey, err = NewKeyPair("Callbox "+s.cfg.BaseURL, s.cfg.Now()); err != nil {
			return err
		}
	}
	p.SAML = &next
	return nil
}

func (s *Protocol) fetch(ctx context.Context, address string) (string, error) {
	bad := func(code, msg, fix string) error {
		return &e911.Error{Kind: e911.Invalid, Msg: "the metadata was not fetched", Faults: []e911.Fault{fault("saml.metadata_url", code, msg, fix)}}
	}
	if msg := safe(address); msg != "" {
		return "", bad("unsafe_address", "the address of the metadata "+msg, "give an https address, or paste the metadata")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", bad("unsafe_address", "the address of the metadata is none", "give an https address, or paste the metadata")
	}
	req.Header.Set("Accept", "application/samlmetadata+xml, application/xml, text/xml")
	resp, err := s.client.Do(req)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "SAML metadata could not be fetched", "error", err)
		return "", bad("unreachable", "the address of the metadata does not answer", "see that this server may reach it, or paste the metadata")
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", bad("unreachable", fmt.Sprintf("the address of the metadata answers %d", resp.StatusCode), "see that it needs no sign-in, or paste the metadata")
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, int64(ofMetadata.octets)+1))
	if err != nil || len(raw) > ofMetadata.octets {
		return "", bad("too_large", "the metadata is larger than 1 MiB, or was cut", "paste that of this identity provider alone")
	}
	return string(raw), nil
}

// Faults implements federation.Protocol.
func (s *Protocol) Faults(p federation.Provider) []e911.Fault {
	if p.SAML == nil || p.SAML.Metadata == "" {
		return []e911.Fault{fault(pathMetadata, "required", "the metadata of the identity provider is missing", "paste it, or give the https address where it is")}
	}
	idp, faults := ReadMetadata(p.SAML.Metadata, p.SAML.EntityID)
	if s.ended(idp) && !p.Disabled { // one that is switched off may be kept as it is
		faults = append(faults, fault(pathMetadata, "expired", "the metadata was valid until "+idp.Until.Format(time.RFC3339), "fetch it again at the identity provider; if it is always as old, its administrator has to make it anew"))
	}
	if _, ok := nameIDFormats[p.SAML.NameID]; !ok {
		faults = append(faults, fault("saml.name_id", "unknown", "there is no such kind of name", "say email, persistent, or nothing"))
	}
	if p.SAML.MetadataURL != "" {
		if msg := safe(p.SAML.MetadataURL); msg != "" {
			faults = append(faults, fault("saml.metadata_url", "unsafe_address", "the address of the metadata "+msg, "give an https address"))
		}
	}
	if p.SAML.Certificate != "" || p.SAML.SigningKey != "" {
		if _, _, err := keyPair(p); err != nil {
			faults = append(faults, fault("saml.certificate", "key_pair", err.Error(), "leave both out, so that a new pair is made"))
		}
	}
	return faults
}

func (s *Protocol) idp(p federation.Provider) (IDP, error) {
	if p.SAML == nil {
		return IDP{}, e911.Errorf(e911.Invalid, "the provider does not speak SAML")
	}
	idp, faults := ReadMetadata(p.SAML.Metadata, p.SAML.EntityID)
	if len(faults) > 0 {
		return IDP{}, &e911.Error{Kind: e911.Invalid, Msg: "the metadata of the identity provider is not usable", Faults: faults}
	}
	if s.ended(idp) {
		return IDP{}, e911.Errorf(e911.Invalid, "the metadata of the identity provider was valid until %s: an administrator who is signed in, or who may sign in past the provider, has to fetch it again (Sign-on, empty its field and save)", idp.Until.Format(time.RFC3339))
	}
	return idp, nil
}

// pending is what Finish needs of a request.
type pending struct {
	ID string `json:"id"`
}

// Begin implements federation.Protocol: a signed request by HTTP-Redirect
// (saml-bindings-2.0-os, section 3.4).
func (s *Protocol) Begin(_ context.Context, p federation.Provider, start federation.Start) (string, []byte, error) {
	idp, err := s.idp(p)
	if err != nil {
		return "", nil, err
	}
	key, cert, err := keyPair(p)
	if err != nil {
		return "", nil, err
	}
	var random [20]byte
	_, _ = rand.Read(random[:])                             // it never fails
	ask := pending{ID: "_" + hex.EncodeToString(random[:])} // an XML id begins with no digit
	state, err := json.Marshal(ask)
	if err != nil {
		return "", nil, fmt.Errorf("write down a SAML request: %w", err)
	}
	req := &saml.AuthnRequest{
		ID: ask.ID, Version: "2.0", IssueInstant: s.cfg.Now().UTC(), Destination: idp.SSO,
		Issuer:                      &saml.Issuer{Value: s.EntityID(p.ID)},
		AssertionConsumerServiceURL: s.ACS(p.ID), ProtocolBinding: saml.HTTPPostBinding,
	}
	// Without a wish no policy is sent: some providers refuse even "unspecified".
	if f := nameIDFormats[p.SAML.NameID]; f != "" {
		create := true
		req.NameIDPolicy = &saml.NameIDPolicy{Format: &f, AllowCreate: &create}
	}
	to, err := req.Redirect(start.State, &saml.ServiceProvider{Key: key, Certificate: cert, SignatureMethod: dsig.RSASHA256SignatureMethod})
	if err != nil {
		return "", nil, &e911.Error{Kind: e911.Invalid, Msg: "the request to the identity provider could not be signed", Err: err}
	}
	return to.String(), state, nil
}

// Finish implements federation.Protocol.
func (s *Protocol) Finish(ctx context.Context, p federation.Provider, c federation.Callback, state []byte) (federation.Claims, error) {
	var ask pending
	if err := json.Unmarshal(state, &ask); err != nil || ask.ID == "" {
		return federation.Claims{}, errOtherRequest
	}
	if c.URL != s.ACS(p.ID) {
		return federation.Claims{}, denied("the answer came to another address than %s; set that as the ACS or reply URL at the identity provider", s.ACS(p.ID))
	}
	raw, err := Decode(c.Values.Get("SAMLResponse"))
	if err != nil {
		return federation.Claims{}, err
	}
	idp, err := s.idp(p)
	if err != nil {
		return federation.Claims{}, err
	}
	key, _, err := keyPair(p)
	if err != nil {
		return federation.Claims{}, err
	}
	a, err := Expected{IDP: idp, EntityID: s.EntityID(p.ID), ACS: s.ACS(p.ID), Key: key, RequestID: ask.ID, Now: s.cfg.Now()}.Verify(raw)
	if err != nil {
		return federation.Claims{}, err
	}
	for _, w := range a.Warnings {
		s.cfg.Log.WarnContext(ctx, "a sign-in by SAML was taken, with a warning", "provider", p.Key, "warning", w)
	}
	claims, err := a.claims(p.Names)
	if err != nil {
		return federation.Claims{}, err
	}
	if claims.Groups == nil {
		s.cfg.Log.WarnContext(ctx, "the identity provider sent a link in place of groups: somebody is in too many; let it send the groups of the application alone", "provider", p.Key)
	}
	claims.Once = map[string]time.Time{"assertion " + a.ID: a.Until}
	return claims, nil
}

// Decode takes the form parameter SAMLResponse apart (saml-bindings-2.0-os, section
// 3.5.4): base64 that is not compressed.
func Decode(parameter string) ([]byte, error) {
	if len(parameter) > 2*ofResponse.octets {
		return nil, denied("the answer is larger than %d KiB", ofResponse.octets>>10)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(parameter), ""))
	if err != nil || len(raw) == 0 {
		return nil, denied("the form has no SAML answer in it")
	}
	return raw, nil
}

// Probe implements federation.Protocol: it asks as a browser would, and looks whether
// a page comes.
func (s *Protocol) Probe(ctx context.Context, p federation.Provider) error {
	to, _, err := s.Begin(ctx, p, federation.Start{State: "probe"})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return e911.Errorf(e911.Invalid, "the address of single sign-on is none")
	}
	resp, err := s.asker().Do(req) // where it redirects to is the browser's matter
	if err != nil {
		return &e911.Error{Kind: e911.Unavailable, Msg: "the identity provider does not answer this server; people's browsers may reach it all the same", Err: err}
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return e911.Errorf(e911.Invalid, "the identity provider answers a request with %d; see that it knows us as %s", resp.StatusCode, s.EntityID(p.ID))
	}
	return nil
}

func (s *Protocol) asker() *http.Client {
	c := *s.client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// NotAsked reports a form parameter SAMLResponse whose answer claims to belong to no
// request of ours. Nothing of it is proved.
func (s *Protocol) NotAsked(parameter string) bool {
	raw, err := Decode(parameter)
	return err == nil && NotAsked(raw)
}
