package snapshot

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// shares tell which organisations have a range: by prefix its owner, and
// further ones in a table of their own, because hardly any prefix has two. The
// zero shares is empty.
type shares struct {
	orgs    texts
	owner   table[rangeKey, owner]
	further table[rangeKey, []owner]
	lengths *lengths
}

// rangeKey is a prefix: four octets or sixteen, whether it is IPv6, its length.
type rangeKey [18]byte

// owner counts how often an organisation has a range.
type owner struct {
	org uint32 // number of its id
	n   int32
}

func rangeKeyOf(p netip.Prefix) (k rangeKey) {
	if a := p.Addr(); a.Is4() {
		b := a.As4()
		copy(k[:], b[:])
	} else {
		b := a.As16()
		copy(k[:], b[:])
		k[16] = 1
	}
	k[17] = byte(p.Bits())
	return k
}

// of lists the organisations that have a, some more than once.
func (s *shares) of(a netip.Addr) iter.Seq[e911.OrgID] {
	return func(yield func(e911.OrgID) bool) {
		for bits, n := range s.lengths.of(a) {
			if n == 0 {
				continue
			}
			p, err := a.Prefix(bits)
			if err != nil {
				continue
			}
			k := rangeKeyOf(p)
			if o, ok := s.owner.get(k); ok && !yield(e911.OrgID(s.orgs.text(o.org))) {
				return
			}
			further, _ := s.further.get(k)
			for _, o := range further {
				if !yield(e911.OrgID(s.orgs.text(o.org))) {
					return
				}
			}
		}
	}
}

// sharesEdit makes the next version of shares.
type sharesEdit struct {
	*shares
	orgs    textsEdit
	owner   *tableEdit[rangeKey, owner]
	further *tableEdit[rangeKey, []owner]
	own     bool // lengths are ours to write to
}

func (s shares) edit() *sharesEdit {
	return &sharesEdit{shares: &s, orgs: s.orgs.edit(), owner: editIn(&s.owner), further: editIn(&s.further)}
}

func (e *sharesEdit) done() shares { return *e.shares }

// add adds to how often an organisation has a range.
func (e *sharesEdit) add(p netip.Prefix, org e911.OrgID, by int32) {
	k := rangeKeyOf(p)
	number, _ := e.orgs.find(string(org))
	first, ok := e.owner.get(k)
	further, _ := e.further.get(k)
	i := slices.IndexFunc(further, func(o owner) bool { return o.org == number })
	switch {
	case ok && first.org == number:
		if first.n += by; first.n != 0 {
			e.owner.set(k, first)
			return
		}
		e.owner.del(k)
		e.gone(p, number)
	case i >= 0:
		next := slices.Clone(further)
		if next[i].n += by; next[i].n == 0 {
			next = slices.Delete(next, i, i+1)
			e.gone(p, number)
		}
		e.keep(k, next)
	case !ok:
		e.owner.set(k, owner{e.came(p, org), by})
	default:
		e.keep(k, append(slices.Clip(further), owner{e.came(p, org), by}))
	}
}

func (e *sharesEdit) keep(k rangeKey, list []owner) {
	if len(list) == 0 {
		e.further.del(k)
	} else {
		e.further.set(k, list)
	}
}

func (e *sharesEdit) came(p netip.Prefix, org e911.OrgID) uint32 {
	e.count(p, 1)
	return e.orgs.use(string(org), 1)
}

func (e *sharesEdit) gone(p netip.Prefix, org uint32) {
	e.count(p, ^uint32(0))
	e.orgs.drop(org)
}

func (e *sharesEdit) count(p netip.Prefix, by uint32) {
	if !e.own {
		e.own = true
		next := lengths{}
		if e.lengths != nil {
			next = *e.lengths
		}
		e.shares.lengths = &next
	}
	e.lengths.of(p.Addr())[p.Bits()] += by
}

// shared adds to how often an organisation has a range.
func (e *edit) shared(p netip.Prefix, org e911.OrgID, by int32) { e.shares.add(p, org, by) }
