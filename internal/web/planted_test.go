package web_test

import (
	"net/http"
	"net/url"
	"testing"
)

// Somebody plants his own session in the browser of another, who then signs in: the
// session that begins is a new one, and the planted one stays whose it was.
//
// Proves: C-60a, E14; issue 9 "Bad input" (session fixation)
func TestASessionThatSomebodyPlantedIsNotGoneOnWith(t *testing.T) {
	base, _, _ := peopled(t)
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	held := func(v *visitor) (session, form string) {
		for _, c := range v.c.Jar.Cookies(u) {
			switch c.Name {
			case "callbox_person":
				session = c.Value
			case "callbox_form":
				form = c.Value
			}
		}
		return session, form
	}
	in := func(v *visitor) {
		t.Helper()
		v.open("/sign-in")
		if status, path := v.send("/sign-in", "email", "gus@example.com", "password", guardPassword); status != 200 || path != "/calls" {
			t.Fatalf("sign-in: %d at %s\n%s", status, path, v.last)
		}
	}
	mallory, victim := newVisitor(t, base), newVisitor(t, base)
	in(mallory)
	planted, form := held(mallory)
	if planted == "" || form == "" {
		t.Fatal("no session or no token of forms after a sign-in")
	}
	victim.c.Jar.SetCookies(u, []*http.Cookie{
		{Name: "callbox_person", Value: planted, Path: "/"}, {Name: "callbox_form", Value: form, Path: "/"},
	})
	if status, path := victim.open("/profile"); status != 200 || path != "/profile" {
		t.Fatalf("the planted session: %d at %s", status, path)
	}
	in(victim)
	session, token := held(victim)
	if session == planted || session == "" {
		t.Error("who signed in goes on with the session that was planted")
	}
	if token == form || token == "" {
		t.Error("who signed in goes on with the token of forms that was planted")
	}
	victim.open("/profile")
	if status, _ := victim.send("/sign-out"); status != 200 {
		t.Fatalf("signing out: %d", status)
	}
	if status, _ := mallory.open("/profile"); status != 200 {
		t.Errorf("the session that was planted ended with the other one: %d", status)
	}
}

// Proves: C-60a; issue 9 "Bad input" (open redirect)
func TestSigningInLeadsToNoOtherSite(t *testing.T) {
	base, _, _ := peopled(t)
	for _, next := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, `\\evil.example`, "https:evil.example", "/calls/..//evil.example",
		"javascript:alert(1)", "/\t/evil.example", "/%09/evil.example", "@evil.example", "/calls@evil.example/../..//evil.example",
	} {
		v := newVisitor(t, base)
		v.c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Host != v.base[len("http://"):] || r.URL.Path != "/calls" { // browsers read a backslash as a slash
				t.Errorf("%q leads to %s", next, r.URL)
			}
			return nil
		}
		v.open("/sign-in?next=" + url.QueryEscape(next))
		if status, _ := v.send("/sign-in", "email", "gus@example.com", "password", guardPassword, "next", next); status != 200 {
			t.Errorf("%q: %d", next, status)
		}
	}
}
