package requests_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// names are attributes and paths that senders write, and some that nobody should.
func names() []string {
	return []string{
		"userName", "USERNAME", "displayName", "active", "externalId", "id", "schemas", "meta", "password", "groups", "name", "name.givenName", "emails", "emails.value", "Emails",
		`emails[type eq "work"].value`, `emails[type eq "work" and primary eq true]`, `emails[type eq "home"].primary`, `emails[not (type pr)]`, "phoneNumbers", "roles", `roles[primary eq "True"].value`,
		"members", "Members", `members[value eq "id-1"]`, "members.display", "manager", "employeeNumber", "Department", "addresses", `addresses[type eq "work"].formatted`, "title", "x", "x.y.z", "",
		"urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:User:title", "urn:ietf:params:scim:schemas:core:2.0:Group:members",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department", "urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:core:1.0:displayName", "urn:a:b:2.0:User", "urn:a:b:2.0:User:c",
		"value", "type", "primary", "display", "$ref", "formatted",
	}
}

// value is a JSON value as it may stand in a request.
func value(t *rapid.T, deep int) any {
	kinds := 6
	if deep > 2 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.IntRange(-1, 7).Draw(t, "number")
	case 3, 4:
		return rapid.SampledFrom([]string{"", "True", "false", "id-1", "id-2", "x", "work", `{"displayName":"t","active":"False"}`, "Ann@Example.test", "\x00", "é"}).Draw(t, "text")
	case 5:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			out = append(out, value(t, deep+1))
		}
		return out
	}
	out := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "size") {
		out[rapid.SampledFrom(names()).Draw(t, "name")] = value(t, deep+1)
	}
	return out
}

// Proves: C-59, E14, RFC 7644: as for FuzzRequest, of requests that are made of what
// senders write, several one after the other.
func TestRequestsOfKnownParts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := newAsked(t), newAsked(t)
		for range rapid.IntRange(1, 4).Draw(r, "requests") {
			method := rapid.SampledFrom([]string{"POST", "PUT", "PATCH", "PATCH", "PATCH", "GET", "DELETE"}).Draw(r, "method")
			target := rapid.SampledFrom([]string{"/Users", "/Groups", "/Users/id-1", "/Users/id-1", "/Groups/id-2", "/Groups/id-2", "/Users/id-3", "//Users/id-1/", "/Groups/id-3"}).Draw(r, "target")
			headers := rapid.SampledFrom([]string{"", "", "", `If-Match: W/"1"`, "Authorization: Bearer other"}).Draw(r, "headers")
			o, _ := value(r, 0).(map[string]any)
			if o == nil {
				o = map[string]any{"userName": "zoe", "displayName": "g2"}
			}
			if method == "PATCH" {
				var ops []any
				for range rapid.IntRange(0, 4).Draw(r, "operations") {
					op := map[string]any{"op": rapid.SampledFrom([]string{"add", "Replace", "remove"}).Draw(r, "op")}
					if rapid.IntRange(0, 3).Draw(r, "with path") > 0 {
						op["path"] = rapid.SampledFrom(names()).Draw(r, "path")
					}
					if rapid.IntRange(0, 4).Draw(r, "with value") > 0 {
						op["value"] = value(r, 0)
					}
					ops = append(ops, op)
				}
				o = map[string]any{"Operations": ops}
			}
			body, err := json.Marshal(o)
			if err != nil {
				r.Fatal(err)
			}
			before := a.kept()
			w := a.send(method, target, headers, string(body))
			a.answered(method, target, w, before)
			if again := b.send(method, target, headers, string(body)); again.Body.String() != w.Body.String() || a.kept() != b.kept() {
				r.Fatalf("%s %s %s: once %s, again %s", method, target, body, w.Body, again.Body)
			}
		}
		a.sendBack()
	})
}
