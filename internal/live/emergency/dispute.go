package emergency

import (
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// A disagreement about a PSAP holds for every call from the place until
// somebody mends it: it is told once a day, so that a busy place does not bury
// what else happens. The calls' records have it each time.
const (
	disputeAgain = 24 * time.Hour
	mostDisputes = 1024 // told apart; beyond that all are told again
)

type dispute struct {
	org  e911.OrgID
	what string
}

// disputes remembers which were told.
type disputes struct {
	mu   sync.Mutex
	told map[dispute]time.Time
}

// first reports that a disagreement is to be told now.
func (d *disputes) first(org e911.OrgID, what string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := dispute{org, what}
	if at, ok := d.told[k]; ok && now.Sub(at) < disputeAgain {
		return false
	}
	if d.told == nil || len(d.told) >= mostDisputes {
		d.told = map[dispute]time.Time{}
	}
	d.told[k] = now
	return true
}
