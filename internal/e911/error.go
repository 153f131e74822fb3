package e911

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a receiver may do about an Error. It is translated once, at
// the edge: to HTTP in web, to SIP in live/sipedge.
type Kind string

// The kinds of an Error.
const (
	Internal    Kind = "internal"
	Invalid     Kind = "invalid"
	NotFound    Kind = "not_found"
	Conflict    Kind = "conflict"
	Denied      Kind = "denied"
	Unavailable Kind = "unavailable"
)

// Fault is one thing that is wrong with an input, said so that a person can
// find and mend it.
type Fault struct {
	File string `json:"file,omitempty"`
	Path string `json:"path"`          // "organisations[0].sites[2].ecbn"
	Row  int    `json:"row,omitempty"` // 1-based line of the file
	Col  int    `json:"col,omitempty"`
	Code string `json:"code"` // closed per importer: "unknown_key", "required" ...
	Msg  string `json:"msg"`
	Fix  string `json:"fix,omitempty"`
}

func (f Fault) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File + ":")
	}
	if f.Row > 0 {
		fmt.Fprintf(&b, "%d:%d: ", f.Row, f.Col)
	}
	b.WriteString(f.Path + ": " + f.Msg)
	if f.Fix != "" {
		b.WriteString(" (" + f.Fix + ")")
	}
	return b.String()
}

// Error carries a Kind and every Fault up to an edge.
type Error struct {
	Kind   Kind
	Msg    string // for the client: no address, number or SQL in it
	Faults []Fault
	Err    error // for the log; may be nil
}

func (e *Error) Error() string {
	s := e.Msg
	if s == "" {
		s = string(e.Kind)
	}
	for _, f := range e.Faults {
		s += "\n  " + f.String()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of kind k.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// KindOf reports the Kind of the outermost Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// FaultsOf returns the faults of the outermost Error in err's chain.
func FaultsOf(err error) []Fault {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Faults
	}
	return nil
}
