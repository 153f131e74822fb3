package notify

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Every new notice tries a destination that is down; those tries must not make
// the next pause longer, or a busy minute with a short outage would keep people
// untold for long after it.
//
// Proves: E4
func TestNewsDuringAnOutageDoesNotLengthenThePauseAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var up atomic.Bool
		first := make(chan time.Time, 12)
		b := newBench(ctx, func(*entry) error {
			if !up.Load() {
				return errors.New("down")
			}
			first <- time.Now()
			return nil
		})
		for i := range 12 {
			b.send("x", fmt.Sprint(i), "org")
			<-time.After(2 * time.Second)
		}
		up.Store(true)
		over := time.Now()
		if late := (<-first).Sub(over); late > 30*time.Second {
			t.Errorf("an outage of 24 s was over for %v before anybody was told", late)
		}
		cancel()
		b.end()
	})
}
