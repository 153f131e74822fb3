package scim

import (
	"encoding/json"
	"testing"

	"github.com/callbox911/callbox/internal/admin/directory"
)

// Whatever a patch says, it is done whole or refused, and what comes out is in its one
// form.
func FuzzPatch(f *testing.F) {
	for _, s := range []string{
		`{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`,
		`{"Operations":[{"op":"add","path":"emails[type eq \"work\"].value","value":"x"},{"op":"remove","path":"emails"}]}`,
		`{"Operations":[{"op":"Add","value":{"name.givenName":"x","urn:a:b:c":1,"members":[{"value":"1"},{"value":"1"}]}}]}`,
		`{"Operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value","value":null}]}`,
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, person bool) {
		kind, had := groups, object{"displayName": "g", "members": []any{object{"value": "1"}}}
		if person {
			kind, had = users, object{"userName": "u", "emails": []any{object{"type": "work", "value": "a"}}, enterpriseURN: object{"employeeNumber": "1"}}
		}
		body, err := decode([]byte(s))
		if err != nil {
			return
		}
		ops, err := readPatch(body)
		if err != nil {
			return
		}
		before, _ := json.Marshal(had)
		out, err := patch(kind, had, ops)
		if after, _ := json.Marshal(had); string(before) != string(after) {
			t.Fatalf("the resource itself was changed: %s", after)
		}
		if err != nil {
			if _, ours := err.(*fault); !ours { //nolint:errorlint // as it is returned
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		e, err := entry(kind, out, directory.Entry{})
		if err != nil {
			return
		}
		again, err := decode(e.Resource)
		if err != nil {
			t.Fatal(err)
		}
		tidied, err := tidy(kind, again)
		if err != nil {
			t.Fatalf("what was kept is refused: %v: %s", err, e.Resource)
		}
		if b, _ := json.Marshal(tidied); string(b) != string(e.Resource) {
			t.Fatalf("kept was %s, and its one form is %s", e.Resource, b)
		}
	})
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`userName eq "a"`, `emails[type eq "work"] and not (active pr)`, `a.b gt 1 or x eq null`, `emails[type eq "work"].value eq "x" or emails[a eq "]."].b pr`, `userName eq "\u0000\"" `, `((((((`} {
		f.Add(s)
	}
	o := object{"userName": "a", "active": true, "emails": []any{object{"type": "work", "value": "x"}, "odd"}, "x": json.Number("1")}
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := parseFilter(s); err == nil {
			matches(e, users, nil, o)
			sole(e, "userName")
		}
		if p, err := parsePath(s); err == nil {
			_ = p.String()
		}
	})
}
