package held

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Identifier is one child of the device element (RFC 6155, section 3). The zero
// value is none.
type Identifier struct {
	Kind string // local name: "ip", "mac", "uri", "nai" ...
	// Value has its white space collapsed. A hardware address that could be
	// read is in the form of RFC 6155, "00-12-F0-A0-80-EF", whatever notation
	// it was sent in; everything else is as it was sent: see Check, Addr, URI.
	Value string
}

// Identifier kinds (RFC 6155, section 3). RFC 6915 deprecates the ports: a
// client sends a Flow, a server may still meet them. Whatever else stands in a
// device, such as the hostname that some phones send, becomes an Extra.
const (
	IDIP       = "ip"
	IDMAC      = "mac"
	IDURI      = "uri"
	IDNAI      = "nai"
	IDFQDN     = "fqdn"
	IDDUID     = "duid"
	IDMSISDN   = "msisdn"
	IDIMSI     = "imsi"
	IDIMEI     = "imei"
	IDMIN      = "min"
	IDMDN      = "mdn"
	IDUDPPort  = "udpport"
	IDTCPPort  = "tcpport"
	IDSCTPPort = "sctpport"
	IDDCCPPort = "dccpport"
	// IDFlow stands in Error.Required for the flow of RFC 6915.
	IDFlow = "flow"
)

func knownKind(kind string) bool {
	switch kind {
	case IDIP, IDMAC, IDURI, IDNAI, IDFQDN, IDDUID, IDMSISDN, IDIMSI, IDIMEI, IDMIN, IDMDN,
		IDUDPPort, IDTCPPort, IDSCTPPort, IDDCCPPort:
		return true
	}
	return false
}

// Addr returns the address of an IDIP, an IPv4-mapped one as IPv4 and without
// zone, which means nothing outside the host that said it. Not ok for other
// kinds and for what is no address.
func (id Identifier) Addr() (a netip.Addr, ok bool) {
	if id.Kind != IDIP {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(id.Value)
	return a.Unmap().WithZone(""), err == nil
}

// URI returns the bare URI of a value that may be a whole name-addr, as some
// call servers send it: `"Desk 5" <tel:+4312345>` gives "tel:+4312345".
func URI(value string) string {
	value = strings.TrimSpace(value)
	if i := strings.LastIndexByte(value, '<'); i >= 0 {
		value = value[i+1:]
		if j := strings.IndexByte(value, '>'); j >= 0 {
			value = value[:j]
		}
	}
	return strings.TrimSpace(value)
}

// NAI returns the octets of an IDNAI, in which \hh stands for one octet that is
// no UTF-8 (RFC 6155, section 3.4). Values of other kinds come back as they are.
func (id Identifier) NAI() string {
	if id.Kind != IDNAI {
		return id.Value
	}
	return unescapeOctets(id.Value)
}

// isNAI is RFC 4282, section 2.1, with the escapes of RFC 6155: the pattern of
// naiType, and no second @ and no white space, which that one lets pass.
func isNAI(s string) bool {
	user, realm, at := strings.Cut(s, "@")
	for i := 0; i < len(user); i++ {
		switch c := user[i]; {
		case c <= ' ' || c == 0x7f:
			return false
		case c == '\\':
			if i+2 >= len(user) || !isHexDigit(user[i+1]) || !isHexDigit(user[i+2]) {
				return false
			}
			i += 2
		}
	}
	return s != "" && (!at || strings.Contains(realm, ".") && isHostName(realm, ""))
}

// isHostName reports whether s is labels of letters, digits, inner hyphens and
// the characters of more.
func isHostName(s, more string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && strings.IndexByte(more, c) < 0 {
				return false
			}
		}
	}
	return true
}

func isHexDigit(c byte) bool {
	_, ok := unhex(c)
	return ok
}

// Check reports what RFC 6155 does not allow in the identifier, nil for a good
// one: an address with a zone, a port beyond 65535, a number with letters. The
// Append functions return the same.
func (id Identifier) Check() error {
	if reason := id.fault(); reason != "" {
		return &ParseError{Path: "/" + id.Kind, Reason: reason}
	}
	return nil
}

func (id Identifier) fault() string {
	v := id.Value
	switch id.Kind {
	case IDIP:
		// netip takes an address with zone, RFC 3986 does not.
		if a, err := netip.ParseAddr(v); err != nil || a.Zone() != "" {
			return "not an IPv4 or IPv6 address without zone"
		}
	case IDMAC:
		var buf [24]byte
		if _, ok := appendMAC(buf[:0], v); !ok {
			return "not a hardware address of 6 or 8 octets"
		}
	case IDUDPPort, IDTCPPort, IDSCTPPort, IDDCCPPort:
		if _, err := strconv.ParseUint(v, 10, 16); err != nil {
			return "not a port from 0 to 65535"
		}
	case IDURI:
		if !isURI(v) && cleanURI(v) == "" {
			return "not a URI"
		}
	case IDNAI:
		if !isNAI(v) {
			return "not a network access identifier"
		}
	case IDFQDN:
		if len(v) > 255 || !isHostName(strings.TrimSuffix(v, "."), "_") {
			return "not a host name"
		}
	case IDDUID:
		// RFC 8415, section 11.1: a type of two octets, and no more than 130.
		if b, err := hex.DecodeString(v); err != nil || len(b) < 1 || len(b) > 130 {
			return "not a DHCP unique identifier in hexadecimal"
		}
	case IDMSISDN, IDIMSI, IDMDN:
		return digits(v, 6, 15)
	case IDIMEI:
		return digits(v, 1, 15)
	case IDMIN:
		return digits(v, 10, 10)
	default:
		return "not a kind of identifier that RFC 6155 has"
	}
	if !utf8.ValidString(v) {
		return "not UTF-8"
	}
	return ""
}

func digits(s string, least, most int) string {
	if len(s) < least || len(s) > most || strings.Trim(s, "0123456789") != "" {
		if least == most {
			return "not " + strconv.Itoa(least) + " digits"
		}
		return "not " + strconv.Itoa(least) + " to " + strconv.Itoa(most) + " digits"
	}
	return ""
}

// ParseDevice reads a device element alone (RFC 6155). A flow and what vendors
// add in it are left out, and identifiers are as they were sent: see Identifier.Check.
func ParseDevice(b []byte) ([]Identifier, error) {
	n, err := parseRoot(b, "device", SpaceID)
	if err != nil {
		return nil, err
	}
	r := &reader{}
	if err := r.device(n); err != nil {
		return nil, errors.Unwrap(err)
	}
	return r.req.Identity, nil
}

// AppendDevice appends a device element with its namespace declared.
func AppendDevice(dst []byte, ids []Identifier) ([]byte, error) {
	out := append(dst, `<device xmlns="`+SpaceID+`">`...) //nolint:gocritic // dst comes back as it was when there is an error
	for i := range ids {
		var err error
		if out, err = appendIdentifier(out, ids[i]); err != nil {
			return dst, xmltok.Within("device", err)
		}
	}
	return append(out, "</device>"...), nil
}

func appendIdentifier(dst []byte, id Identifier) ([]byte, error) {
	if reason := id.fault(); reason != "" {
		return dst, &ParseError{Path: "/" + id.Kind, Reason: reason}
	}
	if id.Kind == IDIP {
		if strings.IndexByte(id.Value, ':') >= 0 {
			dst = append(dst, `<ip v="6">`...)
		} else {
			dst = append(dst, `<ip v="4">`...)
		}
		dst = append(dst, id.Value...)
		return append(dst, "</ip>"...), nil
	}
	dst = append(dst, '<')
	dst = append(dst, id.Kind...)
	dst = append(dst, '>')
	switch id.Kind {
	case IDMAC:
		dst, _ = appendMAC(dst, id.Value)
	case IDURI:
		dst, _ = appendURI(dst, id.Value)
	default:
		dst = xmltok.AppendText(dst, id.Value)
	}
	dst = append(dst, "</"...)
	dst = append(dst, id.Kind...)
	return append(dst, '>'), nil
}

// Flow is a flow of packets with the device at one end (RFC 6915). The zero
// value means none.
type Flow struct {
	Src, Dst netip.AddrPort // of one IP version; without zone, IPv4-mapped is IPv4
	// Layer4 is "udp", "tcp", "sctp", "dccp" or an IANA protocol number.
	Layer4 string
	// TargetDst says that the device is at Dst; it is at Src by default.
	TargetDst bool
}

// Target returns the device's end.
func (f Flow) Target() netip.AddrPort {
	if f.TargetDst {
		return f.Dst
	}
	return f.Src
}

// ParseFlow reads a flow element alone.
func ParseFlow(b []byte) (Flow, error) {
	n, err := parseRoot(b, "flow", SpaceFlow)
	if err != nil {
		return Flow{}, err
	}
	return readFlow(n)
}

func readFlow(n xmltok.Node) (Flow, error) {
	f := Flow{Layer4: xmltok.Collapse(n.Attr("layer4"))}
	switch xmltok.Collapse(n.Attr("target")) {
	case "", "src", "source":
	case "dst", "destination":
		f.TargetDst = true
	default:
		return Flow{}, n.Errorf("target is neither src nor dst")
	}
	if !layer4(f.Layer4) {
		return Flow{}, n.Errorf("layer4 is neither udp, tcp, sctp, dccp nor a protocol number")
	}
	for c := range n.Children() {
		var end *netip.AddrPort
		switch c.Local() {
		case "src":
			end = &f.Src
		case "dst":
			end = &f.Dst
		default:
			continue
		}
		var err error
		if *end, err = readEndpoint(c); err != nil {
			return Flow{}, err
		}
	}
	switch layer3 := xmltok.Collapse(n.Attr("layer3")); {
	case !f.Src.IsValid() || !f.Dst.IsValid():
		return Flow{}, n.Errorf("a flow has src and dst")
	case f.Src.Addr().Is4() != f.Dst.Addr().Is4():
		return Flow{}, n.Errorf("the ends are of different IP versions")
	case (layer3 == "ipv4") != f.Src.Addr().Is4() && layer3 != "":
		return Flow{}, n.Errorf("layer3 is not what the addresses are")
	}
	return f, nil
}

func readEndpoint(n xmltok.Node) (netip.AddrPort, error) {
	var addr netip.Addr
	var port uint64
	for c := range n.Children() {
		var err error
		switch c.Local() {
		case "address":
			if addr, err = netip.ParseAddr(c.Token()); err != nil || addr.Zone() != "" {
				return netip.AddrPort{}, c.Errorf("not an IPv4 or IPv6 address without zone")
			}
		case "port":
			if port, err = strconv.ParseUint(c.Token(), 10, 16); err != nil || port == 0 {
				return netip.AddrPort{}, c.Errorf("not a port from 1 to 65535")
			}
		}
	}
	if !addr.IsValid() || port == 0 {
		return netip.AddrPort{}, n.Errorf("an end has an address and a port")
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}

func layer4(s string) bool {
	if slices.Contains([]string{"udp", "tcp", "sctp", "dccp"}, s) {
		return true
	}
	n, err := strconv.ParseUint(s, 10, 8)
	return err == nil && strconv.FormatUint(n, 10) == s
}

// AppendFlow appends a flow element with its namespace declared.
func AppendFlow(dst []byte, f Flow) ([]byte, error) {
	bad := func(reason string) ([]byte, error) { return dst, &ParseError{Path: "/flow", Reason: reason} }
	src, dest := f.Src.Addr().Unmap(), f.Dst.Addr().Unmap()
	switch {
	case !src.IsValid() || !dest.IsValid() || src.Is4() != dest.Is4():
		return bad("a flow has two addresses of one IP version")
	case src.Zone() != "" || dest.Zone() != "":
		return bad("an address with a zone means nothing elsewhere")
	case f.Src.Port() == 0 || f.Dst.Port() == 0:
		return bad("a flow has two ports")
	case !layer4(f.Layer4):
		return bad("layer 4 is neither udp, tcp, sctp, dccp nor a protocol number")
	}
	dst = append(dst, `<flow xmlns="`+SpaceFlow+`" layer3="`...)
	if src.Is4() {
		dst = append(dst, "ipv4"...)
	} else {
		dst = append(dst, "ipv6"...)
	}
	dst = append(dst, `" layer4="`...)
	dst = append(dst, f.Layer4...)
	if f.TargetDst {
		dst = append(dst, `" target="dst`...)
	}
	dst = append(dst, `"><src><address>`...)
	dst = src.AppendTo(dst)
	dst = append(dst, "</address><port>"...)
	dst = strconv.AppendUint(dst, uint64(f.Src.Port()), 10)
	dst = append(dst, "</port></src><dst><address>"...)
	dst = dest.AppendTo(dst)
	dst = append(dst, "</address><port>"...)
	dst = strconv.AppendUint(dst, uint64(f.Dst.Port()), 10)
	return append(dst, "</port></dst></flow>"...), nil
}
