package sipedge

import (
	"slices"
	"strconv"
	"strings"
)

// supported is what a dialled INVITE says of us (RFC 3261, section 20.37).
// Reliable provisional responses only with an offer: without one they would make
// the offer, and the PRACK had to answer it.
func supported(offer, honours bool) string {
	s := "timer"
	if offer {
		s += ", 100rel"
	}
	if honours {
		s += ", replaces"
	}
	return s
}

// lists reports whether a field names an option tag.
func (h Headers) lists(name, tag string) bool {
	return slices.ContainsFunc(h.values(name), func(v string) bool { return strings.EqualFold(v, tag) })
}

// maxEarly bounds the early dialogs whose reliable responses are acknowledged:
// more branches than any PSAP has.
const maxEarly = 16

// reliable acknowledges a provisional response that must arrive (RFC 3262,
// section 4), by PRACK in its early dialog. False: it is a repetition, or one
// before it is missing, and nothing is to be made of it.
func (c *call) reliable(m *message) bool {
	if m.code == 100 || !m.headers.lists("Require", "100rel") {
		return true
	}
	n, err := strconv.ParseUint(strings.TrimSpace(m.headers.Get("RSeq")), 10, 32)
	if err != nil || n == 0 || m.to.tag == "" {
		return true
	}
	last, seen := c.rseq[m.to.tag]
	switch {
	case seen && uint32(n) != last+1:
		return false
	case !seen && len(c.rseq) >= maxEarly:
		return true
	}
	if c.rseq == nil {
		c.rseq = map[string]uint32{}
	}
	c.rseq[strings.Clone(m.to.tag)] = uint32(n)
	d := c.d
	d.establish(m, c.ask.out.uri)
	c.d.localSeq++
	rack := strconv.FormatUint(n, 10) + " " + strconv.FormatUint(uint64(c.ask.out.seq), 10) + " INVITE"
	c.send(c.nextHop(&d), c.inside(&d, "PRACK", c.d.localSeq, Message{Headers: Headers{{"RAck", rack}}}), nil)
	return true
}
