package email

import (
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// A mail of a test says first that there is no emergency, has the link and the code, is
// not urgent, and names nothing of a call.
//
// Proves: F-36, F-28
func TestTheMailOfATestSaysThatThereIsNoEmergency(t *testing.T) {
	c, err := New(Config{Server: "127.0.0.1:25", From: "Callbox <callbox@harbor.example>", TLS: TLSNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	n := notify.Notice{ID: "n1", Channel: notify.Mail, To: "guard@harbor.example", Due: journal.Due{
		Reason: "attended_test", Class: e911.ClassTest933, Zone: "America/New_York", ArrivedAt: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC),
		Drill: &journal.Drill{Destination: "guard", Name: "the guard\r\nX: y", Code: "H3KQ7P", OrgKey: "harbor", Link: "https://callbox.example/seen?t=abc"},
	}}
	v := c.describe(n)
	for _, text := range []string{v.text(), string(v.html())} {
		for _, want := range []string{"TEST, no emergency", "nobody needs help", "H3KQ7P", "https://callbox.example/seen?t=abc", "the guard X: y"} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q:\n%s", want, text)
			}
		}
		for _, never := range []string{"Follow the call", "Call back", "tel:"} {
			if strings.Contains(text, never) {
				t.Errorf("it says %q:\n%s", never, text)
			}
		}
	}
	if !strings.HasPrefix(v.text(), "(TEST, NO EMERGENCY)") || !strings.Contains(v.Advice, "Or give the code") {
		t.Errorf("%s", v.text())
	}
	n.Due.Drill.Link = "javascript:alert(1)"
	if strings.Contains(string(c.describe(n).html()), "javascript") {
		t.Error("an address that is no page is a link")
	}
}
