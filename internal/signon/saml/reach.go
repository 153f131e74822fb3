package saml

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// patience bounds one request of ours.
const patience = 10 * time.Second

var (
	errAddress  = errors.New("nobody is asked at that address")
	errRedirect = errors.New("a redirect that is not followed")
)

// client asks identity providers. Organisations run theirs in networks of their own,
// so that private addresses are asked; link-local ones, where clouds hand out
// credentials, and this machine (unless local) are not, whatever name leads there.
func client(local bool) *http.Client {
	dial := &net.Dialer{Timeout: patience, Control: func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return errAddress
		}
		ip := a.Addr().Unmap()
		if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip.IsLoopback() && !local {
			return errAddress
		}
		return nil
	}}
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DialContext: dial.DialContext, TLSHandshakeTimeout: patience, ResponseHeaderTimeout: patience, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if safe(r.URL.String()) != "" || len(via) > 3 {
				return errRedirect
			}
			return nil
		},
	}
}
