package xmltok

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// unescape replaces character references and the five entities of XML.
func (p *parser) unescape(s string) (string, error) {
	amp := strings.IndexByte(s, '&')
	if amp < 0 {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for amp >= 0 {
		b.WriteString(s[:amp])
		semi := strings.IndexByte(s[amp:], ';')
		// The longest reference is &#x0000010FFFF; give or take zeros.
		if semi < 0 || semi > 16 {
			return "", p.fail("& without a known entity")
		}
		r, ok := entity(s[amp+1 : amp+semi])
		if !ok {
			return "", p.fail("& without a known entity")
		}
		b.WriteRune(r)
		s = s[amp+semi+1:]
		amp = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
	return b.String(), nil
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "apos":
		return '\'', true
	case "quot":
		return '"', true
	}
	digits, base := "", 10
	if hex, ok := strings.CutPrefix(name, "#x"); ok {
		digits, base = hex, 16
	} else if dec, ok := strings.CutPrefix(name, "#"); ok {
		digits = dec
	}
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil || digits[0] == '+' || strings.Contains(digits, "_") || !isChar(rune(v)) || v > utf8.MaxRune {
		return 0, false
	}
	return rune(v), true
}

// joined is the text of a node that has it in several runs.
func (t *tree) joined(i int32) string {
	n := &t.nodes[i]
	p := parser{src: t.src[:n.end], pos: int(n.start)}
	for quote := byte(0); ; p.pos++ { // over the start tag
		c := p.src[p.pos]
		if quote == 0 && c == '>' {
			break
		}
		if quote == 0 && (c == '"' || c == '\'') {
			quote = c
		} else if c == quote {
			quote = 0
		}
	}
	p.pos++
	var b strings.Builder
	child := i + 1
	for {
		rest := p.src[p.pos:]
		switch {
		case child < n.past && p.pos == int(t.nodes[child].start):
			p.pos = int(t.nodes[child].end)
			child = t.nodes[child].past
		case strings.HasPrefix(rest, "</"):
			return b.String()
		case strings.HasPrefix(rest, "<!--"):
			p.pos += strings.Index(rest, "-->") + len("-->")
		case strings.HasPrefix(rest, "<?"):
			p.pos += strings.Index(rest, "?>") + len("?>")
		case strings.HasPrefix(rest, "<![CDATA["):
			end := strings.Index(rest, "]]>")
			b.WriteString(lineEnds(rest[len("<![CDATA["):end]))
			p.pos += end + len("]]>")
		default:
			end := strings.IndexByte(rest, '<')
			s, _ := p.unescape(lineEnds(rest[:end])) // it was well-formed before
			b.WriteString(s)
			p.pos += end
		}
	}
}

// lineEnds takes CR LF and CR to LF (XML 1.0, section 2.11).
func lineEnds(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// clip keeps what a stranger sent from filling an error text.
func clip(s string) string {
	const most = 32
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
