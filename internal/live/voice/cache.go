package voice

import "container/list"

// cache keeps the sentences said last, bounded by what their samples weigh. Not
// safe for concurrent use.
type cache struct {
	limit int // bytes
	size  int
	order *list.List // of *said, the last used first
	by    map[string]*list.Element
}

type said struct {
	sentence string
	audio    Audio
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), by: map[string]*list.Element{}}
}

func (s *said) weight() int { return 2*len(s.audio) + len(s.sentence) }

func (c *cache) get(sentence string) (Audio, bool) {
	e, ok := c.by[sentence]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*said).audio, true
}

// put drops what was not used for longest until there is room. What is larger
// than the whole cache is not kept.
func (c *cache) put(sentence string, a Audio) {
	s := &said{sentence: sentence, audio: a}
	if _, ok := c.by[sentence]; ok || s.weight() > c.limit {
		return
	}
	for c.size+s.weight() > c.limit {
		last := c.order.Back()
		old := c.order.Remove(last).(*said)
		delete(c.by, old.sentence)
		c.size -= old.weight()
	}
	c.by[sentence] = c.order.PushFront(s)
	c.size += s.weight()
}
