package held

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// AppendMeasurements appends a measurements element with its namespace
// declared.
func AppendMeasurements(dst []byte, m *Measurement) ([]byte, error) {
	out, err := appendMeasurements(dst, m)
	if err != nil {
		return dst, xmltok.Within("measurements", err)
	}
	return out, nil
}

func appendMeasurements(dst []byte, m *Measurement) ([]byte, error) {
	dst = append(dst, `<measurements xmlns="`+SpaceLM+`"`...)
	dst = appendTime(dst, ` time="`, m.Time)
	if m.TimeError != 0 {
		if !(m.TimeError > 0) || math.IsInf(m.TimeError, 0) {
			return dst, &ParseError{Reason: "timeError is not above zero"}
		}
		dst = append(dst, ` timeError="`...)
		dst = append(strconv.AppendFloat(dst, m.TimeError, 'g', -1, 64), '"')
	}
	dst = appendTime(dst, ` expires="`, m.Expires)
	dst = append(dst, '>')
	var err error
	for i := range m.LLDP {
		if dst, err = appendLLDP(dst, &m.LLDP[i]); err != nil {
			return dst, xmltok.Within(xmltok.Nth("lldp", i), err)
		}
	}
	for i := range m.DHCP {
		if dst, err = appendDHCP(dst, &m.DHCP[i]); err != nil {
			return dst, xmltok.Within(xmltok.Nth("dhcp-rai", i), err)
		}
	}
	if len(m.WiFi) > 0 || m.NIC != "" {
		if dst, err = appendWiFi(dst, m.NIC, m.WiFi); err != nil {
			return dst, xmltok.Within("wifi", err)
		}
	}
	if len(m.Cells) > 0 {
		if dst, err = appendCells(dst, m.Cells); err != nil {
			return dst, xmltok.Within("cellular", err)
		}
	}
	if dst, err = appendForeign(dst, SpaceLM, m.Extensions); err != nil {
		return dst, err
	}
	return append(dst, "</measurements>"...), nil
}

func appendLLDP(dst []byte, l *LLDP) ([]byte, error) {
	dst = append(dst, `<lldp xmlns="`+SpaceLLDP+`">`...)
	dst, err := appendLLDPID(dst, "chassis", &l.Chassis)
	if err != nil {
		return dst, err
	}
	if dst, err = appendLLDPID(dst, "port", &l.Port); err != nil {
		return dst, err
	}
	if dst, err = appendForeign(dst, SpaceLLDP, l.Extensions); err != nil {
		return dst, err
	}
	return append(dst, "</lldp>"...), nil
}

func appendLLDPID(dst []byte, name string, id *LLDPID) ([]byte, error) {
	switch n := len(id.Octets); {
	case n < 1 || n > maxLLDP:
		return dst, wrong(name, "not 1 to 255 octets")
	case id.Type < 0 || id.Type > 255:
		return dst, wrong(name, "a subtype is 0 to 255")
	}
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = append(dst, ` type="`...)
	dst = strconv.AppendInt(dst, int64(id.Type), 10)
	dst = append(dst, `">`...)
	dst = hex.AppendEncode(dst, id.Octets)
	dst = append(dst, "</"...)
	dst = append(dst, name...)
	return append(dst, '>'), nil
}

func appendDHCP(dst []byte, d *DHCPRelay) ([]byte, error) {
	a := d.GIAddr.Unmap()
	switch {
	case !a.IsValid() || a.Zone() != "":
		return dst, wrong("giaddr", "not an address without zone")
	case d.Enterprise != 0 && len(d.Remote) == 0:
		return dst, wrong("remote", "an enterprise without octets")
	}
	dst = append(dst, `<dhcp-rai xmlns="`+SpaceDHCP+`"><giaddr>`...)
	dst = a.AppendTo(dst)
	dst = append(dst, "</giaddr>"...)
	dst = appendHex(dst, "<circuit>", d.Circuit, "</circuit>")
	if d.Enterprise == 0 {
		dst = appendHex(dst, "<remote>", d.Remote, "</remote>")
	} else {
		dst = append(dst, `<remote enterprise="`...)
		dst = strconv.AppendUint(dst, uint64(d.Enterprise), 10)
		dst = appendHex(dst, `">`, d.Remote, "</remote>")
	}
	dst = appendHex(dst, "<subscriber>", d.Subscriber, "</subscriber>")
	dst, err := appendForeign(dst, SpaceDHCP, d.Extensions)
	return append(dst, "</dhcp-rai>"...), err
}

func appendHex(dst []byte, start string, b []byte, end string) []byte {
	if len(b) == 0 {
		return dst
	}
	dst = append(dst, start...)
	dst = hex.AppendEncode(dst, b)
	return append(dst, end...)
}

func appendWiFi(dst []byte, nic string, aps []AccessPoint) ([]byte, error) {
	if len(aps) == 0 {
		return dst, &ParseError{Reason: "a nicType without access points"}
	}
	dst = append(dst, `<wifi xmlns="`+SpaceWiFi+`">`...)
	dst = xmltok.AppendElement(dst, "nicType", xmltok.Collapse(nic))
	var err error
	for i := range aps {
		if dst, err = appendAP(dst, &aps[i]); err != nil {
			return dst, xmltok.Within(xmltok.Nth("ap", i), err)
		}
	}
	return append(dst, "</wifi>"...), nil
}

func appendAP(dst []byte, ap *AccessPoint) ([]byte, error) {
	if reason := ap.fault(); reason != "" {
		return dst, &ParseError{Reason: reason}
	}
	dst = append(dst, "<ap"...)
	if ap.Serving {
		dst = append(dst, ` serving="true"`...)
	}
	dst = append(dst, "><bssid"...)
	if ap.Verified {
		dst = append(dst, ` verified="true"`...)
	}
	dst, ok := appendMAC(append(dst, '>'), ap.BSSID)
	if !ok {
		return dst, wrong("bssid", "not a hardware address of 6 or 8 octets")
	}
	dst = append(dst, "</bssid>"...)
	if ap.SSID != "" {
		dst = append(dst, "<ssid>"...)
		dst = append(appendOctets(dst, ap.SSID), "</ssid>"...)
	}
	if ap.Channel != 0 {
		dst = appendNumber(dst, "<channel>", ap.Channel, "</channel>")
	}
	if !ap.Location.IsZero() {
		dst = append(dst, "<location>"...)
		var err error
		if dst, err = xmltok.AppendForeign(dst, ap.Location); err != nil {
			return dst, xmltok.Within("location", err)
		}
		dst = append(dst, "</location>"...)
	}
	dst = xmltok.AppendElement(dst, "type", ap.Type)
	if ap.RegClass != 0 {
		dst = append(dst, "<regclass"...)
		if ap.Country != "" {
			dst = xmltok.AppendAttr(dst, "country", ap.Country)
		}
		dst = appendNumber(dst, ">", ap.RegClass, "</regclass>")
	}
	if ap.Antenna != 0 {
		dst = appendNumber(dst, "<antenna>", ap.Antenna, "</antenna>")
	}
	dst, err := appendReading(dst, "flightTime", ap.FlightTime, "")
	if err != nil {
		return dst, err
	}
	if dst, err = appendSignal(dst, "apSignal", ap.APSignal); err != nil {
		return dst, err
	}
	if dst, err = appendSignal(dst, "deviceSignal", ap.DeviceSignal); err != nil {
		return dst, err
	}
	dst, err = appendForeign(dst, SpaceWiFi, ap.Extensions)
	return append(dst, "</ap>"...), err
}

// fault names what the schema does not allow in fields of an access point.
func (ap *AccessPoint) fault() string {
	const octets = 32 // IEEE 802.11, section 9.4.2.2
	letters := func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') }
	switch {
	case len(ap.SSID) > octets:
		return "an SSID of more than 32 octets"
	case ap.Channel < 0 || ap.Channel > math.MaxInt32:
		return "a channel below zero"
	case strings.IndexFunc(ap.Type, letters) >= 0:
		return "a type is of letters"
	case ap.RegClass < 0 || ap.RegClass > math.MaxUint8 || ap.Antenna < 0 || ap.Antenna > math.MaxUint8:
		return "an operating class or antenna is 0 to 255"
	case ap.Country != "" && (ap.RegClass == 0 || !isCountry(ap.Country)):
		return "a country is two capital letters, with O, I or X, and belongs to an operating class"
	case ap.FlightTime.Known && ap.FlightTime.Value < 0:
		return "a flight time below zero"
	}
	return ""
}

func isCountry(s string) bool {
	upper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	return len(s) >= 2 && len(s) <= 3 && upper(s[0]) && upper(s[1]) && (len(s) == 2 || strings.Contains("OIX", s[2:]))
}

func appendNumber(dst []byte, start string, v int, end string) []byte {
	dst = append(dst, start...)
	dst = strconv.AppendInt(dst, int64(v), 10)
	return append(dst, end...)
}

func appendSignal(dst []byte, name string, s *Signal) ([]byte, error) {
	if s == nil {
		return dst, nil
	}
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = append(dst, '>')
	dst, err := appendReading(dst, "transmit", Reading{Known: s.Transmit.Known, Value: s.Transmit.Value}, "")
	if err != nil {
		return dst, xmltok.Within(name, err)
	}
	if dst, err = appendReading(dst, "gain", Reading{Known: s.Gain.Known, Value: s.Gain.Value}, ""); err != nil {
		return dst, xmltok.Within(name, err)
	}
	unit := ""
	if s.NotDBm {
		unit = ` dBm="false"`
	}
	if dst, err = appendReading(dst, "rcpi", s.RCPI, unit); err != nil {
		return dst, xmltok.Within(name, err)
	}
	if dst, err = appendReading(dst, "rsni", s.RSNI, ""); err != nil {
		return dst, xmltok.Within(name, err)
	}
	if dst, err = appendForeign(dst, SpaceWiFi, s.Extensions); err != nil {
		return dst, xmltok.Within(name, err)
	}
	dst = append(dst, "</"...)
	dst = append(dst, name...)
	return append(dst, '>'), nil
}

func appendReading(dst []byte, name string, r Reading, attr string) ([]byte, error) {
	if !r.Known {
		return dst, nil
	}
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || !(r.RMSError >= 0) || math.IsInf(r.RMSError, 0) ||
		r.Samples < 0 || r.Samples > math.MaxInt32 {
		return dst, wrong(name, "not a number, or an error or count below zero")
	}
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = append(dst, attr...)
	if r.RMSError > 0 {
		dst = append(dst, ` rmsError="`...)
		dst = append(strconv.AppendFloat(dst, r.RMSError, 'g', -1, 64), '"')
	}
	if r.Samples > 0 {
		dst = appendNumber(dst, ` samples="`, r.Samples, `"`)
	}
	dst = append(dst, '>')
	dst = strconv.AppendFloat(dst, r.Value, 'g', -1, 64)
	dst = append(dst, "</"...)
	dst = append(dst, name...)
	return append(dst, '>'), nil
}

func appendCells(dst []byte, cells []Cell) ([]byte, error) {
	dst = append(dst, `<cellular xmlns="`+SpaceCell+`">`...)
	var err error
	serving := 0
	for i := range cells {
		if !cells[i].Serving {
			continue
		}
		if serving++; serving > 1 {
			return dst, wrong("servingCell", "more than one")
		}
		dst = append(dst, "<servingCell>"...)
		if dst, err = appendCell(dst, &cells[i]); err != nil {
			return dst, xmltok.Within("servingCell", err)
		}
		dst = append(dst, "</servingCell>"...)
	}
	for i := range cells {
		if cells[i].Serving {
			continue
		}
		dst = append(dst, "<observedCell>"...)
		if dst, err = appendCell(dst, &cells[i]); err != nil {
			return dst, xmltok.Within(xmltok.Nth("observedCell", i), err)
		}
		dst = append(dst, "</observedCell>"...)
	}
	return append(dst, "</cellular>"...), nil
}

func appendCell(dst []byte, c *Cell) ([]byte, error) {
	bad := func(reason string) ([]byte, error) { return dst, &ParseError{Reason: reason} }
	if max(c.Area, c.ID, c.System) > maxCellID {
		return bad("an id beyond 2^28-1")
	}
	named := c.MCC != "" || c.MNC != ""
	if c.Net == GSM || c.Net == UMTS || c.Net == LTE {
		if digits(c.MCC, 3, 3) != "" || digits(c.MNC, 2, 3) != "" {
			return bad("a country code of 3 digits and a network code of 2 or 3 are needed")
		}
		dst = append(dst, "<mcc>"...)
		dst = append(dst, c.MCC...)
		dst = append(dst, "</mcc><mnc>"...)
		dst = append(dst, c.MNC...)
		dst = append(dst, "</mnc>"...)
	}
	switch c.Net {
	case GSM:
		dst = appendNumber(dst, "<lac>", int(c.Area), "</lac>")
		dst = appendNumber(dst, "<cid>", int(c.ID), "</cid>")
	case UMTS:
		dst = appendNumber(dst, "<rnc>", int(c.Area), "</rnc>")
		dst = appendNumber(dst, "<cid>", int(c.ID), "</cid>")
	case LTE:
		dst = appendNumber(dst, "<eucid>", int(c.ID), "</eucid>")
	case CDMA:
		if named {
			return bad("a CDMA cell has no country and network code")
		}
		dst = appendNumber(dst, "<sid>", int(c.System), "</sid>")
		dst = appendNumber(dst, "<nid>", int(c.Area), "</nid>")
		dst = appendNumber(dst, "<baseid>", int(c.ID), "</baseid>")
	case "":
		if named || c.Area != 0 || c.ID != 0 || c.System != 0 {
			return bad("ids without the kind of network")
		}
	default:
		return bad("not a kind of network that RFC 7105 has")
	}
	return appendForeign(dst, SpaceCell, c.Extensions)
}

// AppendMeasurementRequest appends a measurementRequest element with its
// namespaces declared.
func AppendMeasurementRequest(dst []byte, m *MeasurementRequest) ([]byte, error) {
	out := append(dst, `<measurementRequest xmlns="`+SpaceLM+`">`...) //nolint:gocritic // dst comes back as it was when there is an error
	var err error
	for i := range m.Wanted {
		if out, err = appendWanted(out, &m.Wanted[i]); err != nil {
			return dst, xmltok.Within("measurementRequest", xmltok.Within(xmltok.Nth("measurement", i), err))
		}
	}
	if out, err = appendForeign(out, SpaceLM, m.Extensions); err != nil {
		return dst, xmltok.Within("measurementRequest", err)
	}
	return append(out, "</measurementRequest>"...), nil
}

func appendWanted(dst []byte, w *Wanted) ([]byte, error) {
	if !w.Type.good() || w.Samples < 0 || w.Samples > math.MaxInt32 {
		return dst, &ParseError{Reason: "not the qualified name of a measurement, or samples below zero"}
	}
	prefix := w.prefix()
	dst = append(dst, "<measurement"...)
	dst = xmltok.AppendAttr(dst, "xmlns:"+prefix, w.Type.Space)
	dst = xmltok.AppendAttr(dst, "type", prefix+":"+w.Type.Local)
	if w.Samples > 0 {
		dst = appendNumber(dst, ` samples="`, w.Samples, `"`)
	}
	dst = append(dst, '>')
	for _, t := range w.WiFiTypes {
		if t == "" || (&AccessPoint{Type: t}).fault() != "" {
			return dst, wrong("type", "a type is of letters")
		}
		dst = append(dst, `<type xmlns="`+SpaceWiFi+`">`...)
		dst = append(dst, t...)
		dst = append(dst, "</type>"...)
	}
	for i := range w.Parameters {
		p := &w.Parameters[i]
		if !p.Name.good() || (p.Context != "" && p.Context != "ap" && p.Context != "device") {
			return dst, wrong(xmltok.Nth("parameter", i), "not a qualified name, or a context that is neither ap nor device")
		}
		dst = append(dst, `<parameter xmlns="`+SpaceWiFi+`"`...)
		dst = xmltok.AppendAttr(dst, "xmlns:p", p.Name.Space)
		if p.Context != "" {
			dst = xmltok.AppendAttr(dst, "context", p.Context)
		}
		dst = append(dst, ">p:"...)
		dst = append(dst, p.Name.Local...)
		dst = append(dst, "</parameter>"...)
	}
	for _, n := range w.Nets {
		if n != GSM && n != UMTS && n != LTE && n != CDMA {
			return dst, wrong("type", "not a kind of network that RFC 7105 has")
		}
		dst = append(dst, `<type xmlns="`+SpaceCell+`">`...)
		dst = append(dst, n...)
		dst = append(dst, "</type>"...)
	}
	dst, err := appendForeign(dst, SpaceLM, w.Extensions)
	return append(dst, "</measurement>"...), err
}

// prefix is one that no foreign element has in it: who reads them would take
// it for theirs, and declare it in them.
func (w *Wanted) prefix() string {
	prefix := "m"
	for i := 0; slices.ContainsFunc(w.Extensions, func(e foreign.Element) bool { return strings.Contains(e.XML, prefix+":") }); i++ {
		prefix = "m" + strconv.Itoa(i)
	}
	return prefix
}

// good reports whether the name can be written with a prefix.
func (n Name) good() bool {
	return xmltok.IsNCName(n.Local) && n.Space != xmltok.SpaceXML && isSpace(n.Space)
}
