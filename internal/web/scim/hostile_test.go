package scim_test

import (
	"net/url"
	"strings"
	"testing"
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
