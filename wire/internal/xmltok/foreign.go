package xmltok

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Element is one whole element of a vocabulary that a reader does not know. See
// wire/foreign, which exports it.
type Element struct {
	Space, Local string // of the element itself
	XML          string // the whole element; every namespace it uses is declared in it
}

// IsZero reports whether there is no element.
func (e Element) IsZero() bool { return e == Element{} }

// Check reports why the element cannot be written into another document: it is
// not exactly one well-formed element of that name, it uses a namespace that
// it does not declare, or it is beyond the default limits.
func (e Element) Check() error {
	if len(e.XML) > MaxBytes {
		return ErrTooLarge
	}
	// What stands before or after the element would be text or a second
	// declaration in the document around it.
	if len(e.XML) < 2 || e.XML[0] != '<' || e.XML[1] == '?' || e.XML[1] == '!' {
		return fmt.Errorf("foreign element %s: the text does not begin with an element", clip(e.Local))
	}
	n, err := parse(e.XML, Limits{}.withDefaults(), true)
	if err != nil {
		return fmt.Errorf("foreign element %s: %w", clip(e.Local), err)
	}
	if !n.Is(e.Space, e.Local) {
		return fmt.Errorf("foreign element %s: the text is a {%s}%s", clip(e.Local), clip(n.Space()), clip(n.Local()))
	}
	if int(n.t.nodes[0].end) != len(e.XML) {
		return fmt.Errorf("foreign element %s: something stands after the element", clip(e.Local))
	}
	return nil
}

// Parse reads the element's text, for a reader that knows it after all.
func (e Element) Parse() (Node, error) {
	if len(e.XML) > MaxBytes {
		return Node{}, ErrTooLarge
	}
	return parse(e.XML, Limits{}.withDefaults(), false)
}

// AppendForeign checks and appends elements.
func AppendForeign(dst []byte, es ...Element) ([]byte, error) {
	for _, e := range es {
		if err := e.Check(); err != nil {
			return dst, err
		}
		dst = append(dst, e.XML...)
	}
	return dst, nil
}

// Foreign returns the element as text that means the same in any document:
// the declarations in force around it are repeated in its start tag where a
// name, an attribute value or a text inside could use them. The default
// namespace is always declared, so that the text stays as it is however often
// it is forwarded. Comments and white space inside stay as they came. The zero
// Node gives the zero Element.
func Foreign(n Node) Element {
	if n.t == nil {
		return Element{}
	}
	d := &n.t.nodes[n.i]
	raw := n.t.src[d.start:d.end]
	name := 1
	for name < len(raw) && !isSpace(raw[name]) && raw[name] != '>' && raw[name] != '/' {
		name++
	}
	b := make([]byte, 0, len(raw)+64)
	b = append(b, raw[:name]...)
	declare := func(prefix, space string) {
		if prefix == "" {
			b = AppendAttr(b, "xmlns", space)
			return
		}
		b = append(b, " xmlns:"...)
		b = append(b, prefix...)
		b = append(b, '=', '"')
		b = escape(b, space, true)
		b = append(b, '"')
	}
	if _, ok := n.declared("", true); !ok {
		space, _ := n.declared("", false)
		declare("", space)
	}
	n.inherited(raw, declare)
	b = append(b, raw[name:]...)
	return Element{Space: d.space, Local: d.local, XML: string(b)}
}

// inherited calls declare for every prefix that raw, the text of n, uses and
// does not declare itself.
func (n Node) inherited(raw string, declare func(prefix, space string)) {
	var done [maxScope]string // a prefix bound again further in counts once
	seen := done[:0]
	for i := n.inForce(); i >= 0; i = n.t.decls[i].outer {
		d := &n.t.decls[i]
		if d.prefix == "" || d.node == n.i || has(seen, d.prefix) {
			continue
		}
		seen = append(seen, d.prefix)
		if _, own := n.declared(d.prefix, true); !own && n.uses(raw, d.prefix) {
			declare(d.prefix, d.space)
		}
	}
	if !n.t.unbound {
		return
	}
	// Prefixes that are bound to nothing stand for namespaces of their name.
	for rest := raw; ; {
		at := strings.IndexByte(rest, ':')
		if at < 0 {
			return
		}
		prefix := rest[lastName(rest[:at]):at]
		rest = rest[at+1:]
		if prefix == "" || prefix == "xml" || prefix == "xmlns" || !IsNCName(prefix) || has(seen, prefix) || len(seen) == cap(seen) {
			continue
		}
		if _, bound := n.declared(prefix, false); !bound {
			seen = append(seen, prefix)
			declare(prefix, prefix)
		}
	}
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// inForce returns the innermost declaration in force at the element, -1 when
// there is none. The others follow by decl.outer, at most maxScope of them, so
// that many elements do not cost their square.
func (n Node) inForce() int32 {
	lo, hi := 0, len(n.t.decls)
	for lo < hi { // the last declaration that does not stand behind the element
		if mid := (lo + hi) / 2; n.t.decls[mid].node <= n.i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	i := int32(lo - 1)
	for i >= 0 && n.i >= n.t.nodes[n.t.decls[i].node].past {
		i = n.t.decls[i].outer
	}
	return i
}

// declared returns what a prefix is bound to at the element, or by the element
// itself alone.
func (n Node) declared(prefix string, own bool) (string, bool) {
	for i := n.inForce(); i >= 0; i = n.t.decls[i].outer {
		d := &n.t.decls[i]
		if own && d.node != n.i {
			break
		}
		if d.prefix != prefix {
			continue
		}
		return d.space, true
	}
	return "", false
}

// uses reports whether "prefix:" stands in raw, the text of n, as the begin of a
// name, outside of all elements that declare the prefix themselves: what they
// mean by it does not depend on the document around them, and a needless
// declaration would change the text each time that it is forwarded.
func (n Node) uses(raw, prefix string) bool {
	base := int(n.t.nodes[n.i].start)
	next := n.inside()
	for at := 0; ; {
		found := strings.Index(raw[at:], prefix)
		if found < 0 {
			return false
		}
		from := at + found
		at = from + len(prefix)
		if at >= len(raw) || raw[at] != ':' || lastName(raw[:from]) != from {
			continue
		}
		for next < len(n.t.decls) && (n.t.decls[next].prefix != prefix || int(n.t.nodes[n.t.decls[next].node].end) <= base+from) {
			next++
		}
		if next == len(n.t.decls) || base+from < int(n.t.nodes[n.t.decls[next].node].start) {
			return true
		}
	}
}

// inside returns the first declaration that can stand in an element inside n.
func (n Node) inside() int {
	return sort.Search(len(n.t.decls), func(i int) bool { return n.t.decls[i].node > n.i })
}

// lastName returns where the name that s ends with begins; len(s) when s ends
// with something else.
func lastName(s string) int {
	i := len(s)
	for i > 0 && (s[i-1] >= utf8.RuneSelf || (class[s[i-1]]&inName != 0 && s[i-1] != ':')) {
		i--
	}
	return i
}

// ResolveQName takes "ca:A1" apart with the namespaces in force at the element;
// a name without prefix is in the default namespace. It is not ok when the
// text is no QName or its prefix is not bound.
func (n Node) ResolveQName(text string) (space, local string, ok bool) {
	if n.t == nil {
		return "", "", false
	}
	text = strings.Trim(text, " \t\r\n")
	prefix, local, prefixed := strings.Cut(text, ":")
	if !prefixed {
		prefix, local = "", text
	}
	if !IsNCName(local) || (prefixed && !IsNCName(prefix)) {
		return "", "", false
	}
	space, ok = n.declared(prefix, false)
	switch {
	case ok || prefix == "":
		return space, local, true
	case prefix == "xml":
		return SpaceXML, local, true
	}
	return "", "", false
}
