package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"

	"github.com/wneessen/go-mail"
)

// Send sends a plain text that is no notice of a call: an invitation, or the link of
// a forgotten password. Errors are those of Deliver.
func (c *Channel) Send(ctx context.Context, to, subject, text string) error {
	address, err := netmail.ParseAddress(to)
	if err != nil {
		return fmt.Errorf("read the recipient's address: %w", err)
	}
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	m.FromMailAddress(c.from)
	m.ToMailAddress(address)
	setSubject(m, subject)
	m.SetMessageID()
	m.SetDateWithValue(c.cfg.Now().UTC())
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	m.SetBodyString(mail.TypeTextPlain, text)
	var raw bytes.Buffer
	if _, err := m.WriteTo(&raw); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	if conn := c.takeIdle(); conn != nil {
		err := c.send(ctx, conn, path(address), raw.Bytes())
		if !errors.Is(err, errStale) || ctx.Err() != nil {
			return classify(err)
		}
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	return classify(c.send(ctx, conn, path(address), raw.Bytes()))
}
