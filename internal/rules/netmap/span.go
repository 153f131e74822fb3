package netmap

import (
	"encoding/hex"
	"math/big"
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Span is a range of addresses, both ends inside. Both ends are of one family,
// without zone, IPv4 never wrapped in IPv6. The zero Span is none.
type Span struct{ From, To netip.Addr }

// SpanOf returns the addresses of an element that has any, as prefix or as low
// and high address; false when they make no range.
func SpanOf(e e911.Element) (Span, bool) {
	if e.Range.IsValid() {
		if e.From.IsValid() || e.To.IsValid() {
			return Span{}, false
		}
		s := PrefixSpan(e.Range)
		return s, s.Valid() && e.Range == e.Range.Masked()
	}
	s := Span{e.From, e.To}
	return s, s.Valid()
}

// PrefixSpan returns the first and the last address of a prefix.
func PrefixSpan(p netip.Prefix) Span {
	if !p.IsValid() {
		return Span{}
	}
	from := p.Masked().Addr()
	b := from.AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	to, _ := netip.AddrFromSlice(b)
	return Span{from, to}
}

// MACSpan lays hardware addresses into the first 48 bits of IPv6, so that they
// are ranges like others. False when one is none, or they do not rise.
func MACSpan(from, to e911.MAC) (Span, bool) {
	lo, ok := macOctets(from)
	hi, ok2 := macOctets(to)
	if !ok || !ok2 {
		return Span{}, false
	}
	a, b := [16]byte{}, [16]byte{}
	copy(a[:], lo[:])
	copy(b[:], hi[:])
	for i := 6; i < len(b); i++ {
		b[i] = 0xff
	}
	s := Span{netip.AddrFrom16(a), netip.AddrFrom16(b)}
	return s, s.From.Compare(s.To) <= 0
}

// MACAddr is where MACSpan lays one hardware address; the zero Addr for none.
func MACAddr(m e911.MAC) netip.Addr {
	b, ok := macOctets(m)
	if !ok {
		return netip.Addr{}
	}
	a := [16]byte{}
	copy(a[:], b[:])
	return netip.AddrFrom16(a)
}

// macOctets reads a MAC in its one form.
func macOctets(m e911.MAC) (b [6]byte, ok bool) {
	if len(m) != len("00:11:22:33:44:50") {
		return b, false
	}
	for i := range b {
		if _, err := hex.Decode(b[i:i+1], []byte(m[3*i:3*i+2])); err != nil || (i < 5 && m[3*i+2] != ':') {
			return b, false
		}
	}
	return b, true
}

// Valid reports a range whose ends are of one family and in order. A range of
// hardware addresses may lie where IPv4 is wrapped.
func (s Span) Valid() bool {
	return s.From.IsValid() && s.To.IsValid() && s.From.BitLen() == s.To.BitLen() &&
		s.From.Zone() == "" && s.To.Zone() == "" && s.From.Compare(s.To) <= 0
}

// Has reports whether a lies inside.
func (s Span) Has(a netip.Addr) bool {
	return s.Valid() && a.BitLen() == s.From.BitLen() && s.From.Compare(a) <= 0 && a.Compare(s.To) <= 0
}

// Overlaps reports whether an address lies in both.
func (s Span) Overlaps(o Span) bool {
	return s.Valid() && o.Valid() && s.From.BitLen() == o.From.BitLen() && s.From.Compare(o.To) <= 0 && o.From.Compare(s.To) <= 0
}

// Compare orders ranges of one family by how many addresses they have.
func (s Span) Compare(o Span) int { return s.size().Cmp(o.size()) }

func (s Span) size() *big.Int {
	lo, hi := new(big.Int).SetBytes(s.From.AsSlice()), new(big.Int).SetBytes(s.To.AsSlice())
	return hi.Sub(hi, lo)
}

// Bits returns how long a prefix with as many addresses is, false when none has.
func (s Span) Bits() (int, bool) {
	n := s.size()
	n.Add(n, big.NewInt(1))
	free := n.BitLen() - 1
	return s.From.BitLen() - free, n.TrailingZeroBits() == uint(free)
}

// Prefix returns the one prefix that has the same addresses, where there is one.
func (s Span) Prefix() (netip.Prefix, bool) {
	if p := s.Prefixes(); len(p) == 1 {
		return p[0], true
	}
	return netip.Prefix{}, false
}

// Prefixes returns the fewest prefixes that make up the range, in order: at
// most twice as many as an address has bits.
func (s Span) Prefixes() []netip.Prefix {
	if !s.Valid() {
		return nil
	}
	var out []netip.Prefix
	for from := s.From; ; {
		p := netip.PrefixFrom(from, from.BitLen())
		for p.Bits() > 0 {
			wider := netip.PrefixFrom(from, p.Bits()-1)
			if wider.Masked().Addr() != from || PrefixSpan(wider).To.Compare(s.To) > 0 {
				break
			}
			p = wider
		}
		out = append(out, p)
		last := PrefixSpan(p).To
		if last == s.To {
			return out
		}
		from = last.Next()
	}
}

// ParseRange reads a range of addresses as people write it: a prefix, one
// address, or the lowest and the highest with a dash. IPv4 that is wrapped in
// IPv6 is unwrapped. A prefix comes back as p, also where low and high make
// one; otherwise from and to are set.
func ParseRange(s string) (p netip.Prefix, from, to netip.Addr, err error) {
	none := netip.Addr{}
	s = strings.TrimSpace(s)
	bad := e911.Errorf(e911.Invalid, "this is no address range")
	low, high, dash := strings.Cut(s, "-")
	switch {
	case strings.Contains(s, "%"):
		return p, none, none, e911.Errorf(e911.Invalid, "a zone means something on one machine only")
	case dash:
		a, err1 := netip.ParseAddr(strings.TrimSpace(low))
		b, err2 := netip.ParseAddr(strings.TrimSpace(high))
		if err1 != nil || err2 != nil {
			return p, none, none, bad
		}
		e := Canonical(e911.Element{From: a, To: b})
		return e.Range, e.From, e.To, nil
	case strings.Contains(s, "/"):
		if p, err = netip.ParsePrefix(s); err != nil {
			return p, none, none, bad
		}
		return Canonical(e911.Element{Range: p}).Range, none, none, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return p, none, none, bad
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), none, none, nil
}
