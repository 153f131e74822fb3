package web_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/web/signin"
)

// visitor is a browser without scripts.
type visitor struct {
	t    *testing.T
	c    *http.Client
	base string
	last string // the page that is open
}

func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, base: base, c: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

func (v *visitor) done(resp *http.Response, err error) (int, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.last = string(b)
	return resp.StatusCode, resp.Request.URL.Path
}

func (v *visitor) open(path string) (int, string) {
	v.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.base + path
	}
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, path, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.done(v.c.Do(req))
}

var formToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

// send sends a form of the page that is open; fields are names and values.
func (v *visitor) send(path string, fields ...string) (int, string) {
	v.t.Helper()
	form := url.Values{}
	if m := formToken.FindStringSubmatch(v.last); m != nil {
		form.Set("form", m[1])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.done(v.c.Do(req))
}

// From a link to somebody who is signed in, and out again, by the pages alone.
//
// Proves: N-05, N-16, W-27, C-54, C-56, E14
func TestPeopleAreInvitedAndSignIn(t *testing.T) {
	base, _, members := peopled(t)
	root, secret, err := members.NewLink(t.Context(), "root@example.com", member.LinkInvitation, time.Hour)
	if err != nil || root.ID == "" {
		t.Fatal(root, err)
	}
	link := signin.Link(base, member.LinkInvitation, secret)
	ann := newVisitor(t, base)
	at := func(v *visitor, what string, status int, path string, gotStatus int, gotPath string) {
		t.Helper()
		if status != gotStatus || path != gotPath {
			t.Fatalf("%s: %d at %s, want %d at %s\n%s", what, gotStatus, gotPath, status, path, v.last)
		}
	}
	do := func(v *visitor, what string, status int, path string, f func() (int, string)) {
		t.Helper()
		gotStatus, gotPath := f()
		at(v, what, status, path, gotStatus, gotPath)
	}
	do(ann, "the link is looked at", 200, "/invitation", func() (int, string) { return ann.open(link) })
	do(ann, "and again: looking does not use it up", 200, "/invitation", func() (int, string) { return ann.open(link) })
	do(ann, "a weak password", 422, "/invitation", func() (int, string) { return ann.send("/invitation", "t", secret, "password", "password1234") })
	do(ann, "a good one signs her in", 200, "/profile", func() (int, string) { return ann.send("/invitation", "t", secret, "password", guardPassword) })
	do(ann, "the link works once", 403, "/invitation", func() (int, string) { return ann.open(link) })
	ann.open("/profile")
	do(ann, "she signs out", 200, "/sign-in", func() (int, string) { return ann.send("/sign-out") })
	do(ann, "a wrong password", 403, "/sign-in", func() (int, string) { return ann.send("/sign-in", "email", "root@example.com", "password", "no") })
	wrong := ann.last
	do(ann, "nobody of that address", 403, "/sign-in", func() (int, string) { return ann.send("/sign-in", "email", "rood@example.com", "password", "no") })
	if strings.ReplaceAll(wrong, "root@", "") != strings.ReplaceAll(ann.last, "rood@", "") {
		t.Error("a page tells who is known")
	}
	do(ann, "sign-in", 200, "/profile", func() (int, string) {
		return ann.send("/sign-in", "email", "root@example.com", "password", guardPassword)
	})
	do(ann, "a form without its token", 403, "/profile", func() (int, string) { ann.last = ""; return ann.send("/profile", "name", "Evil") })
	ann.open("/profile")
	do(ann, "her name", 200, "/profile", func() (int, string) { return ann.send("/profile", "name", "Ann Root", "language", "en") })
	do(ann, "one-time codes", 200, "/profile/codes", func() (int, string) { return ann.send("/profile/codes") })
	if !strings.Contains(ann.last, "data:image/png;base64,") {
		t.Error("there is no picture of the secret")
	}
	do(ann, "a wrong code", 422, "/profile/codes/confirm", func() (int, string) {
		return ann.send("/profile/codes/confirm", "secret", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "code", "12345")
	})
	for _, email := range []string{"root@example.com", "stranger@example.com"} {
		v := newVisitor(t, base)
		v.open("/forgotten")
		do(v, "forgotten: "+email, 200, "/forgotten", func() (int, string) { return v.send("/forgotten", "email", email) })
		if !strings.Contains(v.last, "If this address may sign in") {
			t.Errorf("%s is told %s", email, v.last)
		}
	}
	do(ann, "sign-out", 200, "/sign-in", func() (int, string) { return ann.send("/sign-out") })
	do(ann, "and she is out", 200, "/sign-in", func() (int, string) { return ann.open("/profile") })
}
