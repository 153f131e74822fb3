package setuppages

import (
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/rules/access"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// sendTest sends a marked test to whoever attends a destination (F-36).
func (p *page) sendTest() {
	p.form("test", rules.StepAttended, access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		if err := ownDestination(s, p.value("key")); err != nil {
			return err
		}
		_, err := p.svc.SendTest(p.ctx, p.who(), p.v.Org, p.value("key"))
		return err
	})
}

// takeCode takes the code of a test back from who saw it.
func (p *page) takeCode() {
	p.form("code", rules.StepAttended, access.Setup, func(_ setup.Status, s setup.SiteStatus) error {
		if err := ownDestination(s, p.value("key")); err != nil {
			return err
		}
		return p.svc.AcknowledgeTest(p.ctx, p.who(), p.v.Org, p.value("key"), p.value("code"), p.value("by"))
	})
}

// waits reports that a test was sent whose code may still come back.
func (s sitePage) waits(d setup.Destination) bool {
	return d.Test != nil && d.Test.Seconds == 0 && s.Now.Sub(d.Test.Sent) < setup.TestLife
}

// at is the name of a form of one destination where it is the one that was refused.
func (s sitePage) at(form, key string) string {
	if s.Refused == form && s.Typed["key"] == key {
		return form
	}
	return "-"
}

// lateness is how long a person took to give a code back.
func lateness(t *setup.SentTest) string {
	if t == nil || t.Seconds == 0 {
		return ""
	}
	return ", by code after " + (time.Duration(t.Seconds) * time.Second).String()
}

// leads reports whether a test can be sent to a destination: its alert is there.
func (s sitePage) leads(d setup.Destination) bool {
	for _, a := range s.Alerts {
		if a.Key == d.Alert {
			return true
		}
	}
	return false
}
