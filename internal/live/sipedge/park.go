package sipedge

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// parkRoom is how many requests wait for Resumed. More are not answered: over
	// UDP they come again.
	parkRoom = 4096
	// parkCalls is how long a call for help waits at most, from when the first one
	// came: it may be one that is being taken up again, sent once more by a caller
	// who heard nothing. One that is not must not wait long (E4).
	parkCalls = 500 * time.Millisecond
)

// parking keeps requests inside dialogs that nobody here has, and CANCELs, while
// legs of another process may still be taken up again: a BYE must not be answered
// 481 because its call comes a moment later. Calls for help wait there too, for a
// repetition of one must not become a second call.
type parking struct {
	mu    sync.Mutex
	open  bool
	calls bool // calls for help wait
	// returning are the Call-IDs of those that are taken up again; nil: not known yet.
	returning map[string]bool
	wait      []parked
	timer     *time.Timer // of the calls for help, from the first one on
}

type parked struct {
	m   *message
	h   hop
	src netip.AddrPort
}

// park keeps a request and reports whether it did, or left it unanswered.
func (e *Edge) park(m *message, h hop, src netip.AddrPort) bool {
	p := &e.parked
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open && len(p.wait) < parkRoom {
		p.wait = append(p.wait, parked{m, h, src})
	}
	return p.open
}

// parkCall keeps a call for help and reports whether it did. Its sender hears that
// it came.
func (e *Edge) parkCall(m *message, h hop, src netip.AddrPort) bool {
	p := &e.parked
	p.mu.Lock()
	kept := p.calls && (p.returning == nil || p.returning[m.callID]) && len(p.wait) < parkRoom && e.cfg.Emergency(m.uri)
	if kept {
		p.wait = append(p.wait, parked{m, h, src})
		if p.timer == nil {
			p.timer = time.AfterFunc(parkCalls, func() { e.spawn(e.unparkCalls) })
		}
	}
	p.mu.Unlock()
	if kept {
		e.answer(h, respond(m, response{code: 100}))
	}
	return kept
}

// Returning says by the Call-IDs of their callers which calls of the process before
// are about to be taken up again. Other calls for help wait no longer.
func (e *Edge) Returning(callIDs []string) {
	p := &e.parked
	p.mu.Lock()
	p.returning = make(map[string]bool, len(callIDs))
	for _, id := range callIDs {
		p.returning[id] = true
	}
	var now []parked
	p.wait = slices.DeleteFunc(p.wait, func(q parked) bool {
		other := (q.m.method == "INVITE" || q.m.method == "CANCEL") && !p.returning[q.m.callID]
		if other {
			now = append(now, q)
		}
		return other
	})
	p.mu.Unlock()
	for _, q := range now {
		e.request(q.m, q.h, q.src)
	}
}

// unparkCalls lets calls for help go on, and their CANCELs.
func (e *Edge) unparkCalls() {
	p := &e.parked
	p.mu.Lock()
	p.calls = false
	var now []parked
	p.wait = slices.DeleteFunc(p.wait, func(q parked) bool {
		call := q.m.method == "INVITE" || q.m.method == "CANCEL"
		if call {
			now = append(now, q)
		}
		return call
	})
	p.mu.Unlock()
	for _, q := range now {
		e.request(q.m, q.h, q.src)
	}
}

// Resumed says that all legs of the process before were taken up again by
// Restore, RestoreInvite and RestoreDialled. Until then, where Config.Resuming says
// so, requests inside dialogs that are not known wait, and calls for help, these for
// half a second at most; now they are answered, in their order.
func (e *Edge) Resumed() {
	p := &e.parked
	p.mu.Lock()
	wait := p.wait
	p.open, p.calls, p.wait = false, false, nil
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	for _, q := range wait {
		e.request(q.m, q.h, q.src)
	}
}
