// Package mail is a simulated mail server: it takes mail by real SMTP (RFC
// 5321) over TCP, keeps it in memory and delivers nothing. Repetitions of a
// mail, told by their Message-ID, are folded into one. It can be told to
// misbehave in the ways that mail servers do.
package mail

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mode is how the sink behaves.
type Mode string

// The modes.
const (
	Accept  Mode = "accept"  // takes everything
	Later   Mode = "later"   // answers MAIL with 451
	Refuse  Mode = "refuse"  // answers RCPT with 550
	Silent  Mode = "silent"  // takes connections and says nothing
	Forget  Mode = "forget"  // takes a mail, then closes the connection without an answer
	Unready Mode = "unready" // greets with 421
)

// Bounds of one session and of what is kept.
const (
	maxMail     = 10 << 20
	maxLine     = 4096
	maxSessions = 256
	maxKept     = 100_000
	idle        = 2 * time.Minute
)

// Config is what Listen needs; the zero Config is good.
type Config struct {
	Addr string // 127.0.0.1:0 when empty
	// TLS offers STARTTLS; with Implicit, TLS begins at once.
	TLS      *tls.Config
	Implicit bool
	// User and Password are asked for by AUTH PLAIN, inside TLS alone.
	User, Password string
	// OneByOne leaves PIPELINING out (RFC 2920).
	OneByOne bool
	Now      func() time.Time
}

// Message is one mail as it first came.
type Message struct {
	At        time.Time
	From      string   // of the envelope
	To        []string // of the envelope
	ID        string   // Message-ID without brackets
	Subject   string   // decoded
	Header    netmail.Header
	Text      string // the plain part
	HTML      string // the HTML part
	Raw       []byte // as it came
	Repeats   int    // times that it came again
	Different int    // of those, how often with other content
}

// Sink is a running server. Safe for concurrent use.
type Sink struct {
	cfg  Config
	addr string

	mu       sync.Mutex
	listener net.Listener // nil while down
	mode     Mode
	messages []*Message
	byID     map[string]*Message
	sessions map[net.Conn]struct{}
	tried    int
	changed  chan struct{}
	closed   bool
	wg       sync.WaitGroup
}

// Listen binds and serves until Close.
func Listen(cfg Config) (*Sink, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Sink{cfg: cfg, addr: cfg.Addr, mode: Accept, byID: map[string]*Message{}, sessions: map[net.Conn]struct{}{}, changed: make(chan struct{})}
	if err := s.Up(); err != nil {
		return nil, err
	}
	return s, nil
}

// Addr is the address that clients connect to; the same after Down and Up.
func (s *Sink) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Up listens again after Down.
func (s *Sink) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("listen for simulated mail: %w", err)
	}
	s.listener, s.addr = l, l.Addr().String()
	s.wg.Go(func() { s.accept(l) })
	return nil
}

// Down refuses connections and cuts those that are there.
func (s *Sink) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
	for c := range s.sessions {
		c.Close()
	}
}

// SetMode changes how the sink behaves from the next command on.
func (s *Sink) SetMode(m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = m
}

// Close stops the server and waits for its sessions.
func (s *Sink) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Down()
	s.wg.Wait()
}

// Run serves until ctx ends, for a group of parts.
func (s *Sink) Run(ctx context.Context) error {
	<-ctx.Done()
	s.Close()
	return nil
}

// Received returns the mails so far in the order of their first arrival.
func (s *Sink) Received() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Message, len(s.messages))
	for i, m := range s.messages {
		out[i] = *m
	}
	return out
}

// Count is how many Received returns.
func (s *Sink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages)
}

// Changed returns a channel that is closed when the next mail, repetition or
// connection comes.
func (s *Sink) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Connections returns how many connections were taken.
func (s *Sink) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

// Await returns all mails once there are at least n, or the error of ctx.
func (s *Sink) Await(ctx context.Context, n int) ([]Message, error) {
	for {
		changed := s.Changed()
		got := s.Received()
		if len(got) >= n {
			return got, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got, fmt.Errorf("wait for %d mails, have %d: %w", n, len(got), ctx.Err())
		}
	}
}

// signal wakes those who wait; called with mu held.
func (s *Sink) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Sink) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.listener != l || len(s.sessions) >= maxSessions {
			s.mu.Unlock()
			conn.Close()
			continue
		}
		s.sessions[conn] = struct{}{}
		s.tried++
		s.signal()
		s.wg.Go(func() { s.serve(conn) })
		s.mu.Unlock()
	}
}

func (s *Sink) currentMode() Mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}

// keep stores one mail.
func (s *Sink) keep(from string, to []string, raw []byte) {
	m := parse(raw)
	m.From, m.To, m.At = from, to, s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.signal()
	if first := s.byID[m.ID]; first != nil && m.ID != "" {
		first.Repeats++
		if !bytes.Equal(first.Raw, raw) || !slices.Equal(first.To, to) {
			first.Different++
		}
		return
	}
	s.byID[m.ID] = m
	if len(s.messages) == maxKept {
		delete(s.byID, s.messages[0].ID)
		s.messages = s.messages[1:]
	}
	s.messages = append(s.messages, m)
}

// session is one SMTP dialogue.
type session struct {
	sink    *Sink
	conn    net.Conn
	in      *bufio.Reader
	secure  bool
	signed  bool
	from    string
	hasFrom bool
	to      []string
}

func (s *Sink) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.sessions, conn)
		s.mu.Unlock()
	}()
	ss := &session{sink: s, conn: conn}
	if s.cfg.TLS != nil && s.cfg.Implicit {
		ss.conn, ss.secure = tls.Server(conn, s.cfg.TLS), true
	}
	ss.in = bufio.NewReaderSize(ss.conn, maxLine)
	switch s.currentMode() {
	case Silent:
		_, _ = io.Copy(io.Discard, conn) // until the other side has had enough
		return
	case Unready:
		_ = ss.say("421 simulated mail server is not ready")
		return
	}
	if ss.say("220 simulated.invalid ESMTP Callbox simulated mail server") != nil {
		return
	}
	for ss.command() == nil {
	}
}

func (ss *session) say(line string) error {
	if err := ss.conn.SetDeadline(time.Now().Add(idle)); err != nil {
		return err
	}
	_, err := io.WriteString(ss.conn, line+"\r\n")
	return err
}

var errOver = errors.New("session over")

// command reads and answers one command; an error ends the session.
func (ss *session) command() error {
	if err := ss.conn.SetDeadline(time.Now().Add(idle)); err != nil {
		return err
	}
	b, err := ss.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		_ = ss.say("500 line too long")
		return errOver
	}
	if err != nil {
		return err
	}
	line := strings.TrimRight(string(b), "\r\n")
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		return ss.hello()
	case "HELO":
		return ss.say("250 simulated.invalid")
	case "NOOP":
		return ss.say("250 still here")
	case "RSET":
		ss.from, ss.hasFrom, ss.to = "", false, nil
		return ss.say("250 forgotten")
	case "QUIT":
		_ = ss.say("221 bye")
		return errOver
	case "STARTTLS":
		return ss.startTLS()
	case "AUTH":
		return ss.auth(rest)
	case "MAIL":
		return ss.mail(rest)
	case "RCPT":
		return ss.rcpt(rest)
	case "DATA":
		return ss.data()
	}
	return ss.say("500 unknown command")
}

func (ss *session) hello() error {
	lines := []string{"simulated.invalid", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", fmt.Sprintf("SIZE %d", maxMail)}
	cfg := ss.sink.cfg
	if !cfg.OneByOne {
		lines = append(lines, "PIPELINING")
	}
	if cfg.TLS != nil && !ss.secure {
		lines = append(lines, "STARTTLS")
	}
	if cfg.User != "" && ss.secure {
		lines = append(lines, "AUTH PLAIN")
	}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		if err := ss.say("250" + sep + l); err != nil {
			return err
		}
	}
	return nil
}

func (ss *session) startTLS() error {
	if ss.sink.cfg.TLS == nil || ss.secure {
		return ss.say("502 5.5.1 not here")
	}
	if err := ss.say("220 2.0.0 go ahead"); err != nil {
		return err
	}
	// What a client sent ahead of the handshake is thrown away (RFC 3207,
	// section 4.2).
	ss.conn = tls.Server(ss.conn, ss.sink.cfg.TLS)
	ss.in = bufio.NewReaderSize(ss.conn, maxLine)
	ss.secure, ss.signed = true, false
	ss.from, ss.hasFrom, ss.to = "", false, nil
	return nil
}

func (ss *session) auth(rest string) error {
	cfg := ss.sink.cfg
	method, initial, _ := strings.Cut(rest, " ")
	if cfg.User == "" || !ss.secure || !strings.EqualFold(method, "PLAIN") {
		return ss.say("504 5.5.4 not this way")
	}
	want := "\x00" + cfg.User + "\x00" + cfg.Password
	got, err := base64.StdEncoding.DecodeString(initial)
	if err != nil || string(got) != want {
		return ss.say("535 5.7.8 wrong")
	}
	ss.signed = true
	return ss.say("235 2.7.0 welcome")
}

func (ss *session) mail(rest string) error {
	switch {
	case ss.sink.cfg.User != "" && !ss.signed:
		return ss.say("530 5.7.0 sign in first")
	case ss.sink.currentMode() == Later:
		return ss.say("451 4.3.0 simulated: try later")
	}
	addr, ok := path(rest, "FROM:")
	if !ok {
		return ss.say("501 5.5.4 MAIL FROM:<address>")
	}
	ss.from, ss.hasFrom, ss.to = addr, true, nil
	return ss.say("250 2.1.0 sender noted")
}

func (ss *session) rcpt(rest string) error {
	addr, ok := path(rest, "TO:")
	switch {
	case !ss.hasFrom:
		return ss.say("503 5.5.1 MAIL first")
	case !ok || addr == "":
		return ss.say("501 5.5.4 RCPT TO:<address>")
	case ss.sink.currentMode() == Refuse:
		return ss.say("550 5.1.1 simulated: no such mailbox")
	case len(ss.to) >= 100:
		return ss.say("452 4.5.3 too many recipients")
	}
	ss.to = append(ss.to, addr)
	return ss.say("250 2.1.5 recipient noted")
}

func (ss *session) data() error {
	if len(ss.to) == 0 {
		return ss.say("503 5.5.1 RCPT first")
	}
	if err := ss.say("354 end with a line of one dot"); err != nil {
		return err
	}
	raw, err := dotted(ss.in)
	if err != nil {
		return err
	}
	if len(raw) > maxMail {
		_ = ss.say("552 5.3.4 too large")
		return errOver
	}
	ss.sink.keep(ss.from, ss.to, raw)
	ss.from, ss.hasFrom, ss.to = "", false, nil
	if ss.sink.currentMode() == Forget {
		return errOver
	}
	return ss.say("250 2.0.0 kept, and delivered to nobody: simulated")
}

// dotted reads a mail as it came up to the line of one dot, without the dots
// that were doubled (RFC 5321, section 4.5.2).
func dotted(in *bufio.Reader) ([]byte, error) {
	var out []byte
	begin := true
	for {
		b, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if begin && (string(b) == ".\r\n" || string(b) == ".\n") {
			return out, nil
		}
		if begin && len(b) > 0 && b[0] == '.' {
			b = b[1:]
		}
		if len(out) <= maxMail {
			out = append(out, b...)
		}
		begin = err == nil
	}
}

// path reads "FROM:<address> parameters".
func path(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	s = strings.TrimSpace(s[len(prefix):])
	if !strings.HasPrefix(s, "<") {
		return "", false
	}
	addr, _, ok := strings.Cut(s[1:], ">")
	return addr, ok
}

// parse reads what it can of a mail; a mail that is none has Raw alone.
func parse(raw []byte) *Message {
	m := &Message{Raw: raw}
	msg, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m
	}
	m.Header = msg.Header
	m.ID = strings.Trim(msg.Header.Get("Message-Id"), "<> ")
	dec := new(mime.WordDecoder)
	if m.Subject, err = dec.DecodeHeader(msg.Header.Get("Subject")); err != nil {
		m.Subject = msg.Header.Get("Subject")
	}
	m.part(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body, 0)
	return m
}

// part keeps the first text of each kind.
func (m *Message) part(contentType, encoding string, body io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < 4 {
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err != nil {
				return
			}
			m.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, err := io.ReadAll(io.LimitReader(body, maxMail))
	if err != nil {
		return
	}
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = strings.ReplaceAll(string(b), "\r\n", "\n")
	case kind == "text/html" && m.HTML == "":
		m.HTML = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
}
