package lint

import (
	"bufio"
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	extenLine   = regexp.MustCompile(`^\s*exten\s*=>?\s*([^,]+)\s*,\s*([^,]+)\s*,\s*(.*)$`)
	sameLine    = regexp.MustCompile(`^\s*same\s*=>?\s*([^,]+)\s*,\s*(.*)$`)
	includeLine = regexp.MustCompile(`^\s*include\s*=>?\s*"?([^",\s]+)`)
	dialApp     = regexp.MustCompile(`(?i)\bDial\(\s*[A-Za-z0-9]+/([^,)|]*)`)
	extenVar    = regexp.MustCompile(`\$\{EXTEN(?::(-?\d+)(?::(-?\d+))?)?\}`)
)

// asterisk reads extensions.conf. Contexts are as Asterisk has them; of the patterns
// of one context the more exact goes first, as there.
func asterisk(text string) (contexts []context, out []Finding) {
	at := -1
	var last *rule
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, maxPBX+1)
	for n := 1; lines.Scan(); n++ {
		l, _, _ := strings.Cut(lines.Text(), ";")
		trimmed := strings.TrimSpace(l)
		if strings.HasPrefix(trimmed, "[") {
			name, _, _ := strings.Cut(trimmed[1:], "]")
			if name == "general" || name == "globals" {
				at = -1
				continue
			}
			contexts, last = append(contexts, context{name: name}), nil
			at = len(contexts) - 1
			continue
		}
		if at < 0 {
			continue
		}
		c := &contexts[at]
		if m := includeLine.FindStringSubmatch(l); m != nil {
			c.includes = append(c.includes, m[1])
		} else if m := sameLine.FindStringSubmatch(l); m != nil && last != nil {
			last.follow(m[2])
		} else if m := extenLine.FindStringSubmatch(l); m != nil {
			pattern, _, _ := strings.Cut(strings.TrimSpace(m[1]), "/") // "/": who calls
			if i := slices.IndexFunc(c.rules, func(r rule) bool { return r.pattern == pattern }); i >= 0 {
				last = &c.rules[i]
			} else if re := asteriskPattern(pattern); re != nil {
				c.rules = append(c.rules, rule{line: n, pattern: pattern, match: re, send: unsaid})
				last = &c.rules[len(c.rules)-1]
			} else {
				last = nil
				continue
			}
			last.follow(m[3])
		}
	}
	for i := range contexts {
		slices.SortStableFunc(contexts[i].rules, func(a, b rule) int { return cmp.Compare(weight(a.pattern), weight(b.pattern)) })
	}
	return slices.DeleteFunc(contexts, func(c context) bool { return len(c.rules) == 0 && len(c.includes) == 0 }), out
}

func unsaid(string) (string, bool) { return "", false }

// follow takes what the rule dials from a step of it.
func (r *rule) follow(step string) {
	m := dialApp.FindStringSubmatch(step)
	if m == nil {
		return
	}
	target := m[1]
	if i := strings.LastIndexByte(target, '/'); i >= 0 { // SIP/trunk/number
		target = target[i+1:]
	}
	target, _, _ = strings.Cut(target, "@")
	r.send = func(dialled string) (string, bool) {
		sent := extenVar.ReplaceAllStringFunc(target, func(v string) string {
			p := extenVar.FindStringSubmatch(v)
			return part(dialled, p[1], p[2])
		})
		return sent, !strings.Contains(sent, "${")
	}
}

// part is ${EXTEN:from:length}.
func part(s, from, length string) string {
	i, _ := strconv.Atoi(from)
	if i < 0 {
		i = max(0, len(s)+i)
	}
	s = s[min(i, len(s)):]
	if n, err := strconv.Atoi(length); err == nil {
		if n < 0 {
			n = max(0, len(s)+n)
		}
		s = s[:min(n, len(s))]
	}
	return s
}

// asteriskPattern is a pattern as an expression; nil: it is a name ("s", "i", "h").
func asteriskPattern(p string) *regexp.Regexp {
	body, pattern := strings.CutPrefix(p, "_")
	if !pattern {
		if strings.Trim(p, "0123456789*#+") != "" {
			return nil
		}
		return regexp.MustCompile("^" + regexp.QuoteMeta(p) + "$")
	}
	var b strings.Builder
	b.WriteByte('^')
	for i := 0; i < len(body); i++ {
		switch c := body[i]; c {
		case 'X', 'x':
			b.WriteString("[0-9]")
		case 'Z', 'z':
			b.WriteString("[1-9]")
		case 'N', 'n':
			b.WriteString("[2-9]")
		case '.':
			b.WriteString(".+")
		case '!':
			b.WriteString(".*")
		case '-', ' ':
		case '[':
			end := strings.IndexByte(body[i:], ']')
			if end < 0 {
				return nil
			}
			b.WriteString(body[i : i+end+1])
			i += end
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	if err != nil {
		return nil
	}
	return re
}

// weight orders patterns as Asterisk searches them: digit by digit, the smaller set
// first, "." and "!" last.
func weight(p string) string {
	body, pattern := strings.CutPrefix(p, "_")
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		w := byte('a')
		if pattern {
			switch body[i] {
			case '[':
				w = 'b'
				i += max(0, strings.IndexByte(body[i:], ']'))
			case 'N', 'n':
				w = 'c'
			case 'Z', 'z':
				w = 'd'
			case 'X', 'x':
				w = 'e'
			case '.':
				w = 'y'
			case '!':
				w = 'z'
			case '-', ' ':
				continue
			}
		}
		b.WriteByte(w)
	}
	return b.String()
}
