package lint

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/callbox911/callbox/wire/freeswitch"
)

// freeSwitch reads the XML of FreeSWITCH: the condition on destination_number that
// comes first in its context wins.
func freeSwitch(text string) (contexts []context, out []Finding) {
	conditions, err := freeswitch.ReadDialplan(text)
	if err != nil {
		out = append(out, Finding{Code: "unread", Level: Warning, Where: "the file", Happens: "it breaks off: what comes after was not looked at", Fix: "paste all of it"})
	}
	for _, c := range conditions {
		if len(contexts) == 0 || contexts[len(contexts)-1].name != c.Context {
			contexts = append(contexts, context{name: c.Context})
		}
		re, err := regexp.Compile(c.Expression)
		if err != nil {
			out = append(out, Finding{
				Code: "unread", Level: Warning, Where: fmt.Sprintf("line %d of [%s], %s", c.Line, c.Context, c.Extension),
				Happens: "the expression " + c.Expression + " is not understood: it may match 911", Fix: "write it without look-around, or look at it by hand",
			})
			continue
		}
		r := rule{line: c.Line, pattern: strings.TrimSpace(c.Extension + " " + c.Expression), match: re, send: unsaid}
		for _, a := range c.Actions {
			if a.Application == "bridge" || a.Application == "transfer" {
				r.bridge(a)
			}
		}
		at := &contexts[len(contexts)-1]
		at.rules = append(at.rules, r)
	}
	return contexts, out
}

var groupVar = regexp.MustCompile(`\$\{?(\d)\}?`)

func (r *rule) bridge(a freeswitch.Action) {
	target := a.Data
	if a.Application == "transfer" {
		target, _, _ = strings.Cut(target, " ")
	} else if i := strings.LastIndexByte(target, '/'); i >= 0 {
		target = target[i+1:]
	}
	target, _, _ = strings.Cut(target, "@")
	target = strings.ReplaceAll(target, "${destination_number}", "$0")
	match := r.match
	r.send = func(dialled string) (string, bool) {
		groups := match.FindStringSubmatch(dialled)
		sent := groupVar.ReplaceAllStringFunc(target, func(v string) string {
			if n := int(strings.Trim(v, "${}")[0] - '0'); n < len(groups) {
				return groups[n]
			}
			return ""
		})
		return sent, !strings.Contains(sent, "${")
	}
}
