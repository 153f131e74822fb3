package web_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// platformLists are the last runs by organisation.
type platformLists struct {
	runs map[e911.OrgID][]reconcile.Run
	down error
}

func (l *platformLists) Status(_ context.Context, org e911.OrgID) (out []reconcile.Status, err error) {
	for i := range l.runs[org] {
		r := &l.runs[org][i]
		st := reconcile.Status{Source: reconcile.Source{Key: r.Source, Kind: sheet.Users}, AgeSeconds: -1}
		if r.ID != "" {
			st.Last = r
		} else {
			st.Alarms = []string{"no list was pushed yet"}
		}
		out = append(out, st)
	}
	return out, l.down
}

func (l *platformLists) Last(_ context.Context, org e911.OrgID, key string) (reconcile.Run, error) {
	i := slices.IndexFunc(l.runs[org], func(r reconcile.Run) bool { return r.Source == key })
	if i < 0 {
		return reconcile.Run{}, e911.Errorf(e911.NotFound, "there was no run")
	}
	return l.runs[org][i], l.down
}

// compared are runs of every outcome.
func compared(now time.Time) []reconcile.Run {
	at := now.Add(-3 * time.Hour)
	return []reconcile.Run{
		{
			ID: "r1", Source: "webex-users", Ended: at, ListAt: at.Add(-time.Hour), State: reconcile.StateDrift, Rows: 2431, Ours: 2428, DriftSince: now.Add(-9 * 24 * time.Hour), Plan: "01a20475-a126-72d5-bae4-67b64b720c4c",
			Counts: reconcile.Counts{Missing: 2, Unregistered: 2, Near: 1, Changed: 1, Extra: 1, Same: 2425},
			Differences: []reconcile.Difference{
				{Class: reconcile.Missing, Key: "bob@harbor.example", Row: 17, Unregistered: true, Why: "the platform has it and Callbox does not: an emergency call of it would be unregistered", Fix: "add it here, or take it out of the platform"},
				{Class: reconcile.Missing, Key: "<script>alert(1)</script>", Row: 18, Unregistered: true, Why: "the platform has it and Callbox does not: an emergency call of it would be unregistered", Fix: "add it here, or take it out of the platform"},
				{Class: reconcile.Near, Key: "Lab@harbor.example", OurKey: "lab@harbor.example", Why: "only capitals differ", Fix: "take the platform's spelling"},
				{Class: reconcile.Changed, Key: "front-desk@harbor.example", OurKey: "front-desk@harbor.example", Fields: []reconcile.FieldDiff{{Field: "name", Theirs: "Front Desk East", Ours: "Front desk"}, {Field: "callback", Theirs: "", Ours: "+16175550111"}}, Why: "the lists say different things", Fix: "take the platform's value, or correct it there"},
				{Class: reconcile.Extra, OurKey: "gone@harbor.example", Why: "Callbox has it and the platform does not", Fix: "delete it here if it is gone"},
			},
		},
		{ID: "r2", Source: "webex-numbers", Ended: at, State: reconcile.StateSame, Rows: 40, Ours: 40, Counts: reconcile.Counts{Same: 40}},
		{ID: "r3", Source: "genesys", Ended: at, State: reconcile.StateFailed, Error: "the list has no column \"User\""},
		{Source: "teams"},
	}
}

// Proves: W-55, E14, D-12
func TestBothListsStandSideBySide(t *testing.T) {
	s := newSite(t, noon)
	s.lists.runs = map[e911.OrgID][]reconcile.Run{harbor: compared(noon)}
	get := func(org e911.OrgID) (int, string) {
		resp, err := s.signIn(t, org).Get(s.server.URL + "/lists")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	status, page := get(harbor)
	for _, want := range []string{"bob@harbor.example", "Unregistered call", "2,431", "2,428", "Front Desk East", "2 would make unregistered calls", "In step", "Could not be compared", "No list was pushed yet", "callbox plan 01a20475"} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%d, the page does not say %q", status, want)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("a name in a list becomes part of the page")
	}
	if _, page := get(summit); strings.Contains(page, "harbor.example") || !strings.Contains(page, "No list is compared yet") {
		t.Error("another organisation sees the lists")
	}
	s.lists.down = e911.Errorf(e911.Unavailable, "the database is away")
	if status, page := get(harbor); status != http.StatusServiceUnavailable || !strings.Contains(page, "cannot be read right now") {
		t.Errorf("with the database away: %d", status)
	}
}

// Proves: W-55
func TestListsAreReadableOnEveryScreen(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		dark          bool
	}{{"light", 1280, 900, false}, {"dark", 1280, 900, true}, {"narrow", 380, 760, false}} {
		s := newSite(t, time.Time{})
		s.lists.runs = map[e911.OrgID][]reconcile.Run{harbor: compared(time.Now())}
		b := newBrowser(t, c.width, c.height, c.dark)
		b.open(s.link(harbor))
		b.do(chromedp.Navigate(s.server.URL + "/lists"))
		b.until(`document.querySelectorAll('.side').length === 4`)
		if bad := eval[[]string](b, contrast); len(bad) > 0 {
			t.Errorf("%s: too little contrast:\n%s", c.name, strings.Join(bad, "\n"))
		}
		if wide := eval[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); wide {
			t.Errorf("%s: the page scrolls to the side", c.name)
		}
		if p := b.complaints(); len(p) > 0 {
			t.Errorf("%s: the browser says %v", c.name, p)
		}
		if dir := os.Getenv("CALLBOX_SHOTS"); dir != "" {
			png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "lists-"+c.name+".png"), png, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
