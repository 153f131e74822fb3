package bench

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The load asks as often as it says, with its key, and counts what failed; a slow
// answer is not hidden by asking later.
//
// Proves: N-20
func TestTheLoadOfTheAPICountsFromWhenARequestWasDue(t *testing.T) {
	var asked, pages atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.RawQuery == "limit=100" {
			pages.Add(1)
		}
		if asked.Add(1) == 50 {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	l := &apiLoad{url: server.URL + "/users", key: "secret", users: 30, rate: 1000}
	defer l.close()
	if err := l.run(t.Context(), 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var r APIResult
	l.tell(&r)
	if r.Requests != 200 || asked.Load() != 200 || r.Failed != 1 || pages.Load() != 20 || r.P99 < r.P50 || r.Worst < r.P99 || r.P50 <= 0 {
		t.Errorf("asked %d, pages %d: %+v", asked.Load(), pages.Load(), r)
	}
}

// Proves: N-20
func TestTheTableOfTheAPISaysTheRatio(t *testing.T) {
	text := APIResult{Users: 10000, Rate: 1000, SetupAlone: 4, SetupWith: 4.4, SetupRatio: 1.1, Requests: 20000, P99: 12.34}.Table()
	for _, want := range []string{"| read over the API | 0.0 ms | 12.3 ms |", "**1.10** times", "Of 20000 reads 0 were"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}
