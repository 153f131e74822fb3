package email

import (
	"cmp"
	"fmt"
	netmail "net/mail"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the time in a mail is that of the site, whatever the machine has installed

	"github.com/wneessen/go-mail"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Header fields that a machine compares with what the PSAP got (E10).
const (
	HeaderCall     = "X-Callbox-Call"
	HeaderLocation = "X-Callbox-Location" // id of the location
	HeaderCallback = "X-Callbox-Callback"
	HeaderReason   = "X-Callbox-Reason"
	HeaderDemo     = "X-Callbox-Demonstration" // "yes", or absent
)

// message writes n as a mail. The same notice gives the same bytes.
func (c *Channel) message(n notify.Notice) (*mail.Msg, error) {
	to, err := netmail.ParseAddress(n.To)
	if err != nil {
		return nil, fmt.Errorf("read the recipient's address: %w", err)
	}
	d := n.Due
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithBoundary("callbox-"+boundary(n.ID)))
	m.FromMailAddress(c.from)
	m.ToMailAddress(to)
	setSubject(m, notify.Headline(d))
	m.SetMessageIDWithValue(token(string(n.ID)) + "@" + c.domain)
	m.SetDateWithValue(n.At.UTC())
	if call := token(string(n.Call)); call != "" {
		// All notices of one call stand together in the reader's list.
		m.SetGenHeader(mail.HeaderReferences, "<call."+call+"@"+c.domain+">")
		m.SetGenHeader(HeaderCall, call)
	}
	set := func(name mail.Header, value string) {
		if value = token(value); value != "" {
			m.SetGenHeader(name, value)
		}
	}
	set(HeaderLocation, string(d.Place.Location))
	set(HeaderCallback, string(d.Callback))
	set(HeaderReason, d.Reason)
	if d.Demonstration {
		m.SetGenHeader(HeaderDemo, "yes")
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	if d.Class != e911.ClassTest933 && d.Network == nil && d.Drill == nil && d.FirstUse == nil {
		m.SetImportance(mail.ImportanceHigh)
	}
	v := c.describe(n)
	m.SetBodyString(mail.TypeTextPlain, v.text())
	m.AddAlternativeString(mail.TypeTextHTML, string(v.html()))
	return m, nil
}

// setSubject writes the subject. One that is not ASCII is encoded here: the
// library folds before a long first word, and readers then show a space.
func setSubject(m *mail.Msg, subject string) {
	const (
		begin, end = "=?utf-8?q?", "?="
		room       = 76 - len("Subject: ") - len(begin) - len(end) // RFC 2047, section 2
	)
	if !strings.ContainsFunc(subject, func(r rune) bool { return r >= 0x7F }) {
		m.Subject(subject)
		return
	}
	var words []string
	var word strings.Builder
	for _, r := range subject {
		var q string
		switch {
		case r == ' ':
			q = "_"
		case (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z'):
			q = string(r)
		default:
			for _, b := range []byte(string(r)) {
				q += fmt.Sprintf("=%02X", b)
			}
		}
		if word.Len()+len(q) > room {
			words = append(words, begin+word.String()+end)
			word.Reset()
		}
		word.WriteString(q)
	}
	words = append(words, begin+word.String()+end)
	m.SetGenHeaderPreformatted(mail.HeaderSubject, strings.Join(words, "\r\n "))
}

// token keeps the characters of ids and numbers, so that no value can end a
// header field.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7F && !strings.ContainsRune(`<>()[]\,;:@"`, r) {
			return r
		}
		return -1
	}, s[:min(len(s), 200)])
}

// boundary keeps the characters of a MIME boundary (RFC 2046, section 5.1.1).
func boundary(id e911.NoticeID) string {
	b := strings.Map(func(r rune) rune {
		if r == '-' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') {
			return r
		}
		return -1
	}, string(id))
	return b[:min(len(b), 50)]
}

// field is one row of the mail.
type field struct{ Name, Value string }

// view is what a mail says.
type view struct {
	Tone     string // colour of the head
	Mark     string // "Demonstration ...", above everything; or nothing
	What     string // first line
	Where    string // second line
	Reach    string // third line: callback and time
	Tel      string // callback for a tel link
	Advice   string // what to do, where that needs saying
	Rows     []field
	Link     string
	Seen     string // page that says that somebody saw a test; it is no link of a call
	Mine     string // page of the reader's own; it is no link of a call
	Footer   string
	Preview  string
	Headline string
}

func (c *Channel) describe(n notify.Notice) view {
	d := n.Due
	if d.Network != nil {
		return c.describeNetwork(n)
	}
	if d.Drill != nil {
		return c.describeDrill(n)
	}
	if d.FirstUse != nil {
		return describeFirstUse(n)
	}
	v := view{
		Headline: notify.Headline(d), Where: notify.Where(d), Link: n.Link, Tel: token(string(d.Callback)),
		Footer: "Sent by Callbox. Do not reply: nobody reads the answers.",
	}
	who, psap := notify.Who(d), notify.OneLine(d.PSAP.Name)
	v.What = "911 dialled by " + who
	v.Tone = "#b3261e"
	switch {
	case d.Class == e911.ClassTest933 || d.Reason == journal.DueTest:
		v.What, v.Tone = "933 TEST by "+who+": nobody needs help", "#35506b"
		v.Advice = "This was a test call. It tells where a 911 call from there would come from."
	case d.Reason == journal.DueNotConnected:
		v.What = "911 NOT CONNECTED, call the PSAP now: " + who + " needs help"
		v.Advice = "The call has found no way to the PSAP yet; it is tried again until the caller hangs up. "
		if d.PSAPLine != "" {
			v.Advice += "Call from another phone: " + reach(psap, d.PSAPLine)
		} else {
			v.Advice += "Dial 911 from another phone, such as a mobile"
		}
		v.Advice += ". Say the place above: the PSAP cannot see it."
	case d.Reason == journal.DueAbandoned:
		v.What, v.Tone = "911 caller gave up before an answer: "+who, "#9a5b00"
		v.Advice = "The caller hung up before the PSAP answered. Go there or call back."
	case d.Reason == journal.DueLocation:
		v.What = "911 caller is located anew: " + who
		v.Advice = "This is where the caller is believed to be now. An earlier notice named another place."
	case d.Reason == journal.DueCallback:
		v.What, v.Tone = "The PSAP is calling back: "+who, "#9a5b00"
		v.Advice = "The telephone that dialled 911 rings now, then the security desk. See that somebody answers."
	case d.Reason == journal.DueCallbackMissed:
		v.What = "The PSAP called back and REACHED NOBODY: " + who
		v.Advice = "Go there now, and call the PSAP"
		if d.PSAPLine != "" {
			v.Advice = "Go there now, and call " + reach(psap, d.PSAPLine)
		}
		v.Advice += "."
	}
	if d.Demonstration {
		v.Mark = "DEMONSTRATION: no real emergency, no real PSAP"
		if v.Advice != "" {
			v.Advice = "This is a demonstration: call nobody. In a real one: " + v.Advice
		}
	}
	if sent := notify.SentTo(d); sent != "" && d.Class != e911.ClassTest933 {
		if v.Advice != "" {
			v.Advice += " "
		}
		v.Advice += "911 sees another address: " + sent + ". Tell them the place above."
	}
	v.Reach = "No callback number is known"
	if d.Callback != "" {
		v.Reach = "Call back " + spoken(d.Callback)
	}
	at := c.clock(d)
	v.Reach += " · " + at
	v.Preview = v.Where + " · " + v.Reach
	v.rows(n, at)
	return v
}

func (v *view) rows(n notify.Notice, at string) {
	d := n.Due
	add := func(name, value string) {
		if value = notify.OneLine(value); value != "" {
			v.Rows = append(v.Rows, field{name, value})
		}
	}
	add("Caller", notify.Who(d))
	add("Call back", spoken(d.Callback))
	if d.Line != d.Callback {
		add("Line", spoken(d.Line))
	}
	sent := notify.SentTo(d)
	switch {
	case sent != "":
		add("We believe", notify.Where(d))
		add("Sent to 911", sent)
	case d.Reason == journal.DueNotConnected:
		add("Location", notify.Where(d))
	case d.Reason == journal.DueTest:
		add("Location for 911", notify.Where(d))
	default:
		add("Location as sent to 911", notify.Where(d))
	}
	for _, f := range details {
		add(f.label, d.Place.Civic.Get(f.name))
	}
	if a := d.Place.Area; a != nil {
		position := fmt.Sprintf("%.5f, %.5f", a.Lat, a.Lon)
		if a.RadiusM > 0 {
			position += fmt.Sprintf(" (within %.0f m)", a.RadiusM)
		}
		add("Position", position)
	}
	if d.Reason != journal.DueTest {
		label := "PSAP"
		if d.PSAPExpected {
			label = "Expected PSAP" // the carrier chooses (F-23)
		}
		add(label, reach(notify.OneLine(d.PSAP.Name), d.PSAPLine))
	}
	add("Time of the call", at)
	add("Dialled", d.Dialled)
	add("Site", d.SiteName)
	add("Organisation", d.OrgName)
	add("Located by", cmp.Or(locatedBy[d.LocatedBy], words(string(d.LocatedBy))))
	add("Identified by", cmp.Or(identifiedBy[d.IdentifiedBy], words(string(d.IdentifiedBy))))
	var flags []string
	for _, f := range d.Flags {
		if d.Asked == nil || f != identify.FlagUnanswered { // said with its date
			flags = append(flags, words(f))
		}
	}
	if d.Asked != nil {
		add("First use", "The caller was asked for his place on "+d.Asked.UTC().Format("2 January 2006")+" and has not answered")
	}
	add("Remarks", strings.Join(flags, ", "))
	add("Call", string(n.Call))
}

// details are the fields of an address that find a person inside a building.
var details = []struct{ name, label string }{
	{"BLD", "Building"},
	{"WING", "Wing"},
	{"FLR", "Floor"},
	{"UNIT", "Unit"},
	{"ROOM", "Room"},
	{"SEAT", "Seat"},
	{"LOC", "Where exactly"},
	{"LMK", "Landmark"},
}

// locatedBy and identifiedBy are the closed lists of e911 for people.
var (
	locatedBy = map[e911.LocatedBy]string{
		e911.ByPIDFLO: "location in the call", e911.ByLLDPPort: "switch port", e911.ByBSSID: "Wi-Fi access point",
		e911.ByNeighbours: "Wi-Fi access points nearby", e911.ByLLDPChassis: "switch", e911.ByMAC: "fixed device",
		e911.ByPrivateIP: "network range", e911.ByPublicIP: "public network range", e911.ByNumber: "address of the number",
		e911.ByRegistered:  "place that the caller registered",
		e911.BySiteDefault: "address of the site", e911.ByNothing: "nothing: the location is not known",
	}
	identifiedBy = map[e911.IdentifiedBy]string{
		e911.ByDeviceUserID: "user id from the calling platform", e911.ByLocationToken: "device that asked for its location",
		e911.ByRegistration: "telephone that is registered",
		e911.ByLineNumber:   "line number", e911.ByTrunkOnly: "trunk only: the caller is not known",
	}
)

// text is the plain part.
func (v view) text() string {
	var b strings.Builder
	if v.Mark != "" {
		b.WriteString("(" + v.Mark + ") ")
	}
	b.WriteString(v.What + "\n" + v.Where + "\n" + v.Reach + "\n\n")
	if v.Advice != "" {
		b.WriteString(v.Advice + "\n\n")
	}
	for _, f := range v.Rows {
		fmt.Fprintf(&b, "%-24s %s\n", f.Name+":", f.Value)
	}
	if v.Seen != "" {
		b.WriteString("\nPress once to say that you saw it: " + v.Seen + "\n")
	}
	if v.Mine != "" {
		b.WriteString("\nYour page: " + v.Mine + "\n")
	}
	if v.Link != "" {
		b.WriteString("\nFollow the call: " + v.Link + "\n")
	}
	b.WriteString("\n" + v.Footer + "\n")
	return b.String()
}

// clock is the time of the call in the zone of the site, "9:41:07 PM EST,
// Friday 21 November 2025"; UTC where the zone is not known.
func (c *Channel) clock(d journal.Due) string {
	return d.ArrivedAt.In(c.zones.find(d.Zone)).Format("3:04:05 PM MST, Monday 2 January 2006")
}

// zones remembers time zones, which the library reads from disk each time. Safe
// for concurrent use.
type zones struct {
	mu   sync.Mutex
	seen map[string]*time.Location
}

// maxZones is more than there are.
const maxZones = 1024

func (z *zones) find(name string) *time.Location {
	z.mu.Lock()
	defer z.mu.Unlock()
	if l := z.seen[name]; l != nil {
		return l
	}
	l, err := time.LoadLocation(name)
	if err != nil || name == "" {
		l = time.UTC
	}
	if z.seen == nil || len(z.seen) >= maxZones {
		z.seen = map[string]*time.Location{}
	}
	z.seen[strings.Clone(name)] = l
	return l
}

// spoken writes a number as people read it, "+1 617-555-0111".
func spoken(n e911.Number) string {
	s := notify.OneLine(string(n))
	if len(s) == 12 && strings.HasPrefix(s, "+1") {
		return "+1 " + s[2:5] + "-" + s[5:8] + "-" + s[8:]
	}
	return s
}

func reach(name string, line e911.Number) string {
	switch {
	case name == "" && line == "":
		return "911"
	case line == "":
		return name
	case name == "":
		return spoken(line)
	}
	return name + ", " + spoken(line)
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }
