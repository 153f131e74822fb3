package gis

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// The encoded form: magic, version, CRC-32C of all that follows it, the length
// of every section as 64 bits, then the sections. Numbers are little-endian.
// Dictionaries and records are sorted, so that equal layers have equal bytes.
const (
	magic         = "cbxlayer"
	formatVersion = 1
	sumAt         = len(magic) + 1
	headerSize    = sumAt + 4 + 8*sections
)

// Sections in the order of the file.
const (
	secTextAt     = iota // where each text begins in secText, 32 bits, and the end
	secText              // distinct texts, UTF-8
	secNames             // streets: ids of eight texts (nameFields)
	secPlaces            // ids of ten texts (placeFields, MSAG community, ESN)
	secWays              // street, place, first address; sorted by them
	secTemplates         // before and behind the local part of an NGUID
	secSpans             // Effective and Expire, 64 bits of seconds
	secDetails           // entries of (tag, id of text) up to a tag 0
	secLocals            // local parts of NGUIDs (see appendLocal)
	secAddresses         // 32 bytes a point
	secSegments          // 60 bytes a segment
	secPoints            // latitude, longitude in 1e-7 degrees
	secBoundaries        // a count, then one by one
	sections
)

// Sizes of the records, bytes.
const (
	nameSize     = 4 * 8
	placeSize    = 4 * 10
	waySize      = 4 * 3
	templateSize = 4 * 2
	spanSize     = 8 * 2
	addressSize  = 4 * 8
	segmentSize  = 4 * 15
	pointSize    = 4 * 2
)

// Positions of the fields of an address record, and of a segment record.
const (
	addrNumber = 4 * iota
	addrLat
	addrLon
	addrDetail
	addrLocal
	addrTemplate
	addrSpan
	addrUpdated
)

const (
	segName = 4 * iota
	segLeft // place, prefix, from, to
	_
	_
	_
	segRight
	_
	_
	_
	segFlags // parity left, parity right, validate left, validate right
	segLocal
	segTemplate
	segSpan
	segUpdated
	segFirst // of its points; the next segment's first ends them
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append appends the encoded content to dst. The same features have the same
// bytes.
func (c *Content) Append(dst []byte) []byte {
	if c == nil {
		return append(dst, NewBuilder().encode()...)
	}
	return append(dst, c.raw...)
}

// Decode reads what Append wrote and keeps b, which must not be changed any
// more. It unpacks boundaries and nothing else, so a million addresses take a
// fraction of a second and hardly any memory beside b. Every position is
// checked once: whatever b holds, an error is all that happens, now or later.
func Decode(b []byte) (*Content, error) {
	s, err := split(b)
	if err != nil {
		return nil, err
	}
	c := &Content{raw: b}
	c.textAt, c.text = s[secTextAt], string(s[secText])
	c.names, c.places, c.ways, c.templates, c.spans = s[secNames], s[secPlaces], s[secWays], s[secTemplates], s[secSpans]
	c.details, c.locals = s[secDetails], s[secLocals]
	c.addresses, c.segments, c.points = s[secAddresses], s[secSegments], s[secPoints]
	for _, check := range []func() error{c.checkText, c.checkDictionaries, c.checkDetails, c.checkWays, c.checkAddresses, c.checkSegments, c.checkPoints} {
		if err := check(); err != nil {
			return nil, fmt.Errorf("read a reference layer: %w", err)
		}
	}
	if c.boundaries, err = decodeBoundaries(s[secBoundaries]); err != nil {
		return nil, fmt.Errorf("read a reference layer: %w", err)
	}
	return c, nil
}

// split checks header, checksum and lengths and cuts the sections.
func split(b []byte) (s [sections][]byte, err error) {
	switch {
	case len(b) < headerSize || string(b[:len(magic)]) != magic:
		return s, errors.New("this is no content of a reference layer")
	case b[len(magic)] != formatVersion:
		return s, fmt.Errorf("the content of the reference layer has format %d, this program reads %d: import the layer again", b[len(magic)], formatVersion)
	case binary.LittleEndian.Uint32(b[sumAt:]) != crc32.Checksum(b[sumAt+4:], castagnoli):
		return s, errors.New("the content of the reference layer is damaged: its checksum differs")
	}
	rest := b[headerSize:]
	for i := range s {
		n := binary.LittleEndian.Uint64(b[sumAt+4+8*i:])
		if n > uint64(len(rest)) {
			return s, errors.New("the content of the reference layer is cut off")
		}
		s[i], rest = rest[:n:n], rest[n:]
	}
	if len(rest) > 0 {
		return s, errors.New("the content of the reference layer has bytes behind its end")
	}
	for _, r := range []struct{ sec, size int }{
		{secNames, nameSize},
		{secPlaces, placeSize},
		{secWays, waySize},
		{secTemplates, templateSize},
		{secSpans, spanSize},
		{secAddresses, addressSize},
		{secSegments, segmentSize},
		{secPoints, pointSize},
		{secTextAt, 4},
	} {
		if n := len(s[r.sec]); n%r.size != 0 || n/r.size > math.MaxInt32 {
			return s, errors.New("the content of the reference layer has a broken section")
		}
	}
	return s, nil
}

var errRange = errors.New("a record points outside its section")

func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

func (c *Content) checkText() error {
	n := len(c.textAt) / 4
	if n == 0 || u32(c.textAt, 0) != 0 || int(u32(c.textAt, len(c.textAt)-4)) != len(c.text) {
		return errRange
	}
	for i := 1; i < n; i++ {
		from, to := u32(c.textAt, 4*i-4), u32(c.textAt, 4*i)
		if to < from || to-from > maxText || int(to) > len(c.text) || !utf8.ValidString(c.text[from:to]) {
			return errors.New("a text is broken")
		}
		if i > 1 && c.str(uint32(i-2)) >= c.text[from:to] { //nolint:gosec // below MaxInt32
			return errors.New("texts are out of order")
		}
	}
	return nil
}

// checkIDs reports ids of 32 bits that are not below n.
func checkIDs(b []byte, n int) error {
	for i := 0; i < len(b); i += 4 {
		if int(u32(b, i)) >= n {
			return errRange
		}
	}
	return nil
}

func (c *Content) checkDictionaries() error {
	texts := len(c.textAt)/4 - 1
	if err := errors.Join(checkIDs(c.names, texts), checkIDs(c.places, texts), checkIDs(c.templates, texts)); err != nil {
		return err
	}
	for i := 0; i < len(c.spans); i += 8 {
		if !goodTime(int64(binary.LittleEndian.Uint64(c.spans[i:]))) { //nolint:gosec // bits
			return errors.New("a date is out of range")
		}
	}
	return nil
}

func goodTime(s int64) bool { return s == noTime || s >= minTime && s <= maxTime }

// checkDetails tests that there is the empty entry; the others are tested where
// records point to them.
func (c *Content) checkDetails() error {
	if len(c.details) == 0 || c.details[0] != 0 {
		return errRange
	}
	return nil
}

func (c *Content) checkWays() error {
	n := len(c.addresses) / addressSize
	if (len(c.ways) == 0) != (n == 0) {
		return errRange
	}
	for i := range len(c.ways) / waySize {
		name, place, first := u32(c.ways, waySize*i), u32(c.ways, waySize*i+4), int(u32(c.ways, waySize*i+8))
		if int(name) >= len(c.names)/nameSize || int(place) >= len(c.places)/placeSize || first >= n || i == 0 && first != 0 {
			return errRange
		}
		if i == 0 {
			continue
		}
		before := c.Way(i - 1)
		if first <= before.First || int(name) < before.Name || int(name) == before.Name && int(place) <= before.Place {
			return errors.New("streets are out of order")
		}
	}
	return nil
}

func (c *Content) checkAddresses() error {
	next := 1 // the way that begins next
	for i := range c.Addresses() {
		r := c.addresses[addressSize*i : addressSize*(i+1)]
		number := u32(r, addrNumber)
		if number > maxNumber && number != noNumber {
			return errors.New("a house number is out of range")
		}
		if next < c.Ways() && c.Way(next).First == i {
			next++
		} else if i > 0 && number < u32(c.addresses, addressSize*(i-1)) {
			return errors.New("house numbers are out of order")
		}
		if err := c.checkRecord(r, addrLocal, addrTemplate, addrSpan); err != nil {
			return err
		}
		if d := int(u32(r, addrDetail)); d > 0 && !c.entryAt(d) {
			return errors.New("the detail of an address is broken")
		}
		if !goodPosition(r[addrLat:]) {
			return errors.New("a point lies off the globe")
		}
	}
	return nil
}

// entryAt reports that a whole entry of details begins at d.
func (c *Content) entryAt(d int) bool {
	last := byte(0)
	for d < len(c.details) && c.details[d] != 0 {
		tag := c.details[d]
		if tag <= last || int(tag) > placementTag || d+5 >= len(c.details) || int(u32(c.details, d+1)) >= len(c.textAt)/4-1 {
			return false
		}
		last = tag
		d += 5
	}
	return d < len(c.details)
}

// checkRecord tests what address points and segments share.
func (c *Content) checkRecord(r []byte, local, template, span int) error {
	if int(u32(r, template)) >= len(c.templates)/templateSize || int(u32(r, span)) >= len(c.spans)/spanSize {
		return errRange
	}
	at := int(u32(r, local))
	if at >= len(c.locals) {
		return errRange
	}
	if _, err := localLength(c.locals[at:]); err != nil {
		return err
	}
	return nil
}

func (c *Content) checkSegments() error {
	points := len(c.points) / pointSize
	if c.Streets() == 0 && points > 0 {
		return errRange
	}
	for i := range c.Streets() {
		r := c.segments[segmentSize*i : segmentSize*(i+1)]
		if int(u32(r, segName)) >= len(c.names)/nameSize || i > 0 && u32(r, segName) < u32(c.segments, segmentSize*(i-1)) {
			return errors.New("segments are out of order")
		}
		for k, at := range []int{segLeft, segRight} {
			if int(u32(r, at)) >= len(c.places)/placeSize || int(u32(r, at+4)) >= len(c.textAt)/4-1 || u32(r, at+8) > maxNumber || u32(r, at+12) > maxNumber {
				return errRange
			}
			switch Parity(r[segFlags+k]) {
			case ParityNone, ParityOdd, ParityEven, ParityBoth:
			default:
				return errors.New("the parity of a segment is broken")
			}
			if r[segFlags+2+k] > 1 {
				return errRange
			}
		}
		if err := c.checkRecord(r, segLocal, segTemplate, segSpan); err != nil {
			return err
		}
		first, end := c.lineOf(i)
		if end > points || end-first < 2 || end-first > maxLine || i == 0 && first != 0 {
			return errors.New("the line of a segment is broken")
		}
	}
	return nil
}

func (c *Content) checkPoints() error {
	for i := 0; i < len(c.points); i += pointSize {
		if !goodPosition(c.points[i:]) {
			return errors.New("a point lies off the globe")
		}
	}
	return nil
}

func goodPosition(b []byte) bool {
	lat, lon := int32(u32(b, 0)), int32(u32(b, 4)) //nolint:gosec // bits
	return lat >= -90*degree && lat <= 90*degree && lon >= -180*degree && lon <= 180*degree
}

// leastBoundary is the size of a boundary that says nothing.
const leastBoundary = 12 + 1 + 3*8 + 1

// reader reads the section of boundaries; the first fault ends all.
type reader struct {
	b   []byte
	bad bool
}

// count reads a number of things that take size bytes each, or more.
func (r *reader) count(size int) int {
	n, k := binary.Uvarint(r.b)
	if k <= 0 || n > uint64(len(r.b)-k)/uint64(size) { //nolint:gosec // both positive
		r.bad = true
		return 0
	}
	r.b = r.b[k:]
	return int(n) //nolint:gosec // at most len(r.b)
}

func (r *reader) text() string {
	n := r.count(1)
	s := string(r.b[:n])
	r.b = r.b[n:]
	r.bad = r.bad || n > maxText || !utf8.ValidString(s)
	return s
}

func (r *reader) word() uint64 {
	if len(r.b) < 8 {
		r.bad = true
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *reader) time() int64 {
	s := int64(r.word()) //nolint:gosec // bits
	r.bad = r.bad || !goodTime(s)
	return s
}

func decodeBoundaries(b []byte) ([]Boundary, error) {
	r := reader{b: b}
	out := make([]Boundary, 0, min(r.peek(leastBoundary), 1<<12))
	for range r.count(leastBoundary) {
		f := r.boundary()
		if r.bad {
			break
		}
		if n := len(out); n > 0 && out[n-1].NGUID > f.NGUID {
			return nil, errors.New("boundaries are out of order")
		}
		out = append(out, f)
	}
	if r.bad || len(r.b) > 0 {
		return nil, errors.New("the boundaries are broken")
	}
	return out, nil
}

// peek is count without reading on.
func (r *reader) peek(size int) int {
	again := *r
	return again.count(size)
}

func (r *reader) boundary() Boundary {
	var f Boundary
	for _, s := range boundaryTexts(&f) {
		*s = r.text()
	}
	for range r.count(1) {
		f.URIs = append(f.URIs, r.text())
		if r.bad {
			return f
		}
	}
	f.Updated, f.Effective, f.Expire = moment(r.time()), moment(r.time()), moment(r.time())
	for range r.count(1) {
		var poly [][]e911.Point
		for range r.count(1) {
			poly = append(poly, r.ring())
			if r.bad {
				return f
			}
		}
		f.Area = append(f.Area, poly)
	}
	return f
}

func (r *reader) ring() []e911.Point {
	ring := make([]e911.Point, r.count(16))
	for i := range ring {
		ring[i] = e911.Point{Lat: math.Float64frombits(r.word()), Lon: math.Float64frombits(r.word())}
		r.bad = r.bad || !geo.Valid(ring[i])
	}
	r.bad = r.bad || len(ring) < 3
	return ring
}
