package lint

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/rules/setup"
)

// Trunk is a trunk that calls leave by.
type Trunk struct {
	Key     string
	Side    e911.TrunkSide
	Profile e911.HeaderProfile
	Targets []string // SIP URIs, in their order
}

// trunk says what a call for help becomes on a trunk: a neighbour is asked for what its
// target names, since no number is put into it, but where the header profile sends the
// service instead (RFC 6881, section 5). 988 is put into each target. The countries are
// those of all sites.
func trunk(t Trunk, countries []string) (out []Finding) {
	if t.Profile == e911.ProfileI3 || len(t.Targets) == 0 {
		return nil
	}
	users := []string{}
	for _, uri := range t.Targets {
		if u := targetUser(uri); !slices.Contains(users, u) {
			users = append(users, u)
		}
		out = append(out, target(t, uri, countries)...)
	}
	if len(users) > 1 {
		out = append(out, Finding{
			Code: "targets_differ", Level: Warning, Where: "trunk " + t.Key, Dialled: "911", Happens: "the neighbour is asked for " + strings.Join(quoted(users), " or ") + ", by which of its addresses is up",
			Fix: "let all targets name the same",
		})
	}
	return slices.Compact(out)
}

func quoted(users []string) []string {
	out := make([]string, len(users))
	for i, u := range users {
		if out[i] = u; u == "" {
			out[i] = "nobody"
		}
	}
	return out
}

func target(t Trunk, uri string, countries []string) []Finding {
	user := targetUser(uri)
	say := func(code string, level Level, happens, fix string) []Finding {
		return []Finding{{Code: code, Level: level, Where: "trunk " + t.Key, Dialled: "911", Happens: happens, Fix: fix}}
	}
	digits := user != "" && strings.Trim(user, "+0123456789*#") == ""
	m, help := dialplan.NewPlan(countries...).Find(user)
	switch {
	case stripped[user] != "":
		return say("stripped_target", Danger, "the neighbour dials "+user+": what an outside digit left of "+stripped[user], "write the target as sip:911@HOST")
	case dialplan.Crisis(user):
		return say("crisis_target", Danger, "a call for help rings the crisis lifeline", "write the target as sip:911@HOST; 988 is put in by itself")
	case help && m.Class == e911.ClassTest933:
		return say("test_target", Danger, "a call for help reaches a test, which nobody answers", "write the target as sip:911@HOST")
	case help && t.Side == e911.SideLocal && user != "911" && strings.HasSuffix(user, "911"):
		return say("outside_digit_sent", Warning, "the neighbour is sent "+user+" with its outside digit: where it takes none off, the call fails", "write the target as sip:911@HOST")
	case help || t.Side != e911.SideLocal:
		return nil // a carrier's or PSAP's own name or number
	case digits:
		return say("another_number", Danger, "the site's trunk dials "+user+" instead of 911", "write the target as sip:911@HOST")
	case user == "":
		return say("named_target", Hint, "the gateway is sent no number: it must know by itself that the call is for 911", "write the target as sip:911@HOST where the gateway goes by numbers")
	}
	return say("named_target", Hint, "the gateway is sent "+user+" and no number: it must know by itself that the call is for 911", "write the target as sip:911@HOST where the gateway goes by numbers")
}

// targetUser is the user part of a SIP URI, without parameters; none: "".
func targetUser(uri string) string {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return ""
	}
	user, _, at := strings.Cut(rest, "@")
	if !at {
		return ""
	}
	user, _, _ = strings.Cut(user, ";")
	return user
}

// crisis: 988 goes by a trunk into the telephone network alone (W-12).
func (p Plan) crisis() []Finding {
	served := slices.ContainsFunc(p.Sites, func(s Site) bool {
		return slices.ContainsFunc(s.Countries, func(c string) bool { return slices.Contains(setup.Served(), c) })
	})
	local := slices.ContainsFunc(p.Trunks, func(t Trunk) bool { return t.Side == e911.SideLocal }) ||
		slices.ContainsFunc(p.Sites, func(s Site) bool { return len(s.Local) > 0 })
	if !served || local {
		return nil
	}
	return []Finding{{
		Code: "no_way_988", Level: Warning, Where: "all sites", Dialled: "988", Happens: "no trunk leads into the telephone network: a call to the crisis lifeline that comes to Callbox is refused, with an alarm, where no other platform takes it",
		Fix: "give a site a trunk of side local, or let the PBX send 988 into the telephone network by itself",
	}}
}
