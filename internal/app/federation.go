package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/signon/oidc"
	"github.com/callbox911/callbox/internal/signon/saml"
)

// providerParts speak with identity providers.
type providerParts struct {
	desk *federation.Desk
	saml *saml.Protocol
}

// localPages reports pages that are served on this machine by plain http, for a trial:
// their identity provider may be there too.
func localPages(base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.IsLoopback()
}

// openProviders makes the desk of identity providers.
func openProviders(cfg federation.Config) (p providerParts, err error) {
	local := localPages(cfg.BaseURL)
	connect, err := oidc.New(oidc.Config{Now: cfg.Now, Local: local})
	if err != nil {
		return p, fmt.Errorf("wire OpenID Connect: %w", err)
	}
	p.saml, err = saml.New(saml.Config{BaseURL: cfg.BaseURL, Local: local, Now: cfg.Now, Log: cfg.Log})
	if err != nil {
		return p, fmt.Errorf("wire SAML: %w", err)
	}
	cfg.Protocols = map[federation.Via]federation.Protocol{federation.ViaOIDC: connect, federation.ViaSAML: p.saml}
	if p.desk, err = federation.New(cfg); err != nil {
		return p, fmt.Errorf("wire identity providers: %w", err)
	}
	return p, nil
}

// wireProviders makes the desk; like the others it asks for the database each time.
func (s *Server) wireProviders() (err error) {
	s.access.providers, err = openProviders(federation.Config{
		Store: func() federation.Store {
			if st := s.store.get(); st != nil {
				return st
			}
			return nil
		},
		Ring: s.ring, BaseURL: s.cfg.BaseURL, Mail: s.post, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	return err
}

// SignOnRequest is what the operator asks of identity providers.
type SignOnRequest struct {
	Do       string // list, show, save, delete, test, confirm, unlink, policy, force, unforce
	Org      string // key; none: the operator's own providers
	Operator bool   // of the operator's own providers
	Key      string
	Email    string // of whose link ends, or of break-glass people, by commas
	Who      string
	Provider json.RawMessage // of save
}

// SignOnAnswer is what he gets.
type SignOnAnswer struct {
	Providers  []federation.Provider  `json:"providers,omitempty"`
	Policy     *federation.Policy     `json:"policy,omitempty"`
	Candidates []federation.Candidate `json:"candidates,omitempty"`
}

// AskSignOn asks the server that runs in dir, or the database there when none runs
// (D-14): so that the operator lets passwords in again whatever else is down.
func AskSignOn(ctx context.Context, dir string, r SignOnRequest, log *slog.Logger) (SignOnAnswer, error) {
	if r.Provider != nil {
		if err := json.Unmarshal(r.Provider, new(any)); err != nil {
			return SignOnAnswer{}, badProvider(err)
		}
	}
	q, err := questionOf(dir, "/sign-on", r)
	if err != nil {
		return SignOnAnswer{}, err
	}
	return askOrOpen(ctx, q, func(st *database) (SignOnAnswer, error) {
		ring, err := seal.NewRing(seal.Key{ID: "once", Secret: seal.NewSecret()}) // nobody signs in here
		if err != nil {
			return SignOnAnswer{}, err
		}
		p, err := openProviders(federation.Config{
			Store: func() federation.Store { return st }, Ring: ring, BaseURL: "http://localhost:8088", Mail: func(string, string, string) bool { return false },
			Now: time.Now, Log: log,
		})
		if err != nil {
			return SignOnAnswer{}, err
		}
		var org e911.OrgID
		if !r.Operator {
			if org, err = storedOrg(ctx, st, r.Org); err != nil {
				return SignOnAnswer{}, err
			}
		}
		return signOnRequest(ctx, p.desk, org, r)
	})
}

// signOnRoutes is what the command line asks about identity providers.
func (s *Server) signOnRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /sign-on", func(w http.ResponseWriter, r *http.Request) {
		q, err := readControl[SignOnRequest](w, r)
		if err != nil {
			writeControl(w, nil, err)
			return
		}
		var id e911.OrgID
		if !q.Operator {
			org, err := s.orgByKey(q.Org)
			if err != nil {
				writeControl(w, nil, err)
				return
			}
			id = org.ID
		}
		a, err := signOnRequest(r.Context(), s.access.providers.desk, id, q)
		writeControl(w, a, err)
	})
}

func signOnRequest(ctx context.Context, desk *federation.Desk, org e911.OrgID, r SignOnRequest) (SignOnAnswer, error) {
	who := admin.Actor("command line: " + r.Who)
	one := func(p federation.Provider, err error) (SignOnAnswer, error) {
		return SignOnAnswer{Providers: []federation.Provider{p}}, err
	}
	switch r.Do {
	case "list":
		all, err := desk.List(ctx, org)
		return SignOnAnswer{Providers: all}, err
	case "show":
		return one(desk.Get(ctx, org, r.Key))
	case "test":
		return SignOnAnswer{}, desk.Probe(ctx, org, r.Key)
	case "confirm":
		return one(desk.Confirm(ctx, who, org, r.Key))
	case "delete":
		return SignOnAnswer{}, desk.Delete(ctx, who, org, r.Key, 0)
	case "unlink":
		return SignOnAnswer{}, desk.Unlink(ctx, who, org, r.Key, r.Email)
	case "save":
		return saveProvider(ctx, desk, org, who, r)
	case "policy", "force", "unforce":
		return signOnPolicy(ctx, desk, org, who, r)
	}
	return SignOnAnswer{}, e911.Errorf(e911.Invalid, "there is no such question")
}

func badProvider(err error) error {
	return e911.Errorf(e911.Invalid, "the description of the provider cannot be read: %v (docs/sign-on.md has an example)", err)
}

// saveProvider makes a provider, or changes the one that has its key.
func saveProvider(ctx context.Context, desk *federation.Desk, org e911.OrgID, who admin.Actor, r SignOnRequest) (SignOnAnswer, error) {
	var p federation.Provider
	dec := json.NewDecoder(bytes.NewReader(r.Provider))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return SignOnAnswer{}, badProvider(err)
	}
	p.ID, p.Org, p.Version = "", org, 0
	was, err := desk.Get(ctx, org, p.Key)
	switch {
	case err == nil:
		p.ID, p.Version = was.ID, was.Version
	case e911.KindOf(err) != e911.NotFound:
		return SignOnAnswer{}, err
	}
	p, err = desk.Save(ctx, who, p, true)
	return SignOnAnswer{Providers: []federation.Provider{p}}, err
}

func signOnPolicy(ctx context.Context, desk *federation.Desk, org e911.OrgID, who admin.Actor, r SignOnRequest) (SignOnAnswer, error) {
	if org == "" {
		return SignOnAnswer{}, e911.Errorf(e911.Invalid, "the operator's own people are never forced: name an organisation")
	}
	p, err := desk.Policy(ctx, org)
	if err != nil {
		return SignOnAnswer{}, err
	}
	all, err := desk.Candidates(ctx, org)
	if err != nil {
		return SignOnAnswer{}, err
	}
	switch r.Do {
	case "unforce":
		p, err = desk.Unforce(ctx, who, org)
	case "force":
		p.Force = true
		for email := range strings.FieldsFuncSeq(r.Email, func(c rune) bool { return c == ',' || c == ' ' }) {
			i := slices.IndexFunc(all, func(c federation.Candidate) bool { return strings.EqualFold(c.Email, email) })
			if i < 0 {
				return SignOnAnswer{}, e911.Errorf(e911.Invalid, "%s is no administrator of the organisation: callbox sso force show lists them", email)
			}
			p.BreakGlass = append(p.BreakGlass, all[i].Identity)
		}
		p, err = desk.SetPolicy(ctx, who, p)
	}
	return SignOnAnswer{Policy: &p, Candidates: all}, err
}
