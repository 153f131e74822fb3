package mail

import (
	"bufio"
	"net"
	"strings"
	"testing"
)

func dial(t *testing.T, s *Sink) (say func(string) string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	read := func() string {
		var last string
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return "closed"
			}
			last = strings.TrimRight(line, "\r\n")
			if len(last) < 4 || last[3] != '-' {
				return last[:min(3, len(last))]
			}
		}
	}
	return func(line string) string {
		if line != "" {
			if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
				return "closed"
			}
		}
		return read()
	}
}

func listen(t *testing.T) *Sink {
	t.Helper()
	s, err := Listen(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Proves: E12
func TestCommandsAreAnswered(t *testing.T) {
	s := listen(t)
	say := dial(t, s)
	for _, c := range []struct{ line, want string }{
		{"", "220"},
		{"EHLO me", "250"},
		{"DATA", "503"},
		{"RCPT TO:<a@b>", "503"},
		{"MAIL FROM:a@b", "501"},
		{"MAIL FROM:<a@b> SIZE=5", "250"},
		{"rcpt to:<>", "501"},
		{"rcpt to:<a@b>", "250"},
		{"RSET", "250"},
		{"DATA", "503"},
		{"VRFY x", "500"},
		{"STARTTLS", "502"},
		{"AUTH PLAIN AAAA", "504"},
		{"NOOP", "250"},
		{"MAIL FROM:<>", "250"},
		{"RCPT TO:<a@b>", "250"},
		{"DATA", "354"},
		{"Message-ID: <1@x>\r\nSubject: s\r\n\r\n..a\r\n.", "250"},
		{strings.Repeat("x", 5000), "500"},
		{"NOOP", "closed"},
	} {
		if got := say(c.line); got != c.want {
			t.Errorf("%.40q: %s, want %s", c.line, got, c.want)
		}
	}
	got := s.Received()
	if len(got) != 1 || got[0].ID != "1@x" || got[0].Text != ".a\n" {
		t.Errorf("received %+v", got)
	}
}

// Proves: E12
func TestTheServerMisbehavesAsTold(t *testing.T) {
	s := listen(t)
	for _, c := range []struct {
		mode  Mode
		lines []string
		want  []string
	}{
		{Unready, []string{"", "NOOP"}, []string{"421", "closed"}},
		{Later, []string{"", "MAIL FROM:<a@b>"}, []string{"220", "451"}},
		{Refuse, []string{"", "MAIL FROM:<a@b>", "RCPT TO:<a@b>"}, []string{"220", "250", "550"}},
		{Forget, []string{"", "MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA", "Message-ID: <2@x>\r\n\r\nx\r\n."}, []string{"220", "250", "250", "354", "closed"}},
	} {
		s.SetMode(c.mode)
		say := dial(t, s)
		for i, line := range c.lines {
			if got := say(line); got != c.want[i] {
				t.Errorf("%s, %q: %s, want %s", c.mode, line, got, c.want[i])
			}
		}
	}
	if len(s.Received()) != 1 {
		t.Error("the mail that got no answer was not kept")
	}
	addr := s.Addr()
	s.Down()
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("a server that is down takes connections")
	}
	if err := s.Up(); err != nil || s.Addr() != addr {
		t.Errorf("up again at %s: %v, want %s", s.Addr(), err, addr)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Message-ID: <1@x>\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("Subject: =?utf-8?q?=C3=A4?=\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m := parse(raw); len(m.Text)+len(m.HTML) > 2*len(raw)+16 {
			t.Fatal("a mail grew")
		}
	})
}
