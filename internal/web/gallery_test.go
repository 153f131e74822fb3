package web_test

import (
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/journal"
)

// TestGallery draws the page in the states that a desk sees, for the eyes of
// those who work on it: CALLBOX_SHOTS names the folder of the pictures.
func TestGallery(t *testing.T) {
	if os.Getenv("CALLBOX_SHOTS") == "" {
		t.Skip("CALLBOX_SHOTS names no folder for the pictures")
	}
	for _, c := range []struct {
		name          string
		width, height int
		dark          bool
	}{
		{"light", 1440, 900, false},
		{"dark", 1440, 900, true},
		{"laptop", 1180, 760, false},
		{"narrow", 380, 760, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, time.Time{})
			b := newBrowser(t, c.width, c.height, c.dark)
			b.open(s.link(harbor))
			b.shot(c.name + "-1-empty")
			history(t, s)
			b.open(s.server.URL + "/calls")
			b.shot(c.name + "-2-quiet")

			now := time.Now()
			live := story(harbor, 900, now).Arrived().Identified().Located().Routed().Attempt(4, 1).
				Due(5, journal.DueLegOut).Told(62, journal.DueLegOut).Progress(130, 1, 180)
			s.tell(t, live.Take()...)
			b.until(`document.querySelector('#map[data-ready="true"]') !== null`)
			b.shot(c.name + "-3-ringing")
			s.tell(t, live.Answered(6420, 1).Take()...)
			b.until(`document.querySelector('.call')?.dataset.tone === 'good'`)
			b.shot(c.name + "-4-connected")
			b.shotAll(c.name + "-4-connected-whole")

			b.do(chromedp.Navigate(s.server.URL + "/calls/" + string(reporttest.CallID(4))))
			b.until(`document.querySelector('#map[data-ready="true"]') !== null`)
			b.shot(c.name + "-5-failover")
			b.do(chromedp.Navigate(s.server.URL + "/calls/" + string(reporttest.CallID(3))))
			b.until(`document.querySelector('#map[data-ready="true"]') !== null`)
			b.shot(c.name + "-6-test")
			b.do(chromedp.Navigate(s.server.URL + "/calls/" + string(reporttest.CallID(5))))
			b.until(`document.querySelector('.call') !== null`)
			b.shot(c.name + "-7-notconnected")
			eval[any](b, `document.querySelector('.timeline').scrollIntoView()`)
			b.shot(c.name + "-8-timeline")
			for _, p := range b.complaints() {
				t.Log(p)
			}
		})
	}
	t.Run("plain", func(t *testing.T) {
		s := newSite(t, time.Time{})
		b := newBrowser(t, 1100, 700, false)
		b.do(chromedp.Navigate(s.server.URL + "/calls"))
		b.shot("plain-signedout")
		b.do(chromedp.Navigate(s.server.URL + "/nowhere"))
		b.shot("plain-notfound")
	})
}

// history is a past worth reading.
func history(t *testing.T, s *site) {
	t.Helper()
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	s.tell(t, answered(harbor, 1, ago(75*time.Hour)).Take()...)
	s.tell(t, story(harbor, 2, ago(50*time.Hour)).Arrived().Unknown().Nowhere().ToRelay().RelayAttempt(5, 1).
		Due(6, journal.DueLegOut).Told(80, journal.DueLegOut).RelayAnswered(4100, 1).Ended(95_000, "caller", 90_900).Take()...)
	s.tell(t, story(harbor, 3, ago(26*time.Hour)).Test().Identified().Located().Add(3, journal.CallAnswered, journal.Answered{}).
		Due(5, journal.DueTest).Told(60, journal.DueTest).Spoken(900).Ended(26_300, "caller", 26_297).Take()...)
	s.tell(t, story(harbor, 4, ago(25*time.Hour)).Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).
		Told(70, journal.DueLegOut).Failed(31, 1, 486, "Busy Here").Attempt(33, 2).Progress(180, 2, 180).Answered(5210, 2).
		Ended(64_000, "caller", 58_790).Take()...)
	dead := story(harbor, 5, ago(5*time.Hour)).Arrived().Identified().Located().Routed().
		Add(4, journal.CallAttempt, journal.Attempt{
			N: 1, Trunk: journal.Ref{Key: "carrier-a"}, PSAP: journal.Ref{Name: "Middlesex (demonstration)"},
			To: "sip:psap@127.0.0.21:5071;transport=tcp", Error: "connection refused",
		}).Due(6, journal.DueLegFailed).Failed(600, 2, 0, "no answer to the INVITE in 4 s").Due(4000, journal.DueNotConnected)
	dead.Add(4100, journal.NotifyFailed, journal.Notice{ID: "m-5", Channel: "mail", To: "security@harbor.example", Reason: journal.DueNotConnected, Try: 2, Error: "connect to the mail server: connection refused"})
	dead.Told(4200, journal.DueNotConnected)
	s.tell(t, dead.Abandoned(31_000).Take()...)
	s.tell(t, story(harbor, 6, ago(40*time.Minute)).Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).
		Told(70, journal.DueLegOut).Progress(120, 1, 180).Due(3100, journal.DueAbandoned).Abandoned(3100).Take()...)
	s.tell(t, journal.New(journal.AlarmRaised, ago(2*time.Hour), harbor, "", journal.Alarm{
		Code: "route_down", Detail: "carrier-a refused a call and carrier-b took it", Source: "127.0.0.21:5071", Count: 2,
	}))
}
