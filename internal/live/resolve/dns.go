package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Servers are name servers, asked one after the other. It is a DNS.
type Servers struct {
	addrs []string
	each  time.Duration
}

// System gives the name servers of this machine (resolv.conf).
func System() (*Servers, error) {
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, fmt.Errorf("read this machine's name servers: %w", err)
	}
	var addrs []netip.AddrPort
	for _, s := range c.Servers {
		if a, err := netip.ParseAddr(s); err == nil {
			addrs = append(addrs, netip.AddrPortFrom(a, 53))
		}
	}
	return At(addrs...)
}

// At gives the name servers at these addresses.
func At(addrs ...netip.AddrPort) (*Servers, error) {
	if len(addrs) == 0 {
		return nil, errors.New("no name server: name one, or write addresses into the trunks")
	}
	s := &Servers{each: 2 * time.Second}
	for _, a := range addrs {
		s.addrs = append(s.addrs, a.String())
	}
	return s, nil
}

// payload is the size that DNS flag day 2020 asks for; larger answers come by TCP.
const payload = 1232

// ask returns the records of one type, CNAMEs followed by the server.
func (s *Servers) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, time.Duration, error) {
	var errs []error
	for _, addr := range s.addrs {
		rrs, ttl, err := s.one(ctx, addr, name, kind)
		if err == nil || errors.Is(err, ErrNoName) {
			return rrs, ttl, err
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, 0, errors.Join(errs...)
}

func (s *Servers) one(ctx context.Context, addr, name string, kind uint16) ([]dns.RR, time.Duration, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), kind)
	q.SetEdns0(payload, false)
	ctx, cancel := context.WithTimeout(ctx, s.each)
	defer cancel()
	r, _, err := (&dns.Client{Net: "udp", UDPSize: payload}).ExchangeContext(ctx, q, addr)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, q, addr)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("name server %s: %w", addr, err)
	}
	switch r.Rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNameError:
		return nil, 0, fmt.Errorf("%w: %s", ErrNoName, name)
	default:
		return nil, 0, fmt.Errorf("name server %s: %s", addr, dns.RcodeToString[r.Rcode])
	}
	var found []dns.RR
	ttl := uint32(0)
	for i, rr := range r.Answer {
		if i == 0 || rr.Header().Ttl < ttl {
			ttl = rr.Header().Ttl
		}
		if rr.Header().Rrtype == kind {
			found = append(found, rr)
		}
	}
	if len(found) == 0 {
		return nil, 0, fmt.Errorf("%w: %s has no %s", ErrNoName, name, dns.TypeToString[kind])
	}
	return found, time.Duration(ttl) * time.Second, nil
}

// NAPTR asks for the records for SIP that lead to SRV records (flag "s").
func (s *Servers) NAPTR(ctx context.Context, name string) ([]NAPTR, time.Duration, error) {
	rrs, ttl, err := s.ask(ctx, name, dns.TypeNAPTR)
	var out []NAPTR
	for _, rr := range rrs {
		if n, ok := rr.(*dns.NAPTR); ok && strings.EqualFold(n.Flags, "s") && n.Regexp == "" {
			out = append(out, NAPTR{Order: n.Order, Preference: n.Preference, Service: n.Service, Replacement: strings.TrimSuffix(n.Replacement, ".")})
		}
	}
	return out, ttl, err
}

// SRV asks for the servers of a service.
func (s *Servers) SRV(ctx context.Context, name string) ([]SRV, time.Duration, error) {
	rrs, ttl, err := s.ask(ctx, name, dns.TypeSRV)
	var out []SRV
	for _, rr := range rrs {
		if v, ok := rr.(*dns.SRV); ok {
			target := strings.TrimSuffix(v.Target, ".")
			out = append(out, SRV{Priority: v.Priority, Weight: v.Weight, Port: v.Port, Target: target})
		}
	}
	return out, ttl, err
}

// Addresses asks for IPv4 addresses, then IPv6 ones. When one of the two had no
// answer it gives the other ones, and the error.
func (s *Servers) Addresses(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	v4, ttl4, err4 := s.ask(ctx, name, dns.TypeA)
	v6, ttl6, err6 := s.ask(ctx, name, dns.TypeAAAA)
	var out []netip.Addr
	for _, rr := range append(v4, v6...) {
		switch rr := rr.(type) {
		case *dns.A:
			if a, ok := netip.AddrFromSlice(rr.A); ok {
				out = append(out, a.Unmap())
			}
		case *dns.AAAA:
			if a, ok := netip.AddrFromSlice(rr.AAAA); ok {
				out = append(out, a)
			}
		}
	}
	switch {
	case len(out) > 0 && len(v4) == 0 && !errors.Is(err4, ErrNoName):
		return out, least(ttl4, ttl6), err4
	case len(out) > 0 && len(v6) == 0 && !errors.Is(err6, ErrNoName):
		return out, least(ttl4, ttl6), err6
	case len(out) > 0:
		return out, least(ttl4, ttl6), nil
	case err4 != nil && !errors.Is(err4, ErrNoName):
		return nil, 0, err4
	case err6 != nil && !errors.Is(err6, ErrNoName):
		return nil, 0, err6
	}
	return nil, 0, fmt.Errorf("%w: %s has no address", ErrNoName, name)
}
