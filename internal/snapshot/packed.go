package snapshot

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/callbox911/callbox/internal/e911"
)

// packed is a part of a network map as a base file has it: records, whose texts
// have numbers of the part's own.
type packed struct {
	org    e911.OrgID
	names  []string // from 1 on, as places
	places []string
	recs   []record
}

const (
	partPacked = "map/"
	// recordsPerPart keeps what is sealed at once to a few megabytes, and lets
	// several processors read a file.
	recordsPerPart = 50_000
	textBit        = 0x80 // beside the form: the id is the number of a text
)

// packer numbers texts as they come.
type packer struct {
	from *texts
	list []string
	to   map[uint32]uint64
}

func (p *packer) number(n uint32) uint64 {
	if n == 0 {
		return 0
	}
	to, ok := p.to[n]
	if !ok {
		p.list = append(p.list, p.from.text(n))
		to = uint64(len(p.list))
		p.to[n] = to
	}
	return to
}

func (p *packer) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.list)))
	for _, s := range p.list {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

// packRecords writes records of one organisation in about thirty octets each.
func packRecords(org e911.OrgID, x *network, numbers []uint32) []byte {
	names, places := packer{from: &x.names, to: map[uint32]uint64{}}, packer{from: &x.places, to: map[uint32]uint64{}}
	body := make([]byte, 0, 32*len(numbers))
	for _, i := range numbers {
		r := x.recs.at(i)
		head := byte(r.form)
		if r.text {
			head |= textBit
		}
		body = append(body, r.kind, head, r.bits)
		if r.text {
			body = binary.AppendUvarint(body, names.number(textOf(r.id[:])))
		} else {
			body = append(body, r.id[:]...)
		}
		switch r.form {
		case formMAC:
			body = append(body, r.key[:6]...)
		case formPort:
			body = binary.AppendUvarint(append(body, r.key[:6]...), names.number(textOf(r.key[8:])))
		case formTexts:
			body = binary.AppendUvarint(body, names.number(textOf(r.key[:])))
			body = binary.AppendUvarint(body, names.number(textOf(r.key[8:])))
		case formPrefix4:
			body = append(body, r.key[:4]...)
		case formPrefix6:
			body = append(body, r.key[:]...)
		}
		body = binary.AppendUvarint(body, places.number(r.loc))
	}
	out := append(binary.AppendUvarint(nil, uint64(len(org))), org...)
	out = places.append(names.append(out))
	return append(binary.AppendUvarint(out, uint64(len(numbers))), body...)
}

// unpackRecords is the way back.
func unpackRecords(b []byte) (*packed, error) {
	r := elementReader{b: b}
	p := &packed{org: e911.OrgID(r.bytes(r.uvarint()))}
	p.names, p.places = r.texts0(), r.texts0()
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)) || p.org == "" {
		return nil, errElements
	}
	p.recs = make([]record, n)
	for i := range p.recs {
		if !r.record(&p.recs[i], len(p.names), len(p.places)) {
			return nil, errElements
		}
	}
	if len(r.b) != 0 {
		return nil, errElements
	}
	return p, nil
}

// texts0 reads texts of which number 0 is the empty one.
func (r *elementReader) texts0() []string {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := make([]string, 1, n+1)
	for range n {
		if out = append(out, string(r.bytes(r.uvarint()))); r.bad {
			return nil
		}
	}
	return out
}

func (r *elementReader) record(rec *record, names, places int) bool {
	number := func(below int) uint32 {
		n := r.uvarint()
		if n >= uint64(below) {
			r.bad = true
			return 0
		}
		return uint32(n)
	}
	head := r.bytes(3)
	if r.bad {
		return false
	}
	rec.kind, rec.form, rec.text, rec.bits = head[0], form(head[1]&^textBit), head[1]&textBit != 0, head[2]
	if rec.text {
		rec.id = textID(number(names))
	} else {
		copy(rec.id[:], r.bytes(16))
	}
	ok := false
	switch rec.form {
	case formMAC:
		copy(rec.key[:], r.bytes(6))
		ok = (rec.kind == numBSSID || rec.kind == numMAC || rec.kind == numGateway) && int(rec.bits) < len(mobilities)
	case formPort, formTexts:
		if rec.form == formPort {
			copy(rec.key[:], r.bytes(6))
		} else {
			binary.LittleEndian.PutUint32(rec.key[:], number(names))
		}
		binary.LittleEndian.PutUint32(rec.key[8:], number(names))
		ok = (rec.kind == numPort || rec.kind == numChassis) && rec.bits == 0
	case formPrefix4:
		copy(rec.key[:], r.bytes(4))
		ok = rec.kind == numIP && rec.bits <= 32
	case formPrefix6:
		copy(rec.key[:], r.bytes(16))
		ok = rec.kind == numIP && rec.bits <= 128
	}
	rec.loc = number(places)
	return ok && !r.bad && rec.loc != 0
}

// putPacked puts in records of a base, which passed their checks when they came
// into the world that was written: what is checked here is that they fit
// together. The map of their organisation has nothing that is not of the file.
func (e *edit) putPacked(p *packed) {
	o := e.org(p.org)
	here := Object{e911.KindOrg, p.org, string(p.org)}
	if o.config == nil {
		e.fault(here, "", "dangling", "the organisation of a network map does not exist", "")
		return
	}
	names, places := o.renumber(p, here)
	first := o.net.network.recs.n
	for i := range p.recs {
		r := &p.recs[i]
		r.loc = places[r.loc]
		if r.text {
			r.id = textID(names[textOf(r.id[:])])
		}
		switch r.form {
		case formTexts:
			binary.LittleEndian.PutUint32(r.key[:], names[textOf(r.key[:])])
			binary.LittleEndian.PutUint32(r.key[8:], names[textOf(r.key[8:])])
		case formPort:
			binary.LittleEndian.PutUint32(r.key[8:], names[textOf(r.key[8:])])
		case formPrefix4, formPrefix6:
			e.shared(r.prefix(), p.org, 1)
		}
		o.net.recs.push(*r)
	}
	o.net.network.n += len(p.recs)
	// Each of the two indexes is one processor's work.
	var sameID, sameKey bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := first; i < o.net.network.recs.n; i++ {
			r := o.net.network.recs.at(i)
			h := idHash(o.net.seed, r.id, r.text)
			_, there := o.net.byID.find(h, func(k uint32) bool {
				x := o.net.network.recs.at(k)
				return x.id == r.id && x.text == r.text
			})
			sameID = sameID || there
			o.net.byID.insert(h, i)
		}
	})
	for i := first; i < o.net.network.recs.n; i++ {
		sameKey = !o.net.claim(i) || sameKey
	}
	wg.Wait()
	if sameID || sameKey {
		e.fault(here, "", "duplicate", "two network elements of a network map have the same id or key", "")
	}
}

// prefix returns the key of a range.
func (r *record) prefix() netip.Prefix {
	if r.form == formPrefix4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(r.key[:4])), int(r.bits))
	}
	return netip.PrefixFrom(netip.AddrFrom16(r.key), int(r.bits))
}

// renumber enters the texts of a part and returns their numbers here.
func (e *orgEdit) renumber(p *packed, here Object) (names, places []uint32) {
	uses, elements := make([]uint32, len(p.names)), make([]uint32, len(p.places))
	for i := range p.recs {
		r := &p.recs[i]
		elements[r.loc]++
		if r.text {
			uses[textOf(r.id[:])]++
		}
		if r.form == formTexts {
			uses[textOf(r.key[:])]++
		}
		if r.form == formTexts || r.form == formPort {
			uses[textOf(r.key[8:])]++
		}
	}
	names, places = make([]uint32, len(p.names)), make([]uint32, len(p.places))
	for i, n := range uses {
		if n > 0 {
			names[i] = e.net.names.use(p.names[i], n)
		}
	}
	for i, n := range elements {
		if n == 0 {
			continue
		}
		id := p.places[i]
		l, ok := e.locations.get(e911.LocationID(id))
		if !ok {
			e.world.fault(here, "location", "dangling", fmt.Sprintf("the location %s does not exist", id), "")
			continue
		}
		places[i] = e.net.places.use(string(l.id), n) // the one text of it
	}
	return names, places
}

// packNetworks writes the network map of an organisation: its records, and
// what is kept whole.
func packNetworks(o *Org) []part {
	var records []uint32
	var whole []*e911.Element
	for i, r := range o.net.recs.all() {
		switch r.form {
		case formFree:
		case formWhole:
			v, _ := o.net.whole.get(i)
			whole = append(whole, v)
		default:
			records = append(records, i)
		}
	}
	org := o.ID()
	var out []part
	for chunk := range slices.Chunk(records, recordsPerPart) {
		out = append(out, part{fmt.Sprintf("%s%s/%d", partPacked, org, len(out)), packRecords(org, &o.net, chunk)})
	}
	n := 0
	for chunk := range slices.Chunk(whole, recordsPerPart) {
		out = append(out, part{fmt.Sprintf("%s%s/%d", partElements, org, n), encodeElements(org, chunk)})
		n++
	}
	return out
}

// each runs f for 0 to n-1 on all processors, and returns the error of the
// first that has one.
func each(n int, f func(int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
