package notify

import (
	"strings"
	"unicode"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// maxHeadline keeps a subject on one screen; a mail client cuts sooner.
const maxHeadline = 160

// Headline says in one line what happened, who and where: the subject of a
// mail, the text of a webhook.
func Headline(d journal.Due) string {
	if d.Network != nil {
		return networkHeadline(d)
	}
	if d.Drill != nil {
		return drillHeadline(d)
	}
	if d.FirstUse != nil {
		return firstUseHeadline(d)
	}
	var b strings.Builder
	b.WriteString(Happened(d))
	b.WriteString(": ")
	b.WriteString(Who(d))
	b.WriteString(", ")
	b.WriteString(Where(d))
	line := cut(OneLine(b.String()), maxHeadline)
	if d.Demonstration {
		line += " (demonstration)"
	}
	return line
}

// Happened says what people are told of.
func Happened(d journal.Due) string {
	switch {
	case d.Drill != nil:
		return "TEST, no emergency"
	case d.FirstUse != nil:
		return "Say where you are"
	case d.Reason == journal.DueUnknownNetwork:
		return "Undefined network location"
	case d.Class == e911.ClassTest933 || d.Reason == journal.DueTest:
		return "933 test"
	case d.Reason == journal.DueNotConnected:
		return "911 NOT CONNECTED, call the PSAP now"
	case d.Reason == journal.DueAbandoned:
		return "911 caller gave up before an answer"
	case d.Reason == journal.DueLocation:
		return "911 caller is located anew"
	case d.Reason == journal.DueCallback:
		return "The PSAP is calling back"
	case d.Reason == journal.DueCallbackMissed:
		return "The PSAP called back and REACHED NOBODY"
	}
	return "911 dialled"
}

// Who names the caller, never nothing.
func Who(d journal.Due) string {
	for _, s := range []string{d.Who, string(d.Line), string(d.Callback)} {
		if s = OneLine(s); s != "" {
			return s
		}
	}
	return "unknown caller"
}

// Where names the place as it was sent, never nothing.
func Where(d journal.Due) string {
	if s := OneLine(d.Place.Display); s != "" {
		return s
	}
	if site := OneLine(d.SiteName); site != "" {
		return "location unknown, line of " + site
	}
	return "location unknown"
}

// SentTo is what 911 sees instead of Where, when that is another place: the
// address of the number on a route that carries no location (F-36); empty when
// both are one.
func SentTo(d journal.Due) string {
	if d.Sent == nil {
		return ""
	}
	if s := OneLine(d.Sent.Display); s != "" {
		return s
	}
	return "no address"
}

// OneLine makes s fit for one line of text: control characters, line and
// paragraph separators and marks that turn the direction of writing become a
// space, runs of spaces one.
func OneLine(s string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	return strings.Join(strings.Fields(clean), " ")
}

// cut shortens s to at most n characters.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimRight(string(r[:n-1]), " ,") + "…"
}
