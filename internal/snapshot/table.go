package snapshot

import (
	"hash/maphash"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// table is a map in parts: the next version of it copies only the parts that
// change, so that one changed element of a million costs microseconds. The zero
// table is empty. Readers need no lock; a tableEdit makes the next version.
type table[K comparable, V any] struct {
	seed  maphash.Seed
	parts []map[K]V // a power of two
	n     int
}

// perPart is how many entries a part has before there are twice as many parts:
// copying one takes some ten microseconds.
const perPart = 256

func (t *table[K, V]) get(k K) (V, bool) {
	if t.n == 0 {
		var none V
		return none, false
	}
	v, ok := t.parts[t.part(k)][k]
	return v, ok
}

func (t *table[K, V]) part(k K) uint64 {
	if len(t.parts) == 1 {
		return 0
	}
	return maphash.Comparable(t.seed, k) & uint64(len(t.parts)-1)
}

// all lists the entries in no order.
func (t *table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, p := range t.parts {
			for k, v := range p {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}

func (t *table[K, V]) values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, p := range t.parts {
			for _, v := range p {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// tableEdit makes the next version of a table. The one that it started from is
// never written to. It must not be used after done.
type tableEdit[K comparable, V any] struct {
	t       *table[K, V]
	own     []bool // parts that are ours to write to
	touched bool
}

func (t table[K, V]) edit() *tableEdit[K, V] { return &tableEdit[K, V]{t: &t} }

// editIn is edit on a copy that the caller made, and that it reads meanwhile.
func editIn[K comparable, V any](t *table[K, V]) *tableEdit[K, V] { return &tableEdit[K, V]{t: t} }

func (e *tableEdit[K, V]) get(k K) (V, bool) { return e.t.get(k) }

func (e *tableEdit[K, V]) set(k K, v V) {
	e.begin()
	if e.t.n >= perPart*len(e.t.parts) {
		e.grow()
	}
	p := e.writable(k)
	before := len(p)
	p[k] = v
	e.t.n += len(p) - before
}

// reserve makes room for n entries at once, where growing step by step would
// copy them many times.
func (e *tableEdit[K, V]) reserve(n int) {
	if e.t.n+n <= perPart*max(len(e.t.parts), 1) {
		return
	}
	e.begin()
	parts := len(e.t.parts)
	for e.t.n+n > perPart*parts {
		parts *= 2
	}
	e.spread(parts)
}

func (e *tableEdit[K, V]) del(k K) {
	if _, ok := e.t.get(k); !ok {
		return
	}
	e.begin()
	delete(e.writable(k), k)
	e.t.n--
}

func (e *tableEdit[K, V]) begin() {
	if e.touched {
		return
	}
	e.touched = true
	if e.t.parts == nil {
		e.t.seed, e.t.parts = maphash.MakeSeed(), make([]map[K]V, 1)
	} else {
		e.t.parts = slices.Clone(e.t.parts)
	}
	e.own = make([]bool, len(e.t.parts))
}

func (e *tableEdit[K, V]) writable(k K) map[K]V {
	i := e.t.part(k)
	if !e.own[i] {
		e.own[i] = true
		if e.t.parts[i] == nil {
			e.t.parts[i] = map[K]V{}
		} else {
			e.t.parts[i] = maps.Clone(e.t.parts[i])
		}
	}
	return e.t.parts[i]
}

func (e *tableEdit[K, V]) grow() { e.spread(2 * len(e.t.parts)) }

// spread deals the entries out to that many parts.
func (e *tableEdit[K, V]) spread(parts int) {
	bigger := table[K, V]{seed: e.t.seed, parts: make([]map[K]V, parts), n: e.t.n}
	e.own = make([]bool, len(bigger.parts))
	for i := range bigger.parts {
		bigger.parts[i], e.own[i] = make(map[K]V, perPart), true
	}
	for k, v := range e.t.all() {
		bigger.parts[bigger.part(k)][k] = v
	}
	*e.t = bigger
}

// update changes the value of k, the zero value where there is none, by f; f
// returns false to delete it.
func (e *tableEdit[K, V]) update(k K, f func(V) (V, bool)) {
	e.begin()
	p := e.writable(k)
	old, had := p[k]
	v, keep := f(old)
	switch {
	case keep && had:
		p[k] = v
	case keep:
		e.set(k, v)
	case had:
		delete(p, k)
		e.t.n--
	}
}

func (e *tableEdit[K, V]) done() table[K, V] { return *e.t }

// add puts v into the list of k, in order; lists are copied, never written to.
func add[K comparable, V any](e *tableEdit[K, []V], k K, v V, compare func(a, b V) int) {
	list, _ := e.get(k)
	i, _ := slices.BinarySearchFunc(list, v, compare)
	next := make([]V, 0, len(list)+1)
	next = append(append(append(next, list[:i]...), v), list[i:]...)
	e.set(k, next)
}

// remove takes what matches out of the list of k.
func remove[K comparable, V any](e *tableEdit[K, []V], k K, match func(V) bool) {
	list, _ := e.get(k)
	if !slices.ContainsFunc(list, match) {
		return
	}
	next := slices.DeleteFunc(slices.Clone(list), match)
	if len(next) == 0 {
		e.del(k)
		return
	}
	e.set(k, slices.Clip(next))
}

// prefixEdit makes the next version of a prefix table, by copying paths for a
// few changes and, from some number of them on, by one copy of the whole.
type prefixEdit[V any] struct {
	t    *bart.Table[V]
	own  bool
	done int
}

// manyPrefixes is after how many changes one copy of the whole is cheaper than a
// copied path for each (24 µs a change in a table of a million).
const manyPrefixes = 4096

func editPrefixes[V any](t *bart.Table[V]) *prefixEdit[V] {
	if t == nil {
		return &prefixEdit[V]{t: new(bart.Table[V]), own: true}
	}
	return &prefixEdit[V]{t: t}
}

// modify changes the value of p by f; f returns true to delete it.
func (e *prefixEdit[V]) modify(p netip.Prefix, f func(v V, ok bool) (V, bool)) {
	if e.done++; e.done == manyPrefixes && !e.own {
		e.t, e.own = e.t.Clone(), true
	}
	if e.own {
		e.t.Modify(p, f)
		return
	}
	e.t = e.t.ModifyPersist(p, f)
}

// some is the table, nil when it is empty: most organisations have no ranges of
// most kinds.
func (e *prefixEdit[V]) some() *bart.Table[V] {
	if e.t.Size() == 0 {
		return nil
	}
	return e.t
}
