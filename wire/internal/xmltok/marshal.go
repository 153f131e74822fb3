package xmltok

import "sync"

// scratch has buffers in which Marshal writes.
var scratch sync.Pool

// mostScratch bounds the buffers that are kept.
const mostScratch = 64 << 10

// Marshal returns what add appends to nothing, in memory of just that size:
// how large a document is, is known only when it is written. With an error
// there is no document.
func Marshal[T any](v T, add func([]byte, T) ([]byte, error)) ([]byte, error) {
	buf, ok := scratch.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	out, err := add((*buf)[:0], v)
	var doc []byte
	if err == nil {
		doc = append(doc, out...)
	}
	if cap(out) <= mostScratch {
		*buf = out
		scratch.Put(buf)
	}
	return doc, err
}
