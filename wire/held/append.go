package held

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// SpaceExtra is the namespace in which this package writes Extras: HELD allows
// foreign elements only (RFC 5985, section 7).
const SpaceExtra = "urn:callbox:held:extra"

// AppendRequest appends a locationRequest with its XML declaration. What the
// schemas do not allow (a hardware address that is none) is left out.
func AppendRequest(dst []byte, r *Request) []byte {
	dst = append(dst, pidflo.Declaration...)
	dst = append(dst, `<locationRequest xmlns="`+Space+`"`...)
	switch {
	case r.For == EmergencyRouting || r.For == EmergencyDispatch:
		dst = xmltok.AppendAttr(dst, "responseTime", string(r.For))
	case r.HasWithin:
		dst = xmltok.AppendAttr(dst, "responseTime", strconv.FormatInt(max(r.Within.Milliseconds(), 0), 10))
	}
	dst = append(dst, '>')
	if types := joinTypes(r.Types); types != "" {
		dst = append(dst, "<locationType"...)
		dst = xmltok.AppendAttr(dst, "exact", strconv.FormatBool(r.Exact))
		dst = append(dst, ">"+types+"</locationType>"...)
	}
	dst = appendIdentity(dst, r.Identity)
	for i := range r.Measurements {
		dst = appendMeasurement(dst, &r.Measurements[i])
	}
	if r.Routing != "" {
		dst = append(dst, `<requestRoutingInformation xmlns="`+SpaceRouting+`"`...)
		dst = xmltok.AppendAttr(dst, "service", xmltok.CleanURI(r.Routing))
		dst = append(dst, "/>"...)
	}
	for _, e := range r.Extras {
		if !xmltok.IsNCName(e.Name) {
			continue
		}
		dst = append(dst, "<"+e.Name+` xmlns="`+SpaceExtra+`">`...)
		dst = xmltok.AppendText(dst, e.Value)
		dst = append(dst, "</"+e.Name+">"...)
	}
	return append(dst, "</locationRequest>"...)
}

func joinTypes(types []LocationType) string {
	var out []string
	for _, t := range types {
		if (t == Civic || t == Geodetic || t == LocationURI) && !slices.Contains(out, string(t)) {
			out = append(out, string(t))
		}
	}
	return strings.Join(out, " ")
}

func appendIdentity(dst []byte, ids []Identifier) []byte {
	if len(ids) == 0 {
		return dst
	}
	dst = append(dst, `<device xmlns="`+SpaceID+`">`...)
	for _, id := range ids {
		value := id.Value
		switch id.Kind {
		case IDIP:
			v := "4"
			if strings.Contains(value, ":") {
				v = "6"
			}
			dst = append(dst, `<ip v="`+v+`">`...)
			dst = xmltok.AppendText(dst, value)
			dst = append(dst, "</ip>"...)
			continue
		case IDMAC:
			value = hyphens(value)
		case IDURI:
			value = xmltok.CleanURI(value)
		}
		if xmltok.IsNCName(id.Kind) {
			dst = xmltok.AppendElement(dst, id.Kind, value)
		}
	}
	return append(dst, "</device>"...)
}

// hyphens writes a hardware address as RFC 6155 and RFC 7105 want it, empty
// when it is none.
func hyphens(mac string) string {
	b, ok := octets(mac)
	if !ok || (len(b) != 6 && len(b) != 8) {
		return ""
	}
	return strings.ToUpper(strings.ReplaceAll(colons(b), ":", "-"))
}

func appendMeasurement(dst []byte, m *Measurement) []byte {
	dst = append(dst, `<measurements xmlns="`+SpaceLM+`"`...)
	if s := pidflo.FormatTime(m.Time); s != "" {
		dst = xmltok.AppendAttr(dst, "time", s)
	}
	if s := pidflo.FormatTime(m.Expires); s != "" {
		dst = xmltok.AppendAttr(dst, "expires", s)
	}
	dst = append(dst, '>')
	for _, l := range m.LLDP {
		if n, p := len(l.Chassis.Octets), len(l.Port.Octets); n < 1 || n > maxLLDP || p < 1 || p > maxLLDP {
			continue
		}
		dst = append(dst, `<lldp xmlns="`+SpaceLLDP+`">`...)
		dst = appendLLDPID(dst, "chassis", l.Chassis)
		dst = appendLLDPID(dst, "port", l.Port)
		dst = append(dst, "</lldp>"...)
	}
	dst = appendWiFi(dst, m.WiFi)
	return append(dst, "</measurements>"...)
}

func appendLLDPID(dst []byte, name string, id LLDPID) []byte {
	dst = append(dst, "<"+name...)
	dst = xmltok.AppendAttr(dst, "type", strconv.Itoa(min(max(id.Type, 0), 255)))
	dst = append(dst, '>')
	dst = hex.AppendEncode(dst, id.Octets)
	return append(dst, "</"+name+">"...)
}

func appendWiFi(dst []byte, aps []AccessPoint) []byte {
	open := false
	for _, ap := range aps {
		bssid := hyphens(ap.BSSID)
		if bssid == "" {
			continue
		}
		if !open {
			dst = append(dst, `<wifi xmlns="`+SpaceWiFi+`">`...)
			open = true
		}
		dst = append(dst, "<ap"...)
		if ap.Serving {
			dst = append(dst, ` serving="true"`...)
		}
		dst = append(dst, "><bssid>"+bssid+"</bssid>"...)
		dst = xmltok.AppendElement(dst, "ssid", escapeSSID(ap.SSID))
		dst = append(dst, "</ap>"...)
	}
	if open {
		dst = append(dst, "</wifi>"...)
	}
	return dst
}

// escapeSSID writes octets that are not plain as \hh (RFC 7105, section 5.3.1).
func escapeSSID(s string) string {
	if len(s) > 32 {
		s = s[:32]
	}
	if printable([]byte(s)) && !strings.Contains(s, `\`) && s == xmltok.Collapse(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c <= '~' && c != '\\' {
			b.WriteByte(c)
		} else {
			b.WriteString(`\` + hex.EncodeToString([]byte{c}))
		}
	}
	return b.String()
}

// AppendResponse appends a locationResponse with its XML declaration: the URI
// set first, as the schema has it, then the presence document.
func AppendResponse(dst []byte, r *Response) []byte {
	dst = append(dst, pidflo.Declaration...)
	dst = append(dst, `<locationResponse xmlns="`+Space+`">`...)
	open := false
	for _, u := range r.URIs {
		if u = xmltok.CleanURI(u); u == "" {
			continue
		}
		if !open {
			open = true
			dst = append(dst, "<locationUriSet"...)
			dst = xmltok.AppendAttr(dst, "expires", orEpoch(r.Expires))
			dst = append(dst, '>')
		}
		dst = xmltok.AppendElement(dst, "locationURI", u)
	}
	if open {
		dst = append(dst, "</locationUriSet>"...)
	}
	if r.Presence != nil {
		if out, err := pidflo.AppendPresence(dst, r.Presence); err == nil {
			dst = out
		}
	}
	return append(dst, "</locationResponse>"...)
}

// orEpoch writes a time that must be there: what has no expiry is expired.
func orEpoch(t time.Time) string {
	if s := pidflo.FormatTime(t); s != "" {
		return s
	}
	return "1970-01-01T00:00:00Z"
}

// AppendError appends an error with its XML declaration. The text stands in an
// element, as the schema has it; RFC 5985's prose speaks of an attribute.
func AppendError(dst []byte, e *Error) []byte {
	dst = append(dst, pidflo.Declaration...)
	dst = append(dst, `<error xmlns="`+Space+`"`...)
	dst = xmltok.AppendAttr(dst, "code", string(e.Code))
	dst = append(dst, '>')
	if e.Message != "" {
		dst = append(dst, `<message xml:lang="en">`...)
		dst = xmltok.AppendText(dst, e.Message)
		dst = append(dst, "</message>"...)
	}
	var required []string
	for _, k := range e.Required {
		if xmltok.IsNCName(k) {
			required = append(required, "id:"+k)
		}
	}
	if len(required) > 0 {
		dst = append(dst, `<id:requiredIdentifiers xmlns:id="`+SpaceID+`">`+strings.Join(required, " ")+"</id:requiredIdentifiers>"...)
	}
	return append(dst, "</error>"...)
}
