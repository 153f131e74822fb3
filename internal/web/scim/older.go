package scim

import "strings"

// older are the names that schemas had in drafts of RFC 7643; OneLogin and old jobs of
// Entra ID write them still. Those that begin with another stand before it. An empty
// name is the schema of the resource itself.
func older() [][2]string {
	return [][2]string{
		{enterpriseURN, enterpriseURN},
		{"urn:scim:schemas:extension:enterprise:2.0:User", enterpriseURN},
		{"urn:scim:schemas:extension:enterprise:2.0", enterpriseURN},
		{"urn:scim:schemas:extension:enterprise:1.0", enterpriseURN},
		{userURN, ""},
		{groupURN, ""},
		{"urn:scim:schemas:core:2.0:User", ""},
		{"urn:scim:schemas:core:2.0:Group", ""},
		{"urn:scim:schemas:core:2.0", ""},
		{"urn:scim:schemas:core:1.0", ""},
	}
}

// canonical writes the URN at the beginning of a name or path as RFC 7643 does, and a
// colon behind it where a dot stands (Apache Syncope). Other names stay.
func canonical(t *resourceType, name string) string {
	if len(name) < 4 || !strings.EqualFold(name[:4], "urn:") {
		return name
	}
	for _, x := range older() {
		urn, is := x[0], x[1]
		if len(name) < len(urn) || !strings.EqualFold(name[:len(urn)], urn) {
			continue
		}
		if is == "" {
			is = t.urn
		}
		rest := name[len(urn):]
		if rest == "" {
			return is
		}
		if rest[0] == ':' || rest[0] == '.' {
			return is + ":" + rest[1:]
		}
	}
	return name
}

// ofEnterprise reports whether a name without a URN is one of the enterprise extension
// and of nothing else: some senders write employeeNumber so.
func ofEnterprise(t *resourceType, name string) bool {
	return t == users && find(t.attributes, name) == nil && find(enterpriseAttributes, name) != nil
}
