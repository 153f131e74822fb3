package federation

import (
	"regexp"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

var (
	keyForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)
)

const (
	maxDomains = 50
	maxRoles   = 100
	maxText    = 200
)

// tidy writes a provider as it is kept.
func tidy(p Provider) Provider {
	p.Key, p.Name = strings.ToLower(strings.TrimSpace(p.Key)), strings.TrimSpace(p.Name)
	p.Domains = slices.Clone(p.Domains)
	for i := range p.Domains {
		p.Domains[i] = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(p.Domains[i])), "@")
	}
	slices.Sort(p.Domains)
	p.Domains = slices.Compact(p.Domains)
	if p.OIDC != nil {
		o := *p.OIDC
		o.Issuer, o.ClientID = strings.TrimSpace(o.Issuer), strings.TrimSpace(o.ClientID)
		p.OIDC = &o
	}
	if p.SAML != nil {
		o := *p.SAML
		p.SAML = &o
	}
	return p
}

// groupRoles are roles that a group can give.
var groupRoles = []access.Role{access.Organisation, access.Site, access.Desk, access.Auditor, access.User}

// faults says everything that is wrong with a provider.
func (d *Desk) faults(p Provider) []e911.Fault {
	var out []e911.Fault
	fault := func(wrong bool, path, code, msg, fix string) {
		if wrong {
			out = append(out, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
		}
	}
	fault(!keyForm.MatchString(p.Key), "key", "syntax", "the key is no short name", "write 1 to 40 small letters, digits and hyphens")
	fault(p.Name == "" || len(p.Name) > 80 || strings.ContainsFunc(p.Name, func(r rune) bool { return r < ' ' }), "name", "syntax", "the button needs a name of 1 to 80 characters", "write what people call it, such as the name of the company")
	fault(len(p.Domains) > maxDomains, "domains", "too_many", "there are more than 50 domains", "name those of the people who sign in")
	for _, s := range p.Domains {
		fault(len(s) > 253 || !domainForm.MatchString(s), "domains", "syntax", "one of the domains is none", "write what stands behind the @ of an address")
	}
	fault(p.Org == "" && len(p.Domains) == 0, "domains", "missing", "the operator's provider needs the domains for which it speaks", "name them: it signs in to every organisation, and must not do so for everybody's address")
	fault(p.Org == "" && (p.Create || len(p.Roles) > 0), "roles", "level", "roles by group are of an organisation", "leave them out of the operator's provider")
	fault(p.Create && len(p.Roles) == 0, "create", "roles", "somebody new gets his role by a group, and no group gives one", "say which group gives which role")
	fault(len(p.Roles) > maxRoles, "roles", "too_many", "there are more than 100 roles by group", "name fewer groups")
	for _, r := range p.Roles {
		fault(r.Group == "" || len(r.Group) > maxText, "roles", "group", "a group has a name of 1 to 200 characters", "write it as the provider tells it")
		level := access.AtOrg
		if r.Site != "" {
			level = access.AtSite
		}
		fault(!slices.Contains(groupRoles, r.Role) || !access.Fits(r.Role, level), "roles", "role", "a group cannot give this role there", "take organisation, security_desk, auditor or user, or site_administrator with a site")
	}
	for _, n := range []string{p.Names.Subject, p.Names.Email, p.Names.Name, p.Names.Groups} {
		fault(len(n) > maxText, "claims", "too_long", "the name of a claim has at most 200 characters", "write it as the provider does")
	}
	proto := d.cfg.Protocols[p.Via]
	switch {
	case proto == nil:
		fault(true, "protocol", "unknown", "there is no such protocol", "oidc or saml")
	case p.Via == ViaOIDC && p.OIDC == nil || p.Via == ViaSAML && p.SAML == nil:
		fault(true, string(p.Via), "missing", "what the protocol needs is missing", "fill it in")
	default:
		out = append(out, proto.Faults(p)...)
	}
	return out
}
