package saml

import (
	"bytes"
	"strings"
	"time"

	"github.com/beevik/etree"
	xrv "github.com/mattermost/xml-roundtrip-validator"

	"github.com/callbox911/callbox/internal/e911"
)

// The namespaces (saml-core-2.0-os, saml-metadata-2.0-os, xmldsig-core, xmlenc-core).
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsEncrypted = "http://www.w3.org/2001/04/xmlenc#"
	nsExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// bounds are what a document may be at most.
type bounds struct {
	octets, elements int
	comments         bool // may have some
}

// The bounds. goxmldsig walks a thousand elements and no more.
var (
	ofResponse = bounds{octets: 256 << 10, elements: 900}
	ofMetadata = bounds{octets: 1 << 20, elements: 20_000, comments: true}
)

const (
	maxDepth = 24
	maxAttrs = 40
)

func denied(format string, args ...any) error { return e911.Errorf(e911.Denied, format, args...) }

// read makes a tree of a document that means the same to every reader: no document
// type, no entities of its own, no processing instructions, UTF-8, one root, no
// prefix without a namespace. Comments are refused in answers: canonicalisation
// leaves them out, and what stands around one is read in two ways.
func read(raw []byte, most bounds) (*etree.Element, error) {
	if len(raw) > most.octets {
		return nil, denied("the document is larger than %d KiB", most.octets>>10)
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if err := xrv.Validate(bytes.NewReader(raw)); err != nil {
		return nil, &e911.Error{Kind: e911.Denied, Msg: "the document is not XML that has one reading", Err: err}
	}
	doc := etree.NewDocument()
	doc.ReadSettings.PreserveDuplicateAttrs = true // to refuse them
	if err := doc.ReadFromBytes(raw); err != nil {
		return nil, &e911.Error{Kind: e911.Denied, Msg: "the document is not XML", Err: err}
	}
	var root *etree.Element
	for i, t := range doc.Child {
		el, ok := t.(*etree.Element)
		p, instruction := t.(*etree.ProcInst)
		switch {
		case ok && root == nil:
			root = el
		case ok:
			return nil, denied("the document has more than one root")
		case instruction && i == 0 && p.Target == "xml" && utf8Only(p.Inst):
			continue
		}
		if !ok {
			if err := allowed(t, most.comments); err != nil {
				return nil, err
			}
		}
	}
	if root == nil {
		return nil, denied("the document is empty")
	}
	left := most.elements
	return root, walk(root, 1, func(el *etree.Element, depth int) error {
		left--
		if left < 0 || depth > maxDepth || len(el.Attr) > maxAttrs {
			return denied("the document has more than %d elements, or too many attributes or levels; let the identity provider send fewer groups", most.elements)
		}
		return plain(el, most.comments)
	})
}

func utf8Only(declaration string) bool {
	_, enc, has := strings.Cut(strings.ToLower(declaration), "encoding")
	if !has {
		return true
	}
	enc = strings.Trim(enc, " \t\r\n=\"'")
	return strings.HasPrefix(enc, "utf-8") || strings.HasPrefix(enc, "us-ascii")
}

// allowed judges a token that is no element.
func allowed(t etree.Token, comments bool) error {
	switch t.(type) {
	case *etree.CharData:
		return nil
	case *etree.Comment:
		if comments {
			return nil
		}
		return denied("the document has a comment; no identity provider writes one, and they hide things from signatures")
	case *etree.Directive:
		return denied("the document has a document type; SAML forbids it")
	default:
		return denied("the document has a processing instruction, or is not in UTF-8")
	}
}

// plain judges one element and its attributes.
func plain(el *etree.Element, comments bool) error {
	if el.Space != "" && el.NamespaceURI() == "" {
		return denied("the element %q has a prefix without a namespace", el.Tag)
	}
	seen := make(map[string]bool, len(el.Attr))
	for _, a := range el.Attr {
		if seen[a.Space+":"+a.Key] {
			return denied("the element %q has the attribute %q twice", el.Tag, a.Key)
		}
		seen[a.Space+":"+a.Key] = true
	}
	for _, t := range el.Child {
		if _, ok := t.(*etree.Element); ok {
			continue
		}
		if err := allowed(t, comments); err != nil {
			return err
		}
	}
	return nil
}

// walk visits an element and all below it; the first error ends it.
func walk(el *etree.Element, depth int, visit func(el *etree.Element, depth int) error) error {
	if err := visit(el, depth); err != nil {
		return err
	}
	for _, t := range el.Child {
		if c, ok := t.(*etree.Element); ok {
			if err := walk(c, depth+1, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func is(el *etree.Element, space, tag string) bool {
	return el != nil && el.Tag == tag && el.NamespaceURI() == space
}

// all lists the children of a name.
func all(el *etree.Element, space, tag string) []*etree.Element {
	var out []*etree.Element
	for _, c := range el.ChildElements() {
		if is(c, space, tag) {
			out = append(out, c)
		}
	}
	return out
}

// one is the child of a name, nil unless there is exactly one.
func one(el *etree.Element, space, tag string) *etree.Element {
	if el == nil {
		return nil
	}
	if c := all(el, space, tag); len(c) == 1 {
		return c[0]
	}
	return nil
}

// text is what stands in an element that has nothing but text; false: it has more.
func text(el *etree.Element) (string, bool) {
	if el == nil || len(el.ChildElements()) > 0 {
		return "", false
	}
	return strings.TrimSpace(el.Text()), true
}

// attr is an attribute without a prefix.
func attr(el *etree.Element, key string) string {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == key {
			return a.Value
		}
	}
	return ""
}

// instant reads a time; zero and false when it is none. A time without a zone is UTC
// (saml-core-2.0-os, section 1.3.3).
func instant(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// shape refuses a document in which something that counts stands where it does not
// belong, or twice: responses at the root, assertions right below it, signatures right
// below what they sign, ids once. Wrapped signatures (XSW1 to XSW8) all need one of
// these. Names count in every namespace.
func shape(root *etree.Element) error {
	assertions, ids := 0, map[string]bool{}
	return walk(root, 1, func(el *etree.Element, _ int) error {
		for _, a := range el.Attr {
			if strings.EqualFold(a.Key, "id") && a.Space != "xmlns" {
				if a.Value == "" || ids[a.Value] {
					return denied("an id stands in the document twice, or is empty: the signature could mean either")
				}
				ids[a.Value] = true
			}
		}
		space, belongs := el.NamespaceURI(), true
		switch el.Tag {
		case "Response":
			belongs = space == nsProtocol && el == root
		case "Assertion", "EncryptedAssertion":
			assertions++
			belongs = space == nsAssertion && assertions == 1 && (el == root || el.Parent() == root && is(root, nsProtocol, "Response"))
		case "Signature":
			over := el.Parent()
			belongs = space == nsSignature && over != nil && one(over, nsSignature, "Signature") == el &&
				(over == root || is(over, nsAssertion, "Assertion"))
		case "Object", "Manifest", "SignatureProperties":
			belongs = space != nsSignature
		}
		if !belongs {
			return denied("the answer has a %s where none belongs, or more than one; only one assertion is taken, and only where the signature says", el.Tag)
		}
		return nil
	})
}
