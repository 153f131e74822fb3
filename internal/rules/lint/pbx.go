package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

// rule is a line of a PBX's dial plan: what it matches, and what it sends on.
type rule struct {
	line    int
	pattern string
	match   *regexp.Regexp
	// send makes what leaves of what was dialled; false: the rule does not say.
	send func(dialled string) (string, bool)
}

// context is a set of rules that is searched together.
type context struct {
	name     string
	rules    []rule
	includes []string
}

// maxPBX bounds a dial plan.
const maxPBX = 4 << 20

// help is what a person may dial, and whether what leaves is right.
var help = []struct {
	dialled string
	right   func(sent string) bool
}{
	{"911", emergency},
	{"9911", emergency},
	{"933", func(s string) bool { m, ok := dialplan.Find(s); return ok && m.Class == e911.ClassTest933 }},
	{"988", dialplan.Crisis},
}

func emergency(sent string) bool {
	m, ok := dialplan.Find(sent)
	return ok && m.Class == e911.ClassEmergency
}

// PBX reads the dial plan of a PBX, extensions.conf of Asterisk or the XML of
// FreeSWITCH, and says what becomes of who dials for help. What it cannot read it
// says as a finding: an expression that is not understood may match 911.
func PBX(text string) ([]Finding, error) {
	if len(text) > maxPBX {
		return nil, e911.Errorf(e911.Invalid, "the dial plan has more than %d MiB", maxPBX>>20)
	}
	var contexts []context
	var out []Finding
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		contexts, out = freeSwitch(text)
	} else {
		contexts, out = asterisk(text)
	}
	if len(contexts) == 0 && len(out) == 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "there is no dial plan in it", Faults: []e911.Fault{{
			Code: "format", Msg: "neither extensions.conf of Asterisk nor XML of FreeSWITCH", Fix: "paste the file as the PBX has it",
		}}}
	}
	byName := map[string]*context{}
	for i := range contexts {
		byName[contexts[i].name] = &contexts[i]
	}
	included := map[string]bool{}
	for i := range contexts {
		for _, name := range contexts[i].includes {
			included[name] = true
		}
	}
	for i := range contexts {
		c := &contexts[i]
		if included[c.name] && c.name != "" {
			continue // it is looked at where it is included
		}
		out = append(out, c.judge(gathered(c, byName, nil))...)
	}
	return ordered(slices.Compact(out)), nil
}

// gathered are the rules of a context and, after them, of what it includes.
func gathered(c *context, byName map[string]*context, seen []string) []rule {
	all := slices.Clone(c.rules)
	for _, name := range c.includes {
		if next := byName[name]; next != nil && !slices.Contains(seen, name) && name != c.name {
			all = append(all, gathered(next, byName, append(slices.Clone(seen), c.name))...)
		}
	}
	return all
}

// judge follows each number for help through the rules.
func (c *context) judge(rules []rule) (out []Finding) {
	if len(rules) == 0 {
		return nil
	}
	for _, h := range help {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.match.MatchString(h.dialled) })
		if i < 0 {
			if h.dialled != "9911" {
				out = append(out, missing(c.name, h.dialled))
			}
			continue
		}
		r := rules[i]
		where := fmt.Sprintf("line %d of [%s], %s", r.line, c.name, r.pattern)
		sent, said := r.send(h.dialled)
		switch {
		case !said:
			out = append(out, Finding{
				Code: "not_followed", Level: Hint, Where: where, Dialled: h.dialled, Happens: "what the rule sends on cannot be read from its text", Fix: "dial 933, and look whether it arrives",
			})
		case !h.right(sent):
			out = append(out, Finding{
				Code: "swallowed", Level: Danger, Where: where, Dialled: h.dialled, Happens: fmt.Sprintf("%q is dialled instead: who needs help does not reach it", sent),
				Fix: "put a rule for " + h.dialled + " before this one that sends it on as it is",
			})
		case h.dialled != "9911" && longer(rules, h.dialled):
			out = append(out, Finding{
				Code: "waits", Level: Hint, Where: where, Dialled: h.dialled, Happens: "another rule takes longer numbers that begin so: where digits come one by one the call waits for the time between digits",
				Fix: "let telephones send " + h.dialled + " at once",
			})
		}
	}
	return out
}

func missing(name, dialled string) Finding {
	f := Finding{
		Code: "missing", Level: Danger, Where: "[" + name + "]", Dialled: dialled,
		Happens: "no rule takes it: the PBX refuses the call", Fix: "add a rule for " + dialled + " that sends it to Callbox as it is",
	}
	if dialled != "911" {
		f.Level = Warning
	}
	return f
}

// longer reports a rule that takes a number which goes on after the dialled one.
func longer(rules []rule, dialled string) bool {
	return slices.ContainsFunc(rules, func(r rule) bool {
		return !r.match.MatchString(dialled) && (r.match.MatchString(dialled+"5551234") || r.match.MatchString(dialled+"55512345") || r.match.MatchString(dialled+"5"))
	})
}
