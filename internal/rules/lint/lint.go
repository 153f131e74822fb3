// Package lint looks at dial plans before a call does (N-48, C-99, F-38 i): at what
// Callbox is configured with, and at the dial plan of a customer's PBX, which may eat
// 911 before it reaches us. It says of each finding what a person who dials would get,
// and how to mend it. Nothing here stands before a call: our own detection of 911
// asks no dial plan at all (rules/dialplan).
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/rules/setup"
)

// Level is how bad a finding is.
type Level string

// The levels, the worst first.
const (
	Danger  Level = "danger"  // who dials for help reaches somebody else, or nobody
	Warning Level = "warning" // help is reached late, or the PSAP is told something wrong
	Hint    Level = "hint"
)

var levels = []Level{Danger, Warning, Hint}

// Finding is one thing that is wrong, or weak.
type Finding struct {
	Code    string `json:"code"`
	Level   Level  `json:"level"`
	Where   string `json:"where"`             // "site hq", "line 12 of [outbound]"
	Dialled string `json:"dialled,omitempty"` // what somebody dials
	Happens string `json:"happens"`           // what he gets
	Fix     string `json:"fix"`
}

// Site is what is asked of a site.
type Site struct {
	Key       string
	Countries []string // two letters
	Stage     e911.Stage
	Local     []string // keys of its own trunks into the telephone network
	Callback  string   // as the PSAP is given it
	Main      string
}

// Line is something that is dialled: an extension, a feature code, a number.
type Line struct {
	What   string // "telephone desk-210"
	Site   string // key
	Digits string
}

// Plan is what an organisation is configured with.
type Plan struct {
	Sites    []Site
	Lines    []Line
	Trunks   []Trunk
	National []string // keys of trunks that write ten digits (F-21)
	// Carrier says that there is a trunk to a 911 carrier.
	Carrier bool
}

// stripped is what an outside digit of 9 leaves of what is dialled for help, where a
// PBX takes it off first (C-99).
var stripped = map[string]string{"11": "911", "33": "933", "88": "988"}

// Organisation looks at what is configured.
func Organisation(p Plan) []Finding {
	out := []Finding{}
	countries := map[string][]string{}
	all := []string{}
	for _, s := range p.Sites {
		countries[s.Key] = s.Countries
		all = append(all, s.Countries...)
		out = append(out, p.site(s)...)
	}
	for _, l := range p.Lines {
		out = append(out, line(l, countries[l.Site])...)
	}
	for _, t := range p.Trunks {
		out = append(out, trunk(t, all)...)
	}
	out = append(out, p.crisis()...)
	return ordered(out)
}

func ordered(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(slices.Index(levels, a.Level)-slices.Index(levels, b.Level), cmp.Compare(a.Where, b.Where), cmp.Compare(a.Code, b.Code))
	})
	return all
}

func (p Plan) site(s Site) (out []Finding) {
	where := "site " + s.Key
	served := len(s.Countries) == 0 || slices.ContainsFunc(s.Countries, func(c string) bool { return slices.Contains(setup.Served(), c) })
	switch {
	case !served && len(s.Local) == 0:
		numbers := helpOf(s.Countries)
		out = append(out, Finding{
			Code: "no_local_trunk", Level: Danger, Where: where, Dialled: strings.Join(numbers, ", "),
			Happens: "the E911 path is not offered in " + strings.Join(s.Countries, ", ") + " and the site has no trunk of its own: the call goes to the relay centre, far from the local services",
			Fix:     "give the site a trunk into the telephone network of its country (N-36)",
		})
	case len(s.Local) == 0 && !p.Carrier:
		out = append(out, Finding{
			Code: "no_way_out", Level: Warning, Where: where, Dialled: "911",
			Happens: "where the PSAP's own routes fail there is neither a 911 carrier nor the site's own trunk", Fix: "add a carrier to the organisation, or a trunk to the site",
		})
	case len(s.Local) == 0 && s.Stage != e911.Stage911:
		out = append(out, Finding{
			Code: "no_pstn", Level: Warning, Where: where, Dialled: "911",
			Happens: "911 should stay on the telephone network in stage " + string(s.Stage) + ", and the site has no trunk into it: it goes by the E911 path all the same, marked as not set up",
			Fix:     "give the site a trunk, or go on to stage 911",
		})
	}
	if served && s.Stage == e911.StageNone {
		out = append(out, Finding{
			Code: "no_933", Level: Hint, Where: where, Dialled: "933", Happens: "a test does not take the E911 path: it proves nothing", Fix: "callbox setup stage " + s.Key + " 933",
		})
	}
	for name, n := range map[string]string{"the callback number": s.Callback, "the main number": s.Main} {
		out = append(out, p.number(where, name, n, served)...)
	}
	return out
}

// number: a PSAP can call back what is written as the world writes it.
func (p Plan) number(where, name, n string, served bool) (out []Finding) {
	if n == "" {
		return nil
	}
	if !e164(n) {
		return []Finding{{
			Code: "not_e164", Level: Danger, Where: where, Dialled: n, Happens: name + " is no number of the telephone network: a PSAP that calls back reaches nobody",
			Fix: "write it as +1 and ten digits, of a line that a person answers; an extension is none",
		}}
	}
	if served && len(p.National) > 0 && (!strings.HasPrefix(n, "+1") || len(n) != 12) {
		out = append(out, Finding{
			Code: "not_national", Level: Warning, Where: where, Dialled: n, Happens: fmt.Sprintf("%s does not fit into ten digits, which trunk %s writes", name, p.National[0]),
			Fix: "give a number of the North American plan, or let the trunk write +E.164",
		})
	}
	return out
}

func e164(n string) bool {
	digits, plus := strings.CutPrefix(n, "+")
	return plus && len(digits) >= 7 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

// helpOf are the numbers for help of the countries.
func helpOf(countries []string) (out []string) {
	for _, c := range countries {
		for _, n := range dialplan.NumbersOf(c) {
			if !slices.Contains(out, n.Digits) {
				out = append(out, n.Digits)
			}
		}
	}
	return out
}

func line(l Line, countries []string) []Finding {
	where := l.What
	if l.Site != "" {
		where += ", site " + l.Site
	}
	said := func(code string, level Level, dialled, happens, fix string) []Finding {
		return []Finding{{Code: code, Level: level, Where: where, Dialled: dialled, Happens: happens, Fix: fix}}
	}
	plain := strings.Trim(l.Digits, "*#")
	_, help := dialplan.NewPlan(countries...).Find(plain)
	help = help || plain == "988" || plain == "112"
	switch shadow, _ := dialplan.NewPlan(countries...).Shadows(l.Digits); {
	case l.Digits == "" || strings.Trim(l.Digits, "0123456789*#") != "":
		return nil
	case help && plain != l.Digits:
		return said("feature_code", Danger, l.Digits, "who adds a key to "+plain+" reaches "+l.What+" and not help", "give it a code that has no emergency number in it")
	case help:
		return said("emergency_number", Danger, l.Digits, l.What+" can never be reached: the call goes for help; and a PBX that looks at extensions first sends calls for help to it", "give it another number")
	case stripped[l.Digits] != "":
		return said("outside_digit", Warning, stripped[l.Digits], "a PBX that takes the outside digit 9 off first rings "+l.What+" instead of help",
			"give it another number, and let the PBX match "+stripped[l.Digits]+" before the outside digit")
	case shadow != "":
		return said("begins_with", Hint, shadow, l.Digits+" begins with "+shadow+": where digits come one by one, that call waits for a further digit (F-37)",
			"give it another number, or let telephones send what is dialled as a whole")
	}
	return nil
}
