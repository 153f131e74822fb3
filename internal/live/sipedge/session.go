package sipedge

import (
	"bytes"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"
	"time"
)

// session is the session timer of a leg (RFC 4028). A session that is not
// refreshed is said to the owner and never hung up: what the other side does not
// say by its timer it says by its voice (E8).
type session struct {
	every  time.Duration
	ours   bool   // we refresh it
	update bool   // by UPDATE, which the other side allows; else by re-INVITE
	said   []byte // our SDP, as the other side knows it, for those
	timer  *time.Timer
}

// SessionState is a session timer as another process takes it up again.
type SessionState struct {
	Seconds int    `json:"seconds"`
	Ours    bool   `json:"ours,omitempty"`
	Update  bool   `json:"update,omitempty"`
	SDP     []byte `json:"sdp,omitempty"`
}

// leastSession keeps a mistake of the other side from making us refresh without
// end: 90 s are the least that RFC 4028, section 4, allows, and a call for help is
// not refused for less (422). With T1 other than 500 ms it shrinks alike.
const leastSession = 10 * time.Second

func (c *call) least() time.Duration { return c.shrunk(leastSession) }

func (c *call) shrunk(d time.Duration) time.Duration {
	return d * c.e.cfg.Timers.T1 / (500 * time.Millisecond)
}

const mostSession = 24 * time.Hour

// expires reads Session-Expires.
func expires(m *message) (every time.Duration, refresher string, ok bool) {
	v, ok := m.headers.find("Session-Expires")
	if !ok {
		return 0, "", false
	}
	digits, params, _ := strings.Cut(v, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
	if err != nil || n == 0 {
		return 0, "", false
	}
	refresher, _ = param(params, "refresher")
	return min(time.Duration(n)*time.Second, mostSession), strings.ToLower(refresher), true
}

// sessionAsked is what a request of the other side makes of the session timer
// (RFC 4028, section 9).
func sessionAsked(m *message) (every time.Duration, ours, ok bool) {
	every, refresher, ok := expires(m)
	return every, refresher == "uas" || !m.headers.lists("Supported", "timer"), ok
}

// sessionAnswer is what our 2xx says of it.
func (c *call) sessionAnswer(m *message) Headers {
	if m == nil {
		return nil
	}
	every, ours, ok := sessionAsked(m)
	switch {
	case !ok:
		return nil
	case ours:
		return Headers{{"Session-Expires", seconds(every) + ";refresher=uas"}}
	}
	return Headers{{"Require", "timer"}, {"Session-Expires", seconds(every) + ";refresher=uac"}}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// newSession makes the timer, not yet running, that m and what we said with it
// call for.
func newSession(every time.Duration, ours bool, m *message, said Message) *session {
	s := &session{every: every, ours: ours, update: m.headers.lists("Allow", "UPDATE")}
	if s.ours && !s.update {
		s.said = sdpIn(said)
	}
	return s
}

// sessionFrom takes the timer that a request of the other side asked for, when
// it is answered by 2xx; without one there is none any more (section 10).
func (c *call) sessionFrom(m *message, said Message) {
	every, ours, ok := sessionAsked(m)
	c.keepSession(every, ours, ok, m, said)
}

// sessionUntil takes the timer that a 2xx to a request of ours tells (section 7.2).
func (c *call) sessionUntil(m *message, said Message) {
	every, refresher, ok := expires(m)
	c.keepSession(every, refresher != "uas", ok, m, said)
}

func (c *call) keepSession(every time.Duration, ours, ok bool, m *message, said Message) {
	old := c.session
	old.stop()
	c.session = nil
	if !ok || c.phase > up {
		return
	}
	s := newSession(every, ours, m, said)
	if old != nil {
		if _, told := m.headers.find("Allow"); !told {
			s.update = old.update
		}
		if s.said == nil {
			s.said = old.said
		}
	}
	c.session = s
	c.startSession(s)
}

func (c *call) startSession(s *session) {
	if s.ours {
		c.sessionIn(s, max(s.every/2, c.least()/2), c.refresh)
		return
	}
	c.sessionIn(s, max(s.every, c.least()), func() {
		c.push(Event{Kind: Unrefreshed, Code: 408, Reason: "session timer ran out", Err: ErrTimeout})
	})
}

func (c *call) sessionIn(s *session, d time.Duration, do func()) {
	s.timer = time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.session == s && c.phase == up && !c.gone {
			do()
		}
	})
}

func (s *session) stop() {
	if s != nil && s.timer != nil {
		s.timer.Stop()
	}
}

func (s *session) state() *SessionState {
	if s == nil {
		return nil
	}
	return &SessionState{Seconds: int(s.every / time.Second), Ours: s.ours, Update: s.update, SDP: s.said}
}

func (c *call) resumeSession(s *SessionState) {
	if s == nil || s.Seconds <= 0 {
		return
	}
	c.session = &session{every: min(time.Duration(s.Seconds)*time.Second, mostSession), ours: s.Ours, update: s.Update, said: s.SDP}
	c.startSession(c.session)
}

// withSession adds the session timer to a re-INVITE or UPDATE of ours, which
// would end it otherwise (section 7.4).
func (c *call) withSession(m Message) Message {
	if c.session == nil {
		return m
	}
	if _, there := m.Headers.find("Session-Expires"); there {
		return m
	}
	who := "uas"
	if c.session.ours {
		who = "uac"
	}
	m.Headers = append(Headers{{"Supported", "timer"}, {"Session-Expires", seconds(c.session.every) + ";refresher=" + who}}, m.Headers...)
	return m
}

// refresh asks the other side to go on, with nothing changed.
func (c *call) refresh() {
	s := c.session
	switch {
	case c.next != nil, c.out != nil && (c.out.pending() || c.out.needs), c.awaitsAck(),
		c.in != nil && (c.in.final == 0 || !c.in.acked && c.in.final < 300), c.ask != nil && c.ask.needs:
		c.sessionIn(s, c.glareWait(), c.refresh) // after what is under way
	case s.update:
		c.d.localSeq++
		o := c.inside(&c.d, "UPDATE", c.d.localSeq, c.withSession(Message{}))
		o.contact = true
		c.send(c.nextHop(&c.d), o, func(m *message, _ hop, err error) {
			switch {
			case c.session != s || c.phase != up:
			case m == nil:
				c.notRefreshed(408, err)
			case m.code < 300:
				c.d.target = contactOf(m, c.d.target)
				c.sessionUntil(m, Message{})
			case m.code == 405 || m.code == 501:
				s.update = false
				c.refresh()
			default:
				c.notRefreshed(m.code, nil)
			}
		})
	case s.said == nil:
		c.notRefreshed(488, ErrState)
	default:
		c.sendReInvite(Message{Body: s.said, ContentType: "application/sdp"}, inviteClient{refresh: true})
	}
}

// glareWait is the longer time of RFC 3261, section 14.1.
func (c *call) glareWait() time.Duration {
	return c.shrunk(time.Duration(2100+rand.IntN(191)*10) * time.Millisecond)
}

// notRefreshed tries again, and says so where it is no mere glare.
func (c *call) notRefreshed(code int, err error) {
	s := c.session
	if s == nil {
		return
	}
	s.stop()
	if code == 491 || code == 500 {
		c.sessionIn(s, c.glareWait(), c.refresh)
		return
	}
	c.push(Event{Kind: Unrefreshed, Code: code, Reason: reasonOf(code), Err: err})
	c.sessionIn(s, max(s.every/2, c.least()), c.refresh)
}

// refreshedBy answers an UPDATE without an offer: it refreshes the target and
// the session timer (RFC 3311, section 5.2).
func (c *call) refreshedBy(m *message, h hop) response {
	c.d.target = contactOf(m, c.d.target)
	c.follow(h)
	if c.phase == up {
		c.sessionFrom(m, Message{})
	}
	return response{code: 200, contact: h.origin().contact(""), m: Message{Headers: c.sessionAnswer(m)}}
}

// sdpIn is the SDP of a message of ours, nil without.
func sdpIn(m Message) []byte {
	mediaType, params, err := mime.ParseMediaType(m.ContentType)
	switch {
	case err != nil:
		return nil
	case mediaType == "application/sdp":
		return m.Body
	case !strings.HasPrefix(mediaType, "multipart/"):
		return nil
	}
	for r := multipart.NewReader(bytes.NewReader(m.Body), params["boundary"]); ; {
		p, err := r.NextPart()
		if err != nil {
			return nil
		}
		if t, _, err := mime.ParseMediaType(p.Header.Get("Content-Type")); err == nil && t == "application/sdp" {
			b, err := io.ReadAll(p)
			if err != nil {
				return nil
			}
			return b
		}
	}
}
