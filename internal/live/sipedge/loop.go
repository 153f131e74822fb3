package sipedge

import (
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"net/netip"
	"strings"
)

// markLength is that of the mark at the end of our branches: 64 bits.
const markLength = 16

// newBranch makes a branch that nobody can guess and that we know again: its
// end follows from the rest by a key of this process.
func (e *Edge) newBranch() string {
	b := magic + random(10)
	return b + e.mark(b)
}

func (e *Edge) mark(s string) string {
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, maphash.String(e.seed, s)))
}

// ours reports whether a branch was made by newBranch of this process.
func (e *Edge) ours(branch string) bool {
	n := len(branch) - markLength
	return n > len(magic) && strings.HasPrefix(branch, magic) && branch[n:] == e.mark(branch[:n])
}

// looped tells a new INVITE that went through us before (C-80): by a Via of
// ours, or by Call-ID and From tag of a leg that we dialled; or one that is at
// the end of its hops (RFC 7332, section 4: a back-to-back user agent counts as
// a proxy does). The code is 0 when it is none. A neighbour that hides all
// three is met by the emergency call id, in live/emergency.
func (e *Edge) looped(m *message, calls []*call) (code int, why string) {
	for _, v := range m.headers.values("Via") {
		if _, params, ok := strings.Cut(v, ";"); ok {
			if branch, _ := param(";"+params, "branch"); e.ours(branch) {
				return 482, "a Via of ours is in it"
			}
		}
	}
	for _, c := range calls {
		if c.dialledAs(m.from.tag) {
			return 482, "it is a call that we sent"
		}
	}
	if n, ok := m.headers.find("Max-Forwards"); ok && isZero(n) {
		return 483, "Max-Forwards is 0"
	}
	return 0, ""
}

func isZero(s string) bool { return s != "" && strings.Trim(s, "0") == "" }

// dialledAs reports whether the call is one that we dialled with this From tag.
func (c *call) dialledAs(tag string) bool {
	if c.inbound || tag == "" {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.d.localTag == tag
}

// cutLoop answers a call in a loop, so that whoever sent it out tries another
// way. One for help is alarmed.
func (e *Edge) cutLoop(m *message, h hop, src netip.AddrPort, code int, why string) {
	e.counts.looped.Add(1)
	if e.cfg.Emergency(m.uri) {
		e.alarms.raise(Alarm{
			Code: AlarmLoop, At: e.cfg.Now(), Source: src.Addr(), Transport: h.network,
			Dialled: dialled(m.uri), Emergency: true, Detail: "an emergency call goes in a loop and was refused here: " + why,
		})
	}
	e.reply(m, h, response{code: code})
}
