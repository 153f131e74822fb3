package snapshot

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"net/netip"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// record is a network element of the kinds of which there may be a million, in
// 40 octets without a pointer. Others are kept whole, and have a record that
// names their place and kind.
type record struct {
	id   [16]byte // a UUID, or the number of a text
	key  [16]byte // by form
	loc  uint32   // number of the location's id
	kind uint8    // number of the kind, one more than in netmap.Kinds
	form form
	bits uint8 // of a prefix; the mobility of a MAC
	text bool  // id is the number of a text
}

// form is what a record's key holds. The zero form is of a record that nobody
// uses; its key has the number of the next such.
type form uint8

const (
	formFree form = iota
	formWhole
	formMAC     // 6 octets
	formPort    // chassis, a hardware address of 6 octets; from 8 on the number of the port's text
	formTexts   // the number of the chassis's text; from 8 on that of the port's
	formPrefix4 // 4 octets, and bits
	formPrefix6 // 16 octets, and bits
	forms
)

// elementKey is by what a record is found: form, kind, bits and key.
type elementKey [19]byte

func (r *record) elementKey() (k elementKey) {
	k[0], k[1] = byte(r.form), r.kind
	if r.form == formPrefix4 || r.form == formPrefix6 {
		k[2] = r.bits
	}
	copy(k[3:], r.key[:])
	return k
}

// network is the network map of one organisation. The zero network is empty.
type network struct {
	seed    maphash.Seed
	recs    pages[record]
	free    uint32 // one more than the first record without use
	n       int
	whole   table[uint32, *e911.Element] // by number of the record
	byID    index
	byKey   index
	names   texts // ids that are no UUIDs, chassis, ports
	places  texts // ids of locations; each use is an element
	lengths *lengths
	masked  table[[6]byte, maskedPlace]
}

// lengths counts prefixes by their length, of either family.
type lengths struct {
	v4 [33]uint32
	v6 [129]uint32
}

func (l *lengths) of(a netip.Addr) []uint32 {
	switch {
	case l == nil:
		return nil
	case a.Is4():
		return l.v4[:]
	}
	return l.v6[:]
}

// maskedPlace is where all access points of one masked BSSID are.
type maskedPlace struct {
	loc uint32
	n   uint32
}

// kindNumbers are the kinds by their numbers.
var kindNumbers = netmap.Kinds()

func kindNumber(k e911.ElementKind) uint8 { return uint8(slices.Index(kindNumbers, k) + 1) }

func kindOf(n uint8) e911.ElementKind {
	if n == 0 || int(n) > len(kindNumbers) {
		return ""
	}
	return kindNumbers[n-1]
}

var (
	numBSSID   = kindNumber(e911.ElementBSSID)
	numPort    = kindNumber(e911.ElementLLDPPort)
	numChassis = kindNumber(e911.ElementLLDPChassis)
	numMAC     = kindNumber(e911.ElementMAC)
	numGateway = kindNumber(e911.ElementGateway)
	numIP      = kindNumber(e911.ElementIP)
)

// mobilities by their number in a record.
var mobilities = []e911.Mobility{"", e911.MobilityFixed, e911.MobilityDock}

func (x *network) hash(b []byte) uint32 { return uint32(maphash.Bytes(x.seed, b) >> 32) }

// idHash is of a UUID, or of the number of a text.
func idHash(seed maphash.Seed, id [16]byte, text bool) uint32 {
	b := [17]byte{}
	copy(b[:], id[:])
	if text {
		b[16] = 1
	}
	return uint32(maphash.Bytes(seed, b[:]) >> 32)
}

func textID(n uint32) (id [16]byte) {
	binary.LittleEndian.PutUint32(id[:], n)
	return id
}

func textOf(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// number finds the record of an element.
func (x *network) number(id e911.ElementID) (uint32, bool) {
	if x.n == 0 {
		return 0, false
	}
	b, ok := uuidOctets(string(id))
	if !ok {
		n, known := x.names.find(string(id))
		if !known || n == 0 {
			return 0, false
		}
		b = textID(n)
	}
	return x.byID.find(idHash(x.seed, b, !ok), func(i uint32) bool {
		r := x.recs.at(i)
		return r.id == b && r.text == !ok
	})
}

// find finds the record of a key.
func (x *network) find(k elementKey) (uint32, bool) {
	if x.byKey.n == 0 {
		return 0, false
	}
	return x.byKey.find(x.hash(k[:]), func(i uint32) bool { return x.keyOf(i) == k })
}

// keyOf returns by what an element is found. Of those that are kept whole only
// ranges that are written as low and high address and make a prefix are.
func (x *network) keyOf(i uint32) elementKey {
	r := x.recs.at(i)
	if r.form != formWhole {
		return r.elementKey()
	}
	v, ok := x.whole.get(i)
	if !ok || v.Kind != e911.ElementIP {
		return elementKey{}
	}
	s, _ := netmap.SpanOf(*v)
	p, ok := s.Prefix()
	if !ok {
		return elementKey{}
	}
	return prefixKeyOf(p)
}

// locate returns the location of a key.
func (x *network) locate(k elementKey) (e911.LocationID, bool) {
	i, ok := x.find(k)
	if !ok {
		return "", false
	}
	return x.location(i), true
}

func (x *network) location(i uint32) e911.LocationID {
	return e911.LocationID(x.places.text(x.recs.at(i).loc))
}

func macKeyOf(kind uint8, m e911.MAC) (k elementKey, ok bool) {
	b, ok := macOctets(string(m))
	r := record{form: formMAC, kind: kind}
	copy(r.key[:], b[:])
	return r.elementKey(), ok
}

func prefixKeyOf(p netip.Prefix) elementKey {
	r := record{kind: numIP}
	r.setPrefix(p)
	return r.elementKey()
}

func (r *record) setPrefix(p netip.Prefix) {
	r.bits = uint8(p.Bits())
	if a := p.Addr(); a.Is4() {
		b := a.As4()
		r.form = formPrefix4
		copy(r.key[:], b[:])
	} else {
		r.form, r.key = formPrefix6, a.As16()
	}
}

// portKey is by what a switch port is found, or with no port a switch.
func (x *network) portKey(kind uint8, l e911.LLDPPort) (k elementKey, ok bool) {
	port, ok := x.names.find(l.Port)
	if !ok {
		return k, false
	}
	r := record{kind: kind, form: formPort}
	if b, isMAC := macOctets(l.Chassis); isMAC {
		copy(r.key[:], b[:])
	} else {
		chassis, known := x.names.find(l.Chassis)
		if !known {
			return k, false
		}
		r.form = formTexts
		binary.LittleEndian.PutUint32(r.key[:], chassis)
	}
	binary.LittleEndian.PutUint32(r.key[8:], port)
	return r.elementKey(), true
}

// macOctets reads a hardware address in its one form.
func macOctets(s string) (b [6]byte, ok bool) {
	if len(s) != len("00:11:22:33:44:50") {
		return b, false
	}
	for i := range b {
		hi, lo := hexDigit(s[3*i]), hexDigit(s[3*i+1])
		if hi > 15 || lo > 15 || (i < 5 && s[3*i+2] != ':') {
			return b, false
		}
		b[i] = hi<<4 | lo
	}
	return b, true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// prefixes lists the mapped prefixes that hold a, the longest first.
func (x *network) prefixes(a netip.Addr) iter.Seq2[netip.Prefix, uint32] {
	return func(yield func(netip.Prefix, uint32) bool) {
		for bits, n := range slices.Backward(x.lengths.of(a)) {
			if n == 0 {
				continue
			}
			p, err := a.Prefix(bits)
			if err != nil {
				continue
			}
			if i, ok := x.find(prefixKeyOf(p)); ok && !yield(p, i) {
				return
			}
		}
	}
}

// element writes an element out.
func (x *network) element(org e911.OrgID, i uint32) e911.Element {
	r := x.recs.at(i)
	if r.form == formWhole {
		v, _ := x.whole.get(i)
		return *v
	}
	e := e911.Element{Org: org, Location: e911.LocationID(x.places.text(r.loc)), Kind: kindOf(r.kind)}
	if r.text {
		e.ID = e911.ElementID(x.names.text(textOf(r.id[:])))
	} else {
		e.ID = e911.ElementID(uuidText(r.id[:]))
	}
	switch r.form {
	case formMAC:
		e.MAC, e.Mobility = e911.MACFrom([6]byte(r.key[:6])), mobilities[r.bits]
	case formPort:
		e.LLDP = e911.LLDPPort{Chassis: string(e911.MACFrom([6]byte(r.key[:6]))), Port: x.names.text(textOf(r.key[8:]))}
	case formTexts:
		e.LLDP = e911.LLDPPort{Chassis: x.names.text(textOf(r.key[:])), Port: x.names.text(textOf(r.key[8:]))}
	case formPrefix4:
		e.Range = netip.PrefixFrom(netip.AddrFrom4([4]byte(r.key[:4])), int(r.bits))
	case formPrefix6:
		e.Range = netip.PrefixFrom(netip.AddrFrom16(r.key), int(r.bits))
	}
	return e
}

// all lists the elements.
func (x *network) all(org e911.OrgID) iter.Seq[e911.Element] {
	return func(yield func(e911.Element) bool) {
		for i, r := range x.recs.all() {
			if r.form != formFree && !yield(x.element(org, i)) {
				return
			}
		}
	}
}
