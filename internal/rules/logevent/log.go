package logevent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is what is the same in all events of a call.
type Config struct {
	Element string // fully qualified domain name of what logs
	Agency  string // of whose it is; empty: the element's
	// Call and Incident are the names that the call has on its whole way,
	// "urn:emergency:uid:callid:..." (NENA-STA-010.3, section 2.1.6).
	Call, Incident string
	CallIDSIP      string // Call-ID of the leg that came in
	Unique         string // the call's own id; the ids of its queries are made of it
	Zone           *time.Location
}

// Log collects the events of one call.
type Log struct {
	cfg     Config
	queries int
	events  []Event
}

// New checks cfg, reporting all its faults.
func New(cfg Config) (*Log, error) {
	if cfg.Agency == "" {
		cfg.Agency = cfg.Element
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	var errs []error
	for _, n := range []struct{ what, name string }{{"element", cfg.Element}, {"agency", cfg.Agency}} {
		if err := checkFQDN(n.name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n.what, err))
		}
	}
	if cfg.Call == "" || cfg.Incident == "" {
		errs = append(errs, errors.New("the names of call and incident are required"))
	}
	if unique(cfg.Unique) == "" {
		errs = append(errs, errors.New("the call's id is required"))
	}
	return &Log{cfg: cfg}, errors.Join(errs...)
}

// checkFQDN reports what keeps name from being a fully qualified domain name of
// letters, digits and hyphens (RFC 1123, section 2.1).
func checkFQDN(name string) error {
	labels := strings.Split(name, ".")
	if len(name) > 253 || len(labels) < 2 {
		return fmt.Errorf("%.64q is no fully qualified domain name, such as callbox.example.com", name)
	}
	for _, l := range labels {
		ok := l != "" && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-'
		for i := range len(l) {
			c := l[i] | 0x20
			ok = ok && (c >= 'a' && c <= 'z' || l[i] >= '0' && l[i] <= '9' || l[i] == '-')
		}
		if !ok {
			return fmt.Errorf("%.64q is no fully qualified domain name: its part %.64q is none of one", name, l)
		}
	}
	return nil
}

// Mark is when an event was, and what names it.
type Mark struct {
	At time.Time
	// Client is the same whenever the event is made again.
	Client      string
	AddressPort string // of the other side
	Extension   map[string]any
}

func (l *Log) add(t Type, m Mark, e Event) {
	e.Type, e.at, e.ClientAssigned, e.AddressPort = t, m.At, m.Client, m.AddressPort
	e.Timestamp = m.At.In(l.cfg.Zone).Format(stamp)
	e.Element, e.Agency, e.Call, e.Incident, e.CallIDSIP = l.cfg.Element, l.cfg.Agency, l.cfg.Call, l.cfg.Incident, l.cfg.CallIDSIP
	if len(m.Extension) > 0 {
		e.Extension = m.Extension
	}
	l.events = append(l.events, e)
}

// Ends says of a call who called whom.
type Ends struct {
	Type      CallType
	LocalType string
	From, To  string
	Local     map[string]any
}

func (e Ends) event() Event {
	return Event{Direction: Incoming, CallType: e.Type, LocalCallType: e.LocalType, From: e.From, To: e.To, LocalUse: e.Local}
}

// Start says that the call came in.
func (l *Log) Start(m Mark, c Ends) { l.add(CallStart, m, c.event()) }

// End says that the call is over.
func (l *Log) End(m Mark, c Ends) { l.add(CallEnd, m, c.event()) }

// Message is a SIP message as it was on the wire.
func (l *Log) Message(m Mark, d Direction, text string) {
	l.add(CallSignalingMessage, m, Event{Direction: d, Protocol: protocolSIP, Text: &text})
}

// Change is a new state of the leg to whom we call.
type Change struct {
	State  State
	CallID string // Call-ID of that leg
	Target string // URI
	Reason string
}

// State says how the call goes. A change that no leg made is of the caller's.
func (l *Log) State(m Mark, c Change) {
	d := Outgoing
	if c.CallID == "" && c.Target == "" {
		d = Incoming
	}
	l.add(CallStateChange, m, Event{State: c.State, Direction: d, LegCallID: c.CallID, Target: c.Target, ChangeReason: c.Reason})
}

// Route says that the call was sent to recipient, a URI, by our own rules, and by
// which step of them.
func (l *Log) Route(m Mark, recipient, step string) {
	l.add(RouteTaken, m, Event{Recipient: recipient, Rule: step, PolicyOwner: l.cfg.Agency, PolicyType: otherPolicy, Policy: ladderID})
}

// Lookup is a question for a location by reference and its answer.
type Lookup struct {
	Direction   Direction // of the question
	URI         string    // that was asked; empty: not known, then the question is left out
	Asked       time.Time
	Answered    time.Time
	Client      string // names the pair
	AddressPort string // of the other side
	Failed      bool   // there was no answer that says a place
	// Question and Answer are what else is to be said of either.
	Question, Answer map[string]any
}

// Location writes a question and its answer, whose messages were not kept.
func (l *Log) Location(q Lookup) {
	l.queries++
	text, status, back := "", "", Incoming
	if q.Direction == Incoming {
		back = Outgoing
	}
	if q.Failed {
		status = unspecified
	}
	if q.URI != "" {
		l.add(LocationQuery, Mark{At: q.Asked, Client: q.Client + "-query", AddressPort: q.AddressPort, Extension: unkept(q.Question)},
			Event{URI: q.URI, Direction: q.Direction, Query: l.id("queryid"), Text: &text})
	}
	l.add(LocationResponse, Mark{At: q.Answered, Client: q.Client + "-response", AddressPort: q.AddressPort, Extension: unkept(q.Answer)},
		Event{Direction: back, Response: l.id("queryid"), ResponseStatus: status, Text: &text})
}

// unkept adds to what is said that the message's text was not kept.
func unkept(said map[string]any) map[string]any {
	out := map[string]any{"textKept": false}
	for k, v := range said {
		if v != "" && v != false {
			out[k] = v
		}
	}
	return out
}

// id names the last question; its answer has the same name.
func (l *Log) id(kind string) string {
	u := unique(l.cfg.Unique)
	return fmt.Sprintf("urn:emergency:uid:%s:%s%04d:%s", kind, u[:min(len(u), 28)], l.queries%10000, l.cfg.Element)
}

// unique leaves letters and digits of s.
func unique(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, s)
}

// Events returns all events by their time; those of one time as they were given.
func (l *Log) Events() []Event {
	out := slices.Clone(l.events)
	slices.SortStableFunc(out, func(a, b Event) int { return a.at.Compare(b.at) })
	return out
}
