package snapshot

import "sync/atomic"

// Holder publishes Snapshots. Readers never wait. The zero Holder holds the
// empty world.
type Holder struct{ p atomic.Pointer[Snapshot] }

// Load returns the current Snapshot, never nil. A call loads once, at INVITE,
// and keeps what it got until BYE.
func (h *Holder) Load() *Snapshot {
	if s := h.p.Load(); s != nil {
		return s
	}
	return new(Snapshot)
}

// Store publishes s to all who load from now on. A nil s is ignored.
func (h *Holder) Store(s *Snapshot) {
	if s != nil {
		h.p.Store(s)
	}
}
