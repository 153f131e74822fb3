package email

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"time"
)

// errStale means that a connection ended before the server heard of a mail on it.
var errStale = errors.New("the connection was closed meanwhile")

// path is an address as the envelope has it (RFC 5321, section 4.1.2).
func path(a *netmail.Address) string { return (&netmail.Address{Address: a.Address}).String() }

// extensions are those that a mail of ours uses where the server has them (RFC
// 6152, RFC 6531).
var extensions = []struct{ name, parameter string }{{"8BITMIME", " BODY=8BITMIME"}, {"SMTPUTF8", " SMTPUTF8"}}

// hand gives one mail to the server (RFC 5321, section 3.3), its three commands
// at once where the server lets them come so (RFC 2920). An error that wraps
// textproto.Error is the server's answer, after which the connection is as good as
// before. One that wraps errStale says that nothing was handed over.
func (c *connection) hand(from, to string, text []byte, timeout time.Duration) error {
	step := func() error { return c.raw.SetDeadline(time.Now().Add(timeout)) }
	if err := step(); err != nil {
		return errors.Join(errStale, err)
	}
	mail := "MAIL FROM:" + from
	for _, e := range extensions {
		if ok, _ := c.Extension(e.name); ok {
			mail += e.parameter
		}
	}
	commands := []string{mail, "RCPT TO:" + to, "DATA"}
	for _, line := range commands {
		if strings.ContainsAny(line, "\r\n") {
			return &textproto.Error{Code: 553, Msg: "an address of two lines"}
		}
	}
	if err := c.envelope(commands, step); err != nil {
		return err
	}
	w := c.Text.DotWriter()
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	if err := errors.Join(w.Close(), step()); err != nil {
		return fmt.Errorf("end the mail: %w", err)
	}
	if _, _, err := c.Text.ReadResponse(250); err != nil {
		return fmt.Errorf("hand the mail over: %w", err)
	}
	return nil
}

// envelope says who to whom, up to the go-ahead for the mail itself.
func (c *connection) envelope(commands []string, step func() error) error {
	pipelined, _ := c.Extension("PIPELINING")
	if pipelined {
		if err := c.Text.PrintfLine("%s", strings.Join(commands, "\r\n")); err != nil {
			return errors.Join(errStale, err)
		}
	}
	var refused error
	for i, command := range commands {
		if !pipelined {
			if err := errors.Join(step(), c.Text.PrintfLine("%s", command)); err != nil {
				return c.broken(i, err)
			}
		}
		code, text, err := c.Text.ReadResponse(0)
		switch {
		case err != nil:
			return c.broken(i, err)
		case i == 0 && code == 421:
			// It closes for having waited; a server that is not ready says so on a new
			// connection too.
			return errors.Join(errStale, fmt.Errorf("%d %s", code, text))
		case code/100 == 2 && i < 2, code == 354 && i == 2:
			if i == 2 && refused != nil { // it waits for a mail that nobody gets (RFC 2920, section 3.1)
				if err := c.Text.PrintfLine("."); err != nil {
					return c.broken(i, err)
				}
				if _, _, err := c.Text.ReadResponse(0); err != nil {
					return c.broken(i, err)
				}
			}
			continue
		}
		if refused == nil {
			refused = fmt.Errorf("%s: %w", strings.Fields(command)[0], &textproto.Error{Code: code, Msg: text})
		}
		if !pipelined {
			break
		}
	}
	if refused == nil {
		return nil
	}
	if err := c.Text.PrintfLine("RSET"); err != nil {
		return fmt.Errorf("%s, then: %w", refused.Error(), err)
	}
	if _, _, err := c.Text.ReadResponse(250); err != nil {
		// Not as the server's answer: the connection is of no use.
		return errors.New(refused.Error() + ", then: " + err.Error())
	}
	return refused
}

// broken is the end of a connection while a command was out.
func (c *connection) broken(command int, err error) error {
	if command == 0 {
		return errors.Join(errStale, err)
	}
	return fmt.Errorf("speak to the mail server: %w", err)
}
