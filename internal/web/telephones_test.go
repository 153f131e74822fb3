package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web"
)

// telephones adds the page of one's own telephones to that of one's own.
func (b *setUpBench) telephones(my *web.My) *web.My {
	b.t.Helper()
	var err error
	my.Telephones, err = ownphone.New(ownphone.Config{
		User: my.Desk.User, Now: b.now,
		Devices: func() (ownphone.Devices, error) {
			if b.down.Load() {
				return nil, e911.Errorf(e911.Unavailable, "the database is away")
			}
			return &b.editor.Devices, nil
		},
		Registered: func(_ e911.OrgID, user string) []ownphone.Registration {
			if !b.said.phone {
				return nil
			}
			return []ownphone.Registration{{Agent: "Yealink SIP-T46U 108.86.0.20", Since: b.now(), Until: b.now().Add(time.Hour)}}
		},
		Ways: func() []ownphone.Way {
			return []ownphone.Way{{Transport: "udp", Port: 5060}, {Transport: "tcp", Port: 5060}, {Transport: "tls", Port: 5061}}
		},
	})
	b.must(err)
	my.Asking = firstuse.Asking{Now: b.now, Users: func() (firstuse.Users, error) { return &b.editor.Users, nil }}
	return my
}

// registering gives the telephones of the organisation a name to register with.
func (b *setUpBench) registering() {
	b.t.Helper()
	o, err := b.editor.Orgs.Get(b.t.Context(), b.org, string(b.org))
	b.must(err)
	o.Value.SIPDomain = "phones.harbor.example"
	_, err = b.editor.Orgs.Update(b.t.Context(), "test", o.Value, o.Version)
	b.must(err)
}

// secretOf is the password that a page shows; none: it shows none.
func secretOf(page string) string {
	_, rest, _ := strings.Cut(page, "<dt>Password</dt>")
	_, rest, _ = strings.Cut(rest, "<code>")
	secret, _, _ := strings.Cut(rest, "</code>")
	return secret
}

// Proves: C-64, N-07, E14
func TestAUserSetsUpATelephoneOnHisPage(t *testing.T) {
	b := newSetUpBench(t, "uma@example.com")
	uma, _ := b.signIn("uma@example.com")
	if _, _, text := uma.get("/my/telephones"); !strings.Contains(text, "do not register with Callbox") || strings.Contains(text, "/my/telephones/new") {
		t.Errorf("an organisation whose telephones do not register: %s", text)
	}
	b.registering()
	if _, _, text := uma.get("/my"); !strings.Contains(text, `href="/my/telephones"`) {
		t.Error("her page has no way to her telephones")
	}
	for u := range b.world().Org(b.org).Users() {
		if asked := u.Key == "uma"; asked == u.Asked.IsZero() {
			t.Errorf("%s was asked at %v", u.Key, u.Asked)
		}
	}
	_, _, page := uma.get("/my/telephones")
	_, once, _ := strings.Cut(page, `name="once" value="`)
	form := uma.hidden(page, "/my/telephones/new", url.Values{"name": {"my desk"}, "once": {once[:16]}})
	status, _, made := uma.send("/my/telephones/new", form)
	first := secretOf(made)
	for _, want := range []string{"phones.harbor.example", "shown this once", "TLS, port 5061; else TCP, port 5060; else UDP, port 5060", "933", "my desk"} {
		if status != http.StatusOK || len(first) != 20 || !strings.Contains(made, want) {
			t.Errorf("%d, a password of %d letters, and %q is not in: %s", status, len(first), want, made)
		}
	}
	if status, _, text := uma.send("/my/telephones/new", form); status != http.StatusConflict || secretOf(text) != "" || !strings.Contains(text, "a moment ago") {
		t.Errorf("the same press again: %d %s", status, text)
	}
	b.said.phone = true
	if _, _, text := uma.get("/my/telephones"); strings.Contains(text, first) || !strings.Contains(text, "Registered now: Yealink SIP-T46U") {
		t.Errorf("afterwards: %s", text)
	}
	status, _, renewed := uma.fill("/my/telephones", "/my/telephones/renew", nil)
	if secret := secretOf(renewed); status != http.StatusOK || len(secret) != 20 || secret == first {
		t.Errorf("a new password: %d %q", status, secret)
	}
	if status, _, text := uma.fill("/my/telephones", "/my/telephones/remove", nil); status != http.StatusOK || !strings.Contains(text, "911 from it is heard all the same") || !strings.Contains(text, "Password taken away on") {
		t.Errorf("taken away: %d %s", status, text)
	}
}

// Proves: C-64, E14: tokens of forms, who may, what others have, and the database away.
func TestWhatThePageOfTelephonesRefuses(t *testing.T) {
	b := newSetUpBench(t, "uma@example.com", "vic@example.com")
	b.registering()
	uma, _ := b.signIn("uma@example.com")
	for _, action := range []string{"new", "renew", "remove"} {
		if status, _, _ := uma.send("/my/telephones/"+action, url.Values{"org": {string(b.org)}, "form": {strings.Repeat("x", 43)}}); status != http.StatusForbidden {
			t.Errorf("%s with another's token: %d", action, status)
		}
	}
	_, _, page := uma.get("/my/telephones")
	other := uma.hidden(page, "/my/telephones/new", nil)
	other.Set("org", "another")
	if status, _, _ := uma.send("/my/telephones/new", other); status != http.StatusConflict {
		t.Errorf("another organisation was opened meanwhile: %d", status)
	}
	long := url.Values{"name": {strings.Repeat("x", 61)}}
	if status, _, text := uma.fill("/my/telephones", "/my/telephones/new", long); status != http.StatusUnprocessableEntity || secretOf(text) != "" || !strings.Contains(text, long.Get("name")) {
		t.Errorf("a long name: %d %s", status, text)
	}
	status, _, _ := uma.fill("/my/telephones", "/my/telephones/new", nil)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	vic := person{b, &http.Client{Jar: newJar(t)}}
	_, _, signIn := vic.get("/sign-in")
	vic.send("/sign-in", url.Values{"form": {tokenOf(signIn)}, "email": {"vic@example.com"}, "password": {guardPassword}})
	var id e911.DeviceID
	for d := range b.world().Org(b.org).Devices() {
		if d.SIP != nil && d.SIP.Own != nil {
			id = d.ID
		}
	}
	_, _, vics := vic.get("/profile")
	if status, _, _ := vic.send("/my/telephones/renew", url.Values{"form": {tokenOf(vics)}, "org": {string(b.org)}, "id": {string(id)}}); status != http.StatusNotFound {
		t.Errorf("who is no user renews a telephone of another: %d", status)
	}
	nobody := person{b, &http.Client{Jar: newJar(t)}}
	if _, at, _ := nobody.get("/my/telephones"); at != "/sign-in" {
		t.Errorf("who is not signed in sees %s", at)
	}
	b.down.Store(true)
	if status, _, text := uma.get("/my/telephones"); status != http.StatusOK || !strings.Contains(text, "The database is away") || strings.Contains(text, "/my/telephones/renew") || !strings.Contains(text, "My telephone") {
		t.Errorf("without the database: %d %s", status, text)
	}
}

// Proves: C-64
func TestThePageOfTelephonesInABrowser(t *testing.T) {
	s := newSetUpBench(t, "uma@example.com")
	s.registering()
	b := newBrowser(t, 1280, 900, false)
	b.do(chromedp.Navigate(s.base + "/sign-in"))
	b.until(`document.querySelector('form[action="/sign-in"]') !== null`)
	press(b, "/sign-in", "Sign in", "email", "uma@example.com", "password", guardPassword)
	b.do(chromedp.Navigate(s.base + "/my/telephones"))
	look := func(name string) {
		t.Helper()
		for width, text := range map[int64]string{1280: "-1280", 390: "-390"} {
			b.do(chromedp.EmulateViewport(width, 900))
			if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s is wider than %d", name, width)
			}
			keepPicture(b, "telephones-"+name+text)
		}
	}
	look("1-none")
	press(b, "/my/telephones/new", "Get a name and a password", "name", "my desk")
	if !eval[bool](b, `document.querySelector('.my-secret code') !== null`) {
		t.Fatal("no password is shown")
	}
	eval[bool](b, `document.querySelector('.my-secret details').open = true`)
	look("2-made")
	s.said.phone = true
	b.do(chromedp.Navigate(s.base + "/my/telephones"))
	look("3-registered")
	press(b, "/my/telephones/remove", "Take the password away")
	look("4-removed")
}
