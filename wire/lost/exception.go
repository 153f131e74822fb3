package lost

import (
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
)

// Kind is the name of an error or warning (RFC 5222, section 13).
type Kind string

// Errors (section 13.1). Forbidden is there for authentication and policy.
const (
	BadRequest                  Kind = "badRequest"
	Forbidden                   Kind = "forbidden"
	InternalError               Kind = "internalError"
	LocationProfileUnrecognized Kind = "locationProfileUnrecognized"
	LocationInvalid             Kind = "locationInvalid"
	// SRSInvalid is in the prose of section 13.1 and not in the grammar. It is
	// read; a sender says LocationInvalid.
	SRSInvalid            Kind = "SRSInvalid"
	Loop                  Kind = "loop"
	NotFound              Kind = "notFound"
	ServerError           Kind = "serverError"
	ServerTimeout         Kind = "serverTimeout"
	ServiceNotImplemented Kind = "serviceNotImplemented"
)

// Warnings (section 13.2). The grammar allows each error as a warning too.
const (
	// LocationValidationUnavailable is defined in the grammar and used nowhere
	// in it, so no valid document has it. It is read; a sender leaves the
	// Validation out.
	LocationValidationUnavailable Kind = "locationValidationUnavailable"
	ServiceSubstitution           Kind = "serviceSubstitution"
	DefaultMappingReturned        Kind = "defaultMappingReturned"
)

// Sendable reports whether the grammar of RFC 5222 has a place for the kind.
func (k Kind) Sendable() bool {
	switch k {
	case BadRequest, Forbidden, InternalError, LocationProfileUnrecognized, LocationInvalid, Loop, NotFound,
		ServerError, ServerTimeout, ServiceNotImplemented, ServiceSubstitution, DefaultMappingReturned:
		return true
	}
	return false
}

// Exception is one error or warning.
type Exception struct {
	Kind        Kind
	Message     Text     // for people
	Unsupported []string // profiles, for LocationProfileUnrecognized
	Extensions  []foreign.Element
}

// NotDeleted says which deletions of a PushMappings found nothing (RFC 6739,
// section 5.2).
type NotDeleted struct {
	Message    Text
	Mappings   []Mapping // at least one
	Extensions []foreign.Element
}

// Exceptions are the errors, or some of the warnings, of one server: each kind
// once.
type Exceptions struct {
	Source     string // the server that found them, an application unique string
	List       []Exception
	Extensions []foreign.Element
}

// Has reports whether the kind is among the exceptions.
func (e *Exceptions) Has(k Kind) bool {
	for i := range e.List {
		if e.List[i].Kind == k {
			return true
		}
	}
	return false
}

// Errors is the answer when there is no useful one. It is an error, and what
// ParseFindServiceResponse and its likes return when it stands in place of the
// response.
type Errors struct {
	Exceptions
	NotDeleted []NotDeleted
}

// Error lists the kinds with the texts of the server.
func (m *Errors) Error() string {
	var b strings.Builder
	b.WriteString("LoST server " + m.Source + " answers")
	if len(m.List) == 0 && len(m.NotDeleted) == 0 {
		b.WriteString(" with an error without name")
	}
	for i := range m.List {
		b.WriteString(" " + string(m.List[i].Kind))
		if t := m.List[i].Message.Text; t != "" {
			b.WriteString(" (" + t + ")")
		}
	}
	if len(m.NotDeleted) > 0 {
		b.WriteString(" notDeleted")
	}
	return b.String()
}

// Redirect says which server to ask instead (RFC 5222, section 13.3). It is an
// error as Errors is.
type Redirect struct {
	Target     string // application unique string, found by U-NAPTR
	Source     string
	Message    Text
	Extensions []foreign.Element
}

// Error names the server to ask.
func (m *Redirect) Error() string {
	return "LoST server " + m.Source + " redirects to " + m.Target
}
