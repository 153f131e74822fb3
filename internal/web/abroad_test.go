package web_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
)

// Who is in a country without service is told so, and what to dial, before he needs it;
// the text that every user accepts says it too.
//
// Proves: N-36
func TestAUserAbroadIsToldBeforeUse(t *testing.T) {
	b := newSetUpBench(t, "uma@example.com", "vic@example.com")
	ctx := t.Context()
	site, err := b.editor.Sites.Create(ctx, "test", e911.Site{Org: b.org, Key: "berlin", Name: "Berlin", Zone: "Europe/Berlin", Mode: e911.ModeDynamic, Stage: e911.StageNone})
	b.must(err)
	_, err = b.editor.Users.Create(ctx, "test", e911.User{Org: b.org, Site: site.Value.ID, Key: "vic", Name: "Vic", Email: "vic@example.com"})
	b.must(err)
	uma, _ := b.signIn("uma@example.com")
	vic, _ := b.signIn("vic@example.com")
	const told = "This service carries no emergency calls in DE."
	if _, _, html := vic.get("/my"); strings.Contains(html, "carries no emergency calls in") || !strings.Contains(html, "911 works at once") {
		t.Error("somebody whose country is not known is told of one")
	}
	_, err = b.editor.Buildings.Create(ctx, "test", e911.Building{
		Org: b.org, Site: site.Value.ID, Key: "spree", Name: "Spree", Address: e911.Civic{Country: "DE", A1: "BE", A3: "Berlin", RD: "Spreeufer", HNO: "1", PC: "10178"},
		Point: &e911.Point{Lat: 52.5163, Lon: 13.4053},
	})
	b.must(err)
	for _, c := range []struct {
		name string
		who  person
		want bool
	}{
		{"somebody in Berlin", vic, true}, {"somebody in Cambridge", uma, false},
	} {
		status, _, html := c.who.get("/my")
		if status != 200 || strings.Contains(html, told) != c.want || strings.Contains(html, "911 works at once") == c.want {
			t.Errorf("%s: %d, told: %t: %s", c.name, status, strings.Contains(html, told), html)
		}
		if c.want && !strings.Contains(html, "Dial 112") {
			t.Errorf("%s is not told what to dial: %s", c.name, html)
		}
		if !strings.Contains(html, "Outside the United States and Canada") {
			t.Errorf("%s: the text to accept says nothing of other countries", c.name)
		}
	}
}
