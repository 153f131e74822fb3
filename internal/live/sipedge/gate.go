package sipedge

import (
	"bytes"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/rules/admission"
)

// gate limits the 403s to unknown sources (D-02): an edge that answers every
// stranger helps to attack whoever's address the stranger wrote.
type gate struct {
	mu     sync.Mutex
	second int64
	all    int
	by     map[netip.Addr]int
}

const (
	forbiddenEach = 10  // a second, to one source
	forbiddenAll  = 100 // a second, to all
)

func (g *gate) init() { g.by = map[netip.Addr]int{} }

func (g *gate) allow(src netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := now.Unix(); s != g.second {
		g.second, g.all = s, 0
		clear(g.by)
	}
	if g.all >= forbiddenAll || g.by[src] >= forbiddenEach {
		return false
	}
	g.all++
	g.by[src]++ // at most forbiddenAll entries
	return true
}

// looksLikeInvite reads no more than the beginning of a datagram.
func looksLikeInvite(data []byte) bool {
	data = trimLeadingLines(data[:min(len(data), 64)])
	return len(data) > 7 && strings.EqualFold(string(data[:6]), "INVITE") && (data[6] == ' ' || data[6] == '\t')
}

// peekCallID finds the Call-ID without parsing.
func peekCallID(data []byte) string { return string(peekID(data)) }

// peekID is peekCallID without a copy.
func peekID(data []byte) []byte {
	if n := headEnd(data); n >= 0 {
		data = data[:n]
	}
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) > 16 {
			continue
		}
		if n := bytes.TrimSpace(name); bytes.EqualFold(n, []byte("Call-ID")) || bytes.EqualFold(n, []byte("i")) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

// stranger takes a message from an unknown source. What proves by both tags or
// by our branch that it belongs to a call of ours is heard: a PSAP may hang up
// from another of its addresses. An INVITE is answered 403 without state and
// raises an alarm; all else meets silence. It returns false to end a
// connection.
func (e *Edge) stranger(m *message, h hop, src netip.AddrPort) bool {
	if m.missing == "" && e.belongs(m, h) {
		return true
	}
	if m.method == "REGISTER" && m.missing == "" && e.desk != nil && e.cfg.Registers != nil && e.cfg.Registers(hostOf(m.uri)) {
		e.desk.take(m, h, src)
		return true
	}
	if m.method != "INVITE" {
		return h.conn == nil
	}
	if m.missing != "" {
		return e.forbid(m, h, src, nil)
	}
	id := e.identify(m, h, src, false)
	if id.Proved {
		e.counts.requests.Add(1)
		e.request(m, h, src)
		return true
	}
	return e.forbid(m, h, src, id.Refusal)
}

// forbid refuses a stranger's INVITE, or asks whose it is: whoever calls from an
// address for the first time is asked before it is heard.
func (e *Edge) forbid(m *message, h hop, src netip.AddrPort, instead *Response) bool {
	e.counts.forbidden.Add(1)
	detail := "a call from an address that is no trunk's was refused with 403"
	if instead != nil {
		detail = "a call from an address that is no trunk's was asked for the credentials of a trunk"
	}
	e.alarms.raise(Alarm{
		Code: AlarmUnknownSource, At: e.cfg.Now(), Source: src.Addr(), Transport: h.network,
		Dialled: dialled(m.uri), Emergency: e.cfg.Emergency(m.uri), Detail: detail,
	})
	if !e.gate.allow(src.Addr(), e.cfg.Now()) {
		return h.conn == nil
	}
	r := response{code: 403, bare: true}
	if instead != nil {
		r = response{code: instead.Code, reason: instead.Reason, m: instead.Message, bare: true}
	}
	e.reply(m, h, r)
	return true
}

// belongs hands a request to the call whose tags it carries.
func (e *Edge) belongs(m *message, h hop) bool {
	if m.from.tag == "" || m.to.tag == "" {
		return false
	}
	for _, c := range e.table.get(m.callID) {
		if c.inDialog(m, h) {
			return true
		}
	}
	return false
}

// Emergency calls have a table of their own size beside the others', so that
// neither can fill the other's room.
type places struct {
	limits    Limits
	mu        sync.Mutex
	ordinary  int
	emergency int
	shares    *admission.Shares[netip.Addr] // of Limits.OrdinaryRate
	live      atomic.Int64                  // legs of both directions
}

// keptCalls bounds what is remembered after calls ended (64*T1 each), above
// which ordinary calls are shed; emergency calls have twice that.
const keptCalls = 100_000

// admit takes a place; the reason for a refusal is for a person. A flood from
// one source leaves the others their share.
func (a *places) admit(emergency bool, src netip.Addr, kept int64, now time.Time) (ok bool, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if emergency {
		if a.emergency >= a.limits.EmergencyCalls || kept >= 2*keptCalls {
			return false, "all places for emergency calls are taken"
		}
		a.emergency++
		return true, ""
	}
	if a.ordinary >= a.limits.OrdinaryCalls || kept >= keptCalls {
		return false, "all places for ordinary calls are taken"
	}
	if v := a.shares.Take(src, now); !v.OK {
		return false, v.Why
	}
	a.ordinary++
	return true, ""
}

// retake takes a place without asking: for a call that had one.
func (a *places) retake(emergency bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if emergency {
		a.emergency++
	} else {
		a.ordinary++
	}
}

func (a *places) release(emergency bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if emergency {
		a.emergency--
	} else {
		a.ordinary--
	}
}
