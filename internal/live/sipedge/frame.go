package sipedge

import (
	"bytes"
	"errors"
)

// framer cuts a TCP stream into messages (RFC 3261, section 18.3). It holds at
// most max bytes.
type framer struct {
	buf   []byte
	max   int
	lost  bool // after a message cut short: the next start line is searched
	taken int  // whole messages
	pings int  // double CRLFs read since they were last answered (RFC 5626, section 3.5.1)
}

// What the framer cannot go on from. The message that comes with it, where
// there is one, has no body that can be trusted.
var (
	errTooLarge  = errors.New("message is too large")
	errUnframed  = errors.New("message on a stream has no usable Content-Length")
	errNotStream = errors.New("stream does not carry SIP")
)

// next returns the next whole message, or nil when more bytes are needed. With
// an error the stream cannot be read further.
func (f *framer) next() (*message, error) {
	f.skipLines()
	if f.lost && !f.resync() {
		return nil, nil
	}
	n := headEnd(f.buf)
	if n < 0 {
		switch {
		case len(f.buf) > f.max:
			return f.headOnly(len(f.buf), errTooLarge)
		case len(f.buf) > 0 && !plausible(f.buf):
			return nil, errNotStream
		}
		return nil, nil
	}
	m, err := parseHead(f.buf[:n])
	if err != nil {
		return nil, errNotStream
	}
	length, stated := m.contentLength()
	switch {
	case !stated && m.contentType == "":
		m.repair("no Content-Length on a stream")
		length = 0
	case !stated, length < 0:
		return m, errUnframed
	case length > f.max-n:
		return m, errTooLarge
	}
	if len(f.buf) < n+length {
		return nil, nil
	}
	m.setBody(f.buf[n : n+length])
	f.drop(n + length)
	f.taken++
	return m, nil
}

// cut ends a message whose rest does not come: the head with as much of the
// body as there is. What comes later of it is skipped. It returns nil when it
// is no SIP.
func (f *framer) cut() *message {
	n := headEnd(f.buf)
	why := "body is shorter than Content-Length"
	if n < 0 {
		n, why = len(f.buf), "message ends inside its head"
	}
	m, err := parseHead(f.buf[:n])
	if err != nil {
		return nil
	}
	m.repair("%s", why)
	m.setBody(f.buf[n:])
	f.drop(len(f.buf))
	f.lost = true
	return m
}

// headOnly reads what can be read of a message that is too large to take.
func (f *framer) headOnly(n int, err error) (*message, error) {
	m, perr := parseHead(f.buf[:n])
	if perr != nil {
		return nil, errNotStream
	}
	return m, err
}

func (f *framer) drop(n int) {
	rest := copy(f.buf, f.buf[n:])
	f.buf = f.buf[:rest]
	if cap(f.buf) > 64<<10 && rest < 4<<10 {
		f.buf = bytes.Clone(f.buf) // a large message is over: give its room back
	}
}

func (f *framer) skipLines() {
	n := 0
	for n < len(f.buf) && (f.buf[n] == '\r' || f.buf[n] == '\n') {
		n++
	}
	if n > 0 {
		f.pings += bytes.Count(f.buf[:n], []byte("\r\n\r\n"))
		f.drop(n)
	}
}

// resync throws bytes away until a line begins like a SIP message.
func (f *framer) resync() bool {
	for {
		i := bytes.IndexByte(f.buf, '\n')
		if i < 0 {
			if len(f.buf) > f.max {
				f.drop(len(f.buf))
			}
			return false
		}
		line := bytes.TrimRight(f.buf[:i], "\r")
		if bytes.HasPrefix(line, []byte("SIP/2.0 ")) || bytes.HasSuffix(line, []byte(" SIP/2.0")) {
			f.lost = false
			return true
		}
		f.drop(i + 1)
	}
}

// plausible reports whether the bytes can be the beginning of a SIP message:
// a token of reasonable length, then a space.
func plausible(b []byte) bool {
	i := bytes.IndexAny(b, " \t\r\n/")
	if i < 0 {
		return len(b) <= 32 && isToken(string(b))
	}
	return i > 0 && i <= 32 && isToken(string(b[:i]))
}
