package desk

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
)

// Question is one place: an address as people say it, a point, or a location of
// an organisation by its key, "org/location" for the operator.
type Question struct {
	Address  string
	Point    *e911.Area
	Location string
	Org      string // key of whose call it would be
	Service  string // URN
}

// Parameters of the API.
const (
	ParamAddress  = "address"
	ParamPoint    = "point"
	ParamLocation = "location"
	ParamOrg      = "org"
	ParamService  = "service"
)

// maxAddress bounds the text of an address.
const maxAddress = 1000

// Parse reads the parameters of the API; errors are e911.Invalid with all faults.
func Parse(v url.Values) (Question, error) {
	q := Question{Address: strings.TrimSpace(v.Get(ParamAddress)), Location: v.Get(ParamLocation), Org: v.Get(ParamOrg)}
	var faults []e911.Fault
	fault := func(path, code, msg, fix string) {
		faults = append(faults, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
	}
	for name := range v {
		switch name {
		case ParamAddress, ParamPoint, ParamLocation, ParamOrg, ParamService:
		default:
			fault(name, "unknown_key", "there is no such parameter", "use address, point, location, org and service")
		}
	}
	if s := v.Get(ParamPoint); s != "" {
		p, ok := point(s)
		if !ok {
			fault(ParamPoint, "syntax", "this is no point", "write latitude, longitude in degrees, 42.3668,-71.1057")
		}
		q.Point = p
	}
	n := 0
	for _, set := range []bool{q.Address != "", v.Get(ParamPoint) != "", q.Location != ""} {
		if set {
			n++
		}
	}
	if n != 1 {
		fault(ParamAddress, "required", "the question is about one place", "give an address, a point or a location")
	}
	if len(q.Address) > maxAddress {
		fault(ParamAddress, "range", fmt.Sprintf("an address has fewer than %d characters", maxAddress), "shorten it")
	}
	var ok bool
	if q.Service, ok = serviceOf(v.Get(ParamService)); !ok {
		fault(ParamService, "unknown", "this is no emergency service", "write police, fire, ambulance, poison or urn:service:sos...")
	}
	if len(faults) > 0 {
		return Question{}, &e911.Error{Kind: e911.Invalid, Msg: "the question cannot be answered", Faults: faults}
	}
	return q, nil
}

// serviceOf reads a service: a URN, or its last word (RFC 5031, section 4.2).
func serviceOf(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	switch {
	case s == "" || s == "sos" || s == "911":
		return ecrf.ServiceSOS, true
	case s == "ems":
		return ecrf.ServiceAmbulance, true
	case strings.HasPrefix(s, ecrf.ServiceSOS):
		return s, len(s) < 100 && !strings.ContainsAny(s, " \t\r\n")
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == "" && len(s) < 60:
		return ecrf.ServiceSOS + "." + s, true
	}
	return "", false
}

func point(s string) (*e911.Area, bool) {
	lat, lon, ok := strings.Cut(s, ",")
	a, err1 := strconv.ParseFloat(strings.TrimSpace(lat), 64)
	b, err2 := strconv.ParseFloat(strings.TrimSpace(lon), 64)
	if !ok || err1 != nil || err2 != nil || !(a >= -90 && a <= 90) || !(b >= -180 && b <= 180) {
		return nil, false
	}
	return &e911.Area{Point: e911.Point{Lat: a, Lon: b}}, true
}

// String says the question in words.
func (q Question) String() string {
	switch {
	case q.Point != nil:
		return fmt.Sprintf("%.5f, %.5f", q.Point.Lat, q.Point.Lon)
	case q.Location != "":
		return "location " + q.Location
	}
	return q.Address
}
