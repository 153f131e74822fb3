package sipedge

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
)

// Identity is whom Config.Identify takes the sender of an INVITE for.
type Identity struct {
	// Who is the owner's name for the sender, opaque to the edge; empty: nobody
	// that Identify knows. How says for a person by what.
	Who, How string
	// Proved: by credentials in this very request, or by its certificate. What is
	// known without a proof, such as an address, is only claimed.
	Proved bool
	// Refusal answers the INVITE instead of a call: a challenge (407), or a no. An
	// emergency call from a known source is never refused, whatever it says (F-10).
	Refusal *Response
}

// identify asks Config.Identify once for each INVITE. A panic in it costs the
// proof, not the call and not the node.
func (e *Edge) identify(m *message, h hop, src netip.AddrPort, known bool) (id Identity) {
	if m.who != nil || e.cfg.Identify == nil {
		if m.who != nil {
			return *m.who
		}
		return Identity{}
	}
	defer func() {
		if r := recover(); r != nil {
			id = Identity{}
			e.log.log.Error("the question who sent an INVITE panicked", "panic", r)
		}
		m.who = &id
	}()
	emergency := e.cfg.Emergency(m.uri)
	m.asked = requestOf(m, h, src, e.cfg.Now())
	id = e.cfg.Identify(m.asked, known, emergency)
	if known && emergency {
		id.Refusal = nil
	}
	return id
}

// inviteOf is the INVITE for the owner of its call, with who sent it.
func (e *Edge) inviteOf(m *message, h hop, src netip.AddrPort) *Request {
	id := e.identify(m, h, src, true)
	if m.asked == nil {
		m.asked = requestOf(m, h, src, e.cfg.Now())
	}
	m.asked.Who, m.asked.Repaired = id, m.repaired
	return m.asked
}

// unproved answers a known source's ordinary INVITE that is refused for want of
// a proof.
func (e *Edge) unproved(m *message, h hop, src netip.AddrPort) bool {
	id := e.identify(m, h, src, true)
	if id.Refusal == nil {
		return false
	}
	e.reply(m, h, response{code: id.Refusal.Code, reason: id.Refusal.Reason, m: id.Refusal.Message})
	return true
}

// peerNames is what the certificate of an accepted connection proves, and what
// one that lapsed says.
func (e *Edge) peerNames(s tls.ConnectionState) (names, lapsed []string) {
	if e.cfg.Vouch == nil {
		return namesOf(s), nil
	}
	if len(s.PeerCertificates) == 0 {
		return nil, nil
	}
	return e.cfg.Vouch(s.PeerCertificates)
}

// vouch is the type of Config.Vouch.
type vouch = func(chain []*x509.Certificate) (names, lapsed []string)
