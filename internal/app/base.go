package app

import (
	"fmt"
	"net/netip"
)

// ownBase is how the pages are reached that listen at an address, where nobody said. The
// machine itself is "localhost": passkeys need a name (D-16).
func ownBase(at netip.AddrPort) string {
	a := at.Addr().Unmap()
	if a.IsUnspecified() || a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || a == netip.IPv6Loopback() {
		return fmt.Sprintf("http://localhost:%d", at.Port())
	}
	return "http://" + netip.AddrPortFrom(a, at.Port()).String()
}
