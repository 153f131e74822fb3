package scim_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
)

// Proves: E14, C-59: a filter finds whom it names and nobody else, whatever stands in
// it, and another organisation's people never; issue 9 "Bad input" (SCIM filter injection).
func TestAFilterFindsNobodyElse(t *testing.T) {
	b := newBench(t)
	b.make("/Users", ann)
	b.make("/Users", `{"userName":"o'hara\" or \"1\" eq \"1"}`)
	for _, c := range []struct {
		filter string
		want   float64
	}{
		{`userName eq "ann@example.test"`, 1},
		{`userName eq "ann@example.test' OR '1'='1"`, 0},
		{`userName eq "ann@example.test'; DROP TABLE users;--"`, 0},
		{`userName eq "%"`, 0},
		{`userName eq "_nn@example.test"`, 0},
		{`userName eq "o'hara\" or \"1\" eq \"1"`, 1},
		{`userName eq "*)(uid=*"`, 0},
		{`externalId eq "' OR 1=1 --"`, 0},
		{`password sw "a"`, 0},
		{`userName eq "\u0000"`, 0},
	} {
		a := b.ask("GET", "/Users?filter="+url.QueryEscape(c.filter), "")
		if a.status != 200 || a.body["totalResults"] != c.want {
			t.Errorf("%s: %d %v", c.filter, a.status, a.body)
		}
	}
	for _, filter := range []string{`userName eq "a" or`, `userName eq "a"; x`, strings.Repeat("(", 1500), `userName eq "a" union select 1`, strings.Repeat("x", 3000)} {
		if a := b.ask("GET", "/Users?filter="+url.QueryEscape(filter), ""); a.status != 400 || a.body["scimType"] != "invalidFilter" {
			t.Errorf("%.40s: %d %v", filter, a.status, a.body)
		}
	}
	if a := b.ask("POST", "/Users", `{"userName":"nul","externalId":"a\u0000b"}`); a.status != 400 || a.body["scimType"] != "invalidValue" {
		t.Errorf("an id that no database takes: %d %v", a.status, a.body)
	}
	if a := b.ask("GET", "/Users?filter="+url.QueryEscape(`userName pr`)+"&count=0", ""); a.body["totalResults"] != 2.0 || a.body["Resources"] != nil && len(a.body["Resources"].([]any)) > 0 {
		t.Errorf("count=0 counts alone: %v", a.body)
	}
}

// Proves: E14, C-59: the key of one organisation neither sees, changes nor takes anybody
// or any group of another, and neither do ids that it learnt.
func TestAKeyOfOneOrganisationReachesNothingOfAnother(t *testing.T) {
	b := newBench(t)
	person := b.make("/Users", ann)
	group := b.make("/Groups", `{"displayName":"Millers","externalId":"g-1","members":[{"value":"`+person+`"}]}`)
	before := [2]answer{b.ask("GET", "/Users/"+person, ""), b.ask("GET", "/Groups/"+group, "")}

	other := e911.NewID[e911.OrgID]()
	key := "Bearer " + b.newKey(other, apikey.ScopeDirectory)
	if _, err := b.svc.Save(t.Context(), "test", directory.Source{Org: other, Key: "okta", Protocol: directory.SCIM}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/Users/" + person, "", 404},
		{"GET", "/Groups/" + group, "", 404},
		{"PUT", "/Users/" + person, ann, 404},
		{"PUT", "/Groups/" + group, `{"displayName":"x"}`, 404},
		{"PATCH", "/Users/" + person, patched(`{"op":"replace","path":"active","value":false}`), 404},
		{"PATCH", "/Users/" + person, patched(""), 404},
		{"PATCH", "/Groups/" + group, patched(`{"op":"remove","path":"members"}`), 404},
		{"DELETE", "/Users/" + person, "", 404},
		{"DELETE", "/Groups/" + group, "", 404},
		{"POST", "/Users", ann, 201}, // the same names are others there
		{"POST", "/Groups", `{"displayName":"Millers","externalId":"g-1","members":[{"value":"` + person + `"}]}`, 201},
	} {
		if a := b.ask(c.method, c.path, c.body, "Authorization", key); a.status != c.status {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.status, a.body)
		}
	}
	for _, filter := range []string{`id eq "` + person + `"`, `externalId eq "ann" and groups.value eq "` + group + `"`, `members eq "` + person + `" and id eq "` + group + `"`} {
		for _, path := range []string{"/Users", "/Groups"} {
			if a := b.ask("GET", path+"?filter="+url.QueryEscape(filter), "", "Authorization", key); a.body["totalResults"] != 0.0 {
				t.Errorf("%s?filter=%s: %v", path, filter, a.body)
			}
		}
	}
	for i, path := range []string{"/Users/" + person, "/Groups/" + group} {
		if d := cmp.Diff(before[i].body, b.ask("GET", path, "").body); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}

// Proves: C-59: Entra ID disables, deletes for good after 30 days, and hires again.
func TestSoftThenHardDeleteThenAgain(t *testing.T) {
	b := newBench(t)
	id := b.make("/Users", ann)
	if a := b.ask("PATCH", "/Users/"+id, patched(`{"op":"Replace","value":{"active":"False"}}`)); a.status != 200 || a.body["active"] != false {
		t.Fatalf("%d %v", a.status, a.body)
	}
	if a := b.ask("GET", "/Users/"+id, ""); a.status != 200 || a.body["active"] != false {
		t.Errorf("who is disabled is still told of: %d %v", a.status, a.body)
	}
	for _, want := range []int{204, 404} {
		if a := b.ask("DELETE", "/Users/"+id, ""); a.status != want {
			t.Errorf("%d, want %d: %v", a.status, want, a.body)
		}
	}
	if a := b.ask("PATCH", "/Users/"+id, patched(`{"op":"replace","path":"active","value":true}`)); a.status != 404 {
		t.Errorf("who is deleted was changed: %d %v", a.status, a.body)
	}
	if again := b.make("/Users", ann); again == id {
		t.Error("somebody else's id is given again")
	}
}
