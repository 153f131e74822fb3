package lost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// ParseError says which element of a document, or of a value that was to be
// written, is wrong, and why.
type ParseError = xmltok.PathError

// SyntaxError says where a document is not well-formed.
type SyntaxError = xmltok.SyntaxError

// Errors of a document as a whole.
var (
	// ErrTooLarge means that the document is beyond one of the Limits.
	ErrTooLarge = xmltok.ErrTooLarge
	// ErrDTD means that the document has a document type declaration.
	ErrDTD = xmltok.ErrDTD
	// ErrForeignRoot means that the document is XML, but none of LoST.
	ErrForeignRoot = errors.New("the document element is not one of LoST")
)

// Limits bound what is read. A value that is zero means the default, which is
// made for answers with the boundary of a county by value.
type Limits struct {
	Bytes     int // of the document; default 1 MiB
	Depth     int // of elements; default 32
	Elements  int // default 32768
	Locations int // of a query; default 16
	Mappings  int // of an answer; default 256
	Vertices  int // of all shapes together; default 20000
}

// RequestLimits are for servers: a query is small.
func RequestLimits() Limits {
	return Limits{Bytes: 64 << 10, Depth: 24, Elements: 4096, Locations: 8, Mappings: 1, Vertices: 2000}
}

// SyncLimits are for the exchange of whole databases between servers that know
// each other (RFC 6739).
func SyncLimits() Limits {
	return Limits{Bytes: 256 << 20, Elements: 16 << 20, Mappings: 1 << 20, Vertices: 8 << 20}
}

func (l Limits) withDefaults() Limits {
	pick := func(v, instead int) int {
		if v <= 0 {
			return instead
		}
		return v
	}
	return Limits{
		Bytes: pick(l.Bytes, 1<<20), Depth: pick(l.Depth, 32), Elements: pick(l.Elements, 32768),
		Locations: pick(l.Locations, 16), Mappings: pick(l.Mappings, 256), Vertices: pick(l.Vertices, 20000),
	}
}

// Parse reads a document of LoST, LoST synchronization or service list
// boundaries, within the default Limits. Order and prefixes do not matter,
// UTF-16 is understood, elements of other namespaces are kept. Errors are
// ErrTooLarge, ErrDTD, ErrForeignRoot, a *SyntaxError or a *ParseError, or wrap
// one of them.
//
// The strings of the value are parts of one copy of the document: who keeps
// one for long, as a cache does, clones it.
func Parse(b []byte) (Message, error) { return Limits{}.Parse(b) }

// ParseAs reads a document that must be of one type:
//
//	resp, err := lost.ParseAs[*lost.FindServiceResponse](body, lost.Limits{})
//
// When errors or redirect stands in its place, err is that *Errors or
// *Redirect.
func ParseAs[M Message](b []byte, lim Limits) (M, error) {
	var none M
	msg, err := lim.Parse(b)
	if err != nil {
		return none, err
	}
	if m, ok := msg.(M); ok {
		return m, nil
	}
	switch e := msg.(type) {
	case *Errors:
		return none, e
	case *Redirect:
		return none, e
	}
	return none, fmt.Errorf("read LoST: %w", &ParseError{
		Path: "/" + msg.Root().Local, Reason: fmt.Sprintf("another document than the %T that was expected", none),
	})
}

// Parse is Parse with other limits.
func (l Limits) Parse(b []byte) (Message, error) {
	d := decoder{lim: l.withDefaults()}
	root, err := d.tree(b)
	if err != nil {
		return nil, fmt.Errorf("read LoST: %w", err)
	}
	m := d.message(root)
	if d.err != nil {
		return nil, fmt.Errorf("read LoST: %w", d.err)
	}
	if m == nil {
		return nil, fmt.Errorf("read LoST: %w", root.Errorf("%w", ErrForeignRoot))
	}
	return m, nil
}

// ParseMapping reads a mapping that stands alone, as databases and the
// figures of RFC 6739 have it.
func ParseMapping(b []byte) (Mapping, error) {
	d := decoder{lim: Limits{}.withDefaults()}
	root, err := d.tree(b)
	if err != nil {
		return Mapping{}, fmt.Errorf("read LoST mapping: %w", err)
	}
	if !root.Is(Space, "mapping") {
		return Mapping{}, fmt.Errorf("read LoST mapping: %w", root.Errorf("not a mapping"))
	}
	var m Mapping
	d.mapping(&m, root)
	return m, d.err
}

// decoder reads one document and keeps the first thing that was wrong.
type decoder struct {
	lim      Limits
	vertices int // so far
	mappings int // so far
	unusable int // places with Err so far
	err      error
}

func (d *decoder) fail(n xmltok.Node, format string, args ...any) {
	if d.err == nil {
		d.err = n.Errorf(format, args...)
	}
}

func (d *decoder) tree(b []byte) (xmltok.Node, error) {
	if len(b) > d.lim.Bytes {
		return xmltok.Node{}, ErrTooLarge
	}
	b, err := fromUTF16(b)
	if err != nil {
		return xmltok.Node{}, err
	}
	// UTF-8 may take half as much again as UTF-16.
	return xmltok.Parse(b, xmltok.Limits{Bytes: d.lim.Bytes + d.lim.Bytes/2, Depth: d.lim.Depth, Nodes: d.lim.Elements})
}

// fromUTF16 takes UTF-16 to UTF-8 (RFC 5222, section 16: servers and clients
// understand both) and leaves anything else as it is.
func fromUTF16(b []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case len(b) < 4:
		return b, nil
	case b[0] == 0xFE && b[1] == 0xFF, b[0] == 0 && b[1] == '<' && b[2] == 0:
		order = binary.BigEndian
	case b[0] == 0xFF && b[1] == 0xFE, b[0] == '<' && b[1] == 0 && b[3] == 0:
		order = binary.LittleEndian
	default:
		return b, nil
	}
	if len(b)%2 != 0 {
		return nil, &SyntaxError{Offset: len(b), Msg: "half a character of UTF-16"}
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i += 2 {
		r := rune(order.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(utf8.RuneError)
			if i+4 <= len(b) {
				low = rune(order.Uint16(b[i+2:]))
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, &SyntaxError{Offset: i, Msg: "half a pair of surrogates in UTF-16"}
			}
			i += 2
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

func (d *decoder) message(n xmltok.Node) Message {
	switch n.Space() {
	case Space:
		if m := d.request(n); m != nil {
			return m
		}
		return d.response(n)
	case SpaceList:
		return d.listBoundaryMessage(n)
	case SpaceSync:
		return d.syncMessage(n)
	}
	return nil
}

// others calls known for each child in the LoST namespace, and keeps the
// others as extensions.
func (d *decoder) others(n xmltok.Node, ext *[]foreign.Element, known func(c xmltok.Node, name string)) {
	for c := range n.Children() {
		if c.Space() == Space {
			known(c, c.Local())
		} else {
			*ext = append(*ext, xmltok.Foreign(c))
		}
	}
}

// boolean reads an xs:boolean.
func (d *decoder) boolean(n xmltok.Node, name string) bool {
	v, ok := n.LookupAttr("", name)
	if !ok {
		return false
	}
	switch xmltok.Collapse(v) {
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	d.fail(n, "%s is neither true nor false", name)
	return false
}

// form reads one of the attributes that say how a boundary is wanted.
func (d *decoder) form(n xmltok.Node, name string) BoundaryForm {
	switch v, ok := n.LookupAttr("", name); xmltok.Collapse(v) {
	case "value":
		return ByValue
	case "reference":
	default:
		if ok {
			d.fail(n, "%s is neither reference nor value", name)
		}
	}
	return ByReference
}

func attr(n xmltok.Node, name string) string { return xmltok.Collapse(n.Attr(name)) }

func (d *decoder) path(n xmltok.Node) []Via {
	var out []Via
	for c := range n.Children() {
		if !c.Is(Space, "via") {
			continue
		}
		v := Via{Source: attr(c, "source")}
		d.others(c, &v.Extensions, func(xmltok.Node, string) {})
		out = append(out, v)
	}
	return out
}
