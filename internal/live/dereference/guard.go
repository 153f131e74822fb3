package dereference

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// maxURI bounds a reference; ours are below 400 octets.
const maxURI = 2048

// Foreign reports whether a location URI is of a kind that can be asked about
// here: http and https. SIP presence references travel on unasked.
func Foreign(uri string) bool {
	scheme, _, ok := strings.Cut(uri, ":")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// read takes a location URI apart.
func read(uri string) (u *url.URL, host string, err error) {
	if len(uri) > maxURI {
		return nil, "", fmt.Errorf("%w: the reference is longer than %d octets", ErrRefused, maxURI)
	}
	u, err = url.Parse(uri)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("%w: the reference is no URI", ErrRefused) // the error would hold it
	case !Foreign(uri) || u.Hostname() == "":
		return nil, "", fmt.Errorf("%w: the reference is no http or https address", ErrRefused)
	case u.User != nil:
		return nil, "", fmt.Errorf("%w: the reference holds a password", ErrRefused)
	}
	u.Fragment = ""
	return u, strings.ToLower(u.Host), nil
}

// services are addresses at which clouds answer their machines: they hand out
// credentials, and are never a location server.
var services = []netip.Prefix{
	netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("168.63.129.16/32"), netip.MustParsePrefix("192.0.0.192/32"),
	netip.MustParsePrefix("fd00:ec2::254/128"), netip.MustParsePrefix("0.0.0.0/8"),
}

// embeds are the networks whose addresses carry one of IPv4 in their last octets
// (RFC 6052, RFC 4291 section 2.5.5.1).
var embeds = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("::/96")}

// special reports an address at which no other location server can be.
func special(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range services {
		if p.Contains(a) {
			return true
		}
	}
	for _, p := range embeds {
		if p.Contains(a) {
			b := a.As16()
			return special(netip.AddrFrom4([4]byte(b[12:])))
		}
	}
	return false
}

// mayDial looks at the address itself, after names were looked up: a name that
// leads here, or that changes between two questions, leads nowhere.
func (c *Client) mayDial(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: no address", ErrRefused)
	}
	a := to.Addr().Unmap().WithZone("")
	for _, p := range c.cfg.Networks {
		if p.Contains(a) {
			return nil
		}
	}
	if special(a) {
		return fmt.Errorf("%w: the reference leads to an address of this machine, of its link or of its cloud; configure it if a location server is there", ErrRefused)
	}
	return nil
}

var errRedirect = errors.New("the location server redirects elsewhere, or again and again")

// stayThere follows redirects inside one host (RFC 6753 has none; HTTP does).
func stayThere(r *http.Request, via []*http.Request) error {
	if len(via) >= 3 || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
		return errRedirect
	}
	return nil
}
