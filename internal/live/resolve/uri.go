package resolve

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// place is what a SIP URI says about where its requests go (RFC 3263, section
// 4): a host, and perhaps a port and a transport.
type place struct {
	host      string
	addr      netip.Addr // the host, when it is an address
	port      uint16     // 0: none stated
	transport string     // "udp", "tcp", "tls" or empty
	secure    bool       // sips: TLS or nothing

	before []Target // what was known so far
}

// ErrURI says that a text is no SIP URI that a request can be sent to.
var ErrURI = errors.New("not a SIP URI with a host")

// parse reads a sip or sips URI.
func parse(uri string) (place, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	scheme = strings.ToLower(scheme)
	if !ok || (scheme != "sip" && scheme != "sips") || len(uri) > 512 || strings.ContainsAny(uri, " \t\r\n<>\x00") {
		return place{}, fmt.Errorf("%w: write sip:carrier.example or sip:192.0.2.1:5060;transport=tcp", ErrURI)
	}
	rest, _, _ = strings.Cut(rest, "?")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	hostPort, params, _ := strings.Cut(rest, ";")
	p := place{secure: scheme == "sips"}
	for _, param := range strings.Split(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(name, "transport") {
			p.transport = strings.ToLower(value)
		}
	}
	switch p.transport {
	case "", "udp", "tcp", "tls":
	default:
		return place{}, fmt.Errorf("%w: transport %q; there are udp, tcp and tls", ErrURI, p.transport)
	}
	if err := p.split(hostPort); err != nil {
		return place{}, err
	}
	if p.secure {
		p.transport = "tls"
	}
	return p, nil
}

func (p *place) split(hostPort string) error {
	host, port := hostPort, ""
	switch i := strings.LastIndexByte(hostPort, ':'); {
	case strings.HasPrefix(hostPort, "["):
		end := strings.IndexByte(hostPort, ']')
		if end < 0 {
			return fmt.Errorf("%w: bracket is not closed", ErrURI)
		}
		host, port = hostPort[1:end], strings.TrimPrefix(hostPort[end+1:], ":")
	case i >= 0:
		host, port = hostPort[:i], hostPort[i+1:]
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%w: port %q", ErrURI, port)
		}
		p.port = uint16(n)
	}
	p.host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(p.host); err == nil {
		p.addr = a.Unmap()
		return nil
	}
	if !hostName(p.host) {
		return fmt.Errorf("%w: host %q", ErrURI, host)
	}
	return nil
}

func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// defaultPort is that of RFC 3261, section 19.1.2.
func defaultPort(transport string) uint16 {
	if transport == "tls" {
		return 5061
	}
	return 5060
}
