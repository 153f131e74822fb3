package report

import (
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Bounds of one record. A call whose every route fails is tried again until the
// caller hangs up (E1), so that attempts have no bound of their own; the first
// and the newest tell the story.
const (
	maxAttempts  = 200
	maxTimeline  = 1000
	maxDocuments = 16
)

// Apply folds one fact into the record and reports whether it changed it. A
// fact of another call, of a kind that says nothing about a call, or one that
// was applied before (by node and sequence) changes nothing. The facts of one
// node come in order; those of different nodes may interleave as they like. A
// body that cannot be read becomes an entry that says so.
func Apply(r *CallRecord, f journal.Fact) bool {
	if f.Call == "" || f.Org == "" || (r.ID != "" && (r.ID != f.Call || r.Org != f.Org)) {
		return false
	}
	if f.Seq <= r.Applied[f.Node] || !tells(f.Kind) {
		return false
	}
	if r.ArrivedAt.IsZero() {
		r.ArrivedAt = f.At // until the arrival itself comes: another node's fact may be first
	}
	r.ID, r.Org = f.Call, f.Org
	e := fold(r, f)
	if r.State == "" {
		r.State = Ringing
	}
	if r.Applied == nil {
		r.Applied = map[string]uint64{}
	}
	r.Applied[f.Node] = f.Seq
	if f.At.After(r.LastAt) {
		r.LastAt = f.At
	}
	if e.Title != "" {
		e.At, e.Kind, e.Node, e.Seq = f.At, f.Kind, f.Node, f.Seq
		e.MS = r.since(f.At)
		if e.Tone == "" {
			e.Tone = ToneInfo
		}
		r.insert(e)
	}
	r.trim()
	return true
}

// tells reports whether facts of the kind tell something about a call.
func tells(kind journal.Kind) bool {
	switch kind {
	case journal.CallArrived, journal.CallIdentified, journal.CallLocated, journal.CallRouted,
		journal.CallAttempt, journal.CallProgress, journal.CallAnswered, journal.CallFailed,
		journal.CallSpoken, journal.CallEnded, journal.NotifyDue, journal.NotifySent,
		journal.NotifyFailed, journal.AlarmRaised, journal.CallChanged:
		return true
	}
	return tellsCallback(kind) || tellsPlace(kind)
}

// fold carries the body into the record and returns the entry that tells it; an
// entry without a title is not listed.
func fold(r *CallRecord, f journal.Fact) Entry {
	switch f.Kind {
	case journal.CallArrived:
		return read(f, func(b journal.Arrived) Entry { return r.arrived(f.At, b) })
	case journal.CallIdentified:
		return read(f, r.identified)
	case journal.CallLocated:
		return read(f, r.located)
	case journal.CallRouted:
		return read(f, r.routed)
	case journal.CallAttempt:
		return read(f, func(b journal.Attempt) Entry { return r.attempted(f.At, b) })
	case journal.CallProgress:
		return read(f, r.progress)
	case journal.CallAnswered:
		return read(f, func(b journal.Answered) Entry { return r.answered(f.At, b) })
	case journal.CallFailed:
		return read(f, func(b journal.Failed) Entry { return r.failed(f.At, b) })
	case journal.CallSpoken:
		return read(f, r.spoken)
	case journal.CallEnded:
		return read(f, func(b journal.Ended) Entry { return r.ended(f.At, b) })
	case journal.CallChanged:
		return read(f, changed)
	case journal.NotifyDue:
		return read(f, func(b journal.Due) Entry { return r.due(f.At, b) })
	case journal.NotifySent:
		return read(f, func(b journal.Notice) Entry { return r.notice(f.At, b, true) })
	case journal.NotifyFailed:
		return read(f, func(b journal.Notice) Entry { return r.notice(f.At, b, false) })
	case journal.AlarmRaised:
		return read(f, func(b journal.Alarm) Entry {
			return Entry{Tone: ToneWarn, Title: "Alarm: " + b.Detail}
		})
	}
	return foldPlace(r, f)
}

func read[T any](f journal.Fact, into func(T) Entry) Entry {
	body, err := journal.Decode[T](f)
	if err != nil {
		return Entry{Tone: ToneWarn, Title: "A fact of this call cannot be read", Detail: err.Error()}
	}
	return into(body)
}

// since counts milliseconds from the arrival.
func (r *CallRecord) since(at time.Time) int64 { return at.Sub(r.ArrivedAt).Milliseconds() }

// arrivedAt sets the true arrival and counts everything anew from it.
func (r *CallRecord) arrivedAt(at time.Time) {
	shift := r.ArrivedAt.Sub(at).Milliseconds()
	r.ArrivedAt = at
	if shift == 0 {
		return
	}
	for i := range r.Timeline {
		r.Timeline[i].MS += shift
	}
	for i := range r.Attempts {
		r.Attempts[i].MS += shift
		if r.Attempts[i].DoneMS != 0 {
			r.Attempts[i].DoneMS += shift
		}
	}
	for i := range r.Due {
		r.Due[i].MS += shift
	}
	for i := range r.Notices {
		r.Notices[i].MS += shift
	}
}

func (r *CallRecord) arrived(at time.Time, b journal.Arrived) Entry {
	r.arrivedAt(at)
	r.Class, r.Dialled = b.Class, b.Dialled
	r.Trunk, r.Source, r.Transport = b.Trunk, b.Source, b.Transport
	r.SIPCallID, r.EmergencyCallID = b.SIPCallID, b.EmergencyCallID
	r.From, r.AssertedID = b.From, b.AssertedID
	r.Demonstration = r.Demonstration || b.Demonstration
	if r.Who == "" {
		r.Who = name(b.Trunk)
	}
	title := "911 call arrived"
	if b.Class == e911.ClassTest933 {
		title = "933 test call arrived"
	}
	return Entry{Title: title, Detail: sentence("Trunk "+name(b.Trunk), "from "+b.Source, upper(b.Transport))}
}

func (r *CallRecord) identified(b journal.Identified) Entry {
	r.IdentifiedBy, r.User, r.Device = b.By, b.User, b.Device
	r.Line, r.Callback, r.CallbackWhy = b.Line, b.Callback, b.CallbackWhy
	if b.Site != nil {
		r.Site = *b.Site
	}
	switch {
	case b.User != nil:
		r.Who = name(*b.User)
	case b.Line != "":
		r.Who = string(b.Line)
	case r.Trunk != (journal.Ref{}):
		r.Who = name(r.Trunk)
	}
	r.flag(b.Flags)
	e := Entry{Title: "Caller identified", Detail: r.Who, Flags: b.Flags, Evidence: b.Evidence}
	switch {
	case b.By == e911.ByTrunkOnly || b.By == "":
		e.Title, e.Tone = "Caller not identified: only the trunk is known", ToneWarn
	case len(b.Flags) > 0:
		e.Tone = ToneWarn
	}
	return e
}

func (r *CallRecord) located(b journal.Located) Entry {
	place := b.Place
	r.Place, r.LocatedBy, r.Via = &place, b.By, b.Via
	r.Freshness, r.EvidenceAt, r.Method = b.Class, b.At, b.Method
	r.AskedAt = b.Asked
	r.flag(b.Flags)
	e := Entry{Title: "Caller located", Detail: place.Display, Flags: b.Flags, Evidence: b.Evidence}
	switch {
	case b.By == e911.ByNothing || b.By == "" || b.Class == "none":
		e.Title, e.Tone = "Caller not located", ToneBad
	case len(b.Flags) > 0 || b.Class == "aged" || b.Class == "fall_back" || !place.Dispatchable:
		e.Tone = ToneWarn
	}
	return e
}

func (r *CallRecord) routed(b journal.Routed) Entry {
	if !r.hasAnswer() {
		r.PSAP, r.Relay, r.PSAPExpected = b.PSAP, b.Relay, b.Expected
	}
	r.Rungs, r.RoutedBy = b.Rungs, b.By
	r.Demonstration = r.Demonstration || b.Demonstration
	r.flag(b.Flags)
	e := Entry{Title: "PSAP chosen", Detail: name(b.PSAP), Flags: b.Flags, Evidence: b.Evidence}
	if b.Expected {
		e.Title = "PSAP expected; the carrier chooses"
	}
	if b.Relay {
		e.Title, e.Tone = "No PSAP follows from the place: relay centre", ToneWarn
	}
	if len(b.Flags) > 0 {
		e.Tone = ToneWarn
	}
	if len(b.Rungs) == 0 {
		e.Tone, e.Detail = ToneBad, sentence(name(b.PSAP), "no route to it")
	}
	return e
}

func (r *CallRecord) attempted(at time.Time, b journal.Attempt) Entry {
	a := r.attempt(b.N)
	if a == nil {
		r.Attempts = append(r.Attempts, Attempt{N: b.N})
		a = &r.Attempts[len(r.Attempts)-1]
	}
	r.Tried = max(r.Tried, b.N)
	a.Rung, a.Trunk, a.PSAP, a.To = b.Rung, b.Trunk, b.PSAP, b.To
	a.Transport, a.SIPCallID, a.Slim, a.Geo = b.Transport, b.SIPCallID, b.Slim, b.Geo
	a.MS, a.Document = r.since(at), r.document(b.PIDFLO)
	a.Profile, a.Number, a.Flags = b.Profile, b.Number, b.Flags
	to := name(b.PSAP)
	if !b.Sent {
		a.State, a.Reason, a.DoneMS = AttemptUnsent, b.Error, a.MS
		return Entry{
			Attempt: b.N, Tone: ToneBad, Title: "Could not call " + to,
			Detail: sentence("by "+name(b.Trunk), b.Error),
		}
	}
	a.State = AttemptSent
	with := "with location"
	switch {
	case b.Slim:
		with = "slim: without location body"
	case b.PIDFLO == "":
		with = "without location"
		if b.Number != "" {
			with += ", by the number " + string(b.Number)
		}
	}
	e := Entry{Attempt: b.N, Title: "Calling " + to, Detail: sentence("by "+name(b.Trunk), upper(b.Transport), with)}
	if b.Slim {
		e.Tone = ToneWarn
	}
	return e
}

func (r *CallRecord) progress(b journal.Progress) Entry {
	if a := r.attempt(b.N); a != nil {
		if a.State == AttemptProgress && a.Code == b.Code {
			return Entry{} // a repetition tells nothing new
		}
		if a.State == AttemptSent || a.State == AttemptProgress {
			a.State, a.Code = AttemptProgress, b.Code
		}
	}
	title := "Ringing"
	switch {
	case b.EarlyMedia:
		title = "Ringing, with sound from the far end"
	case b.Code == 181 || b.Code == 182 || b.Code == 183:
		title = "In progress at the far end"
	}
	return Entry{Attempt: b.N, Title: title, Detail: code(b.Code, "")}
}

// expected reports that the rung that answered leads to a carrier, which chose.
func (r *CallRecord) expected(b journal.Answered) bool {
	return slices.ContainsFunc(r.Rungs, func(g journal.Rung) bool { return g.Expected && g.Trunk == b.Trunk && g.PSAP == b.PSAP })
}

func (r *CallRecord) answered(at time.Time, b journal.Answered) Entry {
	first := !r.hasAnswer()
	if first {
		when := at
		r.AnsweredAt = &when
		if b.PSAP != (journal.Ref{}) {
			r.PSAP = b.PSAP
			r.Relay = r.isRelay(b.PSAP)
			r.PSAPExpected = r.expected(b)
		}
	}
	if r.State != Ended {
		r.State = Connected
	}
	if a := r.attempt(b.N); a != nil {
		a.State, a.Code, a.DoneMS = AttemptAnswered, 200, r.since(at)
		if first && a.Slim {
			r.flag([]string{"sent_without_location_body"})
		}
	}
	for _, what := range b.Without {
		r.flag([]string{"answered_without_" + what})
	}
	if r.Class == e911.ClassTest933 {
		return Entry{Attempt: b.N, Tone: ToneGood, Title: "Callbox answered the test"}
	}
	e := Entry{Attempt: b.N, Tone: ToneGood, Title: name(b.PSAP) + " answered"}
	if b.Trunk != (journal.Ref{}) {
		e.Detail = sentence("by " + name(b.Trunk))
	}
	return e
}

func (r *CallRecord) failed(at time.Time, b journal.Failed) Entry {
	to := "Attempt"
	if a := r.attempt(b.N); a != nil {
		if a.State != AttemptAnswered {
			a.State, a.Code, a.Reason, a.DoneMS = AttemptFailed, b.Code, b.Reason, r.since(at)
		}
		if n := name(a.PSAP); n != "" {
			to = n + " by " + name(a.Trunk)
		}
	}
	return Entry{Attempt: b.N, Tone: ToneBad, Title: to + " failed", Detail: code(b.Code, b.Reason)}
}

func (r *CallRecord) spoken(b journal.Spoken) Entry {
	r.Spoken = &b
	if r.State == Ringing || r.State == "" {
		r.State = Connected
	}
	return Entry{Tone: ToneGood, Title: "Read out to the caller", Detail: b.Text}
}

func (r *CallRecord) ended(at time.Time, b journal.Ended) Entry {
	when := at
	r.State, r.EndedAt = Ended, &when
	r.EndedBy, r.EndReason, r.Abandoned, r.TalkMS = b.By, b.Reason, b.Abandoned, b.TalkMS
	e := Entry{Detail: sentence(b.Reason)}
	switch b.By {
	case "caller":
		e.Title = "The caller hung up"
	case "psap":
		e.Title = "The PSAP hung up"
	default:
		e.Title = "Callbox ended the call"
	}
	if b.Abandoned {
		e.Title, e.Tone = "The caller hung up before anybody answered", ToneWarn
	}
	if strings.Contains(strings.ToLower(e.Title), strings.ToLower(b.Reason)) {
		e.Detail = "" // the title says it
	}
	return e
}

func (r *CallRecord) due(at time.Time, b journal.Due) Entry {
	if !b.ArrivedAt.IsZero() && !r.has(journal.CallArrived) {
		r.arrivedAt(b.ArrivedAt)
		r.Class, r.Dialled = b.Class, b.Dialled
	}
	r.Due = append(r.Due, Due{Reason: b.Reason, MS: r.since(at)})
	if b.Site != "" {
		r.Site.ID = string(b.Site)
	}
	set(&r.Site.Name, b.SiteName)
	set(&r.OrgName, b.OrgName)
	set(&r.Zone, b.Zone)
	set(&r.Who, b.Who)
	if r.IdentifiedBy == "" {
		r.IdentifiedBy, r.Line, r.Callback = b.IdentifiedBy, b.Line, b.Callback
	}
	r.sent(b)
	if r.PSAP == (journal.Ref{}) {
		r.PSAP = b.PSAP
	}
	if b.PSAPLine != "" {
		r.PSAPLine = b.PSAPLine
	}
	r.Demonstration = r.Demonstration || b.Demonstration
	if r.AskedAt == nil {
		r.AskedAt = b.Asked
	}
	r.flag(b.Flags)
	switch b.Reason {
	case journal.DueNotConnected:
		return Entry{
			Tone: ToneBad, Title: "Not connected: people on site are told to call the PSAP themselves",
			Detail: "No leg was on its way after 4 seconds.", Flags: b.Flags,
		}
	case journal.DueAbandoned:
		return Entry{Title: "People on site are told that the caller gave up", Flags: b.Flags}
	case journal.DueTest:
		return Entry{Title: "People on site are told of the test", Flags: b.Flags}
	case journal.DueLocation:
		return Entry{Title: "People on site are told where the caller is now", Detail: b.Place.Display, Flags: b.Flags}
	case journal.DueCallback:
		return Entry{Title: "People on site are told that the PSAP is calling back"}
	case journal.DueCallbackMissed:
		return Entry{Tone: ToneBad, Title: "People on site are told that the PSAP called back and reached nobody"}
	}
	why := map[string]string{
		journal.DueLegOut:    "The first attempt is on its way.",
		journal.DueLegFailed: "The first attempt failed at once.",
		journal.DueLate:      "250 ms have passed since the call arrived.",
	}[b.Reason]
	return Entry{Title: "People on site are told", Detail: why, Flags: b.Flags}
}

// sent keeps what the PSAP was given where it differs from what we believe.
func (r *CallRecord) sent(b journal.Due) {
	if b.Sent != nil {
		r.Sent = b.Sent
		return
	}
	place := b.Place
	if place.Display == "" && place.Civic.Empty() && place.Area == nil {
		return
	}
	switch {
	case r.Place == nil:
		r.Place, r.LocatedBy = &place, b.LocatedBy
	case !samePlace(*r.Place, place):
		r.Sent = &place
	}
}

func samePlace(a, b e911.Place) bool {
	if (a.Area == nil) != (b.Area == nil) || (a.Area != nil && *a.Area != *b.Area) {
		return false
	}
	return a.Location == b.Location && a.Civic == b.Civic && a.Display == b.Display
}

func (r *CallRecord) notice(at time.Time, b journal.Notice, sent bool) Entry {
	i := slices.IndexFunc(r.Notices, func(n Notice) bool { return n.ID == b.ID })
	if i < 0 {
		r.Notices = append(r.Notices, Notice{ID: b.ID, Channel: b.Channel, To: b.To, Reason: b.Reason, State: NoticeTrying})
		i = len(r.Notices) - 1
	}
	n := &r.Notices[i]
	n.Tries = max(n.Tries, b.Try)
	n.At, n.MS = at, r.since(at)
	what := channel(b.Channel) + " to " + b.To
	switch {
	case sent:
		n.State, n.Error = NoticeSent, ""
		return Entry{Tone: ToneGood, Title: what, Detail: "Handed over" + tries(b.Try) + "."}
	case b.GaveUp:
		n.State, n.Error = NoticeGivenUp, b.Error
		return Entry{Tone: ToneBad, Title: what + " was given up", Detail: b.Error}
	}
	if n.State != NoticeSent {
		n.State, n.Error = NoticeTrying, b.Error
	}
	return Entry{Tone: ToneWarn, Title: what + " did not go out yet", Detail: sentence(b.Error, "it is tried again")}
}
