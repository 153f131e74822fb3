package web_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/signon/passkey"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
)

// keyed is the pages at http://localhost, with a guard of harbor who has a password.
type keyed struct {
	base string
	mu   sync.Mutex
	now  time.Time
	mail []string
}

func (k *keyed) clock() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *keyed) later(by time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(by)
}

func (k *keyed) post(_, _, text string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mail = append(k.mail, text)
	return true
}

func (k *keyed) mails() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.mail, "\n")
}

func newKeyed(t *testing.T) *keyed {
	t.Helper()
	s := newSite(t, noon)
	k := &keyed{now: noon}
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, k.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	k.base = "http://localhost:" + port
	party, err := passkey.New(k.base, "Callbox")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := &web.People{Mail: k.post}
	if p.Members, err = member.New(member.Config{Now: k.clock, Store: func() member.Store { return st }}); err != nil {
		t.Fatal(err)
	}
	if p.SignOn, err = signon.New(signon.Config{
		Now: k.clock, Log: log, Issuer: "Callbox", Passkeys: party, Ring: s.ring, Mail: k.post, Store: func() signon.Store { return st },
	}); err != nil {
		t.Fatal(err)
	}
	h, err := web.New(web.Config{Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: k.base, Now: k.clock, Log: log, Lists: &s.lists, People: p})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(func() { h.Close(); server.Close() })
	if _, err := p.Members.First(t.Context(), "operator", "root@example.com", "Root"); err != nil {
		t.Fatal(err)
	}
	g, err := p.Members.Give(t.Context(), member.Operator, member.Wish{Email: "gus@example.com", Name: "Gus Guard", Role: access.Organisation, At: access.Node{Org: string(harbor)}})
	if err == nil {
		err = p.SignOn.SetPassword(t.Context(), g.Identity.ID, "", guardPassword, "", true)
	}
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return k
}

func (b *browser) visit(url, shows string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	b.until(`document.readyState === 'complete' && document.querySelector(` + "`" + shows + "`" + `) !== null`)
}

// press presses a button once it can be pressed.
func (b *browser) press(button string) {
	b.t.Helper()
	b.until(`(() => { const x = document.querySelector(` + "`" + button + "`" + `); return x && !x.disabled && x.getClientRects().length > 0; })()`)
	eval[bool](b, `document.querySelector(`+"`"+button+"`"+`).click(), true`)
}

func (b *browser) says(text string) {
	b.t.Helper()
	b.until(`document.readyState === 'complete' && document.body.innerText.includes(` + "`" + text + "`" + `)`)
}

// looked keeps pictures of the page at two widths, and refuses one that is too wide.
func (b *browser) looked(name string) {
	b.t.Helper()
	for width, height := range map[int64]int64{1280: 900, 390: 844} {
		b.do(chromedp.EmulateViewport(width, height))
		if wide := eval[bool](b, `document.documentElement.scrollWidth > innerWidth`); wide {
			b.t.Errorf("%s is wider than %d", name, width)
		}
		keepPicture(b, name+map[int64]string{1280: "-1280", 390: "-390"}[width])
	}
}

// authenticator gives the browser one that answers at once; it returns its id.
func (b *browser) authenticator(verifies bool) string {
	b.t.Helper()
	var out struct {
		ID string `json:"authenticatorId"`
	}
	b.do(call("WebAuthn.enable", map[string]any{"enableUI": false}), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		return t.Call(ctx, "WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{
			"protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
			"isUserVerified": verifies, "automaticPresenceSimulation": true,
		}}, &out)
	}))
	return out.ID
}

// Seven seconds: a browser registers, signs in and drops a passkey.
//
// Proves: C-60a, D-16, E14
func TestAPasskeyInABrowser(t *testing.T) {
	k := newKeyed(t)
	b := newBrowser(t, 1280, 900, false)
	b.authenticator(true)
	b.visit(k.base+"/sign-in", `form[action="/sign-in"]`)
	b.until(`document.querySelector('form[action="/sign-in/passkey"]').hidden === false`)
	b.looked("passkey-sign-in")
	b.press(`form[action="/sign-in/passkey"] button`)
	b.says("this device has none for this address")
	eval[bool](b, `document.querySelector('[name=email]').value='gus@example.com', document.querySelector('[name=password]').value='`+guardPassword+`', document.querySelector('form[action="/sign-in"]').submit(), true`)
	b.until(`document.getElementById('link')?.dataset.state === 'live'`)

	// After ten minutes the profile asks for a proof.
	k.later(11 * time.Minute)
	b.visit(k.base+"/profile", `form[action="/profile/prove"]`)
	b.looked("passkey-prove")
	if n := eval[int](b, `document.querySelectorAll('form[action="/profile/passkeys"], form[action="/profile/credentials/drop"]').length`); n != 0 {
		t.Errorf("an old session offers %d changes", n)
	}
	eval[bool](b, `document.querySelector('form[action="/profile/prove"] [name=password]').value='`+guardPassword+`', document.querySelector('form[action="/profile/prove"]').submit(), true`)
	b.until(`document.querySelector('form[action="/profile/passkeys"]')?.hidden === false`)
	eval[bool](b, `document.querySelector('[name=name][placeholder]').value='Work laptop', true`)
	b.press(`form[action="/profile/passkeys"] button`)
	b.says("“Work laptop” signs you in from now on.")
	b.looked("passkey-profile")

	// An authenticator that holds one of his makes no second.
	b.press(`form[action="/profile/passkeys"] button`)
	b.says("This device has a passkey of yours already.")

	signOut := func() {
		b.visit(k.base+"/profile", `form[action="/sign-out"]`)
		b.press(`form[action="/sign-out"] button`)
		// The page of sign-in may have found the passkey already, and be left again.
		b.until(`location.pathname !== '/profile' && document.readyState === 'complete'`)
	}
	// The browser's own offer may be quicker than the button, and the page gone by then.
	tap := func() {
		eval[bool](b, `(document.querySelector('form[action="/sign-in/passkey"] button')?.click(), true)`)
	}
	signOut()
	b.until(`location.pathname !== '/sign-in' || document.querySelector('form[action="/sign-in/passkey"]')?.hidden === false`)
	tap()
	b.until(`document.getElementById('link')?.dataset.state === 'live'`)

	// It proves him again too, and he drops it.
	k.later(11 * time.Minute)
	b.visit(k.base+"/profile", `form[action="/profile/prove"][data-passkey]`)
	b.press(`form[action="/profile/prove"][data-passkey] button`)
	b.until(`document.querySelector('form[action="/profile/credentials/drop"]') !== null`)
	b.press(`[aria-label="Take away: Work laptop"]`)
	b.says("It is taken away")
	signOut()
	b.until(`document.querySelector('form[action="/sign-in/passkey"]')?.hidden === false || document.querySelector('.card .fault:not([hidden])') !== null`)
	if !eval[bool](b, `document.body.innerText.includes('does not sign in here')`) {
		tap()
	}
	b.says("this passkey does not sign in here")
	if m := k.mails(); !strings.Contains(m, "A passkey was added: Work laptop.") || !strings.Contains(m, "A passkey was taken away: Work laptop.") {
		t.Errorf("mails: %s", m)
	}
	for _, c := range b.complaints() {
		if !strings.Contains(c, "403") { // what was refused
			t.Errorf("the browser complains: %s", c)
		}
	}
}
