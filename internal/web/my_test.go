package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web"
)

// saidHere is what users said for the devices on which they are signed in.
type saidHere struct {
	signedIn bool
	phone    bool // his telephone is registered
	place    string
	callback e911.Number
	// registered is a place of whoever said so.
	registered string
}

func (s *saidHere) Say(_ e911.OrgID, _ e911.UserID, _ e911.LocationID, text string) ([]firstuse.Said, error) {
	switch {
	case !s.signedIn:
		return nil, nil
	case strings.Contains(text, "Nowhere"):
		return []firstuse.Said{{Why: "there is no such street", MayMean: []string{"12 Norway Street, Boston, MA 02115"}}}, nil
	case text != "":
		s.place = text
	}
	return []firstuse.Said{{Taken: true, Place: s.place}}, nil
}

func (s *saidHere) SayCallback(_ e911.OrgID, _ e911.UserID, n e911.Number) error {
	s.callback = n
	return nil
}

func (s *saidHere) Register(_ e911.OrgID, _ e911.UserID, location e911.LocationID, text string) (firstuse.Said, error) {
	if strings.Contains(text, "Nowhere") {
		return firstuse.Said{Why: "there is no such street"}, nil
	}
	if s.registered = text; location != "" {
		s.registered = string(location)
	}
	return firstuse.Said{Taken: true, Place: s.registered}, nil
}

func (s *saidHere) Kept(e911.OrgID, e911.UserID) firstuse.Kept {
	return firstuse.Kept{Callback: s.callback, Place: s.place, Registered: s.registered}
}

// noDirectory feeds nothing.
type noDirectory struct{}

func (noDirectory) Fed(context.Context, e911.OrgID, ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	return nil, nil
}

// mine is the page of a user's own. Uma has a line, and Ann, who administers, is a
// user as well.
func (b *setUpBench) mine() *web.My {
	b.t.Helper()
	site := e911.SiteID("")
	for s := range b.world().Org(b.org).Sites() {
		if s.Key == "hq" {
			site = s.ID
		}
	}
	for _, who := range []string{"uma", "ann"} {
		u, err := b.editor.Users.Create(b.t.Context(), "test", e911.User{Org: b.org, Site: site, Key: who, Name: who, Email: who + "@example.com"})
		b.must(err)
		if who == "uma" {
			_, err = b.editor.Numbers.Create(b.t.Context(), "test", e911.NumberRec{Org: b.org, Site: site, Number: "+16175550177", User: u.Value.ID})
			b.must(err)
		}
	}
	desk, err := firstuse.New(firstuse.Config{
		World: b.world, Devices: &b.said, Feeds: noDirectory{},
		Setup: func() (firstuse.Setup, error) {
			if b.down.Load() {
				return nil, e911.Errorf(e911.Unavailable, "the database is away")
			}
			return b.svc, nil
		},
		Numbers: func() (firstuse.Numbers, error) { return &b.editor.Numbers, nil },
	})
	b.must(err)
	return b.telephones(&web.My{Desk: desk, Published: func(context.Context) error { return nil }})
}

// line is the location of Uma's number.
func (b *setUpBench) line() (key string) {
	o := b.world().Org(b.org)
	for u := range o.Users() {
		if u.Key != "uma" {
			continue
		}
		for _, n := range o.NumbersOf(u.ID) {
			if p, ok := o.Place(n.Location); ok && n.Location != "" {
				key = p.Key
			}
		}
	}
	return key
}

func (b *setUpBench) location(key string) string {
	b.t.Helper()
	for l := range b.world().Org(b.org).Locations() {
		if l.Key == key {
			return string(l.ID)
		}
	}
	b.t.Fatalf("there is no location %s", key)
	return ""
}

// Proves: N-07, N-08, N-45, E14, F-24
func TestAUserSaysWhereHeIsOnHisPage(t *testing.T) {
	b := newSetUpBench(t, "uma@example.com")
	p, landed := b.signIn("uma@example.com")
	if landed != "/my" {
		t.Errorf("a user lands on %s", landed)
	}
	for _, from := range []string{"/", "/calls"} {
		if _, at, _ := p.get(from); at != "/my" {
			t.Errorf("%s leads a user to %s", from, at)
		}
	}
	_, _, page := p.get("/my")
	for _, want := range []string{"911 works at once", "I have read this", "Nobody knows yet where you are", `name="location"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	place := ""
	for l := range b.world().Org(b.org).Locations() {
		place = l.Key
	}
	for _, c := range []struct {
		name, action string
		form         url.Values
		status       int
		says         string
	}{
		{"an old version of the text", "/my/accept", url.Values{"version": {"2001-01"}}, http.StatusUnprocessableEntity, "I have read this"},
		{"the text", "/my/accept", nil, http.StatusOK, "Kept: you have read it."},
		{"no place", "/my/place", url.Values{"location": {""}}, http.StatusUnprocessableEntity, "There is no such place."},
		{"a place of nobody", "/my/place", url.Values{"location": {"x"}}, http.StatusUnprocessableEntity, "Choose one of the list."},
		{"a place", "/my/place", url.Values{"location": {b.location(place)}}, http.StatusOK, "Calls from +16175550177"},
		{"an address without a device", "/my/elsewhere", url.Values{"address": {"12 Elm Street, Cambridge, MA 02139"}}, http.StatusUnprocessableEntity, "dial 911 and say your address first"},
		{"no number", "/my/callback", url.Values{"number": {"12"}}, http.StatusUnprocessableEntity, "This is no telephone number."},
		{"a number", "/my/callback", url.Values{"number": {"(617) 555-0102"}}, http.StatusOK, `value="+16175550102"`},
	} {
		status, _, text := p.fill("/my", c.action, c.form)
		if status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d, and %q is not in: %s", c.name, status, c.says, text)
		}
	}
	if got := b.line(); got != place {
		t.Errorf("calls from the number say %q, want %q", got, place)
	}
	b.said.signedIn = true
	if status, _, text := p.fill("/my", "/my/elsewhere", url.Values{"address": {"9 Nowhere"}}); status != http.StatusUnprocessableEntity || !strings.Contains(text, "12 Norway Street") || !strings.Contains(text, `value="9 Nowhere"`) {
		t.Errorf("an address that is none: %d %s", status, text)
	}
	if status, _, text := p.fill("/my", "/my/elsewhere", url.Values{"address": {"12 Elm Street"}}); status != http.StatusOK || !strings.Contains(text, "On your devices: <strong>12 Elm Street") {
		t.Errorf("an address elsewhere: %d %s", status, text)
	}
}

// Proves: N-45, N-07, E14, D-12
func TestWhatThePageOfAUsersOwnRefuses(t *testing.T) {
	b := newSetUpBench(t, "uma@example.com", "vic@example.com")
	uma, _ := b.signIn("uma@example.com")
	_, _, page := uma.get("/my")
	good := uma.hidden(page, "/my/place", url.Values{"location": {"x"}})
	if status, _, text := uma.send("/my/delete", good); status != http.StatusForbidden || !strings.Contains(text, "You cannot delete yourself") {
		t.Errorf("he deletes himself: %d %s", status, text)
	}
	var who edit.Stored[e911.User]
	for u := range b.world().Org(b.org).Users() {
		if u.Key == "uma" {
			who.Value = u
		}
	}
	if who.Value.ID == "" {
		t.Error("she is gone")
	}
	for _, action := range []string{"accept", "place", "elsewhere", "callback", "delete"} {
		for name, form := range map[string]url.Values{"no token": {"org": {string(b.org)}}, "another's token": {"org": {string(b.org)}, "form": {strings.Repeat("x", 43)}}} {
			if status, _, _ := uma.send("/my/"+action, form); status != http.StatusForbidden {
				t.Errorf("%s with %s: %d", action, name, status)
			}
		}
	}
	good.Set("org", "another")
	if status, _, text := uma.send("/my/place", good); status != http.StatusConflict || b.line() != "" {
		t.Errorf("another organisation was opened meanwhile: %d %s", status, text)
	}
	nobody := person{b, &http.Client{Jar: newJar(t)}}
	if _, at, _ := nobody.get("/my"); at != "/sign-in" {
		t.Errorf("who is not signed in sees %s", at)
	}
	vic := person{b, &http.Client{Jar: newJar(t)}}
	_, _, form := vic.get("/sign-in")
	_, landed, _ := vic.send("/sign-in", url.Values{"form": {tokenOf(form)}, "email": {"vic@example.com"}, "password": {guardPassword}})
	if status, _, text := vic.get("/my"); landed != "/my" || status != http.StatusNotFound || !strings.Contains(text, "ask your administrator") || !strings.Contains(text, "911 works at once") || strings.Contains(text, `name="location"`) {
		t.Errorf("who is no user lands on %s: %d %s", landed, status, text)
	}
	b.down.Store(true)
	if status, _, text := uma.get("/my"); status != http.StatusServiceUnavailable || !strings.Contains(text, "911 works at once") || !strings.Contains(text, "The database is away.") {
		t.Errorf("without the database: %d %s", status, text)
	}
}

// Proves: N-07, N-45: who has more to do lands where he did, and has a way to his page.
func TestWhoAdministersFindsThePageOfHisOwn(t *testing.T) {
	b := newSetUpBench(t)
	ann, landed := b.signIn("ann@example.com")
	if landed != "/setup" {
		t.Errorf("an administrator lands on %s", landed)
	}
	for _, from := range []string{"/calls", "/profile"} {
		if _, _, text := ann.get(from); !strings.Contains(text, `href="/my"`) {
			t.Errorf("%s has no way to the page of her own", from)
		}
	}
	if status, _, text := ann.get("/my"); status != http.StatusOK || !strings.Contains(text, "Where are you?") {
		t.Errorf("%d %s", status, text)
	}
}

// Proves: N-07, N-08, N-45
func TestThePageOfAUsersOwnInABrowser(t *testing.T) {
	s := newSetUpBench(t, "uma@example.com")
	s.said.signedIn = true
	b := newBrowser(t, 1280, 900, false)
	b.do(chromedp.Navigate(s.base + "/sign-in"))
	b.until(`document.querySelector('form[action="/sign-in"]') !== null`)
	press(b, "/sign-in", "Sign in", "email", "uma@example.com", "password", guardPassword)
	look := func(name string) {
		t.Helper()
		for width, text := range map[int64]string{1280: "-1280", 390: "-390"} {
			b.do(chromedp.EmulateViewport(width, 900))
			if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s is wider than %d", name, width)
			}
			keepPicture(b, "my-"+name+text)
		}
	}
	if at := eval[string](b, `location.pathname`); at != "/my" {
		t.Fatalf("a user lands on %s", at)
	}
	look("1-first")
	press(b, "/my/accept", "I have read this")
	press(b, "/my/place", "Keep this place", "location", eval[string](b, `document.querySelector('select[name=location]').options[1].value`))
	if s.line() == "" {
		t.Error("the place was not kept")
	}
	press(b, "/my/elsewhere", "Keep this address", "address", "12 Elm Street, Unit 3, Cambridge, MA 02139")
	press(b, "/my/callback", "Keep this number", "number", "617 555 0102")
	look("2-kept")
	press(b, "/my/elsewhere", "Keep this address", "address", "9 Nowhere")
	look("3-refused")
	if unnamed := eval[int](b, `[...document.querySelectorAll('input:not([type=hidden]),select')].filter((e) => !e.labels || !e.labels.length).length`); unnamed > 0 {
		t.Errorf("%d fields have no label", unnamed)
	}
	if c := b.complaints(); len(c) > 0 {
		for _, x := range c {
			if !strings.Contains(x, "422") {
				t.Errorf("the browser complains: %s", x)
			}
		}
	}
}
