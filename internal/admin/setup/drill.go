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
)

// TestNotice is a test on its way to one address of an alert.
type TestNotice struct {
	Org             e911.OrgID
	OrgKey, OrgName string
	Site            e911.Site
	Mail, Webhook   string // one of them
	Destination     string // key
	Name            string
	Code            string
	At              time.Time
}

const (
	// drillPause is how long the next test of a destination waits: nobody is to take
	// a real notice for one test of many.
	drillPause = 2 * time.Minute
	// drillLife is how long a code is taken.
	drillLife = 30 * time.Minute
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
	return d
}

// SendTest sends a marked test, with a code, to the mail addresses and webhooks of
// the alert that the destination belongs to (F-36). Real notices never wait for it.
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
	if k < 0 {
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
	to := TestNotice{Org: org, OrgKey: o.Config().Key, OrgName: o.Config().Name, Site: site, Destination: key, Name: d.Name, Code: code, At: now}
	var failed []error
	sent := 0
	send := func(n TestNotice) {
		if err := s.cfg.Send(ctx, n); err != nil {
			failed = append(failed, err)
			return
		}
		sent++
	}
	for _, w := range alerts[k].Webhook {
		n := to
		n.Webhook = w.URL
		send(n)
	}
	for _, m := range alerts[k].Mail {
		n := to
		n.Mail = m
		send(n)
	}
	if sent == 0 {
		return Destination{}, &e911.Error{Kind: e911.Unavailable, Msg: "nobody took the test", Err: errors.Join(failed...)}
	}
	d.Test = &test
	return d.shown(), nil
}

func drilled(r *Record, key string) (*Destination, error) {
	r.Destinations = slices.Clone(r.Destinations)
	i := slices.IndexFunc(r.Destinations, func(x Destination) bool { return x.Key == key })
	if i < 0 {
		return nil, e911.Errorf(e911.NotFound, "there is no destination %s", key)
	}
	return &r.Destinations[i], nil
}

// AcknowledgeTest takes the code of a test back from the person who saw it, which
// proves more than Tested: it counts for 30 days, with who, when and after how long.
// Five wrong codes end the test.
func (s *Service) AcknowledgeTest(ctx context.Context, who admin.Actor, org e911.OrgID, key, code, by string) error {
	if by = strings.TrimSpace(by); by == "" {
		return fault("by", "required", "a person acknowledges a test", "say who saw or heard it")
	}
	now := s.reason(who, "")
	var refused error
	_, err := s.change(ctx, who, org, Note{Verb: "acknowledge_test", Key: key, Detail: map[string]string{"by": by, "how": "code"}}, func(r *Record) error {
		refused = nil
		d, err := drilled(r, key)
		if err != nil {
			return err
		}
		if d.Test == nil || d.Test.Mark == "" || now.At.Sub(d.Test.Sent) > drillLife {
			return e911.Errorf(e911.Conflict, "no test waits there: send one, and give its code back within half an hour")
		}
		t := *d.Test
		d.Test = &t
		if subtle.ConstantTimeCompare([]byte(t.Mark), []byte(drillMark(code))) != 1 {
			if t.Wrong++; t.Wrong >= drillWrong {
				t.Mark = ""
			}
			refused = fault("code", "wrong", "that is not the code of the test", "read it again: it stands in the newest test")
			return nil // the wrong one is counted
		}
		t.Mark, t.Seconds = "", max(1, int64(now.At.Sub(t.Sent)/time.Second))
		d.Tested, d.By = now.At, by
		return nil
	})
	if err != nil {
		return err
	}
	return refused
}
