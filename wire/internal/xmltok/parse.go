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
	p := parser{src: src, lim: lim, strict: strict}
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

type binding struct {
	prefix, space string
	decl          int32 // index in tree.decls
}

// parser holds its stacks by value: it lives on the goroutine's own stack.
type parser struct {
	src    string
	pos    int
	lim    Limits
	strict bool
	tree   *tree
	depth  int  // of stack
	scopes int  // of scope
	amp    bool // the document has a & somewhere
	cr     bool // ... a CR
	close  bool // ... a ]]>
	stack  [maxDepth]open
	scope  [maxScope]binding
}

func (p *parser) fail(msg string) error {
	var path []byte
	for _, o := range p.stack[:p.depth] {
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
	if p.depth > 0 {
		return p.fail("the document ends inside <" + clip(p.stack[p.depth-1].name) + ">")
	}
	if len(p.tree.nodes) == 0 {
		return p.fail("no element")
	}
	return nil
}

// reserve makes the tree as large as the document can need: every element has
// one < that no / follows, every attribute one =.
func (p *parser) reserve() {
	nodes := strings.Count(p.src, "<") - strings.Count(p.src, "</")
	attrs := strings.Count(p.src, "=") // also those in texts
	if p.tree == nil {
		p.tree = &tree{}
	}
	t := p.tree
	t.src, t.unbound = p.src, false
	if n := min(max(nodes, 1), p.lim.Nodes); cap(t.nodes) < n {
		t.nodes = make([]node, 0, n)
	}
	if n := min(attrs, 2*nodes, 2*p.lim.Nodes); cap(t.attrs) < n {
		t.attrs = make([]Attr, 0, n)
	}
	if t.decls == nil {
		t.decls = t.few[:0]
	}
	t.nodes, t.attrs, t.decls = t.nodes[:0], t.attrs[:0], t.decls[:0]
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

// characters refuses what no XML document may hold, and looks once for what
// need not be looked for in every text when it is nowhere.
func (p *parser) characters() error {
	if !utf8.ValidString(p.src) {
		return p.fail("not UTF-8")
	}
	if i := control(p.src); i >= 0 {
		p.pos = i
		return p.fail("a control character")
	}
	// U+FFFE and U+FFFF are EF BF BE and EF BF BF.
	if strings.IndexByte(p.src, 0xef) >= 0 && (strings.Contains(p.src, "\ufffe") || strings.Contains(p.src, "\uffff")) {
		return p.fail("a character that XML does not have")
	}
	p.amp = strings.IndexByte(p.src, '&') >= 0
	p.cr = strings.IndexByte(p.src, '\r') >= 0
	p.close = strings.Contains(p.src, "]]>")
	return nil
}

// control returns where the first control character stands that is no white
// space, -1 when there is none. It looks at eight bytes at a time.
func control(s string) int {
	const ones = 0x0101010101010101
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if (x-ones*' ')&^x&(ones<<7) == 0 {
			continue
		}
		for j := i; j < i+8; j++ {
			if s[j] < ' ' && !isSpace(s[j]) {
				return j
			}
		}
	}
	for ; i < len(s); i++ {
		if s[i] < ' ' && !isSpace(s[i]) {
			return i
		}
	}
	return -1
}

func (p *parser) markup() error {
	rest := p.src[p.pos:]
	if len(rest) > 1 && rest[1] == '/' {
		return p.endTag()
	}
	if len(rest) < 2 || (rest[1] != '!' && rest[1] != '?') {
		return p.startTag()
	}
	switch {
	case rest[1] == '?':
		return p.instruction()
	case strings.HasPrefix(rest, "<!--"):
		return p.comment()
	case strings.HasPrefix(rest, "<![CDATA["):
		return p.cdata()
	case strings.HasPrefix(rest, "<!DOCTYPE"):
		return ErrDTD
	}
	return p.fail("a declaration where none may stand")
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
	if p.depth == 0 {
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
	if p.depth == 0 {
		if strings.Trim(run, " \t\r\n") != "" {
			return p.fail("text outside the root element")
		}
		p.pos += end
		return nil
	}
	if p.close && strings.Contains(run, "]]>") {
		return p.fail("]]> in text")
	}
	if p.cr {
		run = lineEnds(run)
	}
	if p.amp {
		var err error
		if run, err = p.unescape(run); err != nil {
			return err
		}
	}
	p.add(run)
	p.pos += end
	return nil
}

// add notes a run of text of the element that is open. One run, the usual
// case, stays a part of the document; more are joined when somebody asks,
// which for the white space between elements nobody does.
func (p *parser) add(s string) {
	if s == "" {
		return
	}
	top := &p.stack[p.depth-1]
	if top.texts++; top.texts == 1 {
		p.tree.nodes[top.node].text = s
		return
	}
	p.tree.nodes[top.node].mixed = true
}

func (p *parser) startTag() error {
	if p.depth == 0 && len(p.tree.nodes) > 0 {
		return p.fail("a second root element")
	}
	if p.depth >= p.lim.Depth || len(p.tree.nodes) >= p.lim.Nodes {
		return ErrTooLarge
	}
	begin := p.pos
	p.pos++
	start := p.pos
	prefix, local, err := p.qname()
	if err != nil {
		return err
	}
	i, attr := int32(len(p.tree.nodes)), len(p.tree.attrs)
	o := open{node: i, name: p.src[start:p.pos], scope: int32(p.scopes)}
	empty, err := p.attributes(attr)
	if err != nil {
		return err
	}
	space, err := p.bound(prefix, true)
	if err != nil {
		return err
	}
	parent := int32(-1)
	if p.depth > 0 {
		parent = p.stack[p.depth-1].node
	}
	p.tree.nodes = append(p.tree.nodes, node{
		local: local, space: space, attr: int32(attr), past: i + 1, start: int32(begin), end: int32(p.pos), parent: parent,
	})
	if err := p.bindAttributes(attr); err != nil {
		return err
	}
	if empty {
		p.scopes = int(o.scope)
		return nil
	}
	p.stack[p.depth] = o
	p.depth++
	return nil
}

// attributes reads up to the end of the tag, puts namespace declarations in
// force and appends the other attributes, from first on, with the prefix for
// the namespace.
func (p *parser) attributes(first int) (empty bool, err error) {
	mark := p.scopes
	for {
		spaced := p.skipSpace()
		switch {
		case p.pos < len(p.src) && p.src[p.pos] == '>':
			p.pos++
			return false, nil
		case p.pos+1 < len(p.src) && p.src[p.pos] == '/' && p.src[p.pos+1] == '>':
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
		case a.Space == "xmlns" || (a.Space == "" && a.Local == "xmlns"):
			if err := p.declare(a, mark); err != nil {
				return false, err
			}
		case len(p.tree.attrs)-first >= maxAttrs:
			return false, ErrTooLarge
		default:
			for _, other := range p.tree.attrs[first:] {
				if other.Local == a.Local && other.Space == a.Space {
					return false, p.fail("the same attribute twice")
				}
			}
			p.tree.attrs = append(p.tree.attrs, a)
		}
	}
}

func (p *parser) attribute() (Attr, error) {
	prefix, local, err := p.qname()
	if err != nil {
		return Attr{}, err
	}
	p.skipSpace()
	if p.pos >= len(p.src) || p.src[p.pos] != '=' {
		return Attr{}, p.fail("an attribute without value")
	}
	p.pos++
	p.skipSpace()
	if p.pos >= len(p.src) || (p.src[p.pos] != '"' && p.src[p.pos] != '\'') {
		return Attr{}, p.fail("an attribute value without quotes")
	}
	quote := p.src[p.pos]
	p.pos++
	end := strings.IndexByte(p.src[p.pos:], quote)
	if end < 0 {
		return Attr{}, p.fail("an attribute value that does not end")
	}
	if end > p.lim.Attr {
		return Attr{}, ErrTooLarge
	}
	v, err := p.value(p.src[p.pos : p.pos+end])
	if err != nil {
		return Attr{}, err
	}
	p.pos += end + 1
	return Attr{Space: prefix, Local: local, Value: v}, nil
}

// value is an attribute's value, normalised (XML 1.0, section 3.3.3).
func (p *parser) value(v string) (string, error) {
	plain := true
	for i := range len(v) {
		if c := v[i]; c < ' ' || c == '<' || c == '&' {
			plain = false
			break
		}
	}
	if plain {
		return v, nil
	}
	if strings.IndexByte(v, '<') >= 0 {
		return "", p.fail("< in an attribute value")
	}
	v = lineEnds(v)
	if strings.ContainsAny(v, "\t\n") {
		v = strings.ReplaceAll(strings.ReplaceAll(v, "\t", " "), "\n", " ")
	}
	return p.unescape(v)
}

func (p *parser) declare(a Attr, mark int) error {
	prefix := ""
	if a.Space == "xmlns" {
		prefix = a.Local
		if a.Value == "" || prefix == "xmlns" {
			return p.fail("a prefix bound to nothing")
		}
	}
	if (prefix == "xml") != (a.Value == SpaceXML) || a.Value == "http://www.w3.org/2000/xmlns/" {
		return p.fail("a reserved prefix or namespace bound anew")
	}
	for _, b := range p.scope[mark:p.scopes] {
		if b.prefix == prefix {
			return p.fail("the same prefix bound twice")
		}
	}
	if p.scopes >= maxScope {
		return ErrTooLarge
	}
	if len(a.Value) > maxSpace {
		return ErrTooLarge
	}
	outer := int32(-1)
	if p.scopes > 0 {
		outer = p.scope[p.scopes-1].decl
	}
	p.scope[p.scopes] = binding{prefix, a.Value, int32(len(p.tree.decls))}
	p.scopes++
	p.tree.decls = append(p.tree.decls, decl{prefix, a.Value, int32(len(p.tree.nodes)), outer})
	return nil
}

// bound returns the namespace of a prefix. Attributes without prefix have none.
func (p *parser) bound(prefix string, element bool) (string, error) {
	if prefix == "" && !element {
		return "", nil
	}
	for i := p.scopes - 1; i >= 0; i-- {
		if p.scope[i].prefix == prefix {
			return p.scope[i].space, nil
		}
	}
	if prefix == "xml" {
		return SpaceXML, nil
	}
	if p.strict || (p.lim.Bound && prefix != "") {
		return "", p.fail("the namespace of " + strconv.Quote(clip(prefix)) + " is not declared in the element")
	}
	if prefix != "" {
		p.tree.unbound = true
	}
	return prefix, nil
}

// bindAttributes puts the namespaces of the attributes from first on in place
// of their prefixes.
func (p *parser) bindAttributes(first int) error {
	attrs := p.tree.attrs[first:]
	for i := range attrs {
		if attrs[i].Space == "" {
			continue
		}
		space, err := p.bound(attrs[i].Space, false)
		if err != nil {
			return err
		}
		attrs[i].Space = space
		for _, other := range attrs[:i] {
			if other.Local == attrs[i].Local && other.Space == space {
				return p.fail("the same attribute twice")
			}
		}
	}
	return nil
}

func (p *parser) endTag() error {
	p.pos += len("</")
	if p.depth == 0 {
		return p.fail("an end tag without start")
	}
	top := p.stack[p.depth-1]
	if !strings.HasPrefix(p.src[p.pos:], top.name) {
		return p.fail("<" + clip(top.name) + "> ends as </" + clip(p.name()) + ">")
	}
	p.pos += len(top.name)
	p.skipSpace()
	if p.pos >= len(p.src) || p.src[p.pos] != '>' {
		return p.fail("the end tag of <" + clip(top.name) + "> does not end")
	}
	p.pos++
	n := &p.tree.nodes[top.node]
	n.past, n.end = int32(len(p.tree.nodes)), int32(p.pos)
	p.depth--
	p.scopes = int(top.scope)
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
	if name == "" {
		return "", "", p.fail("not a name")
	}
	colon := strings.IndexByte(name, ':')
	if colon < 0 {
		return "", name, nil
	}
	prefix, local = name[:colon], name[colon+1:]
	first, _ := utf8.DecodeRuneInString(local)
	if prefix == "" || local == "" || strings.IndexByte(local, ':') >= 0 || !nameStart(first) {
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
			if class[c]&inName == 0 || (p.pos == start && class[c]&startsName == 0) {
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
