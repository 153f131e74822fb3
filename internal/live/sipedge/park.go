package sipedge

import (
	"net/netip"
	"sync"
)

// parkRoom is how many requests wait for Resumed. More are not answered: over
// UDP they come again.
const parkRoom = 4096

// parking keeps requests inside dialogs that nobody here has, and CANCELs, while
// legs of another process may still be taken up again: a BYE must not be answered
// 481 because its call comes a moment later.
type parking struct {
	mu   sync.Mutex
	open bool
	wait []parked
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

// Resumed says that all legs of the process before were taken up again by
// Restore, RestoreInvite and RestoreDialled. Until then, where Config.Resuming says so, requests inside dialogs
// that are not known wait; now they are answered, in their order.
func (e *Edge) Resumed() {
	p := &e.parked
	p.mu.Lock()
	wait := p.wait
	p.open, p.wait = false, nil
	p.mu.Unlock()
	for _, q := range wait {
		e.request(q.m, q.h, q.src)
	}
}
