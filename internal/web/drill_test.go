package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
)

// keptTests are tests of who is told.
type keptTests struct {
	mu      sync.Mutex
	waiting []setup.WaitingTest
	seen    []setup.Seen
	err     error
}

func (k *keptTests) Waiting(_ context.Context, org e911.OrgID) ([]setup.WaitingTest, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if org != summit {
		return nil, k.err
	}
	return k.waiting, k.err
}

func (k *keptTests) SawTest(_ context.Context, _ admin.Actor, org e911.OrgID, key string, seen setup.Seen) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if org != summit || len(k.waiting) == 0 || k.waiting[0].Destination != key {
		return e911.Errorf(e911.Conflict, "no test waits there")
	}
	k.waiting, k.seen = k.waiting[1:], append(k.seen, seen)
	return nil
}

// A test stands on the board of its organisation alone, as what it is, below the strip of
// calls; who is there presses it away. The strip, its sound and the lists are not touched.
//
// Proves: F-36, E14, W-50
func TestATestIsSeenAtTheBoardAndIsNoCall(t *testing.T) {
	s := newSite(t, noon)
	s.tests.waiting = []setup.WaitingTest{
		{Destination: "guard", Name: "Guard’s desk", Site: "Summit", Sent: noon, Screen: true},
		{Destination: "text", Name: "A text message", Site: "Summit", Sent: noon},
	}
	own, other := s.signIn(t, summit), s.signIn(t, harbor)
	_, page := s.get(t, own, "/calls")
	band := strings.Index(page, "TEST, no emergency: press to say that you saw it")
	if band < strings.Index(page, `id="strip"`) || strings.Count(page, "I saw the test") != 1 || !strings.Contains(page, "Guard’s desk") {
		t.Fatalf("the board does not show the test of its screen alone:\n%s", page)
	}
	if !strings.Contains(page, `data-alert="false"`) || !strings.Contains(page, "No 911 call in progress") || strings.Contains(page, `data-emergency="true"`) {
		t.Error("a test looks like a call")
	}
	if _, page := s.get(t, other, "/tests"); strings.Contains(page, "TEST, no emergency") {
		t.Error("another organisation sees it")
	}
	form := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page[band-400:])
	if form == nil {
		t.Fatalf("the form has no token:\n%s", page)
	}
	press := func(c *http.Client, token string) int {
		resp, err := c.PostForm(s.server.URL+"/tests", url.Values{"key": {"guard"}, "form": {token}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status := press(other, form[1]); status != http.StatusForbidden || len(s.tests.seen) != 0 {
		t.Errorf("another organisation pressed it: %d", status)
	}
	if status := press(own, ""); status != http.StatusForbidden || len(s.tests.seen) != 0 {
		t.Errorf("a form without its token was taken: %d", status)
	}
	if _, again := s.get(t, own, "/tests"); !strings.Contains(again, form[1]) {
		t.Error("the band differs each time that it is asked for, and is read out again")
	}
	press(own, form[1])
	if len(s.tests.seen) != 1 || s.tests.seen[0].How != setup.ByBoard || !strings.Contains(s.tests.seen[0].By, "live board") {
		t.Errorf("what is kept: %+v", s.tests.seen)
	}
	if status := press(own, form[1]); status != http.StatusSeeOther || len(s.tests.seen) != 1 {
		t.Errorf("a second press: %d", status)
	}
	s.tests.err = e911.Errorf(e911.Unavailable, "the database is away")
	if resp, page := s.get(t, own, "/calls"); resp.StatusCode != 200 || strings.Contains(page, "I saw the test") {
		t.Errorf("without the database the board is %d", resp.StatusCode)
	}
}

// While a 911 call is in progress a test is hidden, and comes back after it; it takes
// neither the title nor the announcement.
//
// Proves: F-36, W-50
func TestATestStepsBackForACall(t *testing.T) {
	s := newSite(t, time.Time{})
	s.tests.waiting = []setup.WaitingTest{{Destination: "guard", Name: "Guard’s desk", Site: "Summit", Sent: time.Now(), Screen: true}}
	b := newBrowser(t, 1280, 900, false)
	b.open(s.link(summit))
	shown := `getComputedStyle(document.getElementById('tests')).display !== 'none' && document.querySelector('.test-button').offsetHeight >= 40`
	b.until(shown)
	if title := eval[string](b, `document.title + document.getElementById('announce').textContent`); strings.Contains(title, "TEST") || strings.Contains(title, "911 in progress") {
		t.Errorf("it is said as a call: %q", title)
	}
	live := story(summit, 1, time.Now())
	s.tell(t, live.Arrived().Identified().Located().Take()...)
	b.until(`document.getElementById('strip').dataset.alert === 'true' && getComputedStyle(document.getElementById('tests')).display === 'none'`)
	s.tell(t, live.Ended(9000, "psap", 6580).Take()...)
	b.until(shown)
	b.do(chromedp.Click(chromedp.CSS(`.test-button`)))
	b.until(`document.querySelector('.test-band') === null`)
}
