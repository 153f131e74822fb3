package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Proves: E14, N-17, N-42
func TestKeysOfWhoIsShutOutOverTheAPI(t *testing.T) {
	p := newPeople(t)
	p.standing = func(ctx context.Context, identity string, org e911.OrgID) (apikey.Standing, error) {
		i, roles, at, err := p.desk.Standing(ctx, identity, org)
		return apikey.Standing{Email: i.Email, Name: i.Name, Disabled: i.Disabled, Roles: roles, At: at}, err
	}
	p.give("second", p.who["organisation"], member.Wish{Role: access.Organisation, At: access.Node{Org: p.org}})
	base := "/organisations/" + p.org + "/keys"
	wish := map[string]any{"name": "feed", "scopes": []any{"read", "imports"}}
	made := p.as("second", "POST", base, wish)
	text, _ := made.body["secret"].(string)
	mine := p.as("organisation", "POST", base, wish)
	if made.status != 201 || mine.status != 201 {
		t.Fatalf("%s %s", made.text, mine.text)
	}
	if g := p.as("organisation", "GET", base, nil); strings.Contains(g.text, "holders") {
		t.Errorf("while both are there: %s", g.text)
	}
	g := p.want(200, p.operator, "POST", "/identities/"+p.who["second"]+"/disable", nil)
	if !strings.Contains(g.text, made.id()) || strings.Contains(g.text, mine.id()) || strings.Contains(g.text, text) {
		t.Errorf("the answer to shutting out: %s", g.text)
	}
	for _, path := range []string{base, base + "/" + made.id()} {
		g := p.as("organisation", "GET", path, nil)
		if !strings.Contains(g.text, `"why":"disabled"`) || !strings.Contains(g.text, `"email":"second@example.com"`) || strings.Count(g.text, `"why"`) != 1 {
			t.Errorf("%s: %s", path, g.text)
		}
	}
	held := map[string]any{"identity": p.who["second"]}
	if g := p.as("security_desk", "POST", base+":revoke_held", held); g.status != 403 {
		t.Errorf("a guard ends them: %d %s", g.status, g.text)
	}
	if g := p.do(text, "GET", "/organisations/"+p.org, nil); g.status != 200 {
		t.Errorf("the key goes on: %d %s", g.status, g.text)
	}
	if g := p.as("organisation", "POST", base+":revoke_held", held); g.status != 200 || !strings.Contains(g.text, made.id()) || strings.Contains(g.text, mine.id()) {
		t.Errorf("an administrator ends them: %d %s", g.status, g.text)
	}
	if g := p.do(text, "GET", "/organisations/"+p.org, nil); g.status != 401 {
		t.Errorf("the key after that: %d %s", g.status, g.text)
	}
	p.want(204, p.operator, "POST", "/identities/"+p.who["second"]+"/enable", nil)
}
