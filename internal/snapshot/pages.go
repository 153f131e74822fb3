package snapshot

import (
	"iter"
	"slices"
)

// pages is an array in parts: the next version of it copies only the parts that
// change. Of values without pointers the collector looks at nothing but the
// list of the parts. The zero pages is empty.
type pages[T any] struct {
	list []*[pageLen]T
	n    uint32
}

// pageLen is how many values a part has: copying 40 octets each takes less than
// a microsecond.
const pageLen = 128

// at returns the value of a number below n, for reading.
func (p *pages[T]) at(i uint32) *T { return &p.list[i/pageLen][i%pageLen] }

// all lists the values in order of their numbers.
func (p *pages[T]) all() iter.Seq2[uint32, *T] {
	return func(yield func(uint32, *T) bool) {
		for i := range p.n {
			if !yield(i, p.at(i)) {
				return
			}
		}
	}
}

// pagesEdit makes the next version of pages. The one that it started from is
// never written to.
type pagesEdit[T any] struct {
	*pages[T]
	own     []bool // parts that are ours to write to
	touched bool
}

// edit works on a copy that the caller made, and that it reads meanwhile.
func (p *pages[T]) edit() pagesEdit[T] { return pagesEdit[T]{pages: p} }

func (e *pagesEdit[T]) begin() {
	if !e.touched {
		e.touched = true
		e.list = slices.Clone(e.list)
		e.own = make([]bool, len(e.list))
	}
}

// write returns the value of a number below n, for writing.
func (e *pagesEdit[T]) write(i uint32) *T {
	e.begin()
	part := i / pageLen
	if !e.own[part] {
		next := *e.list[part]
		e.list[part], e.own[part] = &next, true
	}
	return &e.list[part][i%pageLen]
}

// push appends a value and returns its number.
func (e *pagesEdit[T]) push(v T) uint32 {
	e.begin()
	if int(e.n) == len(e.list)*pageLen {
		e.list, e.own = append(e.list, new([pageLen]T)), append(e.own, true)
	}
	i := e.n
	e.n++
	*e.write(i) = v
	return i
}

// index finds numbers by the hash of what they stand for: an open hash table in
// parts, without pointers inside. It keeps no keys: who asks compares. The zero
// index is empty.
type index struct {
	parts []indexPart // a power of two, by the upper bits of a hash
	shift uint8       // 32 less as many bits
	n     int
}

// indexPart has in each slot a hash, and one more than a number; 0 is free.
type indexPart struct {
	slots []uint64 // a power of two, by the lower bits of a hash
	n     int
}

// perIndexPart is how many numbers a part has before there are twice as many
// parts: copying one takes a microsecond.
const perIndexPart = 512

// find returns the number of that hash that match takes.
func (x *index) find(hash uint32, match func(uint32) bool) (uint32, bool) {
	if x.n == 0 {
		return 0, false
	}
	slots := x.parts[hash>>x.shift].slots
	if len(slots) == 0 {
		return 0, false
	}
	mask := uint32(len(slots) - 1)
	for i := hash & mask; slots[i] != 0; i = (i + 1) & mask {
		if uint32(slots[i]>>32) == hash && match(uint32(slots[i])-1) {
			return uint32(slots[i]) - 1, true
		}
	}
	return 0, false
}

// indexEdit makes the next version of an index.
type indexEdit struct {
	*index
	own     []bool
	touched bool
}

// edit works on a copy that the caller made, and that it reads meanwhile.
func (x *index) edit() indexEdit { return indexEdit{index: x} }

func (e *indexEdit) begin() {
	if e.touched {
		return
	}
	e.touched = true
	if e.parts == nil {
		e.parts, e.shift = make([]indexPart, 1), 32
	} else {
		e.parts = slices.Clone(e.parts)
	}
	e.own = make([]bool, len(e.parts))
}

// reserve makes room for n more numbers at once.
func (e *indexEdit) reserve(n int) {
	e.begin()
	parts, shift := len(e.parts), e.shift
	for e.n+n > perIndexPart*parts {
		parts, shift = 2*parts, shift-1
	}
	if parts == len(e.parts) {
		return
	}
	bigger := index{parts: make([]indexPart, parts), shift: shift, n: e.n}
	for _, p := range e.parts {
		for _, s := range p.slots {
			if s != 0 {
				bigger.parts[uint32(s>>32)>>shift].add(s)
			}
		}
	}
	*e.index = bigger
	e.own = slices.Repeat([]bool{true}, parts)
}

func (e *indexEdit) insert(hash, number uint32) {
	e.begin()
	if e.n >= perIndexPart*len(e.parts) {
		e.reserve(1)
	}
	e.writable(hash).add(uint64(hash)<<32 | uint64(number+1))
	e.n++
}

func (e *indexEdit) remove(hash, number uint32) {
	if _, ok := e.find(hash, func(n uint32) bool { return n == number }); !ok {
		return
	}
	e.begin()
	e.writable(hash).del(uint64(hash)<<32 | uint64(number+1))
	e.n--
}

func (e *indexEdit) writable(hash uint32) *indexPart {
	i := hash >> e.shift
	p := &e.parts[i]
	if !e.own[i] {
		e.own[i] = true
		p.slots = slices.Clone(p.slots)
	}
	return p
}

func (p *indexPart) add(slot uint64) {
	if 4*(p.n+1) > 3*len(p.slots) {
		old := p.slots
		p.slots = make([]uint64, max(4, 2*len(old)))
		for _, s := range old {
			if s != 0 {
				p.lay(s)
			}
		}
	}
	p.lay(slot)
	p.n++
}

func (p *indexPart) lay(slot uint64) {
	mask := uint32(len(p.slots) - 1)
	i := uint32(slot>>32) & mask
	for p.slots[i] != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = slot
}

// del takes out a slot that is there, and closes the gap.
func (p *indexPart) del(slot uint64) {
	mask := uint32(len(p.slots) - 1)
	i := uint32(slot>>32) & mask
	for p.slots[i] != slot {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; p.slots[j] != 0; j = (j + 1) & mask {
		home := uint32(p.slots[j]>>32) & mask
		if (j-home)&mask >= (j-i)&mask {
			p.slots[i] = p.slots[j]
			i = j
		}
	}
	p.slots[i] = 0
	p.n--
}

// texts numbers texts, so that a record has four octets for one, and counts how
// often each is used: one that nothing uses any more gives its number to
// another. Number 0 is the empty text.
type texts struct {
	number table[string, uint32]
	list   pages[usedText]
	free   uint32 // first of those without use; 0: none
}

type usedText struct {
	text string
	n    uint32 // uses; of one that is free the next such
}

// find returns the number of a text that is used.
func (t *texts) find(s string) (uint32, bool) {
	if s == "" {
		return 0, true
	}
	return t.number.get(s)
}

func (t *texts) text(n uint32) string {
	if n == 0 {
		return ""
	}
	return t.list.at(n).text
}

// uses counts how often a text is used; the empty one never is.
func (t *texts) uses(s string) int {
	n, ok := t.number.get(s)
	if !ok || n == 0 {
		return 0
	}
	return int(t.list.at(n).n)
}

// textsEdit makes the next version of texts.
type textsEdit struct {
	*texts
	number *tableEdit[string, uint32]
	list   pagesEdit[usedText]
}

// edit works on a copy that the caller made, and that it reads meanwhile.
func (t *texts) edit() textsEdit { return textsEdit{t, editIn(&t.number), t.list.edit()} }

// use returns the number of a text, which is used so many times more.
func (e *textsEdit) use(s string, times uint32) uint32 {
	if s == "" {
		return 0
	}
	if n, ok := e.number.get(s); ok {
		e.list.write(n).n += times
		return n
	}
	if e.list.n == 0 {
		e.list.push(usedText{})
	}
	n := e.free
	if n == 0 {
		n = e.list.push(usedText{s, times})
	} else {
		c := e.list.write(n)
		e.free = c.n
		*c = usedText{s, times}
	}
	e.number.set(s, n)
	return n
}

// drop takes one use off.
func (e *textsEdit) drop(n uint32) {
	if n == 0 {
		return
	}
	c := e.list.write(n)
	if c.n--; c.n == 0 {
		e.number.del(c.text)
		*c = usedText{"", e.free}
		e.free = n
	}
}
