package media

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// What one description may hold.
const (
	maxDescription = 64 << 10 // bytes
	maxStreams     = 32
)

// direction is of RFC 3264, section 6.1, from the view of who wrote it.
type direction string

const (
	sendrecv direction = "sendrecv"
	sendonly direction = "sendonly"
	recvonly direction = "recvonly"
	inactive direction = "inactive"
)

// answerTo is our direction when the other side has d.
func answerTo(d direction) direction {
	switch d {
	case sendonly:
		return recvonly
	case recvonly:
		return sendonly
	default:
		return d
	}
}

// stream is one m= line with what belongs to it.
type stream struct {
	media   string
	port    int
	proto   string
	formats []string
	addr    string // c= of the stream, else of the session
	v4      bool
	dir     direction
	maps    map[string]string // a=rtpmap: format to encoding, lower case
	loops   []string          // a=loopback (RFC 6849)
	source  bool              // a=loopback-source
}

// description is what we read of an SDP body.
type description struct{ streams []stream }

// parse reads a description as RFC 8866, section 5, and tolerantly: lines that
// it does not need may hold anything. It returns ErrNotAcceptable for what is
// no SDP at all or beyond the bounds.
func parse(body []byte) (description, error) {
	var d description
	if len(body) > maxDescription {
		return d, fmt.Errorf("%w: description of %d bytes", ErrNotAcceptable, len(body))
	}
	session := stream{dir: sendrecv}
	at := &session
	for line := range bytes.Lines(body) {
		kind, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), "=")
		if !ok {
			continue
		}
		switch kind {
		case "m":
			s, err := parseMedia(value)
			if err != nil {
				return d, err
			}
			if len(d.streams) == maxStreams {
				return d, fmt.Errorf("%w: more than %d streams", ErrNotAcceptable, maxStreams)
			}
			s.addr, s.v4, s.dir = session.addr, session.v4, session.dir
			d.streams = append(d.streams, s)
			at = &d.streams[len(d.streams)-1]
		case "c":
			if f := strings.Fields(value); len(f) == 3 && f[0] == "IN" {
				at.v4 = f[1] == "IP4"
				at.addr, _, _ = strings.Cut(f[2], "/") // without TTL
			}
		case "a":
			at.attribute(value)
		}
	}
	if len(d.streams) == 0 {
		return d, fmt.Errorf("%w: a description without media", ErrNotAcceptable)
	}
	return d, nil
}

func parseMedia(value string) (stream, error) {
	f := strings.Fields(value)
	if len(f) < 4 {
		return stream{}, fmt.Errorf("%w: a media line with %d fields", ErrNotAcceptable, len(f))
	}
	port, _, _ := strings.Cut(f[1], "/") // without number of ports
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return stream{}, fmt.Errorf("%w: a media line with a bad port", ErrNotAcceptable)
	}
	return stream{media: f[0], port: int(n), proto: f[2], formats: f[3:], maps: map[string]string{}}, nil
}

func (s *stream) attribute(value string) {
	switch name, rest, _ := strings.Cut(value, ":"); name {
	case string(sendrecv), string(sendonly), string(recvonly), string(inactive):
		s.dir = direction(name)
	case "loopback":
		s.loops = strings.Fields(strings.ToLower(rest))
	case "loopback-source":
		s.source = true
	case "rtpmap":
		format, encoding, _ := strings.Cut(rest, " ")
		if s.maps != nil && slices.Contains(s.formats, format) {
			s.maps[format] = strings.ToLower(strings.TrimSpace(encoding))
		}
	}
}

// encoding is what the format means; without rtpmap the table of RFC 3551.
func (s *stream) encoding(format string) string {
	if e, ok := s.maps[format]; ok {
		return strings.TrimSuffix(e, "/1") // the number of channels may be said
	}
	return map[string]string{"0": "pcmu/8000", "8": "pcma/8000"}[format]
}

// agreement is what both sides hold to.
type agreement struct {
	index  int // of the stream in the description
	law    law
	audio  uint8 // payload type
	events int   // payload type of telephone-event, -1 when not agreed
	to     netip.AddrPort
	dir    direction // ours
	send   bool      // sound may go out
	loop   bool      // what comes is sent back
}

// pick chooses the first audio stream that we can take part in, and in it the
// codec that stands first.
func (d description) pick(v4 bool) (agreement, error) {
	why := "no audio stream"
	for i := range d.streams {
		s := &d.streams[i]
		if s.media != "audio" || s.port == 0 {
			continue
		}
		a, reason := s.accept(v4)
		if reason == "" {
			a.index = i
			return a, nil
		}
		why = reason
	}
	return agreement{}, fmt.Errorf("%w: %s", ErrNotAcceptable, why)
}

// accept returns what is agreed for the stream, or the reason against it.
func (s *stream) accept(v4 bool) (agreement, string) {
	a := agreement{events: -1}
	if s.proto != "RTP/AVP" && s.proto != "RTP/AVPF" {
		return a, "audio over plain RTP only"
	}
	chosen := ""
	for _, f := range s.formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		switch e := s.encoding(f); {
		case chosen == "" && e == "pcmu/8000":
			a.law, a.audio, chosen = muLaw, uint8(pt), f
		case chosen == "" && e == "pcma/8000":
			a.law, a.audio, chosen = aLaw, uint8(pt), f
		case a.events < 0 && e == "telephone-event/8000":
			a.events = int(pt)
		}
	}
	if chosen == "" {
		return a, "neither PCMU nor PCMA offered"
	}
	if s.addr != "" && s.v4 != v4 {
		return a, "audio address of the other IP family"
	}
	addr, err := netip.ParseAddr(s.addr)
	known := err == nil && !addr.IsMulticast()
	if known {
		// A host name is not looked up on a call: sound goes where it comes from.
		a.to = netip.AddrPortFrom(addr.Unmap(), uint16(s.port))
	}
	a.dir = answerTo(s.dir)
	// An unspecified address is a hold of the old kind (RFC 3264, section 8.4).
	held := known && addr.IsUnspecified()
	a.send = !held && (a.dir == sendrecv || a.dir == sendonly)
	return a, ""
}

// describe writes the answer to d: its streams in their order, all but the one
// that was picked refused (RFC 3264, section 6).
func (s *Session) describe(d description, a agreement) []byte {
	desc := s.header()
	for i, st := range d.streams {
		m := &sdp.MediaDescription{MediaName: sdp.MediaName{
			Media: st.media, Protos: []string{st.proto}, Formats: st.formats,
		}}
		if i == a.index {
			m = s.audio(a.dir, st.proto, []payload{{a.law.encoding(), int(a.audio)}, {"telephone-event/8000", a.events}})
			if a.loop {
				m.Attributes = append(m.Attributes, loopAttributes()...)
			}
		}
		desc.MediaDescriptions = append(desc.MediaDescriptions, m)
	}
	return write(desc)
}

// eventsOffered is the payload type that we offer for telephone-event; it is
// what most phones use.
const eventsOffered = 101

// describeOffer writes an offer of both codecs.
func (s *Session) describeOffer() []byte {
	desc := s.header()
	desc.MediaDescriptions = []*sdp.MediaDescription{s.audio(sendrecv, "RTP/AVP", []payload{
		{muLaw.encoding(), 0}, {aLaw.encoding(), 8}, {"telephone-event/8000", eventsOffered},
	})}
	return write(desc)
}

func (s *Session) header() *sdp.SessionDescription {
	s.version++
	family := "IP6"
	if s.public.Addr().Is4() {
		family = "IP4"
	}
	host := s.public.Addr().String()
	return &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "callbox", SessionID: s.id, SessionVersion: s.version,
			NetworkType: "IN", AddressType: family, UnicastAddress: host,
		},
		SessionName:           "callbox",
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: family, Address: &sdp.Address{Address: host}},
		TimeDescriptions:      []sdp.TimeDescription{{}},
	}
}

type payload struct {
	encoding string
	number   int // negative: not there
}

func (s *Session) audio(dir direction, proto string, ps []payload) *sdp.MediaDescription {
	m := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: "audio", Port: sdp.RangedPort{Value: int(s.public.Port())}, Protos: []string{proto},
	}}
	for _, p := range ps {
		if p.number < 0 {
			continue
		}
		n := strconv.Itoa(p.number)
		m.MediaName.Formats = append(m.MediaName.Formats, n)
		m.Attributes = append(m.Attributes, sdp.NewAttribute("rtpmap", n+" "+p.encoding))
		if p.encoding == "telephone-event/8000" {
			m.Attributes = append(m.Attributes, sdp.NewAttribute("fmtp", n+" 0-15"))
		}
	}
	m.Attributes = append(m.Attributes, sdp.NewAttribute("ptime", "20"), sdp.NewPropertyAttribute(string(dir)))
	return m
}

// write has no way to fail: pion's Marshal only returns its buffer.
func write(d *sdp.SessionDescription) []byte {
	b, err := d.Marshal()
	if err != nil {
		panic("media: write sdp: " + err.Error())
	}
	return b
}
