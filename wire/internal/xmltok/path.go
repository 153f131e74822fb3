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
	path := "/" + clip(n.t.nodes[0].local)
	for at := (Node{n.t, 0}); at.i != n.i; {
		next, same, before := Node{}, 0, 0
		for c := range at.Children() {
			if c.i <= n.i && n.i < c.t.nodes[c.i].past {
				next = c
			}
		}
		for c := range at.Children() {
			if c.Is(next.Space(), next.Local()) {
				same++
				if c.i < next.i {
					before++
				}
			}
		}
		at = next
		path += "/" + clip(at.Local())
		if same > 1 {
			path += "[" + strconv.Itoa(before+1) + "]"
		}
	}
	return path
}

// Errorf makes a PathError about the element; %w sets what it wraps.
func (n Node) Errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if errors.Unwrap(err) != nil {
		return &PathError{Path: n.Path(), Err: err}
	}
	return &PathError{Path: n.Path(), Reason: err.Error()}
}
