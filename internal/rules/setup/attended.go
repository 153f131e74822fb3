package setup

import (
	"slices"
	"time"
)

// DestinationKind is how somebody is told of a call.
type DestinationKind string

// The kinds. A screen with sound, a text message and a telephone are seen or heard
// when they come; a mail and a webhook may be read tomorrow (F-36).
const (
	Screen  DestinationKind = "screen"
	Text    DestinationKind = "sms"
	Phone   DestinationKind = "phone"
	Mail    DestinationKind = "mail"
	Webhook DestinationKind = "webhook"
)

// Attended reports a kind that somebody sees or hears at once.
func (k DestinationKind) Attended() bool { return k == Screen || k == Text || k == Phone }

// TestCounts is how long an acknowledged test of a destination counts (F-36).
const TestCounts = 30 * 24 * time.Hour

// ackWarning is how long before that somebody is told to test again.
const ackWarning = 7 * 24 * time.Hour

// hoursOfWeek is the number of hours in Hours.
const hoursOfWeek = 7 * 24

// Hours are the hours of a week, from Monday 00:00 in the site's zone, in which
// somebody attends a destination.
type Hours [hoursOfWeek]bool

// Always is every hour of the week.
func Always() Hours {
	var h Hours
	for i := range h {
		h[i] = true
	}
	return h
}

// Between returns the hours from up to, and without, to on each of the days. From
// 22 to 6 goes over midnight into the next day.
func Between(from, to int, days ...time.Weekday) Hours {
	var h Hours
	for _, d := range days {
		start := (int(d)+6)%7*24 + from
		for i := start; i%24 != to%24 || i == start; i++ {
			h[i%hoursOfWeek] = true
		}
	}
	return h
}

// Destination is somebody who is told of calls.
type Destination struct {
	Kind  DestinationKind
	Name  string
	Hours Hours
	// Acknowledged is when a person last acknowledged a test there; zero: never.
	Acknowledged time.Time
}

// counts reports whether the destination is attended and proved to be.
func (d Destination) counts(now time.Time) bool {
	return d.Kind.Attended() && !d.Acknowledged.IsZero() && now.Sub(d.Acknowledged) <= TestCounts
}

// Span is a run of hours of the week in which nobody attends: from and up to,
// without, To, both as hours since Monday 00:00. A run over the end of the week
// ends after it (To above 168).
type Span struct{ From, To int }

// Unattended returns the hours in which no destination is attended.
func Unattended(all []Destination, now time.Time) []Span {
	var covered Hours
	for _, d := range all {
		if d.counts(now) {
			for i, yes := range d.Hours {
				covered[i] = covered[i] || yes
			}
		}
	}
	start := slices.Index(covered[:], true)
	if start < 0 {
		return []Span{{0, hoursOfWeek}}
	}
	var spans []Span
	for i := start; i < start+hoursOfWeek; i++ {
		switch {
		case covered[i%hoursOfWeek]:
		case len(spans) > 0 && spans[len(spans)-1].To == i:
			spans[len(spans)-1].To++
		default:
			spans = append(spans, Span{i, i + 1})
		}
	}
	for i, s := range spans {
		if s.From >= hoursOfWeek {
			spans[i] = Span{s.From - hoursOfWeek, s.To - hoursOfWeek}
		}
	}
	return spans
}

// String says the span as a person does: "Fri 18:00 to Mon 07:00".
func (s Span) String() string {
	if s.To-s.From >= hoursOfWeek {
		return "all week"
	}
	return clock(s.From) + " to " + clock(s.To)
}

func clock(hour int) string {
	hour %= hoursOfWeek
	day := time.Weekday((hour/24 + 1) % 7)
	return day.String()[:3] + " " + time.Date(0, 1, 1, hour%24, 0, 0, 0, time.UTC).Format("15:04")
}
