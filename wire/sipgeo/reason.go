package sipgeo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Protocols of Reason.
const (
	ReasonSIP        = "SIP"        // Cause is a status code (RFC 3326)
	ReasonQ850       = "Q.850"      // Cause is an ITU-T cause value (RFC 3326)
	ReasonPreemption = "preemption" // RFC 4411
)

// Causes of ReasonPreemption (RFC 4411, section 5).
const (
	PreemptedUA       = 1
	PreemptedReserved = 2 // by the network
	PreemptedGeneric  = 3
	PreemptedNonIP    = 4
)

// Reason is one value of the Reason header: why a request was sent, a CANCEL or
// BYE above all.
type Reason struct {
	Protocol string
	Cause    int    // 0 when it is not said
	Text     string // for a person
	Params   string // others: kept
}

// ParseReasons reads all Reason headers of a message in order.
func ParseReasons(headers []string) []Reason {
	var out []Reason
	for _, v := range values(headers) {
		protocol, params, _ := strings.Cut(v, ";")
		r := Reason{Protocol: strings.Trim(protocol, " \t")}
		if !isToken(r.Protocol) {
			continue
		}
		for _, known := range []string{ReasonSIP, ReasonQ850, ReasonPreemption} {
			if strings.EqualFold(known, r.Protocol) {
				r.Protocol = known
			}
		}
		if cause, ok := param(params, "cause"); ok {
			n, err := strconv.ParseUint(cause, 10, 31)
			if err != nil {
				continue
			}
			r.Cause = int(n)
		}
		r.Text, _ = param(params, "text")
		r.Params = without(params, "cause", "text")
		out = append(out, r)
	}
	return out
}

// FormatReasons writes one header value. A protocol may stand once (RFC 3326,
// section 2).
func FormatReasons(rs ...Reason) (string, error) {
	seen := map[string]bool{}
	return list(rs, func(r Reason) (string, error) {
		key := strings.ToLower(r.Protocol)
		if seen[key] {
			return "", fmt.Errorf("more than one reason of protocol %s", clip(r.Protocol))
		}
		s, err := r.format()
		seen[key] = err == nil
		return s, err
	})
}

func (r Reason) format() (string, error) {
	if !isToken(r.Protocol) {
		return "", fmt.Errorf("%q is no protocol", clip(r.Protocol))
	}
	least, most := 0, 1<<31-1
	switch {
	case strings.EqualFold(r.Protocol, ReasonSIP):
		least, most = 100, 699
	case strings.EqualFold(r.Protocol, ReasonQ850):
		least, most = 1, 127
	case strings.EqualFold(r.Protocol, ReasonPreemption):
		least, most = PreemptedUA, PreemptedNonIP
	}
	s := r.Protocol
	if r.Cause != 0 {
		if r.Cause < least || r.Cause > most {
			return "", fmt.Errorf("%d is no cause of %s", r.Cause, r.Protocol)
		}
		s += ";cause=" + strconv.Itoa(r.Cause)
	}
	if r.Text != "" {
		text, err := quote(r.Text)
		if err != nil {
			return "", err
		}
		s += ";text=" + text
	}
	for _, name := range []string{"cause", "text"} {
		if _, twice := param(r.Params, name); twice {
			return "", errors.New(name + " stands among the parameters")
		}
	}
	return withParams(s, r.Params)
}
