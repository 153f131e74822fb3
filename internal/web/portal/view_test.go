package portal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

var arrival = time.Date(2026, 11, 20, 19, 2, 11, 0, time.UTC)

func tale() *reporttest.Story {
	return &reporttest.Story{Org: "a", Call: reporttest.CallID(1), At: arrival}
}

func record(s *reporttest.Story) *report.CallRecord {
	var r report.CallRecord
	for i, f := range s.Take() {
		f.Node, f.Seq = "n1", uint64(i+1)
		report.Apply(&r, f)
	}
	return &r
}

// Proves: F-02, F-09, W-50
func TestACallSaysHowItStandsAndWhatToDo(t *testing.T) {
	cases := []struct {
		name   string
		tale   *reporttest.Story
		after  time.Duration
		tone   Tone
		status string
		advice string
	}{
		{"just arrived", tale().Arrived(), time.Second, Busy, "Finding out who and where", "has not answered yet"},
		{"dialled", tale().Arrived().Routed().Attempt(4, 1), time.Second, Busy, "Calling Middlesex (demonstration)", "has not answered yet"},
		{"ringing", tale().Arrived().Attempt(4, 1).Progress(9, 1, 180), time.Second, Busy, "Ringing at Middlesex (demonstration)", "has not answered yet"},
		{"busy", tale().Arrived().Attempt(4, 1).Failed(9, 1, 486, "Busy"), time.Second, Bad, "Attempt failed, trying the next route", "has not answered yet"},
		{"no leg for four seconds", tale().Arrived().Due(4000, journal.DueNotConnected), 5 * time.Second, Bad, "NOT CONNECTED, still trying", "Call the PSAP yourself"},
		{"connected at last", tale().Arrived().Due(4000, journal.DueNotConnected).Attempt(5000, 1).Answered(6000, 1), 7 * time.Second, Good, "Connected to Middlesex (demonstration)", "talking to the PSAP"},
		{"unlocated", tale().Arrived().Nowhere().ToRelay().RelayAttempt(4, 1).RelayAnswered(9, 1), time.Second, Good, "Connected to Relay centre (demonstration)", "could not be located"},
		{"over", tale().Arrived().Identified().Attempt(4, 1).Answered(9, 1).Ended(90, "psap", 81), time.Hour, Quiet, "Ended, hung up by the PSAP", "+1 617-555-0111"},
		{"given up", tale().Arrived().Attempt(4, 1).Abandoned(900), time.Hour, Warn, "Gave up before an answer", "Check on the caller"},
		{"given up without any leg", tale().Arrived().Due(4000, journal.DueNotConnected).Abandoned(9000), time.Hour, Bad, "Never connected, the caller gave up", "did not reach the PSAP"},
		{"ended by us unanswered", tale().Arrived().Ended(900, "callbox", 0), time.Hour, Bad, "Never connected", "did not reach the PSAP"},
		{"its node died", tale().Arrived().Answered(9, 1), 7 * time.Hour, Warn, "No end was reported", "No end of this call was reported"},
		{"a test begins", tale().Test(), time.Second, Busy, "Answering the test", "No PSAP is called"},
		{"a test speaks", tale().Test().Spoken(5), time.Second, Good, "Reading the address out", "No PSAP is called"},
		{"a test is over", tale().Test().Spoken(5).Ended(900, "caller", 0), time.Hour, Quiet, "Test completed", "where the phone stands"},
		{"sent slim", tale().Arrived().Add(4, journal.CallAttempt, journal.Attempt{N: 1, Sent: true, Slim: true}).Answered(9, 1), time.Second, Good, "Connected to Middlesex (demonstration)", "refused the location body"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := NewDetail(record(c.tale), arrival.Add(c.after))
			if d.Tone != c.tone || d.Status != c.status {
				t.Errorf("got %s %q, want %s %q", d.Tone, d.Status, c.tone, c.status)
			}
			if !strings.Contains(d.Advice, c.advice) {
				t.Errorf("advice %q does not say %q", d.Advice, c.advice)
			}
		})
	}
}

// Proves: F-09, F-39
func TestACallThatIsNotConnectedShowsThePSAPsOwnLine(t *testing.T) {
	d := NewDetail(record(tale().Arrived().Due(4000, journal.DueNotConnected)), arrival.Add(5*time.Second))
	if d.Dial.Link != "tel:+16175550199" || d.Dial.Number != "+1 617-555-0199" {
		t.Errorf("dial: %+v", d.Dial)
	}
	if html := draw(t, d); !strings.Contains(html, `href="tel:+16175550199"`) {
		t.Error("the number is no link")
	}
}

// Proves: F-36
func TestBothPlacesAreSaidWhenTheyDiffer(t *testing.T) {
	r := record(tale().Arrived().Identified().Located().Attempt(4, 1))
	r.Sent = &e911.Place{Display: "1 Main Street"}
	html := draw(t, NewDetail(r, arrival))
	for _, say := range []string{"We believe", "Sent to 911:", "1 Main Street", "795 Massachusetts"} {
		if !strings.Contains(html, say) {
			t.Errorf("the page does not say %q", say)
		}
	}
}

// Proves: E11
func TestTheEvidenceThatWonComesFirstAndTheLosersSayWhy(t *testing.T) {
	d := NewDetail(record(tale().Arrived().Identified().Located()), arrival)
	var located *Moment
	for i := range d.Entries {
		if d.Entries[i].Title == "Caller located" {
			located = &d.Entries[i]
		}
	}
	if located == nil || len(located.Evidence) != 3 || !located.Evidence[0].Chosen {
		t.Fatalf("got %+v", located)
	}
	for _, e := range located.Evidence[1:] {
		if e.Chosen || e.Why == "" {
			t.Errorf("%s lost without a reason", e.Rule)
		}
	}
	if got := located.Evidence[0].Age; got != "taken 12 s before the call" {
		t.Errorf("age: %q", got)
	}
}

func TestWhatCallersSayCannotBreakThePage(t *testing.T) {
	evil := `<script>alert(1)</script>"><img src=x onerror=y>`
	r := record(tale().Arrived().Identified().Located().Attempt(4, 1))
	r.Who, r.From, r.Dialled = evil, evil, evil
	r.Place.Display = evil
	r.Documents[0] = evil
	r.Timeline[0].Detail = evil
	html := draw(t, NewDetail(r, arrival))
	if strings.Contains(html, "<script>") || strings.Contains(html, "<img") {
		t.Errorf("markup of a caller reaches the page: %s", html)
	}
}

// Proves: D-10
func TestTimesAreToldInTheZoneOfTheSite(t *testing.T) {
	s := tale().Arrived().Due(5, journal.DueLegOut)
	r := record(s)
	d := NewDetail(r, arrival.Add(26*time.Hour))
	if d.When != "Fri 20 Nov 2026, 14:02:11 EST" || d.Clock != "14:02" {
		t.Errorf("got %q, %q", d.When, d.Clock)
	}
	if got := DayOf(r, arrival.Add(26*time.Hour)); got != "Yesterday" {
		t.Errorf("day: got %q", got)
	}
	// Half past midnight in New York is the next day there, whatever UTC says.
	if got := DayOf(r, time.Date(2026, 11, 21, 4, 30, 0, 0, time.UTC)); got != "Today" {
		t.Errorf("late on the same evening: got %q", got)
	}
	r.Zone = "Mars/Olympus"
	if d := NewDetail(r, arrival); !strings.HasSuffix(d.When, "19:02:11 UTC") {
		t.Errorf("an unknown zone: got %q", d.When)
	}
}

func TestCallsInProgressKeepTheirOrder(t *testing.T) {
	newer := *record(tale().Arrived())
	older := newer
	older.ID, older.ArrivedAt = reporttest.CallID(0), arrival.Add(-time.Minute)
	l := NewLists([]report.CallRecord{newer, older}, arrival)
	if len(l.Live) != 2 || l.Live[0].ID != string(older.ID) {
		t.Errorf("a new call must not push the others down: %+v", l.Live)
	}
	strip := NewStrip(l, false, arrival)
	if !strip.Alert || strip.Call.ID != string(newer.ID) || strip.Others != "and 1 more" {
		t.Errorf("the band shows %+v", strip)
	}
}

func TestATestRaisesNoAlarm(t *testing.T) {
	l := NewLists([]report.CallRecord{*record(tale().Test())}, arrival)
	if s := NewStrip(l, false, arrival); s.Alert || len(l.Live) != 1 {
		t.Errorf("a 933 call reddens the band: %+v", s)
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		number("+16175550111"): "+1 617-555-0111", number("+442071838750"): "+442071838750", number("x"): "x",
		offset(4): "0.004 s", offset(6420): "6.420 s", offset(83_000): "1:23 min", offset(3_723_000): "1:02:03 h", offset(-5): "−0.005 s",
		elapsed(42 * time.Second): "0:42", elapsed(3723 * time.Second): "1:02:03", elapsed(-time.Second): "0:00",
		duration(300 * time.Millisecond): "under 1 s", duration(132 * time.Second): "2 min 12 s", duration(72 * time.Hour): "3 days",
		rule("lldp_port"): "Switch port (LLDP)", rule("a_rule_of_tomorrow"): "A rule of tomorrow", flag("no_line"): "The call carried no number",
		flag("new_flag"): "New flag", freshness("fall_back"): "Fall-back", readable(""): "", phrase("no such user"): "No such user.", phrase("Who?"): "Who?", phrase("  "): "", seconds(6420 * time.Millisecond): "6.4 s",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func draw(t *testing.T, d *Detail) string {
	t.Helper()
	var b bytes.Buffer
	if err := Call(d).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
