// Package explain answers a telecom administrator's questions: who is this
// caller, where is the device, how do we know, what would a call do now, and
// what was known at another time (E11, design 2.1 to 2.3).
//
// It holds no rules: a call is foretold by live/emergency's own decision, and
// what devices showed is asked of a location server, the one that runs or one
// filled from the journal. Answers are of one organisation (E14).
package explain

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Query is a question. One of MAC, User, Number and IP at least; several are one
// caller: the user's call from that device, say. Or Call alone, which may be asked
// with Org.
type Query struct {
	// Call is one that was made: all of its decision, and what it would do today.
	Call   e911.CallID
	Org    string   // key; empty: the one organisation that fits
	MAC    e911.MAC // of the device
	User   string   // key, mail address, id in E911-User-ID, or id
	Number e911.Number
	IP     netip.Addr // that the call comes from
	Trunk  string     // key of the trunk that it comes by; empty: chosen, and said
	Test   bool       // 933 instead of 911
	// Held asks for the device's last location request alone, not for a call.
	Held bool
	// I3 asks for the LogEvents of Call beside its answer; nil: none.
	I3 *I3
	// At is the time in question; zero: now.
	At time.Time
}

// Names of the parameters, on the command line and in a URL.
const (
	ParamOrg    = "org"
	ParamMAC    = "mac"
	ParamUser   = "user"
	ParamNumber = "number"
	ParamIP     = "ip"
	ParamTrunk  = "trunk"
	ParamTest   = "test"
	ParamHeld   = "held"
	ParamAt     = "at"
	ParamCall   = "call"

	// Of a call alone: its LogEvents, and what they name as theirs.
	ParamI3      = "i3"
	ParamElement = "element"
	ParamAgency  = "agency"
)

// maxParam bounds one parameter; keys and mail addresses are shorter.
const maxParam = 320

// Parse reads a query from URL parameters. The error, of kind e911.Invalid,
// names every fault.
func Parse(v url.Values, now time.Time) (Query, error) {
	p := parser{v: v, now: now}
	q := Query{
		Org: p.text(ParamOrg), User: p.text(ParamUser), Trunk: p.text(ParamTrunk),
		Test: p.flag(ParamTest), Held: p.flag(ParamHeld),
	}
	if s := p.text(ParamMAC); s != "" {
		m, err := e911.ParseMAC(s)
		switch {
		case err != nil:
			p.bad(ParamMAC, "not a hardware address", "write 00:11:22:aa:bb:cc, 00-11-22-AA-BB-CC, 0011.22aa.bbcc or the digits alone")
		case m.Group():
			p.bad(ParamMAC, "a multicast address is no device's", "")
		}
		q.MAC = m
	}
	if s := p.text(ParamNumber); s != "" {
		n, err := e911.ParseNumber(s)
		if err != nil {
			p.bad(ParamNumber, "not a telephone number", "write +16175550100, or ten North American digits")
		}
		q.Number = n
	}
	if s := p.text(ParamIP); s != "" {
		a, err := netip.ParseAddr(strings.Trim(s, "[]"))
		a = a.Unmap().WithZone("")
		if err != nil || a.IsUnspecified() || a.IsMulticast() {
			p.bad(ParamIP, "not the network address of a device", "write 10.1.2.3 or 2001:db8::1")
		}
		q.IP = a
	}
	if s := p.text(ParamAt); s != "" {
		q.At = p.time(s)
	}
	p.call(&q)
	for name, values := range v {
		switch name {
		case ParamOrg, ParamMAC, ParamUser, ParamNumber, ParamIP, ParamTrunk, ParamTest, ParamHeld, ParamAt, ParamCall, ParamI3, ParamElement, ParamAgency, "format":
			if len(values) > 1 {
				p.bad(name, "given more than once", "")
			}
		default:
			p.bad(name, "no such parameter", "")
		}
	}
	if q.Call == "" && q.MAC == "" && q.User == "" && q.Number == "" && !q.IP.IsValid() && len(p.faults) == 0 {
		p.bad(ParamMAC, "nothing is asked for", "name a device, user, number or address: mac, user, number, ip")
	}
	if len(p.faults) > 0 {
		return Query{}, &e911.Error{Kind: e911.Invalid, Msg: "the question cannot be read", Faults: p.faults}
	}
	return q, nil
}

// call reads the id of a call. It says all by itself.
func (p *parser) call(q *Query) {
	s := p.text(ParamCall)
	if p.flag(ParamI3) {
		q.I3 = &I3{Element: p.text(ParamElement), Agency: p.text(ParamAgency)}
	}
	for _, of := range []string{ParamI3, ParamElement, ParamAgency} {
		if p.v.Get(of) != "" && (s == "" || q.I3 == nil) {
			p.bad(of, "belongs to the LogEvents of a call", "name the call, and ask with i3=true")
		}
	}
	if s == "" {
		return
	}
	q.Call = e911.CallID(strings.ToLower(s))
	if _, ok := begun(q.Call); !ok {
		p.bad(ParamCall, "not the id of a call", "write it as the call's page and record do: 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	for _, other := range []string{ParamMAC, ParamUser, ParamNumber, ParamIP, ParamTrunk, ParamTest, ParamHeld, ParamAt} {
		if p.v.Get(other) != "" {
			p.bad(other, "a call that was made says all by itself", "leave it out")
		}
	}
}

type parser struct {
	v      url.Values
	now    time.Time
	faults []e911.Fault
}

func (p *parser) bad(path, msg, fix string) {
	p.faults = append(p.faults, e911.Fault{Path: path, Code: "invalid", Msg: msg, Fix: fix})
}

func (p *parser) text(name string) string {
	s := strings.TrimSpace(p.v.Get(name))
	if len(s) > maxParam {
		p.bad(name, "too long", "")
		return ""
	}
	return s
}

func (p *parser) flag(name string) bool {
	switch p.v.Get(name) {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	}
	p.bad(name, "neither true nor false", "")
	return false
}

// time reads a time with its zone, or how long ago. A time of day without a zone
// would be another hour for each reader.
func (p *parser) time(s string) time.Time {
	var t time.Time
	if d, err := time.ParseDuration(s); err == nil {
		if d > 0 {
			d = -d
		}
		t = p.now.Add(d)
	} else {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00"} {
			if t, err = time.Parse(layout, s); err == nil {
				break
			}
		}
		if err != nil {
			p.bad(ParamAt, "not a time", "write 2026-11-22T14:02:00Z, 2026-11-22T09:02:00-05:00, or how long ago: 90m, 26h")
			return time.Time{}
		}
	}
	if t.After(p.now) {
		p.bad(ParamAt, "lies in the future", "leave it out for now; what was known is asked of the past")
	}
	return t.UTC().Truncate(time.Millisecond)
}

// Values writes a query as URL parameters; Parse reads them.
func (q Query) Values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set(ParamCall, string(q.Call))
	set(ParamOrg, q.Org)
	set(ParamMAC, string(q.MAC))
	set(ParamUser, q.User)
	set(ParamNumber, string(q.Number))
	set(ParamTrunk, q.Trunk)
	if q.IP.IsValid() {
		set(ParamIP, q.IP.String())
	}
	if q.Test {
		set(ParamTest, "true")
	}
	if q.Held {
		set(ParamHeld, "true")
	}
	if q.I3 != nil {
		set(ParamI3, "true")
		set(ParamElement, q.I3.Element)
		set(ParamAgency, q.I3.Agency)
	}
	if !q.At.IsZero() {
		set(ParamAt, q.At.UTC().Format(time.RFC3339Nano))
	}
	return v
}

// String says what is asked for, to a person.
func (q Query) String() string {
	var parts []string
	for _, p := range []struct{ what, value string }{
		{"call", string(q.Call)}, {"device", string(q.MAC)}, {"user", q.User}, {"number", string(q.Number)}, {"address", ipText(q.IP)},
	} {
		if p.value != "" {
			parts = append(parts, p.what+" "+p.value)
		}
	}
	return strings.Join(parts, ", ")
}

func ipText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
