package api_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/api"
)

// personHead names, in these tests, who is signed in.
const personHead = "Test-Person"

// people is a bench with somebody for each role.
type people struct {
	*bench
	desk *member.Desk
	org  string
	ids  map[e911.ObjectKind]string
	who  map[string]string // identity by what he is
	away string            // another organisation
	my   *api.My           // what users keep of their own, once it is wired
}

func newPeople(t *testing.T, more ...func(*api.Config)) *people {
	t.Helper()
	p := &people{who: map[string]string{}, my: &api.My{}}
	now := epoch
	late := &lateAccounts{}
	p.bench = newBench(t, func(c *api.Config) {
		var err error
		p.desk, err = member.New(member.Config{Store: func() member.Store { return p.st }, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		c.Members, c.Accounts, c.My = p.desk, late, p.my
		c.Federation = providers(t, func() federation.Store { return p.bench.st })
		c.Person = func(r *http.Request) (api.Person, bool, error) {
			id := r.Header.Get(personHead)
			return api.Person{Identity: id, Session: "s"}, id != "", nil
		}
		c.Session = func(r *http.Request) (e911.OrgID, bool) {
			org := r.Header.Get("Test-Link")
			return e911.OrgID(org), org != ""
		}
		for _, do := range more {
			do(c)
		}
	})
	p.st = p.bench.st
	late.Accounts = p.accounts()
	p.org, p.ids = p.town()
	p.away = p.want(201, p.operator, "POST", "/organisations", map[string]any{"key": "quay", "demonstration": true}).id()
	p.fill()
	now = now.Add(2 * time.Hour) // the role of "expired" is over
	return p
}

func (p *people) give(what, by string, w member.Wish) {
	p.t.Helper()
	w.Email, w.Name = strings.ReplaceAll(what, " ", "-")+"@example.com", what
	g, err := p.desk.Give(p.t.Context(), by, w)
	if err != nil {
		p.t.Fatalf("%s: %v %v", what, err, e911.FaultsOf(err))
	}
	p.who[what] = g.Identity.ID
}

func (p *people) fill() {
	p.t.Helper()
	ctx, mill := p.t.Context(), access.Node{Org: p.org}
	north, err := p.desk.AddPartner(ctx, member.Operator, "north", "North")
	if err != nil {
		p.t.Fatal(err)
	}
	south, err := p.desk.AddPartner(ctx, member.Operator, "south", "South")
	if err != nil {
		p.t.Fatal(err)
	}
	p.give("provider", member.Operator, member.Wish{Role: access.Provider})
	p.give("partner", member.Operator, member.Wish{Role: access.Partner, At: access.Node{Partner: north.ID}})
	p.give("other partner", member.Operator, member.Wish{Role: access.Partner, At: access.Node{Partner: south.ID}})
	p.give("organisation", member.Operator, member.Wish{Role: access.Organisation, At: mill})
	p.give("other admin", member.Operator, member.Wish{Role: access.Organisation, At: access.Node{Org: p.away}})
	admin := p.who["organisation"]
	p.give("site_administrator", admin, member.Wish{Role: access.Site, At: access.Node{Org: p.org, Site: p.ids[e911.KindSite]}})
	p.give("security_desk", admin, member.Wish{Role: access.Desk, At: mill})
	p.give("auditor", admin, member.Wish{Role: access.Auditor, At: mill})
	p.give("integrator", admin, member.Wish{Role: access.Integrator, At: mill})
	p.give("user", admin, member.Wish{Role: access.User, At: mill})
	p.give("expired", admin, member.Wish{Role: access.Organisation, At: mill, Until: epoch.Add(time.Hour)})
	p.give("support", admin, member.Wish{Role: access.Auditor, At: mill, Support: true, Until: epoch.Add(48 * time.Hour), Reason: "the trunk is down"})
	p.give("nobody", admin, member.Wish{Role: access.User, At: mill})
	_, has, err := p.desk.Of(ctx, p.who["nobody"])
	if err == nil {
		err = p.desk.Take(ctx, admin, has[0].ID, p.who["nobody"])
	}
	if err != nil {
		p.t.Fatal(err)
	}
	tr, err := p.desk.AskTransfer(ctx, p.who["provider"], e911.OrgID(p.org), north.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, by := range []string{p.who["partner"], admin} {
		if _, err := p.desk.Agree(ctx, by, tr.ID); err != nil {
			p.t.Fatal(err)
		}
	}
}

// as sends a request as somebody who is signed in.
func (p *people) as(who, method, path string, body any, head ...string) got {
	p.t.Helper()
	return p.do("", method, path, body, append(head, "Authorization", "", personHead, p.who[who], "X-Callbox-Request", "1")...)
}

// cells reads the table of roles as people read it.
func cells() map[string]map[string]string {
	rows := strings.Split(strings.TrimSpace(access.Table()), "\n")
	split := func(row string) []string { return strings.Split(strings.Trim(row, "| "), " | ") }
	roles, out := split(rows[0]), map[string]map[string]string{}
	for _, row := range rows[2:] {
		c := split(row)
		for i, role := range roles[1:] {
			if out[role] == nil {
				out[role] = map[string]string{}
			}
			out[role][c[0]] = c[i+1]
		}
	}
	return out
}

// expected is what somebody should see of an operation: "hidden", "denied", "open".
func expected(who string, d described, table map[string]map[string]string) string {
	inOrg := strings.Contains(d.path, "{org}")
	if d.Area == "self" {
		return "open"
	}
	if inOrg && slices.Contains([]string{"nobody", "expired", "other admin", "other partner"}, who) {
		return "hidden"
	}
	role := map[string]string{"other admin": "organisation", "other partner": "partner", "support": "auditor"}[who]
	if role == "" {
		role = who
	}
	words := strings.Fields(d.Area)
	area, verb, root := words[0], words[1], len(words) > 2
	cell := table[role][area]
	able := cell == "w" || cell == "r" && verb == "read"
	switch {
	case !able:
		return "denied"
	case root && verb == "read" && area == "world": // everybody with a role reads what is the same for all
		return "open"
	case root:
		return map[bool]string{true: "open", false: "denied"}[who == "provider"]
	case who == "site_administrator" && area != "own":
		object := false
		for _, name := range paths {
			object = object || strings.HasSuffix(d.path, "/"+name+"/{id}") || strings.HasSuffix(d.path, "/"+name) && d.method == "POST" && name != "sites"
		}
		if !(object || area == "settings" && verb == "read") {
			return "denied"
		}
	}
	return "open"
}

func seen(g got) string {
	detail, _ := g.body["detail"].(string)
	switch {
	case g.status == 404 && strings.HasPrefix(detail, "there is no such organisation"):
		return "hidden"
	case g.status == 403 && (strings.HasPrefix(detail, "this needs the role") || strings.HasPrefix(detail, "you have a role at a site") || strings.HasPrefix(detail, "your role is at another site")):
		return "denied"
	}
	return "open"
}

// Every operation of the document, asked by somebody of every role, over HTTP.
//
// Proves: E14, N-05, N-16, N-17, W-27
func TestEachRoleDoesWhatTheTableSays(t *testing.T) {
	p := newPeople(t)
	table, walked, counts := cells(), 0, map[string]int{}
	for _, d := range p.document() {
		if len(d.Security) == 0 {
			continue
		}
		if d.Area == "" {
			t.Errorf("%s %s (%s) has no area: name its part in areaOf, or no person can use it", d.method, d.path, d.ID)
			continue
		}
		path := strings.NewReplacer("{product}", "redsky", "{member}", "0198aaaa-0000-7000-8000-000000000000").Replace(fill(d, p.org, p.ids))
		for _, who := range slices.Sorted(maps.Keys(p.who)) {
			g := p.as(who, d.method, path, body(d), "If-Match", `"999"`, "Content-Type", "application/json")
			want := expected(who, d, table)
			if s := seen(g); s != want {
				t.Errorf("%s as %s: %s, the table says %s: %d %s", d.ID, who, s, want, g.status, g.text)
			}
			if g.status >= 500 && g.status != 503 {
				t.Errorf("%s as %s: %d %s", d.ID, who, g.status, g.text)
			}
			walked++
			counts[want]++
		}
	}
	if walked < 1000 || counts["hidden"] < 300 || counts["denied"] < 300 || counts["open"] < 300 {
		t.Errorf("the walk was too short: %d, %v", walked, counts)
	}
}

// Proves: E14, N-16, W-27
func TestASiteAdministratorStaysAtHisSite(t *testing.T) {
	p := newPeople(t)
	base, who := "/organisations/"+p.org, "site_administrator"
	p.want(201, p.operator, "POST", base+"/sites", map[string]any{"key": "yard", "zone": "America/New_York", "ecbn": "+16175550100"})
	for _, c := range []struct {
		name, method, path string
		body               any
		want               int
	}{
		{"the devices of his site", "GET", "/devices?site=key:mill", nil, 200},
		{"those of another", "GET", "/devices?site=key:yard", nil, 403},
		{"all of them", "GET", "/devices", nil, 403},
		{"his site", "GET", "/sites/key:mill", nil, 200},
		{"another", "GET", "/sites/key:yard", nil, 403},
		{"a user of his site", "POST", "/users", map[string]any{"site": "key:mill", "key": "bo", "name": "Bo"}, 201},
		{"a user of another", "POST", "/users", map[string]any{"site": "key:yard", "key": "cy", "name": "Cy"}, 403},
		{"who stays there", "PATCH", "/users/key:bo", map[string]any{"name": "Bob"}, 200},
		{"or is sent away", "PATCH", "/users/key:bo", map[string]any{"site": "key:yard"}, 403},
		{"a location of his building", "GET", "/locations/key:hq-2-210", nil, 200},
		{"the members of his site", "GET", "/members?site=key:mill", nil, 200},
		{"and of the organisation", "GET", "/members", nil, 403},
	} {
		if g := p.as(who, c.method, base+c.path, c.body, "If-Match", "*"); g.status != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, g.status, c.want, g.text)
		}
	}
}

// Proves: E14, N-16, N-17, D-12
func TestMembersOverTheAPI(t *testing.T) {
	p := newPeople(t)
	base := "/organisations/" + p.org
	g := p.as("organisation", "POST", base+"/members", map[string]any{"email": "New@example.com", "name": "New", "role": "security_desk"})
	if g.status != 201 || g.body["email"] != "New@example.com" {
		t.Fatalf("an invitation: %d %s", g.status, g.text)
	}
	if g := p.as("security_desk", "GET", base+"/members", nil); g.status != 403 {
		t.Errorf("a guard sees the members: %d", g.status)
	}
	if g := p.as("organisation", "DELETE", base+"/members/"+g.id(), nil); g.status != 204 {
		t.Errorf("a role is taken: %d %s", g.status, g.text)
	}
	list := p.as("organisation", "GET", base+"/members", nil)
	var own string
	for _, m := range list.body["items"].([]any) {
		if m, _ := m.(map[string]any); m["role"] == "organisation" && m["until"] == nil {
			own, _ = m["id"].(string)
		}
	}
	if g := p.as("organisation", "DELETE", base+"/members/"+own, nil); g.status != 422 || !strings.Contains(g.text, "last_administrator") {
		t.Errorf("the last administrator goes: %d %s", g.status, g.text)
	}
	if g := p.as("partner", "POST", base+"/members", map[string]any{"email": "me@example.com", "role": "organisation"}); g.status != 403 {
		t.Errorf("a partner lets himself in: %d %s", g.status, g.text)
	}
	p.as("support", "GET", base+"/calls", nil)
	if g := p.as("organisation", "GET", base+"/support", nil); !strings.Contains(g.text, `"used"`) {
		t.Errorf("the customer does not see that support looked: %s", g.text)
	}
	if g := p.as("partner", "POST", base+"/keys", map[string]any{"name": "x", "scopes": []any{"calls"}}); g.status != 403 {
		t.Errorf("a partner makes a key that sees more than he does: %d %s", g.status, g.text)
	}
	if g := p.do(p.key(e911.OrgID(p.org)), "POST", base+"/members", map[string]any{"email": "x@example.com", "role": "organisation"}); g.status != 403 {
		t.Errorf("a key of an organisation gives roles: %d %s", g.status, g.text)
	}
	link := []string{"Authorization", "", "Test-Link", p.org, "X-Callbox-Request", "1"}
	if g := p.do("", "GET", base+"/calls", nil, link...); g.status != 200 {
		t.Errorf("who followed a link does not see calls: %d %s", g.status, g.text)
	}
	if g := p.do("", "PATCH", base, map[string]any{"name": "X"}, append(link, "If-Match", "*")...); g.status != 403 {
		t.Errorf("who followed a link changes the organisation: %d %s", g.status, g.text)
	}
}
