package api_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Who was handed the link of an address by an administrator of a site is not its user.
//
// Proves: E14, N-45
func TestNobodyKeepsThePlaceOfWhoseAddressHeWasHanded(t *testing.T) {
	p := newPeople(t)
	k := p.mine()
	base := "/organisations/" + p.org
	p.want(201, p.operator, "POST", base+"/users", map[string]any{"site": "key:mill", "key": "eva", "name": "Eva", "email": "eva@example.com"})
	g, err := p.desk.Give(t.Context(), p.who["site_administrator"], member.Wish{
		Email: "eva@example.com", Role: access.Desk, At: access.Node{Org: p.org, Site: p.ids[e911.KindSite]},
	})
	if err == nil {
		_, err = p.desk.Follow(t.Context(), g.Secret, member.LinkInvitation)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.who["eva"] = g.Identity.ID
	if g := p.as("eva", "GET", base+"/my", nil); g.status != 403 || !strings.Contains(g.text, "not proved") {
		t.Errorf("he reads hers: %d %s", g.status, g.text)
	}
	if g := p.as("eva", "PUT", base+"/my/callback", map[string]any{"number": "+16175550142"}); g.status != 403 || len(k.callback) > 0 {
		t.Errorf("911 calls her back at his: %d %s", g.status, g.text)
	}
}
