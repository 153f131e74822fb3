package callflow

// Relocated says that it is known better where the caller is.
const Relocated EventKind = "relocated"

// SendLocation tells attempt N, the PSAP, where the caller is now, with the SDP
// that it knows.
const SendLocation Verb = "send location"

// relocate tells the PSAP where the caller is as soon as a request can go in the
// call: it is up, and no offer of anybody waits for its answer (RFC 3261, section
// 14.1). Until then attempts carry what is known when they are made.
func (m *Machine) relocate() []Action {
	m.place = true
	return m.flushPlace()
}

// flushPlace sends a location that waits.
func (m *Machine) flushPlace() []Action {
	if !m.place || m.state != talking || m.reinvite != nobody || !m.acked || m.psapLost || m.winner == 0 {
		return nil
	}
	m.place, m.reinvite = false, ourself
	return []Action{{Do: SendLocation, N: m.winner}}
}
