package trial

import (
	"net/url"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/snapshot"
)

// number933 is what a through 933 dials.
const number933 = "933"

// allowed says which test an order is, or why it is none (E12). It fills in what
// is dialled.
func allowed(w *snapshot.Snapshot, t e911.Trunk, o *Order) (calltrace.Kind, error) {
	if o.Options {
		return calltrace.Options, nil
	}
	if t.Side == e911.SidePlatform {
		return "", e911.Errorf(e911.Invalid, "the trunk %s is a platform's: calls come from it, none goes to it; --options asks whether it is there", t.Key)
	}
	if o.Number != "" && o.URI != "" {
		return "", e911.Errorf(e911.Invalid, "give a number or a URI, not both")
	}
	if o.Number == "" && o.URI == "" {
		o.Number = number933
	}
	what := o.URI
	if what == "" {
		if strings.Trim(o.Number, "0123456789+*#-.() ") != "" {
			return "", e911.Errorf(e911.Invalid, "%q is no number that can be dialled", o.Number)
		}
		what = "sip:" + url.PathEscape(o.Number) + "@trunk.invalid"
	}
	if strings.ContainsAny(what, " \t\r\n<>\"\x00") {
		return "", e911.Errorf(e911.Invalid, "a URI has no spaces and no brackets")
	}
	m, found := dialplan.Find(what)
	switch {
	case found && m.Class == e911.ClassEmergency:
		return "", e911.Errorf(e911.Denied, "a test never calls for help: %s is refused (E12). An arranged 911 is placed from a telephone: callbox tests arrange", o.dialled())
	case found && m.Class == e911.ClassTestURN:
		if !t.Marked(e911.MarkTestURN) {
			return "", e911.Errorf(e911.Denied, "a test URN leaves on a trunk marked test_urn alone, and %s is not: ask its operator whether he takes them, then add the mark", t.Key)
		}
		o.Number, o.URI = "", m.Service
		return calltrace.TestURN, nil
	case t.Side != e911.SideCarrier && t.Side != e911.SideLocal:
		return "", e911.Errorf(e911.Denied, "behind the trunk %s (%s) call-takers answer: only OPTIONS and, where it is marked test_urn, a test URN go there", t.Key, t.Side)
	case found:
		return calltrace.Through933, nil
	}
	return calltrace.Other, notForHelp(w, what, o.dialled())
}

func (o *Order) dialled() string {
	if o.URI != "" {
		return o.URI
	}
	return o.Number
}

// notForHelp refuses what would make somebody answer who waits for emergencies:
// services, short codes (112, 999, 988, 211 ...) and the lines of PSAPs.
func notForHelp(w *snapshot.Snapshot, uri, said string) error {
	scheme, rest, _ := strings.Cut(uri, ":")
	if s := strings.ToLower(scheme); s != "sip" && s != "sips" && s != "tel" {
		return e911.Errorf(e911.Denied, "a test calls sip, sips and tel URIs, and no service: %s is refused", said)
	}
	user, _, has := strings.Cut(rest, "@")
	if !has && !strings.EqualFold(scheme, "tel") {
		return e911.Errorf(e911.Invalid, "the URI %s names nobody: write sip:NUMBER@HOST", said)
	}
	user, _, _ = strings.Cut(user, ";")
	if u, err := url.PathUnescape(user); err == nil {
		user = u
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, user)
	letters := strings.Trim(user, "0123456789+*#-.() ") != ""
	const short = 6 // the shortest number that is somebody's own
	if !letters && len(digits) < short {
		return e911.Errorf(e911.Denied, "a test calls no short code but 933: %s is refused, for helpers may answer there", said)
	}
	const national = 10
	tail := func(s string) string {
		if len(s) > national {
			return s[len(s)-national:]
		}
		return s
	}
	for p := range w.AllPSAPs() {
		if line := strings.TrimPrefix(string(p.Line), "+"); line != "" && tail(line) == tail(digits) {
			return e911.Errorf(e911.Denied, "%s is the line of the PSAP %s: a test does not ring there", said, p.Key)
		}
	}
	return nil
}

// withUser is a URI with another user part.
func withUser(uri, user string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	head, tail := rest, ""
	if i := strings.IndexAny(rest, ";?"); i >= 0 {
		head, tail = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(head, '@'); i >= 0 {
		head = head[i+1:]
	}
	return scheme + ":" + url.PathEscape(user) + "@" + head + tail
}
