package held

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Measurement is one measurements element: what was measured at one time (RFC
// 7105, section 4.1).
type Measurement struct {
	Time      time.Time // zero when not said
	TimeError float64   // seconds, of Time; 0 when not said
	Expires   time.Time // zero when not said: not to be kept then (section 6.4)

	LLDP  []LLDP
	DHCP  []DHCPRelay
	WiFi  []AccessPoint
	NIC   string // nicType of WiFi: "Intel(r)PRO/Wireless 2200BG"
	Cells []Cell // one serving at most
	// Extensions are other measurements as they came: gnss, dsl, a vendor's.
	Extensions []foreign.Element
}

// LLDP is a neighbour as its frame named it (RFC 7105, section 5.1).
type LLDP struct {
	Chassis, Port LLDPID
	Extensions    []foreign.Element
}

// DHCPRelay is what a relay agent added to DHCP messages (RFC 7105, section
// 5.2). Octets are verbatim; nil when there are none.
type DHCPRelay struct {
	GIAddr     netip.Addr // of the relay; IPv4-mapped is IPv4
	Circuit    []byte     // RFC 3046, RFC 4649
	Remote     []byte     // RFC 3046, RFC 4649
	Enterprise uint32     // of Remote in DHCPv6; 0 when not said
	Subscriber []byte     // RFC 3993, RFC 4580; for an authorised server only (section 7.1.3)
	Extensions []foreign.Element
}

// AccessPoint is a Wi-Fi access point that the device hears (RFC 7105, section
// 5.3). Zero fields but BSSID were not said.
type AccessPoint struct {
	// BSSID is in the form "00-12-F0-A0-80-EF" when it could be read, in
	// whatever notation it was sent, and as it was sent when not.
	BSSID    string
	Verified bool   // the device has verified BSSID
	SSID     string // up to 32 octets, which need not be UTF-8
	Serving  bool   // the device is associated with it

	Channel      int
	Location     foreign.Element // where the access point says it is: see pidflo.ParseShape
	Type         string          // suffix of its 802.11 standard: "a", "n", "ac"
	Band         string          // "5", in GHz; read, never written: the schema lacks it
	RegClass     int             // operating class, 1 to 255
	Country      string          // of RegClass: "AU", "USI"
	Antenna      int             // 1 to 255
	FlightTime   Reading         // seconds, one way
	APSignal     *Signal         // of the access point, as the device hears it
	DeviceSignal *Signal         // of the device, as the access point hears it
	Extensions   []foreign.Element
}

// Signal is how strong a signal is (RFC 7105, section 5.3).
type Signal struct {
	Transmit Reading // dBm, Value alone counts
	Gain     Reading // dB, Value alone counts
	RCPI     Reading // dBm unless NotDBm
	// NotDBm says that RCPI is in a unit of the network card's own.
	NotDBm     bool
	RSNI       Reading // dB
	Extensions []foreign.Element
}

// Reading is a measured number.
type Reading struct {
	Known    bool // there is a reading
	Value    float64
	RMSError float64 // root mean square error; 0 when not said
	Samples  int     // 0 when not said
}

// CellNet is a generation of mobile network.
type CellNet string

// The mobile networks (RFC 7105, section 5.4.1).
const (
	GSM  CellNet = "gsm"
	UMTS CellNet = "umts"
	LTE  CellNet = "lte"
	CDMA CellNet = "cdma"
)

// Cell is a cell of a mobile network (RFC 7105, section 5.4). Net says which
// fields count; a cell that only Extensions describe has none.
type Cell struct {
	Serving bool
	Net     CellNet
	// MCC and MNC are digits, whose leading zeros count: "465", "06". Not for
	// CDMA.
	MCC, MNC string
	// Area is the LAC of a GSM cell, the RNC of a UMTS cell, the network id of
	// a CDMA cell; ID is the cell id, the eucid of LTE, the base station id of
	// CDMA; System is the system id of CDMA. All are below 2^28.
	Area, ID, System uint32
	Extensions       []foreign.Element
}

// Name is a qualified name.
type Name struct {
	Space, Local string
}

// MeasurementRequest is what a server that could not locate a device wants to
// be measured (RFC 7105, section 4.3).
type MeasurementRequest struct {
	Wanted     []Wanted
	Extensions []foreign.Element
}

// Wanted is one measurement that is asked for.
type Wanted struct {
	Type    Name // of the measurement element: {SpaceWiFi, "wifi"}
	Samples int  // 0 when not said
	// WiFiTypes and Parameters are for Wi-Fi (section 5.3.1), Nets for mobile
	// networks (section 5.4.1).
	WiFiTypes  []string
	Parameters []Parameter
	Nets       []CellNet
	Extensions []foreign.Element // as cell:network
}

// Parameter is an element that is wanted for each access point.
type Parameter struct {
	Name    Name   // {SpaceWiFi, "rcpi"}
	Context string // "ap" or "device"; empty for both
}

// ParseMeasurements reads a measurements element alone.
func ParseMeasurements(b []byte) (Measurement, error) {
	n, err := parseRoot(b, "measurements", SpaceLM)
	if err != nil {
		return Measurement{}, err
	}
	var m Measurement
	m.read(n, nil)
	return m, nil
}

// ParseMeasurementRequest reads a measurementRequest element alone.
func ParseMeasurementRequest(b []byte) (MeasurementRequest, error) {
	n, err := parseRoot(b, "measurementRequest", SpaceLM)
	if err != nil {
		return MeasurementRequest{}, err
	}
	return readMeasurementRequest(n), nil
}

// parseRoot reads a fragment whose root must be that element.
func parseRoot(b []byte, local, space string) (xmltok.Node, error) {
	n, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		return xmltok.Node{}, xmltok.Within(local, err)
	}
	if n.Local() != local || (n.Space() != space && n.Space() != "") {
		return xmltok.Node{}, n.Errorf("not a {%s}%s", space, local)
	}
	return n, nil
}
