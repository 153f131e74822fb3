package web_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/rules/access"
)

// beaMakesAKey lets Gus invite another administrator, who makes a key.
func beaMakesAKey(t *testing.T, base string, members *member.Desk) (gus member.Identity, g member.Given, bea *formUser) {
	t.Helper()
	ctx := t.Context()
	gus, err := members.Find(ctx, "gus@example.com")
	if err == nil {
		g, err = members.Give(ctx, gus.ID, member.Wish{Email: "bea@example.com", Name: "Bea", Role: access.Organisation, At: access.Node{Org: string(harbor)}})
	}
	if err != nil {
		t.Fatal(err)
	}
	bea = newFormUser(t, base)
	bea.get("/invitation?t=" + g.Secret)
	bea.post("/invitation", "t", g.Secret, "password", guardPassword)
	bea.get("/keys")
	bea.post("/keys", "name", "nightly feed", "scope", "read", "scope", "imports", "days", "90")
	if !shownKey.MatchString(bea.page) {
		t.Fatalf("Bea makes a key: %d at %s: %s", bea.status, bea.where, bea.page)
	}
	return gus, g, bea
}

// Who takes somebody's role away sees at that moment which keys he knows, and ends
// them all by one press.
//
// Proves: E14, N-17, N-42
func TestKeysOfWhoLeavesAreShownAndEnded(t *testing.T) {
	base, _, members := peopled(t)
	gus, g, bea := beaMakesAKey(t, base, members)
	v := newFormUser(t, base)
	v.signIn("gus@example.com", guardPassword)
	v.get("/keys")
	v.post("/keys", "name", "his own", "scope", "read", "days", "90")
	v.get("/keys")
	if strings.Contains(v.page, "known to") {
		t.Errorf("while she is there: %s", v.page)
	}
	v.get("/members")
	v.post("/members/remove", "grant", g.Grant.ID)
	for _, want := range []string{"One key is known to Bea (bea@example.com)", "nightly feed", `action="/keys/held/end"`, `value="` + g.Identity.ID + `"`} {
		if v.status != 200 || !strings.Contains(v.page, want) {
			t.Errorf("when her role is taken the page does not say %q: %d: %s", want, v.status, v.page)
		}
	}
	bea.get("/profile")
	if bea.post("/keys/held/end", "identity", gus.ID); bea.status != 403 {
		t.Errorf("who has no role ends keys: %d", bea.status)
	}
	v.get("/keys")
	if !strings.Contains(v.page, "Known to Bea (bea@example.com), who has no role any more") || strings.Count(v.page, "Known to") != 1 {
		t.Errorf("the list: %s", v.page)
	}
	if v.post("/keys/held/end", "identity", g.Identity.ID); v.status != 200 || !strings.Contains(v.page, "One key has ended") || strings.Contains(v.page, "nown to Bea") || !strings.Contains(v.page, "his own") {
		t.Errorf("ended: %d: %s", v.status, v.page)
	}
}
