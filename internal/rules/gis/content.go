package gis

import (
	"encoding/binary"
	"sort"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Content is the frozen content of one layer. Immutable, safe for concurrent
// use. A nil Content is an empty one.
//
// Points of addresses and centre lines are kept to 1e-7 degrees (a centimetre),
// boundaries in full. Dates are kept to the second, in UTC.
//
// Address points are grouped into ways, the numbers of one street in one place,
// and segments are sorted by street: streets, places and records are numbered
// from 0 in sorted order, which is how an index (rules/lvf) refers to them.
type Content struct {
	raw    []byte
	textAt []byte
	text   string

	names, places, ways, templates, spans []byte
	details, locals                       []byte
	addresses, segments, points           []byte

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
	return len(c.addresses) / addressSize
}

// Streets counts the segments of centre lines.
func (c *Content) Streets() int {
	if c == nil {
		return 0
	}
	return len(c.segments) / segmentSize
}

// Names counts the distinct streets, by all fields of their name.
func (c *Content) Names() int {
	if c == nil {
		return 0
	}
	return len(c.names) / nameSize
}

// Places counts the distinct places: country, A1 to A5, PC, PCN and MSAG.
func (c *Content) Places() int {
	if c == nil {
		return 0
	}
	return len(c.places) / placeSize
}

// Ways counts the distinct pairs of street and place that have address points.
func (c *Content) Ways() int {
	if c == nil {
		return 0
	}
	return len(c.ways) / waySize
}

// Way is a street in a place with its address points First up to, not
// including, End, in order of their house numbers.
type Way struct{ Name, Place, First, End int }

// Way returns one way; they are sorted by name, then place.
func (c *Content) Way(i int) Way {
	w := Way{
		Name: int(u32(c.ways, waySize*i)), Place: int(u32(c.ways, waySize*i+4)), First: int(u32(c.ways, waySize*i+8)),
		End: c.Addresses(),
	}
	if next := waySize * (i + 1); next < len(c.ways) {
		w.End = int(u32(c.ways, next+8))
	}
	return w
}

// WayOf returns the way of an address point.
func (c *Content) WayOf(address int) Way {
	i := sort.Search(c.Ways(), func(i int) bool { return int(u32(c.ways, waySize*i+8)) > address })
	return c.Way(i - 1)
}

// Name returns a street's own fields.
func (c *Content) Name(i int) e911.Civic {
	var out e911.Civic
	c.PutName(&out, i)
	return out
}

// PutName writes a street's own fields into an address, absent ones too.
func (c *Content) PutName(to *e911.Civic, i int) {
	for k, f := range nameFields {
		*f(to) = c.str(u32(c.names, nameSize*i+4*k))
	}
}

// Place returns the areas of a place, and its MSAG form.
func (c *Content) Place(i int) (e911.Civic, MSAG) {
	var out e911.Civic
	for k, f := range placeFields {
		*f(&out) = c.str(u32(c.places, placeSize*i+4*k))
	}
	return out, MSAG{Community: c.str(u32(c.places, placeSize*i+32)), ESN: c.str(u32(c.places, placeSize*i+36))}
}

// Number is the house number of an address point; false when it has none.
func (c *Content) Number(address int) (int, bool) {
	n := u32(c.addresses, addressSize*address+addrNumber)
	return int(n), n != noNumber
}

// NoNumber stands in Find for address points without a house number, such as
// mileposts and landmarks; they come last in their way.
const NoNumber = noNumber

// Find returns the address points of a way that have a house number: from first
// up to, not including, end.
func (c *Content) Find(w Way, number int) (first, end int) {
	at := func(n int) int {
		return w.First + sort.Search(w.End-w.First, func(i int) bool {
			return int(u32(c.addresses, addressSize*(w.First+i)+addrNumber)) >= n
		})
	}
	first = at(number)
	for end = first; end < w.End && int(u32(c.addresses, addressSize*end+addrNumber)) == number; {
		end++
	}
	return first, end
}

// AddressAt is the position of an address point.
func (c *Content) AddressAt(address int) e911.Point {
	return position32(c.addresses[addressSize*address+addrLat:])
}

func position32(b []byte) e911.Point {
	return e911.Point{Lat: float64(int32(u32(b, 0))) / degree, Lon: float64(int32(u32(b, 4))) / degree} //nolint:gosec // bits
}

// Plain reports an address point that has street, place and number alone.
func (c *Content) Plain(address int) bool {
	d := int(u32(c.addresses, addressSize*address+addrDetail))
	return c.details[d] == 0 || int(c.details[d]) == placementTag
}

// Placement is how the position of an address point was found, as published.
func (c *Content) Placement(address int) string {
	for d := int(u32(c.addresses, addressSize*address+addrDetail)); c.details[d] != 0; d += 5 {
		if int(c.details[d]) == placementTag {
			return c.str(u32(c.details, d+1))
		}
	}
	return ""
}

// PutDetail writes what an address point has beside street, place and number
// (parts of the house number, units, floors) into an address, where it has them.
func (c *Content) PutDetail(to *e911.Civic, address int) {
	for d := int(u32(c.addresses, addressSize*address+addrDetail)); c.details[d] != 0; d += 5 {
		if tag := int(c.details[d]); tag != placementTag {
			*detailFields[tag-1](to) = c.str(u32(c.details, d+1))
		}
	}
}

// AddressActive reports whether an address point holds at a moment.
func (c *Content) AddressActive(address int, at time.Time) bool {
	return c.active(u32(c.addresses, addressSize*address+addrSpan), at)
}

// AddressID is the NGUID of an address point.
func (c *Content) AddressID(address int) string {
	r := c.addresses[addressSize*address:]
	return c.nguid(u32(r, addrTemplate), u32(r, addrLocal))
}

// Address returns an address point.
func (c *Content) Address(i int) AddressPoint {
	r := c.addresses[addressSize*i:]
	w := c.WayOf(i)
	p := AddressPoint{NGUID: c.AddressID(i), Point: c.AddressAt(i), Updated: date32(u32(r, addrUpdated)), Span: c.span(u32(r, addrSpan))}
	p.Civic, p.MSAG = c.Place(w.Place)
	c.PutName(&p.Civic, w.Name)
	if n, ok := c.Number(i); ok {
		p.Civic.HNO = strconv.Itoa(n)
	}
	c.PutDetail(&p.Civic, i)
	p.Placement = c.Placement(i)
	return p
}

// EachAddress calls visit for every address point, sorted by street, place and
// number, until it returns false.
func (c *Content) EachAddress(visit func(AddressPoint) bool) {
	for i := range c.Addresses() {
		if !visit(c.Address(i)) {
			return
		}
	}
}

// Range is one side of a segment, its place by number.
type Range struct {
	Place    int
	Prefix   string
	From, To int
	Parity   Parity
	Validate bool
}

// StreetName is the number of a segment's name; segments are sorted by it.
func (c *Content) StreetName(segment int) int {
	return int(u32(c.segments, segmentSize*segment+segName))
}

// Sides returns the left and the right side of a segment.
func (c *Content) Sides(segment int) (left, right Range) {
	r := c.segments[segmentSize*segment : segmentSize*(segment+1)]
	read := func(at, k int) Range {
		return Range{
			Place: int(u32(r, at)), Prefix: c.str(u32(r, at+4)), From: int(u32(r, at+8)), To: int(u32(r, at+12)),
			Parity: Parity(r[segFlags+k]), Validate: r[segFlags+2+k] == 1,
		}
	}
	return read(segLeft, 0), read(segRight, 1)
}

// Line appends the points of a segment to dst.
func (c *Content) Line(dst []e911.Point, segment int) []e911.Point {
	first, end := c.lineOf(segment)
	for i := first; i < end; i++ {
		dst = append(dst, position32(c.points[pointSize*i:]))
	}
	return dst
}

// lineOf is where the points of a segment stand.
func (c *Content) lineOf(i int) (first, end int) {
	first, end = int(u32(c.segments, segmentSize*i+segFirst)), len(c.points)/pointSize
	if next := segmentSize * (i + 1); next < len(c.segments) {
		end = int(u32(c.segments, next+segFirst))
	}
	return first, end
}

// StreetActive reports whether a segment holds at a moment.
func (c *Content) StreetActive(segment int, at time.Time) bool {
	return c.active(u32(c.segments, segmentSize*segment+segSpan), at)
}

// StreetID is the NGUID of a segment.
func (c *Content) StreetID(segment int) string {
	r := c.segments[segmentSize*segment:]
	return c.nguid(u32(r, segTemplate), u32(r, segLocal))
}

// Street returns a segment.
func (c *Content) Street(i int) Street {
	r := c.segments[segmentSize*i:]
	left, right := c.Sides(i)
	return Street{
		NGUID: c.StreetID(i), Name: c.Name(c.StreetName(i)), Left: c.side(left), Right: c.side(right), Line: c.Line(nil, i),
		Updated: date32(u32(r, segUpdated)), Span: c.span(u32(r, segSpan)),
	}
}

func (c *Content) side(r Range) Side {
	s := Side{Prefix: r.Prefix, From: r.From, To: r.To, Parity: r.Parity, Validate: r.Validate}
	s.Civic, s.MSAG = c.Place(r.Place)
	return s
}

// EachStreet calls visit for every segment, sorted by street and place, until it
// returns false.
func (c *Content) EachStreet(visit func(Street) bool) {
	for i := range c.Streets() {
		if !visit(c.Street(i)) {
			return
		}
	}
}

func (c *Content) str(id uint32) string {
	return c.text[u32(c.textAt, 4*int(id)):u32(c.textAt, 4*int(id)+4)]
}

func (c *Content) nguid(template, at uint32) string {
	t := c.templates[templateSize*int(template):]
	var room [128]byte
	b := append(room[:0], c.str(u32(t, 0))...)
	b = readLocal(b, c.locals[at:])
	return string(append(b, c.str(u32(t, 4))...))
}

func (c *Content) times(id uint32) (effective, expire int64) {
	b := c.spans[spanSize*int(id):]
	return int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:])) //nolint:gosec // bits
}

func (c *Content) span(id uint32) Span {
	effective, expire := c.times(id)
	return Span{Effective: moment(effective), Expire: moment(expire)}
}

func (c *Content) active(id uint32, at time.Time) bool {
	effective, expire := c.times(id)
	s := at.Unix()
	return s >= effective && (expire == noTime || s < expire)
}

func date32(s uint32) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0).UTC()
}
