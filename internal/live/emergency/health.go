package emergency

import (
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// downFor is how long a trunk that was silent is skipped on the first pass of
// other calls. Only silence counts: it costs a caller four seconds, while a
// refusal costs nothing, so a trunk that refuses is asked every time.
const downFor = 30 * time.Second

// health remembers which trunks were silent. Safe for concurrent use.
type health struct {
	mu   sync.Mutex
	down map[e911.TrunkID]time.Time // until when
}

func newHealth() *health { return &health{down: map[e911.TrunkID]time.Time{}} }

// silent notes that an attempt heard nothing at all.
func (h *health) silent(id e911.TrunkID, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down[id] = now.Add(downFor)
}

// heard notes any response.
func (h *health) heard(id e911.TrunkID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.down, id)
}

// isDown returns the question that a ladder asks.
func (h *health) isDown(now time.Time) func(e911.TrunkID) bool {
	return func(id e911.TrunkID) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		until, ok := h.down[id]
		return ok && now.Before(until)
	}
}
