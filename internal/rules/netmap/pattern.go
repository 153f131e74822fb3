// Package netmap knows the keys of network elements: which key finds one place
// and which is on several devices (F-19), what a pattern of switch ports
// matches, and how a range of addresses is laid into a prefix table.
package netmap

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

// Ports is a pattern of switch ports: vendors' texts verbatim, with numbers in
// brackets ("Gi1/0/[1-24]") and, at the end, a star for whatever follows
// ("Gi2/0/*"). A backslash takes the meaning off the sign behind it. The zero
// Ports matches nothing.
type Ports struct {
	text   string
	tokens []token
}

// token is one step of a pattern. Exactly one of its forms is set.
type token struct {
	text string // verbatim: one sign, or a run of digits
	num  *numbers
	star bool
}

// numbers are decimal numbers from lo to hi, without leading zeros, or with
// exactly width digits where width is not 0.
type numbers struct {
	lo, hi uint64
	width  int
}

// maxDigits is as many digits as a number of a port may have.
const maxDigits = 9

// maxPattern is as many octets as a port id of LLDP can have, with every sign
// escaped (IEEE 802.1AB, 8.5.3).
const maxPattern = 2 * 255

// PatternError says what is wrong with a pattern of ports, and how to write it.
type PatternError struct{ Msg, Fix string }

func (e *PatternError) Error() string { return e.Msg }

// ParsePorts reads a pattern. The error is a *PatternError.
func ParsePorts(s string) (Ports, error) {
	if s == "" || len(s) > maxPattern || !utf8.ValidString(s) {
		return Ports{}, &PatternError{"a pattern of ports has 1 to 510 octets of text", `write it as "Gi1/0/[1-24]" or "Gi2/0/*"`}
	}
	p := Ports{text: s}
	for i := 0; i < len(s); {
		t, n, err := nextToken(s[i:])
		if err == nil {
			err = p.push(t, i+n == len(s))
		}
		if err != nil {
			return Ports{}, err
		}
		i += n
	}
	if len(p.tokens) == 1 && p.tokens[0].star {
		return Ports{}, &PatternError{"a star alone is every port of the switch", "map the switch itself, as kind lldp_chassis"}
	}
	if p.verbatim() {
		return Ports{}, &PatternError{"the pattern names one port", "map it as kind lldp_port"}
	}
	return p, nil
}

func (p Ports) verbatim() bool {
	for _, t := range p.tokens {
		if t.text == "" {
			return false
		}
	}
	return true
}

// push appends a token where that leaves one way to read a port id.
func (p *Ports) push(t token, last bool) error {
	var before token
	if len(p.tokens) > 0 {
		before = p.tokens[len(p.tokens)-1]
	}
	number := before.num != nil || isDigits(before.text)
	switch {
	case t.star && !last:
		return &PatternError{"a star stands at the end", `write numbers in brackets: "Gi[1-4]/0/1"; a star itself is \*`}
	case t.star && number:
		return &PatternError{"a star right after a number would take further digits of the number", `write the separator before it: "Gi1/*", or numbers: "Gi[10-19]"`}
	case t.num != nil && number, before.num != nil && isDigits(t.text):
		return &PatternError{"digits beside brackets may be read in two ways", `write the whole number in the brackets: "Gi1/0/[10-19]"`}
	case isDigits(t.text) && isDigits(before.text):
		p.tokens[len(p.tokens)-1].text += t.text
		return nil
	}
	p.tokens = append(p.tokens, t)
	return nil
}

// nextToken reads one token and how many octets it has.
func nextToken(s string) (token, int, error) {
	switch s[0] {
	case '*':
		return token{star: true}, 1, nil
	case '[':
		return bracket(s)
	case '\\':
		if len(s) < 2 || !strings.ContainsRune(`\*[]`, rune(s[1])) {
			return token{}, 0, &PatternError{`a backslash stands before *, [, ] or another backslash`, `write a backslash itself as \\`}
		}
		return token{text: s[1:2]}, 2, nil
	}
	_, n := utf8.DecodeRuneInString(s)
	return token{text: s[:n]}, n, nil
}

func bracket(s string) (token, int, error) {
	bad := &PatternError{"brackets hold the first and the last of numbers that rise", `write "[1-24]"; a bracket itself is \[`}
	inside, _, closed := strings.Cut(s[1:], "]")
	from, to, dash := strings.Cut(inside, "-")
	if !closed || !dash || !isDigits(from) || !isDigits(to) || len(from) > maxDigits || len(to) > maxDigits {
		return token{}, 0, bad
	}
	n := numbers{lo: decimal(from), hi: decimal(to)}
	zeros := (from[0] == '0' && len(from) > 1) || (to[0] == '0' && len(to) > 1)
	switch {
	case n.lo > n.hi:
		return token{}, 0, bad
	case zeros && len(from) != len(to):
		return token{}, 0, &PatternError{"numbers with leading zeros need as many digits first and last", `write "[01-24]"`}
	case zeros:
		n.width = len(from)
	}
	return token{num: &n}, len(inside) + 2, nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// decimal reads up to maxDigits digits.
func decimal(s string) uint64 {
	var n uint64
	for i := range len(s) {
		n = 10*n + uint64(s[i]-'0')
	}
	return n
}

// String returns the pattern as it was written.
func (p Ports) String() string { return p.text }

// Match reports whether a port id, verbatim, is one of the pattern's.
func (p Ports) Match(port string) bool {
	for _, t := range p.tokens {
		switch {
		case t.star:
			return port != ""
		case t.num == nil:
			rest, ok := strings.CutPrefix(port, t.text)
			if !ok {
				return false
			}
			port = rest
		default:
			n := 0
			for n < len(port) && port[n] >= '0' && port[n] <= '9' {
				n++
			}
			if !t.num.has(port[:n]) {
				return false
			}
			port = port[n:]
		}
	}
	return port == "" && len(p.tokens) > 0
}

func (n numbers) has(digits string) bool {
	if digits == "" || len(digits) > maxDigits {
		return false
	}
	if n.width == 0 && digits[0] == '0' && len(digits) > 1 || n.width != 0 && len(digits) != n.width {
		return false
	}
	v := decimal(digits)
	return n.lo <= v && v <= n.hi
}

// Overlaps reports whether a port id matches both.
func (p Ports) Overlaps(q Ports) bool {
	for i := range max(len(p.tokens), len(q.tokens)) {
		if i >= len(p.tokens) || i >= len(q.tokens) {
			return false
		}
		a, b := p.tokens[i], q.tokens[i]
		if a.star || b.star {
			return true // the other goes on, with at least one sign
		}
		if !a.overlaps(b) {
			return false
		}
	}
	return len(p.tokens) > 0
}

func (t token) overlaps(o token) bool {
	switch {
	case t.num != nil && o.num != nil:
		return t.num.overlaps(*o.num)
	case t.num != nil:
		return t.num.has(o.text)
	case o.num != nil:
		return o.num.has(t.text)
	}
	return t.text == o.text
}

func (n numbers) overlaps(o numbers) bool {
	n, o = n.alike(o), o.alike(n)
	return n.width == o.width && max(n.lo, o.lo) <= min(n.hi, o.hi)
}

// alike leaves of numbers without a width those that have as many digits as o.
func (n numbers) alike(o numbers) numbers {
	if n.width != 0 || o.width == 0 {
		return n
	}
	first, last := uint64(0), uint64(9)
	for range o.width - 1 {
		first, last = max(10*first, 10), 10*last+9
	}
	return numbers{max(n.lo, first), min(n.hi, last), o.width}
}

// Within reports whether every port id that p matches q matches too: then p is
// the more specific one, or they match the same.
func (p Ports) Within(q Ports) bool {
	for i := range max(len(p.tokens), len(q.tokens)) {
		if i >= len(p.tokens) || i >= len(q.tokens) {
			return false
		}
		a, b := p.tokens[i], q.tokens[i]
		switch {
		case b.star:
			return true
		case a.star || !a.within(b):
			return false
		}
	}
	return len(p.tokens) > 0
}

func (t token) within(o token) bool {
	switch {
	case t.num != nil && o.num != nil:
		return t.num.within(*o.num)
	case t.num != nil:
		return t.num.lo == t.num.hi && t.num.text() == o.text
	case o.num != nil:
		return o.num.has(t.text)
	}
	return t.text == o.text
}

func (n numbers) within(o numbers) bool {
	part := n.alike(o)
	whole := o.alike(n)
	return cmp.Compare(part.lo, n.lo) == 0 && part.hi == n.hi && part.width == whole.width && whole.lo <= n.lo && n.hi <= whole.hi
}

// text is the number of numbers that are one.
func (n numbers) text() string {
	var b [maxDigits]byte
	i := len(b)
	for v := n.lo; v > 0 || i == len(b) || len(b)-i < n.width; v /= 10 {
		i--
		b[i] = byte('0' + v%10)
	}
	return string(b[i:])
}
