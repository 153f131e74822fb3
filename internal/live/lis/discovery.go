package lis

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Records are what an administrator puts into DNS and DHCP so that devices find
// a location server (RFC 5986, RFC 7216).
type Records struct {
	Domain string // the access network domain name
	URI    string // of the location server
}

// NewRecords checks what Records are made of: an access network domain name, and
// the base URL under which this server is reached, http or https.
func NewRecords(domain, baseURL string) (Records, error) {
	var errs []error
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	if len(domain) > 253 || domain == "" {
		errs = append(errs, fmt.Errorf("domain %q: want a DNS name", domain))
	}
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			errs = append(errs, fmt.Errorf("domain %q: %q is no label of a DNS name", domain, label))
			break
		}
	}
	u, err := url.Parse(baseURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(baseURL, "!\"\\ ") {
		errs = append(errs, fmt.Errorf("base URL %q: want http or https, a host and at most a path", baseURL))
	}
	if err := errors.Join(errs...); err != nil {
		return Records{}, fmt.Errorf("records of LIS discovery: %w", err)
	}
	return Records{Domain: domain, URI: strings.TrimRight(baseURL, "/") + "/held"}, nil
}

// NAPTR is the U-NAPTR record by which the domain leads to the server (RFC 5986,
// section 4), as a zone file has it.
func (r Records) NAPTR() string { return naptr(r.Domain, r.URI) }

func naptr(name, uri string) string {
	return name + `. IN NAPTR 100 10 "u" "LIS:HELD" "!.*!` + uri + `!" .`
}

// DHCP4 is the value of DHCPv4 option 213, Access Network Domain Name (RFC 5986,
// section 3.2): the name in DNS wire form.
func (r Records) DHCP4() []byte { return wireName(r.Domain) }

// DHCP6 is the value of DHCPv6 option 57; it is that of DHCPv4 (RFC 5986,
// section 3.3).
func (r Records) DHCP6() []byte { return wireName(r.Domain) }

func wireName(domain string) []byte {
	var out []byte
	for _, label := range strings.Split(domain, ".") {
		out = append(append(out, byte(len(label))), label...)
	}
	return append(out, 0)
}

// Reverse is the name in the reverse tree at which devices behind a NAT look for
// the server of a public range (RFC 7216, section 4): they ask for their own
// address first, then for the network that holds it, which is /24 and /16 of
// IPv4, and /64, /56, /48 and /32 of IPv6. The longest of these that covers the
// range with one record is chosen; ok is false for a range larger than all.
func Reverse(p netip.Prefix) (names []string, ok bool) {
	p = p.Masked()
	steps, unit, digits := []int{32, 24, 16}, 8, 4
	if p.Addr().Is6() && !p.Addr().Is4In6() {
		steps, unit, digits = []int{128, 64, 56, 48, 32}, 4, 32
	}
	for _, bits := range steps {
		if bits < p.Bits() {
			break
		}
		if n := bits - p.Bits(); n <= 4 {
			names = names[:0]
			a := p.Addr()
			for range 1 << n {
				names = append(names, reverseName(a, bits/unit, digits))
				a = after(a, bits)
			}
			ok = true
		}
	}
	if !ok && p.Bits() >= steps[len(steps)-1] { // between two steps and wide: the next larger
		for _, bits := range steps {
			if bits <= p.Bits() {
				return []string{reverseName(p.Addr(), bits/unit, digits)}, true
			}
		}
	}
	return names, ok
}

// after is the first address behind the network of a.
func after(a netip.Addr, bits int) netip.Addr {
	b := a.AsSlice()
	i, add := (bits-1)/8, byte(1)<<((8-bits%8)%8)
	for i >= 0 {
		b[i] += add
		if b[i] >= add {
			break
		}
		i, add = i-1, 1
	}
	out, _ := netip.AddrFromSlice(b)
	return out
}

// reverseName is the name of the first digits of an address.
func reverseName(a netip.Addr, keep, digits int) string {
	var labels []string
	if digits == 4 {
		for _, o := range a.AsSlice()[:keep] {
			labels = append(labels, fmt.Sprint(o))
		}
	} else {
		for i, o := range a.AsSlice() {
			for j, nibble := range []byte{o >> 4, o & 15} {
				if 2*i+j < keep {
					labels = append(labels, fmt.Sprintf("%x", nibble))
				}
			}
		}
	}
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	tree := ".in-addr.arpa"
	if digits == 32 {
		tree = ".ip6.arpa"
	}
	return strings.Join(labels, ".") + tree
}

// Text writes the records with what they are for, ready to be copied. Ranges are
// the public addresses of the network, for devices behind a NAT.
func (r Records) Text(ranges ...netip.Prefix) string {
	var w strings.Builder
	fmt.Fprintf(&w, "; How devices find this location server (LIS). Choose what your network can do; one way is enough.\n\n")
	fmt.Fprintf(&w, "; 1. DNS: in the zone of %s (RFC 5986, section 4)\n%s\n\n", r.Domain, r.NAPTR())
	fmt.Fprintf(&w, "; 2. DHCP: the access network domain name %s (RFC 5986, section 3); needs 1.\n", r.Domain)
	fmt.Fprintf(&w, ";    DHCPv4 option 213, DHCPv6 option 57, in hexadecimal:\n;      %x\n", r.DHCP4())
	fmt.Fprintf(&w, ";    dnsmasq:\n;      dhcp-option=213,%s\n;      dhcp-option=option6:57,%s\n", colonHex(r.DHCP4()), colonHex(r.DHCP6()))
	fmt.Fprintf(&w, ";    ISC Kea, in Dhcp4:\n;      \"option-data\": [ { \"code\": 213, \"csv-format\": false, \"data\": \"%X\" } ]\n", r.DHCP4())
	if len(ranges) > 0 {
		fmt.Fprintf(&w, "\n; 3. Reverse DNS: for devices behind a NAT that no DHCP server of yours serves (RFC 7216)\n")
		for _, p := range ranges {
			names, ok := Reverse(p)
			if !ok {
				fmt.Fprintf(&w, "; %s is too large for a record; list smaller ranges\n", p)
			}
			for _, name := range names {
				fmt.Fprintf(&w, "%s\n", naptr(name, r.URI))
			}
		}
	}
	if strings.HasPrefix(r.URI, "http:") {
		fmt.Fprintf(&w, "\n; The address is http: devices then cannot tell this server from another (RFC 5985, section 9.1). Use https.\n")
	}
	return w.String()
}

func colonHex(b []byte) string {
	parts := make([]string, len(b))
	for i, o := range b {
		parts[i] = fmt.Sprintf("%02x", o)
	}
	return strings.Join(parts, ":")
}

// serveDiscovery tells how devices find this server: GET /held/discovery, with
// ?domain= for another domain than the host of BaseURL. It tells nothing that is
// an organisation's.
func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		notAllowed(w, "GET, HEAD")
		return
	}
	domain := r.URL.Query().Get("domain")
	if domain == "" {
		domain = s.host
	}
	records, err := NewRecords(domain, s.cfg.BaseURL)
	if err != nil {
		http.Error(w, "name a DNS domain: ?domain=example.com", http.StatusBadRequest)
		return
	}
	write(w, http.StatusOK, []string{"text/plain; charset=utf-8"}, []byte(records.Text()))
}
