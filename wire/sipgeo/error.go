package sipgeo

import (
	"fmt"
	"strconv"
	"strings"
)

// Codes of Geolocation-Error (RFC 6442, section 4.4).
const (
	CannotProcess      = 100
	PermissionToUse    = 200
	PermissionToResend = 201
	PermissionToRoute  = 202
	DereferenceFailure = 300
)

// LocationError is the value of Geolocation-Error: what was wrong with the
// location of a request. It may stand in every response but 100.
type LocationError struct {
	Code   int    // three digits
	Text   string // for a person
	Params string // others, "inserted-by=\"a.example\"": kept
}

// Error says what is wrong, so that a LocationError can be returned as error.
func (e LocationError) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("location error %d: %s", e.Code, CodeText(e.Code))
	}
	return fmt.Sprintf("location error %d: %s", e.Code, e.Text)
}

// Class is the code to act on: an unknown one counts as the first of its
// hundred, and any other as CannotProcess (RFC 6442, section 4.4).
func (e LocationError) Class() int {
	switch e.Code {
	case CannotProcess, PermissionToUse, PermissionToResend, PermissionToRoute, DereferenceFailure:
		return e.Code
	}
	switch e.Code / 100 {
	case PermissionToUse / 100:
		return PermissionToUse
	case DereferenceFailure / 100:
		return DereferenceFailure
	}
	return CannotProcess
}

// CodeText is the registered text of a code.
func CodeText(code int) string {
	switch (LocationError{Code: code}).Class() {
	case PermissionToUse:
		return "Permission To Use Location Information"
	case PermissionToResend:
		return "Permission To Retransmit Location Information to a Third Party"
	case PermissionToRoute:
		return "Permission to Route based on Location Information"
	case DereferenceFailure:
		return "Dereference Failure"
	}
	return "Cannot Process Location"
}

// ParseLocationError reads Geolocation-Error, of which a message has one; of
// several the first that can be read counts.
func ParseLocationError(headers []string) (LocationError, bool) {
	for _, v := range values(headers) {
		digits, params, _ := strings.Cut(v, ";")
		code, err := strconv.ParseUint(strings.Trim(digits, " \t"), 10, 16)
		if err != nil || code == 0 || code > 999 {
			continue
		}
		text, _ := param(params, "code")
		return LocationError{Code: int(code), Text: text, Params: without(params, "code")}, true
	}
	return LocationError{}, false
}

// Format writes the header value.
func (e LocationError) Format() (string, error) {
	if e.Code < CannotProcess || e.Code > 999 {
		return "", fmt.Errorf("%d is no code of three digits", e.Code)
	}
	s := strconv.Itoa(e.Code)
	if e.Text != "" {
		text, err := quote(e.Text)
		if err != nil {
			return "", err
		}
		s += ";code=" + text
	}
	if _, twice := param(e.Params, "code"); twice {
		return "", fmt.Errorf("code stands among the parameters")
	}
	return withParams(s, e.Params)
}
