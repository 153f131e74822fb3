package saml

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/federation"
)

const (
	claimsSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	formatID   = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
	// groupsLink comes from Entra ID in place of groups when somebody is in more than 150.
	groupsLink = "http://schemas.microsoft.com/claims/groups.link"
)

// nameIDFormats are the kinds of name that can be asked for (saml-core-2.0-os,
// section 8.3).
var nameIDFormats = map[string]string{
	"": "", "email": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "persistent": formatID + "persistent",
}

// The usual names of attributes: of Entra ID and ADFS, of Okta and Google (short,
// as their instructions have them), of Shibboleth (by OID; the LDAP schemas and
// eduPerson). The first that has a value counts; a short name also as FriendlyName.
var (
	emailNames = []string{
		claimsSOAP + "emailaddress", "urn:oid:0.9.2342.19200300.100.1.3", "email", "mail", "emailAddress", "user.email",
	}
	nameNames = []string{
		"http://schemas.microsoft.com/identity/claims/displayname", "urn:oid:2.16.840.1.113730.3.1.241", "displayName", "urn:oid:2.5.4.3", "cn", "name", "fullName",
	}
	givenNames   = []string{claimsSOAP + "givenname", "urn:oid:2.5.4.42", "givenName", "firstName", "first_name"}
	surnameNames = []string{claimsSOAP + "surname", "urn:oid:2.5.4.4", "sn", "surname", "lastName", "last_name"}
	groupNames   = []string{
		"http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "http://schemas.xmlsoap.org/claims/Group", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1", "groups", "group", "memberOf",
	}
	// subjectNames never change and are never given to somebody else: SAML's own
	// subject attributes, Entra ID's object id.
	subjectNames = []string{
		"urn:oasis:names:tc:SAML:attribute:pairwise-id", "urn:oasis:names:tc:SAML:attribute:subject-id", "http://schemas.microsoft.com/identity/claims/objectidentifier",
	}
)

// values are those of the first attribute of one of the names that has any; with a
// name that an administrator gave, of that alone.
func (a Answer) values(given string, usual []string) []string {
	if given != "" {
		usual = []string{given}
	}
	for _, name := range usual {
		for _, at := range a.Attributes {
			if len(at.Values) > 0 && (strings.EqualFold(at.Name, name) || strings.EqualFold(at.Friendly, name)) {
				return at.Values
			}
		}
	}
	return nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// claims says who it is. Groups are nil where it was not said which. The address counts as said, not as verified: SAML has no
// word for that.
func (a Answer) claims(names federation.Names) (federation.Claims, error) {
	c := federation.Claims{
		Email: first(a.values(names.Email, emailNames)), Name: first(a.values(names.Name, nameNames)),
		Groups: slices.Clone(a.values(names.Groups, groupNames)), AuthTime: a.AuthTime,
	}
	if c.Groups == nil && len(a.values(groupsLink, nil)) == 0 {
		c.Groups = []string{} // who is in no group: providers leave the attribute out
	}
	byEmail := strings.EqualFold(a.Format, nameIDFormats["email"])
	if c.Email == "" && names.Email == "" && (byEmail || a.Format == "" || strings.HasSuffix(a.Format, ":unspecified")) && strings.Contains(a.NameID, "@") {
		c.Email = a.NameID
	}
	if c.Name == "" && names.Name == "" {
		c.Name = strings.TrimSpace(first(a.values("", givenNames)) + " " + first(a.values("", surnameNames)))
	}
	switch {
	case names.Subject != "":
		c.Subject = first(a.values(names.Subject, nil))
		if c.Subject == "" {
			return c, denied("the assertion does not have the attribute %q, which says who it is; let the identity provider send it", names.Subject)
		}
	case a.NameID != "" && a.Format != formatID+"transient":
		c.Subject = a.NameID
	default:
		c.Subject = first(a.values("", subjectNames))
	}
	if c.Subject == "" {
		return c, denied("the assertion has no name that stays the same: set the name format (NameID) to persistent or email at the identity provider, or say which attribute is the subject")
	}
	if c.Email != "" && !mailable(c.Email) {
		return c, denied("what the assertion has as the mail address is none; say which attribute it is")
	}
	for _, s := range append([]string{c.Subject, c.Name}, c.Groups...) {
		if len(s) > 512 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return c, denied("the assertion has a name or a group that is too long, or has control characters in it")
		}
	}
	return c, nil
}

// mailable is a coarse look: one @ with something on both sides, nothing that could
// make two addresses of one.
func mailable(s string) bool {
	user, domain, ok := strings.Cut(s, "@")
	return ok && user != "" && domain != "" && len(s) <= 254 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`,;<>()[]"\`, r)
	}) && !strings.Contains(domain, "@")
}
