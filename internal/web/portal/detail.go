package portal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Detail is one call, whole.
type Detail struct {
	Row
	Heading string
	When    string // day, time and zone of the site
	// StateKey is the id of the state's element: a new state is a new element,
	// which the page puts in its place instead of moving the old one.
	StateKey string

	Advice     string // what to know or do now
	AdviceTone Tone
	Dial       Dial // whom to call now, none mostly

	PlaceLabel   string
	Place        string
	PlaceBasis   string // what the location stands on
	Sent         string // what the PSAP was given, where it differs (F-36)
	Callback     string
	CallbackNote string
	PSAPLabel    string
	PSAP         string
	PSAPNote     string
	WhoNote      string
	Flags        []string

	Entries []Moment
	Omitted int // attempts that the record does not keep

	Told     []Told
	ToldNote string // when nobody was told yet

	Document     string
	DocumentNote string
	Spoken       string
	SpokenNote   string

	Map   Map
	Facts []Fact
}

// Dial is a number that the reader is asked to call.
type Dial struct{ Name, Number, Link string }

// Moment is one line of the timeline.
type Moment struct {
	Key      string // stable while the page lives
	Offset   string
	Clock    string
	Tone     Tone
	Title    string
	Detail   string
	Flags    []string
	Evidence []Evidence
}

// Evidence is one finding: what won, or lost, and why (E11).
type Evidence struct {
	Chosen bool
	Rule   string
	Said   string
	Place  string
	Class  string // raw class, for the colour
	Fresh  string // in words
	Age    string
	Why    string
}

// Told is one notice to one destination.
type Told struct {
	Channel string
	To      string
	Reason  string
	State   string
	Tone    Tone
	Offset  string
	Error   string
}

// Map is where the map points.
type Map struct {
	Known    bool
	Lat, Lon string
	RadiusM  string
	Text     string // the position in words
	Note     string // why there is none, or what the circle means
}

// Fact is one technical value of the call.
type Fact struct{ Name, Value string }

// NewDetail makes the whole view of a call as it stands at now.
func NewDetail(r *report.CallRecord, now time.Time) *Detail {
	loc := zone(r.Zone)
	d := &Detail{Row: NewRow(r, now), Heading: "911 call"}
	if !d.Emergency {
		d.Heading = "933 test call"
	}
	d.Selected = true
	d.StateKey = "state-" + strings.Join(strings.FieldsFunc(strings.ToLower(d.Status), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}), "-")
	d.When = r.ArrivedAt.In(loc).Format("Mon 2 Jan 2006, 15:04:05 MST")
	d.AdviceTone, d.Advice = advice(r, now)
	if d.AdviceTone == Bad && r.PSAPLine != "" {
		d.Dial = Dial{Name: or(refName(r.PSAP), "PSAP"), Number: number(string(r.PSAPLine)), Link: "tel:" + string(r.PSAPLine)}
	}
	d.place(r)
	d.callback(r)
	d.psap(r)
	d.WhoNote = whoNote(r)
	for _, f := range r.Flags {
		d.Flags = append(d.Flags, flag(f))
	}
	for _, e := range r.Timeline {
		d.Entries = append(d.Entries, d.moment(r, e, loc))
	}
	d.Omitted = r.Tried - len(r.Attempts)
	d.told(r)
	d.document(r)
	d.spoken(r)
	d.Map = newMap(r)
	d.Facts = facts(r)
	return d
}

// advice says what the reader should know or do now. There always is some, so
// that the page does not move when it changes.
func advice(r *report.CallRecord, now time.Time) (Tone, string) {
	live := r.Live(now)
	back := "."
	if r.Callback != "" {
		back = "; it dials " + number(string(r.Callback)) + "."
	}
	switch {
	case r.State != report.Ended && !live:
		return Warn, "No end of this call was reported. It is long over; the node that carried it may have stopped."
	case r.Class == e911.ClassTest933 && live:
		return Quiet, "This is a test. No PSAP is called."
	case r.Class == e911.ClassTest933:
		return Quiet, "This was a test. Check that the address read out is where the phone stands."
	case told(r, journal.DueNotConnected) && r.AnsweredAt == nil:
		return Bad, notConnected(live)
	case slices.Contains(r.Flags, "sent_without_location_body"):
		return Warn, "The PSAP refused the location body and was called without it. Ask the call-taker whether the address arrived."
	case r.LocatedBy == e911.ByNothing:
		return Warn, "The caller could not be located. The relay centre asks the caller for the address and passes the call on."
	case r.State == report.Connected:
		return Quiet, "The caller is talking to the PSAP. Send somebody to meet the responders and guide them to this place."
	case live:
		return Quiet, "The PSAP has not answered yet. Send somebody to this place, and to the door the responders will come to."
	case r.AnsweredAt != nil:
		return Quiet, "The call is over. The PSAP may still call back" + back
	case r.Abandoned:
		return Warn, "The caller hung up before the PSAP answered. Check on the caller. The PSAP may call back" + back
	}
	return Bad, notConnected(false)
}

func notConnected(live bool) string {
	if live {
		return "This call has not reached the PSAP. Call the PSAP yourself and give this address."
	}
	return "This call did not reach the PSAP."
}

func (d *Detail) place(r *report.CallRecord) {
	d.Place, d.PlaceLabel = where(r), "Location"
	switch {
	case !d.Emergency:
		d.PlaceLabel = "Location that 911 would get"
	case r.Sent != nil:
		d.PlaceLabel = "We believe"
	case r.Document() != "":
		d.PlaceLabel = "Location given to 911"
	}
	switch {
	case r.LocatedBy == "" && r.Place == nil:
		d.PlaceBasis = "Not located yet"
	case r.LocatedBy == e911.ByNothing:
		d.PlaceBasis = "No evidence of a place"
	default:
		parts := []string{rule(string(r.LocatedBy))}
		if r.Via == "token" {
			parts = append(parts, "by location token")
		}
		if r.Freshness != "" && r.Freshness != "fresh" {
			parts = append(parts, strings.ToLower(freshness(r.Freshness))+" evidence")
		}
		if a := age(r.EvidenceAt, r.ArrivedAt); a != "" {
			parts = append(parts, a)
		}
		if r.Place != nil && r.Place.Verdict != "" {
			parts = append(parts, r.Place.Verdict.Words())
		}
		d.PlaceBasis = strings.Join(parts, " · ")
	}
	if r.AskedAt != nil {
		d.PlaceBasis += " · was asked for his place on " + r.AskedAt.In(zone(r.Zone)).Format("2 Jan 2006") + " and has not answered"
	}
	if r.Sent != nil {
		d.Sent = or(r.Sent.Display, "another place")
	}
}

func (d *Detail) callback(r *report.CallRecord) {
	switch {
	case r.Callback != "":
		d.Callback, d.CallbackNote = number(string(r.Callback)), strings.TrimSuffix(phrase(r.CallbackWhy), ".")
	case r.IdentifiedBy == "":
		d.CallbackNote = "Not known yet"
	default:
		d.CallbackNote = "There is no number to call back"
	}
}

func (d *Detail) psap(r *report.CallRecord) {
	d.PSAPLabel, d.PSAP = "PSAP", refName(r.PSAP)
	switch {
	case r.Class == e911.ClassTest933:
		d.PSAPLabel, d.PSAPNote = "PSAP that 911 would reach", "Not called: Callbox answers 933 itself"
	case d.PSAP == "":
		d.PSAPNote = "Not chosen yet"
	case r.Relay:
		d.PSAPNote = "Relay centre"
	case r.AnsweredAt != nil:
		d.PSAPNote = "Answered after " + seconds(r.AnsweredAt.Sub(r.ArrivedAt))
	default:
		d.PSAPNote = "Serves this place"
	}
	if r.Class != e911.ClassTest933 && r.AnsweredAt != nil && r.Relay {
		d.PSAPNote += " · answered after " + seconds(r.AnsweredAt.Sub(r.ArrivedAt))
	}
	if r.PSAPExpected && r.Class != e911.ClassTest933 && d.PSAP != "" {
		d.PSAPNote += " · expected: the carrier chooses"
	}
	if r.Tried > 1 {
		d.PSAPNote += fmt.Sprintf(" · %d attempts", r.Tried)
	}
}

func whoNote(r *report.CallRecord) string {
	var parts []string
	if r.Line != "" && string(r.Line) != r.Who {
		parts = append(parts, "Line "+number(string(r.Line)))
	}
	if r.Device != nil {
		parts = append(parts, refName(*r.Device))
	}
	if s := refName(r.Site); s != "" && s != r.Site.ID {
		parts = append(parts, s)
	}
	if len(parts) == 0 && r.IdentifiedBy == e911.ByTrunkOnly {
		return "Only the trunk is known"
	}
	return strings.Join(parts, " · ")
}

func (d *Detail) moment(r *report.CallRecord, e report.Entry, loc *time.Location) Moment {
	m := Moment{
		Key: e.Node + "-" + strconv.FormatUint(e.Seq, 10), Offset: offset(e.MS),
		Clock: e.At.In(loc).Format("15:04:05.000"), Title: e.Title, Detail: e.Detail,
	}
	switch e.Tone {
	case report.ToneGood:
		m.Tone = Good
	case report.ToneWarn:
		m.Tone = Warn
	case report.ToneBad:
		m.Tone = Bad
	default:
		m.Tone = Quiet
	}
	if e.Kind == journal.CallIdentified {
		m.Detail = person(m.Detail)
	}
	for _, f := range e.Flags {
		m.Flags = append(m.Flags, flag(f))
	}
	for _, f := range e.Evidence {
		if f.Place == e.Detail || (e.Kind == journal.CallRouted && f.Place == d.Place) {
			f.Place = "" // said above already
		}
		m.Evidence = append(m.Evidence, Evidence{
			Chosen: f.Chosen, Rule: rule(f.Rule), Said: number(f.Said), Place: f.Place, Class: f.Class,
			Fresh: freshness(f.Class), Age: age(f.At, r.ArrivedAt), Why: phrase(f.Why),
		})
	}
	slices.SortStableFunc(m.Evidence, func(a, b Evidence) int {
		switch {
		case a.Chosen == b.Chosen:
			return 0
		case a.Chosen:
			return -1
		}
		return 1
	})
	return m
}

func (d *Detail) told(r *report.CallRecord) {
	for _, n := range r.Notices {
		t := Told{Channel: n.Channel, To: n.To, Reason: dueReason(n.Reason), Offset: offset(n.MS), Error: n.Error}
		switch n.State {
		case report.NoticeSent:
			t.State, t.Tone = "Sent", Good
		case report.NoticeGivenUp:
			t.State, t.Tone = "Given up", Bad
		default:
			t.State, t.Tone = "Trying again", Warn
		}
		if n.Tries > 1 {
			t.State += fmt.Sprintf(", try %d", n.Tries)
		}
		d.Told = append(d.Told, t)
	}
	switch {
	case len(d.Told) > 0:
	case len(r.Due) == 0 && d.Live:
		d.ToldNote = "Nobody yet. People are told as soon as the call is on its way, at latest after a quarter of a second."
	case len(r.Due) == 0:
		d.ToldNote = "Nobody was told."
	case d.Live:
		d.ToldNote = "Notices are on their way."
	default:
		d.ToldNote = "No notice went out: this site has no alert rule for such calls."
	}
}

func (d *Detail) document(r *report.CallRecord) {
	d.Document = r.Document()
	switch {
	case d.Document != "":
		d.DocumentNote = "PIDF-LO, as sent"
	case !d.Emergency:
		d.DocumentNote = "None for a test"
	case d.Live && r.AnsweredAt == nil:
		d.DocumentNote = "Not sent yet"
	default:
		d.DocumentNote = "None was sent"
	}
}

func (d *Detail) spoken(r *report.CallRecord) {
	switch {
	case r.Spoken != nil:
		d.Spoken = r.Spoken.Text
		if r.Spoken.Seconds > 0 {
			d.SpokenNote = fmt.Sprintf("%.1f seconds of speech", r.Spoken.Seconds)
		}
	case d.Live:
		d.SpokenNote = "Not read out yet"
	default:
		d.SpokenNote = "Nothing was read out"
	}
}

func newMap(r *report.CallRecord) Map {
	if r.Place == nil || r.Place.Area == nil {
		m := Map{Note: "No position is known for this place."}
		if r.Place == nil && r.State == report.Ringing {
			m.Note = "The caller is being located."
		}
		return m
	}
	a := r.Place.Area
	m := Map{
		Known: true, Lat: strconv.FormatFloat(a.Lat, 'f', 6, 64), Lon: strconv.FormatFloat(a.Lon, 'f', 6, 64),
		RadiusM: strconv.FormatFloat(a.RadiusM, 'f', 0, 64), Text: coordinates(a.Point),
	}
	switch {
	case a.RadiusM > 0:
		m.Note = fmt.Sprintf("Within %.0f m, at 95 %% confidence", a.RadiusM)
	case !r.Place.Civic.Empty():
		m.Note = "Point of the address"
	default:
		m.Note = "Uncertainty not stated"
	}
	return m
}

func facts(r *report.CallRecord) []Fact {
	all := []Fact{
		{"Dialled", r.Dialled},
		{"Trunk", refName(r.Trunk)},
		{"From address", strings.TrimSpace(r.Source + " " + strings.ToUpper(r.Transport))},
		{"From", r.From},
		{"Asserted identity", r.AssertedID},
		{"Identified by", identifiedBy(r.IdentifiedBy)},
		{"Emergency call id", r.EmergencyCallID},
		{"SIP Call-ID", r.SIPCallID},
		{"Ended", ending(r)},
		{"Record", string(r.ID)},
	}
	return slices.DeleteFunc(all, func(f Fact) bool { return f.Value == "" })
}

func identifiedBy(by e911.IdentifiedBy) string {
	if by == "" {
		return ""
	}
	return rule(string(by))
}

func ending(r *report.CallRecord) string {
	if r.State != report.Ended {
		return ""
	}
	parts := []string{"by " + party(r.EndedBy)}
	if r.EndReason != "" {
		parts = append(parts, r.EndReason)
	}
	if r.TalkMS > 0 {
		parts = append(parts, duration(time.Duration(r.TalkMS)*time.Millisecond)+" of talk")
	}
	return strings.Join(parts, ", ")
}
