package testcall

import (
	"strconv"
	"testing"
	"time"
)

// Proves: F-28
func TestTestsOfOneCallerAreLimited(t *testing.T) {
	a := &admission{most: 10, perCaller: 2, window: time.Minute, callers: map[string][]time.Time{}}
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, step := range []struct {
		caller string
		at     time.Duration
		retry  time.Duration // zero: admitted
	}{
		{"a", 0, 0},
		{"a", 10 * time.Second, 0},
		{"a", 20 * time.Second, 40 * time.Second},
		{"b", 20 * time.Second, 0},
		{"a", 59 * time.Second, time.Second},
		{"a", 60 * time.Second, 0},
		{"a", 61 * time.Second, 9 * time.Second},
	} {
		retry, why := a.enter(step.caller, start.Add(step.at))
		if retry != step.retry || (why == "") != (step.retry == 0) {
			t.Errorf("%s at %v: again after %v (%s), want %v", step.caller, step.at, retry, why, step.retry)
		}
		if why == "" {
			a.leave()
		}
	}
}

// Proves: F-28, E9
func TestTestsAtOneTimeAreLimitedAndCallersForgotten(t *testing.T) {
	a := &admission{most: 2, perCaller: 1, window: time.Minute, callers: map[string][]time.Time{}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, want := range []bool{true, true, false} {
		if _, why := a.enter(strconv.Itoa(i), at); (why == "") != want {
			t.Errorf("test %d: %q, admitted %v wanted", i, why, want)
		}
	}
	a.leave()
	if _, why := a.enter("3", at); why != "" {
		t.Errorf("after one left: %s", why)
	}
	a.leave()
	for i := range maxCallers + 10 {
		if _, why := a.enter("made up "+strconv.Itoa(i), at); why == "" {
			a.leave()
		}
	}
	if len(a.callers) > maxCallers {
		t.Errorf("%d callers are remembered, %d allowed", len(a.callers), maxCallers)
	}
	if _, why := a.enter("real", at.Add(time.Minute)); why != "" || len(a.callers) > 10 {
		t.Errorf("a window later: %q, %d remembered", why, len(a.callers))
	}
}
