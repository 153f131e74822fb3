package notify

import (
	"sync"

	"github.com/callbox911/callbox/internal/e911"
)

// known remembers the notices of this run, the newest maxKnown of them. Safe
// for concurrent use.
type known struct {
	mu    sync.Mutex
	set   map[e911.NoticeID]struct{}
	order []e911.NoticeID // ring once it is full
	at    int
}

func (k *known) has(id e911.NoticeID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.set[id]
	return ok
}

func (k *known) add(id e911.NoticeID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.set[id]; ok {
		return
	}
	k.set[id] = struct{}{}
	if len(k.order) < maxKnown {
		k.order = append(k.order, id)
		return
	}
	delete(k.set, k.order[k.at])
	k.order[k.at] = id
	k.at = (k.at + 1) % maxKnown
}
