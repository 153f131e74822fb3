package gis

// Content is the frozen content of one layer. Immutable, safe for concurrent
// use. A nil Content is an empty one.
//
// Points of addresses and centre lines are kept to 1e-7 degrees (a centimetre),
// boundaries in full. Dates are kept to the second, in UTC.
type Content struct {
	addresses  []AddressPoint
	streets    []Street
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

// Addresses counts the address points.
func (c *Content) Addresses() int {
	if c == nil {
		return 0
	}
	return len(c.addresses)
}

// Streets counts the segments of centre lines.
func (c *Content) Streets() int {
	if c == nil {
		return 0
	}
	return len(c.streets)
}

// EachAddress calls visit for every address point, sorted by street, place and
// number, until it returns false.
func (c *Content) EachAddress(visit func(AddressPoint) bool) {
	for i := range c.Addresses() {
		if !visit(c.addresses[i]) {
			return
		}
	}
}

// EachStreet calls visit for every segment, sorted by street and place, until it
// returns false.
func (c *Content) EachStreet(visit func(Street) bool) {
	for i := range c.Streets() {
		if !visit(c.streets[i]) {
			return
		}
	}
}
