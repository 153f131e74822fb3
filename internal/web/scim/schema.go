package scim

import "strings"

// The schemas and messages of RFC 7643 and RFC 7644.
const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	listURN       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	errorURN      = "urn:ietf:params:scim:api:messages:2.0:Error"
	schemaURN     = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	typeURN       = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	configURN     = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
)

// attribute is one of RFC 7643, section 7.
type attribute struct {
	name     string
	kind     string // string, boolean, complex, reference
	multi    bool
	readOnly bool
	exact    bool // letters count
	required bool
	unique   bool
	subs     []attribute
}

func str(name string) attribute { return attribute{name: name, kind: "string"} }

// plural is a multi-valued attribute of the usual form (RFC 7643, section 2.4).
func plural(name string) attribute {
	return attribute{name: name, kind: "complex", multi: true, subs: []attribute{str("value"), str("display"), str("type"), {name: "primary", kind: "boolean"}}}
}

var (
	userAttributes = []attribute{
		{name: "userName", kind: "string", required: true, unique: true},
		{name: "externalId", kind: "string", exact: true},
		{name: "name", kind: "complex", subs: []attribute{
			str("formatted"), str("familyName"), str("givenName"), str("middleName"), str("honorificPrefix"), str("honorificSuffix"),
		}},
		str("displayName"), str("nickName"),
		{name: "profileUrl", kind: "reference", exact: true},
		str("title"), str("userType"), str("preferredLanguage"), str("locale"), str("timezone"),
		{name: "active", kind: "boolean"},
		plural("emails"), plural("phoneNumbers"), plural("ims"), plural("photos"),
		{name: "addresses", kind: "complex", multi: true, subs: []attribute{
			str("formatted"), str("streetAddress"), str("locality"), str("region"), str("postalCode"), str("country"), str("type"), {name: "primary", kind: "boolean"},
		}},
		{name: "groups", kind: "complex", multi: true, readOnly: true, subs: []attribute{str("value"), str("display"), str("type"), {name: "$ref", kind: "reference", exact: true}}},
		plural("entitlements"), plural("roles"), plural("x509Certificates"),
	}
	enterpriseAttributes = []attribute{
		str("employeeNumber"), str("costCenter"), str("organization"), str("division"), str("department"),
		{name: "manager", kind: "complex", subs: []attribute{str("value"), {name: "$ref", kind: "reference", exact: true}, str("displayName")}},
	}
	groupAttributes = []attribute{
		{name: "displayName", kind: "string", required: true},
		{name: "externalId", kind: "string", exact: true},
		{name: "members", kind: "complex", multi: true, subs: []attribute{
			{name: "value", kind: "string", exact: true}, str("display"), str("type"), {name: "$ref", kind: "reference", exact: true},
		}},
	}
)

// resourceType is User or Group.
type resourceType struct {
	name, urn, path string
	attributes      []attribute
}

var (
	users  = &resourceType{"User", userURN, "Users", userAttributes}
	groups = &resourceType{"Group", groupURN, "Groups", groupAttributes}
)

func find(list []attribute, name string) *attribute {
	for i := range list {
		if strings.EqualFold(list[i].name, name) {
			return &list[i]
		}
	}
	return nil
}

func describe(list []attribute) []any {
	out := []any{}
	for _, a := range list {
		d := map[string]any{
			"name": a.name, "type": a.kind, "multiValued": a.multi, "required": a.required, "caseExact": a.exact,
			"mutability": "readWrite", "returned": "default", "uniqueness": "none",
		}
		if a.readOnly {
			d["mutability"] = "readOnly"
		}
		if a.unique {
			d["uniqueness"] = "server"
		}
		if len(a.subs) > 0 {
			d["subAttributes"] = describe(a.subs)
		}
		out = append(out, d)
	}
	return out
}

func schemas(base string) []map[string]any {
	one := func(urn, name string, list []attribute) map[string]any {
		return map[string]any{
			"schemas": []string{schemaURN}, "id": urn, "name": name, "attributes": describe(list),
			"meta": map[string]any{"resourceType": "Schema", "location": base + "/Schemas/" + urn},
		}
	}
	return []map[string]any{one(userURN, "User", userAttributes), one(enterpriseURN, "EnterpriseUser", enterpriseAttributes), one(groupURN, "Group", groupAttributes)}
}

func resourceTypes(base string) []map[string]any {
	one := func(t *resourceType) map[string]any {
		return map[string]any{
			"schemas": []string{typeURN}, "id": t.name, "name": t.name, "endpoint": "/" + t.path, "schema": t.urn,
			"meta": map[string]any{"resourceType": "ResourceType", "location": base + "/ResourceTypes/" + t.name},
		}
	}
	u := one(users)
	u["schemaExtensions"] = []any{map[string]any{"schema": enterpriseURN, "required": false}}
	return []map[string]any{u, one(groups)}
}

func providerConfig(base string) map[string]any {
	no := map[string]any{"supported": false}
	return map[string]any{
		"schemas": []string{configURN}, "patch": map[string]any{"supported": true},
		"bulk":   map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter": map[string]any{"supported": true, "maxResults": maxPage}, "changePassword": no, "sort": no, "etag": map[string]any{"supported": true},
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "API key", "description": "an API key with the scope directory, as a bearer token (RFC 6750)", "primary": true,
		}},
		"meta": map[string]any{"resourceType": "ServiceProviderConfig", "location": base + "/ServiceProviderConfig"},
	}
}
