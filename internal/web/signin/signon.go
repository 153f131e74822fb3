package signin

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// SignOn is what the page of an organisation's sign-in shows.
type SignOn struct {
	Org        string
	Providers  []ProviderRow
	Policy     federation.Policy
	Candidates []federation.Candidate
	MayWrite   bool
	Callback   string // of OIDC
	Form       federation.Provider
	RolesText  string
	SAML       bool // can be spoken
}

// ProviderRow is one provider with the addresses that its administrators need.
type ProviderRow struct {
	federation.Provider
	Link     string // that its people sign in by
	ACS      string // of SAML
	Metadata string
	Warnings []string
}

func (h *Handler) signOn(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.showSignOn(w, r, in, SignOn{}, "", nil)
}

func (h *Handler) maySignOn(r *http.Request, in signedIn, org e911.OrgID, v access.Verb) (access.Answer, error) {
	return h.cfg.Members.Ask(r.Context(), in.who.ID, access.Question{At: access.Node{Org: string(org)}, Area: access.SignOn, Verb: v})
}

func (h *Handler) showSignOn(w http.ResponseWriter, r *http.Request, in signedIn, s SignOn, say string, wrong error) {
	org := h.openedOrg(r, in.who.ID)
	name, ok := h.cfg.Org(org)
	if !ok || org == "" {
		h.message(w, r, http.StatusNotFound, "No organisation is open", "Open one on your profile first.")
		return
	}
	a, err := h.maySignOn(r, in, org, access.Read)
	if err == nil && !a.Allowed {
		h.message(w, r, http.StatusForbidden, "Not yours to see", "To see how an organisation signs in, "+a.Why+".")
		return
	}
	var may access.Answer
	var all []federation.Provider
	if err == nil {
		may, err = h.maySignOn(r, in, org, access.Write)
	}
	if err == nil {
		all, err = h.cfg.Federation.List(r.Context(), org)
	}
	if err == nil {
		s.Policy, err = h.cfg.Federation.Policy(r.Context(), org)
	}
	if err == nil {
		s.Candidates, err = h.cfg.Federation.Candidates(r.Context(), org)
	}
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not now", faults[0].Msg)
		return
	}
	base := strings.TrimSuffix(h.cfg.BaseURL, "/")
	s.Org, s.MayWrite, s.Callback, s.SAML = name, may.Allowed, base+federation.OIDCPath, h.saml != nil
	for _, p := range all {
		s.Providers = append(s.Providers, ProviderRow{
			Provider: p, Link: base + "/sign-in/sso/" + p.ID, ACS: base + federation.SAMLPath(p.ID), Metadata: base + "/sign-in/saml/" + p.ID + "/metadata",
			Warnings: h.warnings(p),
		})
		if wrong == nil && p.Key == r.URL.Query().Get("change") {
			s.Form, s.RolesText = p, rolesText(p.Roles)
		}
	}
	if s.Form.OIDC == nil {
		s.Form.OIDC = &federation.OIDC{}
	}
	if s.Form.SAML == nil {
		s.Form.SAML = &federation.SAML{}
	}
	v, status := h.view(r, "Sign-on"), http.StatusOK
	v.Say = say
	if wrong != nil {
		v.Faults, status = h.told(r, wrong)
	}
	h.page(w, r, status, signOnPage(v, s))
}

func (h *Handler) changeSignOn(w http.ResponseWriter, r *http.Request, in signedIn) {
	org := h.openedOrg(r, in.who.ID)
	a, err := h.maySignOn(r, in, org, access.Write)
	if err == nil && (!a.Allowed || org == "") {
		err = e911.Errorf(e911.Denied, "%s", a.Why)
	}
	if err != nil {
		faults, status := h.told(r, err)
		h.message(w, r, status, "Not yours to change", faults[0].Msg)
		return
	}
	who, key := admin.Actor(in.who.ID), r.PostFormValue("key")
	version, _ := strconv.ParseInt(r.PostFormValue("version"), 10, 64) // none: it is new
	var s SignOn
	say := ""
	switch r.PostFormValue("do") {
	case "probe":
		err, say = h.cfg.Federation.Probe(r.Context(), org, key), "The provider answers, and a sign-in could begin."
	case "delete":
		err, say = h.cfg.Federation.Delete(r.Context(), who, org, key, version), "The provider is deleted."
	case "policy":
		_, err = h.cfg.Federation.SetPolicy(r.Context(), who, federation.Policy{
			Org: org, Version: version, Force: r.PostFormValue("force") == "on", BreakGlass: r.PostForm["break_glass"],
		})
		say = "How members sign in is changed."
	case "save":
		s.RolesText = r.PostFormValue("roles")
		if s.Form, err = readProvider(r, org, version); err == nil {
			_, err = h.cfg.Federation.Save(r.Context(), who, s.Form, false)
		}
		if say = "The provider is kept. Sign in by it once, in another browser, to see that it works."; err == nil {
			s = SignOn{}
		}
	default:
		err = e911.Errorf(e911.Invalid, "there is no such thing to do here")
	}
	h.showSignOn(w, r, in, s, saidText(say, err), err)
}

// readProvider reads the form of a provider.
func readProvider(r *http.Request, org e911.OrgID, version int64) (federation.Provider, error) {
	words := func(name string) []string {
		return strings.FieldsFunc(r.PostFormValue(name), func(c rune) bool { return c == ' ' || c == ',' || c == '\n' || c == '\r' || c == '\t' })
	}
	p := federation.Provider{
		ID: r.PostFormValue("id"), Org: org, Key: r.PostFormValue("key"), Version: version, Via: federation.Via(r.PostFormValue("protocol")), Name: r.PostFormValue("name"),
		Domains: words("domains"), Create: r.PostFormValue("create") == "on", Disabled: r.PostFormValue("disabled") == "on",
		Names: federation.Names{
			Subject: r.PostFormValue("claim_subject"), Email: r.PostFormValue("claim_email"), Name: r.PostFormValue("claim_name"), Groups: r.PostFormValue("claim_groups"),
		},
	}
	switch p.Via {
	case federation.ViaOIDC:
		p.OIDC = &federation.OIDC{
			Issuer: r.PostFormValue("issuer"), ClientID: r.PostFormValue("client_id"), ClientSecret: e911.Secret(r.PostFormValue("client_secret")), Scopes: words("scopes"),
		}
	case federation.ViaSAML:
		p.SAML = &federation.SAML{
			Metadata: strings.TrimSpace(r.PostFormValue("metadata")), MetadataURL: strings.TrimSpace(r.PostFormValue("metadata_url")),
			EntityID: strings.TrimSpace(r.PostFormValue("entity_id")), NameID: r.PostFormValue("name_id"), Certificate: r.PostFormValue("certificate"),
		}
	}
	for line := range strings.Lines(r.PostFormValue("roles")) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		group, role, ok := strings.Cut(line, "=")
		role, site, _ := strings.Cut(strings.TrimSpace(role), " at ")
		if !ok {
			return p, &e911.Error{Kind: e911.Invalid, Msg: "the identity provider is not kept", Faults: []e911.Fault{{
				Path: "roles", Code: "syntax", Msg: "a line of roles by group has no =", Fix: "write group = role, or group = site_administrator at ID of the site",
			}}}
		}
		p.Roles = append(p.Roles, federation.GroupRole{Group: strings.TrimSpace(group), Role: access.Role(strings.TrimSpace(role)), Site: strings.TrimSpace(site)})
	}
	return p, nil
}

func rolesText(all []federation.GroupRole) string {
	var b strings.Builder
	for _, g := range all {
		b.WriteString(g.Group + " = " + string(g.Role))
		if g.Site != "" {
			b.WriteString(" at " + g.Site)
		}
		b.WriteString("\n")
	}
	return b.String()
}
