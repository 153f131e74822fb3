package web_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Eva is a user of the organisation, and has no account. Who was handed the link of her
// address, by another organisation or by the administrator of one site, is not she.
//
// Proves: E14, N-45
func TestNobodySeesThePlaceOfWhoseAddressHeWasHanded(t *testing.T) {
	b := newSetUpBench(t)
	site := e911.SiteID("")
	for s := range b.world().Org(b.org).Sites() {
		if s.Key == "hq" {
			site = s.ID
		}
	}
	for _, c := range []struct {
		email string
		at    access.Node
	}{
		{"eva@example.com", access.Node{Org: "quay"}},
		{"edi@example.com", access.Node{Org: string(b.org), Site: string(b.annex)}},
	} {
		key, _, _ := strings.Cut(c.email, "@")
		u, err := b.editor.Users.Create(t.Context(), "test", e911.User{Org: b.org, Site: site, Key: key, Name: key, Email: c.email})
		b.must(err)
		number := map[string]e911.Number{"eva": "+16175550178", "edi": "+16175550179"}[key]
		_, err = b.editor.Numbers.Create(t.Context(), "test", e911.NumberRec{Org: b.org, Site: site, Number: number, User: u.Value.ID})
		b.must(err)
		b.squat(c.email, c.at)
		p, _ := b.signIn(c.email)
		at, err := url.Parse(b.base)
		b.must(err)
		p.c.Jar.SetCookies(at, []*http.Cookie{{Name: "callbox_org", Value: string(b.org), Path: "/"}})
		_, _, profile := p.get("/profile")
		for _, path := range []string{"place", "delete", "callback"} {
			status, _, text := p.send("/my/"+path, url.Values{"form": {tokenOf(profile)}, "org": {string(b.org)}, "number": {"+16175550100"}})
			if status != http.StatusForbidden || strings.Contains(text, string(number[2:])) || strings.Contains(text, `name="location"`) {
				t.Errorf("%s, %s: %d, and the answer shows what is hers: %s", c.email, path, status, text)
			}
		}
		if status, _, text := p.get("/my"); status != http.StatusForbidden || strings.Contains(text, string(number[2:])) {
			t.Errorf("%s: the page: %d %s", c.email, status, text)
		}
		if b.said.callback != "" {
			t.Errorf("%s: 911 calls back on %s", c.email, b.said.callback)
		}
	}
}

// squat gives a role by one who is handed the link, and signs in by it.
func (b *setUpBench) squat(email string, at access.Node) {
	b.t.Helper()
	desk, err := member.New(member.Config{Now: b.now, Store: func() member.Store { return b.store }})
	b.must(err)
	signs, err := signon.New(signon.Config{Now: b.now, Log: slog.New(slog.DiscardHandler), Issuer: "Callbox", Store: func() signon.Store { return b.store }})
	b.must(err)
	by := ""
	if at.Site == "" {
		g, err := desk.Give(b.t.Context(), member.Operator, member.Wish{Email: "admin@quay.example", Role: access.Organisation, At: at})
		b.must(err)
		by = g.Identity.ID
	} else {
		who, err := desk.Find(b.t.Context(), "sid@example.com")
		b.must(err)
		by = who.ID
	}
	g, err := desk.Give(b.t.Context(), by, member.Wish{Email: email, Role: access.Desk, At: at})
	b.must(err)
	_, err = desk.Follow(b.t.Context(), g.Secret, member.LinkInvitation)
	b.must(err)
	b.must(signs.SetPassword(b.t.Context(), g.Identity.ID, "", guardPassword, "", true))
}
