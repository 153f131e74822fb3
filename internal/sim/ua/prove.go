package ua

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// prove sends the INVITE again with credentials where a challenge asks for them (RFC
// 3261, section 22.3); nil: it does not, or nobody can answer.
func (c *Call) prove(ctx context.Context, r *Message) <-chan *Message {
	asks, answers := "Proxy-Authenticate", "Proxy-Authorization"
	if r.Status() == 401 {
		asks, answers = "WWW-Authenticate", "Authorization"
	}
	if c.answer == nil || r.Status() != 407 && r.Status() != 401 {
		return nil
	}
	value, err := c.answer(r.All(asks), "INVITE", c.Invite.URI())
	c.answer = nil // a second challenge says that the credentials are wrong
	if err != nil {
		return nil
	}
	next := &Message{Start: c.Invite.Start, Headers: slices.Clone(c.Invite.Headers), Body: c.Invite.Body}
	branch := NewBranch()
	c.mu.Lock()
	c.seq++
	next.set("CSeq", strconv.Itoa(c.seq)+" INVITE")
	next.set("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(c.transport), c.agent.ep.Addr(), branch))
	next.Headers = append(next.Headers, Header{answers, value})
	c.Invite, c.branch = next, branch
	c.mu.Unlock()
	responses, err := c.agent.ep.Request(ctx, next, c.dest, c.transport, c.agent.handle)
	if err != nil {
		return nil
	}
	return responses
}

// cseq is the number of a request.
func (m *Message) cseq() string {
	n, _, _ := strings.Cut(m.Get("CSeq"), " ")
	return n
}

func (m *Message) set(name, value string) {
	for i := range m.Headers {
		if strings.EqualFold(m.Headers[i].Name, name) {
			m.Headers[i].Value = value
		}
	}
}
