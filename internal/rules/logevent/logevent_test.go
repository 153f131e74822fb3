package logevent

import (
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 11, 1, 5, 59, 59, 0, time.UTC) // a second before clocks go back in New York

func config() Config {
	return Config{
		Element: "callbox.example", Call: "urn:emergency:uid:callid:0123456789:callbox.example", Incident: "urn:emergency:uid:incidentid:0123456789:callbox.example",
		Unique: "019cd2a4-0a80-7b3c-9f00-0123456789ab",
	}
}

// Proves: RFC 1123, section 2.1
func TestOnlyWhatHasAFullyQualifiedNameLogs(t *testing.T) {
	for name, good := range map[string]bool{
		"callbox.example": true, "esrp-1.county.example": true, "911.example": true, "CALLBOX.invalid": true,
		"": false, "callbox": false, "callbox.": false, ".example": false, "a..example": false, "a b.example": false, "-a.example": false,
		"a-.example": false, "a_b.example": false, "bcf#.te$t.example": false, "a.example:5060": false, "höft.example": false,
		strings.Repeat("a", 64) + ".example": false, strings.Repeat("a.", 126) + "example": false,
	} {
		c := config()
		c.Element = name
		if _, err := New(c); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAllThatIsMissingIsToldAtOnce(t *testing.T) {
	_, err := New(Config{Agency: "x"})
	for _, want := range []string{"element", "agency", "call and incident", "id"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of the %s", err, want)
		}
	}
}

// Proves: NENA-STA-010.3, sections 2.1.6 and 2.3
func TestEventsStandInOrderAcrossAChangeOfTheClock(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skipf("no time zones here: %v", err)
	}
	c := config()
	c.Zone = zone
	l, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	l.End(Mark{At: at.Add(2 * time.Second)}, Ends{})
	l.Location(Lookup{Direction: Incoming, URI: "https://callbox.example/1", Asked: at, Answered: at.Add(time.Second), Client: "q"})
	l.Start(Mark{At: at}, Ends{})
	var got []string
	for _, e := range l.Events() {
		got = append(got, string(e.Type)+" "+e.Timestamp)
	}
	want := "LocationQueryLogEvent 2026-11-01T01:59:59.000-04:00, CallStartLogEvent 2026-11-01T01:59:59.000-04:00, " +
		"LocationResponseLogEvent 2026-11-01T01:00:00.000-05:00, CallEndLogEvent 2026-11-01T01:00:01.000-05:00"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

// Proves: NENA-STA-010.3, section 4.12.3.7
func TestAnAnswerHasTheIDOfItsQuestionAndNoOther(t *testing.T) {
	l, err := New(config())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.Location(Lookup{Direction: Outgoing, URI: "https://lis.example/1", Asked: at, Answered: at})
	}
	seen := map[string]bool{}
	var open string
	for _, e := range l.events {
		id := strings.Split(e.Query+e.Response, ":")
		switch {
		case e.Type == LocationQuery && seen[e.Query]:
			t.Errorf("two questions are %s", e.Query)
		case e.Type == LocationQuery:
			open, seen[e.Query] = e.Query, true
		case e.Response != open || e.Direction != Incoming:
			t.Errorf("the answer to %s is %s, %s", open, e.Response, e.Direction)
		}
		if len(id) != 6 || len(id[4]) < 10 || len(id[4]) > 32 {
			t.Errorf("%v is no name", id)
		}
	}
}

// Proves: RFC 3261, section 7
func TestAnInviteIsWrittenAsItCame(t *testing.T) {
	got := Invite("urn:service:sos", []Field{{"Via", "SIP/2.0/TCP 192.0.2.1"}, {"Content-Length", "5"}}, []byte("v=0\r\n"))
	if want := "INVITE urn:service:sos SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1\r\nContent-Length: 5\r\n\r\nv=0\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
