package world

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// The codes that only a file can have; package check has the others.
const (
	codeYAML    = "yaml"        // no YAML, or more of it than a world file needs
	codeUnknown = "unknown_key" // a key that nothing reads
	codeTwice   = "duplicate"   // check.Duplicate
	codeType    = "type"        // a list where a text belongs, and the like
	codeSize    = "size"        // too large
	codeMore    = "more"        // further faults that are not told
)

// maxFaults bounds the answer to a file that is wrong all over. One line more
// says how many there are beyond.
const maxFaults = 500

// source reads one file strictly: what nobody reads is refused, and every
// fault has its place.
type source struct {
	file   string
	faults []e911.Fault
	beyond int              // faults that are not told
	at     map[string]place // by path
}

type place struct{ row, col int }

func (s *source) add(path string, at place, code, msg, fix string) {
	if len(s.faults) == maxFaults {
		s.beyond++
		return
	}
	s.faults = append(s.faults, e911.Fault{File: s.file, Path: path, Row: at.row, Col: at.col, Code: code, Msg: msg, Fix: fix})
}

// where finds the place of a path, or of the nearest thing around it.
func (s *source) where(path string) place {
	for path != "" {
		if at, ok := s.at[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return place{1, 1}
}

// errLine finds the line in an error of the YAML parser.
var errLine = regexp.MustCompile(`line (\d+): `)

// parse returns the root of the only document.
func (s *source) parse(text []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		s.add("", place{1, 1}, check.Required, "the file is empty", "begin with world: and organisations:")
		return nil
	}
	if err != nil {
		at := place{1, 1}
		msg := strings.TrimPrefix(err.Error(), "yaml: ")
		if m := errLine.FindStringSubmatch(msg); m != nil {
			at.row, _ = strconv.Atoi(m[1])
			msg = strings.Replace(msg, m[0], "", 1)
		}
		s.add("", at, codeYAML, "this is no YAML: "+msg, "compare indentation and quotes with the lines before")
		return nil
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		s.add("", place{max(more.Line, 1), max(more.Column, 1)}, codeYAML, "a world file is one document", "remove what follows the second ---")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		s.add("", place{1, 1}, codeYAML, "this is no YAML document", "begin with world: and organisations:")
		return nil
	}
	return doc.Content[0]
}

// node is a value at a path.
type node struct {
	s    *source
	path string
	y    *yaml.Node // nil: absent
}

func (s *source) node(path string, y *yaml.Node) node {
	if y != nil {
		s.at[path] = place{y.Line, y.Column}
	}
	return node{s, path, y}
}

func (n node) there() bool { return n.y != nil }

func (n node) place() place { return n.s.where(n.path) }

func (n node) fault(code, msg, fix string) { n.s.add(n.path, n.place(), code, msg, fix) }

// plain refuses what a world file has no use for and a hostile one has:
// aliases, which unfold to any size, and tags.
func (n node) plain() bool {
	if n.y.Kind == yaml.AliasNode || n.y.Anchor != "" {
		n.fault(codeYAML, "anchors and aliases are not read", "write the value out")
		return false
	}
	if n.y.Style&yaml.TaggedStyle != 0 {
		n.fault(codeYAML, fmt.Sprintf("the tag %s is not read", n.y.Tag), "write the value without it")
		return false
	}
	return true
}

// null reports a key without a value: "users:" with nothing behind it.
func (n node) null() bool {
	return n.y == nil || n.y.Kind == yaml.ScalarNode && n.y.Tag == "!!null"
}

// object reads a mapping that may have the keys, each once. Fields that are
// absent are there too, and know their path.
func (n node) object(keys ...string) map[string]node {
	fields := make(map[string]node, len(keys))
	for _, k := range keys {
		fields[k] = node{n.s, n.field(k), nil}
	}
	if n.null() || !n.plain() {
		return fields
	}
	if n.y.Kind != yaml.MappingNode {
		n.fault(codeType, "here belongs an object, with keys and values", "write "+strings.Join(keys[:min(len(keys), 3)], ": ..., ")+": ...")
		return fields
	}
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		k, v := n.y.Content[i], n.y.Content[i+1]
		at := place{k.Line, k.Column}
		switch first, ok := fields[k.Value]; {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!merge" || k.Style&yaml.TaggedStyle != 0 || k.Anchor != "":
			n.s.add(n.path, at, codeYAML, "a key is a plain word", "write one of: "+strings.Join(keys, ", "))
		case !ok:
			n.s.add(n.field(short(k.Value)), at, codeUnknown, fmt.Sprintf("%q is no key here", short(k.Value)), suggest(k.Value, keys))
		case first.there():
			n.s.add(n.field(k.Value), at, codeTwice, fmt.Sprintf("%q stands here twice, first in line %d", k.Value, first.place().row), "keep one of the two")
		default:
			fields[k.Value] = n.s.node(n.field(k.Value), v)
		}
	}
	return fields
}

func (n node) field(key string) string {
	if n.path == "" {
		return key
	}
	return n.path + "." + key
}

// list reads a sequence.
func (n node) list() []node {
	if n.null() || !n.plain() {
		return nil
	}
	if n.y.Kind != yaml.SequenceNode {
		n.fault(codeType, "here belongs a list", "write [ ... ], or one - a line")
		return nil
	}
	items := make([]node, len(n.y.Content))
	for i, y := range n.y.Content {
		items[i] = n.s.node(fmt.Sprintf("%s[%d]", n.path, i), y)
	}
	return items
}

// text reads a scalar as it was written: 02139 and "02139" are the same.
func (n node) text() string {
	if n.null() || !n.plain() {
		return ""
	}
	if n.y.Kind != yaml.ScalarNode {
		n.fault(codeType, "here belongs a single value", "write one word or text")
		return ""
	}
	return n.y.Value
}

func (n node) truth() bool {
	switch s := n.text(); s {
	case "true":
		return true
	case "false", "":
		return false
	default:
		n.fault(codeType, fmt.Sprintf("%q is neither true nor false", short(s)), "write true or false")
		return false
	}
}

func (n node) whole() int {
	s := n.text()
	if s == "" {
		return 0
	}
	i, err := strconv.Atoi(s)
	if err != nil {
		n.fault(codeType, fmt.Sprintf("%q is no whole number", short(s)), "write digits")
	}
	return i
}

func (n node) texts() []string {
	var out []string
	for _, i := range n.list() {
		out = append(out, i.text())
	}
	return out
}

// suggest says which key was probably meant.
func suggest(typed string, keys []string) string {
	best, least := "", 3
	for _, k := range keys {
		if d := distance(strings.ToLower(typed), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(keys) > 12 {
		return "remove it"
	}
	return "the keys here are " + strings.Join(keys, ", ")
}

// distance counts the changes of one character that turn a into b
// (Levenshtein). Texts of very different lengths are told apart at once.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost = 1 + min(left, row[j], row[j+1])
			}
			left, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
