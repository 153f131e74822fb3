package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/web/api"
)

// kept is what users said: of a line of text that begins with 9 there is no street.
type kept struct {
	accepted   map[e911.UserID]bool
	registered map[e911.UserID]string
	callback   map[e911.UserID]e911.Number
}

func (k *kept) UserAccepted(_ context.Context, _ e911.OrgID, u e911.UserID) (bool, error) {
	return k.accepted[u], nil
}

func (k *kept) UsersAccepted(context.Context, e911.OrgID) (map[e911.UserID]bool, error) {
	return k.accepted, nil
}

func (k *kept) Acknowledge(_ context.Context, _ admin.Actor, _ e911.OrgID, a setup.Acknowledgement) (setup.Acceptance, error) {
	for _, t := range setup.Texts() {
		if t.Key == a.Text && t.Version == a.Version {
			k.accepted[e911.UserID(a.User)] = true
			return setup.Acceptance{}, nil
		}
	}
	return setup.Acceptance{}, &e911.Error{Kind: e911.Invalid, Msg: "refused", Faults: []e911.Fault{{Path: "version", Code: "outdated", Msg: "this is not the version of now"}}}
}

func (k *kept) Say(e911.OrgID, e911.UserID, e911.LocationID, string) ([]firstuse.Said, error) {
	return nil, nil
}

func (k *kept) Register(_ e911.OrgID, u e911.UserID, l e911.LocationID, text string) (firstuse.Said, error) {
	if strings.HasPrefix(text, "9") {
		return firstuse.Said{Why: "there is no such street", MayMean: []string{"12 Elm Street"}}, nil
	}
	k.registered[u] = string(l) + text
	return firstuse.Said{Taken: true}, nil
}

func (k *kept) SayCallback(_ e911.OrgID, u e911.UserID, n e911.Number) error {
	k.callback[u] = n
	return nil
}

func (k *kept) Kept(_ e911.OrgID, u e911.UserID) firstuse.Kept {
	return firstuse.Kept{Callback: k.callback[u], Registered: k.registered[u]}
}

// worldOf is what is stored, as calls see it.
func (p *people) worldOf() *snapshot.Snapshot {
	p.t.Helper()
	var changes []snapshot.Change
	err := p.st.Read(p.t.Context(), func(r admin.Reader) error {
		orgs, err := r.Orgs(p.t.Context())
		if err != nil {
			return err
		}
		for _, o := range orgs {
			changes = append(changes, snapshot.Change{Kind: e911.KindOrg, Org: o.ID, ID: string(o.ID), Object: o})
			for _, kind := range []e911.ObjectKind{e911.KindSite, e911.KindBuilding, e911.KindLocation, e911.KindUser, e911.KindNumber} {
				all, err := r.List(p.t.Context(), admin.Query{Kind: kind, Org: o.ID})
				if err != nil {
					return err
				}
				for _, v := range all {
					ref := admin.RefOf(v.Value)
					changes = append(changes, snapshot.Change{Kind: kind, Org: ref.Org, ID: ref.ID, Object: v.Value})
				}
			}
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	w, _, err := new(snapshot.Snapshot).ApplyGood(changes, epoch)
	if err != nil {
		p.t.Fatal(err)
	}
	return w
}

// mine gives the bench what users keep of their own.
func (p *people) mine() *kept {
	p.t.Helper()
	k := &kept{map[e911.UserID]bool{}, map[e911.UserID]string{}, map[e911.UserID]e911.Number{}}
	editor, err := edit.New(edit.Config{Store: p.st, Layer: layers.USCountyBoundary, Now: func() time.Time { return epoch }})
	if err != nil {
		p.t.Fatal(err)
	}
	desk, err := firstuse.New(firstuse.Config{
		World: p.worldOf, Feeds: feedsOne{}, Devices: k,
		Setup: func() (firstuse.Setup, error) { return k, nil }, Numbers: func() (firstuse.Numbers, error) { return &editor.Numbers, nil },
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.my.Desk, p.my.Published = desk, func(context.Context) error { return nil }
	return k
}

// feedsOne says that a directory feeds the name of everybody, and where Ada's line is.
type feedsOne struct{}

func (feedsOne) Fed(_ context.Context, _ e911.OrgID, users ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	out := map[e911.UserID]admin.Fed{}
	for _, u := range users {
		out[u] = admin.Fed{Directory: "entra", Fields: []string{"name", "email"}, Location: true, Numbers: []e911.Number{"+16175550111"}}
	}
	return out, nil
}

// Proves: N-07, N-08, N-17, N-45, E14: by the API a user reads how he stands and what he
// is asked, says where he is, and cannot delete himself.
func TestAUserKeepsHisOwnPlaceOverTheAPI(t *testing.T) {
	p := newPeople(t)
	k := p.mine()
	base := "/organisations/" + p.org
	p.want(201, p.operator, "POST", base+"/users", map[string]any{"site": "key:mill", "key": "uma", "name": "Uma", "email": "user@example.com"})
	as := func(method, path string, body any) got { t.Helper(); return p.as("user", method, base+path, body) }

	g := as("GET", "/my", nil)
	if asked := g.text; g.status != 200 || !strings.Contains(asked, `"asked":["place","accept"]`) || g.body["name"] != "Uma" {
		t.Fatalf("how he stands: %d %s", g.status, g.text)
	}
	text, _ := g.body["text"].(map[string]any)
	if g := as("POST", "/my/accept", map[string]any{"version": "2001-01"}); g.status != 422 || g.faults() != "/version outdated" {
		t.Errorf("an old version: %d %s", g.status, g.text)
	}
	if g := as("POST", "/my/accept", map[string]any{"version": text["version"]}); g.status != 200 || !strings.Contains(g.text, `"asked":["place"]`) {
		t.Errorf("accepted: %d %s", g.status, g.text)
	}
	if g := as("GET", "/my/places?q=210", nil); g.status != 200 || !strings.Contains(g.text, `"key":"hq-2-210"`) {
		t.Errorf("places: %d %s", g.status, g.text)
	}
	for _, c := range []struct {
		name   string
		body   map[string]any
		status int
		faults string
	}{
		{"nothing", map[string]any{}, 422, "/location required"},
		{"two ways", map[string]any{"location": "key:hq-2-210", "address": "12 Elm Street"}, 422, "/location required"},
		{"a place that is not there", map[string]any{"location": "key:none"}, 404, ""},
		{"an address that is none", map[string]any{"address": "9 Nowhere"}, 422, "/address invalid"},
		{"an unknown field", map[string]any{"place": "x"}, 422, "/place unknown_key"},
		{"an address", map[string]any{"address": "12 Elm Street, Cambridge, MA 02139"}, 200, ""},
		{"a place by its key", map[string]any{"location": "key:hq-2-210"}, 200, ""},
	} {
		before := len(k.registered)
		g := as("PUT", "/my/place", c.body)
		if g.status != c.status || g.faults() != c.faults || c.status != 200 && len(k.registered) != before {
			t.Errorf("%s: %d %s", c.name, g.status, g.text)
		}
		if c.status == 200 && (!strings.Contains(g.text, `"asked":[]`) || !strings.Contains(g.text, `"registered":true`)) {
			t.Errorf("%s: he is asked still: %s", c.name, g.text)
		}
	}
	if g := as("PUT", "/my/callback", map[string]any{"number": "(617) 555-0142"}); g.status != 200 || g.body["callback"] != "+16175550142" {
		t.Errorf("his callback number: %d %s", g.status, g.text)
	}
	if g := as("PUT", "/my/callback", map[string]any{"number": "12"}); g.status != 422 || g.faults() != "/callback format" {
		t.Errorf("no number: %d %s", g.status, g.text)
	}
	if g := as("DELETE", "/my", nil); g.status != 403 || !strings.Contains(g.text, "your administrator can") {
		t.Errorf("he deletes himself: %d %s", g.status, g.text)
	}
	if g := as("DELETE", "/users/key:uma", nil); g.status != 403 {
		t.Errorf("he deletes himself as a user: %d %s", g.status, g.text)
	}
	for who, want := range map[string]int{"organisation": 404, "nobody": 404, "other admin": 404, "security_desk": 404} { // nobody has a user of that address
		if g := p.as(who, "GET", base+"/my", nil); g.status != want {
			t.Errorf("%s reads %d %s", who, g.status, g.text)
		}
	}
	if g := p.do(p.key(e911.OrgID(p.org)), "GET", base+"/my", nil); g.status != 403 {
		t.Errorf("a program has a place: %d %s", g.status, g.text)
	}
	link := []string{"Authorization", "", "Test-Link", p.org, "X-Callbox-Request", "1"}
	if g := p.do("", "PUT", base+"/my/callback", map[string]any{"number": "+16175550142"}, link...); g.status != 403 {
		t.Errorf("who followed a link has a callback number: %d %s", g.status, g.text)
	}
	if g := p.do("", "DELETE", base+"/my", nil, "Authorization", "", personHead, p.who["user"]); g.status != http.StatusForbidden {
		t.Errorf("a page of another site: %d %s", g.status, g.text)
	}
	if err := p.desk.Take(t.Context(), p.who["organisation"], p.grantOf("user"), p.who["user"]); err != nil {
		t.Fatal(err)
	}
	if g := as("GET", "/my", nil); g.status != 404 {
		t.Errorf("who lost his role: %d %s", g.status, g.text)
	}
}

// grantOf is the role of somebody who has one.
func (p *people) grantOf(who string) string {
	p.t.Helper()
	var has []member.Grant
	_, has, err := p.desk.Of(p.t.Context(), p.who[who])
	if err != nil || len(has) != 1 || has[0].Role != access.User {
		p.t.Fatalf("%v %v", has, err)
	}
	return has[0].ID
}

// Proves: C-59: users and numbers say which of their fields a directory feeds; they can
// be sent back as they were read.
func TestFieldsThatADirectoryFeedsAreSaid(t *testing.T) {
	b := newBench(t, func(c *api.Config) { c.Feeds = feedsOne{} })
	org, _ := b.town()
	base := "/organisations/" + org
	ada := b.want(200, b.operator, "GET", base+"/users/key:ada", nil)
	if !strings.Contains(ada.text, `"synced":["name","email"]`) {
		t.Errorf("a user: %s", ada.text)
	}
	b.want(200, b.operator, "PUT", base+"/users/key:ada", ada.body, "If-Match", ada.etag())
	for path, want := range map[string]string{
		"/users": `"synced":["name","email"]`, "/numbers?number=617-555-0111": `"synced":["location","user"]`,
	} {
		if g := b.want(200, b.operator, "GET", base+path, nil); !strings.Contains(g.text, want) {
			t.Errorf("%s: %s", path, g.text)
		}
	}
	for _, path := range []string{"/devices", "/sites", "/users?key=nobody"} {
		if g := b.want(200, b.operator, "GET", base+path, nil); strings.Contains(g.text, "synced") {
			t.Errorf("%s: %s", path, g.text)
		}
	}
}
