package held

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// read fills m, which is zero, and takes its first neighbours' memory from
// lldp.
func (m *Measurement) read(n xmltok.Node, lldp []LLDP) {
	m.Time, m.Expires = readTime(n.Attr("time")), readTime(n.Attr("expires"))
	m.TimeError = max(readNumber(n.Attr("timeError")), 0)
	for c := range n.Children() {
		switch local := c.Local(); {
		case local == "lldp" && ours(c, n, SpaceLLDP):
			if m.LLDP == nil {
				m.LLDP = lldp
			}
			if len(m.LLDP) < maxLLDPs {
				m.LLDP = append(m.LLDP, LLDP{})
				m.LLDP[len(m.LLDP)-1].read(c)
			}
		case local == "dhcp-rai" && ours(c, n, SpaceDHCP):
			if len(m.DHCP) < maxDHCPs {
				m.DHCP = append(m.DHCP, readDHCP(c))
			}
		case local == "wifi" && ours(c, n, SpaceWiFi):
			m.readWiFi(c)
		case local == "cellular" && ours(c, n, SpaceCell):
			m.readCells(c)
		default:
			keepOther(&m.Extensions, c, n)
		}
	}
}

func (l *LLDP) read(n xmltok.Node) {
	l.Chassis.Type, l.Port.Type = -1, -1
	chassis, port := "", ""
	for c := range n.Children() {
		switch local := c.Local(); {
		case local == "chassis" && ours(c, n, SpaceLLDP):
			l.Chassis.Type, chassis = readSubtype(c), c.Token()
		case local == "port" && ours(c, n, SpaceLLDP):
			l.Port.Type, port = readSubtype(c), c.Token()
		default:
			keepOther(&l.Extensions, c, n)
		}
	}
	if len(chassis)+len(port) == 0 {
		return
	}
	// One piece of memory for both.
	buf := lldpOctets(make([]byte, 0, len(chassis)+len(port)), chassis)
	k := len(buf)
	buf = append(buf, lldpOctets(buf[k:k], port)...)
	if k > 0 {
		l.Chassis.Octets = buf[:k:k]
	}
	if len(buf) > k {
		l.Port.Octets = buf[k:]
	}
}

func readSubtype(n xmltok.Node) int {
	v, err := strconv.ParseUint(strings.TrimSpace(n.Attr("type")), 10, 8)
	if err != nil {
		return -1
	}
	return int(v)
}

func readDHCP(n xmltok.Node) DHCPRelay {
	var d DHCPRelay
	for c := range n.Children() {
		if !ours(c, n, SpaceDHCP) {
			keepOther(&d.Extensions, c, n)
			continue
		}
		switch c.Local() {
		case "giaddr":
			if a, err := netip.ParseAddr(c.Token()); err == nil {
				d.GIAddr = a.Unmap().WithZone("")
			}
		case "circuit":
			d.Circuit = readHex(c)
		case "remote":
			d.Remote = readHex(c)
			if v, err := strconv.ParseUint(strings.TrimSpace(c.Attr("enterprise")), 10, 32); err == nil {
				d.Enterprise = uint32(v)
			}
		case "subscriber":
			d.Subscriber = readHex(c)
		}
	}
	return d
}

// readHex returns nil for what is empty or not hexadecimal.
func readHex(n xmltok.Node) []byte {
	b, err := hex.DecodeString(n.Token())
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

func (m *Measurement) readWiFi(n xmltok.Node) {
	if m.WiFi == nil {
		count := 0
		for range n.Children() {
			count++
		}
		m.WiFi = make([]AccessPoint, 0, min(count, maxAPs))
	}
	for c := range n.Children() {
		if !ours(c, n, SpaceWiFi) {
			continue // the schema has nothing else here
		}
		switch c.Local() {
		case "nicType":
			m.NIC = c.Token()
		case "ap":
			if len(m.WiFi) < maxAPs {
				m.WiFi = append(m.WiFi, AccessPoint{})
				m.WiFi[len(m.WiFi)-1].read(c)
			}
		}
	}
	if len(m.WiFi) == 0 {
		m.WiFi = nil
	}
}

func (ap *AccessPoint) read(n xmltok.Node) {
	ap.Serving = isTrue(n.Attr("serving"))
	for c := range n.Children() {
		if !ours(c, n, SpaceWiFi) {
			keepOther(&ap.Extensions, c, n)
			continue
		}
		switch c.Local() {
		case "bssid":
			ap.BSSID, ap.Verified = canonicalMAC(c.Token()), isTrue(c.Attr("verified"))
		case "ssid":
			ap.SSID = unescapeOctets(c.Token())
		case "channel":
			ap.Channel = readInt(c.Text(), math.MaxInt32)
		case "location":
			for l := range c.Children() {
				ap.Location = xmltok.Foreign(l)
				break
			}
		case "type":
			ap.Type = c.Token()
		case "band":
			ap.Band = c.Token()
		case "regclass":
			ap.RegClass, ap.Country = readInt(c.Text(), math.MaxUint8), xmltok.Collapse(c.Attr("country"))
		case "antenna":
			ap.Antenna = readInt(c.Text(), math.MaxUint8)
		case "flightTime":
			ap.FlightTime = readReading(c)
		case "apSignal":
			ap.APSignal = readSignal(c)
		case "deviceSignal":
			ap.DeviceSignal = readSignal(c)
		}
	}
}

func readSignal(n xmltok.Node) *Signal {
	s := &Signal{}
	for c := range n.Children() {
		if !ours(c, n, SpaceWiFi) {
			keepOther(&s.Extensions, c, n)
			continue
		}
		switch c.Local() {
		case "transmit":
			s.Transmit = readReading(c)
		case "gain":
			s.Gain = readReading(c)
		case "rcpi":
			s.RCPI = readReading(c)
			dbm := strings.TrimSpace(c.Attr("dBm"))
			s.NotDBm = dbm == "false" || dbm == "0"
		case "rsni":
			s.RSNI = readReading(c)
		}
	}
	return s
}

func readReading(n xmltok.Node) Reading {
	v, err := strconv.ParseFloat(strings.TrimSpace(n.Text()), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return Reading{}
	}
	return Reading{
		Known: true, Value: v, RMSError: max(readNumber(n.Attr("rmsError")), 0),
		Samples: readInt(n.Attr("samples"), math.MaxInt32),
	}
}

// readNumber returns 0 for what is no number.
func readNumber(s string) float64 {
	if s == "" {
		return 0
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// readInt returns 0 for what is no number up to most.
func readInt(s string, most uint64) int {
	if s == "" {
		return 0
	}
	v, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil || v > most {
		return 0
	}
	return int(v)
}

func (m *Measurement) readCells(n xmltok.Node) {
	for c := range n.Children() {
		serving := c.Local() == "servingCell"
		if (serving || c.Local() == "observedCell") && ours(c, n, SpaceCell) && len(m.Cells) < maxCells {
			cell := readCell(c)
			cell.Serving = serving
			m.Cells = append(m.Cells, cell)
		}
	}
}

func readCell(n xmltok.Node) Cell {
	var cell Cell
	for c := range n.Children() {
		if !ours(c, n, SpaceCell) {
			keepOther(&cell.Extensions, c, n)
			continue
		}
		v, err := strconv.ParseUint(c.Token(), 10, 32)
		switch c.Local() {
		case "mcc":
			cell.MCC = c.Token()
			continue
		case "mnc":
			cell.MNC = c.Token()
			continue
		}
		if err != nil || v > maxCellID {
			continue
		}
		id := uint32(v)
		switch c.Local() {
		case "rnc":
			cell.Net, cell.Area = UMTS, id
		case "lac":
			cell.Net, cell.Area = GSM, id
		case "cid":
			cell.ID = id
		case "eucid":
			cell.Net, cell.ID = LTE, id
		case "sid":
			cell.Net, cell.System = CDMA, id
		case "nid":
			cell.Area = id
		case "baseid":
			cell.ID = id
		}
	}
	return cell
}

// maxCellID is 2^28-1, the largest eucid (RFC 7105, section 8.7).
const maxCellID = 1<<28 - 1

func readMeasurementRequest(n xmltok.Node) MeasurementRequest {
	var m MeasurementRequest
	for c := range n.Children() {
		if c.Local() != "measurement" || !ours(c, n, SpaceLM) {
			keepOther(&m.Extensions, c, n)
			continue
		}
		if len(m.Wanted) < maxWanted {
			m.Wanted = append(m.Wanted, readWanted(c))
		}
	}
	return m
}

func readWanted(n xmltok.Node) Wanted {
	w := Wanted{Samples: readInt(n.Attr("samples"), math.MaxInt32), Type: readName(n, n.Attr("type"))}
	for c := range n.Children() {
		switch {
		case c.Is(SpaceWiFi, "type"):
			if t := c.Token(); t != "" && len(w.WiFiTypes) < maxWanted {
				w.WiFiTypes = append(w.WiFiTypes, t)
			}
		case c.Is(SpaceWiFi, "parameter"):
			if len(w.Parameters) < maxWanted {
				w.Parameters = append(w.Parameters, Parameter{Name: readName(c, c.Text()), Context: xmltok.Collapse(c.Attr("context"))})
			}
		case c.Is(SpaceCell, "type"):
			if len(w.Nets) < maxWanted {
				w.Nets = append(w.Nets, CellNet(c.Token()))
			}
		default:
			keepOther(&w.Extensions, c, n)
		}
	}
	return w
}

// readName resolves a QName; one that cannot be has no Space.
func readName(n xmltok.Node, text string) Name {
	space, local, ok := n.ResolveQName(text)
	if !ok {
		return Name{Local: xmltok.Collapse(text)}
	}
	return Name{Space: space, Local: local}
}

// unescapeOctets takes \hh to one octet (RFC 7105, section 5.3; RFC 6155,
// section 3.4). A backslash without two digits stays.
func unescapeOctets(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+2 < len(s) {
			hi, ok := unhex(s[i+1])
			lo, also := unhex(s[i+2])
			if ok && also {
				out = append(out, hi<<4|lo)
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// appendOctets writes octets that XML cannot hold, or would change, as \hh.
func appendOctets(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		space := r == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ')
		if r == '\\' || r < ' ' || r == 0xFFFE || r == 0xFFFF || space || (r == utf8.RuneError && n == 1) {
			for _, c := range []byte(s[i : i+n]) {
				dst = append(dst, '\\')
				dst = hex.AppendEncode(dst, []byte{c})
			}
		} else {
			dst = xmltok.AppendText(dst, s[i:i+n])
		}
		i += n
	}
	return dst
}
