package emergency

import (
	"runtime"
	"time"
)

const (
	// turnsEach processor: calls that think at one time. More only wait for each
	// other inside the scheduler, where the readers of the sockets stand in the same
	// queue and the kernel throws datagrams away meanwhile.
	turnsEach = 4
	// turnWait is how long a call waits for its turn, at most: what holds the turns
	// up, whatever it is, must not hold up every call.
	turnWait = 250 * time.Millisecond
)

// turns lets a few calls think at a time, in the order in which they ask. Calls
// that wait for a telephone or a PSAP hold none. Safe for concurrent use.
type turns chan struct{}

func newTurns() turns { return make(turns, turnsEach*runtime.GOMAXPROCS(0)) }

// take waits for a turn; false when there was none in time, and the call goes on
// without one.
func (t turns) take() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
	}
	limit := time.NewTimer(turnWait)
	defer limit.Stop()
	select {
	case t <- struct{}{}:
		return true
	case <-limit.C:
		return false
	}
}

// give ends a turn; took is what take said.
func (t turns) give(took bool) {
	if took {
		<-t
	}
}

// inTurn does something when it is the call's turn.
func (t turns) inTurn(do func()) {
	took := t.take()
	defer t.give(took)
	do()
}
