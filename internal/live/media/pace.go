package media

import (
	"context"
	"time"
)

const (
	frameTime    = 20 * time.Millisecond
	samplesPerMs = 8
	frameSamples = 160 // of 8 kHz in 20 ms
	// maxBehind is how many frames may be sent at once to catch up. A longer
	// stop of the process leaves a gap instead: no receiver keeps a burst.
	maxBehind = 5
)

// pace calls tick for each frame until ctx ends. Frame n is due n*20 ms after
// the first, whatever happened to those before it, so lateness never adds up.
// skipped is the number of frames left out before this one.
func pace(ctx context.Context, tick func(skipped uint32)) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := int64(0); ; n++ {
		wait := time.Until(start.Add(time.Duration(n) * frameTime))
		skipped := int64(0)
		if wait < -maxBehind*frameTime {
			skipped = int64(-wait / frameTime)
			n += skipped
			wait = 0
		}
		timer.Reset(max(0, wait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		tick(uint32(skipped))
	}
}
