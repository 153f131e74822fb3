package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/notify/webhook"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// A test is sent to a webhook of the site's alert, marked as what it is; its code comes
// back and counts for 30 days; wrong, late and repeated ones do not. Real notices have
// nothing of it.
//
// Proves: F-36, F-28, E4
func TestATestIsSentAndSomebodyGivesItsCodeBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g := newGates(ctx, t)
	g.publish(nil)
	var told []setup.TestNotice
	svc, err := setup.New(setup.Config{
		Store: g.s.store.get(), Editor: g.s.store.desk.Load().staging, World: g.s.holder.Load, Now: g.clock,
		Send: func(_ context.Context, to setup.TestNotice) error {
			if to.Mail != "" { // one of two that fails is enough of a way
				return e911.Errorf(e911.Unavailable, "mail is not set up")
			}
			told = append(told, to)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := setup.Destination{Key: "guard", Site: "hq", Kind: rules.Text, Name: "the guard", Hours: "always"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, e911.FaultsOf(err))
		}
	}
	must(svc.SetDestination(ctx, "test", g.org, d))
	if _, err := svc.SendTest(ctx, "test", g.org, "guard"); e911.KindOf(err) != e911.Invalid {
		t.Fatalf("without an alert there is no way: %v", err)
	}
	d.Alert = "desk"
	must(svc.SetDestination(ctx, "test", g.org, d))
	sent, err := svc.SendTest(ctx, "test", g.org, "guard")
	must(err)
	if sent.Test == nil || sent.Test.Mark != "" {
		t.Errorf("the mark of the code is shown: %+v", sent.Test)
	}
	if len(told) != 1 || told[0].Webhook == "" || told[0].Name != "the guard" {
		t.Fatalf("told is %+v", told)
	}
	code := told[0].Code
	if _, err := svc.SendTest(ctx, "test", g.org, "guard"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a second one at once: %v", err)
	}
	if err := svc.AcknowledgeTest(ctx, "test", g.org, "guard", "wrong", "Bo"); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a wrong code: %v", err)
	}
	g.advance(40 * time.Second)
	must(svc.AcknowledgeTest(ctx, "test", g.org, "guard", strings.ToLower(code), "Bo Guard"))
	if err := svc.AcknowledgeTest(ctx, "test", g.org, "guard", code, "Bo Guard"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a code counts twice: %v", err)
	}
	st, err := svc.Status(ctx, g.org, "hq")
	must(err)
	got := st.Sites[0].Destinations[0]
	if got.By != "Bo Guard" || got.Test == nil || got.Test.Seconds != 40 || got.Test.Mark != "" || attended(st).Amber != "" || !attended(st).Done {
		t.Errorf("what is kept: %+v %+v %+v", got, got.Test, attended(st))
	}
	g.advance(24 * 24 * time.Hour)
	if st, err = svc.Status(ctx, g.org, "hq"); err != nil || !attended(st).Done || attended(st).Amber == "" {
		t.Errorf("a week before it runs out: %v %+v", err, attended(st))
	}
	g.advance(7 * 24 * time.Hour)
	if st, err = svc.Status(ctx, g.org, "hq"); err != nil || attended(st).Done {
		t.Errorf("after it ran out: %v %+v", err, attended(st))
	}
	_, err = svc.SendTest(ctx, "test", g.org, "guard")
	must(err)
	for range 5 {
		_ = svc.AcknowledgeTest(ctx, "test", g.org, "guard", "wrong", "Bo")
	}
	if err := svc.AcknowledgeTest(ctx, "test", g.org, "guard", told[1].Code, "Bo"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("after five wrong codes: %v", err)
	}
	if _, by := g.dial("911"); by == "" {
		t.Error("911 is not answered")
	}
}

func attended(st setup.Status) rules.Item {
	i := slices.IndexFunc(st.Sites[0].Checklist, func(i rules.Item) bool { return i.Step == rules.StepAttended })
	return st.Sites[0].Checklist[i]
}

// Over real sockets: the webhook's signature is good, the mail's and the webhook's link
// changes nothing when a program fetches it, one press counts, a second does not; a
// screen is seen at the live board.
//
// Proves: F-36, F-28, E4
func TestATestIsSeenByItsLinkAndAtTheBoard(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g := newGates(ctx, t)
	svc := g.setup()
	for _, d := range []setup.Destination{
		{Key: "guard", Site: "hq", Kind: rules.Text, Name: "the guard", Hours: "always", Alert: "desk"},
		{Key: "screen", Site: "hq", Kind: rules.Screen, Name: "the screen", Hours: "always"},
	} {
		if err := svc.SetDestination(ctx, "test", g.org, d); err != nil {
			t.Fatal(err, e911.FaultsOf(err))
		}
	}
	if _, err := svc.SendTest(ctx, "test", g.org, "guard"); err != nil {
		t.Fatal(err)
	}
	var p webhook.Payload
	for _, r := range g.hooks.Received() {
		var one webhook.Payload
		if err := json.Unmarshal(r.Body, &one); err == nil && one.Event == webhook.EventDrill {
			p = one
		}
	}
	if p.Drill == nil || p.Drill.Link == "" || !p.Test || len(g.hooks.Refused()) != 0 {
		t.Fatalf("the receiver took %+v and refused %v", p, g.hooks.Refused())
	}
	at := func(method string) (int, string) {
		link, err := url.Parse(p.Drill.Link)
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"t": {link.Query().Get("t")}, "by": {"Bo\nGuard"}}
		req, err := http.NewRequestWithContext(ctx, method, p.Drill.Link, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		g.s.web.ServeHTTP(w, req)
		return w.Code, w.Body.String()
	}
	destination := func(key string) setup.Destination {
		st, err := svc.Status(ctx, g.org, "hq")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(st.Sites[0].Destinations, func(d setup.Destination) bool { return d.Key == key })
		return st.Sites[0].Destinations[i]
	}
	for range 3 {
		if status, page := at("GET"); status != 200 || !strings.Contains(page, "TEST, no emergency") {
			t.Fatalf("the page of the link: %d %s", status, page)
		}
	}
	if d := destination("guard"); !d.Tested.IsZero() {
		t.Fatalf("a program that fetched the link acknowledged: %+v", d)
	}
	g.advance(20 * time.Second)
	if status, page := at("POST"); status != 200 || !strings.Contains(page, "Thank you") {
		t.Errorf("the press: %d %s", status, page)
	}
	if status, _ := at("POST"); status != 409 {
		t.Errorf("a second press: %d", status)
	}
	if status, _ := at("GET"); status != 409 {
		t.Errorf("the link after it: %d", status)
	}
	if d := destination("guard"); d.How != setup.ByLink || d.By != "Bo Guard, the webhook of desk" || d.Test.Seconds != 20 {
		t.Errorf("what is kept: %+v %+v", d, d.Test)
	}

	if _, err := svc.SendTest(ctx, "test", g.org, "screen"); err != nil {
		t.Fatal(err)
	}
	if all, err := svc.Waiting(ctx, g.org); err != nil || len(all) != 1 || !all[0].Screen {
		t.Errorf("what waits: %v %+v", err, all)
	}
	if err := svc.SawTest(ctx, "test", g.org, "guard", setup.Seen{By: "ann", How: setup.ByBoard}); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the board acknowledges what it does not show: %v", err)
	}
	if err := svc.SawTest(ctx, "test", g.org, "screen", setup.Seen{By: "ann", How: setup.ByBoard}); err != nil {
		t.Error(err)
	}
	if d := destination("screen"); d.How != setup.ByBoard || d.By != "ann" {
		t.Errorf("what is kept: %+v", d)
	}
	if err := svc.Tested(ctx, "test", g.org, "screen", "Bo"); err != nil || destination("screen").How != setup.ByHand {
		t.Errorf("a test by hand is not marked so: %v", err)
	}
}
