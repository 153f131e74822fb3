package emergency

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// turnsEach processor: calls that think at one time. More only wait for each
	// other inside the scheduler, where the readers of the sockets stand in the same
	// queue and the kernel throws datagrams away meanwhile.
	turnsEach = 3
	// turnWait without any turn given back: then what holds them up, whatever it is,
	// must not hold up every call, and they go on without one. While turns come back
	// a call waits for its own: without that, the calls of an overloaded node would all
	// think at once, and each would wait for the locks of all others.
	turnWait = 250 * time.Millisecond
	// newcomerWait bounds the wait of a call for help that just came, whether turns
	// come back or not: its caller has heard nothing yet (E4).
	newcomerWait = 50 * time.Millisecond
)

// turns lets a few calls think at a time, in the order in which they ask. Calls
// that wait for a telephone or a PSAP hold none. Safe for concurrent use.
type turns struct {
	taken chan struct{}
	given atomic.Uint64 // turns given back so far
	most  time.Duration // that is waited in all; 0: as long as turns come back
}

func newTurns(most time.Duration) *turns {
	return &turns{taken: make(chan struct{}, turnsEach*runtime.GOMAXPROCS(0)), most: most}
}

// take waits for a turn; false when none was to be had, and the call goes on
// without one.
func (t *turns) take() bool {
	select {
	case t.taken <- struct{}{}:
		return true
	default:
	}
	before, every := t.given.Load(), turnWait
	if t.most > 0 {
		every = t.most
	}
	look := time.NewTimer(every)
	defer look.Stop()
	for {
		select {
		case t.taken <- struct{}{}:
			return true
		case <-look.C:
		}
		now := t.given.Load()
		if now == before || t.most > 0 {
			return false
		}
		before = now
		look.Reset(every)
	}
}

// give ends a turn; took is what take said.
func (t *turns) give(took bool) {
	if took {
		t.given.Add(1)
		<-t.taken
	}
}

// inTurn does something when it is the call's turn.
func (t *turns) inTurn(do func()) {
	took := t.take()
	defer t.give(took)
	do()
}
