package xmltok

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads a document and returns its root element. Errors are ErrTooLarge,
// ErrDTD or a *SyntaxError. The document is copied once; b may be used again.
func Parse(b []byte, lim Limits) (Node, error) {
	lim = lim.withDefaults()
	if len(b) > lim.Bytes {
		return Node{}, ErrTooLarge
	}
	return parse(string(b), lim, false)
}

// parse reads src. When strict, every name must be bound inside src: a prefix
// that is not declared is an error, and so is an element without prefix
// outside of any declaration of a default namespace.
func parse(src string, lim Limits, strict bool) (Node, error) {
	var (
		stack [MaxDepth]open
		scope [maxScope]binding
		raw   [8]rawAttr
	)
	p := parser{src: src, lim: lim, strict: strict, stack: stack[:0], scope: scope[:0], raw: raw[:0]}
	if err := p.document(); err != nil {
		return Node{}, err
	}
	return Node{t: p.tree}, nil
}

// open is an element whose end has not come yet.
type open struct {
	name  string // as written, with prefix
	node  int32
	scope int32 // length of parser.scope before it
	texts int32 // runs of text so far
}

type binding struct{ prefix, space string }

type rawAttr struct{ prefix, local, value string }

type parser struct {
	src    string
	pos    int
	lim    Limits
	strict bool
	tree   *tree
	stack  []open
	scope  []binding
	raw    []rawAttr // scratch
	joins  map[int32]*strings.Builder
}

func (p *parser) fail(msg string) error {
	var path []byte
	for _, o := range p.stack {
		_, local, ok := strings.Cut(o.name, ":")
		if !ok {
			local = o.name
		}
		path = append(append(path, '/'), clip(local)...)
	}
	return &SyntaxError{Offset: p.pos, Path: string(path), Msg: msg}
}

func (p *parser) document() error {
	if len(p.src) >= 2 && (p.src[0]^p.src[1] == 1 && p.src[0]|p.src[1] == 0xff || p.src[0] == 0 || p.src[1] == 0) {
		return p.fail("UTF-16 and UTF-32 are not read, only UTF-8")
	}
	p.src = strings.TrimPrefix(p.src, "\ufeff")
	if err := p.declaration(); err != nil {
		return err
	}
	if err := p.characters(); err != nil {
		return err
	}
	p.reserve()
	for p.pos < len(p.src) {
		if p.src[p.pos] != '<' {
			if err := p.text(); err != nil {
				return err
			}
			continue
		}
		if err := p.markup(); err != nil {
			return err
		}
	}
	if len(p.stack) > 0 {
		return p.fail("the document ends inside <" + clip(p.stack[len(p.stack)-1].name) + ">")
	}
	if len(p.tree.nodes) == 0 {
		return p.fail("no element")
	}
	for i, b := range p.joins {
		p.tree.nodes[i].text = b.String()
	}
	return nil
}

// reserve makes the tree as large as the document can need: every element has
// one < that no / follows, every attribute one =.
func (p *parser) reserve() {
	nodes := strings.Count(p.src, "<") - strings.Count(p.src, "</")
	attrs := strings.Count(p.src, "=") // also those in texts
	p.tree = &tree{src: p.src, nodes: make([]node, 0, min(max(nodes, 1), p.lim.Nodes))}
	p.tree.decls = p.tree.few[:0]
	if attrs > 0 {
		p.tree.attrs = make([]Attr, 0, min(attrs, 2*nodes, 2*p.lim.Nodes))
	}
}

// declaration skips the XML declaration. A document that declares Latin-1 is
// taken to UTF-8; any other encoding must be UTF-8 in fact, which pure ASCII is.
func (p *parser) declaration() error {
	const start = "<?xml"
	if !strings.HasPrefix(p.src, start) || len(p.src) == len(start) || !isSpace(p.src[len(start)]) {
		return nil
	}
	end := strings.Index(p.src, "?>")
	if end < 0 {
		return p.fail("the XML declaration does not end")
	}
	decl := p.src[len(start):end]
	if !strings.Contains(decl, "version") || strings.ContainsAny(decl, "<>&") {
		return p.fail("a strange XML declaration")
	}
	if _, enc, ok := strings.Cut(decl, "encoding"); ok && !utf8.ValidString(p.src) {
		words := strings.FieldsFunc(strings.ToLower(enc), func(r rune) bool { return strings.ContainsRune(" \t\r\n='\"", r) })
		if len(words) > 0 && (words[0] == "iso-8859-1" || words[0] == "latin1") {
			var b strings.Builder
			for i := range len(p.src) {
				b.WriteRune(rune(p.src[i]))
			}
			p.src = b.String()
			end = strings.Index(p.src, "?>")
		}
	}
	p.pos = end + len("?>")
	return nil
}

// characters refuses what no XML document may hold, in one pass.
func (p *parser) characters() error {
	if !utf8.ValidString(p.src) {
		return p.fail("not UTF-8")
	}
	ascii := true
	for i := range len(p.src) {
		c := p.src[i]
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			p.pos = i
			return p.fail("a control character")
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && (strings.Contains(p.src, "\ufffe") || strings.Contains(p.src, "\uffff")) {
		return p.fail("a character that XML does not have")
	}
	return nil
}

func (p *parser) markup() error {
	rest := p.src[p.pos:]
	switch {
	case strings.HasPrefix(rest, "</"):
		return p.endTag()
	case strings.HasPrefix(rest, "<!--"):
		return p.comment()
	case strings.HasPrefix(rest, "<![CDATA["):
		return p.cdata()
	case strings.HasPrefix(rest, "<?"):
		return p.instruction()
	case strings.HasPrefix(rest, "<!DOCTYPE"):
		return ErrDTD
	case strings.HasPrefix(rest, "<!"):
		return p.fail("a declaration where none may stand")
	}
	return p.startTag()
}

func (p *parser) comment() error {
	p.pos += len("<!--")
	i := strings.Index(p.src[p.pos:], "--")
	if i < 0 || !strings.HasPrefix(p.src[p.pos+i:], "-->") {
		return p.fail("a comment that does not end, or has -- inside")
	}
	p.pos += i + len("-->")
	return nil
}

func (p *parser) instruction() error {
	p.pos += len("<?")
	name := p.name()
	if name == "" || strings.EqualFold(name, "xml") {
		return p.fail("a strange processing instruction")
	}
	i := strings.Index(p.src[p.pos:], "?>")
	if i < 0 || (i > 0 && !isSpace(p.src[p.pos])) {
		return p.fail("a strange processing instruction")
	}
	p.pos += i + len("?>")
	return nil
}

func (p *parser) cdata() error {
	if len(p.stack) == 0 {
		return p.fail("text outside the root element")
	}
	p.pos += len("<![CDATA[")
	i := strings.Index(p.src[p.pos:], "]]>")
	if i < 0 {
		return p.fail("a CDATA section that does not end")
	}
	p.add(lineEnds(p.src[p.pos : p.pos+i]))
	p.pos += i + len("]]>")
	return nil
}

func (p *parser) text() error {
	end := strings.IndexByte(p.src[p.pos:], '<')
	if end < 0 {
		end = len(p.src) - p.pos
	}
	run := p.src[p.pos : p.pos+end]
	if len(p.stack) == 0 {
		if strings.Trim(run, " \t\r\n") != "" {
			return p.fail("text outside the root element")
		}
		p.pos += end
		return nil
	}
	if strings.Contains(run, "]]>") {
		return p.fail("]]> in text")
	}
	s, err := p.unescape(lineEnds(run))
	if err != nil {
		return err
	}
	p.add(s)
	p.pos += end
	return nil
}

// add appends a run of text to the element that is open. One run, the usual
// case, stays a part of the document; more are joined at the end, once each,
// so that many small runs do not cost their square.
func (p *parser) add(s string) {
	if s == "" {
		return
	}
	top := &p.stack[len(p.stack)-1]
	top.texts++
	if top.texts == 1 {
		p.tree.nodes[top.node].text = s
		return
	}
	if p.joins == nil {
		p.joins = map[int32]*strings.Builder{}
	}
	b := p.joins[top.node]
	if b == nil {
		b = &strings.Builder{}
		b.WriteString(p.tree.nodes[top.node].text)
		p.joins[top.node] = b
	}
	b.WriteString(s)
}

func (p *parser) startTag() error {
	if len(p.stack) == 0 && len(p.tree.nodes) > 0 {
		return p.fail("a second root element")
	}
	if len(p.stack) >= p.lim.Depth || len(p.tree.nodes) >= p.lim.Nodes {
		return ErrTooLarge
	}
	begin := p.pos
	p.pos++
	start := p.pos
	prefix, local, err := p.qname()
	if err != nil {
		return err
	}
	i := int32(len(p.tree.nodes))
	o := open{node: i, name: p.src[start:p.pos], scope: int32(len(p.scope))}
	empty, err := p.attributes()
	if err != nil {
		return err
	}
	space, err := p.bound(prefix, true)
	if err != nil {
		return err
	}
	p.tree.nodes = append(p.tree.nodes, node{
		local: local, space: space, attr: int32(len(p.tree.attrs)), past: i + 1, start: int32(begin), end: int32(p.pos),
	})
	if err := p.bindAttributes(); err != nil {
		return err
	}
	if empty {
		p.scope = p.scope[:o.scope]
		return nil
	}
	p.stack = append(p.stack, o)
	return nil
}

// attributes reads up to the end of the tag, puts namespace declarations in
// force and leaves the other attributes in p.raw.
func (p *parser) attributes() (empty bool, err error) {
	p.raw = p.raw[:0]
	mark := len(p.scope)
	for {
		spaced := p.skipSpace()
		rest := p.src[p.pos:]
		switch {
		case strings.HasPrefix(rest, ">"):
			p.pos++
			return false, nil
		case strings.HasPrefix(rest, "/>"):
			p.pos += 2
			return true, nil
		case !spaced:
			return false, p.fail("no space before an attribute, or a tag that does not end")
		}
		a, err := p.attribute()
		if err != nil {
			return false, err
		}
		switch {
		case a.prefix == "xmlns" || (a.prefix == "" && a.local == "xmlns"):
			if err := p.declare(a, mark); err != nil {
				return false, err
			}
		case len(p.raw) >= maxAttrs:
			return false, ErrTooLarge
		default:
			for _, other := range p.raw {
				if other.prefix == a.prefix && other.local == a.local {
					return false, p.fail("the same attribute twice")
				}
			}
			p.raw = append(p.raw, a)
		}
	}
}

func (p *parser) attribute() (rawAttr, error) {
	prefix, local, err := p.qname()
	if err != nil {
		return rawAttr{}, err
	}
	p.skipSpace()
	if !strings.HasPrefix(p.src[p.pos:], "=") {
		return rawAttr{}, p.fail("an attribute without value")
	}
	p.pos++
	p.skipSpace()
	if p.pos >= len(p.src) || (p.src[p.pos] != '"' && p.src[p.pos] != '\'') {
		return rawAttr{}, p.fail("an attribute value without quotes")
	}
	quote := p.src[p.pos]
	p.pos++
	end := strings.IndexByte(p.src[p.pos:], quote)
	if end < 0 {
		return rawAttr{}, p.fail("an attribute value that does not end")
	}
	if end > p.lim.Attr {
		return rawAttr{}, ErrTooLarge
	}
	v := p.src[p.pos : p.pos+end]
	if strings.IndexByte(v, '<') >= 0 {
		return rawAttr{}, p.fail("< in an attribute value")
	}
	v = lineEnds(v)
	if strings.ContainsAny(v, "\t\n") {
		v = strings.ReplaceAll(strings.ReplaceAll(v, "\t", " "), "\n", " ")
	}
	if v, err = p.unescape(v); err != nil {
		return rawAttr{}, err
	}
	p.pos += end + 1
	return rawAttr{prefix: prefix, local: local, value: v}, nil
}

func (p *parser) declare(a rawAttr, mark int) error {
	prefix := ""
	if a.prefix == "xmlns" {
		prefix = a.local
		if a.value == "" || prefix == "xmlns" {
			return p.fail("a prefix bound to nothing")
		}
	}
	if (prefix == "xml") != (a.value == SpaceXML) || a.value == "http://www.w3.org/2000/xmlns/" {
		return p.fail("a reserved prefix or namespace bound anew")
	}
	for _, b := range p.scope[mark:] {
		if b.prefix == prefix {
			return p.fail("the same prefix bound twice")
		}
	}
	if len(p.scope) >= maxScope {
		return ErrTooLarge
	}
	if len(a.value) > maxSpace {
		return ErrTooLarge
	}
	p.scope = append(p.scope, binding{prefix, a.value})
	p.tree.decls = append(p.tree.decls, decl{prefix, a.value, int32(len(p.tree.nodes))})
	return nil
}

// bound returns the namespace of a prefix. Attributes without prefix have none.
func (p *parser) bound(prefix string, element bool) (string, error) {
	if prefix == "" && !element {
		return "", nil
	}
	for i := len(p.scope) - 1; i >= 0; i-- {
		if p.scope[i].prefix == prefix {
			return p.scope[i].space, nil
		}
	}
	if prefix == "xml" {
		return SpaceXML, nil
	}
	if p.strict {
		return "", p.fail("the namespace of " + strconv.Quote(clip(prefix)) + " is not declared in the element")
	}
	if prefix != "" {
		p.tree.unbound = true
	}
	return prefix, nil
}

func (p *parser) bindAttributes() error {
	first := len(p.tree.attrs)
	for _, a := range p.raw {
		space, err := p.bound(a.prefix, false)
		if err != nil {
			return err
		}
		if a.prefix != "" {
			for _, other := range p.tree.attrs[first:] {
				if other.Local == a.local && other.Space == space {
					return p.fail("the same attribute twice")
				}
			}
		}
		p.tree.attrs = append(p.tree.attrs, Attr{Space: space, Local: a.local, Value: a.value})
	}
	return nil
}

func (p *parser) endTag() error {
	p.pos += len("</")
	if len(p.stack) == 0 {
		return p.fail("an end tag without start")
	}
	top := p.stack[len(p.stack)-1]
	if name := p.name(); name != top.name {
		return p.fail("<" + clip(top.name) + "> ends as </" + clip(name) + ">")
	}
	p.skipSpace()
	if !strings.HasPrefix(p.src[p.pos:], ">") {
		return p.fail("an end tag that does not end")
	}
	p.pos++
	n := &p.tree.nodes[top.node]
	n.past, n.end = int32(len(p.tree.nodes)), int32(p.pos)
	p.stack = p.stack[:len(p.stack)-1]
	p.scope = p.scope[:top.scope]
	return nil
}

func (p *parser) skipSpace() bool {
	start := p.pos
	for p.pos < len(p.src) && isSpace(p.src[p.pos]) {
		p.pos++
	}
	return p.pos > start
}

func (p *parser) qname() (prefix, local string, err error) {
	name := p.name()
	if len(name) > maxName {
		return "", "", ErrTooLarge
	}
	prefix, local, ok := strings.Cut(name, ":")
	if !ok {
		prefix, local = "", name
	}
	first, _ := utf8.DecodeRuneInString(local)
	if local == "" || (ok && prefix == "") || strings.Contains(local, ":") || !nameStart(first) {
		return "", "", p.fail("not a name")
	}
	return prefix, local, nil
}

// name reads a Name, colons included; empty when there is none.
func (p *parser) name() string {
	start := p.pos
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		if c < utf8.RuneSelf {
			if !asciiName(c) || (p.pos == start && (c == '-' || c == '.' || (c >= '0' && c <= '9'))) {
				break
			}
			p.pos++
			continue
		}
		r, n := utf8.DecodeRuneInString(p.src[p.pos:])
		if !nameStart(r) && (p.pos == start || !nameRest(r)) {
			break
		}
		p.pos += n
	}
	return p.src[start:p.pos]
}

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
