package snapshot

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// networkEdit makes the next version of a network, which is read meanwhile.
type networkEdit struct {
	*network
	recs    pagesEdit[record]
	whole   *tableEdit[uint32, *e911.Element]
	byID    indexEdit
	byKey   indexEdit
	names   textsEdit
	places  textsEdit
	masked  *tableEdit[[6]byte, maskedPlace]
	counted bool // lengths are ours to write to
}

func (x network) edit() *networkEdit {
	if x.n == 0 && x.recs.n == 0 {
		x.seed = maphash.MakeSeed()
	}
	return &networkEdit{
		network: &x, recs: x.recs.edit(), whole: editIn(&x.whole), byID: x.byID.edit(), byKey: x.byKey.edit(),
		names: x.names.edit(), places: x.places.edit(), masked: editIn(&x.masked),
	}
}

func (e *networkEdit) done() network { return *e.network }

func (e *networkEdit) reserve(n int) {
	e.byID.reserve(n)
	e.byKey.reserve(n)
}

// add puts in a record whose id is none of the others', and returns its number.
func (e *networkEdit) add(r record) uint32 {
	i := e.free
	if i == 0 {
		i = e.recs.push(r)
	} else {
		i--
		old := e.recs.write(i)
		e.network.free = textOf(old.key[:])
		*old = r
	}
	e.byID.insert(idHash(e.seed, r.id, r.text), i)
	e.network.n++
	return i
}

// set enters an element, without its key.
func (e *networkEdit) set(v *e911.Element) uint32 {
	r := record{kind: kindNumber(v.Kind), loc: e.places.use(string(v.Location), 1)}
	id, ok := uuidOctets(string(v.ID))
	if r.id = id; !ok {
		r.text = true
		r.id = textID(e.names.use(string(v.ID), 1))
	}
	if !e.pack(&r, v) {
		r.form = formWhole
	}
	i := e.add(r)
	if r.form == formWhole {
		e.whole.set(i, v)
	}
	return i
}

// pack writes the key of an element that has nothing else than its kind's key.
func (e *networkEdit) pack(r *record, v *e911.Element) bool {
	rest := *v
	rest.ID, rest.Org, rest.Location, rest.Kind = "", "", "", ""
	switch r.kind {
	case numBSSID, numMAC, numGateway:
		b, ok := macOctets(string(v.MAC))
		mobility := slices.Index(mobilities, v.Mobility)
		if rest.MAC, rest.Mobility = "", ""; !ok || mobility < 0 || rest != (e911.Element{}) {
			return false
		}
		r.form, r.bits = formMAC, uint8(mobility)
		copy(r.key[:], b[:])
	case numPort, numChassis:
		if rest.LLDP = (e911.LLDPPort{}); rest != (e911.Element{}) {
			return false
		}
		if b, ok := macOctets(v.LLDP.Chassis); ok {
			r.form = formPort
			copy(r.key[:], b[:])
		} else {
			r.form = formTexts
			binary.LittleEndian.PutUint32(r.key[:], e.names.use(v.LLDP.Chassis, 1))
		}
		binary.LittleEndian.PutUint32(r.key[8:], e.names.use(v.LLDP.Port, 1))
	case numIP:
		if rest.Range = (netip.Prefix{}); !v.Range.IsValid() || v.Range != v.Range.Masked() || v.Range.Addr().Is4In6() || rest != (e911.Element{}) {
			return false
		}
		r.setPrefix(v.Range)
	default:
		return false
	}
	return true
}

// claim enters an element under its key; false when another has it.
func (e *networkEdit) claim(i uint32) bool {
	k := e.keyOf(i)
	if _, taken := e.find(k); taken {
		return false
	}
	e.byKey.insert(e.hash(k[:]), i)
	e.count(k, 1)
	return true
}

func (e *networkEdit) release(i uint32) {
	k := e.keyOf(i)
	e.byKey.remove(e.hash(k[:]), i)
	e.count(k, ^uint32(0))
}

// count adds to how many prefixes have the length of k.
func (e *networkEdit) count(k elementKey, by uint32) {
	f := form(k[0])
	if f != formPrefix4 && f != formPrefix6 {
		return
	}
	if !e.counted {
		e.counted = true
		next := lengths{}
		if e.lengths != nil {
			next = *e.lengths
		}
		e.network.lengths = &next
	}
	if f == formPrefix4 {
		e.lengths.v4[k[2]] += by
	} else {
		e.lengths.v6[k[2]] += by
	}
}

// drop takes out a record; its key must be released.
func (e *networkEdit) drop(i uint32) {
	r := *e.recs.at(i)
	e.byID.remove(idHash(e.seed, r.id, r.text), i)
	e.places.drop(r.loc)
	if r.text {
		e.names.drop(textOf(r.id[:]))
	}
	switch r.form {
	case formWhole:
		e.whole.del(i)
	case formTexts:
		e.names.drop(textOf(r.key[:]))
		e.names.drop(textOf(r.key[8:]))
	case formPort:
		e.names.drop(textOf(r.key[8:]))
	}
	gone := record{form: formFree}
	binary.LittleEndian.PutUint32(gone.key[:], e.free)
	*e.recs.write(i) = gone
	e.network.free = i + 1
	e.network.n--
}

// mask writes zeros for the last digits of a BSSID whose vendor is masked.
func mask(masks []e911.BSSIDMask, m [6]byte) ([6]byte, bool) {
	for _, k := range masks {
		if k.OUI != string(e911.MACFrom(m)[:8]) {
			continue
		}
		for digit := range min(k.Digits, 12) {
			if i := 5 - digit/2; digit%2 == 0 {
				m[i] &= 0xf0
			} else {
				m[i] = 0
			}
		}
		return m, true
	}
	return m, false
}

// putMasked enters an access point under what its vendor's mask leaves; false
// when another one there is at another place.
func (e *networkEdit) putMasked(masks []e911.BSSIDMask, i uint32) bool {
	r := e.recs.at(i)
	key, ok := mask(masks, [6]byte(r.key[:6]))
	if !ok {
		return true
	}
	at, _ := e.masked.get(key)
	if at.n > 0 && at.loc != r.loc {
		return false
	}
	e.masked.set(key, maskedPlace{r.loc, at.n + 1})
	return true
}

// unmask forgets all masked BSSIDs.
func (e *networkEdit) unmask() {
	e.network.masked = table[[6]byte, maskedPlace]{}
	e.masked = editIn(&e.network.masked)
}

func (e *networkEdit) takeMasked(masks []e911.BSSIDMask, i uint32) {
	key, ok := mask(masks, [6]byte(e.recs.at(i).key[:6]))
	if !ok {
		return
	}
	if at, _ := e.masked.get(key); at.n > 1 {
		e.masked.set(key, maskedPlace{at.loc, at.n - 1})
	} else {
		e.masked.del(key)
	}
}

// equalPrefix finds a mapped prefix as large as s that holds a.
func (x *network) equalPrefix(s netmap.Span, a netip.Addr) (uint32, bool) {
	bits, ok := s.Bits()
	if !ok {
		return 0, false
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return 0, false
	}
	return x.find(prefixKeyOf(p))
}
