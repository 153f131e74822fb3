// Package xmltok reads one bounded XML document into a tree whose texts are
// parts of the document itself, and escapes text for writing.
//
// It is made for documents that strangers send while somebody waits for help:
// size, depth and number of nodes are bounded, a document type definition is
// refused before anything in it is looked at, no entity but the five of XML is
// known, and nothing outside the document is ever fetched. Work and memory are
// linear in the size of the document. Well-formedness is checked (XML 1.0,
// fifth edition; Namespaces in XML 1.0); validity is the caller's business.
//
// Every string that a Node gives is a part of one copy of the document, and
// keeps all of it in memory as long as the string lives. Who keeps a value for
// long (a cache, a table) clones it.
//
// The encoding is UTF-8, whatever a declaration or a Content-Type says; a byte
// order mark is skipped, a document that declares Latin-1 and is not UTF-8 is
// converted, UTF-16 is refused.
//
// One tolerance: a prefix that is bound to nothing stands for a namespace of
// its own name, because documents with such prefixes are met in the field and
// the element is foreign either way.
package xmltok

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Defaults of Limits. A request with four neighbour switches and thirty access
// points is below 8 KiB; PIDF-LO with a polygon and vCards below 16 KiB.
const (
	MaxBytes = 64 << 10
	MaxDepth = 32
	MaxNodes = 4096
	MaxAttr  = 16 << 10
	maxDepth = 64   // whatever Limits say
	maxName  = 256  // bytes of one name, prefix included
	maxSpace = 1024 // bytes of one namespace name: Foreign repeats it in every element
	maxAttrs = 64   // on one element; duplicates are searched pairwise
	maxScope = 64   // namespace declarations in force at one place
)

// ErrTooLarge means that the document is beyond a limit of size, depth or count.
var ErrTooLarge = errors.New("document is larger, deeper or longer than allowed")

// ErrDTD means that the document has a document type declaration.
var ErrDTD = errors.New("document type declarations are refused")

// SyntaxError says where a document is not well-formed.
type SyntaxError struct {
	Offset int    // bytes from the start
	Path   string // of the innermost element that is open there, "/presence/tuple"
	Msg    string
}

func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("not well-formed at byte %d: %s", e.Offset, e.Msg)
	}
	return fmt.Sprintf("not well-formed at byte %d in %s: %s", e.Offset, e.Path, e.Msg)
}

// Limits bound what Parse takes: bytes of the document, depth and number of
// elements, bytes of one attribute value. Zero values mean the defaults above;
// no document may be deeper than 64.
type Limits struct {
	Bytes, Depth, Nodes, Attr int
	Bound                     bool // refuse prefixes that are bound to nothing
}

func (l Limits) withDefaults() Limits {
	pick := func(v, instead int) int {
		if v <= 0 {
			return instead
		}
		return v
	}
	return Limits{
		Bytes: pick(l.Bytes, MaxBytes), Depth: min(pick(l.Depth, MaxDepth), maxDepth),
		Nodes: pick(l.Nodes, MaxNodes), Attr: pick(l.Attr, MaxAttr), Bound: l.Bound,
	}
}

// Attr is an attribute; Space is empty for the usual one without prefix.
type Attr struct {
	Space, Local, Value string
}

// node is an element. Nodes stand in document order, so that the descendants
// of node i are i+1 up to past, and its attributes end where those of the next
// node begin.
type node struct {
	space, local string
	text         string // character data directly inside, in order
	attr         int32  // first in tree.attrs
	past         int32  // first node that is not inside
	start, end   int32  // bytes of tree.src, tags included
	parent       int32  // -1 for the root
	mixed        bool   // there is more text than the first run, see tree.joined
}

// decl is a namespace declaration on a node.
type decl struct {
	prefix, space string
	node          int32
	outer         int32 // the declaration in force before this one, -1 for none
}

type tree struct {
	src   string
	nodes []node
	attrs []Attr
	decls []decl // in document order
	few   [12]decl
	// unbound is set when some prefix was bound to nothing.
	unbound bool
}

// Node is an element. The zero Node stands for an absent one: all its methods
// answer as for an element without name, text, attributes and children.
type Node struct {
	t *tree
	i int32
}

// OK reports whether the element is there.
func (n Node) OK() bool { return n.t != nil }

// Space is the element's namespace.
func (n Node) Space() string {
	if n.t == nil {
		return ""
	}
	return n.t.nodes[n.i].space
}

// Local is the element's name without prefix.
func (n Node) Local() string {
	if n.t == nil {
		return ""
	}
	return n.t.nodes[n.i].local
}

// Is reports whether the element has that namespace and name.
func (n Node) Is(space, local string) bool {
	return n.t != nil && n.t.nodes[n.i].local == local && n.t.nodes[n.i].space == space
}

// Text is the character data directly inside the element, as written. It is
// put together at each call when elements or comments stand between.
func (n Node) Text() string {
	if n.t == nil {
		return ""
	}
	if n.t.nodes[n.i].mixed {
		return n.t.joined(n.i)
	}
	return n.t.nodes[n.i].text
}

// Token is Text with white space collapsed, as xs:token has it.
func (n Node) Token() string { return Collapse(n.Text()) }

// DeepToken is the collapsed text of the element and of all inside it.
func (n Node) DeepToken() string {
	if n.t == nil || n.t.nodes[n.i].past == n.i+1 {
		return n.Token()
	}
	var b strings.Builder
	n.deep(&b)
	return Collapse(b.String())
}

func (n Node) deep(b *strings.Builder) {
	b.WriteString(n.Text())
	for c := range n.Children() {
		b.WriteByte(' ')
		c.deep(b)
	}
}

// Attr returns the value of the attribute without namespace, empty when absent.
func (n Node) Attr(local string) string {
	v, _ := n.LookupAttr("", local)
	return v
}

// LookupAttr returns the attribute's value and whether it is there.
func (n Node) LookupAttr(space, local string) (string, bool) {
	for _, a := range n.Attrs() {
		if a.Local == local && a.Space == space {
			return a.Value, true
		}
	}
	return "", false
}

// SpaceXML is the namespace of xml:lang.
const SpaceXML = "http://www.w3.org/XML/1998/namespace"

// Lang is the element's own xml:lang.
func (n Node) Lang() string {
	v, _ := n.LookupAttr(SpaceXML, "lang")
	return v
}

// Attrs lists the attributes without the namespace declarations. It must not
// be changed.
func (n Node) Attrs() []Attr {
	if n.t == nil {
		return nil
	}
	first, past := n.t.nodes[n.i].attr, int32(len(n.t.attrs))
	if int(n.i)+1 < len(n.t.nodes) {
		past = n.t.nodes[n.i+1].attr
	}
	return n.t.attrs[first:past:past]
}

// Children goes over the elements directly inside, in document order.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.t == nil {
			return
		}
		past := n.t.nodes[n.i].past
		for i := n.i + 1; i < past; i = n.t.nodes[i].past {
			if !yield(Node{n.t, i}) {
				return
			}
		}
	}
}

// Child returns the first element directly inside with that namespace and name.
func (n Node) Child(space, local string) Node {
	for c := range n.Children() {
		if c.Is(space, local) {
			return c
		}
	}
	return Node{}
}

// Trim drops XML white space at both ends.
func Trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// Collapse replaces runs of XML white space by one space and trims both ends.
// Text that is so already is returned as it is.
func Collapse(s string) string {
	s = Trim(s)
	for i := range len(s) {
		if c := s[i]; c == '\t' || c == '\n' || c == '\r' || (c == ' ' && s[i-1] == ' ') {
			return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
				return r == ' ' || r == '\t' || r == '\n' || r == '\r'
			}), " ")
		}
	}
	return s
}
