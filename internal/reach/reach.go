// Package reach keeps connections that organisations have us make, to their identity
// providers and directories, away from this machine and from its link, where clouds
// hand out credentials. Private addresses are let through: organisations run their
// servers in networks of their own.
//
// The address that is connected to is judged, after names are resolved: no name, and
// no name that leads elsewhere the second time, gets around it.
package reach

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// ErrHere is wrapped by errors of connections that are not made.
var ErrHere = errors.New("the address is of this machine itself, or of its link")

// Here reports an address of this machine itself, of its link, or of nobody.
func Here(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast()
}

// NamesHere reports a host, as in a URL, that says in itself that it is Here:
// "localhost" or an address. What another name leads to shows when it is dialled.
func NamesHere(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && Here(a)
}

// Dialer connects to addresses that are not Here; with local, to loopback ones too.
func Dialer(timeout time.Duration, local bool) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil || Here(a.Addr()) && !(local && a.Addr().Unmap().IsLoopback()) {
			return ErrHere
		}
		return nil
	}}
}
