package email

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// A mail to a user who did not say where he is says first that 911 works, has the page
// of his own, is not urgent, and names nothing of a call.
//
// Proves: N-07, N-08, F-24
func TestTheMailToAUserWhoDidNotAnswer(t *testing.T) {
	c, err := New(Config{Server: "127.0.0.1:25", From: "Callbox <callbox@harbor.example>", TLS: TLSNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	n := notify.Notice{ID: "n1", Channel: notify.Mail, To: "uma@harbor.example", Due: journal.Due{
		Reason: journal.DueFirstUse, OrgName: "Harbor\r\nX: y", FirstUse: &journal.FirstUse{To: "uma@harbor.example", Name: "Uma", Times: 2, Link: "https://callbox.example/my"},
	}}
	v := c.describe(n)
	for _, text := range []string{v.text(), string(v.html())} {
		for _, want := range []string{"911 works at once", "https://callbox.example/my", "reminder 2", "Uma", "what 911 depends on"} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q:\n%s", want, text)
			}
		}
		for _, never := range []string{"Follow the call", "Call back", "tel:", "911 dialled", "TEST"} {
			if strings.Contains(text, never) {
				t.Errorf("it says %q:\n%s", never, text)
			}
		}
	}
	n.Due.FirstUse.Placed = true
	if text := c.describe(n).text(); strings.Contains(text, "does not know it yet") || !strings.Contains(text, "confirm that you did") {
		t.Errorf("who has a place: %s", text)
	}
	n.Due.FirstUse.Link = "javascript:alert(1)"
	if strings.Contains(string(c.describe(n).html()), "javascript") {
		t.Error("an address that is no page is a link")
	}
	msg, err := c.message(n)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := msg.WriteTo(&b); err != nil || strings.Contains(b.String(), "Importance: high") || strings.Contains(b.String(), "\nX: y") {
		t.Errorf("%v %s", err, b.String())
	}
}
