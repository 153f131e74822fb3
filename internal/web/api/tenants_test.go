package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/api"
)

// accounts makes organisations under partners in the bench's database.
func (p *people) accounts() *member.Accounts {
	p.t.Helper()
	e, err := edit.New(edit.Config{Store: p.st, Layer: layers.USCountyBoundary, Now: func() time.Time { return epoch }})
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := member.NewAccounts(member.AccountsConfig{
		Members: p.desk, Orgs: e.AllOrgs, Mail: func(string, string, string) bool { return false },
		Make: func(ctx context.Context, who admin.Actor, o e911.Org) (e911.Org, error) {
			made, err := e.Orgs.Create(ctx, who, o)
			return made.Value, err
		},
		Unmake: func(ctx context.Context, who admin.Actor, id e911.OrgID) error {
			o, err := e.Orgs.Get(ctx, id, string(id))
			if err != nil {
				return err
			}
			return e.Orgs.Delete(ctx, who, id, string(id), o.Version)
		},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// lateAccounts are made once the bench has its database.
type lateAccounts struct{ api.Accounts }

func (p *people) partner(key string) string {
	p.t.Helper()
	all, err := p.desk.Partners(p.t.Context(), member.Operator)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, q := range all {
		if q.Key == key {
			return q.ID
		}
	}
	p.t.Fatalf("there is no partner %s", key)
	return ""
}

// Proves: W-21, C-56, E14, N-16
func TestAPartnerMakesOrganisationsAndSeesItsOwnAlone(t *testing.T) {
	p := newPeople(t)
	base := "/partners/" + p.partner("north") + "/organisations"
	wish := map[string]any{"key": "forge", "name": "Forge Ltd", "email": "fay@forge.example", "person": "Fay"}
	made := p.as("partner", "POST", base, wish)
	if made.status != 201 || !strings.Contains(made.text, "fay@forge.example") {
		t.Fatalf("an organisation under a partner: %d %s", made.status, made.text)
	}
	forge := made.id()
	for _, c := range []struct {
		name, who, method, path string
		body                    any
		want                    int
	}{
		{"another partner makes one under it", "other partner", "POST", base, map[string]any{"key": "spy"}, 403},
		{"a customer makes one", "organisation", "POST", base, map[string]any{"key": "spy"}, 403},
		{"a key that is taken", "partner", "POST", base, map[string]any{"key": "forge"}, 422},
		{"the provider, under one that is not there", "provider", "POST", "/partners/0198aaaa-0000-7000-8000-000000000000/organisations", map[string]any{"key": "spy"}, 404},
		{"the partner reads its settings", "partner", "GET", "/organisations/" + forge, nil, 200},
		{"and not its people", "partner", "GET", "/organisations/" + forge + "/calls", nil, 403},
		{"another partner sees none of it", "other partner", "GET", "/organisations/" + forge, nil, 404},
		{"a second administrator is not the partner's to name", "partner", "POST", "/organisations/" + forge + "/members", map[string]any{"email": "x@example.com", "role": "organisation"}, 403},
		{"a partner that has customers stays", "provider", "DELETE", "/partners/" + p.partner("north"), nil, 409},
		{"one that has none goes", "provider", "DELETE", "/partners/" + p.partner("south"), nil, 204},
	} {
		if g := p.as(c.who, c.method, c.path, c.body); g.status != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, g.status, c.want, g.text)
		}
	}
	for who, want := range map[string]bool{"partner": true, "provider": true, "other partner": false, "organisation": false} {
		if g := p.as(who, "GET", "/organisations", nil); strings.Contains(g.text, forge) != want {
			t.Errorf("%s sees the organisation: %t", who, !want)
		}
	}
	if g := p.as("partner", "GET", base, nil); g.status != 200 || !strings.Contains(g.text, forge) || strings.Contains(g.text, p.away) {
		t.Errorf("the partner's list: %d %s", g.status, g.text)
	}
}

// Proves: C-54, N-16, N-45
func TestARoleIsChangedAndAnInvitationSentAgain(t *testing.T) {
	p := newPeople(t)
	base := "/organisations/" + p.org
	all := p.as("organisation", "GET", base+"/members?site=all", nil)
	role := func(email string) string {
		for _, m := range all.body["items"].([]any) {
			if m, _ := m.(map[string]any); m["email"] == email && m["until"] == nil {
				id, _ := m["id"].(string)
				return id
			}
		}
		t.Fatalf("%s is not in %s", email, all.text)
		return ""
	}
	guard := role("security_desk@example.com")
	if g := p.as("organisation", "PUT", base+"/members/"+guard, map[string]any{"email": "security_desk@example.com", "role": "site_administrator", "site": p.ids[e911.KindSite]}); g.status != 200 || g.body["role"] != "site_administrator" || g.body["link"] != nil {
		t.Errorf("a guard becomes an administrator of a site: %d %s", g.status, g.text)
	}
	if g := p.as("security_desk", "GET", base+"/members?site="+p.ids[e911.KindSite], nil); g.status != 200 {
		t.Errorf("he looks at the members of his site: %d %s", g.status, g.text)
	}
	if g := p.as("organisation", "PUT", base+"/members/"+role("organisation@example.com"), map[string]any{"email": "organisation@example.com", "role": "auditor"}); g.status != 422 || !strings.Contains(g.text, "last_administrator") {
		t.Errorf("the last administrator becomes an auditor: %d %s", g.status, g.text)
	}
	if g := p.as("organisation", "POST", base+"/members/"+role("auditor@example.com")+"/invite", nil); g.status != 200 || g.body["invitation"] != "waiting" {
		t.Errorf("an invitation is sent again: %d %s", g.status, g.text)
	}
	if g := p.as("user", "DELETE", base+"/members/"+role("user@example.com"), nil); g.status != 403 {
		t.Errorf("a user deletes himself: %d %s", g.status, g.text)
	}
	p.want(201, p.operator, "POST", base+"/users", map[string]any{"site": "key:mill", "key": "uma", "name": "Uma", "email": "user@example.com"})
	if g := p.as("user", "DELETE", base+"/users/key:uma", nil, "If-Match", "*"); g.status != 403 {
		t.Errorf("a user deletes his telephone's user: %d %s", g.status, g.text)
	}
}

// What support changes says in the audit trail that it was support, and for whom.
//
// Proves: N-17, W-28
func TestTheAuditTrailSaysThatItWasSupport(t *testing.T) {
	p := newPeople(t)
	base := "/organisations/" + p.org
	g := p.as("organisation", "POST", base+"/support", map[string]any{"email": "partner@example.com", "role": "organisation", "until": epoch.Add(20 * time.Hour).Format(time.RFC3339), "reason": "move the trunk"})
	if g.status != 201 {
		t.Fatalf("support is let in: %d %s", g.status, g.text)
	}
	if g := p.as("support", "PATCH", base, map[string]any{"name": "X"}, "If-Match", "*"); g.status != 403 {
		t.Errorf("an auditor who helps changes the organisation: %d %s", g.status, g.text)
	}
	// A partner may do this by himself: it is his own role that counts, not support.
	p.as("partner", "POST", base+"/sites", map[string]any{"key": "east", "zone": "America/New_York", "ecbn": "+16175550100"})
	// Users' roles of the desk are the customer's: this stands on support alone.
	if g := p.as("partner", "GET", base+"/calls", nil); g.status != 200 {
		t.Errorf("support does not see calls: %d %s", g.status, g.text)
	}
	trail := p.as("organisation", "GET", base+"/audit", nil)
	if !strings.Contains(trail.text, "move the trunk") {
		t.Errorf("the use of support is not in the trail: %s", trail.text)
	}
	p.give("helper", p.who["organisation"], member.Wish{Role: access.Organisation, At: access.Node{Org: p.org}, Support: true, Until: epoch.Add(20 * time.Hour), Reason: "mend the map"})
	if g := p.as("helper", "POST", base+"/sites", map[string]any{"key": "west", "zone": "America/New_York", "ecbn": "+16175550100"}); g.status != 201 {
		t.Fatalf("support makes a site: %d %s", g.status, g.text)
	}
	trail = p.as("organisation", "GET", base+"/audit", nil)
	if !strings.Contains(trail.text, "as support for "+p.org+": mend the map") {
		t.Errorf("the change does not say that it was support: %s", trail.text)
	}
	if strings.Count(trail.text, "as support for") > 3 {
		t.Errorf("too much is called support: %s", trail.text)
	}
}

// Proves: W-22
func TestSomebodyAsksForAnAccount(t *testing.T) {
	p := newPeople(t)
	a := p.accounts()
	ctx := t.Context()
	if _, err := a.Request(ctx, member.AccountWish{Partner: "nowhere", Organisation: "Forge", Email: "fay@forge.example"}); !strings.Contains(faultsOf(err), "partner:unknown") {
		t.Errorf("a partner that is not there: %v", err)
	}
	r, err := a.Request(ctx, member.AccountWish{Partner: "north", Organisation: "Forge", Email: "fay@forge.example", Name: "Fay"})
	if err != nil {
		t.Fatal(err)
	}
	path := "/account_requests/" + r.ID
	for _, c := range []struct {
		name, who, method, path string
		body                    any
		want                    int
	}{
		{"another partner answers", "other partner", "POST", path + "/take", nil, 404},
		{"the customer answers", "organisation", "POST", path + "/refuse", map[string]any{"reason": "no"}, 404},
		{"the partner takes it", "partner", "POST", path + "/take", nil, 200},
		{"twice", "partner", "POST", path + "/take", nil, 409},
		{"it is refused without a reason", "partner", "POST", path + "/refuse", map[string]any{}, 422},
		{"it is done", "partner", "POST", path + "/finish", map[string]any{"key": "forge"}, 200},
		{"twice", "partner", "POST", path + "/finish", map[string]any{"key": "forge2"}, 409},
		{"it is refused afterwards", "provider", "POST", path + "/refuse", map[string]any{"reason": "no"}, 409},
	} {
		if g := p.as(c.who, c.method, c.path, c.body); g.status != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, g.status, c.want, g.text)
		}
	}
	for who, want := range map[string]bool{"partner": true, "provider": true, "other partner": false, "user": false} {
		if g := p.as(who, "GET", "/account_requests", nil); g.status != 200 || strings.Contains(g.text, r.ID) != want {
			t.Errorf("%s sees the request: %t: %d %s", who, !want, g.status, g.text)
		}
	}
	if g := p.as("partner", "GET", "/organisations", nil); !strings.Contains(g.text, `"forge"`) || strings.Contains(g.text, "forge2") {
		t.Errorf("what was made: %s", g.text)
	}
}

func faultsOf(err error) string {
	var out []string
	for _, f := range e911.FaultsOf(err) {
		out = append(out, f.Path+":"+f.Code)
	}
	return strings.Join(out, " ")
}
