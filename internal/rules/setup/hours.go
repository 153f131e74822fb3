package setup

import (
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

const hoursFix = `write "always", or days and hours like "Mon-Fri 07-18; Sat,Sun 22-06"`

// ParseHours reads hours of the week as people write them: "always", or days and
// whole hours, "Mon-Fri 07-18; Sat,Sun 22-06". Hours from 22 to 6 go over midnight
// into the next day; without days every day is meant. Errors are e911.Invalid.
func ParseHours(text string) (Hours, error) {
	var h Hours
	if s := strings.ToLower(strings.TrimSpace(text)); s == "always" || s == "24x7" {
		return Always(), nil
	}
	for part := range strings.SplitSeq(text, ";") {
		days, hours := week(), ""
		switch f := strings.Fields(part); len(f) {
		case 1:
			hours = f[0]
		case 2:
			var ok bool
			if days, ok = parseDays(f[0]); !ok {
				return h, notHours(f[0], "is no day")
			}
			hours = f[1]
		default:
			return h, notHours(part, "is not days and hours")
		}
		from, to, ok := parseSpan(hours)
		if !ok {
			return h, notHours(hours, "is no span of whole hours")
		}
		for i, yes := range Between(from, to, days...) {
			h[i] = h[i] || yes
		}
	}
	return h, nil
}

func notHours(text, what string) error {
	f := e911.Fault{Path: "hours", Code: "syntax", Msg: strconv.Quote(strings.TrimSpace(text)) + " " + what, Fix: hoursFix}
	return &e911.Error{Kind: e911.Invalid, Msg: "the hours cannot be read", Faults: []e911.Fault{f}}
}

func week() []time.Weekday {
	return []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
}

func parseDays(text string) (out []time.Weekday, ok bool) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, span := strings.Cut(part, "-")
		from, ok := parseDay(first)
		if !ok {
			return nil, false
		}
		to := from
		if span {
			if to, ok = parseDay(last); !ok {
				return nil, false
			}
		}
		for d := from; ; d = (d + 1) % 7 {
			out = append(out, d)
			if d == to {
				break
			}
		}
	}
	return out, true
}

func parseDay(s string) (time.Weekday, bool) {
	s = strings.TrimSpace(s)
	for _, d := range week() {
		if len(s) >= 3 && strings.HasPrefix(strings.ToLower(d.String()), strings.ToLower(s)) {
			return d, true
		}
	}
	return 0, false
}

func parseSpan(s string) (from, to int, ok bool) {
	a, b, found := strings.Cut(s, "-")
	from, ok1 := parseHour(a)
	to, ok2 := parseHour(b)
	return from, to % 24, found && ok1 && ok2 && from < 24
}

func parseHour(s string) (int, bool) {
	s = strings.TrimSuffix(strings.TrimSpace(s), ":00")
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= 24 && len(s) <= 2
}
