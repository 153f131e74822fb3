package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/web/api"
)

// directories makes what follows directories of people in the bench's database.
func (b *bench) directories() *directory.Service {
	b.t.Helper()
	svc, err := directory.New(directory.Config{
		Store: b.st, Planner: planner(b.t, b.st, func() time.Time { return epoch }), Now: func() time.Time { return epoch },
		Alarm: func(e911.OrgID, journal.Alarm) {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return svc
}

// asked keeps what jobs are asked for.
type asked struct{ requests []job.Request }

func (a *asked) Submit(_ context.Context, r job.Request) (job.Job, error) {
	a.requests = append(a.requests, r)
	return job.Job{ID: "j1", Org: r.Org, Kind: r.Kind, State: job.Queued, Who: r.Who}, nil
}

func (*asked) Get(context.Context, e911.OrgID, string) (job.Job, error) {
	return job.Job{}, e911.Errorf(e911.NotFound, "there is no such job")
}

func (*asked) List(context.Context, e911.OrgID, string, int) ([]job.Job, error) { return nil, nil }

func (a *asked) Cancel(ctx context.Context, org e911.OrgID, id string) (job.Job, error) {
	return a.Get(ctx, org, id)
}

func ldapOf(more ...any) map[string]any {
	tree := map[string]any{"url": "ldaps://dc1.example.com", "base": "ou=people,dc=example,dc=com", "bind_dn": "cn=callbox", "password": "pass-of-ldap"}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == nil {
			delete(tree, more[i].(string))
			continue
		}
		tree[more[i].(string)] = more[i+1]
	}
	return map[string]any{"key": "ad", "protocol": "ldap", "site": "mill", "ldap": tree}
}

// Proves: N-07, N-13, N-17, E14, F-31, D-09
func TestADirectoryOfPeopleIsKeptOverTheAPI(t *testing.T) {
	jobs := &asked{}
	b := newBench(t, func(c *api.Config) { c.Jobs = jobs })
	org, ids := b.town()
	key, base := b.key(e911.OrgID(org)), "/organisations/key:harbor/directories"

	if g := b.want(422, key, "POST", base, map[string]any{"key": "a d", "protocol": "x", "map": map[string]any{"shoe": "s"}}); g.faults() != "/key syntax, /protocol syntax, /map/shoe unknown_key, /map/key required" {
		t.Errorf("a directory that cannot be followed: %s", g.text)
	}
	made := b.want(201, key, "POST", base, ldapOf())
	b.want(409, key, "POST", base, ldapOf())
	b.want(304, key, "GET", base+"/ad", nil, "If-None-Match", made.etag())
	changed := b.want(200, key, "PUT", base+"/key:ad", ldapOf("password", nil, "page_size", 100), "If-Match", made.etag())
	b.want(412, key, "PUT", base+"/ad", ldapOf("password", nil), "If-Match", made.etag())
	b.want(428, key, "PUT", base+"/ad", ldapOf("password", nil))
	stored := func() string {
		t.Helper()
		all, err := b.st.Directories(t.Context(), e911.OrgID(org))
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		return string(all[0].Server.Password)
	}
	if stored() != "pass-of-ldap" {
		t.Error("a password that a change leaves out did not stay")
	}
	if g := b.want(422, key, "PUT", base+"/ad", ldapOf("password", nil, "url", "ldaps://thief.example"), "If-Match", changed.etag()); g.faults() != "/ldap/password required" {
		t.Errorf("the password goes to another server: %s", g.text)
	}
	for _, g := range []got{made, changed, b.want(200, key, "GET", base, nil), b.want(200, key, "GET", base+"/ad", nil)} {
		if strings.Contains(g.text, "pass-of-ldap") || strings.Contains(g.text, "password") {
			t.Errorf("a password is told: %s", g.text)
		}
	}
	for _, at := range []string{"ldaps://127.0.0.1", "ldaps://localhost:636", "ldaps://[::1]", "ldaps://169.254.169.254", "ldaps://[::ffff:127.0.0.1]", "ldaps://0.0.0.0"} {
		if g := b.want(422, key, "PUT", base+"/ad", ldapOf("url", at), "If-Match", "*"); !strings.Contains(g.faults(), "/ldap/url forbidden") {
			t.Errorf("this machine as %s: %s", at, g.text)
		}
	}

	weak := b.key(e911.OrgID(org), apikey.ScopeRead, apikey.ScopeWrite)
	b.want(403, weak, "PUT", base+"/ad", ldapOf("password", "other"), "If-Match", "*")
	roles := ldapOf("password", nil)
	roles["roles"] = []any{map[string]any{"group": "everybody", "role": "organisation"}}
	if g := b.want(403, key, "PUT", base+"/ad", roles, "If-Match", "*"); !strings.Contains(g.text, "give no roles") {
		t.Errorf("a key of the organisation lets a group in: %s", g.text)
	}
	b.want(200, b.operator, "PUT", base+"/ad", roles, "If-Match", "*")
	b.want(200, key, "PUT", base+"/ad", roles, "If-Match", "*") // as they are

	b.want(404, key, "GET", base+"/ad/last", nil)
	b.want(404, key, "POST", base+"/none/sync", map[string]any{})
	b.want(202, key, "POST", base+"/ad/sync", map[string]any{"shrunk": true})
	if len(jobs.requests) != 1 || jobs.requests[0].Kind != api.DirectoryJob || string(jobs.requests[0].Args) != `{"key":"ad","shrunk":true}` || string(jobs.requests[0].Org) != org {
		t.Errorf("the job: %+v", jobs.requests)
	}
	if g := b.want(200, key, "GET", base+":unplaced", nil); g.text != "{\"items\":[]}\n" {
		t.Errorf("who has no location: %s", g.text)
	}
	b.want(204, key, "POST", base+":placed", map[string]any{"user": "key:ada"})
	b.want(204, key, "POST", base+":placed", map[string]any{"user": ids[e911.KindUser]})
	b.want(404, key, "POST", base+":placed", map[string]any{"user": "key:nobody"})
	b.want(422, key, "POST", base+":placed", map[string]any{})
	b.want(204, key, "DELETE", base+"/ad", nil, "If-Match", "*")
	b.want(404, key, "GET", base+"/ad", nil)
}

// Proves: E14, N-16
func TestRolesOfGroupsAreGivenByWhoMayGiveRoles(t *testing.T) {
	p := newPeople(t)
	base := "/organisations/" + p.org + "/directories"
	dir := map[string]any{"key": "entra", "protocol": "scim", "site": "mill"}
	if g := p.as("integrator", "POST", base, dir); g.status != 201 {
		t.Fatalf("an integrator follows a directory: %d %s", g.status, g.text)
	}
	dir["roles"] = []any{map[string]any{"group": "everybody", "role": "organisation"}}
	if g := p.as("integrator", "PUT", base+"/entra", dir, "If-Match", "*"); g.status != 403 {
		t.Errorf("and makes its people administrators: %d %s", g.status, g.text)
	}
	if g := p.as("organisation", "PUT", base+"/entra", dir, "If-Match", "*"); g.status != 200 {
		t.Errorf("an administrator does: %d %s", g.status, g.text)
	}
	delete(dir, "roles")
	if g := p.as("integrator", "PUT", base+"/entra", dir, "If-Match", "*"); g.status != 403 {
		t.Errorf("an integrator takes them away: %d %s", g.status, g.text)
	}
}

// notHis are operations of an organisation that its administrator does not do by
// himself, with the reason. Whatever else the document has for an organisation, he
// does: set-up and upkeep need nobody of the provider's.
var notHis = map[string]string{
	"delete_organisations": "an organisation is ended by its partner or provider",
	"create_trunks":        "a trunk names addresses that calls are believed from: the operator's to know",
	"replace_trunks":       "as create_trunks",
	"patch_trunks":         "as create_trunks",
	"delete_trunks":        "as create_trunks",
	"bulk_trunks":          "as create_trunks",
	"put_setup_licence":    "what was sold is the provider's to say",
	"put_setup_prices":     "as put_setup_licence",
	"suspend_setup":        "as put_setup_licence; 911 goes on",
	"resume_setup":         "as put_setup_licence",
	"decide_setup_ranges":  "an address is believed on the operator's word alone (adr/0025)",
	"put_setup_pbx_policy": "how many PBXs an organisation connects by itself is what the operator bounds",
}

// The session of an administrator of an organisation alone, asked every operation of
// his organisation.
//
// Proves: N-05, N-44
func TestAnAdministratorOfAnOrganisationNeedsNobodyElse(t *testing.T) {
	p := newPeople(t)
	var missing []string
	asked, seen := 0, map[string]bool{}
	for _, d := range p.document() {
		if !strings.Contains(d.path, "{org}") || len(d.Security) == 0 {
			continue
		}
		path := strings.NewReplacer("{product}", "redsky", "{member}", "0198aaaa-0000-7000-8000-000000000000", "{secret}", "1").Replace(fill(d, p.org, p.ids))
		g := p.as("organisation", d.method, path, body(d), "If-Match", `"999"`, "Content-Type", "application/json")
		asked++
		seen[d.ID] = true
		denied := g.status == 403 && strings.Contains(g.text, "this needs the role") || slices.Contains(d.Scopes, "provider") // the bench has no set-up that would deny
		if denied != (notHis[d.ID] != "") {
			missing = append(missing, fmt.Sprintf("%s: %d %s\n", d.ID, g.status, g.text))
		}
	}
	for id := range notHis {
		if !seen[id] {
			missing = append(missing, id+": there is no such operation\n")
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 || asked < 80 {
		t.Errorf("of %d operations these are not as notHis says:\n%s", asked, strings.Join(missing, ""))
	}
}
