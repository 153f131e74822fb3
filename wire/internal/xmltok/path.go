package xmltok

import (
	"errors"
	"fmt"
	"strconv"
)

// PathError says which element of a document or of a value is wrong, and why.
// Decoders return it for what they read, encoders for what they were given.
type PathError struct {
	Path   string // local names, "/presence/tuple[2]/status/geopriv"; counted from 1 where there are several
	Reason string // lower case, without the path
	Err    error  // what it wraps, or nil
}

func (e *PathError) Error() string {
	reason := e.Reason
	if e.Err != nil {
		if reason != "" {
			reason += ": "
		}
		reason += e.Err.Error()
	}
	if e.Path == "" {
		return reason
	}
	return e.Path + ": " + reason
}

func (e *PathError) Unwrap() error { return e.Err }

// Within puts element before the path of err, "tuple[2]" before
// "/status/geopriv"; an error of another kind becomes the cause of a
// PathError. Encoders use it on the way up. It returns nil for nil.
func Within(element string, err error) error {
	if err == nil {
		return nil
	}
	var at *PathError
	if errors.As(err, &at) {
		return &PathError{Path: "/" + element + at.Path, Reason: at.Reason, Err: at.Err}
	}
	return &PathError{Path: "/" + element, Err: err}
}

// Nth names one of several elements for Within: Nth("tuple", 0) is "tuple[1]".
func Nth(element string, i int) string { return element + "[" + strconv.Itoa(i+1) + "]" }

// Path is the element's place in its document, as in PathError.
func (n Node) Path() string {
	if n.t == nil {
		return ""
	}
	var way [maxDepth]Node
	depth := 0
	for at := n; at.i > 0 && depth < len(way); at.i = at.t.nodes[at.i].parent {
		way[depth] = at
		depth++
	}
	path := "/" + clip(n.t.nodes[0].local)
	for depth--; depth >= 0; depth-- {
		path += "/" + clip(way[depth].Local()) + way[depth].nth()
	}
	return path
}

// mostSiblings bounds how many elements Path looks at to count one: a document
// of nothing but broken elements must not cost its square.
const mostSiblings = 256

// nth is "[2]" for the second of several elements of one name, nothing for the
// only one.
func (n Node) nth() string {
	all, same, before := 0, 0, 0
	for c := range (Node{n.t, n.t.nodes[n.i].parent}).Children() {
		if all++; all > mostSiblings {
			break
		}
		if c.Is(n.Space(), n.Local()) {
			same++
			if c.i < n.i {
				before++
			}
		}
	}
	switch {
	case before == same && same > 0: // it stands behind all that were counted
		return "[>" + strconv.Itoa(before) + "]"
	case same > 1:
		return "[" + strconv.Itoa(before+1) + "]"
	}
	return ""
}

// Errorf makes a PathError about the element; %w sets what it wraps.
func (n Node) Errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if errors.Unwrap(err) != nil {
		return &PathError{Path: n.Path(), Err: err}
	}
	return &PathError{Path: n.Path(), Reason: err.Error()}
}
