package web_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/signon/saml"
	"github.com/callbox911/callbox/internal/web"
	"github.com/callbox911/callbox/internal/web/setuppages"
)

// own are pages of who is signed in, for himself; what they show and change goes by his
// session and no parameter. Theirs is asked by the tests named.
var own = []string{
	"GET /profile", "POST /profile", "POST /profile/password", "POST /profile/codes", "POST /profile/codes/confirm", "POST /profile/sessions/end",
	"POST /profile/prove", "POST /profile/prove/begin", "POST /profile/passkeys", "POST /profile/passkeys/begin", "POST /profile/credentials/drop",
	"POST /profile/recovery", "POST /organisation", "POST /sign-out",
	"GET /my", "POST /my/accept", "POST /my/place", "POST /my/elsewhere", "POST /my/callback", "POST /my/delete", // mypage
	"GET /my/telephones", "POST /my/telephones/new", "POST /my/telephones/renew", "POST /my/telephones/remove",
}

// proving are how somebody comes in, or asks to; each is refused by what it proves.
var proving = []string{
	"POST /sign-in", "POST /sign-in/passkey", "POST /sign-in/sso", "GET /sign-in/sso/{provider}", "GET /sign-in/oidc/callback",
	"POST /sign-in/saml/{provider}/acs", "GET /sign-in/saml/{provider}/metadata", // TestSomebodySignsInBySAMLThroughThePages
	"GET /invitation", "POST /invitation", "GET /reset", "POST /reset", "POST /forgotten", "POST /account", "GET /login", "POST /login", "POST /logout",
	"GET /seen", "POST /seen", // internal/app, TestATestIsSeenByItsLinkAndAtTheBoard
}

// judged ask by themselves, for what the parameter names: internal/web/setuppages, the
// pages of partners and moves, and what the board reads.
var judged = []string{
	"GET /moves", "POST /moves/agree", "POST /moves/refuse", "POST /partners/remove", "POST /partners/members", "POST /partners/organisations", "POST /partners/requests",
	"GET /", "GET /calls/{id}", "GET /calls/{id}/detail", "GET /events", "GET /api/session", "GET /api/calls", "GET /api/calls/{id}", "GET /api/v1/explain", "GET /api/v1/route",
	"HEAD /assets/*",
	"POST /tests", // TestATestIsSeenAtTheBoardAndIsNoCall
}

// Every route of every room has somebody who says what is expected of it: a new one
// fails here until it is in the table of roles, or in one of the lists with its reason.
//
// Proves: E14, N-45
func TestEveryRouteHasAnExpectation(t *testing.T) {
	w := newTown(t)
	away := e911.Errorf(e911.Unavailable, "the database is away")
	log := slog.New(slog.DiscardHandler)
	ways, err := saml.New(saml.Config{BaseURL: "http://localhost", Local: true, Now: w.site.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	people := *w.people
	people.SAML = ways
	none := func(context.Context) error { return away }
	h, err := web.New(web.Config{
		Board: w.site.board, Calls: w.site.store, Org: w.site.org, Ring: w.site.ring, BaseURL: "http://localhost", Now: w.site.Now, Log: log, Lists: &w.site.lists,
		People: &people, My: &web.My{Desk: &firstuse.Desk{}, Telephones: &ownphone.Desk{}, Published: none}, SetUp: &setuppages.Desks{
			Setup: func() (*setup.Service, error) { return nil, away }, Editor: func() (*edit.Editor, error) { return nil, away }, Published: none,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	var missing, all []string
	for _, route := range h.Routes() {
		all = append(all, route)
		_, listed := table[route]
		if !listed && !slices.Contains(public, route) && !slices.Contains(own, route) && !slices.Contains(proving, route) && !slices.Contains(judged, route) &&
			!strings.Contains(route, " /setup") {
			missing = append(missing, route)
		}
	}
	if len(missing) > 0 {
		t.Errorf("nobody says who may:\n%s", strings.Join(missing, "\n"))
	}
	for _, list := range [][]string{own, proving, judged, public} {
		for _, route := range list {
			if !slices.Contains(all, route) {
				t.Errorf("%s is listed and not there", route)
			}
		}
	}
	checkSetUpRoutes(t, w, h)
}

// checkSetUpRoutes: the pages of the set-up let nobody pass without sign-in, and no form
// without its token; who may is asked by their own tests.
func checkSetUpRoutes(t *testing.T, w *town, h *web.Handler) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	base := w.base
	w.base = server.URL
	defer func() { w.base = base }()
	nobody, walked := w.browser("", harbor), 0
	for _, route := range h.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(pattern, "/setup") && !strings.HasPrefix(pattern, "/my") {
			continue
		}
		walked++
		path := strings.NewReplacer("{key}", "hq", "{id}", "x").Replace(pattern)
		switch status, where, _ := nobody.do(method, path, nil); {
		case method == "POST" && status != 403:
			t.Errorf("%s without the token of its form: %d", route, status)
		case method == "GET" && (status != 303 || where != "/sign-in"):
			t.Errorf("%s to nobody: %d %s", route, status, where)
		}
	}
	if walked < 20 {
		t.Errorf("only %d pages were asked", walked)
	}
}
