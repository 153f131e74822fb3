package notify

import (
	"sync"

	"github.com/callbox911/callbox/internal/e911"
)

// known remembers the notices of this run, the newest maxKnown of them. Safe
// for concurrent use.
type known struct {
	mu    sync.Mutex
	set   map[e911.NoticeID]state
	order []e911.NoticeID // ring once it is full
	at    int
}

// get returns what is known of a notice: pending when this run tells it, sent
// or given up when a former run has settled it.
func (k *known) get(id e911.NoticeID) (state, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	st, ok := k.set[id]
	return st, ok
}

func (k *known) has(id e911.NoticeID) bool {
	_, ok := k.get(id)
	return ok
}

func (k *known) add(id e911.NoticeID, st state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, there := k.set[id]
	k.set[id] = st
	if there {
		return
	}
	if len(k.order) < maxKnown {
		k.order = append(k.order, id)
		return
	}
	delete(k.set, k.order[k.at])
	k.order[k.at] = id
	k.at = (k.at + 1) % maxKnown
}
