package identify

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// FlagPassedOn says that somebody transferred or forwarded the call to 911: the
// location is that of the telephone that did, and whoever needs help may be
// elsewhere (N-03, N-33).
const FlagPassedOn = "passed_on"

// RulePassedOn is named by the Finding of a call that was passed on.
const RulePassedOn = "passed_on"

// passedOn looks for what a transfer (Referred-By, RFC 3892), a forwarding
// (Diversion, RFC 5806) or a retargeting (History-Info, RFC 7044) leaves in an
// INVITE. Such a call goes on like every other (E1); that it was passed on is
// said to all who read its location.
func (q *question) passedOn() {
	by := ""
	for _, name := range []string{"Referred-By", "Diversion", "History-Info"} {
		for _, header := range q.header(name) {
			for _, value := range splitValues(header) {
				u := UserOf(value)
				if name != "Referred-By" && (u == "" || ownDigits(u) || q.isCaller(u)) {
					continue
				}
				by = name
				q.find(e911.Finding{
					Rule: RulePassedOn, Said: u,
					Why: "by " + name + " the call was passed on to 911: the location is that of who passed it on, and the one in need may be elsewhere",
				})
				break
			}
		}
	}
	if by != "" {
		q.flag(FlagPassedOn)
	}
}

// ownDigits reports whether u is the emergency number itself, with or without
// what a translation put before it: a PBX that turns 9911 into 911 says so in
// History-Info, and passed nothing on.
func ownDigits(u string) bool {
	return slices.Contains([]string{"sos", "911", "933", "112"}, u) || strings.HasSuffix(u, "911") && len(u) <= len("+1911")
}

// isCaller reports whether u is the very line that calls: some platforms write
// the originator into Diversion or History-Info of every call.
func (q *question) isCaller(u string) bool {
	n, ok := LineOf("<sip:" + u + "@invalid>")
	return ok && n == q.r.Line
}
