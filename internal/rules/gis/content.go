package gis

// Content is the frozen content of one layer. Immutable, safe for concurrent
// use. A nil Content is an empty one.
type Content struct {
	boundaries []Boundary
}

// Boundaries lists the service boundaries in order of NGUID. They are shared:
// they must not be changed.
func (c *Content) Boundaries() []Boundary {
	if c == nil {
		return nil
	}
	return c.boundaries
}
