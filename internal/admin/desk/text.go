package desk

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/route"
)

// Text is the answer for a person at three in the morning: the number first.
func (a Answer) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintln(&b, plain(fmt.Sprintf(format, args...)))
	}
	if a.Call != "" {
		line("CALL %s   %s", spoken(a.Call), a.Advice)
	} else {
		line("NO NUMBER: %s", a.Advice)
	}
	for _, w := range a.Warnings {
		line("!  %s", w)
	}
	if x := a.Address; x != nil && x.Verdict == e911.VerdictInvalid {
		for _, n := range x.Notes {
			line("   %s", n)
		}
		for i, k := range x.Candidates {
			line("   %s %s", []string{"did you mean", "          or"}[min(i, 1)], k)
		}
	}
	line("")
	line("place      %s", a.place())
	if x := a.Address; x != nil {
		line("address    %s%s", x.Verdict, x.because())
		if m := missing(x.Missing); m != "" && x.Verdict != e911.VerdictInvalid {
			line("ask for    %s", m)
		}
	}
	if a.PSAP != nil {
		line("911 center %s", a.PSAP.text())
	}
	if a.Responder != "" {
		line("goes out   %s", a.Responder)
	}
	line("known by   %s", a.basis())
	if a.Relay != nil {
		line("relay      %s", a.Relay.text())
	}
	a.foretell(line)
	line("")
	line("Why")
	for _, f := range a.Findings {
		mark := "no "
		if f.Chosen {
			mark = "yes"
		}
		line("%s  %s: %s", mark, strings.Trim(rules[f.Rule]+", "+f.Said, ", "), f.Why)
	}
	return b.String()
}

// rules are the names of Findings' rules in words.
var rules = map[string]string{
	ecrf.RuleBoundary: "boundary", ecrf.RuleCounty: "county", ecrf.RuleAddress: "address", route.RuleOverride: "own choice",
	route.RuleAuthority: "authority", "route": "trunk",
}

// foretell says what a call of the organisation's would do.
func (a Answer) foretell(line func(string, ...any)) {
	if a.Org == nil {
		return
	}
	for i, r := range a.Rungs {
		expected := ""
		if r.Expected {
			expected = " (the carrier chooses; this one is expected)"
		}
		if i == 0 {
			line("a 911 call of %s from there", a.Org.Name)
		}
		line("           %d. trunk %s to %s%s", i+1, r.Trunk, r.PSAP, expected)
	}
	if len(a.Rungs) == 0 {
		line("a 911 call of %s from there would find no trunk at all", a.Org.Name)
	}
}

// missing says in words what a dispatcher would lack.
func missing(fields []string) string {
	words := map[string]string{"country": "country", "A1": "state", "A3": "city", "RD": "street", "HNO": "house number", "FLR": "floor, unit or room", "PC": "ZIP code"}
	var out []string
	for _, f := range fields {
		out = append(out, cmp.Or(words[f], f))
	}
	return strings.Join(out, ", ")
}

func (a Answer) place() string {
	s := a.Asked
	if a.Address != nil {
		s = a.Address.Display
	}
	if p := a.Point; p != nil && (a.Address != nil) {
		s += fmt.Sprintf(" (%.5f, %.5f", p.Lat, p.Lon)
		if p.RadiusM > 0 {
			s += fmt.Sprintf(" within %.0f m", p.RadiusM)
		}
		s += ")"
	}
	return s
}

func (x *Address) because() string {
	var parts []string
	if x.Layer != "" {
		parts = append(parts, "by the map "+x.Layer)
	}
	if x.Method != "" {
		parts = append(parts, "found by its "+strings.ReplaceAll(string(x.Method), "_", " "))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

func (p *PSAP) text() string {
	s := p.Name
	if p.City != "" {
		s += ", " + p.City + " " + p.State
	}
	if p.Registry != "" {
		s += ", FCC id " + p.Registry
	}
	if p.Line == "" {
		return s + "; its number is not known"
	}
	s += "; 24x7 number " + spoken(p.Line)
	if p.LineChecked == nil {
		return s + ", never tried"
	}
	return s + ", last tried " + p.LineChecked.Format(time.DateOnly)
}

func (a Answer) basis() string {
	b := a.By
	words := map[string]string{
		"override": "the organisation's own choice", "authority": "the 911 authority's server", "own_layer": "the map",
		"demonstration": "a demonstration map, which proves nothing:", "none": "nobody",
	}
	s := strings.TrimSpace(words[string(b.Source)] + " " + b.Name)
	if b.Version > 0 {
		s += fmt.Sprintf(", version %d", b.Version)
	}
	if b.Grade != "" {
		s += ", " + string(b.Grade)
	}
	if !b.AsOf.IsZero() {
		s += ", as of " + b.AsOf.Format(time.DateOnly)
	}
	if !b.Expires.IsZero() {
		s += ", until " + b.Expires.UTC().Format("2006-01-02 15:04 UTC")
	}
	if b.Agreement != "" {
		s += "; agreement: " + b.Agreement
	}
	return s
}

// spoken writes a number as people dial it.
func spoken(n e911.Number) string {
	s := string(n)
	if len(s) == 12 && strings.HasPrefix(s, "+1") {
		return s[:2] + " " + s[2:5] + " " + s[5:8] + " " + s[8:]
	}
	return s
}

// plain keeps what came from files from writing to the terminal's own controls.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, s)
}
