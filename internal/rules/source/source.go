// Package source tells who asks where a proxy stands before a server of ours (D-11).
package source

import (
	"net/netip"
	"slices"
	"strings"
)

// Of returns the address of who asks over HTTP: that of the connection, remote as
// "address:port"; or, when one of the proxies stands there, the last address in
// X-Forwarded-For, whose values are forwarded, that is none of them. What stands
// before that was written by who asks. Invalid when the connection has no address.
func Of(remote string, forwarded []string, proxies []netip.Prefix) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	addr := ap.Addr().Unmap().WithZone("")
	if !Within(proxies, addr) {
		return addr
	}
	for _, hop := range slices.Backward(strings.Split(strings.Join(forwarded, ","), ",")) {
		a, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hop), "[]"))
		if err != nil {
			return addr // what stands before a broken hop was not written by our proxy
		}
		if addr = a.Unmap().WithZone(""); !Within(proxies, addr) {
			return addr
		}
	}
	return addr
}

// Within reports whether an address is in one of the ranges.
func Within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
