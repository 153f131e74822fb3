package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/e911"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// event is one server-sent event.
type event struct {
	id, name string
	data     map[string]any
}

// listen opens the stream and hands on its events until stop is called.
func (s *site) listen(t *testing.T, c *http.Client, after, lastID string) (<-chan event, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/events?after="+after, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("stream: %s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	out := make(chan event, 100)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		var e event
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			line := lines.Text()
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case line == "":
				if e.name != "" {
					out <- e
				}
				e = event{}
			case name == "id":
				e.id = value
			case name == "event":
				e.name = value
			case name == "data":
				_ = json.Unmarshal([]byte(value), &e.data)
			}
		}
	}()
	return out, cancel
}

// next waits for an event of the name and passes over others.
func next(t *testing.T, events <-chan event, name string) event {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e, open := <-events:
			if !open {
				t.Fatalf("the stream ended before %q", name)
			}
			if e.name == name {
				return e
			}
		case <-deadline:
			t.Fatalf("no event %q", name)
		}
	}
}

// Proves: D-12, W-50
func TestANewCallReachesAnOpenPage(t *testing.T) {
	s := newSite(t, noon)
	s.tell(t, answered(harbor, 1, noon.Add(-time.Hour)).Take()...)
	events, stop := s.listen(t, s.signIn(t, harbor), "", "")
	defer stop()
	next(t, events, "hello")
	first := next(t, events, "call") // without a place to start from, all is told
	if first.data["id"] != string(reporttest.CallID(1)) || first.data["live"] != false {
		t.Errorf("first event: %v", first.data)
	}
	s.tell(t, answered(summit, 7, noon).Take()...)
	s.tell(t, story(harbor, 2, noon).Arrived().Identified().Located().Take()...)
	// The three facts may come in one batch or in several: the news is complete
	// with the last, and next gives up when none comes.
	e := next(t, events, "strip")
	for html, _ := e.data["html"].(string); !strings.Contains(html, "911 call from Front desk"); html, _ = e.data["html"].(string) {
		e = next(t, events, "strip")
	}
	e = next(t, events, "call")
	row, _ := e.data["row"].(string)
	for !strings.Contains(row, "795 Massachusetts") {
		e = next(t, events, "call")
		row, _ = e.data["row"].(string)
	}
	if e.data["id"] != string(reporttest.CallID(2)) || e.data["live"] != true || e.data["emergency"] != true || !strings.Contains(row, "795 Massachusetts") {
		t.Errorf("call: %v", e.data)
	}
}

// Proves: D-12, E5
func TestAPageThatWasAwayLosesNoCall(t *testing.T) {
	s := newSite(t, noon)
	c := s.signIn(t, harbor)
	s.tell(t, story(harbor, 1, noon).Arrived().Take()...)
	events, stop := s.listen(t, c, "", "")
	id := next(t, events, "call").id
	if id == "" {
		t.Fatal("the last event of a batch carries no id")
	}
	stop()
	// While it is away: one call ends, one comes and goes, one goes on.
	s.tell(t, story(harbor, 1, noon).Answered(10, 1).Ended(20, "caller", 10).Take()...)
	s.tell(t, answered(harbor, 2, noon).Take()...)
	s.tell(t, story(harbor, 3, noon).Arrived().Identified().Take()...)
	events, stop = s.listen(t, c, "", id)
	defer stop()
	got := map[any]any{}
	var last string
	for range 3 {
		e := next(t, events, "call")
		if _, twice := got[e.data["id"]]; twice {
			t.Errorf("%v was told twice", e.data["id"])
		}
		got[e.data["id"]] = e.data["live"]
		last = e.id
	}
	for n, live := range map[int]bool{1: false, 2: false, 3: true} {
		if got[string(reporttest.CallID(n))] != live {
			t.Errorf("call %d: live %v, want %v", n, got[string(reporttest.CallID(n))], live)
		}
	}
	// Nothing is told again from the newest id on, but what is new.
	events, stopAgain := s.listen(t, c, id, last)
	defer stopAgain()
	next(t, events, "hello")
	s.tell(t, story(harbor, 3, noon).Ended(99, "caller", 0).Take()...)
	if e := next(t, events, "call"); e.data["id"] != string(reporttest.CallID(3)) {
		t.Errorf("told again: %v", e.data["id"])
	}
}

func TestAPageWithAPlaceOfAnotherJournalStartsAnew(t *testing.T) {
	s := newSite(t, noon)
	s.tell(t, answered(harbor, 1, noon).Take()...)
	events, stop := s.listen(t, s.signIn(t, harbor), "othernode-77", "")
	defer stop()
	if e := next(t, events, "reset"); !strings.HasPrefix(e.id, reporttest.Node+"-") {
		t.Errorf("after a reset the page goes on from %q", e.id)
	}
}

// Proves: E14
func TestOneOrganisationsPagesTakeNoRoomFromOthers(t *testing.T) {
	s := newSite(t, noon)
	c := s.signIn(t, harbor)
	for range 256 {
		events, stop := s.listen(t, c, "", "")
		defer stop()
		next(t, events, "hello")
	}
	if resp, _ := s.get(t, c, "/events"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the 257th stream: got %s, want 503 with Retry-After", resp.Status)
	}
	events, stop := s.listen(t, s.signIn(t, summit), "", "")
	defer stop()
	next(t, events, "hello")
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	s := newSite(t, noon)
	events, stop := s.listen(t, s.signIn(t, harbor), "", "")
	defer stop()
	next(t, events, "hello")
	s.handler.Close()
	s.handler.Close()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case _, open := <-events:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the stream goes on")
		}
	}
}

// Proves: E14
func TestAnAlarmReachesItsOrganisationsPage(t *testing.T) {
	s := newSite(t, noon)
	events, stop := s.listen(t, s.signIn(t, harbor), "", "")
	defer stop()
	next(t, events, "hello")
	for _, o := range []e911.OrgID{summit, "", harbor} {
		s.tell(t, alarm(o, "alarm of "+string(o)))
	}
	e := next(t, events, "alarms")
	html, _ := e.data["html"].(string)
	if !strings.Contains(html, "alarm of org-harbor") || strings.Contains(html, "org-summit") {
		t.Errorf("alarms: %s", html)
	}
}
