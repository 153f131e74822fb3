package report_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

const org e911.OrgID = "org-harbor"

var arrival = time.Date(2026, 11, 20, 19, 2, 11, 0, time.UTC)

func tale() *reporttest.Story {
	return &reporttest.Story{Org: org, Call: reporttest.CallID(1), At: arrival}
}

// number gives the facts the node and sequences that a journal would.
func number(facts []journal.Fact) []journal.Fact {
	for i := range facts {
		facts[i].Node, facts[i].Seq = reporttest.Node, uint64(i+1)
	}
	return facts
}

func fold(facts []journal.Fact) report.CallRecord {
	var r report.CallRecord
	for _, f := range facts {
		report.Apply(&r, f)
	}
	return r
}

// brief is what the table looks at.
type brief struct {
	State     report.State
	Who       string
	By        e911.IdentifiedBy
	LocatedBy e911.LocatedBy
	Place     string
	Callback  e911.Number
	PSAP      string
	Relay     bool
	Attempts  []string
	Notices   []string
	Due       []string
	Flags     []string
	Spoken    bool
	Ended     string
	Abandoned bool
	Timeline  []string // "ms tone title"
}

func briefly(r report.CallRecord) brief {
	b := brief{
		State: r.State, Who: r.Who, By: r.IdentifiedBy, LocatedBy: r.LocatedBy, Callback: r.Callback, PSAP: r.PSAP.Key,
		Relay: r.Relay, Flags: r.Flags, Spoken: r.Spoken != nil, Ended: r.EndedBy, Abandoned: r.Abandoned,
	}
	if r.Place != nil {
		b.Place = r.Place.Key
	}
	for _, a := range r.Attempts {
		b.Attempts = append(b.Attempts, fmt.Sprintf("%d %s %s %d", a.N, a.Trunk.Key, a.State, a.Code))
	}
	for _, n := range r.Notices {
		b.Notices = append(b.Notices, fmt.Sprintf("%s %s %d", n.Channel, n.State, n.Tries))
	}
	for _, d := range r.Due {
		b.Due = append(b.Due, fmt.Sprintf("%s %d", d.Reason, d.MS))
	}
	for _, e := range r.Timeline {
		b.Timeline = append(b.Timeline, fmt.Sprintf("%d %s %s", e.MS, e.Tone, e.Title))
	}
	return b
}

// Proves: E10, E11, F-02, F-09, W-50
func TestFactsOfACallBecomeItsRecord(t *testing.T) {
	cases := []struct {
		name string
		tale *reporttest.Story
		want brief
	}{
		{
			"A call that is answered at once carries who, where, which PSAP and who was told.",
			tale().Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).Told(60, journal.DueLegOut).
				Progress(130, 1, 180).Answered(6000, 1).Ended(60_000, "psap", 54_000),
			brief{
				State: report.Ended, Who: "Front desk", By: e911.ByDeviceUserID, LocatedBy: e911.ByLLDPPort, Place: "mill-1-f2-210",
				Callback: "+16175550111", PSAP: "psap-middlesex", Attempts: []string{"1 carrier-a answered 200"},
				Notices: []string{"webhook sent 1", "mail sent 1"}, Due: []string{"leg_out 5"}, Ended: "psap",
				Timeline: []string{
					"0 info 911 call arrived", "1 info Caller identified", "2 info Caller located", "2 info PSAP chosen",
					"4 info Calling Middlesex (demonstration)", "5 info People on site are told",
					"60 good Webhook to http://127.0.0.1:5090/hook", "130 info Ringing", "220 good Mail to security@harbor.example",
					"6000 good Middlesex (demonstration) answered", "60000 info The PSAP hung up",
				},
			},
		},
		{
			"A busy PSAP is an attempt that failed, and the next route is in the record.",
			tale().Arrived().Identified().Located().Routed().Attempt(4, 1).Failed(30, 1, 486, "Busy Here").Attempt(31, 2).Answered(900, 2),
			brief{
				State: report.Connected, Who: "Front desk", By: e911.ByDeviceUserID, LocatedBy: e911.ByLLDPPort, Place: "mill-1-f2-210",
				Callback: "+16175550111", PSAP: "psap-middlesex", Attempts: []string{"1 carrier-a failed 486", "2 carrier-b answered 200"},
				Timeline: []string{
					"0 info 911 call arrived", "1 info Caller identified", "2 info Caller located", "2 info PSAP chosen",
					"4 info Calling Middlesex (demonstration)", "30 bad Middlesex (demonstration) by carrier-a failed",
					"31 info Calling Middlesex (demonstration)", "900 good Middlesex (demonstration) answered",
				},
			},
		},
		{
			"An unknown caller who cannot be located goes to the relay centre, flagged.",
			tale().Arrived().Unknown().Nowhere().ToRelay().RelayAttempt(5, 1).RelayAnswered(80, 1),
			brief{
				State: report.Connected, Who: "+16175559999", By: e911.ByTrunkOnly, LocatedBy: e911.ByNothing, Callback: "+16175550100",
				PSAP: "ecrc", Relay: true, Attempts: []string{"1 ecrc-a answered 200"},
				Flags: []string{"unknown_number", "callback_guessed", "unlocated"},
				Timeline: []string{
					"0 info 911 call arrived", "1 warn Caller not identified: only the trunk is known", "2 bad Caller not located",
					"2 warn No PSAP follows from the place: relay centre", "5 info Calling Relay centre (demonstration)",
					"80 good Relay centre (demonstration) answered",
				},
			},
		},
		{
			"A caller who gives up is recorded as such.",
			tale().Arrived().Identified().Attempt(4, 1).Progress(50, 1, 183).Due(60, journal.DueAbandoned).Abandoned(60),
			brief{
				State: report.Ended, Who: "Front desk", By: e911.ByDeviceUserID, LocatedBy: e911.ByLLDPPort, Place: "mill-1-f2-210",
				Callback: "+16175550111", PSAP: "psap-middlesex", Attempts: []string{"1 carrier-a progress 183"},
				Due: []string{"abandoned 60"}, Ended: "caller", Abandoned: true,
				Timeline: []string{
					"0 info 911 call arrived", "1 info Caller identified", "4 info Calling Middlesex (demonstration)",
					"50 info In progress at the far end", "60 info People on site are told that the caller gave up",
					"60 warn The caller hung up before anybody answered",
				},
			},
		},
		{
			"A test keeps what was read out.",
			tale().Test().Identified().Located().Add(3, journal.CallAnswered, journal.Answered{}).Due(5, journal.DueTest).Spoken(900).
				Ended(26_000, "caller", 25_997),
			brief{
				State: report.Ended, Who: "Front desk", By: e911.ByDeviceUserID, LocatedBy: e911.ByLLDPPort, Place: "mill-1-f2-210",
				Callback: "+16175550111", PSAP: "psap-middlesex", Due: []string{"test 5"}, Spoken: true, Ended: "caller",
				Timeline: []string{
					"0 info 933 test call arrived", "1 info Caller identified", "2 info Caller located", "3 good Callbox answered the test",
					"5 info People on site are told of the test", "900 good Read out to the caller", "26000 info The caller hung up",
				},
			},
		},
		{
			"A call without any leg says so, with each failure and each notice that did not go out.",
			tale().Arrived().Identified().Located().Routed().
				Add(4, journal.CallAttempt, journal.Attempt{N: 1, PSAP: journal.Ref{Key: "psap-middlesex"}, Trunk: journal.Ref{Key: "carrier-a"}, Error: "connection refused"}).
				Due(4, journal.DueLegFailed).Due(4000, journal.DueNotConnected).
				Add(4100, journal.NotifyFailed, journal.Notice{ID: "m", Channel: "mail", To: "x@y.example", Reason: journal.DueLegFailed, Try: 1, Error: "refused"}).
				Add(9000, journal.NotifyFailed, journal.Notice{ID: "m", Channel: "mail", To: "x@y.example", Reason: journal.DueLegFailed, Try: 2, Error: "refused", GaveUp: true}).
				Add(9100, journal.AlarmRaised, journal.Alarm{Code: "notice_lost", Detail: "a mail could not be handed over"}).
				Ended(10_000, "callbox", 0),
			brief{
				State: report.Ended, Who: "Front desk", By: e911.ByDeviceUserID, LocatedBy: e911.ByLLDPPort, Place: "mill-1-f2-210",
				Callback: "+16175550111", PSAP: "psap-middlesex", Attempts: []string{"1 carrier-a unsent 0"}, Notices: []string{"mail given_up 2"},
				Due: []string{"leg_failed 4", "not_connected 4000"}, Ended: "callbox",
				Timeline: []string{
					"0 info 911 call arrived", "1 info Caller identified", "2 info Caller located", "2 info PSAP chosen",
					"4 bad Could not call psap-middlesex", "4 info People on site are told",
					"4000 bad Not connected: people on site are told to call the PSAP themselves",
					"4100 warn Mail to x@y.example did not go out yet", "9000 bad Mail to x@y.example was given up",
					"9100 warn Alarm: a mail could not be handed over", "10000 info Callbox ended the call",
				},
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := briefly(fold(number(c.tale.Take())))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
		})
	}
}

// Proves: E10, E11
func TestARecordKeepsTheEvidenceAndTheDocumentAsSent(t *testing.T) {
	r := fold(number(tale().Arrived().Identified().Located().Routed().Attempt(4, 1).Failed(9, 1, 503, "").Attempt(10, 2).Answered(20, 2).Take()))
	lost := r.Evidence(journal.CallLocated)
	if len(lost) != 3 || !lost[0].Chosen || lost[1].Chosen || lost[1].Why == "" {
		t.Errorf("evidence of the location: %+v", lost)
	}
	if got := r.Document(); got != reporttest.PIDFLO() {
		t.Errorf("document: got %q", got)
	}
	if len(r.Documents) != 1 {
		t.Errorf("the same document is kept %d times, want once", len(r.Documents))
	}
	if r.Sent != nil {
		t.Errorf("sent differs from the place: %+v", r.Sent)
	}
}

// Proves: F-36, E10
func TestARecordSaysBothWhenTheNoticeCarriesAnotherPlace(t *testing.T) {
	elsewhere := reporttest.Room()
	elsewhere.Location, elsewhere.Display = "l-lobby", "795 Massachusetts Avenue, Mill 1, Cambridge, MA 02139"
	s := tale().Arrived().Identified().Located()
	s.Add(5, journal.NotifyDue, journal.Due{Reason: journal.DueLegOut, Place: elsewhere, ArrivedAt: arrival})
	r := fold(number(s.Take()))
	if r.Place.Display != reporttest.Room().Display || r.Sent == nil || r.Sent.Display != elsewhere.Display {
		t.Errorf("place %q, sent %+v", r.Place.Display, r.Sent)
	}
}

// Proves: F-36, E10
func TestARecordSaysWhatTheNumberOfTheRouteStandsFor(t *testing.T) {
	s := tale().Arrived().Identified().Located()
	s.Add(5, journal.NotifyDue, journal.Due{Reason: journal.DueLegOut, Place: reporttest.Room(), Sent: &e911.Place{Display: "1 City Hall Square"}, ArrivedAt: arrival})
	r := fold(number(s.Take()))
	if r.Sent == nil || r.Sent.Display != "1 City Hall Square" || r.Place.Display != reporttest.Room().Display {
		t.Errorf("sent %v, place %v", r.Sent, r.Place)
	}
}

// Proves: F-16
func TestASlimAnswerIsFlagged(t *testing.T) {
	s := tale().Arrived().Add(4, journal.CallAttempt, journal.Attempt{N: 1, Sent: true, Slim: true}).
		Add(9, journal.CallAnswered, journal.Answered{N: 1})
	r := fold(number(s.Take()))
	if d := cmp.Diff([]string{"sent_without_location_body"}, r.Flags); d != "" {
		t.Error(d)
	}
	if r.Document() != "" {
		t.Errorf("a slim attempt has no document, got %q", r.Document())
	}
}

// Proves: D-06, E5
func TestApplyIsIdempotent(t *testing.T) {
	facts := number(tale().Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).Told(60, journal.DueLegOut).
		Progress(130, 1, 180).Failed(140, 1, 486, "Busy Here").Attempt(141, 2).Answered(6000, 2).Spoken(6100).Ended(60_000, "psap", 54_000).Take())
	want := fold(facts)
	for cut := range facts {
		// A reader that lost its place starts again from any earlier one.
		var got report.CallRecord
		for _, f := range facts[:cut] {
			report.Apply(&got, f)
		}
		for _, f := range facts[max(0, cut-3):] {
			report.Apply(&got, f)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("read again from %d (-want +got):\n%s", cut, d)
		}
	}
	again := want
	for _, f := range facts {
		if report.Apply(&again, f) {
			t.Errorf("%s was applied twice", f.Kind)
		}
	}
}

// Proves: D-06
func TestFactsOfAnotherNodeMayComeFirst(t *testing.T) {
	facts := number(tale().Arrived().Identified().Attempt(4, 1).Answered(500, 1).Take())
	told := number(tale().Told(80, journal.DueLegOut).Take())
	for i := range told {
		told[i].Node = "n2"
	}
	last := fold(append(append([]journal.Fact(nil), facts...), told...))
	first := fold(append(append([]journal.Fact(nil), told...), facts...))
	if d := cmp.Diff(last, first); d != "" {
		t.Errorf("order of nodes matters (-after +before):\n%s", d)
	}
	if first.Notices[0].MS != 80 || !first.ArrivedAt.Equal(arrival) {
		t.Errorf("counted from %v: notice at %d ms, want 80", first.ArrivedAt, first.Notices[0].MS)
	}
}

// Proves: E14
func TestFactsOfOthersChangeNothing(t *testing.T) {
	base := fold(number(tale().Arrived().Take()))
	other := tale().Ended(5, "caller", 0).Take()[0]
	other.Node, other.Seq = reporttest.Node, 9
	for name, change := range map[string]func(*journal.Fact){
		"another call":         func(f *journal.Fact) { f.Call = reporttest.CallID(2) },
		"another organisation": func(f *journal.Fact) { f.Org = "org-summit" },
		"no organisation":      func(f *journal.Fact) { f.Org = "" },
		"no call":              func(f *journal.Fact) { f.Call = "" },
		"a device":             func(f *journal.Fact) { f.Kind = journal.DeviceLocated },
		"a kind of tomorrow":   func(f *journal.Fact) { f.Kind = "call.dreamt" },
	} {
		f, got := other, base
		change(&f)
		if report.Apply(&got, f) {
			t.Errorf("a fact of %s changed the record", name)
		}
	}
	if !report.Apply(&base, other) {
		t.Error("the call's own fact changed nothing")
	}
}

func TestABodyThatCannotBeReadIsAnEntryThatSaysSo(t *testing.T) {
	f := tale().Arrived().Take()[0]
	f.Node, f.Seq, f.Body = "n1", 1, json.RawMessage(`{"class": 7}`)
	var r report.CallRecord
	if !report.Apply(&r, f) || len(r.Timeline) != 1 || r.Timeline[0].Tone != report.ToneWarn {
		t.Errorf("got %+v", r.Timeline)
	}
}

// Proves: E1
func TestARecordOfAThousandAttemptsKeepsFirstAndLast(t *testing.T) {
	s := tale().Arrived().Identified().Routed()
	for n := 1; n <= 1500; n++ {
		s.Attempt(n*10, n).Progress(n*10+1, n, 180).Failed(n*10+2, n, 503, "Service Unavailable")
	}
	s.Attempt(20_000, 1501).Answered(20_100, 1501).Ended(30_000, "caller", 9_900)
	r := fold(number(s.Take()))
	if r.Tried != 1501 || len(r.Attempts) > 200 {
		t.Errorf("tried %d, kept %d attempts", r.Tried, len(r.Attempts))
	}
	if r.Attempts[0].N != 1 || r.Attempts[len(r.Attempts)-1].State != report.AttemptAnswered {
		t.Errorf("first %d, last %s", r.Attempts[0].N, r.Attempts[len(r.Attempts)-1].State)
	}
	if len(r.Timeline) > 1000 || r.Timeline[0].Kind != journal.CallArrived || r.Timeline[len(r.Timeline)-1].Kind != journal.CallEnded {
		t.Errorf("timeline of %d from %s to %s", len(r.Timeline), r.Timeline[0].Kind, r.Timeline[len(r.Timeline)-1].Kind)
	}
	if b, _ := json.Marshal(r); len(b) > 400_000 {
		t.Errorf("the record takes %d bytes", len(b))
	}
}

// Proves: D-10
func TestARecordSurvivesItsJSON(t *testing.T) {
	want := fold(number(tale().Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).Told(9, journal.DueLegOut).
		Answered(500, 1).Spoken(510).Ended(900, "caller", 400).Take()))
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got report.CallRecord
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestACallOfANodeThatDiedIsNotLiveForEver(t *testing.T) {
	r := fold(number(tale().Arrived().Answered(500, 1).Take()))
	if !r.Live(arrival.Add(5 * time.Hour)) {
		t.Error("a long call counts as over")
	}
	if r.Live(arrival.Add(7 * time.Hour)) {
		t.Error("a call without any fact for seven hours counts as live")
	}
}

// FuzzApply feeds bodies of any shape and checks that Apply neither panics nor
// grows without bound, and applies each fact once.
func FuzzApply(f *testing.F) {
	for _, fact := range number(tale().Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).
		Told(60, journal.DueLegOut).Progress(130, 1, 180).Answered(6000, 1).Spoken(6001).Ended(60_000, "psap", 54_000).Take()) {
		f.Add(string(fact.Kind), []byte(fact.Body), int64(fact.Seq))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte, ms int64) {
		r := fold(number(tale().Arrived().Attempt(4, 1).Take()))
		fact := journal.Fact{
			V: 1, Node: "n1", Seq: 9, Org: org, Call: reporttest.CallID(1), At: arrival.Add(time.Duration(ms) * time.Millisecond),
			Kind: journal.Kind(kind), Body: body,
		}
		before := len(r.Timeline)
		changed := report.Apply(&r, fact)
		if len(r.Timeline) > before+1 {
			t.Errorf("one fact made %d entries", len(r.Timeline)-before)
		}
		if changed && report.Apply(&r, fact) {
			t.Error("applied twice")
		}
	})
}
