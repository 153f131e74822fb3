package setup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// TestNotice is a test on its way to one address of an alert.
type TestNotice struct {
	Org             e911.OrgID
	OrgKey, OrgName string
	Site            e911.Site
	Mail, Webhook   string // one of them
	Destination     string // key
	Name            string
	Alert           string // key
	Code            string
	At              time.Time
}

const (
	// drillPause is how long the next test of a destination waits: nobody is to take
	// a real notice for one test of many.
	drillPause = 2 * time.Minute
	// TestLife is how long the code, the link and the button of a test are taken.
	TestLife = 30 * time.Minute
	// drillWrong is how many wrong codes end a test.
	drillWrong = 5
)

// drillLetters of a code: nothing that is read or heard as something else.
const drillLetters = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"

func drillCode() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // it never fails
	for i := range b {
		b[i] = drillLetters[int(b[i])%len(drillLetters)]
	}
	return string(b)
}

func drillMark(code string) string {
	sum := sha256.Sum256([]byte(strings.ToUpper(strings.TrimSpace(code))))
	return hex.EncodeToString(sum[:])
}

// shown is the destination without what is secret of its test.
func (d Destination) shown() Destination {
	if d.Test != nil {
		t := *d.Test
		t.Mark = ""
		d.Test = &t
	}
	if d.How == "" && !d.Tested.IsZero() { // of before it was kept
		if d.How = ByHand; d.Test != nil && d.Test.Seconds > 0 {
			d.How = ByCode
		}
	}
	return d
}

// SendTest sends a marked test, with a code, to the mail addresses and webhooks of
// the alert that the destination belongs to (F-36); to a screen, by the live board too,
// where it waits for who sees it. Real notices never wait for it.
// Conflict when one was sent a moment ago; Unavailable where nobody took it.
func (s *Service) SendTest(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (Destination, error) {
	o, err := s.org(org)
	if err != nil {
		return Destination{}, err
	}
	if s.cfg.Send == nil {
		return Destination{}, e911.Errorf(e911.Unavailable, "tests are sent by a running server alone")
	}
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return Destination{}, err
	}
	i := slices.IndexFunc(r.Destinations, func(x Destination) bool { return x.Key == key })
	if i < 0 {
		return Destination{}, e911.Errorf(e911.NotFound, "there is no destination %s", key)
	}
	d := r.Destinations[i]
	alerts := o.Alerts(d.Site)
	k := slices.IndexFunc(alerts, func(a e911.Alert) bool { return d.Alert != "" && a.Key == d.Alert })
	screen := d.Kind == rules.Screen
	if k < 0 && !screen {
		return Destination{}, fault("alert", "required", "nothing leads to the destination: it belongs to no alert", "name the alert by whose mail or webhook it is told, or keep a test by hand: callbox setup tested "+key+" --by NAME")
	}
	site, _ := o.Site(d.Site)
	now, code := s.cfg.Now(), drillCode()
	test := SentTest{Sent: now.UTC().Truncate(time.Millisecond), By: string(who), Mark: drillMark(code)}
	if _, err := s.change(ctx, who, org, Note{Verb: "send_test", Key: key}, func(r *Record) error {
		at, err := drilled(r, key)
		if err == nil && at.Test != nil && now.Sub(at.Test.Sent) < drillPause {
			err = e911.Errorf(e911.Conflict, "a test was sent there a moment ago: wait two minutes")
		}
		if err == nil {
			at.Test = &test
		}
		return err
	}); err != nil {
		return Destination{}, err
	}
	if k >= 0 {
		to := TestNotice{Org: org, OrgKey: o.Config().Key, OrgName: o.Config().Name, Site: site, Destination: key, Name: d.Name, Alert: d.Alert, Code: code, At: now}
		if err := s.sendTo(ctx, to, &alerts[k]); err != nil && !screen {
			return Destination{}, err
		}
	}
	d.Test = &test
	return d.shown(), nil
}

// sendTo sends a test to each address of an alert; an error: nobody took it.
func (s *Service) sendTo(ctx context.Context, to TestNotice, alert *e911.Alert) error {
	var failed []error
	sent := 0
	send := func(n TestNotice) {
		if err := s.cfg.Send(ctx, n); err != nil {
			failed = append(failed, err)
			return
		}
		sent++
	}
	for _, w := range alert.Webhook {
		n := to
		n.Webhook = w.URL
		send(n)
	}
	for _, m := range alert.Mail {
		n := to
		n.Mail = m
		send(n)
	}
	if sent == 0 {
		return &e911.Error{Kind: e911.Unavailable, Msg: "nobody took the test", Err: errors.Join(failed...), Faults: []e911.Fault{{
			Path: "alert", Code: "unsent", Msg: "nobody took the test", Fix: "look whether the addresses of the alert are right and mail goes out; notices of real calls go the same way",
		}}}
	}
	return nil
}

func drilled(r *Record, key string) (*Destination, error) {
	r.Destinations = slices.Clone(r.Destinations)
	i := slices.IndexFunc(r.Destinations, func(x Destination) bool { return x.Key == key })
	if i < 0 {
		return nil, e911.Errorf(e911.NotFound, "there is no destination %s", key)
	}
	return &r.Destinations[i], nil
}

// Seen is a person's word that he saw or heard a test that was sent.
type Seen struct {
	By  string    // the person, as he is known
	How TestedHow // ByCode, ByLink or ByBoard
	// Code of the test; with ByBoard none: who is signed in at the live board had it
	// before him.
	Code string
}

// AcknowledgeTest takes the code of a test back from the person who saw it, which
// proves more than Tested: it counts for 30 days, with who, when and after how long.
// Five wrong codes end the test.
func (s *Service) AcknowledgeTest(ctx context.Context, who admin.Actor, org e911.OrgID, key, code, by string) error {
	return s.SawTest(ctx, who, org, key, Seen{By: by, How: ByCode, Code: code})
}

// SawTest is AcknowledgeTest by whichever way. A test counts once: Conflict where
// somebody was first, or where it is over.
func (s *Service) SawTest(ctx context.Context, who admin.Actor, org e911.OrgID, key string, seen Seen) error {
	if seen.By = strings.TrimSpace(seen.By); seen.By == "" {
		return fault("by", "required", "a person acknowledges a test", "say who saw or heard it")
	}
	now := s.reason(who, "")
	var refused error
	_, err := s.change(ctx, who, org, Note{Verb: "acknowledge_test", Key: key, Detail: map[string]string{"by": seen.By, "how": string(seen.How)}}, func(r *Record) error {
		refused = nil
		d, err := drilled(r, key)
		if err != nil {
			return err
		}
		if !d.waits(now.At) || seen.How == ByBoard && d.Kind != rules.Screen {
			return e911.Errorf(e911.Conflict, "no test waits there: somebody saw it already, or it is older than half an hour")
		}
		t := *d.Test
		d.Test = &t
		if seen.How != ByBoard && subtle.ConstantTimeCompare([]byte(t.Mark), []byte(drillMark(seen.Code))) != 1 {
			if t.Wrong++; t.Wrong >= drillWrong {
				t.Mark = ""
			}
			refused = fault("code", "wrong", "that is not the code of the test", "read it again: it stands in the newest test")
			return nil // the wrong one is counted
		}
		t.Mark, t.Seconds = "", max(1, int64(now.At.Sub(t.Sent)/time.Second))
		d.Tested, d.By, d.How = now.At, seen.By, seen.How
		return nil
	})
	if err != nil {
		return err
	}
	return refused
}

// waits reports a test that nobody has seen yet, and that may still be.
func (d *Destination) waits(now time.Time) bool {
	return d.Test != nil && d.Test.Mark != "" && now.Sub(d.Test.Sent) <= TestLife
}

// WaitingTest is a test that waits for somebody to see it.
type WaitingTest struct {
	Destination string // key
	Name        string // of the destination
	Site        string // name
	At          e911.SiteID
	Sent        time.Time
	Screen      bool // it is shown on the live board
}

// Waiting lists the tests of an organisation that nobody has seen yet, the oldest first.
func (s *Service) Waiting(ctx context.Context, org e911.OrgID) ([]WaitingTest, error) {
	o, err := s.org(org)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return nil, err
	}
	var out []WaitingTest
	for i := range r.Destinations {
		if d := &r.Destinations[i]; d.waits(s.cfg.Now()) {
			site, _ := o.Site(d.Site)
			out = append(out, WaitingTest{Destination: d.Key, Name: d.Name, Site: site.Name, At: d.Site, Sent: d.Test.Sent, Screen: d.Kind == rules.Screen})
		}
	}
	slices.SortStableFunc(out, func(a, b WaitingTest) int { return a.Sent.Compare(b.Sent) })
	return out, nil
}
