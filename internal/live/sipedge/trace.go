package sipedge

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// Traced is one thing that a traced call did on the wire: a message, a
// connection, or a connection that could not be had.
type Traced struct {
	At   time.Time
	What TraceKind
	Out  bool // a message of ours
	// Transport, Local and Remote are the way that it went.
	Transport     string
	Local, Remote netip.AddrPort

	// Of a message. Method and URI of a request, Code and Reason of a response.
	Method, URI string
	Code        int
	Reason      string
	Headers     Headers
	Body        []byte
	ContentType string

	TLS *TLSSeen // of a connection by TLS
	Err error    // of a connection that could not be had
}

// TraceKind is what a Traced tells.
type TraceKind string

// The kinds of Traced.
const (
	TraceMessage   TraceKind = "message"
	TraceConnected TraceKind = "connected" // by a connection from now on, perhaps one that was open before
	TraceNoConnect TraceKind = "no_connection"
	TraceCut       TraceKind = "cut" // what follows is not traced: there was too much
)

// TLSSeen is what the other side showed in its handshake.
type TLSSeen struct {
	Version  string // "TLS 1.3"
	Names    []string
	Issuer   string
	NotAfter time.Time
}

// maxTraced bounds what is traced of one call.
const maxTraced = 256

// tap tells the owner of a dialled call what goes over the wire. The call's lock
// guards it. A call that nobody traces has none.
type tap struct {
	tell func(Traced)
	now  func() time.Time
	conn *stream
	last hop
	told int
}

func (e *Edge) newTap(tell func(Traced)) *tap {
	if tell == nil {
		return nil
	}
	return &tap{tell: tell, now: e.cfg.Now}
}

func (t *tap) emit(x Traced) {
	if t.told++; t.told > maxTraced {
		return
	}
	if t.told == maxTraced {
		x = Traced{What: TraceCut}
	}
	x.At = t.now()
	t.tell(x)
}

// out tells of a message that is on its way.
func (t *tap) out(h hop, b []byte) {
	t.last = h
	if h.conn != nil && h.conn != t.conn {
		t.conn = h.conn
		t.emit(Traced{What: TraceConnected, Transport: h.network, Local: h.conn.local, Remote: h.addr, TLS: h.conn.seen()})
	}
	if m, err := parseDatagram(b); err == nil {
		t.emit(traced(m, h, true))
	}
}

// in tells of a message that came; by the way of our last one where none is given.
func (t *tap) in(m *message, h hop) {
	if h.network == "" {
		h = t.last
	}
	t.emit(traced(m, h, false))
}

func (t *tap) failed(w way, err error) {
	t.emit(Traced{What: TraceNoConnect, Transport: w.network, Remote: w.dest, Err: err})
}

func traced(m *message, h hop, out bool) Traced {
	return Traced{
		What: TraceMessage, Out: out, Transport: h.network, Local: h.local, Remote: h.addr,
		Method: m.method, URI: m.uri, Code: m.code, Reason: m.reason, Headers: m.headers, Body: m.body, ContentType: m.contentType,
	}
}

// seen is what the other side of a connection showed; nil without TLS.
func (t *stream) seen() *TLSSeen {
	c, ok := t.c.(*tls.Conn)
	if !ok {
		return nil
	}
	state := c.ConnectionState()
	s := &TLSSeen{Version: tls.VersionName(state.Version)}
	if len(state.PeerCertificates) > 0 {
		cert := state.PeerCertificates[0]
		s.Names, s.Issuer, s.NotAfter = append(s.Names, cert.DNSNames...), cert.Issuer.CommonName, cert.NotAfter
		for _, ip := range cert.IPAddresses {
			s.Names = append(s.Names, ip.String())
		}
	}
	return s
}
