package app

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/rules/source"
)

// fromClients names who asks where a trusted proxy stands before the pages. Else all
// are one address: one stranger's wrong passwords would make everybody wait (D-12),
// and the audit trail would name the proxy. The port is 0: it is not known.
func fromClients(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		a := source.Of(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), proxies)
		if err == nil && a != from.Addr().Unmap().WithZone("") {
			named := *r
			named.RemoteAddr = netip.AddrPortFrom(a, 0).String()
			r = &named
		}
		next.ServeHTTP(w, r)
	})
}

// warnOfProxy tells who runs pages by https that all their visitors are one address:
// the pages speak plain HTTP, so that a proxy stands before them.
func (s *Server) warnOfProxy() {
	if strings.HasPrefix(s.cfg.BaseURL, "https:") && len(s.cfg.TrustedProxies) == 0 {
		s.cfg.Log.Warn("the pages are reached by https, so by a proxy, and --trusted-proxy does not name it: all who sign in have the proxy's address, and one of them who guesses passwords makes all wait")
	}
}
