// Package foreign has the one type in which the packages beside it keep what
// they do not know: an element of somebody else's vocabulary, found where a
// schema lets any element stand, kept as text and written back unharmed.
package foreign

import "github.com/callbox911/callbox/wire/internal/xmltok"

// Element is one whole element as self-contained XML text. Its fields are
//
//	Space, Local string // the namespace and the name of the element
//	XML          string // the element from its first < to its last >
//
// Every namespace that the element uses is declared in it, also those of
// prefixes that stand in attribute values and texts, so that it may be put into
// any document. Elements are comparable; the zero value means none. Its text
// may be a part of the document it came with and keeps that in memory.
//
// Check reports why an element cannot be written: Append and Marshal of the
// packages beside this one return that error.
type Element = xmltok.Element

// Parse makes an Element of a document that is one XML element. A prefix that
// the text does not declare stands for a namespace of its own name. Errors say
// where the text is not well-formed, or that it is beyond 64 KiB, 32 levels or
// 4096 elements.
func Parse(text string) (Element, error) {
	n, err := xmltok.Parse([]byte(text), xmltok.Limits{})
	if err != nil {
		return Element{}, err
	}
	return xmltok.Foreign(n), nil
}
