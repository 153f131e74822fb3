package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// maxTargets bounds what one name may become.
const maxTargets = 32

func (p place) target(a netip.Addr, port uint16, priority, weight int) Target {
	t := Target{Transport: p.transport, Priority: priority, Weight: weight}
	if t.Transport == "" {
		t.Transport = "udp" // RFC 3263, section 4.1: an address or a port, and nothing else said
	}
	if port == 0 {
		port = defaultPort(t.Transport)
	}
	t.Addr = netip.AddrPortFrom(a, port)
	if t.Transport == "tls" {
		t.ServerName = p.host
	}
	return t
}

// find asks for a host name (RFC 3263, section 4): NAPTR where the transport is
// open, SRV where the port is, addresses in the end.
func (p place) find(ctx context.Context, dns DNS) ([]Target, time.Duration, error) {
	if p.port != 0 {
		return p.byAddress(ctx, dns, p.host, p.port, 0, 1)
	}
	services, ttl, err := p.services(ctx, dns)
	if err != nil {
		return nil, 0, err
	}
	var targets []Target
	for i, s := range services {
		found, most, err := s.servers(ctx, dns, i)
		switch {
		case errors.Is(err, ErrNoName):
			continue
		case err != nil:
			return nil, 0, err
		}
		targets = append(targets, found...)
		ttl = least(ttl, most)
	}
	if len(targets) == 0 {
		return p.byAddress(ctx, dns, p.host, 0, 0, 1)
	}
	slices.SortStableFunc(targets, func(a, b Target) int { return cmp.Compare(a.Priority, b.Priority) })
	return targets[:min(len(targets), maxTargets)], ttl, nil
}

// service is a transport with the name of its SRV records.
type service struct {
	place
	name string
}

// services lists the transports to try, best first: as the NAPTR records say,
// else TLS alone for sips, the stated one, or UDP, TCP and TLS by their names.
func (p place) services(ctx context.Context, dns DNS) ([]service, time.Duration, error) {
	with := func(transport, name string) service {
		q := p
		q.transport = transport
		return service{q, name}
	}
	named := map[string]service{
		"udp": with("udp", "_sip._udp."+p.host), "tcp": with("tcp", "_sip._tcp."+p.host), "tls": with("tls", "_sips._tcp."+p.host),
	}
	if p.transport != "" && !p.secure {
		return []service{named[p.transport]}, 0, nil
	}
	records, ttl, err := dns.NAPTR(ctx, p.host)
	if err != nil && !errors.Is(err, ErrNoName) {
		return nil, 0, fmt.Errorf("ask for the transports of %s: %w", p.host, err)
	}
	slices.SortStableFunc(records, func(a, b NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	var out []service
	for _, r := range records {
		transport := map[string]string{"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}[strings.ToUpper(r.Service)]
		if transport != "" && r.Replacement != "" && (!p.secure || transport == "tls") {
			out = append(out, with(transport, r.Replacement))
		}
	}
	switch {
	case len(out) > 0:
		return out, ttl, nil
	case p.secure:
		return []service{named["tls"]}, 0, nil
	}
	// Emergency INVITEs exceed a datagram: TCP before UDP, whatever RFC 3263 says
	// of the order in which a client may ask.
	return []service{named["tcp"], named["udp"], named["tls"]}, 0, nil
}

// servers asks for the SRV records of a service. A better transport's last
// server comes before a worse one's first.
func (s service) servers(ctx context.Context, dns DNS, rank int) ([]Target, time.Duration, error) {
	records, ttl, err := dns.SRV(ctx, s.name)
	if err != nil {
		return nil, 0, fmt.Errorf("ask for the servers of %s: %w", s.name, err)
	}
	var out []Target
	for _, r := range records {
		if r.Target == "" || r.Target == "." || r.Port == 0 { // RFC 2782: not offered here
			continue
		}
		found, most, err := s.byAddress(ctx, dns, r.Target, r.Port, rank<<16+int(r.Priority), int(r.Weight))
		if err != nil {
			continue // the other servers of the service stay
		}
		out = append(out, found...)
		ttl = least(ttl, most)
	}
	if len(out) == 0 {
		return nil, 0, fmt.Errorf("servers of %s: %w", s.name, ErrNoName)
	}
	return out, ttl, nil
}

func (p place) byAddress(ctx context.Context, dns DNS, host string, port uint16, priority, weight int) ([]Target, time.Duration, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []Target{p.target(a.Unmap(), port, priority, weight)}, 0, nil
	}
	addrs, ttl, err := dns.Addresses(ctx, host)
	if err != nil && !errors.Is(err, ErrNoName) && (len(addrs) > 0 || host != p.host) {
		// Something is known of the name as a whole: what nobody answered for stays as
		// it was, and is asked for again soon.
		if addrs = p.with(addrs, host); len(addrs) > 0 {
			ttl, err = time.Second, nil
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("ask for the address of %s: %w", host, err)
	}
	var out []Target
	for _, a := range addrs {
		t := p.target(a.Unmap(), port, priority, weight)
		t.Host = host
		out = append(out, t)
	}
	return out, ttl, nil
}

// with adds the addresses that a host had before.
func (p place) with(addrs []netip.Addr, host string) []netip.Addr {
	for _, t := range p.before {
		if t.Host == host && !slices.Contains(addrs, t.Addr.Addr()) {
			addrs = append(addrs, t.Addr.Addr())
		}
	}
	return addrs
}

// least is the shorter of two lifetimes; zero is none.
func least(a, b time.Duration) time.Duration {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	}
	return min(a, b)
}

// Order returns the targets in the order in which one call tries them: by
// priority, and among equals by weighted lot (RFC 2782). rnd gives a number from
// 0 up to, not including, n.
func Order(targets []Target, rnd func(n int) int) []Target {
	rest := slices.Clone(targets)
	slices.SortStableFunc(rest, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	out := make([]Target, 0, len(rest))
	for len(rest) > 0 {
		equal := 1
		sum := rest[0].Weight
		for equal < len(rest) && rest[equal].Priority == rest[0].Priority {
			sum += rest[equal].Weight
			equal++
		}
		lot, i := rnd(sum+1), 0
		for run := rest[0].Weight; run < lot && i < equal-1; {
			i++
			run += rest[i].Weight
		}
		out = append(out, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	return out
}
