package desk

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/callbox911/callbox/internal/e911"
)

// Text is the answer for a person at three in the morning: the number first.
func (a Answer) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintln(&b, plain(fmt.Sprintf(format, args...)))
	}
	if a.Call != "" {
		line("%s   %s", spoken(a.Call), a.Advice)
	} else {
		line("NO NUMBER: %s", a.Advice)
	}
	line("")
	for _, w := range a.Warnings {
		line("!  %s", w)
	}
	if len(a.Warnings) > 0 {
		line("")
	}
	line("place      %s", a.place())
	if x := a.Address; x != nil {
		line("address    %s%s", x.Verdict, x.because())
		for _, k := range x.Candidates {
			line("           or %s", k)
		}
		for _, n := range x.Notes {
			line("           %s", n)
		}
	}
	if a.PSAP != nil {
		line("PSAP       %s", a.PSAP.text())
	}
	line("by         %s", a.basis())
	if a.Relay != nil {
		line("relay      %s", a.Relay.text())
	}
	if a.Org != nil {
		line("a call of  %s", a.Org.Name)
		for i, r := range a.Rungs {
			expected := ""
			if r.Expected {
				expected = " (expected: the carrier chooses)"
			}
			line("           %d. trunk %s to %s%s", i+1, r.Trunk, r.PSAP, expected)
		}
		if len(a.Rungs) == 0 {
			line("           would find no trunk at all")
		}
	}
	for _, f := range a.Findings {
		mark := "-"
		if f.Chosen {
			mark = "+"
		}
		line("%s %s %s: %s", mark, f.Rule, f.Said, f.Why)
	}
	return b.String()
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
		parts = append(parts, "by the layer "+x.Layer)
	}
	if x.Method != "" {
		parts = append(parts, "point from "+strings.ReplaceAll(string(x.Method), "_", " "))
	}
	if len(x.Missing) > 0 {
		parts = append(parts, "missing "+strings.Join(x.Missing, ", "))
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
		return s + "; no 24x7 line is known"
	}
	s += "; 24x7 line " + spoken(p.Line)
	if p.LineChecked == nil {
		return s + ", never checked"
	}
	return s + ", checked " + p.LineChecked.Format(time.DateOnly)
}

func (a Answer) basis() string {
	b := a.By
	words := map[string]string{
		"override": "the organisation's own choice", "authority": "the authority's server", "own_layer": "our own layer",
		"demonstration": "a demonstration layer, which proves nothing:", "none": "nobody",
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
