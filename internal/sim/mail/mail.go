// Package mail is a simulated mail server: it speaks SMTP (RFC 5321) on a real
// socket, keeps what it gets and sends nothing on. Repetitions of one message
// are folded by their Message-ID. It says that it is simulated (E12).
package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// Limits of one session.
const (
	maxMessage = 8 << 20
	idle       = time.Minute
)

// Message is one mail, as it was first received.
type Message struct {
	At        time.Time
	From      string
	To        []string
	ID        string // Message-ID
	Subject   string // decoded
	Header    netmail.Header
	Text      string // plain part, decoded
	HTML      string // HTML part, decoded
	Raw       []byte
	Repeats   int // times it came again
	Different int // of those, how often with other content
}

// Sink is a running mail server. Safe for concurrent use.
type Sink struct {
	l net.Listener

	mu     sync.Mutex
	down   bool
	byID   map[string]*Message
	order  []string
	change chan struct{}
	conns  map[net.Conn]struct{}
	wg     sync.WaitGroup
}

// New binds the address, "127.0.0.1:2525".
func New(addr string) (*Sink, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("simulated mail server: %w", err)
	}
	return &Sink{l: l, byID: map[string]*Message{}, change: make(chan struct{}), conns: map[net.Conn]struct{}{}}, nil
}

// Addr is where the server listens.
func (s *Sink) Addr() string { return s.l.Addr().String() }

// SetDown makes the server answer every session with 421, as one that is being
// repaired, or work again.
func (s *Sink) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// All returns the messages in the order they first came.
func (s *Sink) All() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Message, 0, len(s.order))
	for _, id := range s.order {
		all = append(all, *s.byID[id])
	}
	return all
}

// Wait returns all messages once there are at least n, or the error of ctx.
func (s *Sink) Wait(ctx context.Context, n int) ([]Message, error) {
	for {
		s.mu.Lock()
		have, change := len(s.order), s.change
		s.mu.Unlock()
		if have >= n {
			return s.All(), nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return s.All(), fmt.Errorf("wait for %d mails, have %d: %w", n, have, ctx.Err())
		}
	}
}

// Run serves until ctx ends.
func (s *Sink) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		s.l.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			c.Close()
		}
	})
	defer stop()
	defer s.wg.Wait()
	for {
		c, err := s.l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("simulated mail server: %w", err)
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		down := s.down
		s.mu.Unlock()
		s.wg.Go(func() {
			s.session(c, down)
			c.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, c)
		})
	}
}

// session speaks one SMTP session.
func (s *Sink) session(c net.Conn, down bool) {
	t := textproto.NewConn(c)
	say := func(line string) bool {
		_ = c.SetDeadline(time.Now().Add(idle))
		return t.PrintfLine("%s", line) == nil
	}
	if down {
		say("421 simulated.invalid Callbox simulated mail server is down")
		return
	}
	say("220 simulated.invalid ESMTP Callbox simulated mail server")
	var m Message
	for {
		line, err := t.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-simulated.invalid")
			say("250-8BITMIME")
			say(fmt.Sprintf("250 SIZE %d", maxMessage))
		case "HELO", "RSET", "NOOP":
			m = Message{}
			say("250 ok")
		case "MAIL":
			m = Message{From: address(rest)}
			say("250 ok")
		case "RCPT":
			m.To = append(m.To, address(rest))
			say("250 ok")
		case "DATA":
			if len(m.To) == 0 {
				say("503 who is it for?")
				continue
			}
			say("354 go on")
			raw, err := io.ReadAll(io.LimitReader(t.DotReader(), maxMessage+1))
			if err != nil || len(raw) > maxMessage {
				say("552 too large")
				return
			}
			m.Raw, m.At = raw, time.Now()
			if err := s.keep(m); err != nil {
				say("554 " + err.Error())
				continue
			}
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 not known here")
		}
	}
}

// address reads the path of MAIL and RCPT.
func address(rest string) string {
	_, after, _ := strings.Cut(rest, "<")
	path, _, _ := strings.Cut(after, ">")
	return path
}

func (s *Sink) keep(m Message) error {
	msg, err := netmail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return errors.New("not a mail message")
	}
	m.Header = msg.Header
	m.ID = strings.Trim(msg.Header.Get("Message-ID"), "<>")
	if m.ID == "" {
		return errors.New("no Message-ID")
	}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		m.Subject = msg.Header.Get("Subject")
	}
	readParts(textproto.MIMEHeader(msg.Header), msg.Body, &m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.byID[m.ID]; first != nil {
		first.Repeats++
		if first.Text != m.Text || first.Subject != m.Subject || strings.Join(first.To, ",") != strings.Join(m.To, ",") {
			first.Different++
		}
	} else {
		s.byID[m.ID] = &m
		s.order = append(s.order, m.ID)
	}
	close(s.change)
	s.change = make(chan struct{})
	return nil
}

// readParts finds the plain and the HTML text.
func readParts(h textproto.MIMEHeader, body io.Reader, m *Message) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if strings.EqualFold(h.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			readParts(p.Header, p, m)
		}
	case kind == "text/plain" || kind == "text/html":
		text, err := io.ReadAll(body)
		if err != nil {
			return
		}
		if kind == "text/html" {
			m.HTML = string(text)
		} else {
			m.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
}
