package emergency

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

const (
	staticCallers = 20             // callers who may have one location object (F-14)
	staticBodies  = 64             // location objects remembered of a trunk
	staticEvery   = 24 * time.Hour // between two alarms about one
)

// statics remembers which location objects a trunk sends for whom, to find
// trunks that send one for everybody. Safe for concurrent use.
type statics struct {
	mu     sync.Mutex
	trunks map[e911.TrunkID]map[[sha256.Size]byte]*static
}

// static is one location object of a trunk.
type static struct {
	callers map[string]bool // at most staticCallers+1
	last    time.Time
	told    time.Time
}

// more notes an object and reports whether it is to be told that more than 20
// callers had it.
func (s *statics) more(t e911.TrunkID, body []byte, caller string, now time.Time) bool {
	sum := sha256.Sum256(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.trunks[t]
	if all == nil {
		all = map[[sha256.Size]byte]*static{}
		s.trunks[t] = all
	}
	o := all[sum]
	if o == nil {
		if len(all) >= staticBodies {
			forget(all)
		}
		o = &static{callers: map[string]bool{}}
		all[sum] = o
	}
	o.last = now
	if len(o.callers) <= staticCallers {
		o.callers[caller] = true
	}
	if len(o.callers) <= staticCallers || !o.told.IsZero() && now.Sub(o.told) < staticEvery {
		return false
	}
	o.told = now
	return true
}

// forget takes the object away that was not seen for longest, of those with the
// fewest callers.
func forget(all map[[sha256.Size]byte]*static) {
	var victim [sha256.Size]byte
	var worst *static
	for sum, o := range all {
		if worst == nil || len(o.callers) < len(worst.callers) || len(o.callers) == len(worst.callers) && o.last.Before(worst.last) {
			victim, worst = sum, o
		}
	}
	delete(all, victim)
}

// watchStatic raises an alarm for a trunk that sends one location object for
// more than 20 callers: it is a setting, and no place of a caller (F-14).
func (c *call) watchStatic() {
	caller := string(c.dec.who.Line)
	if u := c.dec.who.User; u != nil {
		caller = string(u.ID)
	}
	if !c.known || caller == "" {
		return
	}
	c.guard("static location", func() {
		for _, p := range c.dec.locations {
			if c.h.statics.more(c.trunk.ID, p.body, caller, c.at) {
				c.alarm(AlarmStatic, fmt.Sprintf("static location: the trunk %s sent one and the same location for more than %d callers", c.trunk.Key, staticCallers))
			}
		}
	})
}
