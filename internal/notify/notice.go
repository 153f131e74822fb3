// Package notify tells people on site of emergency and test calls (laws E4 and
// E5, rules F-09 and F-36). It reads the NotifyDue facts of the journal, looks
// up who is to be told, and hands one notice to each destination: mail to each
// address, a webhook to each URL.
//
// # What it promises
//
// At least once: a notice whose fact lasts in the journal is handed over, or
// given up with a fact that says so (Config.MaxAge). A repetition, after a
// crash between sending and noting it, has the same NoticeID and the same
// content; the id follows from the fact and the destination alone.
//
// Once for each destination: an address that two rules name gets one mail, a
// URL that two rules name gets one request, signed with both secrets. Two mails
// would look like two calls.
//
// In order for each destination. One that is down is tried again after 1 s to
// 5 min, and at once (but not twice in a second) when there is something new
// to tell. Destinations do not delay each other; organisations have shares.
//
// Nothing here is ever waited for by a call. The database is the memory of the
// outbox and not its way: notices go out from memory while it fails, and are
// noted when it recovers. Facts that the journal's disk does not take in time
// arrive through Config.Overdue.
//
// # Who is told
//
// The alert rules of the call's site that listen to the event. When an
// emergency call has no site, or its site has no such rule, all rules of the
// organisation are used: somebody who knows the building beats nobody. When
// there is still nobody, an alarm is raised. A network that strands devices is
// told in the same way, and nobody need listen to it.
//
// A user who was asked where he is, and did not answer, is told himself and nobody
// else (N-07). Such a notice waits for others of its kind alone, and nothing for it.
package notify

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// The channels of this version.
const (
	Mail    = "mail"
	Webhook = "webhook"
)

// Notice is one message to one destination. What it says follows from At, Due
// and Link alone, so that a repetition says the same.
type Notice struct {
	ID      e911.NoticeID `json:"id"`
	Channel string        `json:"channel"`
	To      string        `json:"to"` // address or URL
	Org     e911.OrgID    `json:"org,omitempty"`
	Call    e911.CallID   `json:"call,omitempty"`
	Seq     uint64        `json:"seq,omitempty"` // of the fact, 0 while it has none
	At      time.Time     `json:"at"`            // of the fact
	Due     journal.Due   `json:"due"`
	Link    string        `json:"link,omitempty"` // page of the call
	// Secrets sign a webhook, with all of them. They come from the rules with
	// each try and are never stored.
	Secrets []e911.Secret `json:"-"`
}

// How a Channel says that trying again soon is useless.
var (
	// ErrRefused means that the destination works and will not have this
	// notice; others to it are not held up. It is tried again a few times.
	ErrRefused = errors.New("refused")
	// ErrGone means that the destination never wants to hear again, or that
	// the notice cannot be sent at all. It is given up.
	ErrGone = errors.New("gone")
)

// Channel hands notices over. Deliver returns nil once the other side has
// taken responsibility; its errors wrap ErrRefused or ErrGone, anything else
// means that the destination is down. It bounds its own time, ends early with
// ctx, and is safe for concurrent use.
type Channel interface {
	Name() string
	Deliver(ctx context.Context, n Notice) error
}

// Rules finds who is to be told.
type Rules interface {
	// Alerts returns the alert rules of a site, or of the whole organisation
	// when site is none, in a stable order; false while nothing is known yet.
	Alerts(org e911.OrgID, site e911.SiteID) ([]e911.Alert, bool)
}

// expand makes the notices of one fact.
func expand(f journal.Fact, due journal.Due, rules Rules, link string) (notices []Notice, ready bool) {
	if due.FirstUse != nil {
		to := due.FirstUse.To
		return []Notice{{ID: noticeID(f, due, Mail, to), Channel: Mail, To: to, Org: f.Org, Seq: f.Seq, At: f.At, Due: due}}, true
	}
	event := e911.AlertEmergency
	if due.Class == e911.ClassTest933 {
		event = e911.AlertTest
	}
	if due.Reason == journal.DueUnknownNetwork {
		event = e911.AlertUnknownNetwork
	}
	alerts, ready := rules.Alerts(f.Org, due.Site)
	if !ready {
		return nil, false
	}
	alerts = listening(alerts, event)
	if len(alerts) == 0 && event != e911.AlertTest {
		if alerts, ready = rules.Alerts(f.Org, ""); !ready {
			return nil, false
		}
		alerts = listening(alerts, event)
	}
	add := func(channel, to string) {
		n := Notice{
			ID: noticeID(f, due, channel, to), Channel: channel, To: to,
			Org: f.Org, Call: f.Call, Seq: f.Seq, At: f.At, Due: due, Link: link,
		}
		if !slices.ContainsFunc(notices, func(o Notice) bool { return o.ID == n.ID }) {
			notices = append(notices, n)
		}
	}
	for _, a := range alerts {
		for _, h := range a.Webhook {
			add(Webhook, h.URL)
		}
		for _, to := range a.Mail {
			add(Mail, to)
		}
	}
	return notices, true
}

func listening(alerts []e911.Alert, event e911.AlertOn) []e911.Alert {
	return slices.DeleteFunc(slices.Clone(alerts), func(a e911.Alert) bool { return !slices.Contains(a.On, event) })
}

// noticeID is the same whenever the same fact is told to the same destination.
// Node, call, reason and time name a NotifyDue as well as its sequence does,
// and they are there before the journal has given one.
func noticeID(f journal.Fact, due journal.Due, channel, to string) e911.NoticeID {
	if channel == Mail {
		to = strings.ToLower(to)
	}
	var b []byte
	parts := []string{f.Node, string(f.Org), string(f.Call), due.Reason, strconv.FormatInt(f.At.UnixMilli(), 10), channel, to}
	if due.Network != nil {
		parts = append(parts, due.Network.ID) // one request may show several elements
	}
	for _, s := range parts {
		b = strconv.AppendQuote(b, s)
	}
	// Version 8: made by the application (RFC 9562, section 5.8).
	return e911.NoticeID(uuid.NewHash(sha256.New(), uuid.Nil, b, 8).String())
}

// secretsOf returns the secrets with which a webhook is signed now.
func secretsOf(rules Rules, n Notice) (out []e911.Secret, ready bool) {
	alerts, ready := rules.Alerts(n.Org, "")
	for _, a := range alerts {
		for _, h := range a.Webhook {
			if h.URL == n.To && !slices.Contains(out, h.Secret) {
				out = append(out, h.Secret)
			}
		}
	}
	return out, ready
}
