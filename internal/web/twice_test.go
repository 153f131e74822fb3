package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
)

// gone is a store whose client goes away as soon as something of members is written.
type gone struct {
	*sqlite.Store
	leave *func()
}

func (g gone) WriteMembers(ctx context.Context, who admin.Actor, do func(member.Tx) error) error {
	err := g.Store.WriteMembers(ctx, who, do)
	if err == nil && *g.leave != nil {
		(*g.leave)()
	}
	return err
}

// A button that is pressed twice gives the first request up in the middle.
//
// Proves: C-54, C-56; issue 9 "Bad input" (invitation accepted twice)
func TestAnInvitationThatIsSentTwiceLeavesAPassword(t *testing.T) {
	s := newSite(t, noon)
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, s.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	log := slog.New(slog.DiscardHandler)
	var leave func()
	p := &web.People{Mail: func(string, string, string) bool { return false }}
	if p.Members, err = member.New(member.Config{Now: s.Now, Store: func() member.Store { return gone{st, &leave} }}); err != nil {
		t.Fatal(err)
	}
	if p.SignOn, err = signon.New(signon.Config{Now: s.Now, Log: log, Issuer: "Callbox", Store: func() signon.Store { return st }}); err != nil {
		t.Fatal(err)
	}
	h, err := web.New(web.Config{Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: "http://localhost", Now: s.Now, Log: log, Lists: &s.lists, People: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	ann, err := p.Members.Give(t.Context(), member.Operator, member.Wish{Email: "ann@example.com", Role: access.Organisation, At: access.Node{Org: string(harbor)}})
	if err != nil {
		t.Fatal(err)
	}
	form := httptest.NewRecorder()
	h.ServeHTTP(form, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/invitation?t="+ann.Secret, nil))
	_, rest, _ := strings.Cut(form.Body.String(), `name="form" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	ctx, cancel := context.WithCancel(t.Context())
	leave = cancel
	send := func() *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/invitation", strings.NewReader(url.Values{"form": {token}, "t": {ann.Secret}, "password": {guardPassword}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range form.Result().Cookies() {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	send()
	ctx, leave = t.Context(), nil
	if again := send(); again.Code != http.StatusForbidden || !strings.Contains(again.Body.String(), "a moment ago") {
		t.Errorf("the second press: %d %s", again.Code, again.Body.String())
	}
	if _, _, err := p.SignOn.SignIn(t.Context(), signon.Attempt{Email: "ann@example.com", Password: guardPassword}); err != nil {
		t.Errorf("the link is used, and there is no password: %v", err)
	}
}
