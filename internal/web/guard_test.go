package web_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/rules/access"
)

// A guard whom an administrator invited to one site sees that site's calls come in, and
// no others.
//
// Proves: N-16, E14, F-36
func TestAGuardOfASiteSeesItsCalls(t *testing.T) {
	w := newTown(t)
	admin := w.who["organisation"]
	w.give("guard", admin, member.Wish{Role: access.Desk, At: access.Node{Org: string(harbor), Site: "s-hq"}})
	w.give("other guard", admin, member.Wish{Role: access.Desk, At: access.Node{Org: string(harbor), Site: "pier"}})
	w.site.tell(t, answered(harbor, 1, noon.Add(-time.Hour)).Take()...)
	w.site.tell(t, answered(summit, 2, noon.Add(-time.Hour)).Take()...)
	w.site.tell(t, alarm(harbor, "Harbor's alarm"))
	ours, others := string(reporttest.CallID(1)), string(reporttest.CallID(2))
	for _, c := range []struct {
		who, path string
		status    int
		has       bool
	}{
		{"guard", "/calls", 200, true},
		{"guard", "/calls/" + ours, 200, true},
		{"guard", "/calls/" + ours + "/detail", 200, true},
		{"guard", "/api/calls", 200, true},
		{"guard", "/api/calls/" + ours, 200, true},
		{"guard", "/calls/" + others, 404, false},
		{"other guard", "/calls", 200, false},
		{"other guard", "/calls/" + ours, 404, false},
		{"other guard", "/calls/" + ours + "/detail", 404, false},
		{"other guard", "/api/calls", 200, false},
		{"other guard", "/api/calls/" + ours, 404, false},
		{"guard", "/lists", 403, false},
		{"guard", "/api/v1/explain", 403, false},
		{"guard", "/api/v1/route", 403, false},
		{"guard", "/calls?before=%00%ff'", 200, true},
		{"user", "/api/calls", 401, false},
		{"security desk", "/api/calls", 200, true},
	} {
		status, _, text := w.browser(c.who, harbor).get(c.path)
		if has := strings.Contains(text, ours); status != c.status || has != c.has && status == 200 {
			t.Errorf("%s, %s: %d, the call is there: %v; want %d, %v", c.who, c.path, status, has, c.status, c.has)
		}
		if c.who != "security desk" && strings.Contains(text, "Harbor's alarm") {
			t.Errorf("%s, %s: an alarm of the organisation", c.who, c.path)
		}
	}
	for i, c := range []struct {
		who  string
		want bool
	}{{"guard", true}, {"other guard", false}} {
		if has := w.streams(c.who, 10+i); has != c.want {
			t.Errorf("%s: the call comes in: %v", c.who, has)
		}
	}
}

// streams reports whether a call of the site s-hq comes to an open page.
func (w *town) streams(who string, call int) bool {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
	defer cancel()
	b := w.browser(who, harbor)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines, told := bufio.NewScanner(resp.Body), false
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !told {
			told = true
			w.site.tell(w.t, answered(harbor, call, noon).Take()...)
		}
		if strings.HasPrefix(lines.Text(), "event: call") {
			return true
		}
	}
	return false
}
