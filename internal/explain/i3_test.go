package explain

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/logevent"
	"github.com/callbox911/callbox/wire/sipgeo"
)

var update = flag.Bool("update", false, "write what is said into testdata")

const (
	aCall   = e911.CallID("019cd2a4-0a80-7b3c-9f00-0123456789ab")
	ourName = "callbox.example"
)

var itCame = time.Date(2026, 3, 9, 12, 1, 0, 0, time.UTC)

// story writes facts of one call, each a number of milliseconds after its start.
type story struct {
	facts []journal.Fact
}

func (s *story) after(ms int, kind journal.Kind, body any) {
	f := journal.New(kind, itCame.Add(time.Duration(ms)*time.Millisecond), "org", aCall, body)
	f.Node, f.Seq = "n1", uint64(len(s.facts)+101)
	s.facts = append(s.facts, f)
}

func arrived() journal.Arrived {
	return journal.Arrived{
		Class: e911.ClassEmergency, Dialled: "sip:911@192.0.2.5", Trunk: journal.Ref{Key: "pbx"}, Source: "192.0.2.11:5060", Transport: "tcp",
		SIPCallID: "9f3c71@192.0.2.11", EmergencyCallID: sipgeo.CallID(string(aCall), ourName), From: "<sip:+16175550111@192.0.2.11>;tag=1",
		AssertedID: "<sip:+16175550111@192.0.2.11>",
	}
}

func invite(more ...journal.Named) journal.Invite {
	return journal.Invite{
		URI: "sip:911@192.0.2.5", Source: netip.MustParseAddrPort("192.0.2.11:5060"), Transport: "tcp", SIPCallID: "9f3c71@192.0.2.11",
		Headers: append([]journal.Named{
			{Name: "Via", Value: "SIP/2.0/TCP 192.0.2.11:5060;branch=z9hG4bK1"},
			{Name: "From", Value: "<sip:+16175550111@192.0.2.11>;tag=1"},
			{Name: "To", Value: "<sip:911@192.0.2.5>"},
			{Name: "Call-ID", Value: "9f3c71@192.0.2.11"},
			{Name: "CSeq", Value: "1 INVITE"},
			{Name: "Geolocation", Value: "<https://lis.platform.example/ref/77>"},
			{Name: "Content-Type", Value: "application/sdp"},
			{Name: "Content-Length", Value: "5"},
		}, more...),
		ContentType: "application/sdp", Body: []byte("v=0\r\n"), Repaired: []string{"space in the request line"},
	}
}

// wholeCall is asked about elsewhere, refused by one PSAP, answered by the next,
// and dereferenced.
func wholeCall() *story {
	psap, other := journal.Ref{Key: "middlesex", Name: "Middlesex"}, journal.Ref{Key: "relay", Name: "Relay centre"}
	a, b := journal.Ref{Key: "carrier-a"}, journal.Ref{Key: "esinet"}
	s := &story{}
	s.after(0, journal.CallArrived, arrived())
	s.after(40, journal.CallAsked, journal.Asked{
		Host: "lis.platform.example", Method: "HELD", At: itCame.Add(3 * time.Millisecond), TookMS: 37, Place: "795 Massachusetts Avenue", Finding: "civic",
	})
	s.after(41, journal.CallIdentified, journal.Identified{By: e911.ByDeviceUserID})
	s.after(41, journal.CallLocated, journal.Located{By: e911.ByLLDPPort})
	s.after(41, journal.CallRouted, journal.Routed{
		PSAP: psap, By: &journal.RoutedBy{Source: "own_layer", Name: "psaps", Version: 3, Feature: "f1"},
		Rungs: []journal.Rung{{Kind: "psap", Trunk: a, PSAP: psap, To: "sip:psap@198.51.100.1"}, {Kind: "relay", Trunk: b, PSAP: other, To: "sip:ecrc@198.51.100.2"}},
	})
	s.after(42, journal.CallAttempt, journal.Attempt{N: 1, Rung: 0, Trunk: a, PSAP: psap, To: "sip:psap@198.51.100.1", SIPCallID: "leg1@callbox", Sent: true})
	s.after(0, journal.CallInvite, invite())
	s.after(43, journal.NotifyDue, journal.Due{Reason: journal.DueLegOut, Zone: "America/New_York"})
	s.after(600, journal.CallFailed, journal.Failed{N: 1, Code: 503, Reason: "refused: Service Unavailable"})
	s.after(601, journal.CallAttempt, journal.Attempt{
		N: 2, Rung: 1, Trunk: b, PSAP: other, To: "sip:ecrc@198.51.100.2", SIPCallID: "leg2@callbox", Sent: true,
		Geo: "<cid:a@callbox.example>, <https://callbox.example/held/ref/abc>, <https://lis.platform.example/ref/77>",
	})
	s.after(900, journal.CallProgress, journal.Progress{N: 2, Code: 180})
	s.after(4000, journal.CallAnswered, journal.Answered{N: 2, Trunk: b, PSAP: other})
	s.after(4001, journal.CallDialog, journal.Dialogs{N: 2, Incident: sipgeo.IncidentID(string(aCall), ourName)})
	s.after(9000, journal.CallDereferenced, journal.Dereferenced{Source: "203.0.113.9", Client: "psap.example", By: e911.ByLLDPPort, Place: "795 Massachusetts Avenue", Folded: 2})
	s.after(64000, journal.CallEnded, journal.Ended{By: "caller", Reason: "caller hung up", DurationMS: 64000, TalkMS: 60000})
	return s
}

// Proves: NENA-STA-010.3, sections 4.12.3.7 and 2.1.6; E11
func TestAWholeCallAsLogEvents(t *testing.T) {
	events, err := logEvents(wholeCall().facts, I3{}, ourName)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	if err := w.Encode(events); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "call-i3.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("the events are not those of %s (- was, + now); go test -update writes it:\n%s", file, diff)
	}
	valid(t, events)
}

// valid compares events with the published schema and with what i3 says in words.
func valid(t *testing.T, events []logevent.Event) {
	t.Helper()
	seen := map[string]bool{}
	for i, e := range events {
		if seen[e.ClientAssigned] || e.ClientAssigned == "" {
			t.Errorf("event %d: the client's id %q names another event too", i, e.ClientAssigned)
		}
		seen[e.ClientAssigned] = true
		if err := sipgeo.CheckID(e.Call); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
		if err := sipgeo.CheckID(e.Incident); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
		if i > 0 && e.Timestamp < events[i-1].Timestamp { // all are in one zone
			t.Errorf("event %d is earlier than the one before it", i)
		}
	}
	s := publishedLoggingService(t)
	for i, e := range events {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if f := s.faults(b); len(f) > 0 {
			t.Errorf("event %d, %s: %s", i, e.Type, strings.Join(f, "; "))
		}
	}
}

// types lists what the events are.
func types(events []logevent.Event) string {
	var out []string
	for _, e := range events {
		s := strings.TrimSuffix(string(e.Type), "LogEvent")
		if e.State != "" {
			s += " " + string(e.State)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// Proves: NENA-STA-010.3, section 4.12.3.7
func TestCallsOfEachKindAsLogEvents(t *testing.T) {
	theirs := []journal.Named{
		{Name: "Call-Info", Value: "<urn:emergency:uid:callid:0123456789abc:bcf.example>;purpose=emergency-CallId"},
		{Name: "Call-Info", Value: "<urn:emergency:uid:incidentid:9876543210abc:bcf.example>;purpose=emergency-IncidentId"},
	}
	twice := journal.Named{Name: "Geolocation", Value: "<https://lis.platform.example/ref/78>"}
	for _, c := range []struct {
		name  string
		tell  func(*story)
		want  string
		check func(*testing.T, []logevent.Event)
	}{
		{
			"the caller gave up before an answer",
			func(s *story) {
				s.after(0, journal.CallArrived, arrived())
				s.after(2, journal.CallAttempt, journal.Attempt{N: 1, To: "sip:psap@198.51.100.1", SIPCallID: "leg1", Sent: true})
				s.after(3000, journal.CallEnded, journal.Ended{By: "caller", Reason: "caller hung up", Abandoned: true, DurationMS: 3000})
			},
			"CallStart, Route, CallStateChange callCancel, CallEnd", nil,
		},
		{
			"933 is no emergency",
			func(s *story) {
				a := arrived()
				a.Class = e911.ClassTest933
				s.after(0, journal.CallArrived, a)
				s.after(9000, journal.CallSpoken, journal.Spoken{Text: "This is a test", Seconds: 4})
				s.after(9000, journal.CallEnded, journal.Ended{By: "callbox", Reason: "read out"})
			},
			"CallStart, CallEnd",
			func(t *testing.T, events []logevent.Event) {
				if e := events[0]; e.CallType != logevent.NonEmergency || e.LocalCallType != "test_933" {
					t.Errorf("the type is %s, %s", e.CallType, e.LocalCallType)
				}
			},
		},
		{
			"the names that came with the call are kept",
			func(s *story) {
				a := arrived()
				a.EmergencyCallID = "urn:emergency:uid:callid:0123456789abc:bcf.example"
				s.after(0, journal.CallArrived, a)
				s.after(0, journal.CallInvite, invite(theirs...))
			},
			"CallStart, CallSignalingMessage",
			func(t *testing.T, events []logevent.Event) {
				e := events[0]
				if e.Call != "urn:emergency:uid:callid:0123456789abc:bcf.example" || e.Incident != "urn:emergency:uid:incidentid:9876543210abc:bcf.example" || e.Element != ourName {
					t.Errorf("call %s, incident %s, element %s", e.Call, e.Incident, e.Element)
				}
			},
		},
		{
			"a question that cannot be told apart from another is left out, its answer is not",
			func(s *story) {
				s.after(0, journal.CallArrived, arrived())
				s.after(0, journal.CallInvite, invite(twice))
				s.after(40, journal.CallAsked, journal.Asked{Host: "lis.platform.example", At: itCame, TookMS: 40, Error: "no answer"})
				s.after(50, journal.CallAsked, journal.Asked{At: itCame, Error: "nothing came before the call was over"}) // nobody was asked
			},
			"CallStart, CallSignalingMessage, LocationResponse",
			func(t *testing.T, events []logevent.Event) {
				if s := events[2].ResponseStatus; s != "454" {
					t.Errorf("the status of a failure is %q", s)
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &story{}
			c.tell(s)
			events, err := logEvents(s.facts, I3{}, ourName)
			if err != nil {
				t.Fatal(err)
			}
			if got := types(events); got != c.want {
				t.Fatalf("events %s, want %s", got, c.want)
			}
			if c.check != nil {
				c.check(t, events)
			}
			valid(t, events)
		})
	}
}

// Who logs is our name as it runs, as it was in the call, or as it is asked for.
func TestLogEventsNameWhoLogs(t *testing.T) {
	for _, c := range []struct {
		name, domain    string
		ask             I3
		facts           []journal.Fact
		element, agency string
	}{
		{"as it runs", ourName, I3{}, wholeCall().facts, ourName, ourName},
		{"without a server, as the call's name has it", "", I3{}, wholeCall().facts, ourName, ourName},
		{"as asked", ourName, I3{Element: "esrp1.county.example", Agency: "county.example"}, wholeCall().facts, "esrp1.county.example", "county.example"},
		{"not known", "", I3{}, wholeCall().facts[:1], "", ""},
		{"no domain name", ourName, I3{Agency: "county"}, wholeCall().facts, "", ""},
		{"an empty part", "callbox..example", I3{}, wholeCall().facts, "", ""},
	} {
		events, err := logEvents(c.facts, c.ask, c.domain)
		if c.element == "" {
			if e911.KindOf(err) != e911.Invalid || !strings.Contains(err.Error(), "--element") {
				t.Errorf("%s: %v, want that it says what to name", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, e := range events {
			if e.Element != c.element || e.Agency != c.agency {
				t.Errorf("%s: %s of %s", c.name, e.Element, e.Agency)
			}
		}
	}
}

// LogEvents are asked of a call alone, and the question goes to a server and back.
func TestLogEventsAreAskedOfACall(t *testing.T) {
	now := itCame.Add(time.Hour)
	for query, good := range map[string]bool{
		"call=" + string(aCall) + "&i3=true":                                    true,
		"call=" + string(aCall) + "&i3=true&element=a.example&agency=b.example": true,
		"call=" + string(aCall) + "&element=a.example":                          false,
		"user=agent4711&i3=true":                                                false,
		"call=" + string(aCall) + "&i3=perhaps":                                 false,
	} {
		v, _ := url.ParseQuery(query)
		q, err := Parse(v, now)
		if (err == nil) != good {
			t.Errorf("%s: %v", query, err)
		}
		if err != nil {
			continue
		}
		back, err := Parse(q.Values(), now)
		if diff := cmp.Diff(q, back, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("%s comes back as another question: %v %s", query, err, diff)
		}
	}
}
