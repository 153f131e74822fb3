package xmltok

// Reader parses documents one after the other in the same memory, for readers
// that make values of a document at once and keep no Node. The zero value is
// ready; one Reader serves one goroutine.
type Reader struct {
	p parser
	t tree
}

// Parse is the package's Parse. The Node and all that come of it are good until
// the next Parse or Forget; strings that they gave stay good. Forget comes
// before the next Parse, also after an error.
func (r *Reader) Parse(b []byte, lim Limits) (Node, error) {
	lim = lim.withDefaults()
	if len(b) > lim.Bytes {
		return Node{}, ErrTooLarge
	}
	p := &r.p // its stacks need no clearing: depth and scopes say what counts
	p.src, p.pos, p.lim, p.strict, p.tree = string(b), 0, lim, false, &r.t
	p.depth, p.scopes, p.amp, p.cr, p.close = 0, 0, false, false, false
	if err := p.document(); err != nil {
		return Node{}, err
	}
	return Node{t: p.tree}, nil
}

// Forget drops the document, so that nothing of it stays in memory by the
// Reader, and reports whether the Reader is small enough to be kept for others.
func (r *Reader) Forget() (small bool) {
	const few = 256 // nodes of a common document
	p := &r.p
	p.src = ""
	small = cap(r.t.nodes) <= few && cap(r.t.attrs) <= few && cap(r.t.decls) <= few
	if !small {
		*r = Reader{}
		return false
	}
	// No more can be in use than there were elements and declarations.
	clear(p.stack[:min(len(r.t.nodes)+1, maxDepth)])
	clear(p.scope[:min(len(r.t.decls)+1, maxScope)])
	clear(r.t.nodes)
	clear(r.t.attrs)
	clear(r.t.decls)
	r.t.src, r.t.nodes, r.t.attrs, r.t.decls = "", r.t.nodes[:0], r.t.attrs[:0], r.t.decls[:0]
	return true
}
