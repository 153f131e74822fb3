package testcall

import (
	"sync"
	"time"
)

// admission bounds tests: all at one time, and those of one caller in a window.
// Safe for concurrent use.
type admission struct {
	most      int // at one time
	perCaller int // in window
	window    time.Duration

	mu      sync.Mutex
	now     int
	callers map[string][]time.Time // of the tests in the window, oldest first
}

// maxCallers bounds what is remembered. Callers beyond are refused: they can
// only be made up.
const maxCallers = 10_000

// enter admits a test, to be followed by leave, or says after what time to try
// again, and why not now.
func (a *admission) enter(caller string, at time.Time) (retry time.Duration, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now >= a.most {
		return 30 * time.Second, "too many tests at one time"
	}
	if len(a.callers) >= maxCallers {
		for c, times := range a.callers {
			if at.Sub(times[len(times)-1]) >= a.window {
				delete(a.callers, c)
			}
		}
	}
	times := a.callers[caller]
	for len(times) > 0 && at.Sub(times[0]) >= a.window {
		times = times[1:]
	}
	if len(times) >= a.perCaller {
		return a.window - at.Sub(times[0]), "too many tests from one caller"
	}
	if times == nil && len(a.callers) >= maxCallers {
		return a.window, "too many callers test"
	}
	a.callers[caller] = append(times, at)
	a.now++
	return 0, ""
}

func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now--
}
